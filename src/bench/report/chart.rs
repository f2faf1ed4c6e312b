//! What is plotted of a record.

use super::bars;
use super::findings::{apart, giving_matches};
use super::plot::{Axis, Panel, Point, Series, Style};
use super::scale::Quantity;
use super::table::{Row, Table, of_lists};
use super::text;
use super::view::{Shape, View};
use crate::bench::measure::Sample;
use crate::bench::record::{Cell, Kind, Network, Subject};

/// Panels that belong together, and what they show as a table.
pub struct Chart {
    /// Unique in the page.
    pub id: String,
    /// Its heading.
    pub title: String,
    /// What to see, and how.
    pub caption: String,
    /// HTML of the panels.
    pub panels: Vec<String>,
    /// Instead of the subjects' marks, if given.
    pub legend: Option<String>,
    /// The same figures.
    pub table: Table,
}

/// Every plot that the record has figures for.
pub fn all(view: &View) -> Vec<Chart> {
    let mut charts = Vec::new();
    for (at, shape) in view.shapes.iter().enumerate() {
        charts.push(if shape.sizes.len() > 1 {
            time_by_size(view, shape, at)
        } else {
            bars::times(view, shape, at)
        });
        charts.push(bytes_and_time(view, shape, at));
    }
    charts.extend(cores(view));
    charts.extend(bars::phases(view));
    charts
}

/// How a subject looks in plots.
pub fn style(view: &View, subject: &Subject) -> Style {
    let place = view.subjects.iter().position(|known| *known == subject).unwrap_or(0);
    style_at(place, subject)
}

/// The same from its place: its name is short, and says when it is insecure.
pub fn style_at(place: usize, subject: &Subject) -> Style {
    let name = text::name(&subject.name);
    let label = match subject.kind {
        Kind::Insecure => {
            format!("INSECURE {}", name.strip_prefix("insecure-").unwrap_or(&name))
        }
        _ => name,
    };
    Style { place, kind: subject.kind, label }
}

fn quartiles(sample: &Sample) -> [f64; 3] {
    [0.5, 0.25, 0.75].map(|part| sample.quantile(part))
}

fn says(cell: &Cell, sample: &Sample) -> String {
    let name = text::subject(&cell.subject);
    let sizes = text::sizes(cell.advertiser, cell.platform);
    format!("{name}, {sizes}: {}", text::seconds_about(sample))
}

/// Time against size: a panel for each link, a line for each subject.
fn time_by_size(view: &View, shape: &Shape, at: usize) -> Chart {
    let of = |subject: &&Subject, network: &Network| -> Series {
        let cells = shape
            .sizes
            .iter()
            .filter_map(|size| view.cell(subject, shape.lists(*size), &network.name));
        let point = |cell: &Cell| {
            let sample = cell.sample(|run| run.total);
            let (x, y) = (cell.platform as f64, quartiles(&sample));
            Point { x, y, says: says(cell, &sample) }
        };
        Series {
            style: style(view, subject),
            points: cells.map(point).collect(),
            beyond: Vec::new(),
        }
    };
    let all: Vec<(&Network, Vec<Series>)> = view
        .networks
        .iter()
        .map(|network| (network, view.subjects.iter().map(|s| of(s, network)).collect()))
        .collect();
    let values: Vec<f64> = all
        .iter()
        .flat_map(|(_, series)| series)
        .flat_map(|s| &s.points)
        .flat_map(|p| p.y)
        .collect();
    let panels = all.into_iter().enumerate().map(|(index, (network, series))| {
        let panel = Panel {
            id: format!("time-{at}-{index}"),
            title: text::network(network),
            remark: String::new(),
            description: format!(
                "Total time against elements for {} over {}. The table below has the same figures.",
                of_lists(shape),
                text::name(&network.name)
            ),
            x: Axis {
                name: if shape.advertiser.is_some() {
                    "platform's elements"
                } else {
                    "elements of each list"
                },
                quantity: Quantity::Elements,
                values: shape.sizes.iter().map(|size| *size as f64).collect(),
            },
            y: Axis { name: "total time", quantity: Quantity::Seconds, values: values.clone() },
            series,
            joined: true,
            best: None,
            ideal: false,
        };
        panel.html()
    });
    Chart {
        id: format!("time-{at}"),
        title: format!("Time against size: {}", of_lists(shape)),
        caption: "Both axes are logarithmic, and the same in every panel. Bars across a mark reach from one \
                  quartile to the other, where they are longer than the mark."
            .to_owned(),
        panels: panels.collect(),
        legend: None,
        table: time_table(view, shape),
    }
}

