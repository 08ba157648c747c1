//! Orphans in a large fleet: our reaper beside what others schedule against them.

use super::sweeps::{A_GROUP, A_PAGE, TIMEOUT, reads_of, scheduled};
use crate::FOLDER;
use crate::authority::Authority;
use crate::aws::{Aws, CALL};
use crate::chapter::{Chapter, Table, median};
use crate::lambda::{Instance, deployed};
use crate::peers::{Custodian, Script};
use crate::plot::{Bar, bars};
use session_cleanup_tests::World;
use session_cleanup_tests::world::{Api, Call, Limits, Outcome, TaskHandle};
use std::path::Path;
use std::time::Duration;

const TASKS: usize = 10_000;
const ORPHANS: usize = 200;

/// So many of the owners are seen to extend their leases while it is measured; those of all others run on.
const RENEWING: usize = 200;

/// So many of the orphans are registered in the target group.
const REGISTERED_ORPHANS: usize = 100;

const LEASE: Duration = Duration::from_hours(10);
const LAPSED: Duration = Duration::from_mins(20);
const UPLOAD: Duration = Duration::from_millis(500);

/// What was taken out of AWS's buckets before is back after so long.
const BUCKETS_FILL: Duration = Duration::from_secs(6);

const ROUNDS: usize = 3;

/// Who does it.
#[derive(Clone, Copy)]
enum Who {
    Ours,
    Script,
    Custodian,
}

/// What was seen of one run.
struct Seen {
    /// From the first call to the stop of the last orphan.
    stopped: f64,
    /// From the first call to the end of the run.
    ended: f64,
    reads: usize,
    calls: usize,
    throttled: usize,
    peak: f64,
    left: usize,
    lost: usize,
}

/// A fleet with its orphans.
struct Fleet {
    aws: Aws,
    orphans: Vec<TaskHandle>,
    live: Vec<TaskHandle>,
}

impl Fleet {
    fn new(authority: &Authority) -> Self {
        let aws = Aws::of_a_fleet(authority);
        let world = aws.world();
        let live = |number: usize| {
            let session = world.session(&format!("session-{number}"));
            let session = if number < RENEWING {
                session.renewed_for(LEASE)
            } else {
                session.leased_for(LEASE)
            };
            if number < A_GROUP - REGISTERED_ORPHANS {
                session.start()
            } else {
                session.unregistered().start()
            }
        };
        let orphan = |number: usize| {
            let session =
                world.session(&format!("orphan-{number}")).lease_lapsed(LAPSED).uploads_in(UPLOAD);
            if number < REGISTERED_ORPHANS {
                session.start()
            } else {
                session.unregistered().start()
            }
        };
        let live = (0..TASKS - ORPHANS).map(live).collect();
        let orphans = (0..ORPHANS).map(orphan).collect();
        Self { aws, orphans, live }
    }

    /// What became of it since `before` calls.
    fn seen(&self, before: &Before, peak: f64) -> Seen {
        let world = self.aws.world();
        let now = world.now();
        let all = world.calls().split_off(before.calls);
        let calls: Vec<&Call> = all.iter().filter(|call| call.is_of_aws()).collect();
        let began = calls[0].sent_at;
        let stops =
            calls.iter().filter(|call| call.api == Api::StopTask && call.outcome.is_success());
        let ended = now.duration_since(began).as_secs_f64();
        let last =
            stops.map(|call| call.sent_at.duration_since(began).as_secs_f64()).fold(0.0, f64::max);
        let left = self.orphans.iter().filter(|task| !world.is_stopping(task)).count();
        let truths = self.orphans.iter().filter_map(|task| world.truth(task));
        assert!(
            self.live.iter().all(|task| !world.is_stopping(task)),
            "a live session was stopped"
        );
        Seen {
            stopped: if left == 0 { last + CALL.as_secs_f64() } else { ended },
            ended,
            reads: reads_of(world) - before.reads,
            calls: calls.len(),
            throttled: calls.iter().filter(|call| call.outcome == Outcome::Throttled).count(),
            peak,
            left,
            lost: truths.filter(|truth| truth.is_stopping && !truth.saved).count(),
        }
    }
}

/// How much a world had been asked.
struct Before {
    calls: usize,
    reads: usize,
}

impl Before {
    fn of(world: &World) -> Self {
        Self { calls: world.calls_sent(), reads: reads_of(world) }
    }
}

impl Who {
    const ALL: [Self; 3] = [Self::Ours, Self::Script, Self::Custodian];

