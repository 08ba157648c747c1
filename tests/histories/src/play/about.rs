//! Whom a call is about.

use super::stage::{Stage, zombie};
use crate::history::Whom;
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
        let marks = self.marks(whom);
        if of_task { marks.into_iter().next() } else { marks.into_iter().nth(1) }
    }

    /// The id of its task, and its address.
    fn marks(&self, whom: Whom) -> Vec<String> {
        match whom {
            Whom::Session(number) => {
                let task = self.task(number);
                task.map(|task| vec![task.id().to_owned(), format!("{}:", task.address())])
                    .unwrap_or_default()
            }
            Whom::Zombie(number) => vec!["no task".to_owned(), format!("{}:", zombie(number))],
        }
    }
}
