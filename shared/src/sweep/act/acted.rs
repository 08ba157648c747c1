use crate::cleanup::{Artifacts, CleanupReport};
use crate::removal::{ZombieFate, ZombieTarget};
use crate::session::TaskArn;
use crate::sweep::decide::{Allowance, Plan, TargetRow, TaskRow};
use crate::sweep::suspects::{SeenSince, Suspects};
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};

/// What was done about one victim.
#[derive(Debug, Clone)]
pub enum Acted<T> {
    /// It was worked on, and this came of it.
    Worked(T),
    /// A second look showed that it is none any longer.
    Spared(String),
    /// A second look could not see what it is: it is left as it was, and the next sweep looks again.
    NotSeen(String),
    /// The blast radius is used up: the next sweep goes on.
    Waits,
    /// In the mode `report`: it would have to wait.
    WouldWait,
    /// The stored report that is worked through does not name it.
    NotPlanned,
    /// There was no time left: the next sweep goes on.
    OutOfTime,
    /// The work on it ended badly.
    Panicked(String),
}

impl<T> Acted<T> {
    /// Of one that was not begun: why it must wait.
    pub(super) fn left_over(allowance: &Allowance) -> Self {
        if allowance.free() == 0 { Self::Waits } else { Self::OutOfTime }
    }
}

/// What was done about each victim of a sweep.
#[derive(Debug, Default)]
pub struct Acts {
    /// The orphans.
    pub orphans: BTreeMap<TaskArn, Acted<CleanupReport>>,
    /// The zombie targets.
    pub zombies: BTreeMap<ZombieTarget, Acted<ZombieFate>>,
    /// What a sweep before has not finished, and is finished now.
    pub finished: BTreeSet<TaskArn>,
}

impl Acts {
    /// In the mode `report`: nothing was done; what is beyond the blast radius would have to wait.
    #[must_use]
    pub fn none(plan: &Plan) -> Self {
        let orphans = plan.orphans().into_iter().skip(plan.stop_limit);
        let mut room = plan.removal_limits.clone();
        let zombies = plan.targets.iter().filter(|decision| decision.row == TargetRow::Zombie);
        let zombies = zombies.filter(|decision| match room.get_mut(&decision.group) {
            Some(free) if *free > 0 => {
                *free -= 1;
                false
            }
            Some(_) | None => true,
        });
        Self {
            orphans: orphans.map(|one| (one.task.arn.clone(), Acted::WouldWait)).collect(),
            zombies: zombies.map(|one| (one.zombie(), Acted::WouldWait)).collect(),
            finished: BTreeSet::new(),
        }
    }

    /// The same where they are those of a part of `plan`: its other victims were not planned.
    #[must_use]
    pub fn leaving_out_the_rest_of(mut self, plan: &Plan) -> Self {
        for decision in plan.orphans() {
            self.orphans.entry(decision.task.arn.clone()).or_insert(Acted::NotPlanned);
        }
        for decision in plan.targets.iter().filter(|decision| decision.row == TargetRow::Zombie) {
            self.zombies.entry(decision.zombie()).or_insert(Acted::NotPlanned);
        }
        self
    }

    /// The plan's suspects with what came of acting: whose salvage failed, who was worked on and runs on,
    /// and who was stopped for a lapsed lease.
    #[must_use]
    pub fn remembered(&self, plan: &Plan, now: Timestamp) -> Suspects {
        let mut suspects = plan.suspects.clone();
        suspects.unfinished.retain(|task, _| !self.finished.contains(task));
        // Whatever is registered there next has not been seen yet; and one that was spared is seen anew.
        let gone = self.zombies.iter().filter(|(_, acted)| match acted {
            // Where nobody knows whether it is, forgetting costs a sweep, and remembering may cost a session its target.
            Acted::Worked(fate) => fate.may_be_removed(),
            Acted::Spared(_) => true,
            Acted::NotSeen(_)
            | Acted::Waits
            | Acted::WouldWait
            | Acted::NotPlanned
            | Acted::OutOfTime
            | Acted::Panicked(_) => false,
        });
        for (zombie, _) in gone {
            suspects.targets.remove(&(zombie.group.clone(), zombie.address));
        }
        for decision in plan.orphans() {
            let task = &decision.task.arn;
            let report = match self.orphans.get(task) {
                Some(Acted::Worked(report)) => report,
                Some(Acted::Spared(_) | Acted::NotSeen(_)) => {
                    suspects.tried.insert(task.clone(), now);
                    continue;
                }
                Some(Acted::Panicked(_)) => {
                    suspects.tried.insert(task.clone(), now);
                    suspects.unfinished.extend(decision.begun(now));
                    continue;
                }
                Some(Acted::Waits | Acted::WouldWait | Acted::NotPlanned | Acted::OutOfTime)
                | None => continue,
            };
            let first = SeenSince { since: now, last: now };
            let at_last = decision.judged.salvage.is_beyond_hard_age;
            // Also where that could not be put on record.
            let goes_on = report.artifacts == Artifacts::UnderWay;
            if goes_on && !at_last {
                // It is getting on: what was tried in vain before counts no more.
                suspects.failed_salvages.remove(task);
                suspects.under_way.insert(task.clone(), now);
            } else if report.salvage_failed() || goes_on {
                suspects.failed_salvages.entry(task.clone()).or_insert(first);
            }
            if report.artifacts == Artifacts::WrongContainer {
                suspects.reused.entry(task.clone()).or_insert(first);
            }
            if report.was_blind() {
                suspects.blind.entry(task.clone()).or_insert(first);
            } else if !report.was_not_asked() {
                suspects.blind.remove(task);
            }
            if !report.task.is_over() {
                suspects.tried.insert(task.clone(), now);
            }
            let is_on_record = !report.outcome.is_unfinished() || !report.task.may_be_our_stop();
            if !is_on_record {
                suspects.unfinished.extend(decision.begun(now));
            }
            if decision.judged.row == TaskRow::LeaseExpired && report.task.may_be_our_stop() {
                suspects.reaped_for_leases.insert(task.clone(), now);
            }
        }
        suspects
    }
}
