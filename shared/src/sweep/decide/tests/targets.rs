//! The table of targets: each row, and all combinations of holder, health, probe and suspicion.

use super::fixtures::{cluster, task_arn};
use crate::aws::{TargetHealth, Unhealthy};
use crate::container::Probe;
use crate::sweep::decide::{TargetEvidence, TargetRow, TargetVerdict, target_row};
use crate::sweep::observation::Holder;

const HEALTHS: [TargetHealth; 10] = [
    TargetHealth::Healthy,
    TargetHealth::Initial,
    TargetHealth::Unhealthy(Unhealthy::Timeout),
    TargetHealth::Unhealthy(Unhealthy::FailedHealthChecks),
    TargetHealth::Unhealthy(Unhealthy::ResponseCodeMismatch),
    TargetHealth::Unhealthy(Unhealthy::Other),
    TargetHealth::Draining,
    TargetHealth::Unused,
    TargetHealth::Unavailable,
    TargetHealth::Unrecognised,
];
const UNANSWERED: [TargetHealth; 2] = [
    TargetHealth::Unhealthy(Unhealthy::Timeout),
    TargetHealth::Unhealthy(Unhealthy::FailedHealthChecks),
];
const PROBES: [Option<Probe>; 5] =
    [None, Some(Probe::Active), Some(Probe::Done), Some(Probe::Answers), Some(Probe::Silent)];
const ANSWERING: [Option<Probe>; 3] =
    [Some(Probe::Active), Some(Probe::Done), Some(Probe::Answers)];

fn ours(elsewhere: bool) -> Holder {
    let at = if elsewhere { "another" } else { "one" };
    Holder::OfOurs { task: task_arn(at, "x"), elsewhere: elsewhere.then(|| cluster(at)) }
}

fn stranger(elsewhere: bool) -> Holder {
    let at = if elsewhere { "another" } else { "one" };
    Holder::Stranger { task: task_arn(at, "x"), elsewhere: elsewhere.then(|| cluster(at)) }
}

fn row(holder: Holder, health: TargetHealth, probe: Option<Probe>, suspected: bool) -> TargetRow {
    target_row(&TargetEvidence { holder, health, probe, route_is_whole: false, suspected })
}

/// The rows that `holder` comes to over every health, probe and suspicion that `given` lets through.
fn rows(holder: &Holder, given: impl Fn(TargetHealth, Option<Probe>) -> bool) -> Vec<TargetRow> {
    let mut rows = Vec::new();
    for health in HEALTHS {
        for probe in PROBES.into_iter().filter(|probe| given(health, *probe)) {
            for suspected in [false, true] {
                rows.push(row(holder.clone(), health, probe, suspected));
            }
        }
    }
    rows.sort();
    rows.dedup();
    rows
}

#[test]
fn row_1_a_target_of_a_configured_family_is_kept_whatever_its_health() {
    assert_eq!(rows(&ours(false), |_, _| true), [TargetRow::Held]);
    assert_eq!(rows(&ours(true), |_, _| true), [TargetRow::HeldElsewhere]);
    assert_eq!(TargetRow::Held.verdict(), TargetVerdict::Keep);
    assert_eq!(TargetRow::HeldElsewhere.verdict(), TargetVerdict::KeepAndReport);
}

#[test]
fn row_2_a_target_of_any_other_task_is_kept_and_reported_whatever_its_health() {
    assert_eq!(rows(&stranger(false), |_, _| true), [TargetRow::Misrouted]);
    assert_eq!(rows(&stranger(true), |_, _| true), [TargetRow::MisroutedElsewhere]);
    assert_eq!(TargetRow::Misrouted.verdict(), TargetVerdict::KeepAndReport);
    assert_eq!(TargetRow::MisroutedElsewhere.verdict(), TargetVerdict::KeepAndReport);
}

#[test]
fn row_3_a_draining_target_is_left_to_drain_whether_or_not_its_owner_is_known() {
    for holder in [Holder::Nobody, Holder::NobodyOfOurs, Holder::Unknown] {
        let draining = rows(&holder, |health, _| health == TargetHealth::Draining);
        assert_eq!(draining, [TargetRow::Draining], "{holder:?}");
    }
    assert_eq!(TargetRow::Draining.verdict(), TargetVerdict::Keep);
}

#[test]
fn undecided_without_all_listings_no_other_row_is_decided() {
    let rows = rows(&Holder::Unknown, |health, _| health != TargetHealth::Draining);
    assert_eq!(rows, [TargetRow::Undecided]);
    assert_eq!(TargetRow::Undecided.verdict(), TargetVerdict::KeepAndReport);
}

#[test]
fn undecided_a_candidate_is_none_before_the_other_clusters_were_asked() {
    for health in UNANSWERED {
        for suspected in [false, true] {
            let row = row(Holder::NobodyOfOurs, health, Some(Probe::Silent), suspected);
            assert_eq!(row, TargetRow::Undecided);
        }
    }
}

#[test]
fn row_4_three_probes_once_make_a_suspect() {
    for health in UNANSWERED {
        let row = row(Holder::Nobody, health, Some(Probe::Silent), false);
        assert_eq!(row, TargetRow::Suspected);
    }
    assert_eq!(TargetRow::Suspected.verdict(), TargetVerdict::Suspect);
}

