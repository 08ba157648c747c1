//! A history in sentences, for whoever has to understand what went wrong.

use super::{
    About, Action, Addressed, Body, Container, Death, Entry, EventCopies, Faults, History,
    Identity, Lease, Seconds, Session, Sidecar, Stack, Start, Sweep, Upload, When, Where, Whom,
};
use std::fmt;

impl fmt::Display for Seconds {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            0 => formatter.write_str("0 s"),
            seconds if seconds % 60 == 0 => write!(formatter, "{} min", seconds / 60),
            seconds => write!(formatter, "{seconds} s"),
        }
    }
}

impl fmt::Display for When {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::At(at) => write!(formatter, "at {at}"),
            Self::Before(api, nth) => write!(formatter, "right before {api} number {nth}"),
            Self::After(api, nth) => write!(formatter, "right after {api} number {nth}"),
            Self::About(About { whom, api, nth, is_applied }) => {
                let when = if *is_applied { "after" } else { "before" };
                write!(formatter, "right {when} {api} number {nth} about {whom}")
            }
        }
    }
}

impl fmt::Display for Whom {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Session(number) => write!(formatter, "s-{number}"),
            Self::Zombie(number) => write!(formatter, "the target 127.0.99.{number}"),
            Self::Cluster(number) => formatter.write_str(&Stack::cluster(*number)),
            Self::OtherCluster => formatter.write_str("the other cluster"),
            Self::Groups => formatter.write_str("the target groups"),
            Self::Memory => formatter.write_str("the memory"),
            Self::Intents => formatter.write_str("the intents"),
            Self::Receipts => formatter.write_str("the receipts"),
            Self::Names => formatter.write_str("the sessions of tasks"),
        }
    }
}

impl fmt::Display for History {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(formatter, "{}", self.stack)?;
        for step in &self.steps {
            writeln!(formatter, "  {}: {}", step.when, step.action)?;
        }
        match &self.faults {
            Faults::Random(shares) => {
                let shares: Vec<String> =
                    shares.iter().map(|(kind, share)| format!("{kind} {share}")).collect();
                writeln!(formatter, "  faults at random: {}", shares.join(", "))?;
            }
            Faults::Listed(met) if met.is_empty() => writeln!(formatter, "  no call fails")?,
            Faults::Listed(met) => {
                for one in met {
                    writeln!(formatter, "  {one}")?;
                }
            }
        }
        for death in &self.deaths {
            writeln!(formatter, "  {death}")?;
        }
        write!(formatter, "  faults cease after {}", self.lasts)
    }
}

impl fmt::Display for Death {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { caller, nth, applied } = self;
        let when = if *applied { "once it is applied" } else { "before it is applied" };
        write!(formatter, "{caller} dies at its call {nth}, {when}")
    }
}

impl fmt::Display for Stack {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "A stack of {} clusters and {} target groups; artifacts: {:?}; a sweep every {}, sessions up to {} \
             (hard {}), salvage window {}, lease grace {}, start-up grace {}, blast radius {}; registering what drains: \
             {:?}; reads lag {}, {} and {}; clocks ahead by {} s (owners) and {} s (functions); absent addresses {}; {} \
             connections; pages of {}{}{}{}.",
            self.clusters,
            self.groups,
            self.artifacts,
            self.every,
            self.max_session_age,
            self.hard_age,
            self.salvage_window,
            self.lease_grace,
            self.start_up_grace,
            self.blast_radius_at_least,
            self.draining,
            self.tasks_lag,
            self.lists_lag,
            self.health_lags,
            self.owners_ahead,
            self.functions_ahead,
            if self.absent_refuses { "refuse" } else { "are silent" },
            self.connections,
            self.page,
            if self.throttled { "; AWS's rates hold" } else { "" },
            if self.pending == Seconds(10) {
                String::new()
            } else {
                format!("; a task is pending for {}", self.pending)
            },
            if self.warm_pool { "; a warm pool" } else { "" },
        )
    }
}

