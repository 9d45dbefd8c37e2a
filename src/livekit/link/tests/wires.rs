//! How the world carries what links and server want done: frames, datagrams, connections.

use std::net::SocketAddr;
use std::time::Duration;

use livekit_protocol as proto;
use prost::Message as _;
use proto::signal_response::Message;

use super::world::{Ask, SERVER, World, keys, unix_ms};
use crate::livekit::Event;
use crate::livekit::endpoint::{JoinQuery, Output};
use crate::livekit::link::*;

impl World {
    pub(super) fn perform(&mut self, seat: usize, output: LinkOutput) {
        let chair = &mut self.seats[seat];
        match output {
            LinkOutput::Join => {
                chair.joins += 1;
                chair.asks = [Ask::Join].into();
                self.hang_up(seat);
            }
            LinkOutput::Resume { .. } => {
                chair.resumptions += 1;
                chair.asks = [Ask::Resume].into();
            }
            LinkOutput::Send(message) => {
                let message = Some(*message);
                let frame = proto::SignalRequest {
                    message: message.clone(),
                }
                .encode_to_vec();
                chair.said.extend(message);
                if let Some(session) = chair.session.filter(|_| !chair.signal_cut) {
                    self.endpoint.handle_signal(self.now, session, &frame);
                }
            }
            LinkOutput::Reconnected => {}
            LinkOutput::Disconnect => {
                chair.asks.clear();
                self.hang_up(seat);
            }
            LinkOutput::Bind { transport } => {
                self.ports += 1;
                let local = SocketAddr::from(([192, 0, 2, 7], self.ports));
                chair.sockets = Some((transport, local));
                chair.binds += 1;
                chair.link.bound(self.now, transport, &[local]);
            }
            LinkOutput::Unbind { .. } => {
                chair.unbinds += 1;
                chair.sockets = None;
            }
            LinkOutput::Transmit { bytes, .. } => {
                if let Some((_, local)) = chair.sockets
                    && !chair.media_cut
                    && !self.server_down
                {
                    self.endpoint.handle_datagram(self.now, local, &bytes);
                }
            }
            LinkOutput::Event(LinkEvent::TrackAudio { track, packet }) => {
                chair
                    .heard
                    .entry(track)
                    .or_default()
                    .push(packet.payload[0]);
            }
            LinkOutput::Event(event) => chair.events.push(event),
        }
    }

    fn hang_up(&mut self, seat: usize) {
        if let Some(session) = self.seats[seat].session.take() {
            self.endpoint.signal_closed(self.now, session);
        }
    }

    pub(super) fn connect(&mut self, seat: usize, ask: &Ask) {
        let chair = &mut self.seats[seat];
        let unreachable = self.server_down || chair.signal_cut;
        let gone = || SignalFailure::Unreachable("nobody answers".to_owned());
        match ask {
            Ask::Join if unreachable => chair.link.join_failed(self.now, gone()),
            Ask::Join => {
                if let Some(status) = self.refuses {
                    let detail = "no".to_owned();
                    chair
                        .link
                        .join_failed(self.now, SignalFailure::Refused { status, detail });
                    return;
                }
                let token = keys()
                    .sign(&chair.pass, Duration::from_secs(86_400))
                    .unwrap();
                let query = JoinQuery::parse("auto_subscribe=0");
                let session = self
                    .endpoint
                    .join(self.now, unix_ms(), &token, &query)
                    .unwrap();
                chair.session = Some(session);
            }
            Ask::Resume if unreachable => chair.link.resume_failed(self.now, gone()),
            Ask::Resume => match chair.session.filter(|_| self.resumes) {
                Some(session) => {
                    let others = self.endpoint.others(session);
                    chair
                        .link
                        .resumed(self.now, proto::ReconnectResponse::default());
                    chair.link.handle_signal(self.now, Message::Update(others));
                }
                None => {
                    let action = LeaveAction::Reconnect;
                    chair
                        .link
                        .resume_failed(self.now, SignalFailure::Left { action });
                }
            },
        }
    }

    pub(super) fn deliver(&mut self, output: Output) {
        match output {
            Output::Transmit { to, bytes } => {
                let server = SERVER.parse().unwrap();
                for seat in self.seats.iter_mut().filter(|seat| !seat.media_cut) {
                    if let Some((transport, local)) = seat.sockets.filter(|(_, local)| *local == to)
                    {
                        seat.link
                            .handle_datagram(self.now, transport, local, server, &bytes);
                    }
                }
            }
            Output::Signal { session, frame } => {
                let message = proto::SignalResponse::decode(&*frame)
                    .unwrap()
                    .message
                    .unwrap();
                if let Some(seat) = self
                    .seats
                    .iter_mut()
                    .find(|seat| seat.session == Some(session))
                    && !seat.signal_cut
                {
                    if let Message::Join(response) = message {
                        seat.link.joined(self.now, response);
                    } else {
                        seat.link.handle_signal(self.now, message);
                    }
                }
            }
            Output::CloseSignal { session } => {
                if let Some(seat) = self
                    .seats
                    .iter_mut()
                    .find(|seat| seat.session == Some(session))
                {
                    seat.session = None;
                    seat.link.signal_closed(self.now, "closed by the server");
                }
            }
            Output::Event(Event::TrackAudio { payload, .. }) => self.server_heard.push(payload[0]),
            Output::Event(_) => {}
        }
    }
}
