/// Whether the completion function acts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CompletionMode {
    /// It cleans sessions up.
    Enforce,
    /// It says what it would do, and how long the owner's own way took; it touches nothing.
    Observe,
}

impl CompletionMode {
    /// Parses the configured word.
    ///
    /// # Errors
    /// What it should be.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        match text {
            "enforce" => Ok(Self::Enforce),
            "observe" => Ok(Self::Observe),
            _ => Err("it is either enforce or observe"),
        }
    }
}
