//! Whether two lists differ in a few entries, from a few kilobytes of each.
//!
//! The standard asks to detect lists of one advertiser and one publisher that differ in less than 50
//! entries: two results that differ tell about those few people. A bottom-k [`sketch`](crate::sketch) cannot
//! see that in a list of a million. This one can: an invertible Bloom lookup table (Goodrich, Mitzenmacher
//! 2011; for differences of sets: Eppstein, Goodrich, Uyeda, Varghese 2011). Each entry, as 64 bits of a
//! keyed hash, is added to one cell in each of four rows; cells count their entries and add them up. Taking
//! one table from the other leaves the entries that only one list has, and where these are few, cells with a
//! single one give it away, which empties others, until nothing is left.
//!
//! What is kept of a list is [`CELLS`] cells: its size in all, and of its entries sums from which nobody can
//! take them apart. Differences of 50 or more mostly do not come apart either, and those that do are
//! counted. One of fewer does not with a probability of about 10^-5 (two of 49 entries in the same four
//! cells), and counts as larger then.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The fewest entries in which two lists may differ, unless they are the same.
pub const FEWEST: u64 = 50;

/// Rows of a table.
const ROWS: usize = 4;

/// Cells in a row.
const ROW: usize = 128;

/// Cells in a table.
pub const CELLS: usize = ROWS * ROW;

/// Bytes of a cell as it is written.
const CELL: usize = 4 + 8 + 8;

/// What is kept of a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Table {
    size: u64,
    #[serde(with = "text")]
    cells: Vec<Cell>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Cell {
    count: i32,
    sum: u64,
    check: u64,
}

/// How a list differs from an earlier one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Difference {
    /// In so many entries, fewer than [`FEWEST`].
    Few { added: u64, removed: u64 },
    /// In [`FEWEST`] entries or more.
    Many,
}

impl Table {
    /// Of values that differ from one another: keyed hashes, with a key that no peer has.
    pub(crate) fn of(values: impl IntoIterator<Item = u64>) -> Table {
        let mut table = Table { size: 0, cells: vec![Cell::default(); CELLS] };
        for value in values {
            table.size += 1;
            table.add(value, 1);
        }
        table
    }

    /// How this list differs from an earlier one that was hashed with the same key.
    pub(crate) fn since(&self, earlier: &Table) -> Difference {
        if self.size.abs_diff(earlier.size) >= FEWEST {
            return Difference::Many;
        }
        let cells = self.cells.iter().zip(&earlier.cells);
        let cells = cells.map(|(new, old)| Cell {
            count: new.count.wrapping_sub(old.count),
            sum: new.sum.wrapping_sub(old.sum),
            check: new.check.wrapping_sub(old.check),
        });
        Table { size: 0, cells: cells.collect() }.take_apart()
    }

    /// Takes out entry after entry that is alone in a cell.
    fn take_apart(mut self) -> Difference {
        let (mut added, mut removed) = (0, 0);
        let mut pending: Vec<usize> = (0..CELLS).collect();
        while let Some(at) = pending.pop() {
            let Some((value, count)) = self.cells[at].single(at) else { continue };
            self.add(value, -count);
            pending.extend(places(value));
            *(if count > 0 { &mut added } else { &mut removed }) += 1;
            if added + removed >= FEWEST {
                return Difference::Many;
            }
        }
        match self.cells.iter().all(|cell| *cell == Cell::default()) {
            true => Difference::Few { added, removed },
            false => Difference::Many,
        }
    }

    fn add(&mut self, value: u64, times: i32) {
        for place in places(value) {
            let cell = &mut self.cells[place];
            let factor = i64::from(times) as u64;
            cell.count = cell.count.wrapping_add(times);
            cell.sum = cell.sum.wrapping_add(value.wrapping_mul(factor));
            cell.check = cell.check.wrapping_add(check(value).wrapping_mul(factor));
        }
    }
}

