//! Very many sessions that end at once, through the queue.

use crate::authority::Authority;
use crate::chapter::{Chapter, Table};
use crate::plot::{Line, lines};
use session_cleanup_histories::drain::play;

const SIZES: [usize; 4] = [100, 1_000, 4_000, 10_000];

pub(crate) fn measure(_authority: &Authority) -> Chapter {
    let mut chapter = Chapter::new(
        "Drain: very many sessions that end at once",
        "All events are in the queue at once. At most ten invocations run side by side, in batches of 100, and know \
         nothing of each other; AWS takes 100 StopTasks at once and 40 a second, and an owner starts a session each \
         second from the same allowance. In virtual time, which is exact: the production code, the simulated AWS, \
         and SQS's semantics.",
    );
    let mut table = Table::new([
        "sessions",
        "last task stopped",
        "AWS's limit",
        "× limit",
        "throttled calls",
        "calls a session",
        "delivered again",
        "dead letters",
        "owners' starts throttled",
    ]);
    let (mut took, mut limit) = (vec![(0.0, 0.0)], vec![(0.0, 0.0)]);
    for size in SIZES {
        let drained = play(size);
        assert!(drained.violations.is_empty(), "{:?}", drained.violations);
        assert_eq!((drained.unclean, drained.dead_letters), (0, 0));
        let (seconds, least) = (drained.took.as_secs_f64(), drained.limit.as_secs_f64());
        println!("  {size}: {seconds:.1} s of {least:.1} s");
        table.row([
            &size,
            &format!("{seconds:.1} s"),
            &format!("{least:.1} s"),
            &if least > 0.0 { format!("{:.2}", seconds / least) } else { "–".to_owned() },
            &drained.throttled,
            &format!("{:.2}", drained.calls as f64 / size as f64),
            &drained.redelivered,
            &drained.dead_letters,
            &format!("{} of {}", drained.starts_throttled, drained.starts),
        ]);
        took.push((size as f64, seconds));
        limit.push((size as f64, least));
        if size == 10_000 {
            chapter.reach(
                "10,000 sessions that end at once, to AWS's limit",
                seconds / least,
                1.1,
                "×",
            );
        }
    }
    let drawn = [
        Line { name: "last task stopped".to_owned(), points: took },
        Line { name: "what AWS's rate of StopTask allows".to_owned(), points: limit },
    ];
    lines(
        "drain.svg",
        "Until the last of so many tasks is stopped",
        "sessions that end at once",
        "seconds",
        &drawn,
    );
    chapter.plots.push((
        "drain.svg".to_owned(),
        "Time until the last task is stopped against the number of sessions, beside AWS's limit"
            .to_owned(),
    ));
    chapter.tables.push(table);
    chapter.remarks.push("A session's own path (3.15 s until its stop) comes on top of AWS's limit, so small crowds are the worse ratio.".to_owned());
    chapter
}
