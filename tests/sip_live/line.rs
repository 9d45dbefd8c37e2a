//! A peer that sends octets and reads messages, by UDP or by TCP.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{IpAddr, SocketAddr, TcpStream, UdpSocket};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use audioroad::actors::clock;
use audioroad::sip::Framer;

use crate::switch::SOON;

/// A media description that the switch takes.
pub(crate) const SDP: &str = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n\
                              m=audio 9 RTP/AVP 0 8 101\r\na=rtpmap:101 telephone-event/8000\r\n";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum By {
    Udp,
    Tcp,
}

enum Wire {
    Udp(UdpSocket),
    Tcp(TcpStream, Framer),
}

/// A message as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Message(pub(crate) String);

impl Message {
    /// The status code; 0 for a request.
    pub(crate) fn status(&self) -> u16 {
        let code = self
            .0
            .strip_prefix("SIP/2.0 ")
            .and_then(|rest| rest.get(..3));
        code.and_then(|code| code.parse().ok()).unwrap_or(0)
    }

    /// The values of a header, joined.
    pub(crate) fn header(&self, name: &str) -> Option<String> {
        let head = self.0.split("\r\n\r\n").next().unwrap_or_default();
        let fields = head.lines().filter_map(|line| line.split_once(": "));
        let values: Vec<&str> = fields
            .filter(|(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
            .collect();
        (!values.is_empty()).then(|| values.join(", "))
    }

    /// What comes after the head.
    pub(crate) fn body(&self) -> &str {
        self.0.split_once("\r\n\r\n").map_or("", |(_, body)| body)
    }

    /// The direction that its description says.
    pub(crate) fn direction(&self) -> &str {
        let known = ["a=sendrecv", "a=sendonly", "a=recvonly", "a=inactive"];
        let said = self.body().lines().find(|line| known.contains(line));
        said.map_or("none", |line| &line[2..])
    }
}

/// A call as its caller knows it.
#[derive(Debug, Clone)]
pub(crate) struct Dialog {
    pub(crate) call: String,
    pub(crate) to: String,
    pub(crate) cseq: u32,
}

/// One peer.
pub(crate) struct Line {
    wire: Wire,
    pub(crate) target: SocketAddr,
    pub(crate) local: SocketAddr,
}

impl Line {
    /// A peer of its own at `from`, an address of this machine.
    pub(crate) fn new(by: By, from: IpAddr, target: SocketAddr) -> Self {
        let (wire, local) = match by {
            By::Udp => {
                let socket = UdpSocket::bind((from, 0)).unwrap();
                let local = socket.local_addr().unwrap();
                (Wire::Udp(socket), local)
            }
            By::Tcp => {
                let stream = TcpStream::connect(target).unwrap();
                stream.set_nodelay(true).unwrap();
                let local = stream.local_addr().unwrap();
                (Wire::Tcp(stream, Framer::new()), local)
            }
        };
        Self {
            wire,
            target,
            local,
        }
    }

    pub(crate) fn by(&self) -> By {
        match self.wire {
            Wire::Udp(_) => By::Udp,
            Wire::Tcp(..) => By::Tcp,
        }
    }

    pub(crate) fn send(&mut self, octets: &[u8]) {
        match &mut self.wire {
            Wire::Udp(socket) => {
                socket.send_to(octets, self.target).unwrap();
            }
            // A connection that the switch has closed shows when it is read.
            Wire::Tcp(stream, _) => {
                let _ = stream.write_all(octets);
            }
        }
    }

    /// The next message within `wait`; an error when the connection is closed.
    pub(crate) fn next(&mut self, wait: Duration) -> Result<Option<Message>, &'static str> {
        let text = |bytes: &[u8]| Message(String::from_utf8_lossy(bytes).into_owned());
        let deadline = clock::now() + wait;
        loop {
            if let Wire::Tcp(_, framer) = &mut self.wire
                && let Some(message) = framer.next_message().unwrap()
            {
                return Ok(Some(text(&message)));
            }
            let left = deadline.saturating_duration_since(clock::now());
            if left.is_zero() {
                return Ok(None);
            }
            let mut buffer = [0; 65_536];
            let read = match &mut self.wire {
                Wire::Udp(socket) => {
                    socket.set_read_timeout(Some(left)).unwrap();
                    socket.recv(&mut buffer)
                }
                Wire::Tcp(stream, _) => {
                    stream.set_read_timeout(Some(left)).unwrap();
                    stream.read(&mut buffer)
                }
            };
            match (read, &mut self.wire) {
                (Ok(0), Wire::Tcp(..)) => return Err("closed"),
                (Ok(len), Wire::Udp(_)) => return Ok(Some(text(&buffer[..len]))),
                (Ok(len), Wire::Tcp(_, framer)) => framer.push(&buffer[..len]),
                (Err(error), _) if error.kind() == ErrorKind::WouldBlock => return Ok(None),
                (Err(error), _) if error.kind() == ErrorKind::TimedOut => return Ok(None),
                (Err(_), _) => return Err("closed"),
            }
        }
    }

    /// The next message that fits, which must come.
    pub(crate) fn until(&mut self, what: &str, mut fits: impl FnMut(&Message) -> bool) -> Message {
        let deadline = clock::now() + SOON;
        loop {
            let left = deadline.saturating_duration_since(clock::now());
            match self.next(left) {
                Ok(Some(message)) if fits(&message) => return message,
                Ok(Some(_)) => {}
                end @ (Ok(None) | Err(_)) => panic!("{what}: {end:?}"),
            }
        }
    }

    /// A request of a call; `to` with the tag within a dialog, empty outside.
    pub(crate) fn request(
        &self,
        (method, cseq): (&str, u32),
        (call, to): (&str, &str),
        headers: &str,
        body: &str,
    ) -> String {
        static BRANCHES: AtomicU32 = AtomicU32::new(1);
        let branch = BRANCHES.fetch_add(1, Ordering::Relaxed);
        let (at, target) = (self.local, self.target);
        let transport = match self.by() {
            By::Udp => "UDP",
            By::Tcp => "TCP",
        };
        let to = match to {
            "" => format!("<sip:lobby@{target}>"),
            to => to.to_owned(),
        };
        let kind = match (body, headers.contains("Content-Type:")) {
            ("", _) | (_, true) => "",
            _ => "Content-Type: application/sdp\r\n",
        };
        format!(
            "{method} sip:lobby@{target} SIP/2.0\r\nVia: SIP/2.0/{transport} {at};branch=z9hG4bKline{branch};rport\r\n\
             From: <sip:+15550100401@{at}>;tag=f{call}\r\nTo: {to}\r\nCall-ID: {call}\r\nCSeq: {cseq} {method}\r\n\
             Contact: <sip:line@{at}>\r\nMax-Forwards: 70\r\n{headers}{kind}Content-Length: {}\r\n\r\n{body}",
            body.len()
        )
    }

    /// A name that no other call has.
    pub(crate) fn name(&self) -> String {
        static CALLS: AtomicU32 = AtomicU32::new(1);
        let number = CALLS.fetch_add(1, Ordering::Relaxed);
        format!("line-{}-{number}", self.local.port())
    }

    /// The final answer to a request that was just written.
    pub(crate) fn final_of(&mut self, request: &str) -> Message {
        self.send(request.as_bytes());
        let of = Message(request.to_owned());
        let (call, cseq) = (of.header("Call-ID"), of.header("CSeq"));
        self.until(request, |message| {
            message.status() >= 200
                && message.header("Call-ID") == call
                && message.header("CSeq") == cseq
        })
    }

    /// A call, answered and acknowledged, and its 200.
    pub(crate) fn call(&mut self, headers: &str, body: &str) -> (Dialog, Message) {
        let call = self.name();
        let invite = self.request(("INVITE", 1), (&call, ""), headers, body);
        let ok = self.final_of(&invite);
        assert_eq!(ok.status(), 200, "{}", ok.0);
        let to = ok.header("To").unwrap();
        let dialog = Dialog { call, to, cseq: 1 };
        self.acknowledge(&dialog, "");
        (dialog, ok)
    }

    /// The ACK of the last INVITE of a dialog.
    pub(crate) fn acknowledge(&mut self, dialog: &Dialog, body: &str) {
        let ack = self.request(("ACK", dialog.cseq), (&dialog.call, &dialog.to), "", body);
        self.send(ack.as_bytes());
    }

    /// The final answer to a request within a dialog; an INVITE is acknowledged.
    pub(crate) fn within(
        &mut self,
        dialog: &mut Dialog,
        method: &str,
        headers: &str,
        body: &str,
    ) -> Message {
        dialog.cseq += 1;
        let request = self.request(
            (method, dialog.cseq),
            (&dialog.call, &dialog.to),
            headers,
            body,
        );
        let answer = self.final_of(&request);
        if method == "INVITE" {
            self.acknowledge(dialog, "");
        }
        answer
    }

    /// Ends a call.
    pub(crate) fn hang_up(&mut self, mut dialog: Dialog) -> Message {
        self.within(&mut dialog, "BYE", "", "")
    }

    /// Whether a call comes up and goes down as it should: what a peer before did has harmed nobody.
    pub(crate) fn a_call_works(&mut self) {
        let (dialog, _) = self.call("", SDP);
        assert_eq!(self.hang_up(dialog).status(), 200);
    }

    /// What had come before the answer to an OPTIONS that is sent now.
    pub(crate) fn so_far(&mut self) -> Result<Vec<Message>, &'static str> {
        let call = self.name();
        let options = self.request(("OPTIONS", 1), (&call, ""), "", "");
        self.send(options.as_bytes());
        let mut before = Vec::new();
        loop {
            match self.next(SOON)? {
                Some(message) if message.header("Call-ID").as_ref() == Some(&call) => {
                    return Ok(before);
                }
                Some(message) => before.push(message),
                None => return Err("stuck"),
            }
        }
    }
}
