//! Every message between actors, by who receives it. Commands flow down, events flow up; a packet is never a message.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

use actix::{Addr, Message, Recipient};
use rtrb::Consumer;

use crate::{
    actors::{shown::CallShown, sip::SipActor, twilio_calls::TwilioCalls},
    config::PublicIp,
    domain::{
        Arrival, CallId, Cause, Command, Desk, EpisodeId, Operator, Refusal, UnixMs, Verdict,
        desk::Reply,
    },
    media::{
        opus::OpusPacket,
        quality::LineQuality,
        table::{MediaEvent, ProgramReading},
    },
    sip::{
        Answered, DialogKey, EndpointEvent, Incoming, MediaAddress, NextHop, Outgoing, Reason,
        Source, TxnKey,
        trunk::{CallFields, TrunkMedia},
    },
};

/// To the switchboard: a new call by SIP.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Invited {
    /// Answer on this transaction.
    pub txn: TxnKey,
    /// The INVITE.
    pub request: Box<Incoming>,
    /// What it says about the call, as its trunk says it.
    pub fields: CallFields,
    /// How its trunk's audio comes.
    pub media: Arc<TrunkMedia>,
    /// When it came in.
    pub at: Instant,
    /// The call that the token in it names; the token has been verified.
    pub known: Option<CallId>,
}

/// To the switchboard: the 200 was sent.
#[derive(Message)]
#[rtype(result = "()")]
pub struct CallAnswered(pub CallId);

/// To the switchboard: a call's leg is gone.
#[derive(Message)]
#[rtype(result = "()")]
pub struct CallGone {
    /// Which call.
    pub call: CallId,
    /// Why.
    pub cause: Cause,
    /// What the line was like, as JSON for the row.
    pub quality: Option<String>,
}

/// To the switchboard: a call without a show has heard that there is none.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Announced(pub CallId);

/// To the switchboard: an operator pressed.
#[derive(Message)]
#[rtype(result = "Result<Reply, Refusal>")]
pub struct Press {
    /// Who.
    pub by: Operator,
    /// What.
    pub command: Command,
}

/// To the switchboard: Twilio announces a call.
#[derive(Message)]
#[rtype(result = "Verdict")]
pub struct Announce(pub Arrival);

/// To the switchboard: Twilio makes a call and has this name for it.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Dialling {
    /// Which.
    pub call: CallId,
    /// Twilio's name.
    pub call_sid: String,
}

/// To the switchboard: a call could not be made.
#[derive(Message)]
#[rtype(result = "()")]
pub struct NotDialled {
    /// Which.
    pub call: CallId,
    /// Why, for the books.
    pub cause: Cause,
    /// Why, as a sentence.
    pub why: String,
}

/// To the switchboard: what became of a transfer.
#[derive(Message)]
#[rtype(result = "()")]
pub struct TransferEnded {
    /// Which call.
    pub call: CallId,
    /// The other side took it; else why not, as a sentence.
    pub outcome: Result<(), String>,
}

/// To Twilio's API: call somebody.
#[derive(Message)]
#[rtype(result = "()")]
pub struct PlaceCall {
    /// Which call.
    pub call: CallId,
    /// Whom, E.164.
    pub to: String,
    /// The number that they are shown, E.164.
    pub from: String,
}

/// To Twilio's API: stop making a call.
#[derive(Message)]
#[rtype(result = "()")]
pub struct GiveUpCall {
    /// Which.
    pub call: CallId,
    /// Twilio's name, where it is known.
    pub call_sid: Option<String>,
}

/// To Twilio's API: how many requests have no answer yet?
#[derive(Message)]
#[rtype(result = "usize")]
pub struct RequestsUp;

/// To Twilio's API: pass a call on.
#[derive(Message)]
#[rtype(result = "()")]
pub struct PassOn {
    /// Which.
    pub call: CallId,
    /// Twilio's name.
    pub call_sid: String,
    /// To this number: E.164, or a short one.
    pub number: String,
}

/// To the switchboard: do something with the desk, then settle what follows from it.
#[derive(Message)]
#[rtype(result = "R")]
pub struct AtDesk<R: Send + 'static>(pub DeskWork<R>);

/// Something to do with the desk.
pub type DeskWork<R> = Box<dyn FnOnce(&mut Desk, UnixMs) -> R + Send>;

impl<R: Send + 'static> AtDesk<R> {
    /// Wraps the function.
    pub fn new(work: impl FnOnce(&mut Desk, UnixMs) -> R + Send + 'static) -> Self {
        Self(Box::new(work))
    }
}

/// To the switchboard: a dashboard is here and wants a snapshot and every change.
///
/// The snapshot is the first frame of the outbox.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Attach {
    /// Names the dashboard until it leaves.
    pub session: u64,
    /// Whose.
    pub operator: Operator,
    /// Where frames go.
    pub outbox: Recipient<Push>,
}

