//! One cleanup, and many in one batch, at the CPU share of a small function and with a whole core.

use crate::authority::Authority;
use crate::aws::{Aws, SLOW, UPLOAD};
use crate::chapter::{Chapter, Table, median};
use crate::lambda::{Instance, deployed};
use crate::plot::{Line, lines};
use crate::share::Share;
use session_cleanup_tests::world::{Call, Setup};
use std::time::Duration;

const SIZES: [usize; 6] = [1, 5, 10, 25, 50, 100];

/// Each is measured so often; what counts is the median.
const ROUNDS: usize = 3;

/// The memory of the small function, in MB.
const SMALL: u64 = 128;

/// identify, then the upload and its marker, the stop, the receipt: what no implementation can leave out.
const PATH: Duration = Duration::from_millis(200 + 3_000 + 50 + 200 + 50);

/// What was seen of the batches of one size.
struct Seen {
    cold: Sample,
    warm: Sample,
    peak: f64,
    descriptors: usize,
    log: f64,
}

#[derive(Default)]
struct Sample {
    seconds: Vec<f64>,
    cpu: Vec<f64>,
}

impl Sample {
    fn to_the_path(&self) -> f64 {
        median(&self.seconds) / PATH.as_secs_f64()
    }
}

pub(crate) fn measure(authority: &Authority) -> Chapter {
    assert_eq!(PATH, SLOW.ecs * 2 + SLOW.s3 * 2 + UPLOAD);
    let mut chapter = Chapter::new(
        "Batches, at 128 MB and with a whole core",
        "The completion function as it is deployed, invoked with so many ended sessions at once. An upload takes \
         3 s, ELBv2 1 s a call, ECS 0.2 s, S3 0.05 s; all uploads end in the same moment, which is the worst \
         case. The critical path is what no implementation can leave out: DescribeTasks, the upload, its marker, \
         StopTask, the receipt: 3.5 s. *First* is the first invocation of a process, which opens every \
         connection; *next* is its second.",
    );
    let mut table = Table::new([
        "CPU",
        "batch",
        "first",
        "× path",
        "next",
        "× path",
        "CPU a session, first",
        "next",
        "peak memory",
        "descriptors",
        "log a session",
    ]);
    let mut drawn = Vec::new();
    for (label, megabytes) in [("128 MB", Some(SMALL)), ("a core", None)] {
        let share = megabytes.map(Share::of);
        if let Some(Err(problem)) = &share {
            let sorry =
                format!("The share of {SMALL} MB can't be measured on this machine: {problem}.");
            chapter.remarks.push(sorry);
            continue;
        }
        let share = share.and_then(Result::ok);
        let mut first = Vec::new();
        for size in SIZES {
            let seen = batches(authority, size, share.as_ref());
            println!(
                "  {label}, batch of {size}: {:.3} × cold, {:.3} × warm",
                seen.cold.to_the_path(),
                seen.warm.to_the_path()
            );
            let (cold, warm) = (&seen.cold, &seen.warm);
            table.row([
                &label,
                &size,
                &format!("{:.2} s", median(&cold.seconds)),
                &format!("{:.3}", cold.to_the_path()),
                &format!("{:.2} s", median(&warm.seconds)),
                &format!("{:.3}", warm.to_the_path()),
                &format!("{:.2} ms", median(&cold.cpu)),
                &format!("{:.2} ms", median(&warm.cpu)),
                &format!("{:.1} MiB", seen.peak),
                &seen.descriptors,
                &format!("{:.1} kB", seen.log / 1e3),
            ]);
            first.push((size as f64, median(&cold.seconds)));
            if size == 100 && share.is_some() {
                reach(&mut chapter, &seen);
            }
        }
        drawn.push(Line { name: format!("first invocation, {label}"), points: first });
    }
    let path = SIZES.map(|size| (size as f64, PATH.as_secs_f64())).to_vec();
    drawn.push(Line { name: "critical path: 3.5 s".to_owned(), points: path });
    lines(
        "batches.svg",
        "Time of one invocation against the size of its batch",
        "sessions in the batch",
        "seconds",
        &drawn,
    );
    chapter.plots.push((
        "batches.svg".to_owned(),
        "Time of one invocation against the size of its batch".to_owned(),
    ));
    chapter.tables.push(table);
    chapter.remarks.push(
        "What stands in the way of 1.05 × and of 0.5 ms at 128 MB: all uploads end in one moment here, and \
         then a hundred sessions need 200 TLS handshakes (0.25 ms of CPU each: RSA, X25519) and 300 calls \
         (0.1 to 0.15 ms each: the SDK's own path, signing, allocation, sockets). That is some 100 ms of CPU \
         in the first invocation and 65 in the next, at 7.24 % of a core. Up to 25 sessions in a batch, 1.05 \
         × is kept; at 256 MB the share is twice as large. [What was tried](decisions/rejected.md): another \
         allocator, an optimised build, fewer connections, connections opened ahead."
            .to_owned(),
    );
    chapter
}

