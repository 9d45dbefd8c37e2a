use proptest::prelude::*;

use super::*;
use crate::media::rtp::{RtpIn, RtpOut};

/// Octets written in hexadecimal.
pub(super) fn octets<const N: usize>(hex: &str) -> [u8; N] {
    let digits = |at: usize| u8::from_str_radix(&hex[2 * at..2 * at + 2], 16).unwrap();
    assert_eq!(hex.len(), 2 * N);
    std::array::from_fn(digits)
}

fn key(seed: u8) -> MasterKey {
    MasterKey {
        key: [seed; 16],
        salt: [seed ^ 0xFF; 14],
    }
}

const SUITE: Suite = Suite::AesCm128HmacSha1_80;

/// A far end that sends, and us who receive.
struct Bench {
    stream: RtpOut,
    far: SrtpOut,
    ours: SrtpIn,
}

impl Bench {
    fn new(sequence: u16) -> Self {
        Self {
            stream: RtpOut::new(7, sequence, 0),
            far: SrtpOut::new(SUITE, &key(1)),
            ours: SrtpIn::new(SUITE, &key(1), Mki::default()),
        }
    }

    /// The next packet, with its plain form.
    fn packet(&mut self, payload: &[u8]) -> (Vec<u8>, Vec<u8>) {
        let mut buf = vec![0; 12 + payload.len() + TAG_MAX];
        let plain = self.stream.packet(0, payload, &mut buf).unwrap().to_vec();
        self.stream.advance(160);
        let len = self.far.protect(&mut buf, plain.len()).unwrap();
        buf.truncate(len);
        (buf, plain)
    }

    fn sealed(&mut self) -> Vec<u8> {
        self.packet(&[0x55; 160]).0
    }

    fn take(&mut self, sealed: &[u8]) -> Result<Vec<u8>, Refused> {
        let mut datagram = sealed.to_vec();
        self.ours.unprotect(&mut datagram).map(<[u8]>::to_vec)
    }
}

#[test]
fn a_packet_is_sealed_as_others_seal_it() {
    let master = MasterKey {
        key: octets("E1F97A0D3E018BE0D64FA32C06DE4139"),
        salt: octets("0EC675AD498AFEEBB6960B3AABE6"),
    };
    let plain: [u8; 28] = octets("800F1234DECAFBADCAFEBABEABABABABABABABABABABABABABABABAB");
    let sealed: [u8; 38] =
        octets("800F1234DECAFBADCAFEBABE4E55DC4CE79978D88CA4D215949D2402B78D6ACC99EA179B8DBB");
    let mut buf = [0; 38];
    buf[..28].copy_from_slice(&plain);
    assert_eq!(SrtpOut::new(SUITE, &master).protect(&mut buf, 28), Some(38));
    assert_eq!(buf, sealed);
    let mut far = SrtpIn::new(SUITE, &master, Mki::default());
    assert_eq!(far.unprotect(&mut buf), Ok(&plain[..]));
}

#[test]
fn every_flipped_bit_is_refused_and_changes_nothing() {
    let mut b = Bench::new(100);
    let (sealed, plain) = b.packet(&[1, 2, 3, 4]);
    for bit in 0..sealed.len() * 8 {
        let mut forged = sealed.clone();
        forged[bit / 8] ^= 1 << (bit % 8);
        assert!(b.take(&forged).is_err(), "bit {bit}");
    }
    assert_eq!(b.take(&sealed), Ok(plain));
    assert_eq!(b.take(&sealed), Err(Refused::Replayed));
}

#[test]
fn a_hundred_thousand_forgeries_leave_no_trace() {
    let mut b = Bench::new(65_000);
    let sealed = b.sealed();
    b.take(&sealed).unwrap();
    for n in 0..100_000_u32 {
        let mut forged = b.sealed();
        let at = n as usize % forged.len();
        forged[at] ^= 0x80;
        assert!(b.take(&forged).is_err());
        // The stream goes on beneath, over three rollovers.
        if n % 2000 == 0 {
            let sealed = b.sealed();
            b.take(&sealed).unwrap();
        }
    }
}

#[test]
fn a_whole_rollover_of_silence_is_not_survived_by_forgeries_either() {
    let mut b = Bench::new(0x7000);
    let first = b.sealed();
    b.take(&first).unwrap();
    let later: Vec<_> = (0..0x7FFF).map(|_| b.sealed()).collect();
    assert!(
        b.take(later.last().unwrap()).is_ok(),
        "half a turn is told apart"
    );
    assert_eq!(b.take(&first), Err(Refused::Replayed));
}

