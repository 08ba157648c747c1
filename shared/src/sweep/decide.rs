//! What a sweep decides: two tables and what is put together from them, all of it pure. No I/O, no
//! clock; an unknown is never read as a no. Why each row is as it is: `docs/decisions/`.

mod blast_radius;
mod forecast;
mod judge_task;
mod known;
mod leases;
mod neighbours;
mod next_suspects;
mod plan;
mod targets;
mod tasks;

pub use blast_radius::Allowance;
pub use forecast::{NextRow, next_row};
pub use judge_task::JudgedTask;
pub use known::Known;
pub use leases::Leases;
pub(in crate::sweep) use neighbours::NEIGHBOURS;
pub use plan::{
    Plan, TargetDecision, TaskDecision, decide, decide_target, decide_task, to_be_probed,
};
pub use targets::{TargetEvidence, TargetRow, TargetVerdict, target_row};
pub use tasks::{Circumstances, Routed, TaskEvidence, TaskRow, TaskVerdict, task_row};

#[cfg(test)]
pub(crate) mod tests;
