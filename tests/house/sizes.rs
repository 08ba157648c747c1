use crate::files;

const LONGEST: usize = 400;

#[test]
fn no_rust_file_has_over_400_lines() {
    let long: Vec<String> = files("", &[".rs"])
        .into_iter()
        .map(|(path, text)| (path, text.lines().count()))
        .filter(|(_, lines)| *lines > LONGEST)
        .map(|(path, lines)| format!("{path}: {lines}"))
        .collect();
    assert!(long.is_empty(), "a file is one idea: {long:#?}");
}
