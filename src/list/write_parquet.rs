//! Writing Parquet.

use std::io::{self, Write};
use std::sync::Arc;

use arrow_array::builder::StringBuilder;
use arrow_array::{ArrayRef, BooleanArray, RecordBatch, StringArray};
use arrow_schema::{DataType, Field, Schema};
use arrow_select::filter::filter_record_batch;
use parquet::arrow::ArrowWriter;
use parquet::basic::Compression;
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;

use super::columns::{Plan, Planned};
use super::matches::{MatchedRow, Matches};
use super::parquet::{builder, contained, unreadable};
use super::source::Source;
use super::write::{Fault, Table};
use crate::error::{Error, Result};

type Sink<'a> = &'a mut (dyn Write + Send);

/// A table of strings.
pub(super) struct Strings<'a, F> {
    /// Gone once finished.
    writer: Option<ArrowWriter<Sink<'a>>>,
    schema: Arc<Schema>,
    columns: Vec<StringBuilder>,
    rows: usize,
    failed: F,
}

impl<'a, F: Fn(io::Error) -> Error> Strings<'a, F> {
    pub(super) fn new(to: Sink<'a>, header: &[&str], failed: F) -> Result<Self> {
        let fields: Vec<_> = header.iter().map(|n| Field::new(*n, DataType::Utf8, true)).collect();
        let schema = Arc::new(Schema::new(fields));
        let writer = writer(to, &schema).map_err(|e| failed(parquet_io(e)))?;
        let columns = header.iter().map(|_| StringBuilder::new()).collect();
        Ok(Strings { writer: Some(writer), schema, columns, rows: 0, failed })
    }

    fn flush(&mut self) -> Result<()> {
        let arrays = self.columns.iter_mut().map(|c| Arc::new(c.finish()) as ArrayRef).collect();
        self.rows = 0;
        let batch = RecordBatch::try_new(Arc::clone(&self.schema), arrays);
        let written = batch
            .map_err(ParquetError::from)
            .and_then(|batch| self.writer.as_mut().map_or(Ok(()), |writer| writer.write(&batch)));
        written.map_err(|e| (self.failed)(parquet_io(e)))
    }
}

impl<F: Fn(io::Error) -> Error> Table for Strings<'_, F> {
    fn header(&mut self, _: &[&str]) -> Result<()> {
        Ok(()) // in the schema
    }

    fn row(&mut self, values: &[&[u8]]) -> Result<(), Fault> {
        for (column, value) in self.columns.iter_mut().zip(values) {
            column.append_value(std::str::from_utf8(value).map_err(|_| Fault::NotUtf8)?);
        }
        self.rows += 1;
        if self.rows < BATCH { Ok(()) } else { self.flush().map_err(Fault::Write) }
    }

    fn finish(&mut self) -> Result<()> {
        self.flush()?;
        let closed = self.writer.take().map_or(Ok(()), |writer| writer.close().map(drop));
        closed.map_err(|e| (self.failed)(parquet_io(e)))
    }
}

/// Copies matched rows from Parquet to Parquet; the columns keep their types.
pub(super) fn copy(
    source: &Source,
    matches: &Matches,
    to: Sink<'_>,
    failed: &dyn Fn(io::Error) -> Error,
) -> Result<u64> {
    let builder = builder(source)?;
    let whole = Arc::clone(builder.schema());
    let header: Vec<String> = whole.fields().iter().map(|field| field.name().clone()).collect();
    let plan = Plan::new(&header).map_err(|problem| source.unusable(problem))?;
    let carried = plan.carried(matches.is_labelled());
    let own = whole.project(&carried).map_err(|e| unreadable(source, e))?;
    let schema = with_added(&own, matches.added());
    let mut reader = contained(source, || builder.with_batch_size(BATCH).build())?;
    let mut writer = writer(to, &schema).map_err(|e| failed(parquet_io(e)))?;
    let (mut matched, mut first, mut rows) = (matches.by_row().peekable(), 0u64, 0);
    while let Some(batch) = contained(source, || reader.next().transpose())? {
        let end = first + batch.num_rows() as u64;
        let mut here = Vec::new();
        while let Some(found) = matched.next_if(|found| u64::from(found.row) < end) {
            here.push(found);
        }
        let batch = batch.project(&carried).map_err(|e| unreadable(source, e))?;
        let batch = contained(source, || select(&batch, first, &here, &plan.columns, &schema))?;
        rows += batch.num_rows() as u64;
        writer.write(&batch).map_err(|e| failed(parquet_io(e)))?;
        first = end;
    }
    writer.close().map_err(|e| failed(parquet_io(e)))?;
    Ok(rows)
}

fn with_added(own: &Schema, names: &[&str]) -> Arc<Schema> {
    let added = names.iter().map(|name| Arc::new(Field::new(*name, DataType::Utf8, false)));
    let fields: Vec<_> = own.fields().iter().cloned().chain(added).collect();
    Arc::new(Schema::new_with_metadata(fields, own.metadata().clone()))
}

/// These rows of a batch that begins with row `first`, and what is added to them.
fn select(
    batch: &RecordBatch,
    first: u64,
    matched: &[MatchedRow<'_>],
    columns: &[Planned],
    schema: &Arc<Schema>,
) -> Result<RecordBatch, ParquetError> {
    let mut mask = vec![false; batch.num_rows()];
    for found in matched {
        if let Some(chosen) = mask.get_mut((u64::from(found.row) - first) as usize) {
            *chosen = true;
        }
    }
    let rows = filter_record_batch(batch, &BooleanArray::from(mask))?;
    let added: Vec<Vec<String>> = matched.iter().map(|found| found.added(columns)).collect();
    let column = |index| -> ArrayRef {
        Arc::new(added.iter().map(|cells| cells.get(index)).collect::<StringArray>())
    };
    let new = (0..schema.fields().len() - rows.num_columns()).map(column);
    let arrays = rows.columns().iter().cloned().chain(new).collect();
    Ok(RecordBatch::try_new(Arc::clone(schema), arrays)?)
}

fn writer<'a>(to: Sink<'a>, schema: &Arc<Schema>) -> Result<ArrowWriter<Sink<'a>>, ParquetError> {
    let properties = WriterProperties::builder().set_compression(Compression::SNAPPY).build();
    ArrowWriter::try_new(to, Arc::clone(schema), Some(properties))
}

fn parquet_io(error: ParquetError) -> io::Error {
    match error {
        ParquetError::External(inner) => match inner.downcast::<io::Error>() {
            Ok(error) => *error,
            Err(inner) => io::Error::other(inner),
        },
        error => io::Error::other(error),
    }
}

/// Rows that are read and written at once.
const BATCH: usize = 1 << 14;
