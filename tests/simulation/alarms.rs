//! Every alarm of the template, evaluated over what the functions print in simulated hours: that it rings in time,
//! that it ends, and that it rings on no fresh and on no quiet stack. At a sweep every five minutes, and every hour.

mod conditions;
mod dashboard;
mod stage;

use comfy_table::{Table, presets};
use conditions::Condition;
use conditions::of_sweeps::silence_rings_within;
use session_cleanup_tests::alarms::{
    ASSUMPTIONS, Alarm, Change, Missing, Published, State, alarm, alarms,
};
use session_cleanup_tests::world::{Api, Fault, TaskHandle};
use stage::Stage;
use std::collections::BTreeSet;
use std::time::Duration;

/// The ends of the range of `SweepEvery`, in minutes.
const CADENCES: [i64; 2] = [5, 60];

/// What became of a stack in which a condition was played.
struct Played {
    published: Published,
    created: i64,
    begins: i64,
    ends: i64,
    until: i64,
}

/// Runs in virtual time.
fn in_virtual_time<T>(story: impl Future<Output = T>) -> T {
    let builder = &mut tokio::runtime::Builder::new_current_thread();
    builder.enable_all().start_paused(true).build().unwrap().block_on(story)
}

async fn play(condition: &Condition, every: i64) -> Played {
    let mut stage = Stage::new(every, condition.mode);
    stage.live_for(2 * every).await;
    stage.live_until_after_a_sweep().await;
    let begins = stage.now();
    (condition.begins)(&mut stage);
    stage.live_for((condition.lasts)(every)).await;
    let ends = stage.now();
    (condition.ends)(&mut stage);
    stage.live_for((condition.is_over_within)(every) + 2 * every).await;
    stage.world.assert_unharmed();
    let (created, until) = (stage.created, stage.until);
    Played { published: stage.published, created, begins, ends, until }
}

/// Minutes from the condition's begin until the alarm rings, and from its end until the alarm is over: the longest
/// under all that CloudWatch may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Takes {
    to_ring: i64,
    to_end: i64,
}

fn rings(alarm: &Alarm, change: &Change) -> bool {
    alarm.rings_in.contains(&change.to)
}

/// Whether an alarm does what its condition asks of it.
fn judge(
    alarm: &Alarm,
    condition: &Condition,
    every: i64,
    played: &Played,
) -> Result<Takes, String> {
    let Played { published, created, begins, ends, until } = played;
    let minutes = |seconds: i64| (seconds + 59) / 60;
    let mut longest = Takes { to_ring: 0, to_end: 0 };
    for under in ASSUMPTIONS {
        let changes = alarm.changes(published, *created, *until, under);
        let told = || {
            let changes = changes.iter();
            let told =
                changes.map(|change| format!("{:?} at {}", change.to, minutes(change.at - begins)));
            format!("{under:?}: {}", told.collect::<Vec<_>>().join(", "))
        };
        let mut ringing = changes.iter().skip_while(|change| !rings(alarm, change));
        let Some(rang) = ringing.next() else { return Err(format!("it never rings; {}", told())) };
        if rang.at <= *begins {
            return Err(format!("it rings before its condition; {}", told()));
        }
        let to_ring = minutes(rang.at - begins);
        if to_ring > (condition.rings_within)(every) {
            return Err(format!("it rings after {to_ring} min; {}", told()));
        }
        let Some(over) = ringing.next() else { return Err(format!("it never ends; {}", told())) };
        if over.at < *ends {
            return Err(format!("it ends while its condition lasts; {}", told()));
        }
        if over.to != State::Ok || !alarm.tells_of_its_end {
            return Err(format!("nobody is told that it is over; {}", told()));
        }
        let to_end = minutes(over.at - ends);
        if to_end > (condition.is_over_within)(every) {
            return Err(format!("it ends after {to_end} min; {}", told()));
        }
        if let Some(again) = ringing.find(|change| rings(alarm, change)) {
            let at = minutes(again.at - begins);
            return Err(format!("it rings once more at {at}; {}", told()));
        }
        longest.to_ring = longest.to_ring.max(to_ring);
        longest.to_end = longest.to_end.max(to_end);
    }
    Ok(longest)
}

/// Every condition at each cadence, on two threads: there are hours to be lived through.
fn judge_all() -> Vec<Result<[Takes; 2], String>> {
    let at_both = |condition: &Condition| {
        let judged = CADENCES.map(|every| {
            let played = in_virtual_time(play(condition, every));
            let alarm = alarm(condition.alarm, &format!("{every}m"));
            let judged = judge(&alarm, condition, every, &played);
            judged.map_err(|why| format!("at {every}m: {why}"))
        });
        let [often, seldom] = judged;
        Ok([often?, seldom?])
    };
    let all = conditions::all();
    std::thread::scope(|scope| {
        let halves: Vec<_> = all
            .chunks(all.len().div_ceil(2))
            .map(|half| scope.spawn(move || half.iter().copied().map(at_both).collect::<Vec<_>>()))
            .collect();
        halves.into_iter().flat_map(|half| half.join().unwrap()).collect()
    })
}

