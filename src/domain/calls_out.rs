//! Calls out: whether the station makes any, which numbers it may call, and what it says to whom it calls.
//!
//! Nothing is allowed by default: who can make a switch dial can make it pay. Numbers are dialled only for an operator, only in
//! full (E.164), only with a prefix that the station names, and only so many at once.

use std::str::FromStr;

use crate::domain::{number::is_e164, refusal::Refusal};

/// Longest text that is read as a number, in characters.
const TEXT_MAX: usize = 40;
/// A number without a country code and with no more digits than this is a short one: an emergency number, or a service.
const SHORT_DIGITS_MAX: usize = 6;
/// Digits of a help line that has no full number, such as 988 or 116123.
const SHORT_DIGITS_MIN: usize = 3;
/// Longest name of a help line, in characters.
const HELP_LINE_NAME_MAX: usize = 60;

/// The rules for calls out.
#[derive(Clone, Debug, Default)]
pub struct CallsOut {
    /// Something is there to make them: a trunk that takes calls, or an account at Twilio.
    pub has_way: bool,
    /// What a number must begin with.
    pub allow: Prefixes,
    /// The number of ours that is shown; else the show's first.
    pub own_number: Option<String>,
    /// No call is made without one to show.
    pub needs_own_number: bool,
    /// Calls out at once.
    pub calls_max: usize,
    /// How long a call may ring before it is given up, in milliseconds.
    pub ring_ms_max: i64,
    /// What can move a call to another number.
    pub transfers: Transfers,
    /// Where callers can be transferred by name.
    pub help_lines: Vec<HelpLine>,
}

/// What can move a call to another number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Transfers {
    /// The telephone line itself (SIP REFER).
    pub by_line: bool,
    /// Twilio's API, for calls that its voice API carries.
    pub by_carrier: bool,
}

/// Where callers can be transferred by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HelpLine {
    /// As operators know it.
    pub name: String,
    /// A full number, or a short one such as 988.
    pub number: String,
}

impl HelpLine {
    /// A help line; separators in the number are dropped.
    ///
    /// # Errors
    /// A sentence for who wrote the settings.
    pub fn new(name: &str, number: &str) -> Result<Self, String> {
        let name = name.trim();
        if name.is_empty() || name.chars().count() > HELP_LINE_NAME_MAX {
            return Err(format!(
                "a help line needs a name of at most {HELP_LINE_NAME_MAX} characters"
            ));
        }
        let plain = without_separators(number);
        let short = (SHORT_DIGITS_MIN..=SHORT_DIGITS_MAX).contains(&plain.len())
            && plain.bytes().all(|byte| byte.is_ascii_digit());
        if !short && !is_e164(&plain) {
            return Err(format!(
                "`{number}` of {name} is neither a full number such as +15551234567 nor a short one such as 988"
            ));
        }
        Ok(Self {
            name: name.to_owned(),
            number: plain,
        })
    }
}

/// What a number must begin with to be called.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Prefixes {
    /// No number may be called.
    #[default]
    None,
    /// Numbers that begin with one of these, plus sign included.
    These(Vec<String>),
    /// Every full number.
    Any,
}

impl FromStr for Prefixes {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let text = text.trim();
        if text.eq_ignore_ascii_case("any") {
            return Ok(Self::Any);
        }
        let mut prefixes = Vec::new();
        for entry in text
            .split(',')
            .map(str::trim)
            .filter(|entry| !entry.is_empty())
        {
            let digits = entry.strip_prefix('+').unwrap_or_default();
            let is_prefix = (1..=15).contains(&digits.len())
                && digits.bytes().all(|byte| byte.is_ascii_digit())
                && !digits.starts_with('0');
            if !is_prefix {
                return Err(format!(
                    "`{entry}` is not the beginning of a number, such as +1 or +4930; `any` allows all"
                ));
            }
            prefixes.push(entry.to_owned());
        }
        if prefixes.is_empty() {
            return Ok(Self::None);
        }
        Ok(Self::These(prefixes))
    }
}

