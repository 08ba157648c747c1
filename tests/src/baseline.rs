//! What `make baseline` prints: from the log of a week in the mode `observe`, session by session, the owner's own
//! way and what the completion function would have done.

use comfy_table::{ContentArrangement, Table, presets::ASCII_MARKDOWN};
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use serde_json::{Deserializer, Value};
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// One line of the completion function's log, where it says what was observed.
#[derive(Debug, Deserialize)]
#[serde(tag = "observed", rename_all = "snake_case")]
enum Line {
    SessionEnded {
        session_id: String,
        task_arn: Option<String>,
        ended_at: Timestamp,
        would: String,
        why: String,
    },
    TaskStopped {
        session_id: Option<String>,
        task_arn: String,
        stopping_at: Option<Timestamp>,
        stopped_at: Option<Timestamp>,
        target: String,
        marker: String,
    },
    Refused {
        why: String,
    },
    Nothing,
}

/// A session, by its task: what its owner said, and what became of the task.
#[derive(Debug, Default)]
struct Session {
    id: Option<String>,
    ended: Option<Ended>,
    stopped: Option<Stopped>,
}

#[derive(Debug)]
struct Ended {
    at: Timestamp,
    /// Whether its event or a listing named a task.
    of_a_task: bool,
    would: String,
    why: String,
}

#[derive(Debug)]
struct Stopped {
    stopping_at: Option<Timestamp>,
    target: String,
    marker: String,
}

impl Session {
    /// How long its owner was at it: from the session's end to the stop of its task, which comes last.
    fn blocked(&self) -> Option<SignedDuration> {
        let (ended, stopped) = (self.ended.as_ref()?, self.stopped.as_ref()?);
        if ended.would == "reject" {
            // Its event names another session's task.
            return None;
        }
        let blocked = stopped.stopping_at?.duration_since(ended.at);
        (blocked >= SignedDuration::ZERO).then_some(blocked)
    }

    /// When it ended, as far as anyone said.
    fn at(&self) -> Option<Timestamp> {
        let stopped = || self.stopped.as_ref().and_then(|stopped| stopped.stopping_at);
        self.ended.as_ref().map(|ended| ended.at).or_else(stopped)
    }

    fn left(&self) -> String {
        let Some(stopped) = &self.stopped else {
            let left = if self.runs_on() { "its task runs on" } else { "-" };
            return left.to_owned();
        };
        let target = match stopped.target.as_str() {
            "registered" => Some("its target"),
            "unknown" => Some("target unknown"),
            _ => None,
        };
        let marker = match stopped.marker.as_str() {
            "absent" => Some("no marker in S3"),
            "unknown" => Some("marker unknown"),
            _ => None,
        };
        let left: Vec<&str> = [target, marker].into_iter().flatten().collect();
        if left.is_empty() { "nothing".to_owned() } else { left.join(", ") }
    }

    /// Whether its owner has ended it, and its task has not stopped, as far as the log goes.
    fn runs_on(&self) -> bool {
        let is_ours = |ended: &Ended| ended.of_a_task && ended.would != "acknowledge";
        self.stopped.is_none() && self.ended.as_ref().is_some_and(is_ours)
    }

    fn would(&self) -> String {
        match &self.ended {
            Some(ended) if ended.would == "clean_up" => ended.why.clone(),
            Some(ended) => format!("{}: {}", ended.would, ended.why),
            None => "no event of its end: look when its task had stopped".to_owned(),
        }
    }
}

/// What was observed, whole.
#[derive(Debug, Default)]
pub struct Baseline {
    by_task: BTreeMap<String, Session>,
    /// Events whose task nobody knows.
    without_task: BTreeMap<(String, Timestamp), Session>,
    refused: Vec<String>,
}

impl Baseline {
    /// Reads a log: every JSON object in it that says what was observed, whatever stands around it. `sam logs`
    /// puts the stream and the time before an object, and spreads it over many lines.
    #[must_use]
    pub fn read(log: &str) -> Self {
        let mut baseline = Self::default();
        let mut rest = log;
        while let Some(object) = rest.find('{').and_then(|at| rest.get(at..)) {
            let mut objects = Deserializer::from_str(object).into_iter::<Value>();
            rest = match objects.next() {
                Some(Ok(value)) => {
                    if let Ok(line) = Line::deserialize(value) {
                        baseline.add(line);
                    }
                    object.get(objects.byte_offset()..).unwrap_or_default()
                }
                Some(Err(_)) | None => object.get(1..).unwrap_or_default(),
            };
        }
        baseline
    }

