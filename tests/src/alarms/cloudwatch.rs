//! How CloudWatch evaluates a metric alarm, as far as AWS documents it, and no further:
//!
//! - [Alarm evaluation](https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-evaluation.html): a
//!   period makes one data point; the alarm looks at the `EvaluationPeriods` (N) most recent ones, and goes to
//!   `ALARM` when `DatapointsToAlarm` (M) of them breach. Without M, as in all of ours, M is N. An alarm with
//!   periods of a minute or more is evaluated every minute.
//! - [Alarm evaluation window](https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-evaluation-window.html):
//!   by default the window slides: it ends at the evaluation, and periods are counted back from there.
//! - [Missing data](https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-missing-data.html):
//!   CloudWatch asks for more periods than N, the *evaluation range*. Where N real data points are in it, the most
//!   recent N count, and missing ones don't matter. Where there are fewer, all real ones count, and missing ones are
//!   filled in, as few as possible, by `TreatMissingData`. Where there is none: `missing` is `INSUFFICIENT_DATA`,
//!   `breaching` is `ALARM`, `notBreaching` is `OK`, and `ignore` leaves the state as it is.
//! - [`PutMetricAlarm`](https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html): a
//!   new alarm is in `INSUFFICIENT_DATA`. Actions are executed *when the state changes*, those of the new state.
//!
//! **How much wider the range is than N is not documented**, but for one example: 5 for N = 3. Nor is how late a
//! value of a log line can be seen. So each alarm is evaluated under several [`Assumptions`], and must keep its
//! promises under all of them.

use std::collections::BTreeMap;

/// An alarm's state.
#[expect(missing_docs, reason = "the names are those of AWS")]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    Ok,
    Alarm,
    InsufficientData,
}

/// What missing data is treated as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Missing {
    /// As bad.
    Breaching,
    /// As good.
    NotBreaching,
    /// As what was before.
    Ignored,
    /// As a state of its own.
    NoData,
}

/// What is made of the values of a period.
#[expect(missing_docs, reason = "the names are those of AWS")]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Statistic {
    Maximum,
    Sum,
    SampleCount,
}

/// What of a data point breaches a threshold.
#[expect(missing_docs, reason = "the names are those of AWS")]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comparison {
    Greater,
    GreaterOrEqual,
    Less,
}

/// Namespace, name, and the value of the only dimension.
pub type MetricId = (String, String, String);

/// What an alarm is made of.
#[derive(Debug, Clone)]
pub struct Alarm {
    /// Its name in the template.
    pub name: String,
    /// What it looks at.
    pub metric: MetricId,
    /// What makes a data point of it.
    pub statistic: Statistic,
    /// In seconds.
    pub period: i64,
    /// So many periods have to breach.
    pub periods: usize,
    /// What a data point is compared with.
    pub threshold: f64,
    /// How.
    pub comparison: Comparison,
    /// What periods without a value are taken for.
    pub missing: Missing,
    /// The states that tell someone of trouble when they are entered.
    pub rings_in: Vec<State>,
    /// Whether the end is told, too.
    pub tells_of_its_end: bool,
}

/// What was published: values by their times, in seconds.
#[derive(Debug, Clone, Default)]
pub struct Published(BTreeMap<MetricId, Vec<(i64, f64)>>);

/// What AWS does not document.
#[derive(Debug, Clone, Copy)]
pub struct Assumptions {
    /// Whether the evaluation range is wider than N.
    pub looks_further_back: bool,
    /// How late a value is seen, in seconds.
    pub delay: i64,
}

/// All that is plausible.
pub const ASSUMPTIONS: [Assumptions; 4] = [
    Assumptions { looks_further_back: false, delay: 0 },
    Assumptions { looks_further_back: true, delay: 0 },
    Assumptions { looks_further_back: false, delay: 90 },
    Assumptions { looks_further_back: true, delay: 90 },
];

impl Assumptions {
    /// The evaluation range: N, or as much wider as the documented example is, and at least by two.
    fn range(self, periods: usize) -> usize {
        if self.looks_further_back { (periods * 5).div_ceil(3).max(periods + 2) } else { periods }
    }
}

/// A change of an alarm's state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Change {
    /// When, in seconds.
    pub at: i64,
    /// What it is from then on.
    pub to: State,
}

impl Published {
    /// A value is published.
    pub fn add(&mut self, metric: MetricId, at: i64, value: f64) {
        let values = self.0.entry(metric).or_default();
        let place = values.partition_point(|(known, _)| *known <= at);
        values.insert(place, (at, value));
    }

    /// What was published of a metric, in the order of time.
    #[must_use]
    pub fn values(&self, metric: &MetricId) -> &[(i64, f64)] {
        self.0.get(metric).map(Vec::as_slice).unwrap_or_default()
    }
}

impl Alarm {
    fn breaches(&self, value: f64) -> bool {
        match self.comparison {
            Comparison::Greater => value > self.threshold,
            Comparison::GreaterOrEqual => value >= self.threshold,
            Comparison::Less => value < self.threshold,
        }
    }

    /// The state by the data points of the evaluation range, the newest first: whether each breaches.
    fn judge(&self, range: &[Option<bool>], before: State) -> State {
        let real: Vec<bool> = range.iter().copied().flatten().collect();
        let alarm_if = |breaching| if breaching { State::Alarm } else { State::Ok };
        if real.len() >= self.periods {
            return alarm_if(real[..self.periods].iter().all(|breaches| *breaches));
        }
        let all_real_breach = real.iter().all(|breaches| *breaches);
        match self.missing {
            Missing::NoData if real.is_empty() => State::InsufficientData,
            Missing::NoData | Missing::Breaching => alarm_if(all_real_breach),
            Missing::Ignored if all_real_breach => before,
            Missing::NotBreaching | Missing::Ignored => State::Ok,
        }
    }

    /// The statistic of one period, of what was published by `seen_by`.
    fn data_point(&self, values: &[(i64, f64)], from: i64, to: i64, seen_by: i64) -> Option<f64> {
        let [first, beyond] =
            [from, to.min(seen_by + 1)].map(|limit| values.partition_point(|(at, _)| *at < limit));
        let values = values.get(first..beyond)?.iter().map(|(_, value)| *value);
        if values.len() == 0 {
            return None;
        }
        Some(match self.statistic {
            Statistic::Maximum => values.fold(f64::MIN, f64::max),
            Statistic::Sum => values.sum(),
            Statistic::SampleCount => f64::from(u32::try_from(values.len()).unwrap()),
        })
    }

    fn evaluate(&self, values: &[(i64, f64)], at: i64, before: State, under: Assumptions) -> State {
        let range = 0..i64::try_from(under.range(self.periods)).unwrap();
        let data_points = range.map(|back| {
            let to = at - back * self.period;
            self.data_point(values, to - self.period, to, at - under.delay)
        });
        let breaching: Vec<Option<bool>> =
            data_points.map(|value| value.map(|value| self.breaches(value))).collect();
        self.judge(&breaching, before)
    }

    /// The changes of its state between its creation and `until`, evaluated every minute.
    #[must_use]
    pub fn changes(
        &self,
        published: &Published,
        created: i64,
        until: i64,
        under: Assumptions,
    ) -> Vec<Change> {
        let values = published.values(&self.metric);
        let mut state = State::InsufficientData;
        let mut changes = Vec::new();
        for at in (created + 60..=until).step_by(60) {
            let to = self.evaluate(values, at, state, under);
            if to != state {
                changes.push(Change { at, to });
                state = to;
            }
        }
        changes
    }
}

#[cfg(test)]
mod tests;
