//! Targets that are removed, or registered, though nothing that can be known speaks for it.

use std::net::Ipv4Addr;
use std::time::Duration;

use serde_json::json;
use session_cleanup_tests::World;
use session_cleanup_tests::world::{Api, Dwell, Fault, FaultKind, SessionBuilder, Setup};
use tokio::time::sleep;

use crate::clients::{Clients, secs};

const NOBODY: Ipv4Addr = Ipv4Addr::new(127, 0, 200, 1);

fn stage() -> (World, Clients) {
    let world = World::new(Setup::default());
    let clients = Clients::of(&world, "a");
    (world, clients)
}

/// Says before what is removed.
fn intend(world: &World, address: Ipv4Addr) {
    let group = world.setup().target_group_arn("sessions");
    let address = json!({ "ip": address, "port": 8080 });
    let intent = json!({ "entries": [{ "group": group, "address": address }] });
    world.put_object("ledger", "intents/1.json", intent.to_string());
}

#[tokio::test(start_paused = true)]
async fn i2_a_live_sessions_target_is_not_removed_unless_something_has_just_changed() {
    type Kind = fn(SessionBuilder) -> SessionBuilder;
    let kinds: [(&str, Kind, u64, usize); 5] = [
        ("live", |session| session, 180, 1),
        ("it has just got the address", |session| session.started_ago(secs(10)), 0, 0),
        ("its owner has ended it", |session| session.ended_by_owner(), 180, 0),
        ("its owner has ended the one before", |session| session.answers_403(), 180, 0),
        ("another's", |session| session.in_cluster("other"), 180, 1),
    ];
    for (name, kind, waited, violations) in kinds {
        let (world, clients) = stage();
        let alice = kind(world.session("alice")).start();
        sleep(secs(waited)).await;
        intend(&world, alice.address());
        clients.deregister(alice.address()).await;
        assert_eq!(world.violations().len(), violations, "{name}: {:?}", world.violations());
    }
}

#[tokio::test(start_paused = true)]
async fn i2_who_only_infers_that_a_target_is_nobodys_says_so_before() {
    for is_said in [true, false] {
        let (world, clients) = stage();
        let old = world.session("old").started_ago(secs(3 * 3600)).completed().start();
        world.leave_target("sessions", NOBODY);
        assert!(clients.container_health(NOBODY).await.is_err());
        sleep(secs(300)).await;
        for address in [old.address(), NOBODY] {
            if is_said {
                intend(&world, address);
            }
            clients.deregister(address).await;
        }
        let violations = if is_said { 0 } else { 2 };
        assert_eq!(world.violations().len(), violations, "{:?}", world.violations());
    }
}

/// Whose target it is nobody can know while ECS shows the task there that had the address before.
#[tokio::test(start_paused = true)]
async fn i2_excuses_the_removal_from_a_session_that_ecs_hides_behind_the_last_holder_of_its_address()
 {
    for (shown, missing) in [("as it was", 0), ("as it is", 1)] {
        let dwell = Dwell { deactivating: Duration::ZERO, ..Dwell::default() };
        let world = World::new(Setup { dwell, ..Setup::default() });
        let clients = Clients::of(&world, "a");
        let alice = world.session("alice").ended_by_owner().start();
        world.crash(&alice, 137);
        let bob = world.session("bob").at_address_of(&alice).start();
        if shown == "as it was" {
            world.fault(Fault::on(Api::DescribeTasks).kind(FaultKind::Stale));
        }
        clients.describe(&alice).await;
        clients.deregister(bob.address()).await;
        assert_eq!(world.live_targets_missing().len(), missing, "{shown}");
    }
}

/// In which of its groups it was registered already, nobody can tell of an address that a zombie had: one that nobody has
/// ever had, or whose last holder was over long before.
#[tokio::test(start_paused = true)]
async fn i2_excuses_a_zombies_removal_from_one_of_the_groups_of_a_session_that_gets_its_address() {
    let both = &["sessions", "internal"][..];
    for (over_for, groups, zombie_in, missing) in [
        (None, both, &["internal"][..], 0),
        (None, both, both, 2),
        (None, &["internal"], &["internal"], 1),
        (Some(600), both, &["internal"], 0),
        (Some(60), both, &["internal"], 1),
        (Some(600), both, both, 2),
    ] {
        let target_groups = both.iter().map(|name| (*name).to_owned()).collect();
        let world = World::new(Setup { target_groups, ..Setup::default() });
        let clients = Clients::of(&world, "a");
        if let Some(over_for) = over_for {
            let old = world.session("old").at_address(NOBODY).registered_in(zombie_in).start();
            world.crash(&old, 137);
            sleep(secs(over_for)).await;
        } else {
            for group in zombie_in {
                world.leave_target(group, NOBODY);
            }
            sleep(secs(60)).await;
        }
        world.session("bob").at_address(NOBODY).registered_in(groups).start();
        for group in zombie_in {
            clients.deregister_from(group, NOBODY).await;
        }
        let shown = format!("{over_for:?} {groups:?} {zombie_in:?}");
        assert_eq!(world.live_targets_missing().len(), missing, "{shown}");
    }
}

