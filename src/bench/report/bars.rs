//! Plots with a line for each subject: times at one size, and where the time goes.

use std::fmt::Write;

use super::chart::{Chart, style};
use super::plot::{Style, WIDTH, framed, room, shortened, width};
use super::scale::{Quantity, Scale};
use super::table::{Row, Table};
use super::text::{self, html};
use super::view::{self, Shape, View};
use crate::bench::measure::Sample;
use crate::bench::record::{Cell, Kind, Network, Run, Side};

/// Where names end and figures begin.
fn names_end(view: &View) -> f64 {
    let styles: Vec<Style> = view.subjects.iter().map(|subject| style(view, subject)).collect();
    room(styles.iter()).round() + 4.0
}

/// Times where there is but one size: a mark for each subject, a panel for each link.
pub fn times(view: &View, shape: &Shape, at: usize) -> Chart {
    let lists = shape.largest();
    let sizes = text::sizes(lists[0], lists[1]);
    let total = |cell: &Cell| cell.sample(|run| run.total);
    let all: Vec<(&Network, Vec<&Cell>)> =
        view.networks.iter().map(|network| (network, view.cells(lists, &network.name))).collect();
    let cells = all.iter().flat_map(|(_, cells)| cells);
    let values: Vec<f64> = cells.map(|cell| total(cell).median()).collect();
    let scale = Scale::new(Quantity::Seconds, &values, names_end(view) + 8.0, WIDTH - 62.0);
    let mut table = Table::new(
        format!("Total time, {sizes} elements"),
        &["subject", "link", "total time", "online time"],
    );
    let mut panels = Vec::new();
    for (index, (network, cells)) in all.iter().enumerate() {
        let height = 20.0 * cells.len() as f64 + 26.0;
        let mut drawn = ticks(&scale, height - 22.0);
        for (line, cell) in cells.iter().enumerate() {
            drawn += &time(view, cell, &scale, 20.0 * line as f64 + 12.0);
            table.rows.push(Row {
                cells: vec![
                    text::subject(&cell.subject),
                    text::name(&network.name),
                    text::seconds_about(&total(cell)),
                    text::seconds_about(&cell.sample(|run| run.online)),
                ],
                insecure: cell.subject.kind == Kind::Insecure,
            });
        }
        let description = format!(
            "Total time of each subject over {}. The table below has the same figures.",
            text::name(&network.name)
        );
        let (id, title) = (format!("times-{at}-{index}"), text::network(network));
        panels.push(framed(&id, &title, &description, height, &drawn));
    }
    Chart {
        id: format!("times-{at}"),
        title: format!("Time: {sizes} elements"),
        caption: "Total time, on a logarithmic axis that is the same in every panel.".to_owned(),
        panels,
        legend: Some(String::new()),
        table,
    }
}

fn ticks(scale: &Scale, bottom: f64) -> String {
    let mut drawn = String::new();
    for (value, label) in &scale.ticks {
        let at = scale.at(*value);
        let _ = writeln!(
            drawn,
            "<path class=\"grid\" d=\"M{at:.1} 0V{bottom}\"/><text class=\"tick\" \
             text-anchor=\"middle\" x=\"{at:.1}\" y=\"{}\">{label}</text>",
            bottom + 14.0
        );
    }
    drawn
}

fn time(view: &View, cell: &Cell, scale: &Scale, down: f64) -> String {
    let (style, sample) = (style(view, &cell.subject), cell.sample(|run| run.total));
    let across = scale.at(sample.median());
    let [low, high] = [0.25, 0.75].map(|part| scale.at(sample.quantile(part)));
    format!(
        "<g class=\"{}\" data-s=\"{}\"><text class=\"label\" text-anchor=\"end\" x=\"{}\" \
         y=\"{:.1}\">{}</text><path class=\"whisker\" d=\"M{low:.1} {down:.1}H{high:.1}\"/>{}\
         <text x=\"{:.1}\" y=\"{:.1}\">{}</text></g>\n",
        style.class(),
        style.place,
        names_end(view),
        down + 3.6,
        html(&shortened(&style.label)),
        style.mark(across, down),
        across + 9.0,
        down + 3.6,
        text::seconds(sample.median())
    )
}