    fn add(&mut self, line: Line) {
        match line {
            Line::SessionEnded { session_id, task_arn, ended_at, would, why } => {
                let ended = Ended { at: ended_at, of_a_task: task_arn.is_some(), would, why };
                let Some(task) = task_arn else {
                    let session =
                        self.without_task.entry((session_id.clone(), ended_at)).or_default();
                    session.id = Some(session_id);
                    session.ended = Some(ended);
                    return;
                };
                let session = self.by_task.entry(task).or_default();
                session.id = Some(session_id);
                // The first counts: EventBridge may deliver twice.
                session.ended.get_or_insert(ended);
            }
            Line::TaskStopped { session_id, task_arn, stopping_at, stopped_at, target, marker } => {
                let session = self.by_task.entry(task_arn).or_default();
                session.id = session.id.take().or(session_id);
                let stopping_at = stopping_at.or(stopped_at);
                // The last counts: what an event from before its very end says is not the end.
                session.stopped = Some(Stopped { stopping_at, target, marker });
            }
            Line::Refused { why } => self.refused.push(why),
            Line::Nothing => {}
        }
    }

    /// How long the owner of a session was blocked, where that was observed.
    #[must_use]
    pub fn blocked(&self, session: &str) -> Option<SignedDuration> {
        let mut sessions = self.by_task.values();
        sessions.find(|known| known.id.as_deref() == Some(session))?.blocked()
    }

    fn sessions(&self) -> Vec<&Session> {
        let mut sessions: Vec<&Session> =
            self.by_task.values().chain(self.without_task.values()).collect();
        sessions.sort_by_key(|session| session.at());
        sessions
    }

    /// The table and the sums, for a terminal.
    #[must_use]
    pub fn text(&self) -> String {
        let sessions = self.sessions();
        if sessions.is_empty() && self.refused.is_empty() {
            return "Nothing was observed: is CompletionMode=observe, and do events come?\n"
                .to_owned();
        }
        let mut table = Table::new();
        table.load_style(ASCII_MARKDOWN).set_content_arrangement(ContentArrangement::Dynamic);
        table.set_width(116);
        table.set_header(["session", "blocked", "left behind", "this system would"]);
        for session in &sessions {
            table.add_row([
                session.id.clone().unwrap_or_else(|| "(not known)".to_owned()),
                session.blocked().map_or("-".to_owned(), seconds),
                session.left(),
                session.would(),
            ]);
        }
        let mut text = format!("{table}\n\n");
        let blocked: Vec<SignedDuration> =
            sessions.iter().filter_map(|session| session.blocked()).collect();
        let sum: SignedDuration = blocked.iter().sum();
        let figures = [
            ("sessions whose end an owner reported", count(&sessions, |s| s.ended.is_some())),
            ("tasks that stopped without such an event", count(&sessions, |s| s.ended.is_none())),
            (
                "targets left registered",
                count(&sessions, |s| is(s, |left| left.target == "registered")),
            ),
            (
                "sessions without a marker in S3",
                count(&sessions, |s| is(s, |left| left.marker == "absent")),
            ),
            ("tasks that run on after their event", count(&sessions, Session::runs_on)),
            ("events that would be dead-lettered", self.dead_letters(&sessions)),
        ];
        for (what, number) in figures {
            let _ = writeln!(text, "  {number:>7}  {what}");
        }
        let _ = writeln!(
            text,
            "  {:>7}  median of the time that owners were blocked",
            median(&blocked)
        );
        let _ = writeln!(
            text,
            "  {:>7}  in all; with this system an owner waits for one PutEvents",
            seconds(sum)
        );
        for why in &self.refused {
            let _ = writeln!(text, "  would be dead-lettered: {why}");
        }
        text
    }

    fn dead_letters(&self, sessions: &[&Session]) -> usize {
        let rejected =
            |session: &Session| session.ended.as_ref().is_some_and(|ended| ended.would == "reject");
        self.refused.len() + count(sessions, rejected)
    }
}

fn is(session: &Session, holds: impl Fn(&Stopped) -> bool) -> bool {
    session.stopped.as_ref().is_some_and(holds)
}

fn count(sessions: &[&Session], holds: impl Fn(&Session) -> bool) -> usize {
    sessions.iter().filter(|session| holds(session)).count()
}

/// Of an even number, the middle between the two in the middle.
fn median(times: &[SignedDuration]) -> String {
    let mut times = times.to_vec();
    times.sort_unstable();
    let upper = times.get(times.len() / 2);
    let lower = times.get(times.len().saturating_sub(1) / 2);
    match (lower, upper) {
        (Some(lower), Some(upper)) => seconds((*lower + *upper) / 2),
        (None, _) | (_, None) => "-".to_owned(),
    }
}

