//! Tasks that were identified by a tag, and end: ECS deletes the tag, and then only the ledger may say which
//! session they ran.

use crate::invoke::{
    assert_clean, assert_unharmed, deliver, function, function_with, outcome, receipt, receive,
    report,
};
use serde_json::{Value, json};
use session_cleanup_tests::world::{Api, Fault, FaultKind, Setup, TaskHandle, World};
use std::time::Duration;

const POOL: [(&str, &str); 1] = [("WARM_POOL", "true")];

/// Delivers an event as the queue does, for the `count`th time. Whether it comes again, and what was
/// written as metrics.
async fn received(
    world: &World,
    event: &Value,
    count: u32,
    variables: &[(&str, &str)],
) -> (bool, String) {
    let (context, metrics) = function_with(world, &format!("delivery-{count}"), variables);
    let comes_again = !receive(&context, event, count).await.is_empty();
    let lines = metrics.lock().unwrap().join("\n");
    tokio::time::sleep(Duration::from_mins(6)).await;
    (comes_again, lines)
}

fn unknown(world: &World, task: &TaskHandle) -> Option<Value> {
    let object = world.object("ledger", &format!("unknown/{}.json", task.id()))?;
    Some(serde_json::from_slice(&object).unwrap())
}

fn records(world: &World) -> Vec<String> {
    let keys = world.keys("ledger").into_iter();
    keys.filter(|key| key.starts_with("unknown/") || key.starts_with("receipts/")).collect()
}

/// S3 refuses a conditional write that meets another one, and says nothing of what is there: nothing is, here.
#[tokio::test(start_paused = true)]
async fn a_record_whose_write_met_another_one_is_written_again() {
    for conflicts in [1, 3, 20] {
        let world = World::new(Setup::default());
        let alice = world.session("alice").identified_by_tag().stopped(137).start();
        let event = world.task_event(&alice);
        assert!(received(&world, &event, 1, &[]).await.0);
        let conflict = Fault::on(Api::PutObject).of("unknown/").kind(FaultKind::Conflict);
        world.fault(conflict.times(conflicts));
        let (comes_again, _) = received(&world, &event, 2, &[]).await;
        let is_on_record = unknown(&world, &alice).is_some();
        assert_eq!(is_on_record, !comes_again, "{conflicts}\n{}", world.history());
        assert_eq!(is_on_record, conflicts < 4, "{conflicts}\n{}", world.history());
    }
}

#[tokio::test(start_paused = true)]
async fn whose_session_a_dead_task_ran_is_looked_for_twice_and_then_put_on_record_as_unknown() {
    let world = World::new(Setup::default());
    let alice = world.session("alice").identified_by_tag().stopped(137).start();
    let event = world.task_event(&alice);
    let (comes_again, _) = received(&world, &event, 1, &[]).await;
    assert!(comes_again, "a cleanup under way may yet name it\n{}", world.history());
    assert!(records(&world).is_empty());
    let (comes_again, metrics) = received(&world, &event, 2, &[]).await;
    assert!(!comes_again, "it is on record\n{}", world.history());
    assert!(metrics.contains("\"OutcomeUnknown\":1"), "{metrics}");
    assert!(!metrics.contains("\"ArtifactsLost\":1"), "nobody knows that");
    let record = unknown(&world, &alice).expect("a record");
    assert_eq!(record["outcome"], "unknown");
    assert_eq!(record["task_arn"], alice.arn());
    assert_eq!(record["session_id"], Value::Null);
    assert_eq!(record["version"], 1);
    // Duplicates change nothing.
    assert!(!received(&world, &event, 2, &[]).await.0);
    assert_eq!(unknown(&world, &alice), Some(record));
    assert_eq!(records(&world).len(), 1);
    assert_unharmed(&world);
}

