//! What may ring, for what must have happened before it does. Without that an alarm rings for nothing.

use super::facts::Facts;
use crate::history::{Action, Function, Identity, Lease, Sweep, Where};
use crate::play::logbook::CameTo;
use jiff::SignedDuration;
use session_cleanup_tests::world::{Api, Call, FaultKind, Met, Outcome, Service};
use std::time::Duration;

/// What an alarm may ring for.
pub(super) struct Cause {
    pub(super) alarm: &'static str,
    /// Whether it is there; broad enough to be sure where it is not.
    is_there: fn(&Facts<'_>) -> bool,
    /// What is true where it is not.
    otherwise: &'static str,
}

/// Why an alarm must not ring.
pub(super) fn ring(name: &str, facts: &Facts<'_>) -> Result<(), &'static str> {
    let cause = CAUSES.iter().find(|cause| cause.alarm == name);
    let cause = cause.unwrap_or_else(|| panic!("nothing says when {name} may ring"));
    if (cause.is_there)(facts) { Ok(()) } else { Err(cause.otherwise) }
}

/// One for every alarm, in the order of the template.
pub(super) const CAUSES: [Cause; 30] = [
    Cause {
        alarm: "LastAttemptsFailedAlarm",
        is_there: |facts| {
            let last = facts.history.stack.max_receives;
            // Who died after it said so has said so.
            let mut handed_out = facts.logbook.invocations.iter().flat_map(|one| &one.events);
            handed_out.any(|event| event.failed && event.message.received >= last)
        },
        otherwise: "no last attempt has failed",
    },
    Cause {
        alarm: "EventsDeadLetteredAlarm",
        is_there: |facts| facts.queues.iter().any(|queue| !queue.dead_letters().is_empty()),
        otherwise: "the dead-letter queue is empty",
    },
    Cause {
        alarm: "EventsWaitAlarm",
        is_there: |facts| waits(facts, 0, Duration::from_hours(1)),
        otherwise: "no event waits for an hour",
    },
    Cause {
        alarm: "EndingTasksWaitAlarm",
        is_there: |facts| waits(facts, 1, Duration::from_mins(5)),
        otherwise: "no event of a task that is being stopped waits for five minutes",
    },
    Cause {
        alarm: "ArtifactsLostAlarm",
        is_there: loses_any,
        otherwise: "nobody's artifacts are lost",
    },
    Cause {
        alarm: "ArtifactsUnreadableAlarm",
        // A marker that is older than the start that a tag says may be told by what is on record of the task.
        is_there: |facts| {
            any_call(facts, Api::HeadObject, |call| !is_told(call))
                || any_call(facts, Api::GetObject, |call| {
                    (call.is_about("tasks/") || call.is_about("receipts/")) && !is_told(call)
                })
        },
        otherwise: "every marker could be read",
    },
    Cause {
        alarm: "CleanupFailuresAlarm",
        is_there: |facts| {
            let events = facts.logbook.invocations.iter().flat_map(|one| &one.events);
            events.filter(|event| event.failed).count() >= 5
        },
        otherwise: "fewer than five attempts have failed",
    },
    Cause {
        alarm: "ReRegistrationsAlarm",
        is_there: |facts| any_call(facts, Api::RegisterTargets, |_| true),
        otherwise: "nothing was registered again",
    },
    Cause {
        alarm: "OutOfScopeAlarm",
        // ECS may not show yet that a task is being stopped: it is taken for one that goes on.
        is_there: |facts| {
            facts.everyone.iter().any(|actor| !actor.session.is_in_scope())
                || is_any_stopping(facts)
                || facts.is_configured("FAMILIES")
        },
        otherwise: "every event is about a session of ours that ends",
    },
    Cause {
        alarm: "UnknownSessionsAlarm",
        is_there: |facts| any_call(facts, Api::PutObject, |call| call.is_about("/unknown/")),
        otherwise: "of every task it is known what became of it",
    },
    Cause {
        alarm: "CompletionErrorsAlarm",
        is_there: |facts| fails(facts, Function::Completion),
        otherwise: "no invocation of the completion function failed",
    },
    Cause {
        alarm: "CompletionThrottlesAlarm",
        is_there: |_| false,
        otherwise: "nothing is throttled",
    },
    Cause {
        alarm: "NoSweepAlarm",
        is_there: |facts| {
            let two = Duration::from(facts.history.stack.every) * 2;
            // A long one after a short one, and those that begin late.
            let two = two + Duration::from_mins(1);
            facts.silences().iter().any(|(from, to)| *to > *from + two)
        },
        otherwise: "of two sweeps in a row one came to its end",
    },
    Cause {
        alarm: "ReaperErrorsAlarm",
        is_there: |facts| fails(facts, Function::Reaper),
        otherwise: "no invocation of the reaper failed",
    },
    Cause {
        alarm: "SweepsDeadLetteredAlarm",
        is_there: |facts| facts.failed_sweeps().next().is_some(),
        otherwise: "no order to the reaper failed or came too late",
    },
    Cause {
        alarm: "SweepsIncompleteAlarm",
        // A task may be listed, and not be described yet.
        is_there: |facts| {
            let is_stale =
                |met: &Met| met.kind == FaultKind::Stale && met.api.service() == Some(Service::Ecs);
            is_any_sweep_disturbed(facts, &[Service::Ecs, Service::Elb])
                || facts.met.iter().any(is_stale)
        },
        otherwise: "no call of a sweep to ECS or ELBv2 failed or was stale",
    },
    Cause {
        alarm: "SweepsTruncatedAlarm",
        is_there: |facts| {
            let minute = SignedDuration::from_mins(1);
            facts.logbook.sweeps().any(|sweep| sweep.ended.duration_since(sweep.began) > minute)
        },
        otherwise: "no sweep takes longer than a minute",
    },
    Cause {
        alarm: "SweepProblemsAlarm",
        is_there: |facts| {
            // Whose address it is now may be told only once that task is registered somewhere, or gone.
            let is_left_open = any_call(facts, Api::GetObject, |call| call.is_about("/intents/"));
            is_left_open
                || facts.any_step(|action| matches!(action, Action::GroupIsDeleted(_)))
                || is_any_sweep_disturbed(facts, &EVERY_SERVICE)
                || fails(facts, Function::Reaper)
        },
        otherwise: "no call of a sweep failed",
    },
    Cause {
        alarm: "ReRegistrationsPendingAlarm",
        is_there: |facts| any_call(facts, Api::PutObject, |call| call.is_about("/intents/")),
        otherwise: "there was no intent",
    },
    Cause {
        alarm: "BlastRadiusReachedAlarm",
        is_there: |facts| {
            // Whoever leaves a target behind counts.
            facts.everyone.len() > facts.history.stack.blast_radius_at_least
                || has_zombies(facts)
                || facts.is_configured("BLAST_RADIUS_AT_LEAST")
        },
        otherwise: "there are no more sessions than one sweep may touch",
    },
    Cause {
        alarm: "LeasesLapsingAlarm",
        is_there: |facts| {
            let leased = facts.everyone.iter().filter(|actor| actor.session.lease != Lease::None);
            leased.count() > 1 || facts.any_step(|action| matches!(action, Action::IsLeased(..)))
        },
        otherwise: "there are no two leases",
    },
    Cause {
        alarm: "RoutesBrokenAlarm",
        is_there: |facts| {
            let is_silent = |call: &Call| !matches!(call.outcome, Outcome::Answered(..));
            any_call(facts, Api::ContainerComplete, is_silent)
                || any_call(facts, Api::ContainerHealth, is_silent)
        },
        otherwise: "everyone who was asked has answered",
    },
    Cause {
        alarm: "ContainersNotAskedAlarm",
        is_there: |facts| {
            facts.history.stack.connections < 1_024
                || is_any_sweep_disturbed(facts, &[Service::Ecs, Service::S3, Service::Container])
        },
        otherwise: "no call of a sweep failed",
    },
    Cause {
        alarm: "TasksReusedAlarm",
        is_there: |facts| {
            let forbids = |call: &Call| matches!(call.outcome, Outcome::Answered(403, _));
            any_call(facts, Api::ContainerComplete, forbids)
        },
        otherwise: "no container has said 403",
    },
    Cause {
        alarm: "MisroutedTargetsAlarm",
        is_there: |facts| {
            let of_another_family = |place: Where| match place {
                Where::OtherFamily(_) => true,
                Where::Cluster(_)
                | Where::Runner(_)
                | Where::Service(_)
                | Where::OtherCluster
                | Where::OtherAccount => false,
            };
            facts.everyone.iter().any(|actor| of_another_family(actor.session.place))
                || facts.is_configured("FAMILIES")
        },
        otherwise: "there is no task of another family",
    },
    Cause {
        alarm: "ForeignTargetsAlarm",
        is_there: |facts| {
            has_zombies(facts)
                || is_any_stopping(facts)
                || facts.everyone.iter().any(|actor| {
                    matches!(actor.session.place, Where::OtherCluster | Where::OtherAccount)
                })
        },
        otherwise: "every target is somebody's whom sweeps list",
    },
    Cause {
        alarm: "UnidentifiedTasksAlarm",
        is_there: |facts| {
            facts.history.stack.warm_pool
                || facts.everyone.iter().any(|actor| match actor.session.identity {
                    Identity::None => true,
                    // ECS may show for some seconds that its tag is gone, and not yet that it ends.
                    Identity::Tag => is_any_stopping(facts),
                    Identity::Environment => false,
                })
        },
        otherwise: "every task names its session",
    },
    Cause {
        alarm: "ConfirmedRunningAlarm",
        is_there: |facts| {
            any_call(facts, Api::StopTask, |call| !call.outcome.is_success())
                || is_any_sweep_disturbed(facts, &[Service::Ecs, Service::S3])
        },
        otherwise: "every task could be stopped",
    },
    Cause {
        alarm: "OrphansRemainAlarm",
        is_there: |facts| facts.logbook.begun_sweeps() >= 6,
        otherwise: "there was no hour of sweeps",
    },
    Cause {
        alarm: "ZombiesRemainAlarm",
        is_there: |facts| {
            let only_looks = |action: &Action| {
                matches!(action, Action::Sweeps(Sweep::Report | Sweep::Plan))
                    || matches!(action, Action::IsConfigured(..))
            };
            let services = [Service::Ecs, Service::Elb, Service::S3];
            (has_zombies(facts) || is_any_stopping(facts))
                && (facts.any_step(only_looks)
                    // The others wait for their turn.
                    || facts.history.stack.blast_radius_at_least <= 3
                    || is_any_sweep_disturbed(facts, &services)
                    || fails(facts, Function::Reaper))
        },
        otherwise: "every target is somebody's, or nothing kept a sweep from deregistering it",
    },
];

const EVERY_SERVICE: [Service; 4] = [Service::Ecs, Service::Elb, Service::S3, Service::Container];

/// Whether a call's answer says what is there, or that nothing is.
fn is_told(call: &Call) -> bool {
    matches!(call.outcome, Outcome::Answered(200..=299 | 404, _))
}

fn any_call(facts: &Facts<'_>, of: Api, holds: impl Fn(&Call) -> bool) -> bool {
    facts.calls.iter().any(|call| call.api == of && holds(call))
}

/// Whether a call of a sweep to one of these was not answered well.
fn is_any_sweep_disturbed(facts: &Facts<'_>, services: &[Service]) -> bool {
    let fails = |call: &Call| {
        call.api.service().is_some_and(|service| services.contains(&service)) && !is_told(call)
    };
    facts.logbook.sweeps().any(|sweep| facts.calls_of(sweep).any(fails))
}

fn is_any_stopping(facts: &Facts<'_>) -> bool {
    let mut known = facts.everyone.iter().filter(|actor| facts.world.knows(&actor.task));
    known.any(|actor| facts.world.is_stopping(&actor.task))
}

fn has_zombies(facts: &Facts<'_>) -> bool {
    facts.any_step(|action| matches!(action, Action::LeavesZombie(..)))
}

fn fails(facts: &Facts<'_>, function: Function) -> bool {
    let mut invocations = facts.logbook.invocations.iter();
    invocations.any(|one| one.function == function && one.came_to != CameTo::Answered)
}

fn waits(facts: &Facts<'_>, queue: usize, long: Duration) -> bool {
    facts.queues[queue].waited().iter().any(|waited| waited.until - waited.since > long)
}

/// Whether artifacts are lost, or were on record as lost.
fn loses_any(facts: &Facts<'_>) -> bool {
    let receipts = facts.world.receipts();
    facts.everyone.iter().any(|actor| {
        let task = &actor.task;
        let truth = facts.world.truth(task);
        let is_lost = truth.is_some_and(|truth| truth.ran && truth.is_stopping && !truth.saved);
        // It ended by itself, and well, just when it was given up; or its stop failed, and it was saved later.
        let was_given_up = any_call(facts, Api::StopTask, |call| {
            let is_in_vain = !facts.world.is_stopped_by_us(task) || !call.outcome.is_success();
            call.is_about(task.arn()) && is_in_vain
        });
        is_lost
            || was_given_up
            || receipts.get(task.id()).is_some_and(|one| one["outcome"] == "artifacts_lost")
    }) || leaves_it_open(facts)
}

/// Whether a marker that is older than its session was the session's own was not known at one cleanup, whose receipt
/// stands, and is at another.
fn leaves_it_open(facts: &Facts<'_>) -> bool {
    let receipts = facts.world.receipts();
    let is_unverified = |one: &serde_json::Value| one["outcome"] == "artifacts_unverified";
    receipts.values().any(is_unverified)
        && any_call(facts, Api::GetObject, |call| call.is_about("tasks/") && !is_told(call))
}
