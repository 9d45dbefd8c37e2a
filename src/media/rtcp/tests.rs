use proptest::prelude::*;

use super::*;

fn report() -> Report {
    Report {
        ssrc: 0x0102_0304,
        info: Some(SenderInfo {
            ntp: NtpTime(0x0A0B_0C0D_0E0F_1011),
            timestamp: 12_345,
            packets: 500,
            octets: 80_000,
        }),
        block: Some(ReportBlock {
            ssrc: 77,
            fraction_lost: 64,
            lost: -3,
            highest: 65_536 + 9,
            jitter: 40,
            last_sr: 0x0C0D_0E0F,
            delay_since_last_sr: 65_536,
        }),
        cname: *b"AbCdEfGhIjKlMnOp",
        is_last: false,
    }
}

fn written(report: &Report) -> Vec<u8> {
    let mut buf = [0; REPORT_MAX];
    let len = report.write(&mut buf).unwrap();
    buf[..len].to_vec()
}

#[test]
fn a_sender_report_is_laid_out_as_the_rfc_draws_it() {
    let octets = written(&report());
    assert_eq!(octets.len(), 28 + 24 + 28);
    assert_eq!(octets[..4], [0x81, 200, 0, 12]);
    assert_eq!(octets[4..8], [1, 2, 3, 4]);
    assert_eq!(octets[8..16], [10, 11, 12, 13, 14, 15, 16, 17]);
    assert_eq!(octets[28..32], [0, 0, 0, 77]);
    assert_eq!(octets[32..36], [64, 0xFF, 0xFF, 0xFD], "-3 in 24 bits");
    assert_eq!(octets[52..60], [0x81, 202, 0, 6, 1, 2, 3, 4]);
    assert_eq!(octets[60..62], [1, 16]);
    assert_eq!(&octets[62..78], b"AbCdEfGhIjKlMnOp");
    assert_eq!(octets[78..], [0, 0], "up to the next word");
}

#[test]
fn what_is_written_is_read() {
    let report = Report {
        is_last: true,
        ..report()
    };
    let octets = written(&report);
    assert_eq!(octets.len(), REPORT_MAX);
    let packets: Vec<_> = Compound::read(&octets).unwrap().packets().collect();
    let [
        Packet::SenderReport { ssrc, info, blocks },
        Packet::SourceDescription { ssrc: named, cname },
        Packet::Goodbye { ssrc: left },
    ] = packets[..]
    else {
        panic!("{packets:?}");
    };
    assert_eq!([ssrc, named, left], [report.ssrc; 3]);
    assert_eq!(Some(info), report.info);
    assert_eq!(blocks.iter().collect::<Vec<_>>(), [report.block.unwrap()]);
    assert_eq!(cname, report.cname);
}

#[test]
fn who_has_sent_and_heard_nothing_writes_an_empty_receiver_report() {
    let octets = written(&Report {
        info: None,
        block: None,
        ..report()
    });
    assert_eq!(octets[..8], [0x80, 201, 0, 1, 1, 2, 3, 4]);
    let first = Compound::read(&octets).unwrap().packets().next();
    assert!(
        matches!(first, Some(Packet::ReceiverReport { blocks, .. }) if blocks.iter().next().is_none())
    );
}

#[test]
fn losses_beyond_24_bits_are_written_as_the_most_there_is() {
    for (lost, read) in [
        (i32::MAX, 0x7F_FFFF),
        (i32::MIN, -0x80_0000),
        (0x7F_FFFF, 0x7F_FFFF),
        (-0x80_0000, -0x80_0000),
    ] {
        let block = Some(ReportBlock {
            lost,
            ..ReportBlock::default()
        });
        let octets = written(&Report { block, ..report() });
        let first = Compound::read(&octets).unwrap().packets().next();
        let Some(Packet::SenderReport { blocks, .. }) = first else {
            panic!("{first:?}");
        };
        assert_eq!(blocks.iter().next().unwrap().lost, read);
    }
}

#[test]
fn a_small_buffer_gets_nothing() {
    for len in 0..80 {
        assert_eq!(report().write(&mut vec![0; len]), None, "{len}");
    }
}

#[test]
fn whatever_lies_about_its_lengths_is_refused() {
    let honest = written(&report());
    for len in 1..honest.len() {
        let cut = &honest[..len];
        // A compound may end with any of its packets.
        assert_eq!(Compound::read(cut).is_some(), len == 52, "{len} octets");
    }
    let lies: [(usize, u8, &str); 8] = [
        (0, 0x41, "version 1"),
        (0, 0xA1, "padding in a packet that is not the last"),
        (0, 0x82, "a second block that is not there"),
        (1, 202, "a description first"),
        (3, 13, "a packet one word longer"),
        (3, 4, "a packet shorter than its block"),
        (55, 7, "beyond the datagram"),
        (61, 19, "a name longer than its chunk"),
    ];
    for (at, octet, why) in lies {
        let mut lie = honest.clone();
        lie[at] = octet;
        assert_eq!(Compound::read(&lie), None, "{why}");
    }
    assert_eq!(Compound::read(&[]), None);
}

#[test]
fn padding_stands_at_the_end_alone() {
    let mut padded = written(&report());
    padded.extend([0xA1, 203, 0, 2, 1, 2, 3, 4, 0, 0, 0, 4]);
    let last = Compound::read(&padded).unwrap().packets().last();
    assert_eq!(last, Some(Packet::Goodbye { ssrc: 0x0102_0304 }));
    for lie in [0, 3, 12, 255] {
        let at = padded.len() - 1;
        padded[at] = lie;
        assert_eq!(Compound::read(&padded), None, "{lie}");
    }
}

#[test]
fn what_we_do_not_know_is_passed_over() {
    let mut octets = written(&report());
    octets.extend([0x80, 207, 0, 1, 9, 9, 9, 9]);
    octets.extend([0x80, 203, 0, 0]);
    let packets: Vec<_> = Compound::read(&octets).unwrap().packets().collect();
    assert_eq!(packets[2..], [Packet::Other, Packet::Other]);
}

#[test]
fn times_are_those_of_the_rfc() {
    // The figure of RFC 3550 section 6.4.1: report at b44d:b704, 5.25 s later, heard at b710:8000.
    assert_eq!(short_delay(Duration::from_millis(5250)), 0x0005_4000);
    assert_eq!(long_delay(0x0005_4000), Duration::from_millis(5250));
    assert_eq!(NtpTime(0xB44D_B705_2000_0000).middle(), 0xB705_2000);
    let ntp = NtpTime::from_unix(Duration::from_millis(1_500));
    assert_eq!(ntp.0, 2_208_988_801 << 32 | 0x8000_0000);
    assert_eq!(short_delay(Duration::MAX), u32::MAX);
}

proptest! {
    #[test]
    fn no_octets_make_it_panic(octets in prop::collection::vec(any::<u8>(), 0..200)) {
        if let Some(compound) = Compound::read(&octets) {
            prop_assert!(compound.packets().count() <= octets.len() / 4);
        }
    }

    #[test]
    fn one_wrong_octet_makes_no_more_of_it(at in 0..80_usize, octet in any::<u8>()) {
        let mut octets = written(&report());
        octets[at] = octet;
        if let Some(compound) = Compound::read(&octets) {
            prop_assert!((1..=2).contains(&compound.packets().count()));
        }
    }
}
