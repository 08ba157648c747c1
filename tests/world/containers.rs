//! Session containers.

use std::time::Duration;

use http_body_util::BodyExt;
use session_cleanup_tests::World;
use session_cleanup_tests::world::{Phase, Setup};
use tokio::time::{Instant, sleep, timeout};

use crate::clients::{Clients, secs, text};

#[tokio::test(start_paused = true)]
async fn uploads_the_marker_first_and_answers_at_the_end() {
    let world = World::new(Setup::default());
    let alice = world.session("alice").uploads_in(secs(4)).start();
    let clients = Clients::of(&world, "a");
    let start = Instant::now();
    let look = async {
        sleep(secs(1)).await;
        world.keys("artifacts")
    };
    let (status, early) = tokio::join!(clients.complete(alice.address(), "alice"), look);
    assert_eq!(status, Ok(200));
    assert_eq!(start.elapsed().as_millis(), 4002);
    assert_eq!(early, ["alice/debug/session_status.json"]);
    assert_eq!(
        world.keys("artifacts"),
        [
            "alice/artifacts/report.txt",
            "alice/debug/execution_1.json",
            "alice/debug/session_status.json"
        ]
    );
    let again = Instant::now();
    assert_eq!(clients.complete(alice.address(), "alice").await, Ok(200));
    assert_eq!(again.elapsed().as_millis(), 2);
    let (status, body) = clients.container_health(alice.address()).await.unwrap();
    assert_eq!((status, text(body).await.contains("alice")), (503, true));
    assert_eq!(world.uploads_begun(&alice), 1);
}

#[tokio::test(start_paused = true)]
async fn fails_and_recovers() {
    let world = World::new(Setup::default());
    let alice = world.session("alice").uploads_in(secs(1)).upload_fails(2).start();
    let never = world.session("never").uploads_in(secs(1)).upload_never_works().start();
    let clients = Clients::of(&world, "a");
    for expected in [500, 500, 200] {
        assert_eq!(clients.complete(alice.address(), "alice").await, Ok(expected));
        assert!(world.object("artifacts", "alice/debug/session_status.json").is_some());
        let report = world.object("artifacts", "alice/artifacts/report.txt");
        assert_eq!(report.is_some(), expected == 200);
    }
    for _ in 0..5 {
        assert_eq!(clients.complete(never.address(), "never").await, Ok(500));
    }
    assert_eq!(world.completion_calls(&never).len(), 5);
}

#[tokio::test(start_paused = true)]
async fn strangers_are_told_so() {
    let world = World::new(Setup::default());
    let alice = world.session("alice").start();
    let bob = world.session("bob").answers_403().start();
    let clients = Clients::of(&world, "a");
    assert_eq!(clients.complete(alice.address(), "mallory").await, Ok(403));
    assert_eq!(clients.complete(bob.address(), "bob").await, Ok(403));
    assert!(!world.has_completed(&alice));
}

#[tokio::test(start_paused = true)]
async fn serves_one_request_at_a_time() {
    let world = World::new(Setup::default());
    let alice = world.session("alice").uploads_in(secs(3)).busy_for(secs(5)).start();
    let clients = Clients::of(&world, "a");
    let start = Instant::now();
    let timed = async |n: u64| {
        sleep(Duration::from_millis(n)).await;
        let status = if n == 2 {
            clients.container_health(alice.address()).await.map(|(status, _)| status)
        } else {
            clients.complete(alice.address(), "alice").await
        };
        (status, start.elapsed().as_secs())
    };
    let (first, health, second) = tokio::join!(timed(0), timed(2), timed(4));
    assert_eq!((first, health, second), ((Ok(200), 8), (Ok(503), 8), (Ok(200), 8)));
    assert_eq!(world.uploads_begun(&alice), 1);
}

#[tokio::test(start_paused = true)]
async fn who_is_not_there_does_not_answer() {
    let world = World::new(Setup::default());
    let clients = Clients::of(&world, "a");
    let mute = world.session("mute").silent().start();
    let closed = world.session("closed").refuses().start();
    let gone = world.session("gone").stopped(0).start();
    let start = Instant::now();
    let problem = clients.complete(closed.address(), "closed").await.unwrap_err();
    assert!(problem.contains("refused") && start.elapsed().as_secs() == 0, "{problem}");
    let problem = clients.complete(gone.address(), "gone").await.unwrap_err();
    assert!(
        problem.contains("no connection in time") && start.elapsed().as_secs() == 2,
        "{problem}"
    );
    let problem = clients.complete(mute.address(), "mute").await.unwrap_err();
    assert!(problem.contains("Timeout") && start.elapsed().as_secs() == 22, "{problem}");
}

