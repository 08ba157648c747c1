//! Containers that say one thing now and another later.

use super::super::{once_in, one, some_time};
use super::Teller;
use crate::history::{
    About, Action, Container, Entry, Lease, Seconds, Session, Upload, When, Whom,
};
use session_cleanup_tests::world::{Api, FaultKind};

impl Teller<'_> {
    /// It runs another session: it says so, or nothing, or can't be reached.
    pub(super) fn container_changes_its_mind(&mut self) {
        let forbids = Container { forbids: true, ..Container::default() };
        let moods = [
            forbids.clone(),
            Container { silent: true, ..forbids.clone() },
            Container { refuses: true, ..forbids.clone() },
            Container { deaf: true, ..forbids.clone() },
            Container { broken: true, ..forbids.clone() },
        ];
        let mood = |random: &mut fastrand::Rng| moods[random.usize(0..moods.len())].clone();
        if once_in(self.random, 4) {
            let later = moods[self.random.usize(1..moods.len())].clone();
            self.says_403_once(&moods[0], later);
            return;
        }
        let first = mood(self.random);
        self.is_over(&first);
        let number = self.number;
        for _ in 0..one(self.random, &[1, 2, 2, 3]) {
            let mood = mood(self.random);
            let at = if self.random.bool() {
                let calls = [Api::ContainerComplete, Api::PutObject, Api::DescribeTasks];
                self.around(self.whom(), &calls)
            } else {
                some_time(self.random, self.lasts)
            };
            self.push(at, Action::Behaves(number, Box::new(mood)));
        }
        if self.random.bool() {
            let spoken = self.spoken();
            let at = some_time(self.random, self.lasts);
            self.push(at, Action::Ends(number, spoken));
        }
        match self.random.u8(0..6) {
            0 | 1 => {
                let calls =
                    [Api::DescribeTasks, Api::PutObject, Api::GetObject, Api::RegisterTargets];
                let fails = self.fails(self.whom(), &calls);
                let at = self.around(self.whom(), &[Api::ContainerComplete]);
                self.push(at, fails);
            }
            // Where it is registered is not known.
            2 => {
                let kinds = [FaultKind::Denied, FaultKind::ServerError, FaultKind::Throttled];
                let (kind, times) = (one(self.random, &kinds), self.random.usize(1..12));
                let fails = Action::Fails(Whom::Groups, Api::DescribeTargetHealth, kind, times);
                let at = some_time(self.random, self.lasts);
                self.push(at, fails);
            }
            _ => {}
        }
    }

    /// It says so to the first who asks, and what is written down of that is lost, or can't be read later.
    fn says_403_once(&mut self, forbids: &Container, later: Container) {
        let (number, lasts) = (self.number, self.lasts);
        if self.random.bool() {
            self.is_over(forbids);
        } else {
            let entry = Entry::Running(Seconds(self.stack.max_session_age.0 + 60));
            let identity = self.environment_or_tag();
            let container = forbids.clone();
            let session = Session { identity, entry, container, ..Session::default() };
            self.begins(When::At(Seconds(0)), session);
        }
        let (whom, api) = (self.whom(), Api::ContainerComplete);
        let there = When::About(About { whom, api, nth: 1, is_applied: true });
        self.push(there, Action::Behaves(number, Box::new(later)));
        match self.random.u8(0..3) {
            0 => {
                let fails = self.keeps_failing(self.whom(), &[Api::GetObject]);
                let at = some_time(self.random, lasts);
                self.push(at, fails);
            }
            1 => {
                let whom = one(self.random, &[self.whom(), Whom::Receipts]);
                let kind = one(self.random, &[FaultKind::Denied, FaultKind::ServerError]);
                let times = one(self.random, &[4, 12, 40]);
                self.push(there, Action::Fails(whom, Api::PutObject, kind, times));
            }
            _ => {
                let calls = [Api::PutObject, Api::PutObject, Api::GetObject];
                let fails = self.fails(Whom::Memory, &calls);
                self.push(there, fails);
            }
        }
    }

    /// Its upload goes on behind 202s; it may never come to its end.
    pub(super) fn uploads_for_long(&mut self) {
        if once_in(self.random, 4) {
            self.fails_before_and_after_a_202();
            return;
        }
        let (number, stack, random) = (self.number, self.stack, &mut *self.random);
        let ages = [300, stack.max_session_age.0 - 60, stack.hard_age.0 - 600];
        let container = Container {
            upload: Upload::Behind,
            uploads_in: Seconds(one(random, &[60, 600, 2_000, 100_000])),
            ..Container::default()
        };
        let entry = Entry::Running(Seconds(one(random, &ages)));
        let lease = if once_in(random, 3) { Lease::Fixed(Seconds(60)) } else { Lease::None };
        let is_protected = once_in(random, 6);
        let session = Session { entry, lease, container, is_protected, ..Session::default() };
        self.push(When::At(Seconds(0)), Action::Begins(number, Box::new(session)));
        if self.random.bool() {
            let spoken = self.spoken();
            let at = some_time(self.random, self.lasts);
            self.push(at, Action::Ends(number, spoken));
        }
        let at = self.around(self.whom(), &[Api::ContainerComplete, Api::TagResource]);
        match self.random.u8(0..5) {
            0 => {}
            1 => self.push(at, Action::IsLeased(number, Seconds::minutes(60))),
            2 => self.push(at, Action::IsProtected(number, true)),
            3 => {
                let never = Container { upload: Upload::Never, ..Container::default() };
                self.push(at, Action::Behaves(number, Box::new(never)));
            }
            _ => {
                let fails = self.keeps_failing(self.whom(), &[Api::TagResource, Api::PutObject]);
                self.push(When::At(Seconds(1)), fails);
            }
        }
    }

    /// What was tried in vain before it says that its upload is under way counts no more.
    fn fails_before_and_after_a_202(&mut self) {
        let (number, every) = (self.number, self.stack.every.0);
        let behind = Container {
            upload: Upload::Behind,
            uploads_in: Seconds(100_000),
            ..Container::default()
        };
        let never = Container { upload: Upload::Never, ..Container::default() };
        let entry = Entry::Running(Seconds(self.stack.max_session_age.0 + 60));
        let container = never.clone();
        let session = Session { entry, container, ..Session::default() };
        self.begins(When::At(Seconds(0)), session);
        // The second sweep asks it, and fails.
        let at = Seconds(every * 2 + every / 2);
        self.push(When::At(at), Action::Behaves(number, Box::new(behind)));
        let until = at.0 + self.stack.salvage_window.0 + self.random.u64(0..every);
        self.push(When::At(Seconds(until)), Action::Behaves(number, Box::new(never)));
    }

    /// Two sweeps see it before its session has begun, where there is time for two.
    fn starts_up_for_long(&mut self) -> bool {
        let (every, grace) = (self.stack.every.0, self.stack.start_up_grace.0);
        if grace < every * 2 || self.random.bool() {
            return false;
        }
        let identity = self.environment_or_tag();
        let groups = self.random.usize(0..=self.stack.groups);
        let container = Container { starts_up_for: Seconds(grace - 60), ..Container::default() };
        let session =
            Session { entry: Entry::Fresh, groups, identity, container, ..Session::default() };
        let begins = every * self.random.u64(1..4) - 45;
        self.begins(When::At(Seconds(begins)), session);
        true
    }

    /// Only its own word that it is done makes a session done to which nobody routes.
    pub(super) fn health_is_broken(&mut self) {
        if self.starts_up_for_long() {
            return;
        }
        let container = Container {
            says_that_another_is_done: once_in(self.random, 3),
            unready: once_in(self.random, 3),
            ..Container::default()
        };
        let entry = Entry::Running(Seconds::minutes(20));
        let identity = self.environment_or_tag();
        let session = Session { entry, groups: 0, identity, container, ..Session::default() };
        self.begins(When::At(Seconds(0)), session);
        if self.random.bool() {
            let kind = one(self.random, &FaultKind::ALL);
            let fails = Action::Fails(self.whom(), Api::ContainerHealth, kind, 40);
            self.push(When::At(Seconds(1)), fails);
        }
    }
}
