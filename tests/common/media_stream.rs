//! A stand-in for Twilio Media Streams: tells the switch of a call by a signed webhook, does what the TwiML says and nothing
//! else, and is a caller at the other end of the WebSocket.
//!
//! ```text
//! webhook -> TwiML -> <Connect><Stream> -> signed upgrade -> connected, start -> 20 ms every 20 ms -> stop
//! media -> buffer -> played 20 ms every 20 ms -> heard;   mark -> echoed when what lies before is played;   clear -> buffer empty
//! ```
//! Its buffer is what a real one is to the switch: what lies in it is heard later, or not at all.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use audioroad::actors::clock;
use audioroad::media::NB_FRAME;
use audioroad::media::g711::Law;
use audioroad::phone::{HeardFrame, Voice};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures_util::{SinkExt as _, StreamExt as _};
use hmac::{Hmac, Mac as _};
use serde_json::{Value, json};
use sha1::Sha1;
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};
use url::form_urlencoded;

use crate::ear::Listens;
use crate::switch::Switch;
use crate::twiml::Element;

pub(crate) const AUTH_TOKEN: &str = "an-auth-token-for-tests";
pub(crate) const ACCOUNT: &str = "AC00000000000000000000000000000001";
pub(crate) const INCOMING: &str = "/api/twilio-sip/incoming-call";
pub(crate) const STREAM: &str = "/api/twilio-sip/stream";

/// What a switch must be told to be called so.
pub(crate) const SETTINGS: [(&str, &str); 3] = [
    ("TWILIO_MODE", "stream"),
    ("TWILIO_AUTH_TOKEN", AUTH_TOKEN),
    ("TWILIO_ACCOUNT_SID", ACCOUNT),
];

const FRAME: Duration = Duration::from_millis(20);
/// Frames of which a record is kept: a minute.
const HEARD_MAX: usize = 3000;

pub(crate) type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;
type Params<'a> = &'a [(&'a str, &'a str)];

/// `X-Twilio-Signature`: HMAC-SHA1 over the address and the sorted form.
pub(crate) fn signature(auth_token: &str, url: &str, form: Params<'_>) -> String {
    let mut sorted = form.to_vec();
    sorted.sort_unstable();
    let mut mac = Hmac::<Sha1>::new_from_slice(auth_token.as_bytes()).expect("any key will do");
    mac.update(url.as_bytes());
    for (name, value) in sorted {
        mac.update(name.as_bytes());
        mac.update(value.as_bytes());
    }
    STANDARD.encode(mac.finalize().into_bytes())
}

/// A runtime for one thread.
pub(crate) fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime")
}

/// A name of Twilio's that no other call of this test has.
pub(crate) fn new_sid(kind: &str) -> String {
    static NAMES: AtomicU32 = AtomicU32::new(1);
    let number = NAMES.fetch_add(1, Ordering::Relaxed);
    format!("{kind}{number:032x}")
}

/// Posts a signed form; the answer's status and body.
pub(crate) async fn post(url: &str, form: Params<'_>) -> (u16, String) {
    let body = form_urlencoded::Serializer::new(String::new())
        .extend_pairs(form)
        .finish();
    let client = reqwest::Client::builder().no_proxy().build();
    let request = client
        .expect("a web client")
        .post(url)
        .header("Content-Type", "application/x-www-form-urlencoded")
        .header("X-Twilio-Signature", signature(AUTH_TOKEN, url, form))
        .body(body);
    let answer = request.send().await.expect("the switch answers by HTTP");
    let status = answer.status().as_u16();
    (status, answer.text().await.expect("the whole answer"))
}

/// What the switch says about a call that comes in.
pub(crate) async fn ask(switch_url: &str, call_sid: &str, from: &str) -> Element {
    let form = [
        ("CallSid", call_sid),
        ("AccountSid", ACCOUNT),
        ("From", from),
        ("To", "+15550100000"),
        ("CallStatus", "ringing"),
        ("Direction", "inbound"),
    ];
    let (status, twiml) = post(&format!("{switch_url}{INCOMING}"), &form).await;
    assert_eq!(status, 200, "{twiml}");
    Element::response(&twiml)
}

