//! The chapters of the page, each a question and its measurement.

mod batches;

use crate::authority::Authority;
use crate::chapter::Chapter;

/// All of them, by name, in the order of the page.
pub(crate) const CHAPTERS: [(&str, fn(&Authority) -> Chapter); 1] = [("batches", batches::measure)];
