use super::answer::{Answer, problems, section};
use super::history::{History, Kept};
use crate::config::SweepMode;
use crate::context::Context;
use crate::deadline::Deadline;
use crate::page;
use crate::sweep::report::{StoredReport, StoredVerdict};
use jiff::Timestamp;
use serde::Serialize;

/// What the last sweeps found.
#[derive(Debug, Serialize)]
pub(super) struct LastSweeps {
    /// When the last sweep began; `None`: no sweep is on record.
    last_sweep_at: Option<Timestamp>,
    /// The mode of scheduled sweeps.
    mode: SweepMode,
    /// The reports, the newest first.
    sweeps: Vec<StoredSweep>,
    /// What could not be read.
    problems: Vec<String>,
    #[serde(skip)]
    now: Timestamp,
}

/// One report, and where it is kept.
#[derive(Debug, Serialize)]
struct StoredSweep {
    kept_as: String,
    /// How many of its findings are left out here.
    left_out: usize,
    #[serde(flatten)]
    report: StoredReport,
}

/// So many findings of the newest report are answered; its key says where all of them are.
const FINDINGS: usize = 200;

impl StoredSweep {
    /// Of the newest its findings, as far as they fit into an answer; of the others what they counted.
    fn of((place, Kept { key: kept_as, mut report }): (usize, Kept)) -> Self {
        let most = if place == 0 { FINDINGS } else { 0 };
        let found = report.tasks.len() + report.targets.len();
        report.tasks.truncate(most);
        report.targets.truncate(most.saturating_sub(report.tasks.len()));
        let left_out = found - report.tasks.len() - report.targets.len();
        Self { kept_as, left_out, report }
    }
}

/// The last sweeps, as far as they are on record: one that finds nothing leaves no report.
pub(super) async fn answer(context: &Context, last: usize, deadline: Deadline) -> LastSweeps {
    let history = History::read(context, last, deadline).await;
    LastSweeps {
        last_sweep_at: history.swept_at(),
        mode: context.config.sweep.mode,
        sweeps: history.reports.into_iter().enumerate().map(StoredSweep::of).collect(),
        problems: history.problems,
        now: context.clock.now(),
    }
}

impl Answer for LastSweeps {
    fn text(&self) -> String {
        let last = match self.last_sweep_at {
            Some(at) => format!("The last sweep began at {}.", page::time(at, self.now)),
            None => "No sweep is recorded.".to_owned(),
        };
        let sweeps = self.sweeps.iter().map(|sweep| {
            let StoredReport { started_at, mode, counts, warnings, .. } = &sweep.report;
            let count = |name: &str| {
                counts[name].as_u64().map_or_else(|| "-".to_owned(), |n| n.to_string())
            };
            [
                started_at.map_or_else(|| "-".to_owned(), |at| page::time(at, self.now)),
                mode.clone(),
                format!("{} ({})", count("orphans"), count("reaped")),
                format!("{} ({})", count("zombies"), count("deregistered")),
                warnings.join(", "),
                sweep.kept_as.clone(),
            ]
        });
        let header = ["began", "mode", "orphans (reaped)", "zombies (gone)", "warnings", "kept as"];
        let table = if self.sweeps.is_empty() {
            String::new()
        } else {
            page::table_to_copy_from(header, sweeps)
        };
        let newest = self.sweeps.first();
        let findings = newest.map(|sweep| findings(&sweep.report)).unwrap_or_default();
        let left_out = match newest {
            Some(StoredSweep { left_out, kept_as, .. }) if *left_out > 0 => {
                format!("And {left_out} more, in {kept_as}.\n")
            }
            Some(_) | None => String::new(),
        };
        format!("{last} A sweep that finds nothing leaves no report.\n")
            + &section("Reports, the newest first", &table)
            + &section("What the newest found", &findings)
            + &left_out
            + &problems(&self.problems)
    }
}

/// The findings of one report; empty where there are none.
fn findings(report: &StoredReport) -> String {
    let rows: Vec<[String; 4]> = report
        .findings()
        .map(|(who, verdict)| [who, verdict.row.clone(), verdict.action.clone(), told(verdict)])
        .collect();
    if rows.is_empty() {
        return String::new();
    }
    page::table(["session or target", "row", "action", "why, and what came of it"], rows)
}

/// Why, and what came of it.
pub(super) fn told(StoredVerdict { why, result, .. }: &StoredVerdict) -> String {
    match result {
        Some(result) => format!("{why}. {result}"),
        None => why.clone(),
    }
}
