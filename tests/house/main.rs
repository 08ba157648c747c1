//! What keeps the house straight: imports run one way, files stay small, one idea has one word, and
//! nothing cites what the repository does not hold.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test")]

mod citations;
mod imports;
mod sizes;
mod tables;
mod words;

use std::fs;
use std::path::{Path, PathBuf};

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

/// What is built or installed, and what is git's.
const NOT_OURS: [&str; 6] = ["target", ".git", ".venv", ".aws-sam", "dist", "node_modules"];

/// Every file below `folder` with one of these endings, as a path from the root, and its text.
fn files(folder: &str, endings: &[&str]) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut folders = vec![PathBuf::from(ROOT).join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let entry = entry.unwrap();
            let (path, name) = (entry.path(), entry.file_name().into_string().unwrap());
            if entry.file_type().unwrap().is_dir() {
                if !NOT_OURS.contains(&name.as_str()) {
                    folders.push(path);
                }
            } else if endings.iter().any(|ending| path.to_str().unwrap().ends_with(ending)) {
                found.push((from_the_root(&path), fs::read_to_string(&path).unwrap()));
            }
        }
    }
    assert!(!found.is_empty(), "nothing below {folder}");
    found.sort();
    found
}

fn from_the_root(path: &Path) -> String {
    path.strip_prefix(ROOT).unwrap().to_str().unwrap().trim_start_matches('/').to_owned()
}
