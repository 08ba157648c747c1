//! Services that fail for a while.

use jiff::Timestamp;

use super::kind::FaultKind;
use crate::world::api::{Api, Service};
use crate::world::wire::Request;

/// What an outage is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scope {
    /// All of a service.
    Service(Service),
    /// One operation.
    Api(Api),
}

impl From<Service> for Scope {
    fn from(service: Service) -> Self {
        Self::Service(service)
    }
}

impl From<Api> for Scope {
    fn from(api: Api) -> Self {
        Self::Api(api)
    }
}

/// Every call of a scope fails in one way, from one instant until another.
#[derive(Clone, Copy, Debug)]
pub(super) struct Outage {
    pub(super) scope: Scope,
    pub(super) kind: FaultKind,
    pub(super) from: Timestamp,
    pub(super) until: Timestamp,
}

impl Outage {
    pub(super) fn hits(&self, request: &Request, now: Timestamp) -> bool {
        let concerned = match self.scope {
            Scope::Service(service) => service == request.service,
            Scope::Api(api) => api == request.api,
        };
        concerned && self.from <= now && now < self.until && self.kind.fits(request)
    }
}