/// The alarms that ring, under anything that CloudWatch may do.
fn ringing(every: i64, stage: &Stage) -> BTreeSet<String> {
    let until = stage.until;
    assert!(until > stage.created + 3_600, "the stack has lived");
    let rung = alarms(&format!("{every}m")).into_iter().filter(|alarm| {
        ASSUMPTIONS.iter().any(|under| {
            let changes = alarm.changes(&stage.published, stage.created, until, *under);
            changes.iter().any(|change| rings(alarm, change))
        })
    });
    rung.map(|alarm| alarm.name).collect()
}

#[test]
fn every_alarm_has_a_condition_that_is_played() {
    let played: BTreeSet<&str> =
        conditions::all().into_iter().map(|condition| condition.alarm).collect();
    let declared = alarms("5m");
    assert_eq!(played, declared.iter().map(|alarm| alarm.name.as_str()).collect());
}

/// The table of `docs/alarms.md`.
#[test]
fn every_alarm_rings_in_time_and_ends_and_never_without_its_condition() {
    let mut table = Table::new();
    table.load_style(presets::ASCII_MARKDOWN).set_header([
        "alarm",
        "condition",
        "rings after (5m)",
        "(60m)",
        "OK after (5m)",
        "(60m)",
    ]);
    let mut wrong = Vec::new();
    for (condition, judged) in conditions::all().into_iter().zip(judge_all()) {
        let row = judged.map(|[often, seldom]| {
            let minutes = [often.to_ring, seldom.to_ring, often.to_end, seldom.to_end];
            let cells = [condition.alarm.to_owned(), condition.what.to_owned()];
            cells.into_iter().chain(minutes.map(|minutes| minutes.to_string()))
        });
        match row {
            Ok(row) => drop(table.add_row(row)),
            Err(why) => wrong.push(format!("{} ({}): {why}", condition.alarm, condition.what)),
        }
    }
    println!("{table}");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let page = include_str!("../../docs/alarms.md");
    for row in table.to_string().lines().skip(2) {
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        let row = cells.join(" | ");
        assert!(page.contains(row.trim()), "docs/alarms.md lacks the row {}", row.trim());
    }
    let rows = page.lines().filter(|line| line.contains("Alarm |")).count();
    assert_eq!(rows, conditions::all().len(), "docs/alarms.md has rows that nobody plays");
}

async fn quiet(every: i64, mode: &'static str) -> Stage {
    let mut stage = Stage::new(every, mode);
    stage.live_for(8 * every + 30).await;
    stage
}

/// Its first sweep is an interval away, and then nothing happens but what always does.
#[test]
fn no_alarm_rings_on_a_fresh_and_quiet_stack() {
    for every in [5, 10, 15, 30, 60] {
        for mode in ["report", "enforce"] {
            let stage = in_virtual_time(quiet(every, mode));
            assert_eq!(ringing(every, &stage), BTreeSet::new(), "{every}m, {mode}");
        }
    }
}

fn of(name: &str) -> &'static Condition {
    conditions::all().into_iter().find(|condition| condition.alarm == name).unwrap()
}

#[test]
fn missing_sweeps_ring_within_three_and_a_half_intervals_and_ten_minutes_at_every_cadence() {
    let silence = of("NoSweepAlarm");
    for every in [5, 10, 15, 30, 60] {
        let played = in_virtual_time(play(silence, every));
        let alarm = alarm("NoSweepAlarm", &format!("{every}m"));
        let judged = judge(&alarm, silence, every, &played);
        let takes = judged.unwrap_or_else(|why| panic!("{every}m: {why}"));
        assert!(
            takes.to_ring <= silence_rings_within(every) && takes.to_ring > 2 * every,
            "{every}m: {takes:?}"
        );
    }
}

/// What `until` does in between, for so many intervals.
async fn story(
    every: i64,
    mode: &'static str,
    mut each_interval: impl FnMut(&mut Stage, i64),
) -> Stage {
    let mut stage = Stage::new(every, mode);
    stage.live_until_after_a_sweep().await;
    for number in 0..(150 / every).max(6) {
        each_interval(&mut stage, number);
        stage.live_for(every).await;
    }
    stage
}

fn start_an_orphan(stage: &Stage, number: i64) -> TaskHandle {
    let session = stage.world.session(&format!("orphan-{number}"));
    session.started_ago(Duration::from_hours(3)).start()
}

/// The next one makes up for it, and tickets tell why.
#[test]
fn one_sweep_that_is_missing_is_no_silence_at_any_cadence() {
    for every in [5, 10, 15, 30, 60] {
        let stage = in_virtual_time(story(every, "enforce", |stage, number| {
            stage.sweeps = number != 2;
        }));
        assert_eq!(ringing(every, &stage), BTreeSet::new(), "{every}m");
    }
}

