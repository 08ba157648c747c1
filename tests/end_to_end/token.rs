//! A stack for containers behind a token, which `CloudFormation` reads from Secrets Manager.

use crate::one_stack::{PATIENCE, play};
use session_cleanup_tests::local_aws::{Lambda, Platform, eventually};
use session_cleanup_tests::world::TaskHandle;

const TOKEN: &str = "Bearer t0ken-0f-the-fleet";

#[test]
fn a_token_from_secrets_manager_reaches_the_container_and_no_log_and_no_receipt() {
    play(17, async |scene| {
        let secret = format!("{{\"authorization\": \"{TOKEN}\"}}");
        scene.aws().put_secret("agents/cleanup", &secret).await.unwrap();
        let platform = Platform::of(&scene.world.setup());
        let own = [
            ("ContainerAuthorization", "secretsmanager:agents/cleanup:SecretString:authorization"),
            ("UploadTimeout", "4s"),
            ("EventSource", "session.behind-a-token"),
        ];
        let stack = scene.aws().deploy("token", &platform.parameters(&own)).await;
        let stack = stack.unwrap_or_else(|error| panic!("{error}"));
        let alice = scene.session("token-alice").authorized_by(TOKEN);
        let alice = scene.start(alice).await;
        // It wants another one, and quotes what it was told.
        let bob = scene.session("token-bob").authorized_by("Bearer another");
        let bob = scene.start(bob).await;
        for session in [&alice, &bob] {
            let event = scene.world.session_ended_event(session, "completed");
            let put = stack.put_event("session.behind-a-token", "Session Ended", &event["detail"]);
            put.await.unwrap();
        }
        let receipt = async |session: &TaskHandle| {
            let key = session.receipt_key();
            let read = eventually("its receipt", PATIENCE, async || {
                Ok(stack.ledger(&key).await?.remove(&key))
            });
            read.await.unwrap_or_else(|error| panic!("{error}\n{}", scene.world.history()))
        };
        let (saved, refused) = (receipt(&alice).await, receipt(&bob).await);
        assert_eq!(saved["outcome"], "cleaned", "{saved:#}");
        scene.assert_cleaned(&alice).await;
        assert_eq!(refused["outcome"], "incomplete", "{refused:#}");
        assert!(refused["artifacts"].as_str().unwrap().contains("HTTP 401"), "{refused:#}");
        let log = eventually("the log of both", PATIENCE, async || {
            let log = stack.log_lines(Lambda::Completion).await?.concat();
            Ok((log.contains("token-alice") && log.contains("HTTP 401")).then_some(log))
        });
        let shown = [log.await.unwrap(), saved.to_string(), refused.to_string()].concat();
        assert!(!shown.contains("t0ken"), "{shown}");
    });
}
