//! Conformance with what we did not write ourselves: AWS's service models, the events that AWS publishes, a moto
//! server, and another's evaluators of policies and patterns. The Python beside these files judges; what it judges is
//! recorded or served here.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test")]

mod emulators;
mod events;
mod judges;
mod models;
mod operations;
mod permissions;
mod planted;
mod recorder;
mod recording;
mod stories;
mod tape;

// One set of stories and one stage, which the simulation has too: here they are only listened to.
#[path = "../simulation/invoke.rs"]
#[expect(
    dead_code,
    unused_imports,
    clippy::type_complexity,
    reason = "the simulation needs more of it"
)]
mod invoke;
#[path = "../simulation/pages/play.rs"]
mod play;

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
