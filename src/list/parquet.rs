//! Parquet lists.

use std::fs::File;
use std::panic::{AssertUnwindSafe, catch_unwind};

use arrow_array::{Array, ArrayRef, BinaryArray};
use arrow_cast::cast::cast;
use arrow_schema::{ArrowError, DataType};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};

use super::cells::Cells;
use super::source::{Source, peek};
use crate::error::{Error, Result};

/// A Parquet list, with its schema read.
pub(super) struct Parquet {
    source: Source,
    header: Vec<String>,
    state: State,
}

enum State {
    Opened(Box<ParquetRecordBatchReaderBuilder<File>>),
    Reading { reader: ParquetRecordBatchReader, cells: Vec<usize> },
}

/// Some columns of some rows, as text.
pub(super) struct Columns {
    /// By cell; those that are not needed are missing.
    columns: Vec<Option<BinaryArray>>,
    rows: usize,
}

/// One row of them.
pub(super) struct Row<'a> {
    columns: &'a Columns,
    index: usize,
}

impl Parquet {
    pub(super) fn open(source: &Source) -> Result<Parquet> {
        let builder = builder(source)?;
        let header = builder.schema().fields().iter().map(|f| f.name().clone()).collect();
        Ok(Parquet { source: source.clone(), header, state: State::Opened(Box::new(builder)) })
    }

    pub(super) fn header(&self) -> &[String] {
        &self.header
    }

    /// Reads these columns only.
    pub(super) fn project(self, cells: Vec<usize>) -> Result<Parquet> {
        let State::Opened(builder) = self.state else { return Ok(self) };
        let mask = ProjectionMask::roots(builder.parquet_schema(), cells.iter().copied());
        let reader = contained(&self.source, || {
            builder.with_projection(mask).with_batch_size(BATCH).build()
        })?;
        Ok(Parquet { state: State::Reading { reader, cells }, ..self })
    }

    /// The next rows; nothing at the end of the list.
    pub(super) fn next_columns(&mut self) -> Result<Option<Columns>> {
        let State::Reading { reader, cells } = &mut self.state else { return Ok(None) };
        let Some(batch) = contained(&self.source, || reader.next().transpose())? else {
            return Ok(None);
        };
        let mut columns = vec![None; self.header.len()];
        for (array, cell) in batch.columns().iter().zip(cells.iter()) {
            let text = contained(&self.source, || Ok::<_, ArrowError>(text(array)))?;
            let text = text.ok_or_else(|| {
                self.source.unusable(format!(
                    "column {} holds {}, which is no text; store it as strings",
                    cell + 1,
                    array.data_type()
                ))
            })?;
            if let Some(column) = columns.get_mut(*cell) {
                *column = Some(text);
            }
        }
        Ok(Some(Columns { columns, rows: batch.num_rows() }))
    }
}

impl Columns {
    pub(super) fn len(&self) -> usize {
        self.rows
    }

    pub(super) fn row(&self, index: usize) -> Row<'_> {
        Row { columns: self, index }
    }
}

impl Cells for Row<'_> {
    fn cell(&self, index: usize) -> &[u8] {
        let column = self.columns.columns.get(index).and_then(Option::as_ref);
        let column = column.filter(|c| self.index < c.len() && c.is_valid(self.index));
        column.map(|c| c.value(self.index)).unwrap_or_default()
    }
}

/// A reader of a whole Parquet file, which is checked to be one.
pub(super) fn builder(source: &Source) -> Result<ParquetRecordBatchReaderBuilder<File>> {
    let Some(path) = source.path() else {
        return Err(Error::Misuse(
            "Parquet cannot be read from standard input; name the file".into(),
        ));
    };
    let open = || File::open(path).map_err(source.io("opening"));
    let (head, _) = peek(open()?, 4).map_err(source.io("reading"))?;
    if head.is_empty() {
        return Err(source.unusable("is empty; it needs rows"));
    }
    if head != b"PAR1" {
        return Err(source.unusable("is not Parquet; read it as format csv, or export it again"));
    }
    let file = open()?;
    contained(source, || ParquetRecordBatchReaderBuilder::try_new(file))
}

/// Runs a step of the readers. They panic on some damaged files; then, too, the file is damaged,
/// and what they worked on is dropped with the error. (The panic hook, which would print, stays out
/// of it on this thread.)
pub(super) fn contained<T, E: std::error::Error>(
    source: &Source,
    step: impl FnOnce() -> Result<T, E>,
) -> Result<T> {
    hush();
    let depth = HUSHED.with(|hushed| hushed.replace(true));
    let result = catch_unwind(AssertUnwindSafe(step));
    HUSHED.with(|hushed| hushed.set(depth));
    match result {
        Ok(result) => result.map_err(|e| unreadable(source, e)),
        Err(_) => Err(damaged(source)),
    }
}

/// Keeps the panic hook silent for threads that are inside [`contained`]: what a reader says of a
/// damaged file may quote data.
fn hush() {
    static ONCE: std::sync::Once = std::sync::Once::new();
    ONCE.call_once(|| {
        let hook = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            if !HUSHED.try_with(std::cell::Cell::get).unwrap_or(false) {
                hook(info);
            }
        }));
    });
}

thread_local! {
    static HUSHED: std::cell::Cell<bool> = const { std::cell::Cell::new(false) };
}

/// The error of a file that is damaged. What the readers say may quote data, so it is not shown.
pub(super) fn unreadable(source: &Source, _: impl std::error::Error) -> Error {
    damaged(source)
}

fn damaged(source: &Source) -> Error {
    source
        .unusable("is damaged or uses a feature of Parquet that is not supported; export it again")
}

/// An array as text: numbers in digits, instants in RFC 3339. Bytes stay as they are, as in CSV:
/// made into text, those that are not UTF-8 would read as nothing at all.
fn text(array: &dyn Array) -> Option<BinaryArray> {
    let text = match array.data_type() {
        kind if is_bytes(kind) => cast(array, &DataType::Binary),
        // There is no table of time zones, and need not be: an instant is the same in all.
        DataType::Timestamp(unit, Some(_)) => {
            let utc = DataType::Timestamp(*unit, Some("+00:00".into()));
            cast(array, &utc).and_then(|instants| as_text(&instants))
        }
        _ => as_text(array),
    };
    Some(text.ok()?.as_any().downcast_ref::<BinaryArray>()?.clone())
}

fn as_text(array: &dyn Array) -> Result<ArrayRef, ArrowError> {
    cast(&cast(array, &DataType::Utf8)?, &DataType::Binary)
}

fn is_bytes(kind: &DataType) -> bool {
    match kind {
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView => true,
        DataType::Dictionary(_, values) => is_bytes(values),
        _ => false,
    }
}

/// Rows that are read at once.
const BATCH: usize = 1 << 14;
