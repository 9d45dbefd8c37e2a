//! Connections on loopback, with peers that are slow, silent, noisy, deaf or gone. No peer is waited for longer than the
//! patience of the test, which is short; a test that fails waits for [`SOON`].

use std::{net::Ipv4Addr, pin::Pin, time::Duration};

use futures_util::StreamExt as _;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    time::timeout,
};

use super::*;
use crate::{
    actors::{clock, metrics::Metrics},
    net::tls::{
        TlsClient, TlsServer,
        testing::{Authority, KeyFile},
    },
};

const SOON: Duration = Duration::from_secs(10);
const OPTIONS: &[u8] = b"OPTIONS sip:a@b SIP/2.0\r\nContent-Length: 0\r\n\r\n";

/// Short where a test waits for it, endless where it must not come.
fn patience() -> Patience {
    let never = Duration::from_secs(3600);
    Patience {
        handshake: never,
        first: never,
        first_of_trunk: never,
        message: never,
        idle: never,
        write: never,
    }
}

const SHORT: Duration = Duration::from_millis(150);

struct World {
    flows: Flows,
    events: Pin<Box<dyn Stream<Item = FlowEvent>>>,
    accepts: Pin<Box<dyn Stream<Item = Accepted>>>,
    at: SocketAddr,
    metrics: Metrics,
}

impl World {
    async fn new(patience: Patience, tls: Option<&TlsServer>) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let at = listener.local_addr().unwrap();
        let metrics = Metrics::new().unwrap();
        let mut flows = Flows::new(SeatLimits::default(), patience, metrics.transports.clone());
        Self {
            events: Box::pin(flows.events()),
            accepts: Box::pin(accept(listener, tls.map(TlsServer::config))),
            flows,
            at,
            metrics,
        }
    }

    /// A peer's end of a connection, and ours.
    async fn connect(&mut self, trusted: bool) -> (TcpStream, Source) {
        let peer = TcpStream::connect(self.at).await.unwrap();
        let accepted = self.accepts.next().await.unwrap();
        let source = self.flows.take(clock::now(), accepted, trusted).unwrap();
        (peer, source)
    }

    async fn next(&mut self) -> FlowEvent {
        let event = timeout(SOON, self.events.next()).await;
        event.expect("something happens").expect("flows go on")
    }

    async fn message(&mut self) -> Bytes {
        match self.next().await {
            FlowEvent::Message { bytes, .. } => bytes,
            FlowEvent::Closed { ended, .. } => panic!("closed: {ended:?}"),
        }
    }

    async fn end(&mut self) -> Ended {
        match self.next().await {
            FlowEvent::Closed { source, ended } => {
                self.flows.close(source.flow, ended);
                ended
            }
            FlowEvent::Message { bytes, .. } => panic!("a message: {bytes:?}"),
        }
    }

    fn counted(&self, what: &str) -> bool {
        self.metrics.text().lines().any(|line| line == what)
    }
}

fn run(test: impl Future<Output = ()>) {
    actix::System::new().block_on(test);
}

#[test]
fn a_bad_message_is_handed_on_and_the_stream_goes_on_after_it() {
    run(async {
        let mut world = World::new(patience(), None).await;
        let (mut peer, source) = world.connect(true).await;
        let bad = b"NONSENSE\r\nContent-Length: 4\r\n\r\nbody".as_slice();
        let ping = b"\r\n\r\n".as_slice();
        peer.write_all(&[bad, OPTIONS, ping].concat())
            .await
            .unwrap();
        for expected in [bad, OPTIONS, ping] {
            assert_eq!(world.message().await, expected);
        }
        world.flows.send(source.flow, Bytes::from_static(b"answer"));
        let mut answer = [0; 6];
        peer.read_exact(&mut answer).await.unwrap();
        assert_eq!(&answer, b"answer");
        assert!(world.counted("audioroad_sip_connections{transport=\"TCP\"} 1"));

        let lost = b"X\r\nContent-Length: many\r\n\r\n".as_slice();
        peer.write_all(lost).await.unwrap();
        assert_eq!(world.message().await, lost);
        assert_eq!(world.end().await, Ended::Framing);
        assert_eq!(
            peer.read(&mut answer).await.unwrap(),
            0,
            "the far end sees it"
        );
        assert!(world.counted("audioroad_sip_connections{transport=\"TCP\"} 0"));
        let why = "audioroad_sip_connections_closed_total{reason=\"framing\"} 1";
        assert!(world.counted(why));
    });
}