/// Nothing is left to a person where each sweep reaps what it finds, and where one bad sweep is made up for.
#[test]
fn orphans_that_are_reaped_by_the_next_sweep_ring_nothing() {
    for every in CADENCES {
        let reaped = story(every, "enforce", |stage, number| drop(start_an_orphan(stage, number)));
        let stage = in_virtual_time(reaped);
        assert_eq!(ringing(every, &stage), BTreeSet::new(), "{every}m: each sweep reaps");
        let one_bad_sweep = story(every, "enforce", |stage, number| match number {
            1 => {
                let orphan = start_an_orphan(stage, number);
                let stop = Fault::on(Api::StopTask).of(orphan.arn());
                stage.world.fault(stop.always().denied());
            }
            _ => stage.world.faults_cease(),
        });
        let stage = in_virtual_time(one_bad_sweep);
        assert_eq!(ringing(every, &stage), BTreeSet::new(), "{every}m: one bad sweep");
    }
}

/// A vain salvage ends by itself, with a loss that has an alarm of its own.
#[test]
fn an_orphan_that_is_given_up_within_its_salvage_window_does_not_remain() {
    for every in CADENCES {
        let given_up = story(every, "enforce", |stage, number| {
            if number == 1 {
                let session = stage.world.session("failing").started_ago(Duration::from_hours(3));
                session.upload_never_works().start();
            }
        });
        let stage = in_virtual_time(given_up);
        let expected = BTreeSet::from(["ArtifactsLostAlarm".to_owned()]);
        assert_eq!(ringing(every, &stage), expected, "{every}m");
    }
}

/// Nobody has acted: no limit was met.
#[test]
fn the_mode_report_reaches_no_limit_however_much_it_would_do() {
    for every in CADENCES {
        let report = story(every, "report", |stage, number| {
            if number == 0 {
                (0..40).for_each(|number| drop(start_an_orphan(stage, number)));
            }
        });
        let stage = in_virtual_time(report);
        let expected = BTreeSet::from(["OrphansRemainAlarm".to_owned()]);
        assert_eq!(ringing(every, &stage), expected, "{every}m");
    }
}

/// It used to ring for the depth of the dead-letter queue, and one message in it muted all others.
#[test]
fn an_old_dead_letter_mutes_no_new_one() {
    let stage = in_virtual_time(story(5, "enforce", |stage, number| {
        if number % 8 == 2 {
            stage.send_again(serde_json::json!({"detail-type": "Session Finished"}), 4);
        }
    }));
    assert!(stage.dead_letters >= 3, "{}", stage.dead_letters);
    let alarm = alarm("LastAttemptsFailedAlarm", "5m");
    for under in ASSUMPTIONS {
        let changes = alarm.changes(&stage.published, stage.created, stage.until, under);
        let rung = changes.iter().filter(|change| rings(&alarm, change)).count();
        assert!(rung >= 3, "{under:?}: {changes:?}");
    }
}

/// Each of these was in the template once, or would look right.
#[test]
fn a_planted_mistake_is_noticed() {
    type Mistake = fn(&mut Alarm);
    let mistakes: [(&str, i64, &str, Mistake); 9] = [
        ("BlastRadiusReachedAlarm", 60, "a period of five minutes", |alarm| alarm.period = 300),
        ("SweepProblemsAlarm", 60, "two periods", |alarm| alarm.periods = 2),
        ("ForeignTargetsAlarm", 60, "a period of an interval", |alarm| alarm.period = 3_600),
        ("OrphansRemainAlarm", 60, "a threshold of five minutes' sweeps", |alarm| {
            alarm.threshold = 12.0;
        }),
        ("OrphansRemainAlarm", 5, "a metric that nobody writes", |alarm| {
            alarm.metric.1 = "OrphansLeft".to_owned();
        }),
        ("LastAttemptsFailedAlarm", 5, "no dimension", |alarm| alarm.metric.2 = String::new()),
        ("NoSweepAlarm", 60, "a period of three intervals", |alarm| {
            (alarm.period, alarm.periods) = (10_800, 1);
        }),
        ("NoSweepAlarm", 5, "silence that is taken for breaching", |alarm| {
            alarm.missing = Missing::Breaching;
        }),
        ("UnidentifiedTasksAlarm", 5, "an end that nobody is told of", |alarm| {
            alarm.tells_of_its_end = false;
        }),
    ];
    for (name, every, what, mistake) in mistakes {
        let played = in_virtual_time(play(of(name), every));
        let mut planted = alarm(name, &format!("{every}m"));
        assert!(judge(&planted, of(name), every, &played).is_ok(), "{name}");
        mistake(&mut planted);
        let judged = judge(&planted, of(name), every, &played);
        assert!(judged.is_err(), "{name} with {what} is as good: {judged:?}");
    }
}
