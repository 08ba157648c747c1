use super::identified_session::IdentifiedSession;
use super::judge::OverTask;
use super::report::Artifacts;
use crate::session::TaskArn;

/// What a request turned out to be about.
#[derive(Debug)]
pub(super) enum Identified {
    /// A session whose task still has, or may have, containers.
    Session(Box<IdentifiedSession>),
    /// A session whose container has answered an earlier delivery that it runs another one: nothing is done
    /// to it, and what is still to be registered again is.
    Obeyed(Box<IdentifiedSession>),
    /// A session whose task is over: its end is judged.
    Over(Box<OverTask>),
    /// Not ours to clean. Nothing was touched, nothing will be.
    Rejected {
        /// The task, where one was found.
        task: Option<TaskArn>,
        /// Why, for a person.
        why: String,
    },
    /// A task of another fleet, or one that goes on: nothing is wrong.
    OutOfScope {
        /// The task.
        task: TaskArn,
        /// Why, for a person.
        why: String,
    },
    /// It ends without a session's name, and nothing of a session can have been lost.
    NothingLost {
        /// The task.
        task: TaskArn,
        /// What is known of the artifacts.
        artifacts: Artifacts,
        /// Why nothing is lost, for a person.
        why: String,
    },
    /// It is over, and nobody can tell any more which session it ran.
    CannotBeTold {
        /// The task.
        task: TaskArn,
        /// Why, for a person.
        why: String,
    },
    /// AWS did not say enough; it is tried again.
    Unclear {
        /// The task, where one was found.
        task: Option<TaskArn>,
        /// What was not to be had.
        why: String,
    },
}
