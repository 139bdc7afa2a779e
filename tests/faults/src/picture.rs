//! Draws lines over time, one chart above another, in colours that can be read on white and on
//! black.

use plotters::{
    prelude::{
        ChartBuilder, Color as _, IntoDrawingArea as _, LineSeries, PathElement, RGBColor,
        SVGBackend, TRANSPARENT,
    },
    style::IntoFont as _,
};
use sockeye_guard::kit::{Checked, Failure};

/// Charts over the same time.
#[derive(Clone, Debug)]
pub struct Picture {
    /// What the time is counted in, such as `minutes`.
    pub x: &'static str,
    /// From the top.
    pub charts: Vec<Chart>,
}

/// Lines of one unit.
#[derive(Clone, Debug)]
pub struct Chart {
    /// The unit, and of what: `MiB`.
    pub y: &'static str,
    /// At most four.
    pub lines: Vec<Line>,
}

/// A value over time.
#[derive(Clone, Debug)]
pub struct Line {
    /// What it shows.
    pub name: &'static str,
    /// Times and values.
    pub points: Vec<(f64, f64)>,
}

impl Picture {
    /// Returns the picture as SVG.
    ///
    /// # Errors
    ///
    /// When it can't be drawn.
    pub fn draw(&self) -> Checked<String> {
        let mut svg = String::new();
        self.draw_on(&mut svg)
            .map_err(|error| Failure::new(error.to_string()))?;
        Ok(svg)
    }

    fn draw_on(&self, svg: &mut String) -> Result<(), Box<dyn std::error::Error + '_>> {
        let size = (WIDTH, HEIGHT * self.charts.len() as u32);
        let area = SVGBackend::with_string(svg, size).into_drawing_area();
        let text = ("sans-serif", 14).into_font().color(&GREY);
        let longest = highest(self.charts.iter().flat_map(|chart| &chart.lines), |point| {
            point.0
        });
        for (part, shown) in area
            .split_evenly((self.charts.len(), 1))
            .iter()
            .zip(&self.charts)
        {
            let (left, right) = part.split_horizontally(CHART_WIDTH);
            let top = highest(shown.lines.iter(), |point| point.1) * 1.1;
            let mut chart = ChartBuilder::on(&left)
                .margin(12)
                .x_label_area_size(40)
                .y_label_area_size(64)
                .build_cartesian_2d(0.0..longest, 0.0..top)?;
            chart
                .configure_mesh()
                .axis_style(GREY)
                .bold_line_style(GREY.mix(0.3))
                .light_line_style(TRANSPARENT)
                .label_style(text.clone())
                .axis_desc_style(text.clone())
                .x_desc(self.x)
                .y_desc(shown.y)
                .draw()?;
            for (y, (line, color)) in (28..).step_by(24).zip(shown.lines.iter().zip(COLORS)) {
                let style = color.stroke_width(2);
                chart.draw_series(LineSeries::new(line.points.iter().copied(), style))?;
                right.draw(&PathElement::new([(0, y), (20, y)], style))?;
                right.draw_text(line.name, &text, (28, y - 7))?;
            }
        }
        area.present()?;
        Ok(())
    }
}

/// The highest of a coordinate, and never nothing, as an axis has to have a length.
fn highest<'a>(lines: impl Iterator<Item = &'a Line>, of: fn(&(f64, f64)) -> f64) -> f64 {
    lines
        .flat_map(|line| &line.points)
        .map(of)
        .fold(1e-9, f64::max)
}

const WIDTH: u32 = 840;
const HEIGHT: u32 = 230;
const CHART_WIDTH: u32 = 660;

const COLORS: [RGBColor; 4] = [
    RGBColor(47, 129, 247),
    RGBColor(209, 105, 30),
    RGBColor(63, 150, 80),
    RGBColor(163, 113, 247),
];
const GREY: RGBColor = RGBColor(125, 133, 144);