#[test]
fn row_5_three_probes_twice_make_a_zombie() {
    for health in UNANSWERED {
        let row = row(Holder::Nobody, health, Some(Probe::Silent), true);
        assert_eq!(row, TargetRow::Zombie);
    }
    assert_eq!(TargetRow::Zombie.verdict(), TargetVerdict::Remove);
}

#[test]
fn row_6_what_answers_us_is_foreign_whatever_its_health() {
    for holder in [Holder::Nobody, Holder::NobodyOfOurs] {
        let answering = rows(&holder, |health, probe| {
            health != TargetHealth::Draining && ANSWERING.contains(&probe)
        });
        assert_eq!(answering, [TargetRow::Foreign], "{holder:?}");
    }
    assert_eq!(TargetRow::Foreign.verdict(), TargetVerdict::KeepAndReport);
}

#[test]
fn row_6_what_answers_the_load_balancer_is_foreign_whatever_our_probe() {
    let answered = [
        TargetHealth::Healthy,
        TargetHealth::Initial,
        TargetHealth::Unhealthy(Unhealthy::ResponseCodeMismatch),
    ];
    for holder in [Holder::Nobody, Holder::NobodyOfOurs] {
        assert_eq!(rows(&holder, |health, _| answered.contains(&health)), [TargetRow::Foreign]);
    }
}

#[test]
fn row_7_anything_else_is_kept_and_reported() {
    let other = [
        TargetHealth::Unhealthy(Unhealthy::Other),
        TargetHealth::Unused,
        TargetHealth::Unavailable,
        TargetHealth::Unrecognised,
    ];
    for holder in [Holder::Nobody, Holder::NobodyOfOurs] {
        let rows =
            rows(&holder, |health, probe| other.contains(&health) && !ANSWERING.contains(&probe));
        assert_eq!(rows, [TargetRow::Unclear], "{holder:?}");
    }
    assert_eq!(TargetRow::Unclear.verdict(), TargetVerdict::KeepAndReport);
}

#[test]
fn row_7_an_unanswered_target_that_we_have_not_asked_is_no_suspect() {
    for health in UNANSWERED {
        for holder in [Holder::Nobody, Holder::NobodyOfOurs] {
            for suspected in [false, true] {
                assert_eq!(row(holder.clone(), health, None, suspected), TargetRow::Unclear);
            }
        }
    }
}

#[test]
fn of_all_combinations_only_nobody_unanswered_silent_and_suspected_is_a_zombie() {
    let holders = [
        ours(false),
        ours(true),
        stranger(false),
        stranger(true),
        Holder::Nobody,
        Holder::NobodyOfOurs,
        Holder::Unknown,
    ];
    let mut zombies = Vec::new();
    let mut combinations = 0;
    for holder in holders {
        for health in HEALTHS {
            for probe in PROBES {
                for suspected in [false, true] {
                    combinations += 1;
                    let row = row(holder.clone(), health, probe, suspected);
                    if row.verdict() == TargetVerdict::Remove {
                        zombies.push((holder.clone(), health, probe, suspected));
                    }
                }
            }
        }
    }
    println!("{combinations} combinations of holder, health, probe and suspicion");
    let silent = Some(Probe::Silent);
    assert_eq!(zombies, UNANSWERED.map(|health| (Holder::Nobody, health, silent, true)));
}

#[test]
fn every_row_has_a_place_of_its_own_in_the_report() {
    let rows = [
        TargetRow::Held,
        TargetRow::HeldElsewhere,
        TargetRow::Misrouted,
        TargetRow::MisroutedElsewhere,
        TargetRow::Draining,
        TargetRow::Undecided,
        TargetRow::Suspected,
        TargetRow::Zombie,
        TargetRow::Foreign,
        TargetRow::Unclear,
    ];
    assert_eq!(
        rows.len(),
        TargetRow::Unclear as usize + 1,
        "each of them, and the last is the last"
    );
    let labels: std::collections::BTreeSet<_> = rows.map(TargetRow::label).into();
    assert_eq!(labels.len(), rows.len());
    let shown: Vec<_> = rows.into_iter().filter(|row| !row.is_finding()).collect();
    assert_eq!(shown, [TargetRow::Held, TargetRow::Draining], "all else is reported");
}

/// What is reported and alarmed on as our own blindness.
#[test]
fn a_target_is_blind_only_where_nobody_answers_the_load_balancer_and_the_route_may_be_to_blame() {
    let is_blind = |health, probe, route_is_whole| {
        let holder = Holder::Nobody;
        TargetEvidence { holder, health, probe, route_is_whole, suspected: true }.is_blind()
    };
    for health in HEALTHS {
        let blind = Some(Probe::Blind);
        assert_eq!(is_blind(health, blind, false), UNANSWERED.contains(&health), "{health:?}");
        assert!(!is_blind(health, blind, true), "{health:?}");
        for known in PROBES {
            assert!(!is_blind(health, known, false), "{health:?} {known:?}");
        }
    }
}
