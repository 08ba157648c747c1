//! Everything the tests stand on: the simulated world (ECS, ELBv2, S3 and the session
//! containers) and what shows the system at work in it.
//!
//! - [`world`]: one deterministic state machine behind the wire protocols. In process it answers
//!   the production AWS SDK clients in virtual time; see [`World::caller`].
//! - [`served`]: the same world on real loopback sockets, in real time.
//! - [`alarms`]: the alarms of the template, over what is published in virtual time.
//! - [`baseline`]: what `make baseline` makes of a log of the mode `observe`.
//! - [`demo`]: what `make demo` shows.
//! - [`local_aws`]: the rest of AWS as an emulator, with *the* template deployed into it.
//! - [`markup`]: text among tags, for the wire and for what is to be looked at.
//! - [`pages`]: what the pages quote, taken out of them.
//! - [`template`]: the template as SAM transforms it.
//!
//! The world never depends on the code under test: it judges what it sees on the wire.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::missing_panics_doc,
    reason = "test apparatus: a broken world must stop the test"
)]

pub mod alarms;
pub mod baseline;
pub mod demo;
pub mod local_aws;
pub mod markup;
pub mod pages;
pub mod served;
pub mod template;
pub mod world;

pub use world::World;
