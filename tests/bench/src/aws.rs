//! AWS and the containers, as the world serves them, over TLS.

use crate::authority::Authority;
use serde_json::{Value, json};
use session_cleanup_tests::World;
use session_cleanup_tests::served::{Artifacts, Served};
use session_cleanup_tests::world::{Latency, Limits, Setup, TaskHandle};
use std::time::Duration;
use tokio::runtime::Runtime;

/// What one cleanup is measured with: ELBv2 answers in 1 s, ECS in 0.2 s, S3 in 0.05 s.
pub(crate) const SLOW: Latency = Latency {
    ecs: Duration::from_millis(200),
    elb: Duration::from_secs(1),
    s3: Duration::from_millis(50),
    container: Duration::ZERO,
};

/// How long a container's upload takes.
pub(crate) const UPLOAD: Duration = Duration::from_secs(3);

/// What whole fleets are measured with: every call to AWS takes 50 ms.
pub(crate) const CALL: Duration = Duration::from_millis(50);

/// Tasks of whole fleets listen here, so that they don't get in the way of the containers of other worlds.
const PORT_OF_FLEETS: u16 = 8_081;

/// A world that is being served.
pub(crate) struct Aws {
    runtime: Runtime,
    served: Served,
    variables: Vec<(&'static str, String)>,
}

impl Aws {
    /// Serves a world of `setup`, each of the three services over TLS at an endpoint of its own.
    pub(crate) fn serve(setup: Setup, authority: &Authority) -> Self {
        let world = World::new(setup);
        Self::serving(authority, async move || Served::start(&world, 0, Artifacts::World).await)
    }

    /// Serves a fleet of thousands, without a listener for each of its containers: calls take [`CALL`], and AWS's
    /// token buckets are those that it publishes.
    pub(crate) fn of_a_fleet(authority: &Authority) -> Self {
        let latency = Latency { ecs: CALL, elb: CALL, s3: CALL, container: Duration::ZERO };
        let (port, limits) = (PORT_OF_FLEETS, Limits::aws());
        let world = World::new(Setup { port, limits, latency, ..Setup::in_real_time() });
        let mut aws = Self::serving(authority, async move || Served::crowd(&world).await);
        aws.variables.push(("CONTAINER_PORT", PORT_OF_FLEETS.to_string()));
        aws
    }

    fn serving(
        authority: &Authority,
        start: impl AsyncFnOnce() -> std::io::Result<Served>,
    ) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
        let (served, endpoints) = runtime.block_on(async {
            let mut served = start().await.unwrap();
            let mut endpoints = Vec::new();
            for _ in 0..3 {
                endpoints.push(served.over_tls(authority.tls.clone()).await.unwrap());
            }
            (served, endpoints)
        });
        let setup = served.world().setup();
        let root = authority.root.display().to_string();
        let group = setup.target_group_arn(&setup.target_groups[0]);
        let variables = vec![
            ("AWS_ENDPOINT_URL_ECS", endpoints[0].clone()),
            ("AWS_ENDPOINT_URL_ELASTIC_LOAD_BALANCING_V2", endpoints[1].clone()),
            ("AWS_ENDPOINT_URL_S3", endpoints[2].clone()),
            ("AWS_CA_BUNDLE", root.clone()),
            ("SSL_CERT_FILE", root),
            ("CLUSTERS", setup.clusters.join(",")),
            ("FAMILIES", setup.families.join(",")),
            ("TARGET_GROUP_ARNS", group),
            ("ARTIFACT_BUCKET", setup.artifact_bucket),
            ("LEDGER_BUCKET", setup.ledger_bucket),
        ];
        Self { runtime, served, variables }
    }

    /// The world.
    pub(crate) fn world(&self) -> &World {
        self.served.world()
    }

    /// One endpoint for everything.
    pub(crate) fn endpoint(&self) -> &str {
        &self.variables[0].1
    }

    /// Where it answers without TLS.
    pub(crate) fn address_without_tls(&self) -> String {
        self.served.endpoint().trim_start_matches("http://").to_owned()
    }

    /// What a function must know to find it.
    pub(crate) fn variables(&self) -> &[(&'static str, String)] {
        &self.variables
    }

    /// The same for a reaper that acts, takes all that AWS's rates allow, and may touch `percent` of its fleet.
    pub(crate) fn variables_of_a_reaper(&self, percent: u8) -> Vec<(&'static str, String)> {
        let mut variables = self.variables.clone();
        variables.push(("REAPER_MODE", "enforce".to_owned()));
        variables.push(("RATE_SHARE_PERCENT", "100".to_owned()));
        variables.push(("BLAST_RADIUS_PERCENT", percent.to_string()));
        variables
    }

    /// So many sessions, which upload in [`UPLOAD`]; their containers listen.
    pub(crate) fn sessions(&self, count: usize) -> Vec<TaskHandle> {
        let one =
            |n: usize| self.world().session(&format!("session-{n}")).uploads_in(UPLOAD).start();
        let sessions: Vec<TaskHandle> = (0..count).map(one).collect();
        for session in &sessions {
            self.runtime.block_on(self.served.listens(session));
        }
        sessions
    }

    /// The sessions' ends as one batch of the queue.
    pub(crate) fn batch(&self, sessions: &[TaskHandle]) -> Value {
        let record = |session: &TaskHandle| {
            let body = self.world().session_ended_event(session, "completed").to_string();
            let attributes = json!({ "ApproximateReceiveCount": "1" });
            json!({ "messageId": session.id(), "body": body, "attributes": attributes })
        };
        json!({ "Records": sessions.iter().map(record).collect::<Vec<_>>() })
    }
}
