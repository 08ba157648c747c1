/// One of the template's functions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lambda {
    /// Cleans up the sessions of a batch of events.
    Completion,
    /// Sweeps.
    Reaper,
    /// Answers why.
    Inspector,
}

impl Lambda {
    /// Its logical id in the template, which is also the output that tells its name.
    pub(super) const fn output(self) -> &'static str {
        match self {
            Self::Completion => "CompletionFunction",
            Self::Reaper => "ReaperFunction",
            Self::Inspector => "InspectorFunction",
        }
    }

    /// Its package, which is also its binary's folder.
    #[must_use]
    pub const fn package(self) -> &'static str {
        match self {
            Self::Completion => "completion",
            Self::Reaper => "reaper",
            Self::Inspector => "inspector",
        }
    }

    /// The output that tells its log group.
    pub(super) const fn log_group(self) -> &'static str {
        match self {
            Self::Completion => "CompletionLogGroup",
            Self::Reaper => "ReaperLogGroup",
            Self::Inspector => "InspectorLogGroup",
        }
    }
}
