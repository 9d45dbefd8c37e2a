//! Certificates of SIP over TLS: opened at the start, looked at again on SIGHUP and once a minute, their dates told in time.

use std::{sync::Arc, time::Duration};

use anyhow::Context as _;
use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    task::spawn_blocking,
};

use crate::{
    actors::{
        clock,
        health::{Certificates, Health},
        metrics::Metrics,
    },
    config::Config,
    domain::UnixMs,
    net::tls::{Pair, Reloaded, TlsClient, TlsServer},
};

/// Between two looks at the files.
const LOOK: Duration = Duration::from_secs(60);
/// Between two warnings about the same date.
const WARN_AGAIN_MS: i64 = 24 * 3600 * 1000;

/// The certificates to show, if any are set, and whom to trust.
///
/// # Errors
/// A file that cannot be used, by name.
pub(super) fn open(config: &Config) -> anyhow::Result<(Option<TlsServer>, TlsClient)> {
    let tls = &config.sip.tls;
    let server = match &tls.pairs[..] {
        [] => None,
        pairs => Some(TlsServer::open(pairs).context("SIP_TLS_CERT")?),
    };
    let client = TlsClient::open(tls.ca.as_deref()).context("SIP_TLS_CA")?;
    Ok((server, client))
}

/// Keeps the certificates as their files are. Without certificates SIGHUP still does no harm.
///
/// # Errors
/// SIGHUP cannot be heard.
#[expect(clippy::disallowed_methods, reason = "tasks are started here")]
pub(super) fn keep(
    server: Option<TlsServer>,
    health: Arc<Health>,
    metrics: Metrics,
) -> std::io::Result<()> {
    let hangup = signal(SignalKind::hangup())?;
    actix::spawn(Watch::new(server, health, metrics).run(hangup));
    Ok(())
}

struct Watch {
    server: Option<TlsServer>,
    health: Arc<Health>,
    metrics: Metrics,
    warned_at: Option<UnixMs>,
}

impl Watch {
    fn new(server: Option<TlsServer>, health: Arc<Health>, metrics: Metrics) -> Self {
        Self {
            server,
            health,
            metrics,
            warned_at: None,
        }
    }

    async fn run(mut self, mut hangup: Signal) {
        let Some(server) = self.server.clone() else {
            // Heard, so that it does not end the program.
            while hangup.recv().await.is_some() {}
            return;
        };
        let mut refused = None;
        loop {
            self.tell(&server.pairs(), refused.as_deref());
            let asked = tokio::select! {
                _ = hangup.recv() => true,
                () = tokio::time::sleep(LOOK) => false,
            };
            // A disk may be slow.
            let look = server.clone();
            match spawn_blocking(move || look.reload()).await {
                Ok(Reloaded::Changed) => {
                    refused = None;
                    self.warned_at = None;
                    tracing::info!("SIP over TLS shows new certificates");
                }
                Ok(Reloaded::Kept(error)) => {
                    tracing::error!(%error, "the new certificate cannot be used; the old one stays");
                    refused = Some(error.to_string());
                }
                Ok(Reloaded::Same) if asked => {
                    tracing::info!("the certificates of SIP over TLS are as they were");
                }
                Ok(Reloaded::Same) | Err(_) => {}
            }
        }
    }

    fn tell(&mut self, pairs: &[Pair], refused: Option<&str>) {
        let now = clock::utc();
        for pair in pairs {
            let expires = pair.not_after.0 / 1000;
            let gauge = &self.metrics.transports.certificate_expires;
            gauge.with_label_values(&[pair.kind.label()]).set(expires);
        }
        let Some(first) = pairs.iter().min_by_key(|pair| pair.not_after) else {
            return;
        };
        let state = Certificates::new(now, first.not_after, refused.map(str::to_owned));
        let due = self
            .warned_at
            .is_none_or(|at| now.since(at) >= WARN_AGAIN_MS);
        if due && let Some(note) = state.expiry_note(now) {
            tracing::warn!(file = %first.file.display(), "{note}");
            self.warned_at = Some(now);
        }
        self.health.set_certificates(Some(state));
    }
}
