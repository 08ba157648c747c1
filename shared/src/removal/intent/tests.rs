//! Whatever stands in an object that should be an intent.

use super::*;
use crate::aws::parse_document;
use crate::tests::fuzz::{document, is_fit_to_be_shown, whatever};
use serde_json::json;

#[test]
fn whatever_stands_where_an_intent_should_reads_back_or_is_refused() {
    let task = "arn:aws:ecs:us-east-1:000000000000:task/sessions/0123abcd";
    let group = "arn:aws:elasticloadbalancing:us-east-1:000000000000:targetgroup/sessions/0123";
    let address = json!({"ip": "10.0.0.1", "port": 8080});
    let held_by = json!({"task": {"arn": task, "session": "s-1", "authority": "given_up"}});
    let samples = [
        json!({"version": 1, "written_at": "2026-11-24T12:00:00Z", "entries": [
            {"group": group, "address": address, "held_by": held_by},
            {"group": group, "address": address, "held_by": "nobody", "assumed": true},
        ]}),
        json!({"written_at": "2026-11-24T12:00:00Z", "entries": [
            {"group": group, "address": address, "from": {"task": {"arn": task, "session": "s", "ground": "owners_word"}}},
        ]}),
    ];
    for sample in &samples {
        parse_document::<Intent>(&serde_json::to_vec(sample).unwrap()).unwrap();
    }
    whatever(|bytes: &[u8]| match parse_document::<Intent>(&document(&samples, bytes)) {
        Err(problem) => is_fit_to_be_shown(&problem),
        Ok(intent) => {
            let key = intent.key();
            assert!(key.starts_with(FOLDER) && key.matches('/').count() == 1, "{key}");
            let written = serde_json::to_vec(&intent).unwrap();
            assert_eq!(parse_document::<Intent>(&written), Ok(intent));
        }
    });
}
