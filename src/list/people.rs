//! People: which identifiers of a list are one person's, and in which order they are asked.
//!
//! A list has several identifiers of a person, in several columns of a row or in several rows. Counted
//! one by one they make an audience look larger than it is. [`People`] says whose each is:
//!
//! - *One identifier, one person.* An identifier that stands in rows of several people (a family's
//!   landline, a duplicate) belongs to the one whose row comes first; the others keep what else they
//!   have. [`shared`](People::shared) counts such identifiers.
//! - *A person has an identifier.* Whoever is left with none is no person: its rows repeat others'.
//!   What such a row is worth in a [`sum`](crate::protocol::sum) goes to the person of the best-ranked
//!   identifier in it.
//! - *Ranks.* A person's identifiers are in order: by kind, as [`Ranks`] says; then by column, then by
//!   row, where each stands first. Where several match, the person matched by the first of them.

use std::fmt;
use std::hash::{BuildHasher, Hash, RandomState};

use rayon::prelude::*;

use super::row_set::RowSet;
use super::source::Source;
use crate::consent::{ConsentedList, Occurrence};
use crate::error::{Error, Result};
use crate::identifier::Kind;

/// The kinds of identifiers in the order in which they are asked whether they match.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ranks([Kind; Kind::ALL.len()]);

impl Default for Ranks {
    /// E-mail addresses before phone numbers: a number is handed on sooner.
    fn default() -> Ranks {
        Ranks(Kind::ALL)
    }
}

impl Ranks {
    /// From names of kinds with commas, such as `phone,email`. Kinds that are not named come last.
    ///
    /// # Errors
    /// [`Error::Misuse`] for a name that is no kind's, or that comes twice.
    pub fn parse(text: &str) -> Result<Ranks> {
        let mut kinds = Vec::with_capacity(Kind::ALL.len());
        for name in text.split(',') {
            let kind = Kind::ALL.into_iter().find(|kind| kind.name() == name.trim());
            match kind.filter(|kind| !kinds.contains(kind)) {
                Some(kind) => kinds.push(kind),
                None => {
                    let all = Kind::ALL.map(Kind::name).join(",");
                    return Err(Error::Misuse(format!("ranks are kinds, each once, as in {all}")));
                }
            }
        }
        let rest = Kind::ALL.into_iter().filter(|kind| !kinds.contains(kind)).collect::<Vec<_>>();
        kinds.extend(rest);
        let kinds = kinds.try_into().expect("every kind, once");
        Ok(Ranks(kinds))
    }

    /// The kinds, the best first.
    pub fn kinds(self) -> [Kind; Kind::ALL.len()] {
        self.0
    }

    /// 0 for the best.
    fn of(self, kind: Option<Kind>) -> usize {
        let found = self.0.iter().position(|ranked| Some(*ranked) == kind);
        found.unwrap_or(self.0.len())
    }
}

/// As [`Ranks::parse`] reads it.
impl fmt::Display for Ranks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.map(Kind::name).join(","))
    }
}

/// Whose each element of a [`ConsentedList`] is.
///
/// Takes 8 bytes of memory for an element and 4 for a person and for a row with an element. Prints
/// as how many there are.
pub struct People {
    ranks: Ranks,
    /// Where each person's begin in `elements`, and the end.
    starts: Vec<u32>,
    /// Indices of elements: each person's, the best first. Every element once.
    elements: Vec<u32>,
    /// The person of each element.
    owners: Vec<u32>,
    /// The person of each row with an element, in their order.
    rows: Vec<u32>,
    shared: u64,
}

/// The most identifiers that one person may have. Who has more is not one person: a column was named
/// that holds something else.
pub const MAX_IDENTIFIERS: usize = 64;

impl People {
    /// Each row is a person.
    ///
    /// # Errors
    /// [`Error::Misuse`] where one has more than [`MAX_IDENTIFIERS`] identifiers.
    pub fn by_row(list: &ConsentedList, ranks: Ranks) -> Result<People> {
        let rows = RowSet::of(list);
        let groups = (0..rows.len() as u32).collect();
        People::of_groups(list, ranks, &rows, groups)
    }

    /// All rows with the same key are a person; a row without a key is one of its own. `key` is asked
    /// for each row (from 0) that has an element, in order. It is kept as a keyed hash of 16 bytes,
    /// until the people are made.
    ///
    /// # Errors
    /// As [`by_row`](Self::by_row).
    pub fn by_key<K: Hash>(
        list: &ConsentedList,
        ranks: Ranks,
        mut key: impl FnMut(u32) -> Option<K>,
    ) -> Result<People> {
        let rows = RowSet::of(list);
        let mut keys = Keys::with_capacity(rows.len());
        rows.iter().for_each(|row| keys.push(key(row)));
        People::of_groups(list, ranks, &rows, keys.groups())
    }

