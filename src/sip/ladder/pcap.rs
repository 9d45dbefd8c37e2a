//! A ladder as a capture file (libpcap 2.4, LINKTYPE_RAW): each message in one IP packet of its own making, so that Wireshark,
//! tshark and sngrep open it. Addresses, ports, times and transports are those of the wire; IP and TCP headers are invented.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use super::{Ladder, Message, Step, Way, mask};
use crate::sip::Transport;

const LINKTYPE_RAW: u32 = 101;
const SNAP_LEN: u32 = 262_144;
const UDP: u8 = 17;
const TCP: u8 = 6;
const TTL: u8 = 64;
/// The port by which readers know SIP. What came by TLS stands in the file unencrypted, so its own port would mislead them.
const SIP_PORT: u16 = 5060;

pub(super) fn capture(ladder: &Ladder, began_unix_ms: u64, hide_numbers: bool) -> Vec<u8> {
    let mut file = Vec::with_capacity(4096);
    for word in [0xA1B2_C3D4, 0x0004_0002, 0, 0, SNAP_LEN, LINKTYPE_RAW] {
        file.extend_from_slice(&u32::to_le_bytes(word));
    }
    let mut packets: Vec<(Duration, &Message)> = Vec::new();
    for rung in &ladder.rungs {
        if let Step::Message(message) = &rung.step {
            packets.push((rung.at, message));
            packets.extend(rung.again.iter().map(|at| (*at, message)));
        }
    }
    packets.sort_by_key(|(at, _)| *at);
    let mut streams = HashMap::new();
    for (at, message) in packets {
        let packet = packet(message, hide_numbers, &mut streams);
        let at = Duration::from_millis(began_unix_ms) + at;
        let seconds = u32::try_from(at.as_secs()).unwrap_or(u32::MAX);
        let len = u32::try_from(packet.len()).unwrap_or(SNAP_LEN);
        for word in [seconds, at.subsec_micros(), len, len] {
            file.extend_from_slice(&word.to_le_bytes());
        }
        file.extend_from_slice(&packet);
    }
    file
}

/// How far each direction of each connection has come.
type Streams = HashMap<(SocketAddr, SocketAddr), u32>;

fn packet(message: &Message, hide_numbers: bool, streams: &mut Streams) -> Vec<u8> {
    let octets = if hide_numbers {
        mask::numbers(&message.octets)
    } else {
        message.octets.to_vec()
    };
    let mut ours = message.ours;
    if message.transport == Transport::Tls {
        ours.set_port(SIP_PORT);
    }
    let (from, to) = match message.way {
        Way::In => (message.theirs, ours),
        Way::Out => (ours, message.theirs),
    };
    let segment = match message.transport {
        Transport::Udp => udp(from, to, &octets),
        Transport::Tcp | Transport::Tls => {
            let acked = streams.get(&(to, from)).copied().unwrap_or(1);
            let sent = streams.entry((from, to)).or_insert(1);
            let segment = tcp(from, to, *sent, acked, &octets);
            *sent = sent.wrapping_add(u32::try_from(octets.len()).unwrap_or_default());
            segment
        }
    };
    let protocol = if message.transport == Transport::Udp {
        UDP
    } else {
        TCP
    };
    match (from.ip().to_canonical(), to.ip().to_canonical()) {
        (IpAddr::V4(from), IpAddr::V4(to)) => ipv4(from, to, protocol, segment),
        (from, to) => ipv6(v6(from), v6(to), protocol, segment),
    }
}

fn v6(ip: IpAddr) -> Ipv6Addr {
    match ip {
        IpAddr::V4(ip) => ip.to_ipv6_mapped(),
        IpAddr::V6(ip) => ip,
    }
}

