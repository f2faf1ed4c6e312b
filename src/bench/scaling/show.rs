//! Growth as text, Markdown and HTML.

use std::fmt::Write;

use super::{Curve, Fit, Forecast, Growth, MACHINES, RATE, SHUFFLED, SIZES, SubjectGrowth};
use crate::bench::record::Machine;
use crate::bench::report::plot::{self, Axis, Panel, Point, Series};
use crate::bench::report::scale::Quantity;
use crate::bench::report::table::{Row, Table};
use crate::bench::report::{chart, html, markdown, text};

/// What an extrapolation takes for granted.
pub fn assumptions(machine: &Machine) -> Vec<String> {
    let memory = machine.memory.map_or("unknown memory".to_owned(), |bytes| {
        format!("{} of memory", text::bytes(bytes as f64))
    });
    vec![
        format!(
            "Each machine is like the measured one ({}, {} threads at once, {memory}), with nothing else to do; \
             as when it was measured, one machine holds a partition of both sides.",
            text::name(&machine.cpu),
            machine.cores
        ),
        "Both sides part their lists by the same hash of an element, and match partition by partition; the \
         slowest machine has the largest partition. The sizes of partitions tell the other side counts that the \
         size of a whole list does not."
            .to_owned(),
        format!(
            "Each machine sends and receives {} Gbit/s in whatever direction. Elements that stand on other machines \
             are sent once, {} bytes each, and the protocol's bytes after them; sending and computing do not \
             overlap.",
            text::exact(RATE / 1e9),
            text::exact(SHUFFLED)
        ),
        "Nothing is added for starting machines, scheduling, reading lists, machines that fail, or round trips \
         beyond those measured; nothing is taken off for memory that is faster when less of it is used."
            .to_owned(),
        "The curves hold far beyond the sizes they were fitted to. Memory caches, swapping and limits of the \
         wire format may say otherwise; \"too large\" is where even the least of the range does not fit into the \
         memory."
            .to_owned(),
    ]
}

/// How many times the largest measured size the largest extrapolated one is, per partition and in all.
fn reach(growth: &Growth) -> String {
    let largest = growth.subjects.iter().map(|subject| subject.largest).max().unwrap_or(1);
    let times = |size: f64| text::number(size / largest as f64);
    format!(
        "Measured up to {} elements a list; {} elements are {} times as many, {} are {} times. What is beyond \
         the measured sizes is arithmetic, not measurement.",
        text::elements(largest),
        size(SIZES[0]),
        times(SIZES[0]),
        size(SIZES[SIZES.len() - 1]),
        times(SIZES[SIZES.len() - 1])
    )
}

fn size(elements: f64) -> String {
    text::elements(elements as u64)
}

fn curve(curve: &Curve, write: fn(f64) -> String) -> String {
    let parts = [(curve.fixed, ""), (curve.linear, " n"), (curve.log_linear, " n log₂ n")];
    let present = parts.iter().filter(|(value, _)| *value > 0.0);
    let written: Vec<String> =
        present.map(|(value, of)| format!("{}{of}", write(*value))).collect();
    written.join(" + ")
}

fn error(fit: &Fit) -> String {
    text::percent(fit.check.error())
}

fn fits(growth: &Growth) -> Table {
    let head = [
        "subject",
        "threads",
        "time",
        "one size up",
        "memory, both sides",
        "one size up",
        "bytes both ways",
        "one size up",
        "gain of threads",
        "serial part",
    ];
    let mut table = Table::new("Fitted curves of n elements a list".to_owned(), &head);
    table.rows = growth.subjects.iter().map(fitted).collect();
    table
}

fn fitted(subject: &SubjectGrowth) -> Row {
    let nothing = || text::NOTHING.to_owned();
    let memory = subject.memory.as_ref();
    let gain = subject.cores.map(|cores| {
        let check = cores
            .check
            .map_or(String::new(), |error| format!(" (law without them {})", text::percent(error)));
        format!("{} with {}{check}", text::number(cores.gain), cores.most)
    });
    Row {
        cells: vec![
            text::subject(&subject.subject),
            subject.threads.to_string(),
            curve(&subject.time.curve, fine_seconds),
            error(&subject.time),
            memory.map_or_else(nothing, |fit| curve(&fit.curve, text::bytes)),
            memory.map_or_else(nothing, error),
            curve(&subject.bytes.curve, text::bytes),
            error(&subject.bytes),
            gain.unwrap_or_else(nothing),
            subject
                .cores
                .map_or_else(nothing, |cores| format!("{} %", text::number(cores.serial * 100.0))),
        ],
        insecure: Growth::insecure(subject),
    }
}

/// Seconds down to nanoseconds, which one element takes.
fn fine_seconds(seconds: f64) -> String {
    if seconds < 1e-6 {
        format!("{} ns", text::number(seconds * 1e9))
    } else {
        text::seconds(seconds)
    }
}

