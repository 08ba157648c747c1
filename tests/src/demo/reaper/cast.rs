//! The sessions and targets of the act.

use crate::demo::part::Part;
use crate::served::Served;
use crate::world::{SessionBuilder, TaskHandle, World};
use std::net::Ipv4Addr;
use std::time::Duration;

const MINUTE: Duration = Duration::from_mins(1);
const HOUR: Duration = Duration::from_hours(1);

/// A target that no task of the account has.
pub(super) struct Left {
    pub(super) address: Ipv4Addr,
    pub(super) story: &'static str,
}

/// All of them. Those up to `sven` are orphans.
pub(super) struct Cast {
    pub(super) ivan: Part,
    pub(super) judy: Part,
    pub(super) kevin: Part,
    pub(super) leo: Part,
    /// Ended during an outage, all of them.
    pub(super) storm: Vec<TaskHandle>,
    /// Of the first act.
    pub(super) carol: Part,
    pub(super) sven: Part,
    pub(super) mia: Part,
    pub(super) quinn: Part,
    pub(super) nina: Part,
    pub(super) oscar: Part,
    pub(super) peggy: Part,
    pub(super) walter: Part,
    pub(super) zombies: [Left; 2],
    pub(super) foreign: Left,
}

/// How many sessions ended while nobody cleaned up.
const STORM: u8 = 50;

impl Cast {
    pub(super) async fn start(world: &World, served: &Served, [carol, sven]: [&Part; 2]) -> Self {
        let mut last = 0;
        let mut part = |id, story, shape: &dyn Fn(SessionBuilder) -> SessionBuilder| {
            last += 1;
            let session = world.session(id).at_address(Ipv4Addr::new(127, 0, 78, last));
            Part { task: shape(session.uploads_in(Duration::from_secs(1))).start(), story }
        };
        let ago = |age: Duration| (world.now() - age).to_string();
        let storm = (1..=STORM).map(|number| {
            let session = world.session(&format!("storm-{number}"));
            let session = session.at_address(Ipv4Addr::new(127, 0, 79, number)).started_ago(HOUR);
            let session = session.uploads_in(Duration::from_secs(1)).ended_by_owner();
            session.tag("session-ended-at", &ago(MINUTE * 5)).start()
        });
        let storm = storm.collect();
        let cast = Self {
            ivan: part("ivan", "ended, event dead-lettered", &|s| {
                s.started_ago(HOUR).ended_by_owner().tag("session-ended-at", &ago(MINUTE * 5))
            }),
            judy: part("judy", "forgotten for 3 hours", &|s| s.started_ago(HOUR * 3)),
            kevin: part("kevin", "its owner has crashed", &|s| {
                s.started_ago(HOUR).lease_lapsed(MINUTE * 30)
            }),
            leo: part("leo", "done, and nobody noticed", &|s| {
                s.started_ago(MINUTE * 40).completed()
            }),
            storm,
            carol: Part { story: "of the first act", ..carol.clone() },
            sven: Part { story: "of the first act", ..sven.clone() },
            mia: part("mia", "live, in no target group", &|s| {
                s.started_ago(MINUTE * 40).unregistered()
            }),
            quinn: part("quinn", "live, too busy to answer", &|s| {
                s.started_ago(MINUTE * 40).deaf()
            }),
            nina: part("nina", "old, and protected", &|s| {
                s.started_ago(HOUR * 30).tag("cleanup-protection", "true")
            }),
            oscar: part("oscar", "old, and leased", &|s| s.started_ago(HOUR * 3).renewed_for(HOUR)),
            peggy: part("peggy", "old, a service's task", &|s| {
                s.started_ago(HOUR * 30).group("service:web")
            }),
            walter: part("walter", "a stranger's, in our group", &|s| {
                s.started_ago(HOUR * 30).of_family("batch").unidentified()
            }),
            zombies: [
                left(world, 101, "left by a dead task"),
                left(world, 102, "left by a dead task"),
            ],
            foreign: left(world, 103, "no task, but it answers"),
        };
        for part in cast.parts() {
            // The world opens no listener for a container that is too busy.
            if part.task != cast.quinn.task {
                served.listens(&part.task).await;
            }
        }
        for task in &cast.storm {
            served.listens(task).await;
        }
        cast
    }

    pub(super) fn parts(&self) -> [&Part; 12] {
        let Self {
            ivan,
            judy,
            kevin,
            leo,
            carol,
            sven,
            mia,
            quinn,
            nina,
            oscar,
            peggy,
            walter,
            ..
        } = self;
        [ivan, judy, kevin, leo, carol, sven, mia, quinn, nina, oscar, peggy, walter]
    }

    /// Those of this act alone.
    pub(super) fn own(&self) -> impl Iterator<Item = &Part> {
        let earlier = [&self.carol.task, &self.sven.task];
        self.parts().into_iter().filter(move |part| !earlier.contains(&&part.task))
    }

    pub(super) fn targets(&self) -> [&Left; 3] {
        let [first, second] = &self.zombies;
        [first, second, &self.foreign]
    }
}

fn left(world: &World, last: u8, story: &'static str) -> Left {
    let address = Ipv4Addr::new(127, 0, 78, last);
    world.leave_target(&world.setup().target_groups[0], address);
    Left { address, story }
}
