//! sipvicious, as it knocks at every SIP port within minutes: it looks for servers, extensions and passwords, and finds none.

use crate::peer::run;
use crate::switch::Switch;

const SCANNERS: [&str; 4] = ["svmap", "svwar", "svwar-invite", "svcrack"];

fn find_nothing(switch: &Switch) {
    for scanner in SCANNERS {
        let said = run("scan.py", &[scanner, &switch.sip().to_string()]);
        assert_eq!(said["found"], false, "{scanner}: {said}");
    }
}

#[test]
#[ignore = "needs sipvicious; make test runs it"]
fn scanners_find_nothing_where_addresses_are_listed() {
    find_nothing(&Switch::start(&[("SIP_ALLOW", "192.0.2.1")]));
}

/// A scanner that asks with INVITE learns that somebody is there, and nothing about who.
#[test]
#[ignore = "needs sipvicious; make test runs it"]
fn scanners_find_nothing_where_a_login_is_enough() {
    let home = "[[trunk]]\nname = \"home\"\nprofile = \"pbx\"\nallow = \"any\"\nuser = \"studio\"\npassword = \"1010\"\n";
    find_nothing(&Switch::start_with_file(home, &[]));
}

/// What they find on a switch that lets them speak: else the tests above would pass without a scanner.
#[test]
#[ignore = "needs sipvicious; make test runs it"]
fn scanners_find_a_switch_that_trusts_them() {
    let switch = Switch::start(&[]);
    let said = run("scan.py", &["svmap", &switch.sip().to_string()]);
    assert_eq!(said["found"], true, "{said}");
}
