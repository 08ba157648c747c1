use super::Invocation;
use super::deregistration::Taking;
use super::intent::Ground;
use super::subject::{Look, Subject};
use super::taking::Taken;
use crate::aws::TargetState;
use crate::aws::retry::pauses;
use crate::deadline::within;
use crate::session::{TargetAddress, TargetGroupArn};
use backon::BackoffBuilder;
use std::fmt;
use std::future::Future;
use std::time::Duration;

/// What became of a session's target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TargetFate {
    /// It is draining, or in no group.
    Gone,
    /// The address is no longer the task's: what is registered there is the reaper's to judge.
    TakenOver,
    /// It was taken away from the task of another session, and is registered again.
    PutBack,
    /// It was left alone: nothing had confirmed that the session is over.
    Kept,
    /// Nothing was done about it.
    Untouched,
    /// The task never had an address.
    NeverHadOne,
    /// The task is over; a leftover target is the reaper's.
    LeftToReaper,
    /// It may still be registered.
    Unverified {
        /// What kept it from being taken away.
        why: String,
    },
    /// It may still be missing from a group of another session's.
    NotPutBack {
        /// What kept it from being registered again.
        why: String,
    },
}

impl fmt::Display for TargetFate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Gone => f.write_str("gone"),
            Self::TakenOver => f.write_str("taken_over"),
            Self::PutBack => f.write_str("put_back"),
            Self::Kept => f.write_str("kept"),
            Self::Untouched => f.write_str("untouched"),
            Self::NeverHadOne => f.write_str("never_had_one"),
            Self::LeftToReaper => f.write_str("left_to_reaper"),
            Self::Unverified { why } => write!(f, "unverified: {why}"),
            Self::NotPutBack { why } => write!(f, "not_put_back: {why}"),
        }
    }
}

/// How taking the target away ended, as far as the stop and the verification need to know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum TakeAway {
    /// The task has no address that could be registered.
    NoAddress,
    /// It was not tried, since nothing had confirmed that the session is over.
    Kept,
    /// It was answered.
    Answered(Taken),
    /// It was answered, and then the task was no orphan any longer.
    Spared {
        /// What came of taking it away.
        taken: Taken,
        /// What keeps the task.
        why: String,
    },
    /// It took too long; it goes on by itself.
    GivenUp {
        /// For the report.
        why: String,
    },
}

impl fmt::Display for TakeAway {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoAddress => f.write_str("no_address"),
            Self::Kept => f.write_str("kept"),
            Self::Answered(Taken::Away(_)) => f.write_str("deregistered"),
            Self::Spared { why, .. } => write!(f, "spared: {why}"),
            Self::Answered(Taken::NotRegistered) => f.write_str("not_registered"),
            Self::Answered(Taken::Lost) => f.write_str("taken_over"),
            Self::Answered(Taken::Failed(error) | Taken::Waits(error)) => error.fmt(f),
            Self::GivenUp { why } => f.write_str(why),
        }
    }
}

/// Intent, deregistration, and whether it was still ours; within `limit`. Where nothing has confirmed
/// that the session is over, the look that answers the last question decides the row once more.
pub(super) async fn take_away(
    invocation: &Invocation,
    subject: &Subject,
    ground: Ground,
    limit: Duration,
) -> TakeAway {
    let Some(address) = address(invocation, subject) else { return TakeAway::NoAddress };
    let taking = async {
        let taken = invocation.take_away(taking(subject, address, ground)).await;
        match ground {
            Ground::OwnersWord | Ground::Confirmed => TakeAway::Answered(taken),
            Ground::GivenUp => match subject.look(invocation).await {
                Ok(Look::Spared { why, .. }) => TakeAway::Spared { taken, why },
                // The stop looks again, too.
                Ok(Look::Holds(_) | Look::NeverStarted | Look::Over | Look::Unclear) | Err(_) => {
                    TakeAway::Answered(taken)
                }
            },
        }
    };
    match within(limit, taking).await {
        Ok(taken) => taken,
        Err(timed_out) => {
            TakeAway::GivenUp { why: format!("deregistering {address}: {timed_out}") }
        }
    }
}

