//! Lists of made-up people, for benchmarks, tests and examples.
//!
//! They go through the consent gate like any other list: there is no second door.

use std::ops::Range;
use std::sync::Arc;

use jiff::Timestamp;

use crate::consent::{Candidate, ConsentedList, Gate, Policy, Purpose, Purposes, Record};
use crate::error::{Error, Result};
use crate::identifier::{Identifier, Kind, Profile};

/// The people numbered `numbers`, each with an e-mail address and full consent: row `i` of the list
/// is person `numbers.start + i`.
///
/// # Errors
/// As [`Gate::offer`].
pub fn people(numbers: Range<u64>) -> Result<Arc<ConsentedList>> {
    list(numbers.map(|number| format!("person.{number}@example.com")))
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

/// The rows of `list` that the elements `matched` stand in, in increasing order: what a plain
/// intersection gives.
pub fn rows(list: &ConsentedList, matched: &[u32]) -> Vec<u32> {
    let occurrences = matched.iter().flat_map(|&index| list.occurrences(index as usize));
    let mut rows: Vec<u32> = occurrences.map(|at| at.row).collect();
    rows.sort_unstable();
    rows.dedup();
    rows
}
