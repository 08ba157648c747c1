//! Six hours of a stack, made up so that they look like life: sessions come and end, a coordinator dies and leaves
//! orphans, uploads fail for a while, targets stay behind, and at the end a few things are wrong.

use crate::alarms::stage::Stage;
use crate::invoke::ask_with;
use serde_json::json;
use session_cleanup::metrics::NAMESPACE;
use session_cleanup_tests::alarms::{MetricId, Published};
use session_cleanup_tests::world::{Api, Fault, Health};
use std::net::Ipv4Addr;
use std::time::Duration;
use tokio::time::Instant;

/// How often sweeps are, in minutes: the template's default.
const EVERY: i64 = 5;

/// The dashboard shows so many minutes, and the stack is so much older.
const SHOWN: i64 = 360;
const BEFORE: i64 = 20;

const HOUR: Duration = Duration::from_hours(1);

/// What came of it.
pub(super) struct Told {
    pub(super) published: Published,
    /// In seconds since 1970, like all times here.
    pub(super) created: i64,
    pub(super) from: i64,
    pub(super) until: i64,
    /// The inspector's own HTML.
    pub(super) widget: String,
}

/// Tells it.
pub(super) async fn tell() -> Told {
    let mut stage = Stage::new(EVERY, "enforce");
    let mut dice = fastrand::Rng::with_seed(13);
    let mut invocations = 0;
    for minute in 0..BEFORE + SHOWN {
        happens(&mut stage, minute);
        sessions_end(&mut stage, &mut dice, minute);
        stage.live_for(1).await;
        publish_what_aws_would(&mut stage, &mut invocations);
    }
    stage.world.assert_unharmed();
    let event =
        json!({"widgetContext": {"title": "", "theme": "light", "width": 1400, "height": 330}});
    let widget = ask_with(&stage.world, &event, &[("REAPER_MODE", "enforce")]).await;
    Told {
        created: stage.created,
        from: stage.until - SHOWN * 60,
        until: stage.until,
        widget: widget.as_str().unwrap().to_owned(),
        published: stage.published,
    }
}

/// What goes wrong, and when.
fn happens(stage: &mut Stage, minute: i64) {
    let world = &stage.world;
    match minute {
        30 => {
            let demo = world.session("demo-for-the-board").started_ago(HOUR * 9);
            demo.tag("cleanup-protection", "true").start();
        }
        // A coordinator dies, and nobody ends its sessions.
        77 => {
            for number in 0..14_u64 {
                let ago = Duration::from_mins(110 + number % 12);
                let session = world.session(&format!("nightly-{number:02}")).started_ago(ago);
                session.uploads_in(Duration::from_secs(4)).start();
            }
        }
        // Someone sends what is no event of ours, and sees to it later.
        112 => {
            stage.send(json!({"detail-type": "Session Finished", "source": "session.lifecycle"}));
        }
        190 => stage.dead_letters = 0,
        // The bucket's policy is being changed: uploads fail.
        168 => world.fault(Fault::on(Api::ContainerComplete).always().server_error()),
        184 => world.faults_cease(),
        // Targets whose tasks are gone, as an owner leaves them who deregisters last.
        226 | 258 => {
            for last in 0..4_u8 {
                let address = Ipv4Addr::new(127, 0, 99, last + 1);
                world.leave_target("sessions", address);
            }
        }
        // Spot takes its capacity back.
        205 | 290 => {
            let task = world.session(&format!("spot-{minute}")).dying().start();
            let event = world.task_event(&task);
            stage.send_of_an_ending_task(event);
        }
        // What the last hour leaves: a task without a name, a target of nobody's, an orphan that can't upload,
        // and a session that died before it had uploaded.
        318 => {
            let session = world.session("nameless").unidentified();
            session.leased_for(HOUR * 20).start();
        }
        341 => {
            let address = Ipv4Addr::new(127, 0, 88, 7);
            let answers = Health::new("unhealthy", "Target.ResponseCodeMismatch");
            world.leave_target("sessions", address);
            world.report("sessions", address, answers);
        }
        362 => {
            let session = world.session("render-0815").started_ago(Duration::from_mins(150));
            session.upload_never_works().start();
        }
        376 => {
            let task = world.session("render-0816").stopped(137).start();
            let event = world.task_event(&task);
            stage.send(event);
        }
        _ => {}
    }
}

/// Owners end sessions all the time, in the middle of the day more of them.
fn sessions_end(stage: &mut Stage, dice: &mut fastrand::Rng, minute: i64) {
    let busy = if (120..260).contains(&minute) { 2 } else { 1 };
    for number in 0..busy {
        if dice.u8(..10) < 5 {
            let takes = Duration::from_millis(dice.u64(900..5_000));
            let session = stage.world.session(&format!("session-{minute}-{number}"));
            let task = session.uploads_in(takes).start();
            let event = stage.world.session_ended_event(&task, "completed");
            stage.send(event);
        }
    }
}

/// What the stage leaves out, for no alarm rests on it: how many messages wait, and that nothing failed.
fn publish_what_aws_would(stage: &mut Stage, invocations: &mut usize) {
    let now = stage.now();
    let id = |namespace: &str, name: &str, of: &str| -> MetricId {
        (namespace.to_owned(), name.to_owned(), of.to_owned())
    };
    let depth = |queue: &str| id("AWS/SQS", "ApproximateNumberOfMessagesVisible", queue);
    for (name, queue) in [("Queue", &stage.queue), ("EndingTasksQueue", &stage.ending_tasks)] {
        let visible = u32::try_from(queue.visible(Instant::now())).unwrap();
        stage.published.add(depth(name), now, f64::from(visible));
        let age = id("AWS/SQS", "ApproximateAgeOfOldestMessage", name);
        stage.published.add(age, now, 0.0);
    }
    for name in ["DeadLetterQueue", "FailedSweepsQueue"] {
        stage.published.add(depth(name), now, 0.0);
    }
    let of_ours = id(NAMESPACE, "ApiCalls", "fargate-session-cleanup");
    let so_far = stage.published.values(&of_ours).len();
    if so_far > std::mem::replace(invocations, so_far) {
        for (metric, function) in [
            ("Errors", "CompletionFunction"),
            ("Throttles", "CompletionFunction"),
            ("Errors", "ReaperFunction"),
        ] {
            stage.published.add(id("AWS/Lambda", metric, function), now, 0.0);
        }
    }
}
