//! Stories of which chance alone would tell too few: somebody is about to be cleaned up, and at a certain call about
//! them something else happens.

use super::trouble::newcomer;
use super::{once_in, one, some_time, step};
use crate::history::{
    About, Action, Addressed, Artifacts, Container, Entry, EventCopies, Identity, Lease, Seconds,
    Session, Stack, Start, Step, Upload, When, Where, Whom,
};
use fastrand::Rng;
use session_cleanup_tests::world::{Api, FaultKind};

/// The calls about one session, or its target: those right before an act more often.
const ABOUT_A_SESSION: [Api; 14] = [
    Api::DescribeTasks,
    Api::DescribeTasks,
    Api::DescribeTasks,
    Api::ContainerComplete,
    Api::ContainerComplete,
    Api::DeregisterTargets,
    Api::DeregisterTargets,
    Api::DescribeTargetHealth,
    Api::RegisterTargets,
    Api::TagResource,
    Api::HeadObject,
    Api::PutObject,
    Api::GetObject,
    Api::StopTask,
];

const ABOUT_A_ZOMBIE: [Api; 4] = [
    Api::DescribeTargetHealth,
    Api::ContainerHealth,
    Api::DeregisterTargets,
    Api::DeregisterTargets,
];

/// Chance, and what a story is told about.
struct Teller<'a> {
    random: &'a mut Rng,
    stack: &'a Stack,
    /// Some reads show what was before.
    reads_are_stale: bool,
    lasts: Seconds,
    steps: &'a mut Vec<Step>,
    /// Who is cleaned up.
    number: usize,
}

pub(super) fn tell(
    random: &mut Rng,
    (stack, reads_are_stale): (&Stack, bool),
    lasts: Seconds,
    steps: &mut Vec<Step>,
) {
    let first = one(random, &[50, 50, 51]);
    for number in first..52 {
        let (random, steps) = (&mut *random, &mut *steps);
        let mut teller = Teller { random, stack, reads_are_stale, lasts, steps, number };
        match teller.random.u8(0..16) {
            0..=2 => teller.owner_comes_back(),
            3 | 4 => teller.address_changes_hands(),
            // What waits for its turn in another group looks like the new holder's own.
            5 if stack.groups > 0 && stack.blast_radius_at_least >= 3 => {
                teller.zombies_address_is_taken();
            }
            5..=7 => teller.function_dies(),
            8 | 9 => teller.calls_fail(),
            10 => teller.ledger_fails(),
            11 => teller.listings_fail(),
            12 | 13 if !stack.warm_pool => teller.renewal_breaks(),
            12..=14 => teller.two_tasks_run_it(),
            _ => teller.many_are_over(),
        }
    }
}

