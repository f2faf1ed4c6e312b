//! The list that the gate makes.

use super::Purpose;
use crate::identifier::Identifier;

/// Where an admitted identifier stands in its list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Occurrence {
    /// The row, from 0.
    pub row: u32,
    /// The column, as an index into the list's identifier columns.
    pub column: u16,
}

/// Identifiers whose owners consented to one purpose: what alone can be blinded.
///
/// Only [`Gate::finish`](super::Gate::finish) makes one.
#[derive(Debug)]
pub struct ConsentedList {
    purpose: Purpose,
    /// Distinct, sorted.
    identifiers: Vec<Identifier>,
    /// Where the occurrences of identifier `i` begin; one more entry than identifiers.
    starts: Vec<u32>,
    occurrences: Vec<Occurrence>,
}

impl ConsentedList {
    pub(super) fn new(purpose: Purpose, mut admitted: Vec<(Identifier, Occurrence)>) -> Self {
        admitted.sort_unstable_by(|a, b| {
            let key = |(id, at): &(Identifier, Occurrence)| (*id.as_bytes(), at.row, at.column);
            key(a).cmp(&key(b))
        });
        let (mut identifiers, mut starts) = (Vec::<Identifier>::new(), Vec::new());
        let mut occurrences = Vec::with_capacity(admitted.len());
        for (identifier, at) in admitted {
            if identifiers.last().is_none_or(|last| last.as_bytes() != identifier.as_bytes()) {
                identifiers.push(identifier);
                starts.push(occurrences.len() as u32);
            }
            occurrences.push(at);
        }
        starts.push(occurrences.len() as u32);
        ConsentedList { purpose, identifiers, starts, occurrences }
    }

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

    /// Where identifier `index` stands; `index < len()`.
    pub fn occurrences(&self, index: usize) -> &[Occurrence] {
        &self.occurrences[self.starts[index] as usize..self.starts[index + 1] as usize]
    }

    pub(crate) fn identifiers(&self) -> &[Identifier] {
        &self.identifiers
    }
}