#[tokio::test(start_paused = true)]
async fn i2_two_sweeps_have_seen_a_target_that_is_removed() {
    for (waited, violations) in [(60, 1), (150, 0)] {
        let (world, clients) = stage();
        world.leave_target("sessions", NOBODY);
        intend(&world, NOBODY);
        assert!(clients.container_health(NOBODY).await.is_err());
        sleep(secs(waited)).await;
        clients.deregister(NOBODY).await;
        assert_eq!(world.violations().len(), violations, "{waited}: {:?}", world.violations());
    }
}

#[tokio::test(start_paused = true)]
async fn i2_an_orphan_keeps_its_target_until_its_container_has_confirmed() {
    for (confirmed, violations) in [(true, 0), (false, 1)] {
        let (world, clients) = stage();
        let old = world.session("old").started_ago(secs(3 * 3600)).start();
        sleep(secs(180)).await;
        intend(&world, old.address());
        clients.describe(&old).await;
        if confirmed {
            clients.complete(old.address(), "old").await.unwrap();
        }
        clients.deregister(old.address()).await;
        assert_eq!(world.violations().len(), violations, "{confirmed}: {:?}", world.violations());
    }
}

/// No listing shows it: a connection does, or the load balancer.
#[tokio::test(start_paused = true)]
async fn i2_what_another_account_runs_keeps_its_target_where_anything_shows_it() {
    type Kind = fn(SessionBuilder) -> SessionBuilder;
    let kinds: [(&str, Kind, usize); 4] = [
        ("it answers", |session| session, 1),
        ("only the load balancer reaches it", |session| session.deaf(), 1),
        ("it says nothing", |session| session.silent(), 1),
        ("it refuses connections", |session| session.refuses(), 0),
    ];
    for (name, kind, violations) in kinds {
        let other_accounts = vec!["another-account".to_owned()];
        let world = World::new(Setup { other_accounts, ..Setup::default() });
        let clients = Clients::of(&world, "a");
        let other = kind(world.session("other")).in_cluster("another-account").start();
        sleep(secs(180)).await;
        intend(&world, other.address());
        clients.deregister(other.address()).await;
        assert_eq!(world.violations().len(), violations, "{name}: {:?}", world.violations());
    }
}

#[tokio::test(start_paused = true)]
async fn i5_nobody_registers_what_it_has_just_seen_to_be_nobodys_or_at_a_port_where_it_never_was() {
    for (port, violations) in [(8080, 0), (9090, 1)] {
        let (world, clients) = stage();
        let alice = world.session("alice").registered_at_port(port).start();
        clients.register(alice.address()).await;
        assert_eq!(world.violations().len(), violations, "{port}: {:?}", world.violations());
    }
    for (ended, violations) in [(false, 0), (true, 1)] {
        let dwell = Dwell { deactivating: Duration::ZERO, ..Dwell::default() };
        let world = World::new(Setup { dwell, ..Setup::default() });
        let clients = Clients::of(&world, "a");
        let alice = world.session("alice").start();
        if ended {
            world.crash(&alice, 137);
        }
        clients.describe(&alice).await;
        clients.register(alice.address()).await;
        assert_eq!(world.violations().len(), violations, "{ended}: {:?}", world.violations());
    }
}

