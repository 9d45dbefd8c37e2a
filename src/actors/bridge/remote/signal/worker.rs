//! The task behind the WebSocket of one link.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;

use livekit_protocol as proto;
use livekit_signaling::SignalEvent;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::super::pass::TOKEN_TTL;
use super::super::site::RoomSite;
use super::client::{self, Connection};
use super::{CLOSE_MAX, FAREWELL_MAX, Heard, SEND_MAX, WISHES_MAX, Wish};
use crate::livekit::{RoomPass, SignalFailure};

/// Connects, resumes, sends and listens, one thing after the other.
pub(super) struct Worker {
    room: Rc<RoomSite>,
    pass: Rc<RefCell<RoomPass>>,
    inbox: Inbox,
    tell: mpsc::Sender<(u32, Heard)>,
    attempt: u32,
    connection: Option<Connection>,
    /// The connection was given up; what may still come on it is not heard.
    is_lost: bool,
    /// Former connections on their way out.
    closing: JoinSet<()>,
}

/// What has been asked for and not been done.
struct Inbox {
    wishes: mpsc::Receiver<(u32, Wish)>,
    backlog: VecDeque<(u32, Wish)>,
}

/// Why an attempt is not wanted any more.
enum CalledOff {
    ForAnother,
    ForGood,
}

/// What the worker woke up for.
enum Turn {
    Wish(u32, Wish),
    Event(Option<SignalEvent>),
    End,
}

impl Worker {
    pub(super) fn new(
        room: Rc<RoomSite>,
        pass: Rc<RefCell<RoomPass>>,
        wishes: mpsc::Receiver<(u32, Wish)>,
        tell: mpsc::Sender<(u32, Heard)>,
    ) -> Self {
        let backlog = VecDeque::new();
        Self {
            room,
            pass,
            inbox: Inbox { wishes, backlog },
            tell,
            attempt: 0,
            connection: None,
            is_lost: false,
            closing: JoinSet::new(),
        }
    }

    /// Until nobody can wish any more; what was wished before is still done.
    pub(super) async fn run(mut self) {
        loop {
            match self.turn().await {
                Turn::Wish(attempt, wish) => {
                    self.attempt = attempt;
                    self.fulfil(wish).await;
                }
                Turn::Event(Some(SignalEvent::Message(message))) => {
                    self.tell(Heard::Message(message)).await;
                }
                Turn::Event(Some(SignalEvent::Close(reason))) => {
                    self.tell(Heard::Closed(reason.into_owned())).await;
                }
                Turn::Event(None) => {
                    self.set_aside();
                    self.tell(Heard::Closed("it ended".to_owned())).await;
                }
                Turn::End => break,
            }
            while self.closing.try_join_next().is_some() {}
        }
        self.set_aside();
        while self.closing.join_next().await.is_some() {}
    }

    async fn turn(&mut self) -> Turn {
        if let Some((attempt, wish)) = self.inbox.backlog.pop_front() {
            return Turn::Wish(attempt, wish);
        }
        let events = async {
            match &mut self.connection {
                Some(connection) if !self.is_lost => connection.events.recv().await,
                Some(_) | None => std::future::pending().await,
            }
        };
        tokio::select! {
            wish = self.inbox.wishes.recv() => match wish {
                Some((attempt, wish)) => Turn::Wish(attempt, wish),
                None => Turn::End,
            },
            event = events => Turn::Event(event),
        }
    }

    async fn fulfil(&mut self, wish: Wish) {
        match wish {
            Wish::Join => self.join().await,
            Wish::Resume(reason) => self.resume(reason).await,
            Wish::Send(message) => self.send(*message).await,
            Wish::Reconnected => {
                if let Some(connection) = &self.connection {
                    let done = timeout(SEND_MAX, connection.client.set_reconnected()).await;
                    if done.is_err() {
                        self.lose("the server does not read").await;
                    }
                }
            }
            Wish::Disconnect => self.set_aside(),
        }
    }

