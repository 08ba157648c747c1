use super::{LocalAwsError, release, shell};
use std::collections::BTreeMap;
use tokio::process::Command;

/// Deploys the release, with the defaults of its samconfig.toml, as someone does who has nothing else.
pub(super) async fn deploy(
    endpoint: &str,
    stack: &str,
    parameters: &[(&str, &str)],
) -> Result<(), LocalAwsError> {
    let template = release::template()?.display().to_string();
    let mut arguments = vec!["--template-file".to_owned(), template];
    arguments.extend(["--stack-name", stack].map(String::from));
    arguments.extend(["--no-confirm-changeset", "--no-progressbar"].map(String::from));
    arguments.push("--parameter-overrides".to_owned());
    // Unquoted, SAM takes a value with a space in it for two.
    arguments.extend(parameters.iter().map(|(name, value)| format!("{name}=\"{value}\"")));
    sam(endpoint, "deploy", &arguments).await.map(drop)
}

/// The outputs of a stack, by name.
pub(super) async fn outputs(
    endpoint: &str,
    stack: &str,
) -> Result<BTreeMap<String, String>, LocalAwsError> {
    let arguments = ["stack-outputs", "--stack-name", stack, "--output", "json"].map(String::from);
    let listed = sam(endpoint, "list", &arguments).await?;
    let listed: Vec<BTreeMap<String, String>> =
        serde_json::from_str(&listed).map_err(LocalAwsError::call("sam list stack-outputs"))?;
    let pair = |mut output: BTreeMap<_, _>| {
        Some((output.remove("OutputKey")?, output.remove("OutputValue")?))
    };
    Ok(listed.into_iter().filter_map(pair).collect())
}

/// Runs SAM against the emulator.
async fn sam(
    endpoint: &str,
    command: &'static str,
    arguments: &[String],
) -> Result<String, LocalAwsError> {
    let program = release::tool("sam")?;
    let output = shell::reaches_only(Command::new(&program), endpoint)
        .current_dir(release::folder())
        .env("PATH", release::programs())
        .arg(command)
        .args(arguments)
        .output()
        .await
        .map_err(|source| LocalAwsError::Spawn {
            program: program.display().to_string(),
            source,
        })?;
    if output.status.success() {
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    } else {
        let output = [output.stdout, output.stderr].concat();
        Err(LocalAwsError::Sam { command, output: String::from_utf8_lossy(&output).into_owned() })
    }
}
