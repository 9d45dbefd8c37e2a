use proptest::prelude::*;

use super::*;
use crate::sip::sdp::Codec;

fn table(name: &str, profile: &str, allow: &str) -> TrunkTable {
    TrunkTable {
        name: name.into(),
        profile: profile.into(),
        allow: (!allow.is_empty()).then(|| allow.into()),
        ..TrunkTable::default()
    }
}

fn login() -> Login {
    Login {
        user: "studio".into(),
        password: "hush".into(),
    }
}

/// The trunk of a source when `SIP_ALLOW` is `list`.
fn admitted(list: &str, source: &str) -> Option<String> {
    let trunks = Trunks::new(list, Vec::new(), None).unwrap();
    let trunk = trunks.listing(source.parse().unwrap())?;
    Some(trunk.name.to_string())
}

#[test]
fn nothing_set_means_loopback_alone() {
    for list in ["", "  ", " , ,"] {
        for source in ["127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"] {
            assert_eq!(admitted(list, source).as_deref(), Some("loopback"));
        }
        for source in ["192.168.1.1", "54.172.60.1", "0.0.0.0"] {
            assert_eq!(admitted(list, source), None);
        }
    }
}

#[test]
fn sip_allow_replaces_the_default_and_its_first_entry_names_the_source() {
    assert_eq!(admitted("192.0.2.1", "127.0.0.1"), None);
    let list = "192.0.2.1, loopback, Twilio, 10.0.0.0/8,10.1.0.0/16";
    assert_eq!(admitted(list, "127.0.0.1").as_deref(), Some("loopback"));
    assert_eq!(admitted(list, "54.172.60.1").as_deref(), Some("twilio"));
    assert_eq!(admitted(list, "10.1.2.3").as_deref(), Some("10.0.0.0/8"));
    let mistake = Trunks::new("loopback, any", Vec::new(), None).unwrap_err();
    assert!(mistake.to_string().contains("`any`"), "{mistake}");
}

#[test]
fn a_table_goes_before_sip_allow_and_replaces_the_default() {
    let studio = Trunk::new(table("studio", "pbx", "10.1.0.0/16")).unwrap();
    let trunks = Trunks::new("10.0.0.0/8", vec![studio.clone()], None).unwrap();
    let name = |source: &str| {
        let trunk = trunks.listing(source.parse().unwrap());
        trunk.map(|trunk| trunk.name.to_string())
    };
    assert_eq!(name("10.1.2.3").as_deref(), Some("studio"));
    assert_eq!(name("10.2.2.3").as_deref(), Some("10.0.0.0/8"));
    let alone = Trunks::new("", vec![studio], None).unwrap();
    assert_eq!(alone.listing("127.0.0.1".parse().unwrap()), None);
}

#[test]
fn the_login_of_the_twiml_opens_twilio_s_addresses_to_those_who_know_it() {
    let twilio = "54.172.60.1".parse().unwrap();
    let without = Trunks::new("loopback", Vec::new(), None).unwrap();
    assert_eq!(without.listing(twilio), None);
    let with = Trunks::new("loopback", Vec::new(), Some(login())).unwrap();
    let trunk = with.listing(twilio).unwrap();
    assert_eq!(
        (trunk.name.as_str(), &trunk.login),
        ("twiml", &Some(login()))
    );
    let listed = Trunks::new("twilio", Vec::new(), Some(login())).unwrap();
    assert_eq!(
        listed.listing(twilio).unwrap().login,
        None,
        "SIP_ALLOW is enough"
    );
}

#[test]
fn a_profile_decides_what_the_table_does_not_say() {
    let twilio = Trunk::new(table("t", "twilio", "")).unwrap();
    assert!(twilio.lists("54.172.60.1".parse().unwrap()));
    assert_eq!(twilio.algorithms, [Algorithm::Md5]);
    assert_eq!(twilio.profile.role().status(), 407);
    assert_eq!(twilio.headers.carrier_call.as_deref(), Some(TWILIO_CALL));

    let carrier = Trunk::new(TrunkTable {
        algorithms: vec!["sha-512-256".into(), "MD5".into(), "md5".into()],
        headers: FieldHeaders {
            called: Some("X-Called".into()),
            ..FieldHeaders::default()
        },
        ..table("c", "carrier", "192.0.2.1")
    });
    let carrier = carrier.unwrap();
    assert_eq!(carrier.algorithms, [Algorithm::Sha512_256, Algorithm::Md5]);
    assert_eq!(
        carrier.headers.caller.as_deref(),
        Some("P-Asserted-Identity")
    );
    assert_eq!(carrier.headers.called.as_deref(), Some("X-Called"));
    assert_eq!(carrier.profile.role().status(), 401);

    let pbx = TrunkTable {
        login: Some(login()),
        ..table("p", "pbx", "Any")
    };
    let pbx = Trunk::new(pbx).unwrap();
    assert_eq!(pbx.reach, Reach::Anywhere);
    assert!(!pbx.lists("192.0.2.1".parse().unwrap()));
}

