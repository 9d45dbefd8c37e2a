//! People at dashboards and what they are.

use serde::{Deserialize, Serialize};

use crate::domain::ids::OperatorId;

/// What an operator is; [`crate::domain::policy`] says what each may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Everything.
    Admin,
    /// Runs the air.
    Host,
    /// Talks on air and moves callers between hold and air.
    CoHost,
    /// Runs the show but can put nobody on air.
    Producer,
    /// Answers, fills cards, approves.
    Screener,
    /// Watches.
    Viewer,
}

impl Role {
    /// Callers go down on air while somebody of this role speaks.
    pub fn leads(self) -> bool {
        matches!(self, Self::Admin | Self::Host | Self::CoHost)
    }

    /// The spelling of the database and the wire.
    pub fn label(self) -> &'static str {
        match self {
            Self::Admin => "admin",
            Self::Host => "host",
            Self::CoHost => "co-host",
            Self::Producer => "producer",
            Self::Screener => "screener",
            Self::Viewer => "viewer",
        }
    }

    /// Reads [`Role::label`] back.
    pub fn from_label(label: &str) -> Option<Self> {
        [
            Self::Admin,
            Self::Host,
            Self::CoHost,
            Self::Producer,
            Self::Screener,
            Self::Viewer,
        ]
        .into_iter()
        .find(|role| role.label() == label)
    }
}

/// Who gives a command.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Operator {
    /// Who.
    #[serde(rename = "operatorId")]
    pub id: OperatorId,
    /// As shown to others.
    pub name: String,
    /// What they may do.
    pub role: Role,
}