impl Prefixes {
    fn allow(&self, number: &str) -> bool {
        match self {
            Self::None => false,
            Self::These(prefixes) => prefixes.iter().any(|prefix| number.starts_with(prefix)),
            Self::Any => true,
        }
    }
}

impl CallsOut {
    /// Why no call can be made at all, as a sentence; `None` when calls can be made.
    pub fn off_because(&self) -> Option<&'static str> {
        if self.allow == Prefixes::None {
            Some("Calls out are off: DIAL_ALLOW names no numbers that may be called.")
        } else if !self.has_way {
            Some(
                "Calls out are off: no trunk takes them, and Twilio's account is not set up for them.",
            )
        } else {
            None
        }
    }

    /// Reads what an operator wrote as a number that may be called.
    ///
    /// # Errors
    /// [`Refusal`] with a sentence that says what is wrong with it.
    pub fn number(&self, text: &str) -> Result<String, Refusal> {
        if let Some(why) = self.off_because() {
            return Err(Refusal::Conflict(why.to_owned()));
        }
        let number = full_number(text)?;
        if !self.allow.allow(&number) {
            let allowed = match &self.allow {
                Prefixes::These(prefixes) => prefixes.join(", "),
                Prefixes::None | Prefixes::Any => String::new(),
            };
            return Err(Refusal::Forbidden(format!(
                "{number} may not be called from here. Numbers must begin with: {allowed}."
            )));
        }
        Ok(number)
    }

    /// The help line of this name, upper or lower case.
    pub fn help_line(&self, name: &str) -> Option<&HelpLine> {
        let wanted = name.trim().to_lowercase();
        self.help_lines
            .iter()
            .find(|line| line.name.to_lowercase() == wanted)
    }
}

/// A full number (E.164) as an operator writes it: with spaces, hyphens and brackets, if they like.
///
/// # Errors
/// [`Refusal::Invalid`] with a sentence.
fn full_number(text: &str) -> Result<String, Refusal> {
    let text = text.trim();
    let invalid = |why: String| Err(Refusal::Invalid(why));
    let plain = without_separators(text);
    let digits = plain.strip_prefix('+').unwrap_or(&plain);
    if digits.is_empty()
        || text.chars().count() > TEXT_MAX
        || !digits.bytes().all(|byte| byte.is_ascii_digit())
    {
        return invalid("This is not a telephone number.".to_owned());
    }
    if digits.len() <= SHORT_DIGITS_MAX {
        return invalid(format!(
            "{plain} is an emergency or short number. Those are not called from here: take a telephone."
        ));
    }
    if !plain.starts_with('+') {
        return invalid(
            "Write the number with a plus and its country code, such as +15551234567.".to_owned(),
        );
    }
    if !is_e164(&plain) || digits.starts_with('0') {
        return invalid(format!(
            "{plain} is not a full number such as +15551234567."
        ));
    }
    match digits.strip_prefix('1') {
        Some(national) => north_american(&plain, national),
        None => Ok(plain),
    }
}

/// Ten digits, the area code from 200 on; 911 and its like, and premium rate (900), are no area to call.
fn north_american(number: &str, national: &str) -> Result<String, Refusal> {
    let area = national.get(..3).unwrap_or_default();
    if national.len() != 10 || area.starts_with(['0', '1']) {
        return Err(Refusal::Invalid(format!(
            "{number} is not a full North American number: +1 and ten digits."
        )));
    }
    if area.ends_with("11") || area == "900" {
        return Err(Refusal::Invalid(format!(
            "{number} is an emergency, service or premium-rate number. Those are not called from here."
        )));
    }
    Ok(number.to_owned())
}

