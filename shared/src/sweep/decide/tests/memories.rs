//! What one sweep tells the next.

use super::fixtures::{HOUR, MINUTE, SECOND, ago, now, task, task_arn};
use super::scene::Scene;
use super::sentences::{
    INTERVAL, done_twice, failed_salvage, nothing, since, tagged, target, zombie,
};
use crate::aws::TargetHealth;
use crate::container::Probe;
use crate::session::{LEASE_TAG, SESSION_ENDED_TAG};
use crate::sweep::decide::{TargetRow, TaskRow};
use crate::sweep::suspects::{SeenSince, Suspects};
use std::collections::BTreeMap;

#[test]
fn a_suspicion_that_is_seen_again_is_as_old_as_when_it_was_first_seen() {
    let again = Some(SeenSince { since: ago(INTERVAL), last: now() });
    assert_eq!(done_twice().row(), TaskRow::Done);
    assert_eq!(done_twice().suspicion(), again);
    assert_eq!(zombie().target_row(), Some(TargetRow::Zombie));
    assert_eq!(zombie().target_suspicion(), again);
}

#[test]
fn what_is_seen_once_is_remembered_and_not_acted_on() {
    let first = Some(SeenSince { since: now(), last: now() });
    let mut done = done_twice();
    done.suspects = Suspects::default();
    assert_eq!((done.row(), done.suspicion()), (TaskRow::SuspectedDone, first));
    let mut zombie = zombie();
    zombie.suspects = Suspects::default();
    let seen = (zombie.target_row(), zombie.target_suspicion());
    assert_eq!(seen, (Some(TargetRow::Suspected), first));
}

#[test]
fn seen_twice_less_than_half_an_interval_apart_is_seen_once() {
    for (age, row, target_row) in [
        (SECOND * 150, TaskRow::Done, TargetRow::Zombie),
        (SECOND * 149, TaskRow::SuspectedDone, TargetRow::Suspected),
    ] {
        let mut done = done_twice();
        done.suspects.tasks.insert(task("x").arn, since(age));
        assert_eq!(done.row(), row);
        let mut zombie = zombie();
        zombie.suspects.targets.insert(target("a"), since(age));
        assert_eq!(zombie.target_row(), Some(target_row));
    }
}

#[test]
fn a_suspicion_of_a_task_that_was_seen_otherwise_is_dropped_even_by_a_sweep_that_is_not_whole() {
    let with_traffic = done_twice().registered("a", TargetHealth::Healthy);
    let mut active = done_twice();
    active.words.insert(task("x").arn, Probe::Active);
    let leased = Scene { tasks: vec![tagged("x", LEASE_TAG, now() + HOUR)], ..done_twice() };
    let gone = Scene { tasks: Vec::new(), ..done_twice() };
    for scene in [with_traffic, active.unlisted("one"), leased, gone] {
        assert_eq!(scene.suspicion(), None, "{scene:#?}");
        if scene.unlisted.is_empty() {
            assert_eq!(scene.clone().unlisted("b").suspicion(), None, "{scene:#?}");
        }
    }
}

#[test]
fn a_suspicion_of_a_target_that_was_seen_otherwise_is_dropped_even_by_a_sweep_that_is_not_whole() {
    let otherwise = [
        zombie().registered("a", TargetHealth::Healthy),
        zombie().registered("a", TargetHealth::Draining),
        zombie().answered(Probe::Answers),
        zombie().with(task("x")),
        Scene { targets: BTreeMap::new(), ..zombie() },
    ];
    for scene in otherwise {
        assert_eq!(scene.target_suspicion(), None, "{scene:#?}");
        assert_eq!(scene.clone().unlisted("one").target_suspicion(), None, "{scene:#?}");
    }
}

#[test]
fn what_could_not_be_seen_is_neither_confirmed_nor_contradicted() {
    let as_it_was = Some(since(INTERVAL));
    let mut not_asked = done_twice();
    not_asked.words.clear();
    let of_an_unlisted_cluster = Scene { tasks: Vec::new(), ..done_twice().unlisted("one") };
    for scene in [done_twice().unlisted("b"), not_asked, of_an_unlisted_cluster] {
        assert_eq!(scene.suspicion(), as_it_was, "{scene:#?}");
        assert!(scene.victims().is_empty());
    }
    let mut not_asked = zombie();
    not_asked.answers.clear();
    for scene in [zombie().without_listing("a"), zombie().without_others(), not_asked] {
        assert_eq!(scene.target_suspicion(), as_it_was, "{scene:#?}");
        assert!(scene.victims().is_empty());
    }
}

#[test]
fn a_memory_of_what_is_configured_no_more_is_dropped() {
    let mut scene = nothing();
    scene.suspects.tasks.insert(task_arn("another", "x"), since(INTERVAL));
    scene.suspects.failed_salvages.insert(task_arn("another", "x"), since(INTERVAL));
    scene.suspects.targets.insert(target("c"), since(INTERVAL));
    let suspects = scene.unlisted("one").unlisted("a").plan().suspects;
    assert_eq!(suspects, Suspects { leases: suspects.leases.clone(), ..Suspects::default() });
}