fn forecasts(growth: &Growth, elements: f64) -> Table {
    let machines: Vec<String> = MACHINES
        .iter()
        .map(|machines| match machines {
            1 => "1 machine".to_owned(),
            machines => format!("{} machines", text::grouped(u64::from(*machines))),
        })
        .collect();
    let mut head = vec!["subject"];
    head.extend(machines.iter().map(String::as_str));
    let mut table = Table::new(format!("{} elements a list, extrapolated", size(elements)), &head);
    for subject in &growth.subjects {
        let mut cells = vec![text::subject(&subject.subject)];
        cells.extend(
            MACHINES.iter().map(|machines| said(growth, &subject.forecast(elements, *machines))),
        );
        table.rows.push(Row { cells, insecure: Growth::insecure(subject) });
    }
    table
}

fn said(growth: &Growth, forecast: &Forecast) -> String {
    let seconds = text::seconds_within(forecast.seconds);
    let Some(memory) = forecast.memory.map(text::bytes_within) else { return seconds };
    match growth.fits(forecast) {
        Some(true) => format!("{seconds}, {memory}"),
        Some(false) => format!("too large: {memory}; else {seconds}"),
        None => format!("may be too large: {memory}; else {seconds}"),
    }
}

fn point(subject: &SubjectGrowth, (elements, y): (u64, [f64; 3])) -> Point {
    let (name, size) = (text::subject(&subject.subject), text::elements(elements));
    let says = format!("{name}, {size}: {}", text::seconds(y[0]));
    Point { x: elements as f64, y, says }
}

/// What stands before the tables.
const LEGEND: &str = "\"One size up\" is how far the curve without the largest size is from what was measured there. \
                      Extrapolations: time and memory of a machine; in brackets the range of curves with one size left out, for \
                      memory widened by the error one size up.";

impl Growth {
    fn tables(&self) -> Vec<Table> {
        let forecasts = SIZES.iter().map(|elements| forecasts(self, *elements));
        [fits(self)].into_iter().chain(forecasts).collect()
    }

    /// Time against size, and the curves beyond what was measured.
    fn figure(&self) -> String {
        let style = |subject: &SubjectGrowth| chart::style_at(subject.place, &subject.subject);
        let legend: Vec<_> = self
            .subjects
            .iter()
            .map(|subject| (style(subject), text::subject(&subject.subject)))
            .collect();
        let series: Vec<Series> = self
            .subjects
            .iter()
            .map(|subject| Series {
                style: style(subject),
                points: subject.measured.iter().map(|measured| point(subject, *measured)).collect(),
                beyond: SIZES.map(|size| (size, subject.time.curve.at(size))).to_vec(),
            })
            .collect();
        let points = || series.iter().flat_map(|series| &series.points);
        let beyond = || series.iter().flat_map(|series| &series.beyond);
        let elements = points().map(|point| point.x).chain(SIZES).collect();
        let times = points().flat_map(|point| point.y).chain(beyond().map(|(_, time)| *time));
        let panel = Panel {
            id: "growth-0".to_owned(),
            title: "One machine, however much memory it takes".to_owned(),
            remark: String::new(),
            description:
                "Time against elements as measured, and the fitted curves beyond. The tables \
                          below have the same figures."
                    .to_owned(),
            x: Axis {
                name: "elements of each list",
                quantity: Quantity::Elements,
                values: elements,
            },
            y: Axis { name: "total time", quantity: Quantity::Seconds, values: times.collect() },
            series,
            joined: true,
            best: None,
            ideal: false,
        };
        format!(
            "<figure>\n<figcaption>Marks and lines were measured, dots are extrapolated.</figcaption>\n{}\
             <div class=\"panels\">\n{}</div>\n</figure>\n",
            plot::legend(&legend),
            panel.html()
        )
    }

    /// For a terminal.
    pub fn text(&self) -> String {
        if self.is_empty() {
            return "too few sizes: growth needs five sizes of lists that are as long as each other\n"
                .to_owned();
        }
        let mut out = format!("{LEGEND}\n{}\n", reach(self));
        for table in self.tables() {
            let _ = write!(out, "\n{}\n{}", table.caption, table.text());
        }
        out.push_str("\nAssumed:\n");
        for sentence in self.assumptions() {
            let _ = writeln!(out, "- {sentence}");
        }
        out
    }

    /// A section of Markdown, without its heading.
    pub fn markdown(&self) -> String {
        let mut out = format!("{}\n\n{}\n", text::markdown(LEGEND), text::markdown(&reach(self)));
        self.tables().iter().for_each(|table| markdown::write_table(&mut out, table));
        out.push_str("\nAssumed:\n\n");
        for sentence in self.assumptions() {
            let _ = writeln!(out, "- {}", text::markdown(&sentence));
        }
        out
    }

    /// A section of a page, without its heading.
    pub fn html(&self) -> String {
        let paragraph = |text: &str| format!("<p>{}</p>\n", html::marked(text));
        let mut out = paragraph(&reach(self)) + &self.figure() + &paragraph(LEGEND);
        for table in self.tables() {
            let _ = writeln!(out, "<h3>{}</h3>", text::html(&table.caption));
            out.push_str(&html::write_table(&table));
        }
        out + "<h3>Assumed</h3>\n" + &html::list(&self.assumptions())
    }
}
