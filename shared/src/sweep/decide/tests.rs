//! The tests of the decision tables.
//!
//! - [`fixtures`]: one time, the documented defaults, and names; [`sentences`]: scenes with one thing
//!   that is wrong; [`scene`]: whole observations at random;
//! - [`tasks`], [`targets`], [`leases`]: each row, each condition of it, and its borders;
//! - [`forecast`]: what time alone makes of a task;
//! - [`plan`], [`memories`]: what is put together from them, and what one sweep tells the next;
//! - [`properties`]: what holds for all observations; [`oracle`]: both tables and the limits once more, as they
//!   are written.

pub(crate) mod fixtures;
mod forecast;
mod leases;
mod memories;
mod oracle;
mod plan;
mod properties;
mod scene;
mod sentences;
mod targets;
mod tasks;
