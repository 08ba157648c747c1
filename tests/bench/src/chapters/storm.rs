//! After an outage: thousands of sessions have ended, and nobody has cleaned up.

use super::sweeps::{A_GROUP, TIMEOUT, scheduled, thousands};
use crate::authority::Authority;
use crate::aws::{Aws, CALL, UPLOAD};
use crate::chapter::{Chapter, Table};
use crate::lambda::{Instance, deployed, descriptors};
use crate::plot::{Line, lines};
use session_cleanup_tests::World;
use session_cleanup_tests::world::{Api, Call, Limits, TaskHandle, Truth};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

const SIZES: [usize; 2] = [2_000, 10_000];

/// Longer than the salvage window: who can't be asked any more may be given up.
const ENDED_AGO: Duration = Duration::from_hours(1);

/// A storm that is not over after so many sweeps never will be.
const MOST_SWEEPS: usize = 12;

/// What was seen of one storm.
struct Seen {
    size: usize,
    sweeps: Vec<f64>,
    seconds: f64,
    saved: usize,
    lost: usize,
    left: usize,
    stops_a_second: f64,
    throttled: usize,
    memory: f64,
    descriptors: usize,
    samples: Vec<Sample>,
}

/// What a process has at one moment.
#[derive(Clone, Copy)]
struct Sample {
    /// Seconds after the first.
    at: f64,
    descriptors: usize,
    /// MiB that are resident.
    memory: f64,
}

/// Looks at a process again and again.
struct Sampler {
    is_over: Arc<AtomicBool>,
    thread: JoinHandle<Vec<Sample>>,
}

impl Sampler {
    const EVERY: Duration = Duration::from_millis(20);

    fn of(process: u32) -> Self {
        let is_over = Arc::new(AtomicBool::new(false));
        let ends = Arc::clone(&is_over);
        let thread = std::thread::spawn(move || {
            let began = Instant::now();
            let mut samples = Vec::new();
            while !ends.load(Ordering::Relaxed) {
                let at = began.elapsed().as_secs_f64();
                samples.push(Sample {
                    at,
                    descriptors: descriptors(process),
                    memory: resident(process),
                });
                std::thread::sleep(Self::EVERY);
            }
            samples
        });
        Self { is_over, thread }
    }

    fn end(self) -> Vec<Sample> {
        self.is_over.store(true, Ordering::Relaxed);
        self.thread.join().unwrap()
    }
}

/// In MiB.
fn resident(process: u32) -> f64 {
    let text = std::fs::read_to_string(format!("/proc/{process}/statm")).unwrap_or_default();
    let pages = text.split_whitespace().nth(1).and_then(|pages| pages.parse::<f64>().ok());
    pages.unwrap_or(0.0) * 4.0 / 1024.0
}

pub(crate) fn measure(authority: &Authority) -> Chapter {
    let mut chapter = Chapter::new(
        "Recovery storm",
        "The functions were out for an hour, in which thousands of sessions ended; the salvage window of all is over, \
         so that who asks in vain may give artifacts up. Containers upload in 3 s and keep every connection open. \
         The reaper as it is deployed, with all of AWS's rates (`RATE_SHARE_PERCENT=100`) and no blast radius \
         (`BLAST_RADIUS_PERCENT=100`), is invoked again as soon as a sweep has ended, until every task is stopped. \
         Every call to AWS takes 50 ms, and AWS's token buckets are the published ones.",
    );
    let seen = SIZES.map(|size| {
        let seen = storm(authority, size);
        println!(
            "  {size} tasks: {} sweeps, {:.1} s, {} saved, {} lost, {} left, {} descriptors, {:.1} MiB",
            seen.sweeps.len(), seen.seconds, seen.saved, seen.lost, seen.left, seen.descriptors, seen.memory
        );
        seen
    });
    let mut table = Table::new([
        "ended tasks",
        "sweeps",
        "time of each",
        "until all are stopped",
        "AWS's limit of stops",
        "stops a second",
        "throttled",
        "saved",
        "lost",
        "left",
        "peak memory",
        "peak descriptors",
    ]);
    for one in &seen {
        let sweeps: Vec<String> =
            one.sweeps.iter().map(|seconds| format!("{seconds:.1} s")).collect();
        table.row([
            &thousands(one.size),
            &one.sweeps.len(),
            &sweeps.join(", "),
            &format!("{:.1} s", one.seconds),
            &format!("{:.1} s", Limits::STOPS.least_seconds_of(one.size as f64)),
            &format!("{:.1}", one.stops_a_second),
            &one.throttled,
            &thousands(one.saved),
            &one.lost,
            &one.left,
            &format!("{:.1} MiB", one.memory),
            &one.descriptors,
        ]);
    }
    chapter.tables.push(table);
    let [smaller, larger] = &seen;
    let most = smaller.descriptors.max(larger.descriptors);
    chapter.reach("descriptors of the reaper in a recovery storm", most as f64, 256.0, "");
    let gone = seen.iter().map(|one| one.lost + one.left).sum::<usize>();
    chapter.reach("artifacts lost, or tasks left, in a recovery storm", gone as f64, 0.0, "");
    chapter.reach("peak memory, recovery storm of 2,000 tasks", smaller.memory, 64.0, "MiB");
    let title = "Memory and descriptors of the reaper in a recovery storm";
    lines(
        "storm.svg",
        title,
        "seconds",
        "MiB, and descriptors",
        &seen.iter().flat_map(drawn).collect::<Vec<_>>(),
    );
    chapter.plots.push(("storm.svg".to_owned(), title.to_owned()));
    chapter.remarks.push(
        "Descriptors are bounded, and without slack: 128 to containers, the rest to AWS, of which one host \
         keeps at most 100."
            .to_owned(),
    );
    chapter.remarks.push(
        "Memory rises at the end of a sweep that has thousands of findings, when its report is written: 140 \
         MiB of the reaper's 256 (`ReaperMemorySize`). With 128 MB a storm of this size would not do."
            .to_owned(),
    );
    chapter
}

