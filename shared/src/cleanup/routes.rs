//! Whether packets of ours reach the tasks of a neighbourhood. A security group that someone has changed
//! looks like the death of everybody behind it, so nobody's silence is believed alone.

use crate::container::{Probe, SessionContainers};
use crate::session::{Neighbourhood, TargetAddress};
use futures_util::future::join_all;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::OnceCell;

/// The routes that one sweep needs, each known to be whole once anyone behind it has answered.
#[derive(Debug, Default)]
pub struct Routes {
    neighbours: BTreeMap<Neighbourhood, Vec<TargetAddress>>,
    proven: Mutex<BTreeSet<Neighbourhood>>,
    asked: Mutex<BTreeMap<Neighbourhood, Arc<OnceCell<bool>>>>,
}

impl Routes {
    /// Routes of which nothing is known yet; `neighbours` are those who may be asked, should it come to
    /// that.
    #[must_use]
    pub fn new(neighbours: BTreeMap<Neighbourhood, Vec<TargetAddress>>) -> Self {
        Self { neighbours, ..Self::default() }
    }

    /// Someone of this neighbourhood has answered.
    pub(super) fn prove(&self, neighbourhood: &Neighbourhood) {
        let mut proven = self.proven.lock().unwrap_or_else(PoisonError::into_inner);
        proven.insert(neighbourhood.clone());
    }

    fn is_proven(&self, neighbourhood: &Neighbourhood) -> bool {
        let proven = self.proven.lock().unwrap_or_else(PoisonError::into_inner);
        proven.contains(neighbourhood)
    }

    /// Whether anyone of this neighbourhood has answered, or does so when asked: the neighbours are asked
    /// once, and only where nobody has.
    pub(super) async fn is_whole(
        &self,
        neighbourhood: &Neighbourhood,
        containers: &SessionContainers,
    ) -> bool {
        if self.is_proven(neighbourhood) {
            return true;
        }
        let cell = {
            let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(asked.entry(neighbourhood.clone()).or_default())
        };
        let answered = cell.get_or_init(|| async {
            let neighbours = self.neighbours.get(neighbourhood).into_iter().flatten();
            let asking = neighbours.map(|address| containers.probe(*address, None));
            join_all(asking).await.into_iter().flatten().any(Probe::shows_a_route)
        });
        *answered.await || self.is_proven(neighbourhood)
    }
}
