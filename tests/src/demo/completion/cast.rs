//! The sessions of the act, and the events of their ends.

use crate::demo::part::Part;
use crate::local_aws::{LocalAwsError, Stack};
use crate::served::Served;
use crate::world::{SessionBuilder, World};
use serde_json::{Value, json};
use std::net::Ipv4Addr;
use std::time::Duration;

/// All of them.
pub(super) struct Cast {
    pub(super) alice: Part,
    pub(super) bob: Part,
    pub(super) carol: Part,
    pub(super) dave: Part,
    pub(super) erin: Part,
    pub(super) frank: Part,
    pub(super) heidi: Part,
    pub(super) rita: Part,
    pub(super) sven: Part,
    pub(super) grace: Part,
    /// The event of alice's end, which comes twice.
    pub(super) alice_event: Value,
}

impl Cast {
    pub(super) async fn start(world: &World, served: &Served) -> Self {
        let mut last = 0;
        let mut part = |id, story, shape: fn(SessionBuilder) -> SessionBuilder| {
            last += 1;
            let session = world.session(id).at_address(Ipv4Addr::new(127, 0, 77, last));
            Part { task: shape(session).start(), story }
        };
        let alice = part("alice", "event comes twice", |s| s.uploads_in(Duration::from_secs(3)));
        let bob = part("bob", "upload fails twice", |s| {
            s.upload_fails(2).uploads_in(Duration::from_millis(500))
        });
        let carol = part("carol", "upload never works", |s| {
            s.upload_never_works().uploads_in(Duration::from_millis(300))
        });
        let dave = part("dave", "names erin's task", |s| s);
        let erin = part("erin", "lives on, no event", |s| s);
        let frank = part("frank", "container crashes", |s| s);
        let heidi = part("heidi", "gets a Spot warning", |s| s.uploads_in(Duration::from_secs(2)));
        let rita = part("rita", "task runs another now", SessionBuilder::answers_403);
        let sven = part("sven", "marker can't be read", |s| {
            s.encrypts().uploads_in(Duration::from_millis(300))
        });
        let grace = part("grace", "today's way", |s| {
            s.uploads_in(Duration::from_secs(3)).dies_on_sigterm()
        });
        let cast = Self {
            alice,
            bob,
            carol,
            dave,
            erin,
            frank,
            heidi,
            rita,
            sven,
            grace,
            alice_event: Value::Null,
        };
        for part in cast.parts() {
            served.listens(&part.task).await;
        }
        cast
    }

    pub(super) fn parts(&self) -> [&Part; 10] {
        let Self { alice, bob, carol, dave, erin, frank, heidi, rita, sven, grace, .. } = self;
        [alice, bob, carol, dave, erin, frank, heidi, rita, sven, grace]
    }

    /// Those that the function leaves a receipt for.
    pub(super) fn with_receipt(&self) -> [&Part; 6] {
        let Self { alice, bob, carol, frank, heidi, sven, .. } = self;
        [alice, bob, carol, frank, heidi, sven]
    }

    /// Ends the sessions as their owners, their containers and Spot would.
    pub(super) async fn end(&mut self, world: &World, stack: &Stack) -> Result<(), LocalAwsError> {
        let ended =
            |part: &Part| world.session_ended_event(&part.task, "completed")["detail"].clone();
        self.alice_event = ended(&self.alice);
        let mut about_dave = ended(&self.dave);
        about_dave["task_arn"] = json!(self.erin.task.arn());
        let [bob, carol, rita, sven] = [&self.bob, &self.carol, &self.rita, &self.sven].map(ended);
        for detail in [&self.alice_event, &bob, &carol, &about_dave, &rita, &sven] {
            stack.put_event("session.lifecycle", "Session Ended", detail).await?;
        }
        // Only AWS may put events of ECS on a bus: these two enter by the queue behind it.
        world.crash(&self.frank.task, 137);
        stack.send_to_queue(&world.task_event(&self.frank.task).to_string()).await?;
        world.interrupt(&self.heidi.task);
        stack.send_to_queue(&world.task_event(&self.heidi.task).to_string()).await
    }
}