#[test]
fn a_message_that_does_not_come_to_its_end_ends_the_connection() {
    run(async {
        let message = Duration::from_millis(300);
        let patience = Patience {
            message,
            ..patience()
        };
        let mut world = World::new(patience, None).await;
        let (mut peer, source) = world.connect(true).await;
        peer.write_all(OPTIONS).await.unwrap();
        world.message().await;
        world.flows.is_proven(source.flow);
        let begun = clock::now();
        // An octet at a time does not make it last longer.
        let drip = async {
            for octet in OPTIONS.iter().cycle() {
                tokio::time::sleep(Duration::from_millis(20)).await;
                if *octet == b'\r' || peer.write_all(&[*octet]).await.is_err() {
                    break;
                }
            }
            std::future::pending::<()>().await;
        };
        let ended = tokio::select! {
            ended = world.end() => ended,
            () = drip => unreachable!("the drip never ends"),
        };
        assert_eq!(ended, Ended::SlowMessage);
        assert!(clock::now() - begun >= message);
    });
}

#[test]
fn who_says_nothing_is_let_go_but_not_while_a_call_needs_the_connection() {
    run(async {
        let patience = Patience {
            first: SHORT,
            idle: SHORT,
            ..patience()
        };
        let mut world = World::new(patience, None).await;
        let (_silent, _) = world.connect(false).await;
        assert_eq!(world.end().await, Ended::NoMessage);

        // Line breaks are no message.
        let (mut breaks, _) = world.connect(false).await;
        breaks.write_all(b"\r\n").await.unwrap();
        assert_eq!(world.end().await, Ended::NoMessage);

        let (mut caller, source) = world.connect(false).await;
        caller.write_all(OPTIONS).await.unwrap();
        world.message().await;
        world.flows.is_proven(source.flow);
        let call = TxnKey::default();
        world.flows.call_on(call, source.flow);
        let waited = timeout(3 * SHORT, world.next()).await;
        assert!(waited.is_err(), "a call needs it");
        world.flows.keep_alive();
        let mut ping = [0; 4];
        caller.read_exact(&mut ping).await.unwrap();
        assert_eq!(&ping, b"\r\n\r\n");
        world.flows.call_over(call);
        world.flows.call_over(call);
        assert_eq!(world.end().await, Ended::Idle);
        let nobody = "audioroad_sip_connections{transport=\"TCP\"} 0";
        assert!(world.counted(nobody));
    });
}

#[test]
fn what_was_answered_still_reaches_a_peer_that_has_said_its_last_word() {
    run(async {
        let mut world = World::new(patience(), None).await;
        let (mut peer, source) = world.connect(true).await;
        peer.write_all(OPTIONS).await.unwrap();
        peer.shutdown().await.unwrap();
        world.message().await;
        world.flows.send(source.flow, Bytes::from_static(b"answer"));
        assert_eq!(world.end().await, Ended::ByPeer);
        let mut answer = Vec::new();
        timeout(SOON, peer.read_to_end(&mut answer))
            .await
            .unwrap()
            .unwrap();
        assert_eq!(answer, b"answer");
    });
}

#[test]
fn a_peer_that_takes_nothing_is_given_up() {
    run(async {
        let patience = Patience {
            write: SHORT,
            ..patience()
        };
        let mut world = World::new(patience, None).await;
        let (_deaf, source) = world.connect(true).await;
        // More than the buffers of both ends hold.
        world
            .flows
            .send(source.flow, Bytes::from(vec![0; 32 << 20]));
        assert_eq!(world.end().await, Ended::Stuck);
        let (_deaf, source) = world.connect(true).await;
        world
            .flows
            .send(source.flow, Bytes::from(vec![0; 32 << 20]));
        for _ in 0..=OUTBOX {
            world.flows.send(source.flow, PING);
        }
        assert!(!world.flows.has(source.flow), "the outbox has an end");
    });
}