#[test]
fn what_is_too_short_or_no_rtp_is_malformed() {
    let mut b = Bench::new(0);
    for len in 0..22 {
        assert_eq!(b.take(&vec![0x80; len]), Err(Refused::Malformed), "{len}");
    }
    assert_eq!(b.take(&[0; 100]), Err(Refused::Malformed));
    let mut extended = vec![0x90; 40];
    extended[14..16].copy_from_slice(&[0xFF, 0xFF]);
    assert_eq!(b.take(&extended), Err(Refused::Malformed));
}

#[test]
fn sources_and_extensions_stay_readable() {
    let mut far = SrtpOut::new(SUITE, &key(1));
    let mut ours = SrtpIn::new(SUITE, &key(1), Mki::default());
    let mut packet = vec![
        0x92, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0, 7, 1, 1, 1, 1, 2, 2, 2, 2,
    ];
    packet.extend([0xBE, 0xDE, 0, 1, 0x10, 0x7F, 0, 0]);
    packet.extend([0x33; 20]);
    let mut sealed = packet.clone();
    sealed.resize(packet.len() + TAG_MAX, 0);
    far.protect(&mut sealed, packet.len()).unwrap();
    assert_eq!(sealed[..28], packet[..28]);
    assert_ne!(sealed[28..48], packet[28..48]);
    let opened = ours.unprotect(&mut sealed).unwrap();
    assert_eq!(RtpIn::parse(opened).unwrap().payload, [0x33; 20]);
}

#[test]
fn a_key_identifier_stands_before_the_tag() {
    let mki = Mki::new(0x0102, 2).unwrap();
    let mut b = Bench::new(5);
    b.ours = SrtpIn::new(SUITE, &key(1), mki);
    let (sealed, plain) = b.packet(&[9; 160]);
    assert_eq!(b.take(&sealed), Err(Refused::Unauthentic));
    let mut marked = sealed.clone();
    marked.splice(172..172, [1, 2]);
    assert_eq!(b.take(&marked), Ok(plain));
    assert_eq!(Mki::new(256, 1), None);
    assert_eq!(Mki::new(0, 5), None);
    assert!(Mki::new(u32::MAX, 4).is_some());
}

#[test]
fn short_tags_are_spoken_too() {
    let suite = Suite::AesCm128HmacSha1_32;
    let mut far = SrtpOut::new(suite, &key(1));
    let mut ours = SrtpIn::new(suite, &key(1), Mki::default());
    let mut buf = [0x80; 24];
    let plain = buf;
    assert_eq!(far.protect(&mut buf, 20), Some(24));
    assert_eq!(ours.unprotect(&mut buf), Ok(&plain[..20]));
}

#[test]
fn every_stream_counts_its_own_rollovers() {
    let mut b = Bench::new(65_535);
    for _ in 0..3 {
        let sealed = b.sealed();
        b.take(&sealed).unwrap();
    }
    // The far end begins another stream: its first packet is number 0 of it, whatever the other has seen.
    b.stream = RtpOut::new(8, 40_000, 0);
    b.far = SrtpOut::new(SUITE, &key(1));
    for _ in 0..30_000 {
        let sealed = b.sealed();
        b.take(&sealed).unwrap();
    }
    assert!(b.far.has_rolled_over());
}

#[test]
fn a_stream_whose_first_packet_got_lost_over_the_rollover_is_found() {
    let mut b = Bench::new(65_535);
    b.sealed();
    let second = b.sealed();
    assert!(b.take(&second).is_ok());
}

#[test]
fn many_streams_cost_no_memory_and_the_speaking_one_stays() {
    let mut b = Bench::new(1);
    let first = b.sealed();
    b.take(&first).unwrap();
    for ssrc in 1000..1100 {
        let mut far = SrtpOut::new(SUITE, &key(1));
        let mut buf = [0; 182];
        let len = RtpOut::new(ssrc, 1, 0)
            .packet(0, &[0; 160], &mut buf)
            .unwrap()
            .len();
        far.protect(&mut buf, len).unwrap();
        b.ours.unprotect(&mut buf).unwrap();
        let sealed = b.sealed();
        b.take(&sealed).unwrap();
    }
    assert_eq!(b.take(&first), Err(Refused::Replayed));
}

/// Both ways in which phones go on under a new key: with the count of the old one, and from zero.
#[test]
fn a_new_key_is_taken_whether_the_count_goes_on_or_not() {
    for goes_on in [false, true] {
        let mut b = Bench::new(0xFFF0);
        for _ in 0..40 {
            let sealed = b.sealed();
            b.take(&sealed).unwrap();
        }
        let old = b.sealed();
        b.ours = b.ours.rekeyed(SUITE, &key(2), Mki::default());
        b.far = SrtpOut::new(SUITE, &key(2));
        if goes_on {
            // One turn has been made already.
            let turn = b.stream.clone();
            b.stream = RtpOut::new(7, 0xFFFF, 0);
            b.sealed();
            b.stream = turn;
        }
        for _ in 0..70_000 {
            let sealed = b.sealed();
            b.take(&sealed).unwrap();
        }
        assert!(b.take(&old).is_err(), "the old key is no key any more");
    }
}

