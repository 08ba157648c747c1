//! Platforms without a load balancer, and without artifacts: nothing of what is not there is called or waited
//! for.

use crate::invoke::{
    INTERVAL, assert_clean, assert_unharmed, deliver, function_with, invoke_reaper, open_intents,
    outcome, receipt, report, sweeps, task_in,
};
use serde_json::{Value, json};
use session_cleanup_tests::world::{Api, Fault, Setup, TaskHandle, World};
use std::time::Duration;

const HOUR: Duration = Duration::from_hours(1);
const DISCARD: [(&str, &str); 2] = [("ARTIFACT_MODE", "discard"), ("ARTIFACT_BUCKET", "")];

fn without_groups() -> Setup {
    Setup { target_groups: Vec::new(), ..Setup::default() }
}

fn without_artifacts(setup: Setup) -> World {
    World::new(Setup { artifacts_are_discarded: true, ..setup })
}

fn assert_no_load_balancer_is_called(world: &World) {
    let called = world.calls().into_iter().find(|call| Api::ELB.contains(&call.api));
    assert!(called.is_none(), "{called:?}\n{}", world.history());
}

fn steps(receipt: &Value) -> Vec<&str> {
    receipt["steps"].as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap()).collect()
}

#[tokio::test(start_paused = true)]
async fn without_target_groups_a_session_is_saved_and_its_task_stopped_and_nothing_else() {
    let world = World::new(without_groups());
    let alice = world.session("alice").start();
    let dead = world.session("dead").completed().stopped(137).start();
    let (context, _) = function_with(&world, "completion", &[]);
    let events = [world.session_ended_event(&alice, "completed"), world.task_event(&dead)];
    assert!(deliver(&context, &events).await.is_empty());
    assert_clean(&world, &alice);
    assert_eq!(receipt(&world, &dead).as_deref(), Some("artifacts_unverified"));
    for task in [&alice, &dead] {
        let receipt = &world.receipts()[task.id()];
        assert_eq!(receipt["target"], "not_routed");
        let of_targets = ["deregister", "verify_target", "re_register"];
        assert!(steps(receipt).iter().all(|step| !of_targets.contains(step)), "{receipt:#}");
    }
    assert_no_load_balancer_is_called(&world);
    assert!(world.keys("ledger").iter().all(|key| !key.starts_with("intents/")));
}

/// Rows that rest on facts hold; those that rest on traffic are not asked.
#[tokio::test(start_paused = true)]
async fn without_target_groups_a_sweep_reaps_by_facts_and_probes_nobody() {
    let world = World::new(without_groups());
    let old = world.session("old").started_ago(HOUR * 3).start();
    let ended = world.session("ended").ended_by_owner();
    let ended = ended.tag("session-ended-at", &world.now().to_string()).start();
    let done = world.session("done").started_ago(HOUR).completed().start();
    let young = world.session("young").started_ago(HOUR).start();
    let reports = sweeps(&world, "sweep", 3).await;
    for orphan in [&old, &ended] {
        assert_clean(&world, orphan);
        assert_eq!(world.receipts()[orphan.id()]["target"], "not_routed");
    }
    for kept in [&done, &young] {
        assert!(!world.is_stopping(kept), "{}", world.history());
        assert_eq!(*task_in(&reports[0], kept), Value::Null, "it is plainly fine");
    }
    assert_eq!(world.count(Api::ContainerHealth), 0, "{}", world.history());
    assert_no_load_balancer_is_called(&world);
}

#[tokio::test(start_paused = true)]
async fn a_fleet_of_ten_thousand_without_a_load_balancer_costs_a_sweep_its_listing_alone() {
    let world = World::new(without_groups());
    for number in 0..10_000 {
        world.session(&format!("s-{number}")).started_ago(HOUR).start();
    }
    let (context, _) = function_with(&world, "sweep", &[]);
    let report = invoke_reaper(&context, &json!({"mode": "enforce"})).await;
    assert_eq!(report["tasks"], json!([]));
    let reads = world.count(Api::ListTasks) + world.count(Api::DescribeTasks);
    assert_eq!(reads, 200, "a hundred tasks a page");
    // The memory is read and replaced, and intents are listed, as ever.
    assert_eq!(world.calls().len(), reads + 3, "{}", world.calls().len());
}

#[tokio::test(start_paused = true)]
async fn where_artifacts_are_discarded_nobody_is_asked_and_nothing_can_be_lost() {
    for setup in [Setup::default(), without_groups()] {
        let world = without_artifacts(setup);
        let alice = world.session("alice").upload_never_works().start();
        let silent = world.session("silent").silent().start();
        let dead = world.session("dead").stopped(137).start();
        let nameless = world.session("nameless").identified_by_tag().stopped(137).start();
        let (context, metrics) = function_with(&world, "completion", &DISCARD);
        let mut events =
            [&alice, &silent].map(|task| world.session_ended_event(task, "completed")).to_vec();
        events.extend([&dead, &nameless].map(|task| world.task_event(task)));
        assert!(deliver(&context, &events).await.is_empty(), "{}", world.history());
        for task in [&alice, &silent, &dead] {
            let became = receipt(&world, task);
            assert_eq!(became.as_deref(), Some("cleaned"), "{}", world.history());
            assert_eq!(world.receipts()[task.id()]["artifacts"], "discarded");
        }
        assert!([&alice, &silent].iter().all(|task| world.is_stopping(task)));
        assert_eq!(world.count(Api::ContainerComplete) + world.count(Api::HeadObject), 0);
        let metrics = metrics.lock().unwrap().join("\n");
        assert!(!metrics.contains("\"ArtifactsLost\":1") && !metrics.contains("OutcomeUnknown"));
        assert_unharmed(&world);
    }
}

