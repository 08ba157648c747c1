use super::error::{CallError, Failure};
use crate::config::Config;
use crate::page::printable;
use aws_sdk_s3::Client;
use aws_sdk_s3::primitives::ByteStream;
use futures_util::FutureExt;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::time::Duration;
use tokio::time::sleep;

/// The version of the ledger's objects that is written here. One without a version is older.
const VERSION: u32 = 1;

/// An object of the ledger: it names its version beside its own fields.
#[derive(Debug, Serialize)]
struct Versioned<'a, T> {
    version: u32,
    #[serde(flatten)]
    document: &'a T,
}

/// The version that an object names.
#[derive(Debug, Deserialize)]
struct Named {
    #[serde(default)]
    version: u32,
}

/// Reads an object of this version or an older one. What a newer version wrote may mean something else
/// by the same words: it is not read.
///
/// # Errors
/// A sentence that says why it can't be read.
pub fn parse_document<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, String> {
    let Named { version } = parse_of_any_version(bytes)?;
    if version > VERSION {
        return Err(format!("a newer version of this program wrote it: {version}, not {VERSION}"));
    }
    parse_of_any_version(bytes)
}

/// Reads an object of which what is read means the same in every version.
///
/// # Errors
/// A sentence that says why it can't be read.
pub(crate) fn parse_of_any_version<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, String> {
    // The error quotes what it does not know.
    serde_json::from_slice(bytes).map_err(|error| printable(&error.to_string()))
}

/// The ledger bucket: receipts and intents, written by nobody but us.
#[derive(Debug, Clone)]
pub struct Ledger {
    pub(super) client: Client,
    pub(super) bucket: String,
}

/// A document of the ledger as it was read, with what a conditional write needs.
#[derive(Debug, Clone)]
pub struct Stored<T> {
    /// The document.
    pub document: T,
    /// S3's `ETag` of this version.
    pub etag: String,
}

/// What must hold of an object for a write of it.
#[derive(Debug, Clone, Copy)]
enum Condition<'a> {
    None,
    /// There is none.
    IsNew,
    /// It is this version.
    IsStill(&'a str),
}

/// A conditional write that meets another one is refused with 409, and nothing is known of its condition: it has to be
/// tried again
/// (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html#conditional-error-response>).
const AFTER_ANOTHER: [Duration; 3] =
    [Duration::from_millis(50), Duration::from_millis(200), Duration::from_millis(500)];

impl Ledger {
    pub(super) fn new(client: Client, config: &Config) -> Self {
        Self { client, bucket: config.ledger_bucket.clone() }
    }

    /// `PutObject` that creates `key`; the answer is its `ETag`.
    ///
    /// # Errors
    /// [`CallError`], with [`Failure::Conflict`] when there is one already.
    pub async fn create<T: Serialize>(&self, key: &str, document: &T) -> Result<String, CallError> {
        self.put(Condition::IsNew, key, document).await
    }

    /// `PutObject` that replaces the version of `key` that `etag` names; the answer is the new one's.
    ///
    /// # Errors
    /// [`CallError`], with [`Failure::Conflict`] when it has changed since.
    pub async fn replace<T: Serialize>(
        &self,
        key: &str,
        document: &T,
        etag: &str,
    ) -> Result<String, CallError> {
        self.put(Condition::IsStill(etag), key, document).await
    }

    /// `PutObject` of `key`, whatever was there before.
    ///
    /// # Errors
    /// [`CallError`] when it may not be there.
    pub async fn overwrite<T: Serialize>(&self, key: &str, document: &T) -> Result<(), CallError> {
        self.put(Condition::None, key, document).await.map(drop)
    }

    async fn put<T: Serialize>(
        &self,
        condition: Condition<'_>,
        key: &str,
        document: &T,
    ) -> Result<String, CallError> {
        let body = serde_json::to_vec_pretty(&Versioned { version: VERSION, document })
            .map_err(|e| CallError::unusable("PutObject", self.name(key), e.to_string()))?;
        let mut pauses = AFTER_ANOTHER.into_iter();
        loop {
            let put = match condition {
                Condition::IsNew => self.client.put_object().if_none_match("*"),
                Condition::IsStill(etag) => self.client.put_object().if_match(etag),
                Condition::None => self.client.put_object(),
            };
            let put = put.bucket(&self.bucket).key(key).content_type("application/json");
            let error = match put.body(ByteStream::from(body.clone())).send().boxed().await {
                Ok(put) => return Ok(put.e_tag().unwrap_or_default().to_owned()),
                Err(error) => error,
            };
            let is_beside_another =
                error.raw_response().is_some_and(|response| response.status().as_u16() == 409);
            match pauses.next().filter(|_| is_beside_another) {
                Some(pause) => sleep(pause).await,
                None => return Err(CallError::from_sdk("PutObject", self.name(key), &error)),
            }
        }
    }

