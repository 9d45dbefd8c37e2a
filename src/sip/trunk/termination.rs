//! Calling out through a trunk: where it is reached, and what an INVITE to it says.
//!
//! ```text
//! dial = "sip:acme.pstn.example:5060;transport=tcp" ─> Termination ─> next hop
//! number + caller_id + profile ─────────────────────────────────────> Parties: Request-URI, From, P-Asserted-Identity
//! ```

use super::profile::{Profile, Trunk, TrunkError};
use crate::sip::value::uri::{self, Uri};
use crate::sip::{NextHop, Parties, Transport};

/// Where a trunk takes calls of ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Termination {
    host: String,
    port: Option<u16>,
    transport: Transport,
}

impl Termination {
    /// Reads `sip:host[:port][;transport=udp|tcp|tls]`; `sips:` means TLS.
    ///
    /// # Errors
    /// [`TrunkError::Dial`].
    pub fn parse(text: &str) -> Result<Self, TrunkError> {
        let wrong = || TrunkError::Dial(text.chars().filter(|c| !c.is_control()).collect());
        let uri = Uri::parse(text.trim()).filter(Uri::is_sip);
        let uri = uri.filter(|uri| uri.user.is_none() && !uri.has_headers && uri.port != Some(0));
        let uri = uri.ok_or_else(wrong)?;
        let transport = match uri.param("transport") {
            None if uri.is_sips() => Transport::Tls,
            None => Transport::Udp,
            Some(name) if name.eq_ignore_ascii_case("udp") && !uri.is_sips() => Transport::Udp,
            Some(name) if name.eq_ignore_ascii_case("tcp") && !uri.is_sips() => Transport::Tcp,
            Some(name) if name.eq_ignore_ascii_case("tls") => Transport::Tls,
            Some(_) => return Err(wrong()),
        };
        Ok(Self {
            host: uri.host.to_owned(),
            port: uri.port,
            transport,
        })
    }

    /// Where to connect.
    #[must_use]
    pub fn hop(&self) -> NextHop {
        let default = match self.transport {
            Transport::Udp | Transport::Tcp => 5060,
            Transport::Tls => 5061,
        };
        NextHop {
            host: self.host.clone(),
            port: self.port.unwrap_or(default),
            transport: self.transport,
        }
    }

    fn target(&self, number: &str) -> Option<String> {
        let target = uri::of_number(number, &self.host, self.port)?;
        Some(match self.transport {
            Transport::Udp => target,
            Transport::Tcp => target + ";transport=tcp",
            Transport::Tls => target + ";transport=tls",
        })
    }
}

impl Trunk {
    /// What an INVITE for `number` says; `None` when the trunk takes none, or this is no number.
    #[must_use]
    pub fn parties(&self, number: &str) -> Option<Parties> {
        let termination = self.dial.as_ref()?;
        let number = number.trim();
        let host = termination.host.as_str();
        let own = self.caller_id.as_deref();
        let own = own.and_then(|own| uri::of_number(own, host, None));
        let vouches = matches!(self.profile, Profile::Twilio | Profile::Carrier);
        let asserted = own.clone().filter(|_| vouches);
        let headers = asserted.map(|own| ("P-Asserted-Identity".to_owned(), format!("<{own}>")));
        let from = own.or_else(|| self.login_uri(host));
        let from = from.unwrap_or_else(|| "sip:anonymous@anonymous.invalid".to_owned());
        Some(Parties {
            target: termination.target(number)?,
            from: format!("<{from}>"),
            headers: headers.into_iter().collect(),
            login: self.login.clone(),
        })
    }

