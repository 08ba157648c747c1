//! What became of a session.

use super::{HOUR, explain, says};
use crate::invoke::{ask, deliver, enforce, function};
use serde_json::json;
use session_cleanup_tests::world::{Api, Setup, World};
use std::time::Duration;

#[tokio::test(start_paused = true)]
async fn a_session_is_answered_with_its_receipts_the_newest_first() {
    let world = World::new(Setup::default());
    for _ in 0..3 {
        let run = world.session("run:7").start();
        let event = world.session_ended_event(&run, "completed");
        assert!(deliver(&function(&world, "completion"), &[event]).await.is_empty());
        tokio::time::sleep(HOUR).await;
    }
    let answer = ask(&world, &json!({"session": "run:7"})).await;
    let receipts = answer["receipts"].as_array().unwrap();
    assert_eq!(receipts.len(), 3);
    let at: Vec<&str> = receipts.iter().map(|receipt| receipt["at"].as_str().unwrap()).collect();
    let mut sorted = at.clone();
    sorted.sort_unstable_by(|one, other| other.cmp(one));
    assert_eq!(at, sorted);
    says(&answer, "Session run:7 has 3 receipts");
    says(&answer, "cleaned | artifacts confirmed; target gone;");
}

#[tokio::test(start_paused = true)]
async fn a_session_that_nobody_knows_is_told_so() {
    let world = World::new(Setup::default());
    world.session("other").start();
    let answer = ask(&world, &json!({"session": "nobody"})).await;
    says(&answer, "Session nobody has no receipt");
    let answer = explain(&world, "nobody").await;
    says(&answer, "No task of the configured clusters is known for it");
    says(&answer, "all 1 running tasks of the configured clusters were looked at");
}

/// Its old receipt says nothing of the task that runs it now.
#[tokio::test(start_paused = true)]
async fn a_resumed_session_is_explained_by_the_task_that_runs_it_now() {
    let world = World::new(Setup::default());
    let first = world.session("resumed").started_ago(HOUR * 3).start();
    enforce(&world, "sweep").await;
    tokio::time::sleep(Duration::from_mins(3)).await;
    let second = world.session("resumed").start();
    let answer = explain(&world, "resumed").await;
    assert_eq!(answer["tasks"][0]["task_arn"], second.arn(), "{answer:#}");
    assert_eq!(answer["tasks"][0]["row"], "T10 live");
    assert_eq!(answer["receipts"][0]["task_arn"], first.arn());
}

#[tokio::test(start_paused = true)]
async fn both_tasks_of_a_session_that_was_resumed_while_the_old_one_runs_on_are_told() {
    let world = World::new(Setup::default());
    let first = world.session("resumed").started_ago(HOUR * 3).start();
    crate::invoke::look(&world, "look").await;
    let second = world.session("resumed").start();
    let answer = explain(&world, "resumed").await;
    let rows: Vec<_> = answer["tasks"].as_array().unwrap().iter().collect();
    assert_eq!(rows.len(), 2, "{answer:#}");
    assert_eq!(
        (&rows[0]["task_arn"], &rows[0]["row"]),
        (&json!(first.arn()), &json!("T8 too_old"))
    );
    assert_eq!((&rows[1]["task_arn"], &rows[1]["row"]), (&json!(second.arn()), &json!("T10 live")));
}

#[tokio::test(start_paused = true)]
async fn in_a_large_fleet_the_look_ends_in_time_and_says_how_far_it_got() {
    let world = World::new(Setup::default());
    for number in 0..8_000 {
        world.session(&format!("s-{number}")).start();
    }
    let answer = explain(&world, "nobody").await;
    says(&answer, "but not all: the task may still be running");
    // A tenth of AWS's rates: ten at once, then two a second.
    let reads = world.count(Api::ListTasks) + world.count(Api::DescribeTasks);
    assert!((80..=10 + 2 * 50).contains(&reads), "{reads} reads");
}

/// What looks like a task's id may be a session's.
#[tokio::test(start_paused = true)]
async fn a_session_that_is_called_like_a_task_is_found() {
    let world = World::new(Setup::default());
    let name = "0123456789abcdef0123456789abcdef";
    let task = world.session(name).start();
    let answer = explain(&world, name).await;
    assert_eq!(answer["tasks"][0]["task_arn"], task.arn(), "{answer:#}");
}

/// A task that only its tag names says nothing after its end; the ledger does.
#[tokio::test(start_paused = true)]
async fn a_task_of_a_pool_leads_to_its_session_after_its_end() {
    let world = World::new(Setup::default());
    let pooled = world.session("pooled").identified_by_tag().start();
    let event = world.session_ended_event(&pooled, "completed");
    assert!(deliver(&function(&world, "completion"), &[event]).await.is_empty());
    tokio::time::sleep(HOUR * 3).await;
    let answer = explain(&world, pooled.arn()).await;
    assert_eq!(answer["receipts"][0]["outcome"], "cleaned", "{answer:#}");
}
