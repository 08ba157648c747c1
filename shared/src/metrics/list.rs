//! The list of metrics, and of the steps of a cleanup. A name that is not in here is never written.

use serde::{Serialize, Serializer};
use serde_json::{Value, json};

/// One metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Metric {
    /// Its name.
    pub name: &'static str,
    /// Its unit.
    pub unit: Unit,
    /// What it says, for people.
    pub meaning: &'static str,
}

/// A metric's unit, in `CloudWatch`'s spelling.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// So many.
    Count,
    /// So long.
    Milliseconds,
    /// So many hours of something, for which `CloudWatch` has no unit; counted in thousandths.
    Hours,
}

impl Unit {
    /// `CloudWatch`'s word for it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Count => "Count",
            Self::Milliseconds => "Milliseconds",
            Self::Hours => "None",
        }
    }
}

/// One value of a metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Figure {
    /// Which.
    pub metric: Metric,
    /// The value, in the metric's unit (hours: in thousandths).
    pub value: u64,
}

impl Figure {
    /// As it stands in a line.
    #[must_use]
    pub fn written(&self) -> Value {
        match self.metric.unit {
            Unit::Count | Unit::Milliseconds => json!(self.value),
            #[expect(
                clippy::cast_precision_loss,
                reason = "beyond 2^53 thousandths nobody counts them"
            )]
            Unit::Hours => json!(self.value as f64 / 1000.0),
        }
    }
}

impl Metric {
    /// A figure of it.
    #[must_use]
    pub fn of(self, value: u64) -> Figure {
        Figure { metric: self, value }
    }

    /// A figure that counts so many.
    #[must_use]
    pub fn number(self, count: usize) -> Figure {
        self.of(u64::try_from(count).unwrap_or(u64::MAX))
    }
}

macro_rules! metrics {
    ($($constant:ident = $name:literal, $unit:ident, $meaning:literal;)+) => {
        impl Metric {
            $(#[doc = $meaning]
            pub const $constant: Self = Self { name: $name, unit: Unit::$unit, meaning: $meaning };)+
        }

        /// Every metric that the functions write.
        pub const METRICS: &[Metric] = &[$(Metric::$constant),+];
    };
}

