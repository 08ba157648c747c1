//! The tags of a task, and what they were a while ago: reads may show them late.

use std::collections::BTreeMap;
use std::ops::Deref;
use std::time::Duration;

use jiff::Timestamp;

/// No read is staler than this.
const KEPT: Duration = Duration::from_mins(1);

type Pairs = BTreeMap<String, String>;

/// Whoever writes them says when.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tags {
    now: Pairs,
    /// What they were before each change of the last minute, in the order of time.
    before: Vec<(Timestamp, Pairs)>,
}

impl From<Pairs> for Tags {
    fn from(now: Pairs) -> Self {
        Self { now, before: Vec::new() }
    }
}

impl Deref for Tags {
    type Target = Pairs;

    fn deref(&self) -> &Pairs {
        &self.now
    }
}

impl Tags {
    pub(crate) fn set(&mut self, name: String, value: String, at: Timestamp) {
        self.change(at, |tags| drop(tags.insert(name, value)));
    }

    pub(crate) fn remove(&mut self, name: &str, at: Timestamp) {
        self.change(at, |tags| drop(tags.remove(name)));
    }

    pub(crate) fn clear(&mut self, at: Timestamp) {
        self.change(at, BTreeMap::clear);
    }

    fn change(&mut self, at: Timestamp, change: impl FnOnce(&mut Pairs)) {
        self.before.retain(|(time, _)| *time > at - KEPT);
        self.before.push((at, self.now.clone()));
        change(&mut self.now);
    }

    /// Whether they have changed since this time.
    pub(crate) fn changed_after(&self, then: Timestamp) -> bool {
        self.before.last().is_some_and(|(time, _)| *time > then)
    }

    /// As they were at this time.
    pub(crate) fn as_of(&self, then: Timestamp) -> Self {
        let before = self.before.iter().find(|(time, _)| *time > then);
        before.map_or_else(|| self.now.clone(), |(_, tags)| tags.clone()).into()
    }
}