/// Waits until the target is draining or gone, and takes it away again while it is still registered
/// and still the task's. Stops as soon as `keep` is heard: then nothing more is taken away.
pub(super) async fn verify(
    invocation: &Invocation,
    subject: &Subject,
    taken: &TakeAway,
    ground: Ground,
    limit: Duration,
    keep: impl Future<Output = ()>,
) -> TargetFate {
    let mut why = match taken {
        TakeAway::NoAddress => return TargetFate::NeverHadOne,
        TakeAway::Kept | TakeAway::Spared { .. } => return TargetFate::Kept,
        TakeAway::Answered(Taken::Lost) => return TargetFate::TakenOver,
        TakeAway::Answered(Taken::NotRegistered) => return TargetFate::Gone,
        TakeAway::Answered(Taken::Away(_)) => "it is still registered".to_owned(),
        TakeAway::Answered(Taken::Waits(error)) => {
            return TargetFate::Unverified { why: error.to_string() };
        }
        TakeAway::Answered(Taken::Failed(error)) => error.to_string(),
        TakeAway::GivenUp { why } => why.clone(),
    };
    let Some(address) = address(invocation, subject) else { return TargetFate::NeverHadOne };
    let mut keep = std::pin::pin!(keep);
    let rounds = async {
        let mut pauses = pauses(Duration::from_millis(300), Duration::from_secs(3)).build();
        loop {
            match still_registered(invocation, address).await {
                Ok(false) => return TargetFate::Gone,
                Ok(true) => why = format!("{address} is still registered"),
                Err(problem) => why = problem,
            }
            tokio::select! {
                () = &mut keep => return TargetFate::Kept,
                () = tokio::time::sleep(pauses.next().unwrap_or_default()) => {}
            }
            match subject.look_again(invocation).await {
                Ok(Look::Holds(held)) if held == address.ip => {}
                Ok(Look::Spared { .. }) if ground == Ground::GivenUp => return TargetFate::Kept,
                // It has confirmed: it is done, whatever its lease says.
                Ok(Look::Spared { address: held, .. }) if held == Some(address.ip) => {}
                Ok(Look::Holds(_) | Look::Spared { .. } | Look::NeverStarted | Look::Over) => {
                    match still_registered(invocation, address).await {
                        Ok(false) => return TargetFate::Gone,
                        Ok(true) => return TargetFate::TakenOver,
                        Err(problem) => {
                            why = problem;
                            continue;
                        }
                    }
                }
                Ok(Look::Unclear) => continue,
                Err(error) => {
                    why = error.to_string();
                    continue;
                }
            }
            match invocation.take_away(taking(subject, address, ground)).await {
                Taken::Lost => return TargetFate::TakenOver,
                Taken::Failed(error) | Taken::Waits(error) => why = error.to_string(),
                Taken::Away(_) | Taken::NotRegistered => {}
            }
        }
    };
    match within(limit, rounds).await {
        Ok(fate) => fate,
        Err(timed_out) => TargetFate::Unverified { why: format!("{why}; {timed_out}") },
    }
}

/// After a 403, or where its task is no orphan any longer: the target goes back to the task that it
/// was taken from.
pub(super) async fn put_back(
    invocation: &Invocation,
    subject: &Subject,
    taken: &TakeAway,
    limit: Duration,
) -> TargetFate {
    let known: Option<&[TargetGroupArn]> = match taken {
        TakeAway::NoAddress => return TargetFate::NeverHadOne,
        TakeAway::Kept => return TargetFate::Kept,
        TakeAway::Answered(taken) | TakeAway::Spared { taken, .. } => match taken {
            Taken::NotRegistered | Taken::Waits(_) => return TargetFate::Kept,
            Taken::Lost => return TargetFate::TakenOver,
            Taken::Away(groups) => Some(groups),
            Taken::Failed(_) => None,
        },
        TakeAway::GivenUp { .. } => None,
    };
    let Some(address) = address(invocation, subject) else { return TargetFate::NeverHadOne };
    let registering = async {
        match subject.look(invocation).await {
            Ok(Look::Holds(held) | Look::Spared { address: Some(held), .. })
                if held == address.ip => {}
            Ok(Look::Holds(_) | Look::Spared { .. } | Look::NeverStarted | Look::Over) => {
                return Ok(TargetFate::TakenOver);
            }
            Ok(Look::Unclear) => return Err("ECS does not show the task's address".to_owned()),
            Err(error) => return Err(error.to_string()),
        }
        let groups = match known {
            Some(groups) => groups.to_vec(),
            None => just_taken(invocation, address).await?,
        };
        let target_groups = &invocation.setting.aws.target_groups;
        let addresses = [address];
        let back = groups.iter().map(|group| target_groups.register(group, &addresses));
        futures_util::future::try_join_all(back).await.map_err(|error| error.to_string())?;
        invocation.setting.metrics.put_back();
        Ok(TargetFate::PutBack)
    };
    match within(limit, registering).await {
        Ok(Ok(fate)) => fate,
        Ok(Err(why)) => TargetFate::NotPutBack { why },
        Err(timed_out) => TargetFate::NotPutBack { why: timed_out.to_string() },
    }
}

/// Where it is not known which groups it was taken out of: those that let it drain now. With one
/// group there is no question.
async fn just_taken(
    invocation: &Invocation,
    address: TargetAddress,
) -> Result<Vec<TargetGroupArn>, String> {
    let groups = &invocation.setting.config.scope.target_groups;
    if groups.len() == 1 {
        return Ok(groups.clone());
    }
    let reads = groups.iter().map(|group| invocation.target_state(group, address));
    let states = futures_util::future::try_join_all(reads).await.map_err(|e| e.to_string())?;
    let draining = groups.iter().zip(states).filter(|(_, state)| *state == TargetState::Draining);
    Ok(draining.map(|(group, _)| group.clone()).collect())
}

async fn still_registered(invocation: &Invocation, address: TargetAddress) -> Result<bool, String> {
    let groups = &invocation.setting.config.scope.target_groups;
    let reads = groups.iter().map(|group| invocation.target_state(group, address));
    let states = futures_util::future::try_join_all(reads).await.map_err(|e| e.to_string())?;
    Ok(states.contains(&TargetState::Registered))
}

fn taking(subject: &Subject, address: TargetAddress, ground: Ground) -> Taking {
    Taking { task: subject.task.arn.clone(), session: subject.session.clone(), address, ground }
}

fn address(invocation: &Invocation, subject: &Subject) -> Option<TargetAddress> {
    let port = invocation.setting.config.container.port;
    subject.task.held_address().map(|ip| TargetAddress { ip, port })
}
