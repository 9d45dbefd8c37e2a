//! A placed call as its owner holds it: waits that end, orders to the call's thread, what was heard.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::mpsc;

use super::driver::Order;
use super::heard::{Heard, HeardFrame, Reception};
use super::signalling::OfferOutcome;
use super::stage::{End, Stage};
use crate::actors::clock;
use crate::sip::sdp::Direction;

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

/// A call that was placed. Dropping it hangs up.
#[derive(Debug)]
pub struct Call {
    status: Arc<Shared>,
    orders: mpsc::UnboundedSender<Order>,
    sip_call_id: String,
}

impl Call {
    /// The call whose thread takes `orders` and tells its `status`.
    pub(super) fn new(
        status: Arc<Shared>,
        orders: mpsc::UnboundedSender<Order>,
        sip_call_id: String,
    ) -> Self {
        Self {
            status,
            orders,
            sip_call_id,
        }
    }

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
        self.outcome(within)
    }

    /// Sends a re-INVITE with a new key for encrypted audio, which is used from then on.
    ///
    /// # Errors
    /// As those of [`Call::offer`].
    pub fn rekey(&self, within: Duration) -> Result<Direction, PhoneError> {
        self.status.lock().outcomes.clear();
        self.order(Order::Rekey(super::master_key()));
        self.outcome(within)
    }

    /// Waits for what a re-INVITE brings.
    fn outcome(&self, within: Duration) -> Result<Direction, PhoneError> {
        let outcome = self.status.wait(within, |status| match &status.stage {
            Stage::Ended(end) => Some(Err(PhoneError::Ended(end.clone()))),
            Stage::Calling | Stage::Ringing | Stage::Up | Stage::Leaving => status
                .outcomes
                .pop()
                .map(|outcome| outcome.map_err(PhoneError::Refused)),
        });
        outcome?
    }

    /// Stops sending audio, as a line that went dead does, or begins again.
    pub fn set_sending(&self, sends: bool) {
        self.order(Order::Send(sends));
    }

    /// Sends octets as they are from where the call's audio comes from: what a forger of that address can do.
    pub fn send_raw(&self, octets: &[u8]) {
        self.order(Order::Raw(octets.to_vec()));
    }

    /// The last packet of audio as it was sent.
    #[must_use]
    pub fn last_sent(&self) -> Vec<u8> {
        self.status.lock().last_sent.clone()
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

/// What the call's thread tells everybody else.
#[derive(Debug)]
pub(super) struct Status {
    pub(super) stage: Stage,
    pub(super) heard: Heard,
    pub(super) outcomes: Vec<OfferOutcome>,
    pub(super) last_sent: Vec<u8>,
}

#[derive(Debug)]
pub(super) struct Shared {
    status: Mutex<Status>,
    pub(super) changed: Condvar,
}

impl Default for Shared {
    fn default() -> Self {
        let status = Status {
            stage: Stage::Calling,
            heard: Heard::default(),
            outcomes: Vec::new(),
            last_sent: Vec::new(),
        };
        Self {
            status: Mutex::new(status),
            changed: Condvar::new(),
        }
    }
}

impl Shared {
    pub(super) fn lock(&self) -> MutexGuard<'_, Status> {
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
