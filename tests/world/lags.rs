//! Lists that are late, and owners that are slow.

use session_cleanup_tests::World;
use session_cleanup_tests::world::{Latency, Setup};
use tokio::time::sleep;

use crate::clients::{Clients, secs};

async fn listed(clients: &Clients, status: &str) -> usize {
    let call = clients.ecs.list_tasks().cluster("sessions").desired_status(status.into());
    call.send().await.unwrap().task_arns().len()
}

#[tokio::test(start_paused = true)]
async fn a_list_shows_starts_and_stops_late_and_a_look_does_not() {
    let latency = Latency::none();
    let world = World::new(Setup { latency, lists_lag: secs(5), ..Setup::default() });
    let clients = Clients::of(&world, "a");
    let alice = world.session("alice").ended_by_owner().starting().start();
    assert_eq!(listed(&clients, "RUNNING").await, 0);
    assert_eq!(clients.task(&alice).await.desired_status(), Some("RUNNING"));
    sleep(secs(5)).await;
    assert_eq!(listed(&clients, "RUNNING").await, 1);
    clients.stop(&alice).await;
    assert_eq!((listed(&clients, "RUNNING").await, listed(&clients, "STOPPED").await), (1, 0));
    assert_eq!(clients.task(&alice).await.desired_status(), Some("STOPPED"));
    sleep(secs(5)).await;
    assert_eq!((listed(&clients, "RUNNING").await, listed(&clients, "STOPPED").await), (0, 1));
}

#[tokio::test(start_paused = true)]
async fn an_owner_extends_its_leases_as_often_as_the_setup_says() {
    for (every, left) in [(2, 8), (30, 0)] {
        let world = World::new(Setup { renews_every: secs(every), ..Setup::default() });
        let alice = world.session("alice").renewed_for(secs(10)).start();
        sleep(secs(10)).await;
        let lives = world.is_live(&alice);
        assert_eq!(lives, left > 0, "every {every} s");
        sleep(secs(20)).await;
        assert!(world.is_live(&alice));
    }
}