/// To the switchboard: a dashboard is gone.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Detach {
    /// Which.
    pub session: u64,
}

/// To the switchboard: levels of the last tenth of a second, in dBFS.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Levels {
    /// Of callers who are heard.
    pub calls: BTreeMap<CallId, f32>,
    /// Of browsers, by LiveKit identity.
    pub people: BTreeMap<String, f32>,
    /// Of what goes out, by episode.
    pub program: BTreeMap<EpisodeId, f32>,
    /// The highest sample of each of these, by its name.
    pub peaks: BTreeMap<String, f32>,
    /// How loud what goes out is by EBU R 128, by episode; not every time.
    pub loudness: BTreeMap<EpisodeId, ProgramReading>,
}

/// To the switchboard: what lines are like; once a second at most, of those with news.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Lines(pub BTreeMap<CallId, LineQuality>);

/// To the switchboard: what a browser did in a room.
#[derive(Message)]
#[rtype(result = "()")]
pub struct FromBridge(pub crate::actors::bridge::BridgeEvent);

/// To the switchboard: the SIP actor is there, and the media threads are.
#[derive(Message)]
#[rtype(result = "()")]
pub struct SipUp(pub Addr<SipActor>);

/// To the switchboard: Twilio's API can be asked for calls.
#[derive(Message)]
#[rtype(result = "()")]
pub struct TwilioUp(pub Addr<TwilioCalls>);

/// To the switchboard: take no new calls, or take them again.
///
/// # Errors
/// A shutdown cannot be taken back.
#[derive(Message)]
#[rtype(result = "Result<(), Refusal>")]
pub enum Drain {
    /// The process goes down; calls that are up may go on until then.
    GoDown {
        /// The deadline.
        until: UnixMs,
    },
    /// An operator wants no new calls.
    Begin {
        /// The operator's name.
        by: String,
    },
    /// An operator wants new calls again.
    End,
}

/// To the switchboard: dashboards should see how the switch is now.
#[derive(Message)]
#[rtype(result = "()")]
pub struct HealthChanged;

/// To the SIP actor: are you there?
#[derive(Message)]
#[rtype(result = "()")]
pub struct Probe;

/// To the SIP actor: send new calls away, or take them again.
#[derive(Message)]
#[rtype(result = "()")]
pub struct SetOverloaded(pub bool);

/// To the switchboard: take no more calls and hang everybody up.
#[derive(Message)]
#[rtype(result = "()")]
pub struct ShutDown;

/// To the switchboard: how many telephone legs are up?
#[derive(Message)]
#[rtype(result = "usize")]
pub struct LinesUp;

/// To a dashboard: one frame, the same text for all.
#[derive(Clone, Message)]
#[rtype(result = "()")]
pub struct Push(pub Arc<str>);

/// To a dashboard: the operator may no longer be here.
#[derive(Message)]
#[rtype(result = "()")]
pub struct SignOut;

/// To a room: this call is here now; heard at the next tick.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Admit(pub CallTicket);

/// To a room: this call is here no more.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Release {
    /// Which.
    pub call: CallId,
    /// It has ended; else it has gone elsewhere.
    pub ended: bool,
}

/// To a room: a browser's microphone is up.
#[derive(Message)]
#[rtype(result = "()")]
pub struct MicrophoneUp {
    /// LiveKit identity.
    pub identity: String,
    /// LiveKit track.
    pub track: String,
    /// Its audio.
    pub audio: Consumer<OpusPacket>,
    /// Muted at its source.
    pub muted: bool,
}

/// To a room: a browser's microphone was muted or unmuted at its source.
#[derive(Message)]
#[rtype(result = "()")]
pub struct MicrophoneMuted {
    /// LiveKit track.
    pub track: String,
    /// Muted.
    pub muted: bool,
}

/// To a room: a browser's microphone is gone.
#[derive(Message)]
#[rtype(result = "()")]
pub struct MicrophoneDown {
    /// LiveKit track.
    pub track: String,
}

/// To a live room: its callers go down under the hosts, or do not.
#[derive(Message)]
#[rtype(result = "()")]
pub struct SetDucking(pub bool);

/// To a live room: begin the integrated loudness anew.
#[derive(Message)]
#[rtype(result = "()")]
pub struct ResetLoudness;

/// To a room: nobody needs it any more.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Close;

/// What a room needs to know of a call to place it and to show it to browsers.
#[derive(Clone, Debug)]
pub struct CallTicket {
    /// Which call.
    pub call: CallId,
    /// As rooms show it.
    pub shown: CallShown,
    /// New on the line: hears the greeting.
    pub greet: bool,
    /// Grows with each move: rooms have mailboxes of their own, so an older move may be read after a newer one.
    pub turn: u64,
}

