use super::error::{CallError, Failure};
use crate::config::{Artifacts, Config};
use crate::session::SessionId;
use aws_sdk_s3::Client;
use aws_sdk_s3::config::{Builder, Region};
use aws_sdk_s3::error::SdkError;
use aws_sdk_s3::operation::head_object::{HeadObjectError, HeadObjectOutput};
use aws_sdk_s3::operation::list_objects_v2::{ListObjectsV2Error, ListObjectsV2Output};
use futures_util::FutureExt;
use jiff::Timestamp;
use std::sync::{Arc, Mutex, PoisonError};

/// The artifact bucket. We only look.
#[derive(Debug, Clone)]
pub struct ArtifactStore {
    client: Client,
    place: Artifacts,
    /// Where the bucket is, once S3 has said that it is not in the function's own Region. The SDK
    /// does not follow that answer.
    region: Arc<Mutex<Option<Region>>>,
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

/// What is below the prefix of artifacts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArtifactsSeen {
    /// Where the bucket is, if not in the function's own Region.
    pub elsewhere: Option<String>,
    /// How many objects the first page shows.
    pub objects: usize,
    /// The first of them that is some session's marker.
    pub marker: Option<String>,
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
        let asking = self.where_it_is(|region| self.head(bucket, &key, region));
        let answer = Box::pin(asking).await;
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

    /// The first page of `ListObjectsV2` of the bucket, below the configured prefix.
    ///
    /// # Errors
    /// [`CallError`] when it is not to be had; with [`Failure::NotFound`] there is no such bucket.
    pub async fn first_page(&self) -> Result<ArtifactsSeen, CallError> {
        let prefix = &self.place.prefix;
        let Some(bucket) = &self.place.bucket else {
            return Err(CallError::unusable("ListObjectsV2", prefix, "ARTIFACT_BUCKET is not set"));
        };
        let answer = self.where_it_is(|region| self.list(bucket, region)).await;
        let page = answer.map_err(|error| {
            CallError::from_sdk("ListObjectsV2", format!("s3://{bucket}/{prefix}"), &error)
        })?;
        let marker = format!("/{}", self.place.marker);
        let keys = page.contents().iter().filter_map(|object| object.key());
        Ok(ArtifactsSeen {
            elsewhere: self.known_region().map(|region| region.to_string()),
            objects: page.contents().len(),
            marker: keys.into_iter().find(|key| key.ends_with(&marker)).map(str::to_owned),
        })
    }

    /// `HeadObject` of a key that was seen.
    ///
    /// # Errors
    /// [`CallError`] when it can't be read.
    pub async fn is_readable(&self, key: &str) -> Result<(), CallError> {
        let bucket = self.place.bucket.as_deref().unwrap_or_default();
        let answer = self.where_it_is(|region| self.head(bucket, key, region)).await.map(drop);
        answer.map_err(|e| CallError::from_sdk("HeadObject", format!("s3://{bucket}/{key}"), &e))
    }

    async fn list(
        &self,
        bucket: &str,
        region: Builder,
    ) -> Result<ListObjectsV2Output, SdkError<ListObjectsV2Error>> {
        let list = self.client.list_objects_v2().bucket(bucket).prefix(&self.place.prefix);
        list.customize().config_override(region).send().boxed().await
    }

    async fn head(&self, bucket: &str, key: &str, region: Builder) -> Answer {
        let head = self.client.head_object().bucket(bucket).key(key).customize();
        head.config_override(region).send().boxed().await
    }

    /// Asks in the bucket's Region, as far as it is known; and once more where the answer names another. Several may
    /// ask at the same time before any of them knows it.
    async fn where_it_is<T, E, Asked: Future<Output = Result<T, SdkError<E>>>>(
        &self,
        ask: impl Fn(Builder) -> Asked,
    ) -> Result<T, SdkError<E>> {
        let asked_in = self.known_region();
        let answer = ask(in_region(asked_in.clone())).await;
        let named = answer.as_ref().err().and_then(its_region);
        match named.filter(|region| asked_in.as_ref() != Some(region)) {
            Some(region) => {
                self.learn_region(region.clone());
                ask(in_region(Some(region))).await
            }
            None => answer,
        }
    }

    fn known_region(&self) -> Option<Region> {
        self.region.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn learn_region(&self, region: Region) {
        *self.region.lock().unwrap_or_else(PoisonError::into_inner) = Some(region);
    }
}

fn in_region(region: Option<Region>) -> Builder {
    match region {
        Some(region) => Builder::new().region(region),
        None => Builder::new(),
    }
}

/// The Region in which an answer says that the bucket is: most often a 301; the header counts, whatever it comes with.
fn its_region<E>(error: &SdkError<E>) -> Option<Region> {
    let answer = error.raw_response()?;
    let region = answer.headers().get(BUCKET_REGION)?;
    Some(Region::new(region.to_owned()))
}
