//! Tries: calls that tell whether we may, and that can do nothing. AWS looks at who calls before it looks at
//! what for: whoever may not is *denied*, and whoever may is told that there is no such thing.
//!
//! That is how AWS's APIs work, though it is not documented for each call; so a call that is not denied is a good
//! sign, and one that is denied is certain.
//!
//! None of them takes the name of anything that is there: the impossible names are made in here.

use super::ecs::Tasks;
use super::elb::{TargetGroups, resource};
use super::error::{CallError, Failure};
use super::ledger::Ledger;
use crate::session::{ClusterName, Home, SESSION_ENDED_TAG, TargetGroupArn};
use aws_sdk_ecs::types::Tag;
use aws_sdk_elasticloadbalancingv2::types::TargetDescription;
use aws_sdk_s3::primitives::ByteStream;
use futures_util::FutureExt;

/// No task has this id: ECS draws them at random, of 128 bits.
const NO_TASK: &str = "00000000000000000000000000000000";

/// No target has this id: it is neither an address nor an instance, and ELBv2 refuses it wherever it is to be
/// registered.
const NO_TARGET: &str = "no-target";

/// No object has this key: no session's id has a `~`, nor has any other name that we make.
const NO_OBJECT: &str = "~doctor";

/// No version of an object has this `ETag`: S3 makes them of hexadecimal digits.
const NO_VERSION: &str = "\"no-version\"";

/// A part of the ledger that a role may write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Folder {
    /// `receipts/`
    Receipts,
    /// `tasks/`
    Tasks,
    /// `unknown/`
    Unknown,
    /// `intents/`
    Intents,
    /// `sweeps/`
    Sweeps,
    /// `suspects.json`, a folder of one object: what is tried there replaces a version that it never has.
    Suspects,
}

impl Folder {
    /// Its name in the bucket.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Receipts => "receipts/",
            Self::Tasks => "tasks/",
            Self::Unknown => "unknown/",
            Self::Intents => "intents/",
            Self::Sweeps => "sweeps/",
            Self::Suspects => "suspects.json",
        }
    }

    fn key(self) -> String {
        match self {
            Self::Receipts | Self::Tasks | Self::Unknown | Self::Intents | Self::Sweeps => {
                format!("{}{NO_OBJECT}", self.name())
            }
            Self::Suspects => self.name().to_owned(),
        }
    }
}

/// What a try's answer says: that there is no such thing, or that it can't be, means that we may.
fn may<T>(answer: Result<T, CallError>) -> Result<(), CallError> {
    match answer {
        Ok(_) => Ok(()),
        Err(error) => match error.failure {
            Failure::Refused | Failure::NotFound | Failure::Conflict => Ok(()),
            Failure::Throttled
            | Failure::Denied
            | Failure::Unreadable
            | Failure::NotSent
            | Failure::Unknown => Err(error),
        },
    }
}

fn no_task(cluster: &ClusterName, home: &Home) -> String {
    let Home { partition, region, account } = home;
    format!("arn:{partition}:ecs:{region}:{account}:task/{cluster}/{NO_TASK}")
}

impl Tasks {
    /// Whether we may stop tasks of a cluster: `StopTask` of one that can't exist.
    ///
    /// # Errors
    /// [`CallError`]: [`Failure::Denied`] where we may not, anything else where it is not known.
    pub async fn try_stop(&self, cluster: &ClusterName, home: &Home) -> Result<(), CallError> {
        let task = no_task(cluster, home);
        let stop = self.client.stop_task().cluster(cluster.as_str()).task(&task);
        let reason = "session-cleanup: a try of the doctor, of a task that can't exist";
        let answer = stop.reason(reason).send().boxed().await;
        may(answer.map_err(|e| CallError::from_sdk("StopTask", task, &e)))
    }

    /// Whether we may tag tasks of a cluster as ended: `TagResource` of one that can't exist.
    ///
    /// # Errors
    /// As [`Self::try_stop`].
    pub async fn try_tag(&self, cluster: &ClusterName, home: &Home) -> Result<(), CallError> {
        let task = no_task(cluster, home);
        let tag = Tag::builder().key(SESSION_ENDED_TAG).value("a try of the doctor").build();
        let answer = self.client.tag_resource().resource_arn(&task).tags(tag).send().boxed().await;
        may(answer.map_err(|e| CallError::from_sdk("TagResource", task, &e)))
    }
}

impl TargetGroups {
    /// Whether we may deregister targets of a group: `DeregisterTargets` of what can be none.
    ///
    /// # Errors
    /// As [`Tasks::try_stop`].
    pub async fn try_deregister(&self, group: &TargetGroupArn) -> Result<(), CallError> {
        let call = self.client.deregister_targets().target_group_arn(group.as_str());
        let answer = call.targets(no_target()).send().boxed().await;
        may(answer.map_err(|e| CallError::from_sdk("DeregisterTargets", resource(group, &[]), &e)))
    }

    /// Whether we may register targets in a group: `RegisterTargets` of what can be none. Should a group have
    /// taken it all the same, it is taken out again: a sweep that can't read one target decides nothing of its
    /// group.
    ///
    /// # Errors
    /// As [`Tasks::try_stop`].
    pub async fn try_register(&self, group: &TargetGroupArn) -> Result<(), CallError> {
        let call = self.client.register_targets().target_group_arn(group.as_str());
        let answer = call.targets(no_target()).send().boxed().await;
        let answer = answer
            .map(drop)
            .map_err(|e| CallError::from_sdk("RegisterTargets", resource(group, &[]), &e));
        let may_be_there = match answer.as_ref().map_err(|error| error.failure) {
            Ok(()) | Err(Failure::Unknown | Failure::Unreadable | Failure::Conflict) => true,
            Err(
                Failure::Refused
                | Failure::NotFound
                | Failure::Denied
                | Failure::Throttled
                | Failure::NotSent,
            ) => false,
        };
        if may_be_there {
            self.try_deregister(group).await?;
        }
        may(answer)
    }
}

fn no_target() -> TargetDescription {
    TargetDescription::builder().id(NO_TARGET).build()
}

impl Ledger {
    /// Whether we may write there: `PutObject` that replaces a version which no object has.
    ///
    /// # Errors
    /// As [`Tasks::try_stop`].
    pub async fn try_write(&self, folder: Folder) -> Result<(), CallError> {
        let key = folder.key();
        let put = self.client.put_object().bucket(&self.bucket).key(&key).if_match(NO_VERSION);
        let answer = put.body(ByteStream::from_static(b"{}")).send().boxed().await;
        may(answer.map_err(|e| CallError::from_sdk("PutObject", self.name(&key), &e)))
    }

    /// Whether we may read there: `GetObject` of an object that does not exist. S3 says so only to those who
    /// may list the bucket, too.
    ///
    /// # Errors
    /// As [`Tasks::try_stop`].
    pub async fn try_read(&self, folder: Folder) -> Result<(), CallError> {
        let key = folder.key();
        let answer = self.client.get_object().bucket(&self.bucket).key(&key).send().boxed().await;
        may(answer.map_err(|e| CallError::from_sdk("GetObject", self.name(&key), &e)))
    }

    /// Whether we may delete settled intents: `DeleteObject` of one that does not exist.
    ///
    /// # Errors
    /// As [`Tasks::try_stop`].
    pub async fn try_delete_an_intent(&self) -> Result<(), CallError> {
        may(self.delete(&Folder::Intents.key()).await)
    }
}
