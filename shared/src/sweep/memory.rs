//! The suspects between two sweeps: one object of the ledger, `suspects.json`.

mod document;

use super::suspects::{Before, Suspects};
use crate::aws::{CallError, Failure, Ledger, Stored, parse_document};
use crate::deadline::Deadline;
use document::Document;
use futures_util::FutureExt;

const KEY: &str = "suspects.json";

/// The memory as it was found, and what a conditional write needs.
#[derive(Debug, Clone)]
pub(crate) struct Memory {
    version: Version,
    /// What may have been written although no answer says so.
    unconfirmed: Option<Suspects>,
    /// What the sweep before suspected; nothing where the memory can't be read.
    pub(crate) suspects: Suspects,
    /// Why there are no suspects although there is a memory.
    pub(crate) problem: Option<String>,
}

#[derive(Debug, Clone)]
enum Version {
    /// There is none yet.
    New,
    /// This one is replaced.
    Known(String),
    /// It is not known whether there is one: none is written.
    Unknown,
}

impl Memory {
    /// Reads it, for no longer than until `deadline`. Where it can't be read, there are no suspects.
    pub(crate) async fn read(ledger: &Ledger, deadline: Deadline) -> Self {
        let (version, suspects, problem) = match Self::read_object(ledger, deadline).await {
            Ok(None) => (Version::New, Suspects::default(), None),
            Ok(Some((etag, Ok(suspects)))) => (Version::Known(etag), suspects, None),
            Ok(Some((etag, Err(problem)))) => {
                let problem = format!("{KEY} can't be read, so no suspects are known: {problem}");
                (Version::Known(etag), Suspects::default(), Some(problem))
            }
            Err(error) => {
                let problem = format!("{error}; no suspects are known");
                (Version::Unknown, Suspects::default(), Some(problem))
            }
        };
        Self { version, unconfirmed: None, suspects, problem }
    }

    /// Its version, and what it says or why that can't be read; `None`: there is none.
    async fn read_object(
        ledger: &Ledger,
        deadline: Deadline,
    ) -> Result<Option<(String, Result<Suspects, String>)>, CallError> {
        let reading = ledger.read_bytes(KEY);
        let stored = CallError::answered_by(deadline, "GetObject", KEY, reading).await?;
        Ok(stored.map(|Stored { document, etag }| {
            (etag, parse_document::<Document>(&document).map(Suspects::from))
        }))
    }

    /// What is known of the sweeps before.
    #[must_use]
    pub(crate) fn before(&self) -> Before {
        match self.problem {
            Some(_) => Before::Unknown,
            None => Before::Known(self.suspects.in_a_row, self.suspects.counted_at()),
        }
    }

    /// Replaces what was read by `suspects`, also where nothing is suspect: it says when the last sweep was.
    ///
    /// # Errors
    /// A sentence that says why the next sweep will not know of them.
    pub(crate) async fn replace(
        &mut self,
        ledger: &Ledger,
        suspects: &Suspects,
        deadline: Deadline,
    ) -> Result<(), String> {
        let mut written = self.write(ledger, suspects, deadline).await;
        // What was written before can be in the way once: then it is known.
        while written.as_ref().is_err_and(|error| error.failure == Failure::Conflict) {
            match self.find_own(ledger, suspects, deadline).await {
                Found::This => return Ok(()),
                Found::Before => written = self.write(ledger, suspects, deadline).await,
                Found::Anothers => break,
                Found::Unreadable(why) => {
                    return Err(format!(
                        "{KEY} is not written, another version was there, perhaps our own: {why}; {NEXT}"
                    ));
                }
            }
        }
        written.map_err(|error| not_remembered(&error))
    }

    async fn write(
        &mut self,
        ledger: &Ledger,
        suspects: &Suspects,
        deadline: Deadline,
    ) -> Result<(), CallError> {
        let document = Document::from(suspects);
        let writing = match &self.version {
            Version::Unknown => return Ok(()),
            Version::New => ledger.create(KEY, &document).boxed(),
            Version::Known(etag) => ledger.replace(KEY, &document, etag).boxed(),
        };
        match CallError::answered_by(deadline, "PutObject", KEY, writing).await {
            Ok(etag) => {
                self.version = Version::Known(etag);
                self.unconfirmed = None;
                Ok(())
            }
            Err(error) => {
                if error.failure != Failure::Conflict {
                    self.unconfirmed = Some(suspects.clone());
                }
                Err(error)
            }
        }
    }

    /// Whose the version is that is in the way. It may be our own: a write whose answer was lost is repeated by the SDK,
    /// and the repetition finds it.
    async fn find_own(
        &mut self,
        ledger: &Ledger,
        suspects: &Suspects,
        deadline: Deadline,
    ) -> Found {
        let (etag, there) = match Self::read_object(ledger, deadline).await {
            Ok(Some((etag, Ok(there)))) => (etag, there),
            Ok(Some((_, Err(_))) | None) => return Found::Anothers,
            Err(error) => {
                // It may be: the next write finds out.
                self.unconfirmed = Some(suspects.clone());
                return Found::Unreadable(error);
            }
        };
        let found = if there == *suspects {
            Found::This
        } else if self.unconfirmed.as_ref() == Some(&there) {
            Found::Before
        } else {
            return Found::Anothers;
        };
        self.version = Version::Known(etag);
        self.unconfirmed = None;
        found
    }
}

/// Whose a version is that is in the way of a write.
enum Found {
    /// Our own: what is to be written.
    This,
    /// Our own: what was to be written before.
    Before,
    /// Another sweep's.
    Anothers,
    /// It can't be read.
    Unreadable(CallError),
}

/// What follows.
const NEXT: &str = "the next sweep will not know its suspects";

fn not_remembered(error: &CallError) -> String {
    match error.failure {
        Failure::Conflict => {
            format!(
                "another sweep has written {KEY} meanwhile; its suspects are kept, ours are dropped"
            )
        }
        Failure::Throttled
        | Failure::Refused
        | Failure::Denied
        | Failure::NotFound
        | Failure::Unreadable
        | Failure::NotSent
        | Failure::Unknown => format!("{error}; {NEXT}"),
    }
}

#[cfg(test)]
mod tests;
