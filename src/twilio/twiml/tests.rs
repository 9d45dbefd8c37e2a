use proptest::prelude::*;
use quick_xml::Reader;
use quick_xml::XmlVersion;

use super::*;

const CALL: Connect<'static> = Connect {
    greeting: None,
    lobby: "lobby",
    domain: "sip.example.com",
    transport: SipTransport::Tcp,
    call_id: "0199f5a2-7a53-7c6f-8f5e-3f8a2a9c1d10",
    token: "1795000060.Zm9v-_",
    credentials: Some(("audioroad", "secret")),
    caller_id: None,
    action: "https://show.example.com/api/twilio-sip/dial-ended?a=1&b=2",
    status_callback: "https://show.example.com/api/twilio-sip/status",
    time_limit_s: 14_400,
    answer_on_bridge: false,
};

const DECLARATION: &str = r#"<?xml version="1.0" encoding="UTF-8"?>"#;

/// An element as a reader sees it: name, attributes and text with escapes undone.
#[derive(Debug, Default, PartialEq)]
struct Seen {
    name: String,
    attributes: Vec<(String, String)>,
    text: String,
}

/// All elements of a document in the order in which they begin.
fn elements(xml: &str) -> Vec<Seen> {
    let mut reader = Reader::from_str(xml);
    let mut seen = Vec::<Seen>::new();
    loop {
        match reader.read_event().unwrap() {
            Event::Start(tag) | Event::Empty(tag) => seen.push(Seen {
                name: String::from_utf8(tag.name().as_ref().to_vec()).unwrap(),
                attributes: tag
                    .attributes()
                    .map(|attribute| {
                        let attribute = attribute.unwrap();
                        (
                            String::from_utf8(attribute.key.as_ref().to_vec()).unwrap(),
                            attribute
                                .normalized_value(XmlVersion::Implicit1_0)
                                .unwrap()
                                .into(),
                        )
                    })
                    .collect(),
                text: String::new(),
            }),
            Event::Text(text) => {
                seen.last_mut()
                    .unwrap()
                    .text
                    .push_str(&text.decode().unwrap());
            }
            Event::GeneralRef(reference) => {
                let entity = format!("&{};", reference.decode().unwrap());
                let text = quick_xml::escape::unescape(&entity).unwrap();
                seen.last_mut().unwrap().text.push_str(&text);
            }
            Event::Eof => return seen,
            Event::Decl(_) | Event::End(_) => {}
            event @ (Event::CData(_) | Event::Comment(_) | Event::PI(_) | Event::DocType(_)) => {
                panic!("not of TwiML: {event:?}")
            }
        }
    }
}

fn names(xml: &str) -> Vec<String> {
    elements(xml)
        .into_iter()
        .map(|element| element.name)
        .collect()
}

#[test]
fn a_call_is_dialled_to_us() {
    assert_eq!(
        connect(&CALL).unwrap(),
        format!(
            "{DECLARATION}<Response>\
             <Dial action=\"https://show.example.com/api/twilio-sip/dial-ended?a=1&amp;b=2\" \
             timeLimit=\"14400\">\
             <Sip statusCallback=\"https://show.example.com/api/twilio-sip/status\" \
             statusCallbackEvent=\"initiated ringing answered completed\" \
             username=\"audioroad\" password=\"secret\">\
             sip:lobby@sip.example.com;transport=tcp\
             ?X-Call-Id=0199f5a2-7a53-7c6f-8f5e-3f8a2a9c1d10\
             &amp;X-Call-Token=1795000060.Zm9v-_</Sip></Dial></Response>"
        )
    );
}

#[test]
fn a_call_is_connected_by_a_stream_and_hung_up_behind_it() {
    let xml = connect_stream(&ConnectStream {
        greeting: Some(Message::Say {
            text: "Hello & welcome",
            language: None,
        }),
        url: "wss://show.example.com/api/twilio-sip/stream",
        call_id: CALL.call_id,
        token: "1795000060.\"<\u{0}",
        status_callback: CALL.status_callback,
    });
    assert_eq!(
        xml,
        format!(
            "{DECLARATION}<Response><Say>Hello &amp; welcome</Say><Connect>\
             <Stream url=\"wss://show.example.com/api/twilio-sip/stream\" \
             statusCallback=\"https://show.example.com/api/twilio-sip/status\" \
             statusCallbackMethod=\"POST\">\
             <Parameter name=\"callId\" value=\"0199f5a2-7a53-7c6f-8f5e-3f8a2a9c1d10\"/>\
             <Parameter name=\"token\" value=\"1795000060.&quot;&lt;\"/>\
             </Stream></Connect><Hangup/></Response>"
        )
    );
}

#[test]
fn greeting_caller_id_and_ringing_are_options() {
    let say = Message::Say {
        text: "Hello & welcome",
        language: Some("en-GB"),
    };
    let xml = connect(&Connect {
        greeting: Some(say),
        caller_id: Some("+14158675309"),
        credentials: None,
        answer_on_bridge: true,
        transport: SipTransport::Tls,
        ..CALL
    })
    .unwrap();
    assert!(xml.contains("<Response><Say language=\"en-GB\">Hello &amp; welcome</Say><Dial "));
    assert!(xml.contains(" answerOnBridge=\"true\" callerId=\"+14158675309\">"));
    assert!(xml.contains(";transport=tls?"));
    assert!(!xml.contains("username"));

    let play = Message::Play {
        url: "https://show.example.com/hi.mp3?a=1&b=2",
    };
    let xml = connect(&Connect {
        greeting: Some(play),
        ..CALL
    })
    .unwrap();
    assert!(xml.contains("<Play>https://show.example.com/hi.mp3?a=1&amp;b=2</Play><Dial "));
}

