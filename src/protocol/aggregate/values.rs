//! What the advertiser's entries are worth.

use std::fmt;

use zeroize::Zeroize;

/// A value for each entry of a list, such as what a customer spent, in the smallest unit.
///
/// Wiped when dropped; prints as how many there are.
pub struct Values(Vec<u64>);

impl Values {
    /// From the values, in the order of the list.
    pub fn new(values: Vec<u64>) -> Values {
        Values(values)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The value of the entry at `index`, cut down to `clip`.
    pub(super) fn clipped(&self, index: u32, clip: u64) -> u64 {
        self.0[index as usize].min(clip)
    }

    /// How many are greater than `clip`.
    pub fn above(&self, clip: u64) -> u64 {
        self.0.iter().filter(|value| **value > clip).count() as u64
    }
}

impl fmt::Debug for Values {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Values({} entries)", self.len())
    }
}

impl Drop for Values {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}
