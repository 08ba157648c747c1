//! Each invariant stays silent for what is allowed and speaks when it is violated.

use std::time::Duration;

use aws_sdk_ecs::config::StalledStreamProtectionConfig;
use session_cleanup_tests::World;
use session_cleanup_tests::world::{Api, Fault, Setup, TaskHandle};
use tokio::time::sleep;

use crate::clients::{Clients, secs};

fn stage() -> (World, Clients) {
    let world = World::new(Setup::default());
    let clients = Clients::of(&world, "a");
    (world, clients)
}

fn said(world: &World) -> Vec<String> {
    let first = |text: String| text.split(':').next().unwrap_or_default().to_owned();
    world.violations().into_iter().map(first).collect()
}

/// The well-behaved way.
async fn clean_up(clients: &Clients, task: &TaskHandle) {
    clients.describe(task).await;
    assert_eq!(clients.complete(task.address(), task.session_id()).await, Ok(200));
    clients.stop(task).await;
}

#[tokio::test(start_paused = true)]
async fn a_proper_cleanup_harms_nothing() {
    let (world, clients) = stage();
    let alice = world.session("alice").start();
    world.owner_ends(&alice);
    clean_up(&clients, &alice).await;
    sleep(secs(10)).await;
    clients.stop(&alice).await;
    world.assert_unharmed();
}

#[tokio::test(start_paused = true)]
async fn i1_completion_of_a_live_session() {
    let (world, clients) = stage();
    let alice = world.session("alice").start();
    clients.describe(&alice).await;
    clients.complete(alice.address(), "alice").await.unwrap();
    assert_eq!(said(&world), ["I1"]);
    assert!(world.violations()[0].contains("a live session"));
}

#[tokio::test(start_paused = true)]
async fn i1_is_judged_at_the_last_look() {
    let (world, clients) = stage();
    let lapsing = world.session("lapsing").leased_for(secs(1)).start();
    sleep(secs(2)).await;
    assert!(!world.is_live(&lapsing));
    clients.describe(&lapsing).await;
    let until = world.now() + Duration::from_mins(10);
    world.set_tag(&lapsing, "lease-expires-at", &until.to_string());
    assert!(world.is_live(&lapsing));
    clients.complete(lapsing.address(), "lapsing").await.unwrap();
    world.assert_unharmed();
}

#[tokio::test(start_paused = true)]
async fn i1_an_unprobed_or_stale_completion() {
    let (world, clients) = stage();
    let alice = world.session("alice").ended_by_owner().start();
    clients.complete(alice.address(), "alice").await.unwrap();
    assert_eq!(said(&world), ["I1", "I1"], "no look at the address, none at the task");
    let bob = world.session("bob").ended_by_owner().start();
    clients.describe(&bob).await;
    sleep(secs(6)).await;
    clients.complete(bob.address(), "bob").await.unwrap();
    assert_eq!(said(&world).len(), 4);
    let carol = world.session("carol").ended_by_owner().start();
    Clients::of(&world, "b").describe(&carol).await;
    clients.complete(carol.address(), "carol").await.unwrap();
    assert_eq!(said(&world).len(), 6, "another caller's look doesn't count");
}

#[tokio::test(start_paused = true)]
async fn i1_a_resumed_session_at_the_same_address() {
    let (world, clients) = stage();
    let old = world.session("alice").ended_by_owner().start();
    clients.describe(&old).await;
    world.crash(&old, 1);
    world.adjust(|setup| setup.dwell.deactivating = Duration::ZERO);
    sleep(secs(1)).await;
    world.session("alice").at_address_of(&old).start();
    clients.complete(old.address(), "alice").await.unwrap();
    assert_eq!(said(&world), ["I1"]);
}

#[tokio::test(start_paused = true)]
async fn a_stranger_at_a_reused_address_is_not_harmed() {
    let (world, clients) = stage();
    let old = world.session("old").ended_by_owner().start();
    clients.describe(&old).await;
    world.crash(&old, 1);
    sleep(secs(1)).await;
    world.session("new").at_address_of(&old).start();
    assert_eq!(clients.complete(old.address(), "old").await, Ok(403));
    world.assert_unharmed();
}