/// Opens the socket with this signature; the status where that is refused.
pub(crate) async fn open(url: &str, signature: &str) -> Result<Socket, u16> {
    let mut request = url.into_client_request().expect("an address");
    let header = signature.parse().expect("a header");
    request.headers_mut().insert("X-Twilio-Signature", header);
    match tokio_tungstenite::connect_async(request).await {
        Ok((socket, _)) => Ok(socket),
        Err(Error::Http(answer)) => Err(answer.status().as_u16()),
        Err(error) => panic!("{url}: {error}"),
    }
}

pub(crate) fn connected() -> Value {
    json!({"event": "connected", "protocol": "Call", "version": "1.0.0"})
}

pub(crate) fn start(stream_sid: &str, call_sid: &str, parameters: &[(String, String)]) -> Value {
    let parameters: serde_json::Map<String, Value> = parameters
        .iter()
        .map(|(name, value)| (name.clone(), json!(value)))
        .collect();
    json!({"event": "start", "sequenceNumber": "1", "streamSid": stream_sid, "start": {
        "accountSid": ACCOUNT, "streamSid": stream_sid, "callSid": call_sid, "tracks": ["inbound"],
        "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1},
        "customParameters": parameters}})
}

pub(crate) fn media(stream_sid: &str, chunk: u64, payload: &[u8]) -> Value {
    json!({"event": "media", "sequenceNumber": (chunk + 1).to_string(), "streamSid": stream_sid, "media": {
        "track": "inbound", "chunk": chunk.to_string(), "timestamp": ((chunk - 1) * 20).to_string(),
        "payload": STANDARD.encode(payload)}})
}

/// What the TwiML says about the stream: its address and parameters.
pub(crate) fn stream_of(twiml: &Element) -> (String, String, Vec<(String, String)>) {
    let stream = twiml.child("Connect").child("Stream");
    let url = stream.attribute("url");
    assert!(!url.contains('?'), "Twilio strips a query: {url}");
    let parameters = stream.children.iter().map(|parameter| {
        assert_eq!(parameter.name, "Parameter");
        let of = |name| parameter.attribute(name).to_owned();
        (of("name"), of("value"))
    });
    let callback = stream.attribute("statusCallback").to_owned();
    (url.to_owned(), callback, parameters.collect())
}

/// How a call ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum StreamEnd {
    /// The caller hung up.
    Caller,
    /// The switch closed the socket, and the TwiML behind it hung up.
    Switch {
        /// Code of the close frame.
        code: u16,
    },
    /// The connection broke.
    Lost,
}

#[derive(Debug)]
enum Order {
    HangUp,
    Press(char),
    /// Breaks the connection without a word.
    Break,
    SetSending(bool),
    SetReading(bool),
}

#[derive(Default)]
struct Status {
    frames: VecDeque<HeardFrame>,
    heard: u64,
    /// Frames that were sent to be played and cleared before.
    cleared: u64,
    clears: u64,
    end: Option<StreamEnd>,
}

#[derive(Default)]
struct Shared {
    status: Mutex<Status>,
    changed: Condvar,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Status> {
        self.status.lock().expect("the call's status")
    }

    fn wait<T>(
        &self,
        what: &str,
        within: Duration,
        ready: impl Fn(&Status) -> Option<T>,
    ) -> Result<T, String> {
        let deadline = clock::now() + within;
        let mut status = self.lock();
        loop {
            if let Some(found) = ready(&status) {
                return Ok(found);
            }
            let left = deadline.saturating_duration_since(clock::now());
            if left.is_zero() {
                return Err(format!("no {what} within {within:?}; {:?}", status.end));
            }
            let waited = self.changed.wait_timeout(status, left);
            status = waited.expect("the call's status").0;
        }
    }
}

