//! The same scars elsewhere.

use super::super::crowd::{
    HOUR, MINUTE, enforce_with, metric, stopped, target_row, task_row, too_old,
};
use crate::invoke::{
    INTERVAL, assert_clean, assert_unharmed, deliver, enforce, function, invoke_reaper, receipt,
    sweeps,
};
use serde_json::json;
use session_cleanup_tests::world::{Api, Fault, Health, Setup, TaskHandle, World};
use std::time::Duration;

/// kubernetes-sigs/aws-load-balancer-controller #2173: two controllers on one target group removed each
/// other's targets.
#[tokio::test(start_paused = true)]
async fn another_platforms_targets_in_our_group_are_never_removed() {
    let world = World::new(Setup::default());
    let theirs: Vec<TaskHandle> = (0..20)
        .map(|number| {
            let task = world.session(&format!("theirs-{number}")).of_family("theirs");
            task.in_cluster("theirs").deaf().start()
        })
        .collect();
    for report in sweeps(&world, "sweep", 3).await {
        for task in &theirs {
            assert_eq!(target_row(&report, task.address()), ("G2 misrouted_elsewhere", "kept"));
        }
    }
    assert_eq!(world.count(Api::DeregisterTargets), 0);
    assert_eq!(world.registered("sessions").len(), 20);
    assert_unharmed(&world);
}

/// buildkite/buildkite-agent-scaler #340: a throttled terminate after the marker was written was
/// "already marked, skipping" for ever. A mark never replaces the act.
#[tokio::test(start_paused = true)]
async fn a_stop_that_was_throttled_after_everything_else_is_made_up_for() {
    let world = World::new(Setup::default());
    let marked = world.session("marked").start();
    let old = world.session("old").started_ago(HOUR * 3).start();
    world.fault(Fault::on(Api::StopTask).always().throttled());
    let event = world.session_ended_event(&marked, "completed");
    assert_eq!(deliver(&function(&world, "completion"), &[event]).await, [0]);
    assert!(world.tags(&marked).contains_key("session-ended-at"), "it is marked");
    enforce(&world, "sweep-1").await;
    for task in [&marked, &old] {
        assert_eq!(receipt(&world, task).as_deref(), Some("incomplete"), "so is this");
        assert!(!world.is_stopping(task));
    }
    world.faults_cease();
    tokio::time::sleep(INTERVAL).await;
    enforce(&world, "sweep-2").await;
    assert_clean(&world, &marked);
    assert_clean(&world, &old);
}

/// gruntwork-io/cloud-nuke #846: an exclusion tag was honoured in the dry run and ignored with
/// `--force`.
#[tokio::test(start_paused = true)]
async fn protection_beats_force() {
    let world = World::new(Setup::default());
    let protected = world.session("protected").tag("cleanup-protection", "true").start();
    let other = world.session("other").start();
    let created_before = world.now();
    world.allow_force("sessions", created_before);
    let order = json!({ "cluster": "sessions", "created_before": created_before.to_string() });
    let payload = json!({ "mode": "enforce", "force_cluster": order });
    let report = invoke_reaper(&function(&world, "sweep"), &payload).await;
    assert_eq!(task_row(&report, &protected), ("T2 protected", "kept"), "{report:#}");
    assert!(!world.is_stopping(&protected) && world.completion_calls(&protected).is_empty());
    assert_clean(&world, &other);
}

/// e2b-dev/infra PR #1303: the evictor removed a sandbox that was just being saved. Nothing is stopped
/// while its upload runs, whoever has asked for it.
#[tokio::test(start_paused = true)]
async fn nothing_is_stopped_while_its_upload_runs() {
    // Within the upload timeout, and far beyond it.
    for seconds in [25, 200] {
        let world = World::new(Setup::default());
        let time = Duration::from_secs(seconds);
        let saving = world.session("saving").started_ago(HOUR * 3).uploads_in(time).start();
        let began = world.now();
        let mut sweeps = 0;
        while !world.is_stopping(&saving) {
            sweeps += 1;
            enforce(&world, &format!("sweep-{sweeps}")).await;
            assert!(sweeps < 5, "{}", world.history());
            tokio::time::sleep(INTERVAL).await;
        }
        let calls = world.calls();
        let stop = calls.iter().find(|call| call.api == Api::StopTask).unwrap();
        assert!(stop.sent_at >= began + time, "stopped at {}", stop.sent_at);
        assert_eq!(world.uploads_begun(&saving), 1);
        assert_clean(&world, &saving);
    }
}

/// cloud-custodian/cloud-custodian #3641: safety limits that are off by default hurt users.
#[tokio::test(start_paused = true)]
async fn the_limits_are_on_where_nobody_has_set_them() {
    let world = World::new(Setup::default());
    let fleet = too_old(&world, "old", 40, |session| session);
    let scheduled =
        json!({ "detail-type": "Scheduled Event", "source": "aws.events", "detail": {} });
    invoke_reaper(&function(&world, "scheduled"), &scheduled).await;
    assert!(stopped(&world, &fleet).is_empty(), "a new deployment only reports");
    enforce(&world, "enforced").await;
    assert_eq!(stopped(&world, &fleet).len(), 10, "and has a blast radius");
    assert_unharmed(&world);
}

/// Karpenter `nodeclaim/garbagecollection`, Kubernetes `podgc`: a second, independent probe can veto.
#[tokio::test(start_paused = true)]
async fn an_independent_probe_can_veto() {
    let world = World::new(Setup::default());
    // ECS has forgotten it, the load balancer gets no answer from it, and yet it answers us.
    let forgotten = world.session("forgotten").hidden_for(HOUR * 48).start();
    let timeout = Health::new("unhealthy", "Target.Timeout");
    world.report("sessions", forgotten.address(), timeout.clone());
    // No traffic reaches this one, and it says that it is at work.
    let at_work = world.session("at-work").started_ago(HOUR).start();
    world.report("sessions", at_work.address(), timeout);
    for report in sweeps(&world, "sweep", 3).await {
        assert_eq!(target_row(&report, forgotten.address()), ("G6 foreign", "kept"), "{report:#}");
        assert_eq!(task_row(&report, &at_work), ("T9b unrouted", "kept"), "{report:#}");
    }
    assert_eq!(world.registered("sessions").len(), 2);
    assert!(world.is_live(&at_work) && world.completion_calls(&at_work).is_empty());
    assert_unharmed(&world);
}

/// aws/amazon-ecs-agent #500, #1417: targets are left behind, and their address is given to another
/// application, which then gets this group's traffic.
#[tokio::test(start_paused = true)]
async fn a_target_left_behind_whose_address_another_application_got_is_reported_and_kept() {
    let world = World::new(Setup::default());
    let dead = world.session("dead").start();
    world.crash(&dead, 137);
    tokio::time::sleep(MINUTE).await;
    let report = enforce(&world, "sweep-1").await;
    assert_eq!(target_row(&report, dead.address()), ("G4 suspected", "suspected"));
    let application = world.session("web").of_family("web").unregistered();
    let application = application.at_address_of(&dead).start();
    for number in 2..=4 {
        tokio::time::sleep(INTERVAL).await;
        let (report, metrics) = enforce_with(&world, &format!("sweep-{number}"), &[]).await;
        assert_eq!(target_row(&report, dead.address()), ("G2 misrouted", "kept"), "{report:#}");
        assert_eq!(metric(&metrics, "MisroutedTargets"), 1, "people are told");
    }
    assert!(!world.is_stopping(&application));
    assert_eq!(world.count(Api::DeregisterTargets), 0);
    assert_unharmed(&world);
}
