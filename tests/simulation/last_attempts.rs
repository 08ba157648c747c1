//! An event's last attempt: after it nobody works on the event any more, so the function itself tells.

use crate::invoke::{MetricLines, function, function_with, receive, receive_all};
use serde_json::{Value, json};
use session_cleanup_tests::world::{Api, Fault, Setup, World};

fn counted(lines: &MetricLines) -> u64 {
    let lines = lines.lock().unwrap();
    let lines = lines.iter().map(|line| serde_json::from_str::<Value>(line).unwrap());
    lines.filter_map(|line| line["LastAttemptsFailed"].as_u64()).sum()
}

/// Delivers an event for the `received`th time; whether it comes again, and what is counted.
async fn delivered(world: &World, event: &Value, received: u32, most: &str) -> (bool, u64) {
    let most = [("MAX_RECEIVE_COUNT", most)];
    let (context, metrics) = function_with(world, &format!("delivery-{received}"), &most);
    let comes_again = !receive(&context, event, received).await.is_empty();
    (comes_again, counted(&metrics))
}

#[tokio::test(start_paused = true)]
async fn the_last_attempt_that_fails_is_counted_and_none_before() {
    let world = World::new(Setup::default());
    let alice = world.session("alice").upload_never_works().start();
    let not_understood = json!({"detail-type": "Session Finished"});
    for event in [world.session_ended_event(&alice, "completed"), not_understood] {
        for (most, last) in [("5", 5), ("2", 2), ("1", 1)] {
            for attempt in 1..last {
                assert_eq!(delivered(&world, &event, attempt, most).await, (true, 0), "{event}");
            }
            assert_eq!(delivered(&world, &event, last, most).await, (true, 1), "{event}");
            // A queue whose setting was changed may deliver more often.
            assert_eq!(delivered(&world, &event, last + 1, most).await, (true, 1), "{event}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_last_attempt_that_succeeds_is_none_that_failed() {
    let world = World::new(Setup::default());
    let alice = world.session("alice").start();
    let event = world.session_ended_event(&alice, "completed");
    assert_eq!(delivered(&world, &event, 5, "5").await, (false, 0));
}

#[tokio::test(start_paused = true)]
async fn each_message_of_a_batch_has_attempts_of_its_own() {
    let world = World::new(Setup::default());
    world.fault(Fault::on(Api::ContainerComplete).always().server_error());
    let sessions = ["first", "last", "last-too"].map(|name| world.session(name).start());
    let events = sessions.each_ref().map(|task| world.session_ended_event(task, "completed"));
    let (context, metrics) = function_with(&world, "batch", &[]);
    let batch: Vec<(&Value, u32)> = events.iter().zip([1, 5, 7]).collect();
    assert_eq!(receive_all(&context, &batch).await, [0, 1, 2], "all of them come again");
    assert_eq!(counted(&metrics), 2);
    let named = metrics.lock().unwrap().iter().any(|line| line.contains("\"message_id\":\"1\""));
    assert!(named, "whoever looks for it finds the message");
}

/// Whoever invokes by hand has no queue behind it.
#[tokio::test(start_paused = true)]
async fn without_a_queues_count_no_attempt_is_the_last() {
    let world = World::new(Setup::default());
    let alice = world.session("alice").upload_never_works().start();
    let event = world.session_ended_event(&alice, "completed");
    let context = function(&world, "by-hand");
    let (with, metrics) = function_with(&world, "without-a-count", &[]);
    assert_eq!(crate::invoke::deliver(&with, std::slice::from_ref(&event)).await, [0]);
    assert!(crate::invoke::report(&context, &event).await.is_err());
    assert_eq!(counted(&metrics), 0);
}
