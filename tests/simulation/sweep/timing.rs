//! How long a sweep takes, in virtual time, against AWS's published token buckets.

use crate::invoke::{INTERVAL, assert_unharmed, function_at, invoke_reaper, look};
use serde_json::json;
use session_cleanup::aws::Pace;
use session_cleanup_tests::world::{Api, Latency, Limits, Setup, TaskHandle, World};
use std::net::Ipv4Addr;
use std::time::Duration;
use tokio::time::Instant;

/// 0.05 s a call, and AWS's rates.
fn limited_world() -> World {
    let call = Duration::from_millis(50);
    let latency = Latency { ecs: call, elb: call, s3: call, ..Latency::default() };
    World::new(Setup { latency, limits: Limits::aws(), ..Setup::default() })
}

/// So many live sessions, in traffic as long as there are targets for them (a group holds 1,000).
fn fleet(world: &World, size: usize) {
    for number in 0..size {
        let session = world.session(&format!("s-{number}")).started_ago(Duration::from_mins(5));
        if number < 900 { session } else { session.unregistered() }.start();
    }
}

/// What AWS's buckets allow: the reads that the world counted, the pages of a cluster one after the
/// other, and the stops.
fn limit_of_reads(world: &World) -> Duration {
    let reads: usize = [Api::ListTasks, Api::DescribeTasks, Api::ListClusters]
        .iter()
        .map(|api| world.count(*api))
        .sum();
    let bucket = Duration::from_secs_f64((seconds(reads) - 100.0).max(0.0) / 20.0);
    let pages = Duration::from_millis(50) * u32::try_from(world.count(Api::ListTasks)).unwrap();
    bucket.max(pages)
}

fn seconds(count: usize) -> f64 {
    f64::from(u32::try_from(count).unwrap())
}

fn assert_hardly_throttled(world: &World) {
    let (throttled, calls) = (world.throttles(), world.calls().len());
    println!("  {throttled} of {calls} calls were throttled");
    assert!(throttled * 100 < calls, "{throttled} of {calls} calls were throttled");
}

async fn a_sweep_that_finds_nothing(size: usize) {
    let world = limited_world();
    fleet(&world, size);
    let (context, _) = function_at(&world, "sweep", whole(), &[]);
    let began = Instant::now();
    let report = invoke_reaper(&context, &json!({ "mode": "enforce" })).await;
    let (took, limit) = (began.elapsed(), limit_of_reads(&world));
    println!("a sweep of {size} tasks that finds nothing: {took:?}, AWS's limit: {limit:?}");
    assert_eq!(report["counts"]["session_tasks"], size);
    assert_eq!(report["not_decided"], json!([]), "{:#}", report["not_decided"]);
    assert_eq!(report["tasks"], json!([]));
    assert_hardly_throttled(&world);
    assert!(took <= limit.mul_f64(1.1), "{took:?} is more than 1.1 times {limit:?}");
}

fn whole() -> Pace {
    Pace::share(session_cleanup::config::Percent::WHOLE)
}

#[tokio::test(start_paused = true)]
async fn a_sweep_of_10_000_tasks_that_finds_nothing_takes_what_awss_rates_allow() {
    a_sweep_that_finds_nothing(10_000).await;
}

#[tokio::test(start_paused = true)]
async fn a_sweep_of_100_000_tasks_that_finds_nothing_takes_what_awss_rates_allow() {
    a_sweep_that_finds_nothing(100_000).await;
}

/// No stop waits for another's upload.
#[tokio::test(start_paused = true)]
async fn a_thousand_orphans_are_stopped_as_fast_as_awss_rate_of_stops_allows() {
    a_thousand_orphans(Duration::from_secs(3), Duration::from_millis(22_500)).await;
}

/// 128 containers are asked at once: then uploads are what takes long, not stops.
#[tokio::test(start_paused = true)]
async fn a_thousand_orphans_with_long_uploads_take_as_long_as_all_connections_together_need() {
    const UPLOAD: Duration = Duration::from_secs(20);
    a_thousand_orphans(UPLOAD, UPLOAD * 7).await;
}