#[test]
fn refusals_and_announcements_are_short() {
    assert_eq!(
        reject(Refusal::Blocked),
        format!("{DECLARATION}<Response><Reject reason=\"rejected\"/></Response>")
    );
    assert_eq!(
        reject(Refusal::Busy),
        format!("{DECLARATION}<Response><Reject reason=\"busy\"/></Response>")
    );
    assert_eq!(
        hang_up(),
        format!("{DECLARATION}<Response><Hangup/></Response>")
    );
    assert_eq!(
        announce(&Message::Say {
            text: "There is no show on air.",
            language: None
        }),
        format!("{DECLARATION}<Response><Say>There is no show on air.</Say><Hangup/></Response>")
    );
}

#[test]
fn only_a_caller_who_was_not_connected_is_told_so() {
    let sorry = Message::Say {
        text: "Sorry",
        language: None,
    };
    for status in [
        CallStatus::Completed,
        CallStatus::InProgress,
        CallStatus::Canceled,
    ] {
        assert_eq!(
            names(&dial_ended(Some(status), &sorry)),
            ["Response", "Hangup"]
        );
    }
    for status in [
        Some(CallStatus::Busy),
        Some(CallStatus::Failed),
        Some(CallStatus::NoAnswer),
        None,
    ] {
        assert_eq!(
            names(&dial_ended(status, &sorry)),
            ["Response", "Say", "Hangup"]
        );
    }
}

#[test]
fn what_goes_into_the_uri_is_escaped() {
    let xml = connect(&Connect {
        lobby: "lobby@evil;x",
        call_id: "1&X-Twilio=2?<a>\r\n",
        ..CALL
    })
    .unwrap();
    assert_eq!(
        elements(&xml).last().unwrap().text,
        "sip:lobby%40evil%3Bx@sip.example.com;transport=tcp\
         ?X-Call-Id=1%26X-Twilio%3D2%3F%3Ca%3E%0D%0A&X-Call-Token=1795000060.Zm9v-_"
    );
}

#[test]
fn only_hosts_can_be_dialled() {
    for domain in [
        "sip.example.com",
        "192.0.2.1:5062",
        "[2001:db8::1]",
        "[2001:db8::1]:5060",
    ] {
        assert!(connect(&Connect { domain, ..CALL }).is_ok(), "{domain}");
    }
    for domain in [
        "",
        ".",
        "a b",
        "a@b",
        "a;transport=udp",
        "a?X-A=b",
        "a:0",
        "a:+5",
        "a:x",
        "a:99999",
        ":5060",
        "2001:db8::1",
        "[::1",
        "[a]",
        "a\r\n",
        "<",
    ] {
        let refused = connect(&Connect { domain, ..CALL }).unwrap_err();
        assert_eq!(refused, TwimlError::Domain, "{domain}");
    }
}

#[test]
fn twilios_limits_are_kept() {
    let fixed = "sip:@sip.example.com;transport=tcp".len();
    let lobby = "l".repeat(URI_LEN_LIMIT - 1 - fixed);
    assert!(
        connect(&Connect {
            lobby: &lobby,
            ..CALL
        })
        .is_ok()
    );
    let lobby = "l".repeat(URI_LEN_LIMIT - fixed);
    assert_eq!(
        connect(&Connect {
            lobby: &lobby,
            ..CALL
        }),
        Err(TwimlError::UriTooLong)
    );

    let fixed = "X-Call-Id=&X-Call-Token=".len() + CALL.call_id.len();
    let token = "t".repeat(HEADERS_LEN_LIMIT - 1 - fixed);
    assert!(
        connect(&Connect {
            token: &token,
            ..CALL
        })
        .is_ok()
    );
    let token = "t".repeat(HEADERS_LEN_LIMIT - fixed);
    assert_eq!(
        connect(&Connect {
            token: &token,
            ..CALL
        }),
        Err(TwimlError::HeadersTooLong)
    );

    for (asked, given) in [(0, "\"1\""), (7200, "\"7200\""), (u32::MAX, "\"86400\"")] {
        let xml = connect(&Connect {
            time_limit_s: asked,
            ..CALL
        })
        .unwrap();
        assert!(xml.contains(&format!("timeLimit={given}")), "{xml}");
    }
    let long = announce(&Message::Say {
        text: &"ü".repeat(10_000),
        language: None,
    });
    assert_eq!(elements(&long)[1].text.chars().count(), SAY_LEN_MAX);
}

proptest! {
    /// Whatever the words, the verbs are the same, and a reader gets the words back.
    #[test]
    fn nothing_can_be_injected(
        text in "[a-z<>&\"'/= ;\\]\\[!?\u{1}\u{0}\u{ffff}-]{0,40}",
        other in "[a-z<>&\"'/= ;\u{b}]{0,40}",
    ) {
        let xml = connect(&Connect {
            greeting: Some(Message::Say { text: &text, language: Some(&other) }),
            lobby: &other,
            call_id: &text,
            token: &other,
            credentials: Some((&text, &other)),
            caller_id: Some(&text),
            action: &other,
            status_callback: &text,
            ..CALL
        })
        .unwrap();
        let seen = elements(&xml);
        let names: Vec<_> = seen.iter().map(|element| element.name.as_str()).collect();
        prop_assert_eq!(names, ["Response", "Say", "Dial", "Sip"]);
        prop_assert_eq!(&seen[1].text, &clean(&text));
        prop_assert_eq!(&seen[1].attributes[0].1, &clean(&other));
        prop_assert_eq!(&seen[2].attributes[0].1, &clean(&other));
        prop_assert_eq!(&seen[2].attributes[2].1, &clean(&text));
        prop_assert_eq!(seen[3].attributes.len(), 4);
    }
}
