//! Who may call.

use crate::{check::Finding, config::Config, sip::trunk::Allow};

pub(super) fn who_may_call(config: &Config) -> Finding {
    match Allow::parse(&config.sip.allow) {
        Err(error) => Finding::Wrong(format!("SIP_ALLOW: {error}.")),
        Ok(_) if config.sip.allow.trim().is_empty() => Finding::Warning(
            "SIP_ALLOW is not set: only this machine, and calls that bring a token of our own TwiML, may call by SIP.".into(),
        ),
        Ok(_) => Finding::Good(format!("SIP_ALLOW admits {}.", config.sip.allow)),
    }
}

pub(super) fn twilio(config: &Config) -> Finding {
    let set = (
        &config.twilio.auth_token,
        &config.http.public_url,
        &config.twilio.sip_domain,
        config.sip.public_ip,
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
        (Some(_), Some(_), _, _) => Finding::Good("Twilio's webhooks are answered.".into()),
    }
}
