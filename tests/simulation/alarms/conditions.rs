//! What each alarm is for, played in the world: how it begins, and how it ends.

mod of_events;
pub(super) mod of_sweeps;

use super::stage::Stage;
use session_cleanup_tests::world::{Api, Fault, SessionBuilder, TaskHandle};
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

/// Every condition, in the order of the template.
pub(super) fn all() -> Vec<&'static Condition> {
    of_events::CONDITIONS.iter().chain(&of_sweeps::CONDITIONS).collect()
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
