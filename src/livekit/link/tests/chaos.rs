//! Anything, in any order: nothing panics, nothing grows, no link is left without a deadline.

#![expect(
    clippy::disallowed_methods,
    reason = "the scripts' time begins now and is moved by hand"
)]

use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use livekit_protocol as proto;
use proptest::prelude::*;
use proto::signal_response::Message;

use super::stage::*;
use crate::livekit::link::*;
use crate::rtc::{AudioPacket, OfferChanges, Peer};

/// Anything the network or the driver may do to a link.
#[derive(Debug, Clone)]
enum Input {
    Joined(proto::JoinResponse),
    JoinFailed(SignalFailure),
    Resumed,
    ResumeFailed(SignalFailure),
    Signal(Message),
    Closed,
    Bound(bool),
    Datagram(Vec<u8>),
    Later(u64),
    Muted(bool),
    Attributes,
    Retry,
    Audio,
}

fn failure() -> impl Strategy<Value = SignalFailure> {
    prop_oneof![
        Just(SignalFailure::Unreachable("x".to_owned())),
        (0u16..600).prop_map(|status| SignalFailure::Refused {
            status,
            detail: "x".to_owned()
        }),
        Just(SignalFailure::Left {
            action: LeaveAction::Reconnect
        }),
        Just(SignalFailure::TimedOut),
    ]
}

fn someone() -> impl Strategy<Value = proto::ParticipantInfo> {
    let tracks = proptest::collection::vec((0..4u8, 0..3i32, any::<bool>()), 0..3);
    (0..4u8, 0..3u8, 0..5i32, 0..6u32, tracks).prop_map(
        |(sid, identity, state, version, tracks)| {
            let track = |(sid, kind, muted)| proto::TrackInfo {
                sid: format!("TR_{sid}"),
                r#type: kind,
                muted,
                ..Default::default()
            };
            proto::ParticipantInfo {
                sid: format!("PA_{sid}"),
                identity: format!("id{identity}"),
                state,
                version,
                tracks: tracks.into_iter().map(track).collect(),
                ..Default::default()
            }
        },
    )
}

fn description() -> impl Strategy<Value = proto::SessionDescription> {
    let sdp = (any::<bool>(), 0..2500usize, 0..2500usize, any::<bool>()).prop_map(
        |(whole, cut, at, bad)| {
            let now = Instant::now();
            let mut peer = Peer::ice_full(now, &[SERVER.parse().unwrap()]).unwrap();
            let mut sdp = peer
                .offer(
                    now,
                    OfferChanges {
                        add: one_more("TR_1").add,
                        ..channels()
                    },
                )
                .unwrap()
                .unwrap()
                .sdp;
            if !whole {
                sdp.truncate(cut);
            }
            if bad && sdp.is_char_boundary(at) && at < sdp.len() {
                sdp.insert(at, '\n');
            }
            sdp
        },
    );
    (sdp, 0..4u32, 0..4u8).prop_map(|(sdp, id, track)| proto::SessionDescription {
        r#type: "offer".to_owned(),
        sdp,
        id,
        mid_to_track_id: HashMap::from([("1".to_owned(), format!("TR_{track}"))]),
    })
}

fn message() -> impl Strategy<Value = Message> {
    prop_oneof![
        4 => description().prop_map(Message::Offer),
        2 => description().prop_map(Message::Answer),
        4 => proptest::collection::vec(someone(), 0..4).prop_map(update),
        2 => "[ -~]{0,80}".prop_map(|text| trickle(&text, proto::SignalTarget::Subscriber)),
        1 => (0..20i32, 0..4i32).prop_map(|(reason, action)| {
            Message::Leave(proto::LeaveRequest { reason, action, ..Default::default() })
        }),
        1 => any::<bool>().prop_map(|muted| {
            Message::Mute(proto::MuteTrackRequest { sid: "TR_own".to_owned(), muted })
        }),
        1 => Just(Message::TrackPublished(proto::TrackPublishedResponse::default())),
        1 => Just(Message::TrackUnpublished(proto::TrackUnpublishedResponse::default())),
        1 => Just(Message::RoomMoved(proto::RoomMovedResponse::default())),
        1 => Just(Message::Pong(1)),
    ]
}

