//! The product: each party hears exactly what the table of states says, and never itself.

use super::studio::*;
use crate::media::asset::PromptId;
use crate::media::feed::Playlist;
use crate::media::table::Place;

const LOBBY: Place = Place::Waiting(Playlist {
    greeting: None,
    music: PromptId::HoldMusic,
});

#[test]
fn a_whole_show() {
    Studio::of_all_kinds().into_iter().for_each(whole_show);
}

#[expect(clippy::too_many_lines, reason = "a show is one story")]
fn whole_show(mut s: Studio) {
    let (screening, live) = (s.table.add_room(), s.table.add_room());
    let [a, b, c, d] = [A, B, C, D].map(|hz| s.phone(hz));
    for phone in [a, b, c, d] {
        s.place(phone, LOBBY);
    }
    s.expect(
        "lobby",
        &[(a, &[MUSIC]), (b, &[MUSIC]), (c, &[MUSIC]), (d, &[MUSIC])],
    );

    let screener = s.browser(screening, SCREENER);
    let screener_ear = s.earpiece(a, screening);
    s.place(a, Place::Seat(screening));
    s.expect("A is screened", &[(a, &[SCREENER]), (b, &[MUSIC])]);
    assert_eq!(s.browser_hears(screener_ear), [A]);

    s.place(c, Place::Listen(live));
    s.expect(
        "C holds, nobody is live",
        &[(c, &[MUSIC]), (a, &[SCREENER])],
    );

    s.browser(live, HOST);
    s.expect(
        "the host is live",
        &[(c, &[HOST]), (a, &[SCREENER]), (b, &[MUSIC])],
    );

    s.place(a, Place::Listen(live));
    s.place(b, Place::Seat(screening));
    let screener_ear = s.earpiece(b, screening);
    s.expect(
        "A holds, B is screened",
        &[(a, &[HOST]), (b, &[SCREENER]), (c, &[HOST])],
    );
    assert_eq!(s.browser_hears(screener_ear), [B]);

    s.place(a, Place::Seat(live));
    let host_ear = s.earpiece(a, live);
    s.expect(
        "A is on air",
        &[
            (a, &[HOST]),
            (b, &[SCREENER]),
            (c, &[HOST, A]),
            (d, &[MUSIC]),
        ],
    );
    assert_eq!(s.browser_hears(host_ear), [A]);

    let guest = s.browser(live, GUEST);
    s.place(d, Place::Seat(live));
    s.place(b, Place::Listen(live));
    s.expect(
        "A, D, host and guest are on air",
        &[
            (a, &[HOST, GUEST, D]),
            (d, &[HOST, GUEST, A]),
            (b, &[HOST, GUEST, A, D]),
            (c, &[HOST, GUEST, A, D]),
        ],
    );

    s.table.set_muted(s.phones[a].leg, true);
    let guest_key = s.browsers[guest].source;
    s.table.set_source_muted(guest_key, true);
    s.expect(
        "A and guest are muted",
        &[
            (a, &[HOST, D]),
            (d, &[HOST]),
            (b, &[HOST, D]),
            (c, &[HOST, D]),
        ],
    );

    s.table.set_muted(s.phones[a].leg, false);
    s.table.remove_source(guest_key);
    s.place(d, Place::Listen(live));
    s.expect(
        "D holds again",
        &[(a, &[HOST]), (d, &[HOST, A]), (b, &[HOST, A])],
    );

    s.place(a, Place::Seat(screening));
    s.expect(
        "A is taken off air to the screener",
        &[(a, &[SCREENER]), (d, &[HOST])],
    );
    let ear = &s.earpieces[host_ear].heard;
    let silent_since = ear.len();
    s.run(200);
    assert_eq!(
        s.earpieces[host_ear].heard.len(),
        silent_since,
        "the host hears A no more"
    );

    let host = s.browsers[1].source;
    s.table.remove_source(host);
    s.expect(
        "the host has left",
        &[(b, &[MUSIC]), (c, &[MUSIC]), (d, &[MUSIC])],
    );

    let screener = s.browsers[screener].source;
    s.table.remove_source(screener);
    s.place(a, LOBBY);
    s.table.remove_room(screening);
    s.expect("A is back in the lobby", &[(a, &[MUSIC])]);
    s.check_streams();
}

