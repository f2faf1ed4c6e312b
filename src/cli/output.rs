//! Where answers go: files, written whole or not at all, or standard output.

use std::fmt::Display;
use std::io::{self, ErrorKind, Write};
use std::path::Path;

use blindmatch::list::{Format, Matches, Output};
use blindmatch::report;
use blindmatch::session::Outcome;
use blindmatch::{Error, Result};

use super::Shared;
use super::args::OutputArgs;
use super::lists::Loaded;

impl OutputArgs {
    /// Whether rows or the report go to standard output, so that the summary must not.
    pub fn uses_stdout(&self) -> bool {
        [&self.output, &self.report].into_iter().flatten().any(|path| is_stdout(path))
    }
}

pub fn is_stdout(path: &Path) -> bool {
    path == Path::new("-")
}

/// Where matched rows go, from the flags.
///
/// # Errors
/// What would otherwise fail only after the match: a folder that does not exist.
pub fn destination(path: Option<&Path>, format: Option<Format>) -> Result<Option<Output>> {
    let Some(path) = path else { return Ok(None) };
    let output = if is_stdout(path) { Output::stdout() } else { Output::file(path) };
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    if folder.is_some_and(|folder| !folder.is_dir()) {
        return Err(Error::Misuse(format!("{}: there is no such folder", path.display())));
    }
    Ok(Some(format.into_iter().fold(output, Output::with_format)))
}

/// Writes the rows that matched, if this side learnt them. After a match that was withheld there
/// are none: the file then has a header and no rows.
pub fn write_rows(to: Option<&Output>, loaded: &Loaded, outcome: &Outcome) -> Result<()> {
    let Some(to) = to else { return Ok(()) };
    let matched = outcome.answer.matched.as_deref().unwrap_or_default();
    let matches = Matches::new(&loaded.list, matched.iter().map(|&index| index as usize));
    unless_reader_left(loaded.source.write_matches(&matches, to).map(|_| ()))
}

/// Shows a report's summary, unless quiet, and writes its JSON where that was asked for.
pub fn publish(
    summary: &dyn Display,
    json: &str,
    path: Option<&Path>,
    stdout_taken: bool,
    shared: &Shared,
) -> Result<()> {
    let shown = match (shared.quiet, stdout_taken) {
        (true, _) => Ok(()),
        (false, true) => write_to(&mut io::stderr(), &summary.to_string()),
        (false, false) => write_to(&mut io::stdout(), &summary.to_string()),
    };
    match path {
        None => {}
        Some(path) if is_stdout(path) => write_to(&mut io::stdout(), json)?,
        Some(path) => report::write_whole(path, json.as_bytes())?,
    }
    shown // only now: the report is not lost for it
}

fn write_to(stream: &mut dyn Write, text: &str) -> Result<()> {
    let written = stream.write_all(text.as_bytes()).and_then(|()| stream.flush());
    unless_reader_left(written.map_err(Error::io("writing to standard output or error")))
}

/// A reader that left early (`| head`) is no error.
fn unless_reader_left(written: Result<()>) -> Result<()> {
    match written {
        Err(Error::Io { source, .. }) if source.kind() == ErrorKind::BrokenPipe => Ok(()),
        written => written,
    }
}