fn input() -> impl Strategy<Value = Input> {
    let join = (proptest::collection::vec(someone(), 0..4), any::<bool>());
    let joined = join.prop_map(|(other_participants, subscriber_primary)| {
        Input::Joined(proto::JoinResponse {
            other_participants,
            subscriber_primary,
            ..Default::default()
        })
    });
    prop_oneof![
        4 => joined,
        1 => failure().prop_map(Input::JoinFailed),
        1 => Just(Input::Resumed),
        1 => failure().prop_map(Input::ResumeFailed),
        8 => message().prop_map(Input::Signal),
        1 => Just(Input::Closed),
        4 => any::<bool>().prop_map(Input::Bound),
        2 => proptest::collection::vec(any::<u8>(), 0..200).prop_map(Input::Datagram),
        4 => (0..20_000u64).prop_map(Input::Later),
        1 => any::<bool>().prop_map(Input::Muted),
        1 => Just(Input::Attributes),
        1 => Just(Input::Retry),
        1 => Just(Input::Audio),
    ]
}

fn apply(link: &mut Link, now: &mut Instant, transport: TransportId, input: Input) {
    let local: SocketAddr = LINK.parse().unwrap();
    match input {
        Input::Joined(response) => link.joined(*now, response),
        Input::JoinFailed(failure) => link.join_failed(*now, failure),
        Input::Resumed => link.resumed(*now, proto::ReconnectResponse::default()),
        Input::ResumeFailed(failure) => link.resume_failed(*now, failure),
        Input::Signal(message) => link.handle_signal(*now, message),
        Input::Closed => link.signal_closed(*now, "x"),
        Input::Bound(true) => link.bound(*now, transport, &[local]),
        Input::Bound(false) => link.bind_failed(*now, transport, "x"),
        Input::Datagram(bytes) => {
            link.handle_datagram(*now, transport, local, SERVER.parse().unwrap(), &bytes);
        }
        Input::Later(ms) => {
            *now += Duration::from_millis(ms);
            link.handle_timeout(*now);
        }
        Input::Muted(muted) => link.set_muted(*now, muted),
        Input::Attributes => link.set_attributes(*now, BTreeMap::new()),
        Input::Retry => link.retry_now(*now),
        Input::Audio => {
            let payload = [1].into();
            let packet = AudioPacket {
                seq: 1,
                timestamp: 1,
                marker: false,
                level_dbov: None,
                payload,
            };
            link.send_audio(*now, &packet);
        }
    }
}

proptest! {
    #[test]
    fn nothing_harms_a_link_and_it_always_has_a_deadline(
        listener in any::<bool>(),
        inputs in proptest::collection::vec(input(), 1..60),
    ) {
        let role = if listener { LinkRole::Listener } else { LinkRole::Caller };
        let mut now = Instant::now();
        let timings = LinkTimings::of(role);
        let mut link = Link::new(now, LinkConfig { role, node: "here".to_owned(), timings, seed: 1 });
        let (mut transport, mut over) = (TransportId(0), false);
        for input in inputs {
            apply(&mut link, &mut now, transport, input);
            let mut outputs = 0;
            while let Some(output) = link.poll_output() {
                outputs += 1;
                over |= matches!(output, LinkOutput::Event(LinkEvent::Removed));
                if let LinkOutput::Bind { transport: asked } = output {
                    transport = asked;
                }
            }
            prop_assert!(outputs < 200);
            prop_assert_eq!(link.poll_timeout().is_some(), !over);
            let (participants, tracks, rest) = link.room.size();
            prop_assert!(participants <= 4 && tracks <= 12 && rest <= 24);
        }
    }
}
