//! A load balancer as it is: its reads lag behind its writes, targets are at ports of their own, and an
//! address outside its VPC is registered with a zone or not at all.

use crate::invoke::{
    FUNCTION_TIMEOUT, assert_clean, assert_unharmed, deliver, enforce, function, open_intents,
    outcome, report, sweeps, target_in,
};
use serde_json::Value;
use session_cleanup_tests::world::{
    Api, Crash, Fault, FaultKind, HealthTimes, RegisteringWhatDrains, Setup, TaskHandle, World,
};
use std::time::Duration;

const MINUTE: Duration = Duration::from_mins(1);

fn behind(groups: &[&str], health: HealthTimes) -> World {
    let target_groups = groups.iter().map(|name| (*name).to_owned()).collect();
    World::new(Setup { target_groups, health, ..Setup::default() })
}

fn groups(names: &[&str]) -> World {
    behind(names, HealthTimes::default())
}

/// A build agent that runs its second session, leased and routed.
fn reused(world: &World, groups: &[&str]) -> (TaskHandle, Value) {
    let agent = world.session("build-1").answers_403().registered_in(groups);
    let agent = agent.leased_for(MINUTE * 180).start();
    let event = world.session_ended_event(&agent, "completed");
    (agent, event)
}

fn target(answer: &Result<Value, Value>) -> &str {
    let (Ok(document) | Err(document)) = answer;
    document["target"].as_str().unwrap_or("none")
}

fn is_in(world: &World, group: &str, task: &TaskHandle) -> bool {
    world.registered(group).contains(&task.address())
}

/// All kinds of load balancers: what they make of an address that drains, how far their reads lag behind,
/// and how long an address drains.
fn load_balancers() -> Vec<HealthTimes> {
    let mut all = Vec::new();
    for registering_what_drains in [
        RegisteringWhatDrains::Works,
        RegisteringWhatDrains::IsRefused,
        RegisteringWhatDrains::IsIgnored,
    ] {
        for lag in [0, 2, 20] {
            for draining in [Duration::ZERO, MINUTE * 5] {
                let reads_lag = Duration::from_secs(lag);
                all.push(HealthTimes {
                    registering_what_drains,
                    reads_lag,
                    draining,
                    ..HealthTimes::default()
                });
            }
        }
    }
    all
}

/// What is said to be registered again is; what is not comes back with the sweeps; and nothing is
/// registered where it was not a target.
async fn comes_back(health: HealthTimes, trouble: Option<Fault>, case: &str) {
    for own in [&["sessions"][..], &["sessions", "internal"]] {
        let configured: &[&str] =
            if own.len() == 1 { own } else { &["sessions", "internal", "spare"] };
        let world = behind(configured, health);
        let (agent, event) = reused(&world, own);
        if let Some(trouble) = &trouble {
            world.fault(trouble.clone());
        }
        let answer = report(&function(&world, "completion"), &event).await;
        let case = format!("{case}, {health:?}, {own:?}: {answer:?}");
        assert_eq!(outcome(&answer), "rejected", "{case}");
        if target(&answer) == "re_registered" {
            for group in own {
                assert!(is_in(&world, group, &agent), "{case}\n{}", world.history());
            }
        }
        is_back_in_the_end(&world, &agent, own, &case).await;
    }
}

async fn is_back_in_the_end(world: &World, agent: &TaskHandle, own: &[&str], case: &str) {
    world.faults_cease();
    tokio::time::sleep(MINUTE * 6).await;
    sweeps(world, "sweep", 2).await;
    for group in own {
        assert!(is_in(world, group, agent), "{case}, {group}\n{}", world.history());
    }
    assert!(world.registered("spare").is_empty(), "{case}");
    assert_eq!(open_intents(world), Vec::<String>::new(), "{case}");
    assert!(!world.is_stopping(agent), "{case}");
    assert_unharmed(world);
}

#[tokio::test(start_paused = true)]
async fn after_a_403_the_target_comes_back_however_far_reads_lag_behind() {
    for health in load_balancers() {
        comes_back(health, None, "no fault").await;
    }
}

/// With several groups it is not known then from which it was removed: from none is no answer.
#[tokio::test(start_paused = true)]
async fn after_a_403_the_target_comes_back_although_the_answer_to_its_removal_was_lost() {
    let faults: [(&str, fn(Fault) -> Fault); 4] = [
        ("answer lost", Fault::answer_lost),
        ("answer hangs", Fault::answer_hangs),
        ("hangs", Fault::hangs),
        ("throttled", Fault::throttled),
    ];
    for health in load_balancers() {
        for (name, fault) in faults {
            let trouble = fault(Fault::on(Api::DeregisterTargets).always());
            comes_back(health, Some(trouble), name).await;
        }
    }
}