metrics! {
    CLEANUP_DURATION = "CleanupDuration", Milliseconds, "One session's cleanup, from its event to its receipt";
    CLEANUP_FAILURES = "CleanupFailures", Count, "Cleanups on the owner's or ECS's word that left something to do: the circuit breaker's figure. Sweeps' cleanups are not counted, because the breaker starts a sweep";
    ARTIFACTS_LOST = "ArtifactsLost", Count, "Sessions whose artifacts are given up, or were found lost";
    ARTIFACTS_UNREADABLE = "ArtifactsUnreadable", Count, "Sessions whose container said 200 and whose marker can't be read: our failure, not their loss";
    RE_REGISTRATIONS = "ReRegistrations", Count, "Live sessions' targets that were registered again";
    OUTCOME_CLEANED = "OutcomeCleaned", Count, "Cleanups that ended as `cleaned`";
    OUTCOME_ALREADY_CLEAN = "OutcomeAlreadyClean", Count, "Cleanups that found the session clean";
    OUTCOME_AWAITING_SALVAGE = "OutcomeAwaitingSalvage", Count, "Cleanups that left the task running until its upload is confirmed";
    OUTCOME_ARTIFACTS_UNVERIFIED = "OutcomeArtifactsUnverified", Count, "Sessions whose marker is there, but nothing confirms the rest";
    OUTCOME_ARTIFACTS_LOST = "OutcomeArtifactsLost", Count, "Cleanups that ended as `artifacts_lost`";
    OUTCOME_INCOMPLETE = "OutcomeIncomplete", Count, "Cleanups in which something of AWS's failed, and which are tried again";
    OUTCOME_OUT_OF_SCOPE = "OutcomeOutOfScope", Count, "Events about a task of no configured cluster or family: acknowledged";
    OUTCOME_UNKNOWN = "OutcomeUnknown", Count, "Tasks that ended without a session's name: whose artifacts were saved or lost can't be told";
    OUTCOME_REJECTED = "OutcomeRejected", Count, "Events that were not about what they said, and orphans that turned out to be none";
    IDENTIFY_DURATION = "IdentifyDuration", Milliseconds, "The step `identify`";
    ARTIFACTS_DURATION = "ArtifactsDuration", Milliseconds, "The step `artifacts`";
    DEREGISTER_DURATION = "DeregisterDuration", Milliseconds, "The step `deregister`";
    VERIFY_TARGET_DURATION = "VerifyTargetDuration", Milliseconds, "The step `verify_target`";
    RE_REGISTER_DURATION = "ReRegisterDuration", Milliseconds, "The step `re_register`";
    STOP_DURATION = "StopDuration", Milliseconds, "The step `stop`";
    JUDGE_DURATION = "JudgeDuration", Milliseconds, "The step `judge`";
    TAG_DURATION = "TagDuration", Milliseconds, "The step `tag`";
    RECEIPT_DURATION = "ReceiptDuration", Milliseconds, "The step `receipt`";
    SWEEP_DURATION = "SweepDuration", Milliseconds, "One sweep";
    ORPHANS_FOUND = "OrphansFound", Count, "Orphans that a sweep found";
    ORPHANS_REMAINING = "OrphansRemaining", Count, "Orphans that a sweep left running, but for those whose uploads are under way";
    ORPHAN_VCPU_HOURS = "OrphanVcpuHours", Hours, "vCPU hours that the orphans of a sweep have used, each since it became one; take the maximum, for the next sweep counts them once more";
    ORPHANS_REAPED = "OrphansReaped", Count, "Orphans that it stopped";
    ZOMBIES_FOUND = "ZombiesFound", Count, "Zombie targets that a sweep found";
    ZOMBIES_REMAINING = "ZombiesRemaining", Count, "Zombie targets that it left registered";
    ZOMBIES_DEREGISTERED = "ZombiesDeregistered", Count, "Zombie targets that it deregistered for good";
    FOREIGN_TARGETS = "ForeignTargets", Count, "Targets at which something answers that no task has";
    MISROUTED_TARGETS = "MisroutedTargets", Count, "Targets whose address a stranger's task of a configured cluster holds";
    UNROUTED_TASKS = "UnroutedTasks", Count, "Sessions that no traffic reaches";
    UNIDENTIFIED_TASKS = "UnidentifiedTasks", Count, "Session tasks that name no session";
    CONFIRMED_RUNNING = "ConfirmedRunning", Count, "Orphans whose artifacts are confirmed, and that a sweep could not stop";
    RE_REGISTRATIONS_PENDING = "ReRegistrationsPending", Count, "Intents that a sweep could not settle: whether a live session is without its target is not known, or it can't be registered again yet";
    LEASES_LAPSING = "LeasesLapsing", Count, "1 when so many leases lapse at once that renewal is presumed broken";
    ROUTES_BROKEN = "RoutesBroken", Count, "1 when nobody was reached where others should have answered: the route to the tasks may be broken";
    CONTAINERS_NOT_ASKED = "ContainersNotAsked", Count, "1 when containers of orphans could not be asked because of our own failure (no descriptor, no snapshot, no time)";
    TASKS_REUSED = "TasksReused", Count, "1 when an orphan's container says that it runs another session";
    BLAST_RADIUS_REACHED = "BlastRadiusReached", Count, "1 when a sweep stopped at the blast radius with work left";
    SWEEPS_INCOMPLETE = "SweepsIncomplete", Count, "1 when a sweep could not list everything";
    SWEEPS_TRUNCATED = "SweepsTruncated", Count, "1 when a sweep stopped before its deadline with work left";
    SWEEP_PROBLEMS = "SweepProblems", Count, "Other problems of a sweep";
    INCOMPLETE_IN_A_ROW = "IncompleteInARow", Count, "Number of sweeps in a row that could not list everything";
    TRUNCATED_IN_A_ROW = "TruncatedInARow", Count, "Number of sweeps in a row that stopped before their deadlines with work left";
    PROBLEMS_IN_A_ROW = "ProblemsInARow", Count, "Number of sweeps in a row that had other problems; one that the next sweep can't know of counts twice";
    FOREIGN_IN_A_ROW = "ForeignInARow", Count, "Number of sweeps in a row that saw targets at which something answers that no task has";
    UNIDENTIFIED_IN_A_ROW = "UnidentifiedInARow", Count, "Number of sweeps in a row that saw session tasks that name no session";
    ORPHANS_REMAIN_IN_A_ROW = "OrphansRemainInARow", Count, "Number of sweeps in a row that left orphans running";
    ZOMBIES_REMAIN_IN_A_ROW = "ZombiesRemainInARow", Count, "Number of sweeps in a row that left zombie targets registered";
    RUN_ON_IN_A_ROW = "RunOnInARow", Count, "Number of sweeps in a row that left tasks running whose artifacts are confirmed";
    PENDING_IN_A_ROW = "PendingInARow", Count, "Number of sweeps in a row that left intents open: a live session may be without its target";
    LAST_ATTEMPTS_FAILED = "LastAttemptsFailed", Count, "Events whose last attempt failed: they go to the dead-letter queue";
    EVENTS_REFUSED = "EventsRefused", Count, "Events and invocations that can't be understood";
    API_CALLS = "ApiCalls", Count, "Requests to AWS of one invocation, retries included";
    API_THROTTLES = "ApiThrottles", Count, "Those of them that AWS throttled";
}

macro_rules! steps {
    ($($step:ident = $name:literal, $duration:ident, $meaning:literal;)+) => {
        /// One step of a cleanup, measured and logged by its name.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Step {
            $(#[doc = $meaning] $step),+
        }

        impl Step {
            /// Its name in logs and receipts.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self { $(Self::$step => $name),+ }
            }

            /// The metric of how long it took.
            #[must_use]
            pub fn duration(self) -> Metric {
                match self { $(Self::$step => Metric::$duration),+ }
            }
        }

        impl Serialize for Step {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.name())
            }
        }

        /// Every step.
        pub const STEPS: &[Step] = &[$(Step::$step),+];
    };
}

steps! {
    Identify = "identify", IDENTIFY_DURATION, "Finds the task and makes sure that it is the right one.";
    Artifacts = "artifacts", ARTIFACTS_DURATION, "Asks the container to upload, then looks for the marker.";
    Deregister = "deregister", DEREGISTER_DURATION, "Intent, deregistration, and whether the address was still the task's.";
    VerifyTarget = "verify_target", VERIFY_TARGET_DURATION, "Until the target is draining or gone.";
    ReRegister = "re_register", RE_REGISTER_DURATION, "Registers the target of a session that goes on.";
    Stop = "stop", STOP_DURATION, "`StopTask`, where that is allowed.";
    Judge = "judge", JUDGE_DURATION, "Judges the end of a task that is over.";
    Tag = "tag", TAG_DURATION, "Puts `session-ended-at` on a task that runs on.";
    Receipt = "receipt", RECEIPT_DURATION, "Writes down what became of the session.";
}
