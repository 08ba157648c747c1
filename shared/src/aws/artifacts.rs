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

/// What S3 says of a session's marker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Marker {
    /// It is there.
    Present,
    /// It is there since before the session began: an earlier task of the session has left it.
    OfAnEarlierSession(Timestamp),
    /// It is not.
    Absent,
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

    /// `HeadObject` of the marker of a session that began at `started_at`. A bucket in another Region is
    /// asked there.
    ///
    /// # Errors
    /// [`CallError`] when it is not known whether there is one.
    pub async fn marker(
        &self,
        session: &SessionId,
        started_at: Timestamp,
    ) -> Result<Marker, CallError> {
        let key = self.marker_key(session);
        let Some(bucket) = &self.place.bucket else {
            return Err(CallError::unusable("HeadObject", key, "ARTIFACT_BUCKET is not set"));
        };
        let answer = match self.head(bucket, &key).await {
            Err(error) if self.learn_region(&error) => self.head(bucket, &key).await,
            answer => answer,
        };
        let written_at = match answer {
            Ok(head) => head.last_modified().and_then(|at| Timestamp::new(at.secs(), 0).ok()),
            Err(error) => {
                let resource = format!("s3://{bucket}/{key}");
                let error = CallError::from_sdk("HeadObject", resource, &error);
                return if error.failure == Failure::NotFound {
                    Ok(Marker::Absent)
                } else {
                    Err(error)
                };
            }
        };
        // S3 tells whole seconds.
        Ok(match written_at {
            Some(at) if at.as_second() >= started_at.as_second() => Marker::Present,
            Some(at) => Marker::OfAnEarlierSession(at),
            None => Marker::Absent,
        })
    }

    async fn head(&self, bucket: &str, key: &str) -> Answer {
        let head = self.client.head_object().bucket(bucket).key(key).customize();
        let head = match self.region.get() {
            Some(region) => head.config_override(Builder::new().region(region.clone())),
            None => head,
        };
        head.send().boxed().await
    }

    /// Whether an answer says, for the first time, that the bucket is in another Region.
    fn learn_region(&self, error: &SdkError<HeadObjectError>) -> bool {
        // Most often a 301; the header counts, whatever it comes with.
        let region = error.raw_response().and_then(|answer| answer.headers().get(BUCKET_REGION));
        let region = region.map(|region| Region::new(region.to_owned()));
        region.is_some_and(|region| self.region.set(region).is_ok())
    }
}
