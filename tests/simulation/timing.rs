//! How long a completion takes, in virtual time, which is exact.

use crate::invoke::{assert_clean, deliver, function};
use session_cleanup_tests::world::{Latency, Setup, World};
use std::time::Duration;
use tokio::time::Instant;

const UPLOAD: Duration = Duration::from_secs(3);
const ALB: Duration = Duration::from_secs(1);
const ECS: Duration = Duration::from_millis(200);
const S3: Duration = Duration::from_millis(50);

/// S3 3 s, ALB 1 s, ECS 0.2 s a call, as the promised limits mean it.
fn slow_world() -> World {
    let latency = Latency { ecs: ECS, elb: ALB, s3: S3, container: Duration::ZERO };
    World::new(Setup { latency, ..Setup::default() })
}

/// identify + max(max(artifacts, target's three steps) + stop, target's three steps + verify)
/// + receipt.
fn critical_path() -> Duration {
    let identify = ECS;
    let artifacts = UPLOAD + S3;
    let target = S3 + ALB + ECS;
    let stop = ECS;
    let verify = ALB;
    let receipt = S3;
    identify + (artifacts.max(target) + stop).max(target + verify) + receipt
}

#[tokio::test(start_paused = true)]
async fn one_completion_takes_its_critical_path_and_not_the_sum_of_its_steps() {
    let world = slow_world();
    let alice = world.session("alice").uploads_in(UPLOAD).start();
    let context = function(&world, "completion");
    let event = world.session_ended_event(&alice, "completed");
    let began = Instant::now();
    assert!(deliver(&context, &[event]).await.is_empty());
    let took = began.elapsed();
    assert_clean(&world, &alice);
    let path = critical_path();
    assert_eq!(path, Duration::from_millis(200 + 3_050 + 200 + 50));
    println!("one completion: {took:?}, its critical path: {path:?}");
    assert!(took <= path.mul_f64(1.02), "{took:?} is more than 1.02 times {path:?}");
}

#[tokio::test(start_paused = true)]
async fn a_hundred_sessions_in_a_batch_share_their_calls_and_their_waiting() {
    let world = slow_world();
    let sessions: Vec<_> =
        (0..100).map(|n| world.session(&format!("s-{n}")).uploads_in(UPLOAD).start()).collect();
    let context = function(&world, "completion");
    let events: Vec<_> =
        sessions.iter().map(|task| world.session_ended_event(task, "completed")).collect();
    let began = Instant::now();
    assert!(deliver(&context, &events).await.is_empty(), "{}", world.history());
    let took = began.elapsed();
    for task in &sessions {
        assert_clean(&world, task);
    }
    let aws_calls = world.calls().iter().filter(|call| call.is_of_aws()).count();
    let path = critical_path();
    println!("100 completions: {took:?} (path {path:?}), {aws_calls} AWS calls");
    assert!(aws_calls <= 310, "{aws_calls} calls\n{}", world.history());
    assert!(took <= path.mul_f64(1.05), "{took:?} is more than 1.05 times {path:?}");
    assert_eq!(u64::try_from(aws_calls).unwrap(), context.aws.meter.read().calls);
}

#[tokio::test(start_paused = true)]
async fn the_stop_never_waits_for_the_load_balancer_to_drain() {
    let world = World::new(Setup::default());
    let alice = world.session("alice").start();
    let context = function(&world, "completion");
    let event = world.session_ended_event(&alice, "completed");
    let began = Instant::now();
    deliver(&context, &[event]).await;
    assert_clean(&world, &alice);
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
}

#[tokio::test(start_paused = true)]
async fn an_upload_that_takes_longer_than_the_function_ends_before_the_deadline() {
    let world = World::new(Setup::default());
    let alice = world.session("alice").uploads_in(Duration::from_secs(500)).start();
    // As if it had twelve minutes; `deliver` gives it one.
    let long = [("UPLOAD_TIMEOUT", "10m"), ("FUNCTION_TIMEOUT", "12m"), ("REAPER_TIMEOUT", "15m")];
    let context = crate::invoke::function_with(&world, "completion", &long).0;
    let event = world.session_ended_event(&alice, "completed");
    // `deliver` asserts that the invocation ends before Lambda would end it.
    assert_eq!(deliver(&context, &[event]).await, [0]);
    assert_eq!(crate::invoke::receipt(&world, &alice).as_deref(), Some("awaiting_salvage"));
    assert!(!world.is_stopping(&alice));
}
