//! G.722 and Opus in offers and answers.

use std::net::Ipv4Addr;

use super::*;

const ALL: &[Codec] = &Codec::ALL;
const WIDE_FIRST: &[Codec] = &[Codec::Opus, Codec::G722, Codec::Pcmu];

/// Opus twice over, speex, G.722, digits at both clocks.
const OFFER: &str = "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n\
    m=audio 4000 RTP/AVP 101 97 9 0 98 99\r\n\
    a=rtpmap:101 OPUS/48000/2\r\n\
    a=fmtp:101 stereo=1; MaxAverageBitrate=20000 ;useinbandfec=1\r\n\
    a=rtpmap:97 speex/16000\r\n\
    a=rtpmap:98 telephone-event/8000\r\n\
    a=rtpmap:99 telephone-event/48000\r\n";

const OPUS_PARAMETERS: &str =
    "maxplaybackrate=16000;sprop-maxcapturerate=16000;maxaveragebitrate=40000;useinbandfec=1";

fn local(prefer: &[Codec]) -> LocalMedia<'_> {
    LocalMedia {
        addr: IpAddr::V4(Ipv4Addr::new(203, 0, 113, 5)),
        port: 10_000,
        session_id: 77,
        version: 1,
        prefer,
        srtp: LocalSrtp::OFF,
    }
}

fn answered(offer: &str, prefer: &[Codec]) -> (Negotiated, String) {
    let (agreed, body) = negotiate(offer.as_bytes(), &local(prefer)).unwrap();
    (agreed, String::from_utf8(body).unwrap())
}

#[test]
fn opus_gets_its_own_number_digits_at_its_clock_and_what_we_want_of_it() {
    let (agreed, answer) = answered(OFFER, WIDE_FIRST);
    assert_eq!((agreed.codec, agreed.payload_type), (Codec::Opus, 101));
    assert_eq!(agreed.dtmf_payload_type, Some(99));
    assert_eq!(agreed.bitrate_max, Some(20_000));
    let expected = format!(
        "m=audio 10000 RTP/AVP 101 99\r\n\
         a=rtpmap:101 opus/48000/2\r\n\
         a=fmtp:101 {OPUS_PARAMETERS}\r\n\
         a=rtpmap:99 telephone-event/48000\r\n\
         a=fmtp:99 0-15\r\n\
         a=ptime:20\r\n"
    );
    assert!(answer.contains(&expected), "{answer}");
}

#[test]
fn g722_is_known_by_its_number_and_by_its_name() {
    let prefer = &[Codec::G722, Codec::Pcmu];
    let (agreed, answer) = answered(OFFER, prefer);
    assert_eq!((agreed.codec, agreed.payload_type), (Codec::G722, 9));
    assert_eq!(
        (agreed.dtmf_payload_type, agreed.bitrate_max),
        (Some(98), None)
    );
    assert!(
        answer.contains("m=audio 10000 RTP/AVP 9 98\r\na=rtpmap:9 G722/8000\r\n"),
        "{answer}"
    );

    let named = OFFER.replace(" 9 0", " 96 0") + "a=rtpmap:96 g722/8000/1\r\n";
    assert_eq!(answered(&named, prefer).0.payload_type, 96);
    // It samples at 16 kHz, but that is not what SDP says of it.
    let wrong = OFFER.replace(" 9 0", " 96 0") + "a=rtpmap:96 G722/16000\r\n";
    assert_eq!(answered(&wrong, prefer).0.codec, Codec::Pcmu);
}

#[test]
fn telephones_with_nothing_else_are_served_in_the_usual_order() {
    assert_eq!(answered(OFFER, ALL).0.codec, Codec::Pcmu);
    let (agreed, _) = answered(&OFFER.replace(" 9 0", ""), ALL);
    assert_eq!(agreed.codec, Codec::Opus);
    for (wrong, right) in [
        ("OPUS/48000/1", false),
        ("OPUS/16000/2", false),
        ("opus/48000", true),
    ] {
        let offer = OFFER.replace(" 9 0", "").replace("OPUS/48000/2", wrong);
        let taken = negotiate(offer.as_bytes(), &local(ALL)).is_ok();
        assert_eq!(taken, right, "{wrong}");
    }
}

