//! How services say that they do not do what they are asked; and what others say in their place.

use serde_json::json;

use super::{Reply, ecs, elb, s3};
use crate::world::api::Service;

/// Too many requests.
pub(crate) fn throttled(service: Service) -> Reply {
    match service {
        Service::Ecs => ecs::error(400, "ThrottlingException", "Rate exceeded"),
        Service::Elb => elb::error(400, "Throttling", "Rate exceeded"),
        Service::S3 => s3::error(503, "SlowDown", "Please reduce your request rate."),
        Service::Container => Reply::json(429, &json!({"upload_completed": false})),
    }
}

/// Your fault.
pub(crate) fn invalid(service: Service) -> Reply {
    match service {
        Service::Ecs => ecs::error(400, "InvalidParameterException", "Invalid identifier."),
        Service::Elb => elb::error(400, "InvalidTarget", "The specified target does not exist."),
        Service::S3 => s3::error(400, "InvalidRequest", "Invalid request."),
        Service::Container => Reply::json(400, &json!({"upload_completed": false})),
    }
}

/// Not your fault: what you want can't be done there.
pub(crate) fn impossible(service: Service) -> Reply {
    match service {
        Service::Elb => elb::error(
            400,
            "InvalidConfigurationRequest",
            "The requested configuration is not valid.",
        ),
        Service::Ecs | Service::S3 | Service::Container => invalid(service),
    }
}

/// You may not.
pub(crate) fn denied(service: Service) -> Reply {
    match service {
        Service::Ecs => ecs::error(400, "AccessDeniedException", "You are not authorized."),
        Service::Elb => elb::error(403, "AccessDenied", "You are not authorized."),
        Service::S3 => s3::error(403, "AccessDenied", "Access Denied"),
        Service::Container => Reply::json(401, &json!({"upload_completed": false})),
    }
}

/// Our fault.
pub(crate) fn server_error(service: Service) -> Reply {
    match service {
        Service::Ecs => {
            ecs::error(500, "ServerException", "These errors are usually caused by a server issue.")
        }
        Service::Elb => elb::error(500, "InternalFailure", "The request processing has failed."),
        Service::S3 => {
            s3::error(500, "InternalError", "We encountered an internal error. Please try again.")
        }
        Service::Container => Reply::json(500, &json!({"upload_completed": false})),
    }
}

/// The token that the page before came with is none any more. Containers have no pages.
pub(crate) fn expired_page(service: Service) -> Reply {
    match service {
        Service::Ecs => ecs::error(400, "InvalidParameterException", "Invalid token."),
        Service::Elb => elb::error(400, "ValidationError", "The marker is invalid."),
        Service::S3 => {
            s3::error(400, "InvalidArgument", "The continuation token provided is incorrect")
        }
        Service::Container => invalid(service),
    }
}

/// S3, when another conditional write of the same key is under way: nothing is known of the condition.
pub(crate) fn conflict() -> Reply {
    let message = "The conditional request cannot succeed due to a conflicting operation against this resource.";
    s3::error(409, "ConditionalRequestConflict", message)
}

/// A proxy in front of a container that is not there yet, or sheds load. It names no session.
pub(crate) fn unready() -> Reply {
    Reply::new(503, "text/plain", "upstream connect error or disconnect/reset before headers")
}

/// What something else says that has a container's address: a page, or a document. Some servers put a byte order mark
/// before what they say.
pub(crate) fn garbage(is_page: bool, is_marked: bool) -> Reply {
    let mark = if is_marked { "\u{feff}" } else { "" };
    if is_page {
        let page = "<!DOCTYPE html><html><body><h1>It works!</h1></body></html>";
        Reply::new(200, "text/html", format!("{mark}{page}"))
    } else {
        let document = json!({"session_id": "somebody-else", "status": "UP"});
        Reply::new(200, "application/json", format!("{mark}{document}"))
    }
}