#[test]
fn mistakes_are_named() {
    let with = |change: fn(&mut TrunkTable)| {
        let mut table = table("studio", "pbx", "192.0.2.1");
        change(&mut table);
        Trunk::new(table).unwrap_err().to_string()
    };
    assert!(with(|t| t.name = " ".into()).contains("name"));
    assert!(with(|t| t.name = "a\nb".into()).contains("name"));
    assert!(with(|t| t.profile = "Twilio".into()).contains("`Twilio`"));
    assert!(with(|t| t.allow = None).contains("allow"));
    assert!(with(|t| t.allow = Some(" , ".into())).contains("allow"));
    assert!(with(|t| t.allow = Some("192.0.2.9/24".into())).contains("192.0.2.0/24"));
    assert!(with(|t| t.allow = Some("any".into())).contains("any"));
    assert!(with(|t| t.algorithms = vec!["MD4".into()]).contains("`MD4`"));
    assert!(with(|t| t.headers.name = Some("X Name".into())).contains("`X Name`"));
    assert!(with(|t| t.calls_max = Some(0)).contains("max_calls"));
    assert!(with(|t| t.media.srtp = Some("on".into())).contains("`on`"));
    assert!(with(|t| t.media.codecs = vec!["G729".into()]).contains("`G729`"));
    assert!(with(|t| t.media.rtp_allow = Some("here".into())).contains("rtp_allow: `here`"));
    let no_password = |t: &mut TrunkTable| {
        t.login = Some(Login {
            password: String::new(),
            ..login()
        });
    };
    assert!(with(no_password).contains("password"));
    let carrier = TrunkTable {
        login: Some(login()),
        ..table("c", "carrier", "any")
    };
    assert_eq!(Trunk::new(carrier), Err(TrunkError::Anywhere));
}

#[test]
fn names_are_unique_and_one_trunk_alone_may_call_from_anywhere() {
    let pbx = |name: &str| {
        let table = TrunkTable {
            login: Some(login()),
            ..table(name, "pbx", "any")
        };
        Trunk::new(table).unwrap()
    };
    let twice = Trunks::new("", vec![pbx("a"), pbx("a")], None).unwrap_err();
    assert_eq!(twice, TrunkError::Twice(TrunkName::new("a")));
    let both = Trunks::new("", vec![pbx("a"), pbx("b")], None).unwrap_err();
    assert_eq!(both, TrunkError::AnywhereTwice);
    let many = vec!["192.0.2.1"; TRUNKS_MAX + 1].join(",");
    let many = Trunks::new(&many, Vec::new(), None);
    assert!(matches!(many, Err(TrunkError::TooMany)));
}

#[test]
fn audio_comes_as_the_table_says_else_as_the_allow_list_and_the_setting_do() {
    let said = TrunkTable {
        media: MediaTable {
            srtp: Some("required".into()),
            srtp_needs_tls: None,
            codecs: vec!["pcma".into(), "PCMU".into(), "PCMA".into()],
            rtp_allow: Some("198.51.100.0/24".into()),
        },
        ..table("said", "carrier", "192.0.2.0/24")
    };
    let said = Trunk::new(said).unwrap().media;
    assert_eq!((said.srtp, said.srtp_needs_tls), (SrtpRule::Required, true));
    assert_eq!(said.codecs, [Codec::Pcma, Codec::Pcmu]);
    assert_eq!(said.sources[..], ["198.51.100.0/24".parse().unwrap()]);

    let silent = Trunk::new(table("silent", "carrier", "192.0.2.0/24")).unwrap();
    assert_eq!(
        (silent.media.srtp, silent.media.srtp_needs_tls),
        (SrtpRule::Offered, false)
    );
    assert_eq!(silent.media.codecs, Codec::ALL);
    assert_eq!(silent.media.sources[..], ["192.0.2.0/24".parse().unwrap()]);

    let mut anywhere = table("anywhere", "pbx", "192.0.2.1");
    anywhere.media.rtp_allow = Some("any".into());
    let anywhere = Trunk::new(anywhere).unwrap().media;
    assert!(anywhere.sources.iter().all(|range| range.prefix_len() == 0));
    assert_eq!(anywhere.sources.len(), 2);

    let trunks = Trunks::new("203.0.113.1", vec![silent], None).unwrap();
    let trunks = trunks.encrypted(1, SrtpRule::Required);
    let rule = |source: &str| {
        let trunk = trunks.listing(source.parse().unwrap()).unwrap();
        (trunk.media.srtp, trunk.media.srtp_needs_tls)
    };
    assert_eq!(rule("192.0.2.1"), (SrtpRule::Offered, false));
    assert_eq!(rule("203.0.113.1"), (SrtpRule::Required, true));
}

proptest! {
    #[test]
    fn no_list_makes_it_panic(list in ".{0,80}") {
        let _ = Trunks::new(&list, Vec::new(), None);
    }
}
