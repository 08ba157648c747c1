//! Tasks that take several sessions one after the other: not ours to clean, and not ours to harm. Their
//! container answers 403 for the session that is named on the task, and that is obeyed, whatever else
//! goes wrong.

use crate::invoke::{assert_unharmed, deliver, function, outcome, report, sweeps};
use serde_json::Value;
use session_cleanup_tests::world::{Api, Fault, Setup, TaskHandle, World};
use std::time::Duration;

/// A build agent that runs its second session, leased and routed.
fn reused() -> (World, TaskHandle, Value) {
    let world = World::new(Setup::default());
    let agent = world.session("build-1").answers_403().leased_for(Duration::from_hours(3)).start();
    let event = world.session_ended_event(&agent, "completed");
    (world, agent, event)
}

/// What goes wrong while its target is registered again.
fn troubles() -> [(&'static str, Fault); 4] {
    let registering = || Fault::on(Api::RegisterTargets).always();
    [
        ("throttled", registering().throttled()),
        ("denied", registering().denied()),
        ("refused", registering().refused()),
        ("server error", registering().server_error()),
    ]
}

#[tokio::test(start_paused = true)]
async fn a_403_whose_target_cannot_be_registered_again_tags_nothing_and_stops_nothing() {
    for (name, trouble) in troubles() {
        let (world, agent, event) = reused();
        world.fault(trouble);
        let answer = report(&function(&world, "first"), &event).await;
        assert_eq!(outcome(&answer), "rejected", "{name}: {answer:?}");
        assert!(!world.tags(&agent).contains_key("session-ended-at"), "{name}");
        world.faults_cease();
        assert_eq!(deliver(&function(&world, "second"), &[event]).await, [0], "{name}");
        let back = world.registered("sessions").contains(&agent.address());
        assert!(back, "{name}: its traffic is back\n{}", world.history());
        sweeps(&world, "sweep", 10).await;
        assert!(!world.is_stopping(&agent), "{name}: a healthy agent is stopped");
        assert_eq!(world.count(Api::StopTask), 0, "{name}");
        assert_unharmed(&world);
    }
}
