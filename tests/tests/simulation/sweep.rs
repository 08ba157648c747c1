//! The reaper: sweeps over whole fleets. Each file is one question.

mod at_once;
mod boundary;
mod crashes;
mod faults;
mod fleet;
mod listings;
mod orphans;
mod races;
mod reuse;
mod storms;
mod timing;
