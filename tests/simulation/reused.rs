//! Tasks that take several sessions one after the other: not ours to clean, and not ours to harm. Their
//! container answers 403 for the session that is named on the task, and that is obeyed, whatever else
//! goes wrong.

use crate::invoke::{
    FUNCTION_TIMEOUT, assert_unharmed, deliver, function, function_with, open_intents, outcome,
    receive, report, sweeps,
};
use serde_json::Value;
use session_cleanup_tests::world::{
    Api, Behaviour, BodyShape, Fault, HealthTimes, RegisteringWhatDrains, Setup, TaskHandle, World,
};
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
        // As the queue delivers it again.
        tokio::time::sleep(FUNCTION_TIMEOUT * 6).await;
        let again = receive(&function(&world, "second"), &event, 2).await;
        assert_eq!(again, [0], "{name}");
        assert_eq!(world.completion_calls(&agent).len(), 1, "{name}: it is not asked again");
        let back = world.registered("sessions").contains(&agent.address());
        assert!(back, "{name}: its traffic is back\n{}", world.history());
        sweeps(&world, "sweep", 10).await;
        assert!(!world.is_stopping(&agent), "{name}: a healthy agent is stopped");
        assert_eq!(world.count(Api::StopTask), 0, "{name}");
        assert_unharmed(&world);
    }
}

/// Its first line says it: what follows may break off, never come, or never end.
#[tokio::test(start_paused = true)]
async fn a_403_is_obeyed_whatever_becomes_of_the_rest_of_its_answer() {
    let shapes =
        [BodyShape::BreaksOff, BodyShape::Endless, BodyShape::Slow(Duration::from_hours(1))];
    for shape in shapes {
        let (world, agent, event) = reused();
        world.behaves(&agent, |container| container.body = shape);
        let answer = report(&function(&world, "completion"), &event).await;
        assert_eq!(outcome(&answer), "rejected", "{shape:?}: {answer:?}");
        assert_eq!(world.completion_calls(&agent).len(), 1, "{shape:?}");
        assert!(!world.tags(&agent).contains_key("session-ended-at"), "{shape:?}");
        sweeps(&world, "sweep", 10).await;
        assert!(!world.is_stopping(&agent), "{shape:?}: a healthy agent is stopped");
        assert!(world.registered("sessions").contains(&agent.address()), "{shape:?}");
        assert_unharmed(&world);
    }
}

fn load_balancers() -> [RegisteringWhatDrains; 3] {
    [
        RegisteringWhatDrains::Works,
        RegisteringWhatDrains::IsRefused,
        RegisteringWhatDrains::IsIgnored,
    ]
}

fn behind(registering_what_drains: RegisteringWhatDrains, groups: &[&str]) -> World {
    let target_groups = groups.iter().map(|name| (*name).to_owned()).collect();
    let health = HealthTimes { registering_what_drains, ..HealthTimes::default() };
    World::new(Setup { target_groups, health, ..Setup::default() })
}

/// Its traffic comes back by itself, whatever a load balancer makes of an address that drains: what is
/// not seen registered stays in an intent, and no delivery is needed for it.
#[tokio::test(start_paused = true)]
async fn after_a_403_the_target_is_back_once_its_deregistration_delay_is_over() {
    for load_balancer in load_balancers() {
        for groups in [&["sessions"][..], &["sessions", "internal"]] {
            let world = behind(load_balancer, groups);
            let agent = world.session("build-1").answers_403().registered_in(groups);
            let agent = agent.leased_for(Duration::from_hours(3)).start();
            let event = world.session_ended_event(&agent, "completed");
            let answer = report(&function(&world, "completion"), &event).await;
            assert_eq!(outcome(&answer), "rejected", "{load_balancer:?} {answer:?}");
            tokio::time::sleep(Duration::from_mins(6)).await;
            sweeps(&world, "sweep", 2).await;
            for group in groups {
                let back = world.registered(group).contains(&agent.address());
                assert!(back, "{load_balancer:?}, {group}\n{}", world.history());
            }
            assert!(open_intents(&world).is_empty(), "{load_balancer:?}");
            assert_eq!(world.count(Api::StopTask), 0);
            assert_unharmed(&world);
        }
    }
}

