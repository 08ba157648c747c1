//! Containers' uploads to an S3 that is not the world's.

use aws_credential_types::Credentials;
use aws_sdk_s3::config::{BehaviorVersion, Region};
use aws_smithy_http_client::Builder;
use tokio::sync::Mutex;

use crate::world::{World, Written};

/// `a key that only the container ha`, as S3 wants it.
const CONTAINERS_KEY: &str = "YSBrZXkgdGhhdCBvbmx5IHRoZSBjb250YWluZXIgaGE=";
const CONTAINERS_KEY_MD5: &str = "BDy4TSe68qXIzmpMWpg+bQ==";

/// Carries what containers have written to an external S3, in their order.
#[derive(Debug)]
pub(super) struct Uploads {
    world: World,
    bucket: String,
    client: aws_sdk_s3::Client,
    /// One at a time: whoever waits for it finds everything written that was there before.
    turn: Mutex<()>,
}

impl Uploads {
    pub(super) fn to(world: &World, endpoint: &str) -> Self {
        world.write_outside();
        let setup = world.setup();
        let config = aws_sdk_s3::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new(setup.region))
            .endpoint_url(endpoint)
            .force_path_style(true)
            .credentials_provider(Credentials::new(
                "test",
                "test",
                None,
                None,
                "the simulated world",
            ))
            .http_client(Builder::new().build_http())
            .build();
        let client = aws_sdk_s3::Client::from_conf(config);
        Self { world: world.clone(), bucket: setup.artifact_bucket, client, turn: Mutex::new(()) }
    }

    /// Writes all that is waiting. False when something couldn't be written; it waits on.
    /// Simplified: the world still takes the upload for done, only its answer becomes a 500.
    pub(super) async fn flush(&self) -> bool {
        let _turn = self.turn.lock().await;
        let mut waiting = self.world.take_outbox().into_iter();
        while let Some(written) = waiting.next() {
            let Written { key, body, encrypted } = written.clone();
            let put = self.client.put_object().bucket(&self.bucket).key(key).body(body.into());
            let put = if encrypted {
                put.sse_customer_algorithm("AES256")
                    .sse_customer_key(CONTAINERS_KEY)
                    .sse_customer_key_md5(CONTAINERS_KEY_MD5)
            } else {
                put
            };
            if put.send().await.is_err() {
                self.world.return_to_outbox(std::iter::once(written).chain(waiting).collect());
                return false;
            }
        }
        true
    }
}
