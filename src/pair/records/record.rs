//! What is remembered of one counterparty, and what it allows.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::{KEPT, Peer, Seen};
use crate::error::{Error, InputError, Result};
use crate::pair::Run;
use crate::pair::difference::{Difference, FEWEST, Table};
use crate::pair::evidence::Channel;
use crate::pair::folder::Owner;
use crate::pair::key::later;
use crate::pair::refusal::Refusal;

/// The content of a record. Times are seconds of Unix time.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Record {
    pub(super) format: String,
    pub(super) version: u32,
    pub(super) peer: String,
    #[serde(default)]
    pub(super) channel: Channel,
    /// The latest time that was seen. Time never runs backwards here.
    pub(super) clock: i64,
    /// The newest Ks, by its digest, and when it was made.
    pub(super) ks: Option<(String, i64)>,
    /// The peer's key, by its digest, and when it ends.
    pub(super) their_key: Option<(String, i64)>,
    /// Keys of both by digest, and when they were made.
    #[serde(default)]
    pub(super) keys: BTreeMap<String, i64>,
    /// Our lists that were matched.
    pub(super) ours: Vec<Noted>,
    /// The peer's.
    pub(super) theirs: Vec<Noted>,
    /// The last match, which opt-outs can be taken out of.
    #[serde(default)]
    pub(super) matched: Option<Matched>,
    /// When that was done last.
    #[serde(default)]
    pub(super) opt_out: Option<i64>,
}

/// A list that was matched.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Noted {
    /// When last.
    pub(super) at: i64,
    /// Under which keys it was seen; empty for one of our own.
    pub(super) under: String,
    pub(super) table: Table,
}

/// A match, with a rate.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Matched {
    pub(super) at: i64,
    /// The same by the session's own clock, which its end was counted from.
    pub(super) by: i64,
    /// Under which keys the peer's list was seen.
    pub(super) under: String,
    /// The tag of the file that has the lists.
    pub(super) lists: String,
}

/// Why a list may not be matched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Close {
    /// It differs from an earlier one in so few entries.
    Few { entries: u64, only_removed: bool },
    /// Too many different ones in a month.
    TooMany,
}

impl Record {
    pub(super) fn new(peer: &Peer) -> Record {
        let (ours, theirs) = Default::default();
        Record {
            format: FORMAT.into(),
            version: VERSION,
            peer: peer.name.clone(),
            channel: peer.channel,
            clock: i64::MIN,
            ks: None,
            their_key: None,
            keys: BTreeMap::new(),
            ours,
            theirs,
            matched: None,
            opt_out: None,
        }
    }

    pub(super) fn is_of(&self, peer: &str) -> bool {
        self.format == FORMAT && self.version == VERSION && self.peer == peer
    }

    /// It is `now`, unless it was later already; what is older than a month is forgotten.
    pub(super) fn advance(&mut self, now: Timestamp) {
        self.clock = self.clock.max(now.as_second());
        let from = self.clock.saturating_sub(KEPT.as_secs());
        self.ours.retain(|noted| noted.at > from);
        self.theirs.retain(|noted| noted.at > from);
        self.matched.take_if(|matched| matched.at <= from);
    }

    pub(super) fn judge(&self, seen: &Seen, owner: Owner) -> Result<()> {
        self.judge_keys(seen)?;
        match seen.run {
            Run::OptOut => self.judge_opt_out(owner).map(drop),
            Run::Match => {
                self.judge_ours(&seen.ours.table, owner)?;
                self.judge_theirs(&seen.under(), &seen.theirs.table)
            }
        }
    }

