//! `audioroad demo`: a show on air and callers who speak, so that a newcomer with no telephone hears everything in a browser.
//!
//! ```text
//! start -> the desk: show "Road Talk (demo)", live, lines open -> one thread: five phones -> SIP, RTP -> the switch
//! ```
//! The callers are real telephone calls over the loopback: nothing in the switch knows that they are not people.

mod callers;

use std::io;
use std::net::SocketAddr;

use actix::{Addr, MailboxError};

use crate::{
    actors::{message::AtDesk, random, switchboard::Switchboard},
    domain::{
        Command, Desk, EpisodeId, EpisodeStatus, Operator, OperatorId, Refusal, Role, ShowId,
        UnixMs,
        desk::{EpisodePlan, ShowPlan},
    },
    media::asset::{AssetError, demo_callers},
};

/// What the show is called, and its short name, which the callers dial.
const SHOW: (&str, &str) = ("Road Talk (demo)", "road-talk-demo");
/// What the episode is called.
const EPISODE: &str = "Call in and tell us";
/// The number on the air.
const NUMBER: &str = "+15550101000";

/// Why there is no demonstration.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// The desk would not make or start the show.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The switchboard is gone.
    #[error("the switchboard does not answer: {0}")]
    NoDesk(#[from] MailboxError),
    /// The monologues cannot be played.
    #[error(transparent)]
    Sound(#[from] AssetError),
    /// There is no thread for the callers.
    #[error("the callers cannot start: {0}")]
    Thread(#[from] io::Error),
}

/// Puts the demonstration's show on air, unless it is already, and lets its callers ring at `sip` until the process ends.
/// Gives the episode.
///
/// # Errors
/// [`DemoError`] says what is missing.
pub async fn start(
    switchboard: &Addr<Switchboard>,
    sip: SocketAddr,
) -> Result<EpisodeId, DemoError> {
    let ids = (ShowId(random::id()), EpisodeId(random::id()));
    let by = Operator {
        id: OperatorId(random::id()),
        name: "Demo".to_owned(),
        role: Role::Admin,
    };
    let episode = switchboard
        .send(AtDesk::new(move |desk, now| go_live(desk, now, ids, &by)))
        .await??;
    callers::start(sip, SHOW.1, demo_callers()?)?;
    Ok(episode)
}

fn go_live(
    desk: &mut Desk,
    now: UnixMs,
    (new_show, new_episode): (ShowId, EpisodeId),
    by: &Operator,
) -> Result<EpisodeId, Refusal> {
    let (shows, episodes, _) = desk.views();
    let show = match shows.iter().find(|show| show.slug == SHOW.1) {
        Some(show) => show.id,
        None => {
            let phone_numbers = vec![NUMBER.to_owned()];
            let plan = ShowPlan {
                name: Some(SHOW.0.to_owned()),
                slug: Some(SHOW.1.to_owned()),
                phone_numbers: Some(phone_numbers),
                next_policy: None,
            };
            desk.create_show(now, new_show, plan)?.id
        }
    };
    let on_air = |status| status == EpisodeStatus::Live;
    let episode = match episodes
        .iter()
        .find(|episode| episode.show_id == show && on_air(episode.status))
    {
        Some(episode) => episode.id,
        None => {
            let plan = EpisodePlan {
                show_id: show,
                title: EPISODE.to_owned(),
                scheduled_at: None,
            };
            let id = desk.create_episode(new_episode, plan)?.id;
            desk.command(now, by, &Command::StartShow { episode_id: id })?;
            id
        }
    };
    if desk
        .episode(episode)
        .is_some_and(|episode| !episode.lines_open)
    {
        desk.command(
            now,
            by,
            &Command::OpenLines {
                episode_id: episode,
            },
        )?;
    }
    Ok(episode)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::DeskSettings;

    fn go(desk: &mut Desk, id: u128) -> EpisodeId {
        let by = Operator {
            id: OperatorId(1),
            name: "Demo".into(),
            role: Role::Admin,
        };
        go_live(desk, UnixMs(1), (ShowId(id), EpisodeId(id)), &by).unwrap()
    }

    #[test]
    fn the_show_is_made_once_and_is_live_with_open_lines() {
        let mut desk = Desk::new(DeskSettings::default());
        let first = go(&mut desk, 1);
        let episode = desk.episode(first).unwrap();
        assert!(episode.status == EpisodeStatus::Live && episode.lines_open);
        assert_eq!(
            go(&mut desk, 2),
            first,
            "a restart goes on with the same episode"
        );
        assert_eq!(desk.views().0.len(), 1);
    }
}
