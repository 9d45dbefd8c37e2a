//! Certificates of SIP over TLS.

use crate::{
    actors::{clock, health::Certificates},
    check::Finding,
    config::Config,
    domain::UnixMs,
    net::tls::{KeyKind, Pair, TlsClient},
};

/// Every pair, and whether those who call can use one of them.
pub(super) fn findings(config: &Config) -> Vec<Finding> {
    let tls = &config.sip.tls;
    let mut findings = Vec::new();
    let mut kinds = Vec::new();
    for (chain, key) in &tls.pairs {
        match Pair::open(chain, key) {
            Ok(pair) => {
                kinds.push(pair.kind);
                findings.push(dated(clock::utc(), &pair));
            }
            Err(error) => findings.push(Finding::Wrong(format!("SIP_TLS_CERT: {error}."))),
        }
    }
    let twilio = config.sip.allow.contains("twilio")
        || config
            .sip
            .trunks
            .iter()
            .any(|trunk| trunk.profile == "twilio");
    if twilio && !kinds.is_empty() && !kinds.contains(&KeyKind::Rsa) {
        findings.push(Finding::Warning(
            "Twilio connects by TLS to RSA certificates alone, and SIP_TLS_CERT has none. Add an RSA chain (certbot: --key-type rsa)."
                .into(),
        ));
    }
    if let Some(file) = &tls.ca
        && let Err(error) = TlsClient::open(Some(file))
    {
        findings.push(Finding::Wrong(format!("SIP_TLS_CA: {error}.")));
    }
    findings
}

fn dated(now: UnixMs, pair: &Pair) -> Finding {
    let (file, kind) = (pair.file.display(), pair.kind.label());
    let state = Certificates::new(now, pair.not_after, None);
    if !state.are_valid() {
        return Finding::Wrong(format!(
            "The certificate in {file} ({kind}) has expired: nobody can call over TLS. Renew it."
        ));
    }
    if pair.not_before > now {
        return Finding::Wrong(format!(
            "The certificate in {file} ({kind}) is not valid yet: is this machine's clock right?"
        ));
    }
    if let Some(note) = state.expiry_note(now) {
        return Finding::Warning(format!("{note} ({file}, {kind})"));
    }
    if pair.is_alone {
        return Finding::Warning(format!(
            "{file} holds the certificate alone, without the one that signed it: most peers cannot verify that. Use the full chain \
             (certbot: fullchain.pem)."
        ));
    }
    let days = pair.not_after.since(now) / (24 * 3600 * 1000);
    Finding::Good(format!(
        "SIP over TLS shows {file} ({kind}), good for {days} days."
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        config::Source,
        net::tls::testing::{Authority, KeyFile},
    };

    fn said(settings: Vec<(&'static str, String)>) -> String {
        let read = move |name: &str| {
            let found = settings.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| value.clone())
        };
        let config = Config::read(&Source::new("", read).unwrap()).unwrap();
        format!("{:?}", findings(&config))
    }

    fn of(pair: &(std::path::PathBuf, std::path::PathBuf)) -> Vec<(&'static str, String)> {
        vec![
            ("SIP_TLS_CERT", pair.0.display().to_string()),
            ("SIP_TLS_KEY", pair.1.display().to_string()),
        ]
    }

    #[test]
    fn a_certificate_is_judged_by_its_dates_its_chain_and_who_calls() {
        let dir = tempfile::tempdir().unwrap();
        let authority = Authority::new();
        let good = authority.issue(dir.path(), "good", KeyFile::Ecdsa);
        assert!(said(of(&good)).contains("good.pem (ECDSA), good for"));
        let old = authority.issue_until(dir.path(), "old", KeyFile::Ecdsa, (2020, 1, 1));
        assert!(said(of(&old)).contains("Wrong(\"The certificate in"));
        let mut twilio = of(&good);
        twilio.push(("SIP_ALLOW", "twilio".to_owned()));
        assert!(said(twilio).contains("RSA certificates alone"));
        let mut rsa = of(&authority.issue(dir.path(), "rsa", KeyFile::Rsa));
        rsa.push(("SIP_ALLOW", "twilio".to_owned()));
        assert!(!said(rsa).contains("Warning"));

        std::fs::remove_file(&good.1).unwrap();
        assert!(said(of(&good)).contains("SIP_TLS_CERT: ") && said(of(&good)).contains("good.key"));
        assert_eq!(said(Vec::new()), "[]");
    }
}