    /// Keys keep their dates, change at their time, and Ks never back.
    fn judge_keys(&self, seen: &Seen) -> Result<()> {
        let Seen { ks, their_key, .. } = seen;
        let differs =
            |field, ours: String, theirs: String| Err(Error::Incompatible { field, ours, theirs });
        for stamp in [ks, their_key] {
            if let Some(&made) = self.keys.get(&stamp.name())
                && made != stamp.created.as_second()
            {
                let made = Timestamp::from_second(made).unwrap_or(Timestamp::MIN);
                let ours = format!("{} is known, made at {made}", stamp.name());
                return differs("a key's date", ours, stamp.created.to_string());
            }
        }
        // Dates are whole seconds: a new Ks may have that of the one it replaced.
        if let Some((name, created)) = &self.ks
            && *name != ks.name()
            && (*created > ks.created.as_second() || self.keys.contains_key(&ks.name()))
        {
            return differs("Ks", format!("{name}, which is newer"), ks.name());
        }
        if let Some((name, expires)) = &self.their_key
            && (*name != their_key.name() && *expires > self.clock)
        {
            let expires = Timestamp::from_second(*expires).unwrap_or(Timestamp::MAX);
            let ours = format!("{name}, known and good until {expires}");
            return differs("the peer's key", ours, their_key.name());
        }
        Ok(())
    }

    pub(super) fn judge_ours(&self, table: &Table, owner: Owner) -> Result<()> {
        let (refusal, problem) = match compare(&self.ours, "", table) {
            Ok(()) => return Ok(()),
            Err(Close::Few { entries, only_removed }) => {
                let s = if entries == 1 { "y" } else { "ies" };
                let remedy = match only_removed {
                    true => "as all of them were taken out, match with --opt-out",
                    false => "match it once it differs in 50 or more, or in none",
                };
                let problem = format!(
                    "differs in {entries} entr{s} from a list that was matched with this counterparty in \
                     the last 30 days; {remedy}"
                );
                (Refusal::Difference, problem)
            }
            Err(Close::TooMany) => {
                (Refusal::Lists, format!("is number {} in 30 days; {TOO_MANY}", MOST_LISTS + 1))
            }
        };
        Err(refusal.of(owner, InputError::List { list: OUR_LIST.into(), problem }.into()))
    }

    fn judge_theirs(&self, under: &str, table: &Table) -> Result<()> {
        let (field, ours, theirs) = match compare(&self.theirs, under, table) {
            Ok(()) => return Ok(()),
            Err(Close::Few { entries, .. }) => {
                (DIFFERENCE, format!("at least {FEWEST}, or none"), entries.to_string())
            }
            Err(Close::TooMany) => {
                (LISTS, format!("at most {MOST_LISTS}"), "one more than that".to_owned())
            }
        };
        Err(Error::Incompatible { field, ours, theirs })
    }

    /// The match that opt-outs may be taken out of now.
    pub(super) fn judge_opt_out(&self, owner: Owner) -> Result<&Matched> {
        let input = |problem: String| InputError::List { list: OUR_LIST.into(), problem }.into();
        let Some(matched) = &self.matched else {
            return Err(Refusal::NoMatch.of(owner, input(NONE_BEFORE.into())));
        };
        let last = self.opt_out.map(|at| Timestamp::from_second(at).unwrap_or(Timestamp::MIN));
        match last.map(|at| later(at, BETWEEN_OPT_OUTS)) {
            Some(again) if self.clock < again.as_second() => {
                let problem = format!(
                    "had opt-outs taken out of its match with this counterparty within a day; once a day is \
                     the most, so come again at {again}"
                );
                Err(Refusal::OptOut.of(owner, input(problem)))
            }
            _ => Ok(matched),
        }
    }

    pub(super) fn note(&mut self, seen: &Seen, lists: String, now: Timestamp) {
        self.note_keys(seen);
        note(&mut self.ours, self.clock, String::new(), seen.ours.table.clone());
        note(&mut self.theirs, self.clock, seen.under(), seen.theirs.table.clone());
        let (at, by) = (self.clock, now.as_second());
        self.matched = Some(Matched { at, by, under: seen.under(), lists });
    }

    /// What is left of the match's lists takes their place; when it was, and so when it ends, stays.
    pub(super) fn note_opt_out(&mut self, seen: &Seen, lists: String) {
        self.note_keys(seen);
        self.opt_out = Some(self.clock);
        if let Some(matched) = &mut self.matched {
            (matched.under, matched.lists) = (seen.under(), lists);
        }
    }

