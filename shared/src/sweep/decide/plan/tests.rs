//! What a plan adds to the two tables: memories, windows, limits, and who is asked.

use super::scene::Scene;
use super::*;
use crate::aws::{TargetHealth, Unhealthy};
use crate::session::{DesiredStatus, LEASE_TAG, SESSION_ENDED_TAG, Task};
use crate::sweep::decide::Owner;
use crate::sweep::fixtures::{
    HOUR, MINUTE, SECOND, address, ago, cluster, group, ip, now, policy, task, task_arn,
};
use std::time::Duration;

const UNANSWERED: TargetHealth = TargetHealth::Unhealthy(Unhealthy::Timeout);
const INTERVAL: Duration = Duration::from_mins(5);

/// All is listed, and nothing is there.
fn nothing() -> Scene {
    Scene {
        tasks: Vec::new(),
        targets: BTreeMap::new(),
        unlisted: BTreeSet::new(),
        others: Some(true),
        answers: BTreeMap::new(),
        words: BTreeMap::new(),
        suspects: Suspects::default(),
        force: None,
        policy: policy(),
    }
}

/// A task without traffic whose container says that it is done; suspect for one interval.
fn done_twice() -> Scene {
    let mut scene = nothing().with(task("x"));
    scene.words.insert(task("x").arn, Witness::Done);
    scene.suspects.tasks.insert(task("x").arn, since(INTERVAL));
    scene
}

/// A target that nobody has and nobody answers at; suspect for one interval.
fn zombie() -> Scene {
    let mut scene = nothing().registered("a", UNANSWERED);
    scene.answers.insert(address(1), Witness::Silent);
    scene.suspects.targets.insert(target("a"), since(INTERVAL));
    scene
}

/// An orphan whose lease has lapsed, asked in vain an interval ago.
fn vain() -> Scene {
    let mut scene = nothing().with(tagged("x", LEASE_TAG, ago(HOUR * 3)));
    scene.suspects.vain.insert(task("x").arn, since(INTERVAL));
    scene
}

impl Scene {
    fn with(mut self, task: Task) -> Self {
        self.tasks.push(task);
        self
    }

    /// A target at the first address.
    fn registered(mut self, name: &str, health: TargetHealth) -> Self {
        self.targets.insert(target(name), health);
        self
    }

    fn unlisted(mut self, name: &'static str) -> Self {
        self.unlisted.insert(name);
        self
    }

    fn answered(mut self, witness: Witness) -> Self {
        self.answers.insert(address(1), witness);
        self
    }

    fn row(&self) -> TaskRow {
        self.plan().tasks.first().map_or(TaskRow::Live, |decision| decision.judged.row)
    }

    fn target_row(&self) -> Option<TargetRow> {
        self.plan().targets.first().map(|decision| decision.row)
    }

    /// What is remembered of the one task that was suspect.
    fn suspicion(&self) -> Option<Seen> {
        self.plan().suspects.tasks.get(&task("x").arn).copied()
    }

    fn target_suspicion(&self) -> Option<Seen> {
        self.plan().suspects.targets.get(&target("a")).copied()
    }

    fn vain_since(&self) -> Option<Seen> {
        self.plan().suspects.vain.get(&task("x").arn).copied()
    }

    fn salvage(&self) -> SalvageWindow {
        self.plan().tasks.first().unwrap().judged.salvage
    }

    fn asked(&self) -> usize {
        self.on_grounds(|grounds| to_be_witnessed(grounds).len())
    }
}

fn target(name: &str) -> (TargetGroupArn, TargetAddress) {
    (group(name), address(1))
}

fn since(age: Duration) -> Seen {
    Seen { since: ago(age), last: ago(INTERVAL) }
}

fn tagged(id: &str, tag: &str, at: Timestamp) -> Task {
    Task { tags: BTreeMap::from([(tag.to_owned(), at.to_string())]), ..task(id) }
}

#[test]
fn a_suspicion_that_is_seen_again_is_as_old_as_its_first_sighting() {
    let again = Some(Seen { since: ago(INTERVAL), last: now() });
    assert_eq!(done_twice().row(), TaskRow::Done);
    assert_eq!(done_twice().suspicion(), again);
    assert_eq!(zombie().target_row(), Some(TargetRow::Zombie));
    assert_eq!(zombie().target_suspicion(), again);
}

