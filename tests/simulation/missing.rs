//! What does not exist has nothing in it: a target group or a cluster that someone has deleted. And a
//! group that refuses us keeps no other group's target.

use crate::invoke::{
    INTERVAL, assert_clean, assert_unharmed, deliver, enforce, function, open_intents, outcome,
    report, target_in,
};
use serde_json::Value;
use session_cleanup_tests::world::{Api, Crash, Fault, Setup, TaskHandle, World};
use std::time::Duration;

fn groups(names: &[&str]) -> World {
    let target_groups = names.iter().map(|name| (*name).to_owned()).collect();
    World::new(Setup { target_groups, ..Setup::default() })
}

async fn end(world: &World, session: &TaskHandle) -> Result<Value, Value> {
    let event = world.session_ended_event(session, "completed");
    report(&function(world, "completion"), &event).await
}

#[tokio::test(start_paused = true)]
async fn one_missing_target_group_keeps_no_other_groups_target() {
    for gone in ["internal", "sessions"] {
        let world = groups(&["sessions", "internal", "spare"]);
        let alice = world.session("alice").registered_in(&["sessions", "internal"]).start();
        world.delete_target_group(gone);
        let answer = end(&world, &alice).await;
        assert_eq!(outcome(&answer), "cleaned", "{gone}: {answer:?}");
        let notes = answer.unwrap()["notes"].to_string();
        assert!(notes.contains("there is no target group") && notes.contains(gone), "{notes}");
        let steps = world.receipts()[alice.id()]["steps"].to_string();
        assert!(steps.contains("\"deregistered\""), "at the first go: {steps}");
        for group in ["sessions", "internal", "spare"] {
            assert!(!world.registered(group).contains(&alice.address()), "{gone}, {group}");
        }
        assert!(world.is_stopping(&alice));
        assert_unharmed(&world);
    }
}

#[tokio::test(start_paused = true)]
async fn where_the_only_target_group_is_missing_the_session_is_cleaned_all_the_same() {
    let world = groups(&["sessions"]);
    let alice = world.session("alice").start();
    world.delete_target_group("sessions");
    let answer = end(&world, &alice).await;
    assert_eq!(outcome(&answer), "cleaned", "{answer:?}");
    assert!(world.is_stopping(&alice));
    assert_unharmed(&world);
}

/// The others' targets go before the task is stopped; what is left is said.
#[tokio::test(start_paused = true)]
async fn a_target_group_that_refuses_keeps_no_other_groups_target() {
    for trouble in [Fault::throttled, Fault::denied, Fault::server_error, Fault::refused] {
        let world = groups(&["sessions", "internal"]);
        let alice = world.session("alice").registered_in(&["sessions", "internal"]).start();
        let refusing = world.setup().target_group_arn("internal");
        world.fault(trouble(Fault::on(Api::DescribeTargetHealth).of(refusing).always()));
        let answer = end(&world, &alice).await;
        assert_eq!(outcome(&answer), "incomplete", "{answer:?}");
        assert!(!world.registered("sessions").contains(&alice.address()), "{answer:?}");
        assert!(world.is_stopping(&alice), "its artifacts are confirmed");
        let notes = answer.unwrap_err()["notes"].to_string();
        assert!(notes.contains("targetgroup/internal"), "the group is named: {notes}");
        assert_unharmed(&world);
    }
}

#[tokio::test(start_paused = true)]
async fn a_missing_cluster_or_group_leaves_a_sweep_whole_and_is_said() {
    let setup = Setup {
        clusters: vec!["sessions".to_owned(), "batch".to_owned()],
        target_groups: vec!["sessions".to_owned(), "internal".to_owned()],
        ..Setup::default()
    };
    let world = World::new(setup);
    world.delete_cluster("batch");
    world.delete_target_group("internal");
    let hour = Duration::from_hours(1);
    let done = world.session("done").started_ago(hour).completed().start();
    let old = world.session("old").started_ago(hour * 3).start();
    let zombie = "127.0.99.1".parse().unwrap();
    world.leave_target("sessions", zombie);
    let report = enforce(&world, "sweep-1").await;
    assert_eq!(report["not_decided"], serde_json::json!([]), "{report:#}");
    let problems = report["problems"].to_string();
    for what in ["ClusterNotFoundException", "TargetGroupNotFound"] {
        assert!(problems.contains(what), "{problems}");
    }
    assert_clean(&world, &old);
    tokio::time::sleep(INTERVAL).await;
    let report = enforce(&world, "sweep-2").await;
    assert_clean(&world, &done);
    assert_eq!(target_in(&report, zombie)["row"], "G5 zombie", "{report:#}");
    assert!(!world.registered("sessions").contains(&zombie));
    assert_unharmed(&world);
}

