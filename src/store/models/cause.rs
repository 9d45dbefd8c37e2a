//! A cause is three columns: `cause` (the label), `cause_text` (the sentence, for people) and
//! `cause_by` (who dropped the call).

use crate::domain::Cause;

/// Reads a label, and who dropped the call, back.
pub(super) fn read(label: &str, by: Option<String>) -> Option<Cause> {
    if let Some(code) = label.strip_prefix("sip-") {
        return code.parse().ok().map(Cause::SipError);
    }
    if let Some(status) = label.strip_prefix("carrier-") {
        return Some(Cause::Carrier(status.to_owned()));
    }
    [
        Cause::CallerHungUp,
        Cause::Cancelled,
        Cause::Dropped {
            by: by.unwrap_or_default(),
        },
        Cause::RemovedFromRoom,
        Cause::Blocked,
        Cause::LobbyFull,
        Cause::BusyAll,
        Cause::NoShow,
        Cause::ShowEnded,
        Cause::RtpTimeout,
        Cause::StreamLost,
        Cause::StreamError,
        Cause::SessionExpired,
        Cause::NoAck,
        Cause::NoCommonCodec,
        Cause::NeverArrived,
        Cause::OutOfResources,
        Cause::Shutdown,
        Cause::SwitchRestarted,
        Cause::InternalError,
        Cause::Busy,
        Cause::NoAnswer,
        Cause::Declined,
        Cause::Unreachable,
        Cause::DiallerLeft,
        Cause::Transferred,
    ]
    .into_iter()
    .find(|cause| cause.label() == label)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every cause there is: the match has no other arm, so that a new one must be put into the
    /// list above it.
    fn every_cause() -> Vec<Cause> {
        let all = vec![
            Cause::CallerHungUp,
            Cause::Cancelled,
            Cause::Dropped {
                by: "Ada".to_owned(),
            },
            Cause::RemovedFromRoom,
            Cause::Blocked,
            Cause::LobbyFull,
            Cause::BusyAll,
            Cause::NoShow,
            Cause::ShowEnded,
            Cause::RtpTimeout,
            Cause::StreamLost,
            Cause::StreamError,
            Cause::SessionExpired,
            Cause::NoAck,
            Cause::NoCommonCodec,
            Cause::NeverArrived,
            Cause::SipError(486),
            Cause::OutOfResources,
            Cause::Shutdown,
            Cause::SwitchRestarted,
            Cause::InternalError,
            Cause::Busy,
            Cause::NoAnswer,
            Cause::Declined,
            Cause::Unreachable,
            Cause::DiallerLeft,
            Cause::Transferred,
            Cause::Carrier("no-answer".to_owned()),
        ];
        for cause in &all {
            match cause {
                Cause::CallerHungUp | Cause::Cancelled | Cause::Dropped { .. } => {}
                Cause::RemovedFromRoom | Cause::Blocked => {}
                Cause::LobbyFull | Cause::BusyAll | Cause::NoShow | Cause::ShowEnded => {}
                Cause::RtpTimeout | Cause::SessionExpired | Cause::NoAck => {}
                Cause::StreamLost | Cause::StreamError => {}
                Cause::NoCommonCodec | Cause::NeverArrived => {}
                Cause::SipError(_) | Cause::OutOfResources | Cause::Shutdown => {}
                Cause::SwitchRestarted | Cause::InternalError | Cause::Carrier(_) => {}
                Cause::Busy | Cause::NoAnswer | Cause::Declined | Cause::Unreachable => {}
                Cause::DiallerLeft | Cause::Transferred => {}
            }
        }
        all
    }

    #[test]
    fn every_cause_reads_back() {
        for cause in every_cause() {
            let by = cause.by().map(str::to_owned);
            assert_eq!(
                read(&cause.label(), by),
                Some(cause.clone()),
                "{}",
                cause.label()
            );
        }
        assert_eq!(read("sip-teapot", None), None);
        assert_eq!(read("weather", None), None);
    }
}
