//! What happens around a certain call about a certain session: between a look and what is done for it, an address gets
//! another holder, an owner comes back, a function dies, a call fails.

use super::trouble::newcomer;
use super::{once_in, one, some_time, step};
use crate::history::{About, Action, Addressed, EventCopies, Seconds, Stack, Step, When, Whom};
use fastrand::Rng;
use session_cleanup_tests::world::{Api, FaultKind};

/// The calls about one session, or its target: those before an act more often.
const ABOUT_A_SESSION: [Api; 12] = [
    Api::DescribeTasks,
    Api::DescribeTasks,
    Api::DescribeTasks,
    Api::ContainerComplete,
    Api::DeregisterTargets,
    Api::DeregisterTargets,
    Api::DescribeTargetHealth,
    Api::RegisterTargets,
    Api::TagResource,
    Api::HeadObject,
    Api::PutObject,
    Api::StopTask,
];

const ABOUT_A_ZOMBIE: [Api; 4] = [
    Api::DescribeTargetHealth,
    Api::ContainerHealth,
    Api::DeregisterTargets,
    Api::DeregisterTargets,
];

pub(super) fn happen(random: &mut Rng, stack: &Stack, lasts: Seconds, steps: &mut Vec<Step>) {
    for _ in 0..one(random, &[0, 1, 1, 2]) {
        if stack.groups > 0 && once_in(random, 4) {
            around_a_zombie(random, stack, steps);
        } else {
            around_a_session(random, stack, lasts, steps);
        }
    }
}

fn around_a_session(random: &mut Rng, stack: &Stack, lasts: Seconds, steps: &mut Vec<Step>) {
    let number = random.usize(0..7);
    let whom = Whom::Session(number);
    // So that there is something to do for it.
    match random.u8(0..6) {
        0 | 1 => steps.push(step(some_time(random, lasts), Action::Ends(number, spoken(random)))),
        2 => steps.push(step(some_time(random, lasts), Action::IsLeased(number, Seconds(30)))),
        3 => steps.push(step(some_time(random, lasts), Action::Completes(number))),
        _ => {}
    }
    let at = around(random, whom, &ABOUT_A_SESSION);
    match random.u8(0..10) {
        0 | 1 => steps.push(step(at, Action::IsLeased(number, Seconds::minutes(60)))),
        2 => steps.push(step(at, Action::IsProtected(number, true))),
        3 => steps.push(step(at, Action::Ends(number, spoken(random)))),
        4 => steps.push(step(at, Action::Exits(number, one(random, &[0, 137])))),
        5 | 6 => {
            let after = newcomer(stack, Addressed::After(number));
            steps.push(step(at, Action::Exits(number, 137)));
            steps.push(step(at, Action::Begins(70 + number, Box::new(after))));
            if random.bool() {
                steps.push(step(around(random, whom, &[Api::DeregisterTargets]), Action::DiesHere));
            }
        }
        7 => steps.push(step(at, Action::DiesHere)),
        8 => steps.push(step(at, Action::IsRegistered(number, random.bool()))),
        _ => {
            let api = one(random, &ABOUT_A_SESSION);
            let kind = one(random, &FaultKind::ALL);
            let fails = Action::Fails(whom, api, kind, one(random, &[1, 1, 3, 8]));
            steps.push(step(if random.bool() { at } else { some_time(random, lasts) }, fails));
        }
    }
}

/// It is a zombie to two sweeps; then somebody gets its address.
fn around_a_zombie(random: &mut Rng, stack: &Stack, steps: &mut Vec<Step>) {
    let number = random.u8(0..3);
    let whom = Whom::Zombie(number);
    for group in 0..stack.groups {
        if group == 0 || random.bool() {
            steps.push(step(When::At(Seconds(0)), Action::LeavesZombie(group, number)));
        }
    }
    let at = around(random, whom, &ABOUT_A_ZOMBIE);
    let like = newcomer(stack, Addressed::LikeZombie(number));
    steps.push(step(at, Action::Begins(60 + usize::from(number), Box::new(like))));
    if random.bool() {
        steps.push(step(around(random, whom, &[Api::DeregisterTargets]), Action::DiesHere));
    }
}

fn around(random: &mut Rng, whom: Whom, apis: &[Api]) -> When {
    let api = one(random, apis);
    When::About(About {
        whom,
        api,
        nth: one(random, &[1, 1, 1, 2, 2, 3]),
        is_applied: random.bool(),
    })
}

fn spoken(random: &mut Rng) -> EventCopies {
    let (copies, late) = (one(random, &[1, 1, 2]), Seconds(one(random, &[0, 0, 20])));
    EventCopies { copies, late, names_the_task: !once_in(random, 6) }
}
