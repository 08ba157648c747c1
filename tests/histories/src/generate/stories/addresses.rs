//! Addresses that change hands, and holders that can't be seen.

use super::super::{once_in, one, some_time};
use super::{ABOUT_A_SESSION, ABOUT_A_ZOMBIE, Teller};
use crate::history::{
    About, Action, Addressed, Container, Entry, EventCopies, Function, Seconds, Session, Sweep,
    When, Where, Whom,
};
use session_cleanup_tests::world::{Api, FaultKind};

impl Teller<'_> {
    pub(super) fn address_changes_hands(&mut self) {
        if self.stack.groups > 1 && !self.stack.warm_pool && once_in(self.random, 4) {
            self.a_group_refuses();
            return;
        }
        self.is_over(&Container::default());
        let at = if once_in(self.random, 3) {
            // The question reaches the other.
            let (api, nth) = (Api::ContainerComplete, one(self.random, &[1, 1, 2]));
            When::About(About { whom: self.whom(), api, nth, is_applied: false })
        } else {
            self.around(self.whom(), &ABOUT_A_SESSION)
        };
        let after = self.newcomer(Addressed::After(self.number));
        self.push(at, Action::Exits(self.number, 137));
        self.push(at, Action::Begins(20 + self.number, Box::new(after)));
        self.newcomer_may_leave();
        self.newcomer_may_be_registered_later(at);
        // One of its groups refuses.
        if self.stack.groups > 1 && once_in(self.random, 4) {
            let denied = Action::Fails(self.whom(), Api::DeregisterTargets, FaultKind::Denied, 1);
            self.push(When::At(Seconds(1)), denied);
        }
        match self.random.u8(0..4) {
            0 => {}
            1 => {
                let who = if self.random.bool() { self.number } else { 20 + self.number };
                let calls = [Api::RegisterTargets, Api::DescribeTargetHealth, Api::DescribeTasks];
                let fails = self.fails(Whom::Session(who), &calls);
                self.push(at, fails);
            }
            _ => {
                let there = self.around(self.whom(), &[Api::DeregisterTargets, Api::DescribeTasks]);
                self.push(there, Action::DiesHere);
            }
        }
    }

    fn newcomer_may_leave(&mut self) {
        if once_in(self.random, 5) {
            let whom = Whom::Session(20 + self.number);
            let leaves = self.around(whom, &[Api::DescribeTasks, Api::RegisterTargets]);
            self.push(leaves, Action::Exits(20 + self.number, 0));
        }
    }

    /// One that has just begun is registered a little later.
    fn newcomer_may_be_registered_later(&mut self, begins: When) {
        if once_in(self.random, 4) {
            self.push(begins, Action::IsRegistered(20 + self.number, false));
            let later = some_time(self.random, self.lasts);
            self.push(later, Action::IsRegistered(20 + self.number, true));
        }
    }

    /// Both are in all groups, and one of these refuses to let go of the first.
    fn a_group_refuses(&mut self) {
        let (number, groups) = (self.number, self.stack.groups);
        let entry = Entry::Running(Seconds::minutes(5));
        let session = Session { entry, groups, ..Session::default() };
        self.push(When::At(Seconds(0)), Action::Begins(number, Box::new(session)));
        let denied = Action::Fails(self.whom(), Api::DeregisterTargets, FaultKind::Denied, 1);
        self.push(When::At(Seconds(0)), denied);
        let at = Seconds(self.random.u64(60..self.lasts.0 / 2));
        let spoken = self.spoken();
        self.push(When::At(at), Action::Ends(number, spoken));
        let api = one(self.random, &[Api::DeregisterTargets, Api::ContainerComplete]);
        let (whom, is_applied) = (self.whom(), self.random.bool());
        let there = When::About(About { whom, api, nth: 1, is_applied });
        let newcomer = self.newcomer(Addressed::After(number));
        let newcomer = Session { groups, but_the_first: 0, ..newcomer };
        self.push(there, Action::Exits(number, 137));
        self.push(there, Action::Begins(20 + number, Box::new(newcomer)));
    }

    /// It is a zombie to two sweeps; then somebody gets its address.
    pub(super) fn zombies_address_is_taken(&mut self) {
        let number = self.random.u8(0..3);
        let whom = Whom::Zombie(number);
        for group in 0..self.stack.groups {
            if group == 0 || self.random.bool() {
                self.push(When::At(Seconds(0)), Action::LeavesZombie(group, number));
            }
        }
        let at = self.around(whom, &ABOUT_A_ZOMBIE);
        let like = self.newcomer(Addressed::LikeZombie(number));
        // It may take longer to start than from one sweep to the next.
        let never = Entry::NeverStarts(Seconds(0));
        let entry = if once_in(self.random, 6) { never } else { like.entry };
        let like = Session { entry, ..like };
        self.push(at, Action::Begins(20 + self.number, Box::new(like)));
        self.newcomer_may_leave();
        self.newcomer_may_be_registered_later(at);
        match self.random.u8(0..6) {
            0 => {}
            1 => {
                let there = self.around(whom, &[Api::DeregisterTargets]);
                self.push(there, Action::DiesHere);
            }
            2 => {
                let fails = self.keeps_failing(Whom::Intents, &[Api::PutObject, Api::DeleteObject]);
                let at = if self.random.bool() {
                    When::At(Seconds(1))
                } else {
                    some_time(self.random, self.lasts)
                };
                self.push(at, fails);
            }
            3 => {
                let newcomer = Whom::Session(20 + self.number);
                if self.random.bool() {
                    // One group takes it back, and another does not.
                    let (whom, api) = (newcomer, Api::RegisterTargets);
                    let first = When::About(About { whom, api, nth: 1, is_applied: true });
                    self.push(first, Action::Fails(whom, api, FaultKind::Denied, 1));
                } else {
                    let fails = self.keeps_failing(newcomer, &[Api::RegisterTargets]);
                    self.push(at, fails);
                }
            }
            _ => {
                let apis =
                    [Api::RegisterTargets, Api::DeregisterTargets, Api::DescribeTargetHealth];
                let whom = if self.random.bool() { whom } else { Whom::Session(20 + self.number) };
                let fails = self.fails(whom, &apis);
                self.push(at, fails);
            }
        }
    }

    /// Nobody can tell who holds the address of a live session that does not answer.
    pub(super) fn listings_fail(&mut self) {
        let cluster = self.random.usize(0..self.stack.clusters);
        let place = match self.random.u8(0..4) {
            0 => Where::OtherCluster,
            1 => Where::OtherFamily(cluster),
            _ => Where::Cluster(cluster),
        };
        let container = Container {
            silent: once_in(self.random, 4),
            refuses: !once_in(self.random, 4),
            ..Container::default()
        };
        let (groups, entry) = (self.stack.groups, Entry::Running(Seconds::minutes(15)));
        let session = Session { place, entry, groups, container, ..Session::default() };
        self.push(When::At(Seconds(0)), Action::Begins(self.number, Box::new(session)));
        if once_in(self.random, 3) {
            return;
        }
        let whom =
            if place == Where::OtherCluster { Whom::OtherCluster } else { Whom::Cluster(cluster) };
        let fails = self.keeps_failing(whom, &[Api::ListTasks, Api::DescribeTasks]);
        self.push(When::At(Seconds(1)), fails);
        if once_in(self.random, 3) {
            let at = some_time(self.random, self.lasts);
            let (nth, is_applied) = (self.random.usize(2..9), self.random.bool());
            self.push(at, Action::Dies(Function::Reaper, nth, is_applied));
            self.push(at, Action::Sweeps(Sweep::Enforce));
        }
    }

    /// Neither ECS nor, where only the load balancer gets through, a connection shows that somebody is there.
    pub(super) fn is_another_accounts(&mut self) {
        let usual = Container::default();
        let container = match self.random.u8(0..7) {
            0 => Container { deaf: true, ..usual },
            6 => Container { deaf: true, unready: true, ..usual },
            1 => Container { silent: true, ..usual },
            2 => Container { unready: true, ..usual },
            3 => Container { says_that_another_is_done: true, ..usual },
            4 => Container { completed: true, ..usual },
            _ => usual,
        };
        let session = Session {
            place: Where::OtherAccount,
            entry: Entry::Running(Seconds::minutes(15)),
            groups: self.random.usize(1..=self.stack.groups),
            container,
            ..Session::default()
        };
        self.push(When::At(Seconds(0)), Action::Begins(self.number, Box::new(session)));
        if once_in(self.random, 3) {
            // As if nobody were there, then somebody, and then nobody.
            let every = self.stack.every.0;
            let nth = self.random.u64(1..4);
            let refuses = Container { refuses: true, ..Container::default() };
            for (after, action) in [
                (every / 2, Action::Behaves(self.number, Box::new(refuses))),
                (every * nth + every / 2, Action::Behaves(self.number, Box::default())),
                (every * (nth + 1) + every / 2, Action::Exits(self.number, 0)),
            ] {
                self.push(When::At(Seconds(after)), action);
            }
        }
        if once_in(self.random, 3) {
            let calls = [Api::ContainerHealth, Api::DescribeTargetHealth];
            let fails = self.fails(self.whom(), &calls);
            let at = some_time(self.random, self.lasts);
            self.push(at, fails);
        }
    }

    /// Each repetition follows a look; the address changes hands right after one, and who has removed the target dies.
    pub(super) fn removal_is_repeated(&mut self) {
        let number = self.number;
        let session = Session {
            entry: Entry::Running(Seconds::minutes(5)),
            container: Container { refuses: true, ..Container::default() },
            ..Session::default()
        };
        self.push(When::At(Seconds(0)), Action::Begins(number, Box::new(session)));
        let at = Seconds(self.random.u64(60..self.lasts.0 / 2));
        let spoken = EventCopies { copies: 1, late: Seconds(0), names_the_task: true };
        self.push(When::At(at), Action::Ends(number, spoken));
        let kind = one(self.random, &[FaultKind::Throttled, FaultKind::Reset, FaultKind::Slow]);
        let times = self.random.usize(1..6);
        let whom = self.whom();
        let fails = Action::Fails(whom, Api::DeregisterTargets, kind, times);
        self.push(When::At(Seconds(1)), fails);
        let call = |api, nth, is_applied| When::About(About { whom, api, nth, is_applied });
        // A call that fails is not counted: between two attempts it is looked at.
        let look = call(Api::DescribeTasks, self.random.usize(2..4), self.random.bool());
        if self.random.bool() {
            self.push(look, Action::Sweeps(Sweep::Enforce));
        }
        let last = call(Api::DeregisterTargets, 1, false);
        let there = if self.random.bool() { last } else { look };
        let after = self.newcomer(Addressed::After(number));
        self.push(there, Action::Exits(number, 137));
        self.push(there, Action::Begins(20 + number, Box::new(after)));
        if self.random.bool() {
            self.push(call(Api::DeregisterTargets, 1, true), Action::DiesHere);
        }
    }
}
