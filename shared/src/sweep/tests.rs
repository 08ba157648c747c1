use super::decide::tests::fixtures::{
    HOUR, MINUTE, address, ago, cluster, group, now, policy, scope, task, unlisted,
};
use super::*;
use crate::aws::{TargetHealth, Unhealthy};
use crate::session::{LEASE_TAG, PROTECTION_TAG, Task};
use std::collections::BTreeSet;

/// How much there is to tell of these tasks and so many targets that nobody holds, in a group that was listed or
/// was not.
fn told(tasks: &[Task], targets: u8, is_listed: bool, recovered: &RecoveredIntents) -> usize {
    let unanswered = TargetHealth::Unhealthy(Unhealthy::Timeout);
    let left = (100..100 + targets).map(|last| (address(last), unanswered)).collect();
    let listing = if is_listed { Ok(left) } else { Err(unlisted()) };
    let mut seen = Observation::of_groups([(group("a"), listing)].into());
    seen.clusters = [(cluster("one"), Ok(()))].into();
    for task in tasks {
        seen.see(task, scope(), &BTreeSet::new(), now());
    }
    let known = Known {
        seen: &seen,
        probes: &BTreeMap::new(),
        suspects: &Suspects::default(),
        force: None,
        policy: &policy(),
        now: now(),
    };
    found(&seen, &decide(&known), recovered)
}

fn young(id: &str) -> Task {
    Task { created_at: ago(MINUTE), ..task(id) }
}

fn tagged(id: &str, tag: &str, value: &str) -> Task {
    Task { tags: [(tag.to_owned(), value.to_owned())].into(), ..young(id) }
}

/// Where there is nothing, no report follows, and none is looked for.
#[test]
fn whatever_a_report_will_tell_is_counted_and_a_healthy_fleet_is_nothing() {
    let nothing = RecoveredIntents::default();
    let healthy = [young("x"), tagged("protected", PROTECTION_TAG, "true")];
    assert_eq!(told(&healthy, 0, true, &nothing), 0);
    let old = Task { created_at: ago(HOUR * 3), ..task("old") };
    assert_eq!(told(&[old.clone(), young("x")], 0, true, &nothing), 1);
    assert_eq!(told(&healthy, 2, true, &nothing), 2);
    assert_eq!(told(&healthy, 0, false, &nothing), 1);
    let settled = RecoveredIntents { settled: 1, ..RecoveredIntents::default() };
    assert_eq!(told(&healthy, 0, true, &settled), 1);
    let lapsed = ago(MINUTE).to_string();
    let lapsing = ["one", "two"].map(|id| tagged(id, LEASE_TAG, &lapsed));
    assert_eq!(told(&lapsing, 0, true, &nothing), 3, "both, and that so many lapse");
    assert_eq!(told(&[old], 2, true, &settled), 4);
}
