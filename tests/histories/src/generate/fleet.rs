//! Sessions, and what becomes of each.

use super::{once_in, one, some_time, step};
use crate::history::Where;
use crate::history::{
    Action, Addressed, Artifacts, Body, Container, Entry, EventCopies, Identity, Lease, Seconds,
    Session, Sidecar, Stack, Start, Step, Upload, When,
};
use fastrand::Rng;

/// A fleet: some are there from the beginning, some come later; each has a fate.
pub(super) fn begin(random: &mut Rng, stack: &Stack, lasts: Seconds, steps: &mut Vec<Step>) {
    let at_first = random.usize(2..9);
    let later = random.usize(0..4);
    for number in 0..at_first + later {
        let begins =
            if number < at_first { When::At(Seconds(0)) } else { some_time(random, lasts) };
        let session = session(random, stack, number);
        steps.push(step(begins, Action::Begins(number, Box::new(session))));
        let since = match begins {
            When::At(at) => at,
            When::Before(..) | When::After(..) | When::About(_) => Seconds(0),
        };
        let since =
            if stack.warm_pool { claim(random, number, since, lasts, steps) } else { since };
        for _ in 0..one(random, &[0, 1, 1, 1, 2]) {
            let at = Seconds(since.0 + 1 + random.u64(0..lasts.0.saturating_sub(since.0).max(2)));
            fate(random, stack.artifacts, number, When::At(at), steps);
        }
    }
    if stack.groups > 0 {
        for number in 0..random.u8(0..3) {
            let group = random.usize(0..stack.groups);
            let at = if random.bool() { When::At(Seconds(0)) } else { some_time(random, lasts) };
            steps.push(step(at, Action::LeavesZombie(group, number)));
        }
    }
}

/// Some wait for ever, some are claimed at once; the answer is when its session may have a fate.
fn claim(
    random: &mut Rng,
    number: usize,
    begins: Seconds,
    lasts: Seconds,
    steps: &mut Vec<Step>,
) -> Seconds {
    if once_in(random, 5) {
        return begins;
    }
    let mut some_later =
        |since: Seconds| Seconds(since.0 + random.u64(0..lasts.0.saturating_sub(since.0).max(2)));
    let (at, later) = (some_later(begins), some_later(begins));
    let start = match random.u8(0..8) {
        0 => Start::Unsaid,
        1 => one(random, &[Start::Unreadable, Start::LongAgo]),
        _ => Start::Now,
    };
    steps.push(step(When::At(at), Action::Claims(number, start)));
    if start != Start::Now && random.bool() {
        steps.push(step(When::At(later), Action::SaysItsStart(number)));
    }
    at
}

fn session(random: &mut Rng, stack: &Stack, number: usize) -> Session {
    let cluster = random.usize(0..stack.clusters);
    let place = match random.u8(0..16) {
        0 => Where::Service(cluster),
        1 => Where::OtherFamily(cluster),
        2 => Where::OtherCluster,
        3..=5 => Where::Runner(cluster),
        _ => Where::Cluster(cluster),
    };
    let minutes =
        |random: &mut Rng, range: std::ops::Range<u64>| Seconds::minutes(random.u64(range));
    let entry = match random.u8(0..10) {
        0 => Entry::Fresh,
        1 => Entry::NeverStarts(minutes(random, 0..90)),
        2 => Entry::Running(minutes(random, 100..190)),
        _ => Entry::Running(minutes(random, 1..60)),
    };
    let lease = match random.u8(0..12) {
        0..=3 => Lease::Renewed(minutes(random, 2..20)),
        4 => Lease::Fixed(minutes(random, 1..60)),
        5 => Lease::Lapsed(minutes(random, 1..40)),
        6 => one(random, &[Lease::Unreadable, Lease::Stale]),
        _ => Lease::None,
    };
    Session {
        place,
        identity: identity(random, stack.warm_pool),
        entry,
        lease,
        groups: random.usize(0..=stack.groups),
        but_the_first: 0,
        port: once_in(random, 10).then_some(3_001),
        outside_the_vpc: once_in(random, 12),
        addressed: match random.u8(0..8) {
            0 if number > 0 => Addressed::After(random.usize(0..number)),
            1 => Addressed::LikeZombie(random.u8(0..3)),
            _ => Addressed::Fresh,
        },
        container: container(random, stack.artifacts),
        sidecar: match random.u8(0..8) {
            0 => Some(Sidecar::BeingPulled),
            1 => Some(Sidecar::Exits(143)),
            _ => None,
        },
        is_protected: once_in(random, 14),
        copied_end: once_in(random, 14).then(|| minutes(random, 1..60)),
        unreadable_end: false,
        hidden_for: Seconds(one(random, &[0, 0, 0, 2, 20])),
        stop_timeout: Seconds(one(random, &[30, 30, 2, 120])),
    }
}

fn identity(random: &mut Rng, waits: bool) -> Identity {
    match random.u8(0..6) {
        _ if waits => Identity::None,
        0..=2 => Identity::Environment,
        3 | 4 => Identity::Tag,
        _ => Identity::None,
    }
}

fn container(random: &mut Rng, artifacts: Artifacts) -> Container {
    let usual = Container {
        accepts_while_it_does_not_run: once_in(random, 12),
        upload: match random.u8(0..16) {
            0 => Upload::Never,
            1 => Upload::Nothing,
            2 => Upload::Behind,
            3 => Upload::Encrypted,
            4 => Upload::Fails(random.u32(1..4)),
            _ => Upload::Works,
        },
        uploads_in: Seconds(one(random, &[0, 3, 3, 10, 26, 45])),
        busy_for: Seconds(one(random, &[0, 0, 0, 0, 8, 90])),
        body: match random.u8(0..40) {
            0..4 => Body::Late,
            4 => Body::BreaksOff,
            5 => Body::Endless,
            _ => Body::Whole,
        },
        exits_after: once_in(random, 4).then(|| Seconds(random.u64(0..90))),
        dies_on_sigterm: random.bool(),
        completed: once_in(
            random,
            if artifacts == Artifacts::UploadedByThemselves { 3 } else { 12 },
        ),
        ..Container::default()
    };
    match random.u8(0..20) {
        0 => Container { silent: true, ..usual },
        1 => Container { refuses: true, ..usual },
        2 => Container { deaf: true, ..usual },
        // Where nobody is asked, nothing protects a task that is used for several sessions.
        3 if artifacts == Artifacts::Asked => Container { forbids: true, ..usual },
        4 => Container { unready: true, ..usual },
        _ => usual,
    }
}

fn fate(random: &mut Rng, artifacts: Artifacts, number: usize, at: When, steps: &mut Vec<Step>) {
    let action = match random.u8(0..20) {
        0..=6 => Action::Ends(
            number,
            EventCopies {
                copies: one(random, &[0, 1, 1, 1, 1, 2, 3]),
                late: Seconds(one(random, &[0, 0, 1, 20, 400])),
                names_the_task: !once_in(random, 6),
            },
        ),
        7 | 8 => Action::Exits(number, one(random, &[0, 1, 137])),
        9 => Action::IsInterrupted(number),
        10 => Action::IsStopped(number),
        11 => Action::Completes(number),
        12 => {
            let container = container(random, artifacts);
            Action::Behaves(number, Box::new(Container { completed: false, ..container }))
        }
        13 => Action::RenewalBreaks(number),
        14 => Action::IsLeased(number, Seconds::minutes(random.u64(1..90))),
        15 => Action::IsProtected(number, random.bool()),
        16 => Action::IsRegistered(number, random.bool()),
        _ => Action::Resumes(number),
    };
    steps.push(step(at, action));
}