/// Where the only group could not be read its target was removed at the configured port, unseen.
#[tokio::test(start_paused = true)]
async fn after_a_403_the_target_comes_back_although_its_group_could_not_be_read_before() {
    for health in load_balancers() {
        let trouble = Fault::on(Api::DescribeTargetHealth).denied();
        comes_back(health, Some(trouble), "unread").await;
    }
}

/// Reads are not answered by one place alone: one may show what was before although an earlier one did not.
#[tokio::test(start_paused = true)]
async fn after_a_403_the_target_comes_back_whichever_of_its_reads_shows_what_was_before() {
    for health in load_balancers() {
        for nth in 1..=8 {
            let stale = Fault::on(Api::DescribeTargetHealth).nth(nth).kind(FaultKind::Stale);
            comes_back(health, Some(stale), &format!("read {nth}")).await;
        }
    }
}

/// It is `initial` before it is removed, as it is after it has come back.
#[tokio::test(start_paused = true)]
async fn after_a_403_a_target_that_was_new_comes_back_whichever_of_its_reads_shows_what_was_before()
{
    for health in load_balancers() {
        for nth in 1..=8 {
            let world = behind(&["sessions"], health);
            let (agent, event) = reused(&world, &["sessions"]);
            world.owner_deregisters(&agent);
            tokio::time::sleep(MINUTE * 6).await;
            world.owner_registers(&agent);
            tokio::time::sleep(Duration::from_secs(9)).await;
            world.fault(Fault::on(Api::DescribeTargetHealth).nth(nth).kind(FaultKind::Stale));
            let answer = report(&function(&world, "completion"), &event).await;
            let case = format!("read {nth}, {health:?}: {answer:?}");
            assert_eq!(outcome(&answer), "rejected", "{case}");
            is_back_in_the_end(&world, &agent, &["sessions"], &case).await;
        }
    }
}

/// Until the container has spoken its intent stays.
#[tokio::test(start_paused = true)]
async fn after_a_403_the_target_comes_back_when_the_function_dies_at_any_call() {
    let mut interleavings = 0;
    for own in [&["sessions"][..], &["sessions", "internal"]] {
        let run = async |crash: Option<Crash>| {
            let world = groups(own);
            let (agent, event) = reused(&world, own);
            let context = function(&world, "first");
            let invocation = report(&context, &event);
            match crash {
                Some(crash) => drop(world.run_until_crash("first", crash, invocation).await),
                None => drop(invocation.await),
            }
            drop(context);
            tokio::time::sleep(FUNCTION_TIMEOUT * 6).await;
            sweeps(&world, "sweep", 2).await;
            for group in own {
                assert!(is_in(&world, group, &agent), "{crash:?}, {group}\n{}", world.history());
            }
            assert_unharmed(&world);
            world.count_by("first")
        };
        for number in 1..=run(None).await {
            for crash in [Crash::Before(number), Crash::After(number)] {
                run(Some(crash)).await;
                interleavings += 1;
            }
        }
    }
    println!("crash of the function at a 403: {interleavings} interleavings");
    assert!(interleavings >= 30, "only {interleavings}");
}

#[tokio::test(start_paused = true)]
async fn a_session_is_cleaned_however_far_reads_lag_behind() {
    for lag in [1, 5] {
        let reads_lag = Duration::from_secs(lag);
        let world = behind(&["sessions"], HealthTimes { reads_lag, ..HealthTimes::default() });
        let alice = world.session("alice").start();
        let event = world.session_ended_event(&alice, "completed");
        assert!(deliver(&function(&world, "completion"), &[event]).await.is_empty());
        assert_clean(&world, &alice);
    }
}

/// Field failure 18: `DeregisterTargets` with another port answers 200, and nothing happens.
#[tokio::test(start_paused = true)]
async fn a_target_at_another_port_than_the_configured_one_is_deregistered_with_its_own() {
    for configured in [&["sessions"][..], &["sessions", "internal"]] {
        let world = groups(configured);
        let alice = world.session("alice").registered_in(configured).registered_at_port(9090);
        let alice = alice.start();
        let event = world.session_ended_event(&alice, "completed");
        let answer = report(&function(&world, "completion"), &event).await;
        assert_eq!(outcome(&answer), "cleaned", "{answer:?}");
        for group in configured {
            let ports = world.registered_ports(group, alice.address());
            assert!(ports.is_empty(), "{group}: {ports:?}\n{}", world.history());
        }
        assert!(open_intents(&world).is_empty());
        assert_clean(&world, &alice);
    }
}

