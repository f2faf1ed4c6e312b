//! Rows of a list, whatever its format.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use super::cells::{Cells, Found, Memory, Reading, Unread};
use super::columns::Plan;
#[cfg(feature = "parquet")]
use super::parquet::{Columns, Parquet};
use super::source::{Format, Source};
use super::split::Block;
use super::text::{Fields, Text};
use crate::error::Result;
use crate::identifier::Unreadable;

/// A list that is being read, with its header read.
pub(super) struct Reader {
    source: Source,
    rows: u64,
    inner: Inner,
}

enum Inner {
    Text(Text),
    #[cfg(feature = "parquet")]
    Parquet(Parquet),
}

/// Rows that follow each other.
pub(super) struct Batch {
    /// The first one's number, from 0.
    first: u32,
    rows: Rows,
}

enum Rows {
    Text {
        block: Block,
        delimiter: u8,
    },
    #[cfg(feature = "parquet")]
    Columns(Columns),
}

impl Reader {
    pub(super) fn open(source: &Source, count: Arc<AtomicU64>) -> Result<Reader> {
        let inner = match source.format() {
            Format::Csv => Inner::Text(Text::open(source, count)?),
            #[cfg(feature = "parquet")]
            Format::Parquet => Inner::Parquet(Parquet::open(source)?),
            #[cfg(not(feature = "parquet"))]
            Format::Parquet => {
                return Err(source.unusable(
                    "is Parquet, which this build does not read; convert it to CSV, or build with \
                     the feature `parquet`",
                ));
            }
        };
        Ok(Reader { source: source.clone(), rows: 0, inner })
    }

    pub(super) fn header(&self) -> &[String] {
        match &self.inner {
            Inner::Text(text) => &text.header,
            #[cfg(feature = "parquet")]
            Inner::Parquet(parquet) => parquet.header(),
        }
    }

    /// A parser of single rows, for [`Batch::with_row`].
    pub(super) fn fields(&self) -> Fields {
        let delimiter = match &self.inner {
            Inner::Text(text) => text.delimiter,
            #[cfg(feature = "parquet")]
            Inner::Parquet(_) => b',', // not used
        };
        Fields::new(delimiter, self.header().len())
    }

    /// Reads what the plan needs only, where the format allows it.
    pub(super) fn project(self, plan: &Plan) -> Result<Reader> {
        self.only(plan.cells())
    }

    /// Reads all columns.
    pub(super) fn whole(self) -> Result<Reader> {
        let cells = (0..self.header().len()).collect();
        self.only(cells)
    }

    /// Reads these cells only, which are in order, where the format allows it.
    #[cfg_attr(not(feature = "parquet"), expect(unused_variables))]
    pub(super) fn only(self, cells: Vec<usize>) -> Result<Reader> {
        let inner = match self.inner {
            Inner::Text(text) => Inner::Text(text),
            #[cfg(feature = "parquet")]
            Inner::Parquet(parquet) => Inner::Parquet(parquet.project(cells)?),
        };
        Ok(Reader { inner, ..self })
    }

    /// The next rows; nothing at the end of the list.
    pub(super) fn next_batch(&mut self) -> Result<Option<Batch>> {
        let rows = match &mut self.inner {
            Inner::Text(text) => {
                let delimiter = text.delimiter;
                text.next_block()?.map(|block| Rows::Text { block, delimiter })
            }
            #[cfg(feature = "parquet")]
            Inner::Parquet(parquet) => parquet.next_columns()?.map(Rows::Columns),
        };
        let Some(rows) = rows else { return Ok(None) };
        let first = u32::try_from(self.rows).ok();
        self.rows += rows.len() as u64;
        match first {
            Some(first) if self.rows <= MAX_ROWS => Ok(Some(Batch { first, rows })),
            _ => Err(self.source.unusable("has more than 2^32 - 1 rows; split it")),
        }
    }
}

impl Rows {
    fn len(&self) -> usize {
        match self {
            Rows::Text { block, .. } => block.spans.len(),
            #[cfg(feature = "parquet")]
            Rows::Columns(columns) => columns.len(),
        }
    }
}

impl Batch {
    /// Number of rows.
    pub(super) fn rows(&self) -> u64 {
        self.rows.len() as u64
    }

    /// Whether a row, by its number in the list, is in this batch.
    pub(super) fn holds(&self, row: u32) -> bool {
        row >= self.first && u64::from(row) < u64::from(self.first) + self.rows()
    }

    /// Parses one row, by its number in the list.
    pub(super) fn with_row<T>(
        &self,
        row: u32,
        fields: &mut Fields,
        then: impl FnOnce(&dyn Cells) -> T,
    ) -> Result<T, Unreadable> {
        let index = row.wrapping_sub(self.first) as usize;
        match &self.rows {
            Rows::Text { block, .. } => {
                let span = block.spans.get(index).ok_or(Unreadable::NoIdentifier)?;
                fields.read(&block.text, span)?;
                Ok(then(fields))
            }
            #[cfg(feature = "parquet")]
            Rows::Columns(columns) => Ok(then(&columns.row(index))),
        }
    }

    /// Parses some of the rows.
    pub(super) fn read(
        &self,
        range: Range<usize>,
        reading: &Reading<'_>,
        memory: &mut Memory,
        found: &mut Found,
    ) {
        match &self.rows {
            Rows::Text { block, delimiter } => {
                let mut fields = Fields::new(*delimiter, reading.plan.width);
                let spans = block.spans.get(range.clone()).unwrap_or_default();
                for (span, row) in spans.iter().zip(self.first + range.start as u32..) {
                    match fields.read(&block.text, span) {
                        Ok(()) => reading.row(row, &fields, memory, found),
                        Err(reason) => {
                            if reason == Unreadable::Ragged {
                                reading.lost(&fields, found);
                            }
                            found.unreadable.push(Unread { row, column: None, reason });
                        }
                    }
                }
            }
            #[cfg(feature = "parquet")]
            Rows::Columns(columns) => {
                for index in range {
                    let row = self.first + index as u32;
                    reading.row(row, &columns.row(index), memory, found);
                }
            }
        }
    }
}

const MAX_ROWS: u64 = u32::MAX as u64;
