use super::{LocalAwsError, REGION, http, release};
use ::http::Method;
use std::fs::{self, File};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// MiniStack as a child process, and all that belongs to it.
#[derive(Debug)]
pub(super) struct MiniStack {
    child: Child,
    endpoint: String,
    log: PathBuf,
    /// All that it writes to disk.
    files: PathBuf,
}

impl MiniStack {
    pub(super) async fn start(name: &str, world: &str) -> Result<Self, LocalAwsError> {
        let python = release::tool("python")?;
        let folder = release::logs();
        let log = folder.join(format!("{name}.log"));
        let setting_up = |source| LocalAwsError::Spawn { program: "MiniStack".to_owned(), source };
        fs::create_dir_all(&folder).map_err(setting_up)?;
        let output = File::create(&log).map_err(setting_up)?;
        let port = free_port().map_err(setting_up)?;
        let files = std::env::temp_dir().join(format!("session-cleanup-local-aws-{port}"));
        fs::create_dir_all(&files).map_err(setting_up)?;

        let endpoint = format!("http://127.0.0.1:{port}");
        let child = Command::new(python)
            .arg("-c")
            .arg(include_str!("ministack.py"))
            // Functions inherit what MiniStack has: nothing of the developer's own AWS, no proxy.
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", &files)
            .env("TMPDIR", &files)
            .env("LANG", "C.UTF-8")
            .env("PYTHONUNBUFFERED", "1")
            .env("BIND_HOST", "127.0.0.1")
            .env("MINISTACK_HOST", "127.0.0.1")
            .env("GATEWAY_PORT", port.to_string())
            // Two things it would do unasked: listen on all interfaces for MQTT, and look for Docker.
            .env("IOT_MTLS_ENABLED", "0")
            .env("DOCKER_HOST", "unix:///nonexistent")
            .env("AWS_DEFAULT_REGION", REGION)
            .env("AWS_ACCESS_KEY_ID", "test")
            .env("AWS_SECRET_ACCESS_KEY", "test")
            .env("AWS_ENDPOINT_URL", &endpoint)
            .env("AWS_ENDPOINT_URL_ECS", world)
            .env("AWS_ENDPOINT_URL_ELASTIC_LOAD_BALANCING_V2", world)
            .stdin(Stdio::piped())
            .stdout(output.try_clone().map_err(setting_up)?)
            .stderr(output)
            .spawn()
            .map_err(setting_up)?;
        let mut ministack = Self { child, endpoint, log, files };
        ministack.wait_until_ready().await?;
        Ok(ministack)
    }

    pub(super) fn endpoint(&self) -> &str {
        &self.endpoint
    }

    pub(super) fn log_file(&self) -> &Path {
        &self.log
    }

    pub(super) fn kill_functions(&self) -> Result<usize, LocalAwsError> {
        let failed = |source| LocalAwsError::Spawn { program: "kill".to_owned(), source };
        let mut killed = 0;
        for process in fs::read_dir("/proc").map_err(failed)?.flatten() {
            let id = process.file_name();
            // It may have ended since; and what isn't a process has no such files.
            let parent = fs::read_to_string(process.path().join("status")).unwrap_or_default();
            let is_ours = parent.lines().any(|line| line == format!("PPid:\t{}", self.child.id()));
            let program = fs::read_link(process.path().join("exe")).unwrap_or_default();
            if is_ours && program.ends_with("bootstrap") {
                Command::new("kill").arg("-KILL").arg(id).status().map_err(failed)?;
                killed += 1;
            }
        }
        Ok(killed)
    }

    async fn wait_until_ready(&mut self) -> Result<(), LocalAwsError> {
        const ATTEMPTS: u32 = 600;
        for _ in 0..ATTEMPTS {
            let health = http::call(&self.endpoint, Method::GET, "/_ministack/health", None, "");
            if health.await.is_ok() {
                return Ok(());
            }
            if let Ok(Some(status)) = self.child.try_wait() {
                return Err(self.error(format!("ended with {status} while starting")));
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        Err(self.error("did not answer within a minute".to_owned()))
    }

    fn error(&self, problem: String) -> LocalAwsError {
        LocalAwsError::MiniStack { problem, log: self.log.clone() }
    }
}

impl Drop for MiniStack {
    fn drop(&mut self) {
        // Closing the pipe is the order to end; see ministack.py.
        drop(self.child.stdin.take());
        if self.child.wait().is_err() {
            let _ = self.child.kill();
        }
        // It takes its files with it, unless it was killed.
        let _ = fs::remove_dir_all(&self.files);
    }
}

/// A port of 127.0.0.1 that was free a moment ago.
///
/// # Errors
/// When there is none.
pub fn free_port() -> std::io::Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}
