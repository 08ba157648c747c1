//! The places between two calls of a run, at each of which a story is told once more.

use session_cleanup_tests::world::{Api, Call, Outcome, World};
use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::sync::Arc;
use tokio::sync::Notify;

/// Right before, or right after, the world applies the n-th call of an operation.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Boundary {
    api: Api,
    nth: usize,
    side: Side,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    Before,
    After,
}

impl fmt::Debug for Boundary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let side = match self.side {
            Side::Before => "before",
            Side::After => "after",
        };
        write!(f, "{side} {} {}", self.api, self.nth)
    }
}

impl Boundary {
    pub(super) fn before(api: Api, nth: usize) -> Self {
        Self { api, nth, side: Side::Before }
    }

    pub(super) fn after(api: Api, nth: usize) -> Self {
        Self { api, nth, side: Side::After }
    }

    /// All of a run, in its order. A call that nobody answered has nothing after it.
    pub(super) fn all(calls: &[Call]) -> Vec<Self> {
        let mut sent: BTreeMap<Api, (usize, usize)> = BTreeMap::new();
        let mut boundaries = Vec::new();
        for call in calls {
            let (reached, answered) = sent.entry(call.api).or_default();
            *reached += 1;
            boundaries.push(Self::before(call.api, *reached));
            if matches!(call.outcome, Outcome::Answered(..)) {
                *answered += 1;
                boundaries.push(Self::after(call.api, *answered));
            }
        }
        boundaries
    }

    /// Changes the world there; counted from now.
    pub(super) fn change(self, world: &World, change: impl FnOnce(&World) + Send + 'static) {
        match self.side {
            Side::Before => world.before(self.api, self.nth, change),
            Side::After => world.after(self.api, self.nth, change),
        }
    }

    /// Waits until a run gets there; counted from now.
    pub(super) fn reached(self, world: &World) -> impl Future<Output = ()> + use<> {
        let signal = Arc::new(Notify::new());
        let bell = Arc::clone(&signal);
        self.change(world, move |_| bell.notify_one());
        async move { signal.notified().await }
    }
}

/// Tells a story undisturbed, and then once for each boundary of that run, whose calls it answers.
pub(super) async fn everywhere<F, S>(what: &str, story: F) -> usize
where
    F: Fn(Option<Boundary>) -> S,
    S: Future<Output = Vec<Call>>,
{
    let boundaries = Boundary::all(&story(None).await);
    for boundary in &boundaries {
        let _told = Told::new(format!("{what}, {boundary:?}"));
        story(Some(*boundary)).await;
    }
    println!("{what}: {} interleavings", boundaries.len());
    boundaries.len()
}

/// Names the story under way when it fails.
pub(super) struct Told(String);

impl Told {
    pub(super) fn new(story: String) -> Self {
        Self(story)
    }
}

impl Drop for Told {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("the story that failed: {}", self.0);
        }
    }
}
