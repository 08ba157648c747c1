//! Table 5.2: each row, and all combinations of owner, health, witness and suspicion.

use super::*;
use crate::sweep::fixtures::{cluster, task_arn};

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
const WITNESSES: [Option<Witness>; 5] = [
    None,
    Some(Witness::Active),
    Some(Witness::Done),
    Some(Witness::Answers),
    Some(Witness::Silent),
];
const ANSWERING: [Option<Witness>; 3] =
    [Some(Witness::Active), Some(Witness::Done), Some(Witness::Answers)];

fn ours(elsewhere: bool) -> Owner {
    let at = if elsewhere { "another" } else { "one" };
    Owner::OfOurs { task: task_arn(at, "x"), elsewhere: elsewhere.then(|| cluster(at)) }
}

fn stranger(elsewhere: bool) -> Owner {
    let at = if elsewhere { "another" } else { "one" };
    Owner::Stranger { task: task_arn(at, "x"), elsewhere: elsewhere.then(|| cluster(at)) }
}

fn row(owner: Owner, health: TargetHealth, witness: Option<Witness>, suspected: bool) -> TargetRow {
    target_row(&TargetEvidence { owner, health, witness, suspected })
}

/// The rows that `owner` comes to over every health, witness and suspicion that `given` lets through.
fn rows(owner: &Owner, given: impl Fn(TargetHealth, Option<Witness>) -> bool) -> Vec<TargetRow> {
    let mut rows = Vec::new();
    for health in HEALTHS {
        for witness in WITNESSES.into_iter().filter(|witness| given(health, *witness)) {
            for suspected in [false, true] {
                rows.push(row(owner.clone(), health, witness, suspected));
            }
        }
    }
    rows.sort();
    rows.dedup();
    rows
}

#[test]
fn row_1_a_target_of_a_configured_family_is_kept_whatever_its_health() {
    assert_eq!(rows(&ours(false), |_, _| true), [TargetRow::Owned]);
    assert_eq!(rows(&ours(true), |_, _| true), [TargetRow::OwnedElsewhere]);
    assert_eq!(TargetRow::Owned.verdict(), TargetVerdict::Keep);
    assert_eq!(TargetRow::OwnedElsewhere.verdict(), TargetVerdict::Report);
}

#[test]
fn row_2_a_target_of_any_other_task_is_kept_and_reported_whatever_its_health() {
    assert_eq!(rows(&stranger(false), |_, _| true), [TargetRow::Misrouted]);
    assert_eq!(rows(&stranger(true), |_, _| true), [TargetRow::MisroutedElsewhere]);
    assert_eq!(TargetRow::Misrouted.verdict(), TargetVerdict::Report);
    assert_eq!(TargetRow::MisroutedElsewhere.verdict(), TargetVerdict::Report);
}

#[test]
fn row_3_a_draining_target_is_left_to_drain_whether_or_not_its_owner_is_known() {
    for owner in [Owner::Nobody, Owner::NobodyOfOurs, Owner::Unknown] {
        let draining = rows(&owner, |health, _| health == TargetHealth::Draining);
        assert_eq!(draining, [TargetRow::Draining], "{owner:?}");
    }
    assert_eq!(TargetRow::Draining.verdict(), TargetVerdict::Keep);
}

#[test]
fn undecided_without_all_listings_no_other_row_is_decided() {
    let rows = rows(&Owner::Unknown, |health, _| health != TargetHealth::Draining);
    assert_eq!(rows, [TargetRow::Undecided]);
    assert_eq!(TargetRow::Undecided.verdict(), TargetVerdict::Report);
}

#[test]
fn undecided_a_candidate_is_none_before_the_other_clusters_were_asked() {
    for health in UNANSWERED {
        for suspected in [false, true] {
            let row = row(Owner::NobodyOfOurs, health, Some(Witness::Silent), suspected);
            assert_eq!(row, TargetRow::Undecided);
        }
    }
}

