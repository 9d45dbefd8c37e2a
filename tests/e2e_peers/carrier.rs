//! A stand-in for Twilio: posts signed webhooks, reads the TwiML, places exactly the SIP call that it says from an address
//! that may not call on its own, and tells how the call fares.

use std::fs;
use std::net::IpAddr;

use audioroad::actors::clock;
use audioroad::phone::{Call, Phone, Silence};
use audioroad::twilio::token::TokenKey;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use hmac::{Hmac, Mac as _};
use serde_json::Value;
use sha1::Sha1;
use tempfile::TempDir;
use tokio::runtime::Runtime;
use url::form_urlencoded;

use crate::peer::Peer;
use crate::switch::{SOON, Switch, eventually};
use crate::twiml::{Element, SipCall};

pub(crate) const AUTH_TOKEN: &str = "an-auth-token-for-tests";
pub(crate) const ACCOUNT: &str = "AC00000000000000000000000000000001";
/// The address that Twilio knows us by; TLS ends before the switch.
pub(crate) const PUBLIC_URL: &str = "https://127.0.0.1";
pub(crate) const INCOMING: &str = "/api/twilio-sip/incoming-call";
/// Where Twilio's calls come from: not on `SIP_ALLOW`.
pub(crate) const SIGNALLING: [u8; 4] = [127, 0, 0, 2];
/// Somebody else who is not on it either.
pub(crate) const STRANGER: [u8; 4] = [127, 0, 0, 3];
pub(crate) const CALLER: &str = "+15550100370";

pub(crate) type Params<'a> = &'a [(&'a str, &'a str)];

/// Twilio and the switch whose number was bought there.
pub(crate) struct Twilio {
    pub(crate) switch: Switch,
    client: reqwest::Client,
    runtime: Runtime,
    data: TempDir,
}

/// How a webhook is delivered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Method {
    Get,
    Post,
}

/// A caller's leg at Twilio.
pub(crate) fn incoming<'a>(sid: &'a str, from: &'a str) -> [(&'a str, &'a str); 6] {
    let fixed = [
        ("AccountSid", ACCOUNT),
        ("To", "+15550100000"),
        ("CallStatus", "ringing"),
    ];
    let [account, to, status] = fixed;
    [
        ("CallSid", sid),
        account,
        ("From", from),
        to,
        status,
        ("Direction", "inbound"),
    ]
}

/// `X-Twilio-Signature`: HMAC-SHA1 over the address and the sorted form.
pub(crate) fn signature(auth_token: &str, url: &str, form: Params<'_>) -> String {
    let mut sorted = form.to_vec();
    sorted.sort_unstable();
    let signed: String = sorted
        .iter()
        .flat_map(|(name, value)| [*name, *value])
        .collect();
    let mac = Hmac::<Sha1>::new_from_slice(auth_token.as_bytes()).expect("any key will do");
    STANDARD.encode(
        mac.chain_update(url)
            .chain_update(signed)
            .finalize()
            .into_bytes(),
    )
}

fn encoded(params: Params<'_>) -> String {
    form_urlencoded::Serializer::new(String::new())
        .extend_pairs(params)
        .finish()
}

impl Twilio {
    pub(crate) fn with_a_switch() -> Self {
        Self::with_settings(&[])
    }

    /// The same with further settings.
    pub(crate) fn with_settings(further: &[(&str, &str)]) -> Self {
        let data = TempDir::new().expect("a temporary folder");
        let folder = data.path().display().to_string();
        let own = [
            ("DATA_DIR", folder.as_str()),
            ("SIP_ALLOW", "127.0.0.1"),
            ("PUBLIC_URL", PUBLIC_URL),
            ("TWILIO_ACCOUNT_SID", ACCOUNT),
            ("TWILIO_AUTH_TOKEN", AUTH_TOKEN),
        ];
        let switch = Switch::start(&[&own[..], further].concat());
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        // Nobody watches idle connections between two requests, so none is kept.
        let client = reqwest::Client::builder()
            .no_proxy()
            .pool_max_idle_per_host(0)
            .timeout(SOON)
            .build();
        let (client, runtime) = (client.expect("a web client"), runtime.expect("a runtime"));
        Self {
            switch,
            client,
            runtime,
            data,
        }
    }