/// RFC 768; the checksum is filled in with the addresses.
fn udp(from: SocketAddr, to: SocketAddr, octets: &[u8]) -> Vec<u8> {
    let mut segment = Vec::with_capacity(8 + octets.len());
    segment.extend_from_slice(&from.port().to_be_bytes());
    segment.extend_from_slice(&to.port().to_be_bytes());
    segment.extend_from_slice(&len16(8 + octets.len()).to_be_bytes());
    segment.extend_from_slice(&[0, 0]);
    segment.extend_from_slice(octets);
    segment
}

/// RFC 9293: PSH and ACK, without options.
fn tcp(from: SocketAddr, to: SocketAddr, sequence: u32, acked: u32, octets: &[u8]) -> Vec<u8> {
    let mut segment = Vec::with_capacity(20 + octets.len());
    segment.extend_from_slice(&from.port().to_be_bytes());
    segment.extend_from_slice(&to.port().to_be_bytes());
    segment.extend_from_slice(&sequence.to_be_bytes());
    segment.extend_from_slice(&acked.to_be_bytes());
    segment.extend_from_slice(&[0x50, 0x18, 0xFF, 0xFF, 0, 0, 0, 0]);
    segment.extend_from_slice(octets);
    segment
}

fn ipv4(from: Ipv4Addr, to: Ipv4Addr, protocol: u8, mut segment: Vec<u8>) -> Vec<u8> {
    let len = u32::from(len16(segment.len()));
    let pseudo = sum(&from.octets()) + sum(&to.octets()) + u32::from(protocol) + len;
    fill_in(&mut segment, protocol, pseudo);
    let mut packet = vec![0x45, 0];
    packet.extend_from_slice(&len16(20 + segment.len()).to_be_bytes());
    packet.extend_from_slice(&[0, 0, 0x40, 0, TTL, protocol, 0, 0]);
    packet.extend_from_slice(&from.octets());
    packet.extend_from_slice(&to.octets());
    let checksum = folded(sum(&packet)).to_be_bytes();
    if let Some(field) = packet.get_mut(10..12) {
        field.copy_from_slice(&checksum);
    }
    packet.extend_from_slice(&segment);
    packet
}

fn ipv6(from: Ipv6Addr, to: Ipv6Addr, protocol: u8, mut segment: Vec<u8>) -> Vec<u8> {
    let len = len16(segment.len());
    let pseudo = sum(&from.octets()) + sum(&to.octets()) + u32::from(protocol) + u32::from(len);
    fill_in(&mut segment, protocol, pseudo);
    let mut packet = vec![0x60, 0, 0, 0];
    packet.extend_from_slice(&len.to_be_bytes());
    packet.extend_from_slice(&[protocol, TTL]);
    packet.extend_from_slice(&from.octets());
    packet.extend_from_slice(&to.octets());
    packet.extend_from_slice(&segment);
    packet
}

/// Writes the checksum of a segment (RFC 1071); `pseudo` is the sum of its pseudo-header.
fn fill_in(segment: &mut [u8], protocol: u8, pseudo: u32) {
    let at = if protocol == UDP { 6 } else { 16 };
    let checksum = match folded(pseudo + sum(segment)) {
        // In UDP, zero would say that there is none.
        0 if protocol == UDP => 0xFFFF,
        checksum => checksum,
    };
    if let Some(field) = segment.get_mut(at..at + 2) {
        field.copy_from_slice(&checksum.to_be_bytes());
    }
}

/// The sum of 16-bit words; messages are short enough that it never overflows.
fn sum(octets: &[u8]) -> u32 {
    octets
        .chunks(2)
        .map(|pair| {
            let high = pair.first().copied().unwrap_or_default();
            let low = pair.get(1).copied().unwrap_or_default();
            u32::from(u16::from_be_bytes([high, low]))
        })
        .fold(0, u32::wrapping_add)
}

fn folded(mut sum: u32) -> u16 {
    while sum > 0xFFFF {
        sum = (sum & 0xFFFF) + (sum >> 16);
    }
    !u16::try_from(sum).unwrap_or_default()
}

fn len16(len: usize) -> u16 {
    u16::try_from(len).unwrap_or(u16::MAX)
}
