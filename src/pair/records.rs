//! What a room remembers of each counterparty: enough to see that a list differs too little from an earlier
//! one, and that keys change when they should.
//!
//! For 30 days, of every list that was matched with a counterparty, a table of
//! [a few kilobytes](super::difference) is kept, never the list. Our own lists go in by their match keys, so
//! they compare across all keys. The peer's lists go in as they arrive, under Ks and its key: they compare
//! as long as both stay, and a peer whose key changes before its time is refused, because nothing could be
//! compared then. All values are keyed with a secret of this folder.
//!
//! Of the last match, both lists are kept by 64 bits of a keyed hash of each entry: opt-outs are taken out of
//! that match, so nothing else may take part, and what is left of both lists then takes their place: whoever
//! was taken out stays out until the next match. Whoever has the folder can try whether somebody stands there;
//! so they can with the list itself. Such runs are not compared with. There is one a day.
//!
//! ```text
//! records/key                  32 random bytes
//! records/lock                 held by the process that matches
//! records/<hash>.record        one line of JSON, one line of its HMAC in hexadecimal
//! records/<hash>-<tag>.lists   the lists of the last match; the record has the whole tag
//! ```
//!
//! A session is judged once the peer's list is through, and its record is on disk before the first PAIR ID
//! leaves, but only once the peer has committed to its own PAIR IDs: one that refuses the session says so
//! before, and a session that was refused is no match. A record that is damaged refuses its counterparty.

mod lists;
mod record;

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use hmac::{Hmac, KeyInit, Mac};
use jiff::{SignedDuration, Timestamp};
use rayon::prelude::*;
use sha2::Sha256;
use tracing::warn;
use zeroize::Zeroizing;

use super::difference::Table;
use super::evidence::Channel;
use super::folder::Owner;
use super::key::{Stamp, later};
use super::refusal::Refusal;
use super::{MatchList, OptOut, Run, mode};
use crate::error::{Error, Result};
use crate::file::{make_private, try_lock, write_durable};
use crate::group::Encoding;
use crate::sealed::{self, RECORD, names, problem, stem};

use lists::Values;
use record::{Matched, Record, judge_removals, stand_in};

/// How long a list is remembered: as long as its matches are valid.
const KEPT: SignedDuration = SignedDuration::from_hours(24 * super::DAYS_VALID);

/// The records of all counterparties of a room.
pub struct Records {
    folder: PathBuf,
    owner: Owner,
    key: Zeroizing<[u8; 32]>,
    /// Records change one at a time.
    turn: Mutex<()>,
    _lock: File,
}

impl std::fmt::Debug for Records {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Records").field("folder", &self.folder).finish_non_exhaustive()
    }
}

/// What a room calls a counterparty.
#[derive(Clone, Debug)]
pub(crate) struct Peer {
    /// The fingerprint of its identity, over a network; the identifier of its room, within one process.
    pub(crate) name: String,
    pub(crate) channel: Channel,
}

/// What a session shows before PAIR IDs leave.
pub(crate) struct Shown<'a> {
    pub(crate) run: Run,
    pub(crate) ours: &'a MatchList,
    /// The peer's list, as it arrived.
    pub(crate) theirs: &'a [Encoding],
    pub(crate) ks: Stamp,
    /// The peer's Ka or Kp.
    pub(crate) their_key: Stamp,
}

/// The same, with lists by values that say nothing without the folder's key.
pub(crate) struct Seen {
    run: Run,
    ours: Values,
    theirs: Values,
    ks: Stamp,
    their_key: Stamp,
}

/// What may take part of our list where opt-outs are taken out of a match.
#[derive(Debug)]
pub(crate) struct Remaining {
    /// Those of the list's entries that stood in the match's, as [`MatchList`] numbers them.
    pub(crate) distinct: Vec<u32>,
    pub(crate) opt_out: OptOut,
}

impl Records {
    /// Opens the records of a room's folder, or makes them, and keeps other processes out as long as this
    /// lives.
    ///
    /// # Errors
    /// [`Error::Record`] where another process has them, or their key is gone or damaged; [`Error::Io`].
    pub fn open(folder: &Path, owner: Owner) -> Result<Records> {
        make_private(folder)
            .map_err(Error::io(format!("making the folder {}", folder.display())))?;
        let lock = lock(folder)?;
        let key = match sealed::read_key(folder, "is damaged; restore it")? {
            Some(key) => key,
            None => sealed::make_key(folder, GONE)?,
        };
        let (folder, turn) = (folder.to_owned(), Mutex::default());
        let records = Records { folder, owner, key, turn, _lock: lock };
        records.sweep()?;
        Ok(records)
    }

