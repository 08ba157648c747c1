//! Whatever stands where a report should.

use super::*;
use crate::aws::parse_document;
use crate::tests::fuzz::{document, is_fit_to_be_shown, whatever};
use serde_json::json;

#[test]
fn whatever_stands_where_a_report_should_reads_back_or_is_refused() {
    let samples = [json!({
        "version": 1, "mode": "report", "trigger": "schedule", "started_at": "2026-11-24T12:00:00Z",
        "duration_ms": 1_234, "warnings": ["leases_lapsing"], "counts": {"orphans": 1}, "not_decided": ["x"],
        "problems": [],
        "tasks": [{"task_arn": "arn:aws:ecs:us-east-1:000000000000:task/sessions/0123", "session_id": "s-1",
            "row": "T4 ended", "why": "x", "change": null, "action": "would_act", "result": null,
            "evidence": {"address": "10.0.0.1", "probe": "done"}}],
        "targets": [{"group": "arn:aws:elasticloadbalancing:us-east-1:000000000000:targetgroup/sessions/0123",
            "address": {"ip": "10.0.0.1", "port": 8080}, "row": "G5 zombie", "why": "x", "action": "would_wait",
            "probe": "silent", "holder": "arn:aws:ecs:us-east-1:000000000000:task/sessions/0123"}],
    })];
    parse_document::<StoredReport>(&serde_json::to_vec(&samples[0]).unwrap()).unwrap();
    whatever(|bytes: &[u8]| {
        let report = match parse_document::<StoredReport>(&document(&samples, bytes)) {
            Err(problem) => return is_fit_to_be_shown(&problem),
            Ok(report) => report,
        };
        assert_eq!(report.findings().count(), report.tasks.len() + report.targets.len());
        let written = serde_json::to_value(&report).unwrap();
        let again: StoredReport = serde_json::from_value(written.clone()).unwrap();
        assert_eq!(serde_json::to_value(&again).unwrap(), written);
    });
}
