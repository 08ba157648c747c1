//! The widget of the dashboard (`CloudWatch` user guide, "Details about custom widgets"): what the stored
//! reports say, as HTML. A refresh reads the ledger; it never sweeps and never asks a container. Whatever comes
//! from outside is escaped, so that no element gets in, least of all one that `CloudWatch` would act on.

use super::history::History;
use crate::config::SweepMode;
use crate::context::Context;
use crate::deadline::Deadline;
use crate::page;
use crate::sweep::report::StoredReport;
use jiff::Timestamp;
use std::fmt::{self, Display, Write as _};

/// What `CloudWatch` shows where the widget is edited.
pub(super) const DESCRIPTION: &str = "## Findings of the last sweep\nWhat is not plainly fine, and what was done \
about it: the last report that a sweep has stored. A refresh reads it again; it never sweeps. It takes no parameters.";

/// So many findings are drawn; the rest is counted.
const ROWS: usize = 40;

/// Draws it.
pub(super) async fn draw(context: &Context, deadline: Deadline) -> String {
    let history = History::read(context, 1, deadline).await;
    let now = context.clock.now();
    let interval = context.config.sweep.interval;
    let mut html = String::new();
    html.push_str(&when(&history, context.config.sweep.mode, interval, now));
    match history.of_the_last_sweep() {
        Some(kept) => html.push_str(&of_report(&kept.report, &kept.key)),
        None if history.swept_at().is_some() && history.problems.is_empty() => {
            html.push_str("<p><b>Nothing.</b> The last sweep found every task and every target plainly fine.</p>");
        }
        None => {}
    }
    for problem in &history.problems {
        let _ = write!(html, "<p><b>Not known:</b> {}</p>", Escaped(problem));
    }
    html
}

/// When the last sweep was, and in which mode sweeps are.
fn when(
    history: &History,
    mode: SweepMode,
    interval: std::time::Duration,
    now: Timestamp,
) -> String {
    let mode = match mode {
        SweepMode::Report => "<b>report</b>: sweeps only say what they would do",
        SweepMode::Enforce => "<b>enforce</b>",
    };
    let Some(at) = history.swept_at() else {
        return format!("<p>No sweep is on record. Mode: {mode}.</p>");
    };
    let is_late = crate::clock::is_longer_ago(at, interval.saturating_mul(3), now);
    let late =
        if is_late { " <b>That is too long ago: sweeps are paused, or fail.</b>" } else { "" };
    format!("<p>Last sweep: {}.{late} Mode: {mode}.</p>", Escaped(&page::time(at, now)))
}

/// The counts, the warnings and the findings of a report.
fn of_report(report: &StoredReport, key: &str) -> String {
    let count = |name: &str| report.counts[name].as_u64().unwrap_or_default();
    let mut html = format!(
        "<p><b>{} orphans</b> ({} reaped), <b>{} zombie targets</b> ({} deregistered); of {} session tasks and {} \
         targets.</p>",
        count("orphans"),
        count("reaped"),
        count("zombies"),
        count("deregistered"),
        count("session_tasks"),
        count("targets"),
    );
    if !report.warnings.is_empty() {
        let _ = write!(html, "<p><b>Warnings:</b> {}</p>", Escaped(&report.warnings.join(", ")));
    }
    for problem in report.not_decided.iter().chain(&report.problems) {
        let _ = write!(html, "<p><b>Problem:</b> {}</p>", Escaped(problem));
    }
    let tasks = report.tasks.iter().map(|task| {
        let who = task.session_id.as_deref().unwrap_or_else(|| task.task_arn.id());
        (who.to_owned(), &task.row, &task.action, &task.why, &task.result)
    });
    let targets = report.targets.iter().map(|target| {
        (target.address.to_string(), &target.row, &target.action, &target.why, &target.result)
    });
    let mut findings = tasks.chain(targets);
    let shown: Vec<_> = findings.by_ref().take(ROWS).collect();
    if !shown.is_empty() {
        html.push_str(
            "<table><tr><th>session or target</th><th>row</th><th>done</th><th>why</th></tr>",
        );
        for (who, row, action, why, result) in shown {
            let result = result.as_deref().map_or_else(String::new, |result| format!(". {result}"));
            let _ = write!(
                html,
                "<tr><td>{}</td><td>{}</td><td>{}</td><td>{}{}</td></tr>",
                Escaped(&who),
                Escaped(row),
                Escaped(action),
                Escaped(why),
                Escaped(&result),
            );
        }
        html.push_str("</table>");
    }
    let more = findings.count();
    if more > 0 {
        let _ = write!(html, "<p>And {more} more, in the report.</p>");
    }
    let _ = write!(html, "<p>Report: {}</p>", Escaped(key));
    html
}

/// A text in which nothing is HTML.
struct Escaped<'a>(&'a str);

impl Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for character in page::printable(self.0).chars() {
            match character {
                '&' => f.write_str("&amp;")?,
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '"' => f.write_str("&quot;")?,
                '\'' => f.write_str("&#39;")?,
                plain => f.write_char(plain)?,
            }
        }
        Ok(())
    }
}
