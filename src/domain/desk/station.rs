//! The station's own records: shows, episodes, callers; made by hand, or loaded when the switch starts.

use crate::domain::{
    caller::Caller,
    desk::Desk,
    effect::Effect,
    ids::{CallerId, EpisodeId, ShowId},
    number::is_e164,
    refusal::Refusal,
    show::{Episode, EpisodeStatus, NextPolicy, Show},
    time::UnixMs,
};

const NAME_MAX: usize = 120;
const NUMBERS_MAX: usize = 50;

/// What a show is made of, or what changes about it.
#[derive(Clone, Debug, Default)]
pub struct ShowPlan {
    /// As listeners know it.
    pub name: Option<String>,
    /// Short name for addresses.
    pub slug: Option<String>,
    /// Numbers that ring here, E.164.
    pub phone_numbers: Option<Vec<String>>,
    /// What Next does with who is on air.
    pub next_policy: Option<NextPolicy>,
}

/// What an episode is made of.
#[derive(Clone, Debug)]
pub struct EpisodePlan {
    /// Whose.
    pub show_id: ShowId,
    /// What it is about.
    pub title: String,
    /// When it should begin.
    pub scheduled_at: Option<UnixMs>,
}

impl Desk {
    /// Makes a show.
    ///
    /// # Errors
    /// [`Refusal`] when the plan is incomplete, malformed or clashes with another show.
    pub fn create_show(
        &mut self,
        now: UnixMs,
        id: ShowId,
        plan: ShowPlan,
    ) -> Result<&Show, Refusal> {
        let name = plan.name.clone().unwrap_or_default();
        let slug = plan.slug.clone().unwrap_or_default();
        self.check_show(
            id,
            &ShowPlan {
                name: Some(name.clone()),
                slug: Some(slug.clone()),
                ..plan.clone()
            },
        )?;
        let show = Show {
            id,
            name,
            slug,
            phone_numbers: plan.phone_numbers.unwrap_or_default(),
            next_policy: plan.next_policy.unwrap_or_default(),
            first: self.shows.is_empty(),
            created_at: now,
        };
        self.touched.shows.insert(id);
        Ok(self.shows.entry(id).or_insert(show))
    }

    /// Changes a show.
    ///
    /// # Errors
    /// [`Refusal`] when there is no such show, or the change is malformed or clashes with another show.
    pub fn change_show(&mut self, id: ShowId, plan: ShowPlan) -> Result<&Show, Refusal> {
        self.check_show(id, &plan)?;
        let show = self.shows.get_mut(&id);
        let show = show.ok_or_else(|| Refusal::NotFound("There is no such show.".into()))?;
        show.name = plan.name.unwrap_or_else(|| show.name.clone());
        show.slug = plan.slug.unwrap_or_else(|| show.slug.clone());
        show.phone_numbers = plan
            .phone_numbers
            .unwrap_or_else(|| show.phone_numbers.clone());
        show.next_policy = plan.next_policy.unwrap_or(show.next_policy);
        self.touched.shows.insert(id);
        Ok(show)
    }

    fn check_show(&self, id: ShowId, plan: &ShowPlan) -> Result<(), Refusal> {
        let invalid = |text: &str| Err(Refusal::Invalid(text.to_owned()));
        if plan
            .name
            .as_ref()
            .is_some_and(|name| name.trim().is_empty() || name.chars().count() > NAME_MAX)
        {
            return invalid("A show needs a name of at most 120 characters.");
        }
        let slug_ok = |slug: &str| {
            !slug.is_empty()
                && slug.len() <= NAME_MAX
                && slug
                    .bytes()
                    .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        };
        if plan.slug.as_deref().is_some_and(|slug| !slug_ok(slug)) {
            return invalid("The short name may hold lower-case letters, digits and hyphens only.");
        }
        let numbers = plan.phone_numbers.as_deref().unwrap_or_default();
        if numbers.len() > NUMBERS_MAX {
            return invalid("A show can have at most 50 numbers.");
        }
        if let Some(bad) = numbers.iter().find(|number| !is_e164(number)) {
            return Err(Refusal::Invalid(format!(
                "{bad} is not a full number such as +15551234567."
            )));
        }
        for other in self.shows.values().filter(|other| other.id != id) {
            if plan.slug.as_deref() == Some(other.slug.as_str()) {
                return Err(Refusal::Conflict(format!(
                    "{} already has this short name.",
                    other.name
                )));
            }
            if let Some(taken) = numbers
                .iter()
                .find(|number| other.phone_numbers.contains(number))
            {
                return Err(Refusal::Conflict(format!(
                    "{taken} already rings at {}.",
                    other.name
                )));
            }
        }
        Ok(())
    }

    /// Makes an episode.
    ///
    /// # Errors
    /// [`Refusal`] when there is no such show or the title is too long.
    pub fn create_episode(
        &mut self,
        id: EpisodeId,
        plan: EpisodePlan,
    ) -> Result<&Episode, Refusal> {
        if !self.shows.contains_key(&plan.show_id) {
            return Err(Refusal::NotFound("There is no such show.".into()));
        }
        if plan.title.chars().count() > NAME_MAX {
            return Err(Refusal::Invalid(
                "A title may have at most 120 characters.".into(),
            ));
        }
        let number = self.last_episode_number.entry(plan.show_id).or_insert(0);
        *number += 1;
        let episode = Episode {
            id,
            show_id: plan.show_id,
            number: *number,
            title: plan.title,
            status: EpisodeStatus::Scheduled,
            lines_open: false,
            busy_all: false,
            ducking: true,
            scheduled_at: plan.scheduled_at,
            started_at: None,
            ended_at: None,
            hold_order: Vec::new(),
            next: None,
        };
        self.touched.episodes.insert(id);
        Ok(self.episodes.entry(id).or_insert(episode))
    }

    /// Changes a caller's record by a function.
    ///
    /// # Errors
    /// [`Refusal::NotFound`] when there is no such caller.
    pub fn change_caller(
        &mut self,
        id: CallerId,
        change: impl FnOnce(&mut Caller),
    ) -> Result<&Caller, Refusal> {
        let caller = self.callers.get_mut(&id);
        let caller = caller.ok_or_else(|| Refusal::NotFound("There is no such caller.".into()))?;
        change(caller);
        self.touched.callers.insert(id);
        Ok(caller)
    }

    pub(super) fn remember_caller(&mut self, caller: Caller) {
        if let Some(number) = &caller.number {
            self.by_number.insert(number.clone(), caller.id);
        }
        self.callers.insert(caller.id, caller);
    }

    /// Takes over what the books hold when the switch starts. A live episode goes on: its studio is opened again.
    pub fn restore(
        &mut self,
        shows: Vec<Show>,
        episodes: Vec<Episode>,
        callers: Vec<Caller>,
        last_episode_number: impl IntoIterator<Item = (ShowId, i32)>,
    ) {
        self.shows = shows.into_iter().map(|show| (show.id, show)).collect();
        self.last_episode_number = last_episode_number.into_iter().collect();
        for episode in episodes {
            if episode.status == EpisodeStatus::Live {
                self.effects.push(Effect::OpenStudio(episode.id));
            }
            self.episodes.insert(episode.id, episode);
        }
        for caller in callers {
            self.remember_caller(caller);
        }
    }
}
