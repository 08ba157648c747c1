use super::container_state::ContainerState;
use super::identity::IdentitySource;
use super::task::Task;

/// Whether the session's container exited with code 0: each whose environment override carries the
/// identity, or else every container of the task. A sidecar's end says nothing of the session.
#[must_use]
pub fn session_exited_well(task: &Task, identity: &[IdentitySource]) -> bool {
    let is_named = |container: &&ContainerState| carries_identity(container, identity);
    let named: Vec<&ContainerState> = task.containers.iter().filter(is_named).collect();
    let counted = if named.is_empty() { task.containers.iter().collect() } else { named };
    !counted.is_empty() && counted.iter().all(|container| container.exit_code == Some(0))
}

fn carries_identity(container: &ContainerState, sources: &[IdentitySource]) -> bool {
    sources.iter().any(|source| match source {
        IdentitySource::Environment(name) => container.environment.contains_key(name),
        IdentitySource::Tag(_) | IdentitySource::StartedBy => false,
    })
}
