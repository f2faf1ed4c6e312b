//! Parquet lists.

use std::fs::File;

use arrow_array::{Array, StringArray};
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
    columns: Vec<Option<StringArray>>,
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
        let reader = builder.with_projection(mask).with_batch_size(BATCH).build();
        let reader = reader.map_err(|e| unreadable(&self.source, e))?;
        Ok(Parquet { state: State::Reading { reader, cells }, ..self })
    }

    /// The next rows; nothing at the end of the list.
    pub(super) fn next_columns(&mut self) -> Result<Option<Columns>> {
        let State::Reading { reader, cells } = &mut self.state else { return Ok(None) };
        let Some(batch) = reader.next() else { return Ok(None) };
        let batch = batch.map_err(|e| unreadable(&self.source, e))?;
        let mut columns = vec![None; self.header.len()];
        for (array, cell) in batch.columns().iter().zip(cells.iter()) {
            let text = text(array).ok_or_else(|| {
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
        column.map(|c| c.value(self.index).as_bytes()).unwrap_or_default()
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
    ParquetRecordBatchReaderBuilder::try_new(open()?).map_err(|e| unreadable(source, e))
}

/// The error of a file that is damaged. What the readers say may quote data, so it is not shown.
pub(super) fn unreadable(source: &Source, _: impl std::error::Error) -> Error {
    source
        .unusable("is damaged or uses a feature of Parquet that is not supported; export it again")
}

/// An array as text: numbers in digits, instants in RFC 3339.
pub(super) fn text(array: &dyn Array) -> Option<StringArray> {
    let text: Result<_, ArrowError> = cast(array, &DataType::Utf8);
    Some(text.ok()?.as_any().downcast_ref::<StringArray>()?.clone())
}

/// Rows that are read at once.
const BATCH: usize = 1 << 14;
