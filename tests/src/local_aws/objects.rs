use super::{LocalAws, LocalAwsError, REGION};
use aws_sdk_s3::Client;
use aws_sdk_s3::config::{BehaviorVersion, Region};
use aws_sdk_s3::operation::get_object::GetObjectError;

/// The emulator's S3.
#[derive(Debug, Clone)]
pub struct Objects {
    client: Client,
}

impl Objects {
    pub(super) fn new(aws: &LocalAws) -> Self {
        let config = aws_sdk_s3::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new(REGION))
            .credentials_provider(LocalAws::credentials())
            .http_client(aws.http.clone())
            .endpoint_url(aws.endpoint())
            .force_path_style(true)
            .build();
        Self { client: Client::from_conf(config) }
    }

    /// Makes a bucket.
    ///
    /// # Errors
    /// [`LocalAwsError::Call`]
    pub async fn create_bucket(&self, bucket: &str) -> Result<(), LocalAwsError> {
        let answer = self.client.create_bucket().bucket(bucket).send().await;
        answer.map(drop).map_err(LocalAwsError::call(format!("CreateBucket {bucket}")))
    }

    /// Puts an object.
    ///
    /// # Errors
    /// [`LocalAwsError::Call`]
    pub async fn put(
        &self,
        bucket: &str,
        key: &str,
        body: impl Into<Vec<u8>>,
    ) -> Result<(), LocalAwsError> {
        let request = self.client.put_object().bucket(bucket).key(key).body(body.into().into());
        let what = format!("PutObject {bucket}/{key}");
        request.send().await.map(drop).map_err(LocalAwsError::call(what))
    }

    /// Gets an object; `None` when there is none.
    ///
    /// # Errors
    /// [`LocalAwsError::Call`]
    pub async fn get(&self, bucket: &str, key: &str) -> Result<Option<Vec<u8>>, LocalAwsError> {
        let what = format!("GetObject {bucket}/{key}");
        let answer = match self.client.get_object().bucket(bucket).key(key).send().await {
            Ok(answer) => answer,
            Err(error) if error.as_service_error().is_some_and(GetObjectError::is_no_such_key) => {
                return Ok(None);
            }
            Err(error) => return Err(LocalAwsError::call(what)(error)),
        };
        let body = answer.body.collect().await.map_err(LocalAwsError::call(what))?;
        Ok(Some(body.to_vec()))
    }

    /// The keys below a prefix, in order.
    ///
    /// # Errors
    /// [`LocalAwsError::Call`]
    pub async fn keys(&self, bucket: &str, prefix: &str) -> Result<Vec<String>, LocalAwsError> {
        let request = self.client.list_objects_v2().bucket(bucket).prefix(prefix);
        let mut pages = request.into_paginator().send();
        let mut keys = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(LocalAwsError::call(format!("ListObjectsV2 {bucket}")))?;
            keys.extend(page.contents().iter().filter_map(|object| object.key.clone()));
        }
        Ok(keys)
    }
}