impl fmt::Display for Action {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Begins(number, session) => write!(formatter, "s-{number} begins: {session}"),
            Self::Ends(number, EventCopies { copies, late, names_the_task }) => {
                write!(formatter, "the owner ends s-{number}; ")?;
                match copies {
                    0 => formatter.write_str("the event is lost"),
                    copies => write!(
                        formatter,
                        "{copies} events {}after {late}",
                        if *names_the_task { "" } else { "that don't name the task " }
                    ),
                }
            }
            Self::EndsAnother(number, other) => {
                write!(
                    formatter,
                    "the owner ends s-{number}; its event names the task of s-{other}"
                )
            }
            Self::SendsGarbage(kind) => write!(formatter, "somebody sends garbage of kind {kind}"),
            Self::Resumes(number) => write!(formatter, "s-{number} is resumed in a new task"),
            Self::Claims(number, start) => {
                let says = match start {
                    Start::Now => "says when it began",
                    Start::Unsaid => "does not say when it began",
                    Start::Unreadable => "says unreadably when it began",
                    Start::LongAgo => "says that it began before its task",
                };
                write!(formatter, "s-{number} claims its task, and {says}")
            }
            Self::SaysItsStart(number) => {
                write!(formatter, "s-{number} says that it has just begun")
            }
            Self::Exits(number, code) => write!(formatter, "s-{number} exits with {code}"),
            Self::IsInterrupted(number) => write!(formatter, "a Spot warning for s-{number}"),
            Self::IsStopped(number) => write!(formatter, "somebody stops the task of s-{number}"),
            Self::Completes(number) => write!(formatter, "s-{number} completes by itself"),
            Self::Behaves(number, container) => write!(formatter, "s-{number} is now{container}"),
            Self::RenewalBreaks(number) => {
                write!(formatter, "the lease of s-{number} is extended no more; its owner lives")
            }
            Self::AllRenewalsBreak => formatter.write_str("no lease is extended any more"),
            Self::IsLeased(number, left) => write!(formatter, "s-{number} gets a lease for {left}"),
            Self::IsProtected(number, is_protected) => {
                write!(
                    formatter,
                    "s-{number} is{} protected",
                    if *is_protected { "" } else { " no longer" }
                )
            }
            Self::IsRegistered(number, is_registered) => write!(
                formatter,
                "its owner {} s-{number}",
                if *is_registered { "registers" } else { "deregisters" }
            ),
            Self::LeavesMarker(number) => {
                write!(formatter, "an earlier run of s-{number} has left its marker")
            }
            Self::LeavesZombie(group, number) => {
                write!(
                    formatter,
                    "a target 127.0.99.{number} that nobody has, in {}",
                    Stack::group(*group)
                )
            }
            Self::GroupIsDeleted(group) => write!(formatter, "{} is deleted", Stack::group(*group)),
            Self::Outage(service, kind, time) => {
                write!(formatter, "each call of {service:?} fails ({kind}) for {time}")
            }
            Self::RoutesAreLost(time) => write!(formatter, "no container is reached for {time}"),
            Self::Sweeps(sweep) => match sweep {
                Sweep::Report => formatter.write_str("an operator has a report made"),
                Sweep::Enforce => formatter.write_str("an operator orders a sweep"),
                Sweep::Plan => formatter.write_str("an operator has the last report acted on"),
                Sweep::Force(cluster, ago) => write!(
                    formatter,
                    "an operator forces {}, up to {ago} ago",
                    Stack::cluster(*cluster)
                ),
                Sweep::Alarm => formatter.write_str("an alarm orders a sweep"),
            },
            Self::Dies(function, nth, applied) => write!(
                formatter,
                "the next invocation of {function:?} dies at its call {nth}, {}",
                if *applied { "once it is applied" } else { "before it is applied" }
            ),
            Self::DiesHere => formatter.write_str("the invocation dies"),
            Self::Fails(whom, api, kind, times) => {
                write!(formatter, "the next {times} {api} about {whom} fail: {kind}")
            }
            Self::IsThawed(function) => {
                write!(formatter, "the connections of {function:?} are dead")
            }
            Self::IsConfigured(name, value) => write!(formatter, "{name} is {value} from now on"),
        }
    }
}

