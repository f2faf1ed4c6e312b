//! The consent gate: the only maker of a list that can be blinded.

use jiff::Timestamp;

use crate::error::Result;
use crate::identifier::Identifier;

mod gate;
mod list;
mod purpose;
mod record;

pub use gate::{Gate, Policy, Refusal};
pub use list::{ConsentedList, Occurrence};
pub use purpose::Purpose;
pub use record::Record;

/// One identifier of one row, as it is put before the gate.
#[derive(Debug)]
pub struct Candidate {
    /// The identifier.
    pub identifier: Identifier,
    /// The row it stands in, from 0.
    pub row: u32,
    /// The column it stands in, as an index into the list's identifier columns.
    pub column: u16,
    /// What its owner agreed to.
    pub record: Record,
}
