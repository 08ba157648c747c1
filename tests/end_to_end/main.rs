//! The deployed chain at work: a session-end event on the bus → rule → queue → event source mapping
//! → the function's own binary → ECS, load balancer and containers of the simulated world on loopback
//! sockets. Needs `make build`.
//!
//! One emulator with one deployed stack serves all tests of this file, one after the other; each test
//! has a world of its own. See [`one_stack`].
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests fail by panicking"
)]

mod batch;
mod chain;
mod coordinator;
mod deployed_inspector;
mod deployed_reaper;
mod descriptors;
mod doctor;
mod fleet;
mod function;
mod garbage;
mod interruptions;
mod long_upload;
mod observed;
mod one_stack;
mod patrol;
mod permissions;
mod probe;
mod profiles;
mod release;
mod sweeps;
mod three_parameters;
mod token;
