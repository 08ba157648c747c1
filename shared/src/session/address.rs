use serde::{Deserialize, Serialize};
use std::fmt;
use std::net::Ipv4Addr;

/// An `ip:port` that a target group may hold. Addresses come from ECS alone, never from an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct TargetAddress {
    /// The private address of the task's network interface.
    pub ip: Ipv4Addr,
    /// The container's port.
    pub port: u16,
}

impl fmt::Display for TargetAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.ip, self.port)
    }
}