/// Its owner still stops its tasks itself, which deletes the tag; its target is in traffic.
#[tokio::test(start_paused = true)]
async fn the_target_of_a_session_without_artifacts_goes_though_its_owner_has_stopped_its_task() {
    let world = without_artifacts(Setup::default());
    let alice = world.session("alice").identified_by_tag().start();
    let event = world.session_ended_event(&alice, "completed");
    world.operator_stops(&alice, "my own cleanup");
    let (context, _) = function_with(&world, "completion", &DISCARD);
    assert!(deliver(&context, &[event]).await.is_empty());
    assert_clean(&world, &alice);
    assert_eq!(world.receipts()[alice.id()]["target"], "gone");
}

async fn sweep_discarding(world: &World, caller: &str) -> Value {
    let (context, _) = function_with(world, caller, &DISCARD);
    invoke_reaper(&context, &json!({"mode": "enforce"})).await
}

/// Without a container's word, its row is decided once more right before each act.
#[tokio::test(start_paused = true)]
async fn an_orphan_whose_lease_is_extended_at_the_last_moment_is_spared_without_being_asked() {
    for setup in [Setup::default(), without_groups()] {
        for look in 2..=4 {
            let world = without_artifacts(setup.clone());
            let old = world.session("old").started_ago(HOUR * 3).start();
            let gone = world.session("gone").started_ago(HOUR * 3).start();
            let extended = old.clone();
            world.before(Api::DescribeTasks, look, move |world: &World| {
                let until = world.now() + HOUR;
                world.set_tag(&extended, "lease-expires-at", &until.to_string());
            });
            sweep_discarding(&world, "sweep").await;
            let spared = !world.is_stopping(&old);
            assert!(
                spared || look > 2,
                "the look before the first act spares it\n{}",
                world.history()
            );
            assert!(world.is_stopping(&gone), "{look}\n{}", world.history());
            tokio::time::sleep(INTERVAL).await;
            sweep_discarding(&world, "second").await;
            assert_unharmed(&world);
            if spared {
                assert!(world.is_live(&old), "{look}\n{}", world.history());
            }
        }
    }
}

/// A deregistration is repeated after a look; what that shows keeps the target.
#[tokio::test(start_paused = true)]
async fn an_orphan_that_is_protected_before_its_deregistration_is_repeated_keeps_its_target() {
    let world = without_artifacts(Setup::default());
    let old = world.session("old").started_ago(HOUR * 3).start();
    world.fault(Fault::on(Api::DeregisterTargets).nth(1).server_error());
    let protected = old.clone();
    world.before(Api::DescribeTasks, 3, move |world: &World| {
        world.set_tag(&protected, "cleanup-protection", "true");
    });
    sweep_discarding(&world, "sweep").await;
    assert_eq!(world.count(Api::DeregisterTargets), 1, "{}", world.history());
    assert!(world.registered("sessions").contains(&old.address()));
    tokio::time::sleep(INTERVAL * 2).await;
    sweep_discarding(&world, "second").await;
    assert!(world.registered("sessions").contains(&old.address()));
    assert!(!world.is_stopping(&old), "{}", world.history());
    assert_eq!(open_intents(&world), Vec::<String>::new());
    assert_unharmed(&world);
}

/// One that is configured as before knows what a stop in the other mode meant.
#[tokio::test(start_paused = true)]
async fn a_stop_without_artifacts_is_read_back_by_whoever_meets_it() {
    let world = without_artifacts(without_groups());
    let alice = world.session("alice").identified_by_tag().start();
    let event = world.session_ended_event(&alice, "completed");
    let (context, _) = function_with(&world, "first", &DISCARD);
    assert_eq!(outcome(&report(&context, &event).await), "cleaned");
    world.remove_object("ledger", &alice.receipt_key());
    let (context, _) = function_with(&world, "second", &[]);
    let again = report(&context, &event).await;
    assert_eq!(outcome(&again), "cleaned", "{again:?}");
    assert_eq!(again.unwrap()["artifacts"], "discarded");
    assert_eq!(world.count(Api::ContainerComplete), 0);
}

fn all_gone(world: &World, tasks: &[TaskHandle]) -> bool {
    tasks.iter().all(|task| world.is_stopping(task))
}

#[tokio::test(start_paused = true)]
async fn an_outage_of_a_platform_without_artifacts_is_over_in_a_few_sweeps() {
    let world = without_artifacts(without_groups());
    let ended: Vec<TaskHandle> = (0..40)
        .map(|number| {
            let session = world.session(&format!("s-{number}")).silent().ended_by_owner();
            session.tag("session-ended-at", &world.now().to_string()).start()
        })
        .collect();
    let mut count = 0;
    while !all_gone(&world, &ended) {
        count += 1;
        assert!(count < 12, "{}", world.history());
        sweep_discarding(&world, &format!("sweep-{count}")).await;
        tokio::time::sleep(INTERVAL).await;
    }
    assert_unharmed(&world);
}
