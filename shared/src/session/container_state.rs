use std::collections::BTreeMap;

/// One container of a task, as a `DescribeTasks` showed it: the session's, or a sidecar.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContainerState {
    /// Its name in the task definition.
    pub name: String,
    /// Whether it runs. A task's own `lastStatus` is the least of its containers': a task is PENDING
    /// while a sidecar is pulled and the session already runs.
    pub runs: bool,
    /// How it exited. One without a code (the host failed, it could not be inspected) did not exit
    /// well.
    pub exit_code: Option<i32>,
    /// Its environment override.
    pub environment: BTreeMap<String, String>,
}
