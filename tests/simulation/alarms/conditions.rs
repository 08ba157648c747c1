//! What each alarm is for, played in the world: how it begins, and how it ends.

use super::stage::Stage;
use crate::invoke::REAPER_TIMEOUT;
use serde_json::json;
use session_cleanup_tests::world::{Api, Fault, Health, SessionBuilder, TaskHandle};
use std::net::Ipv4Addr;
use std::time::Duration;

/// One condition of an alarm. All times are in minutes; functions take the interval between two sweeps.
pub(super) struct Condition {
    pub(super) alarm: &'static str,
    /// What it is, for the table.
    pub(super) what: &'static str,
    /// The reaper's mode.
    pub(super) mode: &'static str,
    pub(super) begins: fn(&mut Stage),
    pub(super) lasts: fn(i64) -> i64,
    pub(super) ends: fn(&mut Stage),
    pub(super) rings_within: fn(i64) -> i64,
    pub(super) is_over_within: fn(i64) -> i64,
}

/// From what happens to the alarm: until it is published, seen and evaluated.
const SEEN: i64 = 5;

/// What happens at an event: it rings at once, and is over when the event has left all periods that CloudWatch may
/// look at.
const EVENT: Condition = Condition {
    alarm: "",
    what: "",
    mode: "enforce",
    begins: |_| {},
    lasts: |_| 2,
    ends: |stage| stage.world.faults_cease(),
    rings_within: |_| SEEN,
    is_over_within: |_| 15 + SEEN,
};

/// What the next sweep sees: it rings then, and is over two intervals after the first sweep that does not.
const SEEN_ONCE: Condition = Condition {
    lasts: |every| 3 * every,
    rings_within: |every| every + SEEN,
    is_over_within: |every| 3 * every + SEEN,
    ..EVENT
};

/// What may pass: it rings at the second sweep.
const SEEN_TWICE: Condition =
    Condition { lasts: |every| 4 * every, rings_within: |every| 2 * every + SEEN, ..SEEN_ONCE };

const HOUR: Duration = Duration::from_hours(1);

/// Where a target is whose task is gone.
const LEFT: Ipv4Addr = Ipv4Addr::new(127, 0, 99, 1);

fn orphan(stage: &mut Stage, is: impl FnOnce(SessionBuilder) -> SessionBuilder) {
    let session = stage.world.session(&format!("orphan-{}", stage.tasks.len()));
    let task = is(session.started_ago(HOUR * 3)).start();
    stage.tasks.push(task);
}

fn protect(stage: &mut Stage) {
    for task in &stage.tasks {
        stage.world.set_tag(task, "cleanup-protection", "true");
    }
}

fn uploads_fail(stage: &mut Stage) {
    stage.world.fault(Fault::on(Api::ContainerComplete).always().server_error());
}

/// Sessions that their owners end.
fn end_sessions(
    stage: &mut Stage,
    count: usize,
    received: u32,
    is: impl Fn(SessionBuilder) -> SessionBuilder,
) {
    for number in 0..count {
        let task = is(stage.world.session(&format!("ended-{number}"))).start();
        let event = stage.world.session_ended_event(&task, "completed");
        stage.send_again(event, received);
        stage.tasks.push(task);
    }
}

fn task_died(stage: &mut Stage, is: impl FnOnce(SessionBuilder) -> SessionBuilder) {
    let task: TaskHandle = is(stage.world.session("died")).stopped(137).start();
    let event = stage.world.task_event(&task);
    stage.send(event);
}

