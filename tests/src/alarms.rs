//! The alarms of the template, evaluated over what is published as metrics: of a stack that lived in virtual time, by
//! what AWS documents of CloudWatch.
//!
//! - [`cloudwatch`]: how an alarm is evaluated.
//! - [`declared`]: the alarms as the template declares them.
//! - `printed`: what the lines that functions print publish.

pub mod cloudwatch;
pub mod declared;
mod printed;

pub use cloudwatch::{
    ASSUMPTIONS, Alarm, Assumptions, Change, MetricId, Missing, Published, State,
};
pub use declared::{alarm, alarms};
