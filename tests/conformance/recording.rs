//! The stories, played once for all tests, and what the functions sent in them.

use crate::judges::folder;
use crate::tape::Exchange;
use crate::{play, stories};
use std::fmt::Write as _;
use std::sync::LazyLock;

/// A file of one exchange a line.
pub(crate) struct Recording {
    pub(crate) path: String,
    pub(crate) exchanges: Vec<Exchange>,
}

/// All stories, in virtual time.
pub(crate) static RECORDING: LazyLock<Recording> = LazyLock::new(|| {
    // A thread of its own: the test that asks first may be in a runtime.
    let played = std::thread::spawn(|| {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .start_paused(true)
            .build()
            .unwrap();
        runtime.block_on(async {
            let mut exchanges = play::play().await;
            exchanges.extend(stories::play().await);
            exchanges
        })
    });
    Recording::of("recorded", played.join().expect("the stories can be played"))
});

impl Recording {
    /// Writes exchanges down, below `target`.
    pub(crate) fn of(name: &str, exchanges: Vec<Exchange>) -> Self {
        let path = format!("{}/{name}.jsonl", folder());
        let mut lines = String::new();
        for exchange in &exchanges {
            let _ = writeln!(lines, "{}", serde_json::to_string(exchange).unwrap());
        }
        std::fs::write(&path, lines).unwrap();
        Self { path, exchanges }
    }
}
