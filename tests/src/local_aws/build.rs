use super::{Lambda, LocalAwsError};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// The repository.
pub(super) fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

/// A program of `.venv`.
pub(super) fn tool(name: &str) -> Result<PathBuf, LocalAwsError> {
    let path = root().join(".venv/bin").join(name);
    if path.is_file() {
        Ok(path)
    } else {
        Err(LocalAwsError::NotReady { path, problem: "is missing", remedy: "setup" })
    }
}

/// Checks that `sam build` has been run since its sources changed: a test that passes on yesterday's
/// binary says nothing.
pub(super) fn must_be_fresh() -> Result<(), LocalAwsError> {
    let path = root().join(".aws-sam/build/template.yaml");
    let sources = ["template.yaml", "Cargo.toml", "Cargo.lock", "shared", "functions"];
    let changed = sources.iter().filter_map(|source| newest(&root().join(source))).max();
    let problem = match modified(&path) {
        None => "is missing",
        Some(built) if changed > Some(built) => "is older than its sources",
        Some(_) => return Ok(()),
    };
    Err(LocalAwsError::NotReady { path, problem, remedy: "build" })
}

/// A function's binary, as `make build` left it.
///
/// # Errors
/// [`LocalAwsError::NotReady`] when there is none, or it is older than its sources.
pub fn function_binary(function: Lambda) -> Result<PathBuf, LocalAwsError> {
    must_be_fresh()?;
    Ok(root().join(".aws-sam/build").join(function.output()).join("bootstrap"))
}

fn modified(path: &Path) -> Option<SystemTime> {
    fs::metadata(path).and_then(|metadata| metadata.modified()).ok()
}

/// When the youngest file below `path` was written.
fn newest(path: &Path) -> Option<SystemTime> {
    match fs::read_dir(path) {
        Ok(entries) => entries.flatten().filter_map(|entry| newest(&entry.path())).max(),
        Err(_) => modified(path),
    }
}
