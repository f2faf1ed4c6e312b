//! Where answers go: files, written whole or not at all, or standard output.

use std::fmt::Display;
use std::fs::{self, File};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

use blindmatch::list::{Format, Matches, Output};
use blindmatch::pair::folder::is_room;
use blindmatch::session::Outcome;
use blindmatch::{Error, Result, write_whole};

use super::Shared;
use super::args::OutputArgs;
use super::lists::Loaded;

impl OutputArgs {
    /// The files that are written.
    pub fn files(&self) -> impl Iterator<Item = &Path> {
        [&self.output, &self.report].into_iter().flatten().map(PathBuf::as_path)
    }

    /// Whether rows or the report go to standard output, so that the summary must not.
    pub fn uses_stdout(&self) -> bool {
        self.files().any(is_dash)
    }
}

/// Whether a path stands for standard input or output.
pub fn is_dash(path: &Path) -> bool {
    path == Path::new("-")
}

/// Where matched rows go, from the flags.
pub fn destination(path: Option<&Path>, format: Option<Format>) -> Result<Option<Output>> {
    let Some(path) = path else { return Ok(None) };
    let output = if is_dash(path) { Output::stdout() } else { Output::file(path) };
    match format {
        Some(Format::Parquet) if is_dash(path) => {
            Err(misuse("Parquet cannot be written to standard output; name a file"))
        }
        None if path
            .extension()
            .is_some_and(|e| NEITHER.iter().any(|n| e.eq_ignore_ascii_case(n))) =>
        {
            Err(misuse(format!(
                "{}: rows are written as plain CSV or Parquet; name the file .csv or .parquet",
                path.display()
            )))
        }
        format => Ok(Some(format.into_iter().fold(output, Output::with_format))),
    }
}

/// The files that a command reads and writes, before it does either: what would otherwise fail
/// only after the match, or destroy a file, is an error now.
#[derive(Default)]
pub struct Files<'a> {
    /// Lists and keys.
    pub read: Vec<&'a Path>,
    /// Of the lists, those that are read a second time for their matched rows.
    pub read_twice: Vec<&'a Path>,
    pub written: Vec<&'a Path>,
    /// Whether `-` can be written to.
    pub dash: Dash,
}

/// What `-` is among what is written.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub enum Dash {
    #[default]
    Stdout,
    /// Nothing: these are files, written whole or not at all.
    Refused,
}

impl Files<'_> {
    pub fn check(&self) -> Result<()> {
        if self.read.iter().filter(|path| is_dash(path)).count() > 1 {
            return Err(misuse("only one list can come from standard input"));
        }
        if self.read_twice.iter().any(|path| is_dash(path)) {
            return Err(misuse(
                "a list whose matched rows are written is read twice, which standard input cannot \
                 be; save it to a file first",
            ));
        }
        if self.dash == Dash::Refused && self.written.iter().any(|path| is_dash(path)) {
            return Err(misuse(
                "this is written to a file, whole or not at all: name one, not `-`",
            ));
        }
        if self.written.iter().filter(|path| is_dash(path)).count() > 1 {
            return Err(misuse(
                "only one thing can go to standard output; name a file for the other",
            ));
        }
        let files = || self.written.iter().filter(|path| !is_dash(path));
        let places = files().map(|path| place(path, self.dash)).collect::<Result<Vec<_>>>()?;
        for (index, (path, place)) in files().zip(&places).enumerate() {
            let is_here = |read: &&Path| read.canonicalize().is_ok_and(|read| read == *place);
            if self.read.iter().any(is_here) {
                let problem = "would be replaced, and it is read here; name another file";
                return Err(misuse(format!("{}: {problem}", path.display())));
            }
            if places.iter().take(index).any(|earlier| earlier == place) {
                return Err(misuse(format!("{}: named for two things", path.display())));
            }
        }
        Ok(())
    }
}

/// A file's full path, once it is sure that it can be written.
fn place(path: &Path, dash: Dash) -> Result<PathBuf> {
    let problem = |text| misuse(format!("{}: {text}", path.display()));
    let ends_as_folder = path.as_os_str().as_encoded_bytes().ends_with(b"/");
    let name = path.file_name().filter(|_| !ends_as_folder);
    let name = name.ok_or_else(|| problem("is a folder; name a file in it"))?;
    match path.symlink_metadata() {
        Ok(metadata) if metadata.is_dir() => return Err(problem("is a folder; name a file in it")),
        Ok(metadata) if !metadata.is_file() => {
            return Err(problem(match dash {
                Dash::Stdout => "is no plain file; name another, or `-` for standard output",
                Dash::Refused => "is no plain file; name another",
            }));
        }
        _ => {}
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new("."));
    let Ok(whole) = folder.canonicalize() else { return Err(problem("there is no such folder")) };
    outside_rooms(path, &whole)?;
    try_to_write(folder)?;
    Ok(whole.join(name))
}

/// That `path`, in this folder, is in no clean room's: what is written there could take the place of its keys.
pub fn outside_rooms(path: &Path, folder: &Path) -> Result<()> {
    match folder.ancestors().find(|folder| is_room(folder)) {
        Some(room) => Err(misuse(format!(
            "{}: is in the folder {}, a room of PAIR, which is for its keys and records alone; name another place",
            path.display(),
            room.display()
        ))),
        None => Ok(()),
    }
}

/// Makes a file in a folder and removes it: nothing else tells for sure.
pub fn try_to_write(folder: &Path) -> Result<()> {
    let probe = folder.join(format!(".blindmatch.{:016x}.part", rand::random::<u64>()));
    let tried = File::create_new(&probe).and_then(|_| fs::remove_file(&probe));
    tried.map_err(Error::io(format!("writing to the folder {}", folder.display())))
}

fn misuse(text: impl Into<String>) -> Error {
    Error::Misuse(text.into())
}

/// Endings of files that this program does not write.
const NEITHER: [&str; 6] = ["gz", "zst", "xlsx", "xls", "ods", "json"];

/// Writes the rows that matched, if this side learnt them. After a match that was withheld there
/// are none: the file then has a header and no rows.
pub fn write_rows(to: Option<&Output>, loaded: &Loaded, outcome: &Outcome) -> Result<()> {
    let Some(to) = to else { return Ok(()) };
    let learnt = outcome.answer.matched.as_deref().unwrap_or_default();
    let matched = learnt.iter().map(|&index| index as usize);
    let matches = match &outcome.answer.labels {
        Some(labels) => {
            let unreadable = labels.iter().filter(|label| label.is_none()).count();
            if unreadable > 0 {
                tracing::warn!(unreadable, "labels of the platform's do not open");
            }
            let labels = labels.iter().map(|label| label.as_deref().unwrap_or_default());
            Matches::with_labels(&loaded.list, matched.zip(labels))
        }
        None => Matches::new(&loaded.list, matched),
    };
    let matches = match &loaded.people {
        Some(people) => matches.of_people(&loaded.list, people, learnt),
        None => matches,
    };
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
        Some(path) if is_dash(path) => write_to(&mut io::stdout(), json)?,
        Some(path) => write_whole(path, json.as_bytes())?,
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