#[test]
fn a_reset_is_an_end_like_any_other() {
    run(async {
        let mut world = World::new(patience(), None).await;
        let (peer, _) = world.connect(true).await;
        socket2::SockRef::from(&peer)
            .set_linger(Some(Duration::ZERO))
            .unwrap();
        drop(peer);
        assert_eq!(world.end().await, Ended::ByPeer);
    });
}

#[test]
fn handshakes_are_waited_for_and_what_fails_is_told_apart() {
    run(async {
        let dir = tempfile::tempdir().unwrap();
        let authority = Authority::new();
        let pair = authority.issue(dir.path(), "a", KeyFile::Ecdsa);
        let server = TlsServer::open(&[pair]).unwrap();
        let patience = Patience {
            handshake: Duration::from_millis(500),
            ..patience()
        };
        let mut world = World::new(patience, Some(&server)).await;
        let (_silent, source) = world.connect(true).await;
        assert_eq!(source.transport, Transport::Tls);
        assert_eq!(world.end().await, Ended::Handshake("timeout"));
        let (mut plain, _) = world.connect(true).await;
        plain.write_all(OPTIONS).await.unwrap();
        assert_eq!(world.end().await, Ended::Handshake("not-tls"));
        let failed = "audioroad_sip_handshakes_failed_total{reason=\"not-tls\"} 1";
        assert!(world.counted(failed));
    });
}

fn hop(at: SocketAddr, host: &str) -> NextHop {
    NextHop {
        host: host.to_owned(),
        port: at.port(),
        transport: Transport::Tls,
    }
}

#[test]
fn a_trunk_is_dialled_by_tls_and_must_be_who_it_is() {
    run(async {
        let dir = tempfile::tempdir().unwrap();
        let authority = Authority::new();
        let pair = authority.issue(dir.path(), "a", KeyFile::Rsa);
        let server = TlsServer::open(&[pair]).unwrap();
        let ca = dir.path().join("ca.pem");
        std::fs::write(&ca, authority.pem()).unwrap();
        let dialler = |ca: Option<&std::path::Path>| Dialler {
            tls: TlsClient::open(ca).unwrap(),
            bind: Ipv4Addr::UNSPECIFIED.into(),
        };
        let mut trunk = World::new(patience(), Some(&server)).await;
        let mut ours = World::new(patience(), None).await;
        let at = trunk.at;
        // By its address, which its certificate has; and by the name of the trunk.
        for name in [None, Some("sip.example.org".to_owned())] {
            let dialled = dialler(Some(&ca)).connect(hop(at, "127.0.0.1"), name);
            let (dialled, accepted) = tokio::join!(dialled, async {
                let accepted = trunk.accepts.next().await.unwrap();
                trunk.flows.take(clock::now(), accepted, true).unwrap()
            });
            let source = ours.flows.adopt(dialled.unwrap(), hop(at, "127.0.0.1"));
            assert_eq!((source.transport, source.from), (Transport::Tls, at));
            ours.flows.send(source.flow, Bytes::from_static(OPTIONS));
            assert_eq!(trunk.message().await, OPTIONS);
            trunk.flows.send(accepted.flow, Bytes::from_static(OPTIONS));
            assert_eq!(ours.message().await, OPTIONS);
            assert!(ours.flows.dialled(&hop(at, "127.0.0.1")).is_some());
        }
        for (ca, name) in [
            (Some(ca.as_path()), "other.example.org"),
            (None, "sip.example.org"),
        ] {
            let refused = dialler(ca).connect(hop(at, "127.0.0.1"), Some(name.to_owned()));
            let (refused, ended) = tokio::join!(refused, async {
                let accepted = trunk.accepts.next().await.unwrap();
                trunk.flows.take(clock::now(), accepted, true).unwrap();
                trunk.end().await
            });
            let refused = refused.err().expect("not who it should be");
            assert_eq!(connection::why_failed(&refused), "certificate", "{refused}");
            assert!(
                matches!(ended, Ended::Handshake(_) | Ended::ByPeer),
                "{ended:?}"
            );
        }
    });
}
