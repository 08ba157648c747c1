//! How long a sweep takes that finds nothing, against the number of tasks.

use crate::authority::Authority;
use crate::aws::{Aws, CALL};
use crate::chapter::{Chapter, Table, median};
use crate::lambda::{Answer, Instance, deployed};
use crate::plot::{Line, lines};
use serde_json::{Value, json};
use session_cleanup_tests::World;
use session_cleanup_tests::world::{Api, Limits, Rate};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::sync::mpsc;
use std::time::{Duration, Instant};

const SIZES: [usize; 3] = [1_000, 10_000, 100_000];

/// A target group holds so many: more of the sessions are not registered.
pub(super) const A_GROUP: usize = 1_000;

/// What the template gives the reaper.
pub(super) const TIMEOUT: Duration = Duration::from_mins(4);

const LEASE: Duration = Duration::from_hours(10);

/// One page of a listing, and one look, hold so many tasks.
pub(super) const A_PAGE: f64 = 100.0;

/// So many bare calls show how long one takes here, and what they take out of the bucket is back after so long.
const BARE_CALLS: usize = 20;
const BUCKET_FILLS: Duration = Duration::from_secs(3);

/// What was seen of one sweep.
struct Seen {
    size: usize,
    answer: Answer,
    /// What one bare call takes, in seconds.
    call: f64,
    reads: usize,
    pages: usize,
    calls: usize,
    throttled: usize,
    peak: f64,
    /// What the doctor says: how many seconds a sweep has to look. It lists no large fleet in its own time.
    looking: Option<u64>,
}

impl Seen {
    fn seconds(&self) -> f64 {
        self.answer.took.as_secs_f64()
    }

    /// What AWS's bucket of reads, and pages one after the other with a look at the last, take at least.
    fn limit_of(&self, call: f64) -> f64 {
        let bucket = Limits::READS.least_seconds_of(self.reads as f64);
        bucket.max(call * (self.pages + 1) as f64)
    }

    fn limit(&self) -> f64 {
        self.limit_of(self.call)
    }

    fn to_the_limit(&self) -> f64 {
        self.seconds() / self.limit()
    }
}

/// What the schedule invokes the reaper with.
pub(super) fn scheduled() -> Value {
    json!({ "source": "aws.events", "detail-type": "Scheduled Event" })
}

pub(crate) fn measure(authority: &Authority) -> Chapter {
    let mut chapter = Chapter::new(
        "Sweeps of a quiet fleet",
        "The reaper as it is deployed sweeps fleets in which nothing is wrong, each task alive and leased, the first \
         1,000 registered in a target group. Every call to AWS takes 50 ms, AWS's token buckets are the published \
         ones (100 reads of ECS at once, 20 a second), and the reaper may take all of them \
         (`RATE_SHARE_PERCENT=100`). No listing can be faster than the bucket, (reads − 100) / 20 s, nor than its \
         pages one after the other and the look at the last, each as long as a bare socket without TLS waits for it \
         in the same world: some milliseconds more than 50, for the simulation's own timers and work. One run each.",
    );
    let seen = SIZES.map(|size| {
        let seen = sweep(authority, size);
        println!(
            "  {size} tasks: {:.2} s, {:.3} × AWS's limit, a bare call {:.1} ms, {:.2} s of CPU, {:.1} MiB",
            seen.seconds(),
            seen.to_the_limit(),
            seen.call * 1e3,
            seen.answer.cpu.as_secs_f64(),
            seen.peak,
        );
        seen
    });
    chapter.tables.push(table(&seen));
    let [smallest, middle, largest] = &seen;
    for one in [middle, largest] {
        let what = format!("sweep of {} tasks, to what AWS's buckets allow", thousands(one.size));
        chapter.reach(&what, one.to_the_limit(), 1.1, "×");
    }
    chapter.reach("peak memory, sweep of 10,000 tasks", middle.peak, 64.0, "MiB");
    let line = |name: &str, of: fn(&Seen) -> f64| Line {
        name: name.to_owned(),
        points: seen.iter().map(|one| (one.size as f64 / 1e3, of(one))).collect(),
    };
    let drawn = [line("a sweep", Seen::seconds), line("what AWS's buckets allow", Seen::limit)];
    let title = "Time of a sweep that finds nothing";
    lines("sweeps.svg", title, "thousands of tasks", "seconds", &drawn);
    chapter.plots.push(("sweeps.svg".to_owned(), title.to_owned()));
    chapter.remarks.push(growth(smallest, largest));
    chapter.remarks.push(what_fits(smallest.looking.unwrap()));
    chapter
}

