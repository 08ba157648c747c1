//! What others do: scripts as a careful engineer writes them, and Cloud Custodian.

use crate::aws::Aws;
use serde_json::{Value, json};
use session_cleanup_tests::world::TaskHandle;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

const SCRIPTS: &str = "tests/bench/peers";

/// What a run of a peer took.
pub(crate) struct Run {
    /// From the order to the end of the work; of Cloud Custodian, its start included.
    pub(crate) took: Duration,
    /// The most memory that it had resident, in MiB.
    pub(crate) peak: f64,
}

/// A script that has started, has its clients, and waits for its order.
pub(crate) struct Script {
    process: Child,
    lines: BufReader<ChildStdout>,
}

impl Script {
    /// Starts `name`, such as `sequential`.
    pub(crate) fn start(name: &str, aws: &Aws) -> Self {
        let mut process = Command::new(".venv/bin/python")
            .arg("-B")
            .arg(Path::new(SCRIPTS).join(format!("{name}.py")))
            .env_clear()
            .envs(environment(aws))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|problem| panic!(".venv/bin/python does not start: {problem}"));
        let lines = BufReader::new(process.stdout.take().unwrap());
        let mut script = Self { process, lines };
        script.until("ready");
        script
    }

    /// Gives it its order, and waits until it is done.
    pub(crate) fn run(mut self, aws: &Aws, sessions: &[TaskHandle]) -> Run {
        let order = order(aws, sessions).to_string();
        let began = Instant::now();
        writeln!(self.process.stdin.as_mut().unwrap(), "{order}").unwrap();
        self.until("done");
        let took = began.elapsed();
        let peak = crate::lambda::peak(self.process.id());
        self.process.wait().unwrap();
        Run { took, peak }
    }

    fn until(&mut self, word: &str) {
        let mut line = String::new();
        while line.trim() != word {
            line.clear();
            let read = self.lines.read_line(&mut line).unwrap();
            assert!(read > 0, "a script ended before it said `{word}`");
        }
    }
}

fn order(aws: &Aws, sessions: &[TaskHandle]) -> Value {
    let setup = aws.world().setup();
    let session =
        |task: &TaskHandle| json!({ "session_id": task.session_id(), "task_arn": task.arn() });
    json!({
        "cluster": setup.clusters[0],
        "target_group_arn": setup.target_group_arn(&setup.target_groups[0]),
        "artifact_bucket": setup.artifact_bucket,
        "family": setup.families[0],
        "sessions": sessions.iter().map(session).collect::<Vec<_>>(),
    })
}

fn environment(aws: &Aws) -> Vec<(&'static str, String)> {
    let mut environment = aws.variables().to_vec();
    for (name, value) in [
        ("PATH", std::env::var("PATH").unwrap_or_default()),
        ("HOME", "target/bench".to_owned()),
        ("AWS_REGION", "us-east-1".to_owned()),
        ("AWS_ACCESS_KEY_ID", "test".to_owned()),
        ("AWS_SECRET_ACCESS_KEY", "test".to_owned()),
    ] {
        environment.push((name, value));
    }
    environment
}

/// Cloud Custodian, installed into an environment of its own: what it pins is not what we pin.
pub(crate) struct Custodian(PathBuf);

impl Custodian {
    /// Installs it below `folder`, if it is not there yet.
    pub(crate) fn installed(folder: &Path) -> Self {
        let place = folder.join("custodian");
        let marker = place.join(".installed");
        if !marker.exists() {
            succeed(Command::new("python3").args(["-m", "venv"]).arg(&place));
            let requirements = Path::new(SCRIPTS).join("requirements.txt");
            succeed(
                Command::new(place.join("bin/pip"))
                    .args(["install", "--quiet", "--disable-pip-version-check", "-r"])
                    .arg(requirements),
            );
            std::fs::write(&marker, "").unwrap();
        }
        Self(place)
    }

    /// Runs its policy once.
    pub(crate) fn run(&self, aws: &Aws) -> Run {
        let began = Instant::now();
        let mut process = Command::new(self.0.join("bin/custodian"))
            .args(["run", "--region", "us-east-1", "--cache-period", "0", "--output-dir"])
            .arg(self.0.join("output"))
            .arg(Path::new(SCRIPTS).join("custodian.yml"))
            .env_clear()
            .envs(environment(aws))
            // All it calls must stay on loopback.
            .env("AWS_ENDPOINT_URL", aws.endpoint())
            .stderr(Stdio::null())
            .spawn()
            .unwrap_or_else(|problem| panic!("custodian does not start: {problem}"));
        let mut peak = 0.0_f64;
        while process.try_wait().unwrap().is_none() {
            peak = peak.max(crate::lambda::peak(process.id()));
            std::thread::sleep(Duration::from_millis(20));
        }
        Run { took: began.elapsed(), peak }
    }
}

fn succeed(command: &mut Command) {
    let status = command.status().unwrap_or_else(|problem| panic!("{command:?}: {problem}"));
    assert!(status.success(), "{command:?}: {status}");
}
