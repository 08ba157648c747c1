use super::Invocation;
use super::request::Order;
use super::subject::{Look, Subject};
use crate::aws::CompletionAnswer;
use crate::aws::retry::pauses;
use crate::config::ArtifactMode;
use crate::deadline::within;
use crate::session::{Stage, StoppedWith, Task};
use backon::BackoffBuilder;
use std::fmt;
use std::time::Duration;

/// What is known of a session's artifacts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Artifacts {
    /// The container said that all is in S3, and the marker is there.
    Confirmed,
    /// The task never started: there is nothing.
    NothingToSave,
    /// Not confirmed, as far as we got.
    Unconfirmed {
        /// What kept them from being confirmed.
        why: String,
    },
    /// The container could not even be asked.
    NotAsked {
        /// Why.
        why: String,
    },
    /// The task is no orphan any longer: its container was not asked.
    Spared {
        /// What keeps it.
        why: String,
    },
    /// The container runs another session: nothing further is done to its task.
    WrongContainer,
    /// The task lost its address before they were confirmed: its end is judged.
    TaskEnded,
    /// The task is over; the marker is there, and nobody vouches for the rest.
    Unverified,
    /// The task is over or was given up without them.
    Lost,
    /// The task's receipt says it.
    AsInReceipt,
    /// Nothing is known.
    Unknown,
}

impl fmt::Display for Artifacts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Confirmed => f.write_str("confirmed"),
            Self::NothingToSave => f.write_str("nothing_to_save"),
            Self::Unconfirmed { why } => write!(f, "unconfirmed: {why}"),
            Self::NotAsked { why } => write!(f, "not_asked: {why}"),
            Self::Spared { why } => write!(f, "spared: {why}"),
            Self::WrongContainer => f.write_str("wrong_container"),
            Self::TaskEnded => f.write_str("task_ended"),
            Self::Unverified => f.write_str("unverified"),
            Self::Lost => f.write_str("lost"),
            Self::AsInReceipt => f.write_str("as_in_receipt"),
            Self::Unknown => f.write_str("unknown"),
        }
    }
}

/// Gets the artifacts out of the session's container, for at most `limit`. On the owner's word the
/// container is asked again and again; on our inference once, and the next sweep asks again.
pub(super) async fn salvage(
    invocation: &Invocation,
    subject: &Subject,
    order: Order,
    limit: Duration,
) -> Artifacts {
    if let Some(noted) = noted(&subject.task) {
        return noted;
    }
    if subject.task.stage() == Stage::NeverStarted {
        return Artifacts::NothingToSave;
    }
    let mut asked = false;
    let mut why = "there was no time for an attempt".to_owned();
    let attempts = async {
        let mut pauses = pauses(Duration::from_millis(500), Duration::from_secs(4)).build();
        loop {
            match attempt(invocation, subject, &mut asked).await {
                Attempt::Settled(artifacts) => return artifacts,
                Attempt::Again(problem) => match order {
                    Order::Together => {
                        tracing::warn!(%problem, "artifacts not confirmed; trying again");
                        why = problem;
                    }
                    Order::ArtifactsFirst => {
                        tracing::warn!(%problem, "artifacts not confirmed; the next sweep tries again");
                        return Artifacts::Unconfirmed { why: problem };
                    }
                },
            }
            tokio::time::sleep(pauses.next().unwrap_or_default()).await;
        }
    };
    let artifacts = match within(limit, attempts).await {
        Ok(artifacts) => artifacts,
        Err(timed_out) => Artifacts::Unconfirmed { why: format!("{why}; {timed_out}") },
    };
    match (artifacts, order) {
        // A salvage window begins with a question, not with the wish to ask.
        (Artifacts::Unconfirmed { why }, Order::ArtifactsFirst) if !asked => {
            Artifacts::NotAsked { why }
        }
        (artifacts, _) => artifacts,
    }
}

