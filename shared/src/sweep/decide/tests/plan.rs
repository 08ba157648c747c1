//! What a plan adds to the two tables: windows, limits, who is asked, and whose an address is.

use super::fixtures::{
    HOUR, MINUTE, SECOND, address, ago, cluster, group, ip, now, task, task_arn,
};
use super::scene::Scene;
use super::sentences::{
    INTERVAL, UNANSWERED, done_twice, failed_salvage, nothing, since, tagged, zombie,
};
use crate::aws::TargetHealth;
use crate::cleanup::SalvageWindow;
use crate::session::{DesiredStatus, LEASE_TAG, SESSION_ENDED_TAG, Task};
use crate::sweep::decide::TaskRow;
use crate::sweep::observation::Holder;
use crate::sweep::suspects::Suspects;
use std::collections::BTreeMap;
use std::time::Duration;

#[test]
fn the_salvage_window_counts_from_the_owners_word_or_from_the_first_failed_salvage() {
    let ended = |age| nothing().with(tagged("x", SESSION_ENDED_TAG, ago(age)));
    let asked = |age| {
        let mut scene = failed_salvage();
        scene.suspects.failed_salvages.insert(task("x").arn, since(age));
        scene
    };
    let ended_and_asked = |age| {
        let mut scene = ended(age);
        scene.suspects.failed_salvages.insert(task("x").arn, since(INTERVAL / 2));
        scene
    };
    let asked_and_then_ended = |age| {
        let mut scene = ended(age);
        scene.suspects.failed_salvages.insert(task("x").arn, since(MINUTE * 50));
        scene
    };
    let ended_in_the_future = || {
        let scene = asked_and_then_ended(MINUTE);
        Scene { tasks: vec![tagged("x", SESSION_ENDED_TAG, now() + HOUR)], ..scene }
    };
    for scene in [asked_and_then_ended(MINUTE * 30 + SECOND), ended_in_the_future()] {
        assert_eq!(scene.salvage(), OVER);
    }
    for scene in [ended_and_asked(MINUTE * 30 + SECOND), asked(MINUTE * 30 + SECOND)] {
        assert_eq!(scene.salvage(), OVER);
    }
    let open = [ended_and_asked(MINUTE * 30), asked(MINUTE * 30), asked(Duration::ZERO)];
    for scene in open.into_iter().chain([asked_and_then_ended(MINUTE)]) {
        assert_eq!(scene.salvage(), SalvageWindow::OPEN);
    }
}

const OVER: SalvageWindow = SalvageWindow { is_over: true, ..SalvageWindow::OPEN };

/// After an outage every session that has ended gets a fair try.
#[test]
fn nothing_is_given_up_before_two_sweeps_have_asked_in_vain() {
    let ended = nothing().with(tagged("x", SESSION_ENDED_TAG, ago(HOUR)));
    assert_eq!(ended.salvage(), SalvageWindow::OPEN, "never asked");
    for (age, window) in [(SECOND * 149, SalvageWindow::OPEN), (SECOND * 150, OVER)] {
        let mut asked = ended.clone();
        asked.suspects.failed_salvages.insert(task("x").arn, since(age));
        assert_eq!(asked.salvage(), window, "asked {age:?} ago, half an interval is 150 s");
    }
}

#[test]
fn an_orphan_that_was_never_asked_has_its_whole_salvage_window() {
    let lapsed = nothing().with(tagged("x", LEASE_TAG, ago(HOUR * 20)));
    let old = nothing().with(Task { created_at: ago(HOUR * 20), ..task("x") });
    let mut unreadable = task("x");
    unreadable.tags.insert(SESSION_ENDED_TAG.to_owned(), "yesterday".to_owned());
    for scene in [lapsed, old, nothing().with(unreadable)] {
        assert_eq!(scene.salvage(), SalvageWindow::OPEN);
    }
}