/// A caller on a Media Stream.
pub(crate) struct StreamCall {
    pub(crate) call_sid: String,
    pub(crate) stream_sid: String,
    orders: mpsc::UnboundedSender<Order>,
    shared: Arc<Shared>,
}

impl StreamCall {
    /// Calls the switch from a number; the TwiML must connect the call.
    pub(crate) fn place(switch: &Switch, from: &str, voice: impl Voice + 'static) -> Self {
        Self::place_buffered(switch, from, voice, 1)
    }

    /// The same, with a far end that plays nothing before it has so many frames.
    pub(crate) fn place_buffered(
        switch: &Switch,
        from: &str,
        voice: impl Voice + 'static,
        cushion: usize,
    ) -> Self {
        let (call_sid, stream_sid) = (new_sid("CA"), new_sid("MZ"));
        let (orders, inbox) = mpsc::unbounded_channel();
        let shared = Arc::<Shared>::default();
        let runtime = runtime();
        let driver = runtime.block_on(async {
            let twiml = ask(&switch.url(""), &call_sid, from).await;
            let (url, callback, parameters) = stream_of(&twiml);
            let verbs = twiml.verbs();
            assert_eq!(verbs.last(), Some(&"Hangup"), "the line would stay up");
            let mut socket = open(&url, &signature(AUTH_TOKEN, &url, &[]))
                .await
                .expect("the switch takes the stream");
            for frame in [connected(), start(&stream_sid, &call_sid, &parameters)] {
                let text = Message::text(frame.to_string());
                socket.send(text).await.expect("the frame is sent");
            }
            let driver = Driver {
                socket,
                callback,
                call_sid: call_sid.clone(),
                stream_sid: stream_sid.clone(),
                chunk: 0,
                voice: Box::new(voice),
                sends: true,
                reads: true,
                player: Player {
                    cushion,
                    ..Player::default()
                },
                shared: Arc::clone(&shared),
            };
            driver.tell("stream-started").await;
            driver
        });
        let run = move || runtime.block_on(driver.run(inbox));
        std::thread::Builder::new().spawn(run).expect("a thread");
        Self {
            call_sid,
            stream_sid,
            orders,
            shared,
        }
    }

    /// Waits for the next `frames` and gives them.
    pub(crate) fn listen(
        &self,
        frames: usize,
        within: Duration,
    ) -> Result<Vec<HeardFrame>, String> {
        let wanted = self.shared.lock().heard + frames as u64;
        self.shared.wait("audio", within, |status| {
            let skipped = status.frames.len().saturating_sub(frames);
            let last = status.frames.iter().skip(skipped).cloned();
            (status.heard >= wanted).then(|| last.collect())
        })
    }

    /// Everything heard since the last time.
    pub(crate) fn take_heard(&self) -> Vec<HeardFrame> {
        self.shared.lock().frames.drain(..).collect()
    }

    /// How often the switch had the buffer emptied.
    pub(crate) fn clears(&self) -> u64 {
        self.shared.lock().clears
    }

    pub(crate) fn wait_ended(&self, within: Duration) -> Result<StreamEnd, String> {
        self.shared.wait("end", within, |status| status.end)
    }

    pub(crate) fn hang_up(&self) {
        self.order(Order::HangUp);
    }

    pub(crate) fn press(&self, key: char) {
        self.order(Order::Press(key));
    }

    pub(crate) fn break_connection(&self) {
        self.order(Order::Break);
    }

    pub(crate) fn set_sending(&self, sends: bool) {
        self.order(Order::SetSending(sends));
    }

    pub(crate) fn set_reading(&self, reads: bool) {
        self.order(Order::SetReading(reads));
    }

    fn order(&self, order: Order) {
        // A call that is over takes no orders.
        let _ = self.orders.send(order);
    }
}

