//! What makes the reaper sweep, and how often.

use crate::{all, default_of, list, properties, seconds};
use serde_json::{Value, json};

const RULES: [&str; 2] = ["ScheduleRule", "CleanupsFailRule"];

fn arn(resource: &str) -> Value {
    json!({"Fn::GetAtt": [resource, "Arn"]})
}

#[test]
fn one_sweep_runs_at_a_time_and_the_next_one_is_its_only_retry() {
    assert_eq!(properties("ReaperFunction")["ReservedConcurrentExecutions"], 1);
    let asynchronous = properties("ReaperFunctionEventInvokeConfig");
    assert_eq!(asynchronous["FunctionName"], json!({"Ref": "ReaperFunction"}));
    assert_eq!(asynchronous["MaximumRetryAttempts"], 0);
    let oldest = asynchronous["MaximumEventAgeInSeconds"].as_u64().unwrap();
    assert!(oldest <= seconds("SweepInterval"), "after that the next sweep is due anyway");
}

#[test]
fn a_sweep_that_failed_is_kept_in_an_encrypted_queue_that_nobody_else_can_fill() {
    let queue = arn("FailedSweepsQueue");
    let destination = &properties("ReaperFunctionEventInvokeConfig")["DestinationConfig"];
    assert_eq!(destination["OnFailure"]["Destination"], queue);
    assert_eq!(properties("FailedSweepsQueue")["SqsManagedSseEnabled"], true);
    for rule in RULES {
        for target in list(&properties(rule)["Targets"]) {
            assert_eq!(target["DeadLetterConfig"]["Arn"], queue, "{rule}");
        }
    }

    let policy = properties("FailedSweepsQueuePolicy");
    assert_eq!(policy["Queues"], json!([{"Ref": "FailedSweepsQueue"}]));
    let mut statements = list(&policy["PolicyDocument"]["Statement"]);
    statements.retain(|statement| statement["Effect"] == "Allow");
    assert_eq!(statements.len(), 1);
    assert_eq!(statements[0]["Principal"], json!({"Service": "events.amazonaws.com"}));
    let ours = json!({"ArnEquals": {"aws:SourceArn": RULES.map(arn)}});
    assert_eq!(statements[0]["Condition"], ours);

    // Lambda sends in the function's name, so its role must be allowed to.
    let role = list(&properties("ReaperRole")["Policies"][0]["PolicyDocument"]["Statement"]);
    let sends = role.into_iter().find(|statement| statement["Action"] == "sqs:SendMessage");
    assert_eq!(sends.expect("the role may send")["Resource"], queue);
}

#[test]
fn the_rules_that_invoke_the_reaper_are_allowed_to_and_nobody_else_is() {
    for rule in RULES {
        let targets = list(&properties(rule)["Targets"]);
        assert!(targets.iter().all(|target| target["Arn"] == arn("ReaperFunction")), "{rule}");
    }
    let mut allowed = Vec::new();
    for (name, permission) in all("AWS::Lambda::Permission") {
        assert_eq!(permission["FunctionName"], json!({"Ref": "ReaperFunction"}), "{name}");
        assert_eq!(permission["Action"], "lambda:InvokeFunction", "{name}");
        assert_eq!(permission["Principal"], "events.amazonaws.com", "{name}");
        allowed.push(&permission["SourceArn"]);
    }
    assert_eq!(allowed.len(), RULES.len());
    for rule in RULES {
        assert!(allowed.contains(&&arn(rule)), "{rule} may not invoke the reaper");
    }
}

#[test]
fn the_schedule_is_the_interval_that_the_reaper_is_told() {
    assert_eq!(properties("ScheduleRule")["ScheduleExpression"], json!({"Ref": "SweepSchedule"}));
    let schedule = default_of("SweepSchedule").as_str().unwrap();
    let minutes = schedule.strip_prefix("rate(").and_then(|rest| rest.strip_suffix(" minutes)"));
    let minutes: u64 = minutes.expect("a rate in minutes").parse().unwrap();
    assert_eq!(minutes * 60, seconds("SweepInterval"));
    assert_eq!(seconds("NoSweepPeriod"), 3 * seconds("SweepInterval"), "what makes suspects stale");
}

#[test]
fn a_sweep_ends_before_the_next_begins_and_has_time_for_more_than_one_plan() {
    let timeout = seconds("ReaperTimeout");
    assert!(timeout < seconds("SweepInterval"));
    let steps =
        ["ProbeTimeout", "IdentifyTimeout", "UploadTimeout", "TargetTimeout", "StopTimeout"];
    let cleanup: u64 = steps.iter().map(|step| seconds(step)).sum();
    let cleanup = cleanup + 2 * seconds("ReceiptTimeout");
    assert!(timeout > 2 * cleanup + seconds("DeadlineMargin"), "a cleanup may take {cleanup} s");
}

#[test]
fn failing_cleanups_and_events_that_are_given_up_make_the_reaper_sweep_at_once() {
    let pattern = &properties("CleanupsFailRule")["EventPattern"];
    assert_eq!(pattern["source"], json!(["aws.cloudwatch"]));
    assert_eq!(pattern["detail-type"], json!(["CloudWatch Alarm State Change"]));
    let alarms = ["CleanupFailuresAlarm", "EventsDeadLetteredAlarm"].map(arn);
    assert_eq!(pattern["resources"], json!(alarms));
    assert_eq!(pattern["detail"], json!({"state": {"value": ["ALARM"]}}));
    let failures = properties("CleanupFailuresAlarm");
    assert_eq!(failures["MetricName"], "CleanupFailures");
    assert_eq!(failures["Threshold"], json!({"Ref": "CleanupFailuresAtLeast"}));
}
