//! The events that the world's owners and AWS would publish.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{TaskHandle, World};

impl World {
    /// "ECS Task State Change" for a task as it is now: without tags, as AWS sends it, and for a
    /// Spot interruption without the documented `stopCode`.
    #[must_use]
    pub fn task_event(&self, session: &TaskHandle) -> Value {
        let mut detail = self.now_with(|state, now| {
            let task = state.task(&session.key).expect("a task of this world");
            state.show(task, now, false, |at| json!(at.to_string()))
        });
        if detail["stopCode"] == "SpotInterruption"
            && let Some(fields) = detail.as_object_mut()
        {
            fields.remove("stopCode");
        }
        self.envelope("aws.ecs", "ECS Task State Change", &[session.arn()], &detail)
    }

    /// "Session Ended" from the session's owner, as the default event source. It also ends the
    /// session in truth: see [`World::owner_ends`].
    #[must_use]
    pub fn session_ended_event(&self, session: &TaskHandle, reason: &str) -> Value {
        self.owner_ends(session);
        let detail = json!({
            "session_id": session.session_id(),
            "task_arn": session.arn(),
            "reason": reason,
            "ended_at": (self.now() + self.setup().owners_clock_is_ahead).to_string(),
        });
        self.envelope("session.lifecycle", "Session Ended", &[], &detail)
    }

    fn envelope(&self, source: &str, kind: &str, resources: &[&str], detail: &Value) -> Value {
        let (number, now, setup) =
            self.now_with(|state, now| (state.next(), now, state.setup.clone()));
        json!({
            "version": "0",
            "id": format!("00000000-0000-4000-8000-{number:012x}"),
            "detail-type": kind,
            "source": source,
            "account": setup.account,
            "time": whole_seconds(now),
            "region": setup.region,
            "resources": resources,
            "detail": detail,
        })
    }
}

/// `EventBridge` gives the envelope's time in whole seconds.
fn whole_seconds(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}