fn without_separators(text: &str) -> String {
    text.chars()
        .filter(|c| !matches!(c, ' ' | '\u{a0}' | '-' | '.' | '(' | ')' | '/'))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(allow: &str) -> CallsOut {
        CallsOut {
            has_way: true,
            allow: allow.parse().unwrap(),
            ..CallsOut::default()
        }
    }

    fn refused(allow: &str, number: &str) -> (u16, String) {
        let refusal = rules(allow).number(number).unwrap_err();
        (refusal.status(), refusal.detail().to_owned())
    }

    #[test]
    fn numbers_are_read_as_people_write_them() {
        for text in ["+15551234567", " +1 (555) 123-4567 ", "+1.555.123.4567"] {
            assert_eq!(rules("+1").number(text).as_deref(), Ok("+15551234567"));
        }
        assert_eq!(
            rules("any").number("+49 30/1234567").as_deref(),
            Ok("+49301234567")
        );
    }

    #[test]
    fn what_is_not_a_full_number_is_refused_with_a_reason() {
        for (text, said) in [
            ("", "not a telephone number"),
            ("Maria", "not a telephone number"),
            ("+", "not a telephone number"),
            ("sip:maria@example.org", "not a telephone number"),
            ("+1555123456７", "not a telephone number"),
            (&"1".repeat(41), "not a telephone number"),
            ("5551234567", "country code"),
            ("0015551234567", "country code"),
            ("+0123456789", "full number"),
            ("+1234567890123456", "full number"),
            ("+1555123456", "North American"),
            ("+10551234567", "North American"),
            ("+1155512345678", "North American"),
        ] {
            let (status, why) = refused("any", text);
            assert!(status == 400 && why.contains(said), "{text}: {why}");
        }
    }

    #[test]
    fn emergency_short_and_premium_numbers_are_never_called() {
        for text in [
            "911", "112", "999", "988", "116123", "+911", "+1911", "+44999", "+49112",
        ] {
            assert!(refused("any", text).1.contains("emergency"), "{text}");
        }
        for text in ["+19115551234", "+14115551234", "+19005551234"] {
            assert!(refused("any", text).1.contains("premium"), "{text}");
        }
    }

    #[test]
    fn only_named_prefixes_are_called() {
        assert_eq!(
            refused("+1, +4930", "+442071234567"),
            (
                403,
                "+442071234567 may not be called from here. Numbers must begin with: +1, +4930."
                    .to_owned()
            )
        );
        assert!(rules("+1,+4930").number("+49301234567").is_ok());
        assert_eq!(refused("+1, +4930", "+49891234567").0, 403);
    }

    #[test]
    fn nothing_is_called_unless_somebody_said_so() {
        let (status, why) = refused("", "+15551234567");
        assert!(status == 409 && why.contains("DIAL_ALLOW"));
        let no_way = CallsOut {
            has_way: false,
            ..rules("+1")
        };
        let refusal = no_way.number("+15551234567").unwrap_err();
        assert!(refusal.detail().contains("no trunk"));
        assert!(CallsOut::default().off_because().is_some());
    }

    #[test]
    fn prefixes_that_are_none_are_named() {
        for text in ["1", "+", "+0", "+1x", "+1,49", "+1234567890123456"] {
            assert!(text.parse::<Prefixes>().is_err(), "{text}");
        }
        assert_eq!("Any".parse(), Ok(Prefixes::Any));
        assert_eq!(" , ".parse(), Ok(Prefixes::None));
    }

    #[test]
    fn help_lines_may_have_short_numbers() {
        assert_eq!(
            HelpLine::new(" Lifeline ", "988"),
            Ok(HelpLine {
                name: "Lifeline".into(),
                number: "988".into()
            })
        );
        assert_eq!(
            HelpLine::new("Samaritans", "+44 116 123 00")
                .unwrap()
                .number,
            "+4411612300"
        );
        for (name, number) in [
            ("", "988"),
            ("x", "12"),
            ("x", "sip:a@b"),
            ("x", "1234567"),
            ("x", ""),
        ] {
            assert!(HelpLine::new(name, number).is_err(), "{name} {number}");
        }
    }
}
