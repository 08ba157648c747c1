//! The reaper as it is deployed, invoked through the emulator.

use crate::one_stack::{address, play};
use serde_json::json;
use session_cleanup_tests::local_aws::Lambda;
use session_cleanup_tests::world::Api;
use std::time::{Duration, Instant};
use tokio::join;

const HOUR: Duration = Duration::from_hours(1);

#[test]
fn the_deployed_reaper_answers_with_a_report_and_the_ledger_has_it() {
    play(12, async |scene| {
        let orphan = scene.session("deployed-orphan").started_ago(HOUR * 3);
        let orphan = scene.start(orphan.uploads_in(Duration::from_millis(200))).await;
        let lives = scene.session("deployed-lives");
        let lives = scene.start(lives).await;
        let zombie = address(12, 200);
        scene.world.leave_target("sessions", zombie);
        let invocations = scene.stack().invocations(Lambda::Reaper).await.unwrap();
        let sweep = async |mode: &str| {
            scene.stack().invoke(Lambda::Reaper, &json!({ "mode": mode })).await.unwrap()
        };

        let looked = sweep("report").await;
        assert_eq!(looked["mode"], "report", "{looked:#}");
        assert_eq!(looked["counts"]["orphans"], 1, "{looked:#}");
        assert_eq!(looked["tasks"][0]["action"], "would_act", "{looked:#}");
        assert!(!scene.world.is_stopping(&orphan));
        let suspects = &scene.stack().ledger("suspects.json").await.unwrap()["suspects.json"];
        assert_eq!(suspects["targets"][0]["address"]["ip"], zombie.to_string(), "{suspects}");

        let acted = sweep("enforce").await;
        assert_eq!(acted["tasks"][0]["action"], "acted", "{acted:#}");
        scene.assert_cleaned(&orphan).await;
        assert!(scene.world.is_live(&lives));
        assert!(scene.world.completion_calls(&lives).is_empty());
        let key = acted["kept_as"].as_str().unwrap();
        let kept = scene.stack().ledger(key).await.unwrap();
        assert_eq!(kept[key]["tasks"], acted["tasks"]);
        assert_eq!(kept[key]["counts"], acted["counts"]);

        let refused = scene.stack().invoke(Lambda::Reaper, &json!({"mode": "destroy"})).await;
        let refused = refused.unwrap();
        println!("{refused}");
        assert_eq!(refused["errorType"], "EventRefused");
        assert!(refused["errorMessage"].as_str().unwrap().contains("`mode`"), "{refused}");
        assert!(
            scene.stack().invocations(Lambda::Reaper).await.unwrap() >= invocations + 3,
            "the binary ran"
        );
    });
}

/// An orphan's target is deregistered only once its artifacts are safe.
#[test]
fn an_emulator_that_is_killed_while_the_reaper_acts_leaves_its_orphan_as_it_was() {
    play(13, async |scene| {
        let orphan = scene.session("power-cut-orphan").started_ago(HOUR * 3);
        let orphan = scene.start(orphan.uploads_in(Duration::from_secs(3))).await;
        let (aws, stack) = scene.take_apart();
        let since = Instant::now();
        let power_cut = async {
            scene.until("the upload", |world| world.uploads_begun(&orphan) == 1).await;
            aws.kill();
        };
        let order = json!({"mode": "enforce"});
        let (answer, ()) = join!(stack.invoke(Lambda::Reaper, &order), power_cut);
        let error = answer.unwrap_err();
        println!("{error}");
        assert!(since.elapsed() < Duration::from_secs(10), "after {:?}", since.elapsed());
        assert_eq!(scene.world.count(Api::DeregisterTargets), 0, "{}", scene.world.history());
        assert_eq!(scene.world.count(Api::StopTask), 0, "the reaper died with it");
    });
}
