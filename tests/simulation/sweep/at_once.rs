//! Two functions at work at the same time (I6): two sweeps, and a sweep and a completion.

use super::boundary::{Boundary, everywhere};
use super::fleet::{Living, Why, assert_put_right, leave_zombie, quick_world, suspect};
use crate::invoke::{
    FUNCTION_TIMEOUT, deliver, deliver_until_done, enforce, function, invoke_reaper, receipt,
};
use serde_json::json;
use session_cleanup_tests::world::{Call, TaskHandle, World};
use std::future::Future;

/// Runs the other one from the boundary on; undisturbed without one.
async fn joined(
    world: &World,
    boundary: Option<Boundary>,
    one: impl Future,
    other: impl Future,
) -> Vec<Call> {
    let sent = world.calls().len();
    match boundary {
        None => drop(one.await),
        Some(boundary) => {
            let reached = boundary.reached(world);
            let later = async {
                reached.await;
                other.await
            };
            tokio::join!(one, later);
        }
    }
    world.calls().split_off(sent)
}

/// Reserved concurrency keeps two sweeps apart; should it be missing, nobody is harmed.
#[tokio::test(start_paused = true)]
async fn two_sweeps_at_once_harm_nobody_and_leave_nothing_behind() {
    let story = |boundary| async move {
        let world = quick_world();
        let living = Living::start(&world);
        let orphans = Why::INTRICATE.map(|why| why.start(&world));
        leave_zombie(&world, 1);
        suspect(&world).await;
        let (one, two) = (function(&world, "one"), function(&world, "two"));
        let payload = json!({ "mode": "enforce" });
        let (first, second) = (invoke_reaper(&one, &payload), invoke_reaper(&two, &payload));
        let calls = joined(&world, boundary, first, second).await;
        for orphan in &orphans {
            assert_eq!(receipt(&world, orphan).as_deref(), Some("cleaned"), "{}", world.history());
        }
        assert_put_right(&world).await;
        living.assert_untouched(&world);
        calls
    };
    assert!(everywhere("two sweeps at once", story).await >= 60);
}

/// The event of an orphan comes late, after all.
struct Late {
    world: World,
    living: Living,
    orphan: TaskHandle,
    event: serde_json::Value,
}

impl Late {
    async fn begin(why: Why) -> Self {
        let world = quick_world();
        let living = Living::start(&world);
        let orphan = why.start(&world);
        suspect(&world).await;
        world.owner_ends(&orphan);
        let event = world.session_ended_event(&orphan, "completed");
        Self { world, living, orphan, event }
    }

    async fn end(self) {
        let Self { world, living, orphan, event } = self;
        tokio::time::sleep(FUNCTION_TIMEOUT * 6).await;
        let received = deliver_until_done(&world, "redelivered", &event, 3).await;
        assert!(received.is_some(), "dead-letter queue\n{}", world.history());
        assert!(world.is_stopping(&orphan), "{}", world.history());
        assert_eq!(receipt(&world, &orphan).as_deref(), Some("cleaned"), "{}", world.history());
        assert_put_right(&world).await;
        living.assert_untouched(&world);
    }
}

#[tokio::test(start_paused = true)]
async fn a_completion_that_begins_between_any_two_calls_of_a_sweep_changes_nothing() {
    for why in Why::INTRICATE {
        let story = |boundary| async move {
            let late = Late::begin(why).await;
            let completion = function(&late.world, "completion");
            let events = [late.event.clone()];
            let sweep = enforce(&late.world, "sweep");
            let calls = joined(&late.world, boundary, sweep, deliver(&completion, &events)).await;
            late.end().await;
            calls
        };
        assert!(everywhere(&format!("a completion during a sweep, {why:?}"), story).await >= 30);
    }
}

#[tokio::test(start_paused = true)]
async fn a_sweep_that_begins_between_any_two_calls_of_a_completion_changes_nothing() {
    for why in Why::INTRICATE {
        let story = |boundary| async move {
            let late = Late::begin(why).await;
            let completion = function(&late.world, "completion");
            let events = [late.event.clone()];
            let sweep = enforce(&late.world, "sweep");
            let calls = joined(&late.world, boundary, deliver(&completion, &events), sweep).await;
            late.end().await;
            calls
        };
        assert!(everywhere(&format!("a sweep during a completion, {why:?}"), story).await >= 14);
    }
}
