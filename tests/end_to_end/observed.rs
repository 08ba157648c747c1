//! A stack in the mode `observe`, and `make baseline` over its log; and the receipts of another as events.

use crate::one_stack::{PATIENCE, make, play};
use session_cleanup_tests::local_aws::{Lambda, Platform, eventually};
use session_cleanup_tests::world::Phase;

#[test]
fn make_baseline_reads_from_the_log_how_long_an_owner_was_at_it() {
    play(18, async |scene| {
        let platform = Platform::of(&scene.world.setup());
        let own = [("CompletionMode", "observe"), ("EventSource", "session.observed")];
        let stack = scene.aws().deploy("observed", &platform.parameters(&own)).await;
        let stack = stack.unwrap_or_else(|error| panic!("{error}"));
        let session = scene.session("observed-alice").dies_on_sigterm();
        let alice = scene.start(session).await;
        let event = scene.world.session_ended_event(&alice, "completed");
        let put = stack.put_event("session.observed", "Session Ended", &event["detail"]);
        put.await.unwrap();
        // Its owner's own way, without the target.
        scene.world.completes_by_itself(&alice);
        tokio::time::sleep(std::time::Duration::from_secs(2)).await;
        scene.world.operator_stops(&alice, "session over");
        scene.until("it has stopped", |world| world.phase(&alice) == Phase::Stopped).await;
        stack.send_to_queue(&scene.world.task_event(&alice).to_string()).await.unwrap();
        let seen = eventually("both lines", PATIENCE, async || {
            let log = stack.log_lines(Lambda::Completion).await?.concat();
            let both = log.contains("session_ended") && log.contains("task_stopped");
            Ok(both.then_some(()))
        });
        seen.await.unwrap_or_else(|error| panic!("{error}\n{}", scene.world.history()));
        assert!(stack.ledger("").await.unwrap().is_empty(), "nothing is written");

        let (printed, problem, is_well) = make(scene, "baseline", "observed").await;
        assert!(is_well, "{printed}\n{problem}");
        let row = printed.lines().find(|line| line.contains("observed-alice"));
        let row = row.unwrap_or_else(|| panic!("no row of hers:\n{printed}\n{problem}"));
        println!("{row}");
        assert!(row.contains("its target"), "{row}");
        assert!(row.contains(":8080: upload, deregister, stop"), "{row}");
        assert!(row.contains("2.") || row.contains("3."), "blocked for some two seconds: {row}");
    });
}

#[test]
fn an_owner_is_told_of_each_receipt_by_an_event_of_the_ledger() {
    play(19, async |scene| {
        let told = scene.stack().subscribe().await.unwrap();
        let alice = scene.session("told-alice");
        let alice = scene.start(alice).await;
        scene.end(&alice).await;
        scene.receipt(&alice, "cleaned").await;
        let receipt = eventually("the event of the receipt", PATIENCE, async || {
            let mut receipts = told.receive().await?.into_iter();
            Ok(receipts.rfind(|receipt| receipt["session_id"] == "told-alice"))
        });
        let receipt = receipt.await.unwrap();
        assert_eq!(receipt["outcome"], "cleaned", "{receipt:#}");
        assert_eq!(receipt["task_arn"], alice.arn());
    });
}
