//! An upload that takes longer than an invocation may: the container answers 202, and sweeps ask again.

use crate::one_stack::{PATIENCE, play};
use serde_json::json;
use session_cleanup_tests::local_aws::{Lambda, eventually};
use std::time::Duration;

/// The functions of the shared stack have 10 s.
const UPLOAD: Duration = Duration::from_secs(14);

#[test]
fn an_upload_longer_than_an_invocation_is_saved_by_sweeps_and_its_event_is_done_at_once() {
    play(16, async |scene| {
        let session = scene.session("long").answers_202().uploads_in(UPLOAD);
        let long = scene.start(session).await;
        scene.end(&long).await;
        let receipt = scene.receipt(&long, "awaiting_salvage").await;
        assert_eq!(receipt["artifacts"], "under_way", "{receipt:#}");
        assert!(scene.world.tags(&long).contains_key("session-ended-at"));
        let done = eventually("the event to be done", PATIENCE, async || {
            let depth = scene.stack().queue_depth().await?;
            Ok((depth.waiting + depth.in_flight == 0).then_some(()))
        });
        done.await.unwrap();
        assert!(!scene.world.is_stopping(&long) && !scene.world.has_completed(&long));
        let stopped = eventually("a sweep to save it", PATIENCE, async || {
            let sweep = json!({"mode": "enforce"});
            let report = scene.stack().invoke(Lambda::Reaper, &sweep).await?;
            assert_eq!(report["problems"], json!([]), "{report:#}");
            Ok(scene.world.is_stopping(&long).then_some(()))
        });
        stopped.await.unwrap_or_else(|error| panic!("{error}\n{}", scene.world.history()));
        scene.receipt(&long, "cleaned").await;
        scene.assert_cleaned(&long).await;
        let letters = scene.stack().dead_letters().await.unwrap();
        assert!(!letters.iter().any(|letter| letter.contains("\"long\"")), "{letters:?}");
    });
}
