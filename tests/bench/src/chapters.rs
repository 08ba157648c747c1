//! The chapters of the page, each a question and its measurement.

mod batches;
mod cold_start;
mod cost;
mod drain;
mod one_cleanup;
mod orphans;
mod storm;
mod sweeps;

use crate::authority::Authority;
use crate::chapter::Chapter;

/// Measures a chapter.
type Measure = fn(&Authority) -> Chapter;

/// All of them, by name, in the order of the page.
pub(crate) const CHAPTERS: [(&str, Measure); 8] = [
    ("one-cleanup", one_cleanup::measure),
    ("batches", batches::measure),
    ("cold-start", cold_start::measure),
    ("drain", drain::measure),
    ("sweeps", sweeps::measure),
    ("orphans", orphans::measure),
    ("storm", storm::measure),
    ("cost", cost::measure),
];
