//! CSV: `report.csv`, a line for each cell, and `runs.csv`, a line for each run.

use csv::Writer;

use super::figures::FIGURES;
use super::text;
use crate::bench::record::{Cell, Kind, Record, Run, Side};
use crate::error::{Error, Result};

/// What names a cell.
const KEY: [&str; 8] = [
    "subject",
    "kind",
    "version",
    "advertiser_elements",
    "platform_elements",
    "network",
    "threads",
    "backend",
];

/// A line for each cell: how many runs, and of each figure the median and half the distance between
/// the quartiles (`..._spread`). A figure that is not known is empty.
pub fn cells(record: &Record) -> Result<String> {
    let mut writer = Writer::from_writer(Vec::new());
    let mut header: Vec<String> = KEY.map(str::to_owned).to_vec();
    header.push("runs".to_owned());
    for figure in &FIGURES {
        header.extend([figure.column.to_owned(), format!("{}_spread", figure.column)]);
    }
    line(&mut writer, &header)?;
    for cell in &record.cells {
        let mut fields = key(cell);
        fields.push(cell.runs.len().to_string());
        for figure in &FIGURES {
            let sample = figure.sample(cell);
            fields.extend([number(sample.median()), number(sample.spread())]);
        }
        line(&mut writer, &fields)?;
    }
    finish(writer)
}

/// A line for each run, with the seconds of every phase of each side.
pub fn runs(record: &Record) -> Result<String> {
    let phases = super::view::phases(record);
    let mut writer = Writer::from_writer(Vec::new());
    let mut header: Vec<String> = KEY.map(str::to_owned).to_vec();
    header.push("run".to_owned());
    header.extend(FIGURES.iter().map(|figure| figure.column.to_owned()));
    for side in ["advertiser", "platform"] {
        header.extend(phases.iter().map(|phase| plain(&format!("{side}_{phase}_seconds"))));
    }
    line(&mut writer, &header)?;
    for cell in &record.cells {
        for (at, run) in cell.runs.iter().enumerate() {
            let mut fields = key(cell);
            fields.push((at + 1).to_string());
            let of = |figure: &super::figures::Figure| (figure.of)(cell, run).unwrap_or(f64::NAN);
            fields.extend(FIGURES.iter().map(|figure| number(of(figure))));
            for side in sides(run) {
                let of = |phase: &String| side.phases.get(phase).copied().unwrap_or(f64::NAN);
                fields.extend(phases.iter().map(|phase| number(of(phase))));
            }
            line(&mut writer, &fields)?;
        }
    }
    finish(writer)
}

fn sides(run: &Run) -> [&Side; 2] {
    [&run.advertiser, &run.platform]
}

fn key(cell: &Cell) -> Vec<String> {
    let kind = match cell.subject.kind {
        Kind::Protocol => "protocol",
        Kind::Insecure => "INSECURE",
        Kind::Peer => "peer",
    };
    vec![
        plain(&cell.subject.name),
        kind.to_owned(),
        plain(cell.subject.version.as_deref().unwrap_or_default()),
        cell.advertiser.to_string(),
        cell.platform.to_string(),
        plain(&cell.network),
        cell.threads.to_string(),
        plain(cell.backend.as_deref().unwrap_or_default()),
    ]
}

/// A name that no spreadsheet program takes for a formula.
fn plain(name: &str) -> String {
    let name = text::name(name);
    let formula = name.starts_with(['=', '+', '-', '@']);
    if formula { format!("'{name}") } else { name }
}

/// In full, so that reading it gives the same figure.
fn number(value: f64) -> String {
    if value.is_finite() { value.to_string() } else { String::new() }
}

fn line(writer: &mut Writer<Vec<u8>>, fields: &[String]) -> Result<()> {
    writer.write_record(fields).map_err(|e| Error::io("writing CSV")(e.into()))
}

fn finish(writer: Writer<Vec<u8>>) -> Result<String> {
    let bytes = writer.into_inner().map_err(|e| Error::io("writing CSV")(e.into_error()))?;
    String::from_utf8(bytes).map_err(|e| Error::Misuse(format!("CSV: {e}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::made_up::MadeUp;

    #[test]
    fn what_is_read_back_is_what_was_measured() {
        let record = MadeUp { noise: 0.03, seed: 1, slower: None }.record();
        let text = cells(&record).unwrap();
        let mut reader = csv::Reader::from_reader(text.as_bytes());
        let header = reader.headers().unwrap().clone();
        let at = |name: &str| header.iter().position(|column| column == name).unwrap();
        let rows: Vec<csv::StringRecord> = reader.records().map(|row| row.unwrap()).collect();
        assert_eq!(rows.len(), record.cells.len());
        for (row, cell) in rows.iter().zip(&record.cells) {
            let read = |name: &str| row[at(name)].parse::<f64>().unwrap();
            assert_eq!(row[at("subject")], cell.subject.name);
            assert_eq!(row[at("kind")] == *"INSECURE", cell.subject.kind == Kind::Insecure);
            assert_eq!(read("total_seconds"), cell.sample(|run| run.total).median());
            assert_eq!(read("total_seconds_spread"), cell.sample(|run| run.total).spread());
            let cpu = cell.sample(|run| run.platform.cpu).median();
            assert_eq!(read("platform_cpu_seconds"), cpu);
            let sent = cell.sample(|run| run.advertiser.sent as f64).median();
            assert_eq!(read("advertiser_sent_bytes"), sent);
        }
    }

    #[test]
    fn every_run_has_a_line_with_its_phases() {
        let record = MadeUp { noise: 0.03, seed: 1, slower: None }.growth();
        let text = runs(&record).unwrap();
        let mut reader = csv::Reader::from_reader(text.as_bytes());
        let header = reader.headers().unwrap().clone();
        let at = header.iter().position(|column| column == "platform_evaluate_seconds").unwrap();
        let rows: Vec<csv::StringRecord> = reader.records().map(|row| row.unwrap()).collect();
        let runs: Vec<&Run> = record.cells.iter().flat_map(|cell| &cell.runs).collect();
        assert_eq!(rows.len(), runs.len());
        for (row, run) in rows.iter().zip(runs) {
            assert_eq!(row[at].parse::<f64>().unwrap(), run.platform.phases["evaluate"]);
        }
    }

    #[test]
    fn names_are_no_formulas_and_unknown_figures_are_empty() {
        let mut record = MadeUp { noise: 0.0, seed: 1, slower: None }.growth();
        record.cells.truncate(1);
        record.cells[0].subject.name = "=cmd|' /C calc'!A0\n,\"".to_owned();
        record.cells[0].runs.iter_mut().for_each(|run| run.advertiser.peak_memory = None);
        let text = cells(&record).unwrap();
        let row = csv::Reader::from_reader(text.as_bytes()).records().next().unwrap().unwrap();
        assert_eq!(&row[0], "'=cmd|' /C calc'!A0?,\"");
        assert!(text.lines().nth(1).unwrap().contains(",,"));
    }
}
