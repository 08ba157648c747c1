use crate::session::{StoppedWith, Task};

/// What came of getting the artifacts out of a session's container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Salvage {
    /// The container said that all is in S3, and the marker is there.
    Confirmed,
    /// The task never started: there is nothing.
    NothingToSave,
    /// There are none, by configuration.
    Discarded,
    /// We are stopping the task already, without them.
    GivenUpBefore,
    /// The container said that all is in S3, and we can't read whether the marker is: our failure,
    /// not the session's loss.
    Unreadable {
        /// What S3 said.
        why: String,
    },
    /// Given up, and nobody can say that they are lost: the marker is there, or can't be read.
    Unverified {
        /// What kept them from being confirmed.
        why: String,
    },
    /// The container says that its upload goes on: a later sweep asks again.
    UnderWay,
    /// Not confirmed, as far as we got.
    Unconfirmed {
        /// What kept them from being confirmed.
        why: String,
    },
    /// The container could not even be asked: a failure of our own, which no stop ever rests on.
    NotAsked {
        /// Why.
        why: String,
    },
    /// Nobody was reached, and nobody behind the same route answers: the route may be broken.
    Blind {
        /// What came instead of a connection.
        why: String,
    },
    /// The task is no orphan any longer: its container was not asked.
    Spared {
        /// What keeps it.
        why: String,
    },
    /// The container runs another session: nothing further is done to its task.
    WrongContainer,
}

/// What a 202 says.
pub(super) const UNDER_WAY: &str = "the container says that its upload is under way";

/// The task lost its address before its artifacts were confirmed: its end is judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TaskOver;

/// What we wrote when we stopped the task: what was known then is what is known.
pub(super) fn noted(task: &Task) -> Option<Salvage> {
    Some(match task.stop_note()?.artifacts {
        StoppedWith::ArtifactsConfirmed => Salvage::Confirmed,
        StoppedWith::ArtifactsLost => Salvage::GivenUpBefore,
        StoppedWith::ArtifactsUnverified => {
            Salvage::Unverified { why: "they were given up before".to_owned() }
        }
        StoppedWith::NothingToSave => Salvage::NothingToSave,
        StoppedWith::Discarded => Salvage::Discarded,
    })
}
