use crate::page::printable;

/// An event that can't be understood, or that is not about what is ours. It fails its item and ends
/// in the dead-letter queue.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the event's field `{field}` is refused: {problem}")]
pub struct EventError {
    /// The field, as a path from the event's root.
    pub field: String,
    /// What is wrong with it.
    pub problem: String,
}

impl EventError {
    pub(crate) fn new(field: impl Into<String>, problem: impl Into<String>) -> Self {
        // Either may be a piece of what came in.
        let (field, problem) = (printable(&field.into()), printable(&problem.into()));
        let field = if field.is_empty() { "(without a name)".to_owned() } else { field };
        Self { field, problem }
    }
}
