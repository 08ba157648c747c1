//! The same seed is the same history, call by call.

use session_cleanup_histories::generate::generate;
use session_cleanup_histories::history::History;
use std::process::{Command, Output};

fn trace(seed: u64) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_simulate"));
    command.args(["trace", &seed.to_string()]).output().unwrap()
}

/// Two processes differ in their hash seeds, addresses and clocks.
#[test]
fn a_seed_is_the_same_history_in_two_processes_to_the_last_call() {
    for seed in [3, 14, 15] {
        let (one, other) = (trace(seed), trace(seed));
        let text = String::from_utf8(one.stdout).unwrap();
        assert!(text.contains("ListTasks"), "{text}");
        assert_eq!(text, String::from_utf8(other.stdout).unwrap(), "seed {seed}");
    }
}

#[test]
fn two_seeds_are_two_histories() {
    assert_ne!(generate(1), generate(2));
}

#[test]
fn a_history_is_the_same_once_it_was_kept() {
    for seed in 0..200 {
        let history = generate(seed);
        let kept = serde_json::to_string(&history).unwrap();
        assert_eq!(serde_json::from_str::<History>(&kept).unwrap(), history, "{kept}");
    }
}