    /// That this room matched in no other way in the last 30 days, and that lists of longer ago are removed. A
    /// counterparty has two names in the two, and
    /// lists that were matched under one would not be compared with those under the other.
    ///
    /// # Errors
    /// [`Error::Declined`] for [`Error::Record`] where it did; [`Error::Io`].
    pub(crate) fn expect_channel(&self, channel: Channel, now: Timestamp) -> Result<()> {
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        for name in names(&self.folder)?.iter().filter(|name| name.ends_with(RECORD)) {
            // One that is damaged refuses its own counterparty.
            let bytes = sealed::read(&self.folder.join(name), MAX_RECORD)?;
            let Some(mut record) = bytes.and_then(|bytes| self.parse(&bytes)) else { continue };
            record.advance(now);
            if record.matched.is_none() {
                self.remove_other_lists(&record)?;
            }
            let last = record.ours.iter().map(|noted| noted.at).max();
            if let Some(last) = last.filter(|_| record.channel != channel) {
                return Err(self.other_channel(record.channel, last));
            }
        }
        Ok(())
    }

    fn other_channel(&self, channel: Channel, last: i64) -> Error {
        let until = later(Timestamp::from_second(last).unwrap_or(Timestamp::MAX), KEPT);
        let way = match channel {
            Channel::Tls => "over the network (`blindmatch pair connect` and `serve`)",
            Channel::OneProcess => "within one process (`blindmatch pair match`)",
        };
        let text = format!(
            "this room has matched {way} in the last 30 days, and lists that are matched in both ways cannot be \
             compared; match in that way, or take another room, or come again at {until}"
        );
        Refusal::Room.of(self.owner, problem(&self.folder, &text))
    }

    /// Whether our list may be matched with this counterparty, as far as that can be told before.
    ///
    /// # Errors
    /// [`Error::Declined`] for [`Error::Input`] where it differs from an earlier one in fewer than 50
    /// entries, or for [`Error::Record`]; [`Error::Io`].
    pub(crate) fn check(&self, peer: &Peer, list: &MatchList, now: Timestamp) -> Result<()> {
        let ours = Table::of(self.own_values(list));
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        self.record(peer, now)?.judge_ours(&ours, self.owner)
    }

    /// What may take part of our list where opt-outs are taken out of the last match with this
    /// counterparty: what stood in that match's list.
    ///
    /// # Errors
    /// [`Error::Declined`] for [`Error::Input`] without a match in the last 30 days, or where this was done
    /// within a day, or for [`Error::Record`]; [`Error::Io`].
    pub(crate) fn remaining(
        &self,
        peer: &Peer,
        list: &MatchList,
        now: Timestamp,
    ) -> Result<Remaining> {
        let values = self.own_values(list);
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        let record = self.record(peer, now)?;
        let matched = record.judge_opt_out(self.owner)?;
        let [ours, _] = self.lists(peer, matched)?;
        let stood = |value: &u64| ours.binary_search(value).is_ok();
        let entries = list.distinct().iter().zip(&values);
        let distinct: Vec<u32> =
            entries.filter(|(_, value)| stood(value)).map(|(&index, _)| index).collect();
        let opt_out = OptOut {
            matched: matched.since(),
            left_out: (list.len() - distinct.len()) as u64,
            taken_out: ours.len().saturating_sub(distinct.len()) as u64,
        };
        Ok(Remaining { distinct, opt_out })
    }

    /// Both lists of a session, as they are judged and remembered. Takes 8 bytes an entry.
    pub(crate) fn see(&self, shown: &Shown<'_>) -> Seen {
        let &Shown { run, ours, theirs, ks, their_key } = shown;
        let keyed = self.keyed(b"peer");
        let theirs = theirs.par_iter().map(|point| value(&keyed, &point.0)).collect();
        let [ours, theirs] = [self.own_values(ours), theirs].map(Values::of);
        Seen { run, ours, theirs, ks, their_key }
    }

    /// Whether a session may go on. Remembers nothing: the peer may refuse it still.
    ///
    /// # Errors
    /// Those of [`check`](Self::check) and [`remaining`](Self::remaining); [`Error::Incompatible`] for keys
    /// or a list of the peer's.
    pub(crate) fn judge(&self, peer: &Peer, seen: &Seen, now: Timestamp) -> Result<()> {
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        let record = self.record(peer, now)?;
        self.judge_by(&record, peer, seen)
    }

