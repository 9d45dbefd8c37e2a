//! What a link is told at its start: its role, whose it is, and its patience.

use std::time::Duration;

/// What a link is in its room for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LinkRole {
    /// Hears the browsers and sees who is there; publishes nothing.
    Listener,
    /// Publishes one caller; hears nothing.
    Caller,
}

/// What a link needs to know at its start.
#[derive(Debug, Clone)]
pub struct LinkConfig {
    /// What it is in the room for.
    pub role: LinkRole,
    /// Value of the attribute [`NODE_ATTRIBUTE`] of our own callers: a participant of kind SIP that
    /// carries it is mixed here and never subscribed.
    pub node: String,
    /// How patient it is.
    pub timings: LinkTimings,
    /// Seed of the back-off's jitter and of the track's client id.
    pub seed: u64,
}

/// The participant attribute that names the switch a caller is connected to.
pub const NODE_ATTRIBUTE: &str = "switch.node";

/// How patient a link is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LinkTimings {
    /// The longest first wait between two attempts; it doubles with each further one.
    pub retry_first: Duration,
    /// The longest wait between two attempts while nobody answers.
    pub retry_max: Duration,
    /// The longest wait between two attempts when trying harder does not help: the key is refused,
    /// UDP is blocked, somebody else uses our identity.
    pub retry_refused_max: Duration,
    /// The driver must have answered a join or a resume by then; it gives up earlier by itself.
    pub answer_max: Duration,
    /// New media must be connected by then.
    pub connect_max: Duration,
    /// Media that is silent for longer is lost.
    pub media_silence_max: Duration,
    /// Lost media must have come back by then, or the link joins anew.
    pub media_heal_max: Duration,
    /// A link that was up for this long has its back-off forgotten.
    pub stable_after: Duration,
}

impl LinkTimings {
    /// The patience that suits a role: a listener is the scout that finds out for all callers that
    /// the server is back.
    pub fn of(role: LinkRole) -> Self {
        Self {
            retry_first: Duration::from_millis(100),
            retry_max: match role {
                LinkRole::Listener => Duration::from_millis(1500),
                LinkRole::Caller => Duration::from_secs(7),
            },
            retry_refused_max: Duration::from_secs(15),
            answer_max: Duration::from_secs(25),
            connect_max: Duration::from_secs(8),
            media_silence_max: Duration::from_secs(4),
            media_heal_max: Duration::from_secs(6),
            stable_after: Duration::from_secs(10),
        }
    }
}
