//! One HTML page that needs nothing else: no request, no script.
//!
//! Names in a record may come from anyone, so all text is escaped where it is written, and a policy in
//! the page forbids scripts and requests besides.

use std::fmt::Write;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::table::{self, Table};
use super::text::{self, html};
use super::view::View;
use super::{chart, findings, method, plot};
use crate::bench::record::Record;
use crate::bench::scaling;

/// The whole page.
pub fn page(record: &Record) -> String {
    let view = View::of(record);
    let mut out = String::new();
    head(&mut out, &view);
    section(&mut out, "run", "What was run", &facts(&view));
    section(&mut out, "findings", "Findings", &found(&view));
    section(&mut out, "plots", "Plots", &plots(&view));
    section(&mut out, "figures", "Figures", &tables(&view));
    if !record.absent.is_empty() {
        let why = |absent: &super::super::record::Absent| {
            format!("{}: {}", text::name(&absent.name), text::name(&absent.why))
        };
        let absent: Vec<String> = record.absent.iter().map(why).collect();
        section(&mut out, "absent", "Not measured", &list(&absent));
    }
    let growth = scaling::analyse(record);
    if !growth.is_empty() {
        section(&mut out, "growth", "Growth", &growth.html());
    }
    section(&mut out, "method", "Method", &list(&method(record)));
    section(&mut out, "data", "Data", &data(record));
    out.push_str("</main>\n</body>\n</html>\n");
    out
}

fn head(out: &mut String, view: &View) {
    let machine = &view.record.machine;
    let by = [&machine.cpu, &machine.compiler, &machine.started].map(|name| text::name(name));
    let title = "Private set intersection, measured";
    let _ = writeln!(
        out,
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src \
         'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n\
         <title>{title}</title>\n<style>\n{}</style>\n</head>\n<body>\n<main>\n<h1>{title}</h1>\n\
         <p class=\"by\">{}</p>",
        include_str!("page.css"),
        html(&by.join(" · "))
    );
}

fn section(out: &mut String, id: &str, heading: &str, body: &str) {
    let _ = writeln!(out, "<section id=\"{id}\">\n<h2>{}</h2>\n{body}</section>", html(heading));
}

fn facts(view: &View) -> String {
    let fact = |(name, value): (&str, String)| {
        format!("<dt>{}</dt><dd>{}</dd>\n", html(name), html(&value))
    };
    let facts: String = table::facts(view).into_iter().map(fact).collect();
    format!("<dl>\n{facts}</dl>\n")
}

fn found(view: &View) -> String {
    let group = |findings: findings::Findings| {
        let sentences = list(&findings.sentences);
        format!("<div>\n<h3>{}</h3>\n{sentences}</div>\n", html(&findings.about))
    };
    let groups: String = findings::all(view).into_iter().map(group).collect();
    format!("<div class=\"columns\">\n{groups}</div>\n")
}

/// Sentences, one below the other.
pub fn list(sentences: &[String]) -> String {
    let items: String =
        sentences.iter().map(|sentence| format!("<li>{}</li>\n", marked(sentence))).collect();
    format!("<ul>\n{items}</ul>\n")
}

/// Text in which what is insecure stands out.
pub fn marked(text: &str) -> String {
    html(text).replace("(INSECURE)", "<span class=\"tag\">INSECURE</span>")
}

fn plots(view: &View) -> String {
    let named = |subject: &&crate::bench::record::Subject| {
        (chart::style(view, subject), text::subject(subject))
    };
    let subjects: Vec<_> = view.subjects.iter().map(named).collect();
    let mut out = pointed_at(subjects.len());
    for chart in chart::all(view) {
        let legend = chart.legend.unwrap_or_else(|| plot::legend(&subjects));
        let _ = writeln!(
            out,
            "<figure id=\"{}\">\n<h3>{}</h3>\n<figcaption>{}</figcaption>\n{legend}<div \
             class=\"panels\">\n{}</div>\n<details class=\"onscreen\">\n<summary>As a table</summary>\n\
             {}</details>\n</figure>",
            chart.id,
            html(&chart.title),
            html(&chart.caption),
            chart.panels.concat(),
            write_table(&chart.table)
        );
    }
    out
}

/// Whoever points at a subject in a plot or its legend sees that one before all others.
fn pointed_at(subjects: usize) -> String {
    let mut rules = String::from("<style>\n@media (hover: hover) {\n");
    for place in 0..subjects {
        let _ = writeln!(
            rules,
            "figure:has([data-s=\"{place}\"]:hover) [data-s]:not([data-s=\"{place}\"]) {{ opacity: .18; }}"
        );
    }
    rules + "}\n</style>\n"
}

fn tables(view: &View) -> String {
    let mut out = String::from(
        "<p>Medians ± half the distance between the quartiles. <span class=\"onscreen\">Tables scroll sideways.</span></p>\n",
    );
    for table in table::all(view) {
        let _ = writeln!(out, "<h3>{}</h3>", html(&table.caption));
        out.push_str(&write_table(&table));
    }
    out
}

