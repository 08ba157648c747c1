use crate::config;
use crate::container::Probe;
use crate::event::ForceCluster;
use crate::session::TaskArn;
use crate::sweep::observation::Observation;
use crate::sweep::suspects::Suspects;
use jiff::Timestamp;
use std::collections::BTreeMap;

/// Everything that a sweep's decisions rest on.
#[derive(Debug, Clone, Copy)]
pub struct Known<'a> {
    /// What was seen.
    pub seen: &'a Observation,
    /// What containers of tasks without traffic answered.
    pub probes: &'a BTreeMap<TaskArn, Probe>,
    /// What the sweep before suspected, as far as it still counts.
    pub suspects: &'a Suspects,
    /// What an operator has declared over.
    pub force: Option<&'a ForceCluster>,
    /// The configuration.
    pub policy: &'a config::Sweep,
    /// The time.
    pub now: Timestamp,
}
