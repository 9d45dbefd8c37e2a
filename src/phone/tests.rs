//! Two of the phone's own parts face to face over real sockets: a far end that answers and echoes.

use std::net::{Ipv4Addr, UdpSocket};
use std::time::Duration;

use super::*;
use crate::media::tone::ToneDetector;

const SOON: Duration = Duration::from_secs(5);

/// Answers one call, sends back every packet, and answers the BYE.
fn echo() -> SocketAddr {
    let sip = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let rtp = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let (at, port) = (sip.local_addr().unwrap(), rtp.local_addr().unwrap().port());
    std::thread::Builder::new()
        .spawn(move || {
            let mut packet = [0; 1500];
            while let Ok((len, from)) = rtp.recv_from(&mut packet) {
                rtp.send_to(&packet[..len], from).unwrap();
            }
        })
        .unwrap();
    std::thread::Builder::new()
        .spawn(move || {
            let mut message = [0; 4000];
            while let Ok((len, from)) = sip.recv_from(&mut message) {
                let text = std::str::from_utf8(&message[..len]).unwrap();
                let copied: String = text
                    .split("\r\n")
                    .filter(|line| {
                        ["Via:", "From:", "To:", "Call-ID:", "CSeq:"]
                            .iter()
                            .any(|name| line.starts_with(name))
                    })
                    .map(|line| format!("{line}\r\n"))
                    .collect();
                let body = format!(
                    "v=0\r\nc=IN IP4 127.0.0.1\r\nm=audio {port} RTP/AVP 8\r\na=sendrecv\r\n"
                );
                if !text.starts_with("ACK") {
                    let answer = format!(
                        "SIP/2.0 200 OK\r\n{copied}Contact: <sip:echo@{at}>\r\n\
                         Content-Length: {}\r\n\r\n{body}",
                        body.len()
                    );
                    sip.send_to(answer.as_bytes(), from).unwrap();
                }
            }
        })
        .unwrap();
    at
}

#[test]
fn a_phone_hears_its_own_tone_from_an_echo() {
    let phone = Phone::new(Ipv4Addr::LOCALHOST.into())
        .number("+15550100")
        .name("Ann");
    let call = phone.call(echo(), "echo", Hum::new(700.0, 0.2)).unwrap();
    call.wait_answered(SOON).unwrap();
    let frames = call.listen(20, SOON).unwrap();
    let sound: Vec<f32> = frames.iter().flat_map(|frame| frame.samples).collect();
    assert_eq!(
        ToneDetector::new(8000, &[500.0, 700.0, 900.0]).present_hz(&sound),
        [700.0]
    );
    assert_eq!(call.reception().sequence_breaks, 0);

    call.set_sending(false);
    assert!(
        call.listen(20, Duration::from_secs(1)).is_err(),
        "nothing is sent, nothing echoes"
    );
    call.hang_up();
    assert_eq!(call.wait_ended(SOON), Ok(End::HungUp));
    assert_eq!(
        call.offer(Direction::SendOnly, SOON),
        Err(PhoneError::NotUp)
    );
}
