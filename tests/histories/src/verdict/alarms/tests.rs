use super::may::CAUSES;
use crate::generate::generate;
use crate::history::{
    Action, Artifacts, Container, Entry, EventCopies, Faults, History, Identity, Lease, Session,
    Stack, Step, Sweep, Upload, When, Where,
};
use crate::play::{Played, Trace, play};
use session_cleanup_tests::alarms::alarms;
use std::collections::BTreeMap;

/// So many are played.
const QUIET: u64 = 60;

/// A history in which all that happens is what should: the sessions of another one, which behave well.
fn quiet(seed: u64) -> History {
    let history = generate(seed);
    let artifacts = match history.stack.artifacts {
        Artifacts::Discarded => Artifacts::Discarded,
        // Who uploads by itself is confirmed by its exit alone, which is not how an owner ends it.
        Artifacts::Asked | Artifacts::UploadedByThemselves => Artifacts::Asked,
    };
    // Enough for all orphans at once.
    let (blast_radius_at_least, connections) = (30, 1_024);
    let stack = Stack { artifacts, blast_radius_at_least, connections, ..history.stack };
    let steps = history.steps.into_iter().filter_map(quiet_step).collect();
    History { stack, steps, faults: Faults::Random(BTreeMap::new()), ..history }
}

fn quiet_step(Step { when, action }: Step) -> Option<Step> {
    let When::At(_) = when else { return None };
    let action = match action {
        Action::Begins(number, session) => {
            Action::Begins(number, Box::new(quiet_session(&session)))
        }
        Action::Ends(number, copies) => {
            let copies =
                EventCopies { copies: copies.copies.max(1), names_the_task: true, ..copies };
            Action::Ends(number, copies)
        }
        Action::Sweeps(Sweep::Report | Sweep::Enforce | Sweep::Alarm)
        | Action::Resumes(_)
        | Action::IsProtected(..)
        | Action::LeavesZombie(..)
        | Action::IsThawed(_) => action,
        _ => return None,
    };
    Some(Step { when, action })
}

fn quiet_session(session: &Session) -> Session {
    Session {
        // Owners of others don't tell us of their ends.
        place: if session.is_in_scope() { session.place } else { Where::Cluster(0) },
        identity: match session.identity {
            Identity::Tag => Identity::Tag,
            Identity::Environment | Identity::None => Identity::Environment,
        },
        lease: match session.lease {
            // Until it is extended for the first time it must last.
            Lease::Renewed(left) => Lease::Renewed(left.max(crate::history::Seconds(60))),
            _ => Lease::None,
        },
        entry: match session.entry {
            // Its owner does not go on for ever.
            Entry::NeverStarts(_) => Entry::Fresh,
            Entry::Running(_) | Entry::Fresh => session.entry,
        },
        container: Container {
            upload: Upload::Works,
            uploads_in: session.container.uploads_in.min(crate::history::Seconds(10)),
            ..Container::default()
        },
        port: None,
        outside_the_vpc: false,
        sidecar: None,
        copied_end: None,
        unreadable_end: false,
        ..session.clone()
    }
}

fn rang(played: &Played) -> Vec<&str> {
    let rang = played.alarms.iter().filter(|(_, (_, rang))| *rang > 0);
    rang.map(|(alarm, _)| alarm.as_str()).collect()
}

#[test]
fn every_alarm_of_the_template_has_a_cause_without_which_it_must_not_ring() {
    let mut declared: Vec<String> = alarms("5m").into_iter().map(|alarm| alarm.name).collect();
    let mut known: Vec<&str> = CAUSES.iter().map(|cause| cause.alarm).collect();
    declared.sort_unstable();
    known.sort_unstable();
    assert_eq!(declared, known);
}

#[test]
fn nothing_rings_in_a_history_in_which_all_is_well() {
    let mut ringing = Vec::new();
    for seed in 0..QUIET {
        let history = quiet(seed);
        let played = play(&history, Trace::OfViolations);
        assert!(played.violations.is_empty(), "{seed}: {:#?}\n{history}", played.violations);
        if !rang(&played).is_empty() {
            ringing.push(format!("{seed}: {:?}\n{history}", rang(&played)));
        }
    }
    assert!(ringing.is_empty(), "{} ring:\n{}", ringing.len(), ringing.join("\n"));
}
