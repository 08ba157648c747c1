//! The widget of the dashboard (`CloudWatch` user guide, "Details about custom widgets"): what the stored
//! reports say, as HTML. A refresh reads the ledger; it never sweeps and never asks a container. Whatever comes
//! from outside is escaped, so that no element gets in, least of all one that `CloudWatch` would act on.

use super::history::History;
use crate::config::SweepMode;
use crate::context::Context;
use crate::deadline::Deadline;
use crate::page;
use crate::sweep::report::{StoredReport, StoredVerdict};
use crate::sweep::suspects::longest_gap;
use jiff::Timestamp;
use std::fmt::{self, Display, Write as _};

/// What `CloudWatch` shows where the widget is edited.
pub(super) const DESCRIPTION: &str = "## Findings of the last sweep\nEach finding, and what was done about it: \
the last report that a sweep has stored. A refresh reads it again; it never sweeps. It takes no parameters.";

/// So many findings are drawn; the rest is counted.
const ROWS: usize = 40;

/// Draws it.
pub(super) async fn draw(context: &Context, deadline: Deadline) -> String {
    let history = History::read_the_last_sweep(context, deadline).await;
    let now = context.clock.now();
    let interval = context.config.sweep.interval;
    let mut html = String::new();
    html.push_str(&when(&history, context.config.sweep.mode, interval, now));
    match history.of_the_last_sweep() {
        Some(kept) => html.push_str(&of_report(&kept.report, &kept.key)),
        None if history.found_nothing() => {
            html.push_str(
                "<p><b>Nothing.</b> The last sweep found nothing that needs attention.</p>",
            );
        }
        None if history.swept_at().is_some() && history.problems.is_empty() => {
            html.push_str(
                "<p><b>Its report is not there:</b> the sweep is still under way, or it did not finish.</p>",
            );
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
        return format!("<p>No sweep is recorded. Mode: {mode}.</p>");
    };
    let is_late = now.duration_since(at) > longest_gap(interval);
    let late =
        if is_late { " <b>That is too long ago: sweeps are paused, or fail.</b>" } else { "" };
    format!("<p>Last sweep: {}.{late} Mode: {mode}.</p>", Escaped(&page::time(at, now)))
}

/// The counts, the warnings and the findings of a report.
fn of_report(report: &StoredReport, key: &str) -> String {
    let count = |name: &str| report.counts[name].as_u64().unwrap_or_default();
    let mut html = format!(
        "<p><b>{}</b>, {} left running. <b>{}</b>, {} left registered. Looked at: {}, {}.</p>",
        several(count("orphans"), "orphan"),
        count("orphans_remaining"),
        several(count("zombies"), "zombie target"),
        count("zombies_remaining"),
        several(count("session_tasks"), "session task"),
        several(count("targets"), "target"),
    );
    if !report.warnings.is_empty() {
        let _ = write!(html, "<p><b>Warnings:</b> {}</p>", Escaped(&report.warnings.join(", ")));
    }
    for problem in report.not_decided.iter().chain(&report.problems) {
        let _ = write!(html, "<p><b>Problem:</b> {}</p>", Escaped(problem));
    }
    let mut findings: Vec<_> = report.findings().collect();
    // What was only looked at comes last.
    findings.sort_by_key(|(_, verdict)| verdict.action == "kept");
    let more = findings.len().saturating_sub(ROWS);
    findings.truncate(ROWS);
    if !findings.is_empty() {
        html.push_str(
            "<table><tr><th>session or target</th><th>done</th><th>why</th><th>row</th></tr>",
        );
        for (who, StoredVerdict { row, action, why, result, .. }) in findings {
            let result = result.as_deref().map_or_else(String::new, |result| format!("; {result}"));
            let _ = write!(
                html,
                "<tr><td>{}</td><td>{}</td><td>{}{}</td><td>{}</td></tr>",
                Escaped(&who),
                Escaped(action),
                Escaped(why),
                Escaped(&result),
                Escaped(row),
            );
        }
        html.push_str("</table>");
    }
    if more > 0 {
        let _ = write!(html, "<p>And {more} more, in the report.</p>");
    }
    let _ = write!(html, "<p>Report: {}</p>", Escaped(key));
    html
}

/// A number of things.
fn several(count: u64, thing: &str) -> String {
    if count == 1 { format!("1 {thing}") } else { format!("{count} {thing}s") }
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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    /// What the page may be made of, and nothing else: no attribute, so no link, no style, no event.
    const ALLOWED: [&str; 12] =
        ["p", "/p", "b", "/b", "table", "/table", "tr", "/tr", "th", "/th", "td", "/td"];

    fn report_of(text: &str) -> StoredReport {
        let task = "arn:aws:ecs:us-east-1:123456789012:task/c/0123456789abcdef0123456789abcdef";
        let group =
            "arn:aws:elasticloadbalancing:us-east-1:123456789012:targetgroup/g/0123456789abcdef";
        let finding = json!({"row": text, "why": text, "action": text, "result": text});
        let (mut of_task, mut of_target) = (finding.clone(), finding);
        of_task["task_arn"] = json!(task);
        of_task["session_id"] = json!(text);
        of_target["group"] = json!(group);
        of_target["address"] = json!({"ip": "10.0.0.1", "port": 8080});
        let report = json!({"mode": text, "warnings": [text], "not_decided": [text], "problems": [text],
            "counts": {"orphans": text}, "tasks": [of_task], "targets": [of_target]});
        serde_json::from_value(report).unwrap()
    }

    proptest! {
        #[test]
        fn whatever_a_report_says_is_text_and_no_element(
            text in "(<|>|&|\"|'|/|cwdb-action|script|img src=x onerror=|[ -~]|\\PC|\\pC){0,40}",
        ) {
            let html = of_report(&report_of(&text), &text);
            for element in html.split('<').skip(1) {
                let (name, after) = element.split_once('>').unwrap_or((element, "<"));
                prop_assert!(ALLOWED.contains(&name), "<{name}> in {html}");
                prop_assert!(!after.contains(['>', '"', '\'']), "{html}");
            }
            let plain: Vec<&str> = html.split('&').skip(1).collect();
            for entity in plain {
                let known = ["amp;", "lt;", "gt;", "quot;", "#39;"];
                prop_assert!(known.iter().any(|known| entity.starts_with(known)), "{html}");
            }
            prop_assert!(html.chars().all(|c| !c.is_control()), "{html:?}");
        }
    }
}