#[test]
fn a_removed_room_leaves_silence() {
    for mut s in Studio::of_all_kinds() {
        let room = s.table.add_room();
        let (a, b) = (s.phone(A), s.phone(B));
        s.browser(room, HOST);
        s.place(a, Place::Seat(room));
        s.place(b, Place::Listen(room));
        s.expect("on air", &[(a, &[HOST]), (b, &[A, HOST])]);
        s.table.remove_room(room);
        s.expect("gone", &[(a, &[]), (b, &[])]);
        assert_eq!(s.table.occupants(room), 0);
        s.place(a, Place::Seat(room));
        s.place(b, Place::Listen(room));
        s.expect("still gone", &[(a, &[]), (b, &[])]);
        s.check_streams();
    }
}

#[test]
fn a_caller_who_hangs_up_fades_out_of_the_room() {
    for mut s in Studio::of_all_kinds() {
        let room = s.table.add_room();
        let [a, b, c] = [A, B, C].map(|hz| s.phone(hz));
        s.place(a, Place::Seat(room));
        s.place(b, Place::Seat(room));
        s.place(c, Place::Listen(room));
        s.expect("on air", &[(a, &[B]), (b, &[A]), (c, &[A, B])]);
        let report = s.table.remove_leg(s.phones[a].leg).unwrap();
        assert!(
            report.received > 20 && report.sent == 25 && report.lost == 0,
            "{report:?}"
        );
        s.expect("A has hung up", &[(b, &[]), (c, &[B])]);
        assert_eq!(s.table.occupants(room), 1);
        s.check_streams();
    }
}

#[test]
fn presence_counts_not_loudness() {
    for mut s in Studio::of_all_kinds() {
        let room = s.table.add_room();
        let (a, b) = (s.phone(A), s.phone(B));
        s.phones[a].talking = false;
        s.place(b, Place::Listen(room));
        s.expect("nobody is in", &[(b, &[MUSIC])]);
        s.place(a, Place::Seat(room));
        s.expect("somebody silent is in", &[(a, &[]), (b, &[])]);
        s.place(a, Place::Nowhere);
        s.expect("nobody is in", &[(a, &[]), (b, &[MUSIC])]);
        s.check_streams();
    }
}

#[test]
fn a_loud_room_is_limited_not_clipped() {
    let mut s = Studio::new();
    let room = s.table.add_live_room();
    let held = s.phone(E);
    let seated: Vec<usize> = (0..30).map(|n| s.phone(300.0 + 23.0 * n as f32)).collect();
    s.place(held, Place::Listen(room));
    for &phone in &seated {
        s.place(phone, Place::Seat(room));
    }
    s.run(2000);
    for phone in [held, seated[0], seated[29]] {
        let peak = s.phones[phone]
            .heard
            .iter()
            .fold(0.0_f32, |peak, x| peak.max(x.abs()));
        assert!(
            (0.6..0.97).contains(&peak),
            "phone {phone} hears a peak of {peak}"
        );
    }
    let level = s.table.take_program_level(room).unwrap();
    assert!((-6.0..0.0).contains(&level.peak_dbfs), "{level:?}");
}

#[test]
fn two_rooms_do_not_hear_each_other() {
    for mut s in Studio::of_all_kinds() {
        let (one, two) = (s.table.add_room(), s.table.add_room());
        let [a, b, c, d] = [A, B, C, D].map(|hz| s.phone(hz));
        s.place(a, Place::Seat(one));
        s.place(b, Place::Seat(one));
        s.place(c, Place::Seat(two));
        s.place(d, Place::Seat(two));
        s.expect("pairs", &[(a, &[B]), (b, &[A]), (c, &[D]), (d, &[C])]);
        s.place(b, Place::Seat(two));
        s.place(c, Place::Seat(one));
        s.expect("changed", &[(a, &[C]), (b, &[D]), (c, &[A]), (d, &[B])]);
        s.check_streams();
    }
}
