//! How the functions log: one JSON object a line, with the fields of the session's span on each.

use tracing_subscriber::EnvFilter;

/// Sends logs to standard output as JSON. Lambda stamps them with the time.
///
/// `LOG_LEVEL` says how much of ours is logged (`info` by default); of the libraries, warnings.
pub fn start() {
    let level = std::env::var("LOG_LEVEL").unwrap_or_else(|_| "info".to_owned());
    let filter = format!("warn,session_cleanup={level},completion={level}");
    tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_current_span(true)
        .with_span_list(false)
        .with_env_filter(EnvFilter::try_new(filter).unwrap_or_else(|_| EnvFilter::new("info")))
        .init();
}
