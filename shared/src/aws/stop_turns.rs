//! Turns to stop tasks, for a process that shares AWS's bucket with others and knows nothing of them: invocations
//! side by side, sweeps, owners who start sessions.
//!
//! It keeps a bucket of its own, at first a copy of AWS's: one who is alone is never held up by it more than by
//! AWS. A throttle says that AWS's bucket is empty, so this one is, too, and fills more slowly from then on;
//! and the longer no throttle comes, the faster. All who do so get about as much as each other, and together what
//! AWS has.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// AWS's published burst and refill a second (ECS developer guide, "Request throttling") for `StopTask` and the
/// other calls that change a cluster's resources.
pub(super) const STOPS: (f64, f64) = (100.0, 40.0);

/// After a throttle nobody gets more stops a second: ten invocations side by side use up what AWS refills.
const AFTER_A_THROTTLE: f64 = STOPS.1 / 10.0;

/// Nobody gets fewer: a batch of 100 is done within one invocation. Ten of them take half of what AWS refills,
/// however often they are throttled.
const SLOWEST: f64 = STOPS.1 / 20.0;

/// So many more stops a second, each second without a throttle: a tenth of [`AFTER_A_THROTTLE`], so that throttles
/// stay rare.
const SPEEDS_UP: f64 = AFTER_A_THROTTLE / 10.0;

/// Whether a turn came at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Turn {
    AtOnce,
    Waited,
}

/// Turns, which a process gives to all of its stops.
#[derive(Debug)]
pub(super) struct StopTurns {
    bucket: Mutex<Bucket>,
    /// Who has it is next; the others wait in the order in which they came.
    next: tokio::sync::Mutex<()>,
}

#[derive(Debug)]
struct Bucket {
    tokens: f64,
    /// Tokens that come back each second.
    refill: f64,
    at: Instant,
}

impl StopTurns {
    pub(super) fn new() -> Self {
        let (burst, refill) = STOPS;
        let bucket = Bucket { tokens: burst, refill, at: Instant::now() };
        Self { bucket: Mutex::new(bucket), next: tokio::sync::Mutex::new(()) }
    }

    /// Waits for the turn of one stop.
    pub(super) async fn next(&self) -> Turn {
        let (mut turn, _next) = match self.next.try_lock() {
            Ok(next) => (Turn::AtOnce, next),
            Err(_) => (Turn::Waited, self.next.lock().await),
        };
        while let Err(wait) = self.take() {
            turn = Turn::Waited;
            tokio::time::sleep(wait).await;
        }
        turn
    }

    fn take(&self) -> Result<(), Duration> {
        self.bucket().take()
    }

    /// AWS has throttled a stop.
    pub(super) fn slow_down(&self) {
        let mut bucket = self.bucket();
        bucket.fill();
        bucket.tokens = 0.0;
        bucket.refill = (bucket.refill / 2.0).clamp(SLOWEST, AFTER_A_THROTTLE);
    }

    fn bucket(&self) -> MutexGuard<'_, Bucket> {
        self.bucket.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Bucket {
    /// Takes one token, or answers when it may be there.
    fn take(&mut self) -> Result<(), Duration> {
        self.fill();
        if self.tokens >= 1.0 {
            self.tokens -= 1.0;
            return Ok(());
        }
        let missing = Duration::from_secs_f64((1.0 - self.tokens) / self.refill);
        // The timer counts milliseconds.
        Err(missing.max(Duration::from_millis(1)))
    }

    fn fill(&mut self) {
        let (burst, fastest) = STOPS;
        let now = Instant::now();
        let seconds = now.duration_since(self.at).as_secs_f64();
        self.tokens = (self.tokens + seconds * self.refill).min(burst);
        self.refill = (self.refill + seconds * SPEEDS_UP).min(fastest);
        self.at = now;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::future::join_all;

    /// How long so many stops have to wait that come at once.
    async fn all_of(turns: &StopTurns, stops: usize) -> Duration {
        let began = Instant::now();
        join_all((0..stops).map(|_| turns.next())).await;
        began.elapsed()
    }

    #[tokio::test(start_paused = true)]
    async fn one_who_is_not_throttled_waits_no_longer_than_aws_makes_everyone_wait() {
        let turns = StopTurns::new();
        assert_eq!(all_of(&turns, 100).await, Duration::ZERO);
        assert_eq!(all_of(&turns, 40).await, Duration::from_secs(1));
        assert_eq!(turns.next().await, Turn::Waited);
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert_eq!(turns.next().await, Turn::AtOnce);
    }

    #[tokio::test(start_paused = true)]
    async fn after_a_throttle_stops_go_slowly_and_then_faster_and_faster() {
        let turns = StopTurns::new();
        turns.slow_down();
        let waits = [all_of(&turns, 10).await, all_of(&turns, 10).await, all_of(&turns, 10).await];
        assert!(waits.is_sorted_by(|before, after| before > after), "{waits:?}");
        let slow = Duration::from_secs_f64(10.0 / AFTER_A_THROTTLE);
        assert!(waits[0] <= slow && waits[0] > slow.mul_f64(0.8), "{waits:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn however_often_aws_throttles_a_batch_of_a_hundred_is_done_within_an_invocation() {
        let turns = StopTurns::new();
        for _ in 0..1_000 {
            turns.slow_down();
        }
        let took = all_of(&turns, 100).await;
        assert!((Duration::from_secs(10)..Duration::from_secs(50)).contains(&took), "{took:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn what_aws_throttled_is_forgotten_in_time() {
        let turns = StopTurns::new();
        turns.slow_down();
        tokio::time::sleep(Duration::from_secs(25)).await;
        assert_eq!(all_of(&turns, 100).await, Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn who_waits_is_served_in_the_order_of_coming_and_one_who_gives_up_takes_nothing() {
        let turns = StopTurns::new();
        turns.slow_down();
        let second = Duration::from_secs(1);
        let given_up = tokio::time::timeout(Duration::from_millis(100), turns.next());
        let (given_up, next) = tokio::join!(given_up, tokio::time::timeout(second, turns.next()));
        assert!(given_up.is_err() && next == Ok(Turn::Waited), "{given_up:?}, {next:?}");
    }
}
