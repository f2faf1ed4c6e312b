//! Plots as SVG, for a page: no picture in it depends on colour alone.
//!
//! Coordinates are those of a panel [`WIDTH`] wide, about the width of a phone; on a wider screen panels
//! stand side by side instead of growing, so that their text stays as it is.

use std::fmt::Write;

use super::scale::{Quantity, Scale};
use super::text::html;
use crate::bench::record::Kind;

/// Of every panel.
pub const WIDTH: f64 = 360.0;

/// Of panels with two axes.
pub const HEIGHT: f64 = 268.0;

/// How a subject is drawn, everywhere the same.
#[derive(Clone, Debug)]
pub struct Style {
    /// Its place among the subjects.
    pub place: usize,
    /// What it is.
    pub kind: Kind,
    /// What stands beside its mark.
    pub label: String,
}

impl Style {
    /// Classes of what is drawn in its colour.
    pub fn class(&self) -> String {
        match self.kind {
            Kind::Insecure => "s insecure".to_owned(),
            _ => format!("s s{}", self.place % COLOURS),
        }
    }

    /// Its mark around a point.
    pub fn mark(&self, x: f64, y: f64) -> String {
        let open = if self.kind == Kind::Protocol { "mark" } else { "mark open" };
        match self.place % 7 {
            0 => format!("<circle class=\"{open}\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3.4\"/>"),
            1 => polygon(open, x, y, &[(-3.2, -3.2), (3.2, -3.2), (3.2, 3.2), (-3.2, 3.2)]),
            2 => polygon(open, x, y, &[(0.0, -4.2), (4.0, 3.0), (-4.0, 3.0)]),
            3 => polygon(open, x, y, &[(0.0, -4.6), (4.6, 0.0), (0.0, 4.6), (-4.6, 0.0)]),
            4 => polygon(open, x, y, &[(0.0, 4.2), (4.0, -3.0), (-4.0, -3.0)]),
            5 => strokes(x, y, "M-3.4 -3.4L3.4 3.4M-3.4 3.4L3.4 -3.4"),
            _ => strokes(x, y, "M-4.2 0H4.2M0 -4.2V4.2"),
        }
    }
}

/// Colours of subjects; the page has as many.
const COLOURS: usize = 8;

fn polygon(class: &str, x: f64, y: f64, corners: &[(f64, f64)]) -> String {
    let corner = |(dx, dy): &(f64, f64)| format!("{:.1},{:.1}", x + dx, y + dy);
    let corners: Vec<String> = corners.iter().map(corner).collect();
    format!("<polygon class=\"{class}\" points=\"{}\"/>", corners.join(" "))
}

fn strokes(x: f64, y: f64, path: &str) -> String {
    format!("<path class=\"mark thin\" transform=\"translate({x:.1} {y:.1})\" d=\"{path}\"/>")
}

/// One subject in a panel.
pub struct Series {
    /// How it looks.
    pub style: Style,
    /// Its points, from left to right.
    pub points: Vec<Point>,
    /// Where its line goes on without points, because nothing was measured there.
    pub beyond: Vec<(f64, f64)>,
}

/// One point of a series.
pub struct Point {
    /// Along the horizontal axis.
    pub x: f64,
    /// Along the vertical axis: median and quartiles.
    pub y: [f64; 3],
    /// What it says to whoever points at it.
    pub says: String,
}

/// What stands along an axis, and all values that it has to hold.
pub struct Axis {
    /// What it measures.
    pub name: &'static str,
    /// In which units.
    pub quantity: Quantity,
    /// Values of this panel and of those beside it.
    pub values: Vec<f64>,
}

/// A panel with two logarithmic axes.
pub struct Panel {
    /// Unique in the page.
    pub id: String,
    /// What it shows, above it.
    pub title: String,
    /// What is to be noticed, inside it.
    pub remark: String,
    /// What it shows for whoever does not see it.
    pub description: String,
    /// The horizontal axis.
    pub x: Axis,
    /// The vertical axis.
    pub y: Axis,
    /// What is plotted.
    pub series: Vec<Series>,
    /// Whether points of a series are joined, and named at their end; else each is named beside itself.
    pub joined: bool,
    /// The series that stands out, by its place in the panel.
    pub best: Option<usize>,
    /// Whether a line shows where both axes are equal.
    pub ideal: bool,
}

const LEFT: f64 = 50.0;
const TOP: f64 = 22.0;
const BOTTOM: f64 = HEIGHT - 36.0;