    fn judge_by(&self, record: &Record, peer: &Peer, seen: &Seen) -> Result<()> {
        record.judge(seen, self.owner)?;
        let (Run::OptOut, Some(matched)) = (seen.run, &record.matched) else { return Ok(()) };
        let [ours, theirs] = self.lists(peer, matched)?;
        if !stand_in(&seen.ours.sorted, &ours) {
            // Another session matched meanwhile.
            return Err(Refusal::OptOut.of(self.owner, problem(&self.path(&peer.name), CHANGED)));
        }
        judge_removals(&seen.theirs.sorted, &theirs, matched.under == seen.under())
    }

    /// Judges again, as sessions run side by side, and remembers the session. Once this returns, that is on
    /// disk. After opt-outs the lists are what is left of them: nobody comes back before the next match.
    ///
    /// # Errors
    /// Those of [`judge`](Self::judge).
    pub(crate) fn admit(&self, peer: &Peer, seen: &Seen, now: Timestamp) -> Result<()> {
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        let mut record = self.record(peer, now)?;
        self.judge_by(&record, peer, seen)?;
        let lists = self.save_lists(peer, [&seen.ours.sorted, &seen.theirs.sorted])?;
        match seen.run {
            Run::OptOut => record.note_opt_out(seen, lists),
            Run::Match => record.note(seen, lists, now),
        }
        self.save(&record)?;
        if let Err(error) = self.remove_other_lists(&record) {
            warn!(%error, "lists that are of no more use stay; they go with the next session");
        }
        Ok(())
    }

    /// A value for each match key, in the order of the list.
    fn own_values(&self, list: &MatchList) -> Vec<u64> {
        let keyed = self.keyed(b"own");
        let (identifiers, distinct) = (list.list().identifiers(), list.distinct());
        let value = |&index: &u32| value(&keyed, mode::digest(&identifiers[index as usize]));
        distinct.par_iter().map(value).collect()
    }

    /// The record of a counterparty as it is now.
    fn record(&self, peer: &Peer, now: Timestamp) -> Result<Record> {
        let mut record = self.load(peer)?.unwrap_or_else(|| Record::new(peer));
        record.advance(now);
        Ok(record)
    }

    fn load(&self, peer: &Peer) -> Result<Option<Record>> {
        let path = self.path(&peer.name);
        let Some(bytes) = sealed::read(&path, MAX_RECORD)? else { return Ok(None) };
        let record = self.parse(&bytes).filter(|record| record.is_of(&peer.name));
        let damaged = "is damaged, or not of this folder's key: nobody knows what was matched with this \
                       counterparty. Restore it; to forget it, remove it";
        let damaged = || Refusal::Room.of(self.owner, problem(&path, damaged));
        record.map(Some).ok_or_else(damaged)
    }

    fn parse(&self, bytes: &[u8]) -> Option<Record> {
        sealed::unseal(self.keyed(b"record"), bytes)
    }

    fn save(&self, record: &Record) -> Result<()> {
        let sealed = sealed::seal(self.keyed(b"record"), record);
        write_durable(&self.path(&record.peer), sealed.as_bytes())
    }

    fn keyed(&self, what: &[u8]) -> Hmac<Sha256> {
        let keyed = Hmac::<Sha256>::new_from_slice(&*self.key).expect("any key is long enough");
        keyed.chain_update(b"blindmatch-v2 pair records ").chain_update(what).chain_update([0])
    }

    fn path(&self, peer: &str) -> PathBuf {
        self.folder.join(stem(peer) + RECORD)
    }
}

fn value(keyed: &Hmac<Sha256>, bytes: &[u8]) -> u64 {
    let tag = keyed.clone().chain_update(bytes).finalize().into_bytes();
    u64::from_le_bytes(*tag.first_chunk().expect("32 bytes"))
}

impl Seen {
    /// The keys that the peer's list was seen under.
    fn under(&self) -> String {
        format!("{}/{}", self.ks.name(), self.their_key.name())
    }
}

/// One process matches: two could each match a list that differs little from the other's.
fn lock(folder: &Path) -> Result<File> {
    let busy = || problem(folder, "another process matches with this room; wait until it is done");
    try_lock(&folder.join("lock"))?.ok_or_else(busy)
}

/// More than a record can have: two times [`MOST_LISTS`](record::MOST_LISTS) tables.
const MAX_RECORD: u64 = 1 << 22;

const GONE: &str = "is gone, and the records beside it cannot be read without it; restore it";

const CHANGED: &str =
    "another session with this counterparty matched meanwhile; take the opt-outs out once more";
