//! How a session's container behaves, by sentences.

use std::time::Duration;

use super::container::{Behaviour, BodyShape};
use super::session::SessionBuilder;

impl SessionBuilder {
    /// Any change of the container's behaviour.
    pub fn behaves(mut self, change: impl FnOnce(&mut Behaviour)) -> Self {
        change(&mut self.behaviour);
        self
    }

    /// Its upload takes this long.
    pub fn uploads_in(self, time: Duration) -> Self {
        self.behaves(|container| container.uploads_in = time)
    }

    /// Its first uploads fail.
    pub fn upload_fails(self, times: u32) -> Self {
        self.behaves(|container| container.failing_uploads = times)
    }

    /// No upload ever works, and nothing is written.
    pub fn upload_never_works(self) -> Self {
        self.upload_fails(u32::MAX).behaves(|container| container.marker_before_failure = false)
    }

    /// It answers 202 at once and uploads behind that.
    pub fn answers_202(self) -> Self {
        self.behaves(|container| container.answers_202 = true)
    }

    /// It answers 200, but has written nothing.
    pub fn uploads_nothing(self) -> Self {
        self.behaves(|container| container.uploads_nothing = true)
    }

    /// Whoever completes it must say this in the header `Authorization`.
    pub fn authorized_by(self, authorization: &str) -> Self {
        let authorization = authorization.to_owned();
        self.behaves(|container| container.authorization = Some(authorization))
    }

    /// It fails, and quotes the whole request in its answer.
    pub fn quotes_requests(self) -> Self {
        self.behaves(|container| container.quotes_requests = true)
    }

    /// It says 403 to its own id, too.
    pub fn answers_403(self) -> Self {
        self.behaves(|container| container.forbids = true)
    }

    /// Its health path names another session.
    pub fn health_names(self, session_id: &str) -> Self {
        let name = session_id.to_owned();
        self.behaves(|container| container.health_names = Some(name))
    }

    /// Its health path answers 503 with this body (`null`: with none), and it is not complete.
    pub fn answers_503(self, body: serde_json::Value) -> Self {
        self.behaves(|container| container.unready = Some(body))
    }

    /// Its 200 after the upload has this body.
    pub fn confirms_with(self, words: &'static str) -> Self {
        self.behaves(|container| container.confirms_with = Some(words))
    }

    /// It encrypts what it uploads with a key that nobody else has (SSE-C): S3 lets nobody read it without.
    pub fn encrypts(self) -> Self {
        self.behaves(|container| container.encrypts = true)
    }

    /// It accepts connections and never answers.
    pub fn silent(self) -> Self {
        self.behaves(|container| container.silent = true)
    }

    /// Something before it accepts connections while it does not run (a transparent proxy, a mesh).
    pub fn accepts_while_it_does_not_run(self) -> Self {
        self.behaves(|container| container.accepts_while_it_does_not_run = true)
    }

    /// It refuses connections.
    pub fn refuses(self) -> Self {
        self.behaves(|container| container.refuses = true)
    }

    /// It is so busy that no connection gets through.
    pub fn deaf(self) -> Self {
        self.behaves(|container| container.deaf = true)
    }

    /// It serves no request for this long from now.
    pub fn busy_for(mut self, time: Duration) -> Self {
        self.busy_for = Some(time);
        self
    }

    /// The bodies of its answers come this long after the headers.
    pub fn slow_body(self, after: Duration) -> Self {
        self.behaves(|container| container.body = BodyShape::Slow(after))
    }

    /// The bodies of its answers never end.
    pub fn endless_body(self) -> Self {
        self.behaves(|container| container.body = BodyShape::Endless)
    }

    /// It exits with code 0 this long after it has completed.
    pub fn exits_after_completion(self, after: Duration) -> Self {
        self.behaves(|container| container.exits_after = Some(after))
    }

    /// It exits with this code, this long from now.
    pub fn crashes_in(mut self, after: Duration, exit_code: i32) -> Self {
        self.exits = Some((after, exit_code));
        self
    }

    /// It ends at SIGTERM, instead of serving on until SIGKILL.
    pub fn dies_on_sigterm(self) -> Self {
        self.behaves(|container| container.dies_on_sigterm = true)
    }
}
