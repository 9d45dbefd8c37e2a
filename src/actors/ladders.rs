//! The ladders of recent calls, in one place: the SIP actor writes them, the switchboard says whose they are, the web reads.
//!
//! The lock is held for the length of one copy and by no media thread.

mod view;

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
    time::Instant,
};

use crate::{
    actors::clock,
    domain::CallId,
    sip::{
        Source, Transmit,
        ladder::{Ladder, Ladders},
    },
};

pub use view::{LadderView, RecentCall, RungView};

/// Where the ladders are kept; nowhere, when they are switched off.
#[derive(Clone)]
pub struct LadderBook {
    ladders: Option<Arc<Mutex<Ladders>>>,
    /// One instant on both clocks.
    epoch: (Instant, u64),
}

/// One ladder as it was when it was asked for.
pub struct Sheet {
    ladder: Ladder,
    began_unix_ms: u64,
}

/// Which ladder.
#[derive(Clone, Copy, Debug)]
pub enum Which {
    /// That of a call.
    Call(CallId),
    /// By its number.
    Number(u64),
}

impl LadderBook {
    /// Keeps the ladders of calls that are up, and of the last `over_max` that are over; with zero, none at all.
    pub fn new(over_max: usize) -> Self {
        let ladders = (over_max > 0).then(|| Arc::new(Mutex::new(Ladders::new(over_max))));
        Self {
            ladders,
            epoch: (clock::now(), clock::unix_ms()),
        }
    }

    /// Whether ladders are kept.
    pub fn is_on(&self) -> bool {
        self.ladders.is_some()
    }

    /// A message that the gate has let in. `listed`: a trunk lists its sender.
    pub fn received(&self, source: &Source, octets: &[u8], listed: bool) {
        self.with(|ladders| ladders.received(clock::now(), source, octets, listed));
    }

    /// A message on its way out. `closed`: why all new calls are sent away just now.
    pub fn sent(&self, out: &Transmit, closed: Option<&str>, ours: impl FnOnce() -> SocketAddr) {
        self.with(|ladders| ladders.sent(clock::now(), out, closed, ours));
    }

    /// The INVITE that was just received is taken.
    pub fn accepted(&self, call_id: &str, trunk: &str) {
        self.with(|ladders| ladders.accepted(call_id, trunk));
    }

    /// The INVITE that was just received is refused at the gate.
    pub fn refused(&self, call_id: &str, trunk: &str, cause: &str) {
        self.with(|ladders| ladders.refused(clock::now(), call_id, trunk, cause));
    }

    /// The call is sent away for this reason.
    pub fn turned_away(&self, call_id: &str, why: &str) {
        self.with(|ladders| ladders.turned_away(call_id, why));
    }

    /// Something happened that no message tells.
    pub fn noted(&self, call_id: &str, note: String) {
        self.with(|ladders| ladders.noted(clock::now(), call_id, note));
    }

    /// The call of this Call-ID has this id.
    pub fn tie(&self, call_id: &str, call: CallId) {
        self.with(|ladders| ladders.tie(call_id, call.0));
    }

    /// The call has ended.
    pub fn ended(&self, call: CallId, cause: &str) {
        self.with(|ladders| ladders.ended(clock::now(), call.0, cause));
    }

    /// A ladder as it is now.
    pub fn sheet(&self, which: Which) -> Option<Sheet> {
        let ladder = self.with(|ladders| {
            let found = match which {
                Which::Call(call) => ladders.of_call(call.0),
                Which::Number(number) => ladders.get(number),
            };
            found.cloned()
        });
        let ladder = ladder.flatten()?;
        Some(Sheet {
            began_unix_ms: self.unix_ms(ladder.began),
            ladder,
        })
    }

    /// The `most` calls that came last, the youngest first.
    pub fn recent(&self, most: usize, hide_numbers: bool) -> Vec<RecentCall> {
        self.with(|ladders| {
            let recent = ladders.recent().take(most);
            recent
                .map(|ladder| RecentCall::new(ladder, self.unix_ms(ladder.began), hide_numbers))
                .collect()
        })
        .unwrap_or_default()
    }

    fn unix_ms(&self, at: Instant) -> u64 {
        let since = at.saturating_duration_since(self.epoch.0).as_millis();
        self.epoch.1 + u64::try_from(since).unwrap_or_default()
    }

    fn with<R>(&self, work: impl FnOnce(&mut Ladders) -> R) -> Option<R> {
        let ladders = self.ladders.as_ref()?;
        let mut ladders = ladders.lock().unwrap_or_else(PoisonError::into_inner);
        Some(work(&mut ladders))
    }
}

impl Sheet {
    /// As JSON.
    pub fn view(&self, hide_numbers: bool) -> LadderView {
        LadderView::new(&self.ladder, self.began_unix_ms, hide_numbers)
    }

    /// As text: the drawing, then the messages.
    pub fn text(&self, hide_numbers: bool) -> String {
        let call = self.ladder.call.map(|id| CallId(id).to_string());
        self.ladder
            .draw(self.began_unix_ms, call.as_deref(), hide_numbers)
    }

    /// As a capture file.
    pub fn pcap(&self, hide_numbers: bool) -> Vec<u8> {
        self.ladder.pcap(self.began_unix_ms, hide_numbers)
    }
}
