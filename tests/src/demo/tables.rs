//! What the tables of both acts have in common.

use crate::world::{TaskHandle, World};
use comfy_table::{ContentArrangement, Table, presets::ASCII_MARKDOWN};
use std::net::Ipv4Addr;

pub(super) fn table(header: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_style(ASCII_MARKDOWN).set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(header.to_vec());
    table
}

/// The state of a target, as the load balancer reports it.
pub(super) fn target(world: &World, address: Ipv4Addr) -> String {
    let health = world.health(&world.setup().target_groups[0], address);
    health.reason.filter(|_| health.state == "unused").unwrap_or(health.state)
}

/// The state of a task, as ECS reports it.
pub(super) fn task(world: &World, task: &TaskHandle) -> String {
    format!("{:?}", world.phase(task)).to_uppercase()
}
