//! Twilio's API for calls (2010-04-01): requests as data, and what the answers mean.
//!
//! ```text
//! create -> Twilio rings the number -> asks `url` once somebody answers -> our TwiML dials us by SIP
//! ```
//! Whoever sends these adds the login (HTTP Basic: account and auth token), which is in none of them.

use serde::Deserialize;

use super::params::{CallSid, CallStatus};

/// Longest sentence of Twilio's that is told on, in characters.
const MESSAGE_LEN_MAX: usize = 200;

/// Whose calls, and where the API is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// Account SID.
    pub sid: String,
    /// `https://api.twilio.com`, without a slash at the end.
    pub api_url: String,
}

/// A POST of form fields.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiRequest {
    /// Where to.
    pub url: String,
    /// Its fields, in order; names may repeat.
    pub form: Vec<(&'static str, String)>,
}

/// A call that Twilio is to make.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NewCall<'a> {
    /// Whom to ring, E.164.
    pub to: &'a str,
    /// The number that they are shown, E.164: one of the account's.
    pub from: &'a str,
    /// Asked for TwiML once somebody answers.
    pub url: &'a str,
    /// Told how the call fares.
    pub status_callback: &'a str,
    /// How long it may ring, in seconds; Twilio takes 1 to 600.
    pub ring_s: u32,
    /// Longest call, in seconds.
    pub time_limit_s: u32,
}

/// What Twilio says of a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallResource {
    /// Its name.
    pub sid: CallSid,
    /// Where it is now.
    pub status: Option<CallStatus>,
}

/// Twilio did not do it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ApiError {
    /// It says why.
    #[error("{message} (Twilio {code})")]
    Refused {
        /// Twilio's error code, such as 21219.
        code: u32,
        /// Its sentence, cut after 200 characters.
        message: String,
    },
    /// It does not say why.
    #[error("Twilio answered with HTTP status {status} and no reason.")]
    Unreadable {
        /// HTTP status.
        status: u16,
    },
}

impl ApiError {
    /// A label of few: Twilio's code, else the HTTP status.
    #[must_use]
    pub fn label(&self) -> String {
        match self {
            Self::Refused { code, .. } => code.to_string(),
            Self::Unreadable { status } => format!("http-{status}"),
        }
    }
}

impl Account {
    /// Makes a call. Sent twice it rings twice, so it is never sent again.
    #[must_use]
    pub fn create(&self, call: &NewCall<'_>) -> ApiRequest {
        let mut form = vec![
            ("To", call.to.to_owned()),
            ("From", call.from.to_owned()),
            ("Url", call.url.to_owned()),
            ("Method", "POST".to_owned()),
            ("Timeout", call.ring_s.clamp(1, 600).to_string()),
            ("TimeLimit", call.time_limit_s.clamp(1, 86_400).to_string()),
            ("StatusCallback", call.status_callback.to_owned()),
            ("StatusCallbackMethod", "POST".to_owned()),
        ];
        let events = ["initiated", "ringing", "answered", "completed"];
        form.extend(events.map(|event| ("StatusCallbackEvent", event.to_owned())));
        ApiRequest {
            url: format!("{}.json", self.calls()),
            form,
        }
    }

    /// Gives up a call that is queued or rings; one that was answered meanwhile goes on, which the answer says.
    #[must_use]
    pub fn cancel(&self, call: &CallSid) -> ApiRequest {
        self.change(call, "Status", "canceled".to_owned())
    }

    /// Ends a call wherever it is.
    #[must_use]
    pub fn complete(&self, call: &CallSid) -> ApiRequest {
        self.change(call, "Status", "completed".to_owned())
    }

    /// Gives a call that was answered new instructions; what it did before ends, our leg included.
    #[must_use]
    pub fn redirect(&self, call: &CallSid, twiml: String) -> ApiRequest {
        self.change(call, "Twiml", twiml)
    }

    fn change(&self, call: &CallSid, name: &'static str, value: String) -> ApiRequest {
        ApiRequest {
            url: format!("{}/{}.json", self.calls(), call.as_str()),
            form: vec![(name, value)],
        }
    }

    fn calls(&self) -> String {
        format!("{}/2010-04-01/Accounts/{}/Calls", self.api_url, self.sid)
    }
}

