//! Messages that nobody can understand.

use serde_json::{Value, json};

/// The one of this number.
pub(super) fn garbage(kind: u8) -> Value {
    match kind {
        0 => json!("not an event"),
        1 => {
            json!({"detail-type": "Session Ended", "source": "session.lifecycle", "detail": {"reason": "completed"}})
        }
        _ => json!({"detail-type": "Session Ended", "detail": {"session_id": 7}}),
    }
}
