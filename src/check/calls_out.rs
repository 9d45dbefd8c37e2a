//! Whether the station can be made to call, and whom.

use crate::{app, check::Finding, config::Config, domain::calls_out::Prefixes};

pub(super) fn finding(config: &Config) -> Finding {
    let rules = app::calls_out_rules(config);
    match (&rules.allow, rules.off_because()) {
        (Prefixes::None, _) => {
            Finding::Good("Calls out are off: DIAL_ALLOW names no numbers.".into())
        }
        (Prefixes::These(_) | Prefixes::Any, Some(why)) => Finding::Wrong(why.to_owned()),
        (Prefixes::Any, None) => Finding::Warning(format!(
            "DIAL_ALLOW is `any`: operators may call every number in the world, {} at once.",
            rules.calls_max
        )),
        (Prefixes::These(prefixes), None) => Finding::Good(format!(
            "Operators may call numbers that begin with {}, {} at once.",
            prefixes.join(", "),
            rules.calls_max
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Source;

    const TWILIO: [(&str, &str); 3] = [
        ("TWILIO_ACCOUNT_SID", "AC1"),
        ("TWILIO_AUTH_TOKEN", "x"),
        ("PUBLIC_URL", "https://radio.example.org"),
    ];

    fn found(settings: &[&[(&str, &str)]]) -> Finding {
        let settings: Vec<(String, String)> = settings
            .concat()
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        let read = move |name: &str| {
            let found = settings.iter().find(|(known, _)| known == name);
            found.map(|(_, value)| value.clone())
        };
        finding(&Config::read(&Source::new("", read).unwrap()).unwrap())
    }

    #[test]
    fn it_is_said_whom_operators_may_call() {
        for nothing_allowed in [&[][..], &[&TWILIO[..]]] {
            let finding = found(nothing_allowed);
            assert!(matches!(&finding, Finding::Good(text) if text.contains("off")));
        }
        let no_way = found(&[&[("DIAL_ALLOW", "+1")]]);
        assert!(matches!(&no_way, Finding::Wrong(text) if text.contains("no trunk")));
        let both = found(&[&TWILIO, &[("DIAL_ALLOW", "+1,+49")]]);
        assert!(
            matches!(&both, Finding::Good(text) if text.contains("+1, +49, 5 at once")),
            "{both:?}"
        );
        let any = found(&[&TWILIO, &[("DIAL_ALLOW", "any")]]);
        assert!(matches!(any, Finding::Warning(_)), "{any:?}");
    }
}
