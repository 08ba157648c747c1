//! What the functions cost must not creep up unseen. Nothing here depends on how fast the machine is: what is
//! counted is allocations, bytes, instructions. A figure that has to grow for a good reason is changed here, and
//! the reason goes into the commit.
//!
//! Calls to AWS and times in virtual time have their limits in the simulation (`timing.rs`, `drain.rs`), and
//! descriptors in the end-to-end tests.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod allocations;
mod binaries;