/// Without `task_arn` the session is searched for in the clusters that are there.
#[tokio::test(start_paused = true)]
async fn a_missing_cluster_keeps_no_session_from_being_found() {
    let clusters = vec!["batch".to_owned(), "sessions".to_owned()];
    let world = World::new(Setup { clusters, ..Setup::default() });
    let alice = world.session("alice").in_cluster("sessions").start();
    world.delete_cluster("batch");
    let mut event = world.session_ended_event(&alice, "completed");
    event["detail"].as_object_mut().unwrap().remove("task_arn");
    let answer = report(&function(&world, "completion"), &event).await;
    assert_eq!(outcome(&answer), "cleaned", "{answer:?}");
    assert_clean(&world, &alice);
}

/// An address goes to another session while it is deregistered, the function dies at any call, and then
/// the cluster of the task that was cleaned up is deleted: whose the address is now decides all the same.
#[tokio::test(start_paused = true)]
async fn an_intent_about_a_task_of_a_deleted_cluster_is_settled() {
    let mut open = 0;
    for calls in 1..=8 {
        let clusters = vec!["sessions".to_owned(), "batch".to_owned()];
        let world = World::new(Setup { clusters, ..Setup::default() });
        let alice = world.session("alice").in_cluster("batch").start();
        let event = world.session_ended_event(&alice, "completed");
        let dies = alice.clone();
        world.before(Api::DeregisterTargets, 1, move |world| {
            world.crash(&dies, 137);
            world.session("bob").started_ago(Duration::ZERO).at_address_of(&dies).start();
        });
        let events = [event];
        let context = function(&world, "dies");
        world.run_until_crash("dies", Crash::After(calls), deliver(&context, &events)).await;
        world.faults_cease();
        open += open_intents(&world).len();
        world.delete_cluster("batch");
        for sweep in ["sweep-1", "sweep-2", "sweep-3"] {
            tokio::time::sleep(INTERVAL).await;
            enforce(&world, sweep).await;
        }
        assert_eq!(open_intents(&world), Vec::<String>::new(), "{calls}\n{}", world.history());
        assert_unharmed(&world);
    }
    assert!(open >= 3, "only {open} were left open");
}

/// A target was deregistered twice: what the newer intent names is that one's to settle, and its function may
/// still be at work.
#[tokio::test(start_paused = true)]
async fn an_older_intent_is_not_settled_while_a_newer_one_names_the_same_target() {
    let world = World::new(Setup::default());
    let alice = world.session("alice").start();
    let setup = world.setup();
    let entry = serde_json::json!({
        "group": setup.target_group_arn("sessions"),
        "address": { "ip": alice.address().to_string(), "port": setup.port },
        "held_by": { "task": { "arn": alice.arn(), "session": "alice", "authority": "owners_word" } },
    });
    let write = |key: &str| {
        let at = world.now().to_string();
        let intent = serde_json::json!({ "written_at": at, "entries": [&entry] });
        world.put_object("ledger", key, intent.to_string());
    };
    write("intents/1-old.json");
    world.owner_deregisters(&alice);
    tokio::time::sleep(INTERVAL).await;
    write("intents/2-new.json");
    enforce(&world, "sweep-1").await;
    assert_eq!(world.count(Api::RegisterTargets), 0, "{}", world.history());
    assert_eq!(open_intents(&world), ["intents/2-new.json"], "the older one has nothing left");
    tokio::time::sleep(INTERVAL).await;
    enforce(&world, "sweep-2").await;
    assert!(world.registered("sessions").contains(&alice.address()), "{}", world.history());
    assert_unharmed(&world);
}

/// Its own cluster is gone with it; its receipt is not.
#[tokio::test(start_paused = true)]
async fn an_event_about_a_task_of_a_deleted_cluster_is_answered_by_its_receipt() {
    let clusters = vec!["sessions".to_owned(), "batch".to_owned()];
    let world = World::new(Setup { clusters, ..Setup::default() });
    let alice = world.session("alice").in_cluster("batch").start();
    let event = world.session_ended_event(&alice, "completed");
    assert_eq!(outcome(&report(&function(&world, "first"), &event).await), "cleaned");
    world.delete_cluster("batch");
    assert_eq!(outcome(&report(&function(&world, "second"), &event).await), "already_clean");
}

/// An intent outlives a configuration: what is no longer configured is not written to.
#[tokio::test(start_paused = true)]
async fn a_group_that_is_no_longer_configured_gets_no_target_back_and_that_is_said() {
    let world = groups(&["sessions", "internal"]);
    let agent = world.session("agent").answers_403().registered_in(&["internal"]).start();
    let event = world.session_ended_event(&agent, "completed");
    world.fault(Fault::on(Api::RegisterTargets).always().denied());
    let answer = report(&function(&world, "completion"), &event).await;
    assert_eq!(outcome(&answer), "rejected", "{answer:?}");
    world.faults_cease();
    world.adjust(|setup| setup.target_groups = vec!["sessions".to_owned()]);
    let before = world.count(Api::RegisterTargets);
    tokio::time::sleep(INTERVAL).await;
    let report = enforce(&world, "sweep").await;
    assert_eq!(world.count(Api::RegisterTargets), before, "{}", world.history());
    let problems = report["intents"]["problems"].to_string();
    assert!(problems.contains("TARGET_GROUP_ARNS"), "{report:#}");
    assert_eq!(open_intents(&world).len(), 1);
    world.assert_unharmed();
}