#[test]
fn digits_at_another_clock_are_better_than_none() {
    let offer = OFFER.replace("telephone-event/48000", "telephone-event/16000");
    let (agreed, answer) = answered(&offer, WIDE_FIRST);
    assert_eq!(
        (agreed.codec, agreed.dtmf_payload_type),
        (Codec::Opus, Some(98))
    );
    assert!(
        answer.contains("a=rtpmap:98 telephone-event/8000\r\n"),
        "{answer}"
    );
}

#[test]
fn our_offer_has_digits_at_the_clocks_of_its_codecs() {
    let ours = |prefer: &[Codec]| String::from_utf8(offer(&local(prefer), None).1).unwrap();
    let all = ours(ALL);
    let expected = format!(
        "m=audio 10000 RTP/AVP 0 8 9 111 101 110\r\n\
         a=rtpmap:0 PCMU/8000\r\n\
         a=rtpmap:8 PCMA/8000\r\n\
         a=rtpmap:9 G722/8000\r\n\
         a=rtpmap:111 opus/48000/2\r\n\
         a=fmtp:111 {OPUS_PARAMETERS}\r\n\
         a=rtpmap:101 telephone-event/8000\r\n\
         a=fmtp:101 0-15\r\n\
         a=rtpmap:110 telephone-event/48000\r\n\
         a=fmtp:110 0-15\r\n"
    );
    assert!(all.contains(&expected), "{all}");
    let opus = ours(&[Codec::Opus]);
    assert!(opus.contains("RTP/AVP 111 110\r\n"), "{opus}");
    let g722 = ours(&[Codec::G722]);
    assert!(g722.contains("RTP/AVP 9 101\r\n"), "{g722}");
}

#[test]
fn the_answer_to_our_offer_chooses_among_what_we_offered() {
    let (pending, _) = offer(&local(&[Codec::Pcmu, Codec::Opus]), None);
    let agreed = accept_answer(&pending, OFFER.as_bytes()).unwrap();
    assert_eq!((agreed.codec, agreed.payload_type), (Codec::Opus, 101));
    let (pending, _) = offer(&local(&[Codec::Pcma]), None);
    let refused = accept_answer(&pending, OFFER.as_bytes()).unwrap_err();
    assert_eq!(refused, SdpError::NoCodec);
}

#[test]
fn no_number_changes_its_meaning_in_a_session() {
    // They call Opus 101, and 110 something that we do not know.
    let theirs = OFFER.replace("101 97", "101 110") + "a=rtpmap:110 speex/8000\r\n";
    let (agreed, _) = answered(&theirs, &[Codec::Pcmu]);
    assert_eq!(agreed.codec, Codec::Pcmu);
    let (_, again) = offer(&local(ALL), Some(&agreed));
    let again = String::from_utf8(again).unwrap();
    assert!(
        again.contains("m=audio 10000 RTP/AVP 0 8 9 101 98 99\r\n"),
        "{again}"
    );
    assert!(again.contains("a=rtpmap:101 opus/48000/2\r\n"), "{again}");

    // They know no Opus, and what we would call it is taken.
    let theirs = "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n\
        m=audio 4000 RTP/AVP 0 111 127\r\na=rtpmap:111 telephone-event/8000\r\n";
    let (agreed, _) = answered(theirs, ALL);
    let (_, again) = offer(&local(ALL), Some(&agreed));
    let again = String::from_utf8(again).unwrap();
    assert!(
        again.contains("m=audio 10000 RTP/AVP 0 8 9 126 111 110\r\n"),
        "{again}"
    );
    assert!(again.contains("a=rtpmap:126 opus/48000/2\r\n"), "{again}");
}

#[test]
fn what_is_said_of_opus_is_read_with_care() {
    for (parameters, max) in [
        ("maxaveragebitrate=32000", Some(32_000)),
        ("useinbandfec=1;maxaveragebitrate=6000", Some(6000)),
        ("maxaveragebitrate=-1", None),
        ("maxaveragebitrate=99999999999999", None),
        ("maxaveragebitrate", None),
        (";;;=;", None),
        ("", None),
    ] {
        let fmtp = "stereo=1; MaxAverageBitrate=20000 ;useinbandfec=1";
        let offer = OFFER.replace(fmtp, parameters);
        assert_eq!(
            answered(&offer, WIDE_FIRST).0.bitrate_max,
            max,
            "{parameters}"
        );
    }
}