    /// Our account at the trunk, by which telephone systems know us, where its name can stand in a URI.
    fn login_uri(&self, host: &str) -> Option<String> {
        let user = &self.login.as_ref()?.user;
        let fits = |c: u8| c.is_ascii_alphanumeric() || b"+-_.".contains(&c);
        let host = match host.contains(':') {
            true => format!("[{host}]"),
            false => host.to_owned(),
        };
        user.bytes().all(fits).then(|| format!("sip:{user}@{host}"))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::sip::digest::Login;
    use crate::sip::trunk::TrunkTable;

    fn trunk(dial: &str, profile: &str) -> Trunk {
        let table = TrunkTable {
            name: "acme".into(),
            profile: profile.into(),
            allow: Some("none".into()),
            dial: Some(dial.into()),
            caller_id: Some("+15550100".into()),
            ..TrunkTable::default()
        };
        Trunk::new(table).unwrap()
    }

    #[test]
    fn the_place_to_call_is_read_or_refused() {
        let hop = |text| Termination::parse(text).map(|dial| dial.hop());
        let at = |host: &str, port, transport| {
            Ok(NextHop {
                host: host.into(),
                port,
                transport,
            })
        };
        assert_eq!(
            hop("sip:acme.example"),
            at("acme.example", 5060, Transport::Udp)
        );
        assert_eq!(
            hop(" sip:acme.example:5080;transport=TCP "),
            at("acme.example", 5080, Transport::Tcp)
        );
        assert_eq!(
            hop("sip:[2001:db8::1];transport=tls"),
            at("2001:db8::1", 5061, Transport::Tls)
        );
        assert_eq!(
            hop("sips:acme.example"),
            at("acme.example", 5061, Transport::Tls)
        );
        for wrong in [
            "",
            "acme.example",
            "sip:",
            "sip:user@acme.example",
            "sip:acme.example;transport=sctp",
            "sips:acme.example;transport=udp",
            "sip:acme.example?X=y",
            "sip:acme.example:0",
            "sip:acme.example:99999",
            "tel:+15550100",
            "http://acme.example",
            "sip:acme.example\r\nX: y",
        ] {
            assert!(matches!(hop(wrong), Err(TrunkError::Dial(_))), "{wrong}");
        }
    }

    #[test]
    fn carriers_are_told_our_number_twice_and_a_pbx_once() {
        let parties = trunk("sip:acme.example:5080;transport=tcp", "carrier").parties("+4930123");
        let parties = parties.unwrap();
        let target = "sip:+4930123@acme.example:5080;user=phone;transport=tcp";
        assert_eq!(parties.target, target);
        assert_eq!(parties.from, "<sip:+15550100@acme.example;user=phone>");
        let asserted = "<sip:+15550100@acme.example;user=phone>".to_owned();
        assert_eq!(
            parties.headers,
            [("P-Asserted-Identity".to_owned(), asserted)]
        );
        let parties = trunk("sip:[2001:db8::1]", "pbx").parties("*55#").unwrap();
        assert_eq!(parties.target, "sip:*55%23@[2001:db8::1];user=phone");
        assert_eq!(parties.headers, []);
    }

    #[test]
    fn without_a_number_of_ours_the_account_calls_or_nobody() {
        let mut trunk = trunk("sip:acme.example", "pbx");
        trunk.caller_id = None;
        let from = |trunk: &Trunk| trunk.parties("100").unwrap().from;
        assert_eq!(from(&trunk), "<sip:anonymous@anonymous.invalid>");
        for (user, wanted) in [
            ("studio-1", "<sip:studio-1@acme.example>"),
            ("a>b", "<sip:anonymous@anonymous.invalid>"),
        ] {
            trunk.login = Some(Login {
                user: user.into(),
                password: "x".into(),
            });
            assert_eq!(from(&trunk), wanted);
        }
    }

    proptest! {
        #[test]
        fn whatever_is_typed_dials_its_digits_or_nothing(text in "\\PC{0,40}|[+0-9*#;@:<>?\r\n ,\"%a]{0,12}") {
            let parties = trunk("sip:acme.example", "carrier").parties(&text);
            let plain = |c: char| c.is_ascii_digit() || matches!(c, '+' | '*' | '#');
            match parties {
                Some(parties) => {
                    prop_assert!(text.trim().chars().all(plain), "{text}");
                    let uri = Uri::parse(&parties.target).unwrap();
                    prop_assert_eq!(uri.host, "acme.example");
                    prop_assert_eq!(uri.param("user"), Some("phone"));
                    let dialled = uri.user.map(|user| uri::unescaped(user).into_owned());
                    prop_assert_eq!(dialled.as_deref(), Some(text.trim()));
                }
                None => prop_assert!(!uri::is_dialable(text.trim())),
            }
        }
    }
}
