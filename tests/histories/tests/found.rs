//! Histories that broke a promise once, as the search had shortened them: each is kept in `found/`, and named after
//! what went wrong.

use session_cleanup_histories::history::History;
use session_cleanup_histories::play::{Trace, play};
use std::fs;

const FOUND: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/found");

#[test]
fn no_history_that_broke_a_promise_once_breaks_it_again() {
    let mut played = 0;
    for file in fs::read_dir(FOUND).unwrap() {
        let path = file.unwrap().path();
        let history: History = serde_json::from_str(&fs::read_to_string(&path).unwrap())
            .unwrap_or_else(|problem| panic!("{}: {problem}", path.display()));
        let violations = play(&history, Trace::OfViolations).violations;
        assert!(violations.is_empty(), "{}: {violations:#?}", path.display());
        played += 1;
    }
    assert!(played > 0, "nothing is kept in {FOUND}");
}