/// To a call: something happened in its dialog.
#[derive(Message)]
#[rtype(result = "()")]
pub struct InDialog(pub EndpointEvent);

/// To a lobby: new places in line, from 1.
#[derive(Message)]
#[rtype(result = "()")]
pub struct SetPlaces(pub Vec<(CallId, u16)>);

/// To a call: its voice out of the mix, or back.
#[derive(Message)]
#[rtype(result = "()")]
pub struct SetMuted(pub bool);

/// To a call: its voice up or down, in dB.
#[derive(Message)]
#[rtype(result = "()")]
pub struct SetGain(pub i8);

/// To a call: the noise of its line out, or left.
#[derive(Message)]
#[rtype(result = "()")]
pub struct SetDenoised(pub bool);

/// To a call: end the telephone leg.
#[derive(Message)]
#[rtype(result = "()")]
pub struct EndLeg(pub Cause);

/// To a call: what the media table noticed on its leg.
#[derive(Message)]
#[rtype(result = "()")]
pub struct OnLeg(pub MediaEvent);

/// To the SIP actor: answer a transaction.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Respond {
    /// Which.
    pub txn: TxnKey,
    /// With what.
    pub response: rsip::Response,
}

/// To the SIP actor: a dialog came to be; its requests go to this call.
#[derive(Message)]
#[rtype(result = "()")]
pub struct DialogUp {
    /// Its name.
    pub key: DialogKey,
    /// The INVITE's transaction: CANCEL and ACK go the same way.
    pub txn: TxnKey,
    /// Its call.
    pub call: Recipient<InDialog>,
}

/// To the SIP actor: a dialog is over.
#[derive(Message)]
#[rtype(result = "()")]
pub struct DialogDown {
    /// Its name.
    pub key: DialogKey,
    /// The INVITE's transaction.
    pub txn: TxnKey,
}

/// To the SIP actor: send a request within a dialog.
#[derive(Clone, Message)]
#[rtype(result = "()")]
pub struct SendRequest {
    /// The dialog; its call hears of the answer for as long as it is up.
    pub dialog: DialogKey,
    /// The flow the dialog lives on.
    pub peer: Source,
    /// Where to connect when that flow is gone.
    pub next_hop: Option<NextHop>,
    /// The request.
    pub outgoing: Outgoing,
}

/// To the SIP actor: call a number through a trunk.
#[derive(Message)]
#[rtype(result = "()")]
pub struct DialOut {
    /// Which call.
    pub call: CallId,
    /// Call-ID of the INVITE.
    pub sip_call_id: String,
    /// As it is dialled.
    pub number: String,
    /// Where we want media; the SIP actor, who knows trunk and way, fills in address, codecs and encryption.
    pub media: MediaAddress,
    /// Our addresses in SDP, when they are not the flow's own.
    pub public_ip: PublicIp,
    /// How long it may take until somebody answers.
    pub ring_max: Duration,
    /// Who hears how it goes.
    pub news: Recipient<OnDial>,
    /// Who has the dialog once it is answered.
    pub dialog: Recipient<InDialog>,
}

/// To the SIP actor: nobody waits for this call's answer any more.
#[derive(Message)]
#[rtype(result = "()")]
pub struct GiveUpDial {
    /// Which call.
    pub call: CallId,
    /// Why.
    pub reason: Reason,
}

/// To the switchboard: a call is dialled by SIP under this Call-ID.
#[derive(Message)]
#[rtype(result = "()")]
pub struct DialledAs {
    /// Which call.
    pub call: CallId,
    /// Call-ID of the INVITE.
    pub sip_call_id: String,
}

/// To a call that is dialled: how it goes.
#[derive(Message)]
#[rtype(result = "()")]
pub struct OnDial(pub DialNews);

/// How a call that is dialled goes.
pub enum DialNews {
    /// It rings.
    Ringing,
    /// The far end plays something already.
    EarlyMedia,
    /// Somebody answered.
    Up {
        /// Names the call at the gate until [`DialogDown`].
        txn: TxnKey,
        /// The dialog and what was agreed.
        answered: Box<Answered>,
        /// How its trunk's audio comes.
        media: Arc<TrunkMedia>,
    },
    /// It came to nothing.
    Failed {
        /// Why.
        cause: Cause,
        /// Why, in the words of the network.
        reason: Option<Reason>,
    },
}

/// To a call: ask its far end to call somebody else.
#[derive(Message)]
#[rtype(result = "()")]
pub struct TransferTo {
    /// A number, or a `sip:`, `sips:` or `tel:` URI.
    pub target: String,
    /// Who hears what became of it.
    pub outcome: Recipient<TransferEnded>,
}

/// To the SIP actor: take no new calls any more, or take them again.
#[derive(Message)]
#[rtype(result = "()")]
pub struct SetDraining(pub bool);