    /// Delivers a webhook with this signature, or the right one; status and body of the answer.
    pub(crate) fn deliver(
        &self,
        method: Method,
        url: &str,
        params: Params<'_>,
        forged: Option<&str>,
    ) -> (u16, String) {
        let mut path = url
            .strip_prefix(PUBLIC_URL)
            .expect("an address of ours")
            .to_owned();
        let form: Params<'_> = match method {
            Method::Post => params,
            Method::Get => {
                path = format!("{path}?{}", encoded(params));
                &[]
            }
        };
        let right = signature(AUTH_TOKEN, &format!("{PUBLIC_URL}{path}"), form);
        let at = self.switch.url(&path);
        let request = match method {
            Method::Get => self.client.get(at),
            Method::Post => {
                let form = encoded(form);
                self.client
                    .post(at)
                    .header("Content-Type", "application/x-www-form-urlencoded")
                    .body(form)
            }
        };
        let request = request.header("X-Twilio-Signature", forged.unwrap_or(&right));
        self.runtime.block_on(async {
            let answer = request.send().await.expect("the switch answers");
            (
                answer.status().as_u16(),
                answer.text().await.expect("the whole answer"),
            )
        })
    }

    /// Delivers a webhook that must be answered with TwiML.
    pub(crate) fn asks(&self, method: Method, url: &str, params: Params<'_>) -> Element {
        let (status, twiml) = self.deliver(method, url, params, None);
        assert_eq!(status, 200, "{twiml}");
        Element::response(&twiml)
    }

    /// A call comes in: what is to be done with it.
    pub(crate) fn rings(&self, sid: &str, from: &str) -> Element {
        self.asks(
            Method::Post,
            &format!("{PUBLIC_URL}{INCOMING}"),
            &incoming(sid, from),
        )
    }

    /// Tells how our leg fares.
    pub(crate) fn tells(&self, sip: &Element, parent: &str, status: &str) {
        let child = [
            ("CallSid", "CAchild"),
            ("ParentCallSid", parent),
            ("CallStatus", status),
        ];
        let form = [&child[..], &[("AccountSid", ACCOUNT)]].concat();
        let url = sip.attribute("statusCallback");
        assert_eq!(
            self.deliver(Method::Post, url, &form, None).0,
            204,
            "{status}"
        );
    }

    /// Dials what the TwiML says; the call stays until the switch hangs up.
    pub(crate) fn dials(call: &SipCall) -> Peer {
        let SipCall {
            uri,
            target,
            transport,
            headers,
        } = call;
        let local = IpAddr::from(SIGNALLING).to_string();
        let mut arguments = vec!["until-bye", target, "--uri", uri, "--transport", transport];
        // Not the caller's number: that is the webhook's affair.
        arguments.extend(["--local", &local, "--from", "+15550100999"]);
        let headers = headers
            .iter()
            .map(|(name, value)| format!("{name}: {value}"));
        let headers: Vec<String> = headers
            .chain(["X-Twilio-CallSid: CAchild".to_owned()])
            .collect();
        arguments.extend(headers.iter().flat_map(|header| ["--header", header]));
        Peer::start("sipp_call.py", arguments)
    }

    /// An INVITE by UDP with these headers, from an address that may not call.
    pub(crate) fn knocks(&self, from: [u8; 4], headers: &[(&str, &str)]) -> Call {
        let phone = Phone::new(from.into()).number(CALLER);
        let phone = headers
            .iter()
            .fold(phone, |phone, (name, value)| phone.header(name, value));
        phone
            .call(self.switch.sip(), "lobby", Silence)
            .expect("a phone")
    }

    pub(crate) fn calls(&self) -> Vec<Value> {
        self.switch
            .ask("GET", "/api/calls", Value::Null)
            .as_array()
            .cloned()
            .unwrap_or_default()
    }

    /// The only call there is, once it satisfies `fits`.
    pub(crate) fn only_call(&self, fits: impl Fn(&Value) -> bool) -> Value {
        eventually("the only call", || {
            let calls = self.calls();
            assert_eq!(calls.len(), 1, "{calls:?}");
            calls
                .into_iter()
                .find(|call| fits(call))
                .ok_or_else(|| format!("{:?}", self.calls()))
        })
    }

    /// A token as the switch makes them, for any call and age.
    pub(crate) fn token(&self, call: &str, expires_in_s: i64) -> String {
        let key = fs::read_to_string(self.data.path().join("calls.key")).expect("the switch's key");
        let key = URL_SAFE_NO_PAD.decode(key.trim()).expect("base64");
        let key = TokenKey::new(&key.try_into().expect("32 octets"));
        key.make(
            call,
            "",
            (clock::unix_ms() / 1000).saturating_add_signed(expires_in_s),
            0,
        )
    }
}