#[tokio::test(start_paused = true)]
async fn a_task_with_targets_at_two_ports_loses_both() {
    let world = groups(&["sessions"]);
    let alice = world.session("alice").registered_at_port(9090).start();
    world.leave_target("sessions", alice.address());
    let event = world.session_ended_event(&alice, "completed");
    let answer = report(&function(&world, "completion"), &event).await;
    assert_eq!(target(&answer), "gone", "{answer:?}");
    assert!(world.registered_ports("sessions", alice.address()).is_empty());
    assert_clean(&world, &alice);
}

#[tokio::test(start_paused = true)]
async fn no_receipt_says_gone_while_the_address_is_registered_at_another_port() {
    let world = groups(&["sessions"]);
    let alice = world.session("alice").registered_at_port(9090).start();
    let at = format!("{}:9090", alice.address());
    world.fault(Fault::on(Api::DeregisterTargets).of(at.clone()).always().denied());
    let event = world.session_ended_event(&alice, "completed");
    let answer = report(&function(&world, "completion"), &event).await;
    assert_eq!(outcome(&answer), "incomplete", "{answer:?}");
    assert!(target(&answer).starts_with("unverified"), "{answer:?}");
    let notes = answer.unwrap_err()["notes"].to_string();
    assert!(notes.contains(&at), "{notes}");
    let receipt = &world.receipts()[alice.id()];
    assert_ne!(receipt["target"], "gone", "{receipt:#}");
}

/// It is registered again where it was, and at no port where it was not.
#[tokio::test(start_paused = true)]
async fn after_a_403_a_target_at_another_port_comes_back_at_its_own() {
    let cannot_be_read = Fault::on(Api::DescribeTargetHealth).denied();
    let cannot_be_registered = Fault::on(Api::RegisterTargets).always().server_error();
    for trouble in [None, Some(cannot_be_read), Some(cannot_be_registered)] {
        let world = groups(&["sessions"]);
        let agent = world.session("build-1").answers_403().busy_for(Duration::from_secs(5));
        let agent = agent.registered_at_port(9090).leased_for(MINUTE * 180).start();
        let event = world.session_ended_event(&agent, "completed");
        if let Some(trouble) = trouble {
            world.fault(trouble);
        }
        let answer = report(&function(&world, "completion"), &event).await;
        assert_eq!(outcome(&answer), "rejected", "{answer:?}");
        assert!(world.count(Api::DeregisterTargets) >= 1, "{}", world.history());
        world.faults_cease();
        tokio::time::sleep(MINUTE * 6).await;
        sweeps(&world, "sweep", 2).await;
        let ports = world.registered_ports("sessions", agent.address());
        assert_eq!(ports, [9090], "{answer:?}\n{}", world.history());
        assert!(open_intents(&world).is_empty());
        assert_unharmed(&world);
    }
}

/// While the group can't be read the configured port is assumed, and what was registered there drains by now.
#[tokio::test(start_paused = true)]
async fn after_a_403_nothing_is_registered_at_an_assumed_port_once_another_is_seen() {
    let world = groups(&["sessions"]);
    let agent = world.session("build-1").answers_403().registered_at_port(9090).start();
    let event = world.session_ended_event(&agent, "completed");
    world.fault(Fault::on(Api::DescribeTargetHealth).times(5).denied());
    for delivery in ["first", "second"] {
        assert_eq!(outcome(&report(&function(&world, delivery), &event).await), "rejected");
    }
    let ports = world.registered_ports("sessions", agent.address());
    assert_eq!(ports, [9090], "{}", world.history());
    assert_unharmed(&world);
}

#[tokio::test(start_paused = true)]
async fn a_zombie_at_another_port_is_asked_and_deregistered_there() {
    let world = groups(&["sessions"]);
    let dead = world.session("dead").registered_at_port(9090).start();
    world.crash(&dead, 137);
    tokio::time::sleep(MINUTE).await;
    sweeps(&world, "sweep", 3).await;
    assert!(world.registered_ports("sessions", dead.address()).is_empty(), "{}", world.history());
    let at = format!("{}:9090", dead.address());
    let asked = world.calls().into_iter().filter(|call| call.api == Api::ContainerHealth);
    assert!(asked.into_iter().all(|call| call.is_about(&at)), "{}", world.history());
    assert_unharmed(&world);
}

