//! A show as its people live it: operators click in Chromium, callers phone in, everybody has a tone of their own.
//!
//! It needs Chromium and Node.js, so `make test` runs it. Screenshots of the way stay in `build/screenshots`.

#[path = "e2e_story/desk.rs"]
mod desk;
#[path = "common/ear.rs"]
mod ear;
#[path = "common/switch.rs"]
#[expect(dead_code, reason = "the other half of it is for tests/phones.rs")]
mod switch;

use std::cell::RefCell;
use std::net::Ipv4Addr;
use std::rc::Rc;

use audioroad::media::tone::ToneDetector;
use audioroad::phone::{Call, End, Hum, Phone};
use serde_json::{Value, json};

use desk::{Browsers, Desk};
use ear::{Ears, level_dbfs, samples};
use switch::{SOON, Switch, text};

/// Tones in Hz: between the notes of music tuned to 440 Hz, no multiple or difference of one another.
const ANN: u32 = 539;
const BEN: u32 = 762;
const HOST: u32 = 1142;
const SAM: u32 = 1358;
const SUE: u32 = 1663;
const TONES: [u32; 5] = [ANN, BEN, HOST, SAM, SUE];
const PASSWORD: &str = "four words are enough";

/// A switch, browsers, and the people of the show.
struct Station {
    switch: Switch,
    browsers: Rc<RefCell<Browsers>>,
    ears: Ears,
}

impl Station {
    fn new() -> Self {
        let ears = Ears::new(&TONES.map(|hz| hz as f32));
        Self { switch: Switch::start(&[]), browsers: Browsers::start(), ears }
    }

    /// A station whose show is live with its lines open.
    fn on_air() -> Self {
        let station = Self::new();
        station.switch.go_live();
        for (name, role) in [("Hanna", "host"), ("Sam", "screener"), ("Sue", "screener")] {
            let operator = json!({"name": name, "role": role, "password": PASSWORD});
            station.switch.ask("POST", "/api/operators", operator);
        }
        station
    }

    fn arrives(&self, name: &str, tone_hz: u32) -> Desk {
        Desk::arrive(&self.browsers, name, tone_hz, &TONES)
    }

    fn signs_in(&self, name: &str, tone_hz: u32) -> Desk {
        let desk = self.arrives(name, tone_hz);
        desk.does("open", json!([self.switch.url("/")]));
        desk.does("signIn", json!([name, PASSWORD]));
        desk
    }

    fn rings(&self, name: &str, number: &str, tone_hz: u32) -> Call {
        let phone = Phone::new(Ipv4Addr::LOCALHOST.into()).number(number).name(name);
        let call = phone.call(self.switch.sip(), "lobby", Hum::new(tone_hz as f32, 0.2)).expect("a phone");
        call.wait_answered(SOON).expect("the switch answers");
        call
    }

    fn phone_hears(&self, who: &str, call: &Call, tones: &[u32]) {
        let tones: Vec<f32> = tones.iter().map(|hz| *hz as f32).collect();
        self.ears.hears(who, call, &tones);
    }
}

/// The tone is all there is: no music, no voice beside it.
fn hears_nothing_but(who: &str, call: &Call, tone_hz: u32) {
    let heard = call.listen(50, SOON).expect("audio comes");
    let tone = ToneDetector::new(8000, &[tone_hz as f32]).levels_dbfs(&samples(&heard))[0];
    let all = level_dbfs(&heard);
    assert!(all - tone < 0.5, "{who} hears more than {tone_hz} Hz: {tone} of {all} dBFS");
}

