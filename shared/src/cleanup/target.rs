use super::identified_session::{AddressCheck, IdentifiedSession};
use super::invocation::Invocation;
use super::request::SalvageWindow;
use super::salvage::{Salvage, TaskOver};
use super::target_fate::TargetFate;
use crate::aws::retry::pauses;
use crate::deadline::Deadline;
use crate::removal::{
    Authority, ContainersWord, Holders, LeftBehind, Registration, Removed, SessionTarget,
};
use crate::session::TargetAddress;
use backon::BackoffBuilder;
use futures_util::future::Shared;
use std::fmt;
use std::time::Duration;
use tokio::sync::{SetOnce, oneshot};
use tokio::time::Instant;

/// How the removal of the target ended, as far as the stop and the verification need to know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum TargetRemoval {
    /// The task has no address that could be registered.
    NoAddress,
    /// Nothing routes to sessions here.
    NotRouted,
    /// It was not tried, since nothing had confirmed that the session is over.
    NotTried,
    /// It was answered.
    Answered(Removed),
    /// It was answered, and then the task was no orphan any longer.
    Spared {
        /// What came of the removal.
        removed: Removed,
        /// What keeps the task.
        why: String,
    },
    /// It took too long; it goes on by itself.
    TimedOut {
        /// For the report.
        why: String,
    },
}

impl fmt::Display for TargetRemoval {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoAddress => f.write_str("no_address"),
            Self::NotRouted => f.write_str("not_routed"),
            Self::NotTried => f.write_str("kept"),
            Self::Answered(Removed::From(_)) => f.write_str("deregistered"),
            Self::Spared { why, .. } => write!(f, "spared: {why}"),
            Self::Answered(Removed::NotRegistered) => f.write_str("not_registered"),
            Self::Answered(Removed::TakenOver) => f.write_str("taken_over"),
            Self::Answered(Removed::Failed(error) | Removed::Waits(error)) => error.fmt(f),
            Self::TimedOut { why } => f.write_str(why),
        }
    }
}

/// Intent, deregistration, and whether it was still ours; until `deadline`. Where nothing has
/// confirmed that the session is over, the snapshot that answers the last question decides the row
/// once more.
pub(super) async fn remove(
    invocation: &Invocation,
    session: &IdentifiedSession,
    target: Option<&SessionTarget>,
    deadline: Deadline,
) -> TargetRemoval {
    let Some(target) = target else { return TargetRemoval::NoAddress };
    let (address, authority) = (target.address, target.authority);
    let removing = async {
        let removed = invocation.removals.remove(target.clone()).await;
        match authority {
            Authority::OwnersWord | Authority::Confirmed => TargetRemoval::Answered(removed),
            Authority::GivenUp => match session.check_address(invocation).await {
                Ok(AddressCheck::Spared { why, .. }) => TargetRemoval::Spared { removed, why },
                Ok(
                    AddressCheck::Holds(_)
                    | AddressCheck::NeverStarted(_)
                    | AddressCheck::TaskOver
                    | AddressCheck::Unclear,
                )
                | Err(_) => TargetRemoval::Answered(removed),
            },
        }
    };
    deadline.run(removing).await.unwrap_or_else(|timed_out| TargetRemoval::TimedOut {
        why: format!("DeregisterTargets of {address} is not settled: {timed_out}"),
    })
}

/// The other lane's result, handed over once.
pub(super) type Salvaged = SetOnce<Result<Salvage, TaskOver>>;

/// Waits until the target is draining or gone, and removes it again while it is still registered and
/// still the task's. Ends as soon as `salvaged` says that the container runs another session: then
/// nothing more is removed.
pub(super) async fn verify(
    invocation: &Invocation,
    session: &IdentifiedSession,
    removal: &TargetRemoval,
    target: Option<SessionTarget>,
    deadline: Deadline,
    (salvaged, window): (&Salvaged, SalvageWindow),
) -> TargetFate {
    let why = match removal {
        TargetRemoval::NoAddress => return TargetFate::NeverHadOne,
        TargetRemoval::NotRouted => return TargetFate::NotRouted,
        TargetRemoval::NotTried | TargetRemoval::Spared { .. } => return TargetFate::Kept,
        TargetRemoval::Answered(Removed::TakenOver) => return TargetFate::TakenOver,
        TargetRemoval::Answered(Removed::From(_) | Removed::NotRegistered) => {
            "it is still registered".to_owned()
        }
        TargetRemoval::Answered(Removed::Waits(error)) => {
            return TargetFate::Unverified { why: error.to_string() };
        }
        TargetRemoval::Answered(Removed::Failed(error)) => error.to_string(),
        TargetRemoval::TimedOut { why } => why.clone(),
    };
    let Some(target) = target else { return TargetFate::NeverHadOne };
    let mut rounds = Rounds { invocation, session, target, why };
    match deadline.run(rounds.until_settled(salvaged, window)).await {
        Ok(fate) => fate,
        Err(timed_out) => TargetFate::Unverified { why: format!("{}; {timed_out}", rounds.why) },
    }
}

