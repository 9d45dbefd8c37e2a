//! Signing in and out, what the cookie is worth, and pages of others that would like to use it.

use audioroad::actors::clock;
use serde_json::json;

use crate::station::{Answer, NOBODY, PASSWORD, Station};

/// A request of a browser that is signed in, from a page of `origin`.
async fn browser(
    station: &Station,
    method: &str,
    path: &str,
    token: &str,
    origin: Option<&str>,
) -> Answer {
    let request = station
        .request(method, path)
        .header("cookie", format!("audioroad_session={token}"));
    let request = origin
        .iter()
        .fold(request, |request, origin| request.header("origin", *origin));
    let request = if method == "GET" {
        request
    } else {
        request.json(&json!({ "name": "Noon", "slug": "noon" }))
    };
    station.send(request).await
}

#[actix_web::test]
async fn a_password_opens_a_session_that_scripts_cannot_read() {
    let station = Station::open();
    let (id, token) = station.operator("Ada", "host").await;
    let signed_in = station.sign_in(" ada ", PASSWORD).await;
    assert_eq!(
        signed_in.json(),
        json!({ "operator": { "id": id, "name": "Ada", "role": "host" } })
    );
    let cookie = signed_in.header("set-cookie");
    for attribute in ["HttpOnly", "SameSite=Strict", "Path=/", "Max-Age=43200"] {
        assert!(cookie.contains(attribute), "{cookie}");
    }
    assert!(!cookie.contains("Secure"), "plain HTTP: {cookie}");
    let me = browser(&station, "GET", "/api/session", &token, None).await;
    assert_eq!(me.json()["operator"]["name"], "Ada");
    let as_bearer = station
        .send(station.request("GET", "/api/session").bearer_auth(&token))
        .await;
    assert_eq!(as_bearer.status, 200);
}

#[actix_web::test]
async fn over_tls_the_cookie_keeps_to_it() {
    let station = Station::open();
    station.operator("Ada", "host").await;
    let body = json!({ "name": "Ada", "password": PASSWORD });
    let proxied = station
        .request("POST", "/api/session")
        .header("x-forwarded-proto", "https")
        .json(&body);
    assert!(
        station
            .send(proxied)
            .await
            .header("set-cookie")
            .contains("Secure")
    );
}

#[actix_web::test]
async fn a_wrong_password_and_a_wrong_name_look_the_same() {
    let station = Station::open();
    station.operator("Ada", "host").await;
    let wrong_password = station
        .sign_in("Ada", "wrong horse")
        .await
        .problem(401, "wrong password");
    let wrong_name = station
        .sign_in("Bob", PASSWORD)
        .await
        .problem(401, "wrong name");
    assert_eq!(wrong_password, wrong_name);
}

#[actix_web::test]
async fn guessing_ends_after_ten_even_for_who_knows() {
    let station = Station::open();
    station.operator("Ada", "host").await;
    for _ in 0..10 {
        station
            .sign_in("Ada", "wrong horse")
            .await
            .problem(401, "a guess");
    }
    station
        .sign_in("Ada", PASSWORD)
        .await
        .problem(429, "the eleventh");
}

#[actix_web::test]
async fn the_link_works_once_and_makes_the_first_admin() {
    let station = Station::open();
    let token = station.accounts.issue_link(clock::utc());
    let by_link = |token: &str| {
        let body = json!({ "token": token });
        station.send(station.request("POST", "/api/session/link").json(&body))
    };
    by_link("guess").await.problem(401, "a guess");
    let signed_in = by_link(&token).await;
    assert_eq!(
        signed_in.json()["operator"]["role"],
        "admin",
        "{}",
        signed_in.text
    );
    assert!(signed_in.session().is_some());
    by_link(&token).await.problem(401, "again");

    let late = station
        .accounts
        .issue_link(clock::utc().plus_ms(-30 * 60 * 1000));
    by_link(&late).await.problem(401, "half an hour later");

    let next = station.accounts.issue_link(clock::utc());
    let same = by_link(&next).await;
    assert_eq!(
        same.json()["operator"]["id"],
        signed_in.json()["operator"]["id"],
        "the same admin"
    );
}

