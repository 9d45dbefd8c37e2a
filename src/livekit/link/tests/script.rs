//! What a real server does and our endpoint does not: lines, trickled candidates, restarts of ICE,
//! mutes, refusals.

use std::collections::HashMap;
use std::time::Duration;

use livekit_protocol as proto;
use proto::participant_info::{Kind, State};
use proto::signal_request::Message as Said;
use proto::signal_response::Message;

use super::stage::*;
use crate::livekit::link::*;
use crate::rtc::{AudioPacket, OfferChanges, Peer};

#[test]
fn a_track_comes_by_its_line_and_lines_are_used_again() {
    let mut stage = Stage::listening();
    let asked = stage.said.iter().find_map(|said| {
        if let Said::Subscription(wanted) = said {
            Some(wanted.track_sids.clone())
        } else {
            None
        }
    });
    assert_eq!(asked.unwrap(), ["TR_anna"]);
    let mids = stage.offer(one_more("TR_anna"), &[(0, "TR_anna")]);
    stage.pass(Duration::from_secs(1));
    stage.speak(mids[0]);
    assert_eq!(stage.told(), ["joined anna", "Up", "up anna", "audio"]);

    let pause = OfferChanges {
        pause: mids.clone(),
        ..Default::default()
    };
    stage.offer(pause, &[]);
    stage.tell(update(vec![
        person("PA_anna", "anna", &[]),
        person("PA_ben", "ben", &["TR_ben"]),
    ]));
    let resume = OfferChanges {
        resume: mids.clone(),
        ..Default::default()
    };
    stage.offer(resume, &[(0, "TR_ben")]);
    stage.speak(mids[0]);
    assert_eq!(stage.told(), ["down anna", "joined ben", "up ben", "audio"]);
}

#[test]
fn an_older_server_names_the_track_in_its_offer_alone() {
    let mut stage = Stage::listening();
    let mids = stage.offer(one_more("TR_anna"), &[]);
    stage.speak(mids[0]);
    assert_eq!(stage.told(), ["joined anna", "Up", "up anna", "audio"]);
}

#[test]
fn our_callers_video_and_encrypted_tracks_are_not_asked_for() {
    let mut stage = Stage::listening();
    stage.said.clear();
    let attributes = |node: &str| HashMap::from([(NODE_ATTRIBUTE.to_owned(), node.to_owned())]);
    let sip = |sid: &str, node| proto::ParticipantInfo {
        kind: Kind::Sip.into(),
        attributes: attributes(node),
        ..person(sid, sid, &[&format!("TR_{sid}")])
    };
    let mut ben = person("ben", "ben", &["TR_video", "TR_secret", "TR_ben"]);
    ben.tracks[0].r#type = proto::TrackType::Video.into();
    ben.tracks[1].encryption = proto::encryption::Type::Gcm.into();
    stage.tell(update(vec![
        sip("mine", "here"),
        sip("theirs", "there"),
        ben,
    ]));
    let [Said::Subscription(wanted)] = &stage.said[..] else {
        panic!("{:?}", stage.said)
    };
    assert_eq!(wanted.track_sids, ["TR_ben", "TR_theirs"]);
    assert!(wanted.subscribe);
    assert_eq!(stage.told()[2..], ["joined theirs", "joined ben"]);
}

#[test]
fn a_newer_stay_of_an_identity_ends_the_older_and_old_news_are_ignored() {
    let mut stage = Stage::listening();
    stage.told();
    let newer = proto::ParticipantInfo {
        version: 5,
        ..person("PA_anna2", "anna", &["TR_2"])
    };
    stage.tell(update(vec![newer]));
    assert_eq!(stage.told(), ["left anna", "joined anna"]);
    stage.said.clear();
    let stale = proto::ParticipantInfo {
        version: 4,
        ..person("PA_anna2", "anna", &["TR_1"])
    };
    stage.tell(update(vec![stale]));
    assert!(stage.said.is_empty());
    let gone = State::Disconnected.into();
    stage.tell(update(vec![proto::ParticipantInfo {
        state: gone,
        ..person("PA_anna", "anna", &[])
    }]));
    assert_eq!(
        stage.told(),
        Vec::<String>::new(),
        "the older stay was over before"
    );
}

