//! What an INVITE says about its call, and in which headers a trunk says it.

use super::Trunk;
use super::profile::TrunkError;
use crate::sip::incoming::{Incoming, is_withheld_user, user_of};
use crate::sip::value::is_token;

/// Header names, each for one field of the call. `None`: where RFC 3261 has it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FieldHeaders {
    /// The caller's number: an address or a bare number.
    pub caller: Option<String>,
    /// The caller's name.
    pub name: Option<String>,
    /// The number that was called.
    pub called: Option<String>,
    /// The carrier's own id of the call.
    pub carrier_call: Option<String>,
}

/// What is known about a call from its INVITE.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CallFields {
    /// The caller's number, unless it is withheld.
    pub caller: Option<String>,
    /// The caller's name, unless it is withheld.
    pub name: Option<String>,
    /// The number or user that was called.
    pub called: Option<String>,
    /// The carrier's own id of the call.
    pub carrier_call: Option<String>,
}

impl FieldHeaders {
    /// These, once all of them can be header names.
    pub(super) fn checked(self) -> Result<Self, TrunkError> {
        let names = [&self.caller, &self.name, &self.called, &self.carrier_call];
        let wrong = names.into_iter().flatten().find(|name| !is_token(name));
        match wrong.cloned() {
            Some(name) => Err(TrunkError::Header(name)),
            None => Ok(self),
        }
    }

    /// These, and `other` where these say nothing.
    pub(super) fn or(self, other: Self) -> Self {
        Self {
            caller: self.caller.or(other.caller),
            name: self.name.or(other.name),
            called: self.called.or(other.called),
            carrier_call: self.carrier_call.or(other.carrier_call),
        }
    }
}

impl Trunk {
    /// What an INVITE of this trunk says about its call. A header that is missing or empty is as if nothing had been said of it.
    /// Who withholds the number (an anonymous From, or `Privacy`) is not named by any header.
    #[must_use]
    pub fn fields(&self, invite: &Incoming) -> CallFields {
        let mapped = |name: &Option<String>| {
            let value = invite.header(name.as_deref()?)?.trim();
            (!value.is_empty()).then_some(value)
        };
        let is_named = !invite.is_withheld();
        let caller = mapped(&self.headers.caller)
            .and_then(number_of)
            .filter(|number| is_named && !is_withheld_user(number));
        let name = mapped(&self.headers.name).filter(|_| is_named);
        let called = mapped(&self.headers.called).and_then(number_of);
        CallFields {
            caller: caller.or_else(|| invite.from_user()),
            name: name.map(str::to_owned).or_else(|| invite.from_display()),
            called: self
                .number
                .clone()
                .or(called)
                .or_else(|| invite.request_user())
                .or_else(|| invite.to_user()),
            carrier_call: mapped(&self.headers.carrier_call).map(str::to_owned),
        }
    }
}

/// The user of an address, or a bare number.
fn number_of(value: &str) -> Option<String> {
    let is_number = value
        .bytes()
        .all(|octet| octet.is_ascii_digit() || b"+*#-. ()".contains(&octet));
    if is_number {
        Some(value.to_owned())
    } else {
        user_of(value)
    }
}