#[test]
#[ignore = "needs Chromium: make test"]
fn from_an_empty_switch_to_the_end_of_a_show() {
    let station = Station::new();
    set_up_by_clicks(&station);
    let host = station.signs_in("Hanna", HOST);
    let sam = station.signs_in("Sam", SAM);
    host.does("goLive", json!([]));
    host.does("openLines", json!([]));
    host.does("joinStudio", json!([]));
    host.does("waitForRoom", json!(["in"]));

    let ann = station.rings("Ann", "+15550100201", ANN);
    station.ears.waits("Ann in the lobby", &ann);
    let ann_id = sam.does("waitForCaller", json!(["Ann"]));
    assert_eq!(sam.does("text", json!(["wait-timer"])).as_str().map(|wait| wait.contains(':')), Some(true));
    sam.does("pictures", json!(["screener-lobby"]));

    sam.does("pickUp", json!([ann_id]));
    sam.does("waitForCard", json!([ann_id]));
    sam.does("waitForRoom", json!(["in"]));
    sam.hears(&[ANN]);
    station.phone_hears("Ann in screening", &ann, &[SAM]);
    hears_nothing_but("Ann in screening", &ann, SAM);
    host.hears(&[]);
    let card = json!({"name": "Ann Olsen", "location": "Duluth", "point": "The tolls are too high", "notes": "calm"});
    sam.does("fillCard", json!([card]));
    sam.does("pictures", json!(["screener-card"]));

    sam.does("approveNext", json!([]));
    host.does("waitForStatus", json!([ann_id, "on-hold"]));
    host.does("seeText", json!(["next-card", "The tolls are too high"]));
    host.does("pictures", json!(["host-next"]));
    station.phone_hears("Ann on hold", &ann, &[HOST]);
    sam.does("waitForRoom", json!(["out"]));

    host.does("next", json!([]));
    host.does("waitForStatus", json!([ann_id, "on-air"]));
    host.hears(&[ANN]);
    station.phone_hears("Ann on air", &ann, &[HOST]);
    host.does("pictures", json!(["host-on-air"]));
    sam.does("pictures", json!(["screener-on-air"]));

    let ben = station.rings("Ben", "+15550100202", BEN);
    let ben_id = sam.does("waitForCaller", json!(["Ben"]));
    sam.does("pickUp", json!([ben_id]));
    sam.does("waitForRoom", json!(["in"]));
    sam.hears(&[BEN]);
    station.phone_hears("Ann beside an interview", &ann, &[HOST]);
    sam.does("approve", json!([]));
    host.does("waitForStatus", json!([ben_id, "on-hold"]));
    station.phone_hears("Ben on hold", &ben, &[ANN, HOST]);

    host.does("setMuted", json!([ann_id, true]));
    station.phone_hears("Ben while Ann is muted", &ben, &[HOST]);
    host.hears(&[]);
    host.does("pictures", json!(["host-muted"]));
    host.does("setMuted", json!([ann_id, false]));
    station.phone_hears("Ben when Ann is back", &ben, &[ANN, HOST]);

    host.does("hold", json!([ann_id]));
    host.does("waitForStatus", json!([ann_id, "on-hold"]));
    host.hears(&[]);
    station.phone_hears("Ann on hold again", &ann, &[HOST]);
    host.does("putOnAir", json!([ann_id]));
    host.does("waitForStatus", json!([ann_id, "on-air"]));
    host.hears(&[ANN]);
    host.does("drop", json!([ann_id]));
    host.does("waitUntilGone", json!([ann_id]));
    let end = ann.wait_ended(SOON);
    assert!(matches!(end, Ok(End::FarEndHungUp { .. })), "{end:?}");

    host.does("endShow", json!([]));
    host.does("see", json!(["no-episode"]));
    ben.wait_ended(SOON).expect("the show's end is the end of its calls");
    let row = station.switch.call_once(ben.sip_call_id(), |row| row["status"] == "completed");
    assert_eq!(row["cause"], "show-ended");
}

/// The printed link, then show, episode and operators, as a newcomer makes them.
fn set_up_by_clicks(station: &Station) {
    let admin = station.arrives("Admin", SUE);
    let link = station.switch.said("/sign-in?token=");
    let token = link.split_once("/sign-in").expect("a link").1;
    admin.does("open", json!([station.switch.url(&format!("/sign-in{token}"))]));
    admin.does("waitUntilConnected", json!([]));
    admin.does("open", json!([station.switch.url("/admin?section=shows")]));
    admin.does("makeShow", json!([{"name": "Road Talk", "slug": "road-talk", "number": "+1 555 010 0000"}]));
    admin.does("open", json!([station.switch.url("/admin?section=episodes")]));
    admin.does("makeEpisode", json!(["Tolls"]));
    admin.does("open", json!([station.switch.url("/admin?section=operators")]));
    admin.does("makeOperator", json!(["Hanna", "host", PASSWORD]));
    admin.does("makeOperator", json!(["Sam", "screener", PASSWORD]));
    admin.does("pictures", json!(["admin-operators"]));
    admin.does("leave", json!([]));
}

