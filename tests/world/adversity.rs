//! Faults, hooks and crashes.

use session_cleanup_tests::World;
use session_cleanup_tests::world::{Api, Crash, Fault, Outcome, Setup};
use tokio::time::{Instant, timeout};

use crate::clients::{Clients, secs};

async fn try_stop(clients: &Clients, arn: &str) -> Result<(), String> {
    let call = clients.ecs.stop_task().cluster("sessions").task(arn).send();
    match timeout(secs(5), call).await {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(problem)) => Err(format!("{problem:?}")),
        Err(_) => Err("hangs".to_owned()),
    }
}

#[tokio::test(start_paused = true)]
async fn each_fault_does_what_it_says() {
    let faults: [(Fault, &str, bool); 7] = [
        (Fault::on(Api::StopTask).throttled(), "ThrottlingException", false),
        (Fault::on(Api::StopTask).server_error(), "ServerException", false),
        (Fault::on(Api::StopTask).reset(), "reset", false),
        (Fault::on(Api::StopTask).refused(), "refused", false),
        (Fault::on(Api::StopTask).hangs(), "hangs", false),
        (Fault::on(Api::StopTask).answer_lost(), "reset", true),
        (Fault::on(Api::StopTask).answer_hangs(), "hangs", true),
    ];
    for (fault, problem, applied) in faults {
        let world = World::new(Setup::default());
        let alice = world.session("alice").start();
        world.fault(fault);
        let clients = Clients::of(&world, "a");
        let answer = try_stop(&clients, alice.arn()).await.unwrap_err();
        assert!(answer.contains(problem), "{answer}");
        assert_eq!(world.is_stopping(&alice), applied, "{problem}");
        assert!(try_stop(&clients, alice.arn()).await.is_ok(), "once only");
    }
}

#[tokio::test(start_paused = true)]
async fn a_fault_hits_its_subject_its_caller_and_its_turn() {
    let world = World::new(Setup::default());
    let (alice, bob) = (world.session("alice").start(), world.session("bob").start());
    world.fault(Fault::on(Api::StopTask).of(alice.arn()).by("a").nth(2).times(2).throttled());
    let (a, b) = (Clients::of(&world, "a"), Clients::of(&world, "b"));
    assert!(try_stop(&a, bob.arn()).await.is_ok());
    assert!(try_stop(&b, alice.arn()).await.is_ok());
    let mut answers = Vec::new();
    for _ in 0..4 {
        answers.push(try_stop(&a, alice.arn()).await.is_ok());
    }
    assert_eq!(answers, [true, false, false, true]);
    assert_eq!(world.calls()[3].outcome, Outcome::Throttled);
    world.fault(Fault::anywhere().always().reset());
    assert!(try_stop(&a, alice.arn()).await.is_err());
    world.faults_cease();
    assert!(try_stop(&a, alice.arn()).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn an_answer_can_be_late() {
    let world = World::new(Setup::default());
    let alice = world.session("alice").start();
    world.fault(Fault::on(Api::StopTask).delayed(secs(3)));
    let start = Instant::now();
    try_stop(&Clients::of(&world, "a"), alice.arn()).await.unwrap();
    assert_eq!(start.elapsed().as_millis(), 3050);
}

#[tokio::test(start_paused = true)]
async fn hooks_change_the_world_between_two_calls() {
    let world = World::new(Setup::default());
    let old = world.session("old").stopped(0).start();
    let gone = old.clone();
    world.before(Api::DeregisterTargets, 1, move |world| {
        assert_eq!(world.registered("sessions").len(), 1);
        world.session("new").at_address_of(&gone).start();
    });
    world.after(Api::DeregisterTargets, 1, |world| {
        assert!(world.registered("sessions").is_empty(), "it is applied already");
    });
    Clients::of(&world, "a").deregister(old.address()).await;
    assert_eq!(world.live_targets_missing().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn an_invocation_crashes_at_each_boundary() {
    let story = async |world: &World, crash: Option<Crash>| {
        let alice = world.session("alice").start();
        let clients = Clients::of(world, "a");
        let invocation = async {
            clients.describe(&alice).await;
            clients.stop(&alice).await;
        };
        match crash {
            Some(crash) => assert_eq!(world.run_until_crash("a", crash, invocation).await, None),
            None => invocation.await,
        }
        world.is_stopping(&alice)
    };
    let whole = World::new(Setup::default());
    assert!(story(&whole, None).await);
    assert_eq!(whole.count_by("a"), 2);
    for (crash, stopped) in [
        (Crash::Before(1), false),
        (Crash::After(1), false),
        (Crash::Before(2), false),
        (Crash::After(2), true),
    ] {
        let world = World::new(Setup::default());
        assert_eq!(story(&world, Some(crash)).await, stopped, "{crash:?}");
    }
    let world = World::new(Setup::default());
    assert_eq!(world.run_until_crash("a", Crash::Before(3), async { 7 }).await, Some(7));
}

#[tokio::test(start_paused = true)]
async fn what_a_dead_invocation_spawned_is_never_answered() {
    let world = World::new(Setup::default());
    let alice = world.session("alice").start();
    let crashed = world.run_until_crash("a", Crash::Before(1), async {
        let clients = Clients::of(&world, "a");
        let (first, second) = (clients.describe(&alice), clients.stop(&alice));
        Box::pin(async { tokio::join!(first, second) }).await;
    });
    assert!(crashed.await.is_none());
    let late = Clients::of(&world, "a");
    assert_eq!(try_stop(&late, alice.arn()).await, Err("hangs".to_owned()));
    assert!(!world.is_stopping(&alice));
}
