//! Descriptors: Lambda allows 1,024, and every peer keeps its connections open. What we could not ask
//! for want of one is our failure, not the session's loss.

use crate::invoke::{
    INTERVAL, assert_clean, assert_unharmed, deliver, enforce, function, function_at,
    invoke_reaper, look, outcome, receipt, report, target_in,
};
use serde_json::{Value, json};
use session_cleanup::aws::Pace;
use session_cleanup::config::Percent;
use session_cleanup_tests::world::{Api, Fault, Limits, Setup, TaskHandle, World};
use std::time::Duration;

/// Half of what Lambda allows: those to AWS are kept, for each of its hosts as many as were ever needed
/// at once.
const CONNECTIONS: usize = 512;

const HOUR: Duration = Duration::from_hours(1);

/// AWS's rates, and so many connections at once.
fn world() -> World {
    let setup = Setup { limits: Limits::aws(), ..Setup::default() };
    World::new(setup.with_connections(CONNECTIONS))
}

/// So many sessions that their owners have ended long ago: the salvage window of all is over.
fn ended(world: &World, count: usize, upload: Duration) -> Vec<TaskHandle> {
    let long_ago = (world.now() - HOUR).to_string();
    let one = |number| {
        let session = world.session(&format!("s-{number}")).uploads_in(upload).unregistered();
        session.started_ago(HOUR * 2).ended_by_owner().tag("session-ended-at", &long_ago).start()
    };
    (0..count).map(one).collect()
}

async fn sweep_all(world: &World, caller: &str) -> Value {
    let pace = Pace::share(Percent::WHOLE);
    let everything = [("BLAST_RADIUS_PERCENT", "100")];
    let (context, _) = function_at(world, caller, pace, &everything);
    invoke_reaper(&context, &json!({ "mode": "enforce" })).await
}

fn assert_none_is_lost(world: &World, tasks: &[TaskHandle]) {
    let receipts = world.receipts();
    for task in tasks {
        let outcome = &receipts.get(task.id()).unwrap_or(&Value::Null)["outcome"];
        assert_ne!(outcome, "artifacts_lost", "{}", task.session_id());
        assert!(world.has_completed(task) || !world.is_stopping(task), "{}", task.session_id());
    }
    assert_unharmed(world);
}

#[tokio::test(start_paused = true)]
async fn a_sweep_over_hundreds_of_ended_tasks_saves_them_all_with_few_connections() {
    let world = world();
    let tasks = ended(&world, 800, Duration::from_secs(1));
    let report = sweep_all(&world, "sweep").await;
    assert_eq!(report["counts"]["reaped"], 800, "{:#}", report["counts"]);
    assert_none_is_lost(&world, &tasks);
    let receipts = world.receipts();
    assert!(tasks.iter().all(|task| receipts[task.id()]["outcome"] == "cleaned"));
    println!("{} connections at once", world.most_open_connections("sweep"));
}

#[tokio::test(start_paused = true)]
async fn twelve_batches_through_one_warm_function_save_all_with_few_connections() {
    let world = World::new(Setup::default().with_connections(CONNECTIONS));
    let context = function(&world, "completion");
    for batch in 0..12 {
        let start = |number| world.session(&format!("s-{batch}-{number}")).start();
        let sessions: Vec<TaskHandle> = (0..100).map(start).collect();
        let events: Vec<Value> =
            sessions.iter().map(|task| world.session_ended_event(task, "completed")).collect();
        assert!(deliver(&context, &events).await.is_empty(), "batch {batch}");
        assert!(sessions.iter().all(|task| world.is_stopping(task)));
        assert_none_is_lost(&world, &sessions);
    }
    println!("{} connections at once", world.most_open_connections("completion"));
}