/// The most of each few seconds.
fn drawn(seen: &Seen) -> [Line; 2] {
    const TOGETHER: f64 = 4.0;
    let points = |of: fn(&Sample) -> f64| {
        let parts = seen
            .samples
            .chunk_by(|one, next| (one.at / TOGETHER).floor() >= (next.at / TOGETHER).floor());
        parts.map(|part| (part[0].at, part.iter().map(of).fold(0.0, f64::max))).collect()
    };
    let size = thousands(seen.size);
    [
        Line {
            name: format!("descriptors, {size} tasks"),
            points: points(|one| one.descriptors as f64),
        },
        Line { name: format!("MiB, {size} tasks"), points: points(|one| one.memory) },
    ]
}

fn storm(authority: &Authority, size: usize) -> Seen {
    let aws = Aws::of_a_fleet(authority);
    let world = aws.world();
    let ended = (world.now() - ENDED_AGO).to_string();
    let start = |number: usize| {
        let session = world
            .session(&format!("session-{number}"))
            .started_ago(ENDED_AGO * 2)
            .uploads_in(UPLOAD);
        let session = session.ended_by_owner().tag("session-ended-at", &ended);
        if number < A_GROUP { session.start() } else { session.unregistered().start() }
    };
    let tasks: Vec<TaskHandle> = (0..size).map(start).collect();
    let left = || tasks.iter().filter(|task| !world.is_stopping(task)).count();
    let instance = Instance::start(&mut deployed("reaper"), &aws.variables_of_a_reaper(100));
    instance.asks_for_next();
    let watcher = Sampler::of(instance.id());
    let mut sweeps = Vec::new();
    while left() > 0 && sweeps.len() < MOST_SWEEPS {
        // The invariants are judged within one invocation.
        world.begins("served");
        let answer = instance.invoke(&scheduled(), TIMEOUT);
        sweeps.push(answer.took.as_secs_f64());
        let (took, report) = (answer.took.as_secs_f64(), &answer.body);
        println!(
            "    sweep {}: {took:.1} s, {} of {size} left, {}",
            sweeps.len(),
            left(),
            report["warnings"]
        );
        assert!(report["counts"].is_object(), "{report}");
        instance.asks_for_next();
    }
    let (samples, memory) = (watcher.end(), instance.peak());
    world.assert_unharmed();
    let truths: Vec<Truth> = tasks.iter().filter_map(|task| world.truth(task)).collect();
    let count = |is: fn(&Truth) -> bool| truths.iter().filter(|truth| is(truth)).count();
    let stops = Stops::of(world);
    Seen {
        size,
        sweeps,
        seconds: stops.last,
        saved: count(|truth| truth.saved),
        lost: count(|truth| truth.is_stopping && !truth.saved),
        left: count(|truth| !truth.is_stopping),
        stops_a_second: stops.a_second,
        throttled: world.throttles(),
        memory,
        descriptors: samples.iter().map(|one| one.descriptors).max().unwrap_or(0),
        samples,
    }
}

/// How tasks were stopped.
struct Stops {
    /// From the first call of all to the last stop, in seconds.
    last: f64,
    /// How many a second, those apart that AWS's bucket held in the beginning.
    a_second: f64,
}

impl Stops {
    fn of(world: &World) -> Self {
        let calls = world.calls();
        let began = calls[0].sent_at;
        let is_stop = |call: &&Call| call.api == Api::StopTask && call.outcome.is_success();
        let stops = calls.iter().filter(is_stop);
        let mut at: Vec<f64> =
            stops.map(|call| call.sent_at.duration_since(began).as_secs_f64()).collect();
        at.sort_by(f64::total_cmp);
        let (first, last) = (at.first().copied().unwrap_or(0.0), at.last().copied().unwrap_or(0.0));
        Self {
            last: last + CALL.as_secs_f64(),
            a_second: (at.len() as f64 - Limits::STOPS.burst).max(0.0) / (last - first),
        }
    }
}