    pub(super) fn note_keys(&mut self, seen: &Seen) {
        let (ks, key) = (seen.ks, seen.their_key);
        self.ks = Some((ks.name(), ks.created.as_second()));
        self.their_key = Some((key.name(), key.expires.as_second()));
        for stamp in [ks, key] {
            self.keys.insert(stamp.name(), stamp.created.as_second());
        }
        // Whoever has a new key for every session is refused above; this bounds the file all the same.
        while self.keys.len() > MOST_KEYS {
            let oldest = self.keys.iter().min_by_key(|(_, made)| **made);
            let Some(name) = oldest.map(|(name, _)| name.clone()) else { break };
            self.keys.remove(&name);
        }
    }
}

/// Compares a list with all before that can be compared.
fn compare(before: &[Noted], under: &str, table: &Table) -> Result<(), Close> {
    let mut known = false;
    for noted in before.iter().filter(|noted| noted.under == under) {
        match table.since(&noted.table) {
            Difference::Many => {}
            Difference::Few { added: 0, removed: 0 } => known = true,
            Difference::Few { added, removed } => {
                return Err(Close::Few { entries: added + removed, only_removed: added == 0 });
            }
        }
    }
    match !known && before.len() >= MOST_LISTS {
        true => Err(Close::TooMany),
        false => Ok(()),
    }
}

impl Matched {
    /// When it was. Its end is counted from the earlier of both clocks.
    pub(super) fn since(&self) -> Timestamp {
        Timestamp::from_second(self.at.min(self.by)).unwrap_or(Timestamp::MIN)
    }
}

/// How many of a list do not stand in another; both are sorted.
fn added(list: &[u64], other: &[u64]) -> usize {
    list.iter().filter(|value| other.binary_search(value).is_err()).count()
}

/// Whether all of a list stands in another; both are sorted.
pub(super) fn stand_in(list: &[u64], other: &[u64]) -> bool {
    added(list, other) == 0
}

/// Whether nothing stands in a list of the peer's that did not in what was left of the match's. Under other
/// keys than that one's only their lengths can be compared.
pub(super) fn judge_removals(theirs: &[u64], matched: &[u64], same_keys: bool) -> Result<()> {
    let added = match same_keys {
        true => added(theirs, matched),
        false => theirs.len().saturating_sub(matched.len()),
    };
    match added {
        0 => Ok(()),
        _ => {
            let (ours, theirs) = ("nothing but removals".into(), format!("{added} added"));
            Err(Error::Incompatible { field: DIFFERENCE, ours, theirs })
        }
    }
}

/// Remembers a list, once.
fn note(before: &mut Vec<Noted>, at: i64, under: String, table: Table) {
    let same = |noted: &&mut Noted| noted.under == under && noted.table == table;
    match before.iter_mut().find(same) {
        Some(noted) => noted.at = at,
        None => before.push(Noted { at, under, table }),
    }
}

/// Most different lists of one side that are remembered, for each counterparty.
pub(super) const MOST_LISTS: usize = 64;

/// Most keys that are remembered, for each counterparty: those of many years.
const MOST_KEYS: usize = 1024;

/// How long it takes until opt-outs are taken out of a match again: a day, less an hour for jobs that start
/// at the same time every day, but not at the same second.
const BETWEEN_OPT_OUTS: SignedDuration = SignedDuration::from_hours(23);

const FORMAT: &str = "blindmatch-pair-record";
const VERSION: u32 = 1;

const DIFFERENCE: &str = "difference to an earlier list";
const LISTS: &str = "number of lists in 30 days";
const OUR_LIST: &str = "our list";
const NONE_BEFORE: &str = "was not matched with this counterparty in the last 30 days, so there is nothing \
    to take opt-outs out of; match without --opt-out";
const TOO_MANY: &str = "come again when the first of them is 30 days old";
