/// Who uploads the artifacts, and what confirms them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ArtifactMode {
    /// We ask the container to upload; its 200 and the marker together confirm.
    Complete,
    /// The container uploads by itself; its exit with code 0 confirms, and the marker too where it
    /// is configured as written last.
    SelfUpload {
        /// Whether the marker proves that everything before it was uploaded.
        marker_written_last: bool,
    },
    /// There are none: nobody is asked, and nothing can be lost.
    Discard,
}

/// Where a session's artifacts are. This bucket is only read.
#[derive(Debug, Clone)]
pub struct Artifacts {
    /// The bucket; none where there are no artifacts.
    pub bucket: Option<String>,
    /// Comes before `{session_id}/` as it is, so it usually ends in `/`.
    pub prefix: String,
    /// The key of the marker below `{prefix}{session_id}/`.
    pub marker: String,
    /// Who uploads.
    pub mode: ArtifactMode,
}
