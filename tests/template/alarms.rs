//! Alarms: that they can ring, and for the right thing.

use crate::{all, properties};
use serde_json::{Value, json};
use session_cleanup::metrics::{DIMENSION, METRICS, NAMESPACE};
use std::collections::BTreeSet;

const RUNBOOK: &str = include_str!("../../docs/runbook.md");

/// What may pass.
const IN_A_ROW: [&str; 8] = [
    "ForeignInARow",
    "IncompleteInARow",
    "PendingInARow",
    "ProblemsInARow",
    "RunOnInARow",
    "TruncatedInARow",
    "UnidentifiedInARow",
    "ZombiesRemainInARow",
];

/// Whether the functions write a metric of this name: one that is never written never rings.
pub(crate) fn is_written(metric: &str) -> bool {
    METRICS.iter().any(|known| known.name == metric)
}

/// The alarms on a metric.
fn alarms_on(metric: &str) -> Vec<&'static Value> {
    let alarms = all("AWS::CloudWatch::Alarm").into_iter().map(|(_, properties)| properties);
    alarms.filter(|alarm| alarm["MetricName"] == metric).collect()
}

pub(crate) fn page() -> Value {
    json!({"Fn::If": ["HasAlarmTopic", [{"Ref": "AlarmTopicArn"}], {"Ref": "AWS::NoValue"}]})
}

pub(crate) fn ticket() -> Value {
    json!({"Fn::If": ["HasTicketTopic", [{"Ref": "TicketTopicArn"}], page()]})
}

/// Without a second topic tickets go to the first.
#[test]
fn every_alarm_says_what_it_means_and_tells_of_its_begin_and_its_end() {
    for (name, alarm) in all("AWS::CloudWatch::Alarm") {
        let says = alarm["AlarmDescription"].as_str().unwrap_or_default();
        assert!(says.len() > 20, "{name} says {says:?}");
        let tells = &alarm["AlarmActions"];
        assert!([page(), ticket()].contains(tells), "{name}: {tells}");
        assert_eq!(alarm["OKActions"], *tells, "{name}");
    }
}

/// Two stacks in one account and Region would mute each other, and set off each other's reaper.
#[test]
fn every_alarm_is_on_a_metric_that_is_written_and_on_this_stacks_alone() {
    let stack = json!([{"Name": DIMENSION, "Value": {"Ref": "AWS::StackName"}}]);
    for (name, alarm) in all("AWS::CloudWatch::Alarm") {
        if alarm["Namespace"] == NAMESPACE {
            let metric = alarm["MetricName"].as_str().unwrap();
            assert!(is_written(metric), "{name} is on {metric}, which nobody writes");
            assert_eq!(alarm["Dimensions"], stack, "{name}");
        } else {
            assert_eq!(alarm["Dimensions"].as_array().unwrap().len(), 1, "{name}");
        }
    }
    assert!(!is_written("OrphansFounded") && !is_written("OutcomeGreat"), "the test can fail");
}

#[test]
fn everything_that_people_are_warned_of_has_an_alarm() {
    for metric in [
        "ArtifactsLost",
        "CleanupFailures",
        "LeasesLapsing",
        "RoutesBroken",
        "ContainersNotAsked",
        "TasksReused",
        "MisroutedTargets",
        "OrphansRemainInARow",
        "LastAttemptsFailed",
        "ArtifactsUnreadable",
        "OutcomeOutOfScope",
        "OutcomeUnknown",
        "ReRegistrations",
        "BlastRadiusReached",
        "SweepDuration",
    ]
    .iter()
    .chain(&IN_A_ROW)
    {
        assert_eq!(alarms_on(metric).len(), 1, "{metric}");
    }
}

/// The counts are the sweeps' own, so that the alarms ring whatever the interval is.
#[test]
fn what_may_pass_rings_when_two_sweeps_in_a_row_saw_it_however_far_apart_they_are() {
    for metric in IN_A_ROW {
        let [alarm] = *alarms_on(metric) else { panic!("{metric} has one alarm") };
        assert_eq!(alarm["EvaluationPeriods"], 1, "{metric}");
        assert_eq!((&alarm["Threshold"], &alarm["Statistic"]), (&json!(2), &json!("Maximum")));
        assert_eq!(alarm["ComparisonOperator"], "GreaterThanOrEqualToThreshold", "{metric}");
    }
}

