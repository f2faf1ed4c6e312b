//! A set of rows, in a bit each.

use crate::consent::{ConsentedList, Occurrence};

/// The rows of a list that hold something admitted. Takes a fifth of a byte for each row of the
/// list.
pub(super) struct RowSet {
    /// A bit for each row.
    words: Vec<u64>,
    /// Rows of the set before each word.
    before: Vec<u32>,
}

impl RowSet {
    pub(super) fn of(list: &ConsentedList) -> RowSet {
        let places = || (0..list.len()).flat_map(|entry| list.occurrences(entry));
        RowSet::new(|| places().map(|at| at.row))
    }

    fn new<I: Iterator<Item = u32>>(rows: impl Fn() -> I) -> RowSet {
        let mut words = vec![0u64; rows().max().map_or(0, |row| row as usize / 64 + 1)];
        rows().for_each(|row| words[row as usize / 64] |= 1 << (row % 64));
        let count = |count: &mut u32, word: &u64| {
            let before = *count;
            *count += word.count_ones();
            Some(before)
        };
        let before = words.iter().scan(0, count).collect();
        RowSet { words, before }
    }

    /// How many.
    pub(super) fn len(&self) -> usize {
        self.words.iter().map(|word| word.count_ones() as usize).sum()
    }

    /// All of them, in order.
    pub(super) fn iter(&self) -> impl Iterator<Item = u32> {
        let lowest_gone = |word: u64| word & word.wrapping_sub(1);
        self.words.iter().zip(0u32..).flat_map(move |(word, index)| {
            let left = std::iter::successors(Some(*word), move |word| Some(lowest_gone(*word)));
            left.take_while(|word| *word != 0).map(move |word| index * 64 + word.trailing_zeros())
        })
    }

    /// Which one of the set a row is.
    pub(super) fn position(&self, row: u32) -> Option<usize> {
        let (index, bit) = (row as usize / 64, 1u64 << (row % 64));
        let word = self.words.get(index).filter(|word| *word & bit != 0)?;
        Some(*self.before.get(index)? as usize + (word & (bit - 1)).count_ones() as usize)
    }

    /// The rows in which an entry stands, in order, each once, and which ones of the set they are.
    pub(super) fn of_entry<'a>(
        &'a self,
        places: &'a [Occurrence],
    ) -> impl Iterator<Item = (u32, usize)> + 'a {
        let rows = places.chunk_by(|a, b| a.row == b.row).filter_map(|places| places.first());
        rows.filter_map(|at| Some((at.row, self.position(at.row)?)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_and_their_positions() {
        for rows in [vec![], vec![0], vec![63, 64], vec![5, 1, 1000, 64, 127, 128, 5, 4096]] {
            let set = RowSet::new(|| rows.iter().copied());
            let mut expected = rows.clone();
            expected.sort_unstable();
            expected.dedup();
            assert_eq!(set.iter().collect::<Vec<_>>(), expected);
            assert_eq!(set.len(), expected.len());
            for row in 0..5000 {
                assert_eq!(set.position(row), expected.binary_search(&row).ok(), "{row}");
            }
            let place = |row| Occurrence { row, column: 0 };
            let places: Vec<_> = expected.iter().flat_map(|row| [place(*row); 2]).collect();
            let each: Vec<_> = expected.iter().copied().zip(0..).collect();
            assert_eq!(set.of_entry(&places).collect::<Vec<_>>(), each);
        }
    }
}
