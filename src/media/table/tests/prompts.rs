//! What a caller hears from memory.

use super::studio::*;
use crate::media::asset::PromptId;
use crate::media::feed::{Playlist, PositionRhythm};
use crate::media::table::{MediaEvent, MediaSettings, Place};

#[test]
fn greeting_then_place_then_music() {
    let mut s = Studio::new();
    let a = s.phone(E);
    let leg = s.phones[a].leg;
    s.table.set_position(leg, Some(120));
    s.place(a, Place::Waiting(Playlist::welcome()));
    s.expect("greeting", &[(a, &[GREETING])]);
    s.run(500);
    s.expect("place", &[(a, &[POSITION])]);
    s.run(500);
    s.expect("music", &[(a, &[MUSIC])]);
    // Round the loop of 2 s a few times.
    s.run(5000);
    s.expect("music goes on", &[(a, &[MUSIC])]);
    assert!(s.longest_gap_ms(a, 100) <= 20.0);
    s.check_streams();
}

#[test]
fn the_place_is_said_now_and_then() {
    let position = PositionRhythm {
        changed_ms: 2000,
        unchanged_ms: 4000,
    };
    let mut s = Studio::with(MediaSettings {
        position,
        ..MediaSettings::default()
    });
    let a = s.phone(E);
    let leg = s.phones[a].leg;
    s.place(a, Place::Waiting(Playlist::again()));
    s.expect("no place is known", &[(a, &[MUSIC])]);
    s.table.set_position(leg, Some(120));
    s.expect("said when known", &[(a, &[POSITION])]);
    s.run(600);
    s.table.set_position(leg, Some(119));
    s.run(1000);
    s.expect("not at once again", &[(a, &[MUSIC])]);
    s.run(500);
    s.expect("but after a while", &[(a, &[POSITION])]);
    s.run(3500);
    s.expect("not yet", &[(a, &[MUSIC])]);
    s.run(500);
    s.expect("the same place, later", &[(a, &[POSITION])]);
    s.check_streams();
}

#[test]
fn an_announcement_ends_with_an_event() {
    let mut s = Studio::new();
    let a = s.phone(E);
    let leg = s.phones[a].leg;
    s.place(a, Place::Announce(PromptId::NoShow));
    s.expect("announcement", &[(a, &[NO_SHOW])]);
    let ended = MediaEvent::PromptEnded { leg };
    assert!(!s.events.contains(&ended));
    s.run(600);
    s.expect("silence", &[(a, &[])]);
    assert_eq!(s.events.iter().filter(|event| **event == ended).count(), 1);
    s.check_streams();
}

#[test]
fn everybody_hears_the_music_at_the_same_place() {
    let mut s = Studio::new();
    let live = s.table.add_room();
    let (a, b, c) = (s.phone(E), s.phone(D), s.phone(HOST));
    s.place(a, Place::Waiting(Playlist::again()));
    s.run(330);
    s.place(c, Place::Listen(live));
    s.place(b, Place::Nowhere);
    s.run(400);
    // From the lobby to hold while nobody is live: the same bytes go on.
    s.place(a, Place::Listen(live));
    s.run(1000);
    let (a, c) = (&s.phones[a].heard, &s.phones[c].heard);
    assert_eq!(a[a.len() - 1600..], c[c.len() - 1600..]);
    s.check_streams();
}
