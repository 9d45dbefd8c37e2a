use std::net::{Ipv4Addr, Ipv6Addr};

use proptest::prelude::*;

use super::*;

const BOTH: &[Codec] = &[Codec::Pcmu, Codec::Pcma];

const TWILIO: &str = "v=0\r\n\
    o=root 1972451180 1972451180 IN IP4 172.18.149.32\r\n\
    s=Twilio Media Gateway\r\n\
    c=IN IP4 168.86.137.207\r\n\
    t=0 0\r\n\
    m=audio 12692 RTP/AVP 0 8 101\r\n\
    a=rtpmap:0 PCMU/8000\r\n\
    a=rtpmap:8 PCMA/8000\r\n\
    a=rtpmap:101 telephone-event/8000\r\n\
    a=fmtp:101 0-16\r\n\
    a=ptime:20\r\n\
    a=maxptime:20\r\n\
    a=sendrecv\r\n";

const BARESIP: &str = "v=0\r\n\
    o=- 3141592653 589793238 IN IP4 192.0.2.10\r\n\
    s=-\r\n\
    c=IN IP4 192.0.2.10\r\n\
    t=0 0\r\n\
    a=tool:baresip 1.0.0\r\n\
    m=audio 21002 RTP/AVP 96 97 8 0 103\r\n\
    a=rtpmap:96 opus/48000/2\r\n\
    a=fmtp:96 stereo=1;sprop-stereo=1\r\n\
    a=rtpmap:97 speex/16000\r\n\
    a=rtpmap:8 PCMA/8000\r\n\
    a=rtpmap:0 PCMU/8000\r\n\
    a=rtpmap:103 telephone-event/8000\r\n\
    a=fmtp:103 0-15\r\n\
    a=rtcp:21003\r\n\
    a=sendrecv\r\n\
    a=label:1\r\n\
    a=rtcp-rsize\r\n\
    a=ptime:30\r\n";

const SIPP: &str = "v=0\n\
    o=user1 53655765 2353687637 IN IP4 127.0.1.1\n\
    s=-\n\
    c=IN IP4 127.0.1.1\n\
    t=0 0\n\
    m=audio 6000 RTP/AVP 0\n\
    a=rtpmap:0 PCMU/8000\n";

const LINPHONE: &str = "v=0\r\n\
    o=anna 2371 3218 IN IP4 198.51.100.7\r\n\
    s=Talk\r\n\
    c=IN IP4 198.51.100.7\r\n\
    t=0 0\r\n\
    a=rtcp-xr:rcvr-rtt=all:10000 stat-summary=loss,dup,jitt,TTL voip-metrics\r\n\
    m=audio 7078 RTP/AVP 96 0 8 97 98\r\n\
    a=rtpmap:96 opus/48000/2\r\n\
    a=rtpmap:97 telephone-event/48000\r\n\
    a=rtpmap:98 telephone-event/8000\r\n\
    a=rtcp-fb:* trr-int 1000\r\n\
    m=video 9078 RTP/AVP 99\r\n\
    a=rtpmap:99 VP8/90000\r\n";

fn local() -> LocalMedia<'static> {
    LocalMedia {
        addr: IpAddr::V4(Ipv4Addr::new(203, 0, 113, 5)),
        port: 10_000,
        session_id: 77,
        version: 1,
        prefer: BOTH,
        srtp: LocalSrtp::OFF,
    }
}

fn local_v6() -> LocalMedia<'static> {
    LocalMedia {
        addr: IpAddr::V6("2001:db8::5".parse::<Ipv6Addr>().unwrap()),
        ..local()
    }
}

/// A plain offer whose audio line and attributes are given.
fn offered(media: &str) -> String {
    format!("v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n{media}")
}

fn answered(offer: &str) -> (Negotiated, String) {
    let (agreed, body) = negotiate(offer.as_bytes(), &local()).unwrap();
    (agreed, String::from_utf8(body).unwrap())
}

fn refused(offer: &str) -> SdpError {
    negotiate(offer.as_bytes(), &local()).unwrap_err()
}

