//! The reaper: sweeps over whole fleets. Each file is one question.

mod orphans;
mod timing;
