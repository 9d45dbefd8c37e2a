//! Who may call.

use crate::{
    app,
    check::Finding,
    config::{Config, TwilioMode},
    sip::{
        digest::Login,
        sdp::SrtpRule,
        trunk::{Reach, Trunk},
    },
};

pub(super) fn who_may_call(config: &Config) -> Vec<Finding> {
    let trunks = match app::trunks(config) {
        Err(error) => return vec![Finding::Wrong(format!("Who may call: {error:#}."))],
        Ok(trunks) => trunks,
    };
    let mut findings: Vec<Finding> = trunks
        .of_tables(config.sip.trunks.len())
        .map(trunk)
        .collect();
    if !config.sip.allow.trim().is_empty() {
        findings.push(Finding::Good(format!(
            "SIP_ALLOW admits {} without a login.",
            config.sip.allow
        )));
    } else if findings.is_empty() {
        findings.push(Finding::Warning(
            "SIP_ALLOW is not set and there is no [[trunk]]: only this machine, and calls that bring a token of our own TwiML, may \
             call by SIP."
                .into(),
        ));
    }
    findings
}

/// Shorter passwords fall to somebody who has seen one answer: hashing is fast.
const PASSWORD_CHARS_MIN: usize = 12;

fn trunk(trunk: &Trunk) -> Finding {
    let from = match &trunk.reach {
        Reach::Listed(allow) => format!("{} ranges of addresses", allow.len()),
        Reach::Anywhere => "anywhere".to_owned(),
    };
    let login = if trunk.login.is_some() {
        let algorithms = trunk.algorithms.iter().map(|algorithm| algorithm.token());
        let algorithms: Vec<&str> = algorithms.collect();
        format!("with its login ({})", algorithms.join(", "))
    } else {
        "without a login".to_owned()
    };
    let calls = match trunk.calls_max {
        Some(max) => format!("{max} calls at once"),
        None => "any number of calls".to_owned(),
    };
    let name = &trunk.name;
    let audio = match trunk.media.srtp {
        SrtpRule::Off => " Its audio is never encrypted.",
        SrtpRule::Offered | SrtpRule::Preferred => "",
        SrtpRule::Required => " Its audio must be encrypted.",
    };
    let dialled = trunk.dial.as_ref().map_or(String::new(), |dial| {
        let hop = dial.hop();
        format!(
            " It is dialled at {}, port {}, {}.",
            hop.host,
            hop.port,
            hop.transport.token()
        )
    });
    let admits = match &trunk.reach {
        Reach::Listed(allow) if allow.is_empty() => {
            format!("Trunk {name} sends no calls.{dialled}{audio}")
        }
        Reach::Listed(_) | Reach::Anywhere => {
            format!("Trunk {name} admits {calls} from {from} {login}.{dialled}{audio}")
        }
    };
    let is_open = matches!(&trunk.reach, Reach::Listed(allow) if allow.holds_everybody())
        && trunk.login.is_none();
    let is_weak = |login: &Login| login.password.chars().count() < PASSWORD_CHARS_MIN;
    if is_open {
        Finding::Warning(format!("{admits} That is everybody in the world."))
    } else if trunk.login.as_ref().is_some_and(is_weak) {
        Finding::Warning(format!(
            "{admits} Its password is short: take {PASSWORD_CHARS_MIN} characters or more."
        ))
    } else {
        Finding::Good(admits)
    }
}

pub(super) fn twilio(config: &Config) -> Finding {
    if config.twilio.mode == TwilioMode::Stream {
        return twilio_by_stream(config);
    }
    let set = (
        &config.twilio.auth_token,
        &config.http.public_url,
        &config.twilio.sip_domain,
        config.sip.public_ip.first(),
    );
    match set {
        (None, ..) => Finding::Warning(
            "TWILIO_AUTH_TOKEN is not set: Twilio's webhooks are refused. A SIP trunk works without it.".into(),
        ),
        (Some(_), None, ..) => Finding::Wrong(
            "TWILIO_AUTH_TOKEN is set but PUBLIC_URL is not: signatures cannot be checked behind a proxy, and call-backs need it.".into(),
        ),
        (Some(_), Some(_), None, None) => Finding::Warning(
            "LIVEKIT_SIP_DOMAIN is not set: Twilio is told to call the host of PUBLIC_URL by SIP.".into(),
        ),
        (Some(_), Some(_), _, _) => Finding::Good("Twilio's webhooks are answered with calls by SIP. Where no UDP gets in, TWILIO_MODE=stream.".into()),
    }
}

fn twilio_by_stream(config: &Config) -> Finding {
    match (&config.twilio.auth_token, config.http.public_url.as_deref()) {
        (None, _) => Finding::Wrong(
            "TWILIO_MODE is stream but TWILIO_AUTH_TOKEN is not set: no stream can prove that it is Twilio's.".into(),
        ),
        (Some(_), Some(url)) if url.starts_with("https://") => Finding::Good(
            "Twilio's webhooks are answered with Media Streams: calls come over a WebSocket on PORT and need no UDP. Where UDP gets in, \
             TWILIO_MODE=sip has less delay."
                .into(),
        ),
        (Some(_), _) => Finding::Wrong(
            "TWILIO_MODE is stream but PUBLIC_URL is not an https:// address: Twilio opens wss:// alone.".into(),
        ),
    }
}