/// Reads the answer to any of these.
///
/// # Errors
/// [`ApiError`] unless the status is a success and the body names a call.
pub fn read(status: u16, body: &[u8]) -> Result<CallResource, ApiError> {
    #[derive(Deserialize)]
    struct Body {
        sid: Option<String>,
        status: Option<serde_json::Value>,
        code: Option<u32>,
        message: Option<String>,
    }
    let unreadable = || ApiError::Unreadable { status };
    let body: Body = serde_json::from_slice(body).map_err(|_| unreadable())?;
    if (200..300).contains(&status) {
        let sid = body.sid.as_deref().and_then(CallSid::read);
        let word = body.status.as_ref().and_then(|word| word.as_str());
        return Ok(CallResource {
            sid: sid.ok_or_else(unreadable)?,
            status: word.and_then(CallStatus::read),
        });
    }
    let message: String = body
        .message
        .ok_or_else(unreadable)?
        .chars()
        .filter(|c| !c.is_control())
        .take(MESSAGE_LEN_MAX)
        .collect();
    Err(ApiError::Refused {
        code: body.code.ok_or_else(unreadable)?,
        message,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account() -> Account {
        Account {
            sid: "AC1".into(),
            api_url: "https://api.twilio.com".into(),
        }
    }

    fn call() -> NewCall<'static> {
        NewCall {
            to: "+15551234567",
            from: "+15550100000",
            url: "https://radio.example.org/twiml?callId=1",
            status_callback: "https://radio.example.org/status?callId=1",
            ring_s: 45,
            time_limit_s: 14_400,
        }
    }

    fn sid(text: &str) -> CallSid {
        CallSid::read(text).unwrap()
    }

    #[test]
    fn a_call_is_created_with_all_its_callbacks() {
        let request = account().create(&call());
        assert_eq!(
            request.url,
            "https://api.twilio.com/2010-04-01/Accounts/AC1/Calls.json"
        );
        let values = |wanted: &str| -> Vec<&str> {
            let named = request.form.iter().filter(|(name, _)| *name == wanted);
            named.map(|(_, value)| value.as_str()).collect()
        };
        assert_eq!(values("To"), ["+15551234567"]);
        assert_eq!(values("From"), ["+15550100000"]);
        assert_eq!(values("Timeout"), ["45"]);
        assert_eq!(
            values("StatusCallbackEvent"),
            ["initiated", "ringing", "answered", "completed"]
        );
        assert_eq!(values("Url"), ["https://radio.example.org/twiml?callId=1"]);
    }

    #[test]
    fn times_stay_within_what_twilio_takes() {
        let request = account().create(&NewCall {
            ring_s: 0,
            time_limit_s: 100_000,
            ..call()
        });
        assert!(request.form.contains(&("Timeout", "1".into())));
        assert!(request.form.contains(&("TimeLimit", "86400".into())));
    }

    #[test]
    fn a_call_is_given_up_ended_and_passed_on_by_its_name() {
        let (account, call) = (account(), sid("CA1"));
        let url = "https://api.twilio.com/2010-04-01/Accounts/AC1/Calls/CA1.json";
        for (request, form) in [
            (account.cancel(&call), ("Status", "canceled")),
            (account.complete(&call), ("Status", "completed")),
            (
                account.redirect(&call, "<Response/>".into()),
                ("Twiml", "<Response/>"),
            ),
        ] {
            assert_eq!(request.url, url);
            assert_eq!(request.form, [(form.0, form.1.to_owned())]);
        }
    }

    #[test]
    fn answers_are_read() {
        let placed = read(201, br#"{"sid":"CA1","status":"queued","price":null}"#);
        assert_eq!(
            placed,
            Ok(CallResource {
                sid: sid("CA1"),
                status: Some(CallStatus::Queued)
            })
        );
        let refused = read(
            400,
            br#"{"code":21219,"message":"The number is unverified.","status":400}"#,
        );
        let error = refused.unwrap_err();
        assert_eq!(
            error.to_string(),
            "The number is unverified. (Twilio 21219)"
        );
        assert_eq!(error.label(), "21219");
    }

    #[test]
    fn anything_else_is_an_error() {
        for (status, body) in [
            (200, &b"<html>"[..]),
            (200, b"{}"),
            (200, br#"{"sid":"../x"}"#),
            (503, b""),
            (400, br#"{"message":"no code"}"#),
            (302, br#"{"sid":"CA1"}"#),
        ] {
            let error = read(status, body).unwrap_err();
            assert_eq!(error, ApiError::Unreadable { status }, "{status}");
        }
        let long = format!(r#"{{"code":1,"message":"{}\n"}}"#, "x".repeat(5000));
        let ApiError::Refused { message, .. } = read(400, long.as_bytes()).unwrap_err() else {
            panic!("it says why");
        };
        assert_eq!(message.len(), MESSAGE_LEN_MAX);
    }
}
