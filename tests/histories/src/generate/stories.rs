//! Stories of which chance alone would tell too few: somebody is about to be cleaned up, and at a certain call about
//! them something else happens.

mod addresses;
mod containers;
mod leases;
mod owners;
mod pools;

use super::trouble::newcomer;
use super::{once_in, one, step};
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

/// What a story is about; each is told again and again, with other details.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Story {
    /// A task ends while it is cleaned up, and another gets its address.
    AddressChangesHands,
    /// What has broken a promise once happens again, with other details.
    BrokeOnce,
    /// Calls about one session fail.
    CallsFail,
    /// A task of a pool is claimed, and an earlier run of its session has left a marker.
    ClaimsWhatWaited,
    /// A container says now that it runs another session, and now nothing.
    ContainerChangesItsMind,
    /// A task ends, its tag is gone, and what is written down of it fails.
    DiesUnseen,
    /// A session is ended, and is back in a new task at about that time.
    EndsAsItComesBack,
    /// An operator ends all of a cluster, and the sweep dies.
    ForcedSweepDies,
    /// A session is ended as it starts, and what ECS shows of it is out of date.
    HasJustStarted,
    /// Nobody routes to a session, and what its health path answers is broken, or is another's.
    HealthIsBroken,
    /// The function dies at a call about one session.
    FunctionDies,
    /// No upload works, and something happens around the call that gives the session up.
    IsGivenUp,
    /// Nothing but its hard age ends a session.
    IsTooOld,
    /// What sweeps and cleanups write down fails.
    LedgerFails,
    /// Nobody can tell who holds the address of a live session that does not answer.
    ListingsFail,
    /// So many are over that they can't all be cleaned up at once.
    ManyAreOver,
    /// The leases of one owner end one after the other, and what is written down of the first fails.
    OneOwnersRenewalsBreak,
    /// An owner keeps what is about to be cleaned up, or ends it in another way.
    OwnerComesBack,
    /// A target is not ours: another account runs what answers there, or what only the load balancer reaches.
    IsAnotherAccounts,
    /// The address changes hands before a deregistration that is repeated, and meanwhile a sweep settles intents.
    RemovalIsRepeated,
    /// Nobody extends a lease any more.
    RenewalBreaks,
    /// What a task was started with, or its owner has set, is another's, or can't be read.
    TagsAreOdd,
    /// Two tasks run one session, and an event does not say which of them it means.
    TwoTasksRunIt,
    /// An upload goes on behind 202s.
    UploadsForLong,
    /// A zombie's address goes to a session while it is removed.
    ZombiesAddressIsTaken,
}

impl Story {
    /// All of them.
    pub const ALL: [Self; 25] = [
        Self::AddressChangesHands,
        Self::BrokeOnce,
        Self::CallsFail,
        Self::ClaimsWhatWaited,
        Self::ContainerChangesItsMind,
        Self::DiesUnseen,
        Self::EndsAsItComesBack,
        Self::ForcedSweepDies,
        Self::FunctionDies,
        Self::HasJustStarted,
        Self::HealthIsBroken,
        Self::IsAnotherAccounts,
        Self::IsGivenUp,
        Self::IsTooOld,
        Self::LedgerFails,
        Self::ListingsFail,
        Self::ManyAreOver,
        Self::OneOwnersRenewalsBreak,
        Self::OwnerComesBack,
        Self::RemovalIsRepeated,
        Self::RenewalBreaks,
        Self::TagsAreOdd,
        Self::TwoTasksRunIt,
        Self::UploadsForLong,
        Self::ZombiesAddressIsTaken,
    ];

    /// One that the stack has room for.
    fn draw(random: &mut Rng, stack: &Stack) -> Self {
        let (has_groups, pool) = (stack.groups > 0, stack.warm_pool);
        let asked = stack.artifacts == Artifacts::Asked;
        match random.u8(0..40) {
            38 => Self::HasJustStarted,
            30 | 31 if has_groups => Self::IsAnotherAccounts,
            30..=32 => Self::HealthIsBroken,
            33 | 34 if has_groups && !pool => Self::RemovalIsRepeated,
            33..=35 if !pool => Self::TagsAreOdd,
            3 => Self::IsGivenUp,
            4 | 5 => Self::AddressChangesHands,
            // What waits for its turn in another group looks like the new holder's own.
            6..=8 if has_groups && stack.blast_radius_at_least >= 3 => Self::ZombiesAddressIsTaken,
            6..=8 => Self::FunctionDies,
            9 | 10 => Self::CallsFail,
            11 => Self::LedgerFails,
            12 | 13 if has_groups => Self::ListingsFail,
            12 | 13 => Self::ForcedSweepDies,
            14 if !pool => Self::RenewalBreaks,
            15..=17 if !pool => Self::OneOwnersRenewalsBreak,
            14..=17 if asked => Self::ClaimsWhatWaited,
            18 | 19 => Self::TwoTasksRunIt,
            20 => Self::ManyAreOver,
            21..=23 if asked => Self::ContainerChangesItsMind,
            25 | 26 => Self::IsTooOld,
            24 | 27 if asked => Self::UploadsForLong,
            28 => Self::DiesUnseen,
            27 | 29 => Self::EndsAsItComesBack,
            _ => Self::OwnerComesBack,
        }
    }
}

