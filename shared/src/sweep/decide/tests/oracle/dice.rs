//! Worlds at random, made of thrown bytes: a zero is what is plain, so that a failing world shrinks to the
//! little that is odd about it. Times are often at a limit, or one second beside it.

use super::world::{
    Form, HOUR, Limits, Listing, MINUTE, Memory, Named, Order, SECOND, Said, Seen, Target, Task,
    World,
};
use crate::aws::{TargetHealth, Unhealthy};
use crate::container::Probe;
use crate::session::{DesiredStatus, LastStatus};
use proptest::collection::vec;
use proptest::prelude::*;

/// Thrown bytes, read one after the other.
struct Dice<'a>(std::slice::Iter<'a, u8>);

const OF_THE_WORLD: usize = 48;
const OF_A_TASK: usize = 96;
const OF_A_TARGET: usize = 16;

/// Up to forty tasks and two dozen targets; most have fewer.
pub(super) fn world() -> impl Strategy<Value = World> {
    let task = || any::<[u8; OF_A_TASK]>();
    let target = || any::<[u8; OF_A_TARGET]>();
    let tasks = prop_oneof![4 => vec(task(), 0..=8), 1 => vec(task(), 0..=40)];
    let targets = prop_oneof![4 => vec(target(), 0..=8), 1 => vec(target(), 8..=24)];
    (any::<[u8; OF_THE_WORLD]>(), tasks, targets).prop_map(|(world, tasks, targets)| {
        let mut world = Dice(world.iter()).world();
        let mood = world.1;
        for (n, task) in tasks.iter().enumerate() {
            let task = Dice(task.iter()).task(n, &world.0, mood);
            world.0.tasks.push(task);
        }
        for target in &targets {
            let target = Dice(target.iter()).target(&world.0.limits, mood);
            let same = |known: &Target| {
                (known.group, known.ip, known.port) == (target.group, target.ip, target.port)
            };
            if !world.0.targets.iter().any(same) {
                world.0.targets.push(target);
            }
        }
        world.0
    })
}

/// What is so of many tasks of one world at once.
#[derive(Clone, Copy)]
struct Mood {
    /// Of 256 leases, so many have lapsed.
    lapsing: u8,
    /// Of 256 tasks, so many have a lease.
    leased: u8,
    /// Of 256 tasks, so many have some other oddity.
    odd: u8,
    /// Whether renewal works.
    renewed: bool,
    /// Of 256 targets, so many are dead.
    dead: u8,
    /// Whether there is a memory at all.
    remembers: bool,
}

