use super::budget::Budget;
use super::identified_session::{AddressCheck, IdentifiedSession};
use super::invocation::Invocation;
use super::marker::{WritesFrom, marker};
use super::request::{Cause, Order};
use super::said_before::said_before;
use super::salvage::{Salvage, TaskOver, UNDER_WAY, noted};
use crate::aws::retry::pauses;
use crate::aws::{CallError, Failure, Marker};
use crate::config::ArtifactMode;
use crate::container::{CompletionAnswer, Turn};
use crate::deadline::Deadline;
use crate::session::Stage;
use backon::BackoffBuilder;
use std::time::Duration;

const UNAUTHORIZED: &str = "the container answered HTTP 401: it does not accept CONTAINER_AUTHORIZATION; \
                            deploy with the current secret";

/// What ends the attempts.
type Salvaged = Result<Salvage, TaskOver>;

/// Gets the artifacts out of the session's container, within its `budget`. On the owner's word the
/// container is asked again and again; on our inference once, and the next sweep asks again.
pub(super) async fn salvage(
    invocation: &Invocation,
    session: &IdentifiedSession,
    cause: &Cause,
    budget: Budget<'_>,
) -> Salvaged {
    let (order, window) = (cause.order(), session.window(cause));
    if let Some(noted) = noted(&session.task) {
        return Ok(noted);
    }
    let stage = session.task.stage();
    if stage == Stage::NeverStarted {
        return Ok(Salvage::NothingToSave);
    }
    let turn = match invocation.context().config.artifacts.mode {
        ArtifactMode::Complete => {
            let waiting = invocation.context().containers.turn();
            budget.turn(stage).run(waiting).await.ok().flatten()
        }
        ArtifactMode::SelfUpload { .. } => None,
        ArtifactMode::Discard => {
            return discard(invocation, session, order, budget.artifacts(stage)).await;
        }
    };
    let turn = turn.as_ref();
    let deadline = budget.artifacts(stage);
    let mut attempts = Attempts {
        invocation,
        session,
        turn,
        asking: deadline.earlier(deadline.left() / 2),
        asked: false,
        forbidden: false,
        known: KnownSoFar::Nothing,
        problem: None,
    };
    let salvaged = match deadline.run(attempts.until_settled(order)).await {
        Ok(salvaged) => salvaged,
        Err(timed_out) => {
            let problem = attempts.problem.unwrap_or("there was no time for an attempt".to_owned());
            let why = format!("{problem}; {timed_out}");
            Ok(match attempts.known {
                KnownSoFar::Nothing => Salvage::Unconfirmed { why },
                KnownSoFar::Unreadable => Salvage::Unreadable { why },
                KnownSoFar::Unreached => Salvage::Blind { why },
            })
        }
    };
    match salvaged {
        // Whatever came after it, and even if it may have been a stranger's.
        Ok(
            Salvage::Unconfirmed { .. }
            | Salvage::Blind { .. }
            | Salvage::UnderWay
            | Salvage::NotAsked { .. },
        ) if attempts.forbidden => Ok(Salvage::WrongContainer),
        // A salvage window begins with a question, not with the wish to ask.
        Ok(Salvage::Unconfirmed { why }) if !attempts.asked => Ok(Salvage::NotAsked { why }),
        Ok(silent @ (Salvage::Unconfirmed { .. } | Salvage::Blind { .. }))
            if order == Order::Together
                || turn.is_some() && window.is_over && !window.is_beyond_hard_age =>
        {
            let deadline = budget.until_the_stop();
            Ok(Box::pin(said_before(invocation, session, silent, order, deadline)).await)
        }
        salvaged => salvaged,
    }
}

