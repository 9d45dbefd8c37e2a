//! The WebSocket of one link, on a worker of its own: a server that is slow to read or to answer never delays audio.
//!
//! ```text
//! task → Signal::wish → Worker → SignalClient → WebSocket
//! task ← Signal::next ← Worker ← SignalEvents ←
//! ```
//!
//! Wishes are carried out in order. A later attempt calls off the one under way. Every attempt has a number, and what
//! belongs to a former one is not heard any more. Limits: [`WISHES_MAX`] wishes wait; a frame that the socket does not take
//! within [`SEND_MAX`] is lost and with it the connection; old connections are closed aside, within [`CLOSE_MAX`].

mod client;
#[cfg(test)]
mod tests;
mod worker;

use std::cell::RefCell;
use std::net::IpAddr;
use std::rc::Rc;
use std::time::Duration;

use livekit_protocol as proto;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use self::worker::Worker;
use super::site::RoomSite;
use crate::livekit::{RoomPass, SignalFailure};

/// Wishes that may wait for the worker.
const WISHES_MAX: usize = 256;
/// How long the socket may take to take a frame.
const SEND_MAX: Duration = Duration::from_secs(1);
/// How long the server may take to close a connection that we leave.
const FAREWELL_MAX: Duration = Duration::from_millis(500);
/// How long a connection may take to close.
const CLOSE_MAX: Duration = Duration::from_secs(4);

/// What the worker is asked for.
#[derive(Debug)]
pub(super) enum Wish {
    Join,
    Resume(proto::ReconnectReason),
    Send(Box<proto::signal_request::Message>),
    Reconnected,
    Disconnect,
}

/// What the worker has to tell.
#[derive(Debug)]
pub(super) enum Heard {
    /// With the addresses that the server's name stands for.
    Joined(Box<proto::JoinResponse>, Vec<IpAddr>),
    JoinFailed(SignalFailure),
    Resumed(Box<proto::ReconnectResponse>),
    ResumeFailed(SignalFailure),
    Message(Box<proto::signal_response::Message>),
    Closed(String),
}

/// What is still to be answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Asked {
    Nothing,
    Join,
    Resume,
}

/// The way to the worker.
pub(super) struct Signal {
    wishes: mpsc::Sender<(u32, Wish)>,
    heard: mpsc::Receiver<(u32, Heard)>,
    attempt: u32,
    asked: Asked,
    worker: JoinSet<()>,
}

impl Signal {
    /// Starts a worker, which does nothing yet. Joins are made with the pass as it is then.
    pub(super) fn start(room: Rc<RoomSite>, pass: Rc<RefCell<RoomPass>>) -> Self {
        let (wishes, inbox) = mpsc::channel(WISHES_MAX);
        let (tell, heard) = mpsc::channel(WISHES_MAX);
        let mut worker = JoinSet::new();
        worker.spawn_local(Worker::new(room, pass, inbox, tell).run());
        Self {
            wishes,
            heard,
            attempt: 0,
            asked: Asked::Nothing,
            worker,
        }
    }

    /// Asks for something. False when too much is waiting: it is not done.
    pub(super) fn wish(&mut self, wish: Wish) -> bool {
        match &wish {
            Wish::Join => self.begin(Asked::Join),
            Wish::Resume(_) => self.begin(Asked::Resume),
            Wish::Disconnect => self.begin(Asked::Nothing),
            Wish::Send(_) | Wish::Reconnected => {}
        }
        self.wishes.try_send((self.attempt, wish)).is_ok()
    }

    /// What there is to hear. `None`: the worker is no more.
    pub(super) async fn next(&mut self) -> Option<Heard> {
        loop {
            let (attempt, heard) = self.heard.recv().await?;
            if attempt == self.attempt {
                self.settle(&heard);
                return Some(heard);
            }
        }
    }

    /// What the link has to hear when the worker is no more.
    pub(super) fn epitaph(&self) -> Heard {
        let why = "its task ended".to_owned();
        match self.asked {
            Asked::Nothing => Heard::Closed(why),
            Asked::Join => Heard::JoinFailed(SignalFailure::Unreachable(why)),
            Asked::Resume => Heard::ResumeFailed(SignalFailure::Unreachable(why)),
        }
    }

    /// Lets the worker carry out what it was asked for, and waits for its end.
    pub(super) async fn finish(self) {
        let Self {
            wishes,
            heard,
            mut worker,
            ..
        } = self;
        drop((wishes, heard));
        while worker.join_next().await.is_some() {}
    }

    fn begin(&mut self, asked: Asked) {
        self.attempt = self.attempt.wrapping_add(1);
        self.asked = asked;
    }

    fn settle(&mut self, heard: &Heard) {
        match heard {
            Heard::Joined(..)
            | Heard::JoinFailed(_)
            | Heard::Resumed(_)
            | Heard::ResumeFailed(_) => {
                self.asked = Asked::Nothing;
            }
            Heard::Message(_) | Heard::Closed(_) => {}
        }
    }
}