impl Dice<'_> {
    fn byte(&mut self) -> u8 {
        self.0.next().copied().unwrap_or_default()
    }

    /// True for so many of 256; never for a zero.
    fn chance(&mut self, of_256: u8) -> bool {
        self.byte() > 255 - of_256
    }

    fn one_of<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[usize::from(self.byte()) * choices.len() / 256]
    }

    fn up_to(&mut self, most: i64) -> i64 {
        let thrown = i64::from(self.byte()) * 256 + i64::from(self.byte());
        most / SECOND * thrown / 65_536 * SECOND
    }

    /// So long: at one of the limits, one second beside it, or anything.
    fn time(&mut self, limits: &[i64], most: i64) -> i64 {
        if self.chance(140) {
            let limit = self.one_of(limits);
            limit + self.one_of(&[0, SECOND, -SECOND])
        } else {
            self.up_to(most)
        }
    }

    fn said(&mut self, at: i64) -> Said {
        if self.chance(16) {
            return Said::Nonsense(self.one_of(&[
                "soon",
                "",
                "2026-11-02T12:00:00",
                "2026-11-02",
                "1793620800",
                "2026-13-02T12:00:00Z",
                "99999-01-01T00:00:00Z",
            ]));
        }
        let form = self.one_of(&[Form::Utc, Form::Utc, Form::East, Form::West]);
        Said::At(at, form)
    }

    fn seen(&mut self, likely: u8, limits: &Limits, others: &[i64]) -> Option<Seen> {
        if !self.chance(likely) {
            return None;
        }
        let mut since = vec![limits.interval / 2];
        since.extend(others);
        let since = self.time(&since, limits.interval * 3);
        // The last sweep that counts was three intervals ago.
        let last = if self.chance(48) {
            self.time(&[limits.interval * 3], limits.interval * 4)
        } else {
            limits.interval.min(since)
        };
        Some(Seen { since: -since.max(last), last: -last })
    }

    fn listing(&mut self) -> Listing {
        use Listing::{CutShort, Failed, Gone, Whole};
        let mut choices = [Whole; 24];
        choices[21..].copy_from_slice(&[Gone, Failed, CutShort]);
        self.one_of(&choices)
    }

    fn world(&mut self) -> (World, Mood) {
        let limits = Limits {
            warm_pool: self.chance(64),
            interval: self.one_of(&[5, 5, 10, 30]) * MINUTE,
            max_age: self.one_of(&[120, 120, 60]) * MINUTE,
            hard_age: self.one_of(&[24, 24, 6]) * HOUR,
            lease_grace: self.one_of(&[15, 15, 2]) * MINUTE,
            start_up_grace: self.one_of(&[10, 10, 5]) * MINUTE,
            salvage: self.one_of(&[30, 30, 20]) * MINUTE,
            at_least: self.one_of(&[3, 1, 2]),
            percent: self.one_of(&[25, 25, 10, 100]),
        };
        let has_groups = !self.chance(32);
        let mut group = || match self.listing() {
            Listing::CutShort => Listing::Failed,
            listing => listing,
        };
        let groups = if has_groups { [group(), group()] } else { [Listing::Gone; 2] };
        let world = World {
            limits,
            has_groups,
            clusters: [self.listing(), self.listing()],
            others: self.one_of(&[
                Some(Listing::Whole),
                Some(Listing::Whole),
                Some(Listing::Whole),
                None,
                Some(Listing::CutShort),
            ]),
            groups,
            whole_routes: [self.chance(128), self.chance(128)],
            unreadable: self.chance(16),
            leases_seen: (!self.chance(24))
                .then(|| -self.time(&[limits.interval * 3, limits.interval], limits.interval)),
            order: self.order(),
            tasks: Vec::new(),
            targets: Vec::new(),
        };
        let mood = Mood {
            lapsing: self.one_of(&[0, 20, 40, 70, 200]),
            leased: self.one_of(&[64, 110, 200, 250]),
            odd: self.one_of(&[8, 24, 24, 60]),
            renewed: !self.chance(30),
            dead: self.one_of(&[0, 0, 220]),
            remembers: !self.chance(32),
        };
        (world, mood)
    }

    fn order(&mut self) -> Option<Order> {
        let is_given = self.chance(80);
        let enforces = !self.chance(32);
        let cluster = self.one_of(&[0, 0, 0, 1, 1, 2]);
        let before = self.time(&[0, 15 * MINUTE], 15 * MINUTE);
        let created_before = self.said(-before);
        is_given.then_some(Order { enforces, cluster, created_before })
    }

    fn task(&mut self, n: usize, world: &World, mood: Mood) -> Task {
        let limits = &world.limits;
        let odd = mood.odd;
        let ages = [limits.start_up_grace, limits.max_age, limits.hard_age];
        let longest = if self.chance(110) { limits.hard_age + HOUR } else { limits.max_age };
        let age = if self.chance(24) {
            limits.hard_age + limits.salvage + self.one_of(&[0, SECOND, -SECOND])
        } else {
            self.time(&ages, longest)
        };
        // ECS knows milliseconds, tags mostly do not.
        let created = -age - self.one_of(&[0, 0, 0, 250]);
        let (desired, last) = self.statuses(odd);
        let start = self.start(limits, created);
        let since = super::tasks::start_of(created, start);
        let (ended, lease) = self.tags(limits, since, mood);
        let memory =
            if mood.remembers { self.memory(limits, lease, mood) } else { Memory::default() };
        Task {
            id: format!("t{n:02}"),
            exists: !self.chance(odd),
            shown: !self.chance(100),
            cluster: self.one_of(&[0, 0, 0, 0, 1, 1, 1, 2, 3]),
            family: self.one_of(&[0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 3, 4]),
            of_a_service: self.chance(odd / 2),
            subnet: self.one_of(&[0, 0, 0, 1, 2]),
            desired,
            last,
            created,
            has_started: !self.chance(40),
            address: (!self.chance(16)).then(|| 1 + self.byte() / 16),
            named: self.named(if limits.warm_pool { 60 } else { odd }),
            protection: self
                .chance(odd)
                .then(|| self.one_of(&["true", "true", "false", "TRUE", ""])),
            ended,
            lease,
            start,
            has_size: !self.chance(32),
            word: self.word(),
            memory,
        }
    }

    fn named(&mut self, odd: u8) -> Named {
        use Named::{ByNonsense, ByTag, ByTagBesideNonsense, InTheEnvironment, Nowhere};
        let is_odd = self.chance(odd);
        let likely = self.one_of(&[InTheEnvironment, InTheEnvironment, ByTag, ByTagBesideNonsense]);
        let unlikely = self.one_of(&[Nowhere, ByNonsense]);
        if is_odd { unlikely } else { likely }
    }

    fn statuses(&mut self, odd: u8) -> (DesiredStatus, LastStatus) {
        let is_odd = self.chance(odd);
        let desired = self.one_of(&[
            DesiredStatus::Running,
            DesiredStatus::Running,
            DesiredStatus::Stopped,
            DesiredStatus::Unrecognised,
        ]);
        let last = self.one_of(&[
            LastStatus::Running,
            LastStatus::Provisioning,
            LastStatus::Pending,
            LastStatus::Activating,
            LastStatus::Deactivating,
            LastStatus::Stopping,
            LastStatus::Deprovisioning,
            LastStatus::Stopped,
            LastStatus::Deleted,
            LastStatus::Unrecognised,
        ]);
        if is_odd { (desired, last) } else { (DesiredStatus::Running, LastStatus::Running) }
    }

    fn start(&mut self, limits: &Limits, created: i64) -> Said {
        let likely = if limits.warm_pool { 180 } else { 24 };
        let is_told = self.chance(likely);
        let at = match self.one_of(&[0, 0, 0, 1, 2, 3]) {
            0 => created.div_euclid(SECOND) * SECOND / 2,
            1 => created.div_euclid(SECOND) * SECOND + self.one_of(&[0, SECOND, -SECOND]),
            2 => 5 * MINUTE + self.one_of(&[0, SECOND, -SECOND]),
            _ => -self.time(&[limits.max_age, limits.hard_age], limits.max_age),
        };
        let at = at.div_euclid(SECOND) * SECOND;
        if is_told { self.said(at) } else { Said::Nothing }
    }

    /// `session-ended-at` and `lease-expires-at`.
    fn tags(&mut self, limits: &Limits, since: i64, mood: Mood) -> (Said, Said) {
        let start = since.div_euclid(SECOND) * SECOND;
        let beside = self.one_of(&[0, SECOND, -SECOND, -HOUR]);
        let at_the_start = self.chance(60);
        let is_ended = self.chance(mood.odd);
        let ended = -self.time(&[limits.salvage, 0], limits.salvage * 2);
        let ended = if at_the_start { start + beside } else { ended.max(start) };
        let ended = if is_ended { self.said(ended) } else { Said::Nothing };
        let is_leased = self.chance(mood.leased);
        let copied = self.chance(12);
        let lapsed = self.chance(mood.lapsing);
        let lease = if copied {
            start + beside
        } else if lapsed {
            let since = self.time(&[0, limits.lease_grace, limits.max_age], limits.max_age + HOUR);
            (-since).max(start)
        } else {
            SECOND + self.time(&[limits.hard_age - SECOND, 0], HOUR)
        };
        let lease = if is_leased { self.said(lease) } else { Said::Nothing };
        (ended, lease)
    }

    fn memory(&mut self, limits: &Limits, lease: Said, mood: Mood) -> Memory {
        let window = [limits.salvage];
        let mut when =
            |likely, limits: &[i64], most| self.chance(likely).then(|| -self.time(limits, most));
        let (tried, under_way) = (
            when(48, &[limits.interval * 3, limits.interval], limits.interval * 4),
            when(32, &[limits.salvage], limits.salvage + MINUTE),
        );
        let claimed = when(150, &[limits.hard_age, limits.hard_age * 2], limits.hard_age * 2);
        let reaped = when(10, &[limits.max_age], limits.max_age + HOUR);
        let renewed = mood.renewed && self.chance(200);
        let lease = match lease {
            Said::At(end, _) if self.chance(220) => {
                let before = if renewed { end - SECOND } else { end };
                Some(before + self.one_of(&[0, 0, 0, 2 * SECOND, -HOUR]))
            }
            Said::At(..) | Said::Nothing | Said::Nonsense(_) => None,
        };
        Memory {
            suspect: self.seen(170, limits, &[]),
            failing: self.seen(90, limits, &window),
            reused: self.seen(28, limits, &window),
            blind: self.seen(36, limits, &window),
            tried,
            under_way,
            claimed,
            reaped,
            lease,
        }
    }

    fn word(&mut self) -> Option<Probe> {
        self.one_of(&[
            Some(Probe::Done),
            Some(Probe::Done),
            Some(Probe::Done),
            Some(Probe::Active),
            Some(Probe::Answers),
            Some(Probe::Silent),
            Some(Probe::Blind),
            None,
        ])
    }

    fn target(&mut self, limits: &Limits, mood: Mood) -> Target {
        use Unhealthy::{FailedHealthChecks, Other, ResponseCodeMismatch, Timeout};
        let is_dead = self.chance(mood.dead);
        let target = Target {
            group: self.one_of(&[0, 0, 1]),
            // Some addresses no task can have.
            ip: 1 + self.byte() / 10,
            port: self.one_of(&[8080, 8080, 8080, 9000]),
            registered: !self.chance(24),
            health: self.one_of(&[
                TargetHealth::Healthy,
                TargetHealth::Healthy,
                TargetHealth::Unhealthy(Timeout),
                TargetHealth::Unhealthy(Timeout),
                TargetHealth::Unhealthy(Timeout),
                TargetHealth::Unhealthy(FailedHealthChecks),
                TargetHealth::Unhealthy(FailedHealthChecks),
                TargetHealth::Unhealthy(ResponseCodeMismatch),
                TargetHealth::Unhealthy(Other),
                TargetHealth::Initial,
                TargetHealth::Draining,
                TargetHealth::Unused,
                TargetHealth::Unavailable,
                TargetHealth::Unrecognised,
            ]),
            answer: self.one_of(&[
                Some(Probe::Silent),
                Some(Probe::Silent),
                Some(Probe::Silent),
                Some(Probe::Blind),
                Some(Probe::Blind),
                Some(Probe::Active),
                Some(Probe::Answers),
                Some(Probe::Done),
                None,
            ]),
            suspect: self.seen(180, limits, &[]),
        };
        if is_dead {
            let before = Seen { since: -limits.interval, last: -limits.interval };
            Target {
                health: TargetHealth::Unhealthy(Timeout),
                answer: Some(Probe::Silent),
                suspect: target.suspect.or(Some(before)),
                ..target
            }
        } else {
            target
        }
    }
}
