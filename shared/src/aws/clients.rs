use super::artifacts::ArtifactStore;
use super::authorities::authorities;
use super::ecs::Tasks;
use super::elb::TargetGroups;
use super::ledger::Ledger;
use super::meter::Meter;
use super::pace::Pace;
use crate::clock::Clock;
use crate::config::{Config, ConfigError};
use crate::session::Home;
use aws_config::environment::{
    EnvironmentVariableCredentialsProvider, EnvironmentVariableRegionProvider,
};
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, SdkConfig};
use aws_smithy_async::rt::sleep::{SharedAsyncSleep, TokioSleep};
use aws_smithy_http_client::tls::{self, TlsContext, rustls_provider::CryptoMode};
use aws_smithy_runtime::client::retries::RetryPartition;
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use aws_smithy_runtime_api::client::stalled_stream_protection::StalledStreamProtectionConfig;
use std::time::Duration;

/// The one seam to the world: every request, to AWS and to a session's container, goes through it.
/// Tests give another HTTP client and change nothing else.
#[derive(Debug, Clone)]
pub struct HttpSeam {
    aws: SharedHttpClient,
    containers: SharedHttpClient,
}

/// How many connections to one of AWS's hosts are kept. The client opens some that it then does not need,
/// where another becomes free first; without a bound a busy machine keeps them all.
///
/// How many are open at once has no bound: an act that waited for a connection would be sent long after the look
/// that it rests on.
const IDLE_FOR_A_HOST: usize = 100;

impl HttpSeam {
    /// The client of a deployed function.
    ///
    /// TLS is rustls with `ring`: with aws-lc, the SDK's default, the first call of a cold function
    /// costs about 50 ms of CPU more, and a 128 MB function has 1/14 of a core. No proxy and no
    /// redirect is ever followed, so a container's address is what ECS said it is.
    ///
    /// Connections to AWS are kept for the next call, as many as a batch of a hundred needs; those to
    /// containers never, for each container is asked once, and Lambda allows 1,024 descriptors.
    ///
    /// # Errors
    /// [`ConfigError`] when the file that `AWS_CA_BUNDLE` names can't be used.
    pub fn https(home: &Home) -> Result<Self, ConfigError> {
        let context = TlsContext::builder()
            .with_trust_store(authorities(home)?)
            .build()
            .map_err(|problem| ConfigError::wrong("AWS_CA_BUNDLE", "", &problem))?;
        let client = aws_smithy_http_client::Builder::new;
        Ok(Self {
            aws: client()
                .tls_provider(tls::Provider::Rustls(CryptoMode::Ring))
                .tls_context(context)
                .pool_max_idle_per_host(IDLE_FOR_A_HOST)
                .build_https(),
            containers: client().pool_max_idle_per_host(0).build_http(),
        })
    }

    /// Any other client.
    #[must_use]
    pub fn new(client: SharedHttpClient) -> Self {
        Self { aws: client.clone(), containers: client }
    }

    fn to_aws(&self) -> SharedHttpClient {
        self.aws.clone()
    }

    pub(crate) fn to_containers(&self) -> SharedHttpClient {
        self.containers.clone()
    }
}

/// All of AWS that we talk to.
#[derive(Debug, Clone)]
pub struct Aws {
    /// ECS tasks.
    pub tasks: Tasks,
    /// Target groups of load balancers.
    pub target_groups: TargetGroups,
    /// The artifact bucket, only read.
    pub artifacts: ArtifactStore,
    /// The ledger bucket.
    pub ledger: Ledger,
    /// What was called, and how often AWS throttled it.
    pub meter: Meter,
}

/// One attempt of an AWS call may take this long; AWS answers these calls in milliseconds.
const ATTEMPT: Duration = Duration::from_secs(4);

/// Attempts of an AWS call whose repetition can do no harm; each step's own time limit comes first.
const ATTEMPTS: u32 = 6;

impl Aws {
    /// Clients for a deployed function: Region, credentials and endpoints as Lambda's environment has them.
    ///
    /// Nowhere else is looked for credentials: the SDK's chain of providers would build a client of STS that
    /// nobody calls, a quarter of a cold start.
    pub async fn connect(config: &Config, clock: &Clock, seam: &HttpSeam, pace: Pace) -> Self {
        let loader = aws_config::defaults(BehaviorVersion::latest())
            .http_client(seam.to_aws())
            .sleep_impl(TokioSleep::new())
            .time_source(clock.source())
            .region(EnvironmentVariableRegionProvider::new())
            .credentials_provider(EnvironmentVariableCredentialsProvider::new())
            .load();
        Self::new(config, clock, seam, &loader.await, pace, "session-cleanup")
    }

    /// Clients over `seam`. `partition` names the retry budget: those of one name share it.
    #[must_use]
    pub fn new(
        config: &Config,
        clock: &Clock,
        seam: &HttpSeam,
        sdk: &SdkConfig,
        pace: Pace,
        partition: &str,
    ) -> Self {
        let partition = RetryPartition::new(partition.to_owned());
        let meter = Meter::default();
        let sleep = SharedAsyncSleep::new(TokioSleep::new());
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(config.container.connect_timeout)
            .operation_attempt_timeout(ATTEMPT)
            .build();
        let retries = RetryConfig::standard()
            .with_max_attempts(ATTEMPTS)
            .with_initial_backoff(Duration::from_millis(300))
            .with_max_backoff(Duration::from_secs(5));
        // The three services' builders have these setters in common but no trait.
        macro_rules! client {
            ($service:ident) => {
                $service::Client::from_conf(
                    $service::config::Builder::from(sdk)
                        .http_client(seam.to_aws())
                        .sleep_impl(sleep.clone())
                        .time_source(clock.source())
                        .timeout_config(timeouts.clone())
                        .retry_config(retries.clone())
                        .retry_partition(partition.clone())
                        // Each step has a time limit of its own.
                        .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
                        .interceptor(meter.clone())
                        .build(),
                )
            };
        }
        let s3 = client!(aws_sdk_s3);
        Self {
            tasks: Tasks::new(client!(aws_sdk_ecs), pace),
            target_groups: TargetGroups::new(client!(aws_sdk_elasticloadbalancingv2)),
            artifacts: ArtifactStore::new(s3.clone(), config),
            ledger: Ledger::new(s3, config),
            meter,
        }
    }
}