#[test]
fn a_far_end_that_forgets_its_count_is_believed_once_after_a_new_offer() {
    let mut b = Bench::new(0xFFF0);
    for _ in 0..40 {
        let sealed = b.sealed();
        b.take(&sealed).unwrap();
    }
    let mut restarted = b.stream.clone();
    b.far = SrtpOut::new(SUITE, &key(1));
    let forgotten = b.sealed();
    assert_eq!(b.take(&forgotten), Err(Refused::Unauthentic));
    b.ours.may_have_restarted();
    assert!(b.take(&forgotten).is_ok());
    assert_eq!(b.take(&forgotten), Err(Refused::Replayed));
    std::mem::swap(&mut b.stream, &mut restarted);
}

#[test]
fn a_key_ends_with_its_life() {
    let mut far = SrtpOut::new(SUITE, &key(1)).at_end_of_life();
    let mut packet = |sequence| {
        let mut buf = [0; 182];
        let mut out = RtpOut::new(1, sequence, 0);
        let len = out.packet(0, &[0; 160], &mut buf).unwrap().len();
        far.protect(&mut buf, len)
    };
    assert!(packet(0xFFFF).is_some());
    assert!(packet(0).is_none());
    assert!(packet(1).is_none(), "and stays at its end");
}

#[test]
fn no_room_for_the_tag_sends_nothing() {
    let mut far = SrtpOut::new(SUITE, &key(1));
    assert_eq!(far.protect(&mut [0x80; 181], 172), None);
    assert_eq!(far.protect(&mut [0x80; 40], usize::MAX), None);
}

#[test]
fn keys_are_not_printed() {
    let keys = SrtpKeys {
        suite: SUITE,
        ours: key(0xAB),
        theirs: key(0xCD),
        their_mki: Mki::default(),
    };
    let printed = format!("{keys:?} {:?}", Srtp::new(keys));
    assert!(
        !printed.contains("171") && !printed.contains("205"),
        "{printed}"
    );
}

/// The body of a fuzzer: no octets make it panic, and none of them are believed.
fn refuses(octets: &[u8]) {
    let mut ours = SrtpIn::new(SUITE, &key(1), Mki::default());
    assert!(ours.unprotect(&mut octets.to_vec()).is_err());
    let mut buf = octets.to_vec();
    let _ = SrtpOut::new(SUITE, &key(1)).protect(&mut buf, octets.len().saturating_sub(TAG_MAX));
}

proptest! {
    #[test]
    fn no_octets_make_it_panic(octets in proptest::collection::vec(any::<u8>(), 0..200)) {
        refuses(&octets);
    }

    #[test]
    fn lying_headers_are_refused(first in 0x80_u8..0xC0, tail in proptest::collection::vec(any::<u8>(), 0..120)) {
        let octets: Vec<u8> = std::iter::once(first).chain(tail).collect();
        refuses(&octets);
    }

    /// What arrives, in whatever order, is what was sent; what is lost costs nothing else; nothing is taken twice.
    #[test]
    fn loss_and_reordering_over_the_rollover(
        start in prop_oneof![Just(0_u16), 0xFF00..=0xFFFF_u16, any::<u16>()],
        fates in prop::collection::vec(0..20_usize, 100..400),
    ) {
        let mut b = Bench::new(start);
        let mut waiting: Vec<(usize, Vec<u8>, Vec<u8>)> = Vec::new();
        // The first packet arrives in its turn: it says where the stream begins.
        let (sealed, plain) = b.packet(&[0xAA; 20]);
        prop_assert_eq!(b.take(&sealed), Ok(plain));
        for (n, fate) in fates.iter().enumerate() {
            let (sealed, plain) = b.packet(&[n as u8; 20]);
            // 19 is lost; others arrive up to 18 packets late.
            if *fate < 19 {
                waiting.push((n + fate, sealed, plain));
            }
            waiting.sort_by_key(|(due, ..)| *due);
            while waiting.first().is_some_and(|(due, ..)| *due <= n) {
                let (_, sealed, plain) = waiting.remove(0);
                prop_assert_eq!(b.take(&sealed), Ok(plain));
                prop_assert_eq!(b.take(&sealed), Err(Refused::Replayed));
            }
        }
    }
}
