use super::explanation::{AddressExplanation, End, Explanation, Mention, TaskExplanation};
use crate::config::SweepMode;
use crate::inspector::answer::{self, Answer, section};
use crate::inspector::receipts::receipts_table;
use crate::inspector::sweeps::told;
use crate::page;
use crate::sweep::report::TaskFacts;
use jiff::Timestamp;

impl Answer for Explanation {
    fn text(&self) -> String {
        let Self { about, tasks, address, sweeps, receipts, problems, now, .. } = self;
        let mut page = format!("{}\n", page::printable(about));
        if let Some(address) = address {
            page += &section("Where it is registered, and who holds it", &address.text());
        }
        for task in tasks {
            page += &section(&task.heading(), &task.facts(*now));
        }
        if tasks.is_empty() {
            page += "\nNo task of the configured clusters is known for it.\n";
        }
        if let Some(search) = &self.search {
            page = page + "(" + search + ")\n";
        }
        page += &section(&self.sweeps_heading(), &mentions(sweeps, *now));
        page += &section("Receipts of its session", &receipts_table(receipts, *now));
        page + &answer::problems(problems)
    }
}

impl Explanation {
    fn sweeps_heading(&self) -> String {
        let mode = match self.mode {
            SweepMode::Report => "report",
            SweepMode::Enforce => "enforce",
        };
        let last = match self.last_sweep_at {
            Some(at) => format!("the last one began at {}", page::time(at, self.now)),
            None => "none is recorded".to_owned(),
        };
        format!("What sweeps said (their mode is {mode}; {last})")
    }
}

impl TaskExplanation {
    fn heading(&self) -> String {
        match &self.row {
            Some(row) => format!("{row}: {}", self.verdict),
            None => self.verdict.clone(),
        }
    }

    fn facts(&self, now: Timestamp) -> String {
        let mut facts = vec![("task", self.task_arn.to_string())];
        if let Some(session) = &self.session_id {
            facts.push(("session", session.to_string()));
        }
        facts.push(("why", self.why.clone()));
        if let Some(change) = &self.change {
            facts.push(("another row by", change.clone()));
        }
        if let Some(evidence) = &self.evidence {
            facts.extend(rests_on(evidence, now));
        }
        if let Some(End { stopped_by, told_to_stop_at, stopped_at, exit_codes }) = &self.end {
            facts.push(("stopped by", stopped_by.clone()));
            let times = [("told to stop", told_to_stop_at), ("stopped", stopped_at)];
            let known = times.into_iter().filter_map(|(name, at)| Some((name, (*at)?)));
            facts.extend(known.map(|(name, at)| (name, page::time(at, now))));
            let codes: Vec<String> = exit_codes
                .iter()
                .map(|(name, code)| match code {
                    Some(code) => format!("{name} {code}"),
                    None => format!("{name} none"),
                })
                .collect();
            facts.push(("exit codes", codes.join(", ")));
        }
        page::facts(&facts)
    }
}

/// What a row rests on, each with its name.
fn rests_on(evidence: &TaskFacts, now: Timestamp) -> Vec<(&'static str, String)> {
    let traffic = match evidence.routed {
        Some(true) => "it is healthy in a target group",
        Some(false) => "it is healthy in no target group",
        None => "not known, or no load balancer routes to sessions here",
    };
    let times = [
        ("created", Some(evidence.created_at)),
        ("tagged as ended", evidence.session_ended_at),
        ("lease ends", evidence.lease_expires_at),
        ("suspect since", evidence.suspect_since),
        ("asked without success since", evidence.salvage_failing_since),
        ("upload under way at", evidence.under_way_at),
    ];
    let times = times.into_iter().filter_map(|(name, at)| Some((name, page::time(at?, now))));
    let mut facts: Vec<(&str, String)> = times.collect();
    if let Some(address) = evidence.address {
        facts.push(("address", address.to_string()));
    }
    facts.push(("traffic", traffic.to_owned()));
    if let Some(probe) = evidence.probe {
        facts.push(("its container", format!("answered the last sweep: {probe}")));
    }
    if evidence.salvage_window_over {
        facts.push(("artifacts", "their salvage window is over: they may be given up".to_owned()));
    }
    if !evidence.stale_tags.is_empty() {
        facts.push(("tags to correct", evidence.stale_tags.join(", ")));
    }
    facts
}

impl AddressExplanation {
    fn text(&self) -> String {
        let holder = match &self.holder {
            Some(task) => format!("{task} holds {}.", self.ip),
            None => format!("No task of the configured clusters was found to hold {}.", self.ip),
        };
        if self.targets.is_empty() {
            return format!("{holder}\nIt is registered in no configured target group.");
        }
        let rows = self.targets.iter().map(|target| {
            [
                target.group.name().to_owned(),
                target.address.to_string(),
                target.row.clone(),
                target.why.clone(),
                target.change.clone(),
            ]
        });
        let table = page::table(["group", "target", "row", "why", "another row by"], rows);
        format!("{holder}\n{table}")
    }
}

fn mentions(mentions: &[Mention], now: Timestamp) -> String {
    if mentions.is_empty() {
        return "Nothing: the stored reports have no finding about it.".to_owned();
    }
    let rows = mentions.iter().map(|mention| {
        let began = mention.began.map_or_else(|| "-".to_owned(), |at| page::time(at, now));
        let verdict = &mention.verdict;
        [began, mention.mode.clone(), verdict.row.clone(), verdict.action.clone(), told(verdict)]
    });
    page::table(["began", "mode", "row", "action", "why, and what came of it"], rows)
}