    fn name(self) -> &'static str {
        match self {
            Self::Ours => "our reaper",
            Self::Script => "a careful boto3 script",
            Self::Custodian => "Cloud Custodian",
        }
    }

    fn loses(self) -> &'static str {
        match self {
            Self::Ours => "nothing: each is saved, deregistered, put on record",
            Self::Script => {
                "the artifacts of every orphan; targets stay until a later run finds them unhealthy"
            }
            Self::Custodian => "the artifacts of every orphan, and their targets",
        }
    }

    fn run(self, authority: &Authority) -> Seen {
        let fleet = Fleet::new(authority);
        let (aws, world) = (&fleet.aws, fleet.aws.world());
        match self {
            Self::Ours => {
                sweep_before(aws);
                let reaper = reaper(aws);
                let before = Before::of(world);
                let answer = reaper.invoke(&scheduled(), TIMEOUT);
                let seen = fleet.seen(&before, reaper.peak());
                assert_eq!(answer.body["counts"]["reaped"], ORPHANS, "{}", answer.body["counts"]);
                world.assert_unharmed();
                seen
            }
            Self::Script => {
                let script = Script::start("reaper", aws);
                let before = Before::of(world);
                let run = script.run(aws, &[]);
                fleet.seen(&before, run.peak)
            }
            Self::Custodian => {
                let custodian = Custodian::installed(Path::new(FOLDER));
                let before = Before::of(world);
                let run = custodian.run(aws);
                fleet.seen(&before, run.peak)
            }
        }
    }
}

fn reaper(aws: &Aws) -> Instance {
    let reaper = Instance::start(&mut deployed("reaper"), &aws.variables_of_a_reaper(25));
    reaper.asks_for_next();
    reaper
}

/// The sweep before, by a process of its own: it sees the leases for the first time, and learns nothing of their
/// renewal.
fn sweep_before(aws: &Aws) {
    let answer = reaper(aws).invoke(&scheduled(), TIMEOUT);
    assert_eq!(answer.body["counts"]["reaped"], 0, "{}", answer.body["counts"]);
    std::thread::sleep(BUCKETS_FILL);
}

pub(crate) fn measure(authority: &Authority) -> Chapter {
    let mut chapter = Chapter::new(
        "10,000 tasks, 200 of them orphans, beside others",
        "The leases of 200 of 10,000 tasks lapsed 20 minutes ago; the others are alive, and leased. Containers upload \
         in 0.5 s, every call to AWS takes 50 ms, AWS's token buckets are the published ones. Each runs once in a \
         world of its own; times are from its first call on, so that no start-up counts. Medians of 3 rounds. The \
         script (`tests/bench/peers/reaper.py`) and Cloud Custodian's policy (`custodian.yml`) only stop; our \
         reaper saves, deregisters, stops and writes receipts, and it is its second sweep that is measured: before \
         it takes a lapsed lease at its word, it must have seen that others are extended, so the first sweep of a \
         new installation, not counted here, stops none of them.",
    );
    let mut table = Table::new([
        "who",
        "last orphan stopped",
        "end of the run",
        "calls",
        "of them reads",
        "throttled",
        "peak memory",
        "orphans left",
        "artifacts lost",
        "what it loses",
    ]);
    let mut drawn = Vec::new();
    let mut times = Vec::new();
    for who in Who::ALL {
        let rounds: Vec<Seen> = (0..ROUNDS).map(|_| who.run(authority)).collect();
        let of = |figure: fn(&Seen) -> f64| median(&rounds.iter().map(figure).collect::<Vec<_>>());
        let stopped = of(|seen| seen.stopped);
        println!("  {}: {stopped:.2} s", who.name());
        table.row([
            &who.name(),
            &format!("{stopped:.2} s"),
            &format!("{:.2} s", of(|seen| seen.ended)),
            &of(|seen| seen.calls as f64),
            &of(|seen| seen.reads as f64),
            &of(|seen| seen.throttled as f64),
            &format!("{:.1} MiB", of(|seen| seen.peak)),
            &of(|seen| seen.left as f64),
            &of(|seen| seen.lost as f64),
            &who.loses(),
        ]);
        drawn.push(Bar {
            name: who.name().to_owned(),
            parts: vec![("until the last orphan is stopped".to_owned(), stopped)],
            label: format!("{stopped:.1} s, {} of {ORPHANS} lost", of(|seen| seen.lost as f64)),
        });
        times.push(stopped);
    }
    let faster = times[1].min(times[2]);
    chapter.reach(
        "200 orphans among 10,000 tasks, to the faster of the two others",
        times[0] / faster,
        0.3,
        "×",
    );
    let title = "200 orphans among 10,000 tasks: until the last is stopped";
    bars("orphans.svg", title, "seconds", &drawn);
    chapter.plots.push(("orphans.svg".to_owned(), title.to_owned()));
    chapter.tables.push(table);
    chapter.remarks.push(limit(&times));
    chapter
}

/// What nobody can go below, and how near each came.
fn limit(times: &[f64]) -> String {
    let listing = Limits::READS.least_seconds_of(2.0 * TASKS as f64 / A_PAGE);
    let stopping = Limits::STOPS.least_seconds_of(ORPHANS as f64);
    format!(
        "Nobody can be faster than AWS's buckets: a page and a look for each 100 tasks, 100 at once and 20 a second, \
         are {listing:.1} s; the stops, 100 at once and 40 a second, {stopping:.1} s more for who stops after it has \
         listed everything. Who saves first adds the upload, {:.1} s, and the calls around it. To these {:.1} s came: \
         our reaper {:.2} ×, the script {:.2} ×, Cloud Custodian {:.2} ×. 0.3 of the faster of the others would be \
         {:.1} s.",
        UPLOAD.as_secs_f64(),
        listing + stopping,
        times[0] / (listing + stopping),
        times[1] / (listing + stopping),
        times[2] / (listing + stopping),
        0.3 * times[1].min(times[2]),
    )
}