#[test]
fn the_hard_age_begins_a_salvage_window_too() {
    let aged = |age, asked: bool| {
        let ended = tagged("x", SESSION_ENDED_TAG, now() + HOUR);
        let mut scene = nothing().with(Task { created_at: ago(age), ..ended });
        if asked {
            scene.suspects.failed_salvages.insert(task("x").arn, since(INTERVAL));
        }
        scene.salvage()
    };
    let (end, asked) = (HOUR * 24 + MINUTE * 30, true);
    assert_eq!(aged(end, asked), SalvageWindow::OPEN);
    let beyond = SalvageWindow { is_over: true, is_beyond_hard_age: true, ..SalvageWindow::OPEN };
    assert_eq!(aged(end + SECOND, asked), beyond);
    assert_eq!(aged(end + SECOND, !asked), SalvageWindow { is_over: false, ..beyond });
}

/// None takes another's turn for ever.
#[test]
fn orphans_that_have_waited_longest_come_first() {
    let old = |id: &str, age| Task { created_at: ago(age), ..task(id) };
    let mut scene = nothing()
        .with(old("young", HOUR * 3))
        .with(old("old", HOUR * 5))
        .with(old("older", HOUR * 6))
        .with(old("oldest", HOUR * 7));
    for (id, age) in [("older", MINUTE * 10), ("oldest", MINUTE * 5)] {
        scene.suspects.tried.insert(task(id).arn, ago(age));
    }
    let plan = scene.plan();
    let order: Vec<&str> = plan.orphans().iter().map(|one| one.task.arn.id()).collect();
    assert_eq!(order, ["old", "young", "older", "oldest"]);
    assert_eq!(plan.suspects.tried, scene.suspects.tried, "until it is tried again");
}

/// Neither the hard age nor its owner's late word sends an orphan to the end of the queue.
#[test]
fn an_orphan_keeps_its_turn_when_a_row_above_takes_it_over() {
    let old = |id: &str, age| Task { created_at: ago(age), ..task(id) };
    let mut ended = old("ended", HOUR * 5);
    ended.tags.insert(SESSION_ENDED_TAG.to_owned(), ago(MINUTE).to_string());
    let lapsed = Task { created_at: ago(HOUR * 25), ..tagged("lapsed", LEASE_TAG, ago(HOUR * 8)) };
    let scene = nothing()
        .with(old("old", HOUR * 4))
        .with(ended)
        .with(lapsed)
        .with(old("oldest", HOUR * 25));
    let plan = scene.plan();
    let rows: Vec<(&str, TaskRow)> =
        plan.orphans().iter().map(|one| (one.task.arn.id(), one.judged.row)).collect();
    let expected = [
        ("oldest", TaskRow::BeyondHardAge),
        ("lapsed", TaskRow::BeyondHardAge),
        ("ended", TaskRow::Ended),
        ("old", TaskRow::TooOld),
    ];
    assert_eq!(rows, expected);
    let orphans = plan.orphans();
    let used = orphans.iter().map(|one| one.judged.used.unwrap().vcpu_hour_thousandths());
    assert_eq!(used.collect::<Vec<_>>(), [23_000, 6_000, 3_000, 2_000]);
}

/// A sweep may die right after a stop: another must not take the next lapsed lease for the first, and finishes what was
/// begun.
#[test]
fn what_a_sweep_is_about_to_do_is_remembered_before_it_is_done() {
    let mut scene = nothing()
        .with(tagged("lapsed", LEASE_TAG, ago(MINUTE * 16)))
        .with(Task { created_at: ago(HOUR * 3), ..task("old") });
    for n in 0..6 {
        let renewed = tagged(&format!("renewed-{n}"), LEASE_TAG, now() + HOUR);
        scene.suspects.leases.ends.insert(renewed.arn.clone(), now());
        scene = scene.with(renewed);
    }
    scene.suspects.reaped_for_leases.insert(task("before").arn, ago(MINUTE));
    let plan = scene.plan();
    assert_eq!(plan.orphans().len(), 2);
    let stopped = [(task("lapsed").arn, now()), (task("before").arn, ago(MINUTE))];
    let begun = plan.orphans().into_iter().filter_map(|one| one.begun(now()));
    let unfinished: BTreeMap<_, _> = begun.collect();
    assert_eq!(unfinished.len(), 2);
    let expected =
        Suspects { reaped_for_leases: stopped.into(), unfinished, ..plan.suspects.clone() };
    assert_eq!(plan.suspects_while_acting(now()), expected, "and all else is as it was");
}

