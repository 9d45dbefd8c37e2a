//! Offers and answers with keys in them.

use std::net::{IpAddr, Ipv4Addr};

use super::*;

const THEIRS: &str = "PS1uQCVeeCFCanVmcjkpPywjNWhcYD0mXXtxaVBR";
const THEIRS_32: &str = "NzB4d1BINUAvLEw6UzF3WSJ+PSdFcGdUJShpX1Zj";

fn key(seed: u8) -> SrtpKey {
    SrtpKey::new(&[seed; 32])
}

fn side(rule: SrtpRule) -> LocalMedia<'static> {
    LocalMedia {
        addr: IpAddr::V4(Ipv4Addr::new(203, 0, 113, 5)),
        port: 10_000,
        session_id: 77,
        version: 1,
        prefer: &[Codec::Pcmu, Codec::Pcma],
        srtp: LocalSrtp {
            rule,
            key: Some(key(1)),
            former: None,
        },
    }
}

fn offer_of(media: &str) -> String {
    format!("v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n{media}")
}

fn savp() -> String {
    offer_of(&format!(
        "m=audio 4000 RTP/SAVP 0 8\r\n\
         a=crypto:1 AES_256_CM_HMAC_SHA1_80 inline:{THEIRS}\r\n\
         a=crypto:2 AES_CM_128_HMAC_SHA1_32 inline:{THEIRS_32}\r\n\
         a=crypto:3 AES_CM_128_HMAC_SHA1_80 inline:{THEIRS}|2^31|1:1\r\n"
    ))
}

fn answered(offer: &str, local: &LocalMedia<'_>) -> (Negotiated, String) {
    let (agreed, body) = negotiate(offer.as_bytes(), local).unwrap();
    (agreed, String::from_utf8(body).unwrap())
}

fn refused(offer: &str, local: &LocalMedia<'_>) -> SdpError {
    negotiate(offer.as_bytes(), local).unwrap_err()
}

#[test]
fn an_encrypted_offer_is_answered_with_its_tag_and_our_key() {
    for rule in [SrtpRule::Offered, SrtpRule::Preferred, SrtpRule::Required] {
        let (agreed, answer) = answered(&savp(), &side(rule));
        let srtp = agreed.srtp.unwrap();
        assert_eq!(
            (srtp.tag, srtp.suite, srtp.ours, srtp.their_mki),
            (3, Suite::AesCm128HmacSha1_80, key(1), Some((1, 1)))
        );
        assert!(answer.contains("m=audio 10000 RTP/SAVP 0\r\n"), "{answer}");
        assert!(
            answer.contains("a=crypto:3 AES_CM_128_HMAC_SHA1_80 inline:AQEBAQ"),
            "{answer}"
        );
        assert_eq!(answer.matches("a=crypto").count(), 1);
        assert!(!answer.contains(THEIRS));
    }
}

#[test]
fn a_plain_line_with_a_key_is_encrypted_too() {
    let offer = savp().replace("RTP/SAVP", "RTP/AVP");
    let (agreed, answer) = answered(&offer, &side(SrtpRule::Required));
    assert!(agreed.srtp.is_some());
    assert!(answer.contains("m=audio 10000 RTP/AVP 0\r\n"), "{answer}");
    let (agreed, answer) = answered(&offer, &side(SrtpRule::Off));
    assert!(agreed.srtp.is_none() && !answer.contains("crypto"));
}

#[test]
fn the_encrypted_one_of_two_lines_is_taken_wherever_it_stands() {
    let plain = "m=audio 5000 RTP/AVP 0\r\n";
    let secure = format!(
        "m=audio 4000 RTP/SAVP 0\r\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:{THEIRS}\r\n"
    );
    for media in [format!("{plain}{secure}"), format!("{secure}{plain}")] {
        let (agreed, answer) = answered(&offer_of(&media), &side(SrtpRule::Offered));
        assert_eq!((agreed.remote.port(), agreed.srtp.is_some()), (4000, true));
        assert!(answer.contains("m=audio 0 RTP/AVP 0\r\n"), "{answer}");
        let (agreed, answer) = answered(&offer_of(&media), &side(SrtpRule::Off));
        assert_eq!((agreed.remote.port(), agreed.srtp.is_some()), (5000, false));
        assert!(answer.contains("m=audio 0 RTP/SAVP 0\r\n"), "{answer}");
    }
}

