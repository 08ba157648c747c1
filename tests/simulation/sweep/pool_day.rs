//! A warm pool lives through a day, without a load balancer: tasks wait, some of them for hours, and sessions claim
//! them, end, crash and are forgotten; some claims are late, and some are broken.

use super::crowd::{HOUR, MINUTE};
use crate::invoke::{
    INTERVAL, assert_unharmed, deliver, function_with, invoke_reaper, receipt, receive,
};
use serde_json::json;
use session_cleanup::context::Context;
use session_cleanup_tests::world::{Setup, TaskHandle, World};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

const POOL: [(&str, &str); 1] = [("WARM_POOL", "true")];

/// So many tasks wait at any time.
const WAITING: usize = 4;

/// A day of sweeps.
const SWEEPS: usize = 288;

/// What is to become of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Story {
    /// Its owner ends it, and says so.
    Ends,
    /// The same, and the event is lost: for everyone else it goes on.
    Forgotten,
    /// Its container exits.
    Crashes,
    /// It is claimed without a usable start, and its owner keeps it all day.
    BrokenClaim,
}

/// A session that has claimed a task.
struct Claimed {
    task: TaskHandle,
    story: Story,
    /// Tags that its owner sets only some minutes after the claim.
    late: Vec<(&'static str, String)>,
    /// How long it lasts from now on.
    left: Duration,
    over: bool,
}

struct Day {
    world: World,
    random: fastrand::Rng,
    waiting: Vec<TaskHandle>,
    claimed: Vec<Claimed>,
    /// The events of tasks that have stopped, not delivered yet.
    stopped: Vec<TaskHandle>,
    numbered: usize,
    /// Warm, all day.
    completion: Arc<Context>,
    reaper: Arc<Context>,
}

impl Day {
    fn new(seed: u64) -> Self {
        let world = World::new(Setup { seed, target_groups: Vec::new(), ..Setup::default() });
        let random = fastrand::Rng::with_seed(seed);
        let (waiting, claimed, stopped) = (Vec::new(), Vec::new(), Vec::new());
        let completion = function_with(&world, "completion", &POOL).0;
        let reaper = function_with(&world, "reaper", &POOL).0;
        Self { world, random, waiting, claimed, stopped, numbered: 0, completion, reaper }
    }

    /// The platform keeps so many tasks ready.
    fn refill(&mut self) {
        while self.waiting.len() < WAITING {
            self.numbered += 1;
            let task = self.world.session(&format!("s-{}", self.numbered)).unidentified();
            self.waiting.push(task.started_ago(Duration::from_secs(1)).start());
        }
    }

    /// Any of those that wait, so that some wait for hours.
    fn claim(&mut self) {
        let task = self.waiting.swap_remove(self.random.usize(0..self.waiting.len()));
        let story = match self.random.u8(0..10) {
            0..=4 => Story::Ends,
            5 | 6 => Story::Forgotten,
            7 | 8 => Story::Crashes,
            _ => Story::BrokenClaim,
        };
        self.world.set_tag(&task, "session-id", task.session_id());
        let started = ("session-started-at", self.world.now().to_string());
        let mut late = Vec::new();
        match (story, self.random.u8(0..3)) {
            (Story::BrokenClaim, 0) => {}
            (Story::BrokenClaim, 1) => self.world.set_tag(&task, started.0, "tomorrow"),
            (Story::BrokenClaim, _) => self.world.set_tag(&task, started.0, "2020-01-01T00:00:00Z"),
            // Two calls where one would do, and the second comes late.
            (_, 0) => late.push(started),
            (_, _) => self.world.set_tag(&task, started.0, &started.1),
        }
        let left = MINUTE * self.random.u32(5..90);
        self.claimed.push(Claimed { task, story, late, left, over: false });
    }

