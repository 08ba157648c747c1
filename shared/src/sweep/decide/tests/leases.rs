//! What all leases together say, with what the sweeps before have seen and done.

use super::fixtures::{HOUR, MINUTE, SECOND, ago, now, policy, scope, task, task_arn};
use super::sentences::tagged;
use crate::session::{LEASE_TAG, SESSION_ENDED_TAG, SessionTask, Task};
use crate::sweep::decide::Leases;
use crate::sweep::suspects::{SeenLeases, Suspects};
use jiff::Timestamp;

fn read(task: &Task) -> SessionTask {
    SessionTask::read(task, scope(), now()).unwrap()
}

fn leased(id: &str, end: Timestamp) -> SessionTask {
    read(&tagged(id, LEASE_TAG, end))
}

fn count(tasks: &[SessionTask], before: &Suspects) -> Leases {
    Leases::count(tasks, true, before, &policy(), now())
}

/// What ran an interval ago, and when it ended then.
fn seen_before(ends: &[(&str, Timestamp)]) -> Suspects {
    let ends = ends.iter().map(|(id, end)| (task_arn("one", id), *end));
    let leases = SeenLeases::new(ends, ago(MINUTE * 5));
    Suspects { leases, ..Suspects::default() }
}

#[test]
fn a_lapsed_lease_is_counted_where_a_fate_may_hang_on_it() {
    let with = |change: &dyn Fn(&mut SessionTask)| {
        let mut task = leased("x", ago(HOUR));
        change(&mut task);
        count(&[task], &Suspects::default()).lapsed
    };
    assert_eq!(with(&|_| {}), 1);
    assert_eq!(with(&|task| task.protected = true), 0);
    assert_eq!(with(&|task| task.session = None), 0);
    assert_eq!(with(&|task| task.created_at = ago(HOUR * 24 + SECOND)), 0);
    assert_eq!(with(&|task| task.shall_run = false), 0);
    let mut ended = tagged("x", LEASE_TAG, ago(HOUR));
    ended.tags.insert(SESSION_ENDED_TAG.to_owned(), ago(MINUTE).to_string());
    assert_eq!(count(&[read(&ended)], &Suspects::default()).lapsed, 0);
    assert_eq!(count(&[read(&task("x"))], &Suspects::default()).lapsed, 0, "it has none");
}

#[test]
fn only_a_lease_that_was_seen_to_end_sooner_shows_that_renewal_works() {
    let end = now() + HOUR;
    let extended = |before: &Suspects| count(&[leased("x", end)], before).extended;
    assert_eq!(extended(&seen_before(&[("x", end - SECOND)])), 1);
    assert_eq!(extended(&seen_before(&[("x", end)])), 0, "as it was");
    assert_eq!(extended(&seen_before(&[("x", end + SECOND)])), 0, "cut shorter");
    assert_eq!(extended(&seen_before(&[("y", end - SECOND)])), 0, "another's");
    assert_eq!(extended(&Suspects::default()), 0, "never seen before");
    let forgotten = leased("x", now() + HOUR * 24 + SECOND);
    let before = seen_before(&[("x", end)]);
    let counted = count(&[forgotten], &before);
    assert_eq!((counted.extended, counted.running), (0, 0), "later than any session may get");
    let mut told = leased("x", end);
    told.shall_run = false;
    assert_eq!(count(&[told], &seen_before(&[("x", end - SECOND)])).extended, 0);
}

#[test]
fn a_memory_of_leases_counts_for_three_intervals() {
    let seen = |age| {
        let at = [(task_arn("one", "x"), now())];
        let before = Suspects { leases: SeenLeases::new(at, ago(age)), ..Suspects::default() };
        let before = before.still_fresh(MINUTE * 5, now());
        count(&[leased("x", now() + HOUR)], &before).extended
    };
    assert_eq!((seen(MINUTE * 15), seen(MINUTE * 15 + SECOND)), (1, 0));
}

#[test]
fn those_reaped_within_the_maximum_session_age_are_counted_once() {
    let mut before = Suspects::default();
    for (id, age) in [("x", MINUTE), ("y", HOUR * 2), ("z", HOUR * 2 + SECOND)] {
        before.reaped_for_leases.insert(task_arn("one", id), ago(age));
    }
    let fleet = [leased("x", ago(HOUR))];
    let counted = count(&fleet, &before);
    assert_eq!((counted.lapsed, counted.reaped), (1, 1), "x runs still, z was long ago");
    assert_eq!(count(&[], &before).reaped, 2);
}

#[test]
fn at_most_a_thousand_leases_are_remembered() {
    let many = (0..1_200).map(|n| (task_arn("one", &format!("t{n}")), now()));
    assert_eq!(SeenLeases::new(many, now()).ends.len(), 1_000);
}
