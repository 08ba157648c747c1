use super::task::Task;
use std::fmt;
use std::sync::Arc;

/// Decides an orphan's row again, from a fresh snapshot of its task: a lease may have been renewed since.
#[derive(Clone)]
pub struct Review(Arc<Decide>);

type Decide = dyn Fn(&Task) -> Result<(), String> + Send + Sync;

impl Review {
    /// `decide` answers what keeps the task from being an orphan any longer.
    pub fn new(decide: impl Fn(&Task) -> Result<(), String> + Send + Sync + 'static) -> Self {
        Self(Arc::new(decide))
    }

    pub(crate) fn of(&self, task: &Task) -> Result<(), String> {
        (self.0)(task)
    }
}

impl fmt::Debug for Review {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Review")
    }
}
