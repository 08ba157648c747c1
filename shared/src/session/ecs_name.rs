/// Whether ECS takes `text` as the name of a cluster, a family or a container: 1 to 255 letters, digits, `-`
/// and `_` (ECS `CreateCluster`, `RegisterTaskDefinition`).
#[must_use]
pub(crate) fn is_ecs_name(text: &str) -> bool {
    let fits = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
    (1..=255).contains(&text.len()) && text.bytes().all(fits)
}
