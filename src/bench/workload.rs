//! Lists of made-up people, for benchmarks, tests and examples.
//!
//! They go through the consent gate like any other list: there is no second door.

use std::collections::HashSet;
use std::ops::Range;
use std::sync::Arc;

use jiff::Timestamp;
use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};

use crate::consent::{Candidate, ConsentedList, Gate, Policy, Purpose, Purposes, Record};
use crate::error::{Error, Result};
use crate::identifier::{Identifier, Kind, Profile};

/// The people numbered `numbers`, each with an e-mail address and full consent: row `i` of the list
/// is person `numbers.start + i`.
///
/// # Errors
/// As [`Gate::offer`].
pub fn people(numbers: Range<u64>) -> Result<Arc<ConsentedList>> {
    list(numbers.map(person))
}

/// A list of e-mail addresses that are normalised already, one a row, all with full consent.
///
/// The consent is made up, so the people must be: only addresses under `example.com`, which is
/// reserved (RFC 2606), are taken.
///
/// # Errors
/// [`Error::Misuse`] for any other address; as [`Gate::offer`].
pub fn list<T: AsRef<str>>(addresses: impl IntoIterator<Item = T>) -> Result<Arc<ConsentedList>> {
    let addresses: Vec<T> = addresses.into_iter().collect();
    if !addresses.iter().all(|address| address.as_ref().ends_with("@example.com")) {
        return Err(Error::Misuse("made-up people live under example.com".into()));
    }
    let purpose = Purpose::TARGETED_ADVERTISING;
    let mut gate = Gate::new(Policy::new(purpose, Timestamp::now())?, Profile::default());
    let record = Record { purposes: Purposes::parse(purpose.name()), ..Record::default() };
    let candidates = addresses.into_iter().zip(0..).map(|(address, row)| Candidate {
        identifier: Identifier::from_normalised(Kind::Email, address.as_ref()),
        row,
        column: 0,
        record: record.clone(),
    });
    let candidates: Vec<Candidate> = candidates.collect();
    gate.count_rows(candidates.len() as u64);
    gate.offer(candidates)?;
    Ok(Arc::new(gate.finish()))
}

/// Two lists of one length, half of each on the other one as well, in no order.
pub struct Pair {
    /// The advertiser's.
    pub advertiser: Arc<ConsentedList>,
    /// The platform's.
    pub platform: Arc<ConsentedList>,
    /// Rows of the advertiser's whose person is on the platform's list too, increasing: found by
    /// looking each up in a set.
    pub common: Vec<u32>,
}

impl Pair {
    /// Of `size` rows each. One seed gives the same lists on one version of this crate.
    ///
    /// # Errors
    /// As [`Gate::offer`].
    pub fn new(size: u64, seed: u64) -> Result<Pair> {
        let mut rng = StdRng::seed_from_u64(seed);
        let (common, size) = (size / 2, size as usize);
        let people = 2 * size - common as usize;
        let (mut numbers, mut seen) = (Vec::with_capacity(people), HashSet::with_capacity(people));
        while numbers.len() < people {
            let number: u64 = rng.random();
            if seen.insert(number) {
                numbers.push(number);
            }
        }
        let mut advertiser = numbers[..size].to_vec();
        let mut platform = numbers[people - size..].to_vec();
        advertiser.shuffle(&mut rng);
        platform.shuffle(&mut rng);
        let on_both: HashSet<u64> = platform.iter().copied().collect();
        let rows = advertiser.iter().zip(0..);
        let common = rows.filter(|(number, _)| on_both.contains(number)).map(|(_, row)| row);
        let people = |numbers: &[u64]| list(numbers.iter().copied().map(person));
        Ok(Pair {
            common: common.collect(),
            advertiser: people(&advertiser)?,
            platform: people(&platform)?,
        })
    }
}

/// A number of elements as people write it: `65536`, `2^16` or `1e6`. `None` where it is none, or
/// zero.
pub fn size(text: &str) -> Option<u64> {
    let number = |digits: &str| -> Option<u64> {
        let plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
        plain.then(|| digits.parse().ok()).flatten()
    };
    let power = |base: u64, digits| base.checked_pow(u32::try_from(number(digits)?).ok()?);
    let size = if let Some(digits) = text.strip_prefix("2^") {
        power(2, digits)?
    } else if let Some((digits, zeros)) = text.split_once('e') {
        number(digits)?.checked_mul(power(10, zeros)?)?
    } else {
        number(text)?
    };
    (size > 0).then_some(size)
}

pub(super) fn person(number: u64) -> String {
    format!("person.{number}@example.com")
}

/// The rows of `list` that the elements `matched` stand in, in increasing order: what a plain
/// intersection gives.
pub fn rows(list: &ConsentedList, matched: &[u32]) -> Vec<u32> {
    let occurrences = matched.iter().flat_map(|&index| list.occurrences(index as usize));
    let mut rows: Vec<u32> = occurrences.map(|at| at.row).collect();
    rows.sort_unstable();
    rows.dedup();
    rows
}

/// The label of the element at `index` of a list, for labelled matches.
pub fn label(index: usize) -> String {
    format!("segment {}", index % 100)
}

/// The value of the element at `index` of a list, for sums; at most [`CLIP`].
pub fn value(index: usize) -> u64 {
    (index as u64 * 7919) % (CLIP + 1)
}

/// What values are cut down to.
pub const CLIP: u64 = 10_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_of_a_pair_is_common() {
        for (size, common) in [(1, 0), (2, 1), (9, 4), (100, 50)] {
            let pair = Pair::new(size, 5).unwrap();
            assert_eq!(pair.common.len(), common);
            assert_eq!([pair.advertiser.len(), pair.platform.len()], [size as usize; 2]);
            assert!(pair.common.is_sorted_by(|a, b| a < b));
        }
        assert_ne!(Pair::new(100, 5).unwrap().common, Pair::new(100, 6).unwrap().common);
        assert_eq!(Pair::new(100, 5).unwrap().common, Pair::new(100, 5).unwrap().common);
    }

    #[test]
    fn sizes_as_people_write_them() {
        let sizes = [("1", 1), ("65536", 65536), ("2^0", 1), ("2^20", 1 << 20), ("1e6", 1_000_000)];
        for (text, expected) in sizes {
            assert_eq!(size(text), Some(expected), "{text}");
        }
        for text in [
            "", "0", "0e3", "-1", "+1", "1.5", "2^", "2^64", "2^-1", "3^2", "e6", "1e", "1e20", "x",
        ] {
            assert_eq!(size(text), None, "{text}");
        }
    }
}
