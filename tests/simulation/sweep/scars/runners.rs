//! github-aws-runners/terraform-aws-github-runner, `scale-down`: the nearest relative.

use super::super::crowd::{
    HOUR, MINUTE, enforce_with, left_targets, metric, renewing, stopped, target_row, task_row,
    too_old, warns,
};
use crate::invoke::{INTERVAL, assert_unharmed, enforce, sweeps, task_in};
use serde_json::json;
use session_cleanup_tests::world::{Api, Dwell, Fault, SessionBuilder, Setup, TaskHandle, World};
use std::time::Duration;

/// github-aws-runners/terraform-aws-github-runner #3802, #4391: busy runners were taken for orphans and
/// killed, because "not found" was read as "dead". Unknown means live.
#[tokio::test(start_paused = true)]
async fn what_is_not_found_because_a_look_failed_is_not_dead() {
    for api in [Api::ListTasks, Api::DescribeTasks] {
        let world = World::new(Setup::default());
        let busy = world.session("busy").deaf().start();
        let old = world.session("old").started_ago(HOUR).unregistered().completed().start();
        world.fault(Fault::on(api).always().server_error());
        for number in 1..=3 {
            let report = enforce(&world, &format!("sweep-{number}")).await;
            assert_eq!(target_row(&report, busy.address()), ("G7 undecided", "kept"), "{report:#}");
            assert!(warns(&report, "incomplete"));
            tokio::time::sleep(INTERVAL).await;
        }
        assert!(world.registered("sessions").contains(&busy.address()));
        assert!(stopped(&world, &[busy, old]).is_empty());
        assert_unharmed(&world);
    }
}

/// The same, PR #4001: orphans are marked in one cycle and removed in the next.
#[tokio::test(start_paused = true)]
async fn one_cycle_marks_and_the_next_removes() {
    let world = World::new(Setup::default());
    let done = world.session("done").started_ago(HOUR).completed().start();
    let target = left_targets(&world, "sessions", 1)[0];
    enforce(&world, "sweep-1").await;
    assert!(!world.is_stopping(&done) && world.registered("sessions").contains(&target));
    tokio::time::sleep(INTERVAL).await;
    enforce(&world, "sweep-2").await;
    assert!(world.is_stopping(&done) && !world.registered("sessions").contains(&target));
    assert_unharmed(&world);
}

/// The same, PR #5194: the protection tag was checked on one path and not on the other.
#[tokio::test(start_paused = true)]
async fn protection_holds_on_every_path() {
    let world = World::new(Setup::default());
    let protected = |name| world.session(name).tag("cleanup-protection", "true");
    let all = [
        protected("ended").tag("session-ended-at", "2026-11-01T09:00:00Z").start(),
        protected("ancient").started_ago(HOUR * 100).start(),
        protected("lapsed").lease_lapsed(HOUR * 10).start(),
        protected("old").started_ago(HOUR * 3).start(),
        protected("done").started_ago(HOUR).completed().start(),
        protected("stuck").started_ago(HOUR * 3).never_started().start(),
    ];
    world.session("leased").leased_for(HOUR).start();
    for report in sweeps(&world, "sweep", 3).await {
        for task in &all {
            assert_eq!(task_row(&report, task), ("T2 protected", "kept"), "{report:#}");
        }
    }
    assert!(stopped(&world, &all).is_empty());
    assert_eq!(world.count(Api::ContainerComplete), 0);
    assert_unharmed(&world);
}

