//! What a sweep does about its orphans and its zombies. Each victim is looked at again right before
//! it is touched, fails alone, and takes no other's place.

mod orphans;
mod zombies;

pub(super) use orphans::{longest_plan, reap};
pub(super) use zombies::take_away;

use super::decide::Allowance;

/// What was done about one finding.
#[derive(Debug, Clone)]
pub enum Done<T> {
    /// It was worked on, and this came of it.
    Worked(T),
    /// A second look showed that it is none any longer.
    Spared(String),
    /// The blast radius is used up: the next sweep goes on.
    Waits,
    /// There was no time left: the next sweep goes on.
    OutOfTime,
    /// The work on it ended badly.
    Panicked(String),
}

impl<T> Done<T> {
    /// Of one that was not begun: why it must wait.
    fn left_over(allowance: &Allowance) -> Self {
        if allowance.free() == 0 { Self::Waits } else { Self::OutOfTime }
    }
}
