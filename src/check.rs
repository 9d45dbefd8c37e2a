//! `audioroad check`: what is wrong, in plain words, before a show finds out.

use std::{
    io::Write,
    net::{IpAddr, TcpListener, UdpSocket},
    process::ExitCode,
    time::Duration,
};

use crate::{
    actors::clock,
    app,
    config::{Config, ConfigError},
    net::address,
    sip::{
        digest::Login,
        trunk::{Reach, Trunk},
    },
    store,
};

/// One finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finding {
    /// As it should be.
    Good(String),
    /// Works, but somebody may be surprised.
    Warning(String),
    /// The switch will not work.
    Wrong(String),
}

/// Prints every finding; fails when something is wrong.
pub fn run(config: Result<Config, ConfigError>, out: &mut impl Write) -> ExitCode {
    let findings = match config {
        Ok(config) => findings(&config),
        Err(error) => vec![Finding::Wrong(format!("Settings: {error}."))],
    };
    let mut wrong = 0;
    for finding in &findings {
        let (mark, text) = match finding {
            Finding::Good(text) => ("ok     ", text),
            Finding::Warning(text) => ("warning", text),
            Finding::Wrong(text) => {
                wrong += 1;
                ("WRONG  ", text)
            }
        };
        // A closed pipe still gets the exit code.
        let _ = writeln!(out, "{mark}  {text}");
    }
    if wrong == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// Looks at everything that can be looked at without taking a call.
pub fn findings(config: &Config) -> Vec<Finding> {
    let mut findings = ports(config);
    findings.push(public_address(config));
    findings.push(public_url(config));
    findings.extend(who_may_call(config));
    findings.push(twilio(config));
    findings.push(livekit(config));
    findings.push(database(config));
    findings.push(data_dir(config));
    findings.push(time_of_day(clock::unix_ms()));
    findings
}

fn ports(config: &Config) -> Vec<Finding> {
    let bind = config.http.bind;
    let tcp = |port: u16| TcpListener::bind((bind, port)).map(drop);
    let udp = |port: u16| UdpSocket::bind((bind, port)).map(drop);
    let mut findings = Vec::new();
    let mut look = |name: &str, port: u16, transport: &str, free: std::io::Result<()>| {
        findings.push(match free {
            Ok(()) => Finding::Good(format!("{name} {port}/{transport} is free.")),
            Err(error) => Finding::Wrong(format!(
                "{name} {port}/{transport} cannot be opened ({error}). Is audioroad running already, or another program?"
            )),
        });
    };
    look("PORT", config.http.port, "tcp", tcp(config.http.port));
    look(
        "HEALTH_PORT",
        config.http.health_port,
        "tcp",
        tcp(config.http.health_port),
    );
    look("SIP_PORT", config.sip.port, "udp", udp(config.sip.port));
    look("SIP_PORT", config.sip.port, "tcp", tcp(config.sip.port));
    look(
        "RTC_UDP_PORT",
        config.livekit.udp_port,
        "udp",
        udp(config.livekit.udp_port),
    );
    let (first, last) = config.media.rtp_ports;
    let even: Vec<u16> = (first..=last).filter(|port| port % 2 == 0).collect();
    let taken = even.iter().filter(|&&port| udp(port).is_err()).count();
    let calls = even.len() - taken;
    findings.push(match (calls, taken) {
        (0, _) => Finding::Wrong(format!(
            "RTP_PORT_RANGE {first}-{last} has no free port: no call can have audio."
        )),
        (_, 0) => Finding::Good(format!(
            "RTP_PORT_RANGE {first}-{last} is free: {calls} calls at once."
        )),
        (_, _) => Finding::Warning(format!(
            "RTP_PORT_RANGE {first}-{last}: {taken} ports are taken; {calls} calls at once."
        )),
    });
    findings
}

/// Whether the world cannot reach the address: private, shared (RFC 6598), local to the link, or for documentation.
fn is_private(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => {
            let shared = ip.octets()[0] == 100 && ip.octets()[1] & 0xc0 == 64;
            let local =
                ip.is_private() || ip.is_loopback() || ip.is_link_local() || ip.is_unspecified();
            local || shared || ip.is_documentation()
        }
        IpAddr::V6(ip) => {
            ip.is_loopback()
                || ip.is_unspecified()
                || ip.is_unique_local()
                || ip.is_unicast_link_local()
        }
    }
}

