//! What a sweep tells: one document, from which a person can read why a given task or target was or
//! was not touched.

mod change;
mod counts;
mod document;
mod finding;
mod publish;
mod reason;
mod stored;

pub use counts::Counts;
pub(super) use document::{Course, Story};
pub use document::{SweepReport, Warning};
pub use finding::{Action, TargetFinding, TaskFacts, TaskFinding};
pub(super) use publish::publish;
pub use stored::{StoredReport, StoredTarget, StoredTask, StoredVerdict};
