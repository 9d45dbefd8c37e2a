//! Where a call waits, and the only ways on: the transition table of the product on one page.

use serde::{Deserialize, Serialize};

/// Where a call is in the show.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
    /// In the lobby: greeting, hold music, place in line.
    Queued,
    /// With the one screener who picked up.
    Screening,
    /// Approved: hears the live show.
    OnHold,
    /// Hears everyone on air but themself, and is heard.
    OnAir,
    /// The telephone leg is gone.
    Completed,
}

/// What can be asked of a call that changes its stage.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Move {
    /// A screener takes the call.
    PickUp,
    /// The screener lets the call through to hold.
    Approve,
    /// The screener sends the call back to wait.
    BackToLobby,
    /// The host puts the caller on air.
    PutOnAir,
    /// The host puts the caller back on hold.
    PutOnHold,
    /// The line is hung up, by whomever.
    End,
}

impl Stage {
    /// Where `step` leads from here; `None` when the table does not allow it.
    pub fn after(self, step: Move) -> Option<Self> {
        match (self, step) {
            (Self::Queued, Move::PickUp) => Some(Self::Screening),
            (Self::Screening, Move::Approve) => Some(Self::OnHold),
            (Self::Screening, Move::BackToLobby) => Some(Self::Queued),
            (Self::OnHold, Move::PutOnAir) => Some(Self::OnAir),
            (Self::OnAir, Move::PutOnHold) => Some(Self::OnHold),
            (Self::Queued | Self::Screening | Self::OnHold | Self::OnAir, Move::End) => {
                Some(Self::Completed)
            }
            (
                Self::Queued | Self::Screening | Self::OnHold | Self::OnAir | Self::Completed,
                Move::PickUp
                | Move::Approve
                | Move::BackToLobby
                | Move::PutOnAir
                | Move::PutOnHold
                | Move::End,
            ) => None,
        }
    }

    /// The spelling of the database and the wire.
    pub fn label(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Screening => "screening",
            Self::OnHold => "on-hold",
            Self::OnAir => "on-air",
            Self::Completed => "completed",
        }
    }

    /// Reads [`Stage::label`] back.
    pub fn from_label(label: &str) -> Option<Self> {
        [
            Self::Queued,
            Self::Screening,
            Self::OnHold,
            Self::OnAir,
            Self::Completed,
        ]
        .into_iter()
        .find(|stage| stage.label() == label)
    }

    /// The place in words, as it stands in a sentence: "the caller is ...".
    pub fn in_words(self) -> &'static str {
        match self {
            Self::Queued => "waiting in the lobby",
            Self::Screening => "with a screener",
            Self::OnHold => "on hold",
            Self::OnAir => "on air",
            Self::Completed => "gone",
        }
    }
}

impl Move {
    /// The move in words, as it stands after "cannot be".
    pub fn in_words(self) -> &'static str {
        match self {
            Self::PickUp => "picked up",
            Self::Approve => "approved",
            Self::BackToLobby => "sent back to the lobby",
            Self::PutOnAir => "put on air",
            Self::PutOnHold => "put on hold",
            Self::End => "dropped",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Move::*, Stage::*, *};

    #[test]
    fn the_whole_table() {
        let stages = [Queued, Screening, OnHold, OnAir, Completed];
        let moves = [PickUp, Approve, BackToLobby, PutOnAir, PutOnHold, End];
        let legal: Vec<(Stage, Move, Stage)> = stages
            .into_iter()
            .flat_map(|from| {
                moves
                    .into_iter()
                    .filter_map(move |step| Some((from, step, from.after(step)?)))
            })
            .collect();
        assert_eq!(
            legal,
            [
                (Queued, PickUp, Screening),
                (Queued, End, Completed),
                (Screening, Approve, OnHold),
                (Screening, BackToLobby, Queued),
                (Screening, End, Completed),
                (OnHold, PutOnAir, OnAir),
                (OnHold, End, Completed),
                (OnAir, PutOnHold, OnHold),
                (OnAir, End, Completed),
            ]
        );
    }

    #[test]
    fn labels_read_back() {
        for stage in [Queued, Screening, OnHold, OnAir, Completed] {
            assert_eq!(Stage::from_label(stage.label()), Some(stage));
        }
        assert_eq!(Stage::from_label("On-Air"), None);
    }
}
