//! From matched identifiers back to rows.

use crate::consent::{ConsentedList, Occurrence};

/// Where matched identifiers stand in their list, by row.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Matches {
    /// Sorted by row, then column.
    places: Vec<Occurrence>,
}

impl Matches {
    /// Of the elements of a list with these indices.
    pub fn new(list: &ConsentedList, indices: impl IntoIterator<Item = usize>) -> Matches {
        let places = indices.into_iter().flat_map(|index| list.occurrences(index));
        let mut places: Vec<Occurrence> = places.copied().collect();
        places.sort_unstable();
        places.dedup();
        Matches { places }
    }

    /// Number of rows with at least one match.
    pub fn rows(&self) -> u64 {
        self.places.chunk_by(|a, b| a.row == b.row).count() as u64
    }

    /// Number of identifiers that matched, as often as they stand in the list.
    pub fn len(&self) -> usize {
        self.places.len()
    }

    /// Whether nothing matched.
    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// Every match, by row and column.
    pub fn iter(&self) -> impl Iterator<Item = Occurrence> {
        self.places.iter().copied()
    }

    /// The matched columns of each matched row, in order of rows.
    pub(super) fn by_row(&self) -> impl Iterator<Item = (u32, &[Occurrence])> {
        let rows = self.places.chunk_by(|a, b| a.row == b.row);
        rows.filter_map(|places| Some((places.first()?.row, places)))
    }
}
