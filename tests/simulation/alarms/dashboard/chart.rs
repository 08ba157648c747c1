//! One chart of the dashboard, as SVG.

use super::body::{Annotation, Widget};
use super::page::Theme;
use super::series::Drawn;
use plotters::prelude::*;
use std::error::Error;

/// What the axes take.
const LEFT: u32 = 40;
const RIGHT: u32 = 34;
const BELOW: u32 = 20;

/// A chart's size and time.
pub(super) struct Frame {
    pub(super) width: u32,
    pub(super) height: u32,
    pub(super) from: i64,
    pub(super) until: i64,
    pub(super) theme: Theme,
    pub(super) is_stacked: bool,
}

/// Draws the curves of `widget`.
pub(super) fn draw(widget: &Widget, curves: &[Drawn], frame: &Frame) -> String {
    let mut svg = String::new();
    draw_into(&mut svg, &widget.annotations, curves, frame).expect("a chart can be drawn");
    svg
}

fn draw_into(
    svg: &mut String,
    annotations: &[Annotation],
    curves: &[Drawn],
    frame: &Frame,
) -> Result<(), Box<dyn Error>> {
    let area = SVGBackend::with_string(svg, (frame.width, frame.height)).into_drawing_area();
    let (right, left): (Vec<&Drawn>, Vec<&Drawn>) =
        curves.iter().partition(|curve| curve.metric.is_on_the_right);
    let stacks = if frame.is_stacked { stacked(&left) } else { Vec::new() };
    let curves_and_lines = left.iter().map(|curve| curve.largest());
    let curves_and_lines = curves_and_lines.chain(annotations.iter().map(|line| line.value));
    let piled = stacks.iter().flatten().map(|(_, value)| *value);
    let highest = curves_and_lines.chain(piled).fold(0.0, f64::max);
    let highest_right = right.iter().map(|curve| curve.largest()).fold(0.0, f64::max);
    let time = || (frame.from..frame.until).with_key_points(hours(frame));
    let mut chart = ChartBuilder::on(&area)
        .margin_top(8)
        .margin_right(if right.is_empty() { 14 } else { 4 })
        .x_label_area_size(BELOW)
        .y_label_area_size(LEFT)
        .right_y_label_area_size(if right.is_empty() { 0 } else { RIGHT })
        .build_cartesian_2d(time(), axis(highest))?
        .set_secondary_coord(time(), axis(highest_right));
    let (faint, grid) = (frame.theme.faint(), frame.theme.grid());
    let words = TextStyle::from(("sans-serif", 11).into_font()).color(&faint);
    let mut mesh = chart.configure_mesh();
    mesh.disable_x_mesh().bold_line_style(grid).light_line_style(TRANSPARENT).axis_style(grid);
    mesh.label_style(words.clone()).y_labels(5);
    mesh.x_label_formatter(&|at| clock(*at)).y_label_formatter(&|value| short(*value)).draw()?;
    if !right.is_empty() {
        let mut axes = chart.configure_secondary_axes();
        axes.label_style(words.clone()).axis_style(grid);
        axes.y_labels(5).y_label_formatter(&|value| short(*value)).draw()?;
    }
    for line in annotations {
        let color = color(&line.color);
        let ends = [(frame.from, line.value), (frame.until, line.value)];
        chart.draw_series(DashedLineSeries::new(ends, 5, 4, color.into()))?;
        let place = (free(&left, line.value, highest, frame), line.value);
        let label = Text::new(line.label.clone(), (0, -14), words.clone());
        chart.draw_series([EmptyElement::at(place) + label])?;
    }
    for (stack, curve) in stacks.iter().zip(&left).rev() {
        let style = color(&curve.metric.color).filled();
        chart.draw_series(AreaSeries::new(stack.iter().copied(), 0.0, style))?;
    }
    for curve in left.iter().filter(|_| !frame.is_stacked) {
        let color = color(&curve.metric.color);
        let points = curve.points.iter().copied();
        chart.draw_series(LineSeries::new(points, color.stroke_width(2)))?;
        let alone = curve.alone().into_iter();
        chart.draw_series(alone.map(|point| Circle::new(point, 3, color.filled())))?;
    }
    for curve in right {
        let color = color(&curve.metric.color);
        let points = curve.points.iter().copied();
        chart.draw_secondary_series(LineSeries::new(points, color.stroke_width(2)))?;
    }
    area.present()?;
    Ok(())
}

/// From when on a label above `value` covers the fewest data points.
fn free(curves: &[&Drawn], value: f64, highest: f64, frame: &Frame) -> i64 {
    let part = (frame.until - frame.from) / 80;
    let from = [1, 20, 40].map(|parts| frame.from + parts * part);
    let covered = |from: &i64| {
        let points = curves.iter().flat_map(|curve| &curve.points);
        let near = points.filter(|(at, height)| {
            (from - part..from + 40 * part).contains(at)
                && (value * 0.9..value + highest * 0.15).contains(height)
        });
        near.count()
    };
    from.into_iter().min_by_key(covered).expect("there are three")
}

/// Each curve on top of those before it. A period without a value adds nothing.
fn stacked(curves: &[&Drawn]) -> Vec<Vec<(i64, f64)>> {
    let mut times: Vec<i64> =
        curves.iter().flat_map(|curve| curve.points.iter().map(|(at, _)| *at)).collect();
    times.sort_unstable();
    times.dedup();
    let mut heights = vec![0.0; times.len()];
    let mut stacks = Vec::new();
    for curve in curves {
        for (at, value) in &curve.points {
            let place = times.binary_search(at).expect("it is one of them");
            heights[place] += value;
        }
        stacks.push(times.iter().copied().zip(heights.iter().copied()).collect());
    }
    stacks
}

/// From zero to a little more than is needed.
fn axis(highest: f64) -> std::ops::Range<f64> {
    0.0..(highest * 1.15).max(1.2)
}

/// The full hours that are shown.
fn hours(frame: &Frame) -> Vec<i64> {
    let first = frame.from + (-frame.from).rem_euclid(3_600);
    (first..frame.until).step_by(3_600).collect()
}

fn clock(at: i64) -> String {
    let minutes = at.rem_euclid(86_400) / 60;
    format!("{:02}:{:02}", minutes / 60, minutes % 60)
}

fn short(value: f64) -> String {
    if value >= 10_000.0 {
        format!("{:.0}k", value / 1_000.0)
    } else if value.fract().abs() < 0.001 {
        format!("{value:.0}")
    } else {
        format!("{value:.1}")
    }
}

fn color(hex: &str) -> RGBColor {
    let number = u32::from_str_radix(hex.trim_start_matches('#'), 16).expect("a colour");
    let [_, red, green, blue] = number.to_be_bytes();
    RGBColor(red, green, blue)
}
