use super::error::CallError;
use super::error::Failure;
use crate::config::{Artifacts, Config};
use crate::session::SessionId;
use aws_sdk_s3::Client;
use futures_util::FutureExt;
use jiff::Timestamp;

/// The artifact bucket. We only look.
#[derive(Debug, Clone)]
pub struct ArtifactStore {
    client: Client,
    place: Artifacts,
}

impl ArtifactStore {
    pub(super) fn new(client: Client, config: &Config) -> Self {
        Self { client, place: config.artifacts.clone() }
    }

    /// The key of a session's marker.
    #[must_use]
    pub fn marker_key(&self, session: &SessionId) -> String {
        format!("{}{session}/{}", self.place.prefix, self.place.marker)
    }

    /// `HeadObject` of the marker: when it was written, `None` when there is none.
    ///
    /// # Errors
    /// [`CallError`] when it is not known whether there is one.
    pub async fn marker_written_at(
        &self,
        session: &SessionId,
    ) -> Result<Option<Timestamp>, CallError> {
        let key = self.marker_key(session);
        let answer =
            self.client.head_object().bucket(&self.place.bucket).key(&key).send().boxed().await;
        match answer {
            Ok(head) => Ok(head.last_modified().and_then(|at| Timestamp::new(at.secs(), 0).ok())),
            Err(error) => {
                let resource = format!("s3://{}/{key}", self.place.bucket);
                let error = CallError::from_sdk("HeadObject", resource, &error);
                if error.failure == Failure::NotFound { Ok(None) } else { Err(error) }
            }
        }
    }
}