/// Nobody knows how old it is: the hard age counts from when it was seen claimed.
#[test]
fn in_a_pool_a_session_without_a_start_became_an_orphan_by_the_hard_age_of_its_claim() {
    let mut scene = nothing().with(Task { created_at: ago(HOUR * 90), ..task("x") });
    scene.policy.warm_pool = true;
    for (claimed, row) in [
        (SECOND * 86_399, TaskRow::StartUnknown),
        (HOUR * 24, TaskRow::BeyondHardAge),
        (HOUR * 25, TaskRow::BeyondHardAge),
    ] {
        scene.suspects.claimed.insert(task("x").arn, ago(claimed));
        assert_eq!(scene.row(), row, "{claimed:?}");
    }
    let judged = scene.plan().tasks.first().unwrap().judged;
    assert_eq!(judged.turn, ago(HOUR));
    assert_eq!(judged.used.unwrap().vcpu_hour_thousandths(), 1_000);
}

/// Whom to ask whether a route is whole: those that should answer come first.
#[test]
fn five_of_a_neighbourhood_are_neighbours_those_first_that_should_answer() {
    let at =
        |id: &str, last, age| Task { address: Some(ip(last)), created_at: ago(age), ..task(id) };
    let mut scene = nothing();
    for last in 1..4 {
        scene = scene.with(at(&format!("old-{last}"), last, HOUR * 3));
    }
    for last in 11..15 {
        scene = scene.with(at(&format!("young-{last}"), last, MINUTE));
    }
    let elsewhere = Task { subnet: Some("subnet-2".to_owned()), ..at("other", 20, MINUTE) };
    let plan = scene.with(elsewhere).plan();
    let neighbours: Vec<_> = plan.neighbours.into_iter().collect();
    let [(neighbourhood, asked)] = &neighbours[..] else { panic!("{neighbours:?}") };
    assert_eq!(neighbourhood.subnet.as_deref(), Some("subnet-1"));
    assert_eq!(*asked, [11, 12, 13, 14, 1].map(ip));
}

#[test]
fn a_sweep_touches_at_most_three_tasks_or_a_quarter_of_those_that_live() {
    let fleet = |live: usize| {
        let mut scene = nothing();
        scene.tasks = (0..live).map(|n| task(&format!("t{n}"))).collect();
        for n in 0..40 {
            let stopping =
                Task { desired_status: DesiredStatus::Stopped, ..task(&format!("s{n}")) };
            scene = scene.with(stopping).with(Task { family: "web".to_owned(), ..task("w") });
        }
        scene.plan().stop_limit
    };
    assert_eq!([0, 12, 15, 16].map(fleet), [3, 3, 3, 4]);
}

#[test]
fn a_sweep_takes_at_most_three_targets_or_a_quarter_of_each_group() {
    let mut scene = nothing().unlisted("b");
    for last in 1..49 {
        scene.targets.insert((group("a"), address(last)), UNANSWERED);
        scene.targets.insert((group("b"), address(last)), UNANSWERED);
    }
    assert_eq!(scene.plan().removal_limits, BTreeMap::from([(group("a"), 12)]));
}

#[test]
fn leases_that_lapse_all_at_once_stop_nothing_and_are_seen_to_lapse() {
    let mut scene = nothing();
    for n in 0..300 {
        scene = scene.with(task(&format!("unleased-{n}")));
    }
    for n in 0..33 {
        let leased = tagged(&format!("leased-{n}"), LEASE_TAG, now() + HOUR);
        scene.suspects.leases.ends.insert(leased.arn.clone(), now() + MINUTE);
        scene = scene.with(leased);
    }
    for n in 0..12 {
        scene = scene.with(tagged(&format!("t{n}"), LEASE_TAG, ago(HOUR)));
    }
    assert!(scene.plan().circumstances.leases.are_lapsing());
    assert!(scene.victims().is_empty());
    scene.tasks.pop();
    assert!(!scene.plan().circumstances.leases.are_lapsing());
    assert_eq!(scene.victims().len(), 11, "a quarter of 44 leased tasks");
}

