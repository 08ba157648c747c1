//! What happens in a history.

use super::{Container, Seconds, Session, Whom};
use serde::{Deserialize, Serialize};
use session_cleanup_tests::world::{Api, FaultKind, Service};

/// Something that owners, containers, operators or AWS do. Sessions are named by their number; what concerns one
/// that never began does nothing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Action {
    /// A session begins.
    Begins(usize, Box<Session>),
    /// Its owner ends it, and says so by an event, in so many copies; 0: the event is lost.
    Ends(usize, EventCopies),
    /// Its owner ends it, and its event names another session's task.
    EndsAnother(usize, usize),
    /// A message comes that is no event: of these kinds the one with this number.
    SendsGarbage(u8),
    /// Its id comes back in a new task.
    Resumes(usize),
    /// It claims the task of a warm pool that waits for it.
    Claims(usize, Start),
    /// It says when it claimed its task.
    SaysItsStart(usize),
    /// Its container exits with this code, and ECS says so.
    Exits(usize, i32),
    /// A Spot warning comes, and ECS says so.
    IsInterrupted(usize),
    /// Somebody else stops its task, and ECS says so.
    IsStopped(usize),
    /// Its container completes by itself.
    Completes(usize),
    /// Its container behaves differently from now on.
    Behaves(usize, Box<Container>),
    /// Its owner lives, and its lease is extended no more.
    RenewalBreaks(usize),
    /// The same of all owners.
    AllRenewalsBreak,
    /// Its owner sets a lease that ends so much later.
    IsLeased(usize, Seconds),
    /// An operator keeps it, or no longer.
    IsProtected(usize, bool),
    /// Its owner deregisters it, or registers it again.
    IsRegistered(usize, bool),
    /// An earlier run of the session has left its marker.
    LeavesMarker(usize),
    /// A target that nobody has is left in a group.
    LeavesZombie(usize, u8),
    /// Somebody deletes a target group.
    GroupIsDeleted(usize),
    /// Every call of a service fails for so long.
    Outage(Service, FaultKind, Seconds),
    /// No packet of ours reaches any container for so long.
    RoutesAreLost(Seconds),
    /// A sweep beside the schedule's.
    Sweeps(Sweep),
    /// The next invocation of a function dies at its n-th call: before the world has applied it, or after.
    Dies(Function, usize, bool),
    /// The invocation dies that makes the call at which this happens.
    DiesHere,
    /// The next so many calls of an operation about somebody fail.
    Fails(Whom, Api, FaultKind, usize),
    /// The connections that a function's sandboxes keep are dead.
    IsThawed(Function),
    /// A variable has another value from the next invocation on.
    IsConfigured(String, String),
}

/// The events of an end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventCopies {
    /// How often it arrives.
    pub copies: usize,
    /// How long after the end.
    pub late: Seconds,
    /// Whether it names the task.
    pub names_the_task: bool,
}

/// What one that claims a task says of when it began.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Start {
    /// By its owner's clock.
    Now,
    /// Nothing.
    Unsaid,
    /// What nobody can read.
    Unreadable,
    /// A time before the task was there.
    LongAgo,
}

/// Who orders a sweep, and what.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Sweep {
    /// An operator: look.
    Report,
    /// An operator: act.
    Enforce,
    /// An operator: act on what the last kept report names.
    Plan,
    /// An operator: all that was created in this cluster until so long ago.
    Force(usize, Seconds),
    /// An alarm.
    Alarm,
}

/// One of the functions that act.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Function {
    /// The completion function.
    Completion,
    /// The reaper.
    Reaper,
}
