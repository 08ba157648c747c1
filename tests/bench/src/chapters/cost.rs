//! What a month costs, from measured durations and AWS's prices; written as a page of its own.

use super::batches;
use super::sweeps::{TIMEOUT, scheduled};
use crate::authority::Authority;
use crate::aws::{Aws, UPLOAD};
use crate::chapter::{Chapter, Table, figure};
use crate::lambda::{Instance, deployed};
use session_cleanup::metrics::METRICS;
use session_cleanup_tests::world::{Api, Call};
use std::time::Duration;

const PAGE: &str = "docs/cost.md";

/// Prices in USD, us-east-1, of November 2026, without free tiers.
mod price {
    /// A GB-second of Lambda on x86 (<https://aws.amazon.com/lambda/pricing/>).
    pub(super) const GB_SECOND: f64 = 0.000_016_666_7;
    /// An invocation.
    pub(super) const INVOCATION: f64 = 0.20e-6;
    /// A request to a standard queue (<https://aws.amazon.com/sqs/pricing/>).
    pub(super) const SQS: f64 = 0.40e-6;
    /// A custom event (<https://aws.amazon.com/eventbridge/pricing/>).
    pub(super) const EVENT: f64 = 1.00e-6;
    /// PUT and LIST (<https://aws.amazon.com/s3/pricing/>).
    pub(super) const PUT: f64 = 5.00e-6;
    /// GET and HEAD.
    pub(super) const GET: f64 = 0.40e-6;
    /// A GB of logs taken in (<https://aws.amazon.com/cloudwatch/pricing/>).
    pub(super) const LOG_GB: f64 = 0.50;
    /// A custom metric, a month.
    pub(super) const METRIC: f64 = 0.30;
    /// An alarm, a month.
    pub(super) const ALARM: f64 = 0.10;
    /// A dashboard, a month.
    pub(super) const DASHBOARD: f64 = 3.00;
    /// An interface endpoint of a VPC, an hour in one Availability Zone.
    pub(super) const ENDPOINT_HOUR: f64 = 0.01;
    /// An hour of a Fargate task of 1 vCPU and 2 GB (<https://aws.amazon.com/fargate/pricing/>).
    pub(super) const TASK_HOUR: f64 = 0.040_48 + 2.0 * 0.004_445;
}

const MILLION: f64 = 1e6;

/// Memory of the functions, in GB (`template.yaml`).
const COMPLETION: f64 = 0.125;
const REAPER: f64 = 0.25;

/// Sweeps a month, one every five minutes.
const SWEEPS: f64 = 30.0 * 24.0 * 12.0;

/// What a million sessions cost in batches of one size.
struct Sessions {
    size: usize,
    seconds: f64,
    compute: f64,
    requests: f64,
    s3: f64,
    log: f64,
}

pub(crate) fn measure(authority: &Authority) -> Chapter {
    let sizes = [1, 10, 100].map(|size| sessions(authority, size));
    let sweeps = [0, 1_000, 10_000].map(|tasks| (tasks, sweep(authority, tasks)));
    std::fs::write(PAGE, page(&sizes, &sweeps)).unwrap();
    let mut chapter = Chapter::new(
        "Cost",
        "From the measured durations and AWS's prices: [what a month costs](cost.md). Compute and requests of Lambda \
         alone, for a million sessions:",
    );
    let mut table =
        Table::new(["sessions a batch", "billed an invocation", "Lambda, a million sessions"]);
    for one in &sizes {
        let lambda = one.compute + one.requests;
        table.row([&one.size, &figure(one.seconds, "s"), &format!("{lambda:.2} USD")]);
        if one.size > 1 {
            let what = format!("Lambda for a million sessions, in batches of {}", one.size);
            chapter.reach(&what, lambda, 1.0, "USD");
        }
    }
    chapter.tables.push(table);
    chapter.remarks.push(
        "Alone in its batch a session costs more, for it pays for all of the waiting: 3 s of its 3.5 are its container's \
         upload. No code of ours can shorten them; a longer batching window lets more sessions share them."
            .to_owned(),
    );
    chapter
}

fn sessions(authority: &Authority, size: usize) -> Sessions {
    let run = batches::first(authority, size);
    let invocations = MILLION / size as f64;
    let log_gb = run.log_bytes as f64 / size as f64 * MILLION / 1e9;
    Sessions {
        size,
        seconds: run.took.as_secs_f64(),
        compute: invocations * run.took.as_secs_f64() * COMPLETION * price::GB_SECOND,
        requests: invocations * price::INVOCATION,
        s3: invocations * requests_to_s3(&run.calls),
        log: log_gb * price::LOG_GB,
    }
}

/// A sweep of so many live tasks at half of AWS's rates, which is the default: how long it takes, and what it
/// writes.
fn sweep(authority: &Authority, tasks: usize) -> (Duration, f64) {
    let aws = Aws::of_a_fleet(authority);
    for n in 0..tasks {
        let session = aws.world().session(&format!("live-{n}")).unregistered();
        let _ = session.leased_for(Duration::from_hours(1)).start();
    }
    let reaper = Instance::start(&mut deployed("reaper"), aws.variables());
    reaper.asks_for_next();
    let took = reaper.invoke(&scheduled(), TIMEOUT).took;
    let s3 = requests_to_s3(&aws.world().calls());
    let log = reaper.end().bytes as f64 / 1e9 * price::LOG_GB;
    (took, s3 + log)
}

/// What the requests to S3 among some calls cost.
fn requests_to_s3(calls: &[Call]) -> f64 {
    let count = |api| calls.iter().filter(|call| call.api == api).count() as f64;
    (count(Api::PutObject) + count(Api::ListObjects)) * price::PUT
        + (count(Api::GetObject) + count(Api::HeadObject)) * price::GET
}