fn seconds(time: SignedDuration) -> String {
    format!("{:.1} s", time.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(log: &str) -> String {
        Baseline::read(log).text()
    }

    #[test]
    fn the_sample_prints_what_the_documentation_shows() {
        let sample = include_str!("../samples/observed-week.log");
        let page = include_str!("../../docs/rollout.md");
        let printed = text(sample);
        assert!(page.contains(printed.trim_end()), "docs/rollout.md should show:\n{printed}");
    }

    #[test]
    fn what_sam_spreads_over_many_lines_is_read_as_well() {
        let spread = |line: &str| match serde_json::from_str::<Value>(line) {
            Ok(value) => format!("2026/11/26/[$LATEST]09 2026-11-26T07:40:33 {value:#}\n"),
            Err(_) => format!("{line} {{\n"),
        };
        let sample = include_str!("../samples/observed-week.log");
        let by_sam: String = sample.lines().map(spread).collect();
        assert_eq!(text(&by_sam), text(sample));
    }

    #[test]
    fn a_log_without_such_lines_says_what_is_missing() {
        assert!(text("START RequestId: 1\n{\"level\":\"INFO\"}\n").contains("CompletionMode"));
    }

    #[test]
    fn an_event_that_comes_twice_counts_once_and_the_first_counts() {
        let line = |at: &str| {
            format!(
                "{{\"observed\":\"session_ended\",\"session_id\":\"a\",\"task_arn\":\"t\",\
                 \"ended_at\":\"{at}\",\"would\":\"clean_up\",\"why\":\"stop its task\"}}\n"
            )
        };
        let stopped = "{\"observed\":\"task_stopped\",\"task_arn\":\"t\",\"stopping_at\":\
                       \"2026-11-02T09:00:10Z\",\"target\":\"gone\",\"marker\":\"present\"}\n";
        let log = [line("2026-11-02T09:00:00Z"), line("2026-11-02T09:00:09Z"), stopped.to_owned()];
        let printed = text(&log.concat());
        assert!(printed.contains("10.0 s  in all"), "{printed}");
        assert!(printed.contains("1  sessions whose end"), "{printed}");
    }

    /// An event of a session, and of the stop of its task so many seconds later.
    fn pair(task: &str, would: &str, blocked: u32, target: &str) -> String {
        format!(
            "{{\"observed\":\"session_ended\",\"session_id\":\"s-{task}\",\"task_arn\":\"{task}\",\
             \"ended_at\":\"2026-11-02T09:00:00Z\",\"would\":\"{would}\",\"why\":\"-\"}}\n\
             {{\"observed\":\"task_stopped\",\"task_arn\":\"{task}\",\"stopping_at\":\
             \"2026-11-02T09:00:{blocked:02}Z\",\"target\":\"{target}\",\"marker\":\"present\"}}\n"
        )
    }

    #[test]
    fn the_median_of_two_lies_between_them_and_a_rejected_event_measures_nothing() {
        let log = [pair("a", "clean_up", 2, "gone"), pair("b", "clean_up", 8, "gone")].concat();
        let printed = text(&(log + &pair("c", "reject", 50, "gone")));
        assert!(printed.contains("5.0 s  median"), "{printed}");
        assert!(printed.contains("10.0 s  in all"), "{printed}");
    }

    #[test]
    fn what_a_later_line_says_of_a_tasks_end_counts() {
        let early = pair("a", "clean_up", 2, "registered");
        let late = pair("a", "clean_up", 2, "gone");
        assert!(text(&(early + &late)).contains("0  targets left registered"));
    }

    #[test]
    fn an_event_of_no_task_of_ours_leaves_no_task_that_runs_on() {
        let nobody = "{\"observed\":\"session_ended\",\"session_id\":\"nobody\",\"ended_at\":\
                      \"2026-11-02T09:00:20Z\",\"would\":\"reject\",\"why\":\"no task\"}\n";
        let printed = text(&[nobody, nobody].concat());
        assert!(printed.contains("0  tasks that run on"), "{printed}");
        assert!(printed.contains("1  events that would be dead-lettered"), "{printed}");
    }

    #[test]
    fn what_an_owner_sent_only_after_it_had_cleaned_up_measures_nothing() {
        let log = "{\"observed\":\"session_ended\",\"session_id\":\"a\",\"task_arn\":\"t\",\
                   \"ended_at\":\"2026-11-02T09:00:20Z\",\"would\":\"judge\",\"why\":\"over\"}\n\
                   {\"observed\":\"task_stopped\",\"task_arn\":\"t\",\"stopping_at\":\
                   \"2026-11-02T09:00:10Z\",\"target\":\"gone\",\"marker\":\"present\"}\n";
        assert!(text(log).contains("0.0 s  in all"), "{}", text(log));
    }
}
