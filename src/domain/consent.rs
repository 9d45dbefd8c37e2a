//! What somebody whom we called is told before they are put on air (47 CFR 73.1206: told before a call is broadcast or recorded
//! for it). The ledger keeps these words with each consent.

/// The sentence to read out.
pub fn notice(show: &str) -> String {
    format!(
        "You are speaking with {show}. We would like to put you on the air: what you say will be broadcast and may be recorded. Is that all right with you?"
    )
}
