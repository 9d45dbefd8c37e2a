use super::*;

const SID: &str = "CA1234567890abcdef1234567890abcdef";

fn form(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs
        .iter()
        .map(|(name, value)| ((*name).into(), (*value).into()))
        .collect()
}

fn incoming(pairs: &[(&str, &str)]) -> IncomingCall {
    let mut params = form(&[("CallSid", SID), ("To", "+18005551212")]);
    params.extend(form(pairs));
    IncomingCall::read(&params).unwrap()
}

#[test]
fn a_new_call_is_read() {
    let call = incoming(&[
        ("AccountSid", "AC0"),
        ("From", "+14158675309"),
        ("CallStatus", "ringing"),
        ("CallerName", "  WIRELESS\u{7} CALLER "),
        ("StirVerstat", "TN-Validation-Passed-A"),
        ("ForwardedFrom", ""),
    ]);
    assert_eq!(call.call_sid.as_str(), SID);
    assert_eq!(call.from, CallingParty::Number("+14158675309".into()));
    assert_eq!(call.to, "+18005551212");
    assert_eq!(call.caller_name.as_deref(), Some("WIRELESS CALLER"));
    assert_eq!(call.verstat.as_deref(), Some("TN-Validation-Passed-A"));
    assert_eq!(call.forwarded_from, None);
}

#[test]
fn withheld_numbers_are_recognised_in_every_form() {
    for from in [
        "",
        " ",
        "+",
        "anonymous",
        "Anonymous",
        "RESTRICTED",
        "unknown",
        "unavailable",
        "+266696687",
        "266696687",
        " 266696687",
        "+7378742833",
        "+8656696",
        "+86282452253",
        "sip:anonymous@anonymous.invalid",
    ] {
        assert_eq!(
            incoming(&[("From", from)]).from,
            CallingParty::Withheld,
            "{from:?}"
        );
    }
    assert_eq!(incoming(&[]).from, CallingParty::Withheld);
}

#[test]
fn other_callers_are_not_taken_for_withheld() {
    for from in [
        "+14152666966",
        "+2666966870",
        "sip:anonymous1@pbx.example.com",
        "client:anna",
    ] {
        assert_eq!(
            incoming(&[("From", from)]).from,
            CallingParty::Number(from.into())
        );
    }
}

#[test]
fn a_plus_lost_on_the_way_is_put_back() {
    assert_eq!(
        incoming(&[("From", " 14158675309")]).from,
        CallingParty::Number("+14158675309".into())
    );
    let call = IncomingCall::read(&form(&[("CallSid", SID), ("To", " 18005551212")])).unwrap();
    assert_eq!(call.to, "+18005551212");
}

#[test]
fn what_must_be_there_is_asked_for() {
    let missing = |pairs: &[(&str, &str)]| IncomingCall::read(&form(pairs)).unwrap_err();
    assert_eq!(missing(&[("To", "+1")]), ParamError::Missing("CallSid"));
    assert_eq!(
        missing(&[("CallSid", ""), ("To", "+1")]),
        ParamError::Missing("CallSid")
    );
    assert_eq!(missing(&[("CallSid", SID)]), ParamError::Missing("To"));
    assert_eq!(
        missing(&[("CallSid", SID), ("To", "\u{1}")]),
        ParamError::Missing("To")
    );
    for sid in ["CA 1", "CA1\r\n", "CA<1>", "CÄ1", &"C".repeat(65)] {
        let error = missing(&[("CallSid", sid), ("To", "+1")]);
        assert_eq!(error, ParamError::NotAnId("CallSid"), "{sid:?}");
    }
}

#[test]
fn long_text_is_cut_between_characters() {
    let call = incoming(&[
        ("CallerName", &"ü".repeat(1000)),
        ("From", &"9".repeat(1000)),
    ]);
    assert_eq!(call.caller_name.unwrap().chars().count(), TEXT_LEN_MAX);
    assert_eq!(call.from, CallingParty::Number("9".repeat(PARTY_LEN_MAX)));
}

#[test]
fn the_end_of_a_dial_is_read() {
    let ended = DialEnded::read(&form(&[
        ("CallSid", SID),
        ("CallStatus", "in-progress"),
        ("DialCallSid", "CA2"),
        ("DialCallStatus", "busy"),
        ("DialCallDuration", "0"),
        ("DialSipResponseCode", "486"),
        ("DialSipCallId", "abc@172.18.0.1"),
    ]))
    .unwrap();
    assert_eq!(ended.status, Some(CallStatus::Busy));
    assert_eq!(ended.dial_call_sid.unwrap().as_str(), "CA2");
    assert_eq!(ended.duration_s, Some(0));
    assert_eq!(ended.sip_response_code, Some(486));
    assert_eq!(ended.sip_call_id.as_deref(), Some("abc@172.18.0.1"));
}

#[test]
fn a_status_call_back_is_read_and_nonsense_in_it_is_left_out() {
    let change = StatusChange::read(&form(&[
        ("CallSid", "CA2"),
        ("ParentCallSid", SID),
        ("CallStatus", "completed"),
        ("CallStatus", "failed"),
        ("SequenceNumber", "3"),
        ("CallDuration", "-1"),
        ("SipResponseCode", "99999999"),
    ]))
    .unwrap();
    assert_eq!(change.parent_call_sid.unwrap().as_str(), SID);
    assert_eq!(change.status, Some(CallStatus::Completed));
    assert_eq!(change.sequence, Some(3));
    assert_eq!(change.duration_s, None);
    assert_eq!(change.sip_response_code, None);
    assert_eq!(CallStatus::read("exploded"), None);
}

#[test]
fn a_status_may_be_that_of_a_stream() {
    for (word, fate) in [
        ("stream-started", Some(StreamFate::Started)),
        ("stream-stopped", Some(StreamFate::Stopped)),
        ("stream-error", Some(StreamFate::Failed)),
        ("whatever", None),
    ] {
        let params = [("CallSid", "CA1"), ("StreamEvent", word)];
        let params = params.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let change = StatusChange::read(&params).unwrap();
        assert_eq!((change.stream, change.status), (fate, None), "{word}");
    }
}
