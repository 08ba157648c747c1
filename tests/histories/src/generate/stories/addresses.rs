//! Addresses that change hands, and holders that can't be seen.

use super::super::{once_in, some_time};
use super::{ABOUT_A_SESSION, ABOUT_A_ZOMBIE, Teller};
use crate::history::{Action, Addressed, Container, Entry, Seconds, Session, When, Where, Whom};
use session_cleanup_tests::world::Api;

impl Teller<'_> {
    pub(super) fn address_changes_hands(&mut self) {
        self.is_over(&Container::default());
        let at = self.around(self.whom(), &ABOUT_A_SESSION);
        let after = self.newcomer(Addressed::After(self.number));
        self.push(at, Action::Exits(self.number, 137));
        self.push(at, Action::Begins(20 + self.number, Box::new(after)));
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
        self.push(at, Action::Begins(20 + self.number, Box::new(like)));
        // One that has just begun is registered a little later.
        if once_in(self.random, 4) {
            self.push(at, Action::IsRegistered(20 + self.number, false));
            let later = some_time(self.random, self.lasts);
            self.push(later, Action::IsRegistered(20 + self.number, true));
        }
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
                let fails = self.keeps_failing(newcomer, &[Api::RegisterTargets]);
                self.push(at, fails);
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
        let whom =
            if place == Where::OtherCluster { Whom::OtherCluster } else { Whom::Cluster(cluster) };
        let fails = self.keeps_failing(whom, &[Api::ListTasks, Api::DescribeTasks]);
        self.push(When::At(Seconds(1)), fails);
    }
}
