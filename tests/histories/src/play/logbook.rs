//! What the functions were asked, what came of it, and what they printed: for whoever judges alarms.

use crate::functions::MetricLines;
use crate::history::Function;
use crate::queue::Message;
use jiff::Timestamp;

/// All of it, in the order of the invocations' ends.
#[derive(Debug, Default)]
pub(crate) struct Logbook {
    pub(crate) invocations: Vec<Invoked>,
    /// When orders to the reaper had waited for too long: Lambda gives them up.
    pub(crate) late_orders: Vec<Timestamp>,
    /// What each sandbox printed.
    pub(super) lines: Vec<MetricLines>,
}

/// An invocation that is over.
#[derive(Debug)]
pub(crate) struct Invoked {
    pub(crate) function: Function,
    pub(crate) caller: String,
    pub(crate) began: Timestamp,
    pub(crate) ended: Timestamp,
    pub(crate) came_to: CameTo,
    /// The events that it was handed; none, if it was a sweep.
    pub(crate) events: Vec<Delivered>,
}

/// What an invocation came to, as Lambda sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CameTo {
    Answered,
    Error,
    /// Its process died, or was ended at its limit.
    Died,
}

/// An event that was handed out.
#[derive(Debug)]
pub(crate) struct Delivered {
    pub(crate) message: Message,
    /// Whether the function has said that it must come again.
    pub(crate) failed: bool,
}

impl Logbook {
    /// The sweeps, whatever they came to.
    pub(crate) fn begun_sweeps(&self) -> usize {
        self.invocations.iter().filter(|invoked| invoked.function == Function::Reaper).count()
    }

    /// The sweeps that came to their ends.
    pub(crate) fn sweeps(&self) -> impl DoubleEndedIterator<Item = &Invoked> {
        self.invocations.iter().filter(|invoked| {
            invoked.function == Function::Reaper && invoked.came_to == CameTo::Answered
        })
    }

    /// The events that were handed out by invocations that answered.
    pub(crate) fn delivered(&self) -> impl Iterator<Item = (&Invoked, &Delivered)> {
        let answered = self.invocations.iter().filter(|one| one.came_to == CameTo::Answered);
        answered.flat_map(|invoked| invoked.events.iter().map(move |event| (invoked, event)))
    }

    /// Every line that was printed.
    pub(crate) fn each_line(&self, mut tell: impl FnMut(&str)) {
        for lines in &self.lines {
            lines.lock().unwrap().iter().for_each(|line| tell(line));
        }
    }
}