/// More containers than may be asked at once, and each upload takes nearly all of its time.
#[tokio::test(start_paused = true)]
async fn waiting_for_a_connection_takes_nothing_of_the_time_of_an_upload() {
    let world = world();
    let tasks = ended(&world, 400, Duration::from_secs(28));
    sweep_all(&world, "sweep-1").await;
    assert_none_is_lost(&world, &tasks);
    let saved = tasks.iter().filter(|task| receipt(&world, task).as_deref() == Some("cleaned"));
    assert!(saved.count() > 250, "who waited for a round has all the time of an upload");
    tokio::time::sleep(INTERVAL).await;
    sweep_all(&world, "sweep-2").await;
    assert_none_is_lost(&world, &tasks);
    assert!(tasks.iter().all(|task| world.has_completed(task)), "all are saved");
}

#[tokio::test(start_paused = true)]
async fn no_task_is_stopped_for_a_question_that_never_left_us() {
    let world = World::new(Setup::default());
    let [task] = ended(&world, 1, Duration::from_secs(1)).try_into().unwrap();
    world.fault(Fault::on(Api::ContainerComplete).always().without_descriptor());
    for number in 1..=10 {
        let report = enforce(&world, &format!("sweep-{number}")).await;
        let finding = crate::invoke::task_in(&report, &task);
        assert_eq!(finding["action"], "tried", "{finding:#}");
        let warnings = report["warnings"].to_string();
        assert!(warnings.contains("not_asked"), "it rings from the first sweep on: {warnings}");
        assert!(!world.is_stopping(&task), "{}", world.history());
        tokio::time::sleep(INTERVAL).await;
    }
    assert_none_is_lost(&world, std::slice::from_ref(&task));
    world.faults_cease();
    enforce(&world, "afterwards").await;
    assert_eq!(receipt(&world, &task).as_deref(), Some("cleaned"), "{}", world.history());
}

/// An orphan by our inference, whose window begins with the first question.
#[tokio::test(start_paused = true)]
async fn a_question_that_never_left_us_begins_no_salvage_window() {
    let world = World::new(Setup::default());
    let orphan = world.session("orphan").started_ago(HOUR * 3).upload_never_works().start();
    world.fault(Fault::on(Api::ContainerComplete).always().without_descriptor());
    for number in 1..=8 {
        enforce(&world, &format!("sweep-{number}")).await;
        tokio::time::sleep(INTERVAL).await;
    }
    world.faults_cease();
    enforce(&world, "first-question").await;
    assert!(!world.is_stopping(&orphan), "{}", world.history());
    assert_eq!(receipt(&world, &orphan).as_deref(), Some("awaiting_salvage"));
    assert_unharmed(&world);
}

#[tokio::test(start_paused = true)]
async fn on_the_owners_word_what_could_not_be_asked_is_said_and_tried_again() {
    let world = World::new(Setup::default());
    let alice = world.session("alice").start();
    let event = world.session_ended_event(&alice, "completed");
    world.fault(Fault::on(Api::ContainerComplete).always().without_descriptor());
    let first = report(&function(&world, "first"), &event).await;
    assert_eq!(outcome(&first), "incomplete", "{first:#?}");
    let document = first.unwrap_err();
    assert!(document["artifacts"].to_string().contains("not_asked"), "{document:#}");
    assert!(!world.is_stopping(&alice), "{}", world.history());
    world.faults_cease();
    assert!(deliver(&function(&world, "second"), &[event]).await.is_empty());
    assert_clean(&world, &alice);
}

#[tokio::test(start_paused = true)]
async fn a_probe_that_never_left_us_finds_no_silence() {
    let world = World::new(Setup::default());
    let address = "127.0.40.1".parse().unwrap();
    world.leave_target("sessions", address);
    world.fault(Fault::on(Api::ContainerHealth).always().without_descriptor());
    for number in 1..=3 {
        let report = look(&world, &format!("sweep-{number}")).await;
        let finding = target_in(&report, address);
        assert_ne!(finding["row"], "G4 suspected", "{finding:#}");
        assert_ne!(finding["row"], "G5 zombie", "{finding:#}");
        assert!(report["problems"].to_string().contains("were not asked"), "{report:#}");
        tokio::time::sleep(INTERVAL).await;
    }
    world.faults_cease();
    let report = look(&world, "afterwards").await;
    assert_eq!(target_in(&report, address)["row"], "G4 suspected", "{report:#}");
}
