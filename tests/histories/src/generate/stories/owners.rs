//! What owners, operators and dying functions do to a session that is about to be cleaned up.

use super::super::{once_in, one, some_time};
use super::{ABOUT_A_SESSION, Teller};
use crate::history::{
    About, Action, Artifacts, Container, Entry, EventCopies, Identity, Lease, Seconds, Session,
    Start, Sweep, Upload, When, Whom,
};
use session_cleanup_tests::world::{Api, FaultKind};

impl Teller<'_> {
    /// What keeps it, or ends it in another way.
    pub(super) fn owner_comes_back(&mut self) {
        self.is_over(&Container::default());
        let number = self.number;
        let at = if self.random.bool() {
            self.last_look()
        } else {
            self.around(self.whom(), &ABOUT_A_SESSION)
        };
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

    /// Its upload never works, and something happens around the call that gives it up.
    pub(super) fn is_given_up(&mut self) {
        let number = self.number;
        let never = if self.random.bool() {
            Container { upload: Upload::Never, ..Container::default() }
        } else {
            Container { silent: true, ..Container::default() }
        };
        if once_in(self.random, 4) {
            self.is_ended_as_it_is_given_up(never);
            return;
        }
        self.is_over(&Container::default());
        self.push(When::At(Seconds(1)), Action::Behaves(number, Box::new(never)));
        let sweeps = self.stack.salvage_window.0 / self.stack.every.0;
        let nth = usize::try_from(sweeps).unwrap_or_default() + self.random.usize(0..4);
        let asked = self.stack.artifacts == Artifacts::Asked;
        let apis = [Api::ContainerComplete, Api::PutObject, Api::HeadObject, Api::DescribeTasks];
        let api = if asked { one(self.random, &apis) } else { Api::DescribeTasks };
        let is_applied = self.random.bool();
        let at = When::About(About { whom: self.whom(), api, nth, is_applied });
        match self.random.u8(0..6) {
            0 | 1 => {
                let spoken = self.spoken();
                self.push(at, Action::Ends(number, spoken));
            }
            2 => self.push(at, Action::IsLeased(number, Seconds::minutes(60))),
            3 => self.push(at, Action::DiesHere),
            _ => {
                let whom = one(self.random, &[self.whom(), Whom::Receipts, Whom::Memory]);
                let fails = self.keeps_failing(whom, &[Api::PutObject, Api::HeadObject]);
                self.push(at, fails);
            }
        }
    }

    /// Its owner's word is at its task once the sweep has asked it for the last time.
    fn is_ended_as_it_is_given_up(&mut self, container: Container) {
        let (number, stack) = (self.number, self.stack);
        let (entry, identity) =
            (Entry::Running(Seconds(stack.max_session_age.0 + 60)), self.environment_or_tag());
        let session = Session { identity, entry, container, ..Session::default() };
        self.begins(When::At(Seconds(0)), session);
        let sweeps = 1 + stack.salvage_window.0 / stack.every.0 + self.random.u64(0..2);
        let before = self.random.u64(0..30);
        let copies = EventCopies { copies: 1, late: Seconds(0), names_the_task: true };
        self.push(When::At(Seconds(sweeps * stack.every.0 - before)), Action::Ends(number, copies));
    }

    pub(super) fn function_dies(&mut self) {
        self.is_over(&Container::default());
        let at = self.around(self.whom(), &ABOUT_A_SESSION);
        self.push(at, Action::DiesHere);
        if once_in(self.random, 3) {
            let back = Action::IsLeased(self.number, Seconds::minutes(60));
            self.push(at, back);
        }
    }

    /// Some calls about it; its container may run another session.
    pub(super) fn calls_fail(&mut self) {
        let forbids = self.stack.artifacts == Artifacts::Asked && once_in(self.random, 4);
        self.is_over(&Container { forbids, ..Container::default() });
        for _ in 0..one(self.random, &[1, 1, 2]) {
            let fails = self.fails(self.whom(), &ABOUT_A_SESSION);
            self.push(When::At(Seconds(1)), fails);
        }
    }

    /// What sweeps and cleanups write down, of all.
    pub(super) fn ledger_fails(&mut self) {
        self.is_over(&Container::default());
        if once_in(self.random, 3) {
            let fails = self.keeps_failing(Whom::Receipts, &[Api::PutObject]);
            let there = self.around(self.whom(), &[Api::StopTask, Api::ContainerComplete]);
            self.push(there, fails);
            return;
        }
        let part = one(self.random, &Whom::LEDGER);
        let calls = [Api::PutObject, Api::PutObject, Api::GetObject, Api::DeleteObject];
        for _ in 0..one(self.random, &[1, 2, 3]) {
            let (at, fails) = (some_time(self.random, self.lasts), self.fails(part, &calls));
            self.push(at, fails);
        }
    }

    /// Nothing but the hard age ends it, and the window after that.
    pub(super) fn is_too_old(&mut self) {
        let (stack, random) = (self.stack, &mut *self.random);
        let age = stack.hard_age.0 + stack.salvage_window.0 - random.u64(0..900);
        let container = match random.u8(0..5) {
            0 => Container { deaf: true, ..Container::default() },
            1 => Container { forbids: true, ..Container::default() },
            2 => Container { upload: Upload::Never, ..Container::default() },
            3 => Container {
                upload: Upload::Behind,
                uploads_in: Seconds(100_000),
                ..Container::default()
            },
            _ => Container { silent: true, ..Container::default() },
        };
        let lease = if random.bool() { Lease::Renewed(Seconds::minutes(10)) } else { Lease::None };
        let entry = Entry::Running(Seconds(age));
        let session = Session { entry, lease, container, ..Session::default() };
        self.begins(When::At(Seconds(0)), session);
        match self.random.u8(0..4) {
            0 => {
                let (at, time) = (some_time(self.random, self.lasts), self.random.u64(60..900));
                self.push(at, Action::RoutesAreLost(Seconds(time)));
            }
            1 => {
                let fails = self.fails(self.whom(), &[Api::ContainerComplete, Api::DescribeTasks]);
                let at = some_time(self.random, self.lasts);
                self.push(at, fails);
            }
            _ => {}
        }
    }

    /// Its tag is gone with its task, and what is written down of it fails.
    pub(super) fn dies_unseen(&mut self) {
        let number = self.number;
        let identity = if self.stack.warm_pool { Identity::None } else { Identity::Tag };
        let entry = Entry::Running(Seconds::minutes(5));
        let upload = if self.random.bool() { Upload::Never } else { Upload::Works };
        let container = Container { upload, ..Container::default() };
        let session = Session { identity, entry, container, ..Session::default() };
        self.push(When::At(Seconds(0)), Action::Begins(number, Box::new(session)));
        // Whoever scales a pool in stops what nobody has claimed.
        let waits = self.stack.warm_pool && once_in(self.random, 3);
        if self.stack.warm_pool && !waits {
            self.push(When::At(Seconds(1)), Action::Claims(number, Start::Now));
        }
        let at = some_time(self.random, self.lasts);
        let ends = match self.random.u8(0..4) {
            _ if waits => Action::IsStopped(number),
            0 => Action::IsStopped(number),
            1 => Action::IsInterrupted(number),
            _ => Action::Exits(number, one(self.random, &[0, 137])),
        };
        for _ in 0..one(self.random, &[0, 1, 2]) {
            let calls = [Api::PutObject, Api::PutObject, Api::GetObject, Api::DescribeTasks];
            let fails = self.fails(self.whom(), &calls);
            self.push(at, fails);
        }
        self.push(at, ends);
        if once_in(self.random, 3) {
            let spoken = self.spoken();
            self.push(at, Action::Ends(number, spoken));
        }
    }

    /// An operator ends all of a cluster; the sweep dies, and somebody goes on.
    pub(super) fn forced_sweep_dies(&mut self) {
        let (number, random) = (self.number, &mut *self.random);
        let identity = if random.bool() { Identity::Environment } else { Identity::Tag };
        let entry = Entry::Running(Seconds::minutes(20));
        let lease = if random.bool() { Lease::Renewed(Seconds::minutes(10)) } else { Lease::None };
        let session = Session { identity, entry, lease, ..Session::default() };
        self.push(When::At(Seconds(0)), Action::Begins(number, Box::new(session)));
        let at = some_time(self.random, self.lasts);
        self.push(at, Action::Sweeps(Sweep::Force(0, Seconds(10))));
        let there = self.around(self.whom(), &[Api::DescribeTasks, Api::ContainerComplete]);
        self.push(there, Action::DiesHere);
        if self.random.bool() {
            self.push(there, Action::IsProtected(number, true));
        }
    }

    /// Its owner ends it, and it is back in a new task in the same second, or about then.
    pub(super) fn ends_as_it_comes_back(&mut self) {
        let (number, pool) = (self.number, self.stack.warm_pool);
        let identity = self.environment_or_tag();
        let entry = Entry::Running(Seconds::minutes(5));
        let session = Session { identity, entry, ..Session::default() };
        self.push(When::At(Seconds(0)), Action::Begins(number, Box::new(session)));
        if pool {
            self.push(When::At(Seconds(1)), Action::Claims(number, Start::Now));
        }
        let random = &mut *self.random;
        let at = Seconds(random.u64(60..self.lasts.0));
        let copies = EventCopies {
            copies: one(random, &[1, 2]),
            late: Seconds(one(random, &[0, 2, 20, 400])),
            names_the_task: once_in(random, 4),
        };
        let back = Seconds(at.0 + one(random, &[0, 0, 0, 1, 5]));
        if pool && self.random.bool() {
            self.another_waits(at);
            self.push(When::At(back), Action::Claims(number, Start::Now));
        } else {
            self.push(When::At(back), Action::Resumes(number));
        }
        self.push(When::At(at), Action::Ends(number, copies));
    }

    /// Its first task may be over, and its tags with it, before its owner ends it.
    fn another_waits(&mut self, ends: Seconds) {
        let (number, waits_for) = (self.number, self.random.u64(1..40));
        if self.random.bool() {
            self.push(When::At(Seconds(ends.0 - waits_for - 1)), Action::IsStopped(number));
        }
        let entry = Entry::Running(Seconds(0));
        let waits = Session { entry, identity: Identity::None, ..Session::default() };
        let since = When::At(Seconds(ends.0 - waits_for));
        self.push(since, Action::Begins(number, Box::new(waits)));
    }

    /// An owner that does not name the task means one of two.
    pub(super) fn two_tasks_run_it(&mut self) {
        let identity = self.environment_or_tag();
        let (number, random) = (self.number, &mut *self.random);
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
    pub(super) fn many_are_over(&mut self) {
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

    /// What ECS shows of it is up to a minute old.
    pub(super) fn has_just_started(&mut self) {
        let (number, pending) = (self.number, self.stack.pending.0);
        let upload = one(self.random, &[Upload::Works, Upload::Works, Upload::Never]);
        let container = Container { upload, deaf: once_in(self.random, 6), ..Container::default() };
        let groups = self.random.usize(0..=self.stack.groups);
        let identity = self.environment_or_tag();
        let session =
            Session { entry: Entry::Fresh, identity, groups, container, ..Session::default() };
        let begins = self.random.u64(0..self.lasts.0 / 2);
        self.push(When::At(Seconds(begins)), Action::Begins(number, Box::new(session)));
        let ends = begins + one(self.random, &[pending, pending + 6, pending + 6]);
        let most = one(self.random, &[8, 8, 40]);
        let ends = ends + self.random.u64(1..most);
        if self.stack.warm_pool {
            let claimed = ends - 1;
            self.push(When::At(Seconds(claimed)), Action::Claims(number, Start::Now));
        }
        let stale =
            |nth| Action::Fails(Whom::Session(number), Api::DescribeTasks, FaultKind::Stale, nth);
        let looks = one(self.random, &[1, 2, 2, 6, 12]);
        self.push(When::At(Seconds(begins)), stale(looks));
        let spoken = self.spoken();
        self.push(When::At(Seconds(ends)), Action::Ends(number, spoken));
    }

    /// It may end well, be ended, or go on.
    pub(super) fn tags_are_odd(&mut self) {
        let (number, random) = (self.number, &mut *self.random);
        let age = [300, self.stack.max_session_age.0 - 600];
        let upload = one(random, &[Upload::Works, Upload::Never, Upload::Fails(3)]);
        let session = Session {
            identity: if random.bool() { Identity::Environment } else { Identity::Tag },
            entry: Entry::Running(Seconds(one(random, &age))),
            lease: one(random, &[Lease::None, Lease::Unreadable, Lease::Stale]),
            container: Container { upload, ..Container::default() },
            copied_end: random.bool().then_some(Seconds(600)),
            ..Session::default()
        };
        let unreadable_end = session.copied_end.is_none() && self.random.bool();
        let session = Session { unreadable_end, ..session };
        self.push(When::At(Seconds(0)), Action::Begins(number, Box::new(session)));
        let at = some_time(self.random, self.lasts);
        match self.random.u8(0..4) {
            0 => {}
            1 => self.push(at, Action::IsLeased(number, Seconds::minutes(60))),
            _ => {
                let spoken = self.spoken();
                self.push(at, Action::Ends(number, spoken));
            }
        }
    }
}
