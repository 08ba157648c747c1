//! Cleanups as bars on one scale of time.

use crate::markup::escaped;
use std::fmt::Write as _;
use std::time::Duration;

/// One cleanup: its measured steps, with start and length.
#[derive(Debug)]
pub(in crate::demo) struct Lane {
    /// Whose, and by whom.
    pub(in crate::demo) title: &'static str,
    pub(in crate::demo) steps: Vec<(String, Duration, Duration)>,
}

impl Lane {
    /// Until its last step is over.
    pub(in crate::demo) fn took(&self) -> Duration {
        self.steps.iter().map(|(_, start, length)| *start + *length).max().unwrap_or_default()
    }
}

const WIDTH: f64 = 1120.0;
/// Left of the bars stand the steps' names, right of them how long they took.
const LEFT: f64 = 130.0;
const RIGHT: f64 = 80.0;
const ROW: f64 = 26.0;
const TITLE: f64 = 34.0;
const AXIS: f64 = 30.0;

/// All of them, one below the other.
pub(super) fn draw(lanes: &[&Lane]) -> String {
    let longest = lanes.iter().map(|lane| lane.took()).max().unwrap_or_default();
    let seconds = longest.as_secs_f64().max(0.001);
    let at = |time: Duration| LEFT + time.as_secs_f64() / seconds * (WIDTH - LEFT - RIGHT);
    let mut svg = String::new();
    let mut top = 0.0;
    for (place, lane) in lanes.iter().enumerate() {
        top += TITLE;
        let _ = write!(
            svg,
            "<text class=title x=0 y={:.1}>{}: {}</text>",
            top - 10.0,
            escaped(lane.title),
            spoken(lane.took())
        );
        for (name, start, length) in &lane.steps {
            let (from, until) = (at(*start), at(*start + *length));
            let _ = write!(
                svg,
                "<text x={:.1} y={:.1} text-anchor=end>{}</text>\
                 <rect class=\"way{place}\" x={from:.1} y={:.1} width={:.1} height={:.1} rx=3></rect>\
                 <text class=faint x={:.1} y={:.1}>{}</text>",
                LEFT - 10.0,
                top + ROW * 0.68,
                escaped(name),
                top + 4.0,
                (until - from).max(2.0),
                ROW - 8.0,
                until.max(from + 2.0) + 8.0,
                top + ROW * 0.68,
                spoken(*length)
            );
            top += ROW;
        }
    }
    let _ = write!(
        svg,
        "<line x1={LEFT} y1={0:.1} x2={1:.1} y2={0:.1}></line>",
        top + 6.0,
        WIDTH - RIGHT
    );
    for second in 0..=longest.as_secs() {
        let x = at(Duration::from_secs(second));
        let _ = write!(
            svg,
            "<line x1={x:.1} y1={:.1} x2={x:.1} y2={:.1}></line>\
             <text class=faint x={x:.1} y={:.1} text-anchor=middle>{second} s</text>",
            top + 6.0,
            top + 11.0,
            top + 25.0
        );
    }
    format!(
        "<svg viewBox=\"0 0 {WIDTH} {:.0}\" role=img aria-label=\"bars of steps\">{svg}</svg>",
        top + AXIS
    )
}

fn spoken(time: Duration) -> String {
    format!("{:.2} s", time.as_secs_f64())
}
