//! Consent: whom we called goes on air only after somebody told them that they will. Every word of it stays in the books.

use crate::domain::{
    call::{Call, Consent, HeldBy},
    consent::notice,
    desk::Desk,
    effect::ConsentEntry,
    ids::CallId,
    operator::Operator,
    refusal::Refusal,
    stage::Stage,
    time::UnixMs,
};

impl Desk {
    /// The operator told them and they agreed.
    pub(super) fn record_consent(
        &mut self,
        now: UnixMs,
        by: &Operator,
        id: CallId,
    ) -> Result<(), Refusal> {
        let call = self.on_the_line(id)?;
        if let Some(consent) = &call.consent {
            return Err(Refusal::Conflict(format!(
                "{} has recorded this caller's consent already.",
                consent.by.name
            )));
        }
        self.set_consent(now, by, id, true);
        Ok(())
    }

    /// They do not agree any more.
    pub(super) fn withdraw_consent(
        &mut self,
        now: UnixMs,
        by: &Operator,
        id: CallId,
    ) -> Result<(), Refusal> {
        let call = self.on_the_line(id)?;
        if call.consent.is_none() {
            return Err(Refusal::Conflict(
                "No consent of this caller is recorded.".into(),
            ));
        }
        if call.stage == Stage::OnAir {
            return Err(Refusal::Conflict(
                "This caller is on air; take them off first.".into(),
            ));
        }
        self.set_consent(now, by, id, false);
        Ok(())
    }

    /// Refuses to air whom we called and who was not told.
    pub(super) fn check_consent(&self, call: &Call) -> Result<(), Refusal> {
        if call.may_be_aired() {
            return Ok(());
        }
        Err(Refusal::Conflict(format!(
            "We called {}: nobody has told them yet that they will be on air (47 CFR 73.1206). Tell them, and record their consent first.",
            self.name_of(call)
        )))
    }

    /// The caller as a sentence names them.
    pub(super) fn name_of(&self, call: &Call) -> String {
        let name = self
            .callers
            .get(&call.caller_id)
            .map(|caller| caller.name.as_str())
            .filter(|name| !name.is_empty());
        name.or(call.from.as_deref())
            .unwrap_or("this caller")
            .to_owned()
    }

    fn on_the_line(&self, id: CallId) -> Result<&Call, Refusal> {
        let call = self.known_call(id)?;
        if call.stage == Stage::Completed {
            return Err(Refusal::Conflict("This call is over.".into()));
        }
        if call.ringing() {
            return Err(Refusal::Conflict(
                "Nobody has answered this call yet.".into(),
            ));
        }
        Ok(call)
    }

    fn set_consent(&mut self, now: UnixMs, by: &Operator, id: CallId, given: bool) {
        let by_name = HeldBy {
            id: by.id,
            name: by.name.clone(),
        };
        let Some(call) = self.calls.get_mut(&id) else {
            return;
        };
        call.consent = given.then(|| Consent {
            at: now,
            by: by_name.clone(),
        });
        call.consent_entries = call.consent_entries.saturating_add(1);
        let show = call.show_id.and_then(|show| self.shows.get(&show));
        let entry = ConsentEntry {
            call: id,
            number: call.consent_entries,
            caller: call.caller_id,
            at: now,
            given,
            by: by_name,
            notice: notice(show.map_or("the show", |show| &show.name)),
        };
        self.consents.push(entry);
        let what = if given {
            "consent-recorded"
        } else {
            "consent-withdrawn"
        };
        self.note(id, now, what, Some(by.id), String::new());
        self.touch_call(id);
    }
}
