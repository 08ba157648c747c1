//! What only an operator can see of a stack: queues, and what invokes its functions.

use crate::aws::aws;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use session_cleanup::doctor::{Check, CheckKind};

/// An event that waits longer than its tries may take is held up by something.
const LONG: u64 = 3_600;

/// The resources of a stack, by their ids in the template.
pub(crate) struct Resources(Vec<Value>);

impl Resources {
    pub(crate) fn of(stack: &str) -> Result<Self, String> {
        let answer = aws(&["cloudformation", "describe-stack-resources", "--stack-name", stack])?;
        Ok(Self(answer["StackResources"].as_array().cloned().unwrap_or_default()))
    }

    /// Each of a type: its id in the template, and its own name.
    fn each<'a>(&'a self, kind: &'a str) -> impl Iterator<Item = (&'a str, &'a str)> {
        let of_it = self.0.iter().filter(move |one| one["ResourceType"] == kind);
        of_it.filter_map(|one| {
            Some((one["LogicalResourceId"].as_str()?, one["PhysicalResourceId"].as_str()?))
        })
    }
}

/// Each queue, and how long its oldest message waits.
pub(crate) fn queues(resources: &Resources) -> Vec<Check> {
    let checks = resources.each("AWS::SQS::Queue").map(|(id, url)| {
        let mut arguments = vec!["sqs", "get-queue-attributes", "--queue-url", url];
        let counts = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"];
        arguments.push("--attribute-names");
        arguments.extend(counts);
        match aws(&arguments) {
            Ok(answer) => {
                let count = |name: &str| answer["Attributes"][name].as_str()?.parse().ok();
                let [waiting, in_flight] = counts.map(|name| count(name).unwrap_or(0));
                queue(id, waiting, in_flight, oldest(url))
            }
            Err(problem) => not_known(CheckKind::Queue, id, &problem),
        }
    });
    checks.collect()
}

/// The age in seconds of a queue's oldest message, as CloudWatch has it of the last minutes.
fn oldest(url: &str) -> Option<u64> {
    let name = url.rsplit('/').next()?;
    let (now, dimension) = (Timestamp::now(), format!("Name=QueueName,Value={name}"));
    let (from, to) = ((now - SignedDuration::from_mins(15)).to_string(), now.to_string());
    let mut arguments = vec!["cloudwatch", "get-metric-statistics", "--namespace", "AWS/SQS"];
    arguments.extend(["--metric-name", "ApproximateAgeOfOldestMessage", "--statistics", "Maximum"]);
    arguments.extend(["--dimensions", &dimension, "--period", "300"]);
    arguments.extend(["--start-time", &from, "--end-time", &to]);
    let answer = aws(&arguments).ok()?;
    let ages =
        answer["Datapoints"].as_array()?.iter().filter_map(|point| point["Maximum"].as_f64());
    ages.map(|age| std::time::Duration::from_secs_f64(age.max(0.0)).as_secs()).max()
}

fn queue(id: &str, waiting: u64, in_flight: u64, oldest: Option<u64>) -> Check {
    let kind = CheckKind::Queue;
    let is_of_the_dead = id.contains("DeadLetter") || id.contains("Failed");
    let found = match oldest.filter(|_| waiting + in_flight > 0) {
        None => format!("{waiting} messages wait, {in_flight} are being worked on."),
        Some(age) => {
            format!(
                "{waiting} messages wait, the oldest {} min; {in_flight} are being worked on.",
                age / 60
            )
        }
    };
    if is_of_the_dead && waiting + in_flight > 0 {
        let fix = if id.contains("DeadLetter") {
            "See EventsDeadLetteredAlarm in the runbook: find out why, and redrive them."
        } else {
            "See SweepsDeadLetteredAlarm in the runbook: find out why, and purge the queue."
        };
        return Check::red(kind, id, found, fix);
    }
    if waiting > 0 && oldest.is_some_and(|age| age > LONG) {
        let fix =
            "Events are held up: look at what invokes the function, at its errors, and at its log.";
        return Check::red(kind, id, found, fix);
    }
    Check::green(kind, id, found)
}

