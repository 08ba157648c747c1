//! What the pages cite is there: tests, mutations, files and other pages.

use crate::{ROOT, files};
use std::path::Path;

const SUITES: [&str; 6] = ["simulation", "end_to_end", "template", "conformance", "world", "house"];

/// Whatever stands between backticks on the pages.
fn quoted() -> Vec<(String, String)> {
    let pages = files("", &[".md"]).into_iter();
    let quotes = pages.flat_map(|(page, text)| {
        // Blocks of code are nobody's citation.
        let prose: String = text.split("```").step_by(2).collect();
        let quotes = prose.split('`').skip(1).step_by(2).map(str::to_owned).collect::<Vec<_>>();
        quotes.into_iter().map(move |quote| (page.clone(), quote.replace('\n', " ")))
    });
    quotes.collect()
}

#[test]
fn every_test_that_a_page_cites_exists() {
    let mut cited = 0;
    for (page, quote) in quoted() {
        let Some((suite, path)) = quote.split_once("::") else { continue };
        if !SUITES.contains(&suite)
            || path.contains(|c: char| !c.is_alphanumeric() && !"_:".contains(c))
        {
            continue;
        }
        cited += 1;
        let name = path.rsplit("::").next().unwrap();
        let tests = files(&format!("tests/{suite}"), &[".rs"]);
        let is_there = tests.iter().any(|(path, text)| {
            text.contains(&format!("fn {name}(")) || path.ends_with(&format!("/{name}.rs"))
        });
        assert!(is_there, "{page} cites {quote}");
    }
    assert!(cited > 50, "only {cited} are seen: the test can't tell");
}

#[test]
fn every_mutation_that_a_page_cites_exists() {
    let mutations: String =
        files("tests/mutations", &[".toml"]).into_iter().map(|(_, text)| text).collect();
    let kinds = ["field failure ", "blast radius: "];
    let mut cited = 0;
    for (page, quote) in quoted() {
        if kinds.iter().any(|kind| quote.starts_with(kind)) {
            cited += 1;
            assert!(mutations.contains(&format!("name = \"{quote}\"")), "{page} cites {quote:?}");
        }
    }
    assert!(cited > 10, "only {cited} are seen: the test can't tell");
}

#[test]
fn every_page_and_file_that_a_page_links_to_exists() {
    for (page, text) in files("", &[".md"]) {
        let folder = Path::new(ROOT).join(&page).parent().unwrap().to_owned();
        for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let target = link.split('#').next().unwrap_or_default();
            let is_here = !target.is_empty() && !target.contains("://");
            assert!(!is_here || folder.join(target).exists(), "{page} links to {link}");
        }
    }
}
