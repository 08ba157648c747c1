//! The reaper: sweeps over whole fleets. Each file is one question.

mod at_once;
mod boundary;
mod crashes;
mod crowd;
mod deadlines;
mod elsewhere;
mod field;
mod fleet;
mod force;
mod leases;
mod ledger;
mod limits;
mod listings;
mod orphans;
mod probe;
mod races;
mod reports;
mod reuse;
mod salvage;
mod scars;
mod seen_twice;
mod single_faults;
mod starvation;
mod storms;
mod timing;
mod triggers;