#[test]
fn twilio_gets_mu_law_and_its_own_payload_types() {
    let (agreed, answer) = answered(TWILIO);
    assert_eq!(agreed.codec, Codec::Pcmu);
    assert_eq!(agreed.payload_type, 0);
    assert_eq!(agreed.dtmf_payload_type, Some(101));
    assert_eq!(agreed.remote, "168.86.137.207:12692".parse().unwrap());
    assert_eq!(agreed.ptime_ms_in, Some(20));
    assert_eq!(agreed.direction, Direction::SendRecv);
    assert!(!agreed.hold);
    assert_eq!(
        answer,
        "v=0\r\n\
         o=- 77 1 IN IP4 203.0.113.5\r\n\
         s=-\r\n\
         c=IN IP4 203.0.113.5\r\n\
         t=0 0\r\n\
         m=audio 10000 RTP/AVP 0 101\r\n\
         a=rtpmap:0 PCMU/8000\r\n\
         a=rtpmap:101 telephone-event/8000\r\n\
         a=fmtp:101 0-15\r\n\
         a=ptime:20\r\n\
         a=sendrecv\r\n"
    );
}

#[test]
fn our_order_of_codecs_decides() {
    let (agreed, answer) = answered(BARESIP);
    assert_eq!((agreed.codec, agreed.payload_type), (Codec::Pcmu, 0));
    assert_eq!(agreed.dtmf_payload_type, Some(103));
    assert_eq!(agreed.ptime_ms_in, Some(30));
    assert!(
        answer.contains("m=audio 10000 RTP/AVP 0 103\r\n"),
        "{answer}"
    );

    let a_law_first = LocalMedia {
        prefer: &[Codec::Pcma, Codec::Pcmu],
        ..local()
    };
    let (agreed, answer) = negotiate(BARESIP.as_bytes(), &a_law_first).unwrap();
    assert_eq!((agreed.codec, agreed.payload_type), (Codec::Pcma, 8));
    assert!(
        String::from_utf8(answer)
            .unwrap()
            .contains("a=rtpmap:8 PCMA/8000\r\n")
    );
}

#[test]
fn sipp_with_bare_line_feeds_and_no_digits_is_served() {
    let (agreed, answer) = answered(SIPP);
    assert_eq!(agreed.remote, "127.0.1.1:6000".parse().unwrap());
    assert_eq!(agreed.dtmf_payload_type, None);
    assert_eq!(agreed.ptime_ms_in, None);
    assert!(answer.contains("m=audio 10000 RTP/AVP 0\r\n"), "{answer}");
    assert!(!answer.contains("telephone-event"), "{answer}");
}

#[test]
fn linphone_gets_digits_at_our_rate_and_its_video_declined() {
    let (agreed, answer) = answered(LINPHONE);
    assert_eq!(agreed.dtmf_payload_type, Some(98));
    assert!(
        answer.contains("m=audio 10000 RTP/AVP 0 98\r\n"),
        "{answer}"
    );
    assert!(answer.ends_with("m=video 0 RTP/AVP 99\r\n"), "{answer}");
}

#[test]
fn directions_are_mirrored_from_media_or_session() {
    for (theirs, ours, hold) in [
        ("sendrecv", "sendrecv", false),
        ("sendonly", "recvonly", true),
        ("recvonly", "sendonly", false),
        ("inactive", "inactive", true),
    ] {
        let (agreed, answer) = answered(&TWILIO.replace("sendrecv", theirs));
        assert_eq!(agreed.direction.name(), ours);
        assert_eq!(agreed.hold, hold, "{theirs}");
        assert!(answer.ends_with(&format!("a={ours}\r\n")), "{answer}");

        let at_session = SIPP.replace("m=audio", &format!("a={theirs}\nm=audio"));
        assert_eq!(answered(&at_session).0.direction.name(), ours);
    }
    let media_wins = SIPP.replace("m=audio", "a=inactive\nm=audio") + "a=sendrecv\n";
    assert_eq!(answered(&media_wins).0.direction, Direction::SendRecv);
}

#[test]
fn an_unspecified_address_is_hold() {
    for (theirs, ours) in [
        ("sendrecv", Direction::RecvOnly),
        ("sendonly", Direction::RecvOnly),
        ("recvonly", Direction::Inactive),
        ("inactive", Direction::Inactive),
    ] {
        let offer = TWILIO
            .replace("168.86.137.207", "0.0.0.0")
            .replace("sendrecv", theirs);
        let (agreed, answer) = answered(&offer);
        assert!(agreed.hold);
        assert_eq!(agreed.direction, ours, "{theirs}");
        assert!(agreed.remote.ip().is_unspecified());
        assert!(answer.contains("c=IN IP4 203.0.113.5\r\n"), "{answer}");
    }
}