impl Panel {
    /// As a part of a page.
    pub fn html(&self) -> String {
        let labels = room(self.series.iter().map(|series| &series.style));
        let right = if self.joined { (WIDTH - 14.0 - labels).round() } else { WIDTH - 8.0 };
        let x = Scale::new(self.x.quantity, &self.x.values, LEFT, right);
        let y = Scale::new(self.y.quantity, &self.y.values, BOTTOM, TOP);
        let mut drawn = self.frame(&x, &y, right);
        if self.ideal {
            drawn += &ideal(&x, &y, &self.x.values);
        }
        for (at, series) in self.series.iter().enumerate() {
            drawn += &self.series(series, self.best == Some(at), &x, &y);
        }
        drawn += &if self.joined { self.end_labels(&x, &y, right) } else { self.labels(&x, &y) };
        framed(&self.id, &self.title, &self.description, HEIGHT, &drawn)
    }

    fn frame(&self, x: &Scale, y: &Scale, right: f64) -> String {
        let mut drawn = String::new();
        for (value, label) in &y.ticks {
            let at = y.at(*value);
            let _ = writeln!(
                drawn,
                "<path class=\"grid\" d=\"M{LEFT} {at:.1}H{right}\"/><text class=\"tick\" \
                 text-anchor=\"end\" x=\"{}\" y=\"{:.1}\">{label}</text>",
                LEFT - 5.0,
                at + 3.6
            );
        }
        for (value, label) in &x.ticks {
            let at = x.at(*value);
            let _ = writeln!(
                drawn,
                "<path class=\"grid\" d=\"M{at:.1} {TOP}V{BOTTOM}\"/><text class=\"tick\" \
                 text-anchor=\"middle\" x=\"{at:.1}\" y=\"{}\">{label}</text>",
                BOTTOM + 14.0
            );
        }
        let _ = writeln!(
            drawn,
            "<path class=\"axis\" d=\"M{LEFT} {TOP}V{BOTTOM}H{right}\"/><text class=\"under\" \
             x=\"2\" y=\"11\">{}</text><text class=\"under\" text-anchor=\"end\" x=\"{right}\" \
             y=\"{}\">{}</text><text class=\"best\" text-anchor=\"end\" x=\"{right}\" y=\"11\">{}</text>",
            html(self.y.name),
            HEIGHT - 6.0,
            html(self.x.name),
            html(&self.remark)
        );
        drawn
    }

    fn series(&self, series: &Series, best: bool, x: &Scale, y: &Scale) -> String {
        let style = &series.style;
        let mut drawn = format!("<g class=\"{}\" data-s=\"{}\">", style.class(), style.place);
        let at = |point: &Point| (x.at(point.x), y.at(point.y[0]));
        if self.joined && series.points.len() > 1 {
            let corner = |point: &Point| format!("{:.1},{:.1}", at(point).0, at(point).1);
            let corners: Vec<String> = series.points.iter().map(corner).collect();
            let _ = write!(drawn, "<polyline class=\"line\" points=\"{}\"/>", corners.join(" "));
        }
        if let Some(last) = series.points.last().filter(|_| !series.beyond.is_empty()) {
            let onwards = series.beyond.iter().map(|(across, down)| (x.at(*across), y.at(*down)));
            let corners: Vec<String> = [at(last)]
                .into_iter()
                .chain(onwards)
                .map(|(across, down)| format!("{across:.1},{down:.1}"))
                .collect();
            let _ = write!(drawn, "<polyline class=\"beyond\" points=\"{}\"/>", corners.join(" "));
        }
        for point in &series.points {
            let (across, down) = at(point);
            let [_, low, high] = point.y.map(|value| y.at(value));
            drawn.push_str("<g>");
            if low - high > 7.0 {
                let _ = write!(
                    drawn,
                    "<path class=\"whisker\" d=\"M{across:.1} {low:.1}V{high:.1}\"/>"
                );
            }
            drawn += &style.mark(across, down);
            if best {
                let _ = write!(
                    drawn,
                    "<circle class=\"ring\" cx=\"{across:.1}\" cy=\"{down:.1}\" r=\"7.5\"/>"
                );
            }
            let _ = write!(
                drawn,
                "<circle class=\"hit\" cx=\"{across:.1}\" cy=\"{down:.1}\" r=\"9\"><title>{}\
                 </title></circle></g>",
                html(&point.says)
            );
        }
        drawn + "</g>\n"
    }