/// What we wrote when we stopped the task: what was known then is what is known.
fn noted(task: &Task) -> Option<Artifacts> {
    Some(match task.stop_note()?.artifacts {
        StoppedWith::ArtifactsConfirmed => Artifacts::Confirmed,
        StoppedWith::ArtifactsLost => Artifacts::Lost,
        StoppedWith::NothingToSave => Artifacts::NothingToSave,
    })
}

enum Attempt {
    Settled(Artifacts),
    Again(String),
}

/// One attempt. It follows a look that shows the task holding its address: a resumed session may
/// have got that address since, and would answer 200 for the same id.
async fn attempt(invocation: &Invocation, subject: &Subject, asked: &mut bool) -> Attempt {
    let address = match subject.look(invocation).await {
        Ok(Look::Holds(address)) => address,
        Ok(Look::Spared { why, .. }) => return Attempt::Settled(Artifacts::Spared { why }),
        Ok(Look::Over) => return Attempt::Settled(Artifacts::TaskEnded),
        Ok(Look::NeverStarted | Look::Unclear) => {
            return Attempt::Again("ECS shows no address of the task".to_owned());
        }
        Err(error) => return Attempt::Again(error.to_string()),
    };
    // Another plan for the same session may have been faster.
    let seen = invocation.sightings.fresh(&subject.task.arn).and_then(|sighting| sighting.task);
    if let Some(noted) = seen.as_ref().and_then(noted) {
        return Attempt::Settled(noted);
    }
    *asked = true;
    match invocation.setting.config.artifacts.mode {
        ArtifactMode::Complete => {}
        ArtifactMode::SelfUpload { marker_written_last: true } => {
            return marker(invocation, subject).await;
        }
        ArtifactMode::SelfUpload { marker_written_last: false } => {
            let why = "the container uploads by itself and has not exited yet".to_owned();
            return Attempt::Settled(Artifacts::Unconfirmed { why });
        }
    }
    match invocation.setting.aws.containers.complete(address, &subject.session).await {
        Ok(CompletionAnswer::Uploaded) => marker(invocation, subject).await,
        Ok(CompletionAnswer::WrongContainer) => whose_word(invocation, subject).await,
        Ok(CompletionAnswer::Failed { status, body }) => {
            Attempt::Again(format!("the container answered HTTP {status}: {body}"))
        }
        Err(error) => Attempt::Again(error.to_string()),
    }
}

/// A 403 is the task's own word only while the task holds the address: otherwise the address has
/// changed hands since the last look, and it is a stranger's.
async fn whose_word(invocation: &Invocation, subject: &Subject) -> Attempt {
    match subject.look_again(invocation).await {
        Ok(Look::Holds(_)) => Attempt::Settled(Artifacts::WrongContainer),
        Ok(Look::Spared { why, .. }) => Attempt::Settled(Artifacts::Spared { why }),
        Ok(Look::Over) => Attempt::Settled(Artifacts::TaskEnded),
        Ok(Look::NeverStarted | Look::Unclear) => {
            Attempt::Again("a 403, and ECS shows no address of the task".to_owned())
        }
        Err(error) => Attempt::Again(error.to_string()),
    }
}

/// The marker alone proves nothing, since containers may write it first; the 200 and the marker
/// together do. One that is older than the task was left by an earlier task of the session.
async fn marker(invocation: &Invocation, subject: &Subject) -> Attempt {
    let store = &invocation.setting.aws.artifacts;
    match store.marker_written_at(&subject.session).await {
        Ok(Some(at)) if at.as_second() >= subject.task.created_at.as_second() => {
            Attempt::Settled(Artifacts::Confirmed)
        }
        Ok(Some(at)) => Attempt::Again(format!(
            "the marker {} is of {at}, before the task was created",
            store.marker_key(&subject.session)
        )),
        Ok(None) => Attempt::Again(format!(
            "the marker {} is not in S3",
            store.marker_key(&subject.session)
        )),
        Err(error) => Attempt::Again(error.to_string()),
    }
}
