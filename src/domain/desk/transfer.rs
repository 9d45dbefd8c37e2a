//! Transfers: a call is passed on to a help line or a number, and we are out of it. Blind: nobody announces it there.

use crate::domain::{
    call::{Call, HeldBy, Transfer},
    cause::Cause,
    desk::Desk,
    effect::Effect,
    ids::CallId,
    operator::{Operator, Role},
    policy,
    refusal::Refusal,
    stage::Stage,
    time::UnixMs,
};

/// How long a line may take to say what became of a transfer, in milliseconds.
const OUTCOME_MS_MAX: i64 = 100_000;

impl Desk {
    /// What became of a transfer: the other side took the call, or why not, as a sentence.
    pub fn transfer_ended(&mut self, now: UnixMs, id: CallId, outcome: Result<(), &str>) {
        let Some(transfer) = self
            .calls
            .get_mut(&id)
            .filter(|call| call.stage != Stage::Completed)
            .and_then(|call| call.transfer.take())
        else {
            return;
        };
        self.touch_call(id);
        match outcome {
            Ok(()) => self.end(now, id, Cause::Transferred, Some(transfer.by.id), true),
            Err(why) => {
                self.note(
                    id,
                    now,
                    "transfer-refused",
                    Some(transfer.by.id),
                    why.to_owned(),
                );
                let name = self.calls.get(&id).map(|call| self.name_of(call));
                let text = format!(
                    "{} was not passed on to {}: {why}",
                    name.unwrap_or_default(),
                    transfer.to
                );
                self.tell(Some(transfer.by), text);
            }
        }
    }

    pub(super) fn transfer(
        &mut self,
        now: UnixMs,
        by: &Operator,
        id: CallId,
        target: &str,
    ) -> Result<(), Refusal> {
        let call = self.known_call(id)?;
        self.check_transfer(by, call)?;
        let (to, number) = self.transfer_target(by, target)?;
        let transfer = Transfer {
            number: number.clone(),
            to: to.clone(),
            by: HeldBy {
                id: by.id,
                name: by.name.clone(),
            },
            since: now,
        };
        if let Some(call) = self.calls.get_mut(&id) {
            call.transfer = Some(transfer);
        }
        self.note(id, now, "transfer", Some(by.id), to);
        self.touch_call(id);
        self.effects.push(Effect::Transfer {
            call: id,
            target: number,
        });
        Ok(())
    }

    fn check_transfer(&self, by: &Operator, call: &Call) -> Result<(), Refusal> {
        let conflict = |why: String| Err(Refusal::Conflict(why));
        match call.stage {
            Stage::Completed => return conflict("This call is over.".into()),
            Stage::OnAir => {
                return conflict("This caller is on air; take them off first.".into());
            }
            Stage::Queued | Stage::Screening | Stage::OnHold => {}
        }
        if call.times.answered.is_none() {
            return conflict("Nobody has answered this call yet.".into());
        }
        let others = call
            .screener
            .as_ref()
            .filter(|held| call.stage == Stage::Screening && held.id != by.id);
        if let Some(held) = others
            && !matches!(by.role, Role::Producer | Role::Admin)
        {
            return conflict(format!("{} has this caller.", held.name));
        }
        if let Some(transfer) = &call.transfer {
            return conflict(format!(
                "This caller is being passed on to {} already.",
                transfer.to
            ));
        }
        let ways = self.calls_out.transfers;
        if !(ways.by_line || ways.by_carrier && call.by_voice_api) {
            return conflict("This caller's line cannot be passed on.".into());
        }
        Ok(())
    }

    /// Whom to call, as operators read it and as it is dialled.
    fn transfer_target(&self, by: &Operator, target: &str) -> Result<(String, String), Refusal> {
        if let Some(line) = self.calls_out.help_line(target) {
            return Ok((line.name.clone(), line.number.clone()));
        }
        if !policy::may_transfer_anywhere(by.role) {
            let names: Vec<&str> = self
                .calls_out
                .help_lines
                .iter()
                .map(|line| line.name.as_str())
                .collect();
            return Err(Refusal::Forbidden(if names.is_empty() {
                "There are no help lines to pass a caller on to (audioroad.toml), and other numbers take a producer or an admin.".into()
            } else {
                format!(
                    "Pass callers on to one of: {}. Other numbers take a producer or an admin.",
                    names.join(", ")
                )
            }));
        }
        let number = self.calls_out.number(target)?;
        Ok((number.clone(), number))
    }

    /// Transfers of which nobody said what became of them.
    pub(super) fn forget_old_transfers(&mut self, now: UnixMs) {
        let old: Vec<CallId> = self
            .transfers_since()
            .filter(|(_, since)| now.since(*since) >= OUTCOME_MS_MAX)
            .map(|(id, _)| id)
            .collect();
        for id in old {
            self.transfer_ended(now, id, Err("the line did not say what became of it."));
        }
    }

    /// When the oldest transfer is given up.
    pub(super) fn next_transfer_timeout(&self) -> Option<UnixMs> {
        self.transfers_since()
            .map(|(_, since)| since.plus_ms(OUTCOME_MS_MAX))
            .min()
    }

    fn transfers_since(&self) -> impl Iterator<Item = (CallId, UnixMs)> {
        self.open_calls()
            .filter_map(|call| Some((call.id, call.transfer.as_ref()?.since)))
    }
}
