//! What a sweep has not seen, and acts all the same.

use std::net::Ipv4Addr;

use serde_json::{Value, json};
use session_cleanup_tests::World;
use session_cleanup_tests::world::{Api, Fault};
use tokio::time::sleep;

use crate::clients::{Clients, MEMORY, secs, stage};

const NOBODY: Ipv4Addr = Ipv4Addr::new(127, 0, 99, 1);

impl Clients {
    async fn puts(&self, key: &str, document: &Value) {
        self.writes(key, document).await;
        sleep(secs(1)).await;
    }

    /// A sweep begins.
    async fn recalls(&self) {
        self.reads(MEMORY).await;
        sleep(secs(1)).await;
    }

    async fn lists(&self) {
        let _maybe_refused = self.ecs.list_tasks().cluster("sessions").send().await;
        sleep(secs(1)).await;
    }
}

fn assert_violations(world: &World, about: &str, expected: usize) {
    let violations = world.violations();
    let said = violations.iter().filter(|violation| violation.contains(about)).count();
    assert_eq!(said, expected, "{violations:?}");
}

#[tokio::test(start_paused = true)]
async fn i2_nobodys_target_is_not_removed_before_every_cluster_was_asked_and_the_configured_ones_twice()
 {
    let cases = [
        (true, true, false, 0),
        (false, true, false, 1),
        (true, false, false, 1),
        (true, true, true, 1),
    ];
    for (asks_others, looks_again, is_refused, violations) in cases {
        let (world, clients) = stage();
        world.leave_target("sessions", NOBODY);
        clients.recalls().await;
        clients.lists().await;
        if asks_others {
            clients.ecs.list_clusters().send().await.unwrap();
        }
        clients.puts(MEMORY, &json!({})).await;
        if is_refused {
            world.fault(Fault::on(Api::ListTasks).always().denied());
        }
        if looks_again {
            clients.lists().await;
        }
        clients.deregister(NOBODY).await;
        assert_violations(&world, "not asked who has it", usize::from(!asks_others));
        assert_violations(&world, "who has", violations);
    }
}

#[tokio::test(start_paused = true)]
async fn i1_a_lapsed_lease_says_nothing_while_a_cluster_is_not_listed() {
    for is_listed in [true, false] {
        let (world, clients) = stage();
        let alice = world.session("alice").start();
        let lapsed = world.now() - secs(30);
        world.set_tag(&alice, "lease-expires-at", &lapsed.to_string());
        clients.recalls().await;
        if !is_listed {
            world.fault(Fault::on(Api::ListTasks).nth(1).denied());
        }
        clients.lists().await;
        clients.puts(MEMORY, &json!({ "unfinished": [{ "task": alice.arn() }] })).await;
        clients.describe(&alice).await;
        clients.stop(&alice).await;
        assert_violations(&world, "was not listed", usize::from(!is_listed));
    }
}

#[tokio::test(start_paused = true)]
async fn what_a_sweep_stops_is_remembered_as_begun() {
    for is_remembered in [true, false] {
        let (world, clients) = stage();
        let alice = world.session("alice").ended_by_owner().start();
        clients.recalls().await;
        let begun = if is_remembered { json!([{ "task": alice.arn() }]) } else { json!([]) };
        clients.puts(MEMORY, &json!({ "unfinished": begun })).await;
        clients.describe(&alice).await;
        clients.complete(alice.address(), "alice").await.unwrap();
        clients.stop(&alice).await;
        assert_violations(&world, "the memory does not say", usize::from(!is_remembered));
    }
}

#[tokio::test(start_paused = true)]
async fn no_suspect_is_what_the_load_balancer_has_answer() {
    for is_there in [true, false] {
        let (world, clients) = stage();
        let address = if is_there {
            world.session("alice").start().address()
        } else {
            world.leave_target("sessions", NOBODY);
            NOBODY
        };
        sleep(secs(300)).await;
        clients.recalls().await;
        let group = world.setup().target_group_arn("sessions");
        clients.elb.describe_target_health().target_group_arn(&group).send().await.unwrap();
        sleep(secs(1)).await;
        let target = json!({ "ip": address, "port": 8080 });
        let suspect = json!({ "group": group, "address": target, "since": world.now() });
        clients.puts(MEMORY, &json!({ "targets": [suspect] })).await;
        assert_violations(&world, "the load balancer has it answer", usize::from(is_there));
    }
}

#[tokio::test(start_paused = true)]
async fn a_403_is_remembered_as_long_as_its_task_is_there() {
    for (is_remembered, is_gone, violations) in
        [(true, false, 0), (false, false, 1), (false, true, 0)]
    {
        let (world, clients) = stage();
        let alice = world.session("alice").ended_by_owner().start();
        let said = json!({ "reused": [{ "task": alice.arn() }] });
        clients.puts(MEMORY, &said).await;
        if is_gone {
            world.crash(&alice, 1);
        }
        clients.describe(&alice).await;
        let next = if is_remembered { said } else { json!({}) };
        clients.puts(MEMORY, &next).await;
        assert_violations(&world, "has answered 403 is forgotten", violations);
    }
}

#[tokio::test(start_paused = true)]
async fn i2_who_is_spared_has_its_target_back() {
    for is_registered in [true, false] {
        let (world, clients) = stage();
        let alice = world.session("alice").ended_by_owner().answers_403().start();
        clients.describe(&alice).await;
        clients.complete(alice.address(), "alice").await.unwrap();
        clients.deregister(alice.address()).await;
        if is_registered {
            clients.register(alice.address()).await;
        }
        let receipt = json!({ "artifacts": "wrong_container", "outcome": "rejected" });
        clients.puts(&alice.receipt_key(), &receipt).await;
        assert_violations(&world, "is not registered again", usize::from(!is_registered));
    }
}

#[tokio::test(start_paused = true)]
async fn nothing_is_unknown_of_a_task_that_is_on_record_without_a_session() {
    for session in [json!(null), json!("alice")] {
        let (world, clients) = stage();
        let alice = world.session("alice").start();
        let name = json!({ "session_id": session });
        clients.puts(&format!("tasks/{}", alice.id()), &name).await;
        sleep(secs(300)).await;
        let name = format!("tasks/{}", alice.id());
        clients.reads(&name).await;
        clients.puts(&format!("unknown/{}.json", alice.id()), &json!({})).await;
        assert_violations(&world, "it ran no session", usize::from(session.is_null()));
    }
}

#[tokio::test(start_paused = true)]
async fn no_suspect_is_what_has_just_answered_its_own_sweep() {
    for is_there in [true, false] {
        let (world, clients) = stage();
        let address =
            if is_there { world.session("alice").unregistered().start().address() } else { NOBODY };
        world.leave_target("sessions", address);
        clients.recalls().await;
        let group = world.setup().target_group_arn("sessions");
        clients.elb.describe_target_health().target_group_arn(&group).send().await.unwrap();
        assert_eq!(clients.container_health(address).await.is_ok(), is_there);
        sleep(secs(1)).await;
        let target = json!({ "ip": address, "port": 8080 });
        let suspect = json!({ "group": group, "address": target, "since": world.now() });
        clients.puts(MEMORY, &json!({ "targets": [suspect] })).await;
        assert_violations(&world, "has just answered", usize::from(is_there));
    }
}