impl Listens for StreamCall {
    fn frames(&self, frames: usize, within: Duration) -> Result<Vec<HeardFrame>, String> {
        self.listen(frames, within)
    }
}

impl Drop for StreamCall {
    fn drop(&mut self) {
        self.hang_up();
    }
}

/// What Twilio has buffered, and where its playing is.
#[derive(Default)]
struct Player {
    buffer: VecDeque<Item>,
    /// Frames that must be there before the first is played.
    cushion: usize,
    /// When the audio that was played last ends.
    plays_until: Option<Instant>,
    played: u32,
}

enum Item {
    Audio(Vec<u8>),
    Mark(String),
}

impl Player {
    /// Plays what is due; gives what was heard, and marks that were reached.
    fn advance(&mut self, now: Instant) -> (Vec<HeardFrame>, Vec<String>) {
        let (mut heard, mut reached) = (Vec::new(), Vec::new());
        if self.buffer.len() < self.cushion {
            return (heard, reached);
        }
        self.cushion = 0;
        while let Some(item) = self.buffer.front() {
            let is_playing = self.plays_until.is_some_and(|until| until > now);
            if is_playing {
                break;
            }
            match item {
                Item::Mark(name) => reached.push(name.clone()),
                Item::Audio(payload) => {
                    // What comes in time follows without a gap; what comes late is heard late.
                    let at = self
                        .plays_until
                        .filter(|until| now.duration_since(*until) < FRAME)
                        .unwrap_or(now);
                    self.plays_until = Some(at + FRAME);
                    heard.push(HeardFrame {
                        sequence: self.played as u16,
                        timestamp: self.played * NB_FRAME as u32,
                        at,
                        samples: Law::Mu.decode_frame(payload),
                    });
                    self.played += 1;
                }
            }
            self.buffer.pop_front();
        }
        (heard, reached)
    }

    fn clear(&mut self) -> (u64, Vec<String>) {
        let mut dropped = 0;
        let marks = self.buffer.drain(..).filter_map(|item| match item {
            Item::Mark(name) => Some(name),
            Item::Audio(_) => {
                dropped += 1;
                None
            }
        });
        let marks = marks.collect();
        (dropped, marks)
    }
}

struct Driver {
    socket: Socket,
    callback: String,
    call_sid: String,
    stream_sid: String,
    chunk: u64,
    voice: Box<dyn Voice>,
    sends: bool,
    reads: bool,
    player: Player,
    shared: Arc<Shared>,
}

impl Driver {
    async fn run(mut self, mut inbox: mpsc::UnboundedReceiver<Order>) {
        let end = self.serve(&mut inbox).await;
        self.shared.lock().end = Some(end);
        self.shared.changed.notify_all();
        if end != StreamEnd::Lost {
            self.tell("stream-stopped").await;
        }
    }

    async fn serve(&mut self, inbox: &mut mpsc::UnboundedReceiver<Order>) -> StreamEnd {
        let mut ticks = tokio::time::interval(FRAME);
        loop {
            tokio::select! {
                _ = ticks.tick() => {
                    self.play().await;
                    if self.sends {
                        self.speak().await;
                    }
                }
                order = inbox.recv() => match order {
                    Some(Order::HangUp) | None => {
                        let stop = json!({"event": "stop", "streamSid": self.stream_sid, "stop": {
                            "accountSid": ACCOUNT, "callSid": self.call_sid}});
                        self.send(&stop).await;
                        self.socket.close(None).await.ok();
                        return StreamEnd::Caller;
                    }
                    Some(Order::Press(key)) => {
                        let key = json!({"event": "dtmf", "streamSid": self.stream_sid,
                            "dtmf": {"track": "inbound_track", "digit": key.to_string()}});
                        self.send(&key).await;
                    }
                    Some(Order::Break) => return StreamEnd::Lost,
                    Some(Order::SetSending(sends)) => self.sends = sends,
                    Some(Order::SetReading(reads)) => self.reads = reads,
                },
                message = self.socket.next(), if self.reads => match message {
                    Some(Ok(Message::Text(text))) => self.take(&text).await,
                    Some(Ok(Message::Close(frame))) => {
                        let code = frame.map_or(0, |frame| frame.code.into());
                        // tungstenite answers the close when it is read on.
                        while self.socket.next().await.is_some_and(|more| more.is_ok()) {}
                        return StreamEnd::Switch { code };
                    }
                    Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                    Some(Ok(other)) => panic!("Twilio takes text alone: {other:?}"),
                    Some(Err(_)) | None => return StreamEnd::Lost,
                },
            }
        }
    }

