//! Consent: purposes, records, and the gate that alone makes a list that can be blinded.
//!
//! Everyone on a list has a [`Record`] for each identifier: what it was collected for, what its
//! owner agreed to, and every no. A [`Policy`] names the purpose of a match and judges records by
//! the rules that are listed there; the default is to refuse. The [`Gate`] applies the policy to a
//! whole list, counts every refusal by reason, and makes the [`ConsentedList`], which is what the
//! protocols take. Nothing else can make one.
//!
//! Identifiers are wiped when what holds them is dropped, as a best effort: moving one can leave a
//! copy behind, and so do the readers of compressed text and of Parquet, whose buffers are theirs.
//!
//! ```
//! use blindmatch::consent::{Policy, Purpose, Purposes, Record, Refusal};
//! use jiff::Timestamp;
//!
//! let policy = Policy::new(Purpose::TARGETED_ADVERTISING, Timestamp::now())?;
//! let given_for_two_factor = Record {
//!     collected_for: Purposes::parse("two-factor authentication"),
//!     purposes: Purposes::parse("TargetedAdvertising"),
//!     ..Record::default()
//! };
//! assert_eq!(policy.judge(&given_for_two_factor), Err(Refusal::CollectedForSecurity));
//! # Ok::<(), blindmatch::Error>(())
//! ```

mod bits;
mod gate;
mod gpp;
mod list;
mod policy;
mod purpose;
mod purposes;
mod record;
mod suppression;
mod tally;
mod tcf;
#[cfg(test)]
mod tests;

pub use bits::UnreadableSignal;
pub use gate::{Gate, Outcome, Removal};
pub use gpp::Gpp;
pub use list::{ConsentedList, Occurrence};
pub use policy::{Ground, Policy, Refusal};
pub use purpose::{Purpose, PurposeClass};
pub use purposes::Purposes;
pub use record::{Record, Signal};
pub use suppression::Suppression;
pub use tally::Tally;
pub use tcf::Tcf;

pub use jiff::Timestamp;

use crate::identifier::Identifier;

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
