//! What CI plays of histories: a fixed set, a fresh one, those that broke a promise once, and small worlds with
//! every kind of fault. `make simulate` plays many more.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod determinism;
mod exhaustive;
mod found;
mod search;
mod shrinking;