#[tokio::test(start_paused = true)]
async fn what_accepts_for_a_container_that_does_not_run_answers_nobody() {
    let world = World::new(Setup::default());
    let clients = Clients::of(&world, "a");
    let accepts = |name| world.session(name).accepts_while_it_does_not_run();
    let (never, runs) = (accepts("never").never_started().start(), accepts("runs").start());
    let problem = clients.complete(never.address(), "never").await.unwrap_err();
    assert!(problem.contains("Timeout"), "{problem}");
    assert_eq!(clients.complete(runs.address(), "runs").await, Ok(200));
}

#[tokio::test(start_paused = true)]
async fn a_dying_container_serves_until_it_is_killed() {
    let world = World::new(Setup::default());
    let alice = world.session("alice").uploads_in(secs(10)).dying().start();
    let slow = world.session("slow").uploads_in(secs(40)).dying().start();
    let frail = world.session("frail").dies_on_sigterm().dying().start();
    let clients = Clients::of(&world, "a");
    assert_eq!(world.phase(&alice), Phase::Running, "warned, and still serving");
    assert_ne!(world.phase(&frail), Phase::Running, "ECS sees its process gone");
    assert!(clients.complete(frail.address(), "frail").await.unwrap_err().contains("refused"));
    assert_eq!(clients.complete(alice.address(), "alice").await, Ok(200));
    let start = Instant::now();
    let problem = clients.complete(slow.address(), "slow").await.unwrap_err();
    assert!(problem.contains("reset"), "{problem}");
    assert_eq!(start.elapsed().as_secs(), 19);
    assert!(!world.has_completed(&slow));
    assert_eq!(world.phase(&slow), Phase::Deactivating);
}

#[tokio::test(start_paused = true)]
async fn a_stop_kills_an_upload_under_way() {
    let world = World::new(Setup::default());
    let alice = world.session("alice").uploads_in(secs(10)).dies_on_sigterm().start();
    let clients = Clients::of(&world, "a");
    let start = Instant::now();
    let stop = async {
        sleep(secs(2)).await;
        clients.stop(&alice).await;
    };
    let (answer, ()) = tokio::join!(clients.complete(alice.address(), "alice"), stop);
    assert!(answer.unwrap_err().contains("reset"));
    assert_eq!(start.elapsed().as_secs(), 2);
    sleep(secs(60)).await;
    assert!(world.object("artifacts", "alice/artifacts/report.txt").is_none());
}

#[tokio::test(start_paused = true)]
async fn exits_by_itself_after_completion_or_crashes() {
    let world = World::new(Setup::default());
    let alice = world.session("alice").uploads_in(secs(1)).exits_after_completion(secs(60)).start();
    let crashed = world.session("crashed").crashes_in(secs(30), 137).start();
    let clients = Clients::of(&world, "a");
    assert_eq!(clients.complete(alice.address(), "alice").await, Ok(200));
    sleep(secs(59)).await;
    assert_eq!(world.phase(&alice), Phase::Running);
    sleep(secs(20)).await;
    assert_eq!(world.phase(&alice), Phase::Stopped);
    let (alice, crashed) = (clients.task(&alice).await, clients.task(&crashed).await);
    assert_eq!(alice.containers()[0].exit_code(), Some(0));
    assert_eq!(alice.stop_code().unwrap().as_str(), "EssentialContainerExited");
    assert_eq!(crashed.containers()[0].exit_code(), Some(137));
}

#[tokio::test(start_paused = true)]
async fn bodies_can_be_slow_or_endless() {
    let world = World::new(Setup::default());
    let slow = world.session("slow").slow_body(secs(9)).start();
    let endless = world.session("endless").endless_body().start();
    let clients = Clients::of(&world, "a");
    let start = Instant::now();
    let (_, body) = clients.container_health(slow.address()).await.unwrap();
    assert_eq!(start.elapsed().as_secs(), 0);
    assert!(text(body).await.contains("active"));
    assert_eq!(start.elapsed().as_secs(), 9);
    let (_, mut body) = clients.container_health(endless.address()).await.unwrap();
    for _ in 0..100 {
        assert!(body.frame().await.unwrap().unwrap().is_data());
    }
}

#[tokio::test(start_paused = true)]
async fn an_abandoned_upload_goes_on() {
    let world = World::new(Setup::default());
    let alice = world.session("alice").uploads_in(secs(10)).start();
    let clients = Clients::of(&world, "a");
    assert!(timeout(secs(1), clients.complete(alice.address(), "alice")).await.is_err());
    sleep(secs(10)).await;
    assert!(world.has_completed(&alice));
    assert!(world.object("artifacts", "alice/artifacts/report.txt").is_some());
}

#[tokio::test(start_paused = true)]
async fn a_process_that_has_not_started_does_not_exit() {
    for has_started in [true, false] {
        let world = World::new(Setup::default());
        let alice = world.session("alice");
        let alice = if has_started { alice.start() } else { alice.pending().start() };
        world.crash(&alice, 1);
        assert_eq!(world.is_stopping(&alice), has_started);
    }
}
