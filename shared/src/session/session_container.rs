use super::container_state::ContainerState;
use super::identity::IdentitySource;
use super::scope::Scope;
use super::task::Task;

/// Whether the session's container exited with code 0. It is each whose environment override carries the
/// identity; else the one that is configured (`SESSION_CONTAINER`); else every container of the task. A
/// sidecar's end says nothing of the session.
#[must_use]
pub fn session_exited_well(task: &Task, scope: &Scope) -> bool {
    let counted = session_containers(task, scope);
    !counted.is_empty() && counted.iter().all(|container| container.exit_code == Some(0))
}

fn session_containers<'a>(task: &'a Task, scope: &Scope) -> Vec<&'a ContainerState> {
    let all = || task.containers.iter();
    let identified: Vec<_> = all().filter(|one| carries_identity(one, &scope.identity)).collect();
    if !identified.is_empty() {
        return identified;
    }
    let configured = scope.session_container.as_ref();
    let configured: Vec<_> = all().filter(|one| Some(&one.name) == configured).collect();
    if configured.is_empty() { all().collect() } else { configured }
}

fn carries_identity(container: &ContainerState, sources: &[IdentitySource]) -> bool {
    sources.iter().any(|source| match source {
        IdentitySource::Environment(name) => container.environment.contains_key(name),
        IdentitySource::Tag(_) | IdentitySource::StartedBy => false,
    })
}
