//! The mode `observe`: a week of what it would do, beside the owner's own way.

use crate::invoke::{assert_unharmed, batch, deliver, function_with, report};
use serde_json::{Value, json};
use session_cleanup_tests::world::{Api, Dwell, Fault, Setup, TaskHandle, World};
use std::time::Duration;

const OBSERVE: [(&str, &str); 1] = [("COMPLETION_MODE", "observe")];

/// What changes anything, of AWS's or of a container's.
const WRITES: [Api; 8] = [
    Api::StopTask,
    Api::TagResource,
    Api::UntagResource,
    Api::RegisterTargets,
    Api::DeregisterTargets,
    Api::PutObject,
    Api::DeleteObject,
    Api::ContainerComplete,
];

async fn seen(world: &World, event: &Value) -> Value {
    let (context, _) = function_with(world, "observing", &OBSERVE);
    report(&context, event).await.expect("nothing fails")
}

fn assert_untouched(world: &World) {
    for api in WRITES {
        assert_eq!(world.count(api), 0, "{api:?}\n{}", world.history());
    }
    assert_eq!(world.keys("ledger"), Vec::<String>::new());
    assert_unharmed(world);
}

/// What the owner's own way ends with; how long it takes.
async fn owner_cleans_up(world: &World, session: &TaskHandle, upload: Duration) {
    tokio::time::sleep(upload).await;
    world.completes_by_itself(session);
    world.owner_deregisters(session);
    world.operator_stops(session, "session over");
    tokio::time::sleep(Duration::from_mins(5)).await;
}

#[tokio::test(start_paused = true)]
async fn an_owners_event_is_answered_by_what_would_be_done_and_nothing_is_touched() {
    let world = World::new(Setup::default());
    let alice = world.session("alice").start();
    let stuck = world.session("stuck").never_started().start();
    let saw = seen(&world, &world.session_ended_event(&alice, "completed")).await;
    assert_eq!(saw["observed"], "session_ended", "{saw:#}");
    assert_eq!(saw["would"], "clean_up", "{saw:#}");
    let address = alice.address();
    let why = format!("{address}:8080: upload, deregister, stop");
    assert_eq!(saw["why"], why);
    let saw = seen(&world, &world.session_ended_event(&stuck, "failed")).await;
    assert_eq!(saw["would"], "clean_up", "{saw:#}");
    assert!(!saw["why"].as_str().unwrap().contains("upload"), "{saw:#}");
    assert_untouched(&world);
}

#[tokio::test(start_paused = true)]
async fn at_the_tasks_end_it_says_how_long_the_owners_own_way_took_and_what_it_left() {
    let world = World::new(Setup::default());
    let alice = world.session("alice").start();
    let ended = seen(&world, &world.session_ended_event(&alice, "completed")).await;
    owner_cleans_up(&world, &alice, Duration::from_secs(6)).await;
    let saw = seen(&world, &world.task_event(&alice)).await;
    assert_eq!(saw["observed"], "task_stopped", "{saw:#}");
    assert_eq!(saw["task_arn"], ended["task_arn"], "the two lines are joined by it");
    let time = |value: &Value| value.as_str().unwrap().parse::<jiff::Timestamp>().unwrap();
    let blocked = time(&saw["stopping_at"]).duration_since(time(&ended["ended_at"]));
    assert_eq!(blocked.as_secs(), 6, "{saw:#}");
    assert!(time(&saw["stopped_at"]) > time(&saw["stopping_at"]));
    assert_eq!((&saw["target"], &saw["marker"]), (&json!("gone"), &json!("present")), "{saw:#}");

    let bob = world.session("bob").start();
    world.crash(&bob, 137);
    tokio::time::sleep(Duration::from_mins(5)).await;
    let saw = seen(&world, &world.task_event(&bob)).await;
    assert_eq!((&saw["target"], &saw["marker"]), (&json!("registered"), &json!("absent")));
    assert_untouched(&world);
}

#[tokio::test(start_paused = true)]
async fn what_can_not_be_read_is_unknown_and_no_loss() {
    let world = World::new(Setup::default());
    let alice = world.session("alice").start();
    world.crash(&alice, 137);
    tokio::time::sleep(Duration::from_mins(5)).await;
    world.fault(Fault::on(Api::HeadObject).always().denied());
    world.fault(Fault::on(Api::DescribeTargetHealth).always().denied());
    let saw = seen(&world, &world.task_event(&alice)).await;
    assert_eq!((&saw["target"], &saw["marker"]), (&json!("unknown"), &json!("unknown")));
    assert_untouched(&world);
}