#[test]
fn a_failed_salvage_is_remembered_while_the_task_is_an_orphan() {
    let on = Some(SeenSince { since: ago(INTERVAL), last: now() });
    assert_eq!(failed_salvage().salvage_failing_since(), on);
    let ended =
        Scene { tasks: vec![tagged("x", SESSION_ENDED_TAG, ago(MINUTE))], ..failed_salvage() };
    assert_eq!(
        ended.salvage_failing_since(),
        on,
        "an orphan for another reason is one all the same"
    );
}

#[test]
fn a_failed_salvage_is_forgotten_once_the_task_is_an_orphan_no_longer() {
    let renewed = Scene { tasks: vec![tagged("x", LEASE_TAG, now() + HOUR)], ..failed_salvage() };
    let gone = Scene { tasks: Vec::new(), ..failed_salvage() };
    for scene in [renewed, gone] {
        assert_eq!(scene.salvage_failing_since(), None);
        assert_eq!(scene.unlisted("b").salvage_failing_since(), None);
    }
}

/// It may be an orphan again when renewal works again, and be silent by then.
#[test]
fn what_a_container_said_of_itself_stands_while_its_task_is_no_orphan_and_ends_with_it() {
    let mut said = failed_salvage();
    said.suspects.reused.insert(task("x").arn, since(INTERVAL));
    let reused = |scene: &Scene| scene.plan().suspects.reused.get(&task("x").arn).copied();
    assert_eq!(reused(&said), Some(SeenSince { since: ago(INTERVAL), last: now() }));
    let renewed = Scene { tasks: vec![tagged("x", LEASE_TAG, now() + HOUR)], ..said.clone() };
    assert_eq!(reused(&renewed), Some(since(INTERVAL)));
    assert_eq!(reused(&Scene { tasks: Vec::new(), ..said }), None);
}

#[test]
fn a_failed_salvage_is_kept_as_it_was_while_its_task_can_not_be_judged() {
    let unseen = Scene { tasks: Vec::new(), ..failed_salvage().unlisted("one") };
    assert_eq!(unseen.salvage_failing_since(), Some(since(INTERVAL)));
    let mut undecided = done_twice().unlisted("b");
    undecided.suspects.failed_salvages.insert(task("x").arn, since(INTERVAL));
    assert_eq!(undecided.salvage_failing_since(), Some(since(INTERVAL)));
}

/// The session is live as long as that: what was asked of it before says nothing.
#[test]
fn a_failed_salvage_is_forgotten_where_so_many_leases_lapse_that_renewal_looks_broken() {
    let lapsed = |id: &str| tagged(id, LEASE_TAG, ago(MINUTE * 20));
    let asked = || {
        let mut scene = failed_salvage();
        scene.tasks = vec![lapsed("x")];
        scene
    };
    let alone = asked();
    assert_eq!(alone.row(), TaskRow::LeaseLapsed, "nobody is seen to renew");
    assert_eq!(alone.salvage_failing_since().map(|seen| seen.since), Some(ago(INTERVAL)));
    let many = asked().with(lapsed("y"));
    assert_eq!(many.salvage_failing_since(), None);
    let unseen = many.unlisted("two");
    assert_eq!(unseen.salvage_failing_since(), Some(since(INTERVAL)), "not all were seen");
}

/// The same once its own lease has been over for the age of a session: it was live until then.
#[test]
fn what_was_asked_before_a_lease_was_over_for_good_does_not_count_where_renewal_looks_broken() {
    let failing = |over_for, others: usize| {
        let mut scene = failed_salvage();
        scene.tasks = vec![tagged("x", LEASE_TAG, ago(HOUR * 2 + over_for))];
        let lapsed = (0..others).map(|n| tagged(&format!("y{n}"), LEASE_TAG, ago(MINUTE)));
        scene.tasks.extend(lapsed);
        assert_eq!(scene.row(), TaskRow::LeaseExpired);
        scene.salvage_failing_since().map(|seen| seen.since)
    };
    assert_eq!(failing(MINUTE, 1), None);
    assert_eq!(failing(INTERVAL * 2, 1), Some(ago(INTERVAL)));
    assert_eq!(failing(MINUTE, 0), Some(ago(INTERVAL)), "one alone speaks for itself");
    // Who was asked before and after that has its window from then on.
    let mut scene = failed_salvage();
    let asked = SeenSince { since: ago(INTERVAL * 2), last: ago(MINUTE) };
    scene.suspects.failed_salvages.insert(task("x").arn, asked);
    scene.tasks = vec![tagged("x", LEASE_TAG, ago(HOUR * 2 + INTERVAL))];
    scene.tasks.push(tagged("y", LEASE_TAG, ago(MINUTE)));
    assert_eq!(scene.salvage_failing_since().map(|seen| seen.since), Some(ago(INTERVAL)));
}
