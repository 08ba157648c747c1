//! `make demo`: sessions being cleaned up, on a local AWS, by the real function.

use std::process::ExitCode;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let shown = tokio::select! {
        shown = session_cleanup_tests::demo::show() => shown,
        _ = tokio::signal::ctrl_c() => Err("interrupted".into()),
    };
    match shown {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("\nThe demo failed: {problem}");
            let mut cause = problem.source();
            while let Some(next) = cause {
                eprintln!("  because: {next}");
                cause = next.source();
            }
            eprintln!("What the emulator and the function said is in target/local-aws/demo.log");
            ExitCode::FAILURE
        }
    }
}
