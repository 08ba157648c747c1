//! Our functions' clock is not AWS's.

use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use session_cleanup_tests::World;
use session_cleanup_tests::world::{Latency, Setup};
use tokio::time::sleep;

use crate::clients::{Clients, secs};

fn ahead_by(seconds: i64) -> World {
    let ahead = SignedDuration::from_secs(seconds);
    World::new(Setup { functions_clock_is_ahead: ahead, ..Setup::default() })
}

fn functions_time(world: &World) -> Timestamp {
    world.time_source().now().try_into().unwrap()
}

#[tokio::test(start_paused = true)]
async fn functions_may_be_ahead_of_aws_or_behind() {
    for ahead in [-7, 0, 7] {
        let world = ahead_by(ahead);
        sleep(secs(3)).await;
        let apart = functions_time(&world).duration_since(world.now());
        assert_eq!(apart, SignedDuration::from_secs(ahead));
    }
}

#[tokio::test(start_paused = true)]
async fn what_aws_writes_down_is_its_own_time() {
    let world = ahead_by(7);
    let clients = Clients::of(&world, "a");
    let alice = world.session("alice").ended_by_owner().completed().start();
    clients.stop(&alice).await;
    let sent_at = world.calls()[0].sent_at;
    let stopping = clients.task(&alice).await.stopping_at().unwrap().secs();
    assert_eq!(stopping, sent_at.as_second());
    clients.s3.put_object().bucket("ledger").key("k").send().await.unwrap();
    let head = clients.s3.head_object().bucket("ledger").key("k").send().await.unwrap();
    assert_eq!(head.last_modified().unwrap().secs(), world.now().as_second());
    assert!(functions_time(&world) > world.now());
}

/// Both ends of the window are told by the same clock, so that it is as long as it should be.
#[tokio::test(start_paused = true)]
async fn a_salvage_window_is_as_long_by_a_wrong_clock() {
    for (ahead, waited, harmed) in [(-5, 1799, 1), (-5, 1800, 0), (5, 1799, 1), (5, 1800, 0)] {
        let world = ahead_by(ahead);
        world.adjust(|setup| setup.latency = Latency::none());
        let clients = Clients::of(&world, "a");
        let alice = world.session("alice").upload_never_works().ended_by_owner().start();
        clients.describe(&alice).await;
        clients.complete(alice.address(), "alice").await.unwrap();
        world.set_tag(&alice, "session-ended-at", &functions_time(&world).to_string());
        sleep(secs(waited)).await;
        world.put_object("ledger", &alice.receipt_key(), "artifacts_lost");
        clients.describe(&alice).await;
        clients.stop(&alice).await;
        assert_eq!(world.violations().len(), harmed, "{ahead} s ahead, after {waited} s");
    }
}

/// By its owner's clock it begins only after that.
#[tokio::test(start_paused = true)]
async fn i4_what_its_owner_has_ended_is_over_once_that_is_noted_whatever_the_note_says() {
    for (noted, left) in [(false, 0), (true, 1)] {
        let world = World::new(Setup { warm_pool: true, ..Setup::default() });
        let clients = Clients::of(&world, "a");
        let alice = world.session("alice").unidentified().start();
        world.claims(&alice, Some(&(world.now() + secs(200)).to_string()));
        world.owner_ends(&alice);
        if noted {
            clients.tag(&alice, "session-ended-at", &world.now().to_string()).await;
        }
        sleep(secs(300)).await;
        assert_eq!(world.orphans_left().len(), left, "{noted}");
    }
}

#[tokio::test(start_paused = true)]
async fn i3_what_was_saved_after_a_question_is_its_own_though_its_owners_clock_is_ahead() {
    for (asked, wrong) in [(false, 0), (true, 1)] {
        let ahead = SignedDuration::from_secs(200);
        let setup = Setup { warm_pool: true, owners_clock_is_ahead: ahead, ..Setup::default() };
        let world = World::new(setup);
        let clients = Clients::of(&world, "a");
        let alice = world.session("alice").unidentified().start();
        world.claims(&alice, Some(&(world.now() + secs(200)).to_string()));
        clients.describe(&alice).await;
        if asked {
            clients.tag(&alice, "session-ended-at", &world.now().to_string()).await;
            assert_eq!(clients.complete(alice.address(), "alice").await, Ok(200));
        } else {
            world.completes_by_itself(&alice);
        }
        let lost = json!({ "session_id": "alice", "outcome": "artifacts_lost" }).to_string();
        world.put_object("ledger", &alice.receipt_key(), lost);
        assert_eq!(world.losses_misreported().len(), wrong, "{asked}");
    }
}
