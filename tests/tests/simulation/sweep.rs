//! The reaper: sweeps over whole fleets. Each file is one question.

mod deadlines;
mod elsewhere;
mod field;
mod fleet;
mod force;
mod leases;
mod ledger;
mod limits;
mod orphans;
mod reports;
mod salvage;
mod scars;
mod sightings;
mod starvation;
mod triggers;
mod witness;
