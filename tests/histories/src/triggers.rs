//! What makes the reaper sweep, as EventBridge hands it over.

use serde_json::{Value, json};

/// The schedule, at a time.
#[must_use]
pub fn scheduled(at: &str) -> Value {
    json!({
        "version": "0", "id": "00000000-0000-4000-8000-000000000001",
        "detail-type": "Scheduled Event", "source": "aws.events",
        "account": "000000000000", "time": at, "region": "us-east-1",
        "resources": ["arn:aws:events:us-east-1:000000000000:rule/reaper"], "detail": {},
    })
}

/// An alarm that has changed to a state, at a time.
#[must_use]
pub fn alarm(state: &str, at: &str) -> Value {
    json!({
        "version": "0", "id": "00000000-0000-4000-8000-000000000002",
        "detail-type": "CloudWatch Alarm State Change", "source": "aws.cloudwatch",
        "account": "000000000000", "time": at, "region": "us-east-1",
        "resources": ["arn:aws:cloudwatch:us-east-1:000000000000:alarm:cleanups-fail"],
        "detail": {
            "alarmName": "cleanups-fail",
            "state": { "value": state, "reason": "Threshold Crossed" },
            "previousState": { "value": "OK" },
        },
    })
}
