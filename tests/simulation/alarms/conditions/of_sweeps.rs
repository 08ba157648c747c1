//! Of sweeps as such, and of what they find and leave.

use super::{Condition, EVENT, HOUR, SEEN, SEEN_ONCE, SEEN_TWICE, orphan, protect};
use crate::invoke::{REAPER_TIMEOUT, crash_leaves_an_intent};
use session_cleanup_tests::world::{Api, Fault, Health, SessionBuilder};
use std::net::Ipv4Addr;
use std::time::Duration;

/// Where a target is whose task is gone.
const LEFT: Ipv4Addr = Ipv4Addr::new(127, 0, 99, 1);

/// A little over two intervals, and as much wider as CloudWatch may look back for data.
pub(crate) fn silence_rings_within(every: i64) -> i64 {
    3 * every + every / 2 + 10
}

pub(super) const CONDITIONS: [Condition; 22] = [
    Condition {
        alarm: "NoSweepAlarm",
        what: "the schedule is off",
        begins: |stage| stage.sweeps = false,
        lasts: |every| 5 * every,
        ends: |stage| stage.sweeps = true,
        rings_within: silence_rings_within,
        is_over_within: |every| every + SEEN,
        ..EVENT
    },
    Condition {
        alarm: "ReaperErrorsAlarm",
        what: "invocations fail as a whole",
        begins: |stage| stage.lambda_says.push(("ReaperFunction", "Errors")),
        lasts: |_| 30,
        ends: |stage| stage.lambda_says.clear(),
        ..EVENT
    },
    Condition {
        alarm: "SweepsDeadLetteredAlarm",
        what: "an invocation came too late, until its message is taken out",
        begins: |stage| stage.failed_sweeps = 1,
        lasts: |_| 60,
        ends: |stage| stage.failed_sweeps = 0,
        ..EVENT
    },
    Condition {
        alarm: "SweepsIncompleteAlarm",
        what: "tasks can't be listed",
        begins: |stage| stage.world.fault(Fault::on(Api::ListTasks).always().denied()),
        ..SEEN_TWICE
    },
    Condition {
        alarm: "SweepsTruncatedAlarm",
        what: "thirty orphans take half a minute each to answer, and sweeps have a hundred seconds",
        begins: |stage| {
            stage.sweep_time = Duration::from_secs(100);
            (0..30).for_each(|_| orphan(stage, SessionBuilder::answers_403));
            let slow = Fault::on(Api::ContainerComplete).always();
            stage.world.fault(slow.delayed(Duration::from_secs(25)));
        },
        ends: |stage| {
            stage.sweep_time = REAPER_TIMEOUT;
            stage.world.faults_cease();
            protect(stage);
        },
        ..SEEN_TWICE
    },
    Condition {
        alarm: "SweepProblemsAlarm",
        what: "a configured target group is deleted",
        begins: |stage| stage.world.delete_target_group("more"),
        ends: |stage| stage.world.add_target_group("more"),
        ..SEEN_TWICE
    },
    Condition {
        alarm: "ReRegistrationsPendingAlarm",
        what: "a live session's target can't be registered again after a crash",
        begins: |stage| {
            let task = stage.world.session("live").started_ago(HOUR).renewed_for(HOUR * 20).start();
            crash_leaves_an_intent(&stage.world, &task, Duration::from_mins(10));
            stage.world.fault(Fault::on(Api::RegisterTargets).always().denied());
        },
        ..SEEN_TWICE
    },
    Condition {
        alarm: "BlastRadiusReachedAlarm",
        what: "ninety orphans at once, until the rest is protected",
        begins: |stage| (0..90).for_each(|_| orphan(stage, |session| session)),
        ends: protect,
        ..SEEN_ONCE
    },
    Condition {
        alarm: "LeasesLapsingAlarm",
        what: "the leases of five owners lapse at once, until they are renewed",
        begins: |stage| {
            for number in 0..5 {
                let session = stage.world.session(&format!("lapsed-{number}"));
                let task = session.lease_lapsed(Duration::from_mins(10)).start();
                stage.world.renewal_breaks(&task);
                stage.tasks.push(task);
            }
        },
        lasts: |every| (every * 3 / 2).max(15),
        ends: |stage| {
            let end = (stage.world.now() + HOUR * 20).to_string();
            for task in &stage.tasks {
                stage.world.set_tag(task, "lease-expires-at", &end);
            }
        },
        ..SEEN_ONCE
    },
    Condition {
        alarm: "RoutesBrokenAlarm",
        what: "no route leads to the tasks",
        begins: |stage| {
            orphan(stage, |session| session);
            stage.world.lose_every_route();
        },
        ends: |stage| stage.world.routes_are_back(),
        ..SEEN_ONCE
    },
    Condition {
        alarm: "ContainersNotAskedAlarm",
        what: "there is no descriptor left to ask by",
        begins: |stage| {
            orphan(stage, |session| session);
            stage.world.fault(Fault::on(Api::ContainerComplete).always().without_descriptor());
        },
        ..SEEN_ONCE
    },
    Condition {
        alarm: "TasksReusedAlarm",
        what: "an orphan answers 403, until it is protected",
        begins: |stage| orphan(stage, SessionBuilder::answers_403),
        ends: protect,
        ..SEEN_ONCE
    },
    Condition {
        alarm: "MisroutedTargetsAlarm",
        what: "a task of another family is registered",
        begins: |stage| {
            let task = stage.world.session("web").of_family("web").start();
            stage.tasks.push(task);
        },
        ends: |stage| stage.world.owner_deregisters(&stage.tasks[0]),
        ..SEEN_ONCE
    },
    Condition {
        alarm: "ForeignTargetsAlarm",
        what: "something answers at a target that no task has",
        begins: |stage| {
            let answers = Health::new("unhealthy", "Target.ResponseCodeMismatch");
            stage.world.leave_target("sessions", LEFT);
            stage.world.report("sessions", LEFT, answers);
        },
        ends: |stage| stage.world.report_truth("sessions", LEFT),
        ..SEEN_TWICE
    },
    Condition {
        alarm: "UnidentifiedTasksAlarm",
        what: "a task names no session, until it is tagged",
        begins: |stage| {
            let task = stage.world.session("nameless").unidentified().leased_for(HOUR * 20).start();
            stage.tasks.push(task);
        },
        ends: |stage| stage.world.set_tag(&stage.tasks[0], "session-id", "nameless"),
        ..SEEN_TWICE
    },
    Condition {
        alarm: "ConfirmedRunningAlarm",
        what: "StopTask is denied",
        begins: |stage| {
            orphan(stage, |session| session);
            stage.world.fault(Fault::on(Api::StopTask).always().denied());
        },
        ..SEEN_TWICE
    },
    Condition {
        alarm: "OrphansRemainAlarm",
        what: "an orphan in the mode report, until it is enforce",
        mode: "report",
        begins: |stage| orphan(stage, |session| session),
        ends: |stage| stage.mode = "enforce",
        ..ORPHANS
    },
    Condition {
        alarm: "OrphansRemainAlarm",
        what: "StopTask is denied",
        begins: |stage| {
            orphan(stage, |session| session);
            stage.world.fault(Fault::on(Api::StopTask).always().denied());
        },
        ..ORPHANS
    },
    Condition {
        alarm: "OrphansRemainAlarm",
        what: "an orphan answers 403, until it is protected",
        begins: |stage| orphan(stage, SessionBuilder::answers_403),
        ends: protect,
        ..ORPHANS
    },
    Condition {
        alarm: "ZombiesRemainAlarm",
        what: "a zombie in the mode report, until it is enforce (a zombie at the second sweep)",
        mode: "report",
        begins: |stage| stage.world.leave_target("sessions", LEFT),
        ends: |stage| stage.mode = "enforce",
        ..ZOMBIES
    },
    Condition {
        alarm: "ZombiesRemainAlarm",
        what: "DeregisterTargets is denied (a zombie at the second sweep)",
        begins: |stage| {
            stage.world.leave_target("sessions", LEFT);
            stage.world.fault(Fault::on(Api::DeregisterTargets).always().denied());
        },
        ..ZOMBIES
    },
    Condition {
        alarm: "ZombiesRemainAlarm",
        what: "the ledger takes no intents (a zombie at the second sweep)",
        begins: |stage| {
            stage.world.leave_target("sessions", LEFT);
            stage.world.fault(Fault::on(Api::PutObject).of("intents/").always().denied());
        },
        ..ZOMBIES
    },
];

/// About an hour, and at least two sweeps.
const ORPHANS: Condition = Condition {
    lasts: |every| 120 + 2 * every,
    rings_within: |every| 60 + every + SEEN,
    ..SEEN_ONCE
};

const ZOMBIES: Condition =
    Condition { lasts: |every| 5 * every, rings_within: |every| 3 * every + SEEN, ..SEEN_TWICE };
