//! Draws curves, on logarithmic axes, in colours that can be read on white and on black.

use std::{error::Error, ops::Range, path::Path};

use plotters::prelude::{
    ChartBuilder, Color as _, DashedLineSeries, IntoDrawingArea as _, IntoLogRange as _,
    LineSeries, PathElement, RGBColor, SVGBackend, ShapeStyle, TRANSPARENT,
};
use plotters::style::IntoFont as _;

use crate::subject::Subject;

#[derive(Debug)]
pub(crate) struct Picture {
    pub(crate) x: &'static str,
    pub(crate) y: &'static str,
    pub(crate) lines: Vec<Line>,
}

#[derive(Debug)]
pub(crate) struct Line {
    pub(crate) name: String,
    pub(crate) subject: Subject,
    /// A second line of a server, which has its name from the first.
    pub(crate) dashed: bool,
    pub(crate) points: Vec<(f64, f64)>,
}

impl Picture {
    pub(crate) fn draw(&self, path: &Path) -> Result<(), Box<dyn Error>> {
        let area = SVGBackend::new(path, SIZE).into_drawing_area();
        let (left, right) = area.split_horizontally(CHART_WIDTH);
        let points = || self.lines.iter().flat_map(|line| &line.points);
        let mut chart = ChartBuilder::on(&left)
            .margin(16)
            .x_label_area_size(44)
            .y_label_area_size(64)
            .build_cartesian_2d(
                range(points().map(|point| point.0)).log_scale(),
                range(points().map(|point| point.1)).log_scale(),
            )?;
        let text = ("sans-serif", 14).into_font().color(&GREY);
        chart
            .configure_mesh()
            .axis_style(GREY)
            .bold_line_style(GREY.mix(0.3))
            .light_line_style(TRANSPARENT)
            .label_style(text.clone())
            .axis_desc_style(text.clone())
            .x_desc(self.x)
            .y_desc(self.y)
            .x_label_formatter(&|value| label(*value))
            .y_label_formatter(&|value| label(*value))
            .draw()?;
        for line in &self.lines {
            let points = line.points.iter().copied();
            let style = stroke(line);
            if line.dashed {
                chart.draw_series(DashedLineSeries::new(points, 5, 5, style))?;
            } else {
                chart.draw_series(LineSeries::new(points, style))?;
            }
        }
        let named = self.lines.iter().filter(|line| !line.dashed);
        for (y, line) in (28..).step_by(24).zip(named) {
            right.draw(&PathElement::new([(0, y), (20, y)], stroke(line)))?;
            right.draw_text(&line.name, &text, (28, y - 7))?;
        }
        area.present()?;
        Ok(())
    }
}

fn stroke(line: &Line) -> ShapeStyle {
    ShapeStyle {
        color: color(line.subject).into(),
        filled: false,
        stroke_width: 2,
    }
}

/// Returns the range of an axis.
fn range(values: impl Iterator<Item = f64> + Clone) -> Range<f64> {
    let lowest = values.clone().fold(f64::MAX, f64::min);
    let highest = values.fold(f64::MIN_POSITIVE, f64::max);
    lowest * 0.8..highest * 1.2
}

fn label(value: f64) -> String {
    match value {
        value if value >= 1000.0 => format!("{}k", value / 1000.0),
        value => value.to_string(),
    }
}

fn color(subject: Subject) -> RGBColor {
    match subject {
        Subject::Front => RGBColor(47, 129, 247),
        Subject::App => RGBColor(163, 113, 247),
        Subject::Socketioxide => RGBColor(209, 105, 30),
        Subject::Node => RGBColor(63, 150, 80),
        _ => GREY,
    }
}

const SIZE: (u32, u32) = (840, 460);
const CHART_WIDTH: u32 = 690;

const GREY: RGBColor = RGBColor(125, 133, 144);
