//! Tenants have target groups of their own: what was removed for one is never registered for another.

use super::crowd::{left_targets, says};
use crate::invoke::{INTERVAL, assert_unharmed, enforce, function, open_intents, report, sweeps};
use serde_json::json;
use session_cleanup_tests::world::{Api, Dwell, Fault, FaultKind, Setup, TaskHandle, World};
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// A task that ends by itself leaves its address at once.
fn tenants() -> World {
    let target_groups = vec!["tenant-a".to_owned(), "tenant-b".to_owned()];
    let dwell = Dwell { deactivating: Duration::ZERO, ..Dwell::default() };
    World::new(Setup { target_groups, dwell, ..Setup::default() })
}

/// How a new session comes to the address.
type Arrival = fn(&World, Ipv4Addr) -> TaskHandle;

/// Its owner has registered it already.
fn registered(world: &World, address: Ipv4Addr, group: &str) -> TaskHandle {
    world.session("new").registered_in(&[group]).at_address(address).start()
}

/// Its owner registers it once it runs.
fn starting(world: &World, address: Ipv4Addr, group: &str) -> TaskHandle {
    world.session("new").registered_in(&[group]).pending().at_address(address).start()
}

/// A zombie of tenant-a's group whose address goes to a session right before it is deregistered.
async fn zombie_meets(arrival: Arrival) -> (World, TaskHandle) {
    let world = tenants();
    let address = left_targets(&world, "tenant-a", 1)[0];
    enforce(&world, "sweep-1").await;
    tokio::time::sleep(INTERVAL).await;
    let new: Arc<Mutex<Option<TaskHandle>>> = Arc::default();
    let place = Arc::clone(&new);
    world.before(Api::DeregisterTargets, 1, move |world| {
        *place.lock().unwrap() = Some(arrival(world, address));
    });
    enforce(&world, "sweep-2").await;
    assert_eq!(world.count(Api::DeregisterTargets), 1, "{}", world.history());
    tokio::time::sleep(INTERVAL).await;
    let new = new.lock().unwrap().clone().expect("it has come");
    (world, new)
}

#[tokio::test(start_paused = true)]
async fn a_session_that_has_a_zombies_address_is_not_registered_in_the_zombies_group_but_in_its_own()
 {
    let arrivals: [Arrival; 2] = [
        |world, address| registered(world, address, "tenant-b"),
        |world, address| starting(world, address, "tenant-b"),
    ];
    for arrival in arrivals {
        let (world, new) = zombie_meets(arrival).await;
        let report = enforce(&world, "sweep-3").await;
        assert!(says(&report["intents"]["problems"], new.arn()), "{report:#}");
        assert!(world.registered("tenant-a").is_empty(), "{}", world.history());
        assert_eq!(world.registered("tenant-b"), [new.address()]);
        assert_eq!(world.count(Api::RegisterTargets), 0, "{}", world.history());
        assert!(open_intents(&world).is_empty(), "{report:#}");
        assert_unharmed(&world);
    }
}

#[tokio::test(start_paused = true)]
async fn a_session_whose_own_target_was_deregistered_as_a_zombie_gets_it_back() {
    let arrivals: [Arrival; 2] = [
        |world, address| registered(world, address, "tenant-a"),
        |world, address| starting(world, address, "tenant-a"),
    ];
    for arrival in arrivals {
        let (world, new) = zombie_meets(arrival).await;
        sweeps(&world, "after", 2).await;
        assert_eq!(world.registered("tenant-a"), [new.address()], "{}", world.history());
        assert!(world.registered("tenant-b").is_empty(), "{}", world.history());
        assert!(open_intents(&world).is_empty());
        assert_unharmed(&world);
    }
}

/// A zombie of both groups is removed from both, and just then a session of this one gets its address.
async fn two_zombies_meet(own: &'static str) -> (World, Ipv4Addr) {
    let world = tenants();
    let address = left_targets(&world, "tenant-a", 1)[0];
    world.leave_target("tenant-b", address);
    enforce(&world, "sweep-1").await;
    tokio::time::sleep(INTERVAL).await;
    world.before(Api::DeregisterTargets, 1, move |world| {
        registered(world, address, own);
    });
    enforce(&world, "sweep-2").await;
    assert_eq!(world.count(Api::DeregisterTargets), 2, "{}", world.history());
    (world, address)
}

