//! Identifiers: 128 bits, time-ordered when the shell makes them so, written as 26 characters of Crockford's base 32.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

/// An id that is not 26 characters of Crockford's base 32.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadId;

impl fmt::Display for BadId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not a valid id")
    }
}

impl std::error::Error for BadId {}

const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
const LENGTH: usize = 26;

fn encode(value: u128) -> [u8; LENGTH] {
    let mut text = [b'0'; LENGTH];
    let mut rest = value;
    for slot in text.iter_mut().rev() {
        *slot = ALPHABET[(rest & 31) as usize];
        rest >>= 5;
    }
    text
}

fn decode(text: &str) -> Result<u128, BadId> {
    if text.len() != LENGTH {
        return Err(BadId);
    }
    text.bytes()
        .enumerate()
        .try_fold(0u128, |value, (at, byte)| {
            let digit = ALPHABET
                .iter()
                .position(|&letter| letter == byte.to_ascii_lowercase())
                .ok_or(BadId)?;
            if at == 0 && digit > 7 {
                return Err(BadId);
            }
            Ok((value << 5) | digit as u128)
        })
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub u128);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let text = encode(self.0);
                f.write_str(std::str::from_utf8(&text).unwrap_or_default())
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({self})", stringify!($name))
            }
        }

        impl FromStr for $name {
            type Err = BadId;
            fn from_str(text: &str) -> Result<Self, BadId> {
                decode(text).map(Self)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = <std::borrow::Cow<'_, str>>::deserialize(deserializer)?;
                text.parse().map_err(D::Error::custom)
            }
        }
    };
}

id!(
    /// A programme.
    ShowId
);
id!(
    /// One airing of a show.
    EpisodeId
);
id!(
    /// One telephone call.
    CallId
);
id!(
    /// A person behind a number.
    CallerId
);
id!(
    /// A person who works at a dashboard.
    OperatorId
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_back() {
        for value in [0, 1, u128::MAX, 0x0192_3f4a_5b6c_7d8e_9fa0_b1c2_d3e4_f506] {
            let id = CallId(value);
            assert_eq!(id.to_string().len(), LENGTH);
            assert_eq!(id.to_string().parse(), Ok(id));
        }
        assert!(CallId(1) < CallId(2) && CallId(1).to_string() < CallId(2).to_string());
    }

    #[test]
    fn what_is_not_an_id_is_refused() {
        for text in [
            "",
            "1",
            "zzzzzzzzzzzzzzzzzzzzzzzzzz",
            "0123456789abcdefghjkmnpqr!",
            "ééééééééééééé",
        ] {
            assert_eq!(text.parse::<CallId>(), Err(BadId), "{text}");
        }
    }
}
