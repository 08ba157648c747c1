//! What the code lists is where it has to be: rows on the pages, and metrics where they are counted.

use crate::files;
use std::collections::BTreeSet;

/// One file, by its path from the root.
fn file(path: &str) -> String {
    let (folder, name) = path.rsplit_once('/').unwrap();
    let found = files(folder, &[name]).into_iter().find(|(known, _)| known == path);
    found.unwrap_or_else(|| panic!("there is no {path}")).1
}

#[test]
fn the_rows_of_each_table_are_those_of_its_page_and_the_runbook_says_what_to_do() {
    let runbook = file("docs/runbook.md");
    for table in ["tasks", "targets"] {
        let code = file(&format!("shared/src/sweep/decide/{table}.rs"));
        let (_, label) = code.split_once("fn label").unwrap();
        let (label, _) = label.split_once("\n    }\n").unwrap();
        let rows: BTreeSet<&str> = label.split('"').skip(1).step_by(2).collect();
        let page = file(&format!("docs/decisions/{table}.md"));
        let first = page.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next());
        // A row has a place and a name; other tables of the page begin with one word.
        let on_the_page = first.filter(|words| words.contains(' '));
        assert_eq!(on_the_page.collect::<BTreeSet<_>>(), rows, "docs/decisions/{table}.md");
        for row in rows {
            assert!(runbook.contains(&format!("`{row}`")), "docs/runbook.md has nothing on {row}");
        }
    }
}

#[test]
fn each_kind_of_check_of_the_doctor_has_its_row_in_the_runbook() {
    let code = file("shared/src/doctor/report.rs");
    let (_, words) = code.split_once("impl fmt::Display for CheckKind").unwrap();
    let (words, _) = words.split_once("\n    }\n").unwrap();
    let kinds: Vec<&str> = words.split('"').skip(1).step_by(2).collect();
    assert!(kinds.len() > 10, "only {kinds:?} are seen: the test can't tell");
    let runbook = file("docs/runbook.md");
    let (_, section) = runbook.split_once("\n## Is it set up right").unwrap();
    let (section, _) = section.split_once("\n## ").unwrap();
    for kind in kinds {
        assert!(
            section.contains(&format!("\n| {kind} | ")),
            "docs/runbook.md has no row for {kind}"
        );
    }
}

/// An alarm on a metric that is only listed would never ring.
#[test]
fn every_metric_that_is_listed_is_counted_somewhere() {
    let list = file("shared/src/metrics/list.rs");
    let (metrics, steps) = list.split_once("macro_rules! steps").unwrap();
    let (_, metrics) = metrics.rsplit_once("metrics! {").unwrap();
    let code = files("shared/src", &[".rs"]).into_iter();
    let code = code.filter(|(path, _)| !path.contains("/tests"));
    let code: String = code.map(|(_, text)| text).collect();
    let is_name = |c: char| c.is_ascii_uppercase() || c == '_';
    let named =
        code.split("Metric::").skip(1).filter_map(|rest| rest.split(|c| !is_name(c)).next());
    let of_steps = steps.split(", ").filter(|word| word.chars().all(is_name));
    let counted: BTreeSet<&str> = named.chain(of_steps).collect();
    let listed = metrics.lines().filter_map(|line| Some(line.trim().split_once(" = ")?.0));
    let listed: Vec<&str> = listed.collect();
    assert!(listed.len() > 30, "only {} are seen: the test can't tell", listed.len());
    for metric in listed {
        assert!(counted.contains(metric), "nobody counts Metric::{metric}");
    }
}
