//! Settings: from `audioroad.toml` and the environment, the environment first. One small struct a concern, no globals.
//!
//! A setting has one name: `SIP_PORT` in the environment is `sip_port` in the file. `audioroad --help` lists them all.

mod books;
mod calls_out;
mod capacity;
mod http;
mod livekit;
mod livekit_url;
mod media;
mod public_ip;
mod sip;
mod source;
mod station;
mod twilio;

use std::path::PathBuf;

pub use books::BooksConfig;
pub use calls_out::CallsOutConfig;
pub use capacity::CapacityConfig;
pub use http::HttpConfig;
pub use livekit::LiveKitConfig;
pub use livekit_url::{BadLiveKitUrl, LiveKitUrl};
pub use media::MediaConfig;
pub use public_ip::{BadPublicIp, PublicIp};
pub use sip::{SipConfig, SipTlsConfig, TrunkConfig, TrunkHeaders};
pub use source::{ConfigError, SETTINGS, Secret, Source};
pub use station::StationConfig;
pub use twilio::{TwilioConfig, TwilioMode};

/// Everything the switch is told from outside.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where files of ours live (`DATA_DIR`).
    pub data_dir: PathBuf,
    /// Web and health listeners, the public address, the admin token.
    pub http: HttpConfig,
    /// SIP listeners and who may call.
    pub sip: SipConfig,
    /// RTP ports, prompts, threads.
    pub media: MediaConfig,
    /// The rooms browsers join.
    pub livekit: LiveKitConfig,
    /// How many calls are taken, and how a shutdown waits for them.
    pub capacity: CapacityConfig,
    /// The database.
    pub books: BooksConfig,
    /// Twilio's webhook and API.
    pub twilio: TwilioConfig,
    /// Which numbers may be called.
    pub calls_out: CallsOutConfig,
    /// The station's own rules for its rooms.
    pub station: StationConfig,
}