/// Nobody is asked. On our inference the row is decided once more, as it is before a container is asked.
async fn discard(
    invocation: &Invocation,
    session: &IdentifiedSession,
    order: Order,
    deadline: Deadline,
) -> Salvaged {
    let checked = match order {
        Order::Together => return Ok(Salvage::Discarded),
        Order::ArtifactsFirst => {
            let checking = session.check_address(invocation);
            let task = session.task.arn.as_str();
            CallError::answered_by(deadline, "DescribeTasks", task, checking).await
        }
    };
    match checked {
        Ok(AddressCheck::Holds(_) | AddressCheck::NeverStarted(_)) => Ok(Salvage::Discarded),
        Ok(AddressCheck::Spared { why, .. }) => Ok(Salvage::Spared { why }),
        Ok(AddressCheck::TaskOver) => Err(TaskOver),
        Ok(AddressCheck::Unclear) => {
            Ok(Salvage::NotAsked { why: "ECS shows no address of the task".to_owned() })
        }
        Err(error) => Ok(Salvage::NotAsked { why: error.to_string() }),
    }
}

/// Attempts at one container, and what is known of them when their time is over.
struct Attempts<'a> {
    invocation: &'a Invocation,
    session: &'a IdentifiedSession,
    /// Our turn to have a connection to it, where one is needed.
    turn: Option<&'a Turn>,
    /// A sweep begins no question later than this: one that ends for want of time was no fair try.
    asking: Deadline,
    /// Whether the container may have been asked.
    asked: bool,
    /// Whether a 403 came: another session may run there.
    forbidden: bool,
    /// What the last one came to.
    known: KnownSoFar,
    /// What kept the last one from success.
    problem: Option<String>,
}

enum KnownSoFar {
    Nothing,
    /// The container said 200, and the marker can't be read.
    Unreadable,
    /// Nobody was reached.
    Unreached,
}

enum Attempt {
    Settled(Salvaged),
    /// Nobody was reached: either nobody is there, or no route leads there.
    Unreached(String),
    /// The container said 200, and the marker can't be read.
    Unreadable(String),
    Again(String),
}

