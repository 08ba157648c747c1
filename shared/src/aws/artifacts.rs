use super::error::{CallError, Failure};
use crate::config::{Artifacts, Config};
use crate::session::SessionId;
use aws_sdk_s3::Client;
use aws_sdk_s3::config::{Builder, Region};
use aws_sdk_s3::error::SdkError;
use aws_sdk_s3::operation::head_object::{HeadObjectError, HeadObjectOutput};
use futures_util::FutureExt;
use jiff::Timestamp;
use std::sync::{Arc, OnceLock};

/// The artifact bucket. We only look.
#[derive(Debug, Clone)]
pub struct ArtifactStore {
    client: Client,
    place: Artifacts,
    /// Where the bucket is, once S3 has said that it is not in the function's own Region. The SDK
    /// does not follow that answer.
    region: Arc<OnceLock<Region>>,
}

/// The header by which S3 says where a bucket is (S3 API reference, `HeadBucket`).
const BUCKET_REGION: &str = "x-amz-bucket-region";

type Answer = Result<HeadObjectOutput, SdkError<HeadObjectError>>;

impl ArtifactStore {
    pub(super) fn new(client: Client, config: &Config) -> Self {
        Self { client, place: config.artifacts.clone(), region: Arc::default() }
    }

    /// The key of a session's marker.
    #[must_use]
    pub fn marker_key(&self, session: &SessionId) -> String {
        format!("{}{session}/{}", self.place.prefix, self.place.marker)
    }

    /// `HeadObject` of the marker: when it was written, `None` when there is none. A bucket in
    /// another Region is asked there.
    ///
    /// # Errors
    /// [`CallError`] when it is not known whether there is one.
    pub async fn marker_written_at(
        &self,
        session: &SessionId,
    ) -> Result<Option<Timestamp>, CallError> {
        let key = self.marker_key(session);
        let answer = match self.head(&key).await {
            Err(error) if self.learn_region(&error) => self.head(&key).await,
            answer => answer,
        };
        match answer {
            Ok(head) => Ok(head.last_modified().and_then(|at| Timestamp::new(at.secs(), 0).ok())),
            Err(error) => {
                let resource = format!("s3://{}/{key}", self.place.bucket);
                let error = CallError::from_sdk("HeadObject", resource, &error);
                if error.failure == Failure::NotFound { Ok(None) } else { Err(error) }
            }
        }
    }

    async fn head(&self, key: &str) -> Answer {
        let head = self.client.head_object().bucket(&self.place.bucket).key(key).customize();
        let head = match self.region.get() {
            Some(region) => head.config_override(Builder::new().region(region.clone())),
            None => head,
        };
        head.send().boxed().await
    }

    /// Whether an answer says, for the first time, that the bucket is in another Region.
    fn learn_region(&self, error: &SdkError<HeadObjectError>) -> bool {
        let answer = error.raw_response().filter(|answer| answer.status().as_u16() == 301);
        let region = answer.and_then(|answer| answer.headers().get(BUCKET_REGION));
        let region = region.map(|region| Region::new(region.to_owned()));
        region.is_some_and(|region| self.region.set(region).is_ok())
    }
}