#[tokio::test(start_paused = true)]
async fn one_that_is_named_between_the_two_deliveries_is_judged_as_ever() {
    let world = World::new(Setup::default());
    let alice = world.session("alice").identified_by_tag().completed().stopped(137).start();
    let event = world.task_event(&alice);
    assert!(received(&world, &event, 1, &[]).await.0);
    let named = json!({"session_id": "alice"}).to_string();
    world.put_object("ledger", &format!("tasks/{}", alice.id()), named);
    assert!(!received(&world, &event, 2, &[]).await.0);
    assert_eq!(receipt(&world, &alice).as_deref(), Some("artifacts_unverified"));
    assert_eq!(unknown(&world, &alice), None);
}

/// Its owner names the session; that the task ran it can't be checked any more.
#[tokio::test(start_paused = true)]
async fn an_owners_event_about_it_is_on_record_with_the_session_that_it_names() {
    let world = World::new(Setup::default());
    let alice = world.session("alice").identified_by_tag().stopped(137).start();
    let event = world.session_ended_event(&alice, "failed");
    assert!(received(&world, &event, 1, &[]).await.0);
    assert!(!received(&world, &event, 2, &[]).await.0);
    assert_eq!(unknown(&world, &alice).unwrap()["session_id"], "alice");
}

#[tokio::test(start_paused = true)]
async fn a_ledger_that_can_not_be_written_lets_the_event_come_again() {
    let world = World::new(Setup::default());
    let alice = world.session("alice").identified_by_tag().stopped(137).start();
    let event = world.task_event(&alice);
    world.fault(session_cleanup_tests::world::Fault::on(Api::PutObject).denied().always());
    assert!(received(&world, &event, 2, &[]).await.0);
    assert!(records(&world).is_empty());
}

/// Nobody's artifacts can have been lost: neither alarm nor dead letter.
#[tokio::test(start_paused = true)]
async fn a_task_that_never_started_or_exited_well_has_lost_nothing_whosever_it_was() {
    let none = [("ARTIFACT_MODE", "none"), ("SESSION_CONTAINER", "session")];
    let world = World::new(Setup { containers_upload_themselves: true, ..Setup::default() });
    let never = world.session("never").identified_by_tag().never_started().start();
    world.operator_stops(&never, "not needed");
    let well = world.session("well").identified_by_tag();
    let well = well.with_a_sidecar_that_exits(Some(143)).stopped(0).start();
    let badly = world.session("badly").identified_by_tag().stopped(1).start();
    tokio::time::sleep(Duration::from_mins(1)).await;
    for (task, fails) in [(&never, false), (&well, false), (&badly, true)] {
        let (comes_again, metrics) = received(&world, &world.task_event(task), 1, &none).await;
        assert_eq!(comes_again, fails, "{}\n{}", task.session_id(), world.history());
        assert!(!metrics.contains("\"OutcomeUnknown\":1"));
    }
    assert!(records(&world).is_empty());
}

/// Scaling a pool in, and Spot, end tasks that no session has claimed.
#[tokio::test(start_paused = true)]
async fn the_end_of_an_unclaimed_task_of_a_pool_is_no_loss_and_no_dead_letter() {
    let world = World::new(Setup::default());
    let waiting = || world.session("none").unidentified();
    let (scaled_in, interrupted) = (waiting().start(), waiting().start());
    world.operator_stops(&scaled_in, "scale in");
    world.interrupt(&interrupted);
    for moment in ["dying", "stopped"] {
        for task in [&scaled_in, &interrupted] {
            for count in [1, 2] {
                let event = world.task_event(task);
                let (context, metrics) = function_with(&world, moment, &POOL);
                let failed = receive(&context, &event, count).await;
                assert!(failed.is_empty(), "{moment}\n{}", world.history());
                let metrics = metrics.lock().unwrap().join("\n");
                assert!(!metrics.contains("OutcomeUnknown") && !metrics.contains("OutcomeOutOf"));
            }
        }
        tokio::time::sleep(Duration::from_mins(2)).await;
    }
    assert!(records(&world).is_empty());
    assert_eq!(world.count(Api::ContainerComplete) + world.count(Api::StopTask), 0);
}