#[tokio::test(start_paused = true)]
async fn i1_and_i3_stopping_a_live_session() {
    let (world, clients) = stage();
    let alice = world.session("alice").start();
    clients.describe(&alice).await;
    clients.stop(&alice).await;
    assert_eq!(said(&world), ["I1", "I3"]);
}

#[tokio::test(start_paused = true)]
async fn i1_stopping_without_a_look() {
    let (world, clients) = stage();
    let alice = world.session("alice").never_started().start();
    clients.stop(&alice).await;
    assert_eq!(said(&world), ["I1"]);
}

#[tokio::test(start_paused = true)]
async fn a_forced_cluster_is_not_live_but_still_salvaged() {
    let (world, clients) = stage();
    let alice = world.session("alice").start();
    let bob = world.session("bob").start();
    world.allow_force("sessions", world.now());
    clean_up(&clients, &alice).await;
    world.assert_unharmed();
    clients.describe(&bob).await;
    clients.stop(&bob).await;
    assert_eq!(said(&world), ["I3"]);
}

#[tokio::test(start_paused = true)]
async fn i3_a_dropped_request_is_not_completion() {
    let (world, clients) = stage();
    let alice = world.session("alice").ended_by_owner().start();
    world.fault(Fault::on(Api::ContainerComplete).reset());
    clients.describe(&alice).await;
    assert!(clients.complete(alice.address(), "alice").await.is_err());
    clients.stop(&alice).await;
    assert_eq!(said(&world), ["I3"]);
}

#[tokio::test(start_paused = true)]
async fn i3_ends_with_the_salvage_window() {
    for window in ["asked", "tag", "age", "allowed", "never started"] {
        let (world, clients) = stage();
        let alice = world.session("alice").upload_never_works().ended_by_owner();
        let alice = match window {
            // The hard age, and the window.
            "age" => alice.started_ago(secs(24 * 3600 + 1800)).start(),
            "never started" => alice.never_started().start(),
            _ => alice.start(),
        };
        match window {
            "asked" | "tag" | "age" => {
                clients.describe(&alice).await;
                clients.complete(alice.address(), "alice").await.unwrap();
                if window == "tag" {
                    world.set_tag(&alice, "session-ended-at", &world.now().to_string());
                }
                sleep(secs(if window == "age" { 150 } else { 1800 })).await;
            }
            "allowed" => world.allow_loss(&alice),
            _ => {}
        }
        world.put_object("ledger", &alice.receipt_key(), "artifacts_lost");
        clients.describe(&alice).await;
        clients.stop(&alice).await;
        assert_eq!(world.violations(), Vec::<String>::new(), "{window}");
    }
    let (world, clients) = stage();
    let alice = world.session("alice").ended_by_owner().start();
    world.set_tag(&alice, "session-ended-at", "2020-01-01T00:00:00Z");
    clients.describe(&alice).await;
    clients.stop(&alice).await;
    assert_eq!(said(&world), ["I3"], "a tag older than the owner's word");
}

#[tokio::test(start_paused = true)]
async fn containers_that_upload_by_themselves_confirm_themselves() {
    let world = World::new(Setup { containers_upload_themselves: true, ..Setup::default() });
    let alice = world.session("alice").completed().start();
    Clients::of(&world, "a").stop(&alice).await;
    world.assert_unharmed();
    let (world, clients) = stage();
    let alice = world.session("alice").completed().start();
    clients.describe(&alice).await;
    clients.stop(&alice).await;
    assert_eq!(said(&world), ["I3"]);
}

#[tokio::test(start_paused = true)]
async fn i2_a_live_target_deregistered() {
    let (world, clients) = stage();
    let (alice, bob) = (world.session("alice").start(), world.session("bob").start());
    world.owner_deregisters(&bob);
    clients.deregister(alice.address()).await;
    assert_eq!(world.live_targets_missing().len(), 1);
    world.owner_registers(&alice);
    assert!(world.live_targets_missing().is_empty());
    clients.deregister(alice.address()).await;
    world.owner_ends(&alice);
    assert!(world.live_targets_missing().is_empty(), "no longer live");
}

