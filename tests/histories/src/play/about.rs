//! Whom a call is about.

use super::stage::{Stage, zombie};
use crate::history::{OTHER_CLUSTER, Stack, Whom};
use session_cleanup_tests::world::{Api, Service};

impl Stage {
    /// Whether a call with these subjects is about somebody; where tasks are described, about them alone.
    pub(super) fn is_about(&self, whom: Whom, subjects: &[String]) -> bool {
        let alone = subjects.iter().filter(|subject| subject.contains(":task/")).count() <= 1;
        alone && self.marks(whom).iter().any(|mark| subjects.iter().any(|one| one.contains(mark)))
    }

    /// What the subjects of calls to a service contain where they are about somebody.
    pub(super) fn mark(&self, whom: Whom, api: Api) -> Option<String> {
        let of_task = matches!(api.service(), Some(Service::Ecs | Service::S3));
        let mut marks = self.marks(whom).into_iter();
        if of_task { marks.next() } else { marks.nth(1) }
    }

    /// What is in the subjects of calls to ECS and S3, and in those to a load balancer or a container.
    fn marks(&self, whom: Whom) -> Vec<String> {
        let one = |mark: &str| vec![mark.to_owned()];
        match whom {
            Whom::Session(number) => {
                let task = self.task(number);
                task.map(|task| vec![task.id().to_owned(), format!("{}:", task.address())])
                    .unwrap_or_default()
            }
            Whom::Zombie(number) => vec!["no task".to_owned(), format!("{}:", zombie(number))],
            Whom::Cluster(number) => vec![Stack::cluster(number)],
            Whom::OtherCluster => one(OTHER_CLUSTER),
            Whom::Memory => one("suspects.json"),
            Whom::Intents => one("intents/"),
            Whom::Receipts => one("receipts/"),
            Whom::Names => one("tasks/"),
        }
    }
}
