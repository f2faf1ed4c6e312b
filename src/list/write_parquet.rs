//! Writing Parquet.

use std::io::{self, Write};
use std::sync::Arc;

use arrow_array::builder::StringBuilder;
use arrow_array::{Array, ArrayRef, BooleanArray, RecordBatch, StringArray};
use arrow_schema::{DataType, Field, Schema};
use arrow_select::filter::filter_record_batch;
use parquet::arrow::ArrowWriter;
use parquet::basic::Compression;
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;

use super::columns::{Plan, Planned};
use super::matches::Matches;
use super::parquet::{builder, contained, unreadable};
use super::source::Source;
use super::write::{Fault, MATCHED_ON, Table, matched_on};
use crate::consent::Occurrence;
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
    let kept: Vec<usize> = (0..header.len()).filter(|i| Some(*i) != plan.matched_on).collect();
    let schema = with_matched_on(&whole.project(&kept).map_err(|e| unreadable(source, e))?);
    let mut reader = contained(source, || builder.with_batch_size(BATCH).build())?;
    let mut writer = writer(to, &schema).map_err(|e| failed(parquet_io(e)))?;
    let (mut matched, mut first, mut rows) = (matches.by_row().peekable(), 0u64, 0);
    while let Some(batch) = contained(source, || reader.next().transpose())? {
        let end = first + batch.num_rows() as u64;
        let mut here = Vec::new();
        while let Some(row) = matched.next_if(|(row, _)| u64::from(*row) < end) {
            here.push(row);
        }
        let batch = batch.project(&kept).map_err(|e| unreadable(source, e))?;
        let batch = contained(source, || select(&batch, first, &here, &plan.columns, &schema))?;
        rows += batch.num_rows() as u64;
        writer.write(&batch).map_err(|e| failed(parquet_io(e)))?;
        first = end;
    }
    writer.close().map_err(|e| failed(parquet_io(e)))?;
    Ok(rows)
}

fn with_matched_on(own: &Schema) -> Arc<Schema> {
    let added = Arc::new(Field::new(MATCHED_ON, DataType::Utf8, false));
    let fields: Vec<_> = own.fields().iter().cloned().chain([added]).collect();
    Arc::new(Schema::new_with_metadata(fields, own.metadata().clone()))
}

/// These rows of a batch that begins with row `first`, and what they matched on.
fn select(
    batch: &RecordBatch,
    first: u64,
    matched: &[(u32, &[Occurrence])],
    columns: &[Planned],
    schema: &Arc<Schema>,
) -> Result<RecordBatch, ParquetError> {
    let mut mask = vec![false; batch.num_rows()];
    for (row, _) in matched {
        if let Some(chosen) = mask.get_mut((u64::from(*row) - first) as usize) {
            *chosen = true;
        }
    }
    let rows = filter_record_batch(batch, &BooleanArray::from(mask))?;
    let names = matched.iter().map(|(_, places)| Some(matched_on(places, columns)));
    let names: Arc<dyn Array> = Arc::new(names.collect::<StringArray>());
    let arrays = rows.columns().iter().cloned().chain([names]).collect();
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
