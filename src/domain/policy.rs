//! Who may do what: role and command on one page. Enforced before anything else looks at a command.

use crate::domain::{
    command::Command,
    operator::{Operator, Role},
    refusal::Refusal,
    stage::Stage,
};

/// What a host may do with a caller whom they called themself; else that is for screeners.
fn is_for_who_called(command: &Command) -> bool {
    matches!(
        command,
        Command::Approve { .. } | Command::BackToLobby { .. } | Command::Drop { .. }
    )
}

/// What a role may ask for, by the place of the call at that moment (`None`: the command is about no call).
fn roles(command: &Command, stage: Option<Stage>) -> &'static [Role] {
    use Role::{Admin, CoHost, Host, Producer, Screener};
    match command {
        Command::PickUp { .. }
        | Command::PickUpNext { .. }
        | Command::Approve { .. }
        | Command::BackToLobby { .. } => &[Screener, Producer, Admin],
        Command::UpdateCard { .. } => &[Screener, Producer, Host, CoHost, Admin],
        Command::SetNext { .. } | Command::Reorder { .. } | Command::BlockCaller { .. } => {
            &[Screener, Producer, Host, Admin]
        }
        Command::PutOnAir { .. } | Command::PutOnHold { .. } | Command::SetMuted { .. } => {
            &[Host, CoHost, Admin]
        }
        Command::SetGain { .. }
        | Command::SetDenoise { .. }
        | Command::SetDucking { .. }
        | Command::ResetLoudness { .. } => &[Host, CoHost, Producer, Admin],
        Command::Next { .. } => &[Host, Admin],
        Command::Drop { .. } => match stage {
            Some(Stage::OnAir) => &[Host, CoHost, Admin],
            Some(Stage::Screening) => &[Screener, Producer, Admin],
            Some(Stage::Queued | Stage::OnHold | Stage::Completed) | None => {
                &[Screener, Producer, Host, Admin]
            }
        },
        Command::Dial { .. } => &[Producer, Host, Admin],
        Command::CallBack { .. }
        | Command::RecordConsent { .. }
        | Command::WithdrawConsent { .. }
        | Command::Transfer { .. } => &[Screener, Producer, Host, Admin],
        Command::StartShow { .. } | Command::EndShow { .. } => &[Host, Producer, Admin],
        Command::OpenLines { .. } | Command::CloseLines { .. } | Command::BusyAll { .. } => {
            &[Host, Producer, Screener, Admin]
        }
    }
}

/// Refuses what the operator's role may not ask for. `has_it`: the call is in screening with this very operator.
///
/// # Errors
/// [`Refusal::Forbidden`] with the roles that may.
pub fn allows(
    operator: &Operator,
    command: &Command,
    stage: Option<Stage>,
    has_it: bool,
) -> Result<(), Refusal> {
    let allowed = roles(command, stage);
    if allowed.contains(&operator.role) {
        return Ok(());
    }
    if has_it && operator.role == Role::Host && is_for_who_called(command) {
        return Ok(());
    }
    let names: Vec<&str> = allowed.iter().map(|role| role.label()).collect();
    Err(Refusal::Forbidden(format!(
        "As {} you may not do this. It takes one of: {}.",
        operator.role.label(),
        names.join(", ")
    )))
}

/// Whether the operator may pass calls on to any number, not only to help lines.
pub fn may_transfer_anywhere(role: Role) -> bool {
    matches!(role, Role::Admin | Role::Producer)
}

/// Whether the operator may change shows, episodes and callers' records.
pub fn may_edit_station(role: Role) -> bool {
    matches!(role, Role::Admin | Role::Producer | Role::Host)
}

/// Whether the operator may see and change operators.
pub fn may_edit_operators(role: Role) -> bool {
    role == Role::Admin
}

/// Whether the operator may see the SIP messages of calls.
pub fn may_see_signalling(role: Role) -> bool {
    matches!(role, Role::Admin | Role::Producer)
}