/// Tells one, or up to four at once.
pub(super) fn tell(
    random: &mut Rng,
    (stack, reads_are_stale): (&Stack, bool),
    lasts: Seconds,
    steps: &mut Vec<Step>,
) -> Vec<Story> {
    let first = one(random, &[48, 49, 50, 51]);
    let mut told = Vec::new();
    for number in first..52 {
        let story = Story::draw(random, stack);
        let (random, steps) = (&mut *random, &mut *steps);
        Teller { random, stack, reads_are_stale, lasts, steps, number }.tell(story);
        told.push(story);
    }
    told
}

impl Teller<'_> {
    fn tell(&mut self, story: Story) {
        match story {
            Story::AddressChangesHands => self.address_changes_hands(),
            // It is told alone.
            Story::BrokeOnce => {}
            Story::CallsFail => self.calls_fail(),
            Story::ClaimsWhatWaited => self.claims_what_waited(),
            Story::ContainerChangesItsMind => self.container_changes_its_mind(),
            Story::DiesUnseen => self.dies_unseen(),
            Story::EndsAsItComesBack => self.ends_as_it_comes_back(),
            Story::ForcedSweepDies => self.forced_sweep_dies(),
            Story::FunctionDies => self.function_dies(),
            Story::IsGivenUp => self.is_given_up(),
            Story::IsTooOld => self.is_too_old(),
            Story::LedgerFails => self.ledger_fails(),
            Story::ListingsFail => self.listings_fail(),
            Story::ManyAreOver => self.many_are_over(),
            Story::OneOwnersRenewalsBreak => self.one_owners_renewals_break(),
            Story::OwnerComesBack => self.owner_comes_back(),
            Story::IsAnotherAccounts => self.is_another_accounts(),
            Story::HasJustStarted => self.has_just_started(),
            Story::HealthIsBroken => self.health_is_broken(),
            Story::RemovalIsRepeated => self.removal_is_repeated(),
            Story::TagsAreOdd => self.tags_are_odd(),
            Story::RenewalBreaks => self.renewal_breaks(),
            Story::TwoTasksRunIt => self.two_tasks_run_it(),
            Story::UploadsForLong => self.uploads_for_long(),
            Story::ZombiesAddressIsTaken => self.zombies_address_is_taken(),
        }
    }

    fn push(&mut self, when: When, action: Action) {
        self.steps.push(step(when, action));
    }

    /// It begins, and in a pool it is claimed at once.
    fn begins(&mut self, at: When, session: Session) {
        self.push(at, Action::Begins(self.number, Box::new(session)));
        if self.stack.warm_pool {
            self.push(at, Action::Claims(self.number, Start::Now));
        }
    }

    fn whom(&self) -> Whom {
        Whom::Session(self.number)
    }

    /// How a session may be told from its task; in a pool it must be claimed.
    fn environment_or_tag(&mut self) -> Identity {
        match (self.stack.warm_pool, self.random.bool()) {
            (true, _) => Identity::None,
            (false, true) => Identity::Tag,
            (false, false) => Identity::Environment,
        }
    }

    /// Right before or after one of its calls.
    fn around(&mut self, whom: Whom, apis: &[Api]) -> When {
        let api = one(self.random, apis);
        let nth = one(self.random, &[1, 1, 1, 2, 2, 3, 4, 5]);
        When::About(About { whom, api, nth, is_applied: self.random.bool() })
    }

    /// The last look before something is done about it by a sweep, mostly.
    fn last_look(&mut self) -> When {
        let nth = one(self.random, &[1, 2, 2, 2, 4, 6]);
        let is_applied = self.random.bool();
        When::About(About { whom: self.whom(), api: Api::DescribeTasks, nth, is_applied })
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
            port: once_in(random, 6).then_some(3_001),
            outside_the_vpc: once_in(random, 6),
            stop_timeout: Seconds(one(random, &[2, 30, 120])),
            container: Container { upload, ..container.clone() },
            ..Session::default()
        };
        let number = self.number;
        self.begins(When::At(Seconds(0)), session);
        if by_word {
            let at = Seconds(self.random.u64(1..self.lasts.0 / 2));
            let spoken = self.spoken();
            self.push(When::At(at), Action::Ends(number, spoken));
        }
    }

    fn newcomer(&mut self, addressed: Addressed) -> Session {
        let newcomer = newcomer(self.stack, addressed);
        let entry = if self.reads_are_stale { Entry::Fresh } else { newcomer.entry };
        // Another tenant's; of one that is in several groups nobody knows all, once it was removed from one.
        let is_anothers = self.stack.groups > 1 && once_in(self.random, 3);
        let groups = newcomer.groups + usize::from(is_anothers);
        Session { entry, groups, but_the_first: usize::from(is_anothers), ..newcomer }
    }

    fn spoken(&mut self) -> EventCopies {
        EventCopies {
            copies: one(self.random, &[1, 1, 2]),
            late: Seconds(one(self.random, &[0, 0, 20])),
            names_the_task: !once_in(self.random, 6),
        }
    }

    fn fails(&mut self, whom: Whom, apis: &[Api]) -> Action {
        let (api, kind) = (one(self.random, apis), one(self.random, &FaultKind::ALL));
        Action::Fails(whom, api, kind, one(self.random, &[1, 1, 2, 6, 30]))
    }

    /// The same so often that repetition does not help.
    fn keeps_failing(&mut self, whom: Whom, apis: &[Api]) -> Action {
        let kinds =
            [FaultKind::Throttled, FaultKind::Denied, FaultKind::ServerError, FaultKind::Reset];
        let (api, kind) = (one(self.random, apis), one(self.random, &kinds));
        Action::Fails(whom, api, kind, 40)
    }
}