/// The same, #5085: a job arrived between the check and the kill. We look again right before acting,
/// and what slips through all the same is undone.
#[tokio::test(start_paused = true)]
async fn what_comes_to_life_between_the_check_and_the_act_is_spared_or_re_registered() {
    let world = World::new(Setup::default());
    renewing(&world, "leased");
    let session = world.session("renewed").lease_lapsed(MINUTE * 20).start();
    let renewed = session.clone();
    world.before(Api::DescribeTasks, 2, move |world| {
        world.set_tag(&renewed, "lease-expires-at", &(world.now() + HOUR).to_string());
    });
    let address = left_targets(&world, "sessions", 1)[0];
    let report = enforce(&world, "sweep-1").await;
    assert_eq!(task_in(&report, &session)["action"], "spared", "{report:#}");
    assert!(world.is_live(&session) && world.completion_calls(&session).is_empty());
    tokio::time::sleep(INTERVAL).await;
    world.before(Api::DeregisterTargets, 1, move |world| {
        world.session("new").at_address(address).start();
    });
    let (report, metrics) = enforce_with(&world, "sweep-2", &[]).await;
    assert_eq!(target_row(&report, address), ("G5 zombie", "spared"), "{report:#}");
    assert_eq!(metric(&metrics, "ReRegistrations"), 1);
    assert!(world.registered("sessions").contains(&address));
    assert_unharmed(&world);
}

/// The same, #4724: when the look-up fails for ever, nothing is ever cleaned. Every keep that rests on a
/// failure is reported, and has an end.
#[tokio::test(start_paused = true)]
async fn a_keep_that_rests_on_a_failure_is_reported_and_has_an_end() {
    let world = World::new(Setup::default());
    let done = world.session("done").started_ago(MINUTE * 113).completed().start();
    world.fault(Fault::on(Api::DescribeTargetHealth).always().denied());
    for number in 1..=2 {
        let (report, metrics) = enforce_with(&world, &format!("sweep-{number}"), &[]).await;
        assert_eq!(task_row(&report, &done), ("T9 undecided", "kept"), "{report:#}");
        assert_eq!(metric(&metrics, "SweepsIncomplete"), 1);
        tokio::time::sleep(INTERVAL).await;
    }
    let report = enforce(&world, "sweep-3").await;
    assert_eq!(task_row(&report, &done).0, "T8 too_old", "{report:#}");
    assert!(world.is_stopping(&done), "{}", world.history());
    assert_unharmed(&world);
}

/// The same, #3910: one runner's 404 aborted every sweep, and thousands of machines ran for hours.
#[tokio::test(start_paused = true)]
async fn a_victim_that_is_gone_does_not_end_the_sweep() {
    let (now, gone) = (Duration::ZERO, Duration::ZERO);
    let dwell =
        Dwell { deactivating: now, deprovisioning: now, remembered: gone, ..Dwell::default() };
    let world = World::new(Setup { dwell, ..Setup::default() });
    let old = too_old(&world, "old", 6, SessionBuilder::dies_on_sigterm);
    let first = old[0].clone();
    world.before(Api::DescribeTasks, 2, move |world| world.operator_stops(&first, "by hand"));
    let report = enforce(&world, "sweep").await;
    assert_eq!(report["counts"]["orphans"], 6, "{report:#}");
    assert_eq!(stopped(&world, &old).len(), 6, "{}", world.history());
    assert_eq!(report["counts"]["reaped"], 5, "{report:#}");
    assert_unharmed(&world);
}

/// The same, #167: only the first page (30 runners) was read, so live ones on page two became orphans.
#[tokio::test(start_paused = true)]
async fn all_pages_are_read_or_nothing_is_concluded() {
    let world = World::new(Setup::default());
    let mut fleet: Vec<TaskHandle> =
        (0..350).map(|number| world.session(&format!("s-{number}")).start()).collect();
    // ECS lists by id: these are on the last page.
    fleet.sort_by(|one, other| one.id().cmp(other.id()));
    let last = &fleet[320..];
    for busy in last {
        world.behaves(busy, |container| container.deaf = true);
    }
    let reports = sweeps(&world, "sweep", 2).await;
    assert_eq!(reports[1]["counts"]["session_tasks"], 350);
    assert_eq!(reports[1]["targets"], json!([]), "each has its owner");
    world.fault(Fault::on(Api::ListTasks).nth(4).always().server_error());
    let report = enforce(&world, "cut-short").await;
    for busy in last {
        assert_eq!(target_row(&report, busy.address()), ("G7 undecided", "kept"), "{report:#}");
    }
    assert_eq!(world.count(Api::DeregisterTargets), 0);
    assert_eq!(world.registered("sessions").len(), 350);
    assert_unharmed(&world);
}
