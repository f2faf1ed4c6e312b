//! `blindmatch bench compare`: what changed between two records.

use std::io::{self, Write};
use std::path::PathBuf;

use blindmatch::bench::compare;
use blindmatch::{Error, Result};
use clap::Args;

/// Says what changed between two records beyond the noise of their runs, and fails (exit code 1) where
/// anything got worse
#[derive(Clone, Debug, Args)]
pub struct CompareArgs {
    /// The earlier record: record.json of a report, or its folder
    #[arg(value_name = "OLD")]
    pub old: PathBuf,
    /// The later one
    #[arg(value_name = "NEW")]
    pub new: PathBuf,
}

pub fn run(args: &CompareArgs) -> Result<()> {
    let comparison = compare::run(&args.old, &args.new)?;
    match io::stdout().write_all(comparison.text().as_bytes()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {}
        written => written.map_err(Error::io("writing to standard output"))?,
    }
    match comparison.worse() {
        0 => Ok(()),
        figures => Err(Error::Worse { figures }),
    }
}
