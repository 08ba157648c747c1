//! The chapters of the page, each a question and its measurement.

mod batches;
mod cold_start;
mod cost;
mod drain;
mod one_cleanup;
mod sweeps;

use crate::authority::Authority;
use crate::chapter::Chapter;

/// All of them, by name, in the order of the page.
pub(crate) const CHAPTERS: [(&str, fn(&Authority) -> Chapter); 6] = [
    ("one-cleanup", one_cleanup::measure),
    ("batches", batches::measure),
    ("cold-start", cold_start::measure),
    ("drain", drain::measure),
    ("sweeps", sweeps::measure),
    ("cost", cost::measure),
];
