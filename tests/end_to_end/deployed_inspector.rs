//! The inspector as it is deployed, asked through the emulator.

use crate::one_stack::play;
use serde_json::{Value, json};
use session_cleanup_tests::local_aws::Lambda;
use std::time::Duration;

const HOUR: Duration = Duration::from_hours(1);

#[test]
fn the_deployed_inspector_says_why_a_task_is_spared_and_why_another_was_stopped() {
    play(15, async |scene| {
        let lives = scene.session("asked-lives");
        let lives = scene.start(lives).await;
        let old = scene.session("asked-old").started_ago(HOUR * 3);
        let old = scene.start(old.uploads_in(Duration::from_millis(200))).await;
        let ask = async |question: Value| {
            let answer = scene.stack().invoke(Lambda::Inspector, &question).await.unwrap();
            println!("{}", answer["text"].as_str().unwrap_or_default());
            answer
        };
        let before = ask(json!({"explain": "asked-old"})).await;
        assert_eq!(before["tasks"][0]["row"], "T8 too_old", "{before:#}");
        let sweep = json!({"mode": "enforce"});
        let report = scene.stack().invoke(Lambda::Reaper, &sweep).await.unwrap();

        let spared = ask(json!({"explain": lives.arn()})).await;
        assert_eq!(spared["tasks"][0]["row"], "T10 live", "{spared:#}");
        let stopped = ask(json!({"explain": old.id()})).await;
        let end = &stopped["tasks"][0]["end"]["stopped_by"];
        assert_eq!(*end, "this system, for orphan_too_old; artifacts confirmed", "{stopped:#}");
        assert_eq!(stopped["receipts"][0]["outcome"], "cleaned");
        assert_eq!(stopped["sweeps"][0]["kept_as"], report["kept_as"]);

        let sweeps = ask(json!({"sweeps": {"last": 1}})).await;
        assert_eq!(sweeps["sweeps"][0]["kept_as"], report["kept_as"]);
        let widget = scene.stack().invoke(Lambda::Inspector, &json!({"widgetContext": {}})).await;
        let widget = widget.unwrap();
        assert!(widget.as_str().unwrap().contains("asked-old"), "{widget}");
        let refused = ask(json!({"stop": old.id()})).await;
        assert!(refused["text"].as_str().unwrap().contains("What can be asked"), "{refused}");
    });
}