    /// `groups` has for each row of the set the first row of the same person.
    fn of_groups(
        list: &ConsentedList,
        ranks: Ranks,
        rows: &RowSet,
        groups: Vec<u32>,
    ) -> Result<People> {
        let group = |row| rows.position(row).map_or(0, |position| groups[position]);
        let firsts = || (0..list.len()).map(|element| group(first(list, element).row));
        let mut starts = vec![0u32; groups.len()];
        firsts().for_each(|group| starts[group as usize] += 1);
        if starts.iter().any(|&elements| elements as usize > MAX_IDENTIFIERS) {
            return Err(Error::Misuse(format!(
                "one person has more than {MAX_IDENTIFIERS} identifiers; name a column that tells \
                 people apart"
            )));
        }
        // Groups without an element of their own are nobody.
        let mut people = 0;
        let number = |elements: &u32| {
            people += u32::from(*elements > 0);
            people.wrapping_sub(1)
        };
        let numbers: Vec<u32> = starts.iter().map(number).collect();
        let nobody = |group: u32| starts[group as usize] == 0;
        let owners: Vec<u32> = firsts().map(|group| numbers[group as usize]).collect();
        let mut shared = 0;
        for (element, owner) in owners.iter().enumerate() {
            let is_owner = |at: &Occurrence| {
                let group = group(at.row);
                nobody(group) || numbers[group as usize] == *owner
            };
            shared += u64::from(!list.occurrences(element).iter().all(is_owner));
        }
        let mut of_rows: Vec<u32> = groups.iter().map(|&group| numbers[group as usize]).collect();
        repetitions(list, ranks, rows, &owners, &mut of_rows, |row| nobody(groups[row]));
        starts.retain(|elements| *elements > 0);
        let (starts, elements) = in_order(list, ranks, starts, &owners);
        Ok(People { ranks, starts, elements, owners, rows: of_rows, shared })
    }

    /// How many people.
    pub fn len(&self) -> usize {
        self.starts.len() - 1
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The order in which kinds are asked.
    pub fn ranks(&self) -> Ranks {
        self.ranks
    }

    /// Identifiers that stand in rows of several people; each counts for the first.
    pub fn shared(&self) -> u64 {
        self.shared
    }

    /// Elements of the list that the people are of.
    pub(crate) fn elements(&self) -> usize {
        self.elements.len()
    }

    /// The identifiers of a person, as indices into the list, the best first; none if there is no
    /// such person.
    pub fn identifiers(&self, person: usize) -> &[u32] {
        let bounds = (self.starts.get(person), self.starts.get(person + 1));
        match bounds {
            (Some(start), Some(end)) => &self.elements[*start as usize..*end as usize],
            _ => &[],
        }
    }

    /// The person of an identifier, by its index in the list.
    pub fn owner(&self, element: u32) -> Option<u32> {
        self.owners.get(element as usize).copied()
    }

    /// The person of each row with an element, in order of rows.
    pub(super) fn of_rows(&self) -> &[u32] {
        &self.rows
    }

    /// The waterfall: of each person with an identifier among `matched` the best of these, in order of
    /// people, who are in order of their first rows. Takes a bit for each element of the list.
    pub fn best<'a>(&'a self, matched: &[u32]) -> impl Iterator<Item = u32> + 'a {
        let mut hits = vec![0u64; self.elements.len().div_ceil(64)];
        for &element in matched {
            if let Some(word) = hits.get_mut(element as usize / 64) {
                *word |= 1 << (element % 64);
            }
        }
        let hit = move |element: &u32| hits[*element as usize / 64] >> (element % 64) & 1 == 1;
        (0..self.len()).filter_map(move |person| {
            self.identifiers(person).iter().find(|element| hit(element)).copied()
        })
    }

    /// How many people have an identifier among `matched`.
    pub fn count(&self, matched: &[u32]) -> u64 {
        self.best(matched).count() as u64
    }
}

impl fmt::Debug for People {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "People({} of {} identifiers)", self.len(), self.elements())
    }
}

/// Where an element stands first: its owner's row.
fn first(list: &ConsentedList, element: usize) -> Occurrence {
    let places = list.occurrences(element);
    places.first().copied().unwrap_or(Occurrence { row: 0, column: 0 })
}

