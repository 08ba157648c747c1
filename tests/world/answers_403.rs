//! What a container says that runs another session, and what is on record of it.

use aws_sdk_s3::primitives::ByteStream;
use serde_json::json;
use session_cleanup_tests::World;
use session_cleanup_tests::world::Setup;

use crate::clients::{Clients, secs};

/// Who has not reached it can't know.
#[tokio::test(start_paused = true)]
async fn i1_what_has_answered_403_is_not_tagged_by_who_heard_it() {
    for is_heard in [false, true] {
        let world = World::new(Setup::default());
        let (clients, other) = (Clients::of(&world, "a"), Clients::of(&world, "b"));
        let agent = world.session("agent").answers_403().start();
        for listener in if is_heard { [&clients, &other] } else { [&other, &other] } {
            listener.describe(&agent).await;
            assert_eq!(listener.complete(agent.address(), "agent").await, Ok(403));
        }
        clients.describe(&agent).await;
        clients.tag(&agent, "session-ended-at", "2026-11-02T09:00:00Z").await;
        assert_eq!(world.violations().len(), usize::from(is_heard), "{:?}", world.violations());
    }
}

#[tokio::test(start_paused = true)]
async fn i2_what_has_answered_403_misses_its_target_unless_it_was_tagged_before() {
    let world = World::new(Setup::default());
    let clients = Clients::of(&world, "a");
    let agent = world.session("agent").answers_403().start();
    clients.deregister(agent.address()).await;
    assert!(world.live_targets_missing().is_empty(), "nobody knows");
    clients.describe(&agent).await;
    assert_eq!(clients.complete(agent.address(), "agent").await, Ok(403));
    assert_eq!(world.live_targets_missing().len(), 1);
    world.set_tag(&agent, "session-ended-at", &(world.now() + secs(1)).to_string());
    assert!(world.live_targets_missing().is_empty());
}

/// Its next session may have begun since.
#[tokio::test(start_paused = true)]
async fn i2_what_was_tagged_before_it_could_answer_403_misses_nothing_though_its_tag_is_old() {
    let world = World::new(Setup::default());
    let clients = Clients::of(&world, "a");
    let agent = world.session("agent").started_ago(secs(3600)).answers_403().start();
    clients.deregister(agent.address()).await;
    clients.describe(&agent).await;
    clients.tag(&agent, "session-ended-at", &(world.now() - secs(3000)).to_string()).await;
    world.set_tag(&agent, "session-started-at", &world.now().to_string());
    assert_eq!(clients.complete(agent.address(), "agent").await, Ok(403));
    assert!(world.live_targets_missing().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_receipt_that_goes_backward_is_a_violation() {
    let steps = [
        (("rejected", "wrong_container"), 0),
        (("awaiting_salvage", "unconfirmed: no answer"), 1),
        (("artifacts_lost", "unconfirmed: no answer"), 1),
        (("incomplete", "confirmed"), 2),
        (("artifacts_unverified", "unverified"), 2),
        (("cleaned", "confirmed"), 2),
        (("artifacts_lost", "lost"), 3),
    ];
    let world = World::new(Setup::default());
    let clients = Clients::of(&world, "a");
    for ((outcome, artifacts), violations) in steps {
        let receipt = json!({ "outcome": outcome, "artifacts": artifacts }).to_string();
        let put = clients.s3.put_object().bucket("ledger").key("receipts/s-1/x.json");
        put.body(ByteStream::from(receipt.into_bytes())).send().await.unwrap();
        assert_eq!(world.violations().len(), violations, "{outcome}: {:?}", world.violations());
    }
}
