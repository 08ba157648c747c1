//! The same world over real sockets.

use std::time::Duration;

use aws_smithy_http_client::Builder;
use session_cleanup_tests::World;
use session_cleanup_tests::served::{Artifacts, Served};
use session_cleanup_tests::world::{Phase, Setup};
use std::net::Ipv4Addr;
use tokio::time::{Instant, sleep};

use crate::clients::Clients;

fn at(address: [u8; 4]) -> Ipv4Addr {
    Ipv4Addr::from(address)
}

#[tokio::test]
async fn a_session_is_cleaned_up_over_sockets() {
    let world = World::new(Setup::in_real_time());
    let served = Served::start(&world, 0, Artifacts::World).await.unwrap();
    let endpoint = served.endpoint();
    let clients = Clients::over(&world, &Builder::new().build_http(), Some(&endpoint));
    let alice = world.session("alice").at_address(at([127, 0, 201, 1]));
    let alice =
        alice.uploads_in(Duration::from_millis(100)).dies_on_sigterm().ended_by_owner().start();
    served.listens(&alice).await;
    assert_eq!(clients.task(&alice).await.last_status(), Some("RUNNING"));
    assert_eq!(clients.health(alice.address()).await, "healthy");
    assert_eq!(clients.complete(alice.address(), "mallory").await, Ok(403));
    assert_eq!(clients.complete(alice.address(), "alice").await, Ok(200));
    assert_eq!(clients.container_health(alice.address()).await.unwrap().0, 503);
    let head = clients.s3.head_object().bucket("artifacts").key("alice/debug/session_status.json");
    assert!(head.send().await.unwrap().content_length().unwrap() > 10);
    clients.deregister(alice.address()).await;
    clients.stop(&alice).await;
    sleep(Duration::from_millis(100)).await;
    assert_eq!(world.phase(&alice), Phase::Deactivating);
    assert!(clients.complete(alice.address(), "alice").await.is_err(), "nobody listens any more");
    world.assert_unharmed();
}

#[tokio::test]
async fn containers_upload_to_another_s3_before_they_answer() {
    let elsewhere = World::new(Setup::in_real_time());
    let other = Served::start(&elsewhere, 0, Artifacts::World).await.unwrap();
    let world = World::new(Setup::in_real_time());
    let served = Served::start(&world, 0, Artifacts::At(other.endpoint())).await.unwrap();
    let clients = Clients::over(&world, &Builder::new().build_http(), Some(&served.endpoint()));
    let alice = world.session("alice").at_address(at([127, 0, 202, 1]));
    let alice = alice.uploads_in(Duration::from_millis(50)).ended_by_owner().start();
    served.listens(&alice).await;
    assert_eq!(clients.complete(alice.address(), "alice").await, Ok(200));
    assert_eq!(elsewhere.keys("artifacts").len(), 3);
    assert!(world.keys("artifacts").is_empty());
}

#[tokio::test]
async fn a_killed_container_resets_its_connections() {
    let world = World::new(Setup::in_real_time());
    let served = Served::start(&world, 0, Artifacts::World).await.unwrap();
    let clients = Clients::over(&world, &Builder::new().build_http(), Some(&served.endpoint()));
    let alice = world.session("alice").at_address(at([127, 0, 203, 1]));
    let alice = alice.uploads_in(Duration::from_secs(30)).ended_by_owner().start();
    served.listens(&alice).await;
    let start = Instant::now();
    let kill = async {
        sleep(Duration::from_millis(100)).await;
        world.crash(&alice, 137);
    };
    let (answer, ()) = tokio::join!(clients.complete(alice.address(), "alice"), kill);
    assert!(answer.is_err());
    assert!(start.elapsed() < Duration::from_secs(5));
}