/// A claimed one that crashes looks no other than an unclaimed one: what may be a loss is told.
#[tokio::test(start_paused = true)]
async fn a_task_of_a_pool_that_crashes_unseen_may_have_been_claimed() {
    let world = World::new(Setup::default());
    let alice = world.session("alice").identified_by_tag().start();
    world.crash(&alice, 137);
    tokio::time::sleep(Duration::from_mins(1)).await;
    let event = world.task_event(&alice);
    assert!(received(&world, &event, 1, &POOL).await.0);
    assert!(!received(&world, &event, 2, &POOL).await.0);
    assert!(unknown(&world, &alice).is_some());
}

/// An owner that still stops its tasks itself deletes the tag before we have looked.
#[tokio::test(start_paused = true)]
async fn a_session_whose_owner_stops_its_task_at_once_is_saved_by_its_owners_word() {
    let world = World::new(Setup::default());
    let alice = world.session("alice").identified_by_tag().start();
    let event = world.session_ended_event(&alice, "completed");
    world.operator_stops(&alice, "my own cleanup");
    assert!(deliver(&function(&world, "completion"), &[event]).await.is_empty());
    assert_eq!(world.completion_calls(&alice).len(), 1, "{}", world.history());
    assert_clean(&world, &alice);
    tokio::time::sleep(Duration::from_mins(5)).await;
    let stopped = report(&function(&world, "second"), &world.task_event(&alice)).await;
    assert_eq!(outcome(&stopped), "already_clean", "the ledger names it: {stopped:?}");
}

/// In a pool the tag is the claim.
#[tokio::test(start_paused = true)]
async fn a_session_of_a_pool_whose_owner_stops_its_task_at_once_is_saved_by_its_owners_word() {
    let world = World::new(Setup::default());
    let alice = world.session("alice").identified_by_tag().start();
    let event = world.session_ended_event(&alice, "completed");
    world.operator_stops(&alice, "my own cleanup");
    let (context, _) = function_with(&world, "completion", &POOL);
    assert!(deliver(&context, &[event]).await.is_empty());
    assert_eq!(world.completion_calls(&alice).len(), 1, "{}", world.history());
    assert_clean(&world, &alice);
}

/// A session of a pool, whose owner has stopped its task and says that it has ended.
async fn stopped_by_its_owner_while_reads_lag(seconds: u64) -> (World, TaskHandle, Value) {
    let reads_lag = Duration::from_secs(seconds);
    let world = World::new(Setup { reads_lag, warm_pool: true, ..Setup::default() });
    let alice = world.session("alice").unidentified().start();
    world.claims(&alice, Some(&world.now().to_string()));
    tokio::time::sleep(Duration::from_mins(1)).await;
    world.operator_stops(&alice, "my own cleanup");
    let event = world.session_ended_event(&alice, "completed");
    (world, alice, event)
}

#[tokio::test(start_paused = true)]
async fn a_session_whose_owner_stops_its_task_at_once_is_saved_while_reads_lag() {
    for lag in [0, 1, 2, 4] {
        let (world, alice, event) = stopped_by_its_owner_while_reads_lag(lag).await;
        let (context, _) = function_with(&world, "completion", &POOL);
        let answer = report(&context, &event).await;
        assert_eq!(
            world.completion_calls(&alice).len(),
            1,
            "{lag}: {answer:?}\n{}",
            world.history()
        );
    }
}

/// For longer than one delivery can wait, ECS shows it running and without its tags, as a task that nobody has
/// claimed: the event comes again.
#[tokio::test(start_paused = true)]
async fn a_session_whose_owner_stops_its_task_at_once_is_looked_for_again_while_reads_lag_for_long()
{
    for lag in [15, 60] {
        let (world, alice, event) = stopped_by_its_owner_while_reads_lag(lag).await;
        assert!(received(&world, &event, 1, &POOL).await.0, "{lag}\n{}", world.history());
        tokio::time::sleep(Duration::from_mins(1)).await;
        let comes_again = received(&world, &event, 2, &POOL).await.0;
        assert!(!comes_again, "{lag}\n{}", world.history());
        let is_told = unknown(&world, &alice).is_some() || receipt(&world, &alice).is_some();
        assert!(is_told, "{lag}\n{}", world.history());
    }
}