/// The zombie was in both groups, so both are candidates; that one takes it back first says nothing of the other.
#[tokio::test(start_paused = true)]
async fn a_session_gets_its_target_back_although_another_group_of_the_zombies_takes_it_first() {
    for own in ["tenant-a", "tenant-b"] {
        let (world, address) = two_zombies_meet(own).await;
        world.fault(Fault::on(Api::RegisterTargets).of(own).always().throttled());
        tokio::time::sleep(INTERVAL + Duration::from_mins(1)).await;
        sweeps(&world, "throttled", 2).await;
        assert!(world.registered(own).is_empty(), "{}", world.history());
        world.faults_cease();
        sweeps(&world, "after", 3).await;
        assert_eq!(world.registered(own), [address], "{}", world.history());
        assert!(open_intents(&world).is_empty());
        assert_unharmed(&world);
    }
}

/// What was removed from the other group is in an intent of its own, and that one can't be read for once.
#[tokio::test(start_paused = true)]
async fn a_session_that_has_the_address_of_two_zombies_waits_until_both_intents_are_read() {
    // The answer may break off for as long as it is repeated, too.
    let unread = |nth| {
        let fault = Fault::on(Api::GetObject).of("intents/");
        [fault.clone().nth(nth).denied(), fault.nth(nth).kind(FaultKind::Truncated)]
    };
    let cases = ["tenant-a", "tenant-b"]
        .into_iter()
        .flat_map(|own| [1, 2].into_iter().flat_map(unread).map(move |fault| (own, fault)));
    for (own, fault) in cases {
        let (world, address) = two_zombies_meet(own).await;
        assert_eq!(open_intents(&world).len(), 2, "{}", world.history());
        tokio::time::sleep(INTERVAL + Duration::from_mins(1)).await;
        world.fault(fault);
        let report = enforce(&world, "unread").await;
        assert!(report["intents"]["problems"].to_string().contains("intents/"), "{report:#}");
        tokio::time::sleep(INTERVAL).await;
        // What can never be read holds nobody up.
        world.put_object("ledger", "intents/1-x.json", "garbage");
        sweeps(&world, "after", 3).await;
        assert_eq!(world.registered(own), [address], "{}", world.history());
        assert_eq!(open_intents(&world), ["intents/1-x.json"]);
        assert_unharmed(&world);
    }
}

/// It is to be registered again at the zombie's port in each of its groups, and is registered in one at its own.
#[tokio::test(start_paused = true)]
async fn a_session_that_is_registered_at_its_own_port_is_not_registered_at_a_zombies() {
    let world = tenants();
    let new = world.session("new").registered_in(&["tenant-a"]).start();
    let address = json!({ "ip": new.address(), "port": 3001 });
    world.leave_target_at("tenant-b", new.address(), 3001);
    let entry = |group: &str| {
        let group = world.setup().target_group_arn(group);
        json!({ "group": group, "address": address, "held_by": { "new_holder": { "arn": new.arn() } } })
    };
    let entries = [entry("tenant-a"), entry("tenant-b")];
    let intent = json!({ "written_at": world.now(), "entries": entries });
    world.put_object("ledger", "intents/1-1.json", intent.to_string());
    tokio::time::sleep(Duration::from_hours(1)).await;
    let report = enforce(&world, "sweep").await;
    assert_eq!(world.count(Api::RegisterTargets), 0, "{}", world.history());
    assert!(open_intents(&world).is_empty(), "{report:#}");
    assert_unharmed(&world);
}

