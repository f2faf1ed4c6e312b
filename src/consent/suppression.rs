//! Identifiers that are refused wherever they stand.

use rayon::slice::ParallelSliceMut;

use crate::identifier::Identifier;

/// Identifiers that are refused wherever they stand, whatever is on record: people who asked not
/// to be matched, or customers whom a campaign shall leave out.
#[derive(Debug, Default)]
pub struct Suppression {
    /// Sorted.
    identifiers: Vec<Identifier>,
}

impl Suppression {
    /// Of these identifiers, in any order and as often as they come.
    pub fn new(mut identifiers: Vec<Identifier>) -> Suppression {
        identifiers.par_sort_unstable_by(|a, b| a.as_bytes().cmp(b.as_bytes()));
        identifiers.dedup_by(|a, b| a.as_bytes() == b.as_bytes());
        Suppression { identifiers }
    }

    /// Both lists in one.
    #[must_use]
    pub fn and(self, other: Suppression) -> Suppression {
        // Appending would move the first list without wiping it.
        let mut both = Vec::with_capacity(self.len() + other.len());
        both.extend(self.identifiers.iter().chain(&other.identifiers).cloned());
        Suppression::new(both)
    }

    /// Number of different identifiers.
    pub fn len(&self) -> usize {
        self.identifiers.len()
    }

    /// Whether nothing is suppressed.
    pub fn is_empty(&self) -> bool {
        self.identifiers.is_empty()
    }

    /// Variable time: the comparison runs on the owner's machine, over the owner's list.
    pub(super) fn vartime_contains(&self, identifier: &Identifier) -> bool {
        self.identifiers.binary_search_by(|i| i.as_bytes().cmp(identifier.as_bytes())).is_ok()
    }
}
