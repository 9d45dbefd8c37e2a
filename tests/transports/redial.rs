//! A connection dies under a call: the switch's BYE goes to the route edge of the dialog over another one.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::Arc;

use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

use crate::certificates::KeyFile;
use crate::lines::{NAME, Raw, Secure, drop_call, header};
use crate::switch::{Switch, text};

/// An INVITE of a proxy that says by which edge it is reached.
fn invite(id: &str, edge: &str) -> String {
    let sdp = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 9 RTP/AVP 0\r\n";
    format!(
        "INVITE sip:lobby@127.0.0.1 SIP/2.0\r\nRecord-Route: <{edge};lr;r2=on>\r\nRecord-Route: <sip:192.0.2.7;lr;r2=on>\r\n\
         Via: SIP/2.0/TCP 127.0.0.1:9;branch=z9hG4bK{id}\r\nMax-Forwards: 70\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:lobby@b>\r\n\
         Call-ID: {id}\r\nCSeq: 1 INVITE\r\nContact: <sip:gateway@192.0.2.8:5060>\r\nContent-Type: application/sdp\r\n\
         Content-Length: {}\r\n\r\n{sdp}",
        sdp.len()
    )
}

fn ack(id: &str, ok: &[String]) -> String {
    format!(
        "ACK sip:lobby@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/TCP 127.0.0.1:9;branch=z9hG4bKack{id}\r\nFrom: <sip:a@b>;tag=1\r\n\
         To: {}\r\nCall-ID: {id}\r\nCSeq: 1 ACK\r\nContent-Length: 0\r\n\r\n",
        header(ok, "To")
    )
}

/// Sets a call up over a connection and closes it; gives the call's id.
fn call_whose_connection_dies(switch: &Switch, id: &str, edge: &str) -> String {
    let mut raw = Raw::connect(switch.sip());
    raw.send(&invite(id, edge));
    assert!(raw.message()[0].starts_with("SIP/2.0 100 "));
    let ok = raw.message();
    assert!(ok[0].starts_with("SIP/2.0 200 "), "{ok:?}");
    raw.send(&ack(id, &ok));
    let row = switch.call_once(id, |row| row["ringing"] == false);
    text(&row["id"])
}

/// What the edge gets, which it answers.
fn takes_bye<S: std::io::Read + std::io::Write>(mut edge: Raw<S>, uri: &str) -> Raw<S> {
    let bye = edge.message();
    assert_eq!(bye[0], "BYE sip:gateway@192.0.2.8:5060 SIP/2.0", "{bye:?}");
    let routes = bye.iter().filter_map(|line| line.strip_prefix("Route: "));
    let edge_route = format!("<{uri};lr;r2=on>");
    assert_eq!(
        routes.collect::<Vec<_>>(),
        [edge_route.as_str(), "<sip:192.0.2.7;lr;r2=on>"]
    );
    let copied = |name| format!("{name}: {}\r\n", header(&bye, name));
    let copied: String = ["Via", "From", "To", "Call-ID", "CSeq"]
        .map(copied)
        .concat();
    edge.send(&format!(
        "SIP/2.0 200 OK\r\n{copied}Content-Length: 0\r\n\r\n"
    ));
    edge
}

#[test]
fn a_dead_connection_is_dialled_again_at_the_edge_and_used_again() {
    let switch = Switch::start(&[("RTP_TIMEOUT_SECONDS", "60")]);
    switch.go_live();
    let edge = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
    let at = edge.local_addr().expect("its address");
    let uri = format!("sip:{at};transport=tcp");
    let ids = ["one", "two"].map(|id| call_whose_connection_dies(&switch, id, &uri));
    drop_call(&switch, &ids[0]);
    let (stream, _) = edge.accept().expect("the switch connects");
    let opened = takes_bye(Raw::new(stream), &uri);
    // The second BYE finds the connection that the first has opened (RFC 5923).
    drop_call(&switch, &ids[1]);
    takes_bye(opened, &uri);
}

#[test]
fn an_edge_by_tls_is_known_by_the_name_of_its_trunk() {
    // The chain of the edge has the trunk's name and not its address's; the other way round nobody is believed.
    let trunk = format!(
        "[[trunk]]\nname = \"carrier\"\nprofile = \"carrier\"\nallow = \"127.0.0.0/8\"\ntls_name = \"{NAME}\"\n"
    );
    let secure = Secure::start(&trunk, &[("RTP_TIMEOUT_SECONDS", "60")]);
    let switch = &secure.switch;
    switch.go_live();
    let edge = TcpListener::bind((Ipv4Addr::new(127, 0, 0, 5), 0)).expect("a port");
    let at: SocketAddr = edge.local_addr().expect("its address");
    let (chain, key) = secure
        .authority
        .issue(secure.folder.path(), "edge", KeyFile::Rsa);
    let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_file_iter(chain)
        .and_then(Iterator::collect)
        .expect("a chain");
    let key = PrivateKeyDer::from_pem_file(key).expect("a key");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("TLS 1.2 and 1.3")
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .expect("a server");
    let uri = format!("sip:{at};transport=tls");
    let id = call_whose_connection_dies(switch, "tls", &uri);
    drop_call(switch, &id);
    let (stream, _) = edge.accept().expect("the switch connects");
    let session = ServerConnection::new(Arc::new(config)).expect("a session");
    takes_bye(Raw::over(StreamOwned::new(session, stream)), &uri);
}