/// Each person's elements in order, from how many each has.
fn in_order(
    list: &ConsentedList,
    ranks: Ranks,
    mut starts: Vec<u32>,
    owners: &[u32],
) -> (Vec<u32>, Vec<u32>) {
    let mut end = 0;
    for start in &mut starts {
        end += std::mem::replace(start, end);
    }
    let mut elements = vec![0; owners.len()];
    for (element, owner) in (0u32..).zip(owners) {
        let next = &mut starts[*owner as usize];
        elements[*next as usize] = element;
        *next += 1;
    }
    // Each start has moved to the next one's.
    starts.insert(0, 0);
    let order = |element: &u32| {
        let at = first(list, *element as usize);
        (ranks.of(list.kind(*element as usize)), at.column, at.row)
    };
    for bounds in starts.windows(2) {
        elements[bounds[0] as usize..bounds[1] as usize].sort_unstable_by_key(order);
    }
    (starts, elements)
}

/// Gives rows of nobody to the person of their best-ranked identifier.
fn repetitions(
    list: &ConsentedList,
    ranks: Ranks,
    rows: &RowSet,
    owners: &[u32],
    of_rows: &mut [u32],
    nobody: impl Fn(usize) -> bool,
) {
    if !(0..of_rows.len()).any(&nobody) {
        return;
    }
    let mut best = vec![(usize::MAX, u16::MAX); of_rows.len()];
    for (element, owner) in owners.iter().enumerate() {
        let rank = ranks.of(list.kind(element));
        for at in list.occurrences(element) {
            let Some(row) = rows.position(at.row).filter(|&row| nobody(row)) else { continue };
            if (rank, at.column) < best[row] {
                (best[row], of_rows[row]) = ((rank, at.column), *owner);
            }
        }
    }
}

/// The people's keys of rows, hashed.
struct Keys {
    hashers: [RandomState; 2],
    hashes: Vec<([u64; 2], u32)>,
    /// Rows so far.
    rows: u32,
}

impl Keys {
    fn with_capacity(rows: usize) -> Keys {
        let hashers = [RandomState::new(), RandomState::new()];
        Keys { hashers, hashes: Vec::with_capacity(rows), rows: 0 }
    }

    fn push(&mut self, key: Option<impl Hash>) {
        if let Some(key) = key {
            let hash = self.hashers.each_ref().map(|hasher| hasher.hash_one(&key));
            self.hashes.push((hash, self.rows));
        }
        self.rows += 1;
    }

    /// For each row the first one with the same key: itself, where it has none.
    fn groups(self) -> Vec<u32> {
        let Keys { mut hashes, rows, .. } = self;
        hashes.par_sort_unstable();
        let mut groups: Vec<u32> = (0..rows).collect();
        for same in hashes.chunk_by(|(a, _), (b, _)| a == b) {
            same.iter().for_each(|(_, row)| groups[*row as usize] = same[0].1);
        }
        groups
    }
}

impl Source {
    /// Reads the list a second time for the people on it: all rows with the same text in this column
    /// are one. A row where it is blank, or holds what databases write for nothing (`NULL`), is a
    /// person of its own.
    ///
    /// The column is named without regard to case and separators; its texts are compared as they
    /// stand, without blanks around them.
    ///
    /// Takes 24 bytes of memory for each row with an entry, until the people are made.
    ///
    /// # Errors
    /// As [`Source::amounts`] for the column and the file; [`Error::Misuse`] where one person has more
    /// than [`MAX_IDENTIFIERS`] identifiers.
    pub fn people(&self, column: &str, list: &ConsentedList, ranks: Ranks) -> Result<People> {
        let rows = RowSet::of(list);
        let mut keys = Keys::with_capacity(rows.len());
        self.each(column, &rows, |raw| {
            let text = raw.trim_ascii();
            keys.push((!super::cells::is_null(text)).then_some(text));
            Ok(())
        })?;
        let people = People::of_groups(list, ranks, &rows, keys.groups());
        people.map_err(|error| match error {
            Error::Misuse(what) => Error::Misuse(format!("{}: {what}", self.name())),
            error => error,
        })
    }

    /// Reads the list a second time for an amount of each person, as [`Source::amounts`] does: the sum
    /// of this column over the person's rows in which something was admitted, each row once.
    ///
    /// # Errors
    /// As [`Source::amounts`].
    pub fn amounts_of_people(
        &self,
        column: &str,
        list: &ConsentedList,
        people: &People,
    ) -> Result<Vec<u64>> {
        let rows = RowSet::of(list);
        let mut amounts = vec![0u64; people.len()];
        let mut owners = people.of_rows().iter();
        self.each(column, &rows, |raw| {
            let amount = super::data::amount(raw)?;
            if let Some(sum) = owners.next().and_then(|owner| amounts.get_mut(*owner as usize)) {
                *sum = sum.checked_add(amount).ok_or(super::data::TOO_MUCH)?;
            }
            Ok(())
        })?;
        Ok(amounts)
    }
}
