//! The template as it is deployed, by SAM into the emulator. Needs `make build`.

use crate::ROOT;
use crate::refused::{DO_NOT_GO_TOGETHER, WORKS};
use serde_json::{Value, json};
use session_cleanup_tests::local_aws::LocalAws;

#[tokio::test]
async fn the_deployed_rules_take_what_is_ours_and_nothing_else() {
    // Nobody is called: any address will do.
    let aws = LocalAws::start("template", "http://127.0.0.1:9").await.unwrap();
    let [sessions, more] = ["sessions", "more"]
        .map(|name| format!("arn:aws:ecs:us-east-1:000000000000:cluster/{name}"));
    let clusters = format!("{sessions},{more}");
    // The emulator takes both, and evaluates neither.
    let parameters = [
        ("Clusters", clusters.as_str()),
        ("PermissionsBoundaryArn", "arn:aws:iam::000000000000:policy/boundary"),
        (
            "KmsKeyArn",
            "arn:aws:kms:us-east-1:000000000000:key/0123abcd-0123-0123-0123-0123456789ab",
        ),
    ];
    let parameters: Vec<_> = WORKS.iter().skip(1).chain(&parameters).copied().collect();
    let stack = aws.deploy("rules", &parameters).await.unwrap_or_else(|error| panic!("{error}"));
    let sample = |name: &str| -> Value {
        serde_json::from_slice(&std::fs::read(format!("{ROOT}/events/{name}.json")).unwrap())
            .unwrap()
    };
    let changed = |name: &str, path: &str, value: Value| {
        let mut event = sample(name);
        *event.pointer_mut(path).unwrap() = value;
        event
    };
    let pattern = stack.event_pattern("CleanupsFailRule").await.unwrap();
    let alarms: Vec<_> = pattern["resources"].as_array().unwrap().clone();
    assert_eq!(alarms.len(), 2, "{pattern}");
    // An alarm of ours, in another state.
    let alarm_is = |state: &str| {
        let mut event = changed("alarm-state-change", "/resources/0", alarms[0].clone());
        *event.pointer_mut("/detail/state/value").unwrap() = json!(state);
        event
    };
    let mut without_reason = sample("task-stopped");
    without_reason["detail"].as_object_mut().unwrap().remove("stoppedReason").unwrap();

    for (taken, why, event) in [
        (true, "an end", sample("session-ended")),
        (true, "an end without task", sample("session-ended-without-task-arn")),
        (true, "a death", sample("task-stopped")),
        (true, "a death without a reason", without_reason),
        (true, "a Spot warning", sample("task-stopping-spot")),
        (false, "our own stop", sample("our-own-stop")),
        (true, "the second cluster", changed("task-stopped", "/detail/clusterArn", json!(more))),
        (false, "another source", changed("session-ended", "/source", json!("someone.else"))),
        (false, "another account", changed("session-ended", "/account", json!("111111111111"))),
        (false, "another type", changed("session-ended", "/detail-type", json!("Session Began"))),
        (false, "a service's task", changed("task-stopped", "/detail/group", json!("service:web"))),
        (
            false,
            "another cluster",
            changed(
                "task-stopped",
                "/detail/clusterArn",
                json!("arn:aws:ecs:us-east-1:000000000000:cluster/x"),
            ),
        ),
        (
            false,
            "a task that runs",
            changed("task-stopping-spot", "/detail/desiredStatus", json!("RUNNING")),
        ),
        (
            true,
            "cleanups that fail",
            changed("alarm-state-change", "/resources/0", alarms[0].clone()),
        ),
        (
            true,
            "events dead-lettered",
            changed("alarm-state-change", "/resources/0", alarms[1].clone()),
        ),
        (false, "cleanups that no longer fail", alarm_is("OK")),
        (false, "cleanups that nobody counts", alarm_is("INSUFFICIENT_DATA")),
        (false, "an alarm of another stack", sample("alarm-state-change")),
    ] {
        assert_eq!(stack.is_taken_by_a_rule(&event).await.unwrap(), taken, "{why}");
    }
}

/// By rules, and by parameters: `CloudFormation` says what is wanted instead.
#[tokio::test]
async fn a_stack_that_can_not_work_is_refused_before_it_exists() {
    let aws = LocalAws::start("refused", "http://127.0.0.1:9").await.unwrap();
    let by_itself: [(&[(&str, &str)], &str); 3] = [
        (&[("UploadTimeout", "0s")], "must be a duration"),
        (&[("EventSource", "aws.ecs")], "must be a source of your own"),
        (&[("Families", "session,*")], "must be family names"),
    ];
    for (changes, says) in DO_NOT_GO_TOGETHER.into_iter().chain(by_itself) {
        let unchanged =
            WORKS.iter().filter(|(name, _)| changes.iter().all(|(other, _)| other != name));
        // SAM takes no empty value, and all of these are empty by default.
        let given = unchanged.chain(changes).filter(|(_, value)| !value.is_empty());
        let parameters: Vec<_> = given.copied().collect();
        let refused = aws.deploy("refused", &parameters).await.unwrap_err().to_string();
        assert!(refused.contains(says), "{says}: {refused}");
    }
}