    /// `GetObject`; `None` when there is none.
    ///
    /// # Errors
    /// [`CallError`] when it is not known whether there is one, or when it can't be read: a newer
    /// version's never is.
    pub async fn read<T: DeserializeOwned>(
        &self,
        key: &str,
    ) -> Result<Option<Stored<T>>, CallError> {
        self.read_by(key, parse_document).await
    }

    /// The same for what means the same in every version that spells it so; `None` when there is none.
    ///
    /// # Errors
    /// [`CallError`] when it is not known whether there is one, or when it can't be read.
    pub async fn read_of_any_version<T: DeserializeOwned>(
        &self,
        key: &str,
    ) -> Result<Option<Stored<T>>, CallError> {
        self.read_by(key, parse_of_any_version).await
    }

    async fn read_by<T>(
        &self,
        key: &str,
        parse: impl Fn(&[u8]) -> Result<T, String>,
    ) -> Result<Option<Stored<T>>, CallError> {
        let Some(Stored { document, etag }) = self.read_bytes(key).await? else { return Ok(None) };
        let document = parse(&document)
            .map_err(|problem| CallError::unreadable("GetObject", self.name(key), problem))?;
        Ok(Some(Stored { document, etag }))
    }

    /// `GetObject` of what may be anything; `None` when there is none.
    ///
    /// # Errors
    /// [`CallError`] when it is not known whether there is one.
    pub async fn read_bytes(&self, key: &str) -> Result<Option<Stored<Vec<u8>>>, CallError> {
        let answer = self.client.get_object().bucket(&self.bucket).key(key).send().boxed().await;
        let object = match answer {
            Ok(object) => object,
            Err(error) => {
                let error = CallError::from_sdk("GetObject", self.name(key), &error);
                return if error.failure == Failure::NotFound { Ok(None) } else { Err(error) };
            }
        };
        let unusable = |answer: String| CallError::unusable("GetObject", self.name(key), answer);
        let etag = object.e_tag().unwrap_or_default().to_owned();
        let bytes = object.body.collect().await.map_err(|e| unusable(e.to_string()))?.into_bytes();
        Ok(Some(Stored { document: bytes.to_vec(), etag }))
    }

    /// `DeleteObject`. Deleting what isn't there is success.
    ///
    /// # Errors
    /// [`CallError`] when it may still be there.
    pub async fn delete(&self, key: &str) -> Result<(), CallError> {
        self.client
            .delete_object()
            .bucket(&self.bucket)
            .key(key)
            .send()
            .boxed()
            .await
            .map(drop)
            .map_err(|e| CallError::from_sdk("DeleteObject", self.name(key), &e))
    }

    /// The keys that start with `prefix`, all pages (`ListObjectsV2`).
    ///
    /// # Errors
    /// [`CallError`] when a page is missing.
    pub async fn keys(&self, prefix: &str) -> Result<Vec<String>, CallError> {
        self.keys_after(prefix, None).await
    }

    /// The same, beginning after one: S3 lists keys in the order of their bytes.
    ///
    /// # Errors
    /// [`CallError`] when a page is missing.
    pub async fn keys_after(
        &self,
        prefix: &str,
        after: Option<String>,
    ) -> Result<Vec<String>, CallError> {
        let mut pages = self
            .client
            .list_objects_v2()
            .bucket(&self.bucket)
            .prefix(prefix)
            .set_start_after(after)
            .into_paginator()
            .send();
        let mut keys = Vec::new();
        while let Some(page) = pages.next().await {
            let page =
                page.map_err(|e| CallError::from_sdk("ListObjectsV2", self.name(prefix), &e))?;
            keys.extend(
                page.contents().iter().filter_map(|object| object.key().map(str::to_owned)),
            );
        }
        Ok(keys)
    }

    pub(super) fn name(&self, key: &str) -> String {
        format!("s3://{}/{key}", self.bucket)
    }
}