/// kubernetes-sigs/aws-load-balancer-controller #3084.
#[tokio::test(start_paused = true)]
async fn after_a_403_a_target_outside_the_vpc_comes_back_with_its_zone() {
    let world = groups(&["sessions"]);
    let agent = world.session("build-1").answers_403().outside_the_vpc();
    let agent = agent.leased_for(MINUTE * 180).start();
    let event = world.session_ended_event(&agent, "completed");
    let answer = report(&function(&world, "completion"), &event).await;
    assert_eq!((outcome(&answer), target(&answer)), ("rejected", "re_registered"), "{answer:?}");
    assert!(is_in(&world, "sessions", &agent), "{}", world.history());
    assert!(!world.tags(&agent).contains_key("session-ended-at"));
    assert_eq!(world.count(Api::StopTask), 0);
    assert_unharmed(&world);
}

#[tokio::test(start_paused = true)]
async fn a_target_outside_the_vpc_that_is_refused_stays_in_its_intent_and_is_the_next_sweeps() {
    let world = groups(&["sessions"]);
    let agent = world.session("build-1").answers_403().outside_the_vpc();
    let agent = agent.leased_for(MINUTE * 180).start();
    let event = world.session_ended_event(&agent, "completed");
    world.fault(Fault::on(Api::RegisterTargets).always().invalid());
    let answer = report(&function(&world, "completion"), &event).await;
    assert!(target(&answer).starts_with("not_re_registered"), "{answer:?}");
    assert!(!world.tags(&agent).contains_key("session-ended-at"));
    assert_eq!((world.count(Api::StopTask), open_intents(&world).len()), (0, 1));
    tokio::time::sleep(MINUTE * 6).await;
    enforce(&world, "refused").await;
    assert_eq!(open_intents(&world).len(), 1, "it is tried again by each sweep");
    world.faults_cease();
    tokio::time::sleep(MINUTE * 5).await;
    enforce(&world, "sweep").await;
    assert!(is_in(&world, "sessions", &agent), "{}", world.history());
    assert!(open_intents(&world).is_empty());
    assert_eq!(world.count(Api::StopTask), 0);
    assert_unharmed(&world);
}

/// A zombie is called gone only when it is seen to be.
#[tokio::test(start_paused = true)]
async fn a_zombie_that_is_still_seen_registered_is_not_called_gone() {
    let reads_lag = Duration::from_secs(20);
    let world = behind(&["sessions"], HealthTimes { reads_lag, ..HealthTimes::default() });
    let dead = world.session("dead").start();
    world.crash(&dead, 137);
    tokio::time::sleep(MINUTE).await;
    let reports = sweeps(&world, "sweep", 2).await;
    let fate = &target_in(&reports[1], dead.address())["result"];
    assert_eq!(fate, "it is still registered", "{:#}", reports[1]);
    sweeps(&world, "after", 2).await;
    assert!(!is_in(&world, "sessions", &dead), "{}", world.history());
    assert!(open_intents(&world).is_empty());
    assert_unharmed(&world);
}

/// A network load balancer says so of a target that it has found unhealthy, for as long as its connections may
/// end: it is registered still.
#[tokio::test(start_paused = true)]
async fn a_target_of_a_network_load_balancer_that_is_unhealthy_and_drains_is_one_like_any_other() {
    let world = groups(&["sessions"]);
    let says = || {
        session_cleanup_tests::world::Health::new("unhealthy.draining", "Target.FailedHealthChecks")
    };
    let alice = world.session("alice").start();
    let busy = world.session("busy").started_ago(MINUTE * 5).deaf().start();
    let live = world.session("live").started_ago(MINUTE * 5).start();
    let nobody = "127.0.99.1".parse().unwrap();
    world.leave_target("sessions", nobody);
    for address in [alice.address(), busy.address(), nobody] {
        world.report("sessions", address, says());
    }
    let event = world.session_ended_event(&alice, "completed");
    assert_eq!(outcome(&report(&function(&world, "completion"), &event).await), "cleaned");
    assert_clean(&world, &alice);
    // What it says passes by itself, and nothing is concluded from it until then.
    sweeps(&world, "sweep", 3).await;
    let held = [busy.address(), live.address()];
    assert_eq!(world.registered("sessions"), [held[0], held[1], nobody], "{}", world.history());
    world.report_truth("sessions", nobody);
    sweeps(&world, "later", 2).await;
    assert_eq!(world.registered("sessions"), held, "{}", world.history());
    assert!(world.is_live(&busy) && world.is_live(&live));
    assert_unharmed(&world);
}