#[test]
fn who_left_while_signalling_was_away_is_missed_after_the_resume() {
    let mut stage = Stage::listening();
    stage.tell(update(vec![person("PA_ben", "ben", &[])]));
    stage.told();
    stage.link.signal_closed(stage.now, "reset");
    stage.settle();
    stage
        .link
        .resumed(stage.now, proto::ReconnectResponse::default());
    stage.settle();
    stage.tell(update(vec![person("PA_ben", "ben", &[])]));
    stage.offer(
        OfferChanges {
            ice_restart: true,
            ..Default::default()
        },
        &[],
    );
    assert_eq!(stage.asked, ["join", "resume", "reconnected"]);
    stage.pass(Duration::from_secs(10));
    assert!(stage.link.is_up());
    assert_eq!(stage.told(), ["Down", "left anna", "Up"]);
}

#[test]
fn audio_survives_the_servers_restart_of_ice() {
    let mut stage = Stage::listening();
    let mids = stage.offer(one_more("TR_anna"), &[(0, "TR_anna")]);
    stage.offer(
        OfferChanges {
            ice_restart: true,
            ..Default::default()
        },
        &[(0, "TR_anna")],
    );
    stage.pass(Duration::from_secs(10));
    stage.told();
    stage.speak(mids[0]);
    assert_eq!(stage.told(), ["audio"]);
    assert!(stage.link.is_up());
}

#[test]
fn a_session_on_another_server_is_joined_anew() {
    let mut stage = Stage::listening();
    stage.told();
    let mut other = Peer::ice_full(stage.now, &[stage.server_at]).unwrap();
    let sdp = other.offer(stage.now, channels()).unwrap().unwrap().sdp;
    stage.tell(Message::Offer(proto::SessionDescription {
        sdp,
        id: 9,
        ..Default::default()
    }));
    assert!(matches!(stage.said.last(), Some(Said::Leave(_))));
    assert_eq!(stage.asked.last(), Some(&"join"));
    assert!(stage.bound.is_none());
    assert_eq!(stage.told(), ["Down"]);
}

#[test]
fn a_caller_is_reached_by_a_trickled_candidate_over_v6() {
    let mut stage = Stage::at(LinkRole::Caller, SERVER_V6);
    stage.join(vec![]);
    let Some(Said::AddTrack(request)) = stage.said.first().cloned() else {
        panic!("no track")
    };
    assert_eq!(request.cid, request.stream);
    let track = proto::TrackInfo {
        sid: "TR_own".to_owned(),
        ..Default::default()
    };
    let response = proto::TrackPublishedResponse {
        cid: request.cid.clone(),
        track: Some(track),
    };
    stage.tell(Message::TrackPublished(response));
    let Some(Said::Offer(offer)) = stage.said.last().cloned() else {
        panic!("no offer")
    };
    assert!(offer.sdp.contains(&format!("a=msid:{0} {0}", request.cid)));
    assert!(offer.sdp.contains("ssrc-audio-level") && offer.sdp.contains("192.0.2.7"));
    let answer = stage.server.accept_offer(stage.now, &offer.sdp).unwrap();
    let sdp: String = answer
        .lines()
        .filter(|line| !line.starts_with("a=candidate"))
        .map(|l| format!("{l}\r\n"))
        .collect();
    stage.tell(Message::Answer(proto::SessionDescription {
        sdp,
        id: offer.id,
        ..Default::default()
    }));
    let candidate = "candidate:1 1 udp 2130706431 2001:db8::1 7882 typ host";
    stage.tell(trickle(candidate, proto::SignalTarget::Subscriber));
    stage.tell(trickle(
        "candidate:nonsense",
        proto::SignalTarget::Publisher,
    ));
    stage.tell(trickle(candidate, proto::SignalTarget::Publisher));
    stage.pass(Duration::from_secs(2));
    assert!(stage.link.is_up());
}

#[test]
fn the_server_mutes_a_caller_and_our_own_mute_is_no_news() {
    let mut stage = Stage::calling();
    stage.told();
    let mute = |muted| {
        let sid = "TR_own".to_owned();
        Message::Mute(proto::MuteTrackRequest { sid, muted })
    };
    stage.tell(mute(true));
    stage.tell(mute(true));
    assert_eq!(stage.told(), ["Muted true"]);
    stage.link.set_muted(stage.now, false);
    stage.settle();
    stage.tell(mute(false));
    assert_eq!(stage.told(), Vec::<String>::new());
    assert!(matches!(stage.said.last(), Some(Said::Mute(request)) if !request.muted));
}