fn time_table(view: &View, shape: &Shape) -> Table {
    let mut table = Table::new("Total time by size".to_owned(), &["subject", "link"]);
    table.head.extend(shape.sizes.iter().map(|size| text::elements(*size)));
    for network in &view.networks {
        for subject in &view.subjects {
            let mut cells = vec![text::subject(subject), text::name(&network.name)];
            cells.extend(shape.sizes.iter().map(|size| {
                let cell = view.cell(subject, shape.lists(*size), &network.name);
                let sample = cell.map(|cell| cell.sample(|run| run.total)).unwrap_or_default();
                text::seconds_about(&sample)
            }));
            table.rows.push(Row { cells, insecure: subject.kind == Kind::Insecure });
        }
    }
    table
}

/// Bytes against time: a panel for each link, in which the fastest stands out.
fn bytes_and_time(view: &View, shape: &Shape, at: usize) -> Chart {
    let lists = shape.largest();
    let sizes = text::sizes(lists[0], lists[1]);
    let bytes = |cell: &Cell| cell.sample(|run| run.bytes() as f64).median();
    let total = |cell: &Cell| cell.sample(|run| run.total);
    let all: Vec<(&Network, Vec<&Cell>)> =
        view.networks.iter().map(|network| (network, view.cells(lists, &network.name))).collect();
    let cells = || all.iter().flat_map(|(_, cells)| cells.iter().copied());
    let across: Vec<f64> = cells().map(bytes).collect();
    let mut table = Table::new(
        format!("Bytes and time, {sizes} elements"),
        &["subject", "link", "bytes both ways", "total time", "fastest here"],
    );
    let mut panels = Vec::new();
    for (index, (network, cells)) in all.iter().enumerate() {
        let down = cells.iter().flat_map(|cell| quartiles(&total(cell))).collect();
        let best = winner(cells);
        let series = cells.iter().map(|cell| {
            let (x, sample) = (bytes(cell), total(cell));
            let says = format!("{}, {}", says(cell, &sample), text::bytes(x));
            let points = vec![Point { x, y: quartiles(&sample), says }];
            Series { style: style(view, &cell.subject), points, beyond: Vec::new() }
        });
        let fastest = best.map_or("no one is fastest beyond the noise".to_owned(), |best| {
            format!("fastest: {}", text::subject(&cells[best].subject))
        });
        let panel = Panel {
            id: format!("bytes-{at}-{index}"),
            title: text::network(network),
            remark: fastest,
            description: format!(
                "Total time against bytes both ways for {sizes} elements over {}. The table below has \
                 the same figures.",
                text::name(&network.name)
            ),
            x: Axis { name: "bytes both ways", quantity: Quantity::Bytes, values: across.clone() },
            y: Axis { name: "total time", quantity: Quantity::Seconds, values: down },
            series: series.collect(),
            joined: false,
            best,
            ideal: false,
        };
        panels.push(panel.html());
        for (place, cell) in cells.iter().enumerate() {
            let sample = total(cell);
            table.rows.push(Row {
                cells: vec![
                    text::subject(&cell.subject),
                    text::name(&network.name),
                    text::bytes(bytes(cell)),
                    text::seconds_about(&sample),
                    if best == Some(place) { "fastest".to_owned() } else { String::new() },
                ],
                insecure: cell.subject.kind == Kind::Insecure,
            });
        }
    }
    Chart {
        id: format!("bytes-{at}"),
        title: format!("Bytes and time: {sizes} elements"),
        caption: "Further left sends less, further down is faster; both axes are logarithmic, and each panel has times \
                  of its own. A ring marks the fastest over each link of those that give \
                  matches, where it can be told from the next; what is insecure does not compete."
            .to_owned(),
        panels,
        legend: Some(String::new()),
        table,
    }
}

