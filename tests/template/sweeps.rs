//! What makes the reaper sweep, and how often.

use crate::{TEMPLATE, all, default_of, list, properties, seconds};
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
    assert!(oldest <= seconds("SweepEvery"), "after that the next sweep is due anyway");
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

/// One parameter says how often, and all else follows from it.
#[test]
fn at_each_cadence_schedule_and_periods_are_those_of_the_interval() {
    let rule = &properties("ScheduleRule")["ScheduleExpression"];
    let mapped = json!({"Fn::FindInMap": ["Sweeps", {"Ref": "SweepEvery"}, "Schedule"]});
    assert_eq!(*rule, json!({"Fn::If": ["HasAnotherSchedule", {"Ref": "SweepSchedule"}, mapped]}));
    let cadences = TEMPLATE["Parameters"]["SweepEvery"]["AllowedValues"].as_array().unwrap();
    let sweeps = TEMPLATE["Mappings"]["Sweeps"].as_object().unwrap();
    assert_eq!(sweeps.len(), cadences.len());
    for cadence in cadences {
        let cadence = cadence.as_str().unwrap();
        let of = &sweeps[cadence];
        let minutes: u64 = cadence.strip_suffix('m').unwrap().parse().unwrap();
        assert_eq!(of["Schedule"], format!("rate({minutes} minutes)"));
        assert_eq!(of["AlarmPeriod"], 2 * 60 * minutes, "{cadence}");
        let silence =
            of["SilencePeriod"].as_u64().unwrap() * of["SilencePeriods"].as_u64().unwrap();
        // The longest sweep after a short one, a late turn and late figures are no silence.
        let longest_gap = 60 * minutes + seconds("ReaperTimeout") + 60 + 90;
        let promised = 3 * 60 * minutes + 600;
        assert!(silence > longest_gap && silence + 300 <= promised, "{cadence}: {silence} s");
        let about_an_hour = (of["OrphansRemain"].as_u64().unwrap() - 1) * minutes;
        assert!((45..=60).contains(&about_an_hour), "{cadence}: {about_an_hour} min");
    }
}

/// Whoever changes one of them alone would have sweeps that never see anything twice.
#[test]
fn another_schedule_comes_with_its_interval_and_neither_is_there_by_default() {
    for parameter in ["SweepSchedule", "SweepInterval"] {
        assert_eq!(default_of(parameter), "", "{parameter}");
    }
    let rule = &TEMPLATE["Rules"]["AnotherScheduleHasItsInterval"]["Assertions"][0]["Assert"];
    let empty = |parameter| json!({"Fn::Equals": [{"Ref": parameter}, ""]});
    let set = |parameter| json!({"Fn::Not": [empty(parameter)]});
    let (schedule, interval) = ("SweepSchedule", "SweepInterval");
    let neither = json!({"Fn::And": [empty(schedule), empty(interval)]});
    let both = json!({"Fn::And": [set(schedule), set(interval)]});
    assert_eq!(*rule, json!({"Fn::Or": [neither, both]}));
}

#[test]
fn a_sweep_ends_before_the_next_begins_and_has_time_for_more_than_one_plan() {
    let timeout = seconds("ReaperTimeout");
    assert!(timeout < seconds("SweepEvery"));
    let steps =
        ["ProbeTimeout", "IdentifyTimeout", "UploadTimeout", "TargetTimeout", "StopTimeout"];
    let cleanup: u64 = steps.iter().map(|step| seconds(step)).sum();
    let cleanup = cleanup + 2 * seconds("ReceiptTimeout");
    assert!(timeout > 2 * cleanup + seconds("DeadlineMargin"), "a cleanup may take {cleanup} s");
}

#[test]
fn failing_cleanups_and_last_attempts_make_the_reaper_sweep_at_once() {
    let pattern = &properties("CleanupsFailRule")["EventPattern"];
    assert_eq!(pattern["source"], json!(["aws.cloudwatch"]));
    assert_eq!(pattern["detail-type"], json!(["CloudWatch Alarm State Change"]));
    let alarms = ["CleanupFailuresAlarm", "LastAttemptsFailedAlarm"].map(arn);
    assert_eq!(pattern["resources"], json!(alarms));
    assert_eq!(pattern["detail"], json!({"state": {"value": ["ALARM"]}}));
    // One message may stay in the dead-letter queue for two weeks, and would mute the breaker as long.
    let last = properties("LastAttemptsFailedAlarm");
    assert_eq!(
        (&last["MetricName"], &last["Statistic"]),
        (&json!("LastAttemptsFailed"), &json!("Sum"))
    );
    let failures = properties("CleanupFailuresAlarm");
    assert_eq!(failures["MetricName"], "CleanupFailures");
    assert_eq!(failures["Threshold"], json!({"Ref": "CleanupFailuresAtLeast"}));
}
