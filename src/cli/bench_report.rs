//! `blindmatch bench report`: the report of a record once more, and `bench scaling`: what it says of growth.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use blindmatch::bench::record::Record;
use blindmatch::bench::{compare, report, scaling};
use blindmatch::{Error, Result};
use clap::Args;

/// Writes the report of a record that was kept
#[derive(Clone, Debug, Args)]
pub struct ReportArgs {
    /// record.json of a benchmark, or its folder
    #[arg(value_name = "RECORD")]
    pub record: PathBuf,
    /// Folder for report.html, report.md, report.csv and runs.csv; that of the record unless given
    #[arg(long, value_name = "DIR")]
    pub output: Option<PathBuf>,
}

pub fn run(args: &ReportArgs) -> Result<()> {
    let record = compare::read(&args.record)?;
    let beside = match args.record.is_dir() {
        true => Some(args.record.as_path()),
        false => args.record.parent(),
    };
    let beside = beside.filter(|folder| !folder.as_os_str().is_empty());
    let folder = args.output.as_deref().or(beside).unwrap_or(Path::new("."));
    report::write(&record, folder)
}

/// What a record says of growth, on standard output.
pub fn say_growth(record: &Record) -> Result<()> {
    match io::stdout().write_all(scaling::analyse(record).text().as_bytes()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        written => written.map_err(Error::io("writing to standard output")),
    }
}
