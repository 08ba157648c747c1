//! Tasks that had waited for their sessions.

use super::super::{once_in, one};
use super::{ABOUT_A_SESSION, Teller};
use crate::history::{Action, Container, Entry, Identity, Seconds, Session, Start, Upload, When};
use session_cleanup_tests::world::Api;

impl Teller<'_> {
    /// An earlier run of the session has left its marker while the task waited.
    pub(super) fn claims_what_waited(&mut self) {
        let (number, lasts, random) = (self.number, self.lasts, &mut *self.random);
        let upload = match random.u8(0..4) {
            _ if self.stack.owners_ahead > 0 && once_in(random, 2) => {
                one(random, &[Upload::Works, Upload::Fails(6), Upload::Fails(12)])
            }
            0 => Upload::Works,
            1 => Upload::Never,
            _ => Upload::Nothing,
        };
        let uploads_in = Seconds(one(random, &[3, 3, 24]));
        let container = Container { upload, uploads_in, ..Container::default() };
        let entry = Entry::Running(Seconds::minutes(one(random, &[1, 10, 50])));
        let groups = random.usize(0..=self.stack.groups);
        let session =
            Session { entry, groups, container, identity: Identity::None, ..Session::default() };
        self.push(When::At(Seconds(0)), Action::Begins(number, Box::new(session)));
        let random = &mut *self.random;
        let claimed = random.u64(20..lasts.0 / 2);
        let left = random.u64(1..claimed - 10);
        let over = claimed + random.u64(1..400);
        // By a wrong clock, or where nobody says it, the session may have begun before that: what lies there is its own.
        let clocks_agree = self.stack.owners_ahead == 0 && self.stack.functions_ahead >= 0;
        let start = if clocks_agree && random.bool() {
            self.push(When::At(Seconds(left)), Action::LeavesMarker(number));
            Start::Now
        } else {
            one(random, &[Start::Now, Start::Now, Start::Unsaid])
        };
        self.push(When::At(Seconds(claimed)), Action::Claims(number, start));
        let later = When::At(Seconds(over + self.random.u64(40..600)));
        let over = When::At(Seconds(over));
        match self.random.u8(0..6) {
            0..=2 => {
                let spoken = self.spoken();
                self.push(over, Action::Ends(number, spoken));
                if self.random.bool() {
                    // Within its cleanup, or between two.
                    let within = self.around(self.whom(), &ABOUT_A_SESSION);
                    let at = if self.random.bool() { within } else { later };
                    let ends = match self.random.u8(0..3) {
                        0 => Action::IsStopped(number),
                        1 => Action::Exits(number, 0),
                        _ => Action::Exits(number, 137),
                    };
                    self.push(at, ends);
                }
            }
            3 => {
                let code = one(self.random, &[0, 137]);
                self.push(over, Action::Exits(number, code));
            }
            4 => self.push(over, Action::IsStopped(number)),
            _ => {
                let at = self.last_look();
                self.push(at, Action::IsStopped(number));
            }
        }
        match self.random.u8(0..6) {
            0 | 1 => {
                let fails = self.fails(self.whom(), &ABOUT_A_SESSION);
                self.push(over, fails);
            }
            // What was seen of its start is written down in one place only.
            2 => {
                let fails = self.keeps_failing(self.whom(), &[Api::TagResource, Api::PutObject]);
                self.push(over, fails);
            }
            _ => {}
        }
    }
}
