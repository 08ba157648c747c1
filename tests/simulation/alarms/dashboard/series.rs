//! Statistics of what was published, one data point a period.

use super::body::Metric;
use super::story::Told;

/// The data points of one curve: begin of the period, value.
pub(super) struct Drawn<'a> {
    pub(super) metric: &'a Metric,
    pub(super) points: Vec<(i64, f64)>,
}

impl<'a> Drawn<'a> {
    pub(super) fn of(metrics: &'a [Metric], told: &Told) -> Vec<Self> {
        metrics.iter().map(|metric| Self { metric, points: points(metric, told) }).collect()
    }

    /// What a number shows.
    pub(super) fn newest(&self) -> Option<f64> {
        self.points.last().map(|(_, value)| *value)
    }

    pub(super) fn largest(&self) -> f64 {
        self.points.iter().map(|(_, value)| *value).fold(0.0, f64::max)
    }

    /// The data points that no line leads to.
    pub(super) fn alone(&self) -> Vec<(i64, f64)> {
        if self.points.len() == 1 { self.points.clone() } else { Vec::new() }
    }
}

fn points(metric: &Metric, told: &Told) -> Vec<(i64, f64)> {
    let shown = told.published.values(&metric.id).iter();
    let shown: Vec<_> = shown.filter(|(at, _)| (told.from..told.until).contains(at)).collect();
    let begin = |at: i64| metric.period.map_or(told.from, |period| at - at.rem_euclid(period));
    let periods = shown.chunk_by(|one, next| begin(one.0) == begin(next.0));
    let point = |values: &[&(i64, f64)]| {
        let at = begin(values[0].0).max(told.from);
        (at, statistic(&metric.statistic, values.iter().map(|(_, value)| *value).collect()))
    };
    periods.map(point).collect()
}

fn statistic(name: &str, mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    match name {
        "Sum" => values.iter().sum(),
        "Maximum" => values[values.len() - 1],
        "p95" => values[(values.len() * 95).div_ceil(100) - 1],
        other => panic!("nobody computes {other}"),
    }
}

#[test]
fn a_percentile_is_the_value_below_which_so_many_are() {
    let hundred: Vec<f64> = (1..=100).rev().map(f64::from).collect();
    let of = |name, values: &[f64]| statistic(name, values.to_vec()).to_string();
    assert_eq!(of("p95", &hundred), "95");
    assert_eq!(of("p95", &[7.0]), "7");
    assert_eq!(of("Maximum", &hundred), "100");
    assert_eq!(of("Sum", &hundred), "5050");
}