/// The fastest that gives matches and is not insecure, by its place; none where another cannot be told
/// from it.
fn winner(cells: &[&Cell]) -> Option<usize> {
    let total = |cell: &Cell| cell.sample(|run| run.total);
    let mut secure = giving_matches(cells.to_vec());
    secure.retain(|cell| cell.subject.kind != Kind::Insecure);
    secure.sort_by(|a, b| total(a).median().total_cmp(&total(b).median()));
    let first = secure.first()?;
    let alone = secure.get(1).is_none_or(|second| apart(&total(first), &total(second)));
    cells.iter().position(|cell| std::ptr::eq(*cell, *first)).filter(|_| alone)
}

/// How many times as fast more threads are, for the largest lists over the fastest link.
fn cores(view: &View) -> Option<Chart> {
    let (shape, network) = (view.shapes.first()?, view.fastest_network()?);
    let lists = shape.largest();
    let sizes = text::sizes(lists[0], lists[1]);
    let median = |cell: &Cell| cell.sample(|run| run.total).median();
    let mut series = Vec::new();
    let mut table = Table::new(
        format!("Threads, {sizes} elements over {}", text::name(&network.name)),
        &["subject", "threads of each side", "total time", "times as fast"],
    );
    for subject in &view.subjects {
        let cells = view.by_cores(subject, lists, &network.name);
        let Some(first) = cells.first().filter(|_| cells.len() > 1) else { continue };
        let mut points = Vec::new();
        for cell in &cells {
            let sample = cell.sample(|run| run.total);
            let times = |seconds: f64| median(first) / seconds * first.threads as f64;
            let [y, low, high] = quartiles(&sample).map(times);
            let threads = cell.threads;
            let said = format!(
                "{}, {threads} threads: {} times as fast",
                text::subject(subject),
                text::number(y)
            );
            points.push(Point { x: threads as f64, y: [y, high, low], says: said });
            table.rows.push(Row {
                cells: vec![
                    text::subject(subject),
                    threads.to_string(),
                    text::seconds_about(&sample),
                    text::number(y),
                ],
                insecure: subject.kind == Kind::Insecure,
            });
        }
        series.push(Series { style: style(view, subject), points, beyond: Vec::new() });
    }
    if series.is_empty() {
        return None;
    }
    let points = || series.iter().flat_map(|series| &series.points);
    let across: Vec<f64> = points().map(|point| point.x).collect();
    let down = points().flat_map(|point| point.y).chain(across.iter().copied()).collect();
    let title = format!("{sizes} elements over {}", text::network(network));
    let panel = Panel {
        id: "cores-0".to_owned(),
        title,
        remark: String::new(),
        description:
            "How many times as fast each subject is with more threads. The table below has the \
                      same figures."
                .to_owned(),
        x: Axis { name: "threads of each side", quantity: Quantity::Times, values: across },
        y: Axis { name: "times as fast as one thread", quantity: Quantity::Times, values: down },
        series,
        joined: true,
        best: None,
        ideal: true,
    };
    Some(Chart {
        id: "cores".to_owned(),
        title: "More cores".to_owned(),
        caption: format!(
            "The dotted line is as many times as fast as there are threads. Both sides ran on one machine \
             of {} threads at once, each with so many.",
            view.record.machine.cores
        ),
        panels: vec![panel.html()],
        legend: None,
        table,
    })
}
