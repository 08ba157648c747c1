use crate::aws::Aws;
use crate::clock::Clock;
use crate::config::Config;
use crate::deadline::Deadline;
use crate::metrics::Metrics;
use std::time::SystemTime;

/// What a function keeps from one invocation to the next.
#[derive(Debug)]
pub struct Setting {
    /// The configuration.
    pub config: Config,
    /// The world.
    pub aws: Aws,
    /// The wall clock.
    pub clock: Clock,
    /// Where figures go.
    pub metrics: Metrics,
}

impl Setting {
    /// The moment by which an invocation must have answered, from Lambda's own deadline.
    #[must_use]
    pub fn deadline(&self, lambda: SystemTime) -> Deadline {
        Deadline::new(self.clock.instant_of(lambda), self.config.timeouts.deadline_margin)
    }
}
