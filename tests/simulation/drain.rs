//! Very many sessions that end at once: AWS's rate of `StopTask` is what they wait for, and nothing else.

use crate::invoke::{assert_clean, assert_unharmed, deliver, function, receipt};
use session_cleanup_histories::drain::{Drained, play};
use session_cleanup_tests::world::{Api, Limits, Rate, Setup, TaskHandle, World};
use std::time::Duration;

/// What the first of them takes until it is stopped: it is found, uploads, its marker is read, it is stopped.
const FIRST: Duration = Duration::from_millis(50 + 3_002 + 50 + 50);

/// Ten thousand are a benchmark's: they take as long per session.
#[test]
fn thousands_of_sessions_that_end_at_once_are_stopped_at_the_rate_that_aws_allows() {
    let drained = play(2_000);
    let Drained { sessions, took, calls, throttled, starts, starts_throttled, .. } = drained;
    let limit = FIRST + drained.limit;
    println!("{sessions} sessions: {took:?}, AWS's limit: {limit:?}");
    println!(
        "  {throttled} of {calls} calls were throttled, and {starts_throttled} of {starts} of owners"
    );
    assert!(drained.violations.is_empty(), "{:#?}", drained.violations);
    assert_eq!((drained.unclean, drained.redelivered, drained.dead_letters), (0, 0, 0));
    assert!(took <= limit.mul_f64(1.1), "{took:?} is more than 1.1 times {limit:?}");
    // Nobody can know of the others before the first answers: ten batches of a hundred, less what AWS lets
    // through. After that one in eight.
    assert!(throttled <= 900 + sessions / 8, "{throttled} throttles");
    assert!(starts_throttled * 10 <= starts, "owners can't start sessions: {drained:#?}");
}

/// A world that lets so many tasks be stopped a second, one at a time.
fn world_that_stops(refill: f64) -> World {
    let limits = Limits { ecs_stop: Some(Rate { burst: 1.0, refill }), ..Limits::none() };
    World::new(Setup { limits, ..Setup::default() })
}

fn ended(world: &World, tasks: &[TaskHandle]) -> Vec<serde_json::Value> {
    tasks.iter().map(|task| world.session_ended_event(task, "completed")).collect()
}

/// A stop of what is over would delete its tags, and with them who it was.
#[tokio::test(start_paused = true)]
async fn a_task_that_ends_while_its_stop_waits_for_its_turn_is_not_stopped_any_more() {
    let world = world_that_stops(40.0);
    let context = function(&world, "completion");
    let before: Vec<_> = (0..3).map(|n| world.session(&format!("before-{n}")).start()).collect();
    assert!(deliver(&context, &ended(&world, &before)).await.is_empty(), "{}", world.history());
    let stops_before = world.count(Api::StopTask);
    assert!(stops_before > 3, "none was throttled");
    let exits = |n: usize| {
        let session = world.session(&format!("s-{n}"));
        session.exits_after_completion(Duration::from_secs(1)).start()
    };
    let tasks: Vec<_> = (0..40).map(exits).collect();
    assert!(deliver(&context, &ended(&world, &tasks)).await.is_empty(), "{}", world.history());
    for task in &tasks {
        assert_clean(&world, task);
    }
    let stops = world.count(Api::StopTask) - stops_before;
    assert!((1..20).contains(&stops), "{stops} stops\n{}", world.history());
}

/// Owners may have all that AWS allows: who gets no turn is not stopped, and that is nothing but late.
#[tokio::test(start_paused = true)]
async fn a_stop_whose_turn_does_not_come_leaves_its_event_to_the_next_delivery() {
    let world = world_that_stops(0.25);
    let context = function(&world, "completion");
    let tasks: Vec<_> = (0..40).map(|n| world.session(&format!("s-{n}")).start()).collect();
    let events = ended(&world, &tasks);
    // `deliver` asserts that the invocation ends before Lambda would end it.
    let failed = deliver(&context, &events).await;
    assert!((20..35).contains(&failed.len()), "{failed:?}\n{}", world.history());
    for (number, task) in tasks.iter().enumerate() {
        let (outcome, is_late) = (receipt(&world, task), failed.contains(&number));
        assert_eq!(outcome.as_deref(), Some(if is_late { "incomplete" } else { "cleaned" }));
        assert_eq!(world.is_stopping(task), !is_late);
    }
    world.adjust(|setup| setup.limits = Limits::none());
    let again: Vec<_> = failed.iter().map(|number| events[*number].clone()).collect();
    assert!(deliver(&context, &again).await.is_empty(), "{}", world.history());
    for task in &tasks {
        assert_clean(&world, task);
    }
    assert_unharmed(&world);
}