impl Teller<'_> {
    fn push(&mut self, when: When, action: Action) {
        self.steps.push(step(when, action));
    }

    fn whom(&self) -> Whom {
        Whom::Session(self.number)
    }

    /// Right before or after one of its calls.
    fn around(&mut self, whom: Whom, apis: &[Api]) -> When {
        let api = one(self.random, apis);
        let nth = one(self.random, &[1, 1, 1, 2, 2, 3, 4, 5]);
        When::About(About { whom, api, nth, is_applied: self.random.bool() })
    }

    /// A session that is over soon: by its owner's word, its lease, or its age.
    fn is_over(&mut self, container: &Container) {
        let upload = match self.random.u8(0..10) {
            0 | 1 => Upload::Never,
            2 => Upload::Fails(2),
            3 => Upload::Nothing,
            _ => Upload::Works,
        };
        let (random, stack) = (&mut *self.random, self.stack);
        let age = Seconds(stack.max_session_age.0.saturating_sub(random.u64(60..900)));
        let by_word = random.bool();
        let session = Session {
            place: Where::Cluster(random.usize(0..stack.clusters)),
            identity: match (stack.warm_pool, once_in(random, 3)) {
                (true, _) => Identity::None,
                (false, true) => Identity::Tag,
                (false, false) => Identity::Environment,
            },
            entry: if by_word { Entry::Running(Seconds::minutes(5)) } else { Entry::Running(age) },
            lease: if by_word || once_in(random, 2) {
                Lease::None
            } else {
                Lease::Lapsed(Seconds::minutes(10))
            },
            groups: random.usize(0..=stack.groups),
            stop_timeout: Seconds(one(random, &[2, 30, 120])),
            container: Container { upload, ..container.clone() },
            ..Session::default()
        };
        let number = self.number;
        self.push(When::At(Seconds(0)), Action::Begins(number, Box::new(session)));
        if self.stack.warm_pool {
            self.push(When::At(Seconds(0)), Action::Claims(number, Start::Now));
        }
        if by_word {
            let at = Seconds(self.random.u64(1..self.lasts.0 / 2));
            let spoken = self.spoken();
            self.push(When::At(at), Action::Ends(number, spoken));
        }
    }

    fn newcomer(&self, addressed: Addressed) -> Session {
        let newcomer = newcomer(self.stack, addressed);
        let entry = if self.reads_are_stale { Entry::Fresh } else { newcomer.entry };
        Session { entry, ..newcomer }
    }

    fn spoken(&mut self) -> EventCopies {
        EventCopies {
            copies: one(self.random, &[1, 1, 2]),
            late: Seconds(one(self.random, &[0, 0, 20])),
            names_the_task: !once_in(self.random, 6),
        }
    }

    /// What keeps it, or ends it in another way.
    fn owner_comes_back(&mut self) {
        self.is_over(&Container::default());
        let number = self.number;
        let at = self.around(self.whom(), &ABOUT_A_SESSION);
        let action = match self.random.u8(0..10) {
            0..=3 => Action::IsLeased(number, Seconds::minutes(60)),
            4 | 5 => Action::IsProtected(number, true),
            6 | 7 => Action::Ends(number, self.spoken()),
            8 if self.random.bool() => Action::Exits(number, one(self.random, &[0, 137])),
            8 => Action::IsStopped(number),
            _ => Action::Resumes(number),
        };
        self.push(at, action);
    }

    fn address_changes_hands(&mut self) {
        self.is_over(&Container::default());
        let at = self.around(self.whom(), &ABOUT_A_SESSION);
        let after = self.newcomer(Addressed::After(self.number));
        self.push(at, Action::Exits(self.number, 137));
        self.push(at, Action::Begins(20 + self.number, Box::new(after)));
        if self.random.bool() {
            let there = self.around(self.whom(), &[Api::DeregisterTargets, Api::DescribeTasks]);
            self.push(there, Action::DiesHere);
        }
    }

    /// It is a zombie to two sweeps; then somebody gets its address.
    fn zombies_address_is_taken(&mut self) {
        let number = self.random.u8(0..3);
        let whom = Whom::Zombie(number);
        for group in 0..self.stack.groups {
            if group == 0 || self.random.bool() {
                self.push(When::At(Seconds(0)), Action::LeavesZombie(group, number));
            }
        }
        let at = self.around(whom, &ABOUT_A_ZOMBIE);
        let like = self.newcomer(Addressed::LikeZombie(number));
        self.push(at, Action::Begins(20 + self.number, Box::new(like)));
        if self.random.bool() {
            let there = self.around(whom, &[Api::DeregisterTargets]);
            self.push(there, Action::DiesHere);
        }
    }

    fn function_dies(&mut self) {
        self.is_over(&Container::default());
        let at = self.around(self.whom(), &ABOUT_A_SESSION);
        self.push(at, Action::DiesHere);
        if once_in(self.random, 3) {
            let back = Action::IsLeased(self.number, Seconds::minutes(60));
            self.push(at, back);
        }
    }

    /// Some calls about it; its container may run another session.
    fn calls_fail(&mut self) {
        let forbids = self.stack.artifacts == Artifacts::Asked && once_in(self.random, 4);
        self.is_over(&Container { forbids, ..Container::default() });
        for _ in 0..one(self.random, &[1, 1, 2]) {
            let fails = self.fails(self.whom(), &ABOUT_A_SESSION);
            self.push(When::At(Seconds(1)), fails);
        }
    }

    /// What sweeps and cleanups write down, of all.
    fn ledger_fails(&mut self) {
        self.is_over(&Container::default());
        let part = one(self.random, &Whom::LEDGER);
        let calls = [Api::PutObject, Api::PutObject, Api::GetObject, Api::DeleteObject];
        for _ in 0..one(self.random, &[1, 2, 3]) {
            let (at, fails) = (some_time(self.random, self.lasts), self.fails(part, &calls));
            self.push(at, fails);
        }
    }

    /// Nobody extends a lease any more, and the leases end one after the other; what the first stop leaves behind is lost.
    fn renewal_breaks(&mut self) {
        let place = Where::Cluster(self.random.usize(0..self.stack.clusters));
        for (nth, later) in [0, 4, 8, 12].into_iter().enumerate() {
            let lease = Lease::Renewed(Seconds::minutes(later + self.random.u64(2..5)));
            let session = Session { place, lease, ..Session::default() };
            let number = self.number * 10 + nth;
            self.push(When::At(Seconds(0)), Action::Begins(number, Box::new(session)));
        }
        let at = Seconds(self.random.u64(60..600));
        self.push(When::At(at), Action::AllRenewalsBreak);
        let first = Whom::Session(self.number * 10);
        let calls = [Api::StopTask, Api::ContainerComplete, Api::HeadObject, Api::PutObject];
        let there = self.around(first, &calls);
        if self.random.bool() {
            self.push(there, Action::DiesHere);
        } else {
            let fails = self.fails(Whom::Memory, &[Api::PutObject, Api::GetObject]);
            self.push(there, fails);
        }
    }

    /// An owner that does not name the task means one of two.
    fn two_tasks_run_it(&mut self) {
        let (number, random) = (self.number, &mut *self.random);
        let identity = match (self.stack.warm_pool, random.bool()) {
            (true, _) => Identity::None,
            (false, true) => Identity::Tag,
            (false, false) => Identity::Environment,
        };
        let session =
            Session { identity, entry: Entry::Running(Seconds::minutes(5)), ..Session::default() };
        let at = Seconds(random.u64(200..900));
        let (spoken, over) = (at.0 + random.u64(0..400), at.0 + random.u64(0..900));
        let copies = EventCopies {
            copies: one(random, &[1, 2, 3]),
            late: Seconds(one(random, &[0, 20, 400])),
            names_the_task: once_in(random, 3),
        };
        let ends = if random.bool() { Action::IsStopped(number) } else { Action::Exits(number, 0) };
        self.push(When::At(Seconds(0)), Action::Begins(number, Box::new(session)));
        if self.stack.warm_pool {
            self.push(When::At(Seconds(1)), Action::Claims(number, Start::Now));
        }
        self.push(When::At(at), Action::Resumes(number));
        self.push(When::At(Seconds(spoken)), Action::Ends(number, copies));
        self.push(When::At(Seconds(over)), ends);
    }

    /// So many that they can't all be cleaned up at once.
    fn many_are_over(&mut self) {
        let entry = Entry::Running(Seconds(self.stack.max_session_age.0 + 60));
        for nth in 0..self.random.usize(4..8) {
            let session = Session { entry, ..Session::default() };
            let number = self.number * 10 + nth;
            self.push(When::At(Seconds(0)), Action::Begins(number, Box::new(session)));
            if self.stack.warm_pool {
                self.push(When::At(Seconds(0)), Action::Claims(number, Start::Now));
            }
        }
        if once_in(self.random, 3) {
            let fails = self.fails(Whom::Session(self.number * 10), &[Api::StopTask]);
            self.push(When::At(Seconds(1)), fails);
        }
    }

    /// Nobody can tell who holds the address of a live session that does not answer.
    fn listings_fail(&mut self) {
        let cluster = self.random.usize(0..self.stack.clusters);
        let place = match self.random.u8(0..4) {
            0 => Where::OtherCluster,
            1 => Where::OtherFamily(cluster),
            _ => Where::Cluster(cluster),
        };
        let container = Container {
            silent: self.random.bool(),
            refuses: self.random.bool(),
            ..Container::default()
        };
        let (groups, entry) = (self.stack.groups, Entry::Running(Seconds::minutes(15)));
        let session = Session { place, entry, groups, container, ..Session::default() };
        self.push(When::At(Seconds(0)), Action::Begins(self.number, Box::new(session)));
        let whom =
            if place == Where::OtherCluster { Whom::OtherCluster } else { Whom::Cluster(cluster) };
        let fails = self.fails(whom, &[Api::ListTasks, Api::DescribeTasks]);
        let Action::Fails(whom, api, kind, _) = fails else { return };
        self.push(When::At(Seconds(1)), Action::Fails(whom, api, kind, 40));
    }

    fn fails(&mut self, whom: Whom, apis: &[Api]) -> Action {
        let (api, kind) = (one(self.random, apis), one(self.random, &FaultKind::ALL));
        Action::Fails(whom, api, kind, one(self.random, &[1, 1, 2, 6, 30]))
    }
}