#[test]
fn what_the_rule_forbids_is_refused() {
    let plain = offer_of("m=audio 4000 RTP/AVP 0\r\n");
    let keyless = offer_of("m=audio 4000 RTP/SAVP 0\r\n");
    let weak = savp()
        .replace("|2^31|1:1", " UNAUTHENTICATED_SRTP")
        .replace("_SHA1_32", "_SHA1_8");
    let offered = side(SrtpRule::Offered);
    let required = side(SrtpRule::Required);
    assert_eq!(refused(&plain, &required), SdpError::Unencrypted);
    assert!(answered(&plain, &offered).0.srtp.is_none());
    for offer in [&keyless, &weak] {
        assert_eq!(refused(offer, &offered), SdpError::Keys);
        assert_eq!(refused(offer, &required), SdpError::Keys);
    }
    let off = side(SrtpRule::Off);
    assert_eq!(refused(&savp(), &off), SdpError::Profile("RTP/SAVP".into()));
    for profile in ["RTP/SAVPF", "UDP/TLS/RTP/SAVP", "UDP/TLS/RTP/SAVPF"] {
        let offer = savp().replace("RTP/SAVP", profile);
        assert_eq!(refused(&offer, &offered), SdpError::Profile(profile.into()));
    }
}

#[test]
fn where_keys_must_not_travel_there_are_none() {
    let in_clear = |rule| {
        let mut local = side(rule);
        local.srtp.key = None;
        local
    };
    let offer = savp();
    for rule in [SrtpRule::Offered, SrtpRule::Required] {
        assert_eq!(refused(&offer, &in_clear(rule)), SdpError::KeysInClear);
    }
    let optional = offer.replace("RTP/SAVP", "RTP/AVP");
    let (agreed, answer) = answered(&optional, &in_clear(SrtpRule::Offered));
    assert!(agreed.srtp.is_none() && !answer.contains("crypto"));
    assert_eq!(
        refused(&optional, &in_clear(SrtpRule::Required)),
        SdpError::KeysInClear
    );
}

#[test]
fn our_key_stays_while_theirs_does() {
    let (first, _) = answered(&savp(), &side(SrtpRule::Offered));
    let mut again = side(SrtpRule::Offered);
    again.srtp.key = Some(key(2));
    again.srtp.former = first.srtp;
    let (same, _) = answered(&savp(), &again);
    assert_eq!(same.srtp.unwrap().ours, key(1));
    let rekeyed = savp().replace(THEIRS, THEIRS_32);
    let (new, answer) = answered(&rekeyed, &again);
    assert_eq!(new.srtp.unwrap().ours, key(2));
    assert!(answer.contains("inline:AgICAg"), "{answer}");
}

#[test]
fn our_own_key_in_their_mouth_is_no_key() {
    let ours = negotiate(savp().as_bytes(), &side(SrtpRule::Offered))
        .unwrap()
        .1;
    assert_eq!(
        negotiate(&ours, &side(SrtpRule::Offered)).unwrap_err(),
        SdpError::Keys
    );
}

#[test]
fn our_own_offers_are_as_the_rule_is() {
    for (rule, profile, keys) in [
        (SrtpRule::Off, "RTP/AVP", 0),
        (SrtpRule::Offered, "RTP/AVP", 0),
        (SrtpRule::Preferred, "RTP/AVP", 1),
        (SrtpRule::Required, "RTP/SAVP", 1),
    ] {
        let (pending, body) = offer(&side(rule), None);
        let text = String::from_utf8(body.clone()).unwrap();
        assert!(
            text.contains(&format!("m=audio 10000 {profile} 0 8 101\r\n")),
            "{text}"
        );
        assert_eq!(
            text.matches("a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:")
                .count(),
            keys
        );

        let mut far = side(SrtpRule::Offered);
        far.srtp.key = Some(key(9));
        let (theirs, answer) = negotiate(&body, &far).unwrap();
        let ours = accept_answer(&pending, &answer).unwrap();
        assert_eq!(ours.srtp.is_some(), keys == 1);
        if let (Some(ours), Some(theirs)) = (ours.srtp, theirs.srtp) {
            assert_eq!((ours.ours, ours.theirs), (theirs.theirs, theirs.ours));
        }

        // A far end that knows nothing of keys.
        let plain = String::from_utf8(answer).unwrap();
        let plain = plain.replace("a=crypto", "a=x-crypto");
        let outcome = accept_answer(&pending, plain.as_bytes());
        if rule == SrtpRule::Required {
            assert_eq!(outcome.unwrap_err(), SdpError::Keys);
        } else {
            assert_eq!(outcome.unwrap().srtp, None);
        }
        let downgraded = plain.replace("RTP/SAVP", "RTP/AVP");
        if rule == SrtpRule::Required {
            let outcome = accept_answer(&pending, downgraded.as_bytes());
            assert_eq!(outcome.unwrap_err(), SdpError::Unencrypted);
        }
    }
}

#[test]
fn a_later_offer_of_ours_repeats_what_was_agreed() {
    let (agreed, _) = answered(&savp(), &side(SrtpRule::Offered));
    let mut later = side(SrtpRule::Offered);
    later.srtp.key = Some(key(5));
    let (_, body) = offer(&later, Some(&agreed));
    let body = String::from_utf8(body).unwrap();
    assert!(body.contains("m=audio 10000 RTP/SAVP 0 8"), "{body}");
    assert!(
        body.contains("a=crypto:3 AES_CM_128_HMAC_SHA1_80 inline:AQEBAQ"),
        "{body}"
    );
}
