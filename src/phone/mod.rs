//! A small real telephone: it places a call over UDP, TCP or TLS, speaks, listens and writes down what it heard.
//!
//! ```text
//! Voice -> G.711 -> RTP, paced -> far end;    far end -> RTP -> G.711 -> record -> Call::listen
//! Call (any thread) -> orders -> one thread a call: Signalling, both sockets -> status -> Call
//! ```
//! For the demonstration and the tests. It needs the switch's wire formats and nothing else of it. Limits: those of
//! [`signalling`]; 20 ms of G.711, no jitter buffer: what is heard is what came, in the order in which it came.

mod call;
mod driver;
mod heard;
mod message;
mod sdp;
mod signalling;
mod stage;
mod transaction;
mod voice;
mod wire;

use std::io;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::sync::Arc;

use tokio::sync::mpsc;

use crate::actors::random;
use crate::media::srtp::MasterKey;
use crate::sip::digest::Login;
use crate::sip::sdp::Direction;
use call::Shared;
use driver::Driver;
use message::Parties;
use rustls::ClientConfig;
use signalling::Habits;
use wire::Way;

pub use call::{Call, PhoneError};
pub use heard::{HEARD_FRAMES_MAX, HeardFrame, Reception};
pub use sdp::{Encryption, Format};
pub use stage::{End, Stage};
pub use voice::{Hum, Monologue, Silence, Voice};

/// A telephone and its owner's habits. One phone can place many calls.
#[derive(Debug, Clone)]
pub struct Phone {
    bind: IpAddr,
    number: String,
    name: String,
    formats: Vec<Format>,
    encryption: Option<Encryption>,
    habits: Habits,
    way: Way,
}

impl Phone {
    /// A phone at an address of this machine, with a withheld number.
    #[must_use]
    pub fn new(bind: IpAddr) -> Self {
        Self {
            bind,
            number: "anonymous".to_owned(),
            name: String::new(),
            formats: vec![Format::Pcmu, Format::Pcma],
            encryption: None,
            habits: Habits {
                acknowledges: true,
                headers: Vec::new(),
                login: None,
            },
            way: Way::Udp,
        }
    }

    /// Signals over TCP instead of UDP.
    #[must_use]
    pub fn over_tcp(mut self) -> Self {
        self.way = Way::Tcp;
        self
    }

    /// Signals over TLS, to a far end whose certificate is for `name`.
    #[must_use]
    pub fn over_tls(mut self, config: Arc<ClientConfig>, name: &str) -> Self {
        self.way = Way::Tls(config, name.to_owned());
        self
    }

    /// The number it calls from.
    #[must_use]
    pub fn number(mut self, number: &str) -> Self {
        number.clone_into(&mut self.number);
        self
    }

    /// The display name it calls with.
    #[must_use]
    pub fn name(mut self, name: &str) -> Self {
        name.clone_into(&mut self.name);
        self
    }

    /// The audio formats it offers, the best first.
    #[must_use]
    pub fn formats(mut self, formats: &[Format]) -> Self {
        self.formats = formats.to_vec();
        self
    }

    /// Encrypts its audio (SRTP with keys in the SDP).
    #[must_use]
    pub fn encrypted(mut self, encryption: Encryption) -> Self {
        self.encryption = Some(encryption);
        self
    }

    /// Never acknowledges an answer: a far end must notice.
    #[must_use]
    pub fn without_ack(mut self) -> Self {
        self.habits.acknowledges = false;
        self
    }

    /// Answers with this login when it is asked who calls.
    #[must_use]
    pub fn login(mut self, user: &str, password: &str) -> Self {
        self.habits.login = Some(Login {
            user: user.to_owned(),
            password: password.to_owned(),
        });
        self
    }

    /// Adds a header to its INVITEs.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.habits
            .headers
            .push((name.to_owned(), value.to_owned()));
        self
    }

    /// Calls `user` at the SIP address `far_end` and speaks with `voice` from the answer on.
    ///
    /// # Errors
    /// No socket, no connection or no thread is to be had.
    pub fn call(
        &self,
        far_end: SocketAddr,
        user: &str,
        voice: impl Voice + 'static,
    ) -> io::Result<Call> {
        let sip = self.way.open(self.bind, far_end)?;
        let rtp = UdpSocket::bind((self.bind, 0))?;
        let at = sip.local_addr()?;
        let call_id = format!("{:016x}@{}", random::u64(), self.bind);
        let name = self.name.replace(['"', '\\'], "");
        let parties = Parties {
            sip: at,
            transport: self.way.transport(),
            from: format!(
                "\"{name}\" <sip:{}@{at}>;tag={:08x}",
                self.number,
                random::u32()
            ),
            to: format!("<sip:{user}@{far_end}>"),
            call_id: call_id.clone(),
            target: format!("sip:{user}@{far_end}"),
        };
        let local = sdp::Local {
            rtp: rtp.local_addr()?,
            session: random::u64() >> 2,
            version: 1,
            formats: self.formats.clone(),
            direction: Direction::SendRecv,
            srtp: self.encryption.map(|encryption| (encryption, master_key())),
        };
        let status = Arc::new(Shared::default());
        let (orders, inbox) = mpsc::unbounded_channel();
        let driver = Driver::new(
            far_end,
            (parties, local, self.habits.clone()),
            Box::new(voice),
            status.clone(),
        );
        driver::start(driver, (sip, self.way.clone()), rtp, inbox)?;
        Ok(Call::new(status, orders, call_id))
    }
}

fn master_key() -> MasterKey {
    let random = random::secret();
    let [key @ .., _, _, _, _, _, _, _, _, _, _, _, _, _, _, _, _] = random;
    let [
        _,
        _,
        salt @ ..,
        _,
        _,
        _,
        _,
        _,
        _,
        _,
        _,
        _,
        _,
        _,
        _,
        _,
        _,
        _,
        _,
    ] = random::secret();
    MasterKey { key, salt }
}

#[cfg(test)]
mod tests;