/// Where the time of each side goes, for the largest lists: over the fastest link and the slowest.
pub fn phases(view: &View) -> Option<Chart> {
    let names = view::phases(view.record);
    let shape = view.shapes.first()?;
    let lists = shape.largest();
    let (first, last) = (view.fastest_network()?, view.slowest_network()?);
    let mut networks = vec![first];
    if first.name != last.name {
        networks.push(last);
    }
    let sizes = text::sizes(lists[0], lists[1]);
    let shown: Vec<String> = names.iter().map(|name| text::name(name)).collect();
    let mut head = vec!["subject", "link", "side"];
    head.extend(shown.iter().map(String::as_str));
    let mut table = Table::new(format!("Phases, {sizes} elements"), &head);
    let mut panels = Vec::new();
    for (index, network) in networks.into_iter().enumerate() {
        let mut cells = view.cells(lists, &network.name);
        cells.retain(|cell| !phases_of(cell, &names).is_empty());
        let mut drawn = String::new();
        for (line, cell) in cells.iter().enumerate() {
            drawn += &shares(view, cell, &names, 38.0 * line as f64);
            for (name, of) in SIDES {
                let mut row =
                    vec![text::subject(&cell.subject), text::name(&network.name), name.to_owned()];
                row.extend(names.iter().map(|phase| text::seconds(seconds(cell, of, phase))));
                let insecure = cell.subject.kind == Kind::Insecure;
                table.rows.push(Row { cells: row, insecure });
            }
        }
        let description = "The part of each side's time that each phase takes. The table below has the \
                           same figures in seconds.";
        let (id, title) = (format!("phases-{index}"), text::network(network));
        let height = 38.0 * cells.len() as f64 + 4.0;
        panels
            .extend((!cells.is_empty()).then(|| framed(&id, &title, description, height, &drawn)));
    }
    if panels.is_empty() {
        return None;
    }
    Some(Chart {
        id: "phases".to_owned(),
        title: format!("Where the time goes: {sizes} elements"),
        caption: "Each bar is all of one side's time, advertiser (A) above platform (P), which at its end \
                  stands in seconds."
            .to_owned(),
        panels,
        legend: Some(legend(&names)),
        table,
    })
}

/// One side of a run.
type Of = fn(&Run) -> &Side;

const SIDES: [(&str, Of); 2] =
    [("advertiser", |run| &run.advertiser), ("platform", |run| &run.platform)];

/// Median seconds of a phase; not a number where no run has it.
fn seconds(cell: &Cell, of: Of, phase: &str) -> f64 {
    let of_run = |run| of(run).phases.get(phase).copied();
    cell.runs.iter().filter_map(of_run).collect::<Sample>().median()
}

fn phases_of<'a>(cell: &Cell, names: &'a [String]) -> Vec<&'a String> {
    let has = |name: &&String| SIDES.iter().any(|(_, of)| seconds(cell, *of, name) > 0.0);
    names.iter().filter(has).collect()
}

/// Two bars of one subject.
fn shares(view: &View, cell: &Cell, names: &[String], top: f64) -> String {
    let (style, begin) = (style(view, &cell.subject), names_end(view) + 14.0);
    let mut drawn = format!(
        "<g class=\"{}\"><text class=\"label\" text-anchor=\"end\" x=\"{}\" y=\"{}\">{}</text></g>\n",
        style.class(),
        begin - 14.0,
        top + 21.0,
        html(&shortened(&style.label))
    );
    for (line, (side, of)) in SIDES.into_iter().enumerate() {
        let (down, right) = (top + 3.0 + 15.0 * line as f64, WIDTH - 56.0);
        let all: Vec<(usize, f64)> = (0..names.len())
            .map(|at| (at, seconds(cell, of, &names[at])))
            .filter(|(_, seconds)| *seconds > 0.0)
            .collect();
        let sum: f64 = all.iter().map(|(_, seconds)| seconds).sum();
        let _ = writeln!(
            drawn,
            "<text class=\"tick\" x=\"{}\" y=\"{}\">{}</text><text class=\"tick\" x=\"{}\" \
             y=\"{}\">{}</text>",
            begin - 10.0,
            down + 10.5,
            side[..1].to_uppercase(),
            right + 5.0,
            down + 10.5,
            if sum > 0.0 { text::seconds(sum) } else { text::NOTHING.to_owned() }
        );
        let mut from = begin;
        for (at, seconds) in all {
            let wide = seconds / sum * (right - begin);
            drawn += &share(&names[at], colour(names, at), seconds, sum, [from, down, wide]);
            from += wide;
        }
    }
    drawn
}

fn share(phase: &str, colour: usize, seconds: f64, sum: f64, at: [f64; 3]) -> String {
    let ([left, top, wide], part) = (at, format!("{:.0} %", seconds / sum * 100.0));
    let phase = text::name(phase);
    let long = format!("{phase} {part}");
    let inside = if width(&long) + 4.0 < wide {
        long
    } else if width(&part) + 4.0 < wide {
        part.clone()
    } else {
        String::new()
    };
    format!(
        "<g><rect class=\"bar f{colour}\" x=\"{left:.1}\" y=\"{top}\" width=\"{wide:.1}\" \
         height=\"14\"><title>{}: {part}, {}</title></rect><text class=\"in\" text-anchor=\"middle\" \
         x=\"{:.1}\" y=\"{}\">{}</text></g>\n",
        html(&phase),
        text::seconds(seconds),
        left + wide / 2.0,
        top + 10.5,
        html(&inside)
    )
}

/// Waiting is always grey, nothing else is.
fn colour(names: &[String], at: usize) -> usize {
    const WAIT: usize = 4;
    if names[at] == "wait" {
        return WAIT;
    }
    let others = names[..at].iter().filter(|name| *name != "wait").count() % 7;
    if others < WAIT { others } else { others + 1 }
}

fn legend(names: &[String]) -> String {
    let item = |at: usize| {
        let name = html(&text::name(&names[at]));
        format!("<li><span class=\"box f{}\"></span>{name}</li>\n", colour(names, at))
    };
    let items: String = (0..names.len()).map(item).collect();
    format!("<ul class=\"legend\">\n{items}</ul>\n")
}
