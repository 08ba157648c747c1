//! A local AWS for the demo and the end-to-end tests: MiniStack as a child process, the release
//! deployed into it by `sam deploy`, and the few calls that an owner, a session container or an
//! operator would make.
//!
//! - [`LocalAws::start`]: the emulator, ready for calls, with a bucket for artifacts to be put into;
//! - [`LocalAws::deploy`]: the release that `make package` has packed, with parameters of the caller's;
//! - [`LocalAws::follow`]: the commands of a page, as a person types them;
//! - [`Stack`]: events in, and what came of them: queues, receipts, log lines, invocations.
//!
//! EventBridge, SQS, the event source mapping, Lambda's runtime API, S3 and CloudWatch Logs are
//! MiniStack's. ECS and Elastic Load Balancing are the simulated world's, wherever it is served. The
//! functions are the binaries that run on Lambda, each a process of its own.

mod error;
mod http;
mod lambda;
mod ministack;
mod objects;
mod platform;
pub mod release;
mod sam;
mod shell;
mod stack;
mod subscription;

pub use error::LocalAwsError;
pub use lambda::Lambda;
pub use ministack::free_port;
pub use objects::Objects;
pub use platform::{NETWORK, Platform};
pub use release::function_binary;
pub use stack::{QueueDepth, Stack};
pub use subscription::Subscription;

use ::http::Method;
use aws_credential_types::Credentials;
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use ministack::MiniStack;
use serde_json::json;
use std::path::Path;
use std::time::{Duration, Instant};

/// The Region of everything here.
pub const REGION: &str = "us-east-1";

/// The account of everything here: the one that MiniStack gives to the access key `test`.
pub const ACCOUNT: &str = "000000000000";

/// Where someone types the commands of a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// In an unpacked release.
    Release,
    /// In a checkout in which `sam build` has been run.
    Source,
}

/// The emulator, for as long as this lives: dropping it ends MiniStack and the functions it runs.
#[derive(Debug)]
pub struct LocalAws {
    ministack: MiniStack,
    world: String,
    http: SharedHttpClient,
}

impl LocalAws {
    /// Starts the emulator and waits until it answers. `name` names its log file under
    /// `target/local-aws`. `world` is where ECS and Elastic Load Balancing are or will be served, a
    /// URL with an IPv4 literal; see [`free_port`] for a world that is started afterwards, because it
    /// wants to know the emulator's S3.
    ///
    /// # Errors
    /// [`LocalAwsError`] when a tool is missing or MiniStack does not come up.
    pub async fn start(name: &str, world: &str) -> Result<Self, LocalAwsError> {
        let ministack = MiniStack::start(name, world).await?;
        let http = aws_smithy_http_client::Builder::new().build_http();
        Ok(Self { ministack, world: world.to_owned(), http })
    }

    /// Deploys the release, without Rust on the PATH. `parameters` are the template's, by name.
    ///
    /// # Errors
    /// [`LocalAwsError`] when there is no release, it is older than its sources, or `sam deploy` fails.
    pub async fn deploy(
        &self,
        stack_name: &str,
        parameters: &[(&str, &str)],
    ) -> Result<Stack, LocalAwsError> {
        Stack::deploy(self, stack_name, parameters).await
    }

    /// Runs commands as they stand on a page of the documentation, in one bash that ends with the first
    /// that fails. Answers what they printed.
    ///
    /// # Errors
    /// [`LocalAwsError`] when a tool is missing, nothing fresh is there to be deployed, or a command fails.
    pub async fn follow(&self, commands: &str, from: Way) -> Result<String, LocalAwsError> {
        release::tool("aws")?;
        let folder = match from {
            Way::Release => {
                release::template()?;
                release::folder()
            }
            Way::Source => {
                release::source_is_built()?;
                release::repository()
            }
        };
        shell::follow(self.endpoint(), &self.world, folder, commands).await
    }

    /// The emulator's S3: where session containers of the world upload to, and the ledger.
    #[must_use]
    pub fn objects(&self) -> Objects {
        Objects::new(self)
    }

    /// Where the emulator listens, for example `http://127.0.0.1:45661`.
    #[must_use]
    pub fn endpoint(&self) -> &str {
        self.ministack.endpoint()
    }

    /// Puts a secret into Secrets Manager.
    ///
    /// # Errors
    /// [`LocalAwsError::Call`]
    pub async fn put_secret(&self, name: &str, secret: &str) -> Result<(), LocalAwsError> {
        let body = json!({"Name": name, "SecretString": secret}).to_string();
        let target = Some("secretsmanager.CreateSecret");
        http::call(self.endpoint(), Method::POST, "/", target, body).await.map(drop)
    }

    /// Checks that there is a release to be deployed, and that it is younger than its sources.
    ///
    /// # Errors
    /// [`LocalAwsError::NotReady`]
    pub fn ready() -> Result<(), LocalAwsError> {
        release::template().map(drop)
    }

    /// The emulator's own log. What functions print is in it too.
    #[must_use]
    pub fn log_file(&self) -> &Path {
        self.ministack.log_file()
    }

    /// Ends the emulator at once, in the middle of whatever it does, as a power cut would.
    pub fn kill(self) {
        drop(self);
    }

    /// Kills every process of a function that runs, as Lambda does with one that outgrows its memory.
    /// Answers how many there were.
    ///
    /// # Errors
    /// [`LocalAwsError::Spawn`] when `kill` can't be run.
    pub fn kill_functions(&self) -> Result<usize, LocalAwsError> {
        self.ministack.kill_functions()
    }

    fn credentials() -> Credentials {
        Credentials::new("test", "test", None, None, "local AWS")
    }
}

/// Asks until there is an answer: `Some` from `probe` ends the wait.
///
/// # Errors
/// [`LocalAwsError::TooLate`] after `limit`, and any error of `probe`, at once.
pub async fn eventually<T>(
    what: &str,
    limit: Duration,
    mut probe: impl AsyncFnMut() -> Result<Option<T>, LocalAwsError>,
) -> Result<T, LocalAwsError> {
    let start = Instant::now();
    loop {
        if let Some(answer) = probe().await? {
            return Ok(answer);
        }
        if start.elapsed() > limit {
            return Err(LocalAwsError::TooLate { what: what.to_owned(), limit });
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}