/// What stands at another port may be back from another removal: it does not say that nothing is missing.
#[tokio::test(start_paused = true)]
async fn a_new_holder_gets_its_target_back_beside_another_that_was_registered_again() {
    let world = tenants();
    let new = world.session("new").registered_in(&["tenant-a"]).start();
    world.leave_target_at("tenant-b", new.address(), 3001);
    let entry = |group: &str, port: u16, held_by: serde_json::Value| {
        let group = world.setup().target_group_arn(group);
        json!({ "group": group, "address": { "ip": new.address(), "port": port }, "held_by": held_by })
    };
    let of_it = || json!({ "new_holder": { "arn": new.arn() } });
    let entries = [
        entry("tenant-a", 8080, of_it()),
        entry("tenant-b", 8080, of_it()),
        entry("tenant-b", 3001, json!("nobody")),
    ];
    let intent = json!({ "written_at": world.now(), "entries": entries });
    world.put_object("ledger", "intents/1-1.json", intent.to_string());
    tokio::time::sleep(Duration::from_hours(1)).await;
    enforce(&world, "sweep").await;
    let ports = world.registered_ports("tenant-b", new.address());
    assert!(ports.contains(&8080), "{ports:?}: {}", world.history());
}

/// The same for the target of a session whose task dies while its target is removed.
#[tokio::test(start_paused = true)]
async fn a_session_that_has_a_dead_sessions_address_is_registered_in_no_other_tenants_group() {
    let arrivals: [(Arrival, &str); 4] = [
        (|world, address| registered(world, address, "tenant-a"), "tenant-a"),
        (|world, address| registered(world, address, "tenant-b"), "tenant-b"),
        (|world, address| starting(world, address, "tenant-a"), "tenant-a"),
        (|world, address| starting(world, address, "tenant-b"), "tenant-b"),
    ];
    for (number, (arrival, own)) in arrivals.into_iter().enumerate() {
        let world = tenants();
        let old = world.session("old").registered_in(&["tenant-a"]).start();
        let event = world.session_ended_event(&old, "completed");
        let dying = old.clone();
        world.before(Api::DeregisterTargets, 1, move |world| {
            world.crash(&dying, 137);
            arrival(world, dying.address());
        });
        let _judged = report(&function(&world, "completion"), &event).await;
        tokio::time::sleep(INTERVAL + Duration::from_mins(1)).await;
        sweeps(&world, "after", 2).await;
        for group in ["tenant-a", "tenant-b"] {
            let expected: &[Ipv4Addr] = if group == own { &[old.address()] } else { &[] };
            assert_eq!(world.registered(group), expected, "{number}, {group}\n{}", world.history());
        }
        assert!(open_intents(&world).is_empty(), "{number}");
        assert_unharmed(&world);
    }
}

/// Where the old session was, too, the new one may be: also where nothing could be removed.
#[tokio::test(start_paused = true)]
async fn a_session_of_two_groups_gets_its_target_back_although_the_other_group_refused_to_remove_one()
 {
    for refusing in ["tenant-a", "tenant-b"] {
        let world = tenants();
        let groups = ["tenant-a", "tenant-b"];
        let old = world.session("old").registered_in(&groups).start();
        let event = world.session_ended_event(&old, "completed");
        let arn = world.setup().target_group_arn(refusing);
        world.fault(Fault::on(Api::DeregisterTargets).of(arn).always().impossible());
        let dying = old.clone();
        world.before(Api::DeregisterTargets, 1, move |world| {
            world.crash(&dying, 137);
            world.session("new").registered_in(&groups).at_address(dying.address()).start();
        });
        let _judged = report(&function(&world, "completion"), &event).await;
        tokio::time::sleep(INTERVAL + Duration::from_mins(1)).await;
        sweeps(&world, "after", 2).await;
        for group in groups {
            assert_eq!(world.registered(group), [old.address()], "{group}\n{}", world.history());
        }
        assert_unharmed(&world);
    }
}

/// It is registered nowhere for two sweeps: its owner has not come to that yet.
#[tokio::test(start_paused = true)]
async fn a_session_that_takes_long_to_start_is_not_registered_before_its_owner_has_shown_where() {
    let (world, new) = zombie_meets(|world, address| {
        world.adjust(|setup| setup.dwell.pending = Duration::from_mins(8));
        starting(world, address, "tenant-b")
    })
    .await;
    enforce(&world, "sweep-3").await;
    assert_eq!(open_intents(&world).len(), 1, "nothing can be told yet");
    tokio::time::sleep(INTERVAL).await;
    enforce(&world, "sweep-4").await;
    assert!(world.registered("tenant-a").is_empty(), "{}", world.history());
    assert_eq!(world.registered("tenant-b"), [new.address()]);
    assert!(open_intents(&world).is_empty());
    assert_unharmed(&world);
}

