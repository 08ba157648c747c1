//! Many containers that keep their connections open, and the 1,024 descriptors that Lambda allows.

use crate::function::Function;
use crate::one_stack::{assert_unharmed, play_without_emulator};
use serde_json::{Value, json};
use session_cleanup_tests::World;
use session_cleanup_tests::served::{Artifacts, Served};
use session_cleanup_tests::world::{Setup, TaskHandle};
use std::net::Ipv4Addr;
use std::time::Duration;

/// The most that are promised to be open at once.
const MOST_OPEN: usize = 256;

const BATCHES: u16 = 12;
const SESSIONS: u16 = BATCHES * 100;

/// One of many, below an address that no other test uses.
fn address(one: u16) -> Ipv4Addr {
    let process = u8::try_from(std::process::id() % 200).unwrap();
    let (third, fourth) = (u8::try_from(one / 250).unwrap(), u8::try_from(one % 250).unwrap());
    Ipv4Addr::new(127, 1 + process, 200 + third, 1 + fourth)
}

/// A world whose containers listen, each at an address of its own. It has more descriptors than the
/// function may: those of all listeners.
async fn serve(seed: u64) -> (World, Served) {
    raise_own_limit().await;
    let world = World::new(Setup { seed, ..Setup::in_real_time() });
    let served = Served::start(&world, 0, Artifacts::World).await.unwrap();
    (world, served)
}

/// As many descriptors for this process as its hard limit allows.
async fn raise_own_limit() {
    let id = std::process::id().to_string();
    let raised = tokio::process::Command::new("prlimit")
        .args(["--pid", &id, "--nofile=8192:"])
        .status()
        .await
        .expect("prlimit (util-linux) is there");
    assert!(raised.success(), "this process needs 8,192 descriptors");
}

/// Their artifacts are saved and they are stopped, each of them.
fn assert_all_saved(world: &World, sessions: &[TaskHandle]) {
    let receipts = world.receipts();
    for session in sessions {
        assert_eq!(receipts[session.id()]["outcome"], "cleaned", "{:#}", receipts[session.id()]);
        assert!(world.has_completed(session) && world.is_stopping(session));
    }
    assert_unharmed(world);
}

/// Awaits what the function does, and counts its descriptors meanwhile: the answer, and the most.
async fn counting<T>(id: u32, work: impl Future<Output = T>) -> (T, usize) {
    let mut most = 0;
    let mut work = std::pin::pin!(work);
    loop {
        let pause = tokio::time::sleep(Duration::from_millis(20));
        tokio::select! {
            answer = &mut work => return (answer, most),
            () = pause => {
                let open = std::fs::read_dir(format!("/proc/{id}/fd")).unwrap().count();
                most = most.max(open);
            }
        }
    }
}

#[test]
fn one_sweep_saves_twelve_hundred_ended_sessions_with_few_descriptors() {
    play_without_emulator(async {
        let (world, served) = serve(40).await;
        let long_ago = (world.now() - Duration::from_hours(1)).to_string();
        let sessions: Vec<TaskHandle> = (0..SESSIONS)
            .map(|number| {
                let session = world.session(&format!("storm-{number}")).ended_by_owner();
                let session = session.at_address(address(number)).unregistered();
                let session = session.tag("session-ended-at", &long_ago);
                let session = session.started_ago(Duration::from_hours(2));
                session.uploads_in(Duration::from_millis(200)).start()
            })
            .collect();
        for session in &sessions {
            served.listens(session).await;
        }
        let all = [("BLAST_RADIUS_PERCENT", "100"), ("RATE_SHARE_PERCENT", "100")];
        let mut reaper = Function::start_reaper(&world, &served.endpoint(), &all).await;
        reaper.limit_descriptors(1_024).await;
        let id = reaper.process_id();
        let sweep = json!({"mode": "enforce"});
        let (report, most) = counting(id, reaper.invoke(&sweep)).await;
        println!("{SESSIONS} sessions in one sweep: {most} descriptors; {:#}", report["counts"]);
        assert_eq!(report["counts"]["reaped"], SESSIONS, "{:#}", report["problems"]);
        assert_all_saved(&world, &sessions);
        assert!(most <= MOST_OPEN, "{most} descriptors");
    });
}

#[test]
fn one_warm_function_saves_twelve_batches_of_a_hundred_with_few_descriptors() {
    play_without_emulator(async {
        let (world, served) = serve(41).await;
        let mut function = Function::start(&world, &served.endpoint(), &[]).await;
        function.limit_descriptors(1_024).await;
        let id = function.process_id();
        let mut most = 0;
        for batch in 0..BATCHES {
            let sessions: Vec<TaskHandle> = (batch * 100..(batch + 1) * 100)
                .map(|number| {
                    let session = world.session(&format!("batch-{number}"));
                    let session = session.at_address(address(number));
                    session.uploads_in(Duration::from_millis(200)).start()
                })
                .collect();
            for session in &sessions {
                served.listens(session).await;
            }
            let records = sessions.iter().map(|session| {
                let body = world.session_ended_event(session, "completed").to_string();
                json!({"messageId": session.session_id(), "body": body})
            });
            let payload = json!({"Records": records.collect::<Vec<Value>>()});
            let (answer, open) = counting(id, function.invoke(&payload)).await;
            assert_eq!(answer, json!({"batchItemFailures": []}), "batch {batch}");
            assert_all_saved(&world, &sessions);
            most = most.max(open);
        }
        println!("{BATCHES} batches through one function: {most} descriptors");
        assert!(most <= MOST_OPEN, "{most} descriptors");
    });
}