#[test]
fn the_address_of_the_media_goes_before_that_of_the_session() {
    let offer = offered("m=audio 4000 RTP/AVP 0\r\nc=IN IP4 198.51.100.9\r\n");
    assert_eq!(
        answered(&offer).0.remote,
        "198.51.100.9:4000".parse().unwrap()
    );
}

#[test]
fn addresses_that_cannot_be_reached_are_refused() {
    for address in [
        "IP4 host.example.com",
        "IP4 224.2.1.1/127",
        "IP4 255.255.255.255",
        "IP6 ff02::1",
    ] {
        let offer = offered(&format!("m=audio 4000 RTP/AVP 0\r\nc=IN {address}\r\n"));
        assert_eq!(refused(&offer), SdpError::Address, "{address}");
    }
    let none = offered("m=audio 4000 RTP/AVP 0\r\n").replace("c=IN IP4 192.0.2.1\r\n", "");
    assert_eq!(refused(&none), SdpError::Address);
}

#[test]
fn ipv6_is_answered_in_kind_and_families_are_not_mixed() {
    let offer = TWILIO.replace("c=IN IP4 168.86.137.207", "c=IN IP6 2001:db8::9");
    let (agreed, answer) = negotiate(offer.as_bytes(), &local_v6()).unwrap();
    assert_eq!(agreed.remote, "[2001:db8::9]:12692".parse().unwrap());
    let answer = String::from_utf8(answer).unwrap();
    assert!(
        answer.contains("o=- 77 1 IN IP6 2001:db8::5\r\n"),
        "{answer}"
    );
    assert!(answer.contains("c=IN IP6 2001:db8::5\r\n"), "{answer}");

    assert_eq!(refused(&offer), SdpError::Address);
    assert_eq!(
        negotiate(TWILIO.as_bytes(), &local_v6()).unwrap_err(),
        SdpError::Address
    );

    let held = offer.replace("2001:db8::9", "::");
    assert!(negotiate(held.as_bytes(), &local_v6()).unwrap().0.hold);
}

#[test]
fn only_the_first_usable_audio_line_is_taken() {
    let offer = offered(
        "m=image 5000 udptl t38\r\n\
         m=audio 5002 RTP/SAVP 0\r\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:abc\r\n\
         m=audio 0 RTP/AVP 0\r\n\
         m=audio 5006 RTP/AVP 18\r\n\
         m=audio 5008 RTP/AVP 8 100\r\na=rtpmap:100 telephone-event/8000\r\n\
         m=audio 5010 RTP/AVP 0\r\n",
    );
    let (agreed, answer) = answered(&offer);
    assert_eq!(agreed.remote.port(), 5008);
    assert_eq!(agreed.codec, Codec::Pcma);
    let lines: Vec<_> = answer
        .lines()
        .filter(|line| line.starts_with("m="))
        .collect();
    assert_eq!(
        lines,
        [
            "m=image 0 udptl t38",
            "m=audio 0 RTP/SAVP 0",
            "m=audio 0 RTP/AVP 0",
            "m=audio 0 RTP/AVP 18",
            "m=audio 10000 RTP/AVP 8 100",
            "m=audio 0 RTP/AVP 0",
        ]
    );
}

#[test]
fn what_cannot_be_spoken_is_named() {
    for profile in ["RTP/SAVP", "UDP/TLS/RTP/SAVPF", "RTP/AVPF", "TCP/RTP/AVP"] {
        let offer = offered(&format!("m=audio 4000 {profile} 0\r\n"));
        assert_eq!(refused(&offer), SdpError::Profile(profile.into()));
    }
    assert_eq!(
        refused(&offered("m=audio 4000 RTP/AVP 18 9\r\n")),
        SdpError::NoCodec
    );
    assert_eq!(
        refused(&offered("m=audio 0 RTP/AVP 0\r\n")),
        SdpError::NoAudio
    );
    assert_eq!(
        refused(&offered("m=video 4000 RTP/AVP 99\r\n")),
        SdpError::NoAudio
    );
    assert_eq!(refused(&offered("")), SdpError::NoAudio);
}

