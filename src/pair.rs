//! PAIR between two clean rooms, as the IAB Tech Lab standardised it (Publisher Advertiser Identity
//! Reconciliation, version 1.1), byte-compatible with the one published mode of it.
//!
//! The advertiser's room ends up with the *Publisher Identifiers* of the people that both lists hold, for the
//! buying platform; the publisher's room with the Publisher Identifier of each of its own people, for its bid
//! requests. Neither client learns who matched: each is told a [`Rate`], in whole percents.
//!
//! - [`mode`]: how a match key becomes a point and a Publisher Identifier;
//! - [`key`]: Ks, Ka, Kp, their dates and files; [`folder`]: a room's keys on disk, and their rotation;
//! - [`room`](crate::protocol::pair): the protocol between the rooms, and who learns what of it;
//! - [`records`]: lists that differ too little from earlier ones;
//! - [`rate`]: match rates; [`files`]: what clients and buying platforms get;
//! - [`evidence`]: what a run did for the standard's four design goals.
//!
//! `docs/pair.md` has the choices that the standard leaves open, the file formats, and sources.
//!
//! ```
//! use std::sync::Arc;
//! use std::sync::atomic::AtomicBool;
//! use blindmatch::bench::workload;
//! use blindmatch::pair::folder::{Owner, Room};
//! use blindmatch::pair::{MatchList, Run, Side};
//! use blindmatch::session;
//! use jiff::Timestamp;
//!
//! let (folder, now) = (tempfile::tempdir().unwrap(), Timestamp::now());
//! let rooms = [("adv", Owner::Advertiser), ("pub", Owner::Publisher)]
//!     .map(|(name, owner)| Room::create(&folder.path().join(name), owner, now));
//! let [advertiser, publisher] = rooms;
//! let ours = MatchList::new(workload::people(0..1500)?);
//! let theirs = MatchList::new(workload::people(1000..3000)?);
//! let lists = [Arc::new(ours), Arc::new(theirs)];
//! let sides = Side::both([&advertiser?, &publisher?], lists, Run::Match, now)?;
//! let sessions = sides.map(|side| side.session(|_| {}).expect("settings that PAIR takes"));
//! let [advertiser, publisher] = session::in_turn(sessions, &AtomicBool::new(false))?;
//!
//! let (ours, theirs) = (advertiser.answer.pair.unwrap(), publisher.answer.pair.unwrap());
//! assert_eq!(ours.publisher_ids.map(|ids| ids.len()), Some(500));
//! assert_eq!((ours.rate.unwrap().to_string(), theirs.publisher_ids), ("33%".into(), None));
//! assert_eq!(theirs.rate.unwrap().to_string(), "25%");
//! # Ok::<(), blindmatch::Error>(())
//! ```

pub mod difference;
pub mod evidence;
pub mod files;
pub mod folder;
pub mod key;
pub mod mode;
pub mod rate;
pub mod records;
pub mod refusal;
mod side;

use std::sync::Arc;

use jiff::Timestamp;
use rayon::prelude::*;

use crate::consent::ConsentedList;

pub use difference::FEWEST;
pub use mode::PublisherId;
pub use rate::Rate;
pub(crate) use side::Keys;
pub use side::Side;

/// The fewest entries of a list, on both sides, before anything is matched; and of one's own list the fewest
/// rows that have one.
pub const LEAST_ENTRIES: u64 = 1000;

/// Days that a match is valid, and that Publisher Identifiers of retired keys stay in use.
pub const DAYS_VALID: i64 = 30;

/// What a session is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Run {
    /// A match.
    #[default]
    Match,
    /// Taking people who opted out, on either side, out of the last match: of each list only what stood in
    /// that match's takes part, and nobody is told a match rate. Once a day at most.
    OptOut,
}

/// What a run that takes out opt-outs did with our list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OptOut {
    /// When the match was that they were taken out of.
    pub matched: Timestamp,
    /// Entries of our list that did not take part, as they were not in that match.
    pub left_out: u64,
    /// Entries of that match's list that are not on ours any more.
    pub taken_out: u64,
}