/// The same where the load balancer can't be asked while the event is handled.
#[tokio::test(start_paused = true)]
async fn with_several_groups_a_target_that_could_not_be_registered_again_is_the_next_sweeps() {
    for (name, trouble) in troubles() {
        let world = behind(RegisteringWhatDrains::Works, &["sessions", "internal"]);
        let agent = world.session("build-1").answers_403().registered_in(&["sessions", "internal"]);
        let agent = agent.leased_for(Duration::from_hours(3)).start();
        let event = world.session_ended_event(&agent, "completed");
        world.fault(trouble);
        report(&function(&world, "completion"), &event).await.unwrap_err();
        world.faults_cease();
        tokio::time::sleep(Duration::from_mins(6)).await;
        sweeps(&world, "sweep", 2).await;
        for group in ["sessions", "internal"] {
            let back = world.registered(group).contains(&agent.address());
            assert!(back, "{name}, {group}\n{}", world.history());
        }
        assert_unharmed(&world);
    }
}

/// Whether it was the task's own word is not known: nobody says that its session has ended.
#[tokio::test(start_paused = true)]
async fn a_403_that_cannot_be_checked_tags_nothing() {
    let world = World::new(Setup::default());
    let agent = world.session("build-1").answers_403().start();
    world.fault(Fault::on(Api::DescribeTasks).nth(2).always().server_error());
    let event = world.session_ended_event(&agent, "completed");
    deliver(&function(&world, "completion"), &[event]).await;
    assert_eq!(world.completion_calls(&agent).len(), 1, "{}", world.history());
    assert!(world.tags(&agent).is_empty(), "{}", world.history());
    assert!(!world.is_stopping(&agent));
    world.faults_cease();
    sweeps(&world, "sweep", 2).await;
    assert!(world.is_live(&agent), "it runs its second session\n{}", world.history());
    assert_unharmed(&world);
}

/// Its owner registers it when it is ready, or never: what was no target does not become one.
#[tokio::test(start_paused = true)]
async fn after_a_403_a_task_that_was_in_no_group_is_registered_in_none() {
    for groups in [&["sessions"][..], &["sessions", "internal"]] {
        let world = behind(RegisteringWhatDrains::Works, groups);
        let agent = world.session("build-1").answers_403().unregistered().start();
        let event = world.session_ended_event(&agent, "completed");
        let answer = report(&function(&world, "completion"), &event).await;
        assert_eq!(outcome(&answer), "rejected", "{answer:?}");
        assert_eq!(answer.unwrap_err()["target"], "kept");
        sweeps(&world, "sweep", 2).await;
        assert_eq!(world.count(Api::RegisterTargets), 0, "{}", world.history());
        assert!(groups.iter().all(|group| world.registered(group).is_empty()));
        assert_unharmed(&world);
    }
}

/// The target is missing still when its event comes again: no sweep is needed for it.
#[tokio::test(start_paused = true)]
async fn each_delivery_after_a_403_tries_again_what_is_to_be_registered_and_says_so() {
    let (world, agent, event) = reused();
    world.fault(Fault::on(Api::RegisterTargets).always().denied());
    for received in 1..=3 {
        assert_eq!(
            receive(&function(&world, &format!("n-{received}")), &event, received).await,
            [0]
        );
        let target = world.receipts()[agent.id()]["target"].clone();
        assert!(target.as_str().unwrap().starts_with("not_re_registered"), "{target}");
        tokio::time::sleep(FUNCTION_TIMEOUT * 6).await;
    }
    assert_eq!(world.count(Api::DeregisterTargets), 1, "{}", world.history());
    world.faults_cease();
    assert_eq!(receive(&function(&world, "n-4"), &event, 4).await, [0]);
    assert_eq!(world.receipts()[agent.id()]["target"], "re_registered");
    assert!(world.registered("sessions").contains(&agent.address()), "{}", world.history());
    assert_eq!(open_intents(&world), Vec::<String>::new());
    assert_unharmed(&world);
}

/// Its owner says it twice, in two events, and at the second the container can't be reached: what it said to the first
/// is on record.
#[tokio::test(start_paused = true)]
async fn a_403_that_is_on_record_is_obeyed_when_another_event_finds_the_container_silent() {
    let (world, agent, event) = reused();
    assert_eq!(outcome(&report(&function(&world, "first"), &event).await), "rejected");
    tokio::time::sleep(FUNCTION_TIMEOUT).await;
    world.fault(Fault::on(Api::ContainerComplete).always().hangs());
    let second = world.session_ended_event(&agent, "completed");
    let answer = report(&function(&world, "second"), &second).await;
    assert_eq!(outcome(&answer), "rejected", "{answer:?}");
    assert!(!world.tags(&agent).contains_key("session-ended-at"), "{}", world.history());
    tokio::time::sleep(Duration::from_mins(6)).await;
    sweeps(&world, "sweep", 8).await;
    assert!(world.registered("sessions").contains(&agent.address()), "{}", world.history());
    assert!(!world.is_stopping(&agent), "{}", world.history());
    assert_unharmed(&world);
}