#[test]
fn row_4_three_witnesses_once_make_a_suspect() {
    for health in UNANSWERED {
        let row = row(Owner::Nobody, health, Some(Witness::Silent), false);
        assert_eq!(row, TargetRow::Suspected);
    }
    assert_eq!(TargetRow::Suspected.verdict(), TargetVerdict::Suspect);
}

#[test]
fn row_5_three_witnesses_twice_make_a_zombie() {
    for health in UNANSWERED {
        let row = row(Owner::Nobody, health, Some(Witness::Silent), true);
        assert_eq!(row, TargetRow::Zombie);
    }
    assert_eq!(TargetRow::Zombie.verdict(), TargetVerdict::TakeAway);
}

#[test]
fn row_6_what_answers_us_is_foreign_whatever_its_health() {
    for owner in [Owner::Nobody, Owner::NobodyOfOurs] {
        let answering = rows(&owner, |health, witness| {
            health != TargetHealth::Draining && ANSWERING.contains(&witness)
        });
        assert_eq!(answering, [TargetRow::Foreign], "{owner:?}");
    }
    assert_eq!(TargetRow::Foreign.verdict(), TargetVerdict::Report);
}

#[test]
fn row_6_what_answers_the_load_balancer_is_foreign_whatever_our_witness() {
    let answered = [
        TargetHealth::Healthy,
        TargetHealth::Initial,
        TargetHealth::Unhealthy(Unhealthy::ResponseCodeMismatch),
    ];
    for owner in [Owner::Nobody, Owner::NobodyOfOurs] {
        assert_eq!(rows(&owner, |health, _| answered.contains(&health)), [TargetRow::Foreign]);
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
    for owner in [Owner::Nobody, Owner::NobodyOfOurs] {
        let rows = rows(&owner, |health, witness| {
            other.contains(&health) && !ANSWERING.contains(&witness)
        });
        assert_eq!(rows, [TargetRow::Unclear], "{owner:?}");
    }
    assert_eq!(TargetRow::Unclear.verdict(), TargetVerdict::Report);
}

#[test]
fn row_7_an_unanswered_target_that_we_have_not_asked_is_no_suspect() {
    for health in UNANSWERED {
        for owner in [Owner::Nobody, Owner::NobodyOfOurs] {
            for suspected in [false, true] {
                assert_eq!(row(owner.clone(), health, None, suspected), TargetRow::Unclear);
            }
        }
    }
}

#[test]
fn of_all_combinations_only_nobody_unanswered_silent_and_suspected_is_a_zombie() {
    let owners = [
        ours(false),
        ours(true),
        stranger(false),
        stranger(true),
        Owner::Nobody,
        Owner::NobodyOfOurs,
        Owner::Unknown,
    ];
    let mut zombies = Vec::new();
    let mut combinations = 0;
    for owner in owners {
        for health in HEALTHS {
            for witness in WITNESSES {
                for suspected in [false, true] {
                    combinations += 1;
                    let row = row(owner.clone(), health, witness, suspected);
                    if row.verdict() == TargetVerdict::TakeAway {
                        zombies.push((owner.clone(), health, witness, suspected));
                    }
                }
            }
        }
    }
    println!("{combinations} combinations of owner, health, witness and suspicion");
    let silent = Some(Witness::Silent);
    assert_eq!(zombies, UNANSWERED.map(|health| (Owner::Nobody, health, silent, true)));
}

#[test]
fn every_row_has_a_place_of_its_own_in_the_report() {
    let rows = [
        TargetRow::Owned,
        TargetRow::OwnedElsewhere,
        TargetRow::Misrouted,
        TargetRow::MisroutedElsewhere,
        TargetRow::Draining,
        TargetRow::Undecided,
        TargetRow::Suspected,
        TargetRow::Zombie,
        TargetRow::Foreign,
        TargetRow::Unclear,
    ];
    let numbers: std::collections::BTreeSet<_> = rows.map(TargetRow::number).into();
    assert_eq!(numbers.len(), rows.len());
    let shown: Vec<_> = rows.into_iter().filter(|row| !row.is_finding()).collect();
    assert_eq!(shown, [TargetRow::Owned, TargetRow::Draining], "all else is reported");
}