#[tokio::test(start_paused = true)]
async fn no_item_fails_whatever_it_is_and_nothing_is_counted() {
    let world = World::new(Setup::default());
    let alice = world.session("alice").start();
    let lost = world.session("lost").stopped(1).start();
    let reused = world.session("reused").answers_403().start();
    let dying = world.session("dying").dying().start();
    let mut foreign = world.session_ended_event(&alice, "completed");
    foreign["detail"]["task_arn"] = json!("not an ARN");
    let mut other = world.session_ended_event(&alice, "completed");
    other["detail"]["session_id"] = json!("mallory");
    let events = [
        foreign,
        other,
        world.task_event(&lost),
        world.session_ended_event(&lost, "failed"),
        world.session_ended_event(&reused, "completed"),
        world.task_event(&dying),
    ];
    let (context, metrics) = function_with(&world, "observing", &OBSERVE);
    assert!(deliver(&context, &events).await.is_empty());
    world.fault(Fault::on(Api::DescribeTasks).always().throttled());
    assert!(deliver(&context, &events).await.is_empty());
    let garbage = batch(&["{".to_owned()]);
    let answer = session_cleanup::completion::handle(
        &context,
        garbage,
        session_cleanup::deadline::Deadline::after(Duration::from_secs(50)),
        "request",
    );
    assert_eq!(answer.await.unwrap()["batchItemFailures"], json!([]));
    let lines = metrics.lock().unwrap().concat();
    for metric in ["Outcome", "ArtifactsLost", "EventsRefused", "CleanupFailures"] {
        assert!(!lines.contains(metric), "{lines}");
    }
    assert_untouched(&world);
}

/// In a pool the end of an unclaimed task is put on record otherwise.
#[tokio::test(start_paused = true)]
async fn a_pools_unclaimed_task_leaves_no_record_either() {
    let world = World::new(Setup::default());
    let waiting = world.session("waiting").unidentified().dying().start();
    let pool = [("COMPLETION_MODE", "observe"), ("WARM_POOL", "true")];
    let (context, _) = function_with(&world, "observing", &pool);
    let saw = report(&context, &world.task_event(&waiting)).await.unwrap();
    assert_eq!(saw["observed"], "nothing", "{saw:#}");
    assert_untouched(&world);
}

#[tokio::test(start_paused = true)]
async fn a_batch_of_100_ends_costs_no_more_looks_than_a_cleanup_would() {
    let dwell = Dwell { deactivating: Duration::ZERO, ..Setup::default().dwell };
    let world = World::new(Setup { dwell, ..Setup::default() });
    let tasks: Vec<_> = (0..100).map(|n| world.session(&format!("s-{n}")).start()).collect();
    for task in &tasks {
        world.crash(task, 0);
    }
    tokio::time::sleep(Duration::from_mins(5)).await;
    let events: Vec<_> = tasks.iter().map(|task| world.task_event(task)).collect();
    let (context, _) = function_with(&world, "observing", &OBSERVE);
    assert!(deliver(&context, &events).await.is_empty());
    assert_eq!(world.count(Api::DescribeTasks), 1);
    assert_eq!(world.count(Api::DescribeTargetHealth), 1, "{}", world.history());
    assert_untouched(&world);
}

/// The event says that it has stopped; that is not taken for a task that runs on.
#[tokio::test(start_paused = true)]
async fn an_end_that_ecs_does_not_show_is_an_end_of_which_nothing_more_is_known() {
    let world = World::new(Setup::default());
    let alice = world.session("alice").stopped(0).start();
    world.fault(Fault::on(Api::DescribeTasks).always().throttled());
    let saw = seen(&world, &world.task_event(&alice)).await;
    assert_eq!((&saw["observed"], &saw["task_arn"]), (&json!("task_stopped"), &json!(alice.arn())));
    assert_eq!((&saw["target"], &saw["marker"]), (&json!("unknown"), &json!("unknown")));
    assert_untouched(&world);
}