#[actix_web::test]
async fn signing_out_ends_the_session_everywhere() {
    let station = Station::open();
    let (_, token) = station.operator("Ada", "host").await;
    let elsewhere = station.sign_in("Ada", PASSWORD).await.session().unwrap();
    let origin = station.url.clone();
    let out = browser(&station, "DELETE", "/api/session", &token, Some(&origin)).await;
    assert_eq!((out.status, out.session()), (204, None), "{}", out.text);
    for token in [&token, &elsewhere] {
        browser(&station, "GET", "/api/session", token, None)
            .await
            .problem(401, "after");
    }
    let again = station.sign_in("Ada", PASSWORD).await.session().unwrap();
    assert_eq!(
        browser(&station, "GET", "/api/session", &again, None)
            .await
            .status,
        200
    );
}

#[actix_web::test]
async fn another_page_can_change_nothing_with_the_cookie() {
    let station = Station::open();
    let (_, token) = station.operator("Ada", "admin").await;
    let near = station.url.replace("127.0.0.1", "localhost");
    for origin in [
        None,
        Some("http://evil.example"),
        Some("null"),
        Some(near.as_str()),
    ] {
        let refused = browser(&station, "POST", "/api/shows", &token, origin).await;
        refused.problem(403, &format!("{origin:?}"));
        browser(&station, "DELETE", "/api/session", &token, origin)
            .await
            .problem(403, "sign out");
        let path = format!("/api/operators/{NOBODY}");
        browser(&station, "PATCH", &path, &token, origin)
            .await
            .problem(403, "operators");
    }
    assert_eq!(station.get("/api/shows").await.text, "[]");
    let own = station.url.clone();
    assert_eq!(
        browser(&station, "POST", "/api/shows", &token, Some(&own))
            .await
            .status,
        201
    );
}

#[actix_web::test]
async fn another_page_cannot_sign_a_browser_in() {
    let station = Station::open();
    station.operator("Ada", "host").await;
    let body = json!({ "name": "Ada", "password": PASSWORD });
    let request = station
        .request("POST", "/api/session")
        .header("origin", "http://evil.example")
        .json(&body);
    let refused = station.send(request).await;
    refused.problem(403, "sign in");
    assert_eq!(refused.session(), None);
}

#[actix_web::test]
async fn disabling_a_new_password_and_a_new_role_count_at_once() {
    let station = Station::open();
    let (id, token) = station.operator("Ben", "screener").await;
    let path = format!("/api/operators/{id}");
    let me = || browser(&station, "GET", "/api/session", &token, None);
    assert_eq!(
        station
            .patch(&path, json!({ "role": "producer" }))
            .await
            .status,
        200
    );
    assert_eq!(me().await.json()["operator"]["role"], "producer");
    assert_eq!(
        station
            .patch(&path, json!({ "password": "another horse" }))
            .await
            .status,
        200
    );
    me().await
        .problem(401, "with the session of the old password");
    station
        .sign_in("Ben", PASSWORD)
        .await
        .problem(401, "with the old password");
    let token = station
        .sign_in("Ben", "another horse")
        .await
        .session()
        .unwrap();
    assert_eq!(
        station
            .patch(&path, json!({ "disabled": true }))
            .await
            .status,
        200
    );
    browser(&station, "GET", "/api/session", &token, None)
        .await
        .problem(401, "disabled");
    station
        .sign_in("Ben", "another horse")
        .await
        .problem(401, "disabled");
}

#[actix_web::test]
async fn accounts_have_a_name_of_their_own_a_password_and_one_admin_left() {
    let station = Station::open();
    let (id, _) = station.operator("Ada", "admin").await;
    let create = |name: &str, password: &str| {
        let body = json!({ "name": name, "role": "host", "password": password });
        station
            .request("POST", "/api/operators")
            .bearer_auth(crate::station::ADMIN_TOKEN)
            .json(&body)
    };
    station
        .send(create("ADA ", PASSWORD))
        .await
        .problem(409, "the same name");
    station
        .send(create(" ", PASSWORD))
        .await
        .problem(400, "no name");
    station
        .send(create("Bea", "short"))
        .await
        .problem(400, "a short password");
    station
        .patch(&format!("/api/operators/{id}"), json!({ "role": "host" }))
        .await
        .problem(409, "the last admin");
    station
        .patch(&format!("/api/operators/{id}"), json!({ "disabled": true }))
        .await
        .problem(409, "the last admin");
    let listed = station.get("/api/operators").await;
    assert!(!listed.text.contains("argon2"), "{}", listed.text);
    assert_eq!(listed.json()[0]["hasPassword"], true);
}
