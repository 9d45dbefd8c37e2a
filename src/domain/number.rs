//! Telephone numbers.

use std::fmt;

/// Whether `number` is E.164: a plus and 7 to 15 digits (ITU-T E.164, 6.2.1).
pub(crate) fn is_e164(number: &str) -> bool {
    number.strip_prefix('+').is_some_and(|digits| {
        (7..=15).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit())
    })
}

/// A telephone number as logs show it: country and the last two digits.
pub struct Masked<'a>(pub &'a str);

impl fmt::Display for Masked<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = self.0.chars().count();
        if count < 6 {
            return f.write_str("***");
        }
        for (at, character) in self.0.chars().enumerate() {
            let shown = at < 3 || at + 2 >= count;
            write!(f, "{}", if shown { character } else { '*' })?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_masked() {
        assert_eq!(Masked("+15551234567").to_string(), "+15*******67");
        assert_eq!(Masked("201").to_string(), "***");
        assert_eq!(Masked("äöüäöü").to_string(), "äöü*öü");
    }
}
