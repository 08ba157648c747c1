use crate::files;

/// The files below `folder` with this ending that have over `most` lines.
fn longer_than(most: usize, folder: &str, ending: &str) -> Vec<String> {
    files(folder, &[ending])
        .into_iter()
        .map(|(path, text)| (path, text.lines().count()))
        .filter(|(_, lines)| *lines > most)
        .map(|(path, lines)| format!("{path}: {lines}"))
        .collect()
}

#[test]
fn no_rust_file_has_over_400_lines() {
    let long = longer_than(400, "", ".rs");
    assert!(long.is_empty(), "a file is one idea: {long:#?}");
}

#[test]
fn no_page_of_a_profile_has_over_75_lines() {
    let long = longer_than(75, "docs/profiles", ".md");
    assert!(long.is_empty(), "a page is read in one go: {long:#?}");
}
