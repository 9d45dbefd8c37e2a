//! A small real telephone: it places a call over UDP, speaks, listens and writes down what it heard.
//!
//! ```text
//! Voice -> G.711 -> RTP, paced -> far end;    far end -> RTP -> G.711 -> record -> Call::listen
//! Call (any thread) -> orders -> one thread a call: Signalling, both sockets -> status -> Call
//! ```
//! For the demonstration and the tests. It needs the switch's wire formats and nothing else of it. Limits: those of
//! [`signalling`]; 20 ms of G.711, no jitter buffer: what is heard is what came, in the order in which it came.

mod driver;
mod heard;
mod message;
mod sdp;
mod signalling;
mod voice;

use std::io;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::mpsc;

use crate::actors::{clock, random};
use crate::sip::sdp::Direction;
use driver::{Driver, Order};
use message::Parties;
use signalling::{Habits, OfferOutcome};

pub use heard::{HEARD_FRAMES_MAX, HeardFrame, Reception};
pub use sdp::Format;
pub use signalling::{End, Stage};
pub use voice::{Hum, Monologue, Silence, Voice};

/// What a call did not do in time, or would not do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PhoneError {
    /// It took longer than the caller wanted to wait.
    #[error("too late: the call is {0:?}")]
    TooLate(Stage),
    /// The call ended first.
    #[error("the call ended: {0:?}")]
    Ended(End),
    /// A re-INVITE was refused with this SIP status.
    #[error("the far end refused with {0}")]
    Refused(u16),
    /// A re-INVITE is not possible at this stage.
    #[error("there is no call to change")]
    NotUp,
}

/// A telephone and its owner's habits. One phone can place many calls.
#[derive(Debug, Clone)]
pub struct Phone {
    bind: IpAddr,
    number: String,
    name: String,
    formats: Vec<Format>,
    habits: Habits,
}

impl Phone {
    /// A phone at an address of this machine, with a withheld number.
    #[must_use]
    pub fn new(bind: IpAddr) -> Self {
        Self {
            bind,
            number: "anonymous".to_owned(),
            name: String::new(),
            formats: vec![Format::Pcmu, Format::Pcma],
            habits: Habits { acknowledges: true, headers: Vec::new() },
        }
    }

    /// The number it calls from.
    #[must_use]
    pub fn number(mut self, number: &str) -> Self {
        number.clone_into(&mut self.number);
        self
    }

    /// The display name it calls with.
    #[must_use]
    pub fn name(mut self, name: &str) -> Self {
        name.clone_into(&mut self.name);
        self
    }

    /// The audio formats it offers, the best first.
    #[must_use]
    pub fn formats(mut self, formats: &[Format]) -> Self {
        self.formats = formats.to_vec();
        self
    }

    /// Never acknowledges an answer: a far end must notice.
    #[must_use]
    pub fn without_ack(mut self) -> Self {
        self.habits.acknowledges = false;
        self
    }

    /// Adds a header to its INVITEs.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.habits.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Calls `user` at the SIP address `far_end` and speaks with `voice` from the answer on.
    ///
    /// # Errors
    /// No socket or no thread is to be had.
    pub fn call(
        &self,
        far_end: SocketAddr,
        user: &str,
        voice: impl Voice + 'static,
    ) -> io::Result<Call> {
        let sip = UdpSocket::bind((self.bind, 0))?;
        let rtp = UdpSocket::bind((self.bind, 0))?;
        let at = sip.local_addr()?;
        let call_id = format!("{:016x}@{}", random::u64(), self.bind);
        let name = self.name.replace(['"', '\\'], "");
        let parties = Parties {
            sip: at,
            from: format!("\"{name}\" <sip:{}@{at}>;tag={:08x}", self.number, random::u32()),
            to: format!("<sip:{user}@{far_end}>"),
            call_id: call_id.clone(),
            target: format!("sip:{user}@{far_end}"),
        };
        let local = sdp::Local {
            rtp: rtp.local_addr()?,
            session: random::u64() >> 2,
            version: 1,
            formats: self.formats.clone(),
            direction: Direction::SendRecv,
        };
        let status = Arc::new(Shared::default());
        let (orders, inbox) = mpsc::unbounded_channel();
        let driver =
            Driver::new(far_end, (parties, local, self.habits.clone()), Box::new(voice), status.clone());
        let addresses = Addresses { sip: at, rtp: rtp.local_addr()? };
        driver::start(driver, (sip, rtp), inbox)?;
        Ok(Call { status, orders, addresses, sip_call_id: call_id })
    }
}

/// Where a call's sockets are.
#[derive(Debug, Clone, Copy)]
struct Addresses {
    sip: SocketAddr,
    rtp: SocketAddr,
}

/// What the call's thread tells everybody else.
#[derive(Debug)]
struct Status {
    stage: Stage,
    heard: heard::Heard,
    outcomes: Vec<OfferOutcome>,
}

#[derive(Debug)]
struct Shared {
    status: Mutex<Status>,
    changed: Condvar,
}

