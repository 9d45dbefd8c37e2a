//! The LiveKit server, where one has the rooms: its address, its certificate, the key, the clocks.
//!
//! ```text
//! address -> DNS, TCP -> TLS and the key (its API) -> its clock -> a real connection by UDP
//! ```
//! The first that fails is the last that is looked at. Limits: DNS as the system does, then [`CONNECT_MAX`] an address.

use std::{
    env,
    net::{IpAddr, SocketAddr, TcpStream, ToSocketAddrs as _},
    time::Duration,
};

use tokio::runtime::Builder;

use super::media;
use crate::{
    actors::{
        bridge::{RoomError, RoomKeeper, ServerConfig},
        clock, random,
    },
    check::Finding,
    config::{Config, LiveKitUrl, Secret},
    net::reach,
};

/// How long a connection may take.
const CONNECT_MAX: Duration = Duration::from_secs(5);
/// The name of this look on the server.
const NODE: &str = "check";
/// Addresses of one host that are tried.
const ADDRESSES_MAX: usize = 3;
/// Clocks that differ by more are worth a look, and make tokens useless, in milliseconds: LiveKit forgives a minute.
const CLOCK_OFF_MS: (u64, u64) = (30_000, 60_000);

/// Everything about the rooms.
pub(super) fn rooms(config: &Config) -> Vec<Finding> {
    let livekit = &config.livekit;
    let (Some(url), Some(key)) = (&livekit.url, &livekit.key) else {
        return vec![Finding::Good(
            "Rooms are served by the switch itself.".into(),
        )];
    };
    let mut findings = vec![
        encryption(url),
        for_browsers(
            livekit.public_url.as_ref().unwrap_or(url),
            config.http.public_url.as_deref(),
        ),
    ];
    match connects(url) {
        Ok(reached) => {
            findings.push(Finding::Good(reached));
            findings.extend(answers(url, key));
        }
        Err(why) => findings.push(Finding::Wrong(why)),
    }
    let own = config.http.public_url.as_deref();
    findings.push(Finding::Good(format!(
        "LiveKit's webhooks cannot be tried from here. To use them, name {}/livekit/webhook in the server's webhook.urls.",
        own.unwrap_or("https://YOUR-HOST")
    )));
    findings
}

fn encryption(url: &LiveKitUrl) -> Finding {
    if url.is_tls() || is_near(url) {
        Finding::Good(format!("LIVEKIT_URL is {url}."))
    } else {
        Finding::Warning(format!(
            "LIVEKIT_URL {url} is not encrypted, and tokens can be read on the way: use wss."
        ))
    }
}

fn for_browsers(url: &LiveKitUrl, pages: Option<&str>) -> Finding {
    let pages_are_safe = pages.is_some_and(|pages| pages.starts_with("https://"));
    if pages_are_safe && !url.is_tls() {
        return Finding::Wrong(format!(
            "Browsers are sent to {url}, but a page from {} may use wss only: set LIVEKIT_PUBLIC_URL.",
            pages.unwrap_or_default()
        ));
    }
    if pages.is_some() && is_this_machine(url) {
        return Finding::Warning(format!(
            "Browsers are sent to {url}, which is this machine only for browsers on it: set LIVEKIT_PUBLIC_URL."
        ));
    }
    Finding::Good(format!("Browsers are sent to {url}."))
}

/// Whether nobody in between can listen.
fn is_near(url: &LiveKitUrl) -> bool {
    is_this_machine(url) || url.ip().and_then(reach::unreachable).is_some()
}

fn is_this_machine(url: &LiveKitUrl) -> bool {
    url.host() == "localhost" || url.ip().is_some_and(|ip: IpAddr| ip.is_loopback())
}

/// Opens a TCP connection, unless a proxy stands in between. Gives a sentence either way.
fn connects(url: &LiveKitUrl) -> Result<String, String> {
    if let Some(proxy) = proxy_for(url, |name| env::var(name).ok()) {
        return Ok(format!("{url} is reached through the proxy in {proxy}."));
    }
    let (host, port) = (url.host(), url.port());
    let found = (host.as_str(), port).to_socket_addrs();
    let found: Vec<SocketAddr> = found
        .map_err(|error| {
            format!("The host of LIVEKIT_URL, {host}, has no address ({error}). Is the name right, and DNS?")
        })?
        .take(ADDRESSES_MAX)
        .collect();
    let mut why = "it has no address".to_owned();
    for address in &found {
        match TcpStream::connect_timeout(address, CONNECT_MAX) {
            Ok(_) => return Ok(format!("{url} can be reached (TCP to {address}).")),
            Err(error) => why = format!("TCP to {address}: {error}"),
        }
    }
    Err(format!(
        "LIVEKIT_URL {url} cannot be reached ({why}). Is LiveKit running, and TCP port {port} open from here?"
    ))
}

