use super::judge_task::JudgedTask;
use super::tasks::Routed;
use crate::session::{Neighbourhood, SessionTask};
use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;

/// So many of a neighbourhood are asked at most.
pub(in crate::sweep) const NEIGHBOURS: usize = 5;

/// Who could say whether a route is whole: the tasks of each neighbourhood, those first that should answer.
#[derive(Debug, Default)]
pub(super) struct Neighbours {
    likely: BTreeMap<Neighbourhood, Vec<Ipv4Addr>>,
    others: BTreeMap<Neighbourhood, Vec<Ipv4Addr>>,
    needed: BTreeSet<Neighbourhood>,
}

impl Neighbours {
    /// Takes in one task that was judged.
    pub(super) fn see(&mut self, task: &SessionTask, judged: &JudgedTask) {
        if judged.row.is_orphan() && !self.needed.contains(&task.neighbourhood) {
            self.needed.insert(task.neighbourhood.clone());
        }
        let Some(ip) = task.address.filter(|_| task.started && task.shall_run) else { return };
        let is_likely = judged.evidence.routed == Routed::Yes || !judged.row.is_finding();
        let place = if is_likely { &mut self.likely } else { &mut self.others };
        match place.get_mut(&task.neighbourhood) {
            Some(known) if known.len() < NEIGHBOURS => known.push(ip),
            Some(_) => {}
            None => {
                place.insert(task.neighbourhood.clone(), vec![ip]);
            }
        }
    }

    /// Those of the neighbourhoods in which there is an orphan.
    pub(super) fn of_orphans(mut self) -> BTreeMap<Neighbourhood, Vec<Ipv4Addr>> {
        let needed = std::mem::take(&mut self.needed);
        let chosen = needed.into_iter().map(|neighbourhood| {
            let mut asked = self.likely.remove(&neighbourhood).unwrap_or_default();
            asked.extend(self.others.remove(&neighbourhood).unwrap_or_default());
            asked.truncate(NEIGHBOURS);
            (neighbourhood, asked)
        });
        chosen.collect()
    }
}
