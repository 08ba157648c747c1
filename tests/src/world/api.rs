//! The calls that the world answers, and its record of them.

use std::fmt;

use jiff::Timestamp;

/// One operation of one service, or of a session container.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
)]
#[expect(missing_docs, reason = "the names are those of AWS")]
pub enum Api {
    ListClusters,
    ListTasks,
    DescribeTasks,
    RunTask,
    StopTask,
    TagResource,
    UntagResource,
    DescribeTargetGroups,
    DescribeTargetHealth,
    RegisterTargets,
    DeregisterTargets,
    PutObject,
    GetObject,
    HeadObject,
    DeleteObject,
    ListObjects,
    /// `POST` of the complete path of a session container.
    ContainerComplete,
    /// `GET` of the health path of a session container.
    ContainerHealth,
    /// Anything else; refused.
    Unknown,
}

/// Who answers an operation.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize,
)]
pub enum Service {
    /// Amazon Elastic Container Service.
    Ecs,
    /// Elastic Load Balancing, version 2.
    Elb,
    /// Amazon Simple Storage Service.
    S3,
    /// The session container at an address.
    Container,
}

impl Api {
    /// Every operation of ECS that the world models.
    pub const ECS: [Self; 7] = [
        Self::ListClusters,
        Self::ListTasks,
        Self::DescribeTasks,
        Self::RunTask,
        Self::StopTask,
        Self::TagResource,
        Self::UntagResource,
    ];
    /// Every operation of ELBv2 that the world models.
    pub const ELB: [Self; 4] = [
        Self::DescribeTargetGroups,
        Self::DescribeTargetHealth,
        Self::RegisterTargets,
        Self::DeregisterTargets,
    ];

    /// Whether it is to change something in the world.
    #[must_use]
    pub fn changes_something(self) -> bool {
        match self {
            Self::RunTask
            | Self::StopTask
            | Self::TagResource
            | Self::UntagResource
            | Self::RegisterTargets
            | Self::DeregisterTargets
            | Self::PutObject
            | Self::DeleteObject
            | Self::ContainerComplete
            | Self::Unknown => true,
            Self::ListClusters
            | Self::ListTasks
            | Self::DescribeTasks
            | Self::DescribeTargetGroups
            | Self::DescribeTargetHealth
            | Self::GetObject
            | Self::HeadObject
            | Self::ListObjects
            | Self::ContainerHealth => false,
        }
    }

    /// Who answers it.
    #[must_use]
    pub fn service(self) -> Option<Service> {
        match self {
            Self::ContainerComplete | Self::ContainerHealth => Some(Service::Container),
            Self::PutObject
            | Self::GetObject
            | Self::HeadObject
            | Self::DeleteObject
            | Self::ListObjects => Some(Service::S3),
            _ if Self::ECS.contains(&self) => Some(Service::Ecs),
            _ if Self::ELB.contains(&self) => Some(Service::Elb),
            _ => None,
        }
    }

    /// The operation with this name among some.
    pub(crate) fn named(name: &str, among: &[Self]) -> Self {
        among.iter().copied().find(|api| format!("{api:?}") == name).unwrap_or(Self::Unknown)
    }
}

impl fmt::Display for Api {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, formatter)
    }
}

/// One HTTP call that a caller made, in the order of sending.
#[derive(Clone, Debug)]
pub struct Call {
    /// Its number among all calls, from 1.
    pub number: usize,
    /// The invocation that sent it.
    pub caller: String,
    /// What was called.
    pub api: Api,
    /// What it is about: ARNs, clusters, `ip:port`, `bucket/key`, a session's id.
    pub subjects: Vec<String>,
    /// When it was sent.
    pub sent_at: Timestamp,
    /// What became of it.
    pub outcome: Outcome,
}

impl Call {
    /// Whether AWS was called, and no container.
    #[must_use]
    pub fn is_of_aws(&self) -> bool {
        !matches!(self.api, Api::ContainerComplete | Api::ContainerHealth)
    }

    /// Whether a subject contains this text.
    #[must_use]
    pub fn is_about(&self, text: &str) -> bool {
        self.subjects.iter().any(|subject| subject.contains(text))
    }
}

/// What became of a call, as its caller saw it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// No answer reached the caller: a hang, a crash, or the caller gave up.
    Unanswered,
    /// An answer with this HTTP status and, for an error, its code.
    Answered(u16, Option<&'static str>),
    /// Refused by a token bucket or a fault.
    Throttled,
    /// The connection was refused, or no one could be reached.
    NotConnected,
    /// The connection was reset before the call was applied.
    Reset,
    /// The call was applied; then the connection was reset.
    AnswerLost,
    /// The call was applied; then the answer broke off in the middle of its body.
    BrokenOff,
}

impl Outcome {
    /// Whether it was answered as where nothing fails: that there is none, or that another is there, is an answer too.
    #[must_use]
    pub fn is_well(&self) -> bool {
        self.is_success() || matches!(self, Self::Answered(404 | 412, _))
    }

    /// Whether the world has applied it, as far as its caller can know.
    #[must_use]
    pub fn may_be_applied(&self) -> bool {
        match self {
            Self::Answered(status, _) => *status < 400,
            Self::Throttled | Self::NotConnected | Self::Reset => false,
            Self::Unanswered | Self::AnswerLost | Self::BrokenOff => true,
        }
    }

    /// Whether the caller saw a 2xx.
    #[must_use]
    pub fn is_success(&self) -> bool {
        matches!(self, Self::Answered(200..=299, _))
    }
}
