//! All transactions, and every name under which the network may ask for one.

use std::collections::HashMap;

use super::{Client, InviteClient, InviteServer, Server, TxnKey};
use crate::sip::{DialogKey, FlowId};

/// One transaction of any kind.
#[derive(Debug)]
pub(in crate::sip) enum Machine {
    InviteServer(InviteServer),
    Server(Server),
    Client(Client),
    InviteClient(Box<InviteClient>),
}

/// What a request that founds a dialog is known by, whatever way it came (RFC 3261 section
/// 8.2.2.2).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(in crate::sip) struct Origin {
    pub(in crate::sip) call_id: String,
    pub(in crate::sip) from_tag: String,
    pub(in crate::sip) cseq: u32,
}

/// What the ACK of a 2xx is known by.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(in crate::sip) struct AckName {
    pub(in crate::sip) dialog: DialogKey,
    pub(in crate::sip) cseq: u32,
}

/// The names of one transaction.
#[derive(Debug, Default)]
pub(in crate::sip) struct Names {
    /// As server: see [`super::server_name`].
    pub(in crate::sip) server: Option<String>,
    /// As server of an INVITE outside of a dialog.
    pub(in crate::sip) origin: Option<Origin>,
    /// As client: see [`client_name`].
    pub(in crate::sip) branch: Option<String>,
    /// As server of an INVITE that was accepted.
    pub(in crate::sip) ack: Option<AckName>,
}

/// The table.
#[derive(Debug, Default)]
pub(in crate::sip) struct Table {
    entries: HashMap<TxnKey, (Machine, Names)>,
    servers: HashMap<String, TxnKey>,
    origins: HashMap<Origin, TxnKey>,
    branches: HashMap<String, TxnKey>,
    acks: HashMap<AckName, TxnKey>,
    issued: u64,
}

impl Table {
    /// Whether the transaction is not over.
    pub(in crate::sip) fn has(&self, txn: TxnKey) -> bool {
        self.entries.contains_key(&txn)
    }

    /// A key never used before.
    pub(in crate::sip) fn issue(&mut self) -> TxnKey {
        self.issued = self.issued.wrapping_add(1);
        TxnKey(self.issued)
    }

    pub(in crate::sip) fn insert(&mut self, key: TxnKey, machine: Machine, names: Names) {
        if let Some(name) = &names.server {
            self.servers.insert(name.clone(), key);
        }
        if let Some(origin) = &names.origin {
            self.origins.insert(origin.clone(), key);
        }
        if let Some(branch) = &names.branch {
            self.branches.insert(branch.clone(), key);
        }
        self.entries.insert(key, (machine, names));
    }

    /// Names the ACK that an accepted INVITE waits for.
    pub(in crate::sip) fn await_ack(&mut self, key: TxnKey, ack: AckName) {
        if let Some((_, names)) = self.entries.get_mut(&key) {
            names.ack = Some(ack.clone());
            self.acks.insert(ack, key);
        }
    }

    pub(in crate::sip) fn remove(&mut self, key: TxnKey) {
        let Some((_, names)) = self.entries.remove(&key) else {
            return;
        };
        forget(&mut self.servers, names.server, key);
        forget(&mut self.origins, names.origin, key);
        forget(&mut self.branches, names.branch, key);
        forget(&mut self.acks, names.ack, key);
    }

    pub(in crate::sip) fn machine(&mut self, key: TxnKey) -> Option<&mut Machine> {
        self.entries.get_mut(&key).map(|(machine, _)| machine)
    }

    pub(in crate::sip) fn server(&self, name: &str) -> Option<TxnKey> {
        self.servers.get(name).copied()
    }

    pub(in crate::sip) fn origin(&self, origin: &Origin) -> Option<TxnKey> {
        self.origins.get(origin).copied()
    }

    pub(in crate::sip) fn client(&self, name: &str) -> Option<TxnKey> {
        self.branches.get(name).copied()
    }

    pub(in crate::sip) fn ack(&self, ack: &AckName) -> Option<TxnKey> {
        self.acks.get(ack).copied()
    }

    /// Our requests that wait for an answer over `flow`, oldest first.
    pub(in crate::sip) fn waiting_on(&self, flow: FlowId) -> Vec<TxnKey> {
        let waits = |machine: &Machine| match machine {
            Machine::Client(client) => client.waits_on() == Some(flow),
            Machine::InviteClient(client) => client.waits_on() == Some(flow),
            Machine::InviteServer(_) | Machine::Server(_) => false,
        };
        let all = self
            .entries
            .iter()
            .filter(|(_, (machine, _))| waits(machine));
        let mut keys: Vec<TxnKey> = all.map(|(key, _)| *key).collect();
        keys.sort_unstable();
        keys
    }

    pub(in crate::sip) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Entries of all maps, to tell that none is left over.
    #[cfg(test)]
    pub(in crate::sip) fn names_len(&self) -> usize {
        self.servers.len() + self.origins.len() + self.branches.len() + self.acks.len()
    }
}

/// What matches a response to its client transaction (RFC 3261 section 17.1.3): a CANCEL has the branch of its INVITE.
pub(in crate::sip) fn client_name(branch: &str, method: &str) -> String {
    format!("{branch} {method}")
}

fn forget<N: Eq + std::hash::Hash>(map: &mut HashMap<N, TxnKey>, name: Option<N>, key: TxnKey) {
    if let Some(name) = name
        && map.get(&name) == Some(&key)
    {
        map.remove(&name);
    }
}
