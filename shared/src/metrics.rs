//! How it is measured: CloudWatch embedded metric format, one JSON line on standard output, which
//! CloudWatch Logs turns into metrics without a call of ours.

use crate::aws::ApiUse;
use crate::cleanup::{Cause, Report};
use crate::clock::Clock;
use crate::session::SessionId;
use crate::sweep::report::{SweepReport, Warning};
use serde_json::{Map, Value, json};
use std::fmt;
use std::sync::Arc;

/// The namespace of all metrics.
pub const NAMESPACE: &str = "FargateSessionCleanup";

type Sink = Arc<dyn Fn(&str) + Send + Sync>;

/// Writes metrics.
#[derive(Clone)]
pub struct Metrics {
    clock: Clock,
    sink: Sink,
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Metrics")
    }
}

enum Unit {
    Count,
    Milliseconds,
}

impl Unit {
    fn word(&self) -> &'static str {
        match self {
            Self::Count => "Count",
            Self::Milliseconds => "Milliseconds",
        }
    }
}

impl Metrics {
    /// Metrics on standard output, where Lambda's log collection finds them.
    #[must_use]
    pub fn to_stdout(clock: &Clock) -> Self {
        Self::new(clock, |line| println!("{line}"))
    }

    /// Metrics that go, line by line, to `sink`.
    pub fn new(clock: &Clock, sink: impl Fn(&str) + Send + Sync + 'static) -> Self {
        Self { clock: clock.clone(), sink: Arc::new(sink) }
    }

    /// One session's plan: its outcome, its duration and those of its steps.
    pub fn session(&self, report: &Report) {
        let mut figures =
            vec![("CleanupDuration".to_owned(), report.duration_ms, Unit::Milliseconds)];
        let outcome = camel_case(report.outcome.as_str());
        figures.push((format!("Outcome{outcome}"), 1, Unit::Count));
        // The circuit breaker's figure. An orphan's plan is left out: the breaker calls for a sweep,
        // and the sweep is already there.
        let fails = match &report.cause {
            Cause::Ended { .. } | Cause::TaskChanged { .. } => report.outcome.is_unfinished(),
            Cause::Orphan { .. } => false,
        };
        figures.push(("CleanupFailures".to_owned(), u64::from(fails), Unit::Count));
        for step in &report.steps {
            let name = format!("{}Duration", camel_case(step.name));
            figures.push((name, step.duration_ms, Unit::Milliseconds));
        }
        self.write(figures, &[("session_id", json!(report.session_id))]);
    }

    /// A session's artifacts are given up, or were found lost.
    pub fn artifacts_lost(&self, session: &SessionId) {
        self.write(
            vec![("ArtifactsLost".to_owned(), 1, Unit::Count)],
            &[("session_id", json!(session))],
        );
    }

    /// A live session's target was registered again.
    pub fn put_back(&self) {
        self.write(vec![("PutBacks".to_owned(), 1, Unit::Count)], &[]);
    }

    /// One sweep.
    pub fn sweep(&self, report: &SweepReport) {
        let count = |name: &str, figure: usize| {
            (name.to_owned(), u64::try_from(figure).unwrap_or(u64::MAX), Unit::Count)
        };
        let warned = |name, warning| count(name, usize::from(report.warnings.contains(&warning)));
        let counts = &report.counts;
        self.write(
            vec![
                ("SweepDuration".to_owned(), report.duration_ms, Unit::Milliseconds),
                count("OrphansFound", counts.orphans),
                count("OrphansReaped", counts.reaped),
                count("ZombiesFound", counts.zombies),
                count("ZombiesTakenAway", counts.taken_away),
                count("ForeignTargets", counts.foreign),
                count("MisroutedTargets", counts.misrouted),
                count("UnroutedTasks", counts.unrouted),
                count("UnidentifiedTasks", counts.unidentified),
                warned("LeasesLapsing", Warning::LeasesLapsing),
                warned("ReapLimitReached", Warning::LimitReached),
                warned("SweepsIncomplete", Warning::Incomplete),
                warned("SweepsTruncated", Warning::Truncated),
                count("SweepProblems", report.problems.len() + report.intents.problems.len()),
            ],
            &[],
        );
    }

    /// An event was refused.
    pub fn event_refused(&self) {
        self.write(vec![("EventsRefused".to_owned(), 1, Unit::Count)], &[]);
    }