impl Default for Shared {
    fn default() -> Self {
        let status =
            Status { stage: Stage::Calling, heard: heard::Heard::default(), outcomes: Vec::new() };
        Self { status: Mutex::new(status), changed: Condvar::new() }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Status> {
        self.status.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until `ready` gives something, or for `within`.
    fn wait<T>(
        &self,
        within: Duration,
        mut ready: impl FnMut(&mut Status) -> Option<T>,
    ) -> Result<T, PhoneError> {
        let deadline = clock::now() + within;
        let mut status = self.lock();
        loop {
            if let Some(found) = ready(&mut status) {
                return Ok(found);
            }
            let left = deadline.saturating_duration_since(clock::now());
            if left.is_zero() {
                return Err(PhoneError::TooLate(status.stage.clone()));
            }
            let waited = self.changed.wait_timeout(status, left);
            status = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

/// A call that was placed. Dropping it hangs up.
#[derive(Debug)]
pub struct Call {
    status: Arc<Shared>,
    orders: mpsc::UnboundedSender<Order>,
    addresses: Addresses,
    sip_call_id: String,
}

impl Call {
    /// Where the call is.
    #[must_use]
    pub fn stage(&self) -> Stage {
        self.status.lock().stage.clone()
    }

    /// SIP's Call-ID.
    #[must_use]
    pub fn sip_call_id(&self) -> &str {
        &self.sip_call_id
    }

    /// The phone's SIP address for this call.
    #[must_use]
    pub fn sip_address(&self) -> SocketAddr {
        self.addresses.sip
    }

    /// The phone's RTP address for this call.
    #[must_use]
    pub fn rtp_address(&self) -> SocketAddr {
        self.addresses.rtp
    }

    /// Waits for the answer.
    ///
    /// # Errors
    /// [`PhoneError::Ended`] when the call was refused, [`PhoneError::TooLate`] after `within`.
    pub fn wait_answered(&self, within: Duration) -> Result<(), PhoneError> {
        self.status.wait(within, |status| match &status.stage {
            Stage::Calling | Stage::Ringing => None,
            Stage::Up | Stage::Leaving => Some(Ok(())),
            Stage::Ended(end) => Some(Err(PhoneError::Ended(end.clone()))),
        })?
    }

    /// Waits for the end.
    ///
    /// # Errors
    /// [`PhoneError::TooLate`] after `within`.
    pub fn wait_ended(&self, within: Duration) -> Result<End, PhoneError> {
        self.status.wait(within, |status| match &status.stage {
            Stage::Ended(end) => Some(end.clone()),
            Stage::Calling | Stage::Ringing | Stage::Up | Stage::Leaving => None,
        })
    }

    /// Hangs up with BYE, or gives up a call that is not answered yet with CANCEL.
    pub fn hang_up(&self) {
        self.order(Order::HangUp);
    }

    /// Sends a re-INVITE that wants `direction`, such as `sendonly` to put the far end on hold; gives what the far end
    /// does from now on, as the far end names it.
    ///
    /// # Errors
    /// [`PhoneError::Refused`], [`PhoneError::NotUp`], [`PhoneError::Ended`] or [`PhoneError::TooLate`].
    pub fn offer(&self, direction: Direction, within: Duration) -> Result<Direction, PhoneError> {
        {
            let mut status = self.status.lock();
            if status.stage != Stage::Up {
                return Err(PhoneError::NotUp);
            }
            status.outcomes.clear();
        }
        self.order(Order::Offer(direction));
        let outcome = self.status.wait(within, |status| match &status.stage {
            Stage::Ended(end) => Some(Err(PhoneError::Ended(end.clone()))),
            Stage::Calling | Stage::Ringing | Stage::Up | Stage::Leaving => {
                status.outcomes.pop().map(|outcome| outcome.map_err(PhoneError::Refused))
            }
        });
        outcome?
    }

    /// Stops sending audio, as a line that went dead does, or begins again.
    pub fn set_sending(&self, sends: bool) {
        self.order(Order::Send(sends));
    }

    /// Speaks with another voice from the next frame on.
    pub fn speak(&self, voice: impl Voice + 'static) {
        self.order(Order::Speak(Box::new(voice)));
    }

    /// Waits for the next `frames` packets and gives them.
    ///
    /// # Errors
    /// [`PhoneError::TooLate`] when fewer came `within`.
    pub fn listen(&self, frames: usize, within: Duration) -> Result<Vec<HeardFrame>, PhoneError> {
        let so_far = self.reception().packets;
        let wanted = so_far.saturating_add(frames as u64);
        self.status.wait(within, |status| {
            (status.heard.reception().packets >= wanted).then(|| status.heard.last(frames))
        })
    }

    /// Everything heard since the last time, at most [`HEARD_FRAMES_MAX`] frames.
    #[must_use]
    pub fn take_heard(&self) -> Vec<HeardFrame> {
        self.status.lock().heard.take()
    }

    /// Counters of what was received.
    #[must_use]
    pub fn reception(&self) -> Reception {
        self.status.lock().heard.reception()
    }

    fn order(&self, order: Order) {
        // A call that is over takes no orders.
        let _ = self.orders.send(order);
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        self.hang_up();
    }
}

#[cfg(test)]
mod tests;
