use proptest::prelude::*;

use super::tests::octets;
use super::*;

fn master() -> MasterKey {
    MasterKey {
        key: octets("E1F97A0D3E018BE0D64FA32C06DE4139"),
        salt: octets("0EC675AD498AFEEBB6960B3AABE6"),
    }
}

const PLAIN: &str = "81C8000BCAFEBABEABABABABABABABABABABABABABABABAB";

/// A report of another sender than that of `PLAIN` when `ssrc` is another.
fn sealed(out: &mut SrtcpOut, ssrc: u32) -> Vec<u8> {
    let mut buf = [0; 38];
    buf[..24].copy_from_slice(&octets::<24>(PLAIN));
    buf[4..8].copy_from_slice(&ssrc.to_be_bytes());
    assert_eq!(out.protect(&mut buf, 24), Some(38));
    buf.to_vec()
}

fn opens(far: &mut SrtcpIn, sealed: &[u8]) -> Result<Vec<u8>, Refused> {
    far.unprotect(&mut sealed.to_vec()).map(<[u8]>::to_vec)
}

/// The vector that libsrtp checks itself with: key and salt of RFC 3711 B.3, index 1.
#[test]
fn a_report_is_sealed_as_others_seal_it() {
    let mut out = SrtcpOut::new(&master());
    sealed(&mut out, 0xCAFE_BABE);
    let second = sealed(&mut out, 0xCAFE_BABE);
    let expected: [u8; 38] =
        octets("81C8000BCAFEBABE7128035BE487B9BDBEF89041F977A5A880000001993E08CD54D6C1230798");
    assert_eq!(second, expected);
    let mut far = SrtcpIn::new(&master(), Mki::default());
    assert_eq!(opens(&mut far, &second), Ok(octets::<24>(PLAIN).to_vec()));
}

#[test]
fn every_flipped_bit_is_refused_and_changes_nothing() {
    let mut out = SrtcpOut::new(&master());
    let mut far = SrtcpIn::new(&master(), Mki::default());
    let sealed = sealed(&mut out, 7);
    for bit in 0..sealed.len() * 8 {
        let mut forged = sealed.clone();
        forged[bit / 8] ^= 1 << (bit % 8);
        assert!(opens(&mut far, &forged).is_err(), "bit {bit}");
    }
    assert!(opens(&mut far, &sealed).is_ok());
    assert_eq!(opens(&mut far, &sealed), Err(Refused::Replayed));
}

#[test]
fn each_sender_has_a_window_of_its_own() {
    let mut out = SrtcpOut::new(&master());
    let mut far = SrtcpIn::new(&master(), Mki::default());
    let of_one: Vec<_> = (0..200).map(|_| sealed(&mut out, 1)).collect();
    let of_two = sealed(&mut SrtcpOut::new(&master()), 2);
    assert!(opens(&mut far, &of_one[199]).is_ok());
    assert!(opens(&mut far, &of_two).is_ok(), "its index is 0");
    assert!(opens(&mut far, &of_one[100]).is_ok(), "within the window");
    assert_eq!(opens(&mut far, &of_one[100]), Err(Refused::Replayed));
    assert_eq!(opens(&mut far, &of_one[10]), Err(Refused::Replayed));
    assert_eq!(opens(&mut far, &of_two), Err(Refused::Replayed));
    far.may_have_restarted();
    assert!(opens(&mut far, &of_two).is_ok());
}

#[test]
fn a_report_that_is_signed_alone_is_taken_as_it_is() {
    let keys = derive::SessionKeys::derive(&master(), derive::Purpose::Rtcp);
    let mut packet = octets::<24>(PLAIN).to_vec();
    packet.extend([0, 0, 0, 5]);
    let tag = keys.tag(&packet, &[]);
    packet.extend(&tag[..10]);
    let mut far = SrtcpIn::new(&master(), Mki::default());
    assert_eq!(opens(&mut far, &packet), Ok(octets::<24>(PLAIN).to_vec()));
    // Whoever sets E on it has broken the tag.
    packet[24] |= 0x80;
    assert!(opens(&mut far, &packet).is_err());
}

#[test]
fn a_key_identifier_stands_before_the_tag() {
    let mut marked = sealed(&mut SrtcpOut::new(&master()), 7);
    let mut far = SrtcpIn::new(&master(), Mki::new(0x0102, 2).unwrap());
    assert_eq!(opens(&mut far, &marked), Err(Refused::Unauthentic));
    marked.splice(28..28, [1, 2]);
    assert!(opens(&mut far, &marked).is_ok());
}

#[test]
fn keys_of_reports_are_not_those_of_sound() {
    let mut rtp = [0x80; 48];
    let len = SrtpOut::new(Suite::AesCm128HmacSha1_80, &master()).protect(&mut rtp, 24);
    let mut far = SrtcpIn::new(&master(), Mki::default());
    assert!(opens(&mut far, &rtp[..len.unwrap()]).is_err());
}

#[test]
fn what_is_too_short_sends_nothing_and_is_malformed() {
    let mut out = SrtcpOut::new(&master());
    assert_eq!(out.protect(&mut [0x80; 37], 24), None);
    assert_eq!(out.protect(&mut [0x80; 40], 7), None);
    assert_eq!(out.protect(&mut [0x80; 40], usize::MAX), None);
    let mut far = SrtcpIn::new(&master(), Mki::default());
    for len in 0..22 {
        let refused = opens(&mut far, &vec![0x80; len]);
        assert_eq!(refused, Err(Refused::Malformed), "{len}");
    }
}

proptest! {
    #[test]
    fn no_octets_are_believed(octets in proptest::collection::vec(any::<u8>(), 0..200)) {
        let mut far = SrtcpIn::new(&master(), Mki::default());
        prop_assert!(opens(&mut far, &octets).is_err());
        let mut buf = octets.clone();
        let _ = SrtcpOut::new(&master()).protect(&mut buf, octets.len().saturating_sub(RTCP_TRAILER_MAX));
    }
}