/// Who had its address before left a target in another group, and nobody can tell that it is not the session's.
#[tokio::test(start_paused = true)]
async fn i2_excuses_where_a_former_holders_target_is_taken_for_the_sessions() {
    for (since, missing) in [(None, 1), (Some(0), 0)] {
        let (world, clients) = stage();
        world.add_target_group("other");
        let address = std::net::Ipv4Addr::new(127, 0, 99, 1);
        if since.is_some() {
            world.leave_target("other", address);
            sleep(secs(120)).await;
        }
        let alice = world.session("alice").at_address(address).start();
        if since.is_none() {
            // Whoever registers it there afterwards has done so for nothing that is there.
            sleep(secs(120)).await;
            world.leave_target("other", address);
        }
        clients.deregister(alice.address()).await;
        assert_eq!(world.live_targets_missing().len(), missing, "{since:?}");
    }
}

/// The word of its owner begins its window anew, and can't be known before it is heard.
#[tokio::test(start_paused = true)]
async fn i3_is_judged_at_the_last_look() {
    for (look_again, harm) in [(false, 0), (true, 1)] {
        let (world, clients) = stage();
        let hour = secs(3_600);
        world.adjust(|setup| setup.containers_upload_themselves = true);
        let old = world.session("old").started_ago(hour * 3).start();
        clients.describe(&old).await;
        sleep(hour).await;
        clients.describe(&old).await;
        world.owner_ends(&old);
        world.set_tag(&old, "session-ended-at", &world.now().to_string());
        if look_again {
            clients.describe(&old).await;
        }
        clients.stop(&old).await;
        assert_eq!(said(&world).len(), harm, "{:?}", world.violations());
    }
}

#[tokio::test(start_paused = true)]
async fn i8_writes_outside_what_is_configured() {
    let (world, clients) = stage();
    let ended = |id: &str| world.session(id).ended_by_owner();
    let strangers = [
        ended("cluster").in_cluster("other").start(),
        ended("family").of_family("web").start(),
        ended("service").group("service:web").start(),
    ];
    for stranger in &strangers {
        world.allow_loss(stranger);
        clients.describe(stranger).await;
        clients.stop(stranger).await;
    }
    assert_eq!(said(&world), ["I8", "I8", "I8"]);
    world.add_target_group("other");
    let other = world.setup().target_group_arn("other");
    clients
        .elb
        .deregister_targets()
        .target_group_arn(other)
        .set_targets(Some(vec![]))
        .send()
        .await
        .unwrap();
    clients.s3.put_object().bucket("artifacts").key("x").send().await.unwrap();
    clients.s3.delete_object().bucket("artifacts").key("x").send().await.unwrap();
    clients.s3.put_object().bucket("ledger").key("x").send().await.unwrap();
    assert_eq!(said(&world).len(), 6);
}

#[tokio::test(start_paused = true)]
#[should_panic(expected = "I3")]
async fn harm_stops_a_test() {
    let (world, clients) = stage();
    let alice = world.session("alice").ended_by_owner().start();
    clients.describe(&alice).await;
    clients.stop(&alice).await;
    world.assert_unharmed();
}

#[tokio::test(start_paused = true)]
async fn what_an_invocation_before_has_seen_counts_no_longer() {
    let (world, clients) = stage();
    let alice = world.session("alice").ended_by_owner().start();
    clients.describe(&alice).await;
    assert_eq!(clients.complete(alice.address(), "alice").await, Ok(200));
    world.begins("b");
    let bob = world.session("bob").ended_by_owner().start();
    clients.describe(&bob).await;
    world.begins("a");
    clients.complete(bob.address(), "bob").await.unwrap();
    assert_eq!(said(&world), ["I1", "I1"], "no look at the address, none at the task");
    clients.stop(&alice).await;
    assert_eq!(said(&world).len(), 3, "{:?}", world.violations());
}

