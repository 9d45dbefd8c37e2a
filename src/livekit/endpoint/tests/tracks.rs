//! What is published, offered, heard and muted.

use std::time::Duration;

use livekit_protocol as proto;
use proto::leave_request::Action;
use proto::participant_info::State;
use proto::signal_request::Message as Said;
use proto::signal_response::Message;

use super::house::{House, caller, description, query, voice};
use super::{SECOND, pass};
use crate::livekit::endpoint::*;
use crate::livekit::token::RoomPass;
use crate::rtc::OfferChanges;

#[test]
fn everybody_hears_everybody_but_oneself() {
    let mut house = House::new();
    let call = house
        .endpoint
        .publish_call(house.now, "live", caller("call:1"))
        .unwrap();
    let (ann, bob) = (house.guest("ann"), house.guest("bob"));
    let elsewhere = house.join(&RoomPass::new("other", "eve", "eve"));
    let (ann_mid, ann_sid) = house.publish(ann, "mic-a");
    let (bob_mid, bob_sid) = house.publish(bob, "mic-b");
    for seq in 10..13 {
        house.speak(ann, ann_mid, voice(seq, 0xa0));
        house.speak(bob, bob_mid, voice(seq, 0xb0));
        house
            .endpoint
            .send_call_audio(house.now, call, &voice(seq, 0xc0));
        house.settle();
    }
    let call_sid = house.browsers[&ann].sees("call:1").unwrap().tracks[0]
        .sid
        .clone();
    let hears = |session: SessionId, sid: &str| house.browsers[&session].bytes_of(sid);
    assert_eq!(hears(ann, &bob_sid), [0xb0; 3]);
    assert_eq!(hears(ann, &call_sid), [0xc0; 3]);
    assert_eq!(hears(bob, &ann_sid), [0xa0; 3]);
    assert_eq!(hears(bob, &call_sid), [0xc0; 3]);
    assert_eq!(house.browsers[&ann].heard.len(), 2, "not itself");
    assert!(
        house.browsers[&elsewhere].heard.is_empty(),
        "nobody from the other room"
    );

    let to_switch: Vec<u8> = house
        .events
        .iter()
        .filter_map(|event| match event {
            Event::TrackAudio { payload, .. } => Some(payload[0]),
            _ => None,
        })
        .collect();
    assert_eq!(to_switch, [0xa0, 0xb0, 0xa0, 0xb0, 0xa0, 0xb0]);
    let counters = house.endpoint.counters();
    assert_eq!((counters.packets_in, counters.packets_out), (6, 12));
    assert_eq!(
        (counters.rooms, counters.browsers, counters.calls),
        (2, 3, 1)
    );
}

#[test]
fn many_callers_come_and_go_on_one_line() {
    let mut house = House::new();
    let ann = house.guest("ann");
    for n in 0..20u8 {
        let identity = format!("call:{n}");
        let call = house
            .endpoint
            .publish_call(house.now, "live", caller(&identity))
            .unwrap();
        house.pass(SECOND);
        house
            .endpoint
            .send_call_audio(house.now, call, &voice(1, n));
        house.settle();
        let info = house.browsers[&ann].sees(&identity).unwrap();
        let offer = house.browsers[&ann].offers().pop().unwrap();
        let stream = format!("a=msid:{}|{} ", info.sid, info.tracks[0].sid);
        assert_eq!(
            offer.sdp.matches(&stream).count(),
            1,
            "named by participant and track"
        );
        assert_eq!(offer.sdp.matches("m=audio").count(), 1, "one line for all");
        assert_eq!(house.browsers[&ann].bytes_of(&info.tracks[0].sid), [n]);

        house
            .endpoint
            .remove_participant(house.now, "live", &identity);
        house.pass(SECOND);
        assert_eq!(
            house.browsers[&ann].sees(&identity).unwrap().state(),
            State::Disconnected
        );
    }
}

#[test]
fn one_offer_at_a_time() {
    let mut house = House::new();
    let ann = house.guest("ann");
    house.browsers.get_mut(&ann).unwrap().answers = false;
    for n in 0..5 {
        house
            .endpoint
            .publish_call(house.now, "live", caller(&format!("call:{n}")))
            .unwrap();
        house.settle();
    }
    let browser = house.browsers.get_mut(&ann).unwrap();
    let offers = browser.offers();
    let ids: Vec<u32> = offers.iter().map(|offer| offer.id).collect();
    assert_eq!(ids, [1, 2], "the channels, then the first call");
    assert_eq!(offers[1].mid_to_track_id.len(), 1);

    browser.answers = true;
    house.say(ann, Said::Answer(description("answer", String::new(), 1)));
    assert_eq!(
        house.browsers[&ann].offers().len(),
        2,
        "an answer to the former offer is late"
    );
    house.pass(Duration::from_secs(20));
    let leave = house.browsers[&ann].leave().unwrap();
    assert_eq!(
        leave.action(),
        Action::Reconnect,
        "who does not answer joins anew"
    );
}