fn public_address(config: &Config) -> Finding {
    let interface = address::default_interface();
    match config.sip.public_ip {
        Some(ip) if is_private(ip) => Finding::Warning(format!(
            "PUBLIC_IP {ip} is a private address: telephone carriers cannot send audio there."
        )),
        Some(ip) => Finding::Good(format!(
            "PUBLIC_IP {ip} goes into SIP, SDP and ICE. Its UDP ports must be open to the world."
        )),
        None if is_private(interface) => Finding::Warning(format!(
            "PUBLIC_IP is not set and this machine's address is {interface}, a private one: callers from outside would hear nothing. \
             Set PUBLIC_IP to the address the world reaches."
        )),
        None => Finding::Good(format!(
            "PUBLIC_IP is not set; this machine's address {interface} is used."
        )),
    }
}

fn public_url(config: &Config) -> Finding {
    match &config.http.public_url {
        Some(url) if url.starts_with("https://") => Finding::Good(format!("PUBLIC_URL is {url}.")),
        Some(url) => Finding::Warning(format!(
            "PUBLIC_URL {url} is not https: browsers give no microphone to such a page, except on this machine."
        )),
        None => Finding::Warning(
            "PUBLIC_URL is not set: dashboards work on this machine only (browsers want https for the microphone).".into(),
        ),
    }
}