#[tokio::test(start_paused = true)]
async fn i1_a_look_is_as_old_as_what_it_shows_however_long_its_answer_was_under_way() {
    for (late, harmed) in [(1, 0), (6, 2)] {
        let (world, clients) = stage();
        let alice = world.session("alice").ended_by_owner().start();
        world.fault(Fault::on(Api::DescribeTasks).delayed(secs(late)));
        let look = clients.ecs.describe_tasks().cluster("sessions").tasks(alice.arn());
        let calm = StalledStreamProtectionConfig::disabled();
        let calm = aws_sdk_ecs::Config::builder().stalled_stream_protection(calm);
        look.customize().config_override(calm).send().await.unwrap();
        clients.complete(alice.address(), "alice").await.unwrap();
        assert_eq!(said(&world).len(), harmed, "{late} s late");
    }
}

#[tokio::test(start_paused = true)]
async fn i1_a_task_that_was_not_to_be_found_was_not_seen() {
    let (world, clients) = stage();
    let alice = world.session("alice").ended_by_owner().undescribed_for(secs(70)).start();
    world.allow_loss(&alice);
    clients.describe(&alice).await;
    clients.stop(&alice).await;
    assert_eq!(said(&world), ["I1"]);
}

#[tokio::test(start_paused = true)]
async fn i1_a_live_session_is_not_tagged_as_ended() {
    let (world, clients) = stage();
    let (alice, bob) = (world.session("alice").start(), world.session("bob").start());
    world.owner_ends(&bob);
    let tag = async |task: &TaskHandle, name: &str| {
        clients.describe(task).await;
        clients.tag(task, name, "2026-11-02T09:00:00Z").await;
    };
    tag(&bob, "session-ended-at").await;
    tag(&alice, "note").await;
    world.assert_unharmed();
    tag(&alice, "session-ended-at").await;
    assert_eq!(said(&world), ["I1"]);
}

#[tokio::test(start_paused = true)]
async fn i3_a_confirmation_that_reached_nobody_is_none() {
    let (world, clients) = stage();
    let alice = world.session("alice").ended_by_owner().start();
    clients.describe(&alice).await;
    world.fault(Fault::on(Api::ContainerComplete).answer_lost());
    assert!(clients.complete(alice.address(), "alice").await.is_err());
    assert!(world.has_completed(&alice));
    clients.stop(&alice).await;
    assert_eq!(said(&world), ["I3"]);

    let bob = world.session("bob").ended_by_owner().start();
    let other = Clients::of(&world, "b");
    other.describe(&bob).await;
    assert_eq!(other.complete(bob.address(), "bob").await, Ok(200));
    clients.describe(&bob).await;
    clients.stop(&bob).await;
    assert_eq!(said(&world).len(), 1, "another caller has heard it");
}

#[tokio::test(start_paused = true)]
async fn i3_a_container_that_has_uploaded_nothing_confirms_nothing() {
    let (world, clients) = stage();
    let alice = world.session("alice").uploads_nothing().ended_by_owner().start();
    clean_up(&clients, &alice).await;
    assert_eq!(said(&world), ["I3"]);
}

#[tokio::test(start_paused = true)]
async fn i3_a_receipt_says_what_became_of_the_artifacts() {
    let (world, clients) = stage();
    let saved = world.session("saved").ended_by_owner().start();
    clean_up(&clients, &saved).await;
    let lost = world.session("lost").ended_by_owner().upload_never_works().start();
    let never = world.session("never").ended_by_owner().never_started().start();
    let receipt = |task: &TaskHandle, outcome: &str| {
        let body = serde_json::json!({ "session_id": task.session_id(), "outcome": outcome });
        world.put_object("ledger", &task.receipt_key(), body.to_string());
    };
    receipt(&saved, "cleaned");
    receipt(&lost, "artifacts_lost");
    receipt(&never, "cleaned");
    assert_eq!(world.losses_misreported(), Vec::<String>::new());
    receipt(&saved, "artifacts_lost");
    receipt(&lost, "cleaned");
    assert_eq!(world.losses_misreported().len(), 2);
}