/// Whether each rule is enabled.
pub(crate) fn rules(resources: &Resources) -> Vec<Check> {
    let checks = resources.each("AWS::Events::Rule").map(|(id, name)| {
        let mut arguments = vec!["events", "describe-rule"];
        // A rule of a bus other than the default one has its bus in its name.
        match name.split_once('|') {
            Some((bus, rule)) => {
                arguments.extend(["--name", rule, "--event-bus-name", bus]);
            }
            None => arguments.extend(["--name", name]),
        }
        switched(
            id,
            aws(&arguments).map(|rule| rule["State"].as_str().unwrap_or("unknown").to_owned()),
        )
    });
    checks.collect()
}

/// Whether each queue still invokes the completion function.
pub(crate) fn mappings(function: &str) -> Vec<Check> {
    let arguments = ["lambda", "list-event-source-mappings", "--function-name", function];
    let mappings = match aws(&arguments) {
        Ok(answer) => answer["EventSourceMappings"].as_array().cloned().unwrap_or_default(),
        Err(problem) => return vec![not_known(CheckKind::Trigger, function, &problem)],
    };
    if mappings.is_empty() {
        let found = "No queue invokes it: no event is ever worked on.";
        let fix = "Deploy the stack again; its event source mappings are gone.";
        return vec![Check::red(CheckKind::Trigger, function, found, fix)];
    }
    let checks = mappings.iter().map(|mapping| {
        let source = mapping["EventSourceArn"].as_str().unwrap_or("?");
        let queue = source.rsplit(':').next().unwrap_or(source);
        switched(queue, Ok(mapping["State"].as_str().unwrap_or("unknown").to_owned()))
    });
    checks.collect()
}

fn switched(of: &str, state: Result<String, String>) -> Check {
    let kind = CheckKind::Trigger;
    match state {
        Err(problem) => not_known(kind, of, &problem),
        Ok(state) => match state.to_uppercase().as_str() {
            "ENABLED" => Check::green(kind, of, "It is enabled."),
            "ENABLING" | "UPDATING" | "CREATING" => {
                let fix = "Ask again in a minute.";
                Check::yellow(kind, of, format!("It is {}.", state.to_lowercase()), fix)
            }
            _ => {
                let found = format!("It is {}: nothing comes in by it.", state.to_lowercase());
                let fix =
                    "If this is a pause, end it as the runbook says; a deployment alone does not.";
                Check::red(kind, of, found, fix)
            }
        },
    }
}

fn not_known(kind: CheckKind, of: &str, problem: &str) -> Check {
    let fix = "Ask with rights that may read the stack's queues, rules and functions.";
    Check::yellow(kind, of, format!("It is not known: {problem}."), fix)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn light(check: &Check) -> String {
        check.light.to_string()
    }

    #[test]
    fn dead_letters_are_red_and_events_that_wait_their_turn_are_not() {
        assert_eq!(light(&queue("DeadLetterQueue", 1, 0, None)), "RED");
        assert_eq!(light(&queue("FailedSweepsQueue", 0, 1, None)), "RED");
        assert_eq!(light(&queue("DeadLetterQueue", 0, 0, Some(9_999))), "green");
        assert_eq!(light(&queue("Queue", 40, 10, Some(600))), "green");
        assert_eq!(light(&queue("Queue", 40, 10, Some(7_200))), "RED");
        assert_eq!(light(&queue("Queue", 40, 10, None)), "green");
    }

    #[test]
    fn what_is_switched_off_is_red_and_what_can_not_be_seen_is_not_green() {
        let of = |state: &str| light(&switched("ScheduleRule", Ok(state.to_owned())));
        assert_eq!([of("ENABLED"), of("Enabled")], ["green", "green"]);
        assert_eq!([of("DISABLED"), of("Disabling")], ["RED", "RED"]);
        assert_eq!(of("Enabling"), "yellow");
        assert_eq!(light(&switched("ScheduleRule", Err("denied".to_owned()))), "yellow");
    }
}