fn who_may_call(config: &Config) -> Vec<Finding> {
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
    let admits = format!("Trunk {name} admits {calls} from {from} {login}.");
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

fn twilio(config: &Config) -> Finding {
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

fn livekit(config: &Config) -> Finding {
    match &config.livekit.url {
        None => Finding::Good("Rooms are served by the switch itself.".into()),
        Some(_) => {
            Finding::Warning("LIVEKIT_URL is set, but this version serves the rooms itself.".into())
        }
    }
}

fn database(config: &Config) -> Finding {
    let shown = config.books.shown();
    let url: store::DatabaseUrl = match config.books.database_url.parse() {
        Ok(url) => url,
        Err(error) => return Finding::Wrong(format!("{error}.")),
    };
    if let store::DatabaseUrl::SqliteFile(path) = &url
        && !path.exists()
    {
        return match path.parent().map(std::fs::create_dir_all) {
            Some(Err(error)) => Finding::Wrong(format!(
                "DATABASE_URL: cannot make the directory of {shown} ({error})."
            )),
            Some(Ok(())) | None => Finding::Good(format!(
                "The database {shown} will be made at the first start."
            )),
        };
    }
    match store::open_pool(url).get() {
        Ok(_) => Finding::Good(format!("The database {shown} can be reached.")),
        Err(error) => Finding::Wrong(format!("The database {shown} cannot be reached: {error}.")),
    }
}

fn data_dir(config: &Config) -> Finding {
    let dir = &config.data_dir;
    let probe = dir.join(".check");
    let written = std::fs::create_dir_all(dir)
        .and_then(|()| std::fs::write(&probe, b""))
        .and_then(|()| std::fs::remove_file(&probe));
    match written {
        Ok(()) => Finding::Good(format!("DATA_DIR {} can be written.", dir.display())),
        Err(error) => Finding::Wrong(format!(
            "DATA_DIR {} cannot be written: {error}.",
            dir.display()
        )),
    }
}

/// This version was made after this moment, so no clock may show less (2026-01-01).
const MADE_MS: u64 = 1_767_225_600_000;
/// Twenty years are more than any build of this lives.
const LIFETIME: Duration = Duration::from_secs(20 * 365 * 24 * 3600);

fn time_of_day(unix_ms: u64) -> Finding {
    let synchronised = || match std::process::Command::new("timedatectl")
        .args(["show", "-p", "NTPSynchronized", "--value"])
        .output()
    {
        Ok(shown) => Some(String::from_utf8_lossy(&shown.stdout).trim() == "yes"),
        Err(_) => None,
    };
    if unix_ms < MADE_MS || Duration::from_millis(unix_ms - MADE_MS) > LIFETIME {
        return Finding::Wrong("The clock of this machine is years off: sign-in links, tokens and the books would be wrong.".into());
    }
    match synchronised() {
        Some(false) => Finding::Warning(
            "The clock is not synchronised (NTP): tokens may be refused as too old or too new."
                .into(),
        ),
        Some(true) => Finding::Good("The clock is synchronised.".into()),
        None => Finding::Good(
            "The clock looks right (whether it is synchronised cannot be seen here).".into(),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Source;

    fn with(settings: &[(&str, String)]) -> Vec<Finding> {
        with_file("", settings)
    }

    fn with_file(file: &str, settings: &[(&str, String)]) -> Vec<Finding> {
        let settings: Vec<(String, String)> = settings
            .iter()
            .map(|(n, v)| ((*n).to_owned(), v.clone()))
            .collect();
        let read = move |name: &str| {
            settings
                .iter()
                .find(|(known, _)| known == name)
                .map(|(_, value)| value.clone())
        };
        findings(&Config::read(&Source::new(file, read).unwrap()).unwrap())
    }

    fn wrong(findings: &[Finding]) -> Vec<&str> {
        let text = |finding: &'_ Finding| -> Option<String> {
            if let Finding::Wrong(text) = finding {
                Some(text.clone())
            } else {
                None
            }
        };
        findings
            .iter()
            .filter(|finding| text(finding).is_some())
            .map(|f| {
                if let Finding::Wrong(t) = f {
                    t.as_str()
                } else {
                    ""
                }
            })
            .collect()
    }

    #[test]
    fn a_taken_port_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let taken = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = taken.local_addr().unwrap().port().to_string();
        let settings = [
            ("BIND", "127.0.0.1".to_owned()),
            ("PORT", port.clone()),
            ("DATA_DIR", dir.path().join("data").display().to_string()),
        ];
        let findings = with(&settings);
        assert!(
            wrong(&findings)
                .iter()
                .any(|text| text.contains("PORT") && text.contains(&port)),
            "{findings:?}"
        );
    }

    #[test]
    fn an_unreachable_database_is_named_without_its_password() {
        let dir = tempfile::tempdir().unwrap();
        let settings = [
            ("BIND", "127.0.0.1".to_owned()),
            (
                "DATABASE_URL",
                "postgres://me:pass-word@127.0.0.1:9/none".to_owned(),
            ),
            ("DATA_DIR", dir.path().display().to_string()),
        ];
        let findings = with(&settings);
        let texts = wrong(&findings).join("\n");
        assert!(
            texts.contains("postgres://127.0.0.1:9/none") && !texts.contains("pass-word"),
            "{texts}"
        );
    }

    #[test]
    fn a_clock_that_is_years_off_is_wrong() {
        assert!(matches!(time_of_day(0), Finding::Wrong(_)));
        assert!(matches!(time_of_day(MADE_MS * 2), Finding::Wrong(_)));
    }

    #[test]
    fn twilio_without_a_public_url_is_wrong() {
        let dir = tempfile::tempdir().unwrap();
        let data = ("DATA_DIR", dir.path().display().to_string());
        let findings = with(&[data, ("TWILIO_AUTH_TOKEN", "x".to_owned())]);
        assert!(
            wrong(&findings)
                .iter()
                .any(|text| text.contains("PUBLIC_URL"))
        );
    }

    #[test]
    fn each_trunk_is_said_with_what_it_may() {
        let dir = tempfile::tempdir().unwrap();
        let data = || [("DATA_DIR", dir.path().display().to_string())];
        let file = "[[trunk]]\nname = \"studio\"\nprofile = \"pbx\"\nallow = \"any\"\nuser = \"u\"\n\
                    password = \"a-long-pass-word\"\nmax_calls = 4\n\
                    [[trunk]]\nname = \"open\"\nprofile = \"carrier\"\nallow = \"0.0.0.0/0\"\n\
                    [[trunk]]\nname = \"weak\"\nprofile = \"pbx\"\nallow = \"10.0.0.1\"\nuser = \"u\"\npassword = \"1234\"\n";
        let findings = with_file(file, &data());
        let said = |finding: &Finding| findings.contains(finding);
        assert!(
            said(&Finding::Good(
                "Trunk studio admits 4 calls at once from anywhere with its login (SHA-256, MD5)."
                    .into()
            )),
            "{findings:?}"
        );
        let warned = |words: &str| {
            findings
                .iter()
                .any(|finding| matches!(finding, Finding::Warning(text) if text.contains(words)))
        };
        assert!(
            warned("everybody in the world") && warned("password is short"),
            "{findings:?}"
        );
        assert!(!format!("{findings:?}").contains("1234"));

        let mistake = with_file("[[trunk]]\nname = \"x\"\nprofile = \"pbx\"\n", &data());
        assert!(
            wrong(&mistake)
                .iter()
                .any(|text| text.contains("trunk `x`") && text.contains("allow")),
            "{mistake:?}"
        );
    }
}
