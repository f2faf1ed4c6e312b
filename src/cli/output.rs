//! Where answers go: files, written whole or not at all, or standard output.

use std::fmt::Display;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use blindmatch::list::{self, Format, Matches};
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

/// Where matched rows go, if anywhere.
#[derive(Clone, Debug, Default)]
pub struct Destination {
    path: Option<PathBuf>,
    format: Option<Format>,
}

impl Destination {
    /// Refuses what would fail only after the match.
    pub fn new(path: Option<&Path>, format: Option<Format>) -> Result<Destination> {
        if let Some(path) = path.filter(|path| !is_stdout(path)) {
            let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
            if folder.is_some_and(|folder| !folder.is_dir()) {
                return Err(Error::Misuse(format!("{}: there is no such folder", path.display())));
            }
        }
        Ok(Destination { path: path.map(Path::to_owned), format })
    }

    /// Writes the rows that matched, if this side learnt them. After a match that was withheld
    /// there are none: the file then has a header and no rows.
    pub fn write(&self, loaded: &Loaded, outcome: &Outcome) -> Result<()> {
        let Some(path) = &self.path else { return Ok(()) };
        let matched = outcome.answer.matched.as_deref().unwrap_or_default();
        let matches = Matches::new(&loaded.list, matched.iter().map(|&index| index as usize));
        todo!("{} {:?} {}", path.display(), self.format, matches.rows())
    }
}

/// Shows a report's summary, unless quiet, and writes its JSON where that was asked for.
pub fn publish(
    summary: &dyn Display,
    json: &str,
    path: Option<&Path>,
    stdout_taken: bool,
    shared: &Shared,
) -> Result<()> {
    let to_stdout = |text: &str| {
        let written = io::stdout().lock().write_all(text.as_bytes());
        written.map_err(Error::io("writing to standard output"))
    };
    match (shared.quiet, stdout_taken) {
        (true, _) => {}
        (false, true) => eprint!("{summary}"),
        (false, false) => to_stdout(&summary.to_string())?,
    }
    match path {
        None => Ok(()),
        Some(path) if is_stdout(path) => to_stdout(json),
        Some(path) => report::write_whole(path, json.as_bytes()),
    }
}
