//! Markdown, for papers and pull requests.

use std::fmt::Write;

use super::table::{self, Table};
use super::text;
use super::view::View;
use super::{findings, method};
use crate::bench::record::Record;
use crate::bench::scaling;

/// The whole report.
pub fn report(record: &Record) -> String {
    let view = View::of(record);
    let mut out = String::from("# Private set intersection, measured\n\n");
    for (name, value) in table::facts(&view) {
        let _ = writeln!(out, "- {name}: {}", text::markdown(&value));
    }
    section(&mut out, "Findings");
    for findings in findings::all(&view) {
        let _ = writeln!(out, "**{}**\n", text::markdown(&findings.about));
        for sentence in findings.sentences {
            let _ = writeln!(out, "- {}", text::markdown(&sentence));
        }
        out.push('\n');
    }
    section(&mut out, "Figures");
    out.push_str("Medians ± half the distance between the quartiles.\n");
    for table in table::all(&view) {
        write_table(&mut out, &table);
    }
    if !record.absent.is_empty() {
        section(&mut out, "Not measured");
        for absent in &record.absent {
            let (name, why) = (text::name(&absent.name), text::name(&absent.why));
            let _ = writeln!(out, "- {}: {}", text::markdown(&name), text::markdown(&why));
        }
    }
    let growth = scaling::analyse(record);
    if !growth.is_empty() {
        section(&mut out, "Growth");
        out.push_str(&growth.markdown());
    }
    section(&mut out, "Method");
    for sentence in method(record) {
        let _ = writeln!(out, "- {}", text::markdown(&sentence));
    }
    out
}

fn section(out: &mut String, heading: &str) {
    let gap = if out.ends_with("\n\n") { "" } else { "\n" };
    let _ = writeln!(out, "{gap}## {heading}\n");
}

/// A heading of its own, and the table.
pub fn write_table(out: &mut String, table: &Table) {
    let _ = writeln!(out, "\n### {}\n", text::markdown(&table.caption));
    let line = |cells: &[String]| {
        let cells: Vec<String> = cells.iter().map(|cell| text::markdown(cell)).collect();
        format!("| {} |\n", cells.join(" | "))
    };
    out.push_str(&line(&table.head));
    out.push_str(&format!("|---|{}\n", "---:|".repeat(table.head.len().saturating_sub(1))));
    table.rows.iter().for_each(|row| out.push_str(&line(&row.cells)));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::made_up::MadeUp;

    #[test]
    fn every_table_is_one_and_insecure_rows_say_so() {
        let record = MadeUp { noise: 0.03, seed: 1, slower: None }.record();
        let text = report(&record);
        let mut width = 0;
        for line in text.lines() {
            let columns = line.matches(" |").count();
            if !line.starts_with('|') {
                width = 0;
            } else if line.starts_with("|---") {
                assert_eq!(line.matches('|').count(), width + 1);
            } else {
                assert!(width == 0 || width == columns, "{line}");
                width = columns;
            }
            let insecure = line.contains("insecure-sha256") && line.starts_with("| ");
            assert!(!insecure || line.contains("INSECURE"), "{line}");
        }
        let cell = &record.cells.last().unwrap();
        let row = table::one(&View::of(&record), [cell.advertiser, cell.platform], {
            record.definition.networks.last().unwrap()
        });
        let median = cell.sample(|run| run.total);
        let said = text::seconds_about(&median);
        assert!(row.rows.iter().any(|row| row.cells.contains(&said)));
        assert!(text.contains(&said));
    }

    #[test]
    fn names_cannot_break_a_table() {
        let mut record = MadeUp { noise: 0.0, seed: 1, slower: None }.growth();
        record.cells.truncate(1);
        record.cells[0].subject.name = "a|b\n| c <img src=x> ](javascript:x)".to_owned();
        let text = report(&record);
        assert!(
            text.contains(r"| a\|b?\| c &lt;img src=x\> \](javascript:x) | 1, avx512 |"),
            "{text}"
        );
        assert!(!text.contains("<img"));
    }
}
