//! The cells that admitted identifiers stand in, as the list has them.

use super::columns::Plan;
use super::rows::Reader;
use super::source::Source;
use crate::consent::{ConsentedList, Occurrence};
use crate::error::Result;

/// Where an admitted identifier stands, and what its owner's list has there.
#[derive(Clone, Copy)]
pub(crate) struct AdmittedCell<'a> {
    /// Its index in the consented list.
    pub(crate) entry: u32,
    /// The row, from 1, not counting the header or blank lines.
    pub(crate) row: u64,
    /// The cell.
    pub(crate) raw: &'a [u8],
}

impl Source {
    /// Reads the list a second time and tells the cell of each identifier that was admitted, by row and
    /// column, as often as it stands there. In memory, 12 bytes for each.
    ///
    /// # Errors
    /// [`Error::Misuse`](crate::Error::Misuse) where the list is standard input;
    /// [`Error::Input`](crate::Error::Input) where it changed since it was opened; what `each` says.
    pub(crate) fn admitted_cells(
        &self,
        list: &ConsentedList,
        mut each: impl FnMut(AdmittedCell<'_>) -> Result<()>,
    ) -> Result<()> {
        const WHAT: &str = "identifiers can be written beside their Publisher Identifiers";
        self.check_unchanged_before(WHAT)?;
        let of_entry =
            |entry: u32| list.occurrences(entry as usize).iter().map(move |at| (*at, entry));
        let mut places: Vec<(Occurrence, u32)> =
            (0..list.len() as u32).flat_map(of_entry).collect();
        places.sort_unstable();
        let reader = Reader::open(self, Default::default())?;
        let plan = Plan::new(reader.header()).map_err(|problem| self.unusable(problem))?;
        let mut cells: Vec<usize> = plan.identifier_cells().collect();
        cells.sort_unstable();
        cells.dedup();
        let (mut fields, mut reader) = (reader.fields(), reader.only(cells)?);
        let mut places = places.chunk_by(|(a, _), (b, _)| a.row == b.row).peekable();
        while places.peek().is_some() {
            let Some(batch) = reader.next_batch()? else { return Err(self.shorter()) };
            while let Some(of_row) = places.next_if(|of_row| batch.holds(of_row[0].0.row)) {
                let row = of_row[0].0.row;
                let told = batch.with_row(row, &mut fields, |cells| {
                    of_row.iter().try_for_each(|(at, entry)| {
                        let planned = plan.columns.get(usize::from(at.column));
                        let raw = planned.map_or(&[][..], |planned| cells.cell(planned.cell));
                        each(AdmittedCell { entry: *entry, row: u64::from(row) + 1, raw })
                    })
                });
                told.map_err(|reason| self.bad_row(row, &reason.to_string()))??;
            }
        }
        self.check_unchanged_before(WHAT)
    }
}
