//! The list that the gate makes.

use std::sync::Arc;

use jiff::Timestamp;

use super::{Purpose, Tally};
use crate::identifier::{Identifier, Kind, Profile};

/// Where an admitted identifier stands in its list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Occurrence {
    /// The row, from 0.
    pub row: u32,
    /// The column, as an index into the list's identifier columns.
    pub column: u16,
}

/// Identifiers whose owners consented to one purpose: what alone can be blinded.
///
/// Only [`Gate::finish`](super::Gate::finish) makes one. The identifiers are wiped when the list
/// is dropped. It takes 45 bytes of memory for an admitted identifier that stands once.
///
/// ```compile_fail,E0451
/// // There is no other way in: nothing outside the gate can name the fields.
/// let list = blindmatch::ConsentedList { identifiers: Vec::new() };
/// ```
#[derive(Debug)]
pub struct ConsentedList {
    pub(super) purpose: Purpose,
    pub(super) profile: Profile,
    pub(super) attestation: Option<Arc<str>>,
    pub(super) valid_until: Option<Timestamp>,
    pub(super) tally: Tally,
    /// Distinct, sorted.
    pub(super) identifiers: Vec<Identifier>,
    /// Where the occurrences of identifier `i` begin; one more entry than identifiers.
    pub(super) starts: Vec<u32>,
    pub(super) occurrences: Vec<Occurrence>,
}

impl ConsentedList {
    /// Number of distinct identifiers: the size that a peer sees.
    pub fn len(&self) -> usize {
        self.identifiers.len()
    }

    /// Whether nothing was admitted.
    pub fn is_empty(&self) -> bool {
        self.identifiers.is_empty()
    }

    /// The purpose that every identifier here was admitted for.
    pub fn purpose(&self) -> Purpose {
        self.purpose
    }

    /// The profile that normalised the identifiers.
    pub fn profile(&self) -> Profile {
        self.profile
    }

    /// The notice that was attested for rows without a record of their own, if one was.
    pub fn attestation(&self) -> Option<&str> {
        self.attestation.as_deref()
    }

    /// What the gate admitted, refused and could not read.
    pub fn tally(&self) -> &Tally {
        &self.tally
    }

    /// When the first consent ends that an identifier here was admitted on, if any ends. (Never
    /// later than that; earlier where the identifier was removed for a no in another row.)
    pub fn valid_until(&self) -> Option<Timestamp> {
        self.valid_until
    }

    /// Where identifier `index` stands, in order; nowhere if `index >= len()`.
    pub fn occurrences(&self, index: usize) -> &[Occurrence] {
        let bounds = (self.starts.get(index), self.starts.get(index + 1));
        match bounds {
            (Some(start), Some(end)) => &self.occurrences[*start as usize..*end as usize],
            _ => &[],
        }
    }

    /// What identifier `index` is; `None` if `index >= len()`.
    pub fn kind(&self, index: usize) -> Option<Kind> {
        self.identifiers.get(index).map(Identifier::kind)
    }

    pub(crate) fn identifiers(&self) -> &[Identifier] {
        &self.identifiers
    }
}
