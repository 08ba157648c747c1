//! What goes wrong beside single calls: outages, deaths, things that happen in the middle of a call, operators.

use super::{once_in, one, some_time, step};
use crate::history::{
    Action, Addressed, Entry, EventCopies, Function, Seconds, Session, Stack, Step, Sweep, When,
};
use fastrand::Rng;
use session_cleanup_tests::world::{Api, FaultKind, Service};

/// The calls in whose middle something may happen.
const PLACES: [Api; 10] = [
    Api::ListTasks,
    Api::DescribeTasks,
    Api::DescribeTargetHealth,
    Api::DeregisterTargets,
    Api::RegisterTargets,
    Api::ContainerComplete,
    Api::ContainerHealth,
    Api::PutObject,
    Api::HeadObject,
    Api::StopTask,
];

pub(super) fn befall(random: &mut Rng, stack: &Stack, lasts: Seconds, steps: &mut Vec<Step>) {
    for _ in 0..one(random, &[0, 0, 1, 1, 2, 3]) {
        let at = some_time(random, lasts);
        let action = trouble(random, stack);
        steps.push(step(at, action));
    }
    for _ in 0..one(random, &[0, 0, 1, 2]) {
        let place = one(random, &PLACES);
        let nth = random.usize(1..12);
        let when = if random.bool() { When::Before(place, nth) } else { When::After(place, nth) };
        in_the_middle(random, stack, when, steps);
    }
}

/// What owners do wrong.
pub(super) fn mistakes(random: &mut Rng, lasts: Seconds, steps: &mut Vec<Step>) {
    if once_in(random, 5) {
        let (number, other) = (random.usize(0..8), random.usize(0..8));
        if number != other {
            steps.push(step(some_time(random, lasts), Action::EndsAnother(number, other)));
        }
    }
    if once_in(random, 12) {
        steps.push(step(some_time(random, lasts), Action::SendsGarbage(random.u8(0..3))));
    }
}

fn trouble(random: &mut Rng, stack: &Stack) -> Action {
    match random.u8(0..16) {
        0..=2 => {
            let service =
                one(random, &[Service::Ecs, Service::Elb, Service::S3, Service::Container]);
            let kinds = [
                FaultKind::Throttled,
                FaultKind::Denied,
                FaultKind::ServerError,
                FaultKind::Reset,
                FaultKind::Hangs,
                FaultKind::AnswerLost,
                FaultKind::Slow,
                FaultKind::Truncated,
            ];
            Action::Outage(service, one(random, &kinds), Seconds(random.u64(10..1_200)))
        }
        3 => Action::RoutesAreLost(Seconds(random.u64(10..1_800))),
        4..=6 => {
            let function = one(random, &[Function::Completion, Function::Reaper]);
            Action::Dies(function, random.usize(1..40), random.bool())
        }
        7 => Action::IsThawed(one(random, &[Function::Completion, Function::Reaper])),
        8..=10 => Action::Sweeps(match random.u8(0..6) {
            0 => Sweep::Report,
            1 => Sweep::Enforce,
            2 => Sweep::Plan,
            3 | 4 => Sweep::Force(random.usize(0..stack.clusters), Seconds(random.u64(0..600))),
            _ => Sweep::Alarm,
        }),
        11 if stack.groups > 1 => Action::GroupIsDeleted(stack.groups - 1),
        12 => Action::AllRenewalsBreak,
        _ => {
            let (name, value) = one(
                random,
                &[
                    ("REAPER_MODE", "report"),
                    ("REAPER_MODE", "enforce"),
                    ("BLAST_RADIUS_AT_LEAST", "1"),
                    ("RATE_SHARE_PERCENT", "10"),
                    ("FAMILIES", "session"),
                    ("COMPLETION_MODE", "observe"),
                ],
            );
            Action::IsConfigured(name.to_owned(), value.to_owned())
        }
    }
}

/// One that gets another's address. None changes hands faster than ECS forgets its last holder.
pub(super) fn newcomer(stack: &Stack, addressed: Addressed) -> Session {
    let entry = match (stack.tasks_lag, stack.lists_lag) {
        (Seconds(0), Seconds(0)) => Entry::Running(Seconds(0)),
        (Seconds(_), Seconds(_)) => Entry::Fresh,
    };
    Session { entry, addressed, ..Session::default() }
}

/// What changes between a look and what is done for it.
fn in_the_middle(random: &mut Rng, stack: &Stack, when: When, steps: &mut Vec<Step>) {
    let number = random.usize(0..6);
    let newcomer = |addressed| newcomer(stack, addressed);
    match random.u8(0..6) {
        0 => steps.push(step(when, Action::IsLeased(number, Seconds::minutes(60)))),
        1 => steps.push(step(when, Action::Exits(number, 137))),
        2 => {
            steps.push(step(when, Action::Exits(number, 137)));
            let after = newcomer(Addressed::After(number));
            steps.push(step(when, Action::Begins(90 + number, Box::new(after))));
        }
        3 => {
            let like = newcomer(Addressed::LikeZombie(random.u8(0..3)));
            steps.push(step(when, Action::Begins(80 + number, Box::new(like))));
        }
        4 => {
            let copies =
                EventCopies { copies: 1, late: Seconds(0), names_the_task: !once_in(random, 4) };
            steps.push(step(when, Action::Ends(number, copies)));
        }
        _ => steps.push(step(when, Action::IsProtected(number, true))),
    }
}