impl Attempts<'_> {
    async fn until_settled(&mut self, order: Order) -> Salvaged {
        let mut pauses = pauses(Duration::from_millis(500), Duration::from_secs(4)).build();
        let Self { invocation, session, .. } = *self;
        let mut looked_at_again = None;
        loop {
            match (self.attempt(order).await, order) {
                (Attempt::Settled(salvaged), _) => return salvaged,
                (Attempt::Unreadable(why), Order::ArtifactsFirst) => {
                    tracing::error!(problem = %why, "the marker can't be read; the next sweep tries again");
                    return Ok(Salvage::Unreadable { why });
                }
                (Attempt::Unreadable(problem), Order::Together) => {
                    tracing::error!(%problem, "the marker can't be read; trying again");
                    (self.known, self.problem) = (KnownSoFar::Unreadable, Some(problem));
                }
                (Attempt::Unreached(why), Order::ArtifactsFirst) => {
                    (self.known, self.problem) = (KnownSoFar::Unreached, Some(why.clone()));
                    return Ok(self.judge_silence(why).await);
                }
                (Attempt::Again(problem) | Attempt::Unreached(problem), Order::Together) => {
                    tracing::warn!(%problem, "artifacts not confirmed; trying again");
                    (self.known, self.problem) = (KnownSoFar::Nothing, Some(problem));
                }
                (Attempt::Again(problem), Order::ArtifactsFirst) => {
                    tracing::warn!(%problem, "artifacts not confirmed; the next sweep tries again");
                    return Ok(Salvage::Unconfirmed { why: problem });
                }
            }
            looked_at_again
                .get_or_insert_with(|| invocation.snapshots.look_again_at(&session.task.arn));
            tokio::time::sleep(pauses.next().unwrap_or_default()).await;
        }
    }

    /// Silence is believed where another task answers by the same route.
    async fn judge_silence(&self, why: String) -> Salvage {
        let neighbourhood = self.session.task.neighbourhood();
        let containers = &self.invocation.context().containers;
        let is_whole = match &self.session.routes {
            Some(routes) => routes.is_whole(&neighbourhood, containers).await,
            None => false,
        };
        if is_whole {
            tracing::warn!(problem = %why, "artifacts not confirmed; the next sweep tries again");
            Salvage::Unconfirmed { why }
        } else {
            tracing::error!(problem = %why, "no other task of its family in its subnet answers");
            Salvage::Blind { why }
        }
    }

    /// One attempt. It follows a check that shows the task holding its address: a resumed session
    /// may have got that address since, and would answer 200 for the same id.
    async fn attempt(&mut self, order: Order) -> Attempt {
        let Self { invocation, session, turn, .. } = *self;
        let looking = || format!("DescribeTasks of {} is not answered", session.task.arn);
        self.problem.get_or_insert_with(looking);
        let address = match session.check_address(invocation).await {
            Ok(AddressCheck::Holds(address)) => address,
            Ok(AddressCheck::Spared { why, .. }) => {
                return Attempt::Settled(Ok(Salvage::Spared { why }));
            }
            Ok(AddressCheck::TaskOver) => return Attempt::Settled(Err(TaskOver)),
            Ok(AddressCheck::NeverStarted(_) | AddressCheck::Unclear) => {
                return Attempt::Again("ECS shows no address of the task".to_owned());
            }
            Err(error) => return Attempt::Again(error.to_string()),
        };
        // Another cleanup of the same session may have been faster.
        let seen = invocation.snapshots.fresh(&session.task.arn).and_then(|shown| shown.task);
        if let Some(noted) = seen.as_ref().and_then(noted) {
            return Attempt::Settled(Ok(noted));
        }
        if order == Order::ArtifactsFirst && self.asking.left().is_zero() {
            let why = "too little time was left to ask its container".to_owned();
            return Attempt::Settled(Ok(Salvage::NotAsked { why }));
        }
        let asked_before = std::mem::replace(&mut self.asked, true);
        let turn = match invocation.context().config.artifacts.mode {
            ArtifactMode::Complete => turn,
            ArtifactMode::Discard => return Attempt::Settled(Ok(Salvage::Discarded)),
            ArtifactMode::SelfUpload { marker_written_last: true } => {
                return look_for_marker(invocation, session).await;
            }
            ArtifactMode::SelfUpload { marker_written_last: false } => {
                let why = "the container uploads by itself and has not exited yet".to_owned();
                return Attempt::Settled(Ok(Salvage::Unconfirmed { why }));
            }
        };
        let Some(turn) = turn else {
            let why = "too many containers are being asked already".to_owned();
            return Attempt::Settled(Ok(Salvage::NotAsked { why }));
        };
        self.problem = Some(format!("no answer of the container at {address} yet"));
        let answer = invocation.context().containers.complete(turn, address, &session.id).await;
        match (&answer, &session.routes) {
            (
                Ok(
                    CompletionAnswer::Uploaded
                    | CompletionAnswer::UnderWay
                    | CompletionAnswer::Unauthorized
                    | CompletionAnswer::WrongContainer
                    | CompletionAnswer::Failed { .. },
                ),
                Some(routes),
            ) => routes.prove(&session.task.neighbourhood()),
            (Ok(CompletionAnswer::Unreached { .. }) | Err(_), _) | (Ok(_), None) => {}
        }
        match answer {
            Ok(CompletionAnswer::Uploaded) => {
                let key = invocation.context().aws.artifacts.marker_key(&session.id);
                let problem = format!(
                    "the container says that all is in S3, and HeadObject of {key} is not answered"
                );
                (self.known, self.problem) = (KnownSoFar::Unreadable, Some(problem));
                look_for_marker(invocation, session).await
            }
            Ok(CompletionAnswer::Unauthorized) => {
                Attempt::Settled(Ok(Salvage::NotAsked { why: UNAUTHORIZED.to_owned() }))
            }
            Ok(CompletionAnswer::UnderWay) if session.task.stage() == Stage::Dying => {
                Attempt::Again(UNDER_WAY.to_owned())
            }
            Ok(CompletionAnswer::UnderWay) => Attempt::Settled(Ok(Salvage::UnderWay)),
            Ok(CompletionAnswer::WrongContainer) => {
                self.forbidden = true;
                let word = whose_word(invocation, session).await;
                self.forbidden = !matches!(word, Attempt::Settled(Err(TaskOver)));
                word
            }
            Ok(CompletionAnswer::Failed { status, body }) => {
                Attempt::Again(format!("the container answered HTTP {status}: {body}"))
            }
            Ok(CompletionAnswer::Unreached { why }) => Attempt::Unreached(why),
            Err(error) if error.failure == Failure::NotSent => {
                self.asked = asked_before;
                Attempt::Again(error.to_string())
            }
            Err(error) => Attempt::Again(error.to_string()),
        }
    }
}