/// In all other alarms silence is good news: nothing has happened.
#[test]
fn silence_rings_for_sweeps_and_for_nothing_else() {
    for (name, alarm) in all("AWS::CloudWatch::Alarm") {
        let is_of_sweeps = name == "NoSweepAlarm";
        let expected = if is_of_sweeps { "missing" } else { "notBreaching" };
        assert_eq!(alarm["TreatMissingData"], expected, "{name}");
        let rings = alarm.get("InsufficientDataActions");
        assert_eq!(rings, is_of_sweeps.then_some(&alarm["AlarmActions"]), "{name}");
    }
    let silence = properties("NoSweepAlarm");
    assert_eq!(silence["MetricName"], "SweepDuration");
    assert_eq!(silence["Statistic"], "SampleCount");
    assert_eq!(silence["ComparisonOperator"], "LessThanThreshold");
    assert_eq!(silence["Threshold"], 1, "where there is a sweep, there is one");
}

#[test]
fn failures_that_lambda_tells_of_ring_for_both_functions_and_all_queues_of_failures() {
    let watched = |metric| -> BTreeSet<String> {
        let dimensions =
            alarms_on(metric).into_iter().map(|alarm| &alarm["Dimensions"][0]["Value"]);
        dimensions.map(Value::to_string).collect()
    };
    let reference = |name: &str| json!({"Ref": name}).to_string();
    let functions = ["CompletionFunction", "ReaperFunction"].map(reference);
    assert_eq!(watched("Errors"), BTreeSet::from(functions));
    let name = |queue: &str| json!({"Fn::GetAtt": [queue, "QueueName"]}).to_string();
    let queues = ["DeadLetterQueue", "FailedSweepsQueue"].map(name);
    assert_eq!(watched("ApproximateNumberOfMessagesVisible"), BTreeSet::from(queues));
    let queues = ["Queue", "EndingTasksQueue"].map(name);
    assert_eq!(watched("ApproximateAgeOfOldestMessage"), BTreeSet::from(queues));
    // Each sweep that is due while another runs is throttled at first: that is how one runs at a time.
    assert_eq!(watched("Throttles"), BTreeSet::from([reference("CompletionFunction")]));
}

/// The alarms that have a section in the runbook.
fn sections() -> BTreeSet<&'static str> {
    let headings = RUNBOOK.lines().filter_map(|line| line.strip_prefix("## "));
    headings.filter(|heading| heading.ends_with("Alarm")).collect()
}

/// Whoever is woken finds what it means and what to do, under the alarm's own name.
#[test]
fn every_alarm_has_its_section_in_the_runbook_and_every_section_its_alarm() {
    let alarms: BTreeSet<_> =
        all("AWS::CloudWatch::Alarm").into_iter().map(|(name, _)| name).collect();
    assert_eq!(sections(), alarms);
    for alarm in alarms {
        let link = format!("[{alarm}](#{})", alarm.to_lowercase());
        assert!(RUNBOOK.contains(&link), "{alarm} is missing in the runbook's table of alarms");
        let section = RUNBOOK.split("\n## ").find(|text| text.starts_with(alarm)).unwrap();
        assert!(section.len() > 200, "{alarm}: what it means, what to look at, what to do");
    }
}

/// Whoever is woken knows at once whether it was right to be woken.
#[test]
fn each_section_says_first_whether_its_alarm_pages_someone_or_is_a_ticket() {
    for (name, alarm) in all("AWS::CloudWatch::Alarm") {
        let word = if alarm["AlarmActions"] == page() { "**Page.**" } else { "**Ticket.**" };
        let (_, section) = RUNBOOK.split_once(&format!("\n## {name}\n\n")).unwrap();
        assert!(section.starts_with(word), "{name} begins with {:?}", section.lines().next());
    }
}
