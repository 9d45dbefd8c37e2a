//! A call as rooms show it: a name for people, and the attributes that LiveKit's own SIP service sets.

use std::collections::BTreeMap;

use crate::domain::{Call, number::Masked};

/// A name with more digits than this is a number that a carrier put into the name.
const DIGITS_OF_A_NAME_MAX: usize = 4;

/// A call as rooms show it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallShown {
    /// For people to read.
    pub name: String,
    /// LiveKit SIP's own attribute names.
    pub attributes: BTreeMap<String, String>,
}

/// `sip.callStatus` of a call that has been answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallStatus {
    /// It is up.
    Active,
    /// It has ended; told before its participant goes.
    Hangup,
}

impl CallShown {
    /// `name` is the caller's, empty when not known; `hide_numbers`: neither the caller's number nor ours is shown.
    pub fn new(call: &Call, name: &str, hide_numbers: bool) -> Self {
        let mut shown = Self {
            name: match name {
                "" => "Caller".to_owned(),
                name if hide_numbers && is_number(name) => Masked(name).to_string(),
                name => name.to_owned(),
            },
            attributes: BTreeMap::from([("sip.callID".to_owned(), call.id.to_string())]),
        };
        shown.set_status(CallStatus::Active);
        let mut also = |name: &str, value: Option<&String>| {
            if let Some(value) = value {
                shown.attributes.insert(name.to_owned(), value.clone());
            }
        };
        also("sip.callIDFull", call.sip_call_id.as_ref());
        also("sip.twilio.callSid", call.twilio_call_sid.as_ref());
        if !hide_numbers {
            also("sip.phoneNumber", call.from.as_ref());
            also("sip.trunkPhoneNumber", Some(&call.dialled));
        }
        shown
    }

    /// Writes `sip.callStatus`.
    pub fn set_status(&mut self, status: CallStatus) {
        let status = match status {
            CallStatus::Active => "active",
            CallStatus::Hangup => "hangup",
        };
        self.attributes
            .insert("sip.callStatus".to_owned(), status.to_owned());
    }
}

fn is_number(name: &str) -> bool {
    name.chars().filter(|c| c.is_numeric()).count() > DIGITS_OF_A_NAME_MAX
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Arrival, CallId, CallerId, Desk, DeskSettings, UnixMs};

    /// A call from `+15551234567` to `+15550100000`.
    fn call() -> Call {
        let mut desk = Desk::new(DeskSettings::default());
        let arrival = Arrival {
            new_call: CallId(1),
            new_caller: CallerId(2),
            known: None,
            from: Some("+15551234567".into()),
            dialled: "+15550100000".into(),
            display_name: String::new(),
            twilio_call_sid: Some("CA1".into()),
            sip_call_id: Some("abc@trunk".into()),
        };
        desk.arrive(UnixMs(0), arrival);
        desk.call(CallId(1)).unwrap().clone()
    }

    fn of(shown: &CallShown, name: &str) -> Option<String> {
        shown.attributes.get(name).cloned()
    }

    #[test]
    fn attributes_are_named_as_livekit_sip_names_them() {
        let mut shown = CallShown::new(&call(), "Maria", false);
        let id = CallId(1).to_string();
        let expected = [
            ("sip.callID", &*id),
            ("sip.callIDFull", "abc@trunk"),
            ("sip.callStatus", "active"),
            ("sip.phoneNumber", "+15551234567"),
            ("sip.trunkPhoneNumber", "+15550100000"),
            ("sip.twilio.callSid", "CA1"),
        ];
        let expected = expected.map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(shown.attributes, BTreeMap::from(expected));
        assert_eq!(shown.name, "Maria");
        shown.set_status(CallStatus::Hangup);
        assert_eq!(of(&shown, "sip.callStatus").as_deref(), Some("hangup"));
    }

    #[test]
    fn hidden_numbers_are_nowhere() {
        for name in [
            "",
            "Maria",
            "+15551234567",
            "5551234567",
            "WIRELESS 5551234567",
        ] {
            let shown = CallShown::new(&call(), name, true);
            let all = format!("{shown:?}");
            assert!(!all.contains("123456") && !all.contains("555010"), "{all}");
            assert_eq!(of(&shown, "sip.callStatus").as_deref(), Some("active"));
        }
        assert_eq!(CallShown::new(&call(), "Maria 2", true).name, "Maria 2");
        assert_eq!(
            CallShown::new(&call(), "+15551234567", true).name,
            "+15*******67"
        );
    }
}
