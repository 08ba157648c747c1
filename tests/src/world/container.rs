//! The session container: what it does when it is asked to complete, and its queue of requests.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::Notify;

/// How a session container behaves. The default is the well-behaved one: it uploads in 3 s,
/// answers 200, and goes on serving after SIGTERM until it is killed.
#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "independent quirks, each with a name")]
pub struct Behaviour {
    /// How long the upload takes.
    pub uploads_in: Duration,
    /// How many uploads fail (500, `upload_completed: false`) before one works; `u32::MAX`: all.
    pub failing_uploads: u32,
    /// The marker is written even where the upload then fails.
    pub marker_before_failure: bool,
    /// Answers 202 at once, uploads behind that, and answers 200 to whoever asks when it has.
    pub answers_202: bool,
    /// Says that it has uploaded in these words instead of our document.
    pub confirms_with: Option<&'static str>,
    /// Answers 200 without having written anything.
    pub uploads_nothing: bool,
    /// Encrypts what it uploads with a key that nobody else has.
    pub encrypts: bool,
    /// Its health path names this session instead of its own.
    pub health_names: Option<String>,
    /// Its health path answers 503 with this, as what is not ready does: a proxy, a framework that
    /// starts or sheds load.
    pub unready: Option<serde_json::Value>,
    /// For so long after its start its health path answers 503 in its session's name: it has not begun it yet.
    pub starts_up_for: Duration,
    /// Refuses whoever does not say this in `Authorization`, and quotes what was said instead.
    pub authorization: Option<String>,
    /// With this status: there are frameworks that say 403.
    pub refuses_with: u16,
    /// Quotes all that it was told in a 500, as frameworks in their debug modes do.
    pub quotes_requests: bool,
    /// Answers 403 to everyone.
    pub forbids: bool,
    /// Accepts connections and never answers.
    pub silent: bool,
    /// Something before it accepts connections while it does not run, and answers none.
    pub accepts_while_it_does_not_run: bool,
    /// Refuses connections.
    pub refuses: bool,
    /// Is so busy that its queue of connections is full: nobody gets through, health checks neither.
    pub deaf: bool,
    /// How an answer's body arrives.
    pub body: BodyShape,
    /// Exits with code 0 this long after it has completed.
    pub exits_after: Option<Duration>,
    /// Ends at SIGTERM instead of serving on until SIGKILL.
    pub dies_on_sigterm: bool,
}

impl Default for Behaviour {
    fn default() -> Self {
        Self {
            uploads_in: Duration::from_secs(3),
            failing_uploads: 0,
            marker_before_failure: true,
            answers_202: false,
            confirms_with: None,
            uploads_nothing: false,
            encrypts: false,
            health_names: None,
            unready: None,
            starts_up_for: Duration::ZERO,
            authorization: None,
            refuses_with: 401,
            quotes_requests: false,
            forbids: false,
            silent: false,
            accepts_while_it_does_not_run: false,
            refuses: false,
            deaf: false,
            body: BodyShape::Whole,
            exits_after: None,
            dies_on_sigterm: false,
        }
    }
}

/// How the body of a container's answer arrives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyShape {
    /// At once.
    Whole,
    /// The headers at once, the body after this long.
    Slow(Duration),
    /// Without end.
    Endless,
    /// The connection breaks where the body should go on.
    BreaksOff,
}

impl BodyShape {
    /// Whether what it says can be read.
    pub(crate) fn is_read(self) -> bool {
        match self {
            Self::Whole | Self::Slow(_) => true,
            Self::Endless | Self::BreaksOff => false,
        }
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Container {
    pub(crate) session_id: String,
    pub(crate) behaviour: Behaviour,
    /// One request at a time: the one being served, and when that ends.
    pub(crate) serving: Option<(JobId, Timestamp)>,
    pub(crate) queue: VecDeque<JobId>,
    /// Occupied by work of its own until then.
    pub(crate) busy_until: Option<Timestamp>,
    pub(crate) attempts: u32,
    /// How it behaved when the upload that is under way began.
    pub(crate) upload: Option<Behaviour>,
    /// An upload goes on behind a 202.
    pub(crate) uploading: bool,
    /// Everything is uploaded.
    pub(crate) completed_at: Option<Timestamp>,
    /// All that it has to leave behind is in S3.
    pub(crate) saved_at: Option<Timestamp>,
    /// Wakes those who wait for an answer when the container's fate changes.
    pub(crate) changed: Arc<Notify>,
}

impl Container {
    pub(crate) fn new(session_id: String, behaviour: Behaviour) -> Self {
        Self {
            session_id,
            behaviour,
            serving: None,
            queue: VecDeque::new(),
            busy_until: None,
            attempts: 0,
            upload: None,
            uploading: false,
            completed_at: None,
            saved_at: None,
            changed: Arc::new(Notify::new()),
        }
    }

    /// When the next waiting request may be served.
    pub(crate) fn free_at(&self) -> Option<Timestamp> {
        self.serving.map(|(_, until)| until).into_iter().chain(self.busy_until).max()
    }
}

pub(crate) type JobId = u64;

/// A request that a container has accepted.
#[derive(Debug)]
pub(crate) struct Job {
    pub(crate) asks: Asks,
    pub(crate) answer: Option<(u16, serde_json::Value)>,
}

/// What a container can be asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Asks {
    Complete { session_id: String, authorization: Option<String> },
    Health,
}
