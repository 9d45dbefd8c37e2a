//! Floods of some seconds each; `cargo bench --bench flood` makes them a minute long.

use crate::flood::{Kind, Report, Siege, head};

/// Half as much again as between two packets of a call.
const GAP_MS_MAX: f64 = 30.0;
const ANSWER_MS_MAX: f64 = 100.0;
const MEMORY_MIB_MAX: f64 = 32.0;

/// What a flood may do: nothing, beyond what the machine did without it.
fn is_harmless(report: &Report, peace: &Report) {
    let slow = 1.5 * peace.heard.p99_ms;
    assert!(report.heard.p99_ms <= slow.max(GAP_MS_MAX), "{report:?}");
    let late = 2.0 * peace.answer_ms.0;
    assert!(report.answer_ms.0 <= late.max(ANSWER_MS_MAX), "{report:?}");
    assert!(report.memory_mib <= MEMORY_MIB_MAX, "{report:?}");
    assert_eq!(report.heard.missing, 0, "{report:?}");
    assert!(
        report.heard.looks > 0 && report.heard.wrong == 0,
        "{report:?}"
    );
    // Every message of the flood is accounted for: dropped, read within a budget, or never let into the buffer.
    let told = report.dropped + report.read + report.overrun;
    assert!(told >= report.sent, "{report:?}");
}

fn floods(siege: &mut Siege, kinds: &[Kind], seconds: u64) {
    println!("{}", head());
    let peace = siege.endure(None, seconds);
    println!("{}", peace.line());
    for kind in kinds {
        let report = siege.endure(Some(*kind), seconds);
        println!("{}", report.line());
        assert!(report.is_valid(), "the generator was late: {report:?}");
        is_harmless(&report, &peace);
    }
}

#[test]
#[ignore = "wants the machine for itself; make test runs it"]
fn floods_of_strangers_and_of_a_trunk_gone_mad_harm_no_call() {
    let mut siege = Siege::lay(false);
    let kinds = [Kind::Invites, Kind::Scans, Kind::Tokens, Kind::Trunk];
    floods(&mut siege, &kinds, 4);
}

#[test]
#[ignore = "wants the machine for itself; make test runs it"]
fn floods_where_strangers_may_log_in_harm_no_call() {
    let mut siege = Siege::lay(true);
    floods(&mut siege, &[Kind::Invites, Kind::Tokens], 4);
}
