use super::deregistration::Taking;
use super::setting::Setting;
use super::sightings::Sightings;
use super::taking::{Taken, take_away};
use crate::aws::{Asked, CallError, Gather, Sighting, TargetState};
use crate::deadline::{Deadline, within};
use crate::session::{DesiredStatus, TargetAddress, TargetGroupArn, Task, TaskArn};
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::sync::OnceCell;

/// One invocation: its deadline, and the calls that its sessions share.
#[derive(Debug)]
pub struct Invocation {
    pub(super) setting: Arc<Setting>,
    pub(super) deadline: Deadline,
    pub(super) sightings: Arc<Sightings>,
    takings: Gather<Taking, Taken>,
    states: Gather<(TargetGroupArn, TargetAddress), Result<TargetState, CallError>>,
    live: OnceCell<Vec<Task>>,
    stopped: OnceCell<Vec<Task>>,
}

impl Invocation {
    /// Begins an invocation that must have answered by `deadline`.
    #[must_use]
    pub fn begin(setting: &Arc<Setting>, deadline: Deadline) -> Self {
        let at = || Arc::clone(setting);
        let sightings = Arc::new(Sightings::new(&setting.aws.tasks));
        let (elb, all, seen) = (at(), at(), Arc::clone(&sightings));
        Self {
            takings: Gather::new(move |asked| {
                take_away(Arc::clone(&all), Arc::clone(&seen), asked)
            }),
            states: Gather::new(move |asked| read_states(Arc::clone(&elb), asked)),
            live: OnceCell::new(),
            stopped: OnceCell::new(),
            setting: at(),
            sightings,
            deadline,
        }
    }

    /// Waits for shared calls that go on after they were answered (intents being settled), at most
    /// until the deadline.
    pub async fn end(self) {
        if within(self.deadline.left(), self.takings.close()).await.is_err() {
            tracing::warn!("an intent is still open; the next sweep settles it");
        }
    }

    /// Ends an invocation that several plans have shared.
    pub async fn finish(shared: Arc<Self>) {
        // Every plan has ended and dropped its share; after a panic one may linger, and then the
        // invocation ends with the process's next turn.
        if let Some(invocation) = Arc::into_inner(shared) {
            invocation.end().await;
        }
    }

    /// What this invocation has seen of tasks.
    pub(crate) fn sightings(&self) -> &Sightings {
        &self.sightings
    }

    /// What the function keeps from one invocation to the next.
    #[must_use]
    pub fn setting(&self) -> &Setting {
        &self.setting
    }

    /// A fresh `DescribeTasks` of one task, shared with others who ask now.
    pub(super) async fn sight(&self, task: &TaskArn) -> Result<Sighting, CallError> {
        self.sightings.look_at(task).await
    }

    /// Takes a target away, together with others that go now.
    pub(super) async fn take_away(&self, taking: Taking) -> Taken {
        let unanswered =
            CallError::unanswered("DeregisterTargets", taking.address.to_string(), NO_ANSWER);
        self.takings.ask(taking).await.unwrap_or(Taken::Failed(unanswered))
    }

    /// `DescribeTargetHealth` of one target, shared with others who ask now.
    pub(super) async fn target_state(
        &self,
        group: &TargetGroupArn,
        address: TargetAddress,
    ) -> Result<TargetState, CallError> {
        let unanswered =
            || CallError::unanswered("DescribeTargetHealth", address.to_string(), NO_ANSWER);
        self.states.ask((group.clone(), address)).await.unwrap_or_else(|| Err(unanswered()))
    }

    /// All session tasks that shall run: one listing for the whole invocation.
    pub(super) async fn live_tasks(&self) -> Result<&[Task], CallError> {
        let list = || self.sightings.session_tasks(&self.setting, DesiredStatus::Running);
        self.live.get_or_try_init(list).await.map(Vec::as_slice)
    }

    /// All session tasks that shall stop or have stopped, as far as ECS remembers (about an hour).
    pub(super) async fn stopped_tasks(&self) -> Result<&[Task], CallError> {
        let list = || self.sightings.session_tasks(&self.setting, DesiredStatus::Stopped);
        self.stopped.get_or_try_init(list).await.map(Vec::as_slice)
    }
}

const NO_ANSWER: &str = "the shared call ended without an answer";

async fn read_states(
    setting: Arc<Setting>,
    asked: Vec<Asked<(TargetGroupArn, TargetAddress), Result<TargetState, CallError>>>,
) {
    let mut by_group: BTreeMap<TargetGroupArn, Vec<_>> = BTreeMap::new();
    for one in asked {
        by_group.entry(one.question.0.clone()).or_default().push(one);
    }
    let setting = &setting;
    let reads = by_group.into_iter().map(|(group, asked)| async move {
        let targets: Vec<TargetAddress> = asked.iter().map(|one| one.question.1).collect();
        let states = setting.aws.target_groups.states(&group, &targets).await;
        for one in asked {
            let state = states.clone().map(|states| {
                states.get(&one.question.1).copied().unwrap_or(TargetState::NotRegistered)
            });
            let _ = one.answer.send(state);
        }
    });
    futures_util::future::join_all(reads).await;
}