    /// Names at the right ends of lines, moved apart where they would overlap.
    fn end_labels(&self, x: &Scale, y: &Scale, right: f64) -> String {
        let end = |series: &Series| {
            let measured = series.points.last().map(|point| (point.x, point.y[0]));
            series.beyond.last().copied().or(measured)
        };
        let ended = self.series.iter().filter_map(|series| Some((series, end(series)?)));
        let mut ends: Vec<(&Series, f64, f64)> =
            ended.map(|(series, end)| (series, x.at(end.0), y.at(end.1))).collect();
        ends.sort_by(|a, b| a.2.total_cmp(&b.2));
        let wanted: Vec<f64> = ends.iter().map(|(_, _, down)| *down).collect();
        let distance = ((BOTTOM - TOP) / wanted.len().max(1) as f64).min(12.0);
        let places = apart(&wanted, distance, TOP + 2.0, BOTTOM + 2.0);
        let mut drawn = String::new();
        for ((series, across, down), place) in ends.iter().zip(places) {
            let (start, style) = (right + 8.0, &series.style);
            let _ = writeln!(
                drawn,
                "<g class=\"{}\" data-s=\"{}\"><path class=\"lead\" d=\"M{:.1} {down:.1}L{start} \
                 {place:.1}\"/><text class=\"label\" x=\"{:.1}\" y=\"{:.1}\">{}</text></g>",
                style.class(),
                style.place,
                across + 5.0,
                start + 2.0,
                place + 3.6,
                html(&shortened(&style.label))
            );
        }
        drawn
    }

    /// Names beside the points of a scatter, where there is room.
    fn labels(&self, x: &Scale, y: &Scale) -> String {
        let points: Vec<(usize, f64, f64)> = self
            .series
            .iter()
            .enumerate()
            .flat_map(|(at, series)| series.points.iter().map(move |point| (at, point)))
            .map(|(at, point)| (at, x.at(point.x), y.at(point.y[0])))
            .collect();
        let mark = |(_, across, down): &(usize, f64, f64)| {
            [across - 5.0, down - 5.0, across + 5.0, down + 5.0]
        };
        let mut taken: Vec<[f64; 4]> = points.iter().map(mark).collect();
        let mut drawn = String::new();
        for (at, across, down) in points {
            let (style, best) = (&self.series[at].style, self.best == Some(at));
            let label = shortened(&style.label);
            let width = width(&label) * if best { 1.12 } else { 1.0 };
            let place = place(&taken, across, down, width);
            taken.push(place.covers(width));
            let far = (place.middle - down).abs() > 9.0;
            let lead = if far {
                let (near, middle) = (place.edge, place.middle);
                format!("<path class=\"lead\" d=\"M{across:.1} {down:.1}L{near:.1} {middle:.1}\"/>")
            } else {
                String::new()
            };
            let _ = writeln!(
                drawn,
                "<g class=\"{}\" data-s=\"{}\">{lead}<text class=\"label{}\" text-anchor=\"{}\" \
                 x=\"{:.1}\" y=\"{:.1}\">{}</text></g>",
                style.class(),
                style.place,
                if best { " best" } else { "" },
                if place.after { "start" } else { "end" },
                place.edge,
                place.middle + 3.6,
                html(&label)
            );
        }
        drawn
    }
}

/// Where a label stands: the edge that is next to its point, on which side that is, and its middle.
#[derive(Clone, Copy)]
struct Place {
    edge: f64,
    after: bool,
    middle: f64,
}

impl Place {
    /// Left, top, right and bottom of a label of this width.
    fn covers(self, width: f64) -> [f64; 4] {
        let left = if self.after { self.edge } else { self.edge - width };
        [left, self.middle - 5.5, left + width, self.middle + 5.5]
    }
}

/// The best free place for a label of this width.
fn place(taken: &[[f64; 4]], across: f64, down: f64, width: f64) -> Place {
    let mut best = (f64::INFINITY, Place { edge: across + 9.0, after: true, middle: down });
    for step in 0..12 {
        for up in [-1.0, 1.0] {
            for after in [true, false] {
                let edge = if after { across + 9.0 } else { across - 9.0 };
                let place = Place { edge, after, middle: down + up * 6.0 * f64::from(step) };
                let of = place.covers(width);
                let inside = of[0] > LEFT && of[2] < WIDTH && of[1] > TOP - 6.0 && of[3] < BOTTOM;
                let covered: f64 = taken.iter().map(|other| overlap(&of, other)).sum();
                let cost = 6.0 * f64::from(step) + 4.0 * covered;
                let cost = cost + if inside { 0.0 } else { 1000.0 } + if after { 0.0 } else { 3.0 };
                if cost < best.0 {
                    best = (cost, place);
                }
            }
        }
    }
    best.1
}

fn overlap(a: &[f64; 4], b: &[f64; 4]) -> f64 {
    let wide = a[2].min(b[2]) - a[0].max(b[0]);
    let high = a[3].min(b[3]) - a[1].max(b[1]);
    if wide > 0.0 && high > 0.0 { wide * high } else { 0.0 }
}