#[test]
fn a_first_sighting_is_remembered_and_not_acted_on() {
    let first = Some(Seen { since: now(), last: now() });
    let mut done = done_twice();
    done.suspects = Suspects::default();
    assert_eq!((done.row(), done.suspicion()), (TaskRow::SuspectedDone, first));
    let mut zombie = zombie();
    zombie.suspects = Suspects::default();
    let seen = (zombie.target_row(), zombie.target_suspicion());
    assert_eq!(seen, (Some(TargetRow::Suspected), first));
}

#[test]
fn two_sightings_less_than_half_an_interval_apart_are_one() {
    for (age, row, target_row) in [
        (INTERVAL / 2, TaskRow::Done, TargetRow::Zombie),
        (INTERVAL / 2 - SECOND, TaskRow::SuspectedDone, TargetRow::Suspected),
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
    active.words.insert(task("x").arn, Witness::Active);
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
        zombie().answered(Witness::Answers),
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
    scene.suspects.vain.insert(task_arn("another", "x"), since(INTERVAL));
    scene.suspects.targets.insert(target("c"), since(INTERVAL));
    assert!(scene.unlisted("one").unlisted("a").plan().suspects.is_empty());
}

#[test]
fn a_vain_salvage_is_remembered_while_the_task_is_an_orphan() {
    let on = Some(Seen { since: ago(INTERVAL), last: now() });
    assert_eq!(vain().vain_since(), on);
    let ended = Scene { tasks: vec![tagged("x", SESSION_ENDED_TAG, ago(MINUTE))], ..vain() };
    assert_eq!(ended.vain_since(), on, "an orphan for another reason is one all the same");
}

#[test]
fn a_vain_salvage_is_forgotten_once_the_task_is_an_orphan_no_longer() {
    let renewed = Scene { tasks: vec![tagged("x", LEASE_TAG, now() + HOUR)], ..vain() };
    let gone = Scene { tasks: Vec::new(), ..vain() };
    for scene in [renewed, gone] {
        assert_eq!(scene.vain_since(), None);
        assert_eq!(scene.unlisted("b").vain_since(), None);
    }
}

#[test]
fn a_vain_salvage_is_kept_as_it_was_while_its_task_can_not_be_judged() {
    let unseen = Scene { tasks: Vec::new(), ..vain().unlisted("one") };
    assert_eq!(unseen.vain_since(), Some(since(INTERVAL)));
    let mut undecided = done_twice().unlisted("b");
    undecided.suspects.vain.insert(task("x").arn, since(INTERVAL));
    assert_eq!(undecided.vain_since(), Some(since(INTERVAL)));
}

#[test]
fn the_salvage_window_counts_from_the_owners_word_or_from_the_first_vain_salvage() {
    let ended = |age| nothing().with(tagged("x", SESSION_ENDED_TAG, ago(age)));
    let asked = |age| {
        let mut scene = vain();
        scene.suspects.vain.insert(task("x").arn, since(age));
        scene
    };
    for scene in [ended(MINUTE * 30 + SECOND), asked(MINUTE * 30 + SECOND)] {
        assert_eq!(scene.salvage(), SalvageWindow::Over);
    }
    for scene in [ended(MINUTE * 30), asked(MINUTE * 30), asked(Duration::ZERO)] {
        assert_eq!(scene.salvage(), SalvageWindow::Open);
    }
}

#[test]
fn an_orphan_that_was_never_asked_has_its_whole_salvage_window() {
    let lapsed = nothing().with(tagged("x", LEASE_TAG, ago(HOUR * 20)));
    let old = nothing().with(Task { created_at: ago(HOUR * 20), ..task("x") });
    let mut unreadable = task("x");
    unreadable.tags.insert(SESSION_ENDED_TAG.to_owned(), "yesterday".to_owned());
    for scene in [lapsed, old, nothing().with(unreadable)] {
        assert_eq!(scene.salvage(), SalvageWindow::Open);
    }
}

#[test]
fn beyond_the_hard_age_the_salvage_window_is_over_in_any_case() {
    let aged = |age| {
        let ended = tagged("x", SESSION_ENDED_TAG, now() + HOUR);
        nothing().with(Task { created_at: ago(age), ..ended })
    };
    assert_eq!(aged(HOUR * 24).salvage(), SalvageWindow::Open);
    assert_eq!(aged(HOUR * 24 + SECOND).salvage(), SalvageWindow::Over);
}

#[test]
fn a_sweep_stops_at_most_ten_tasks_or_a_quarter_of_those_that_live() {
    let fleet = |live: usize| {
        let mut scene = nothing();
        scene.tasks = (0..live).map(|n| task(&format!("t{n}"))).collect();
        for n in 0..40 {
            let stopping =
                Task { desired_status: DesiredStatus::Stopped, ..task(&format!("s{n}")) };
            scene = scene.with(stopping).with(Task { family: "web".to_owned(), ..task("w") });
        }
        scene.plan().most_stops
    };
    assert_eq!([0, 40, 43, 44].map(fleet), [10, 10, 10, 11]);
}

#[test]
fn a_sweep_takes_at_most_ten_targets_or_a_quarter_of_each_group() {
    let mut scene = nothing().unlisted("b");
    for last in 1..49 {
        scene.targets.insert((group("a"), address(last)), UNANSWERED);
        scene.targets.insert((group("b"), address(last)), UNANSWERED);
    }
    assert_eq!(scene.plan().most_taken, BTreeMap::from([(group("a"), 12)]));
}

#[test]
fn leases_that_lapse_all_at_once_stop_nothing_and_are_seen_to_lapse() {
    let mut scene = nothing().with(tagged("leased", LEASE_TAG, now() + HOUR));
    for n in 0..11 {
        scene = scene.with(tagged(&format!("t{n}"), LEASE_TAG, ago(HOUR)));
    }
    assert!(scene.plan().circumstances.leases.are_lapsing());
    assert!(scene.victims().is_empty());
    scene.tasks.pop();
    assert!(!scene.plan().circumstances.leases.are_lapsing());
    assert_eq!(scene.victims().len(), 10);
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
fn a_task_that_is_healthy_in_any_group_has_traffic() {
    let scene = done_twice().registered("a", UNANSWERED).registered("b", TargetHealth::Healthy);
    assert_eq!(scene.row(), TaskRow::Live);
    assert_eq!(scene.unlisted("a").row(), TaskRow::Live, "one sighting is enough");
}

#[test]
fn a_task_without_an_address_has_no_traffic() {
    let scene = nothing().with(Task { address: None, ..task("x") });
    assert_eq!(scene.registered("a", TargetHealth::Healthy).row(), TaskRow::Unrouted);
}

#[test]
fn nobody_has_an_address_only_where_every_cluster_was_listed_whole() {
    let owner = |scene: &Scene| scene.observation().owner(ip(1));
    assert_eq!(owner(&zombie()), Owner::Nobody);
    assert_eq!(owner(&Scene { others: None, ..zombie() }), Owner::NobodyOfOurs);
    assert_eq!(owner(&Scene { others: Some(false), ..zombie() }), Owner::Unknown);
    for others in [None, Some(true), Some(false)] {
        let scene = Scene { others, ..zombie().unlisted("two") };
        assert_eq!(owner(&scene), Owner::Unknown);
    }
}

#[test]
fn an_owner_is_any_task_that_is_not_known_to_stop() {
    let with = |change: &dyn Fn(&mut Task)| {
        let mut owner = task("x");
        change(&mut owner);
        zombie().with(owner).observation().owner(ip(1))
    };
    let (arn, elsewhere) = (task("x").arn, task_arn("another", "x"));
    let ours = Owner::OfOurs { task: arn.clone(), elsewhere: None };
    assert_eq!(with(&|_| {}), ours);
    assert_eq!(with(&|task| task.desired_status = DesiredStatus::Unrecognised), ours);
    assert_eq!(with(&|task| task.group = Some("service:web".to_owned())), ours);
    assert_eq!(with(&|task| task.desired_status = DesiredStatus::Stopped), Owner::Nobody);
    let stranger = Owner::Stranger { task: arn, elsewhere: None };
    assert_eq!(with(&|task| task.family = "web".to_owned()), stranger);
    let of_another = Some(cluster("another"));
    assert_eq!(
        with(&|task| task.arn = elsewhere.clone()),
        Owner::OfOurs { task: elsewhere.clone(), elsewhere: of_another }
    );
}

#[test]
fn of_two_owners_one_of_a_configured_cluster_says_more() {
    let elsewhere = Task { arn: task_arn("another", "x"), ..task("x") };
    for tasks in [[task("x"), elsewhere.clone()], [elsewhere, task("x")]] {
        let scene = Scene { tasks: tasks.into(), ..zombie() };
        let owner = Owner::OfOurs { task: task("x").arn, elsewhere: None };
        assert_eq!(scene.observation().owner(ip(1)), owner);
    }
}

#[test]
fn a_listing_that_is_missing_is_named() {
    let scene = nothing().unlisted("one").unlisted("a").without_others();
    assert_eq!(scene.observation().problems().len(), 3);
    assert!(nothing().observation().problems().is_empty());
}
