use proptest::prelude::*;

use super::uri::{Uri, unescaped};
use super::via::Via;
use super::*;

#[test]
fn lists_split_at_commas_outside_quotes_and_brackets() {
    let value = r#""a, \"b\"" <sip:x,y@h>;p="1,2", <sip:z@h>"#;
    let parts: Vec<&str> = list(value).collect();
    assert_eq!(parts, [r#""a, \"b\"" <sip:x,y@h>;p="1,2""#, "<sip:z@h>"]);
}

#[test]
fn parameters_follow_the_brackets() {
    assert_eq!(param("<sip:a@h;tag=uri>;tag=header", "tag"), Some("header"));
    assert_eq!(param("sip:a@h;tag=x", "TAG"), Some("x"));
    assert_eq!(param("<sip:a@h;tag=uri>", "tag"), None);
    assert_eq!(param(r#""x;tag=no" <sip:a@h>;lr"#, "lr"), Some(""));
}

#[test]
fn white_space_goes_where_the_grammar_allows_it() {
    assert_eq!(tidy("sip:a@h ;  tag  =   1n", false), "sip:a@h;tag=1n");
    assert_eq!(
        tidy("SIP  / 2.0\t/ UDP   h : 5060 ; branch = z", true),
        "SIP/2.0/UDP h:5060;branch=z"
    );
    assert_eq!(
        tidy(r#""a  ;  b"   < sip:x@h >"#, false),
        r#""a  ;  b" <sip:x@h>"#
    );
    assert_eq!(tidy("Grüße  an   <sip:x@h>", false), "Grüße an <sip:x@h>");
    assert!(matches!(
        tidy("SIP/2.0/UDP h:5060;branch=z", true),
        Cow::Borrowed(_)
    ));
}

#[test]
fn display_names_lose_their_quotes() {
    assert_eq!(
        display(r#""A. \"B\" C" <sip:x@h>"#).as_deref(),
        Some(r#"A. "B" C"#)
    );
    assert_eq!(display("Bell <sip:x@h>").as_deref(), Some("Bell"));
    assert_eq!(display("sip:x@h"), None);
    assert_eq!(display(r#""" <sip:x@h>"#), None);
}

#[test]
fn uris_split() {
    let uri = Uri::parse("sips:+1;x=y:secret@[2001:db8::9]:5070;transport=tcp;lr?a=b").unwrap();
    assert_eq!(
        (uri.user, uri.host, uri.port),
        (Some("+1;x=y"), "2001:db8::9", Some(5070))
    );
    assert_eq!(
        (uri.param("transport"), uri.param("lr"), uri.param("no")),
        (Some("tcp"), Some(""), None)
    );
    assert!(uri.is_sips() && uri.has_headers);
    assert_eq!(Uri::parse("sip:h").unwrap().host, "h");
    assert_eq!(Uri::parse("tel:+1555").unwrap().host, "+1555");
    // RFC 5118 section 4.10: the third colon that the grammar of RFC 3261 asks for.
    assert!(Uri::parse("sip:user@[2001:db8:::192.0.2.1]").is_some());
}

#[test]
fn what_is_no_uri_is_refused() {
    for text in [
        "",
        "sip",
        "sip:",
        ":x",
        "1sip:x",
        "sip:@h",
        "sip:a@",
        "sip:a b@h",
        "<sip:a@h>",
        "sip:a@h:99999",
        "sip:a@h:port",
        "sip:[::1",
        "sip:a@[zz]",
        "sip:a@[::1]5060",
        "sip:a@h,b",
    ] {
        assert!(Uri::parse(text).is_none(), "{text}");
    }
}

#[test]
fn escapes_are_undone_once() {
    assert_eq!(unescaped("%2B1%20%2541"), "+1 %41");
    assert_eq!(unescaped("%zz%4"), "%zz%4");
    assert_eq!(unescaped("%ff"), "\u{fffd}");
}

#[test]
fn cseq_numbers_have_31_bits() {
    assert_eq!(cseq("0009 INVITE"), Some((9, "INVITE")));
    assert_eq!(cseq("2147483647 X"), Some((2_147_483_647, "X")));
    for bad in [
        "8612 ;lr>I",
        "1 IN VITE",
        "2147483648 X",
        "36893488147419103232 X",
        "-1 X",
        "+1 X",
        "X",
        "1",
    ] {
        assert_eq!(cseq(bad), None, "{bad}");
    }
}

#[test]
fn via_tells_where_a_request_came_from() {
    let from = "203.0.113.7:4321".parse().unwrap();
    let stamp = |via: &str| Via::parse(via).unwrap().stamped(from);
    assert_eq!(
        stamp("SIP/2.0/UDP 10.0.0.1:5060;rport;branch=z9hG4bKa"),
        "SIP/2.0/UDP 10.0.0.1:5060;branch=z9hG4bKa;received=203.0.113.7;rport=4321"
    );
    assert_eq!(
        stamp("SIP/2.0/UDP 203.0.113.7;branch=b"),
        "SIP/2.0/UDP 203.0.113.7;branch=b"
    );
    assert_eq!(
        stamp("SIP/2.0/UDP client.example.com;received=1.2.3.4"),
        "SIP/2.0/UDP client.example.com;received=203.0.113.7"
    );
    let mapped = "[::ffff:192.0.2.1]:5060".parse().unwrap();
    let via = Via::parse("SIP/2.0/UDP 192.0.2.1;rport").unwrap();
    assert_eq!(
        via.stamped(mapped),
        "SIP/2.0/UDP 192.0.2.1;received=192.0.2.1;rport=5060"
    );
}

proptest! {
    #[test]
    fn no_value_makes_it_panic(text in "\\PC{0,80}|[ \t;=,<>\"\\\\a-z:@%\\[\\]?/é]{0,60}") {
        let _ = (tidy(&text, true), tidy(&text, false), display(&text), is_address(&text));
        let _ = (cseq(&text), unescaped(&text).len(), list(&text).count(), params(&text).count());
        if let Some(via) = Via::parse(&text) {
            let _ = via.stamped("[::1]:1".parse().unwrap());
        }
        if let Some(uri) = Uri::parse(&text) {
            let _ = uri.to_model().to_string();
        }
    }

    #[test]
    fn tidying_twice_changes_nothing(text in "[ \t;=,<>\"a-z:@/é]{0,60}") {
        for via in [true, false] {
            let once = tidy(&text, via).into_owned();
            prop_assert_eq!(tidy(&once, via), once.as_str());
        }
    }
}
