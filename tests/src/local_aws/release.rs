//! What is deployed: an unpacked release, either that which the running program came with, or that which
//! `make package` has left in the repository.

use super::{Lambda, LocalAwsError};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::time::SystemTime;

/// What functions are built from.
const SOURCES: [&str; 5] = ["template.yaml", "Cargo.toml", "Cargo.lock", "shared", "functions"];

/// What is packed is built for this machine.
pub const ARCHITECTURE: &str = if cfg!(target_arch = "aarch64") { "arm64" } else { "x86_64" };

/// The repository that this program was built in. Who has only the release has no such folder.
pub(super) fn repository() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

/// The unpacked release.
#[must_use]
pub fn folder() -> &'static Path {
    static FOLDER: LazyLock<PathBuf> =
        LazyLock::new(|| around_this_program().unwrap_or_else(|| repository().join(PACKAGE)));
    &FOLDER
}

/// Where `make package` unpacks what it has packed.
const PACKAGE: &str = concat!("target/package/fargate-session-cleanup-", env!("CARGO_PKG_VERSION"));

/// A release has its demo one folder below.
fn around_this_program() -> Option<PathBuf> {
    let program = std::env::current_exe().ok()?;
    let folder = program.parent()?.parent()?;
    folder.join("SHA256SUMS").is_file().then(|| folder.to_owned())
}

/// Where logs are written to: a release that is used by itself has a folder `target` of its own.
pub(super) fn logs() -> PathBuf {
    let repository = folder().ancestors().find(|above| above.ends_with("target"));
    repository.map_or_else(|| folder().join("target"), Path::to_owned).join("local-aws")
}

/// The folder with all that is on the PATH while a release is deployed: Python and its tools.
#[must_use]
pub fn programs() -> PathBuf {
    folder().join(".venv/bin")
}

/// A program of the release's `.venv`.
pub(super) fn tool(name: &str) -> Result<PathBuf, LocalAwsError> {
    let path = programs().join(name);
    if path.is_file() {
        Ok(path)
    } else {
        Err(LocalAwsError::NotReady { path, problem: "is missing", remedy: "package" })
    }
}

/// The template of the release, which names its functions' packages.
pub(super) fn template() -> Result<PathBuf, LocalAwsError> {
    let path = folder().join(format!("template-{ARCHITECTURE}.yaml"));
    must_be_fresh(&path, "package")?;
    Ok(path)
}

/// Checks that `sam build` has been run since its sources changed.
pub(super) fn source_is_built() -> Result<(), LocalAwsError> {
    must_be_fresh(&repository().join(".aws-sam/build/template.yaml"), "build")
}

/// A function's binary, as `make build` left it. The environment's `FUNCTIONS` names another folder with
/// `completion/bootstrap` and so on: those of another processor, say.
///
/// # Errors
/// [`LocalAwsError::NotReady`] when there is none, or it is older than its sources.
pub fn function_binary(function: Lambda) -> Result<PathBuf, LocalAwsError> {
    let folder = std::env::var_os("FUNCTIONS").map(PathBuf::from);
    let folder = folder.unwrap_or_else(|| repository().join("target/lambda"));
    let path = folder.join(function.package()).join("bootstrap");
    must_be_fresh(&path, "build")?;
    Ok(path)
}

/// A test that passes on yesterday's binary says nothing. Outside of the repository nothing goes stale.
fn must_be_fresh(path: &Path, remedy: &'static str) -> Result<(), LocalAwsError> {
    let sources = match (repository().canonicalize(), path.canonicalize()) {
        (Ok(repository), Ok(path)) if path.starts_with(&repository) => &SOURCES[..],
        _ => &[],
    };
    let changed = sources.iter().filter_map(|source| newest(&repository().join(source))).max();
    let problem = match modified(path) {
        None => "is missing",
        Some(built) if changed > Some(built) => "is older than its sources",
        Some(_) => return Ok(()),
    };
    Err(LocalAwsError::NotReady { path: path.to_owned(), problem, remedy })
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
