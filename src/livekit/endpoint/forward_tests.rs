#![expect(
    clippy::disallowed_methods,
    reason = "the scripts' time begins now and is moved by hand"
)]

use proptest::prelude::*;

use super::*;

fn packet(seq: u64, timestamp: u32) -> AudioPacket {
    AudioPacket {
        seq,
        timestamp,
        marker: false,
        level_dbov: None,
        payload: [1].into(),
    }
}

#[test]
fn loss_and_reordering_stay_visible() {
    let (mut rewriter, now) = (Rewriter::default(), Instant::now());
    let mut send = |seq: u64| rewriter.rewrite(now, 1, &packet(seq, seq as u32 * 960));
    assert_eq!(send(100), Some((SEQ_FIRST, 96_000, true)));
    assert_eq!(send(103), Some((SEQ_FIRST + 3, 98_880, false)));
    assert_eq!(send(102), Some((SEQ_FIRST + 2, 97_920, false)), "late");
    assert_eq!(send(104), Some((SEQ_FIRST + 4, 99_840, false)));
    assert_eq!(send(99), None, "older than the joint");
}

#[test]
fn a_new_source_goes_on_where_the_former_ended() {
    let (mut rewriter, start) = (Rewriter::default(), Instant::now());
    rewriter.rewrite(start, 1, &packet(500, 10_000));
    rewriter.rewrite(start, 1, &packet(501, 10_960));
    let later = start + Duration::from_millis(300);
    let joined = rewriter.rewrite(later, 2, &packet(7, 4_000_000_000));
    assert_eq!(joined, Some((SEQ_FIRST + 2, 10_960 + 300 * 48, true)));
    let next = rewriter.rewrite(later, 2, &packet(8, 4_000_000_960));
    assert_eq!(next, Some((SEQ_FIRST + 3, 10_960 + 300 * 48 + 960, false)));
}

#[test]
fn a_leap_in_the_numbers_is_a_new_stream() {
    let (mut rewriter, now) = (Rewriter::default(), Instant::now());
    rewriter.rewrite(now, 1, &packet(500, 0));
    let leapt = rewriter.rewrite(now, 1, &packet(90_000, 77));
    assert_eq!(leapt, Some((SEQ_FIRST + 1, 960, true)));
    let back = rewriter.rewrite(now, 1, &packet(500, 0));
    assert_eq!(back, Some((SEQ_FIRST + 2, 1920, true)));
}

#[test]
fn padding_leaves_no_hole() {
    let (mut rewriter, now) = (Rewriter::default(), Instant::now());
    let padding = |seq| AudioPacket {
        payload: [].into(),
        ..packet(seq, 0)
    };
    assert_eq!(
        rewriter.rewrite(now, 1, &padding(9)),
        None,
        "before everything"
    );
    let mut send = |packet: &AudioPacket| rewriter.rewrite(now, 1, packet).map(|sent| sent.0);
    assert_eq!(send(&packet(10, 0)), Some(SEQ_FIRST));
    assert_eq!(send(&padding(11)), None);
    assert_eq!(send(&padding(12)), None);
    assert_eq!(send(&packet(13, 960)), Some(SEQ_FIRST + 1));
    assert_eq!(
        send(&packet(15, 2880)),
        Some(SEQ_FIRST + 3),
        "loss is still loss"
    );
    assert_eq!(send(&packet(14, 1920)), Some(SEQ_FIRST + 2));
    assert_eq!(send(&packet(12, 1920)), None, "its number is gone");
}

#[test]
fn padding_cannot_carry_the_numbers_away() {
    let (mut rewriter, now) = (Rewriter::default(), Instant::now());
    rewriter.rewrite(now, 1, &packet(100, 0));
    for seq in [1000, 1900, 2800, 3700] {
        rewriter.rewrite(
            now,
            1,
            &AudioPacket {
                payload: [].into(),
                ..packet(seq, 0)
            },
        );
    }
    let next = rewriter
        .rewrite(now, 1, &packet(4000, 7))
        .map(|sent| sent.0);
    assert_eq!(
        next,
        Some(SEQ_FIRST + 1),
        "a new stream, not four thousand lost packets"
    );
}

proptest! {
    /// Whatever comes in, the listener never sees the sequence leap or a number used for two
    /// different packets of the same source.
    #[test]
    fn the_outgoing_sequence_never_leaps(
        stream in proptest::collection::vec(
            (0u64..3, 0u64..100_000, any::<u32>(), any::<bool>()), 1..200)
    ) {
        let (mut rewriter, now) = (Rewriter::default(), Instant::now());
        let mut newest = SEQ_FIRST - 1;
        for (source, seq, timestamp, padding) in stream {
            let mut packet = packet(seq, timestamp);
            if padding {
                packet.payload = [].into();
            }
            if let Some((out, ..)) = rewriter.rewrite(now, source, &packet) {
                prop_assert!(out >= SEQ_FIRST);
                prop_assert!(out <= newest + SEQ_STEP_MAX as u64);
                newest = newest.max(out);
            }
        }
    }
}
