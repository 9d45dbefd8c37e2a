//! Offers and answers: what is agreed upon can be agreed upon again, and our side never carries a line of theirs.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use audioroad::sip::sdp::{
    Codec, LINES_MAX, LocalMedia, LocalSrtp, Negotiated, SrtpKey, SrtpRule, accept_answer,
    negotiate, offer,
};

/// Opus first: of all it is the one that SDP can say most about.
const CODECS: [Codec; 4] = [Codec::Opus, Codec::G722, Codec::Pcma, Codec::Pcmu];

pub(crate) fn run(data: &[u8]) {
    let encrypted = LocalSrtp {
        rule: SrtpRule::Preferred,
        key: Some(SrtpKey::new(&[7; 32])),
        former: None,
    };
    for (addr, srtp) in [
        (IpAddr::V4(Ipv4Addr::new(203, 0, 113, 9)), LocalSrtp::OFF),
        (IpAddr::V6(Ipv6Addr::LOCALHOST), encrypted),
    ] {
        let local = LocalMedia {
            addr,
            port: 10_000,
            session_id: 1,
            version: 1,
            prefer: &CODECS,
            srtp,
        };
        let (pending, ours) = offer(&local, None);
        is_well_formed(&ours);
        if let Ok(agreed) = accept_answer(&pending, data) {
            is_sound(&agreed);
            goes_on(&local, &agreed);
        }
        if let Ok((agreed, answer)) = negotiate(data, &local) {
            is_sound(&agreed);
            is_well_formed(&answer);
            assert_eq!(lines(&answer, b"m="), lines(data, b"m="));
            goes_on(&local, &agreed);
        }
    }
}

/// A later offer of ours keeps the media lines and is one that we would take ourselves.
fn goes_on(local: &LocalMedia<'_>, agreed: &Negotiated) {
    let (pending, ours) = offer(local, Some(agreed));
    is_well_formed(&ours);
    // The same switch at the other end, but for its key: one both ways is refused.
    let key = local.srtp.key.map(|_| SrtpKey::new(&[9; 32]));
    let srtp = LocalSrtp { key, ..local.srtp };
    let other = LocalMedia { srtp, ..*local };
    let (_, answer) = negotiate(&ours, &other).expect("our own offer");
    accept_answer(&pending, &answer).expect("our own answer");
}

fn is_sound(agreed: &Negotiated) {
    assert!(agreed.payload_type < 128);
    assert!(agreed.dtmf_payload_type.is_none_or(|number| number < 128));
    assert!(agreed.remote.port() != 0 && !agreed.remote.ip().is_multicast());
    assert!(agreed.ptime_ms_in.is_none_or(|ms| (10..=60).contains(&ms)));
}

/// Lines `x=value` that end in CRLF, and not too many of them.
fn is_well_formed(ours: &[u8]) {
    let shown = || String::from_utf8_lossy(ours).into_owned();
    let text = ours.strip_suffix(b"\r\n").expect("a last line that ends");
    for line in text.split(|octet| *octet == b'\n') {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        assert!(!line.contains(&b'\r'), "{}", shown());
        assert!(line.get(1) == Some(&b'='), "{}", shown());
    }
    let line_feeds = text.iter().filter(|octet| **octet == b'\n').count();
    let breaks = text.windows(2).filter(|pair| pair == b"\r\n").count();
    assert_eq!(line_feeds, breaks, "{}", shown());
    assert!(lines(ours, b"m=") <= LINES_MAX, "{}", shown());
}

fn lines(text: &[u8], start: &[u8]) -> usize {
    let lines = text.split(|octet| *octet == b'\n');
    lines.filter(|line| line.starts_with(start)).count()
}
