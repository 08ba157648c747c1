//! Field failure 2: the function is reclaimed in the middle. The event is still in the queue, so
//! whatever was left undone is done by the next delivery.

use crate::invoke::{
    FAULTS, FUNCTION_TIMEOUT, REAPER_TIMEOUT, assert_clean, deliver_until_done, function, look,
    open_intents, report,
};
use session_cleanup_tests::world::{Api, Crash, Fault, Setup, World};

/// One session, whose function dies at `crash`; then the event is delivered again. The answer is how
/// many calls the first function made.
async fn story(crash: Option<Crash>, tagged: bool) -> usize {
    let world = World::new(Setup::default());
    let alice = world.session("alice");
    let alice = if tagged { alice.identified_by_tag() } else { alice }.start();
    let bystander = world.session("bystander").start();
    let event = world.session_ended_event(&alice, "completed");
    let context = function(&world, "first");
    let invocation = report(&context, &event);
    match crash {
        Some(crash) => drop(world.run_until_crash("first", crash, invocation).await),
        None => drop(invocation.await),
    }
    drop(context);
    let boundaries = world.count_by("first");
    tokio::time::sleep(FUNCTION_TIMEOUT * 6).await;
    let received = deliver_until_done(&world, "next", &event, 3).await;
    assert!(received.is_some(), "{crash:?}: dead-letter queue\n{}", world.history());
    tokio::time::sleep(REAPER_TIMEOUT).await;
    look(&world, "sweep").await;
    assert_clean(&world, &alice);
    assert_eq!(open_intents(&world), Vec::<String>::new(), "{crash:?}\n{}", world.history());
    assert!(world.is_live(&bystander));
    boundaries
}

#[tokio::test(start_paused = true)]
async fn a_function_that_dies_at_any_call_leaves_nothing_that_the_next_delivery_does_not_finish() {
    let mut interleavings = 0;
    for tagged in [false, true] {
        let boundaries = story(None, tagged).await;
        for number in 1..=boundaries {
            for crash in [Crash::Before(number), Crash::After(number)] {
                story(Some(crash), tagged).await;
                interleavings += 1;
            }
        }
    }
    println!("crash of the function: {interleavings} interleavings");
    assert!(interleavings >= 36, "only {interleavings}");
}

/// The same for a container that dies, at every call boundary: what became of it is always said.
#[tokio::test(start_paused = true)]
async fn a_task_that_dies_at_any_call_ends_in_a_receipt() {
    let mut interleavings = 0;
    for api in [
        Api::DescribeTasks,
        Api::ContainerComplete,
        Api::PutObject,
        Api::DeregisterTargets,
        Api::HeadObject,
        Api::DescribeTargetHealth,
        Api::StopTask,
    ] {
        for nth in 1..=2 {
            for before in [true, false] {
                let world = World::new(Setup::default());
                let alice = world.session("alice").start();
                let dying = alice.clone();
                let crash = move |world: &World| world.crash(&dying, 137);
                if before {
                    world.before(api, nth, crash);
                } else {
                    world.after(api, nth, crash);
                }
                let event = world.session_ended_event(&alice, "completed");
                let received = deliver_until_done(&world, "function", &event, 3).await;
                let case = format!("{api} {nth} before: {before}");
                assert!(received.is_some(), "{case}\n{}", world.history());
                let outcome = crate::invoke::receipt(&world, &alice);
                let outcome = outcome.unwrap_or_else(|| panic!("{case}: no receipt"));
                let known = ["cleaned", "artifacts_unverified", "artifacts_lost"];
                assert!(known.contains(&outcome.as_str()), "{case}: {outcome}");
                assert!(world.is_stopping(&alice), "{case}");
                if outcome == "cleaned" {
                    assert!(world.has_completed(&alice), "{case}: never cleaned without our 200");
                }
                crate::invoke::assert_unharmed(&world);
                interleavings += 1;
            }
        }
    }
    println!("death of the task: {interleavings} interleavings");
}

/// Every single fault of one call, at every call: in the end the session is clean.
#[tokio::test(start_paused = true)]
async fn any_single_fault_of_any_call_is_overcome() {
    let mut stories = 0;
    for api in [
        Api::DescribeTasks,
        Api::PutObject,
        Api::ContainerComplete,
        Api::HeadObject,
        Api::DeregisterTargets,
        Api::DescribeTargetHealth,
        Api::StopTask,
        Api::DeleteObject,
    ] {
        for nth in 1..=2 {
            for (name, kind) in FAULTS {
                let world = World::new(Setup::default());
                let alice = world.session("alice").start();
                world.fault(kind(Fault::on(api).nth(nth)));
                let event = world.session_ended_event(&alice, "completed");
                let received = deliver_until_done(&world, "function", &event, 3).await;
                assert!(received.is_some(), "{api} {nth} {name}\n{}", world.history());
                look(&world, "sweep").await;
                assert_clean(&world, &alice);
                stories += 1;
            }
        }
    }
    println!("single faults: {stories} stories");
}

#[tokio::test(start_paused = true)]
async fn an_outage_of_any_service_ends_in_a_retry_and_harms_nobody() {
    for api in [
        Api::DescribeTasks,
        Api::ContainerComplete,
        Api::HeadObject,
        Api::DeregisterTargets,
        Api::DescribeTargetHealth,
        Api::StopTask,
        Api::PutObject,
    ] {
        for outage in [Fault::server_error as fn(Fault) -> Fault, Fault::hangs, Fault::throttled] {
            let world = World::new(Setup::default());
            let alice = world.session("alice").start();
            world.fault(outage(Fault::on(api).always()));
            let event = world.session_ended_event(&alice, "completed");
            let context = function(&world, "during");
            let failed = crate::invoke::deliver(&context, std::slice::from_ref(&event)).await;
            assert_eq!(failed, [0], "{api}: the event stays\n{}", world.history());
            crate::invoke::assert_unharmed(&world);
            world.faults_cease();
            tokio::time::sleep(FUNCTION_TIMEOUT * 6).await;
            let received = deliver_until_done(&world, "after", &event, 2).await;
            assert!(received.is_some(), "{api}\n{}", world.history());
            if api == Api::DeregisterTargets {
                // Given up, so that the task does not run on; the leftover target is the reaper's.
                assert_eq!(crate::invoke::receipt(&world, &alice).as_deref(), Some("cleaned"));
            } else {
                assert_clean(&world, &alice);
            }
        }
    }
}
