//! What a function keeps from one invocation to the next.

use crate::aws::{Aws, HttpSeam, Pace};
use crate::clock::Clock;
use crate::config::{Config, ConfigError};
use crate::container::SessionContainers;
use crate::deadline::Deadline;
use crate::metrics::Metrics;
use std::time::SystemTime;

/// Configuration, and everything that reaches the world.
#[derive(Debug)]
pub struct Context {
    /// The configuration.
    pub config: Config,
    /// AWS.
    pub aws: Aws,
    /// Session containers, by their addresses.
    pub containers: SessionContainers,
    /// The wall clock.
    pub clock: Clock,
    /// Where figures go.
    pub metrics: Metrics,
}

impl Context {
    /// Connects a deployed function: Region, credentials and endpoints as `aws-config` finds them.
    ///
    /// # Errors
    /// [`ConfigError`] when the certificate authorities can't be read.
    pub async fn connect(config: Config, pace: Pace) -> Result<Self, ConfigError> {
        let clock = Clock::default();
        let seam = HttpSeam::https(&config.scope.home)?;
        let aws = Aws::connect(&config, &clock, &seam, pace).await;
        let containers = SessionContainers::new(&seam, &config, &clock);
        let metrics = Metrics::to_stdout(&clock, &config.stack_name);
        Ok(Self { config, aws, containers, clock, metrics })
    }

    /// The moment by which an invocation must have answered, from Lambda's own deadline.
    #[must_use]
    pub fn deadline(&self, lambda: SystemTime) -> Deadline {
        Deadline::at(self.clock.instant_of(lambda)).earlier(self.config.timeouts.deadline_margin)
    }
}