#[test]
fn garbage_is_refused_and_odd_lines_are_not() {
    for garbage in [
        "",
        "hello",
        "v=1\r\nm=audio 1 RTP/AVP 0\r\n",
        "m=audio 4000 RTP/AVP 0\r\n",
    ] {
        assert!(
            matches!(refused(garbage), SdpError::Malformed(_)),
            "{garbage}"
        );
    }
    for line in [
        "m= audio",
        "m=audio",
        "m=audio x RTP/AVP 0",
        "m=audio 70000 RTP/AVP 0",
    ] {
        assert!(
            matches!(refused(&offered(line)), SdpError::Malformed(_)),
            "{line}"
        );
    }
    let odd = "\r\nv=0 \r\no=John Smith x IN\r\nb=lots\r\nk=\r\nx-?\r\nc=IN IP4 192.0.2.1\r\n\
               m=audio 4000 RTP/AVP 0\r\na=\r\na=:\r\na=rtpmap\r\n";
    assert_eq!(answered(odd).0.payload_type, 0);
}

#[test]
fn names_in_latin_1_do_not_cost_the_call() {
    let mut offer = TWILIO.as_bytes().to_vec();
    offer.splice(5..5, b"i=M\xfcller\r\na=tool:M\xfcller\r\n".iter().copied());
    assert_eq!(negotiate(&offer, &local()).unwrap().0.payload_type, 0);
}

#[test]
fn sizes_are_limited() {
    let long = format!("{TWILIO}a=x:{}\r\n", "y".repeat(BYTES_MAX));
    assert_eq!(refused(&long), SdpError::TooLarge);
    let wide = offered(&"m=audio 4000 RTP/AVP 0\r\n".repeat(LINES_MAX + 1));
    assert_eq!(refused(&wide), SdpError::TooLarge);
    let full = offered(&"m=audio 4000 RTP/AVP 0\r\n".repeat(LINES_MAX));
    assert_eq!(
        answered(&full).1.matches("m=audio 0 ").count(),
        LINES_MAX - 1
    );
}

#[test]
fn packet_length_is_read_where_it_makes_sense() {
    for (ptime, read) in [
        ("10", Some(10)),
        ("60", Some(60)),
        (" 40 ", Some(40)),
        ("0", None),
        ("9", None),
        ("200", None),
        ("20.5", None),
        ("-20", None),
        ("99999999", None),
        ("", None),
    ] {
        let offer = TWILIO.replace("ptime:20", &format!("ptime:{ptime}"));
        assert_eq!(answered(&offer).0.ptime_ms_in, read, "{ptime:?}");
    }
}

#[test]
fn payload_types_are_those_of_the_offer() {
    let dynamic = offered(
        "m=audio 4000 RTP/AVP 110 96\r\n\
         a=rtpmap:110 pcma/8000/1\r\na=rtpmap:96 Telephone-Event/8000\r\n",
    );
    let (agreed, answer) = answered(&dynamic);
    assert_eq!((agreed.codec, agreed.payload_type), (Codec::Pcma, 110));
    assert_eq!(agreed.dtmf_payload_type, Some(96));
    assert!(answer.contains("m=audio 10000 RTP/AVP 110 96\r\na=rtpmap:110 PCMA/8000\r\n"));

    let statics = offered("m=audio 4000 RTP/AVP 8 0\r\n");
    assert_eq!(answered(&statics).0.payload_type, 0);

    let unlisted = offered("m=audio 4000 RTP/AVP 8\r\na=rtpmap:0 PCMU/8000\r\n");
    assert_eq!(answered(&unlisted).0.payload_type, 8);

    let unmapped = offered("m=audio 4000 RTP/AVP 0 101\r\n");
    assert_eq!(answered(&unmapped).0.dtmf_payload_type, None);

    let stereo_or_wide = offered(
        "m=audio 4000 RTP/AVP 96 97 300 x\r\na=rtpmap:96 PCMU/8000/2\r\na=rtpmap:97 PCMU/16000\r\n",
    );
    assert_eq!(refused(&stereo_or_wide), SdpError::NoCodec);
}

