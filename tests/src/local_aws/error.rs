use std::error::Error;
use std::path::PathBuf;
use std::time::Duration;

/// Why the local AWS can't do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum LocalAwsError {
    /// A tool or a build product is not there, or is not usable.
    #[error("{} {problem}: run `make {remedy}`", path.display())]
    NotReady {
        /// What was looked for.
        path: PathBuf,
        /// What is wrong with it.
        problem: &'static str,
        /// The make target that brings it.
        remedy: &'static str,
    },
    /// A process could not be started.
    #[error("{program} can't be started")]
    Spawn {
        /// The program.
        program: String,
        /// Why.
        source: std::io::Error,
    },
    /// MiniStack ended, or never answered.
    #[error("MiniStack {problem}; its log is {}", log.display())]
    MiniStack {
        /// What happened.
        problem: String,
        /// Where to look.
        log: PathBuf,
    },
    /// `sam` refused.
    #[error("`sam {command}` failed:\n{output}")]
    Sam {
        /// Its subcommand.
        command: &'static str,
        /// What it said.
        output: String,
    },
    /// A command of several did not work; the last one that was begun.
    #[error("a command failed:\n{output}")]
    Shell {
        /// What they said, and each command as it was run.
        output: String,
    },
    /// A call to the emulator failed.
    #[error("{what} failed")]
    Call {
        /// The call.
        what: String,
        /// Why.
        source: Box<dyn Error + Send + Sync>,
    },
    /// Something that was waited for did not happen.
    #[error("{what}: not within {limit:?}")]
    TooLate {
        /// What was waited for.
        what: String,
        /// For how long.
        limit: Duration,
    },
}

impl LocalAwsError {
    /// For `map_err`: `what` is the call that failed.
    pub(super) fn call<E>(what: impl Into<String>) -> impl FnOnce(E) -> Self
    where
        E: Into<Box<dyn Error + Send + Sync>>,
    {
        let what = what.into();
        |source| Self::Call { what, source: source.into() }
    }
}
