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
    elements: Vec<Element>,
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
        let (mut elements, mut starts) = (Vec::<Element>::new(), Vec::new());
        let mut occurrences = Vec::with_capacity(admitted.len());
        for (identifier, at) in admitted {
            if elements.last().is_none_or(|last| last.as_ref() != identifier.as_bytes()) {
                elements.push(Element(identifier));
                starts.push(occurrences.len() as u32);
            }
            occurrences.push(at);
        }
        starts.push(occurrences.len() as u32);
        ConsentedList { purpose, elements, starts, occurrences }
    }

    /// Number of distinct identifiers: the size that a peer sees.
    pub fn len(&self) -> usize {
        self.elements.len()
    }

    /// Whether nothing was admitted.
    pub fn is_empty(&self) -> bool {
        self.elements.is_empty()
    }

    /// The purpose that every identifier here was admitted for.
    pub fn purpose(&self) -> Purpose {
        self.purpose
    }

    /// Where identifier `index` stands; `index < len()`.
    pub fn occurrences(&self, index: usize) -> &[Occurrence] {
        &self.occurrences[self.starts[index] as usize..self.starts[index + 1] as usize]
    }

    /// The notice.
    pub fn attestation(&self) -> Option<&str> {
        None
    }

    /// The profile.
    pub fn profile(&self) -> crate::identifier::Profile {
        crate::identifier::Profile::default()
    }

    pub(crate) fn elements(&self) -> &[Element] {
        &self.elements
    }
}

/// An identifier that passed the gate, as the group hashes it. Code outside this crate can neither
/// name the type nor read the bytes.
#[derive(Debug)]
pub(crate) struct Element(Identifier);

impl AsRef<[u8]> for Element {
    fn as_ref(&self) -> &[u8] {
        self.0.as_bytes()
    }
}