/// A sweep that finds it silent does not undo what is on record of it, either.
#[tokio::test(start_paused = true)]
async fn a_403_that_is_on_record_is_not_overwritten_by_a_sweep_that_finds_the_container_silent() {
    let world = World::new(Setup::default());
    let agent = world.session("build-1").answers_403().started_ago(Duration::from_mins(119));
    let agent = agent.start();
    let event = world.session_ended_event(&agent, "completed");
    assert_eq!(outcome(&report(&function(&world, "first"), &event).await), "rejected");
    world.fault(Fault::on(Api::ContainerComplete).always().hangs());
    tokio::time::sleep(Duration::from_mins(2)).await;
    sweeps(&world, "sweep", 1).await;
    assert_eq!(world.completion_calls(&agent).len(), 2, "{}", world.history());
    assert_eq!(world.receipts()[agent.id()]["artifacts"], "wrong_container");
    receive(&function(&world, "again"), &event, 2).await;
    assert!(!world.tags(&agent).contains_key("session-ended-at"), "{}", world.history());
    assert_unharmed(&world);
}

/// It could not be reached when its event came first, so it is tagged; then it said 403, and fell silent again. Nor is
/// it given up where it can't be read what it said.
#[tokio::test(start_paused = true)]
async fn a_403_that_is_on_record_keeps_a_silent_task_that_was_tagged_before() {
    for is_readable in [true, false] {
        let (world, agent, event) = reused();
        world.fault(Fault::on(Api::ContainerComplete).always().hangs());
        assert_eq!(outcome(&report(&function(&world, "first"), &event).await), "awaiting_salvage");
        assert!(world.tags(&agent).contains_key("session-ended-at"), "{}", world.history());
        world.faults_cease();
        tokio::time::sleep(FUNCTION_TIMEOUT * 6).await;
        assert_eq!(receive(&function(&world, "second"), &event, 2).await, [0]);
        assert_eq!(world.receipts()[agent.id()]["artifacts"], "wrong_container");
        world.fault(Fault::on(Api::ContainerComplete).always().hangs());
        for number in 1..=10 {
            if !is_readable {
                world.fault(Fault::on(Api::GetObject).of("receipts/").times(1).denied());
            }
            sweeps(&world, &format!("sweep-{number}"), 1).await;
        }
        assert!(!world.is_stopping(&agent), "{is_readable}\n{}", world.history());
        assert_eq!(world.receipts()[agent.id()]["artifacts"], "wrong_container");
        assert_unharmed(&world);
    }
}

/// ECS does not say whose word a 403 was; what comes after it says nothing else.
#[tokio::test(start_paused = true)]
async fn after_a_403_whatever_else_comes_nothing_is_tagged() {
    type Later = fn(&mut Behaviour);
    let later: [(&str, Later); 3] = [
        ("202", |container| container.answers_202 = true),
        ("401", |container| container.authorization = Some("Bearer another".to_owned())),
        ("500", |container| container.failing_uploads = u32::MAX),
    ];
    for (name, later) in later {
        let world = World::new(Setup::default());
        let agent = world.session("build-1").answers_403().leased_for(Duration::from_hours(3));
        let agent = agent.start();
        let event = world.session_ended_event(&agent, "completed");
        let task = agent.clone();
        world.after(Api::ContainerComplete, 1, move |world| {
            world.behaves(&task, |container| {
                container.forbids = false;
                later(container);
            });
            world.fault(Fault::on(Api::DescribeTasks).denied());
        });
        let token = [("CONTAINER_AUTHORIZATION", "Bearer of-the-fleet")];
        let answer = report(&function_with(&world, "first", &token).0, &event).await;
        assert!(world.count(Api::ContainerComplete) > 1, "{name}: it is asked again");
        assert_eq!(outcome(&answer), "rejected", "{name}: {answer:?}");
        assert!(!world.tags(&agent).contains_key("session-ended-at"), "{name}: {answer:?}");
        assert!(!world.is_stopping(&agent), "{name}");
    }
}
