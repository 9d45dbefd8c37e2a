//! The whole switch on PostgreSQL: a show is kept there, and a database that dies in mid-show stops no call and loses no row.

#[path = "common/postgres.rs"]
#[expect(dead_code, reason = "the other half of it is for tests/store")]
mod postgres;
#[path = "common/switch.rs"]
#[expect(dead_code, reason = "the other half of it is for other tests")]
mod switch;

use std::net::Ipv4Addr;

use audioroad::phone::{Call, End, Hum, Phone};
use serde_json::json;

use postgres::Postgres;
use switch::{SOON, Switch, eventually};

/// One second of frames.
const SECOND: usize = 50;

fn ring(switch: &Switch, number: &str) -> Call {
    let phone = Phone::new(Ipv4Addr::LOCALHOST.into()).number(number);
    let call = phone
        .call(switch.sip(), "lobby", Hum::new(539.0, 0.2))
        .expect("a phone");
    call.wait_answered(SOON).expect("the switch answers");
    call.listen(SECOND, SOON).expect("the switch sends audio");
    call
}

#[test]
fn a_show_is_kept_through_the_death_of_the_database() {
    let server = Postgres::new();
    let database = server.database();
    let switch = Switch::start(&[("DATABASE_URL", &database)]);
    switch.go_live();
    let rows = |query: &str| server.sql(&database, query);

    let first = ring(&switch, "+15550100301");
    let row = switch.call_once(first.sip_call_id(), |row| row["ringing"] == false);
    switch.press(json!({"command": "drop", "callId": row["id"]}));
    assert!(matches!(
        first.wait_ended(SOON),
        Ok(End::FarEndHungUp { .. })
    ));
    let kept = "SELECT status || ' ' || cause FROM calls JOIN callers ON callers.id = caller_id WHERE number = ";
    eventually("the first call in the books", || {
        let found = rows(&format!("{kept}'+15550100301'"));
        if found.contains("completed dropped") {
            Ok(())
        } else {
            Err(found)
        }
    });

    let through = ring(&switch, "+15550100302");
    server.stop();
    let meanwhile = ring(&switch, "+15550100303");
    meanwhile.hang_up();
    meanwhile.wait_ended(SOON).expect("a BYE");
    through
        .listen(2 * SECOND, SOON)
        .expect("audio goes on without a database");
    eventually("health that says so", || {
        let (_, health) = switch.api("GET", "/health", json!(null));
        if health["database"] == "down" {
            Ok(())
        } else {
            Err(health.to_string())
        }
    });
    through.hang_up();
    through.wait_ended(SOON).expect("a BYE");

    server.start();
    for number in ["+15550100302", "+15550100303"] {
        eventually("the rows of the outage", || {
            let found = rows(&format!("{kept}'{number}'"));
            if found.contains("completed caller-hung-up") {
                Ok(())
            } else {
                Err(found)
            }
        });
    }
    let doubled = rows("SELECT count(*) - count(DISTINCT sip_call_id) FROM calls");
    assert!(doubled.contains('0'), "{doubled}");
}
