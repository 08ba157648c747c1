//! What S3 stores: strongly consistent, with conditional writes.

use std::collections::BTreeMap;

use bytes::Bytes;
use jiff::Timestamp;

pub(crate) type Bucket = BTreeMap<String, Object>;

#[derive(Clone, Debug)]
pub(crate) struct Object {
    pub(crate) body: Bytes,
    pub(crate) modified: Timestamp,
    pub(crate) etag: String,
    /// With a key that no caller has.
    pub(crate) encrypted: bool,
}

/// What a container has written.
#[derive(Clone, Debug)]
pub(crate) struct Written {
    pub(crate) key: String,
    pub(crate) body: Bytes,
    /// With a key that no caller has.
    pub(crate) encrypted: bool,
}

impl Object {
    pub(crate) fn new(body: Bytes, modified: Timestamp) -> Self {
        let etag = format!("\"{:016x}{:016x}\"", fingerprint(&body), body.len());
        Self { body, modified, etag, encrypted: false }
    }
}

/// FNV-1a: a stable name for some bytes. Simplified: real `ETag`s are MD5.
pub(crate) fn fingerprint(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    })
}