#[test]
#[ignore = "needs Chromium: make test"]
fn what_may_not_be_is_refused_in_words() {
    let station = Station::on_air();
    let (sam, sue) = (station.signs_in("Sam", SAM), station.signs_in("Sue", SUE));
    let ann = station.rings("Ann", "+15550100201", ANN);
    let id = sam.does("waitForCaller", json!(["Ann"]));
    assert_eq!(sue.does("waitForCaller", json!(["Ann"])), id);

    // Sue's line is slow: she still sees Ann waiting when Sam has taken her.
    sue.does("holdFrames", json!([true]));
    sam.does("pickUp", json!([id]));
    sam.does("waitForCard", json!([id]));
    sue.does("pickUp", json!([id]));
    sue.does("holdFrames", json!([false]));
    let refusal = sue.does("refusal", json!([]));
    assert_eq!(refusal, "Sam has this caller.");
    sue.does("pictures", json!(["screener-refused"]));
    sam.hears(&[ANN]);
    station.phone_hears("Ann", &ann, &[SAM]);

    sam.does("approve", json!([]));
    sue.does("waitForStatus", json!([id, "on-hold"]));
    let answer = sam.does("ask", json!([{"command": "put-on-air", "callId": id}]));
    assert_eq!((&answer["type"], &answer["status"]), (&json!("refused"), &json!(403)), "{answer}");
    let row = station.switch.ask("GET", &format!("/api/calls/{}", text(&id)), Value::Null);
    assert_eq!(row["status"], "on-hold");
}

#[test]
#[ignore = "needs Chromium: make test"]
fn busy_lines_turn_new_callers_away() {
    let station = Station::on_air();
    let sam = station.signs_in("Sam", SAM);
    let ann = station.rings("Ann", "+15550100201", ANN);
    sam.does("waitForCaller", json!(["Ann"]));
    sam.does("busyAll", json!([true]));
    sam.does("pictures", json!(["screener-busy"]));
    let phone = Phone::new(Ipv4Addr::LOCALHOST.into()).number("+15550100202");
    let refused = phone.call(station.switch.sip(), "lobby", Hum::new(BEN as f32, 0.2)).expect("a phone");
    assert_eq!(refused.wait_ended(SOON), Ok(End::Refused { status: 486 }));
    station.ears.waits("Ann, who is in", &ann);
    sam.does("busyAll", json!([false]));
    let _ben = station.rings("Ben", "+15550100203", BEN);
    sam.does("waitForCaller", json!(["Ben"]));
}

#[test]
#[ignore = "needs Chromium: make test"]
fn a_lost_connection_heals_by_itself() {
    let mut station = Station::on_air();
    let (host, sam) = (station.signs_in("Hanna", HOST), station.signs_in("Sam", SAM));
    host.does("joinStudio", json!([]));
    host.does("waitForRoom", json!(["in"]));
    let lost = station.rings("Ann", "+15550100201", ANN);
    let id = sam.does("waitForCaller", json!(["Ann"]));
    sam.does("pickUp", json!([id]));
    sam.does("waitForRoom", json!(["in"]));

    station.switch.kill();
    for desk in [&host, &sam] {
        desk.does("waitUntilLost", json!([]));
    }
    host.does("pictures", json!(["host-lost"]));
    station.switch.run();
    for desk in [&host, &sam] {
        desk.does("waitUntilConnected", json!([]));
    }
    sam.does("waitUntilGone", json!([format!("{}\"][data-status=\"screening", text(&id))]));
    sam.does("waitForRoom", json!(["out"]));
    host.does("waitForRoom", json!(["in"]));
    drop(lost);

    let ben = station.rings("Ben", "+15550100202", BEN);
    let id = sam.does("waitForCaller", json!(["Ben"]));
    sam.does("pickUp", json!([id]));
    sam.hears(&[BEN]);
    sam.does("approve", json!([]));
    station.phone_hears("Ben on hold", &ben, &[HOST]);
    host.does("next", json!([]));
    host.hears(&[BEN]);
    host.does("pictures", json!(["host-healed"]));
}

/// From the press to the change on the page, there and back through the switch.
#[test]
#[ignore = "needs Chromium: make test"]
fn a_press_is_echoed_at_once() {
    const PRESSES: usize = 15;
    const MEDIAN_MS_MAX: f64 = 500.0;
    let station = Station::on_air();
    let sam = station.signs_in("Sam", SAM);
    let _ann = station.rings("Ann", "+15550100201", ANN);
    let id = sam.does("waitForCaller", json!(["Ann"]));
    let mut echoes = Vec::new();
    for _ in 0..PRESSES {
        echoes.push(sam.does("pickUpTimed", json!([id])).as_f64().expect("milliseconds"));
        sam.does("backToLobby", json!([]));
    }
    echoes.sort_by(f64::total_cmp);
    let (median, slowest) = (echoes[PRESSES / 2], echoes[PRESSES - 1]);
    println!("press to echo: median {median:.1} ms, slowest {slowest:.1} ms of {PRESSES} pick-ups");
    assert!(median < MEDIAN_MS_MAX, "{echoes:?}");
}
