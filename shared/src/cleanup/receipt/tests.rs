//! Whatever stands where a receipt, or the name of a task, should.

use super::*;
use crate::aws::parse_document;
use crate::tests::fuzz::{document, is_fit_to_be_shown, whatever};
use serde_json::{Value, json};

#[test]
fn whatever_stands_where_a_receipt_should_is_read_or_refused() {
    let samples = [
        json!({"version": 1, "session_id": "s-1", "outcome": "cleaned", "artifacts": "confirmed",
            "task": "stopped", "task_arn": "arn:aws:ecs:us-east-1:000000000000:task/sessions/0123", "notes": ["x"]}),
        json!({"session_id": "s-1", "outcome": "rejected", "artifacts": WRONG_CONTAINER, "task": "kept"}),
    ];
    whatever(|bytes: &[u8]| {
        let document = document(&samples, bytes);
        let receipt = match crate::aws::parse_of_any_version::<Receipt>(&document) {
            Err(problem) => return is_fit_to_be_shown(&problem),
            Ok(receipt) => receipt,
        };
        let same = json!({"session_id": receipt.session_id, "outcome": receipt.outcome,
            "artifacts": receipt.artifacts, "task": receipt.task});
        let same = serde_json::to_vec(&same).unwrap();
        assert_eq!(crate::aws::parse_of_any_version::<Receipt>(&same), Ok(receipt.clone()));
        let task =
            TaskArn::parse("arn:aws:ecs:us-east-1:000000000000:task/sessions/0123").unwrap().0;
        let key = key(&receipt.session_id, &task);
        assert_eq!(key.matches('/').count(), 2, "{key}");
        assert!(!key.split('/').any(|part| part == "." || part == ".."), "{key}");
    });
}

#[test]
fn whatever_stands_where_the_name_of_a_task_should_reads_back_or_is_refused() {
    let samples = [
        json!({"version": 1, "session_id": "s-1", "started_at": "2026-11-24T12:00:00Z"}),
        json!({"version": 1, "session_id": null, "started_at": null}),
        json!({"session_id": "s-1"}),
    ];
    whatever(|bytes: &[u8]| match parse_document::<NamedTask>(&document(&samples, bytes)) {
        Err(problem) => is_fit_to_be_shown(&problem),
        Ok(named) => {
            let written = serde_json::to_value(&named).unwrap();
            let again: NamedTask = serde_json::from_value(written.clone()).unwrap();
            assert_eq!(serde_json::to_value::<NamedTask>(again).unwrap(), written);
            assert!(matches!(written["session_id"], Value::String(_) | Value::Null));
        }
    });
}