impl Cell {
    /// The one entry that it has, if it has one, and from which list.
    fn single(self, at: usize) -> Option<(u64, i32)> {
        let value = match self.count {
            1 => self.sum,
            -1 => self.sum.wrapping_neg(),
            _ => return None,
        };
        let factor = i64::from(self.count) as u64;
        let alone = self.check == check(value).wrapping_mul(factor) && places(value).contains(&at);
        alone.then_some((value, self.count))
    }
}

/// The cells of an entry, one in each row.
fn places(value: u64) -> [usize; ROWS] {
    std::array::from_fn(|row| row * ROW + (value >> (7 * row)) as usize % ROW)
}

/// What tells an entry from a sum of several (the finaliser of SplitMix64).
fn check(value: u64) -> u64 {
    let value = (value ^ value >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ value >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ value >> 31
}

/// Cells as Base64 of their bytes.
mod text {
    use super::*;

    pub(super) fn serialize<S: Serializer>(cells: &[Cell], to: S) -> Result<S::Ok, S::Error> {
        let mut bytes = Vec::with_capacity(cells.len() * CELL);
        for cell in cells {
            bytes.extend_from_slice(&cell.count.to_le_bytes());
            bytes.extend_from_slice(&cell.sum.to_le_bytes());
            bytes.extend_from_slice(&cell.check.to_le_bytes());
        }
        STANDARD.encode(bytes).serialize(to)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<Cell>, D::Error> {
        let bytes = STANDARD.decode(String::deserialize(from)?);
        let bytes = bytes.map_err(serde::de::Error::custom)?;
        let (cells, rest) = bytes.as_chunks::<CELL>();
        if cells.len() != CELLS || !rest.is_empty() {
            return Err(serde::de::Error::custom("not the cells of a table"));
        }
        Ok(cells.iter().map(cell).collect())
    }

    fn cell(bytes: &[u8; CELL]) -> Cell {
        let number = |at: usize| {
            u64::from_le_bytes(std::array::from_fn(|i| bytes[at + i])) // within CELL
        };
        let count = i32::from_le_bytes(std::array::from_fn(|i| bytes[i]));
        Cell { count, sum: number(4), check: number(12) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Distinct values that look random.
    fn values(numbers: std::ops::Range<u64>) -> impl Iterator<Item = u64> {
        numbers.map(|number| check(number.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(1)))
    }

    #[test]
    fn every_small_difference_is_counted_exactly() {
        let whole = Table::of(values(0..20_000));
        for added in [0, 1, 7, 24, 25, 49] {
            for removed in [0, 1, 24, 25, 49] {
                let new = Table::of(values(removed..20_000 + added));
                let expected = match added + removed < FEWEST {
                    true => Difference::Few { added, removed },
                    false => Difference::Many,
                };
                assert_eq!(new.since(&whole), expected, "{added} added, {removed} removed");
            }
        }
    }

    #[test]
    fn differences_of_50_and_more_are_large() {
        let whole = Table::of(values(0..20_000));
        for (from, to) in [(0, 20_050), (25, 20_025), (50, 20_000), (500, 20_500), (40_000, 60_000)]
        {
            assert_eq!(Table::of(values(from..to)).since(&whole), Difference::Many, "{from}..{to}");
        }
    }

    /// How often a difference of 49 is missed, over many tables.
    #[test]
    fn hardly_any_difference_is_missed() {
        let missed = (0..2000).filter(|round| {
            let start = round * 100;
            let one = Table::of(values(start..start + 49));
            one.since(&Table::of([])) == Difference::Many
        });
        assert_eq!(missed.count(), 0);
    }

    #[test]
    fn tables_are_small_and_come_back() {
        let table = Table::of(values(0..20_000));
        let json = serde_json::to_string(&table).unwrap();
        assert!(json.len() < 13_800, "{}", json.len());
        assert_eq!(serde_json::from_str::<Table>(&json).unwrap(), table);
        let cut = json.replace("AAAA", "");
        assert!(cut == json || serde_json::from_str::<Table>(&cut).is_err());
    }
}