/// A table in a box that scrolls sideways by itself.
pub fn write_table(table: &Table) -> String {
    let caption = html(&table.caption);
    let mut out = format!(
        "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"{caption}\">\n<table>\n\
         <thead><tr>"
    );
    for column in &table.head {
        let _ = write!(out, "<th scope=\"col\">{}</th>", html(column));
    }
    out.push_str("</tr></thead>\n<tbody>\n");
    for row in &table.rows {
        out.push_str(if row.insecure { "<tr class=\"insecure\">" } else { "<tr>" });
        for (at, cell) in row.cells.iter().enumerate() {
            let _ = match at {
                0 => write!(out, "<th scope=\"row\">{}</th>", marked(cell)),
                _ => write!(out, "<td>{}</td>", marked(cell)),
            };
        }
        out.push_str("</tr>\n");
    }
    out.push_str("</tbody>\n</table>\n</div>\n");
    out
}

/// The record itself, as long as it does not make the page a burden.
fn data(record: &Record) -> String {
    let mut out = String::from(
        "<p>Beside this page: <a href=\"record.json\">record.json</a> (every run), <a \
         href=\"report.csv\">report.csv</a> (a line for each configuration), <a \
         href=\"runs.csv\">runs.csv</a> (a line for each run), <a href=\"report.md\">report.md</a>.\
         </p>\n",
    );
    let json = serde_json::to_vec(record).unwrap_or_default();
    if !json.is_empty() && json.len() <= EMBEDDED {
        let _ = writeln!(
            out,
            "<p class=\"onscreen\"><a download=\"record.json\" href=\"data:application/json;base64,{}\">\
             The record, from within this page</a> ({}).</p>",
            STANDARD.encode(&json),
            text::bytes(json.len() as f64)
        );
    }
    out
}

/// Bytes of JSON that a page carries at most.
const EMBEDDED: usize = 1 << 20;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::made_up::MadeUp;
    use crate::bench::record::Kind;
    use crate::bench::report::well_formed;

    fn record() -> Record {
        MadeUp { noise: 0.03, seed: 1, slower: None }.record()
    }

    #[test]
    fn the_page_is_well_formed_and_asks_for_nothing() {
        let page = page(&record());
        well_formed::check(&page).unwrap();
        for outside in ["http:", "https:", "src=", "url(", "@import", "<script", "<link", "=\"//"] {
            assert!(!page.contains(outside), "{outside}");
        }
    }

    #[test]
    fn records_of_nothing_and_of_nonsense_are_pages_too() {
        let mut record = record();
        let cells = std::mem::take(&mut record.cells);
        well_formed::check(&page(&record)).unwrap();
        record.cells = cells;
        for (at, cell) in record.cells.iter_mut().enumerate() {
            match at % 3 {
                0 => cell.runs.clear(),
                1 => (cell.advertiser, cell.platform) = (0, 0),
                _ => cell.runs.iter_mut().for_each(|run| (run.total, run.online) = (0.0, -1.0)),
            }
        }
        let page = page(&record);
        well_formed::check(&page).unwrap();
        assert!(!page.contains("NaN") && !page.contains("inf\"") && !page.contains("inf,"));
    }

    #[test]
    fn plots_say_what_they_show_and_who_wins() {
        let record = record();
        let page = page(&record);
        let plots: Vec<&str> = page.split("<svg viewBox=\"0 0 360").skip(1).collect();
        // Two pairs of lists over five links, time and bytes; cores; phases over two links.
        assert_eq!(plots.len(), 2 * 2 * 5 + 1 + 2);
        for plot in &plots {
            let plot = plot.split("</svg>").next().unwrap();
            assert!(plot.contains("role=\"img\"") && plot.contains("</desc>"), "{plot}");
            assert!(plot.contains("INSECURE sha256"), "{plot}");
        }
        assert_eq!(page.matches("<summary>As a table</summary>").count(), 6);
        let view = View::of(&record);
        let of_time = |cell: &&crate::bench::record::Cell| cell.sample(|run| run.total).median();
        for network in &record.definition.networks {
            let cells = view.secure([1 << 18; 2], &network.name);
            let best = cells.iter().min_by(|a, b| of_time(a).total_cmp(&of_time(b))).unwrap();
            let panel = page.split(&format!(">{}</h4>", text::network(network))).nth(2).unwrap();
            assert!(
                panel.contains(&format!(">fastest: {}</text>", text::subject(&best.subject))),
                "{panel}"
            );
        }
    }

    #[test]
    fn names_are_text() {
        let mut record = record();
        let hostile =
            "</td></svg></style><script>alert(1)</script><img src=\"x\" onerror='y'>&amp;";
        record.cells.iter_mut().for_each(|cell| {
            cell.subject.name.insert_str(0, hostile);
            cell.network.insert_str(0, hostile);
            cell.backend = Some(hostile.to_owned());
        });
        for network in &mut record.definition.networks {
            network.name.insert_str(0, hostile);
        }
        let machine = &mut record.machine;
        for field in [&mut machine.cpu, &mut machine.system, &mut machine.compiler] {
            *field = hostile.to_owned();
        }
        record.absent[0].why = hostile.to_owned();
        let page = page(&record);
        well_formed::check(&page).unwrap();
        assert!(page.contains("&lt;script&gt;") && page.contains("&amp;amp;"));
        assert!(!page.contains("<script") && !page.contains("<img"));
    }

    #[test]
    fn what_is_insecure_says_so_in_every_row() {
        let page = page(&record());
        let rows = page.split("<tr").filter(|row| row.contains("insecure-"));
        let mut count = 0;
        for row in rows {
            count += 1;
            assert!(row.contains(">INSECURE<"), "{row}");
        }
        let insecure = record().cells.iter().filter(|c| c.subject.kind == Kind::Insecure).count();
        assert!(count >= insecure / 3, "{count} of {insecure}"); // one of three numbers of threads
    }
}
