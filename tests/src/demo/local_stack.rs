//! Where the demo plays: the local AWS with the stacks in it, and the world that is served to it.

use super::Failure;
use super::page::Page;
use crate::local_aws::{LocalAws, LocalAwsError, Platform, Stack, free_port};
use crate::served::{Artifacts, Served};
use crate::world::{Latency, Setup, World};
use std::cell::{RefCell, RefMut};
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// What a call takes here: enough for the eye.
const ECS: Duration = Duration::from_millis(200);
const LOAD_BALANCER: Duration = Duration::from_secs(1);

/// Longer than any wait of the demo, should something be stuck.
pub(super) const PATIENCE: Duration = Duration::from_secs(90);

/// What two sweeps saw that are half of it apart is no passing state.
pub(super) const SWEEP_INTERVAL: Duration = Duration::from_secs(20);

/// Over when the first act's events are dead-lettered: two deliveries, 21 s apart.
const SALVAGE_WINDOW: Duration = Duration::from_secs(25);

/// Short, so that a message is tried again and dead-lettered while someone watches.
const PARAMETERS: [(&str, &str); 9] = [
    ("FunctionTimeout", "20"),
    ("ReaperTimeout", "60"),
    ("UploadTimeout", "8s"),
    ("VerifyTimeout", "6s"),
    ("TargetTimeout", "6s"),
    ("StopTimeout", "3s"),
    ("ReceiptTimeout", "2s"),
    ("VisibilityFactor", "1"),
    ("MaxReceiveCount", "2"),
];

/// Of the sessions that their owner cleans up itself.
pub(super) const OBSERVED_SOURCE: &str = "session.observed";

/// Of the pool's sessions.
pub(super) const POOL_SOURCE: &str = "session.pool";

pub(super) struct LocalStack {
    pub(super) aws: LocalAws,
    pub(super) stack: Stack,
    /// It only looks, at the sessions of [`OBSERVED_SOURCE`].
    pub(super) observing: Stack,
    /// Of a platform with a warm pool, and without a load balancer.
    pub(super) pool: Stack,
    /// Set up with two mistakes: nobody sends it anything, but for a doctor.
    pub(super) mistaken: Stack,
    pub(super) world: World,
    pub(super) served: Served,
    page: RefCell<Page>,
    since: Instant,
}

impl LocalStack {
    pub(super) async fn set() -> Result<Self, Failure> {
        let since = Instant::now();
        let what =
            "Starting the local AWS (MiniStack: EventBridge, SQS, Lambda, S3, CloudWatch Logs)";
        say(since, what);
        let port = free_port()?;
        let aws = LocalAws::start("demo", &format!("http://127.0.0.1:{port}")).await?;
        let world = World::new(Setup {
            latency: Latency { ecs: ECS, elb: LOAD_BALANCER, ..Latency::none() },
            salvage_window: SALVAGE_WINDOW,
            families: vec!["session".to_owned(), "pool".to_owned()],
            ..Setup::in_real_time()
        });
        let setup = world.setup();
        aws.objects().create_bucket(&setup.artifact_bucket).await?;
        let at = Artifacts::At(aws.endpoint().to_owned());
        let served = Served::start(&world, port, at).await?;
        let what = "Deploying template.yaml four times, with short timeouts (sam deploy): one that acts, one that \
                    only observes, one of a warm pool without a load balancer, and one with two mistakes";
        say(since, what);
        // The first makes SAM's bucket, which all of them upload to.
        let stack = deploy(&aws, &setup).await?;
        let others = tokio::try_join!(
            deploy_observing(&aws, &setup),
            deploy_pool(&aws, &setup),
            deploy_mistaken(&aws, &setup)
        );
        let (observing, pool, mistaken) = others?;
        Ok(Self {
            aws,
            stack,
            observing,
            pool,
            mistaken,
            world,
            served,
            page: RefCell::default(),
            since,
        })
    }

    /// The page, to add something to it.
    pub(super) fn page(&self) -> RefMut<'_, Page> {
        self.page.borrow_mut()
    }

    /// Writes the page; answers where.
    pub(super) fn write_page(&self) -> Result<PathBuf, Failure> {
        self.page.borrow().write(self.since.elapsed())
    }

    /// Says what happens, and when.
    pub(super) fn say(&self, what: &str) {
        say(self.since, what);
    }
}

fn say(since: Instant, what: &str) {
    println!("[{:5.1} s] {what}", since.elapsed().as_secs_f64());
}

async fn deploy(aws: &LocalAws, setup: &Setup) -> Result<Stack, LocalAwsError> {
    let seconds = |time: Duration| format!("{}s", time.as_secs());
    let (interval, window) = (seconds(SWEEP_INTERVAL), seconds(SALVAGE_WINDOW));
    let own = [
        // Sweeps come when the demo asks for them; no turn of the schedule comes between.
        ("SweepSchedule", "rate(1 day)"),
        ("SweepInterval", interval.as_str()),
        ("SalvageWindow", &window),
        ("BlastRadiusPercent", "100"),
    ];
    deploy_as(aws, "demo", &Platform::of(setup), &own).await
}

async fn deploy_observing(aws: &LocalAws, setup: &Setup) -> Result<Stack, LocalAwsError> {
    let own = [("EventSource", OBSERVED_SOURCE), ("CompletionMode", "observe")];
    deploy_as(aws, "observing", &Platform::of(setup), &own).await
}

async fn deploy_pool(aws: &LocalAws, setup: &Setup) -> Result<Stack, LocalAwsError> {
    let platform = Platform::of_a_pool(setup, &setup.families[1]);
    deploy_as(aws, "pool", &platform, &[("EventSource", POOL_SOURCE), ("WarmPool", "true")]).await
}

/// Containers listen at another port than it says, and nobody has such a bucket.
async fn deploy_mistaken(aws: &LocalAws, setup: &Setup) -> Result<Stack, LocalAwsError> {
    let mistaken = Setup { artifact_bucket: "artefacts".to_owned(), ..setup.clone() };
    let own = [("EventSource", "session.nobody"), ("ContainerPort", "8090")];
    deploy_as(aws, "mistaken", &Platform::of(&mistaken), &own).await
}

async fn deploy_as(
    aws: &LocalAws,
    name: &str,
    platform: &Platform,
    own: &[(&str, &str)],
) -> Result<Stack, LocalAwsError> {
    aws.deploy(name, &platform.parameters(&[&PARAMETERS[..], own].concat())).await
}
