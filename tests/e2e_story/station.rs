//! A running switch with its people: who they are, their tones, how they come in.

use std::cell::RefCell;
use std::net::Ipv4Addr;
use std::rc::Rc;

use audioroad::phone::{Call, Hum, Phone};
use serde_json::json;

use crate::desk::{Browsers, Desk};
use crate::ear::Ears;
use crate::livekit_server::Rooms;
use crate::switch::{SOON, Switch};

/// Tones in Hz: between the notes of music tuned to 440 Hz, no multiple or difference of one another.
pub(crate) const ANN: u32 = 539;
pub(crate) const BEN: u32 = 762;
pub(crate) const HOST: u32 = 1142;
pub(crate) const SAM: u32 = 1358;
pub(crate) const SUE: u32 = 1663;
const TONES: [u32; 5] = [ANN, BEN, HOST, SAM, SUE];
/// Everybody's.
pub(crate) const PASSWORD: &str = "four words are enough";

pub(crate) struct Station {
    pub(crate) switch: Switch,
    browsers: Rc<RefCell<Browsers>>,
    ears: Ears,
    /// Where everybody meets; it goes after those who are in it.
    pub(crate) rooms: Rooms,
}

impl Station {
    /// A switch as it is at its first start.
    pub(crate) fn new(rooms: Rooms) -> Self {
        let ears = Ears::new(&TONES.map(|hz| hz as f32));
        Self {
            switch: rooms.switch(),
            browsers: Browsers::start(),
            ears,
            rooms,
        }
    }

    /// A station whose show is live with its lines open: Hanna is its host, Sam and Sue screen.
    pub(crate) fn on_air(rooms: Rooms) -> Self {
        let station = Self::new(rooms);
        station.switch.go_live();
        for (name, role) in [("Hanna", "host"), ("Sam", "screener"), ("Sue", "screener")] {
            let operator = json!({"name": name, "role": role, "password": PASSWORD});
            station.switch.ask("POST", "/api/operators", operator);
        }
        station
    }

    /// Somebody opens a browser.
    pub(crate) fn arrives(&self, name: &str, tone_hz: u32) -> Desk {
        Desk::arrive(&self.browsers, name, tone_hz, &TONES)
    }

    /// An operator opens a browser and signs in.
    pub(crate) fn signs_in(&self, name: &str, tone_hz: u32) -> Desk {
        let desk = self.arrives(name, tone_hz);
        desk.does("open", json!([self.switch.url("/")]));
        desk.does("signIn", json!([name, PASSWORD]));
        desk
    }

    /// A caller places a call, whatever comes of it.
    pub(crate) fn dials(&self, name: &str, tone_hz: u32) -> Call {
        let number = format!("+1555010{tone_hz:04}");
        let phone = Phone::new(Ipv4Addr::LOCALHOST.into())
            .number(&number)
            .name(name);
        phone
            .call(self.switch.sip(), "lobby", Hum::new(tone_hz as f32, 0.2))
            .expect("a phone")
    }

    /// A caller calls and is answered.
    pub(crate) fn rings(&self, name: &str, tone_hz: u32) -> Call {
        let call = self.dials(name, tone_hz);
        call.wait_answered(SOON).expect("the switch answers");
        call
    }

    /// The caller hears exactly these tones.
    pub(crate) fn hears(&self, who: &str, call: &Call, tones: &[u32]) {
        let tones: Vec<f32> = tones.iter().map(|hz| *hz as f32).collect();
        self.ears.hears(who, call, &tones);
    }

    /// The caller hears greeting or music, and nobody.
    pub(crate) fn waits(&self, who: &str, call: &Call) {
        self.ears.waits(who, call);
    }

    /// The caller hears this tone, and no music or voice beside it.
    pub(crate) fn hears_nothing_but(&self, who: &str, call: &Call, tone_hz: u32) {
        self.ears.hears_only(who, call, tone_hz as f32);
    }
}