impl fmt::Display for Session {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = match self.place {
            Where::Cluster(number) => format!("in {}", Stack::cluster(number)),
            Where::Runner(number) => format!("of runner-large, in {}", Stack::cluster(number)),
            Where::Service(number) => format!("of a service, in {}", Stack::cluster(number)),
            Where::OtherFamily(number) => {
                format!("of another family, in {}", Stack::cluster(number))
            }
            Where::OtherCluster => "in another cluster".to_owned(),
            Where::OtherAccount => "in another account".to_owned(),
        };
        formatter.write_str(&place)?;
        match self.identity {
            Identity::Environment => {}
            Identity::Tag => formatter.write_str(", identified by its tag")?,
            Identity::None => formatter.write_str(", unidentified")?,
        }
        match self.entry {
            Entry::Running(age) => write!(formatter, ", {age} old")?,
            Entry::Fresh => formatter.write_str(", just created")?,
            Entry::NeverStarts(age) => write!(formatter, ", {age} old, never starts")?,
        }
        match self.lease {
            Lease::None => {}
            Lease::Renewed(left) => write!(formatter, ", leased for {left}, again and again")?,
            Lease::Fixed(left) => write!(formatter, ", leased for {left}")?,
            Lease::Lapsed(ago) => write!(formatter, ", its lease over for {ago}")?,
            Lease::Unreadable => formatter.write_str(", with an unreadable lease")?,
            Lease::Stale => formatter.write_str(", with another's lease")?,
        }
        match self.addressed {
            Addressed::Fresh => {}
            Addressed::After(number) => write!(formatter, ", at the address of s-{number}")?,
            Addressed::LikeZombie(number) => write!(formatter, ", at 127.0.99.{number}")?,
        }
        match self.but_the_first {
            0 => write!(formatter, ", in {} groups", self.groups)?,
            first => write!(formatter, ", in {} groups but the first {first}", self.groups)?,
        }
        let notes = [
            (self.port.is_some(), "at port 3001"),
            (self.outside_the_vpc, "outside the VPC"),
            (self.sidecar == Some(Sidecar::BeingPulled), "a sidecar being pulled"),
            (matches!(self.sidecar, Some(Sidecar::Exits(_))), "a sidecar"),
            (self.is_protected, "protected"),
            (self.copied_end.is_some(), "with another's end"),
            (self.unreadable_end, "with an end that nobody can read"),
            (self.hidden_for.0 > 0, "not shown at first"),
            (self.stop_timeout.0 != 30, "an own stop timeout"),
        ];
        for (_, note) in notes.iter().filter(|(is_so, _)| *is_so) {
            write!(formatter, ", {note}")?;
        }
        self.container.fmt(formatter)
    }
}

impl fmt::Display for Container {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let upload = match self.upload {
            Upload::Works => String::new(),
            Upload::Fails(times) => format!(", {times} uploads fail"),
            Upload::Never => ", no upload works".to_owned(),
            Upload::Nothing => ", uploads nothing".to_owned(),
            Upload::Behind => ", answers 202".to_owned(),
            Upload::Encrypted => ", writes what nobody can read".to_owned(),
        };
        formatter.write_str(&upload)?;
        let notes = [
            (self.uploads_in.0 != 3, format!("uploads in {}", self.uploads_in)),
            (self.busy_for.0 > 0, format!("busy for {}", self.busy_for)),
            (self.silent, "silent".to_owned()),
            (self.accepts_while_it_does_not_run, "something before it accepts".to_owned()),
            (self.refuses, "refuses connections".to_owned()),
            (self.deaf, "deaf".to_owned()),
            (self.forbids, "answers 403".to_owned()),
            (self.unready, "answers 503".to_owned()),
            (self.broken, "answers 500 to everything".to_owned()),
            (self.starts_up_for != Seconds(0), format!("starts up for {}", self.starts_up_for)),
            (self.says_that_another_is_done, "answers 503 for another session".to_owned()),
            (self.body == Body::Late, "late bodies".to_owned()),
            (self.body == Body::BreaksOff, "bodies that break off".to_owned()),
            (self.body == Body::Endless, "bodies without end".to_owned()),
            (self.exits_after.is_some(), "exits once complete".to_owned()),
            (self.dies_on_sigterm, "ends at SIGTERM".to_owned()),
            (self.completed, "complete already".to_owned()),
        ];
        for (_, note) in notes.iter().filter(|(is_so, _)| *is_so) {
            write!(formatter, ", {note}")?;
        }
        Ok(())
    }
}