/// Whether a tag may name it or not, at each delivery.
#[tokio::test(start_paused = true)]
async fn an_event_about_a_task_that_names_no_session_is_rejected() {
    let by_environment = [("IDENTITY_SOURCES", "env:SESSION_ID")];
    for (variables, count) in [(&[][..], 2), (&by_environment, 1)] {
        let world = World::new(Setup::default());
        let event =
            world.session_ended_event(&world.session("x").unidentified().start(), "completed");
        let (context, metrics) = function_with(&world, "completion", variables);
        receive(&context, &event, count).await;
        assert!(metrics.lock().unwrap().join("\n").contains("\"OutcomeRejected\":1"), "{count}");
    }
}

/// The same comes too late to ask the container: nobody says `cleaned`.
#[tokio::test(start_paused = true)]
async fn an_owners_event_about_a_pools_task_that_is_over_is_never_called_clean() {
    let world = World::new(Setup::default());
    let alice = world.session("alice").identified_by_tag().start();
    let event = world.session_ended_event(&alice, "completed");
    world.operator_stops(&alice, "my own cleanup");
    tokio::time::sleep(Duration::from_mins(2)).await;
    assert!(received(&world, &event, 1, &POOL).await.0);
    assert!(!received(&world, &event, 2, &POOL).await.0);
    assert_eq!(unknown(&world, &alice).unwrap()["session_id"], "alice");
    assert_eq!(receipt(&world, &alice), None);
}

