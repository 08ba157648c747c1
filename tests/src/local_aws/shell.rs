use super::{LocalAwsError, REGION, release};
use std::env;
use std::ffi::OsString;
use std::path::Path;
use tokio::process::Command;

/// Runs commands in one bash, as a person does who types them in a folder and says yes to whatever
/// is asked. `world` is where ECS is served. Answers what they printed.
pub(super) async fn follow(
    endpoint: &str,
    world: &str,
    folder: &Path,
    commands: &str,
) -> Result<String, LocalAwsError> {
    let output = reaches_only(Command::new("bash"), endpoint)
        .current_dir(folder)
        .env("PATH", with_tools())
        .args(["-c", r#"yes | bash -euxo pipefail -c "$0""#, commands])
        .env("AWS_ENDPOINT_URL_ECS", world)
        .output()
        .await
        .map_err(|source| LocalAwsError::Spawn { program: "bash".to_owned(), source })?;
    if output.status.success() {
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    } else {
        let output = [output.stdout, output.stderr].concat();
        Err(LocalAwsError::Shell { output: String::from_utf8_lossy(&output).into_owned() })
    }
}

/// The release's tools, before all else.
fn with_tools() -> OsString {
    let mut path = release::programs().into_os_string();
    path.push(":");
    path.push(env::var_os("PATH").unwrap_or_default());
    path
}

/// A program that calls the emulator, and nothing else: no profile, no proxy.
pub(super) fn reaches_only(mut program: Command, endpoint: &str) -> Command {
    program
        .env("AWS_ENDPOINT_URL", endpoint)
        .env("AWS_DEFAULT_REGION", REGION)
        .env("AWS_ACCESS_KEY_ID", "test")
        .env("AWS_SECRET_ACCESS_KEY", "test")
        .env("AWS_CONFIG_FILE", "/dev/null")
        .env("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
        .env("NO_PROXY", "127.0.0.1")
        .env("SAM_CLI_TELEMETRY", "0")
        // It asks every five seconds whether the stack is there: the emulator needs one.
        .env("SAM_CLI_POLL_DELAY", "1")
        .env_remove("AWS_PROFILE")
        .env_remove("AWS_SESSION_TOKEN")
        .kill_on_drop(true);
    program
}
