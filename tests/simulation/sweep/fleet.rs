//! A small fleet with an orphan of each cause, a zombie target, and some who live.

use super::crowd::renewing;
use crate::invoke::{INTERVAL, assert_unharmed, enforce, look, open_intents, sweeps};
use session_cleanup_tests::world::{Call, Dwell, SessionBuilder, Setup, TaskHandle, World};
use std::net::Ipv4Addr;
use std::time::Duration;

pub(super) const HOUR: Duration = Duration::from_hours(1);

/// A world in which a task's address is free as soon as its container exits.
pub(super) fn quick_world() -> World {
    quick_world_of(Setup::default())
}

pub(super) fn quick_world_of(setup: Setup) -> World {
    let dwell = Dwell { deactivating: Duration::ZERO, ..setup.dwell };
    World::new(Setup { dwell, ..setup })
}

/// What makes a task an orphan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Why {
    Ended,
    Old,
    Lapsed,
    Done,
}

impl Why {
    pub(super) const ALL: [Self; 4] = [Self::Ended, Self::Old, Self::Lapsed, Self::Done];

    /// The two that are decided unlike the others: by all leases together, and by a probe twice.
    pub(super) const INTRICATE: [Self; 2] = [Self::Lapsed, Self::Done];

    pub(super) fn apply(self, session: SessionBuilder, world: &World) -> SessionBuilder {
        match self {
            Self::Ended => {
                session.ended_by_owner().tag("session-ended-at", &world.now().to_string())
            }
            Self::Old => session.started_ago(HOUR * 3),
            Self::Lapsed => session.lease_lapsed(Duration::from_mins(20)),
            Self::Done => session.started_ago(Duration::from_mins(20)).completed(),
        }
    }

    pub(super) fn start(self, world: &World) -> TaskHandle {
        self.apply(world.session(&format!("{self:?}").to_lowercase()), world).start()
    }
}

/// Some who live: no sweep may touch them.
#[derive(Clone)]
pub(super) struct Living {
    leased: TaskHandle,
    young: TaskHandle,
    protected: TaskHandle,
}

impl Living {
    pub(super) fn start(world: &World) -> Self {
        Self {
            leased: renewing(world, "leased"),
            young: world.session("young").start(),
            protected: world
                .session("protected")
                .started_ago(HOUR * 30)
                .tag("cleanup-protection", "true")
                .start(),
        }
    }

    pub(super) fn assert_untouched(&self, world: &World) {
        for living in [&self.leased, &self.young] {
            assert!(world.is_live(living), "{}", world.history());
        }
        for task in [&self.leased, &self.young, &self.protected] {
            assert!(!world.is_stopping(task), "{}", world.history());
            assert!(world.completion_calls(task).is_empty(), "{}", world.history());
            assert_keeps_its_target(world, task);
        }
    }
}

pub(super) fn assert_keeps_its_target(world: &World, task: &TaskHandle) {
    let registered = world.registered("sessions").contains(&task.address());
    assert!(registered, "{} has no traffic\n{}", task.session_id(), world.history());
}

/// A live session that came in the middle: nothing has happened to it.
pub(super) fn assert_never_touched(world: &World, task: &TaskHandle) {
    assert!(world.is_live(task), "{} is gone\n{}", task.session_id(), world.history());
    assert!(!world.has_completed(task), "{}", world.history());
    assert_keeps_its_target(world, task);
}

/// A target that nobody has, at an address of its own.
pub(super) fn leave_zombie(world: &World, number: u8) -> Ipv4Addr {
    let zombie = Ipv4Addr::new(127, 0, 99, number);
    world.leave_target("sessions", zombie);
    zombie
}

/// A sweep that only looks, and the time until the next: what it suspects is ripe then.
pub(super) async fn suspect(world: &World) {
    look(world, "suspecting").await;
    tokio::time::sleep(INTERVAL).await;
}

/// Sweeps that ask in vain, until the artifacts may be given up.
pub(super) async fn unsaved_until_the_window_is_over(world: &World) {
    sweeps(world, "unsaved", 6).await;
}

/// One sweep that acts; the answer is the calls that were sent meanwhile.
pub(super) async fn calls_of_a_sweep(world: &World) -> Vec<Call> {
    let before = world.calls().len();
    enforce(world, "sweep").await;
    world.calls().split_off(before)
}

/// The sweeps after: two later no live session misses its target (I2), and soon everything is clean
/// (I4, I5) and no intent is open.
pub(super) async fn assert_put_right(world: &World) {
    tokio::time::sleep(INTERVAL).await;
    sweeps(world, "after", 2).await;
    assert_unharmed(world);
    // A target that lost its task in the middle: suspect, zombie, settled.
    for last in ["later-1", "later-2"] {
        if left(world).is_empty() {
            break;
        }
        sweeps(world, last, 1).await;
    }
    assert_unharmed(world);
    assert_eq!(left(world), Vec::<String>::new(), "{}", world.history());
}

/// What is still to be cleaned up, and the intents that are still open.
pub(super) fn left(world: &World) -> Vec<String> {
    [world.orphans_left(), world.zombies_left(), open_intents(world)].concat()
}
