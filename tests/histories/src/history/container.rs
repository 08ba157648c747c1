//! What a session's container does in a history.

use super::Seconds;
use serde::{Deserialize, Serialize};
use serde_json::json;
use session_cleanup_tests::world::{Behaviour, BodyShape, SessionBuilder};
use std::time::Duration;

/// What a container does.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[expect(clippy::struct_excessive_bools, reason = "independent quirks, each with a name")]
pub struct Container {
    /// What becomes of its upload.
    pub upload: Upload,
    /// How long an upload takes.
    pub uploads_in: Seconds,
    /// It serves nobody for so long from the beginning.
    pub busy_for: Seconds,
    /// It accepts connections and answers nobody.
    pub silent: bool,
    /// Something before it accepts connections while it does not run, and answers none.
    pub accepts_while_it_does_not_run: bool,
    /// It refuses connections.
    pub refuses: bool,
    /// No connection gets through.
    pub deaf: bool,
    /// It runs another session by now.
    pub forbids: bool,
    /// Something before it answers 503 for it.
    pub unready: bool,
    /// The same, and says that another session is complete.
    pub says_that_another_is_done: bool,
    /// It answers 500 to whatever it is told.
    pub broken: bool,
    /// For so long from its start it answers 503 in its own name, since it has not begun.
    pub starts_up_for: Seconds,
    /// How the bodies of its answers come.
    pub body: Body,
    /// It exits so long after it has completed.
    pub exits_after: Option<Seconds>,
    /// It ends at SIGTERM.
    pub dies_on_sigterm: bool,
    /// It has completed by itself already.
    pub completed: bool,
}

/// How the body of an answer comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Body {
    /// At once.
    Whole,
    /// Two seconds after the headers.
    Late,
    /// The connection breaks before its end.
    BreaksOff,
    /// Without end.
    Endless,
}

/// What becomes of an upload.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Upload {
    /// It works.
    Works,
    /// So many fail before one works.
    Fails(u32),
    /// None works.
    Never,
    /// It says that it worked, and has written nothing.
    Nothing,
    /// It says 202, and works behind that.
    Behind,
    /// It works, and nobody can read what it wrote.
    Encrypted,
}

impl Default for Container {
    fn default() -> Self {
        Self {
            upload: Upload::Works,
            uploads_in: Seconds(3),
            busy_for: Seconds(0),
            silent: false,
            accepts_while_it_does_not_run: false,
            refuses: false,
            deaf: false,
            forbids: false,
            unready: false,
            says_that_another_is_done: false,
            broken: false,
            starts_up_for: Seconds(0),
            body: Body::Whole,
            exits_after: None,
            dies_on_sigterm: false,
            completed: false,
        }
    }
}

impl Container {
    pub(super) fn of(&self, session: SessionBuilder) -> SessionBuilder {
        let session = session.behaves(|container| self.applied_to(container));
        let session = match self.busy_for {
            Seconds(0) => session,
            time => session.busy_for(time.into()),
        };
        if self.completed { session.completed() } else { session }
    }

    /// Makes a container behave so.
    pub fn applied_to(&self, container: &mut Behaviour) {
        let (failing, marker) = match self.upload {
            Upload::Fails(times) => (times, true),
            Upload::Never => (u32::MAX, false),
            Upload::Works | Upload::Nothing | Upload::Behind | Upload::Encrypted => (0, true),
        };
        *container = Behaviour {
            uploads_in: self.uploads_in.into(),
            failing_uploads: failing,
            marker_before_failure: marker,
            answers_202: self.upload == Upload::Behind,
            uploads_nothing: self.upload == Upload::Nothing,
            encrypts: self.upload == Upload::Encrypted,
            unready: if self.says_that_another_is_done {
                Some(json!({"session_id": "another", "status": "complete"}))
            } else {
                self.unready.then(|| "<html>try again</html>".into())
            },
            quotes_requests: self.broken,
            starts_up_for: self.starts_up_for.into(),
            forbids: self.forbids,
            silent: self.silent,
            accepts_while_it_does_not_run: self.accepts_while_it_does_not_run,
            refuses: self.refuses,
            deaf: self.deaf,
            body: match self.body {
                Body::Whole => BodyShape::Whole,
                Body::Late => BodyShape::Slow(Duration::from_secs(2)),
                Body::BreaksOff => BodyShape::BreaksOff,
                Body::Endless => BodyShape::Endless,
            },
            exits_after: self.exits_after.map(Duration::from),
            dies_on_sigterm: self.dies_on_sigterm,
            ..Behaviour::default()
        };
    }
}
