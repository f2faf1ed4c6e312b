//! Counts of what the gate did.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{Ground, Refusal};
use crate::identifier::Unreadable;

/// Counts of what the gate did, exact and complete:
/// `admitted + all refused + all unreadable = identifiers`.
///
/// A row that cannot be read, or that holds no identifier, counts as one identifier, so that in a
/// list with one identifier a row the same sum gives the rows.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Tally {
    /// Rows read.
    pub rows: u64,
    /// Identifiers that stood in them.
    pub identifiers: u64,
    /// Identifiers that were admitted.
    pub admitted: u64,
    /// Those among the admitted that rest on an attestation.
    pub attested: u64,
    /// Identifiers that were refused, by reason.
    pub refused: BTreeMap<Refusal, u64>,
    /// Identifiers and rows that could not be read, by reason.
    pub unreadable: BTreeMap<&'static str, u64>,
    /// Those among the admitted that repeat an admitted one.
    pub duplicates: u64,
    /// Different identifiers among the admitted: the size of the list.
    pub distinct: u64,
}

impl Tally {
    /// Identifiers that were refused, for whatever reason.
    pub fn refused(&self) -> u64 {
        self.refused.values().sum()
    }

    /// Identifiers and rows that could not be read, for whatever reason.
    pub fn unreadable(&self) -> u64 {
        self.unreadable.values().sum()
    }

    /// Whether the counts add up.
    pub fn is_complete(&self) -> bool {
        self.admitted + self.refused() + self.unreadable() == self.identifiers
            && self.distinct + self.duplicates == self.admitted
            && self.attested <= self.admitted
    }

    pub(super) fn judged(&mut self, judgement: Result<Ground, Refusal>) {
        self.identifiers += 1;
        match judgement {
            Ok(ground) => {
                self.admitted += 1;
                self.attested += u64::from(ground == Ground::Attestation);
            }
            Err(refusal) => *self.refused.entry(refusal).or_default() += 1,
        }
    }

    pub(super) fn unread(&mut self, reason: Unreadable) {
        self.identifiers += 1;
        *self.unreadable.entry(reason.name()).or_default() += 1;
    }

    /// An admitted identifier that is refused after all.
    pub(super) fn removed(&mut self, ground: Ground, refusal: Refusal) {
        self.admitted -= 1;
        self.attested -= u64::from(ground == Ground::Attestation);
        *self.refused.entry(refusal).or_default() += 1;
    }
}