#[test]
fn mute_stops_the_audio_and_everybody_is_told() {
    let mut house = House::new();
    let (ann, bob) = (house.guest("ann"), house.guest("bob"));
    let (mid, sid) = house.publish(ann, "mic");
    house.speak(ann, mid, voice(1, 1));
    let mute = |muted| {
        Said::Mute(proto::MuteTrackRequest {
            sid: sid.clone(),
            muted,
        })
    };
    house.say(bob, mute(true));
    house.speak(ann, mid, voice(2, 2));
    house.say(ann, mute(true));
    assert!(house.browsers[&bob].sees("ann").unwrap().tracks[0].muted);
    house.speak(ann, mid, voice(3, 3));
    house.say(ann, mute(false));
    house.speak(ann, mid, voice(40, 4));
    let heard = &house.browsers[&bob].heard[&sid];
    let bytes: Vec<u8> = heard.iter().map(|packet| packet.payload[0]).collect();
    assert_eq!(bytes, [1, 2, 4], "bob cannot mute ann, ann can");
    assert_eq!(heard[2].seq, heard[1].seq + 1, "a mute is not loss");
    let told: Vec<bool> = house
        .events
        .iter()
        .filter_map(|event| match event {
            Event::TrackMuted { muted, .. } => Some(*muted),
            _ => None,
        })
        .collect();
    assert_eq!(told, [true, false]);
}

#[test]
fn a_track_taken_back_is_gone_for_all() {
    let mut house = House::new();
    let (ann, bob) = (house.guest("ann"), house.guest("bob"));
    let (mid, first) = house.publish(ann, "mic");
    house.offer(
        ann,
        OfferChanges {
            pause: vec![mid],
            ..Default::default()
        },
    );
    house.pass(SECOND);
    assert!(house.browsers[&bob].sees("ann").unwrap().tracks.is_empty());
    let down =
        |event: &Event| matches!(event, Event::TrackDown { track_sid, .. } if *track_sid == first);
    assert!(house.events.iter().any(down));

    let (mid, second) = house.publish(ann, "mic-2");
    house.speak(ann, mid, voice(1, 9));
    assert_eq!(house.browsers[&bob].bytes_of(&second), [9]);
}

#[test]
fn subscriptions_are_a_choice() {
    let mut house = House::new();
    let call = house
        .endpoint
        .publish_call(house.now, "live", caller("call:1"))
        .unwrap();
    let manual = JoinQuery::parse("auto_subscribe=0&sdk=rust");
    let ann = house.try_join(&pass("ann"), &manual).unwrap();
    house.pass(SECOND);
    let sid = house.browsers[&ann].sees("call:1").unwrap().tracks[0]
        .sid
        .clone();
    let mut seq = 0;
    let mut hear = |house: &mut House| {
        house.pass(SECOND);
        seq += 1;
        house
            .endpoint
            .send_call_audio(house.now, call, &voice(seq, seq as u8));
        house.settle();
        house.browsers[&ann].bytes_of(&sid)
    };
    let subscription = |subscribe| {
        let track_sids = vec![sid.clone(), "TR_of_nobody".to_owned()];
        Said::Subscription(proto::UpdateSubscription {
            track_sids,
            subscribe,
            ..Default::default()
        })
    };
    let setting = |disabled| {
        let track_sids = vec![sid.clone()];
        Said::TrackSetting(proto::UpdateTrackSettings {
            track_sids,
            disabled,
            ..Default::default()
        })
    };
    assert!(hear(&mut house).is_empty());
    house.say(ann, subscription(true));
    assert_eq!(hear(&mut house), [2]);
    house.say(ann, setting(true));
    assert_eq!(hear(&mut house), [2]);
    house.say(ann, setting(false));
    assert_eq!(hear(&mut house), [2, 4]);
    house.say(ann, subscription(false));
    assert_eq!(hear(&mut house), [2, 4]);
}

#[test]
fn speakers_are_named_while_they_speak() {
    let mut house = House::new();
    let call = house
        .endpoint
        .publish_call(house.now, "live", caller("call:1"))
        .unwrap();
    let ann = house.guest("ann");
    let speak = |house: &mut House| {
        for seq in 0..50 {
            house
                .endpoint
                .send_call_audio(house.now, call, &voice(seq, 1));
            house.pass(Duration::from_millis(20));
        }
    };
    let told = |house: &House, session: SessionId| -> Vec<bool> {
        let changes = house.browsers[&session]
            .messages
            .iter()
            .filter_map(|m| match m {
                Message::SpeakersChanged(changed) => Some(changed.speakers[0].active),
                _ => None,
            });
        changes.collect()
    };
    speak(&mut house);
    assert_eq!(
        told(&house, ann),
        [true],
        "once, as long as nothing changes"
    );
    let bob = house.try_join(&pass("bob"), &query()).unwrap();
    speak(&mut house);
    assert_eq!(told(&house, bob), [true], "a newcomer too");
    house.pass(SECOND);
    assert_eq!(told(&house, ann).last(), Some(&false));
    assert_eq!(told(&house, bob).last(), Some(&false));
}
