use super::*;

/// Plays `frames` frames and gives each run of the same kind of sound once.
fn heard(player: &mut Player, frames: u64, position: Option<u16>, assets: &Assets) -> Vec<String> {
    let rhythm = PositionRhythm {
        changed_ms: 4000,
        unchanged_ms: 9000,
    };
    let mut runs: Vec<String> = Vec::new();
    for beat in 0..frames {
        let kind = match player.next(beat, position, rhythm, assets) {
            Sound::Silence => "silence".to_owned(),
            Sound::Prompt {
                what: Spoken::Named(id),
                ..
            } => format!("{id:?}"),
            Sound::Prompt {
                what: Spoken::Position(place),
                ..
            } => format!("number {place}"),
            Sound::Music { .. } => "music".to_owned(),
        };
        if runs.last() != Some(&kind) {
            runs.push(kind);
        }
    }
    runs
}

fn frames_of(what: Spoken, assets: &Assets) -> u64 {
    what.frames(assets) as u64
}

#[test]
fn a_newcomer_hears_greeting_place_and_music() {
    let assets = Assets::built_in().unwrap();
    let mut player = Player::waiting(Playlist::welcome());
    let before_music = frames_of(Spoken::Named(PromptId::Greeting), &assets)
        + frames_of(Spoken::Position(3), &assets);
    let runs = heard(&mut player, before_music + 100, Some(3), &assets);
    assert_eq!(runs, ["Greeting", "number 3", "music"]);
}

#[test]
fn the_place_is_said_again_sooner_when_it_has_changed() {
    let assets = Assets::built_in().unwrap();
    let mut player = Player::waiting(Playlist::again());
    let said = frames_of(Spoken::Position(3), &assets);
    assert_eq!(
        heard(&mut player, said + 440, Some(3), &assets),
        ["number 3", "music"]
    );
    assert_eq!(
        heard(&mut player, 20, Some(3), &assets),
        ["music", "number 3"]
    );
    heard(&mut player, said, Some(3), &assets);
    assert_eq!(heard(&mut player, 150, Some(2), &assets), ["music"]);
    assert_eq!(
        heard(&mut player, 60, Some(2), &assets),
        ["music", "number 2"]
    );
}

#[test]
fn without_a_place_there_is_only_music() {
    let assets = Assets::built_in().unwrap();
    let mut player = Player::waiting(Playlist::again());
    assert_eq!(heard(&mut player, 10_000, None, &assets), ["music"]);
}

#[test]
fn an_announcement_is_said_once() {
    let assets = Assets::built_in().unwrap();
    let mut player = Player::announcing(PromptId::NoShow);
    assert!(!player.is_quiet());
    let len = frames_of(Spoken::Named(PromptId::NoShow), &assets);
    assert_eq!(
        heard(&mut player, len + 50, Some(1), &assets),
        ["NoShow", "silence"]
    );
    assert!(player.is_quiet());
}

#[test]
fn what_follows_is_what_the_player_gives_next() {
    let assets = Assets::built_in().unwrap();
    let mut player = Player::waiting(Playlist::welcome());
    let rhythm = PositionRhythm::default();
    let mut last = player.next(0, None, rhythm, &assets);
    let mut breaks = 0;
    for beat in 1..5000 {
        let next = player.next(beat, None, rhythm, &assets);
        breaks += u32::from(last.following(&assets) != next);
        last = next;
    }
    assert_eq!(breaks, 1, "only greeting to music");
}

#[test]
fn a_shared_frame_is_encoded_anew_when_it_changes() {
    let mut shared = SharedFrame::new();
    assert_eq!(shared.bytes(Law::A)[0], Law::A.silence());
    shared.set([0.5; NB_FRAME]);
    for law in Law::ALL {
        assert_eq!(shared.bytes(law)[0], law.encode(0.5));
    }
}
