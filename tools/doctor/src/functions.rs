//! A stack's functions: whether they may run, and what they find when they are asked.

use crate::aws::{aws, invoke};
use serde_json::{Value, json};
use session_cleanup::doctor::{Check, CheckKind, DoctorReport, Examined};
use std::thread::sleep;
use std::time::Duration;

/// The reaper is busy while it sweeps: so often it is asked again, with such pauses.
const TRIES: usize = 13;
const PAUSE: Duration = Duration::from_secs(20);

/// What came of asking a function.
pub(crate) struct Answered {
    /// What can be seen of it from outside.
    pub(crate) checks: Vec<Check>,
    /// What it says of itself.
    pub(crate) report: Option<DoctorReport>,
}

/// Asks a function, unless a pause keeps it from answering.
pub(crate) fn ask(function: Examined, name: &str) -> Answered {
    let arguments = ["lambda", "get-function-concurrency", "--function-name", name];
    let reserved = aws(&arguments).map(|answer| answer["ReservedConcurrentExecutions"].as_u64());
    let is_paused = reserved == Ok(Some(0));
    let mut checks = vec![concurrency(function, name, reserved)];
    if is_paused {
        return Answered { checks, report: None };
    }
    let answer = patiently(|| invoke(name, &json!({"doctor": {}})), PAUSE);
    let report = answer.and_then(|answer| {
        report_in(&answer, function).ok_or_else(|| format!("it answered no report: {answer}"))
    });
    match report {
        Ok(report) => Answered { checks, report: Some(report) },
        Err(problem) => {
            let fix = "Look at its log; and whether you may invoke it (lambda:InvokeFunction).";
            let found = format!("It did not answer its doctor: {problem}.");
            checks.push(Check::red(CheckKind::Trigger, name, found, fix));
            Answered { checks, report: None }
        }
    }
}

fn patiently(
    mut ask: impl FnMut() -> Result<Value, String>,
    pause: Duration,
) -> Result<Value, String> {
    let is_busy = |problem: &String| problem.contains("TooManyRequestsException");
    for _ in 1..TRIES {
        match ask() {
            Err(problem) if is_busy(&problem) => sleep(pause),
            answer => return answer,
        }
    }
    ask()
}

/// The report of a function in what it answered: the inspector answers those of others, too.
fn report_in(answer: &Value, function: Examined) -> Option<DoctorReport> {
    let own = serde_json::from_value(answer.clone()).ok();
    if let Some(report) = own.filter(|report: &DoctorReport| report.function == function) {
        return Some(report);
    }
    match answer {
        Value::Array(all) => all.iter().find_map(|one| report_in(one, function)),
        Value::Object(all) => all.values().find_map(|one| report_in(one, function)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
    }
}

fn concurrency(function: Examined, name: &str, reserved: Result<Option<u64>, String>) -> Check {
    let kind = CheckKind::Concurrency;
    match (reserved, function) {
        (Err(problem), _) => {
            let fix = "Allow yourself lambda:GetFunctionConcurrency.";
            Check::yellow(kind, name, format!("It is not known: {problem}."), fix)
        }
        (Ok(Some(0)), _) => {
            let found = "It is paused: its reserved concurrency is 0, and it does nothing.";
            let fix = "End the pause as the runbook says; a deployment alone does not.";
            Check::red(kind, name, found, fix)
        }
        (Ok(reserved), Examined::Reaper) if reserved != Some(1) => {
            let found = "Its reserved concurrency is not 1: two sweeps may run at once.";
            let fix = format!(
                "aws lambda put-function-concurrency --function-name {name} --reserved-concurrent-executions 1"
            );
            Check::red(kind, name, found, fix)
        }
        (Ok(None), _) => {
            Check::green(kind, name, "Nothing is reserved, and nothing keeps it from running.")
        }
        (Ok(Some(reserved)), _) => {
            Check::green(kind, name, format!("Its reserved concurrency is {reserved}."))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pause_is_red_and_so_are_two_sweeps_at_once() {
        let light =
            |function, reserved| concurrency(function, "it", Ok(reserved)).light.to_string();
        assert_eq!(light(Examined::Completion, Some(0)), "RED");
        assert_eq!(light(Examined::Completion, None), "green");
        assert_eq!(light(Examined::Reaper, None), "RED");
        assert_eq!(light(Examined::Reaper, Some(1)), "green");
        let unknown = concurrency(Examined::Reaper, "it", Err("denied".to_owned()));
        assert_eq!(unknown.light.to_string(), "yellow");
    }

    #[test]
    fn a_function_that_is_busy_is_asked_again_and_one_that_fails_is_not() {
        let mut asked = 0;
        let answer = patiently(
            || {
                asked += 1;
                if asked < 3 {
                    Err("TooManyRequestsException: busy".to_owned())
                } else {
                    Ok(json!(7))
                }
            },
            Duration::ZERO,
        );
        assert_eq!((answer, asked), (Ok(json!(7)), 3));
        let mut asked = 0;
        let failed = patiently(
            || {
                asked += 1;
                Err("it is broken".to_owned())
            },
            Duration::ZERO,
        );
        assert!(failed.is_err());
        assert_eq!(asked, 1);
    }
}