/// It is on record as one that ran no session: so it was when it began to end.
#[tokio::test(start_paused = true)]
async fn a_task_of_a_pool_that_is_claimed_while_it_ends_is_never_called_clean() {
    for is_asked in [false, true] {
        let world = World::new(Setup { warm_pool: true, ..Setup::default() });
        let alice = world.session("alice").unidentified().upload_never_works().start();
        world.interrupt(&alice);
        let (context, _) = function_with(&world, "dying", &POOL);
        assert!(receive(&context, &world.task_event(&alice), 1).await.is_empty());
        world.claims(&alice, Some(&world.now().to_string()));
        let ended = world.session_ended_event(&alice, "completed");
        if is_asked {
            received(&world, &ended, 1, &POOL).await;
        }
        tokio::time::sleep(Duration::from_mins(3)).await;
        let stopped = world.task_event(&alice);
        for count in [1, 2] {
            received(&world, &stopped, count, &POOL).await;
        }
        for count in [1, 2] {
            received(&world, &ended, count, &POOL).await;
        }
        let outcome = receipt(&world, &alice);
        let shown = format!("{outcome:?}\n{}", world.history());
        assert_ne!(outcome.as_deref(), Some("cleaned"), "{shown}");
        assert!(outcome.is_some() || unknown(&world, &alice).is_some(), "{shown}");
        if is_asked {
            assert_eq!(outcome.as_deref(), Some("artifacts_lost"), "{shown}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn its_container_says_so_if_it_runs_another_session() {
    let world = World::new(Setup::default());
    let alice = world.session("alice").identified_by_tag().answers_403().start();
    let event = world.session_ended_event(&alice, "completed");
    world.operator_stops(&alice, "my own cleanup");
    let answer = report(&function(&world, "completion"), &event).await;
    assert_eq!(outcome(&answer), "rejected", "{answer:?}\n{}", world.history());
    assert_unharmed(&world);
}

/// Someone stops a task whose upload has failed: the ledger knows by then which session it runs.
#[tokio::test(start_paused = true)]
async fn a_session_that_awaits_salvage_is_saved_when_its_task_is_stopped_with_its_tags() {
    let world = World::new(Setup::default());
    let alice = world.session("alice").identified_by_tag().upload_never_works().start();
    let ended = world.session_ended_event(&alice, "completed");
    assert_eq!(outcome(&report(&function(&world, "first"), &ended).await), "awaiting_salvage");
    world.behaves(&alice, |container| container.failing_uploads = 0);
    world.operator_stops(&alice, "stopped by hand");
    let dying = world.task_event(&alice);
    let answer = report(&function(&world, "second"), &dying).await;
    assert_eq!(outcome(&answer), "cleaned", "{answer:?}\n{}", world.history());
    assert_clean(&world, &alice);
}

/// A redriven event comes hours later: by then the event is all that still shows the task.
#[tokio::test(start_paused = true)]
async fn a_task_that_ecs_has_forgotten_is_known_by_what_its_event_shows() {
    let world = World::new(Setup::default());
    let clean = world.session("clean").start();
    let ended = world.session_ended_event(&clean, "completed");
    assert_eq!(outcome(&report(&function(&world, "first"), &ended).await), "cleaned");
    let dead = world.session("dead").stopped(137).start();
    let mut stopped = [&clean, &dead].map(|task| world.task_event(task));
    stopped[0]["detail"]["stoppedReason"] = "Essential container in task exited".into();
    tokio::time::sleep(Duration::from_hours(3)).await;
    let context = function(&world, "redriven");
    assert_eq!(outcome(&report(&context, &stopped[0]).await), "already_clean");
    assert_eq!(outcome(&report(&context, &stopped[1]).await), "artifacts_lost");
    assert_eq!(receipt(&world, &dead).as_deref(), Some("artifacts_lost"));
}

/// Its event also shows since when it ran; one that people make by hand may not, and then a marker proves nothing.
#[tokio::test(start_paused = true)]
async fn a_task_that_ecs_has_forgotten_is_not_saved_by_what_an_earlier_run_has_left() {
    let written_last = [("ARTIFACT_MODE", "none"), ("MARKER_WRITTEN_LAST", "true")];
    for (variables, says_since, told) in [
        (&[][..], true, "artifacts_lost"),
        (&[], false, "artifacts_unverified"),
        (&written_last, true, "artifacts_lost"),
        (&written_last, false, "artifacts_unverified"),
    ] {
        let world = World::new(Setup::default());
        world.put_object("artifacts", "dead/debug/session_status.json", "{}");
        tokio::time::sleep(Duration::from_hours(1)).await;
        let dead = world.session("dead").started_ago(Duration::from_mins(5)).stopped(137).start();
        let mut event = world.task_event(&dead);
        if !says_since {
            event["detail"].as_object_mut().unwrap().remove("createdAt");
        }
        tokio::time::sleep(Duration::from_hours(3)).await;
        let (context, _) = function_with(&world, "redriven", variables);
        let answer = report(&context, &event).await;
        assert_eq!(outcome(&answer), told, "{variables:?} {says_since}\n{}", world.history());
    }
}

#[tokio::test(start_paused = true)]
async fn one_that_shows_no_session_is_on_record_as_unknown_once_ecs_has_forgotten_it() {
    let world = World::new(Setup::default());
    let alice = world.session("alice").identified_by_tag().stopped(137).start();
    let event = world.task_event(&alice);
    tokio::time::sleep(Duration::from_hours(3)).await;
    assert!(received(&world, &event, 1, &[]).await.0);
    assert!(!received(&world, &event, 2, &[]).await.0);
    assert!(unknown(&world, &alice).is_some());
}

/// ECS shows each task for an hour after its end. One that it does not know before that may be one that it
/// does not know *yet*, and nothing of it is lost.
#[tokio::test(start_paused = true)]
async fn a_task_that_ecs_does_not_show_yet_is_not_one_that_it_has_forgotten() {
    for by_tag in [false, true] {
        let world = World::new(Setup::default());
        let session = world
            .session("alice")
            .started_ago(Duration::from_mins(2))
            .undescribed_for(Duration::from_hours(1));
        let session = if by_tag { session.identified_by_tag() } else { session };
        let alice = session.stopped_ago(137, Duration::from_secs(5)).start();
        let event = world.task_event(&alice);
        for count in 1..=2 {
            assert!(received(&world, &event, count, &[]).await.0, "{}", world.history());
        }
        assert!(records(&world).is_empty(), "{}", world.history());
    }
}
