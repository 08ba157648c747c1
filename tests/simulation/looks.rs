//! How often a batch that goes badly looks at its tasks: out of a bucket of 20 a second that owners start
//! sessions and renew leases from.

use crate::invoke::{assert_unharmed, deliver, function, receipt};
use serde_json::Value;
use session_cleanup_tests::world::{Api, Fault, SessionBuilder, Setup, TaskHandle, World};
use std::time::Duration;

/// The most `DescribeTasks` of a batch of a hundred, whatever goes wrong.
const MOST_LOOKS: usize = 30;

async fn a_hundred(world: &World, quirk: fn(SessionBuilder) -> SessionBuilder) -> Vec<TaskHandle> {
    a_hundred_that(world, quirk, |task| world.session_ended_event(task, "completed")).await
}

async fn a_hundred_that(
    world: &World,
    quirk: fn(SessionBuilder) -> SessionBuilder,
    event: impl FnMut(&TaskHandle) -> Value,
) -> Vec<TaskHandle> {
    let start = |number| quirk(world.session(&format!("s-{number}"))).start();
    let sessions: Vec<TaskHandle> = (0..100).map(start).collect();
    let events: Vec<Value> = sessions.iter().map(event).collect();
    deliver(&function(world, "completion"), &events).await;
    let looks = world.count(Api::DescribeTasks);
    println!("{looks} DescribeTasks");
    assert!(looks <= MOST_LOOKS, "{looks} DescribeTasks");
    assert_unharmed(world);
    sessions
}

#[tokio::test(start_paused = true)]
async fn a_batch_whose_containers_refuse_shares_its_looks() {
    let world = World::new(Setup::default());
    let sessions = a_hundred(&world, SessionBuilder::refuses).await;
    assert!(sessions.iter().all(|task| world.completion_calls(task).len() >= 4), "all try again");
}

#[tokio::test(start_paused = true)]
async fn a_batch_whose_containers_take_no_connection_shares_its_looks() {
    let world = World::new(Setup::default());
    let sessions = a_hundred(&world, SessionBuilder::deaf).await;
    assert!(sessions.iter().all(|task| world.completion_calls(task).len() >= 3), "all try again");
}

#[tokio::test(start_paused = true)]
async fn a_batch_whose_uploads_fail_shares_its_looks() {
    let world = World::new(Setup::default());
    let fails =
        |session: SessionBuilder| session.upload_fails(3).uploads_in(Duration::from_secs(1));
    let sessions = a_hundred(&world, fails).await;
    assert!(sessions.iter().all(|task| world.is_stopping(task)), "all are saved in the end");
}

#[tokio::test(start_paused = true)]
async fn a_batch_whose_stops_are_not_answered_shares_its_looks() {
    let world = World::new(Setup::default());
    world.fault(Fault::on(Api::StopTask).always().server_error());
    let sessions = a_hundred(&world, |session| session).await;
    assert!(world.count(Api::StopTask) >= 3 * sessions.len(), "all try again");
}

/// One of two groups can't be read: the verification asks again and again.
#[tokio::test(start_paused = true)]
async fn a_batch_whose_targets_can_not_be_verified_shares_its_looks() {
    let target_groups = ["sessions", "internal"].map(str::to_owned).to_vec();
    let world = World::new(Setup { target_groups, ..Setup::default() });
    let refusing = world.setup().target_group_arn("internal");
    world.fault(Fault::on(Api::DescribeTargetHealth).of(refusing).always().denied());
    a_hundred(&world, |session| session).await;
    assert!(world.count(Api::DescribeTargetHealth) > 10, "it is asked again and again");
}

/// ECS shows the ends of tasks some seconds after their events.
#[tokio::test(start_paused = true)]
async fn a_batch_of_ends_that_ecs_does_not_show_yet_shares_its_looks() {
    let reads_lag = Duration::from_secs(3);
    let world = World::new(Setup { reads_lag, ..Setup::default() });
    let end = |task: &TaskHandle| {
        world.crash(task, 137);
        world.task_event(task)
    };
    let sessions = a_hundred_that(&world, |session| session, end).await;
    assert!(sessions.iter().all(|task| receipt(&world, task).is_some()), "all are judged");
}