    /// What owners and containers do in one interval.
    async fn goes_on(&mut self) {
        let mut ended = Vec::new();
        for session in self.claimed.iter_mut().filter(|session| !session.over) {
            for (tag, value) in std::mem::take(&mut session.late) {
                self.world.set_tag(&session.task, tag, &value);
            }
            session.left = session.left.saturating_sub(INTERVAL);
            if !session.left.is_zero() {
                continue;
            }
            match session.story {
                Story::Ends => {
                    ended.push(self.world.session_ended_event(&session.task, "completed"));
                }
                Story::Forgotten => self.world.owner_ends(&session.task),
                Story::Crashes => {
                    self.world.crash(&session.task, 137);
                    self.stopped.push(session.task.clone());
                }
                Story::BrokenClaim => continue,
            }
            session.over = true;
        }
        let context = &self.completion;
        assert!(deliver(context, &ended).await.is_empty(), "{}", self.world.history());
        // Twice: nobody had named it before it was over.
        let stopped: Vec<_> =
            std::mem::take(&mut self.stopped).iter().map(|t| self.world.task_event(t)).collect();
        tokio::time::sleep(MINUTE).await;
        for event in &stopped {
            receive(context, event, 1).await;
            receive(context, event, 2).await;
        }
    }

    async fn is_swept(&self) {
        invoke_reaper(&self.reaper, &json!({ "mode": "enforce" })).await;
    }

    fn assert_nobody_is_harmed(&self) {
        let lives = |session: &&Claimed| !session.over;
        let living = self.claimed.iter().filter(lives).map(|session| &session.task);
        for task in living.chain(&self.waiting) {
            assert!(!self.world.is_stopping(task), "{}", task.session_id());
            assert!(self.world.completion_calls(task).is_empty(), "{}", task.session_id());
        }
        self.world.assert_unharmed();
    }
}

async fn lives_through_a_day(seed: u64) {
    let mut day = Day::new(seed);
    for _sweep in 0..SWEEPS {
        day.refill();
        if day.random.u8(0..4) == 0 {
            day.claim();
        }
        day.goes_on().await;
        day.is_swept().await;
        day.assert_nobody_is_harmed();
        tokio::time::sleep(INTERVAL.saturating_sub(MINUTE)).await;
    }
    // Nobody claims any more; what is forgotten is found by its age, two hours after its claim.
    for _sweep in 0..30 {
        day.is_swept().await;
        tokio::time::sleep(INTERVAL).await;
    }
    let mut stories = BTreeMap::new();
    for Claimed { task, story, over, .. } in &day.claimed {
        let world = &day.world;
        let outcome = receipt(world, task);
        let who = format!("{story:?} {} {outcome:?}", task.session_id());
        match (story, over) {
            // What is forgotten is found by its age, two hours after its claim.
            (Story::Ends, true) | (Story::Forgotten, _) => {
                assert_eq!(outcome.as_deref(), Some("cleaned"), "{who}");
            }
            (Story::Crashes, true) => {
                let unknown = world.object("ledger", &format!("unknown/{}.json", task.id()));
                assert!(outcome.is_some() || unknown.is_some(), "it is on record: {who}");
            }
            (Story::Ends | Story::Crashes, false) => {}
            (Story::BrokenClaim, _) => assert!(!world.is_stopping(task), "{who}"),
        }
        *stories.entry(format!("{story:?}")).or_insert(0) += 1;
    }
    println!("a pool's day, seed {seed}: {stories:?}, {} calls", day.world.calls().len());
    assert_eq!(stories.len(), 4, "each story was there: {stories:?}");
    for task in &day.waiting {
        assert!(!day.world.is_stopping(task), "{}", day.world.history());
    }
    assert_unharmed(&day.world);
    assert!(HOUR * 24 <= INTERVAL * u32::try_from(SWEEPS).unwrap());
}

#[tokio::test(start_paused = true)]
async fn a_pool_lives_through_a_day_of_claims_failures_and_broken_claims_unharmed() {
    for seed in 1..=2 {
        lives_through_a_day(seed).await;
    }
}
