//! What must come before an act, and is missing.

use session_cleanup_tests::World;
use session_cleanup_tests::world::{Api, Fault, Phase, Setup};
use std::time::Duration;
use tokio::time::sleep;

use crate::clients::{Clients, secs};

#[tokio::test(start_paused = true)]
async fn i3_a_loss_is_on_record_before_the_stop() {
    for is_on_record in [true, false] {
        let world = World::new(Setup::default());
        let clients = Clients::of(&world, "a");
        let alice = world.session("alice").upload_never_works().ended_by_owner().start();
        clients.describe(&alice).await;
        clients.complete(alice.address(), "alice").await.unwrap();
        world.set_tag(&alice, "session-ended-at", &world.now().to_string());
        sleep(secs(1800)).await;
        if is_on_record {
            world.put_object("ledger", &alice.receipt_key(), "artifacts_unverified");
        }
        clients.describe(&alice).await;
        clients.stop(&alice).await;
        let said = world.violations();
        assert_eq!(said.len(), usize::from(!is_on_record), "{said:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn i3_nobody_is_given_up_who_was_asked_only_now() {
    for (waited, violations) in [(60, 1), (150, 0)] {
        let world = World::new(Setup::default());
        let clients = Clients::of(&world, "a");
        let old = world.session("old").upload_never_works().started_ago(secs(25 * 3600)).start();
        clients.describe(&old).await;
        clients.complete(old.address(), "old").await.unwrap();
        sleep(secs(waited)).await;
        world.put_object("ledger", &old.receipt_key(), "artifacts_lost");
        clients.describe(&old).await;
        clients.stop(&old).await;
        assert_eq!(world.violations().len(), violations, "{waited}: {:?}", world.violations());
    }
}

/// Until some seconds are over no look could show that it has started; but before its owner ends it, it has.
#[tokio::test(start_paused = true)]
async fn i3_is_about_what_has_started_before_its_owners_word_or_so_long_ago_that_a_look_shows_it() {
    for (ended, seconds, violations) in
        [("before it started", 4, 0), ("before it started", 6, 1), ("right after it started", 4, 1)]
    {
        let world = World::new(Setup::default());
        let clients = Clients::of(&world, "a");
        let alice = world.session("alice").pending().start();
        if ended == "before it started" {
            world.owner_ends(&alice);
        }
        while world.phase(&alice) != Phase::Running {
            sleep(Duration::from_millis(100)).await;
        }
        world.owner_ends(&alice);
        sleep(secs(seconds)).await;
        clients.describe(&alice).await;
        clients.stop(&alice).await;
        let said = world.violations();
        assert_eq!(said.len(), violations, "{ended}, {seconds} s: {said:?}");
    }
}

/// Where ECS shows an address, its container can tell that it has started, if it does.
#[tokio::test(start_paused = true)]
async fn i3_is_not_about_a_start_that_no_look_and_no_container_has_shown() {
    for (hidden, shown_ago, deaf, violations) in [
        ("it is shown as it is", 0, false, 1),
        ("it is shown with its address", 30, false, 1),
        ("the same, and nobody reaches it", 30, true, 0),
        ("it is shown without an address", 38, false, 0),
    ] {
        let world = World::new(Setup::default());
        let clients = Clients::of(&world, "a");
        let alice = world.session("alice").starting();
        let alice = alice.behaves(|container| container.deaf = deaf).start();
        sleep(secs(42)).await;
        world.owner_ends(&alice);
        if shown_ago > 0 {
            let ago = secs(shown_ago);
            world.fault(Fault::on(Api::DescribeTasks).always().out_of_date(ago));
        }
        clients.describe(&alice).await;
        clients.stop(&alice).await;
        let said = world.violations();
        assert_eq!(said.len(), violations, "{hidden}: {said:?}");
    }
}

/// Half an interval at least lies between two sweeps, which are five minutes apart.
#[tokio::test(start_paused = true)]
async fn i1_who_says_that_it_is_done_has_said_so_for_two_sweeps() {
    for (waited, violations) in [(60, 1), (150, 0)] {
        let world = World::new(Setup::default());
        let clients = Clients::of(&world, "a");
        let alice = world.session("alice").start();
        world.completes_by_itself(&alice);
        assert!(clients.container_health(alice.address()).await.is_ok());
        sleep(secs(waited)).await;
        clients.describe(&alice).await;
        clients.complete(alice.address(), "alice").await.unwrap();
        assert_eq!(world.violations().len(), violations, "{waited}: {:?}", world.violations());
    }
}

#[tokio::test(start_paused = true)]
async fn i1_who_has_answered_403_is_not_stopped_for_its_age() {
    for (age, violations) in [(3, 1), (25, 0)] {
        let world = World::new(Setup::default());
        let clients = Clients::of(&world, "a");
        let agent = world.session("agent").answers_403().started_ago(secs(age * 3600)).start();
        clients.describe(&agent).await;
        assert_eq!(clients.complete(agent.address(), "agent").await, Ok(403));
        sleep(secs(1800)).await;
        world.put_object("ledger", &agent.receipt_key(), "artifacts_lost");
        clients.describe(&agent).await;
        clients.stop(&agent).await;
        let said = world.violations();
        let i1 = said.iter().filter(|text| text.contains("has answered 403")).count();
        assert_eq!(i1, violations, "{age}: {said:?}");
    }
}