impl Config {
    /// Reads every setting.
    ///
    /// # Errors
    /// [`ConfigError`] names the setting and what is wrong with it.
    pub fn read(source: &Source) -> Result<Self, ConfigError> {
        let data_dir = PathBuf::from(source.text("DATA_DIR").unwrap_or_else(|| "data".into()));
        Ok(Self {
            http: HttpConfig::read(source)?,
            sip: SipConfig::read(source)?,
            media: MediaConfig::read(source)?,
            livekit: LiveKitConfig::read(source)?,
            capacity: CapacityConfig::read(source)?,
            books: BooksConfig::read(source, &data_dir),
            twilio: TwilioConfig::read(source)?,
            calls_out: CallsOutConfig::read(source)?,
            station: StationConfig::read(source)?,
            data_dir,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(settings: &[(&str, &str)], file: &str) -> Result<Config, ConfigError> {
        let settings: Vec<(String, String)> = settings
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        let source = Source::new(file, move |name| {
            settings
                .iter()
                .find(|(known, _)| known == name)
                .map(|(_, value)| value.clone())
        })?;
        Config::read(&source)
    }

    #[test]
    fn nothing_set_is_the_embedded_default() {
        let config = read(&[], "").unwrap();
        assert_eq!(config.books.database_url, "sqlite://data/audioroad.db");
        assert_eq!(
            (config.http.port, config.sip.port, config.media.rtp_ports),
            (3001, 5060, (10_000, 20_000))
        );
        assert!(config.http.bind.is_unspecified() && config.http.bind.is_ipv6());
        assert!(config.sip.tls.port == 5061 && config.sip.tls.pairs.is_empty());
        assert!(config.twilio.auth_token.is_none() && config.livekit.url.is_none());
    }

    #[test]
    fn the_environment_wins_over_the_file() {
        let config = read(&[("SIP_PORT", "6060")], "sip_port = 7070\nport = 4000\n").unwrap();
        assert_eq!((config.sip.port, config.http.port), (6060, 4000));
    }

    #[test]
    fn certificates_and_keys_come_in_pairs() {
        let settings = [
            ("SIP_TLS_CERT", "/tls/rsa.pem, /tls/ec.pem"),
            ("SIP_TLS_KEY", "/tls/rsa.key,/tls/ec.key"),
        ];
        let pairs = read(&settings, "").unwrap().sip.tls.pairs;
        let expected = [
            ("/tls/rsa.pem", "/tls/rsa.key"),
            ("/tls/ec.pem", "/tls/ec.key"),
        ];
        assert_eq!(
            pairs,
            expected.map(|(chain, key)| (chain.into(), key.into()))
        );
    }

    #[test]
    fn mistakes_are_named() {
        for (name, value) in [
            ("SIP_PORT", "five"),
            ("RTP_PORT_RANGE", "20000-10000"),
            ("RTP_PORT_RANGE", "10000"),
            ("PUBLIC_IP", "example.com"),
            ("PUBLIC_IP", "192.0.2.1,192.0.2.2"),
            ("SIP_TLS_KEY", "/a/key.pem"),
            ("PUBLIC_URL", "ftp://example.com"),
            ("LIVEKIT_URL", "lk.example.org"),
            ("LIVEKIT_URL", "wss://without-a-key.example.org"),
            ("LIVEKIT_PUBLIC_URL", "wss://lk.example.org/rtc"),
            ("SWITCH_NODE", "studio 1"),
            ("ADMIN_TOKEN", "short"),
            ("LOBBY_LIMIT", "-1"),
            ("TWILIO_MODE", "rtp"),
            ("OPUS_BITRATE", "5999"),
            ("OPUS_COMPLEXITY", "11"),
            ("DUCK_DB", "41"),
            ("DUCK_ATTACK_MS", "0"),
            ("DUCK_HOLD_MS", "-1"),
            ("DUCK_RELEASE_MS", "fast"),
            ("DENOISE", "perhaps"),
            ("LOUDNESS_TARGET", "16"),
            ("HIDE_PHONE_NUMBERS", "maybe"),
            ("DIAL_ALLOW", "1"),
            ("DIAL_LIMIT", "many"),
            ("TWILIO_CALLER_ID", "5551234567"),
            ("TWILIO_API_URL", "api.twilio.com"),
            ("MAX_CALLS", "0"),
            ("MAX_CALLS_PER_SECOND", "0"),
            ("OVERLOAD_CPU_PERCENT", "101"),
            ("OVERLOAD_LATENESS_MS", "-1"),
            ("DRAIN_SECONDS", "86401"),
            ("SIP_LADDERS", "2001"),
        ] {
            let error = read(&[(name, value)], "").unwrap_err().to_string();
            assert!(error.contains(name), "{error}");
        }
        assert!(
            read(&[], "sip_port = [")
                .unwrap_err()
                .to_string()
                .contains("audioroad.toml")
        );
        assert!(
            read(&[], "sip_prt = 5060")
                .unwrap_err()
                .to_string()
                .contains("sip_prt")
        );
    }

    #[test]
    fn trunks_are_tables_of_the_file() {
        let file = "sip_port = 5070\n[[trunk]]\nname = \"a\"\nprofile = \"pbx\"\nuser = \"u\"\npassword = \"hush-hush\"\n\
                    [[trunk]]\nname = \"b\"\nprofile = \"carrier\"\nmax_calls = 3\nheaders.called = \"X-To\"\n";
        let config = read(&[], file).unwrap();
        let [first, second] = &config.sip.trunks[..] else {
            panic!("{:?}", config.sip.trunks);
        };
        assert_eq!(
            (first.name.as_str(), first.user.as_deref()),
            ("a", Some("u"))
        );
        assert!(!format!("{config:?}").contains("hush-hush"));
        assert_eq!(second.max_calls, Some(3));
        assert_eq!(second.headers.called.as_deref(), Some("X-To"));
    }

    #[test]
    fn a_mistake_in_a_trunk_is_named() {
        for (table, named) in [
            ("name = \"a\"", "profile"),
            ("name = \"a\"\nprofile = \"pbx\"\nalow = \"1\"", "alow"),
            ("name = \"a\"\nprofile = \"pbx\"\nuser = \"u\"", "password"),
            ("name = \"a\"\nprofile = \"pbx\"\nmax_calls = -1", "-1"),
        ] {
            let error = read(&[], &format!("[[trunk]]\n{table}\n"))
                .unwrap_err()
                .to_string();
            assert!(error.contains("trunk") && error.contains(named), "{error}");
        }
        assert!(read(&[], "trunk = 5\n").is_err());
    }

    #[test]
    fn help_lines_are_tables_of_the_file() {
        let line = |name: &str, number: &str| {
            format!("[[help_line]]\nname = \"{name}\"\nnumber = \"{number}\"\n")
        };
        let config = read(
            &[],
            &(line("Lifeline", "988") + &line("Police", "+1 555 123 4567")),
        );
        let lines = config.unwrap().calls_out.help_lines;
        assert_eq!((lines.len(), lines[1].number.as_str()), (2, "+15551234567"));
        for (file, named) in [
            (line("Lifeline", "9"), "Lifeline"),
            (line("A", "988") + &line("a", "989"), "twice"),
            ("[[help_line]]\nname = \"a\"\n".to_owned(), "number"),
        ] {
            let error = read(&[], &file).unwrap_err().to_string();
            assert!(
                error.contains("help_line") && error.contains(named),
                "{error}"
            );
        }
    }

    #[test]
    fn secrets_are_not_printed() {
        let settings = [
            ("ADMIN_TOKEN", "0123456789abcdef01234567"),
            ("TWILIO_AUTH_TOKEN", "hush-hush"),
            ("LIVEKIT_API_KEY", "key"),
            ("LIVEKIT_API_SECRET", "very-secret"),
            ("DATABASE_URL", "postgres://me:pass-word@db/audioroad"),
        ];
        let printed = format!("{:?}", read(&settings, "").unwrap());
        for secret in [
            "0123456789abcdef01234567",
            "hush-hush",
            "very-secret",
            "pass-word",
        ] {
            assert!(!printed.contains(secret), "{printed}");
        }
    }
}
