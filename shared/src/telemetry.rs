//! How the functions log: one JSON object a line, with the fields of the session's span on each.

mod standard_output;

pub use standard_output::{StandardOutput, event_loop};

use tracing::{Level, Subscriber};
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

/// Sends logs to standard output as JSON. Lambda stamps them with the time.
///
/// `level` says how much of ours is logged; of the libraries, warnings.
pub fn start(level: Level) {
    subscriber(level, || StandardOutput).init();
}

/// What writes the lines, to wherever.
pub fn subscriber<W>(level: Level, writer: W) -> impl Subscriber + Send + Sync
where
    W: for<'writer> MakeWriter<'writer> + Send + Sync + 'static,
{
    let ours = Targets::new()
        .with_default(Level::WARN)
        .with_target("session_cleanup", level)
        .with_target("completion", level)
        .with_target("reaper", level);
    let lines = tracing_subscriber::fmt::layer()
        .json()
        .flatten_event(true)
        // The module's path would stand under the key that says what became of a session's target.
        .with_target(false)
        .with_current_span(true)
        .with_span_list(false)
        .with_writer(writer);
    tracing_subscriber::registry().with(lines).with(ours)
}