#[tokio::test(start_paused = true)]
async fn receipts_say_of_a_target_what_is_so() {
    for (word, is_taken, violations) in [
        ("gone", true, 0),
        ("gone", false, 1),
        ("re_registered", true, 1),
        ("re_registered", false, 0),
    ] {
        let (world, clients) = stage();
        let alice = world.session("alice").ended_by_owner().start();
        sleep(secs(180)).await;
        if is_taken {
            clients.deregister(alice.address()).await;
        }
        let receipt = format!(r#"{{"outcome":"cleaned","target":"{word}"}}"#);
        let put = clients.s3.put_object().bucket("ledger").key(alice.receipt_key());
        put.body(receipt.into_bytes().into()).send().await.unwrap();
        assert_eq!(world.violations().len(), violations, "{word}: {:?}", world.violations());
    }
}

#[tokio::test(start_paused = true)]
async fn i5_nobody_registers_what_nobody_has() {
    for (waited, violations) in [(60, 0), (180, 1)] {
        let (world, clients) = stage();
        let alice = world.session("alice").start();
        world.crash(&alice, 0);
        sleep(secs(waited)).await;
        clients.register(alice.address()).await;
        assert_eq!(world.violations().len(), violations, "{waited}: {:?}", world.violations());
    }
}

#[tokio::test(start_paused = true)]
async fn i2_who_has_just_listed_and_described_a_live_session_does_not_remove_its_target() {
    for (listed, described, violations) in
        [(true, true, 1), (true, false, 0), (false, true, 0), (false, false, 0)]
    {
        let (world, clients) = stage();
        let alice = world.session("alice").start();
        sleep(secs(6)).await;
        if listed {
            clients.ecs.list_tasks().cluster("sessions").send().await.unwrap();
        }
        if described {
            clients.describe(&alice).await;
        }
        intend(&world, alice.address());
        clients.deregister(alice.address()).await;
        let what = format!("{listed}, {described}: {:?}", world.violations());
        assert_eq!(world.violations().len(), violations, "{what}");
    }
}

#[tokio::test(start_paused = true)]
async fn i2_nothing_is_removed_by_inference_while_not_even_live_sessions_are_reached() {
    for (session, violations) in [(true, 1), (false, 0)] {
        let (world, clients) = stage();
        if session {
            world.session("alice").start();
        }
        world.leave_target("sessions", NOBODY);
        intend(&world, NOBODY);
        assert!(clients.container_health(NOBODY).await.is_err());
        world.lose_every_route();
        sleep(secs(300)).await;
        clients.deregister(NOBODY).await;
        assert_eq!(world.violations().len(), violations, "{session}: {:?}", world.violations());
    }
}

/// That somebody was seen there contradicts what was seen before, once that is written down.
#[tokio::test(start_paused = true)]
async fn i2_two_sweeps_have_seen_a_target_since_a_stranger_has_left_it() {
    for (seen_there, written, violations) in [(true, true, 1), (true, false, 0), (false, true, 0)] {
        let dwell = Dwell { deactivating: Duration::ZERO, ..Dwell::default() };
        let world = World::new(Setup { dwell, ..Setup::default() });
        let clients = Clients::of(&world, "a");
        world.leave_target("sessions", NOBODY);
        intend(&world, NOBODY);
        assert!(clients.container_health(NOBODY).await.is_err());
        sleep(secs(300)).await;
        let other = world.session("other").of_family("web").at_address(NOBODY).start();
        sleep(secs(1)).await;
        if seen_there {
            clients.container_health(NOBODY).await.unwrap();
        }
        if written {
            sleep(secs(1)).await;
            let put = clients.s3.put_object().bucket("ledger").key("suspects.json");
            put.body(b"{}".to_vec().into()).send().await.unwrap();
        }
        world.crash(&other, 0);
        sleep(secs(30)).await;
        clients.deregister(NOBODY).await;
        let shown = format!("{seen_there} {written}: {:?}", world.violations());
        assert_eq!(world.violations().len(), violations, "{shown}");
    }
}

/// Unless the other port is its last holder's.
#[tokio::test(start_paused = true)]
async fn i5_who_has_read_at_which_port_a_session_is_registered_registers_it_at_no_other() {
    for (own, last, has_read, violations) in
        [(3001, 8080, true, 1), (3001, 8080, false, 0), (8080, 3001, true, 0)]
    {
        let (world, clients) = stage();
        let old = world.session("old").registered_at_port(last).start();
        world.crash(&old, 137);
        sleep(secs(60)).await;
        let new = world.session("new").at_address_of(&old).registered_at_port(own).start();
        sleep(secs(180)).await;
        if has_read {
            clients.health(new.address()).await;
        }
        clients.register(new.address()).await;
        let shown = format!("{own} {last} {has_read}: {:?}", world.violations());
        assert_eq!(world.violations().len(), violations, "{shown}");
    }
}

#[tokio::test(start_paused = true)]
async fn i5_a_session_is_registered_in_no_group_that_is_not_its_own() {
    type Kind = fn(SessionBuilder) -> SessionBuilder;
    let kinds: [(&str, Kind, bool, u64, usize); 5] = [
        ("its own", |session| session, false, 180, 0),
        ("another's", |session| session.registered_in(&["internal"]), false, 180, 1),
        ("it has just come", |session| session.registered_in(&["internal"]), true, 0, 1),
        ("its owner registers it nowhere", |session| session.registered_in(&[]), false, 180, 0),
        (
            "its owner has taken it out",
            |session| session.registered_in(&["internal"]),
            true,
            180,
            0,
        ),
    ];
    for (name, kind, is_out, waited, violations) in kinds {
        let target_groups = vec!["sessions".to_owned(), "internal".to_owned()];
        let world = World::new(Setup { target_groups, ..Setup::default() });
        let clients = Clients::of(&world, "a");
        // Somebody was registered there before, at this port.
        let old = world.session("old").start();
        world.crash(&old, 137);
        world.owner_deregisters(&old);
        sleep(secs(60)).await;
        let alice = kind(world.session("alice").at_address_of(&old)).start();
        if is_out {
            world.owner_deregisters(&alice);
        }
        sleep(secs(waited)).await;
        clients.register(alice.address()).await;
        assert_eq!(world.violations().len(), violations, "{name}: {:?}", world.violations());
    }
}

#[tokio::test(start_paused = true)]
async fn who_starts_up_says_in_its_own_name_that_it_has_no_session_yet() {
    let (world, clients) = stage();
    let alice = world.session("alice").behaves(|container| container.starts_up_for = secs(120));
    let alice = alice.start();
    for (waited, status) in [(0, 503), (180, 200)] {
        sleep(secs(waited)).await;
        assert_eq!(clients.container_health(alice.address()).await.unwrap().0, status);
    }
    assert!(world.is_live(&alice));
}
