//! The edge: whatever the completion function is invoked with becomes one [`Payload`], and each
//! event in it one [`Event`], or an error that names the field and the reason. What the reaper is
//! invoked with becomes one [`ReaperEvent`], and what the inspector is asked one [`Question`].
//!
//! Nothing behind this module reads JSON that came from outside. Addresses are not read from events
//! at all: they come from ECS alone.

mod completion_event;
mod doctor;
mod error;
mod fields;
mod question;
mod session_ended;
mod sweep_request;
mod task_change;

pub use completion_event::{Event, Payload};
pub use doctor::asks_for_doctor;
pub use error::EventError;
pub use question::{AskedAbout, Question, WHAT_CAN_BE_ASKED};
pub use session_ended::{EndReason, SessionEnded, TaskReference};
pub use sweep_request::{ForceCluster, ReaperEvent, ReportKey, SweepRequest, Trigger};
pub use task_change::TaskChange;

#[cfg(test)]
mod tests;
