//! The dashboards' files and the headers that keep a browser to them. The dashboards may not have been built: both are right.

use crate::station::Station;

#[actix_web::test]
async fn every_answer_keeps_the_browser_to_us() {
    let station = Station::open();
    for path in ["/", "/host", "/api/nothing", "/health"] {
        let answer = station.send(station.request("GET", path)).await;
        let policy = answer.header("content-security-policy");
        for part in [
            "default-src 'self'",
            "frame-ancestors 'none'",
            "object-src 'none'",
            "connect-src 'self' ws: wss:",
        ] {
            assert!(policy.contains(part), "{path}: {policy}");
        }
        assert!(!policy.contains("unsafe"), "{policy}");
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(answer.header("referrer-policy"), "no-referrer", "{path}");
    }
}

#[actix_web::test]
async fn pages_of_the_dashboards_are_one_file_or_say_how_to_build_it() {
    let station = Station::open();
    let root = station.send(station.request("GET", "/")).await;
    if root.status == 503 {
        assert!(root.text.contains("make assets"), "{}", root.text);
        return;
    }
    assert_eq!(
        (root.status, root.header("cache-control")),
        (200, "no-cache")
    );
    for path in ["/host", "/screener", "/admin", "/sign-in?token=x"] {
        assert_eq!(
            station.send(station.request("GET", path)).await.text,
            root.text,
            "{path}"
        );
    }
    let tag = root.header("etag").to_owned();
    assert!(tag.len() > 20, "{tag}");
    let again = station
        .send(station.request("GET", "/").header("if-none-match", &tag))
        .await;
    assert_eq!(
        (again.status, again.text.as_str(), again.header("etag")),
        (304, "", tag.as_str())
    );

    let script = root
        .text
        .split('"')
        .find(|part| part.starts_with("/assets/") && part.ends_with(".js"))
        .unwrap();
    let script = station.send(station.request("GET", script)).await;
    assert_eq!(
        script.header("content-type").split(';').next(),
        Some("text/javascript")
    );
    assert!(
        script.header("cache-control").contains("immutable"),
        "{}",
        script.header("cache-control")
    );
}

#[actix_web::test]
async fn no_file_beside_the_dashboards_can_be_had() {
    let station = Station::open();
    for path in [
        "/../Cargo.toml",
        "/..%2fCargo.toml",
        "/assets/../../Cargo.toml",
        "/%2e%2e/Cargo.toml",
        "//etc/passwd.txt",
        "/.git/config.x",
    ] {
        let answer = station.send(station.request("GET", path)).await;
        assert!(!answer.text.contains("[package]"), "{path}");
        answer.problem(404, path);
    }
}