/// The numbers to reach, of a batch of 100 at 128 MB.
fn reach(chapter: &mut Chapter, seen: &Seen) {
    let (cold, warm) = (&seen.cold, &seen.warm);
    chapter.reach(
        "batch of 100 at 128 MB, first invocation, to its critical path",
        cold.to_the_path(),
        1.05,
        "×",
    );
    chapter.reach(
        "CPU of a session in a batch of 100, TLS included, first invocation",
        median(&cold.cpu),
        0.5,
        "ms",
    );
    chapter.reach(
        "CPU of a session in a batch of 100, TLS included, next invocation",
        median(&warm.cpu),
        0.5,
        "ms",
    );
    chapter.reach("peak memory, batch of 100", seen.peak, 32.0, "MiB");
}

/// The first invocation of a process, with a batch of so many.
pub(super) struct First {
    pub(super) took: Duration,
    pub(super) log_bytes: usize,
    /// What AWS and the containers were asked.
    pub(super) calls: Vec<Call>,
}

/// Measures one, at 128 MB where that can be had.
pub(super) fn first(authority: &Authority, size: usize) -> First {
    let aws = Aws::serve(Setup { latency: SLOW, ..Setup::in_real_time() }, authority);
    let share = Share::of(SMALL).ok();
    let instance = Instance::start(&mut deployed("completion"), aws.variables());
    let initialised = instance.asks_for_next();
    if let Some(share) = &share {
        share.take(instance.id());
    }
    let sessions = aws.sessions(size);
    // Lambda bills initialisation, too; of many invocations of a process only the first has one.
    let took = initialised + instance.invoke(&aws.batch(&sessions), Duration::from_mins(1)).took;
    instance.asks_for_next();
    let calls = aws.world().calls();
    First { took, log_bytes: instance.end().bytes, calls }
}

fn batches(authority: &Authority, size: usize, share: Option<&Share>) -> Seen {
    let mut seen = Seen {
        cold: Sample::default(),
        warm: Sample::default(),
        peak: 0.0,
        descriptors: 0,
        log: 0.0,
    };
    for _ in 0..ROUNDS {
        let aws = Aws::serve(Setup { latency: SLOW, ..Setup::in_real_time() }, authority);
        let instance = Instance::start(&mut deployed("completion"), aws.variables());
        instance.asks_for_next();
        // Lambda lends a whole core while a function initialises.
        if let Some(share) = share {
            share.take(instance.id());
        }
        for sample in [&mut seen.cold, &mut seen.warm] {
            let sessions = aws.sessions(size);
            let answer = instance.invoke(&aws.batch(&sessions), Duration::from_mins(1));
            let failed = &answer.body["batchItemFailures"];
            assert_eq!(failed.as_array().map(Vec::len), Some(0), "{}", answer.body);
            sample.seconds.push(answer.took.as_secs_f64());
            sample.cpu.push(answer.cpu.as_secs_f64() * 1e3 / size as f64);
            instance.asks_for_next();
        }
        seen.peak = seen.peak.max(instance.peak());
        seen.descriptors = seen.descriptors.max(instance.descriptors());
        aws.world().assert_unharmed();
        seen.log = instance.end().bytes as f64 / (2 * size) as f64;
    }
    seen
}
