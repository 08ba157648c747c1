//! The page: every widget in its place, in the colours of `CloudWatch`'s console.

use super::body::{self, Alarms, Kind, STACK, Widget};
use super::chart::{self, Frame};
use super::series::Drawn;
use super::story::Told;
use plotters::style::RGBColor;
use session_cleanup_tests::alarms::State;
use session_cleanup_tests::markup::escaped;
use std::fmt::Write as _;

/// Pixels of a column and of a row, and around a widget.
const COLUMN: u64 = 60;
const ROW: u64 = 50;
const GAP: u64 = 5;

/// What stands around a chart: edges, title, what the axes count; and a line of the legend.
const BESIDE: u64 = 20;
const AROUND: u64 = 78;
const LINE: u64 = 17;

/// Colours of one of the console's two themes; the rest is in its style sheet.
#[derive(Clone, Copy)]
pub(super) struct Theme {
    name: &'static str,
    faint: RGBColor,
    grid: RGBColor,
}

impl Theme {
    pub(super) const LIGHT: Self =
        Self { name: "light", faint: RGBColor(0x54, 0x5b, 0x64), grid: RGBColor(0xe6, 0xea, 0xea) };
    pub(super) const DARK: Self =
        Self { name: "dark", faint: RGBColor(0xb6, 0xbe, 0xc9), grid: RGBColor(0x35, 0x41, 0x50) };

    pub(super) fn faint(self) -> RGBColor {
        self.faint
    }

    pub(super) fn grid(self) -> RGBColor {
        self.grid
    }
}

/// Draws all widgets. Nothing is loaded from elsewhere: the page itself forbids it.
pub(super) fn draw(told: &Told, theme: Theme) -> String {
    let widgets = body::widgets();
    let rows = widgets.iter().map(|widget| widget.y + widget.height).max().unwrap_or_default();
    let mut page = format!(
        "<!doctype html>\n<html lang=en class={}><meta charset=utf-8><title>Dashboard</title>\n\
         <meta http-equiv=Content-Security-Policy content=\"default-src 'none'; style-src 'unsafe-inline'; \
         script-src 'nonce-measure'\">\n<script nonce=measure>{}</script>\n<style>{}</style>\n\
         <main style=\"width:{}px;height:{}px\">\n",
        theme.name,
        include_str!("../../../browser/measure.js"),
        include_str!("../../../browser/console.css"),
        24 * COLUMN,
        rows * ROW,
    );
    for widget in &widgets {
        let Widget { x, y, width, height, title, kind, .. } = widget;
        let kind = match kind {
            Kind::Alarms(_) => "alarms",
            Kind::Custom => "custom",
            Kind::Numbers(_) => "numbers",
            Kind::Lines(_) | Kind::Stacked(_) => "chart",
        };
        let _ = writeln!(
            page,
            "<section class=\"widget {kind}\" style=\"left:{}px;top:{}px;width:{}px;height:{}px\"><h2>{}</h2>\
             <div class=content>{}</div></section>",
            x * COLUMN + GAP,
            y * ROW + GAP,
            width * COLUMN - 2 * GAP,
            height * ROW - 2 * GAP,
            escaped(title),
            content(widget, told, theme),
        );
    }
    page.push_str(
        "</main>\n<footer>Simulated: what the functions print in six made-up hours, drawn as CloudWatch would. \
         Figures of SQS and Lambda are made up.</footer>\n",
    );
    page
}

fn content(widget: &Widget, told: &Told, theme: Theme) -> String {
    match &widget.kind {
        Kind::Alarms(names) => tiles(&Alarms::of(names, told)),
        Kind::Custom => told.widget.clone(),
        Kind::Numbers(metrics) => {
            let number = |one: &Drawn| {
                let value = one.newest().map_or_else(|| "--".to_owned(), rounded);
                format!("<div class=number><b>{value}</b>{}</div>", labelled(one))
            };
            Drawn::of(metrics, told).iter().map(number).collect()
        }
        Kind::Lines(metrics) => charted(widget, &Drawn::of(metrics, told), told, theme, false),
        Kind::Stacked(metrics) => charted(widget, &Drawn::of(metrics, told), told, theme, true),
    }
}

/// A label beside its colour.
fn labelled(curve: &Drawn) -> String {
    let (color, label) = (&curve.metric.color, escaped(&curve.metric.label));
    format!("<span><i style=\"background:{color}\"></i>{label}</span>")
}

/// `CloudFormation` names alarms by the stack, the logical id, and twelve characters that are different each time.
fn tiles(alarms: &Alarms) -> String {
    let tile = |(name, state): &(String, State)| {
        let class = match state {
            State::Ok => "ok",
            State::Alarm => "alarm",
            State::InsufficientData => "unknown",
        };
        format!("<div class=\"tile {class}\">{STACK}-{name}-1A2B3C4D5E6F</div>")
    };
    alarms.0.iter().map(tile).collect()
}

fn charted(
    widget: &Widget,
    curves: &[Drawn],
    told: &Told,
    theme: Theme,
    is_stacked: bool,
) -> String {
    let width = widget.width * COLUMN - 2 * GAP - BESIDE;
    let height = widget.height * ROW - AROUND - legend_lines(curves, width) * LINE;
    let pixels = |number: u64| u32::try_from(number).expect("a page is small");
    let frame = Frame {
        width: pixels(width),
        height: pixels(height),
        from: told.from,
        until: told.until,
        theme,
        is_stacked,
    };
    let svg = chart::draw(widget, curves, &frame);
    let [left, right] = [&widget.axes[0], &widget.axes[1]].map(|axis| escaped(axis));
    let legend: String = curves.iter().map(labelled).collect();
    format!(
        "<div class=axes><span>{left}</span><span>{right}</span></div>{svg}<div class=legend>{legend}</div>"
    )
}

/// How many lines a legend takes, at some six pixels a character.
fn legend_lines(curves: &[Drawn], width: u64) -> u64 {
    let (mut lines, mut used) = (1, 0);
    for curve in curves {
        let characters = u64::try_from(curve.metric.label.chars().count()).expect("it is short");
        let wide = characters * 6 + 30;
        if used + wide > width {
            (lines, used) = (lines + 1, 0);
        }
        used += wide;
    }
    lines
}

fn rounded(value: f64) -> String {
    if value.fract().abs() < 0.001 { format!("{value:.0}") } else { format!("{value:.1}") }
}
