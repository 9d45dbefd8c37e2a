//! `livekit-signaling`, met in one place: its options, its habits, its errors.

use std::net::IpAddr;
use std::time::Duration;

use livekit_protocol as proto;
use livekit_signaling::{SignalClient, SignalError, SignalEvents, SignalOptions, SignalResult};

use proto::signal_request::Message as Said;

use super::CLOSE_MAX;
use crate::config::LiveKitUrl;
use crate::livekit::SignalFailure;

/// How long the TCP, TLS and WebSocket handshakes may take.
const CONNECT_MAX: Duration = Duration::from_millis(2500);
/// How long one attempt may take in all.
const ATTEMPT_MAX: Duration = Duration::from_secs(5);
/// And on Cloud, where other regions are tried in between.
const ATTEMPT_CLOUD_MAX: Duration = Duration::from_secs(20);
/// How long the server's name may take to resolve.
const LOOK_UP_MAX: Duration = Duration::from_secs(1);
/// Of what a server says about a refusal, in characters.
const DETAIL_MAX: usize = 200;
/// The domain of LiveKit Cloud.
const CLOUD: &str = ".livekit.cloud";
/// The signalling that is spoken: room moves are announced, no packet trailers, no negotiated data channels.
const PROTOCOL: u32 = 16;

/// A connection, or what was one: a session can be resumed on it.
pub(super) struct Connection {
    pub(super) client: SignalClient,
    pub(super) events: SignalEvents,
}

/// Joins with a token.
pub(super) async fn connect(
    url: &LiveKitUrl,
    token: &str,
) -> Result<(Connection, proto::JoinResponse), SignalFailure> {
    let is_cloud = url.host().ends_with(CLOUD);
    let address = url.to_string();
    let connecting = SignalClient::connect(&address, token, options(is_cloud), None);
    let attempt_max = if is_cloud {
        ATTEMPT_CLOUD_MAX
    } else {
        ATTEMPT_MAX
    };
    let (client, response, events) = within(attempt_max, connecting).await?;
    Ok((Connection { client, events }, response))
}

/// Resumes the session of this connection.
pub(super) async fn restart(
    client: &SignalClient,
    reason: proto::ReconnectReason,
) -> Result<proto::ReconnectResponse, SignalFailure> {
    within(ATTEMPT_MAX, client.restart(reason)).await
}

/// Leaves the room and closes the connection.
pub(super) async fn leave(client: SignalClient) {
    let leave = proto::LeaveRequest {
        reason: proto::DisconnectReason::ClientInitiated.into(),
        action: proto::leave_request::Action::Disconnect.into(),
        ..Default::default()
    };
    let good_bye = async {
        client.send(Said::Leave(leave)).await;
        client.close().await;
    };
    let _ = tokio::time::timeout(CLOSE_MAX, good_bye).await;
}

/// The crate's clock divides by the ping interval and its resume wants our sid: a server that sends neither is not one.
pub(super) fn is_sound(response: &proto::JoinResponse) -> bool {
    response.ping_interval > 0 && response.ping_timeout > 0 && response.participant.is_some()
}

/// The addresses behind the server's name; none when it does not resolve in time.
pub(super) async fn look_up(url: &LiveKitUrl) -> Vec<IpAddr> {
    if let Some(ip) = url.ip() {
        return vec![ip];
    }
    let found = tokio::net::lookup_host((url.host(), url.port()));
    match tokio::time::timeout(LOOK_UP_MAX, found).await {
        Ok(Ok(found)) => found.map(|address| address.ip()).collect(),
        Ok(Err(_)) | Err(_) => Vec::new(),
    }
}

fn options(region_failover: bool) -> SignalOptions {
    let mut options = SignalOptions::default();
    options.auto_subscribe = false;
    options.adaptive_stream = false;
    options.protocol_version = PROTOCOL;
    options.client_capabilities = Vec::new();
    options.client_protocol = 0;
    options.region_failover = region_failover;
    options.connect_timeout = CONNECT_MAX;
    options.sdk_options.sdk_version = Some(env!("CARGO_PKG_VERSION").to_owned());
    options
}

async fn within<T>(
    limit: Duration,
    attempt: impl Future<Output = SignalResult<T>>,
) -> Result<T, SignalFailure> {
    match tokio::time::timeout(limit, attempt).await {
        Ok(result) => result.map_err(failure),
        Err(_) => Err(SignalFailure::TimedOut),
    }
}

#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "the crate adds to its errors; what they have in common is that there is no connection"
)]
fn failure(error: SignalError) -> SignalFailure {
    let refused = |status: u16, detail: String| SignalFailure::Refused {
        status,
        detail: without_tokens(&detail),
    };
    match error {
        SignalError::Client(status, detail) | SignalError::Server(status, detail) => {
            refused(status.as_u16(), detail)
        }
        SignalError::Handshake { status } => refused(status.as_u16(), String::new()),
        SignalError::LeaveRequest { action, .. } => SignalFailure::Left { action },
        SignalError::Timeout(_) => SignalFailure::TimedOut,
        SignalError::Connection(reason) => {
            let plain = reason.trim_start_matches("IO error: ");
            SignalFailure::Unreachable(plain.to_owned())
        }
        error => SignalFailure::Unreachable(error.to_string()),
    }
}

/// A server repeats the token that it refuses; people are shown the rest.
fn without_tokens(detail: &str) -> String {
    let words = detail.split_whitespace();
    let shown: Vec<&str> = words.filter(|word| !word.starts_with("eyJ")).collect();
    shown.join(" ").chars().take(DETAIL_MAX).collect()
}