/// A 403 is the task's own word only while the task holds the address: otherwise the address has
/// changed hands since the last check, and it is a stranger's.
async fn whose_word(invocation: &Invocation, session: &IdentifiedSession) -> Attempt {
    match session.check_address_anew(invocation).await {
        Ok(AddressCheck::Holds(_)) => Attempt::Settled(Ok(Salvage::WrongContainer)),
        Ok(AddressCheck::Spared { why, .. }) => Attempt::Settled(Ok(Salvage::Spared { why })),
        Ok(AddressCheck::TaskOver) => Attempt::Settled(Err(TaskOver)),
        Ok(AddressCheck::NeverStarted(_) | AddressCheck::Unclear) => {
            Attempt::Again("a 403, and ECS shows no address of the task".to_owned())
        }
        Err(error) => Attempt::Again(error.to_string()),
    }
}

/// The marker alone proves nothing, since containers may write it first; the 200 and the marker
/// together do. One that is older than the task was left by an earlier task of the session.
async fn look_for_marker(invocation: &Invocation, session: &IdentifiedSession) -> Attempt {
    let store = &invocation.context().aws.artifacts;
    match own_marker(invocation, session).await {
        Ok(Marker::Present) => Attempt::Settled(Ok(Salvage::Confirmed)),
        Ok(Marker::OfAnEarlierSession(at)) => Attempt::Again(format!(
            "the marker {} is of {at}, before the session began",
            store.marker_key(&session.id)
        )),
        Ok(Marker::Absent) => {
            Attempt::Again(format!("the marker {} is not in S3", store.marker_key(&session.id)))
        }
        Err(error) => Attempt::Unreadable(error.to_string()),
    }
}

async fn own_marker(
    invocation: &Invocation,
    session: &IdentifiedSession,
) -> Result<Marker, CallError> {
    let IdentifiedSession { id, task, writes_from, .. } = session;
    marker(invocation, id, &task.arn, WritesFrom::of(*writes_from, Some(task))).await
}

/// What is known of artifacts that are about to be given up: only where S3 says that there is no marker
/// of this session are they lost.
pub(super) async fn give_up(
    invocation: &Invocation,
    session: &IdentifiedSession,
    salvage: Salvage,
    deadline: Deadline,
) -> Salvage {
    let why = match &salvage {
        Salvage::Unconfirmed { why } | Salvage::Blind { why } => why.clone(),
        Salvage::WrongContainer => "the container runs another session".to_owned(),
        Salvage::UnderWay => UNDER_WAY.to_owned(),
        Salvage::Confirmed
        | Salvage::NothingToSave
        | Salvage::Discarded
        | Salvage::GivenUpBefore
        | Salvage::Unreadable { .. }
        | Salvage::Unverified { .. }
        | Salvage::NotAsked { .. }
        | Salvage::Spared { .. } => return salvage,
    };
    let store = &invocation.context().aws.artifacts;
    let reading = Box::pin(own_marker(invocation, session));
    let key = store.marker_key(&session.id);
    match CallError::answered_by(deadline, "HeadObject", &key, reading).await {
        Ok(Marker::Present) => Salvage::Unverified { why: format!("{why}; its marker is there") },
        Ok(Marker::OfAnEarlierSession(_) | Marker::Absent) => salvage,
        Err(problem) => Salvage::Unverified { why: format!("{why}; {problem}") },
    }
}