async fn a_thousand_orphans(upload: Duration, one_after_the_other: Duration) {
    let world = limited_world();
    fleet(&world, 4_000);
    for number in 0..1_000 {
        let orphan = world.session(&format!("orphan-{number}")).uploads_in(upload).unregistered();
        orphan.started_ago(Duration::from_hours(3)).start();
    }
    let (context, _) = function_at(&world, "sweep", whole(), &[]);
    let began = Instant::now();
    let report = invoke_reaper(&context, &json!({ "mode": "enforce" })).await;
    let took = began.elapsed();
    assert_eq!(report["counts"]["reaped"], 1_000, "{:#}", report["counts"]);
    let path = upload + Duration::from_millis(50) * 7;
    let limit = limit_of_reads(&world) + path + one_after_the_other;
    println!("a sweep of 5,000 tasks with 1,000 orphans: {took:?}, AWS's limit: {limit:?}");
    assert_hardly_throttled(&world);
    assert!(took <= limit.mul_f64(1.1), "{took:?} is more than 1.1 times {limit:?}");
    assert_unharmed(&world);
}

/// 200 orphans and 50 zombies in a fleet of 10,000.
#[tokio::test(start_paused = true)]
async fn a_sweep_of_10_000_tasks_with_200_orphans_and_50_zombies_takes_what_awss_rates_allow() {
    const UPLOAD: Duration = Duration::from_secs(3);
    let world = limited_world();
    fleet(&world, 9_800);
    let orphans: Vec<TaskHandle> = (0..200)
        .map(|number| {
            let orphan = world.session(&format!("orphan-{number}")).uploads_in(UPLOAD);
            let orphan = orphan.started_ago(Duration::from_hours(3));
            if number < 50 { orphan } else { orphan.unregistered() }.start()
        })
        .collect();
    for number in 1..=50 {
        world.leave_target("sessions", Ipv4Addr::new(127, 200, 0, number));
    }
    look(&world, "before").await;
    tokio::time::sleep(INTERVAL).await;
    let reads_before: usize = world.calls().len();
    let (context, _) = function_at(&world, "sweep", whole(), &[]);
    let began = Instant::now();
    let report = invoke_reaper(&context, &json!({ "mode": "enforce" })).await;
    let took = began.elapsed();
    let calls = &world.calls()[reads_before..];
    let reads = calls
        .iter()
        .filter(|call| [Api::ListTasks, Api::DescribeTasks, Api::ListClusters].contains(&call.api))
        .count();
    let stops = calls.iter().filter(|call| call.api == Api::StopTask).count();
    assert_eq!(report["counts"]["reaped"], 200, "{:#}", report["counts"]);
    assert_eq!(report["counts"]["deregistered"], 50, "{:#}", report["counts"]);
    assert_eq!(stops, 200);
    for orphan in &orphans {
        assert!(world.is_stopping(orphan));
    }
    let bucket = Duration::from_secs_f64((seconds(reads) - 100.0) / 20.0);
    // identify, POST, HEAD, intent, deregister, was it ours, stop or verify, receipt
    let path = UPLOAD + Duration::from_millis(50) * 7;
    let limit = bucket + path + Duration::from_secs_f64((seconds(stops) - 100.0) / 40.0);
    println!(
        "a sweep of 10,000 tasks with 200 orphans and 50 zombies: {took:?}, {reads} reads; \
         AWS's limit: {limit:?}"
    );
    assert_hardly_throttled(&world);
    assert!(took <= limit.mul_f64(1.1), "{took:?} is more than 1.1 times {limit:?}");
    assert_unharmed(&world);
}

#[tokio::test(start_paused = true)]
async fn a_sweep_says_at_which_size_its_fleet_will_no_longer_fit() {
    let world = limited_world();
    fleet(&world, 11_000);
    let share = Pace::share(session_cleanup::config::Percent::TENTH);
    let (context, _) = function_at(&world, "sweep", share, &[("RATE_SHARE_PERCENT", "10")]);
    let report = invoke_reaper(&context, &json!({ "mode": "enforce" })).await;
    assert_eq!(report["not_decided"], json!([]), "it still fits");
    let problems = report["problems"].to_string();
    println!("{problems}");
    assert!(problems.contains("to look at 11000 tasks takes at least 1"), "{problems}");
    assert!(problems.contains("a sweep can't list them all"), "{problems}");
}
