//! What a function finds when it examines itself: whether its role, its network and its configuration fit
//! what is there. It looks, and tries what can do no harm; it changes nothing but its own report.

mod page;
mod report;

pub use page::page;
pub use report::{Check, CheckKind, DoctorReport, Examined, Light, Lights};

use serde_json::{Value, json};

/// What is answered, and kept: the report, and beside it the page as it is read at once.
#[must_use]
pub fn document(report: &DoctorReport) -> Value {
    let mut document = json!(report);
    document["text"] = json!(page(std::slice::from_ref(report), report.examined_at));
    document
}
