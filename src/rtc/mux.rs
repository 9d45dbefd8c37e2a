//! Which peer does a datagram belong to? Many peers share one UDP port.
//!
//! A STUN binding request names its peer (the USERNAME starts with our ufrag, RFC 8445 section
//! 7.2.2); everything else goes by the remote address that a request came from before. An address
//! is learned only after the peer has vouched for the request's integrity (see [`Mux::learn`]),
//! so a stranger who saw a ufrag cannot claim addresses.
//!
//! Limits: [`ADDRESSES_MAX`] remote addresses per peer, the oldest is forgotten first.

use std::collections::{HashMap, VecDeque};
use std::hash::Hash;
use std::net::SocketAddr;

/// Remote addresses remembered for one peer: a browser tries every interface it has.
const ADDRESSES_MAX: usize = 8;

/// The routing table of one shared UDP port. `K` names a peer.
#[derive(Debug)]
pub struct Mux<K> {
    by_ufrag: HashMap<String, K>,
    by_address: HashMap<SocketAddr, K>,
    addresses: HashMap<K, VecDeque<SocketAddr>>,
}

impl<K> Default for Mux<K> {
    fn default() -> Self {
        Self {
            by_ufrag: HashMap::new(),
            by_address: HashMap::new(),
            addresses: HashMap::new(),
        }
    }
}

impl<K: Copy + Eq + Hash> Mux<K> {
    /// Makes `key` reachable under its local ICE ufrag. Called again after an ICE restart, the new
    /// ufrag replaces the former one.
    pub fn register(&mut self, ufrag: &str, key: K) {
        if self.by_ufrag.get(ufrag) == Some(&key) {
            return;
        }
        self.by_ufrag.retain(|_, known| *known != key);
        self.by_ufrag.insert(ufrag.to_owned(), key);
    }

    /// The peer this datagram is for, if any.
    pub fn route(&self, from: SocketAddr, datagram: &[u8]) -> Option<K> {
        match request_ufrag(datagram) {
            Some(ufrag) => self.by_ufrag.get(ufrag).copied(),
            None => self.by_address.get(&from).copied(),
        }
    }

    /// Binds a remote address to a peer that has accepted a packet from there.
    pub fn learn(&mut self, from: SocketAddr, key: K) {
        if self.by_address.get(&from) == Some(&key) {
            return;
        }
        if let Some(former) = self.by_address.insert(from, key)
            && let Some(addresses) = self.addresses.get_mut(&former)
        {
            addresses.retain(|address| *address != from);
        }
        let addresses = self.addresses.entry(key).or_default();
        addresses.push_back(from);
        if addresses.len() > ADDRESSES_MAX
            && let Some(oldest) = addresses.pop_front()
        {
            self.by_address.remove(&oldest);
        }
    }

    /// Forgets everything about a peer.
    pub fn remove(&mut self, key: K) {
        self.by_ufrag.retain(|_, known| *known != key);
        for address in self.addresses.remove(&key).into_iter().flatten() {
            self.by_address.remove(&address);
        }
    }
}

/// Our half of the USERNAME in a STUN binding request (RFC 8489 sections 5 and 14.3), without
/// verifying anything.
fn request_ufrag(datagram: &[u8]) -> Option<&str> {
    const BINDING_REQUEST: [u8; 2] = [0x00, 0x01];
    const MAGIC_COOKIE: [u8; 4] = [0x21, 0x12, 0xa4, 0x42];
    const USERNAME: u16 = 0x0006;

    let (header, mut attributes) = datagram.split_at_checked(20)?;
    if !header.starts_with(&BINDING_REQUEST) || header.get(4..8)? != MAGIC_COOKIE {
        return None;
    }
    loop {
        let (&[t1, t0, l1, l0], rest) = attributes.split_first_chunk::<4>()?;
        let length = usize::from(u16::from_be_bytes([l1, l0]));
        let value = rest.get(..length)?;
        if u16::from_be_bytes([t1, t0]) == USERNAME {
            return std::str::from_utf8(value).ok()?.split(':').next();
        }
        attributes = rest.get(length.next_multiple_of(4)..)?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn binding_request(username: &str) -> Vec<u8> {
        let mut bytes = vec![0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42];
        bytes.extend([7; 12]);
        bytes.extend([0x80, 0x22, 0, 3, b'a', b'b', b'c', 0]);
        bytes.extend([0, 6, 0, username.len() as u8]);
        bytes.extend(username.as_bytes());
        bytes.resize(bytes.len().next_multiple_of(4), 0);
        bytes
    }

    fn address(port: u16) -> SocketAddr {
        SocketAddr::from(([192, 0, 2, 1], port))
    }

    #[test]
    fn a_request_goes_by_ufrag_and_media_by_address() {
        let mut mux = Mux::default();
        mux.register("ours", 1);
        let request = binding_request("ours:theirs");
        assert_eq!(mux.route(address(5), &request), Some(1));
        assert_eq!(
            mux.route(address(5), &[0x80; 40]),
            None,
            "not vouched for yet"
        );
        mux.learn(address(5), 1);
        assert_eq!(mux.route(address(5), &[0x80; 40]), Some(1));
        assert_eq!(mux.route(address(6), &[0x80; 40]), None);
    }

    #[test]
    fn a_request_overrules_the_address_it_comes_from() {
        let mut mux = Mux::default();
        mux.register("old", 1);
        mux.register("new", 2);
        mux.learn(address(5), 1);
        assert_eq!(mux.route(address(5), &binding_request("new:x")), Some(2));
        mux.learn(address(5), 2);
        mux.remove(1);
        assert_eq!(
            mux.route(address(5), &[0x80; 40]),
            Some(2),
            "kept by its new owner"
        );
    }

    #[test]
    fn an_ice_restart_replaces_the_ufrag() {
        let mut mux = Mux::default();
        mux.register("first", 1);
        mux.register("second", 1);
        assert_eq!(mux.route(address(5), &binding_request("first:x")), None);
        assert_eq!(mux.route(address(5), &binding_request("second:x")), Some(1));
    }

    #[test]
    fn a_peer_holds_a_bounded_number_of_addresses() {
        let mut mux = Mux::default();
        for port in 1..=100 {
            mux.learn(address(port), 1);
        }
        assert_eq!(mux.by_address.len(), ADDRESSES_MAX);
        assert_eq!(mux.route(address(100), &[0x80; 40]), Some(1));
        mux.remove(1);
        assert!(mux.by_address.is_empty() && mux.addresses.is_empty());
    }

    proptest! {
        #[test]
        fn any_datagram_is_routed_without_harm(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let mux: Mux<u8> = Mux::default();
            prop_assert_eq!(mux.route(address(1), &bytes), None);
        }

        #[test]
        fn a_cut_request_names_nobody_else(cut in 0usize..44) {
            let request = binding_request("ours:theirs");
            let ufrag = request_ufrag(&request[..cut.min(request.len())]);
            prop_assert!(ufrag.is_none() || ufrag == Some("ours"));
        }
    }
}
