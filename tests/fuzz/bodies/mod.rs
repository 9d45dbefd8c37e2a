//! What is done with octets that a fuzzer makes up, and what must hold whatever they are. The same functions run under
//! libFuzzer (`fuzz/`, `make fuzz`) and under proptest (`tests/fuzz`, part of `make test`).
//!
//! ```text
//! octets -> a body -> the public face of the pure core -> what it gives back -> a panic when that cannot be
//! ```

pub(crate) mod answering;
pub(crate) mod call;
pub(crate) mod command;
pub(crate) mod digest;
pub(crate) mod message;
pub(crate) mod noise;
pub(crate) mod octets;
pub(crate) mod rtcp;
pub(crate) mod rtp;
pub(crate) mod sdp;
pub(crate) mod stream;
pub(crate) mod twilio;

/// A body by its name.
pub(crate) struct Body {
    /// The name of its target, and of its folders of seeds and inputs.
    pub(crate) name: &'static str,
    /// The body.
    pub(crate) run: fn(&[u8]),
}

/// All of them.
pub(crate) const ALL: [Body; 11] = [
    Body {
        name: "message",
        run: message::run,
    },
    Body {
        name: "call",
        run: call::run,
    },
    Body {
        name: "stream",
        run: stream::run,
    },
    Body {
        name: "sdp",
        run: sdp::run,
    },
    Body {
        name: "rtp",
        run: rtp::run,
    },
    Body {
        name: "wide",
        run: rtp::run_wide,
    },
    Body {
        name: "rtcp",
        run: rtcp::run,
    },
    Body {
        name: "noise",
        run: noise::run,
    },
    Body {
        name: "digest",
        run: digest::run,
    },
    Body {
        name: "command",
        run: command::run,
    },
    Body {
        name: "twilio",
        run: twilio::run,
    },
];