    async fn join(&mut self) {
        self.set_aside();
        let pass = RoomPass {
            plan: self.room.plan(),
            ..self.pass.borrow().clone()
        };
        let token = match self.room.site.keys.sign(&pass, TOKEN_TTL) {
            Ok(token) => token,
            Err(error) => {
                let failure = SignalFailure::Unreachable(error.to_string());
                return self.tell(Heard::JoinFailed(failure)).await;
            }
        };
        let room = Rc::clone(&self.room);
        let mut attempt = Box::pin(async move {
            room.make().await;
            let url = &room.site.url;
            tokio::join!(client::connect(url, &token), client::look_up(url))
        });
        let (connected, hosts) = match self.inbox.unless_called_off(attempt.as_mut()).await {
            Ok(done) => done,
            Err(CalledOff::ForAnother) => return,
            Err(CalledOff::ForGood) => {
                // The server may have let us in already: dropped here, the participant would stay there for a while.
                self.closing.spawn_local(async move {
                    if let (Ok((connection, _)), _) = attempt.await {
                        client::leave(connection.client).await;
                    }
                });
                return;
            }
        };
        let heard = match connected {
            Ok((connection, response)) if client::is_sound(&response) => {
                self.connection = Some(connection);
                self.is_lost = false;
                Heard::Joined(Box::new(response), hosts)
            }
            Ok((connection, _)) => {
                self.close_aside(connection);
                let reason = "it answers, but not as a LiveKit server does".to_owned();
                Heard::JoinFailed(SignalFailure::Unreachable(reason))
            }
            Err(failure) => Heard::JoinFailed(failure),
        };
        self.tell(heard).await;
    }

    async fn resume(&mut self, reason: proto::ReconnectReason) {
        let Some(connection) = &mut self.connection else {
            let failure = SignalFailure::Unreachable("there is no session to resume".to_owned());
            return self.tell(Heard::ResumeFailed(failure)).await;
        };
        let attempt = client::restart(&connection.client, reason);
        let resumed = self.inbox.unless_called_off(attempt).await;
        // What there is to hear by now, its close included, was said on the connection that was given up.
        while connection.events.try_recv().is_ok() {}
        let Ok(resumed) = resumed else { return };
        self.is_lost = resumed.is_err();
        let heard = match resumed {
            Ok(response) => Heard::Resumed(Box::new(response)),
            Err(failure) => Heard::ResumeFailed(failure),
        };
        self.tell(heard).await;
    }

    async fn send(&mut self, message: proto::signal_request::Message) {
        let Some(connection) = &self.connection else {
            return;
        };
        if timeout(SEND_MAX, connection.client.send(message))
            .await
            .is_err()
        {
            self.lose("the server does not read").await;
        }
    }

    /// The connection is of no use any more; the session may be.
    async fn lose(&mut self, why: &str) {
        self.is_lost = true;
        self.tell(Heard::Closed(why.to_owned())).await;
    }

    fn set_aside(&mut self) {
        if let Some(connection) = self.connection.take() {
            self.close_aside(connection);
        }
    }

    /// A client that is merely dropped would stay connected. One that closes a socket with something unread in it resets the
    /// connection, and the server never reads our `Leave`: so the server, which closes after one, goes first.
    fn close_aside(&mut self, connection: Connection) {
        let Connection { client, mut events } = connection;
        self.closing.spawn_local(async move {
            let its_close =
                async { while let Some(SignalEvent::Message(_)) = events.recv().await {} };
            let _ = timeout(FAREWELL_MAX, its_close).await;
            let _ = timeout(CLOSE_MAX, client.close()).await;
        });
    }

    async fn tell(&self, heard: Heard) {
        // Nobody listens any more when the link is closed.
        let _ = self.tell.send((self.attempt, heard)).await;
    }
}

impl Inbox {
    /// What the work comes to, unless something is wished for meanwhile that makes it pointless.
    async fn unless_called_off<T>(
        &mut self,
        work: impl Future<Output = T>,
    ) -> Result<T, CalledOff> {
        tokio::pin!(work);
        loop {
            tokio::select! {
                done = &mut work => return Ok(done),
                wish = self.wishes.recv() => {
                    let Some((attempt, wish)) = wish else { return Err(CalledOff::ForGood) };
                    let called_off = match wish {
                        Wish::Join | Wish::Resume(_) => Some(CalledOff::ForAnother),
                        Wish::Disconnect => Some(CalledOff::ForGood),
                        Wish::Send(_) | Wish::Reconnected => None,
                    };
                    if self.backlog.len() < WISHES_MAX {
                        self.backlog.push_back((attempt, wish));
                    }
                    if let Some(called_off) = called_off {
                        return Err(called_off);
                    }
                }
            }
        }
    }
}
