//! Tables, before they are Markdown or HTML.

use super::figures::{self, bits_each, cpu_each};
use super::text;
use super::view::{Shape, View};
use crate::bench::measure::Sample;
use crate::bench::record::{Cell, Kind, Network, Run};

/// A table of plain text: whoever writes it out escapes it.
pub struct Table {
    /// What it shows.
    pub caption: String,
    /// Names of the columns; the first one names the rows.
    pub head: Vec<String>,
    /// Rows.
    pub rows: Vec<Row>,
}

/// A row, as long as the head.
pub struct Row {
    /// What stands in it.
    pub cells: Vec<String>,
    /// Whether it is of something that protects nobody.
    pub insecure: bool,
}

impl Table {
    /// Without rows.
    pub fn new(caption: String, head: &[&str]) -> Table {
        Table { caption, head: head.iter().map(ToString::to_string).collect(), rows: Vec::new() }
    }

    /// In columns, for a terminal.
    pub fn text(&self) -> String {
        let lines = || [&self.head].into_iter().chain(self.rows.iter().map(|row| &row.cells));
        let long = |cell: &String| cell.chars().count();
        let width = |at: usize| lines().filter_map(|line| line.get(at)).map(long).max();
        let widths: Vec<usize> = (0..self.head.len()).filter_map(width).collect();
        let line = |line: &Vec<String>| {
            let cell = |(at, (cell, width)): (usize, (&String, &usize))| match at {
                0 => format!("{cell:<width$}"),
                _ => format!("  {cell:>width$}"),
            };
            let cells: String = line.iter().zip(&widths).enumerate().map(cell).collect();
            cells + "\n"
        };
        lines().map(line).collect()
    }
}

const HEAD: [&str; 13] = [
    "subject",
    "threads",
    "total time",
    "online time",
    "CPU, advertiser",
    "CPU, platform",
    "CPU per element",
    "advertiser sent",
    "platform sent",
    "bits per element",
    "flights, A + P",
    "peak memory, A and P",
    "false positives",
];

/// A table for each link and pair of lists, over the same lists the slowest link last; the largest
/// lists first.
pub fn all(view: &View) -> Vec<Table> {
    let mut tables = Vec::new();
    for shape in &view.shapes {
        for size in shape.sizes.iter().rev() {
            for network in &view.networks {
                let table = one(view, shape.lists(*size), network);
                tables.extend((!table.rows.is_empty()).then_some(table));
            }
        }
    }
    tables
}

/// Every subject that was measured with these lists over a link.
pub fn one(view: &View, lists: [u64; 2], network: &Network) -> Table {
    let [advertiser, platform] = lists;
    let (sizes, link) = (text::sizes(advertiser, platform), text::network(network));
    let mut table = Table::new(format!("{sizes} elements, {link}"), &HEAD);
    let cells = view.cells(lists, &network.name);
    table.rows = cells.into_iter().map(row).collect();
    table
}

fn row(cell: &Cell) -> Row {
    let sample = |figure: fn(&Run) -> f64| cell.sample(figure);
    let memory = |of: fn(&Run) -> Option<u64>| {
        let sample: Sample = cell.runs.iter().filter_map(of).map(|bytes| bytes as f64).collect();
        text::bytes(sample.median())
    };
    let flights = |figure: fn(&Run) -> f64| text::exact(sample(figure).median());
    Row {
        cells: vec![
            text::subject(&cell.subject),
            threads(cell),
            text::seconds_about(&sample(|run| run.total)),
            text::seconds_about(&sample(|run| run.online)),
            text::seconds_about(&sample(|run| run.advertiser.cpu)),
            text::seconds_about(&sample(|run| run.platform.cpu)),
            text::seconds(cell.sample(|run| cpu_each(cell, run)).median() / 1e6),
            text::bytes(sample(|run| run.advertiser.sent as f64).median()),
            text::bytes(sample(|run| run.platform.sent as f64).median()),
            text::number(cell.sample(|run| bits_each(cell, run)).median()),
            format!(
                "{} + {}",
                flights(|run| run.advertiser.flights as f64),
                flights(|run| run.platform.flights as f64)
            ),
            format!(
                "{} and {}",
                memory(|run| run.advertiser.peak_memory),
                memory(|run| run.platform.peak_memory)
            ),
            text::grouped(figures::false_positives(cell)),
        ],
        insecure: cell.subject.kind == Kind::Insecure,
    }
}

fn threads(cell: &Cell) -> String {
    match &cell.backend {
        Some(backend) => format!("{}, {}", cell.threads, text::name(backend)),
        None => cell.threads.to_string(),
    }
}

/// What was run: a name and what it was.
pub fn facts(view: &View) -> Vec<(&'static str, String)> {
    let (machine, definition) = (&view.record.machine, &view.record.definition);
    let names = |names: &mut dyn Iterator<Item = &String>| -> String {
        names.map(|name| text::name(name)).collect::<Vec<_>>().join(", ")
    };
    let memory = machine
        .memory
        .map_or(String::new(), |bytes| format!(", {} of memory", text::bytes(bytes as f64)));
    let threads: Vec<String> = definition.threads.iter().map(usize::to_string).collect();
    let sizes: Vec<String> = definition.sizes.iter().map(|[a, p]| text::sizes(*a, *p)).collect();
    let links: Vec<String> = definition.networks.iter().map(text::network).collect();
    vec![
        ("CPU", format!("{}, {} threads at once{memory}", text::name(&machine.cpu), machine.cores)),
        ("System", text::name(&machine.system)),
        ("Backends of this CPU", names(&mut machine.backends.iter())),
        ("blindmatch", text::name(&machine.blindmatch)),
        ("Commit", machine.commit.as_deref().map_or("unknown".to_owned(), text::name)),
        ("Compiler", text::name(&machine.compiler)),
        ("Begun", text::name(&machine.started)),
        ("Subjects", names(&mut definition.subjects.iter())),
        ("Lists (advertiser × platform)", sizes.join(", ")),
        ("Links", links.join(", ")),
        ("Threads of each side", threads.join(", ")),
        ("Backends", names(&mut definition.backends.iter())),
        ("Runs of each configuration", format!("{} after one to warm up", definition.repeat)),
        ("Seed", definition.seed.to_string()),
    ]
}

/// The lists that a heading or a sentence speaks of.
pub fn of_lists(shape: &Shape) -> String {
    match shape.advertiser {
        None => "lists of the same size".to_owned(),
        Some(advertiser) => format!("an advertiser's list of {}", text::elements(advertiser)),
    }
}
