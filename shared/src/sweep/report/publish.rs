//! Putting a sweep's report on record: in the ledger, in the metrics, in the log.

use super::counts::Counts;
use super::document::SweepReport;
use crate::context::Context;
use crate::deadline::Deadline;

/// `CloudWatch` Logs takes 256 KiB a line.
const LONGEST_LINE: usize = 100_000;

/// Puts `report` on record, and answers with it and where it is.
pub(in crate::sweep) async fn publish(
    context: &Context,
    report: SweepReport,
    deadline: Deadline,
) -> SweepReport {
    let report = keep(context, report, deadline).await;
    let document = [("sweep", report.document(LONGEST_LINE))];
    context.metrics.write(&report.figures(), &document);
    log(&report);
    report
}

/// An object of the ledger, where anything was found.
async fn keep(context: &Context, report: SweepReport, deadline: Deadline) -> SweepReport {
    if !report.found_anything() {
        return report;
    }
    let key = format!("sweeps/{}-{:016x}.json", report.started_at.as_second(), fastrand::u64(..));
    let document = report.clone().kept_as(&key);
    match deadline.answer(context.aws.ledger.create(&key, &document)).await {
        Ok(_etag) => document,
        Err(problem) => report.not_kept(&problem),
    }
}

fn log(report: &SweepReport) {
    let SweepReport { counts, duration_ms, warnings, kept_as, .. } = report;
    let Counts { orphans, reaped, zombies, deregistered, .. } = counts;
    tracing::info!(
        orphans,
        reaped,
        zombies,
        deregistered,
        duration_ms,
        ?warnings,
        kept_as,
        "swept"
    );
    let problems = report.not_decided.iter().chain(&report.problems);
    for problem in problems.chain(&report.intents.problems) {
        tracing::error!(%problem, "the sweep is not whole");
    }
}