fn table(seen: &[Seen]) -> Table {
    let heads = [
        "tasks",
        "time",
        "limit",
        "× limit",
        "× at 50 ms a call",
        "a bare call",
        "calls",
        "of them reads",
        "throttled",
        "CPU",
        "peak memory",
    ];
    let mut table = Table::new(heads);
    for one in seen {
        table.row([
            &thousands(one.size),
            &format!("{:.2} s", one.seconds()),
            &format!("{:.2} s", one.limit()),
            &format!("{:.3}", one.to_the_limit()),
            &format!("{:.3}", one.seconds() / one.limit_of(CALL.as_secs_f64())),
            &format!("{:.1} ms", one.call * 1e3),
            &one.calls,
            &one.reads,
            &one.throttled,
            &format!("{:.2} s", one.answer.cpu.as_secs_f64()),
            &format!("{:.1} MiB", one.peak),
        ]);
    }
    table
}

fn sweep(authority: &Authority, size: usize) -> Seen {
    let aws = Aws::of_a_fleet(authority);
    for number in 0..size {
        let session = aws.world().session(&format!("session-{number}")).leased_for(LEASE);
        if number < A_GROUP {
            session.start()
        } else {
            session.unregistered().start()
        };
    }
    let call = bare_call(&aws);
    let instance = Instance::start(&mut deployed("reaper"), &aws.variables_of_a_reaper(25));
    instance.asks_for_next();
    let world = aws.world();
    let (calls, reads, pages) = (world.calls_sent(), reads_of(world), world.count(Api::ListTasks));
    let answer = instance.invoke(&scheduled(), TIMEOUT);
    let report = &answer.body;
    assert_eq!(report["counts"]["session_tasks"], size, "{report}");
    assert_eq!(report["not_decided"], json!([]), "{report}");
    assert_eq!(report["tasks"], json!([]), "{report}");
    world.assert_unharmed();
    let (calls, reads) = (world.calls_sent() - calls, reads_of(world) - reads);
    let pages = world.count(Api::ListTasks) - pages;
    let (throttled, peak) = (world.throttles(), instance.peak());
    instance.asks_for_next();
    let doctor =
        (size == SIZES[0]).then(|| instance.invoke(&json!({ "doctor": {} }), TIMEOUT).body);
    let looking = doctor.as_ref().map(time_to_look);
    Seen { size, answer, call, reads, pages, calls, throttled, peak, looking }
}

/// The median of what a page of a listing takes without the SDK and without TLS, in seconds, while each page before
/// is looked at over another connection.
fn bare_call(aws: &Aws) -> f64 {
    let cluster = &aws.world().setup().clusters[0];
    let (mut listing, mut looking) = (Bare::connect(aws), Bare::connect(aws));
    let (pages, looks) = mpsc::channel::<Value>();
    let looker = std::thread::spawn(move || {
        for look in looks {
            looking.call("DescribeTasks", &look);
        }
    });
    let one = |_| {
        let began = Instant::now();
        let page = listing.call("ListTasks", &json!({ "cluster": cluster }));
        let took = began.elapsed().as_secs_f64();
        let look = json!({ "cluster": cluster, "tasks": page["taskArns"], "include": ["TAGS"] });
        pages.send(look).unwrap();
        took
    };
    let calls: Vec<f64> = (0..BARE_CALLS).map(one).collect();
    drop(pages);
    looker.join().unwrap();
    std::thread::sleep(BUCKET_FILLS);
    median(&calls)
}