#[test]
fn the_answer_repeats_the_time_and_carries_the_version() {
    let offer = TWILIO.replace("t=0 0", "t=3034423619 3042462419");
    let later = LocalMedia {
        version: 2,
        ..local()
    };
    let (_, answer) = negotiate(offer.as_bytes(), &later).unwrap();
    let answer = String::from_utf8(answer).unwrap();
    assert!(
        answer.contains("o=- 77 2 IN IP4 203.0.113.5\r\n"),
        "{answer}"
    );
    assert!(answer.contains("t=3034423619 3042462419\r\n"), "{answer}");
}

#[test]
fn a_late_offer_is_settled_by_its_answer() {
    let (pending, body) = offer(&local(), None);
    assert_eq!(
        String::from_utf8(body.clone()).unwrap(),
        "v=0\r\n\
         o=- 77 1 IN IP4 203.0.113.5\r\n\
         s=-\r\n\
         c=IN IP4 203.0.113.5\r\n\
         t=0 0\r\n\
         m=audio 10000 RTP/AVP 0 8 101\r\n\
         a=rtpmap:0 PCMU/8000\r\n\
         a=rtpmap:8 PCMA/8000\r\n\
         a=rtpmap:101 telephone-event/8000\r\n\
         a=fmtp:101 0-15\r\n\
         a=rtcp-mux\r\n\
         a=ptime:20\r\n\
         a=sendrecv\r\n"
    );

    let far = LocalMedia {
        addr: IpAddr::V4(Ipv4Addr::new(198, 51, 100, 1)),
        port: 4000,
        prefer: &[Codec::Pcma],
        ..local()
    };
    let (theirs, answer) = negotiate(&body, &far).unwrap();
    let ours = accept_answer(&pending, &answer).unwrap();
    assert_eq!(ours.remote, "198.51.100.1:4000".parse().unwrap());
    assert_eq!(theirs.remote, "203.0.113.5:10000".parse().unwrap());
    assert_eq!(
        (ours.codec, ours.dtmf_payload_type),
        (Codec::Pcma, Some(101))
    );
    assert_eq!(
        (theirs.codec, theirs.dtmf_payload_type),
        (Codec::Pcma, Some(101))
    );

    let held = String::from_utf8(answer)
        .unwrap()
        .replace("sendrecv", "sendonly");
    let ours = accept_answer(&pending, held.as_bytes()).unwrap();
    assert_eq!((ours.direction, ours.hold), (Direction::RecvOnly, true));
}

#[test]
fn an_answer_that_does_not_fit_is_refused() {
    let (pending, _) = offer(&local(), None);
    let accept = |body: &str| accept_answer(&pending, body.as_bytes()).unwrap_err();
    assert_eq!(accept(LINPHONE), SdpError::Mismatch);
    assert_eq!(accept(&offered("")), SdpError::Mismatch);
    assert_eq!(
        accept(&offered("m=audio 0 RTP/AVP 0\r\n")),
        SdpError::NoAudio
    );
    assert_eq!(
        accept(&offered("m=audio 4000 RTP/AVP 18\r\n")),
        SdpError::NoCodec
    );
    assert_eq!(
        accept(&offered("m=audio 4000 RTP/SAVP 0\r\n")),
        SdpError::Profile("RTP/SAVP".into())
    );
}

#[test]
fn their_order_decides_among_the_codecs_of_their_answer() {
    let (pending, _) = offer(&local(), None);
    let answer = offered("m=audio 4000 RTP/AVP 8 0\r\n");
    assert_eq!(
        accept_answer(&pending, answer.as_bytes()).unwrap().codec,
        Codec::Pcma
    );
}

#[test]
fn a_later_offer_keeps_lines_and_payload_types() {
    let (agreed, _) = answered(&LINPHONE.replace("m=video", "m=audio 0 RTP/AVP 3\r\nm=video"));
    let (pending, body) = offer(
        &LocalMedia {
            version: 2,
            ..local()
        },
        Some(&agreed),
    );
    let body = String::from_utf8(body).unwrap();
    let lines: Vec<_> = body.lines().filter(|line| line.starts_with("m=")).collect();
    assert_eq!(
        lines,
        [
            "m=audio 10000 RTP/AVP 0 8 98",
            "m=audio 0 RTP/AVP 3",
            "m=video 0 RTP/AVP 99"
        ]
    );
    assert!(body.contains("o=- 77 2 IN"), "{body}");
    assert!(accept_answer(&pending, LINPHONE.as_bytes()).is_err());

    let (without_digits, _) = answered(SIPP);
    let (_, body) = offer(&local(), Some(&without_digits));
    assert!(!String::from_utf8(body).unwrap().contains("telephone-event"));
}

