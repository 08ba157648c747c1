use crate::aws::{TargetHealth, Unhealthy};
use crate::container::Probe;
use crate::sweep::observation::Holder;
use std::fmt;

/// The rows of the table of targets (`docs/decisions/targets.md`), in its order. The first that matches
/// wins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum TargetRow {
    /// G1: a task of a configured family holds the address.
    Held,
    /// G1, in a cluster that is not configured: kept all the same, but its sessions are not cleaned.
    HeldElsewhere,
    /// G2: another task of a configured cluster holds it: traffic reaches a stranger.
    Misrouted,
    /// G2, in a cluster that is not configured: it may live in another VPC with the same addresses.
    MisroutedElsewhere,
    /// G3: on its way out.
    Draining,
    /// Nobody is seen to hold it, and not everybody was seen.
    Undecided,
    /// G4: nobody holds it and nobody answers: seen once, or not long enough ago.
    Suspected,
    /// G5: the same, twice.
    Zombie,
    /// G6: nobody holds it, and something answers.
    Foreign,
    /// G7: anything else.
    Unclear,
}

/// What follows from a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TargetVerdict {
    /// Nothing is wrong with it.
    Keep,
    /// It is kept, and people should know.
    KeepAndReport,
    /// It is kept, and looked at again by the next sweep.
    Suspect,
    /// It is deregistered.
    Remove,
}

impl TargetRow {
    /// What follows.
    #[must_use]
    pub fn verdict(self) -> TargetVerdict {
        match self {
            Self::Held | Self::Draining => TargetVerdict::Keep,
            Self::HeldElsewhere
            | Self::Misrouted
            | Self::MisroutedElsewhere
            | Self::Undecided
            | Self::Foreign
            | Self::Unclear => TargetVerdict::KeepAndReport,
            Self::Suspected => TargetVerdict::Suspect,
            Self::Zombie => TargetVerdict::Remove,
        }
    }

    /// Whether people should know.
    #[must_use]
    pub fn is_finding(self) -> bool {
        self.verdict() != TargetVerdict::Keep
    }

    /// Whether it is acted on only when two sweeps saw it: what they see may pass.
    #[must_use]
    pub fn needs_two_sweeps(self) -> bool {
        match self {
            Self::Suspected | Self::Zombie => true,
            Self::Held
            | Self::HeldElsewhere
            | Self::Misrouted
            | Self::MisroutedElsewhere
            | Self::Draining
            | Self::Undecided
            | Self::Foreign
            | Self::Unclear => false,
        }
    }

    /// Its place in the table and its name, as people see them.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Held => "G1 held",
            Self::HeldElsewhere => "G1 held_elsewhere",
            Self::Misrouted => "G2 misrouted",
            Self::MisroutedElsewhere => "G2 misrouted_elsewhere",
            Self::Draining => "G3 draining",
            Self::Suspected => "G4 suspected",
            Self::Zombie => "G5 zombie",
            Self::Foreign => "G6 foreign",
            Self::Unclear => "G7 unclear",
            Self::Undecided => "G7 undecided",
        }
    }
}

impl fmt::Display for TargetRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.label())
    }
}

/// What is known of one target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TargetEvidence {
    /// Who holds its address.
    pub holder: Holder,
    /// What the load balancer says.
    pub health: TargetHealth,
    /// What answered us there; `None` when nobody was asked.
    pub probe: Option<Probe>,
    /// Whether packets of ours are known to reach its group's targets.
    pub route_is_whole: bool,
    /// Whether an earlier sweep, long enough ago, found it the same.
    pub suspected: bool,
}

impl TargetEvidence {
    /// What answered us there, as far as it may be believed.
    #[must_use]
    pub fn believed_probe(&self) -> Option<Probe> {
        self.probe.map(|probe| probe.by_route(self.route_is_whole))
    }

    /// Whether it contradicts the suspicion that nobody is there, by this row; what could not be seen does not.
    #[must_use]
    pub fn contradicts(&self, row: TargetRow) -> bool {
        match row {
            TargetRow::Suspected | TargetRow::Zombie => false,
            TargetRow::Undecided | TargetRow::Unclear => self.has_an_answer(),
            TargetRow::Held
            | TargetRow::HeldElsewhere
            | TargetRow::Misrouted
            | TargetRow::MisroutedElsewhere
            | TargetRow::Draining
            | TargetRow::Foreign => true,
        }
    }

    /// Whether the load balancer or we had an answer.
    fn has_an_answer(&self) -> bool {
        let answered = match self.probe {
            Some(Probe::Active | Probe::Done | Probe::Answers) => true,
            Some(Probe::Silent | Probe::Blind) | None => false,
        };
        !self.health.is_unanswered() || answered
    }

    /// Whether nothing answers anybody there, and the route may be to blame for ours.
    #[must_use]
    pub fn is_blind(&self) -> bool {
        self.health.is_unanswered() && self.believed_probe() == Some(Probe::Blind)
    }
}

/// Finds the row of a target.
#[must_use]
pub fn target_row(evidence: &TargetEvidence) -> TargetRow {
    let (health, probe) = (evidence.health, evidence.believed_probe());
    match &evidence.holder {
        Holder::OfOurs { elsewhere: None, .. } => return TargetRow::Held,
        Holder::OfOurs { elsewhere: Some(_), .. } => return TargetRow::HeldElsewhere,
        Holder::Stranger { elsewhere: None, .. } => return TargetRow::Misrouted,
        Holder::Stranger { elsewhere: Some(_), .. } => return TargetRow::MisroutedElsewhere,
        Holder::Nobody | Holder::NobodyOfOurs | Holder::Unknown => {}
    }
    if health == TargetHealth::Draining {
        return TargetRow::Draining;
    }
    match evidence.holder {
        Holder::Unknown => return TargetRow::Undecided,
        // Its fate may depend on a task of another cluster.
        Holder::NobodyOfOurs if health.is_unanswered() && probe == Some(Probe::Silent) => {
            return TargetRow::Undecided;
        }
        Holder::OfOurs { .. } | Holder::Stranger { .. } | Holder::Nobody | Holder::NobodyOfOurs => {
        }
    }
    if health.is_unanswered() {
        return match probe {
            Some(Probe::Silent) if evidence.suspected => TargetRow::Zombie,
            Some(Probe::Silent) => TargetRow::Suspected,
            Some(Probe::Active | Probe::Done | Probe::Answers) => TargetRow::Foreign,
            Some(Probe::Blind) | None => TargetRow::Unclear,
        };
    }
    match (health, probe) {
        (
            TargetHealth::Healthy
            | TargetHealth::Initial
            | TargetHealth::Unhealthy(Unhealthy::ResponseCodeMismatch),
            _,
        )
        | (_, Some(Probe::Active | Probe::Done | Probe::Answers)) => TargetRow::Foreign,
        (
            TargetHealth::Unhealthy(
                Unhealthy::Other | Unhealthy::Timeout | Unhealthy::FailedHealthChecks,
            )
            | TargetHealth::Draining
            | TargetHealth::Unused
            | TargetHealth::Unavailable
            | TargetHealth::Unrecognised,
            Some(Probe::Silent | Probe::Blind) | None,
        ) => TargetRow::Unclear,
    }
}
