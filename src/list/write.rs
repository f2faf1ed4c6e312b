//! Writing the rows that matched.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::columns::Plan;
use super::matches::Matches;
use super::rows::Reader;
use super::source::{Format, Source};
use crate::error::{Error, Result};
use crate::file::Temporary;
use crate::identifier::Unreadable;

/// Where matched rows go, and in which format.
#[derive(Clone, Debug)]
pub struct Output {
    path: Option<PathBuf>,
    pub(super) format: Format,
}

impl Output {
    /// A file, in the format that its name tells. A file of that name is replaced when all rows
    /// are written, and not before.
    pub fn file(path: impl Into<PathBuf>) -> Output {
        let path = path.into();
        Output { format: Format::of(&path), path: Some(path) }
    }

    /// Standard output, as CSV.
    pub fn stdout() -> Output {
        Output { path: None, format: Format::Csv }
    }

    /// The same in another format.
    pub fn with_format(self, format: Format) -> Output {
        Output { format, ..self }
    }

    /// What errors call it.
    fn name(&self) -> String {
        match self.path.as_deref().and_then(Path::file_name) {
            Some(name) => name.to_string_lossy().into_owned(),
            None => "standard output".into(),
        }
    }

    fn io(&self) -> impl Fn(io::Error) -> Error + use<> {
        let name = self.name();
        move |source| Error::Io { context: format!("writing {name}"), source }
    }

    /// The delimiter that the name tells.
    fn delimiter(&self) -> u8 {
        let extension = self.path.as_deref().and_then(Path::extension);
        if extension.is_some_and(|e| e.eq_ignore_ascii_case("tsv")) { b'\t' } else { b',' }
    }
}

impl Source {
    /// Reads the list a second time and writes the rows that matched: all of its own columns as
    /// they are, and `matched_on`, the names of the identifier columns that matched, joined by
    /// `;`. Of matches with [labels](Matches::with_labels) also `matched_label`: the labels of the
    /// identifiers that matched in the row, in the order of `matched_on`, each once, without the
    /// empty ones, joined by `; `. Columns of these names that the list already has are left out in
    /// favour of the new ones.
    ///
    /// CSV is written in UTF-8 with commas (tabs where the output's name ends in `.tsv`) and
    /// quotation marks where they are needed. From Parquet to Parquet the columns keep their types;
    /// from CSV to Parquet they are strings. Values and labels are carried as they are: one that
    /// begins with `=` is a formula to a spreadsheet program. Values are the list's own; what
    /// labels say is up to the peer.
    ///
    /// A file is written beside its final place under a temporary name and moved there at the
    /// end, so that there is never part of a result. Returns the number of rows.
    ///
    /// # Errors
    ///
    /// [`Error::Misuse`] where the list is standard input, or the output the list itself;
    /// [`Error::Input`] where it changed
    /// since it was opened; [`Error::Io`].
    pub fn write_matches(&self, matches: &Matches, output: &Output) -> Result<u64> {
        self.check_unchanged()?;
        match (output.format, output.path.as_deref()) {
            (Format::Parquet, None) => Err(Error::Misuse(
                "Parquet cannot be written to standard output; name a file".into(),
            )),
            (_, None) => {
                let rows = self.write_to(matches, output, &mut io::stdout())?;
                self.check_unchanged()?;
                Ok(rows)
            }
            (_, Some(path)) => self.write_file(matches, output, path),
        }
    }

    fn write_file(&self, matches: &Matches, output: &Output, path: &Path) -> Result<u64> {
        if self.is_at(path) {
            return Err(Error::Misuse(format!(
                "{}: the matched rows would replace the list itself; name another file",
                self.name()
            )));
        }
        let mut temporary = Temporary::beside(path).map_err(output.io())?;
        let rows = self.write_to(matches, output, &mut temporary.file)?;
        self.check_unchanged()?;
        temporary.keep(path).map_err(output.io())?;
        Ok(rows)
    }

