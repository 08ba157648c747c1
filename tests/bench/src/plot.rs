//! Plots, as SVG files of `docs/benchmarks`.

use plotters::prelude::*;
use std::path::Path;

/// Where they are.
pub(crate) const FOLDER: &str = "docs/benchmarks";

const SIZE: (u32, u32) = (860, 420);
const FONT: &str = "sans-serif";

/// What is told apart by colour can also be told by its label; these are apart for the colour-blind, too (Okabe
/// and Ito's palette).
const COLOURS: [RGBColor; 6] = [
    RGBColor(0, 114, 178),
    RGBColor(213, 94, 0),
    RGBColor(0, 158, 115),
    RGBColor(204, 121, 167),
    RGBColor(230, 159, 0),
    RGBColor(90, 90, 90),
];

/// A line of a plot.
pub(crate) struct Line {
    /// What it shows.
    pub(crate) name: String,
    /// Its points.
    pub(crate) points: Vec<(f64, f64)>,
}

/// A bar of a plot.
pub(crate) struct Bar {
    /// What it shows.
    pub(crate) name: String,
    /// Its parts, one after the other: what it is, and how long. What has no name is a gap.
    pub(crate) parts: Vec<(String, f64)>,
    /// What is written behind it.
    pub(crate) label: String,
}

/// Draws lines over a common axis from zero.
pub(crate) fn lines(file: &str, title: &str, x: &str, y: &str, lines: &[Line]) {
    std::fs::create_dir_all(FOLDER).unwrap();
    let path = Path::new(FOLDER).join(file);
    let area = SVGBackend::new(&path, SIZE).into_drawing_area();
    area.fill(&WHITE).unwrap();
    let most = |of: fn(&(f64, f64)) -> f64| {
        lines.iter().flat_map(|line| &line.points).map(of).fold(0.0, f64::max)
    };
    let (most_x, most_y) = (most(|point| point.0), most(|point| point.1) * 1.15);
    let mut chart = ChartBuilder::on(&area)
        .caption(title, (FONT, 20))
        .margin(12)
        .x_label_area_size(44)
        .y_label_area_size(60)
        .build_cartesian_2d(0.0..most_x * 1.02, 0.0..most_y)
        .unwrap();
    chart
        .configure_mesh()
        .x_desc(x)
        .y_desc(y)
        .label_style((FONT, 14))
        .axis_desc_style((FONT, 15))
        .light_line_style(TRANSPARENT)
        .draw()
        .unwrap();
    for (line, colour) in lines.iter().zip(COLOURS.iter().cycle()) {
        let points = line.points.iter().copied();
        chart
            .draw_series(LineSeries::new(points.clone(), colour.stroke_width(2)))
            .unwrap()
            .label(&line.name)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 24, y)], colour.stroke_width(2)));
        chart.draw_series(points.map(|at| Circle::new(at, 3, colour.filled()))).unwrap();
    }
    chart
        .configure_series_labels()
        .label_font((FONT, 14))
        .background_style(WHITE.mix(0.85))
        .border_style(TRANSPARENT)
        .position(SeriesLabelPosition::LowerRight)
        .draw()
        .unwrap();
    area.present().unwrap();
}

/// Draws lying bars, one below the other, of parts of one colour each.
pub(crate) fn bars(file: &str, title: &str, x: &str, bars: &[Bar]) {
    std::fs::create_dir_all(FOLDER).unwrap();
    let path = Path::new(FOLDER).join(file);
    let rows = u32::try_from(bars.len()).unwrap();
    let area = SVGBackend::new(&path, (SIZE.0, 130 + 46 * rows)).into_drawing_area();
    area.fill(&WHITE).unwrap();
    let length = |bar: &Bar| bar.parts.iter().map(|part| part.1).sum::<f64>();
    let most = bars.iter().map(length).fold(0.0, f64::max);
    let mut chart = ChartBuilder::on(&area)
        .caption(title, (FONT, 20))
        .margin(12)
        .x_label_area_size(44)
        .y_label_area_size(10)
        .build_cartesian_2d(0.0..most * 1.25, 0.0..f64::from(rows))
        .unwrap();
    chart
        .configure_mesh()
        .disable_y_mesh()
        .disable_y_axis()
        .x_desc(x)
        .label_style((FONT, 14))
        .axis_desc_style((FONT, 15))
        .light_line_style(TRANSPARENT)
        .draw()
        .unwrap();
    let mut known: Vec<&str> = Vec::new();
    for part in bars.iter().flat_map(|bar| &bar.parts) {
        if !part.0.is_empty() && !known.contains(&part.0.as_str()) {
            known.push(&part.0);
        }
    }
    for (name, colour) in known.iter().zip(COLOURS.iter().cycle()) {
        let parts = bars.iter().rev().enumerate().flat_map(|(row, bar)| {
            let bottom = f64::from(u32::try_from(row).unwrap());
            let mut at = 0.0;
            bar.parts.iter().filter_map(move |(part, long)| {
                let from = at;
                at += long;
                let ends = [(from, bottom + 0.10), (at, bottom + 0.55)];
                (part == name).then(|| Rectangle::new(ends, colour.filled()))
            })
        });
        let drawn = chart.draw_series(parts).unwrap();
        if known.len() > 1 {
            drawn.label(*name).legend(move |(x, y)| {
                Rectangle::new([(x, y - 5), (x + 14, y + 5)], colour.filled())
            });
        }
    }
    let words = (FONT, 15).into_font().color(&BLACK);
    for (row, bar) in bars.iter().rev().enumerate() {
        let bottom = f64::from(u32::try_from(row).unwrap());
        chart
            .draw_series([
                Text::new(bar.name.clone(), (most * 0.004, bottom + 0.90), words.clone()),
                Text::new(
                    bar.label.clone(),
                    (length(bar) + most * 0.01, bottom + 0.48),
                    words.clone(),
                ),
            ])
            .unwrap();
    }
    if known.len() > 1 {
        chart
            .configure_series_labels()
            .label_font((FONT, 14))
            .background_style(WHITE.mix(0.85))
            .border_style(TRANSPARENT)
            .position(SeriesLabelPosition::UpperRight)
            .draw()
            .unwrap();
    }
    area.present().unwrap();
}
