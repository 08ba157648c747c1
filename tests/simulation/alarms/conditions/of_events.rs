//! Of events and their cleanups.

use super::{Condition, EVENT, HOUR, SEEN, end_sessions, task_died, uploads_fail};
use serde_json::json;
use session_cleanup_tests::world::{Api, Fault, SessionBuilder};

pub(super) const CONDITIONS: [Condition; 13] = [
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
            end_sessions(stage, 1, 0, |session| session.answers_403().leased_for(HOUR * 20));
        },
        ..EVENT
    },
    Condition {
        alarm: "OutOfScopeAlarm",
        what: "an event is about another family",
        begins: |stage| {
            end_sessions(stage, 1, 0, |session| session.of_family("web").unregistered());
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
];