/// A connection without anything that a client does beside asking.
struct Bare(BufReader<TcpStream>);

impl Bare {
    fn connect(aws: &Aws) -> Self {
        let stream = TcpStream::connect(aws.address_without_tls()).unwrap();
        stream.set_nodelay(true).unwrap();
        Self(BufReader::new(stream))
    }

    fn call(&mut self, operation: &str, body: &Value) -> Value {
        let body = body.to_string();
        let request = format!(
            "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-amz-json-1.1\r\n\
             X-Amz-Target: AmazonEC2ContainerServiceV20141113.{operation}\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        self.0.get_mut().write_all(request.as_bytes()).unwrap();
        let (mut line, mut length) = (String::new(), 0);
        while line != "\r\n" {
            line.clear();
            self.0.read_line(&mut line).unwrap();
            let name_and_value = line.to_ascii_lowercase();
            let value = name_and_value.strip_prefix("content-length:");
            length = value.map_or(length, |text| text.trim().parse().unwrap());
        }
        let mut answer = vec![0; length];
        self.0.read_exact(&mut answer).unwrap();
        serde_json::from_slice(&answer).unwrap()
    }
}

/// Calls that take from the bucket of ECS's reads.
pub(super) fn reads_of(world: &World) -> usize {
    [Api::ListClusters, Api::ListTasks, Api::DescribeTasks].map(|api| world.count(api)).iter().sum()
}

fn time_to_look(examination: &Value) -> u64 {
    let text = examination.to_string();
    let said = text.split_once("A sweep has ").and_then(|(_, rest)| rest.split_once(" s to look"));
    said.and_then(|(seconds, _)| seconds.parse().ok())
        .unwrap_or_else(|| panic!("the doctor says nothing of it: {text}"))
}

fn growth(smallest: &Seen, largest: &Seen) -> String {
    let tasks = (largest.size - smallest.size) as f64;
    let a_task = |of: f64| of / tasks;
    let cpu = largest.answer.cpu.as_secs_f64() - smallest.answer.cpu.as_secs_f64();
    format!(
        "Calls grow by {:.1} for each 100 tasks, a page and a look: nothing is asked of a task that is alive. Time \
         grows with them, at AWS's {:.0} reads a second. Each task costs {:.0} bytes of memory and \
         {:.0} µs of CPU.",
        a_task((largest.calls - smallest.calls) as f64) * 100.0,
        Limits::READS.refill,
        a_task((largest.peak - smallest.peak) * 1024.0 * 1024.0),
        a_task(cpu) * 1e6,
    )
}

fn what_fits(looking: u64) -> String {
    let Rate { burst, refill } = Limits::READS;
    let fitting = |share: f64| {
        let pages = (burst + refill * looking as f64) * share / 2.0;
        format!("{:.0},000", (pages * A_PAGE / 1e3).floor())
    };
    format!(
        "With the template's timeout of {} s a sweep has {looking} s to look; the rest is kept for one round of \
         acting and for the record. In that time AWS's buckets allow to list {} tasks, and {} at half of its rates, \
         which is the default. A sweep whose reads take two thirds of that says so among its `problems`, with the size \
         at which it will no longer fit, and `SweepProblemsAlarm` rings. Of a larger fleet a sweep sees no whole \
         listing: it says `incomplete`, and acts on what needs none.",
        TIMEOUT.as_secs(),
        fitting(1.0),
        fitting(0.5),
    )
}

/// A count with its thousands set apart.
pub(super) fn thousands(count: usize) -> String {
    let digits = count.to_string();
    let groups: Vec<&str> = digits
        .as_bytes()
        .rchunks(3)
        .rev()
        .map(|group| std::str::from_utf8(group).unwrap())
        .collect();
    groups.join(",")
}
