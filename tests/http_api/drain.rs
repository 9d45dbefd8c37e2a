//! Draining by HTTP: an admin sends new calls away and takes them again.

use audioroad::actors::{message::Drain, overload::Strain};
use audioroad::domain::UnixMs;
use serde_json::json;

use crate::station::{ADMIN_TOKEN, Station};

async fn order(station: &Station, method: &str, token: &str) -> crate::station::Answer {
    station
        .send(station.request(method, "/api/drain").bearer_auth(token))
        .await
}

#[actix_web::test]
async fn an_admin_drains_the_switch_and_takes_it_back() {
    let station = Station::open();
    for _ in 0..2 {
        let drained = order(&station, "POST", ADMIN_TOKEN).await;
        assert_eq!(
            (drained.status, &drained.json()["refusing"]["why"]),
            (200, &json!("drained"))
        );
    }
    let health = station.get("/health").await;
    assert_eq!(
        (health.status, &health.json()["sip"]),
        (503, &json!("draining"))
    );
    let taken = order(&station, "DELETE", ADMIN_TOKEN).await;
    assert_eq!(
        (taken.status, &taken.json()["refusing"]),
        (200, &json!(null))
    );
    assert_eq!(station.get("/health").await.status, 200);
}

#[actix_web::test]
async fn a_shutdown_cannot_be_taken_back() {
    let station = Station::open();
    let until = UnixMs(1_790_000_000_000);
    station
        .switchboard
        .send(Drain::GoDown { until })
        .await
        .unwrap()
        .unwrap();
    order(&station, "DELETE", ADMIN_TOKEN)
        .await
        .problem(409, "a shutdown");
    let asked = order(&station, "POST", ADMIN_TOKEN).await.json();
    assert_eq!(
        (&asked["refusing"]["why"], &asked["refusing"]["until"]),
        (&json!("shutting-down"), &json!(until))
    );
}

#[actix_web::test]
async fn only_an_admin_drains() {
    let station = Station::open();
    for role in ["producer", "host", "co-host", "screener", "viewer"] {
        let (_, token) = station.operator(&format!("A {role}"), role).await;
        for method in ["POST", "DELETE"] {
            order(&station, method, &token).await.problem(403, role);
        }
    }
    assert_eq!(station.get("/health").await.status, 200);
}

#[actix_web::test]
async fn an_overloaded_switch_is_not_healthy() {
    let station = Station::open();
    station.health.set_overload(vec![Strain::Ports]);
    let health = station.get("/health").await;
    assert_eq!(
        (health.status, &health.json()["refusing"]["strains"]),
        (503, &json!(["rtp-ports"]))
    );
}