fn page(sizes: &[Sessions], sweeps: &[(usize, (Duration, f64))]) -> String {
    let mut flow = Table::new([
        "sessions a batch",
        "billed an invocation",
        "Lambda compute",
        "Lambda requests",
        "SQS",
        "S3 requests",
        "logs",
        "sum",
    ]);
    for one in sizes {
        // Received and deleted together; a queue that is asked in vain costs as little as nothing.
        let sqs = 3.0 * MILLION / (one.size.min(10)) as f64 * price::SQS;
        let sum = one.compute + one.requests + sqs + one.s3 + one.log;
        flow.row([
            &one.size,
            &figure(one.seconds, "s"),
            &dollars(one.compute),
            &dollars(one.requests),
            &dollars(sqs),
            &dollars(one.s3),
            &dollars(one.log),
            &dollars(sum),
        ]);
    }
    let mut month = Table::new(["live tasks", "a sweep takes", "Lambda", "S3 and logs", "a month"]);
    for (tasks, (took, stored)) in sweeps {
        let lambda = SWEEPS * (took.as_secs_f64() * REAPER * price::GB_SECOND + price::INVOCATION);
        let stored = SWEEPS * stored;
        month.row([
            tasks,
            &figure(took.as_secs_f64(), "s"),
            &dollars(lambda),
            &dollars(stored),
            &dollars(lambda + stored),
        ]);
    }
    let template = std::fs::read_to_string("template.yaml").unwrap();
    let alarms = template.matches("Type: AWS::CloudWatch::Alarm").count();
    let metrics = METRICS.len();
    let watching = metrics as f64 * price::METRIC + alarms as f64 * price::ALARM + price::DASHBOARD;
    let upload = UPLOAD.as_secs();
    format!(
        "# What it costs\n\n\
         Written by `make bench CHAPTERS=cost` from durations that it measures and prices that are stated below; \
         nothing here was billed by AWS. USD, us-east-1, x86, November 2026, without free tiers. On arm64, which the \
         functions are built for too, Lambda's compute costs a fifth less.\n\n\
         ## A million sessions\n\n\
         Each ends with an event of its owner. A container's upload takes {upload} s, ELBv2 1 s a call, ECS 0.2 s, S3 \
         0.05 s; the completion function has 128 MB. How many sessions share an invocation is a matter of how many end \
         within the batching window of one second: of a million that are spread evenly over a month, one in three \
         has company; where sessions come and go in crowds, up to a hundred share one.\n\n{}\n\
         - The owner's `PutEvents` comes on top: {} for a million. Events of ECS cost nothing.\n\
         - Calls of ECS and ELBv2 cost nothing.\n\
         - Most of S3 is the receipt, one `PutObject` a session; and what is logged costs more than what is computed. \
         `LogLevel=warn` leaves the metrics and the problems.\n\n\
         ## The reaper's month\n\n\
         A sweep every five minutes, 256 MB, at half of AWS's rates (`RateSharePercent`), of a fleet in which nothing \
         has to be done.\n\n{}\n\
         ## Watching\n\n\
         {metrics} metrics at most (those of a kind that never comes up cost nothing), {alarms} alarms, one dashboard: \
         at most {} a month. It is the largest part of a small fleet's bill, unless the functions need a network of \
         their own: where the subnets have neither NAT nor interface endpoints yet, two endpoints (ECS, ELBv2) in two \
         Availability Zones cost about {} more.\n\n\
         ## The inspector's month\n\n\
         It runs when somebody asks. A thousand answers of 2 s at 256 MB: {}.\n\n\
         ## What it is to be held against\n\n\
         An hour of one forgotten task (1 vCPU, 2 GB): {}. A hundred forgotten tasks over a weekend of 60 hours: {}.\n\n\
         ## Prices\n\n\
         | what | USD | from |\n| --- | --- | --- |\n\
         | Lambda, GB-second | {} | <https://aws.amazon.com/lambda/pricing/> |\n\
         | Lambda, million requests | 0.20 | the same |\n\
         | SQS, million requests | 0.40 | <https://aws.amazon.com/sqs/pricing/> |\n\
         | EventBridge, million custom events | 1.00 | <https://aws.amazon.com/eventbridge/pricing/> |\n\
         | S3, million PUT or LIST | 5.00 | <https://aws.amazon.com/s3/pricing/> |\n\
         | S3, million GET or HEAD | 0.40 | the same |\n\
         | CloudWatch, GB of logs | 0.50 | <https://aws.amazon.com/cloudwatch/pricing/> |\n\
         | CloudWatch, metric, alarm, dashboard a month | 0.30, 0.10, 3.00 | the same |\n\
         | Fargate, vCPU hour and GB hour | 0.04048, 0.004445 | <https://aws.amazon.com/fargate/pricing/> |\n\
         | Interface endpoint, an hour in a zone | 0.01 | <https://aws.amazon.com/privatelink/pricing/> |\n",
        flow.markdown(),
        dollars(MILLION * price::EVENT),
        month.markdown(),
        dollars(watching),
        dollars(4.0 * 30.0 * 24.0 * price::ENDPOINT_HOUR),
        dollars(1_000.0 * (2.0 * 0.25 * price::GB_SECOND + price::INVOCATION)),
        dollars(price::TASK_HOUR),
        dollars(100.0 * 60.0 * price::TASK_HOUR),
        price::GB_SECOND,
    )
}

fn dollars(amount: f64) -> String {
    if amount < 0.005 { format!("{amount:.4}") } else { format!("{amount:.2}") }
}
