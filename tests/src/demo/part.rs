use crate::world::{TaskHandle, World};
use std::net::Ipv4Addr;

/// One session, and what it is here to show.
#[derive(Clone)]
pub(super) struct Part {
    pub(super) task: TaskHandle,
    pub(super) story: &'static str,
}

/// Whether an address is in traffic.
pub(super) fn is_registered(world: &World, address: Ipv4Addr) -> bool {
    world.registered(&world.setup().target_groups[0]).contains(&address)
}