    async fn send(&mut self, frame: &Value) {
        // A socket that is closed says so when it is read.
        self.socket
            .send(Message::text(frame.to_string()))
            .await
            .ok();
    }

    async fn speak(&mut self) {
        self.chunk += 1;
        let payload = Law::Mu.encode_frame(&self.voice.speak());
        let frame = media(&self.stream_sid, self.chunk, &payload);
        self.send(&frame).await;
    }

    async fn play(&mut self) {
        let (heard, reached) = self.player.advance(clock::now());
        if !heard.is_empty() {
            let mut status = self.shared.lock();
            status.heard += heard.len() as u64;
            status.frames.extend(heard);
            let surplus = status.frames.len().saturating_sub(HEARD_MAX);
            status.frames.drain(..surplus);
            self.shared.changed.notify_all();
        }
        self.echo(reached).await;
    }

    async fn echo(&mut self, marks: Vec<String>) {
        for name in marks {
            let mark =
                json!({"event": "mark", "streamSid": self.stream_sid, "mark": {"name": name}});
            self.send(&mark).await;
        }
    }

    /// Takes a frame of the switch's; Twilio ends the stream at any other (error 31924).
    async fn take(&mut self, text: &str) {
        let frame: Value = serde_json::from_str(text).expect("JSON");
        assert_eq!(frame["streamSid"], self.stream_sid, "{frame}");
        self.play().await;
        match frame["event"].as_str() {
            Some("media") => {
                let payload = frame["media"]["payload"].as_str().expect("a payload");
                let payload = STANDARD.decode(payload).expect("base64");
                assert_eq!(payload.len(), NB_FRAME);
                self.player.buffer.push_back(Item::Audio(payload));
            }
            Some("mark") => {
                let name = frame["mark"]["name"].as_str().expect("a name");
                self.player.buffer.push_back(Item::Mark(name.to_owned()));
            }
            Some("clear") => {
                let (dropped, marks) = self.player.clear();
                {
                    let mut status = self.shared.lock();
                    status.cleared += dropped;
                    status.clears += 1;
                }
                self.echo(marks).await;
            }
            _ => panic!("Twilio takes media, mark and clear alone: {frame}"),
        }
        self.play().await;
    }

    /// The status call-back of the stream.
    async fn tell(&self, event: &str) {
        let form = [
            ("AccountSid", ACCOUNT),
            ("CallSid", self.call_sid.as_str()),
            ("StreamSid", self.stream_sid.as_str()),
            ("StreamEvent", event),
        ];
        let (status, answer) = post(&self.callback, &form).await;
        assert_eq!(status, 204, "{answer}");
    }
}

/// What was heard with the gaps between, at 8 kHz.
pub(crate) fn with_gaps(frames: &[HeardFrame]) -> Vec<f32> {
    let mut samples = Vec::new();
    let mut ends: Option<Instant> = None;
    for frame in frames {
        let gap = ends.map_or(Duration::ZERO, |end| {
            frame.at.saturating_duration_since(end)
        });
        let silent = samples.len() + (gap.as_micros() as usize * 8 / 1000);
        samples.resize(silent, 0.0);
        samples.extend(frame.samples);
        ends = Some(frame.at + FRAME);
    }
    samples
}
