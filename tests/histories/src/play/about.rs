//! Whom a call is about.

use super::stage::{Stage, zombie};
use crate::history::{OTHER_CLUSTER, Stack, Whom};
use session_cleanup_tests::world::{Api, Service};

impl Stage {
    /// Whether a call with these subjects is about somebody; where tasks are described, about them alone.
    pub(super) fn is_about(&self, whom: Whom, subjects: &[String]) -> bool {
        let alone = subjects.iter().filter(|subject| subject.contains(":task/")).count() <= 1;
        let (name, address) = self.marks(whom);
        let mut marks = name.iter().chain(&address);
        alone && marks.any(|mark| subjects.iter().any(|one| one.contains(mark)))
    }

    /// What the subjects of calls to a service contain where they are about somebody.
    pub(super) fn mark(&self, whom: Whom, api: Api) -> Option<String> {
        let (name, address) = self.marks(whom);
        let is_named = matches!(api.service(), Some(Service::Ecs | Service::S3));
        if is_named { name } else { address }
    }

    /// What is in the subjects of calls to ECS and S3, and in those to a load balancer or a container.
    fn marks(&self, whom: Whom) -> (Option<String>, Option<String>) {
        let named = |name: &str| (Some(name.to_owned()), None);
        match whom {
            Whom::Session(number) => self
                .task(number)
                .map(|task| (task.id().to_owned(), format!("{}:", task.address())))
                .unzip(),
            Whom::Zombie(number) => (None, Some(format!("{}:", zombie(number)))),
            Whom::Cluster(number) => named(&Stack::cluster(number)),
            Whom::OtherCluster => named(OTHER_CLUSTER),
            Whom::Groups => (None, Some("targetgroup/".to_owned())),
            Whom::Memory => named("suspects.json"),
            Whom::Intents => named("intents/"),
            Whom::Receipts => named("receipts/"),
            Whom::Names => named("tasks/"),
        }
    }
}