#[test]
fn a_callers_resume_restarts_ice_and_its_offers_are_numbered() {
    let mut stage = Stage::calling();
    stage.link.signal_closed(stage.now, "reset");
    stage.settle();
    stage
        .link
        .resumed(stage.now, proto::ReconnectResponse::default());
    stage.settle();
    assert_eq!(
        stage.asked,
        ["join", "resume"],
        "held back until the answer"
    );
    stage.answer();
    assert_eq!(stage.asked, ["join", "resume", "reconnected"]);
    let offers = stage.said.iter().filter_map(|said| {
        if let Said::Offer(offer) = said {
            Some((offer.id, ufrag(&offer.sdp)))
        } else {
            None
        }
    });
    let [(1, before), (2, after)] = &offers.collect::<Vec<_>>()[..] else {
        panic!("{:?}", stage.said)
    };
    assert_ne!(before, after);
    stage.pass(Duration::from_secs(10));
    assert!(stage.link.is_up());
    let packet = AudioPacket {
        seq: 0,
        timestamp: 960,
        marker: false,
        level_dbov: Some(-20),
        payload: [7].into(),
    };
    assert!(stage.link.send_audio(stage.now, &packet));
    stage.settle();
    assert_eq!(stage.heard, 1);
}

fn ufrag(sdp: &str) -> String {
    sdp.lines()
        .find(|line| line.starts_with("a=ice-ufrag:"))
        .unwrap()
        .to_owned()
}

#[test]
fn a_track_that_is_refused_or_taken_away_is_published_again() {
    let mut stage = Stage::new(LinkRole::Caller);
    stage.join(vec![]);
    let refusal = proto::RequestResponse {
        reason: proto::request_response::Reason::NotAllowed.into(),
        request: Some(proto::request_response::Request::AddTrack(
            Default::default(),
        )),
        ..Default::default()
    };
    stage.tell(Message::RequestResponse(refusal));
    assert_eq!(stage.told(), ["Down"]);
    stage.pass(Duration::from_secs(16));
    assert_eq!(stage.asked, ["join", "disconnect", "join"]);

    let mut stage = Stage::calling();
    let track_sid = "TR_own".to_owned();
    stage.tell(Message::TrackUnpublished(proto::TrackUnpublishedResponse {
        track_sid,
    }));
    stage.pass(Duration::from_secs(1));
    assert_eq!(stage.asked.last(), Some(&"join"));
}

#[test]
fn a_server_that_demands_a_relay_is_named() {
    let mut stage = Stage::new(LinkRole::Listener);
    let force_relay = proto::ClientConfigSetting::Enabled.into();
    let response = proto::JoinResponse {
        subscriber_primary: true,
        client_configuration: Some(proto::ClientConfiguration {
            force_relay,
            ..Default::default()
        }),
        ..Default::default()
    };
    stage.link.joined(stage.now, response);
    stage.settle();
    let sdp = stage
        .server
        .offer(stage.now, channels())
        .unwrap()
        .unwrap()
        .sdp;
    stage.tell(Message::Offer(proto::SessionDescription {
        sdp,
        id: 1,
        ..Default::default()
    }));
    stage.pass(Duration::from_secs(10));
    assert_eq!(
        stage.events,
        [LinkEvent::Down {
            trouble: LinkTrouble::RelayForced
        }]
    );
}

#[test]
fn a_driver_that_does_not_answer_is_asked_again() {
    let mut link = Stage::new(LinkRole::Listener);
    link.pass(Duration::from_secs(60));
    assert!(link.asked.iter().filter(|asked| **asked == "join").count() >= 3);
}

#[test]
fn a_kick_whose_media_closes_first_is_still_a_kick() {
    let closes = |stage: &mut Stage| {
        let transport = stage.link.transport.as_mut().unwrap();
        transport.peer.as_mut().unwrap().fail();
        stage.link.handle_timeout(stage.now);
        stage.pass(Duration::from_millis(100));
        assert_eq!(stage.told(), ["Up"], "why is not known yet");
    };
    let mut kicked = Stage::calling();
    closes(&mut kicked);
    let reason = proto::DisconnectReason::ParticipantRemoved.into();
    kicked.tell(Message::Leave(proto::LeaveRequest {
        reason,
        ..Default::default()
    }));
    assert_eq!(kicked.told(), ["Removed"]);
    assert_eq!(kicked.asked, ["join", "disconnect"]);

    let mut failed = Stage::calling();
    closes(&mut failed);
    failed.pass(Duration::from_secs(1));
    assert_eq!(failed.told(), ["Down"]);
    assert_eq!(failed.asked, ["join", "join"]);
    assert!(matches!(failed.said.last(), Some(Said::Leave(_))));
}
