//! From the settings to the trunks.

use anyhow::Context as _;

use crate::{
    config::{Config, TrunkConfig},
    sip::{
        digest::Login,
        sdp::SrtpRule,
        trunk::{FieldHeaders, MediaTable, Trunk, TrunkTable, Trunks},
    },
    twilio::twiml::SIP_USER,
};

/// The trunks that `SIP_ALLOW`, the `[[trunk]]` tables and `LIVEKIT_SIP_PASSWORD` make.
///
/// # Errors
/// Names the trunk or setting, and what is wrong with it.
pub(crate) fn trunks(config: &Config) -> anyhow::Result<Trunks> {
    let srtp = match &config.sip.srtp {
        Some(name) => SrtpRule::from_name(name).with_context(|| {
            format!("SRTP: `{name}` is none of off, offered, preferred, required")
        })?,
        None => SrtpRule::default(),
    };
    let mut tables = Vec::new();
    for trunk in &config.sip.trunks {
        let table = Trunk::new(table(trunk, config.sip.srtp.as_deref()))
            .with_context(|| format!("trunk `{}`", trunk.name))?;
        tables.push(table);
    }
    let twiml = config.twilio.sip_password.as_ref().map(|password| Login {
        user: SIP_USER.to_owned(),
        password: password.0.clone(),
    });
    let count = tables.len();
    Ok(Trunks::new(&config.sip.allow, tables, twiml)?.encrypted(count, srtp))
}

fn table(trunk: &TrunkConfig, srtp: Option<&str>) -> TrunkTable {
    let trunk = trunk.clone();
    let login = trunk.user.zip(trunk.password);
    TrunkTable {
        name: trunk.name,
        profile: trunk.profile,
        allow: trunk.allow,
        login: login.map(|(user, password)| Login {
            user,
            password: password.0,
        }),
        algorithms: trunk.digest,
        calls_max: trunk.max_calls,
        messages_per_second: trunk.messages_per_second,
        number: trunk.number,
        dial: trunk.dial,
        caller_id: trunk.caller_id,
        headers: FieldHeaders {
            caller: trunk.headers.caller,
            name: trunk.headers.name,
            called: trunk.headers.called,
            carrier_call: trunk.headers.call,
        },
        media: MediaTable {
            srtp: trunk.srtp.or_else(|| srtp.map(str::to_owned)),
            srtp_needs_tls: trunk.srtp_needs_tls,
            codecs: trunk.codecs,
            rtp_allow: trunk.rtp_allow,
        },
        tls_name: trunk.tls_name,
    }
}
