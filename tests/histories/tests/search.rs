//! Histories at random: no promise is broken.

use session_cleanup_histories::search::{Found, Seeds, search};
use session_cleanup_tests::world::FaultKind;
use std::ops::ControlFlow;
use std::time::{SystemTime, UNIX_EPOCH};

/// So many are played each time, and always the same.
const FIXED: u64 = 300;

/// So many are played that nobody has played before.
const FRESH: u64 = 10;

fn assert_nothing_is_broken(found: &Found) {
    let broken = found.broken.iter().map(|(seed, violations)| {
        let violations: Vec<String> = violations.iter().map(ToString::to_string).collect();
        format!("make simulate SEEDS=1 FROM={seed}\n  {}", violations.join("\n  "))
    });
    let broken: Vec<String> = broken.collect();
    assert!(broken.is_empty(), "{} of {}:\n{}", broken.len(), found.histories, broken.join("\n"));
}

#[test]
fn no_history_of_a_fixed_set_breaks_a_promise_and_every_kind_of_fault_is_met() {
    let found = search(&Seeds::all(0, FIXED), |_| ControlFlow::Continue(()));
    println!("{} histories, {} calls, faults {:?}", found.histories, found.calls, found.faults);
    assert_nothing_is_broken(&found);
    for kind in FaultKind::ALL {
        assert!(found.faults.contains_key(&kind), "{kind} befell no call");
    }
}

#[test]
fn no_history_of_a_fresh_set_breaks_a_promise() {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let from = 1_000_000_000 + now.as_secs() * 1_000;
    println!("fresh histories from seed {from}");
    assert_nothing_is_broken(&search(&Seeds::all(from, FRESH), |_| ControlFlow::Continue(())));
}