/// Every condition, in the order of the template.
pub(super) const CONDITIONS: [Condition; 35] = [
    Condition {
        alarm: "LastAttemptsFailedAlarm",
        what: "an upload fails at the event's last attempt",
        begins: |stage| {
            uploads_fail(stage);
            end_sessions(stage, 1, 4, |session| session);
        },
        ..EVENT
    },
    Condition {
        alarm: "LastAttemptsFailedAlarm",
        what: "an event can't be understood, at its last attempt",
        begins: |stage| stage.send_again(json!({"detail-type": "Session Finished"}), 4),
        ..EVENT
    },
    Condition {
        alarm: "EventsDeadLetteredAlarm",
        what: "EventBridge could not deliver an event, until it is taken out",
        begins: |stage| stage.dead_letters = 1,
        lasts: |_| 60,
        ends: |stage| stage.dead_letters = 0,
        ..EVENT
    },
    Condition {
        alarm: "EventsWaitAlarm",
        what: "the event source mapping is disabled",
        begins: |stage| {
            stage.queue.nobody_takes_any = true;
            end_sessions(stage, 1, 0, |session| session);
        },
        lasts: |_| 120,
        ends: |stage| stage.queue.nobody_takes_any = false,
        rings_within: |_| 60 + SEEN,
        ..EVENT
    },
    Condition {
        alarm: "EndingTasksWaitAlarm",
        what: "the same of tasks that are being stopped",
        begins: |stage| {
            stage.ending_tasks.nobody_takes_any = true;
            let task = stage.world.session("spot").dying().start();
            let event = stage.world.task_event(&task);
            stage.send_of_an_ending_task(event);
        },
        lasts: |_| 30,
        ends: |stage| stage.ending_tasks.nobody_takes_any = false,
        rings_within: |_| 5 + SEEN,
        ..EVENT
    },
    Condition {
        alarm: "ArtifactsLostAlarm",
        what: "a task dies before it has uploaded",
        begins: |stage| task_died(stage, |session| session),
        ..EVENT
    },
    Condition {
        alarm: "ArtifactsUnreadableAlarm",
        what: "S3 refuses the marker",
        begins: |stage| {
            stage.world.fault(Fault::on(Api::HeadObject).always().denied());
            end_sessions(stage, 1, 0, |session| session);
        },
        ..EVENT
    },
    Condition {
        alarm: "CleanupFailuresAlarm",
        what: "five uploads fail",
        begins: |stage| {
            uploads_fail(stage);
            end_sessions(stage, 5, 0, |session| session);
        },
        ..EVENT
    },
    Condition {
        alarm: "ReRegistrationsAlarm",
        what: "a container answers 403, and gets its target back",
        begins: |stage| {
            end_sessions(stage, 1, 0, |session| session.answers_403().leased_for(HOUR * 20))
        },
        ..EVENT
    },
    Condition {
        alarm: "OutOfScopeAlarm",
        what: "an event is about another family",
        begins: |stage| {
            end_sessions(stage, 1, 0, |session| session.of_family("web").unregistered())
        },
        is_over_within: |_| 180 + SEEN,
        ..EVENT
    },
    Condition {
        alarm: "UnknownSessionsAlarm",
        what: "a task dies whose session only a tag named (known at the second delivery)",
        begins: |stage| task_died(stage, SessionBuilder::identified_by_tag),
        lasts: |_| 7,
        rings_within: |_| 7 + SEEN,
        is_over_within: |_| 180 + SEEN,
        ..EVENT
    },
    Condition {
        alarm: "CompletionErrorsAlarm",
        what: "invocations fail as a whole",
        begins: |stage| stage.lambda_says.push(("CompletionFunction", "Errors")),
        lasts: |_| 30,
        ends: |stage| stage.lambda_says.clear(),
        ..EVENT
    },
    Condition {
        alarm: "CompletionThrottlesAlarm",
        what: "Lambda does not let it begin",
        begins: |stage| stage.lambda_says.push(("CompletionFunction", "Throttles")),
        lasts: |_| 30,
        ends: |stage| stage.lambda_says.clear(),
        ..EVENT
    },
    Condition {
        alarm: "NoSweepAlarm",
        what: "the schedule is off",
        begins: |stage| stage.sweeps = false,
        lasts: |every| 5 * every,
        ends: |stage| stage.sweeps = true,
        rings_within: |every| 3 * every + 10,
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
            let setup = stage.world.setup();
            let entry = json!({
                "group": setup.target_group_arn("sessions"),
                "address": { "ip": task.address().to_string(), "port": setup.port },
                "held_by": "nobody",
            });
            let written_at = (stage.world.now() - Duration::from_mins(10)).to_string();
            let intent = json!({ "written_at": written_at, "entries": [entry] });
            stage.world.put_object("ledger", "intents/1-left.json", intent.to_string());
            stage.world.owner_deregisters(&task);
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