/// Moves sorted places apart until each is this far from the next, within bounds where there is room.
pub fn apart(wanted: &[f64], distance: f64, low: f64, high: f64) -> Vec<f64> {
    let mut places: Vec<f64> = wanted.to_vec();
    for at in 1..places.len() {
        places[at] = places[at].max(places[at - 1] + distance);
    }
    // Groups that were pushed down slide back up by half of what they were pushed.
    let pushed: Vec<f64> =
        places.iter().zip(wanted).map(|(place, wanted)| place - wanted).collect();
    let most = pushed.iter().copied().fold(0.0, f64::max);
    places.iter_mut().for_each(|place| *place -= most / 2.0);
    if let Some(first) = places.first_mut() {
        *first = first.max(low);
    }
    for at in 1..places.len() {
        places[at] = places[at].max(places[at - 1] + distance);
    }
    let mut bound = high;
    for place in places.iter_mut().rev() {
        *place = place.min(bound);
        bound = *place - distance;
    }
    places
}

/// Both axes equal.
fn ideal(x: &Scale, y: &Scale, values: &[f64]) -> String {
    let low = values.iter().copied().fold(f64::INFINITY, f64::min);
    let high = values.iter().copied().fold(0.0, f64::max);
    let (from, to) = ((x.at(low), y.at(low)), (x.at(high), y.at(high)));
    format!(
        "<path class=\"ideal\" d=\"M{:.1} {:.1}L{:.1} {:.1}\"/><text class=\"tick\" \
         text-anchor=\"end\" x=\"{:.1}\" y=\"{:.1}\">ideal</text>\n",
        from.0,
        from.1,
        to.0,
        to.1,
        to.0 - 8.0,
        to.1 + 2.0
    )
}

/// A drawing with what it shows, above it and for whoever does not see it.
pub fn framed(id: &str, title: &str, description: &str, height: f64, drawn: &str) -> String {
    format!(
        "<div class=\"panel\">\n<h4 id=\"{id}\">{}</h4>\n<svg viewBox=\"0 0 {WIDTH} {height}\" \
         role=\"img\" aria-labelledby=\"{id} {id}-d\"><desc id=\"{id}-d\">{}</desc>\n{drawn}</svg>\n\
         </div>\n",
        html(title),
        html(description)
    )
}

/// The marks of all subjects with their whole names.
pub fn legend(styles: &[(Style, String)]) -> String {
    let item = |(style, name): &(Style, String)| {
        format!(
            "<li class=\"{}\" data-s=\"{}\"><svg viewBox=\"0 0 26 14\" aria-hidden=\"true\">\
             <path class=\"line\" d=\"M1 7H25\"/>{}</svg><span>{}</span></li>\n",
            style.class(),
            style.place,
            style.mark(13.0, 7.0),
            super::html::marked(name)
        )
    };
    let items: String = styles.iter().map(item).collect();
    format!("<ul class=\"legend\">\n{items}</ul>\n")
}

/// Letters of a label at most.
const LONGEST: usize = 22;

/// Room for the longest of some labels.
pub fn room<'a>(labels: impl Iterator<Item = &'a Style>) -> f64 {
    labels.map(|style| width(&shortened(&style.label))).fold(50.0, f64::max)
}

/// As much of a label as there is room for beside a panel.
pub fn shortened(label: &str) -> String {
    if label.chars().count() <= LONGEST {
        return label.to_owned();
    }
    label.chars().take(LONGEST - 1).chain(['…']).collect()
}

/// About how wide a label is.
pub fn width(label: &str) -> f64 {
    label.chars().map(|c| if c.is_uppercase() { 7.2 } else { 5.6 }).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_move_apart_and_stay_inside() {
        let places = apart(&[50.0, 51.0, 52.0, 200.0], 12.0, 20.0, 230.0);
        assert!(places.windows(2).all(|pair| pair[1] - pair[0] >= 11.999), "{places:?}");
        let crowded = apart(&[225.0; 5], 12.0, 20.0, 230.0);
        assert!(crowded.iter().all(|place| (20.0..=230.0).contains(place)), "{crowded:?}");
        assert!(crowded.windows(2).all(|pair| pair[1] - pair[0] >= 11.999), "{crowded:?}");
        assert_eq!(apart(&[30.0, 90.0], 12.0, 20.0, 230.0), [30.0, 90.0]);
    }

    #[test]
    fn a_label_does_not_cover_what_is_there() {
        let taken = [[100.0, 95.0, 200.0, 105.0]];
        let covers = place(&taken, 95.0, 100.0, 60.0).covers(60.0);
        assert_eq!(overlap(&covers, &taken[0]), 0.0);
        assert!(covers[0] > LEFT && covers[2] < WIDTH);
    }
}