    fn write_to(
        &self,
        matches: &Matches,
        output: &Output,
        to: &mut (dyn Write + Send),
    ) -> Result<u64> {
        #[cfg(feature = "parquet")]
        if (self.format(), output.format) == (Format::Parquet, Format::Parquet) {
            return super::write_parquet::copy(self, matches, to, &output.io());
        }
        let reader = Reader::open(self, Default::default())?;
        let plan = Plan::new(reader.header()).map_err(|problem| self.unusable(problem))?;
        let header = header(reader.header(), &plan, matches);
        let mut table: Box<dyn Table + '_> = match output.format {
            Format::Csv => Box::new(Csv::new(to, output)),
            #[cfg(feature = "parquet")]
            Format::Parquet => {
                Box::new(super::write_parquet::Strings::new(to, &header, output.io())?)
            }
            #[cfg(not(feature = "parquet"))]
            Format::Parquet => return Err(Error::Misuse(NO_PARQUET.into())),
        };
        table.header(&header)?;
        let rows = self.copy(reader, &plan, matches, table.as_mut())?;
        table.finish()?;
        Ok(rows)
    }

    /// Copies the matched rows.
    fn copy(
        &self,
        reader: Reader,
        plan: &Plan,
        matches: &Matches,
        table: &mut dyn Table,
    ) -> Result<u64> {
        let carried = plan.carried(matches.is_labelled());
        let (mut fields, mut reader) = (reader.fields(), reader.whole()?);
        let (mut matched, mut rows) = (matches.by_row().peekable(), 0);
        while let (Some(batch), true) = (reader.next_batch()?, matched.peek().is_some()) {
            while let Some(found) = matched.next_if(|found| batch.holds(found.row)) {
                let added = found.added(&plan.columns);
                let copied = batch.with_row(found.row, &mut fields, |cells| {
                    let own = carried.iter().map(|cell| cells.cell(*cell));
                    let values = own.chain(added.iter().map(String::as_bytes));
                    table.row(&values.collect::<Vec<_>>())
                });
                self.copied(found.row, copied)?;
                rows += 1;
            }
        }
        match matched.next() {
            None => Ok(rows),
            Some(_) => Err(self.shorter()),
        }
    }

    fn copied(&self, row: u32, copied: Result<Result<(), Fault>, Unreadable>) -> Result<()> {
        match copied {
            Ok(Ok(())) => Ok(()),
            Ok(Err(Fault::Write(error))) => Err(error),
            #[cfg(feature = "parquet")]
            Ok(Err(Fault::NotUtf8)) => Err(self.bad_row(row, NOT_UTF8)),
            Err(reason) => Err(self.bad_row(row, &reason.to_string())),
        }
    }
}

/// A table that takes rows.
pub(super) trait Table {
    fn header(&mut self, names: &[&str]) -> Result<()>;
    fn row(&mut self, values: &[&[u8]]) -> Result<(), Fault>;
    fn finish(&mut self) -> Result<()>;
}

/// Why a row could not be written.
pub(super) enum Fault {
    /// Writing failed.
    Write(Error),
    /// The format holds UTF-8 only.
    #[cfg(feature = "parquet")]
    NotUtf8,
}

struct Csv<'a> {
    writer: csv::Writer<&'a mut (dyn Write + Send)>,
    output: &'a Output,
}

impl<'a> Csv<'a> {
    fn new(to: &'a mut (dyn Write + Send), output: &'a Output) -> Self {
        let writer = csv::WriterBuilder::new()
            .delimiter(output.delimiter())
            .buffer_capacity(1 << 18)
            .from_writer(to);
        Csv { writer, output }
    }

    fn failed(&self, error: csv::Error) -> Error {
        self.output.io()(io::Error::from(error))
    }
}

impl Table for Csv<'_> {
    fn header(&mut self, names: &[&str]) -> Result<()> {
        self.writer.write_record(names).map_err(|e| self.failed(e))
    }

    fn row(&mut self, values: &[&[u8]]) -> Result<(), Fault> {
        self.writer.write_record(values).map_err(|e| Fault::Write(self.failed(e)))
    }

    fn finish(&mut self) -> Result<()> {
        self.writer.flush().map_err(self.output.io())
    }
}

/// The columns that are carried over, and the new ones.
fn header<'a>(own: &'a [String], plan: &Plan, matches: &Matches) -> Vec<&'a str> {
    let carried = plan.carried(matches.is_labelled()).into_iter();
    let own = carried.filter_map(|cell| own.get(cell)).map(String::as_str);
    own.chain(matches.added().iter().copied()).collect()
}

#[cfg(feature = "parquet")]
const NOT_UTF8: &str = "not UTF-8, which Parquet needs; write CSV";

#[cfg(not(feature = "parquet"))]
const NO_PARQUET: &str = "this build does not write Parquet; write CSV";