/// A container beside the session's has run, and its own has not.
#[tokio::test(start_paused = true)]
async fn a_session_whose_sidecar_alone_has_started_is_not_registered_before_its_owner_has_shown_where()
 {
    let (world, _) = zombie_meets(|world, address| {
        let new = world.session("new").registered_in(&["tenant-b"]).at_address(address);
        new.with_a_sidecar_that_exits(Some(0)).never_started().start()
    })
    .await;
    enforce(&world, "sweep-3").await;
    assert_eq!(open_intents(&world).len(), 1, "nothing can be told yet");
    assert!(world.registered("tenant-a").is_empty(), "{}", world.history());
    assert_unharmed(&world);
}

/// The address was a zombie in two groups. What the other one's intent names is no sign that the session belongs
/// there.
#[tokio::test(start_paused = true)]
async fn a_session_that_has_the_address_of_two_zombies_is_registered_in_its_own_group_alone() {
    let world = tenants();
    let setup = world.setup();
    let new = world.session("new").registered_in(&["tenant-b"]).start();
    let entry = |group: &str| {
        serde_json::json!({
            "group": setup.target_group_arn(group),
            "address": { "ip": new.address().to_string(), "port": setup.port },
            "held_by": "nobody",
        })
    };
    let entries = ["tenant-a", "tenant-b"].map(entry);
    let intent = serde_json::json!({ "written_at": world.now().to_string(), "entries": entries });
    world.put_object("ledger", "intents/1-left.json", intent.to_string());
    sweeps(&world, "sweep", 3).await;
    assert!(world.registered("tenant-a").is_empty(), "{}", world.history());
    assert_eq!(world.registered("tenant-b"), [new.address()]);
    assert_unharmed(&world);
}

/// What a crash left behind of an address that is a session's of the second tenant.
fn left_in_the_first_group(world: &World, session: &TaskHandle) {
    let setup = world.setup();
    let entry = serde_json::json!({
        "group": setup.target_group_arn("tenant-a"),
        "address": { "ip": session.address().to_string(), "port": setup.port },
        "held_by": "nobody",
    });
    let written_at = (world.now() - INTERVAL * 2).to_string();
    let intent = serde_json::json!({ "written_at": written_at, "entries": [entry] });
    world.put_object("ledger", "intents/1-left.json", intent.to_string());
}

/// A group that can't be read may be the session's own.
#[tokio::test(start_paused = true)]
async fn while_one_group_can_not_be_read_nobody_is_registered_in_another() {
    for trouble in [Fault::denied, Fault::throttled, Fault::server_error] {
        let world = tenants();
        let new =
            world.session("new").started_ago(INTERVAL * 3).registered_in(&["tenant-b"]).start();
        left_in_the_first_group(&world, &new);
        let unread = world.setup().target_group_arn("tenant-b");
        world.fault(trouble(Fault::on(Api::DescribeTargetHealth).of(unread).always()));
        let report = enforce(&world, "sweep-1").await;
        assert!(says(&report["intents"]["problems"], "it stays"), "{report:#}");
        assert_eq!(world.count(Api::RegisterTargets), 0, "{}", world.history());
        world.faults_cease();
        tokio::time::sleep(INTERVAL).await;
        let report = enforce(&world, "sweep-2").await;
        assert!(says(&report["intents"]["problems"], new.arn()), "{report:#}");
        assert!(world.registered("tenant-a").is_empty(), "{}", world.history());
        assert!(open_intents(&world).is_empty(), "{report:#}");
        assert_unharmed(&world);
    }
}

#[tokio::test(start_paused = true)]
async fn a_group_that_is_gone_keeps_no_session_from_its_target_in_another() {
    let world = tenants();
    let live = world.session("live").started_ago(INTERVAL * 3).registered_in(&["tenant-a"]).start();
    left_in_the_first_group(&world, &live);
    world.owner_deregisters(&live);
    world.delete_target_group("tenant-b");
    let report = enforce(&world, "sweep").await;
    assert_eq!(report["intents"]["re_registered"], 1, "{report:#}");
    assert_eq!(world.registered("tenant-a"), [live.address()], "{}", world.history());
    assert_unharmed(&world);
}