    /// What one invocation used of AWS's APIs.
    pub fn api_use(&self, used: ApiUse) {
        self.write(
            vec![
                ("ApiCalls".to_owned(), used.calls, Unit::Count),
                ("ApiThrottles".to_owned(), used.throttles, Unit::Count),
            ],
            &[],
        );
    }

    fn write(&self, figures: Vec<(String, u64, Unit)>, properties: &[(&str, Value)]) {
        let definitions: Vec<Value> = figures
            .iter()
            .map(|(name, _, unit)| json!({ "Name": name, "Unit": unit.word() }))
            .collect();
        let mut line = Map::new();
        line.insert(
            "_aws".to_owned(),
            json!({
                "Timestamp": self.clock.now().as_millisecond(),
                "CloudWatchMetrics": [
                    { "Namespace": NAMESPACE, "Dimensions": [[]], "Metrics": definitions }
                ],
            }),
        );
        for (name, figure, _) in figures {
            line.insert(name, json!(figure));
        }
        for (name, value) in properties {
            line.insert((*name).to_owned(), value.clone());
        }
        (self.sink)(&Value::Object(line).to_string());
    }
}

fn camel_case(words: &str) -> String {
    words
        .split('_')
        .filter_map(|word| {
            let (first, rest) = word.split_at_checked(1)?;
            Some(format!("{}{rest}", first.to_ascii_uppercase()))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cleanup::{
        Artifacts, OrphanCause, Outcome, Review, SalvageWindow, TargetFate, TaskFate,
    };
    use std::sync::Mutex;

    /// The one line that `write` writes.
    fn line(write: impl FnOnce(&Metrics)) -> Value {
        let lines: Arc<Mutex<Vec<String>>> = Arc::default();
        let seen = Arc::clone(&lines);
        let metrics = Metrics::new(&Clock::default(), move |line| {
            seen.lock().unwrap().push(line.to_owned());
        });
        write(&metrics);
        let lines = lines.lock().unwrap();
        assert_eq!(lines.len(), 1);
        serde_json::from_str(&lines[0]).unwrap()
    }

    fn report(outcome: Outcome, cause: Cause) -> Report {
        Report {
            session_id: None,
            task_arn: None,
            outcome,
            cause,
            reason: None,
            request_id: None,
            at: Clock::default().now(),
            duration_ms: 7,
            artifacts: Artifacts::Unknown,
            target: TargetFate::Untouched,
            task: TaskFate::Unknown,
            notes: Vec::new(),
            steps: Vec::new(),
        }
    }

    #[test]
    fn a_plan_that_left_something_to_do_counts_as_a_failure_unless_a_sweep_made_it() {
        let failures = |outcome, cause| {
            line(|metrics| metrics.session(&report(outcome, cause)))["CleanupFailures"].clone()
        };
        let died = || Cause::TaskChanged { version: 1 };
        let orphan = Cause::Orphan {
            session: SessionId::parse("s-1").unwrap(),
            cause: OrphanCause::TooOld,
            salvage: SalvageWindow::Open,
            review: Review::new(|_| Ok(())),
        };
        assert_eq!(failures(Outcome::AwaitingSalvage, died()), 1);
        assert_eq!(failures(Outcome::Incomplete, died()), 1);
        for fine in [Outcome::Cleaned, Outcome::ArtifactsLost, Outcome::Rejected] {
            assert_eq!(failures(fine, died()), 0, "{fine}");
        }
        assert_eq!(failures(Outcome::AwaitingSalvage, orphan), 0);
    }

    #[test]
    fn a_metric_is_one_line_in_embedded_metric_format() {
        let line = line(|metrics| metrics.artifacts_lost(&SessionId::parse("s-1").unwrap()));
        assert_eq!(line["ArtifactsLost"], 1);
        assert_eq!(line["session_id"], "s-1");
        let definition = &line["_aws"]["CloudWatchMetrics"][0];
        assert_eq!(definition["Namespace"], NAMESPACE);
        assert_eq!(definition["Metrics"][0]["Name"], "ArtifactsLost");
        assert!(line["_aws"]["Timestamp"].as_i64().unwrap() > 1_700_000_000_000);
    }

    #[test]
    fn names_of_steps_and_outcomes_become_metric_names() {
        assert_eq!(camel_case("verify_target"), "VerifyTarget");
        assert_eq!(camel_case("already_clean"), "AlreadyClean");
    }
}