#[test]
fn a_healthy_fleet_is_asked_nothing() {
    let healthy = nothing().with(task("x")).registered("a", TargetHealth::Healthy);
    let young = nothing().with(Task { created_at: ago(MINUTE), ..task("x") });
    let leased = nothing().with(tagged("x", LEASE_TAG, now() + HOUR));
    let undecided = nothing().with(task("x")).unlisted("a");
    let too_old = nothing().with(Task { created_at: ago(HOUR * 3), ..task("x") });
    for scene in [healthy, young, leased, undecided, too_old] {
        assert_eq!(scene.asked(), 0, "{scene:#?}");
    }
}

#[test]
fn only_a_task_that_no_traffic_reaches_is_asked() {
    assert_eq!(nothing().with(task("x")).asked(), 1);
    let unhealthy = nothing().with(task("x")).registered("a", UNANSWERED);
    assert_eq!(unhealthy.asked(), 1);
}

#[test]
fn where_two_tasks_show_one_address_neither_is_asked() {
    let elsewhere = Task { arn: task_arn("two", "y"), ..task("y") };
    assert_eq!(nothing().with(task("x")).with(elsewhere.clone()).asked(), 0);
    let apart = Task { address: Some(ip(2)), ..elsewhere };
    assert_eq!(nothing().with(task("x")).with(apart).asked(), 2);
}

#[test]
fn a_task_that_is_healthy_in_any_group_has_traffic() {
    let scene = done_twice().registered("a", UNANSWERED).registered("b", TargetHealth::Healthy);
    assert_eq!(scene.row(), TaskRow::Live);
    assert_eq!(scene.unlisted("a").row(), TaskRow::Live, "once is enough");
}

#[test]
fn a_task_without_an_address_has_no_traffic() {
    let scene = nothing().with(Task { address: None, ..task("x") });
    assert_eq!(scene.registered("a", TargetHealth::Healthy).row(), TaskRow::Unrouted);
}

#[test]
fn nobody_holds_an_address_only_where_every_cluster_was_listed_whole() {
    let holder = |scene: &Scene| scene.observation().holder(ip(1));
    assert_eq!(holder(&zombie()), Holder::Nobody);
    assert_eq!(holder(&Scene { others: None, ..zombie() }), Holder::NobodyOfOurs);
    assert_eq!(holder(&Scene { others: Some(false), ..zombie() }), Holder::Unknown);
    for others in [None, Some(true), Some(false)] {
        let scene = Scene { others, ..zombie().unlisted("two") };
        assert_eq!(holder(&scene), Holder::Unknown);
    }
}

#[test]
fn a_holder_is_any_task_that_is_not_known_to_stop() {
    let with = |change: &dyn Fn(&mut Task)| {
        let mut holder = task("x");
        change(&mut holder);
        zombie().with(holder).observation().holder(ip(1))
    };
    let (arn, elsewhere) = (task("x").arn, task_arn("another", "x"));
    let ours = Holder::OfOurs { task: arn.clone(), elsewhere: None };
    assert_eq!(with(&|_| {}), ours);
    assert_eq!(with(&|task| task.desired_status = DesiredStatus::Unrecognised), ours);
    assert_eq!(with(&|task| task.group = Some("service:web".to_owned())), ours);
    assert_eq!(with(&|task| task.desired_status = DesiredStatus::Stopped), Holder::Nobody);
    let stranger = Holder::Stranger { task: arn, elsewhere: None };
    assert_eq!(with(&|task| task.family = "web".to_owned()), stranger);
    let of_another = Some(cluster("another"));
    assert_eq!(
        with(&|task| task.arn = elsewhere.clone()),
        Holder::OfOurs { task: elsewhere.clone(), elsewhere: of_another }
    );
}

#[test]
fn of_two_holders_one_of_a_configured_cluster_says_more() {
    let elsewhere = Task { arn: task_arn("another", "x"), ..task("x") };
    for tasks in [[task("x"), elsewhere.clone()], [elsewhere, task("x")]] {
        let scene = Scene { tasks: tasks.into(), ..zombie() };
        let holder = Holder::OfOurs { task: task("x").arn, elsewhere: None };
        assert_eq!(scene.observation().holder(ip(1)), holder);
    }
}

#[test]
fn a_listing_that_is_missing_is_named() {
    let scene = nothing().unlisted("one").unlisted("a").without_others();
    assert_eq!(scene.observation().problems().len(), 3);
    assert!(nothing().observation().problems().is_empty());
}
