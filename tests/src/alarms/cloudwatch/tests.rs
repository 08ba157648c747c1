use super::*;

fn three_of_three(missing: Missing) -> Alarm {
    Alarm {
        name: "Documented".to_owned(),
        metric: Default::default(),
        statistic: Statistic::Maximum,
        period: 60,
        periods: 3,
        threshold: 0.5,
        comparison: Comparison::Greater,
        missing,
        rings_in: vec![State::Alarm],
        tells_of_its_end: true,
    }
}

/// The table of the page on missing data, for 3 of 3: the oldest data point first, `0` is within the threshold, `X`
/// breaches, `-` is missing. `None`: the state is retained.
#[test]
fn the_model_gives_what_the_documented_table_says() {
    let (ok, alarm, insufficient) =
        (Some(State::Ok), Some(State::Alarm), Some(State::InsufficientData));
    let table = [
        ("0-X-X", [ok, ok, ok, ok]),
        ("----0", [ok, ok, ok, ok]),
        ("-----", [insufficient, None, alarm, ok]),
        ("0XX-X", [alarm, alarm, alarm, alarm]),
        ("--X--", [alarm, None, alarm, ok]),
    ];
    for (points, expected) in table {
        let range: Vec<Option<bool>> = points
            .chars()
            .rev()
            .map(|point| match point {
                '0' => Some(false),
                'X' => Some(true),
                _ => None,
            })
            .collect();
        let treatments =
            [Missing::NoData, Missing::Ignored, Missing::Breaching, Missing::NotBreaching];
        for (missing, expected) in treatments.into_iter().zip(expected) {
            for before in [State::Ok, State::Alarm, State::InsufficientData] {
                let state = three_of_three(missing).judge(&range, before);
                assert_eq!(state, expected.unwrap_or(before), "{points} {missing:?} {before:?}");
            }
        }
    }
}

#[test]
fn a_value_counts_for_one_period_and_longer_where_nothing_newer_is_there() {
    let mut published = Published::default();
    let alarm = Alarm { periods: 1, period: 300, ..three_of_three(Missing::NotBreaching) };
    published.add(alarm.metric.clone(), 601, 1.0);
    let red = |under| {
        let changes = alarm.changes(&published, 0, 3_600, under);
        let [_, rings, ends] = changes[..] else { panic!("{changes:?}") };
        assert_eq!((rings.to, ends.to), (State::Alarm, State::Ok));
        (rings.at, ends.at)
    };
    let [narrow, wide, late, _] = ASSUMPTIONS;
    assert_eq!(red(narrow), (660, 960));
    assert_eq!(red(wide), (660, 960 + 2 * 300), "the range is wider by two");
    assert_eq!(red(late), (720, 960));
}