/// The variable that names a proxy for this server.
fn proxy_for(url: &LiveKitUrl, variable: impl Fn(&str) -> Option<String>) -> Option<&'static str> {
    let set = |name: &str| variable(name).filter(|value| !value.is_empty());
    let host = url.host();
    let spared = set("NO_PROXY")
        .or_else(|| set("no_proxy"))
        .unwrap_or_default();
    let is_spared = spared.split(',').map(str::trim).any(|name| {
        let name = name.trim_start_matches('.');
        name == "*" || (!name.is_empty() && (host == name || host.ends_with(&format!(".{name}"))))
    });
    let names = if url.is_tls() {
        ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"]
    } else {
        ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"]
    };
    names
        .into_iter()
        .find(|name| !is_spared && set(name).is_some())
}

/// What LiveKit's API says to our key.
fn answers(url: &LiveKitUrl, (key, secret): &(String, Secret)) -> Vec<Finding> {
    let runtime = match Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return vec![Finding::Wrong(format!("No runtime: {error}."))],
    };
    let server = ServerConfig {
        url: url.clone(),
        api_key: key.clone(),
        api_secret: secret.0.clone(),
        node: NODE.to_owned(),
    };
    runtime.block_on(ask(server))
}

async fn ask(server: ServerConfig) -> Vec<Finding> {
    let (key, secret) = (&server.api_key, &server.api_secret);
    let keeper = RoomKeeper::new(&server.url, key, secret, NODE);
    let mut findings = match keeper.rooms().await {
        Ok(rooms) => vec![Finding::Good(format!(
            "LiveKit takes the API key and its secret (rooms open there: {}).",
            rooms.len()
        ))],
        Err(error) => {
            let url = server.url.clone();
            let by_link = match &error {
                // Whoever joins is told more.
                RoomError::Unreadable(_) => media::refusal(server, &keeper).await,
                RoomError::Refused(_) | RoomError::Unreachable(_) | RoomError::Failed(_) => None,
            };
            return vec![Finding::Wrong(
                by_link.unwrap_or_else(|| why_refused(&url, &error)),
            )];
        }
    };
    let room = format!("check-{:016x}", random::u64());
    let asked_ms = clock::unix_ms();
    let theirs_ms = keeper.clock_ms(&room).await;
    // The answer took a while; the room was made somewhere in between.
    let ours_ms = asked_ms + clock::unix_ms().saturating_sub(asked_ms) / 2;
    match theirs_ms {
        Ok(theirs_ms) => {
            findings.push(clocks(ours_ms, theirs_ms));
            findings.push(media::gets_through(server, &keeper, &room).await);
        }
        Err(error) => {
            findings.push(Finding::Wrong(format!(
                "No room could be made on LiveKit: {error}."
            )));
        }
    }
    findings
}

fn clocks(ours_ms: u64, theirs_ms: u64) -> Finding {
    let apart_ms = ours_ms.abs_diff(theirs_ms);
    let apart_s = apart_ms / 1000;
    let which = if ours_ms > theirs_ms {
        "ahead of"
    } else {
        "behind"
    };
    if apart_ms > CLOCK_OFF_MS.1 {
        Finding::Wrong(format!(
            "The clock of this machine is {apart_s} s {which} LiveKit's: tokens are refused as too old or too new. Set it by NTP."
        ))
    } else if apart_ms > CLOCK_OFF_MS.0 {
        Finding::Warning(format!(
            "The clock of this machine is {apart_s} s {which} LiveKit's; at a minute, tokens are refused. Set it by NTP."
        ))
    } else {
        Finding::Good("LiveKit's clock and ours agree.".into())
    }
}

/// What a person can do about it.
fn why_refused(url: &LiveKitUrl, error: &RoomError) -> String {
    match error {
        RoomError::Refused(why) if why.contains("(exp)") || why.contains("(nbf)") => format!(
            "LiveKit says that our tokens are not of its time ({why}): the clock of this machine or of LiveKit is wrong."
        ),
        RoomError::Refused(why) => format!(
            "LiveKit refuses the API key ({why}): LIVEKIT_API_KEY or LIVEKIT_API_SECRET is not that of {url}."
        ),
        RoomError::Unreachable(why) => unreachable(url, why),
        RoomError::Unreadable(why) => format!(
            "What answers at {url} is not LiveKit ({why}). Is the host right, and the port?"
        ),
        RoomError::Failed(_) => format!("{error}."),
    }
}

/// TLS speaks in riddles.
fn unreachable(url: &LiveKitUrl, why: &str) -> String {
    let said = |words: &str| why.contains(words);
    let meaning = if said("UnknownIssuer") || said("CaUsedAsEndEntity") {
        "its certificate is signed by nobody whom this machine trusts; a private authority belongs into the system's certificates"
    } else if said("Expired") {
        "its certificate has expired"
    } else if said("NotValidForName") || said("not valid for") {
        "its certificate is for another name"
    } else if said("NotValidYet") {
        "its certificate is not valid yet, or our clock is wrong"
    } else if said("InvalidContentType") || said("InvalidMessage") {
        "it does not speak TLS there: is it ws:// instead of wss://?"
    } else if !url.is_tls() && (said("HTTP version") || said("closed before")) {
        "it does not speak HTTP there: is it wss:// instead of ws://?"
    } else {
        "no answer"
    };
    format!("LiveKit at {url} cannot be used: {meaning} ({why}).")
}

#[cfg(test)]
#[path = "livekit_tests.rs"]
mod tests;
