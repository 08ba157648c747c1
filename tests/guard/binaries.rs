//! The binaries that `make build` has left.

use std::path::PathBuf;
use std::process::Command;

const FUNCTIONS: [&str; 3] = ["completion", "reaper", "inspector"];

fn binary(function: &str) -> PathBuf {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..");
    root.join("target/lambda").join(function).join("bootstrap")
}

#[test]
fn no_function_is_larger_than_eleven_megabytes() {
    for function in FUNCTIONS {
        let size = std::fs::metadata(binary(function)).unwrap().len();
        println!("{function}: {size} bytes");
        assert!(size <= 11_000_000, "{function} has {size} bytes");
    }
}

/// Until it asks for its first event, which nobody answers here.
#[test]
fn a_start_takes_no_more_instructions_than_it_did() {
    if Command::new("valgrind").arg("--version").output().is_err() {
        println!("valgrind is not installed: instructions are not counted");
        return;
    }
    for function in FUNCTIONS {
        let group = "arn:aws:elasticloadbalancing:us-east-1:000000000000:targetgroup/sessions/0123";
        let counted = Command::new("valgrind")
            .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
            .arg(binary(function))
            .env_clear()
            .env("PATH", std::env::var("PATH").unwrap())
            .env("AWS_LAMBDA_RUNTIME_API", "127.0.0.1:9")
            .env("AWS_LAMBDA_FUNCTION_NAME", "guard")
            .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128")
            .env("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST")
            .env("AWS_REGION", "us-east-1")
            .env("AWS_ACCESS_KEY_ID", "test")
            .env("AWS_SECRET_ACCESS_KEY", "test")
            .env("CLUSTERS", "sessions")
            .env("FAMILIES", "session")
            .env("TARGET_GROUP_ARNS", group)
            .env("ARTIFACT_BUCKET", "artifacts")
            .env("LEDGER_BUCKET", "ledger")
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&counted.stderr).into_owned();
        let instructions: u64 = said
            .lines()
            .find_map(|line| line.split_once("Collected : ")?.1.trim().parse().ok())
            .unwrap_or_else(|| panic!("no count in {said}"));
        println!("{function}: {instructions} instructions");
        assert!(instructions <= 3_400_000, "{function} starts with {instructions} instructions");
    }
}
