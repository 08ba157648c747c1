//! A hundred sessions that end at the same time, in one invocation.

use crate::function::Function;
use crate::one_stack::{PATIENCE, address, assert_unharmed, play, play_without_emulator};
use serde_json::{Value, json};
use session_cleanup_tests::World;
use session_cleanup_tests::local_aws::Lambda;
use session_cleanup_tests::served::{Artifacts, Served};
use session_cleanup_tests::world::{Setup, TaskHandle};
use std::time::{Duration, Instant};

const SESSIONS: u8 = 100;

/// The limit that is promised: peak memory of a batch of 100.
const MOST_KIB: u64 = 32 * 1024;

/// Their events as the event source mapping would hand them over.
fn batch(world: &World, sessions: &[TaskHandle]) -> Value {
    let records = sessions.iter().map(|session| {
        let body = world.session_ended_event(session, "completed").to_string();
        json!({"messageId": session.session_id(), "body": body})
    });
    json!({"Records": records.collect::<Vec<_>>()})
}

#[test]
fn a_hundred_sessions_of_one_invocation_are_all_cleaned() {
    play(9, async |scene| {
        let mut sessions = Vec::new();
        for number in 0..SESSIONS {
            let session = scene.session(&format!("hundred-{number}"));
            let session = session.uploads_in(Duration::from_millis(500));
            sessions.push(scene.start(session).await);
        }
        let payload = batch(&scene.world, &sessions);
        let since = Instant::now();
        let answer = scene.stack().invoke(Lambda::Completion, &payload).await.unwrap();
        println!("{SESSIONS} sessions in {:?}", since.elapsed());
        assert_eq!(answer, json!({"batchItemFailures": []}), "{}", scene.world.history());
        let receipts = scene.stack().ledger("receipts/").await.unwrap();
        for session in &sessions {
            assert_eq!(receipts[&session.receipt_key()]["outcome"], "cleaned");
            scene.assert_cleaned(session).await;
        }
        assert!(since.elapsed() < PATIENCE);
    });
}

#[test]
fn a_batch_of_a_hundred_fits_into_32_mebibytes() {
    play_without_emulator(async {
        let world = World::new(Setup { seed: 10, ..Setup::in_real_time() });
        let served = Served::start(&world, 0, Artifacts::World).await.unwrap();
        let mut function = Function::start(&world, &served.endpoint(), &[]).await;
        let idle = function.peak_kib();
        let mut sessions = Vec::new();
        for number in 0..SESSIONS {
            let session = world.session(&format!("memory-{number}"));
            let session = session.at_address(address(10, number + 1));
            sessions.push(session.uploads_in(Duration::from_secs(1)).start());
            served.listens(sessions.last().unwrap()).await;
        }
        let answer = function.invoke(&batch(&world, &sessions)).await;
        assert_eq!(answer, json!({"batchItemFailures": []}), "{}", world.history());
        assert_eq!(world.receipts().len(), usize::from(SESSIONS));
        assert_unharmed(&world);
        let peak = function.peak_kib();
        println!("peak memory: {idle} KiB when it had started, {peak} KiB after the batch");
        assert!(peak <= MOST_KIB, "{peak} KiB");
    });
}
