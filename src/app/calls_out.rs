//! From the settings to the rules for calls out, and the actor that asks Twilio for them.

use std::time::Duration;

use actix::{Actor, Addr, Arbiter};

use crate::{
    actors::{
        message::{RequestsUp, TwilioUp},
        switchboard::Switchboard,
        twilio_calls::{TwilioCalls, TwilioCallsConfig},
    },
    config::Config,
    domain::calls_out::{CallsOut, Transfers},
    twilio::calls::Account,
};

/// How long whom we call has to answer.
const RING: Duration = Duration::from_secs(45);
/// How much later a call is given up of which no line says anything: Twilio dials us by SIP after the answer.
const RING_SLACK: Duration = Duration::from_secs(20);

/// How long Twilio has to hear that nobody waits any more.
const TOLD_MAX: Duration = Duration::from_secs(3);

/// The rules for calls out.
pub(crate) fn rules(config: &Config) -> CallsOut {
    let by_trunk = dials_by_trunk(config);
    // A trunk goes first: Twilio is asked only where there is none.
    let by_twilio = twilio(config).is_some();
    let ring = if by_trunk {
        Duration::from_secs(config.sip.dial_timeout_s.into())
    } else {
        RING
    };
    CallsOut {
        has_way: by_trunk || by_twilio,
        allow: config.calls_out.allow.clone(),
        own_number: config.twilio.caller_id.clone(),
        needs_own_number: by_twilio && !by_trunk,
        calls_max: config.calls_out.calls_max,
        ring_ms_max: i64::try_from((ring + RING_SLACK).as_millis()).unwrap_or(i64::MAX),
        transfers: Transfers {
            by_line: true,
            by_carrier: by_twilio,
        },
        help_lines: config.calls_out.help_lines.clone(),
    }
}

/// Whether a trunk takes calls of ours.
pub(super) fn dials_by_trunk(config: &Config) -> bool {
    config.sip.trunks.iter().any(|trunk| trunk.dial.is_some())
}

/// Starts the actor that asks Twilio for calls, where the settings say enough for it.
pub(super) fn start(
    config: &Config,
    new_thread: impl FnOnce() -> Arbiter,
    switchboard: &Addr<Switchboard>,
) -> anyhow::Result<Option<Addr<TwilioCalls>>> {
    let Some(settings) = twilio(config) else {
        return Ok(None);
    };
    let client = TwilioCalls::client()?;
    let switchboard = switchboard.clone();
    let to = switchboard.clone();
    let api = TwilioCalls::start_in_arbiter(&new_thread().handle(), move |_| {
        TwilioCalls::new(settings, client, to)
    });
    switchboard.do_send(TwilioUp(api.clone()));
    Ok(Some(api))
}

/// Waits until Twilio has been told to stop ringing those whom nobody waits for any more.
pub(super) async fn stop(api: &Addr<TwilioCalls>) {
    let told = async {
        while api
            .send(RequestsUp)
            .await
            .is_ok_and(|requests| requests > 0)
        {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    if tokio::time::timeout(TOLD_MAX, told).await.is_err() {
        tracing::warn!("Twilio was not told in time to stop calling");
    }
}

/// Twilio asks us for TwiML once somebody answers, so it must know our address.
fn twilio(config: &Config) -> Option<TwilioCallsConfig> {
    let settings = &config.twilio;
    Some(TwilioCallsConfig {
        account: Account {
            sid: settings.account_sid.clone()?,
            api_url: settings.api_url.clone(),
        },
        auth_token: settings.auth_token.clone()?,
        public_url: config.http.public_url.clone()?,
        ring: RING,
    })
}
