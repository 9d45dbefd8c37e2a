//! `audioroad check`: what is wrong, in plain words, before a show finds out.

mod books;
mod calls_out;
mod clock;
mod livekit;
mod media;
mod network;
mod reach;
mod telephone;
mod tls;

use std::{io::Write, process::ExitCode};

use crate::{
    actors::clock as wall_clock,
    config::{Config, ConfigError},
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
    let mut findings = network::ports(config);
    findings.extend(reach::findings(config));
    findings.extend(reach::hairpin(config));
    findings.push(network::public_url(config));
    findings.extend(telephone::who_may_call(config));
    findings.extend(tls::findings(config));
    findings.push(telephone::twilio(config));
    findings.push(calls_out::finding(config));
    findings.push(books::database(config));
    findings.push(books::data_dir(config));
    findings.push(clock::time_of_day(wall_clock::unix_ms()));
    findings.extend(livekit::rooms(config));
    findings
}

/// What a switch that starts should say about addresses and ports: the sentences of what is not as it should be.
pub fn reachability(config: &Config) -> Vec<String> {
    let findings = reach::findings(config).into_iter();
    let bad = findings.filter_map(|finding| match finding {
        Finding::Good(_) => None,
        Finding::Warning(text) | Finding::Wrong(text) => Some(text),
    });
    bad.collect()
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

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
        let wrong = findings.iter().filter_map(|finding| match finding {
            Finding::Wrong(text) => Some(text.as_str()),
            Finding::Good(_) | Finding::Warning(_) => None,
        });
        wrong.collect()
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
    fn streams_need_https_and_the_auth_token() {
        let dir = tempfile::tempdir().unwrap();
        let found = |further: &[(&str, &str)]| {
            let data = ("DATA_DIR", dir.path().display().to_string());
            let mode = ("TWILIO_MODE", "stream".to_owned());
            let further = further.iter().map(|(n, v)| (*n, (*v).to_owned()));
            with(&[data, mode].into_iter().chain(further).collect::<Vec<_>>())
        };
        let token = ("TWILIO_AUTH_TOKEN", "x");
        for (further, said) in [
            (&[][..], "TWILIO_AUTH_TOKEN"),
            (&[token], "https://"),
            (
                &[token, ("PUBLIC_URL", "http://radio.example.org")],
                "https://",
            ),
        ] {
            let findings = found(further);
            let wrong = wrong(&findings).join("\n");
            assert!(
                wrong.contains("TWILIO_MODE") && wrong.contains(said),
                "{wrong}"
            );
        }
        let good = found(&[token, ("PUBLIC_URL", "https://radio.example.org")]);
        assert!(!wrong(&good).join("\n").contains("TWILIO"), "{good:?}");
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
