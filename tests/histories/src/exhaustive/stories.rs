//! The small worlds: one of each thing that is cleaned up, beside somebody who lives.

use crate::history::{
    Action, Addressed, Container, Entry, EventCopies, Faults, History, Identity, Lease, Seconds,
    Session, Stack, Step, Sweep, Upload, When,
};
use session_cleanup_tests::world::Api;

/// A small world with its name.
#[derive(Clone, Debug)]
pub struct Story {
    /// What is cleaned up in it.
    pub name: &'static str,
    /// The history, without any fault.
    pub history: History,
}

/// Every story.
#[must_use]
pub fn stories() -> Vec<Story> {
    let ends = |number, minutes| at(minutes, Action::Ends(number, ONE_EVENT));
    let unnamed = EventCopies { names_the_task: false, ..ONE_EVENT };
    let old = |container| Session { entry: running(61), container, ..Session::default() };
    let never = Container { upload: Upload::Never, ..Container::default() };
    let tag = Session { identity: Identity::Tag, ..Session::default() };
    let complete = Container { completed: true, ..Container::default() };
    let done = Session { entry: running(20), container: complete, ..Session::default() };
    let lapsed = Session { lease: Lease::Lapsed(Seconds::minutes(20)), ..Session::default() };
    let takes_over = Session {
        entry: Entry::Running(Seconds(0)),
        addressed: Addressed::LikeZombie(1),
        ..Session::default()
    };
    let behind =
        Container { upload: Upload::Behind, uploads_in: Seconds(40), ..Container::default() };
    vec![
        story("a session that its owner ends", 4, [begins(1, Session::default()), ends(1, 1)]),
        story(
            "two sessions in a batch, one told by its tag",
            4,
            [begins(1, Session::default()), begins(2, tag.clone()), ends(1, 1), ends(2, 1)],
        ),
        story(
            "an end that does not name the task",
            4,
            [begins(1, tag), at(1, Action::Ends(1, unnamed))],
        ),
        story(
            "a session in two groups",
            4,
            [begins(1, Session { groups: 2, ..Session::default() }), ends(1, 1)],
        ),
        story(
            "an upload behind a 202",
            9,
            [begins(1, Session { container: behind, ..Session::default() }), ends(1, 1)],
        ),
        story(
            "a container that exits by itself",
            4,
            [begins(1, Session::default()), at(1, Action::Exits(1, 137))],
        ),
        // Time for a second try.
        story(
            "a Spot warning",
            4,
            [
                begins(1, Session { stop_timeout: Seconds(120), ..Session::default() }),
                at(1, Action::IsInterrupted(1)),
            ],
        ),
        story("an orphan that is too old", 6, [begins(1, old(Container::default()))]),
        story("an orphan whose lease is over", 6, [begins(1, lapsed)]),
        story("an orphan that is done", 12, [begins(1, done)]),
        story("an orphan that is given up", 26, [begins(1, old(never))]),
        story(
            "a forced cluster",
            4,
            [
                begins(1, Session { entry: running(5), ..Session::default() }),
                at(1, Action::Sweeps(Sweep::Force(0, Seconds(0)))),
                // Nobody but the operator repeats an order.
                at(3, Action::Sweeps(Sweep::Force(0, Seconds(120)))),
            ],
        ),
        story("a zombie", 12, [at(0, Action::LeavesZombie(0, 1))]),
        story(
            "a zombie whose address is taken before it is deregistered",
            22,
            [
                at(0, Action::LeavesZombie(0, 1)),
                Step {
                    when: When::Before(Api::DeregisterTargets, 1),
                    action: Action::Begins(1, Box::new(takes_over)),
                },
            ],
        ),
    ]
}

const ONE_EVENT: EventCopies = EventCopies { copies: 1, late: Seconds(0), names_the_task: true };

const fn running(minutes: u64) -> Entry {
    Entry::Running(Seconds::minutes(minutes))
}

fn at(minutes: u64, action: Action) -> Step {
    Step { when: When::At(Seconds::minutes(minutes)), action }
}

fn begins(number: usize, session: Session) -> Step {
    at(0, Action::Begins(number, Box::new(session)))
}

/// A story of so many minutes, beside one who lives and whose lease is renewed.
fn story<const N: usize>(name: &'static str, minutes: u64, steps: [Step; N]) -> Story {
    let lives = Session { lease: Lease::Renewed(Seconds::minutes(10)), ..Session::default() };
    let steps = std::iter::once(begins(0, lives)).chain(steps).collect();
    let history = History {
        seed: 0,
        stack: Stack::default(),
        steps,
        faults: Faults::Listed(Vec::new()),
        deaths: Vec::new(),
        lasts: Seconds::minutes(minutes),
    };
    Story { name, history }
}