/// Rounds of one verification, and what is known of them when their time is over.
struct Rounds<'a> {
    invocation: &'a Invocation,
    session: &'a IdentifiedSession,
    target: SessionTarget,
    /// What kept the last round from its end.
    why: String,
}

impl Rounds<'_> {
    async fn until_settled(&mut self, salvaged: &Salvaged, window: SalvageWindow) -> TargetFate {
        let Self { invocation, session, .. } = *self;
        let (address, removals) = (self.target.address, &invocation.removals);
        let mut pauses = pauses(Duration::from_millis(300), Duration::from_secs(3)).build();
        let mut looked_at_again = None;
        loop {
            let read_at = Instant::now();
            let seen_at = match removals.registrations(address.ip).await {
                Ok(registered) if registered.is_empty() => return TargetFate::Gone,
                Ok(registered) => {
                    self.why = still_registered(address, &registered);
                    self.target.seen = registered;
                    Some(read_at)
                }
                Err(error) => {
                    self.why = error.to_string();
                    None
                }
            };
            let snapshots = &invocation.snapshots;
            looked_at_again.get_or_insert_with(|| snapshots.look_again_at(&session.task.arn));
            let pause = pauses.next().unwrap_or_default();
            if is_of_another_session_within(pause, salvaged, window).await {
                return TargetFate::Kept;
            }
            let checked = match seen_at {
                // Whoever is registered there is still the task if it holds the address later.
                Some(seen_at) => session.check_address_since(invocation, seen_at).await,
                None => session.check_address(invocation).await,
            };
            match checked {
                Ok(AddressCheck::Holds(held)) if held == address.ip => {}
                Ok(AddressCheck::Spared { .. }) if self.target.authority == Authority::GivenUp => {
                    return TargetFate::Kept;
                }
                // It has confirmed: it is done, whatever its lease says.
                Ok(AddressCheck::Spared { address: held, .. }) if held == Some(address.ip) => {}
                Ok(
                    AddressCheck::Holds(_)
                    | AddressCheck::Spared { .. }
                    | AddressCheck::NeverStarted(_)
                    | AddressCheck::TaskOver,
                ) => match removals.registrations(address.ip).await {
                    Ok(registered) if registered.is_empty() => return TargetFate::Gone,
                    Ok(_) => return TargetFate::TakenOver,
                    Err(error) => {
                        self.why = error.to_string();
                        continue;
                    }
                },
                Ok(AddressCheck::Unclear) => continue,
                Err(error) => {
                    self.why = error.to_string();
                    continue;
                }
            }
            match removals.remove(self.target.clone()).await {
                Removed::TakenOver => return TargetFate::TakenOver,
                Removed::Failed(error) | Removed::Waits(error) => self.why = error.to_string(),
                Removed::From(_) | Removed::NotRegistered => {}
            }
        }
    }
}

/// Where it still is; at another port than ours it never went.
fn still_registered(address: TargetAddress, registered: &[Registration]) -> String {
    let mut places = registered.iter().map(|at| format!("{} in {}", at.address, at.group));
    let first = places.next().unwrap_or_default();
    let all = places.fold(first, |all, place| format!("{all}, {place}"));
    if registered.iter().any(|at| at.address.port != address.port) {
        format!("{all} is still registered, and CONTAINER_PORT is {}", address.port)
    } else {
        format!("{all} is still registered")
    }
}

/// Pauses; says early that the container turned out to run another session.
async fn is_of_another_session_within(
    pause: Duration,
    salvaged: &Salvaged,
    window: SalvageWindow,
) -> bool {
    let end = Instant::now() + pause;
    match tokio::time::timeout_at(end, salvaged.wait()).await {
        Ok(Ok(salvage)) if salvage.is_of_another_session(window) => true,
        Ok(Ok(_) | Err(TaskOver)) | Err(_) => {
            tokio::time::sleep_until(end).await;
            false
        }
    }
}

