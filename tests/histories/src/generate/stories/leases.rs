//! Leases that are extended no more.

use super::super::{once_in, one};
use super::Teller;
use crate::history::{
    Action, Container, Entry, Lease, Seconds, Session, Upload, When, Where, Whom,
};
use session_cleanup_tests::world::{Api, FaultKind};

impl Teller<'_> {
    /// Nobody extends a lease any more, and the leases end one after the other; what the first stop leaves behind is lost.
    pub(super) fn renewal_breaks(&mut self) {
        let place = Where::Cluster(self.random.usize(0..self.stack.clusters));
        // All within the grace of the first, or none.
        let apart = one(self.random, &[4, 4, 30]);
        for (nth, later) in [0, apart, apart + 4, apart + 8].into_iter().enumerate() {
            let lease = Lease::Renewed(Seconds::minutes(later + self.random.u64(2..5)));
            let session = Session { place, lease, ..Session::default() };
            let number = self.number * 10 + nth;
            self.push(When::At(Seconds(0)), Action::Begins(number, Box::new(session)));
        }
        let at = Seconds(self.random.u64(60..600));
        self.push(When::At(at), Action::AllRenewalsBreak);
        self.lasts_for_years(place);
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

    /// One that is set to a time which never comes, and set again, says nothing of others.
    fn lasts_for_years(&mut self, place: Where) {
        if !once_in(self.random, 3) {
            return;
        }
        let (number, years) = (self.number * 10 + 9, 70 * 365 * 86_400);
        let lease = Lease::Fixed(Seconds(years));
        let session = Session { place, lease, ..Session::default() };
        self.push(When::At(Seconds(0)), Action::Begins(number, Box::new(session)));
        for nth in 1..9 {
            let at = When::At(Seconds(nth * 400));
            self.push(at, Action::IsLeased(number, Seconds(years + nth)));
        }
    }

    /// Others' leases show that renewal works. Those of one owner end one after the other, and who has stopped the first
    /// for it dies, or can't write that down.
    pub(super) fn one_owners_renewals_break(&mut self) {
        let place = Where::Cluster(0);
        // Where the second is can't be listed: nobody sees that both have lapsed.
        let elsewhere = self.stack.clusters > 1 && self.random.bool();
        let number = |nth| self.number * 10 + nth;
        let (works, first, second) = (number(0), number(1), number(2));
        // The second lapses once the first has been stopped.
        let (grace, every) = (self.stack.lease_grace.0, self.stack.every.0);
        let later = if elsewhere { 1 } else { grace + every + self.random.u64(0..every * 2) };
        for (number, left) in [(works, 1_200), (first, 1), (second, later)] {
            let lease = Lease::Renewed(Seconds(left));
            let upload = if self.random.bool() { Upload::Works } else { Upload::Nothing };
            let container =
                Container { upload, dies_on_sigterm: self.random.bool(), ..Container::default() };
            let entry = Entry::Running(Seconds::minutes(40));
            let place = if elsewhere && number == second { Where::Cluster(1) } else { place };
            let session = Session { place, entry, lease, container, ..Session::default() };
            self.push(When::At(Seconds(0)), Action::Begins(number, Box::new(session)));
        }
        for number in [first, second] {
            self.push(When::At(Seconds(0)), Action::RenewalBreaks(number));
        }
        if elsewhere {
            let fails = self.keeps_failing(Whom::Cluster(1), &[Api::ListTasks, Api::DescribeTasks]);
            self.push(When::At(Seconds(1)), fails);
            return;
        }
        let calls = [Api::StopTask, Api::StopTask, Api::ContainerComplete, Api::DescribeTasks];
        let there = self.around(Whom::Session(first), &calls);
        match self.random.u8(0..6) {
            0 => self.push(there, Action::DiesHere),
            // From before it is decided, and not for long.
            2 => {
                let at = Seconds(self.random.u64(60..(grace + every).min(self.lasts.0)));
                let kind = one(self.random, &[FaultKind::Denied, FaultKind::ServerError]);
                let times = one(self.random, &[2, 6, 12]);
                let fails = Action::Fails(Whom::Memory, Api::PutObject, kind, times);
                self.push(When::At(at), fails);
            }
            // It is written, and nobody can know that.
            3 => {
                let kind = one(self.random, &[FaultKind::AnswerLost, FaultKind::AnswerHangs]);
                let times = one(self.random, &[1, 1, 4]);
                let lost = Action::Fails(Whom::Memory, Api::PutObject, kind, times);
                let at = Seconds(self.random.u64(60..(grace + every * 2).min(self.lasts.0)));
                self.push(When::At(at), lost);
                if self.random.bool() {
                    let unread = self.keeps_failing(Whom::Memory, &[Api::GetObject]);
                    let Action::Fails(whom, api, kind, _) = unread else { return };
                    self.push(When::At(at), Action::Fails(whom, api, kind, 4));
                }
            }
            1 => {
                let kinds = [FaultKind::AnswerLost, FaultKind::AnswerHangs, FaultKind::ServerError];
                let (kind, whom) = (one(self.random, &kinds), Whom::Session(first));
                let times = one(self.random, &[1, 40]);
                self.push(When::At(Seconds(1)), Action::Fails(whom, Api::StopTask, kind, times));
            }
            _ => {
                let fails = if self.random.bool() {
                    self.keeps_failing(Whom::Memory, &[Api::PutObject])
                } else {
                    self.fails(Whom::Memory, &[Api::PutObject, Api::PutObject, Api::GetObject])
                };
                self.push(there, fails);
            }
        }
    }
}
