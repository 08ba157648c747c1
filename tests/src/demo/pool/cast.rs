//! The pool's tasks.

use crate::demo::local_stack::POOL_SOURCE;
use crate::demo::part::Part;
use crate::local_aws::{LocalAwsError, Stack};
use crate::served::Served;
use crate::world::{SessionBuilder, World};
use std::net::Ipv4Addr;
use std::time::Duration;

const MINUTE: Duration = Duration::from_mins(1);
const HOUR: Duration = Duration::from_hours(1);

/// All of them.
pub(super) struct Cast {
    pub(super) waiting: [Part; 2],
    pub(super) tom: Part,
    pub(super) ursula: Part,
    pub(super) victor: Part,
    pub(super) wendy: Part,
    pub(super) xenia: Part,
}

impl Cast {
    pub(super) async fn start(world: &World, served: &Served) -> Self {
        let mut last = 0;
        let family = world.setup().families[1].clone();
        let mut task = |id: &str, age| {
            last += 1;
            let task = world.session(id).at_address(Ipv4Addr::new(127, 0, 80, last));
            let task = task.of_family(&family).unregistered().started_ago(age);
            task.uploads_in(Duration::from_secs(1))
        };
        let claimed = |task: SessionBuilder, ago: Duration| {
            let began = (world.now() - ago).to_string();
            task.identified_by_tag().tag("session-started-at", &began)
        };
        let part = |task: SessionBuilder, story| Part { task: task.start(), story };
        let cast = Self {
            waiting: [
                part(task("(waits 1)", HOUR * 5).unidentified(), "waits for a session"),
                part(task("(waits 2)", MINUTE * 3).unidentified(), "waits for a session"),
            ],
            tom: part(claimed(task("tom", HOUR * 5), MINUTE * 9), "ended by its owner"),
            ursula: part(task("ursula", HOUR * 4), "its container crashes"),
            victor: part(claimed(task("victor", HOUR * 6), HOUR * 3), "forgotten for 3 hours"),
            wendy: part(claimed(task("wendy", HOUR * 5), MINUTE * 2), "live, in an old task"),
            xenia: part(task("xenia", HOUR * 5).identified_by_tag(), "claimed without a start"),
        };
        for part in cast.parts() {
            served.listens(&part.task).await;
        }
        cast
    }

    pub(super) fn parts(&self) -> [&Part; 7] {
        let Self { waiting: [first, second], tom, ursula, victor, wendy, xenia } = self;
        [first, second, tom, ursula, victor, wendy, xenia]
    }

    /// One ends as its owner says, one as its container does.
    pub(super) async fn end(&self, world: &World, pool: &Stack) -> Result<(), LocalAwsError> {
        let ended = world.session_ended_event(&self.tom.task, "completed");
        pool.put_event(POOL_SOURCE, "Session Ended", &ended["detail"]).await?;
        // Only AWS may put events of ECS on a bus.
        world.crash(&self.ursula.task, 137);
        pool.send_to_queue(&world.task_event(&self.ursula.task).to_string()).await
    }
}
