//! What a sweep remembers, and says of itself, though it was not so.

use std::net::Ipv4Addr;

use serde_json::{Value, json};
use session_cleanup_tests::World;
use session_cleanup_tests::world::{Api, Fault, TaskHandle};
use tokio::time::sleep;

use crate::clients::{Clients, MEMORY, secs, stage};

const NOBODY: Ipv4Addr = Ipv4Addr::new(127, 0, 200, 1);

impl Clients {
    async fn asks_alice(&self, alice: &TaskHandle) {
        self.describe(alice).await;
        self.complete(alice.address(), "alice").await.unwrap();
    }
}

fn failed_salvage(world: &World, task: &TaskHandle) -> Value {
    let now = world.now();
    json!({ "failed_salvages": [{ "task": task.arn(), "since": now, "last": now }] })
}

#[tokio::test(start_paused = true)]
async fn another_sweep_is_blamed_for_what_it_has_written() {
    for is_another in [true, false] {
        let (world, clients) = stage();
        clients.reads(MEMORY).await;
        let writer = if is_another { Clients::of(&world, "b") } else { Clients::of(&world, "a") };
        writer.writes(MEMORY, &json!({})).await;
        let report = json!({ "problems": ["another sweep has written suspects.json meanwhile"] });
        clients.writes("sweeps/1.json", &report).await;
        let said = world.violations();
        assert_eq!(said.len(), usize::from(!is_another), "{said:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn no_salvage_has_failed_of_whom_nobody_has_asked() {
    for is_asked in [true, false] {
        let (world, clients) = stage();
        let alice = world.session("alice").upload_never_works().ended_by_owner().start();
        if is_asked {
            clients.asks_alice(&alice).await;
        }
        clients.writes(MEMORY, &failed_salvage(&world, &alice)).await;
        let said = world.violations();
        assert_eq!(said.len(), usize::from(!is_asked), "{said:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_failed_is_not_forgotten_while_it_is_to_be_done() {
    for (is_forgotten, is_completed) in [(true, false), (false, false), (true, true)] {
        let (world, clients) = stage();
        let alice = world.session("alice").upload_never_works().ended_by_owner().start();
        world.set_tag(&alice, "session-ended-at", &world.now().to_string());
        sleep(secs(300)).await;
        clients.asks_alice(&alice).await;
        let failed = failed_salvage(&world, &alice);
        clients.writes(MEMORY, &failed).await;
        if is_completed {
            world.completes_by_itself(&alice);
        }
        sleep(secs(300)).await;
        clients.describe(&alice).await;
        let next = if is_forgotten { json!({}) } else { failed };
        clients.writes(MEMORY, &next).await;
        let violations = usize::from(is_forgotten && !is_completed);
        assert_eq!(world.violations().len(), violations, "{:?}", world.violations());
    }
}

#[tokio::test(start_paused = true)]
async fn a_suspicion_ends_with_an_answer_that_a_sweep_could_remember() {
    for (since_the_answer, violations) in [(true, 0), (false, 1)] {
        let (world, clients) = stage();
        let alice = world.session("alice").start();
        let first = world.now();
        sleep(secs(300)).await;
        assert!(clients.container_health(alice.address()).await.is_ok());
        clients.writes(MEMORY, &json!({})).await;
        sleep(secs(300)).await;
        let since = if since_the_answer { world.now() } else { first };
        let target = json!({ "ip": alice.address(), "port": 8080 });
        let suspect = json!({ "address": target, "since": since, "last": world.now() });
        clients.writes(MEMORY, &json!({ "targets": [suspect] })).await;
        assert_eq!(world.violations().len(), violations, "{:?}", world.violations());
    }
}

#[tokio::test(start_paused = true)]
async fn what_was_stopped_is_on_record_or_remembered() {
    for (on_record, remembered, violations) in
        [(false, false, 1), (true, false, 0), (false, true, 0)]
    {
        let (world, clients) = stage();
        let alice = world.session("alice").ended_by_owner().start();
        clients.reads(MEMORY).await;
        clients.asks_alice(&alice).await;
        clients.stop(&alice).await;
        sleep(secs(1)).await;
        if on_record {
            clients.writes(&alice.receipt_key(), &json!({ "outcome": "cleaned" })).await;
        }
        let unfinished = if remembered { json!([{ "task": alice.arn() }]) } else { json!([]) };
        clients.writes(MEMORY, &json!({ "unfinished": unfinished })).await;
        assert_eq!(world.violations().len(), violations, "{:?}", world.violations());
    }
}

#[tokio::test(start_paused = true)]
async fn i2_a_removal_is_not_repeated_before_somebody_has_looked() {
    for looks in [true, false] {
        let (world, clients) = stage();
        let alice = world.session("alice").ended_by_owner().start();
        world.fault(Fault::on(Api::DeregisterTargets).nth(1).throttled());
        let group = world.setup().target_group_arn("sessions");
        let target = aws_sdk_elasticloadbalancingv2::types::TargetDescription::builder();
        let target = target.id(alice.address().to_string()).port(8080).build();
        let removal = clients.elb.deregister_targets().target_group_arn(group).targets(target);
        clients.describe(&alice).await;
        assert!(removal.clone().send().await.is_err());
        sleep(secs(3)).await;
        if looks {
            clients.describe(&alice).await;
        }
        assert!(removal.send().await.is_ok());
        let said = world.violations();
        assert_eq!(said.len(), usize::from(!looks), "{said:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn i2_a_sweep_reads_its_targets_before_its_tasks() {
    for targets_first in [true, false] {
        let (world, clients) = stage();
        clients.reads(MEMORY).await;
        sleep(secs(1)).await;
        if targets_first {
            clients.health(NOBODY).await;
            sleep(secs(1)).await;
        }
        clients.ecs.list_tasks().cluster("sessions").send().await.unwrap();
        sleep(secs(1)).await;
        clients.health(NOBODY).await;
        clients.writes(MEMORY, &json!({})).await;
        let said = world.violations();
        assert_eq!(said.len(), usize::from(!targets_first), "{said:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn no_receipt_says_what_a_container_has_not_said_or_a_marker_is_not() {
    for (receipt, violations) in [
        (json!({ "artifacts": "wrong_container" }), 1),
        (json!({ "artifacts": "unconfirmed: the marker is of before the session began" }), 1),
        (json!({ "artifacts": "confirmed" }), 0),
    ] {
        let (world, clients) = stage();
        let alice = world.session("alice").ended_by_owner().start();
        clients.asks_alice(&alice).await;
        sleep(secs(60)).await;
        clients.writes(&alice.receipt_key(), &receipt).await;
        assert_eq!(world.violations().len(), violations, "{:?}", world.violations());
    }
}