impl Run {
    /// Its name in evidence and errors.
    pub fn name(self) -> &'static str {
        match self {
            Run::Match => "match",
            Run::OptOut => "opt-out",
        }
    }
}

/// A consented list by its match keys: digests, whatever kind of identifier they are of.
#[derive(Debug)]
pub struct MatchList {
    list: Arc<ConsentedList>,
    /// One index for each match key, in the order of the list.
    distinct: Vec<u32>,
    /// Rows that these stand in.
    rows: u64,
}

impl MatchList {
    /// Of a list that passed the consent gate. Takes 4 bytes of memory an entry, and 4 for each time that one
    /// stands in the list while this runs.
    ///
    /// A digest that stands as an e-mail address and as a phone number, which only a list of digests can
    /// bring about, is one match key.
    pub fn new(list: Arc<ConsentedList>) -> MatchList {
        let identifiers = list.identifiers();
        // Sorted by kind, then digest.
        let parts: Vec<_> =
            identifiers.chunk_by(|a, b| a.as_bytes()[0] == b.as_bytes()[0]).collect();
        let before = |number: usize, digest: &[u8]| {
            let found =
                |part: &&[_]| part.binary_search_by(|i| mode::digest(i).cmp(digest)).is_ok();
            parts.iter().take(number).any(found)
        };
        let numbered = parts.iter().enumerate();
        let kinds = numbered.flat_map(|(number, part)| std::iter::repeat_n(number, part.len()));
        let entries = identifiers.iter().zip(kinds).zip(0..);
        let new = entries.filter(|((i, number), _)| !before(*number, mode::digest(i)));
        let distinct = new.map(|(_, index)| index).collect();
        MatchList::of(list, distinct)
    }

    fn of(list: Arc<ConsentedList>, distinct: Vec<u32>) -> MatchList {
        let rows_of = |&index: &u32| list.occurrences(index as usize).iter().map(|at| at.row);
        let mut rows: Vec<u32> = distinct.iter().flat_map(rows_of).collect();
        rows.par_sort_unstable();
        rows.dedup();
        let rows = rows.len() as u64;
        MatchList { list, distinct, rows }
    }

    /// Rows with a match key that takes part: the nearest to people that a list has. Of a digest of two kinds
    /// the rows of one count.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// Number of match keys: the size that the peer sees.
    pub fn len(&self) -> usize {
        self.distinct.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.distinct.is_empty()
    }

    /// The list.
    pub fn list(&self) -> &Arc<ConsentedList> {
        &self.list
    }

    pub(crate) fn distinct(&self) -> &[u32] {
        &self.distinct
    }

    /// The same list with these of its match keys alone.
    pub(crate) fn only(&self, distinct: Vec<u32>) -> MatchList {
        MatchList::of(Arc::clone(&self.list), distinct)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::consent::{Candidate, Gate, Policy, Purpose, Purposes, Record};
    use crate::identifier::{Identifier, Kind, Profile};

    #[test]
    fn a_digest_of_two_kinds_is_one_match_key() {
        let purpose = Purpose::TARGETED_ADVERTISING;
        let policy = Policy::new(purpose, jiff::Timestamp::UNIX_EPOCH).unwrap();
        let mut gate = Gate::new(policy, Profile::Pair);
        let record = Record { purposes: Purposes::parse(purpose.name()), ..Record::default() };
        let candidate = |(kind, byte), row| Candidate {
            identifier: Identifier::from_digest(kind, [byte; 32]),
            row,
            column: 0,
            record: record.clone(),
        };
        let all = [(Kind::Phone, 1), (Kind::Email, 1), (Kind::Email, 2), (Kind::Phone, 3)];
        gate.offer(all.into_iter().zip(0..).map(|(id, row)| candidate(id, row)).collect()).unwrap();
        let list = MatchList::new(Arc::new(gate.finish()));
        assert_eq!((list.len(), list.list().len(), list.rows()), (3, 4, 3));
        assert_eq!(list.only(vec![2, 3]).rows(), 2);
        let digests =
            list.distinct().iter().map(|&i| list.list.identifiers()[i as usize].as_bytes()[1]);
        assert_eq!(digests.collect::<Vec<_>>(), [1, 2, 3]);
    }
}
