//! From the bus to the receipt.

use crate::one_stack::play;
use serde_json::json;
use session_cleanup_tests::local_aws::Lambda;

#[test]
fn a_session_end_event_on_the_bus_becomes_a_cleaned_session() {
    play(1, async |scene| {
        let ends = scene.session("chain-ends");
        let ends = scene.start(ends).await;
        let lives = scene.session("chain-lives");
        let lives = scene.start(lives).await;
        let invocations = scene.stack().invocations(Lambda::Completion).await.unwrap();
        scene.end(&ends).await;
        let receipt = scene.receipt(&ends, "cleaned").await;
        assert_eq!(receipt["session_id"], "chain-ends");
        assert_eq!(receipt["task_arn"], ends.arn());
        assert_eq!(receipt["reason"], "completed");
        for name in ["identify", "artifacts", "deregister", "verify_target", "stop"] {
            let steps = receipt["steps"].as_array().unwrap();
            assert!(steps.iter().any(|step| step["name"] == name), "no step {name}: {receipt}");
        }
        scene.assert_cleaned(&ends).await;
        assert!(scene.world.is_live(&lives));
        assert!(scene.world.completion_calls(&lives).is_empty());
        scene.log_line(&["session clean", "chain-ends"]).await;
        assert!(
            scene.stack().invocations(Lambda::Completion).await.unwrap() > invocations,
            "the binary ran"
        );
        assert!(scene.stack().ledger("intents/").await.unwrap().is_empty());
    });
}

#[test]
fn garbage_goes_to_the_dead_letter_queue_and_the_good_event_beside_it_is_cleaned() {
    play(2, async |scene| {
        let good = scene.session("beside-garbage");
        let good = scene.start(good).await;
        let event = scene.world.session_ended_event(&good, "failed").to_string();
        let mut unnamed = scene.world.session_ended_event(&good, "failed");
        unnamed["detail"] = json!({"task_arn": good.arn(), "garbage": "without an id"});
        let deep = "[".repeat(50_000);
        let bodies = ["garbage, not JSON", &unnamed.to_string(), &event, &deep];
        scene.stack().send_all_to_queue(&bodies).await.unwrap();
        scene.receipt(&good, "cleaned").await;
        scene.assert_cleaned(&good).await;
        scene.log_line(&["it goes to the dead-letter queue", "JSON"]).await;
        scene.log_line(&["it goes to the dead-letter queue", "session_id"]).await;
        for garbage in ["garbage, not JSON", "without an id", "[[[["] {
            scene.dead_letter(garbage).await;
        }
        let letters = scene.stack().dead_letters().await.unwrap();
        assert!(!letters.contains(&event), "the good event is done");
    });
}