proptest! {
    #[test]
    fn no_octets_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
        let _ = negotiate(&bytes, &local());
        let (pending, _) = offer(&local(), None);
        let _ = accept_answer(&pending, &bytes);
    }

    /// Mutated descriptions are refused, or answered line by line with something that can be read.
    #[test]
    fn an_answer_always_fits_its_offer(
        base in prop::sample::select(vec![TWILIO, BARESIP, SIPP, LINPHONE]),
        edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0..3u8), 0..8),
    ) {
        let mut offer = base.as_bytes().to_vec();
        for (at, byte, kind) in edits {
            let at = at.index(offer.len());
            match kind {
                0 => offer[at] = byte,
                1 => offer.insert(at, byte),
                _ => drop(offer.remove(at)),
            }
        }
        if let Ok((agreed, answer)) = negotiate(&offer, &local()) {
            let answer = sdp_types::Session::parse(&answer).unwrap();
            let open: Vec<_> = answer.medias.iter().filter(|media| media.port != 0).collect();
            prop_assert_eq!(answer.medias.len(), agreed.lines.len());
            prop_assert_eq!(open.len(), 1);
            prop_assert_eq!(open[0].port, 10_000);
            prop_assert_eq!(agreed.hold, !agreed.direction.sends());
        }
    }
}

#[test]
fn rtcp_is_multiplexed_with_whoever_offers_it() {
    let offer = offered("m=audio 4000 RTP/AVP 0\r\na=rtcp:4001\r\na=rtcp-mux\r\na=sendrecv\r\n");
    let (agreed, answer) = answered(&offer);
    assert_eq!(agreed.rtcp, Rtcp::Muxed);
    assert!(answer.contains("\r\na=rtcp-mux\r\n"), "{answer}");
    let (agreed, answer) = answered(TWILIO);
    assert_eq!(
        agreed.rtcp,
        Rtcp::At("168.86.137.207:12693".parse().unwrap())
    );
    assert!(!answer.contains("rtcp"), "{answer}");
}

#[test]
fn rtcp_goes_where_the_offer_says_if_that_makes_sense() {
    let beside = "192.0.2.1:4001";
    for (value, expected) in [
        ("53020", "192.0.2.1:53020"),
        ("53020 IN IP4 192.0.2.9", "192.0.2.9:53020"),
        ("53020 IN IP4", "192.0.2.1:53020"),
        ("0", beside),
        ("65536", beside),
        ("", beside),
        ("port", beside),
        ("53020 IN IP4 host.example", beside),
        ("53020 IN IP4 0.0.0.0", beside),
        ("53020 IN IP4 224.0.0.1", beside),
        ("53020 IN IP4 255.255.255.255", beside),
        ("53020 IN IP6 2001:db8::9", beside),
    ] {
        let offer = offered(&format!("m=audio 4000 RTP/AVP 0\r\na=rtcp:{value}\r\n"));
        let (agreed, _) = answered(&offer);
        assert_eq!(agreed.rtcp, Rtcp::At(expected.parse().unwrap()), "{value}");
    }
    let (agreed, _) = answered(&offered("m=audio 65535 RTP/AVP 0\r\n"));
    assert_eq!(agreed.rtcp, Rtcp::At("192.0.2.1:0".parse().unwrap()));
}

#[test]
fn our_offers_multiplex_and_take_a_no() {
    let (pending, offer) = offer(&local(), None);
    let offer = String::from_utf8(offer).unwrap();
    assert!(offer.contains("\r\na=rtcp-mux\r\n"), "{offer}");
    let yes = offered("m=audio 4000 RTP/AVP 0\r\na=rtcp-mux\r\n");
    let no = offered("m=audio 4000 RTP/AVP 0\r\n");
    let rtcp = |answer: &str| accept_answer(&pending, answer.as_bytes()).unwrap().rtcp;
    assert_eq!(rtcp(&yes), Rtcp::Muxed);
    assert_eq!(rtcp(&no), Rtcp::At("192.0.2.1:4001".parse().unwrap()));
}
