//! Allocations of the production code, of the SDK, and of the simulated AWS, in one thread of virtual time.

use allocation_counter::{AllocationInfo, measure};
use serde_json::{Value, json};
use session_cleanup::deadline::Deadline;
use session_cleanup::{completion, reaper};
use session_cleanup_histories::functions::{
    FUNCTION_TIMEOUT, REAPER_TIMEOUT, batch_received, failed_items, function,
};
use session_cleanup_histories::play::virtual_time;
use session_cleanup_tests::world::{Setup, World};
use std::time::Duration;

/// What a piece of work may allocate.
struct Most {
    allocations: u64,
    bytes: u64,
    /// At one moment.
    at_once: u64,
}

fn assert_within(what: &str, seen: &AllocationInfo, most: &Most) {
    let at_once = seen.bytes_max;
    println!(
        "{what}: {} allocations, {} bytes, {at_once} bytes at once",
        seen.count_total, seen.bytes_total
    );
    for (name, value, limit) in [
        ("allocations", seen.count_total, most.allocations),
        ("bytes", seen.bytes_total, most.bytes),
        ("bytes at once", at_once, most.at_once),
    ] {
        assert!(value <= limit, "{what}: {value} {name}, more than {limit}");
    }
}

#[test]
fn a_batch_of_a_hundred_sessions_allocates_no_more_than_it_did() {
    let time = virtual_time();
    let (context, payload) = time.block_on(async {
        let world = World::new(Setup::default());
        let sessions: Vec<_> = (0..100).map(|n| world.session(&format!("s-{n}")).start()).collect();
        let events: Vec<Value> =
            sessions.iter().map(|task| world.session_ended_event(task, "completed")).collect();
        let events: Vec<(&Value, u32)> = events.iter().map(|event| (event, 1)).collect();
        (function(&world, "completion"), batch_received(&events))
    });
    let seen = measure(|| {
        let deadline = time.block_on(async { Deadline::after(FUNCTION_TIMEOUT) });
        let handled = completion::handle(&context, payload, deadline, "request");
        assert!(failed_items(&time.block_on(handled).unwrap()).is_empty());
    });
    let most = Most { allocations: 288_000, bytes: 38_400_000, at_once: 7_800_000 };
    assert_within("a batch of 100", &seen, &most);
}

#[test]
fn a_sweep_of_a_thousand_live_tasks_allocates_no_more_than_it_did() {
    let time = virtual_time();
    let context = time.block_on(async {
        let world = World::new(Setup::default());
        for n in 0..1_000 {
            world.session(&format!("s-{n}")).renewed_for(Duration::from_hours(1)).start();
        }
        function(&world, "reaper")
    });
    let event = json!({ "source": "aws.events", "detail-type": "Scheduled Event", "detail": {} });
    let seen = measure(|| {
        let deadline = time.block_on(async { Deadline::after(REAPER_TIMEOUT) });
        let report = time.block_on(reaper::handle(&context, &event, deadline, "request")).unwrap();
        assert_eq!(report["counts"]["session_tasks"], 1_000, "{report}");
    });
    let most = Most { allocations: 367_000, bytes: 50_400_000, at_once: 3_100_000 };
    assert_within("a sweep of 1,000", &seen, &most);
}