/// After a 403, or where its task is no orphan any longer: the target is registered again wherever it was
/// deregistered, or may have been. What is not seen to have come back stays in its intent.
pub(super) async fn re_register(
    invocation: &Invocation,
    session: &IdentifiedSession,
    removal: &TargetRemoval,
    deadline: Deadline,
) -> TargetFate {
    let removals = &invocation.removals;
    let has_attempted = removals.has_attempted(&session.task.arn);
    let goes_on = match removal {
        TargetRemoval::NoAddress => return TargetFate::NeverHadOne,
        TargetRemoval::NotRouted => return TargetFate::NotRouted,
        TargetRemoval::NotTried => return TargetFate::Kept,
        TargetRemoval::Answered(removed) | TargetRemoval::Spared { removed, .. } => match removed {
            Removed::TakenOver => return TargetFate::TakenOver,
            Removed::From(_) | Removed::NotRegistered | Removed::Waits(_) | Removed::Failed(_)
                if !has_attempted =>
            {
                return TargetFate::Kept;
            }
            Removed::From(_) | Removed::NotRegistered | Removed::Waits(_) | Removed::Failed(_) => {
                None
            }
        },
        TargetRemoval::TimedOut { why } => Some(why),
    };
    let Some(ip) = session.task.held_address() else { return TargetFate::NeverHadOne };
    let registering = async {
        match session.check_address(invocation).await.map_err(|error| error.to_string())? {
            AddressCheck::Holds(held) | AddressCheck::Spared { address: Some(held), .. }
                if held == ip => {}
            AddressCheck::Holds(_)
            | AddressCheck::Spared { .. }
            | AddressCheck::NeverStarted(_)
            | AddressCheck::TaskOver => return Ok(TargetFate::TakenOver),
            AddressCheck::Unclear => return Err("ECS does not show the task's address".to_owned()),
        }
        removals.re_register(&session.task.arn).await.map_err(|error| error.to_string())?;
        match goes_on {
            None => Ok(TargetFate::ReRegistered),
            Some(why) => Err(format!("{why}; the deregistration may still take effect")),
        }
    };
    let registered = deadline.run(registering).await.unwrap_or_else(|timed_out| {
        Err(format!("DescribeTasks or RegisterTargets of {ip} is not answered; {timed_out}"))
    });
    registered.unwrap_or_else(|why| TargetFate::NotReRegistered {
        why: format!("{why}; its intent stays, and the next sweep tries again"),
    })
}

/// What is still open of earlier removals of the task's target: a session that goes on gets it back.
pub(super) async fn open_intents(
    invocation: &Invocation,
    session: &IdentifiedSession,
    deadline: Deadline,
) -> TargetFate {
    let context = invocation.context();
    let left = LeftBehind::read(context, deadline).await.about(&session.task.arn);
    let done = left.settle(context, invocation.snapshots(), Holders::ToBeListed, deadline).await;
    match (done.problems.as_slice(), done.re_registered) {
        ([], 0) => TargetFate::Kept,
        ([], _) => TargetFate::ReRegistered,
        (problems, _) => TargetFate::NotReRegistered { why: problems.join("; ") },
    }
}

/// What becomes of the target that a task may have left behind.
pub(super) fn leftover(invocation: &Invocation) -> TargetFate {
    if invocation.context().config.scope.routes_traffic() {
        TargetFate::LeftToReaper
    } else {
        TargetFate::NotRouted
    }
}

/// The task's target, at the configured port until it is seen elsewhere.
pub(super) fn target_of(
    invocation: &Invocation,
    session: &IdentifiedSession,
    authority: Authority,
    word: Shared<oneshot::Receiver<ContainersWord>>,
) -> Option<SessionTarget> {
    let port = invocation.context().config.container.port;
    let address = session.task.held_address().map(|ip| TargetAddress { ip, port })?;
    Some(SessionTarget {
        task: session.task.arn.clone(),
        session: session.id.clone(),
        address,
        authority,
        review: session.review.clone().filter(|_| authority == Authority::GivenUp),
        seen: Vec::new(),
        word,
    })
}
