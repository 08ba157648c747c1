//! Histories that broke a promise once, as the search had shortened them: each is kept in `found/`, and named after
//! what went wrong.

use session_cleanup_histories::generate::FOUND;
use session_cleanup_histories::history::History;
use session_cleanup_histories::play::{Trace, play};
use std::collections::BTreeSet;
use std::fs;

const KEPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/found");

#[test]
fn no_history_that_broke_a_promise_once_breaks_it_again() {
    for (name, text) in FOUND {
        let history: History =
            serde_json::from_str(text).unwrap_or_else(|problem| panic!("{name}: {problem}"));
        let violations = play(&history, Trace::OfViolations).violations;
        assert!(violations.is_empty(), "{name}: {violations:#?}");
    }
}

#[test]
fn each_history_that_is_kept_is_told_again() {
    let files = fs::read_dir(KEPT).unwrap().map(|file| file.unwrap().file_name());
    let kept: BTreeSet<String> = files.map(|name| name.into_string().unwrap()).collect();
    let told: BTreeSet<String> = FOUND.iter().map(|(name, _)| format!("{name}.json")).collect();
    assert_eq!(kept, told, "`generate/again.rs` names them");
}
