//! A command that was not carried out, and why, in a sentence for a person.

use std::fmt;

/// Why nothing was changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The command makes no sense as it stands (400).
    Invalid(String),
    /// The role may not do this (403).
    Forbidden(String),
    /// No such call, episode or show (404).
    NotFound(String),
    /// Not in this state (409).
    Conflict(String),
}

impl Refusal {
    /// The HTTP status that says the same.
    pub fn status(&self) -> u16 {
        match self {
            Self::Invalid(_) => 400,
            Self::Forbidden(_) => 403,
            Self::NotFound(_) => 404,
            Self::Conflict(_) => 409,
        }
    }

    /// The sentence.
    pub fn detail(&self) -> &str {
        match self {
            Self::Invalid(text)
            | Self::Forbidden(text)
            | Self::NotFound(text)
            | Self::Conflict(text) => text,
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.detail())
    }
}

impl std::error::Error for Refusal {}
