//! How fast we call ECS. AWS refills a bucket of requests for each account and Region, and everyone
//! takes from it: owners start sessions and renew leases. We are guests, and take our turns.

use super::stop_turns::{STOPS, StopTurns, Turn};
use crate::config::Percent;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// AWS's published rates (ECS developer guide, "Request throttling"), each a burst and a refill a
/// second: `DescribeTasks`, `ListTasks` and other reads share one.
const READS: (f64, f64) = (100.0, 20.0);

/// The most tasks of one page of `ListTasks`, and of one `DescribeTasks` (ECS API reference).
const TASKS_A_PAGE: usize = 100;

/// Turns to call ECS. A clone shares them.
#[derive(Debug, Clone)]
pub struct Pace(Kind);

#[derive(Debug, Clone)]
enum Kind {
    Share(Arc<Buckets>),
    AsAwsAllows(Arc<StopTurns>),
}

#[derive(Debug)]
struct Buckets {
    reads: Bucket,
    stops: Bucket,
}

impl Pace {
    /// No waiting until AWS throttles a `StopTask`: for the completion function, whose event rate is its
    /// owners' own, and which knows nothing of those of its invocations that run beside this one.
    #[must_use]
    pub fn as_aws_allows() -> Self {
        Self(Kind::AsAwsAllows(Arc::new(StopTurns::new())))
    }

    /// At most `share` of what AWS refills.
    #[must_use]
    pub fn share(share: Percent) -> Self {
        let bucket = |(burst, refill): (f64, f64)| {
            Bucket::new((burst * share.factor()).max(1.0), refill * share.factor())
        };
        Self(Kind::Share(Arc::new(Buckets { reads: bucket(READS), stops: bucket(STOPS) })))
    }

    /// How long it takes at least to list and describe so many tasks, at this share of what AWS refills.
    #[must_use]
    pub fn least_time_of_looking(share: Percent, tasks: usize) -> Duration {
        let (burst, refill) = READS;
        // A listing and a look for each page.
        let reads = 2 * tasks.div_ceil(TASKS_A_PAGE);
        let beyond = as_tokens(reads) - burst * share.factor();
        Duration::from_secs_f64((beyond / (refill * share.factor())).max(0.0))
    }

    /// Waits for the turn of one read.
    pub(crate) async fn read(&self) {
        if let Kind::Share(buckets) = &self.0 {
            tokio::time::sleep_until(buckets.reads.reserve()).await;
        }
    }

    /// Waits until some `StopTask` may be sent, and answers how many: 1 to `most`. What a second
    /// refills is waited for, so that those who go together can share their reads.
    pub(crate) async fn stops(&self, most: usize) -> usize {
        match &self.0 {
            Kind::AsAwsAllows(_) => most,
            Kind::Share(buckets) => buckets.stops.some(most).await,
        }
    }

    /// Waits for the turn of one `StopTask`. At a share of AWS's rates [`Self::stops`] has given it.
    pub(crate) async fn stop(&self) -> Turn {
        match &self.0 {
            Kind::AsAwsAllows(turns) => turns.next().await,
            Kind::Share(_) => Turn::AtOnce,
        }
    }

    /// AWS has throttled a `StopTask`.
    pub(super) fn stop_was_throttled(&self) {
        if let Kind::AsAwsAllows(turns) = &self.0 {
            turns.slow_down();
        }
    }
}

/// A token bucket. Whoever comes first is served first; a turn that is given up is lost.
#[derive(Debug)]
struct Bucket {
    burst: f64,
    refill: f64,
    level: Mutex<Level>,
}

#[derive(Debug)]
struct Level {
    /// Below nothing when turns are promised that are not due yet.
    tokens: f64,
    at: Instant,
}

impl Bucket {
    fn new(burst: f64, refill: f64) -> Self {
        Self { burst, refill, level: Mutex::new(Level { tokens: burst, at: Instant::now() }) }
    }

    /// Takes one token, and answers when it is there.
    fn reserve(&self) -> Instant {
        let mut level = self.level.lock().unwrap_or_else(PoisonError::into_inner);
        let now = self.fill(&mut level);
        level.tokens -= 1.0;
        now + self.due(-level.tokens)
    }

    async fn some(&self, most: usize) -> usize {
        let least =
            u32::try_from(most).map_or(f64::MAX, f64::from).min(self.refill.max(1.0).floor());
        loop {
            let wait = {
                let mut level = self.level.lock().unwrap_or_else(PoisonError::into_inner);
                self.fill(&mut level);
                if level.tokens >= least {
                    let taken = (1..=most).take_while(|n| as_tokens(*n) <= level.tokens).count();
                    level.tokens -= as_tokens(taken);
                    return taken;
                }
                self.due(least - level.tokens)
            };
            tokio::time::sleep(wait).await;
        }
    }

    fn fill(&self, level: &mut Level) -> Instant {
        let now = Instant::now();
        let refilled = now.duration_since(level.at).as_secs_f64() * self.refill;
        level.tokens = (level.tokens + refilled).min(self.burst);
        level.at = now;
        now
    }

    /// How long so many tokens take; rounded up to the timer's milliseconds.
    fn due(&self, tokens: f64) -> Duration {
        let seconds = Duration::from_secs_f64((tokens / self.refill).max(0.0));
        Duration::from_millis(u64::try_from(seconds.as_micros().div_ceil(1000)).unwrap_or(u64::MAX))
    }
}

fn as_tokens(count: usize) -> f64 {
    u32::try_from(count).map_or(f64::MAX, f64::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn half() -> Pace {
        Pace::share(Percent::parse("50").unwrap())
    }

    #[tokio::test(start_paused = true)]
    async fn half_of_awss_reads_are_fifty_at_once_and_ten_a_second() {
        let (pace, began) = (half(), Instant::now());
        for _ in 0..50 {
            pace.read().await;
        }
        assert_eq!(began.elapsed(), Duration::ZERO);
        for _ in 0..20 {
            pace.read().await;
        }
        let took = began.elapsed();
        assert!((Duration::from_secs(2)..Duration::from_millis(2_100)).contains(&took), "{took:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn stops_come_as_many_at_once_as_there_are_and_then_a_seconds_worth() {
        let (pace, began) = (half(), Instant::now());
        assert_eq!(pace.stops(200).await, 50);
        assert_eq!(began.elapsed(), Duration::ZERO);
        assert_eq!(pace.stops(150).await, 20);
        assert_eq!(began.elapsed(), Duration::from_secs(1));
        assert_eq!(pace.stops(3).await, 3);
        assert_eq!(began.elapsed(), Duration::from_millis(1_150));
    }

    #[tokio::test(start_paused = true)]
    async fn a_bucket_never_holds_more_than_its_burst() {
        let pace = half();
        tokio::time::sleep(Duration::from_hours(1)).await;
        let began = Instant::now();
        for _ in 0..51 {
            pace.read().await;
        }
        assert_eq!(began.elapsed(), Duration::from_millis(100));
    }
}
