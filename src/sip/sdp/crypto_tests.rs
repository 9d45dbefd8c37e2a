use proptest::prelude::*;

use super::*;

const KEY: &str = "PS1uQCVeeCFCanVmcjkpPywjNWhcYD0mXXtxaVBR";

fn line(rest: &str) -> Option<Offer> {
    Offer::read(&format!("1 AES_CM_128_HMAC_SHA1_80 inline:{KEY}{rest}"))
}

#[test]
fn lines_of_the_rfc_and_of_real_phones_are_read() {
    // RFC 4568 section 4.1, Twilio, Cisco, Polycom, Grandstream, Yealink.
    for rest in [
        "",
        "|2^20",
        "|2^31|1:1",
        "|1:4",
        "|1048576|1:4",
        "|2^48",
        "|281474976710656",
        " WSH=64",
        " KDR=0 -FUTURE=1",
        "|2^20|1:4 -X",
    ] {
        let offer = line(rest).unwrap_or_else(|| panic!("{rest}"));
        assert_eq!((offer.tag, offer.suite), (1, Suite::AesCm128HmacSha1_80));
        assert_eq!(STANDARD.encode(offer.key.0), KEY);
    }
    assert_eq!(line("|2^31|258:2").unwrap().mki, Some((258, 2)));
    let lower = Offer::read(&format!("2 aes_cm_128_hmac_sha1_32 INLINE:{KEY}")).unwrap();
    assert_eq!((lower.tag, lower.suite), (2, Suite::AesCm128HmacSha1_32));
}

#[test]
fn a_line_that_asks_for_something_else_is_passed_over() {
    for rest in [
        " UNENCRYPTED_SRTP",
        " UNENCRYPTED_SRTCP",
        " UNAUTHENTICATED_SRTP",
        " KDR=1",
        " FEC_ORDER=FEC_SRTP",
        " FEC_KEY=inline:x",
        " WSH=",
        " SOMETHING",
        "|0",
        "|2^49",
        "|281474976710657",
        "|",
        "|2^20|",
        "|2^20|1",
        "|2^20|1:0",
        "|2^20|1:5",
        "|2^20|256:1",
        "|2^20|1:4|1:4",
        "|1:4|2^20",
        "=",
        "A",
        &format!(";inline:{KEY}|2^20|2:4"),
    ] {
        assert_eq!(line(rest), None, "{rest}");
    }
    for value in [
        "",
        "1",
        "1 AES_CM_128_HMAC_SHA1_80",
        "1 AES_CM_128_HMAC_SHA1_80 inline",
        "1 AES_CM_128_HMAC_SHA1_80 inline:",
        "1 AES_CM_128_HMAC_SHA1_80 inline:abc",
        &format!("1 AES_256_CM_HMAC_SHA1_80 inline:{KEY}"),
        &format!("1 F8_128_HMAC_SHA1_80 inline:{KEY}"),
        &format!("1 AES_CM_128_HMAC_SHA1_80 uri:{KEY}"),
        &format!("x AES_CM_128_HMAC_SHA1_80 inline:{KEY}"),
        &format!("+1 AES_CM_128_HMAC_SHA1_80 inline:{KEY}"),
        &format!("1234567890 AES_CM_128_HMAC_SHA1_80 inline:{KEY}"),
    ] {
        assert_eq!(Offer::read(value), None, "{value}");
    }
}

#[test]
fn our_line_is_read_as_it_was_meant() {
    let random: [u8; 32] = std::array::from_fn(|n| n as u8);
    let key = SrtpKey::new(&random);
    assert_eq!(key.key()[..], random[..16]);
    assert_eq!(key.salt()[..], random[16..30]);
    let ours = Line {
        tag: 7,
        suite: Suite::AesCm128HmacSha1_32,
        key,
    };
    let read = Offer::read(&ours.value()).unwrap();
    assert_eq!((read.tag, read.suite, read.key), (7, ours.suite, key));
    assert!(!format!("{ours:?}{read:?}").contains("15"));
}

proptest! {
    #[test]
    fn no_line_makes_it_panic(value in ".{0,80}", rest in "[ |:=^0-9A-Z;-]{0,30}") {
        let _ = Offer::read(&value);
        let _ = line(&rest);
    }
}
