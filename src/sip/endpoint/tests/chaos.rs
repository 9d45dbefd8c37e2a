//! Messages in any order with anything in them.

use std::time::Duration;

use proptest::prelude::*;

use super::switch::*;
use crate::sip::*;

#[derive(Debug, Clone)]
enum Step {
    Message {
        method: usize,
        call: u64,
        cseq: u32,
        branch: u8,
        tagged: bool,
    },
    Response {
        code: u16,
        branch: usize,
    },
    Noise(Vec<u8>),
    HangUp,
    Wait(u64),
    Drain(bool),
}

const METHODS: [&str; 12] = [
    "INVITE", "ACK", "BYE", "CANCEL", "OPTIONS", "INFO", "UPDATE", "PRACK", "REFER", "NOTIFY",
    "REGISTER", "DANCE",
];

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => (0..METHODS.len(), 0..3_u64, 0..5_u32, 0..6_u8, any::<bool>()).prop_map(
            |(method, call, cseq, branch, tagged)| Step::Message { method, call, cseq, branch, tagged }
        ),
        2 => (100..700_u16, 0..4_usize).prop_map(|(code, branch)| Step::Response { code, branch }),
        1 => prop::collection::vec(any::<u8>(), 0..60).prop_map(Step::Noise),
        1 => Just(Step::HangUp),
        3 => (0..40_000_u64).prop_map(Step::Wait),
        1 => any::<bool>().prop_map(Step::Drain),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::with_cases(400)
    })]

    #[test]
    fn no_sequence_of_messages_breaks_the_endpoint(steps in prop::collection::vec(step(), 1..60)) {
        let (mut switch, start) = (Switch::new(config()), epoch());
        let mut now = start;
        let mut tag = String::from("none");
        let mut byes: Vec<String> = Vec::new();
        for step in steps {
            match step {
                Step::Message { method, call, cseq, branch, tagged } => {
                    let to_tag = if tagged { tag.as_str() } else { "" };
                    let text = request(METHODS[method], call, cseq, &branch.to_string(), to_tag);
                    switch.datagram(now, &text);
                }
                Step::Response { code, branch } => {
                    if let Some(bye) = byes.get(branch) {
                        let rest = bye.split_once("\r\n").unwrap().1;
                        switch.datagram(now, &format!("SIP/2.0 {code} X\r\n{rest}"));
                    }
                }
                Step::Noise(bytes) => {
                    switch.endpoint.handle_datagram(now, FLOW, local(), peer(), &bytes);
                }
                Step::HangUp => {
                    let key: Option<DialogKey> = switch.sessions.keys().next().cloned();
                    key.iter().for_each(|key| switch.hang_up(now, key));
                }
                Step::Wait(ms) => {
                    now += Duration::from_millis(ms);
                    switch.timeout(now);
                }
                Step::Drain(draining) => switch.endpoint.set_draining(draining),
            }
            for sent in switch.sent() {
                prop_assert!(sent.contains("\r\nVia: ") && sent.contains("\r\nContent-Length: "));
                if sent.starts_with("BYE ") {
                    byes.push(sent);
                } else if let Some((_, new)) = field(&sent, "To").and_then(|to| to.split_once("tag=")) {
                    tag = new.to_owned();
                }
            }
        }
        let keys: Vec<DialogKey> = switch.sessions.keys().cloned().collect();
        keys.iter().for_each(|key| switch.endpoint.forget_dialog(key));
        for _ in 0..400 {
            now += Duration::from_secs(1);
            switch.timeout(now);
            switch.sent();
        }
        prop_assert_eq!(switch.endpoint.load().transactions, 0);
        prop_assert_eq!(switch.endpoint.table.names_len(), 0);
        prop_assert_eq!(switch.endpoint.load().timers, 0);
    }
}
