use crate::aws::{TargetHealth, Unhealthy, Witness};
use crate::session::{ClusterName, TaskArn};
use serde::Serialize;

/// The rows of table 5.2, in its order. The first that matches wins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum TargetRow {
    /// 1: a task of a configured family has the address.
    Owned,
    /// 1, in a cluster that is not configured: kept all the same, but its sessions are not cleaned.
    OwnedElsewhere,
    /// 2: another task of a configured cluster has it: traffic reaches a stranger.
    Misrouted,
    /// 2, in a cluster that is not configured: it may live in another VPC with the same addresses.
    MisroutedElsewhere,
    /// 3: on its way out.
    Draining,
    /// Nobody is seen to have it, and not everybody was seen.
    Undecided,
    /// 4: nobody has it and nobody answers: seen once, or not long enough ago.
    Suspected,
    /// 5: the same, twice.
    Zombie,
    /// 6: nobody has it, and something answers.
    Foreign,
    /// 7: anything else.
    Unclear,
}

/// What follows from a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TargetVerdict {
    /// Nothing is wrong with it.
    Keep,
    /// It is kept, and people should know.
    Report,
    /// It is kept, and looked at again by the next sweep.
    Suspect,
    /// It is taken away.
    TakeAway,
}

impl TargetRow {
    /// What follows.
    #[must_use]
    pub fn verdict(self) -> TargetVerdict {
        match self {
            Self::Owned | Self::Draining => TargetVerdict::Keep,
            Self::OwnedElsewhere
            | Self::Misrouted
            | Self::MisroutedElsewhere
            | Self::Undecided
            | Self::Foreign
            | Self::Unclear => TargetVerdict::Report,
            Self::Suspected => TargetVerdict::Suspect,
            Self::Zombie => TargetVerdict::TakeAway,
        }
    }

    /// Whether people should know.
    #[must_use]
    pub fn is_finding(self) -> bool {
        self.verdict() != TargetVerdict::Keep
    }

    /// The row's place in the table, for people.
    #[must_use]
    pub fn number(self) -> &'static str {
        match self {
            Self::Owned => "1",
            Self::OwnedElsewhere => "1, elsewhere",
            Self::Misrouted => "2",
            Self::MisroutedElsewhere => "2, elsewhere",
            Self::Draining => "3",
            Self::Undecided => "undecided",
            Self::Suspected => "4",
            Self::Zombie => "5",
            Self::Foreign => "6",
            Self::Unclear => "7",
        }
    }
}

/// Who has the address of a target: a task with `desiredStatus` RUNNING, of any family, in any
/// cluster of the account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Owner {
    /// A task of a configured family.
    OfOurs {
        /// The task.
        task: TaskArn,
        /// Where it runs, if that is no configured cluster.
        elsewhere: Option<ClusterName>,
    },
    /// Any other task.
    Stranger {
        /// The task.
        task: TaskArn,
        /// Where it runs, if that is no configured cluster.
        elsewhere: Option<ClusterName>,
    },
    /// No task of the account; every cluster was listed whole.
    Nobody,
    /// No task of the configured clusters, which were listed whole; the others were not asked.
    NobodyOfOurs,
    /// No task that was seen; not every task was.
    Unknown,
}

/// What is known of one target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TargetEvidence {
    /// Who has its address.
    pub owner: Owner,
    /// What the load balancer says.
    pub health: TargetHealth,
    /// What answered us there; `None` when nobody was asked.
    pub witness: Option<Witness>,
    /// Whether an earlier sweep, long enough ago, found it the same.
    pub suspected: bool,
}

/// Finds the row of a target.
#[must_use]
pub fn target_row(evidence: &TargetEvidence) -> TargetRow {
    let health = evidence.health;
    match &evidence.owner {
        Owner::OfOurs { elsewhere: None, .. } => return TargetRow::Owned,
        Owner::OfOurs { elsewhere: Some(_), .. } => return TargetRow::OwnedElsewhere,
        Owner::Stranger { elsewhere: None, .. } => return TargetRow::Misrouted,
        Owner::Stranger { elsewhere: Some(_), .. } => return TargetRow::MisroutedElsewhere,
        Owner::Nobody | Owner::NobodyOfOurs | Owner::Unknown => {}
    }
    if health == TargetHealth::Draining {
        return TargetRow::Draining;
    }
    match evidence.owner {
        Owner::Unknown => return TargetRow::Undecided,
        // Its fate may depend on a task of another cluster.
        Owner::NobodyOfOurs
            if health.is_unanswered() && evidence.witness == Some(Witness::Silent) =>
        {
            return TargetRow::Undecided;
        }
        Owner::OfOurs { .. } | Owner::Stranger { .. } | Owner::Nobody | Owner::NobodyOfOurs => {}
    }
    if health.is_unanswered() {
        return match evidence.witness {
            Some(Witness::Silent) if evidence.suspected => TargetRow::Zombie,
            Some(Witness::Silent) => TargetRow::Suspected,
            Some(Witness::Active | Witness::Done | Witness::Answers) => TargetRow::Foreign,
            None => TargetRow::Unclear,
        };
    }
    match (health, evidence.witness) {
        (
            TargetHealth::Healthy
            | TargetHealth::Initial
            | TargetHealth::Unhealthy(Unhealthy::ResponseCodeMismatch),
            _,
        )
        | (_, Some(Witness::Active | Witness::Done | Witness::Answers)) => TargetRow::Foreign,
        (
            TargetHealth::Unhealthy(
                Unhealthy::Other | Unhealthy::Timeout | Unhealthy::FailedHealthChecks,
            )
            | TargetHealth::Draining
            | TargetHealth::Unused
            | TargetHealth::Unavailable
            | TargetHealth::Unrecognised,
            Some(Witness::Silent) | None,
        ) => TargetRow::Unclear,
    }
}

#[cfg(test)]
mod tests;
