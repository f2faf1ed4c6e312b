//! What a room remembers of each counterparty: enough to see that a list differs too little from an earlier
//! one, and that keys change when they should.
//!
//! For 30 days, of every list that was matched with a counterparty, a table of
//! [a few kilobytes](super::difference) is kept, never the list. Our own lists go in by their match keys, so
//! they compare across all keys. The peer's lists go in as they arrive, under Ks and its key: they compare
//! as long as both stay, and a peer whose key changes before its time is refused, because nothing could be
//! compared then. All values are keyed with a secret of this folder.
//!
//! ```text
//! records/key             32 random bytes
//! records/lock            held by the process that matches
//! records/<hash>.record   one line of JSON, one line of its HMAC in hexadecimal
//! ```
//!
//! A record is on disk before the first PAIR ID leaves. One that is damaged refuses its counterparty.

use std::fs::{self, File, TryLockError};
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use hmac::{Hmac, KeyInit, Mac};
use jiff::{SignedDuration, Timestamp};
use rand::Rng;
use rand::rand_core::UnwrapErr;
use rand::rngs::SysRng;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::difference::{Difference, FEWEST, Table};
use super::key::Stamp;
use super::{MatchList, Run, mode};
use crate::error::{Error, InputError, Result, hex};
use crate::file::write_durable;
use crate::group::Encoding;

/// How long a list is remembered: as long as its matches are valid.
const KEPT: SignedDuration = SignedDuration::from_hours(24 * super::DAYS_VALID);

/// Most different lists of one side that are remembered, for each counterparty.
const MOST_LISTS: usize = 64;

/// The records of all counterparties of a room.
pub struct Records {
    folder: PathBuf,
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

/// The content of a record. Times are seconds of Unix time.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Record {
    format: String,
    version: u32,
    peer: String,
    /// The latest time that was seen. Time never runs backwards here.
    clock: i64,
    /// The newest Ks, by its digest, and when it was made.
    ks: Option<(String, i64)>,
    /// The peer's key, by its digest, and when it ends.
    their_key: Option<(String, i64)>,
    /// Our lists.
    ours: Vec<Noted>,
    /// The peer's.
    theirs: Vec<Noted>,
}

/// A list that was matched.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Noted {
    /// When last.
    at: i64,
    /// Under which keys it was seen; empty for one of our own.
    under: String,
    table: Table,
}

/// Why a list may not be matched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Refusal {
    /// It differs from an earlier one in so few entries.
    Close { entries: u64, only_removed: bool },
    /// There is none that something could have been taken out of.
    First,
    /// Too many different ones in a month.
    TooMany,
}

impl Records {
    /// Opens the records of a folder, or makes them, and keeps other processes out as long as this lives.
    ///
    /// # Errors
    /// [`Error::Record`] where another process has them, or their key is gone or damaged; [`Error::Io`].
    pub fn open(folder: &Path) -> Result<Records> {
        make(folder).map_err(Error::io(format!("making the folder {}", folder.display())))?;
        let lock = lock(folder)?;
        let key = key(folder)?;
        Ok(Records { folder: folder.to_owned(), key, turn: Mutex::default(), _lock: lock })
    }

    /// Whether our list may be matched with this counterparty, as far as that can be told before.
    ///
    /// # Errors
    /// [`Error::Input`] where it differs from an earlier one in fewer than 50 entries;
    /// [`Error::Record`], [`Error::Io`].
    pub fn check(&self, peer: &str, list: &MatchList, run: Run, now: Timestamp) -> Result<()> {
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        let mut record = self.load(peer)?.unwrap_or_else(|| Record::new(peer));
        record.advance(now);
        record.judge_ours(&self.own_table(list), run)
    }

    /// Judges both lists and remembers them. Once this returns, they are on disk.
    pub(crate) fn admit(&self, peer: &str, shown: &Shown<'_>, now: Timestamp) -> Result<()> {
        let ours = self.own_table(shown.ours);
        let theirs = self.their_table(shown.theirs);
        let under = format!("{}/{}", shown.ks.name(), shown.their_key.name());
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        let mut record = self.load(peer)?.unwrap_or_else(|| Record::new(peer));
        record.advance(now);
        record.judge_keys(shown)?;
        record.judge_ours(&ours, shown.run)?;
        record.judge_theirs(&under, &theirs, shown.run)?;
        record.note(shown, ours, (under, theirs));
        self.save(&record)
    }

    fn own_table(&self, list: &MatchList) -> Table {
        let keyed = self.keyed(b"own");
        let (identifiers, distinct) = (list.list().identifiers(), list.distinct());
        let value = |&index: &u32| value(&keyed, mode::digest(&identifiers[index as usize]));
        Table::of(distinct.par_iter().map(value).collect::<Vec<_>>())
    }

    fn their_table(&self, points: &[Encoding]) -> Table {
        let keyed = self.keyed(b"peer");
        Table::of(points.par_iter().map(|point| value(&keyed, &point.0)).collect::<Vec<_>>())
    }

    fn load(&self, peer: &str) -> Result<Option<Record>> {
        let path = self.path(peer);
        let bytes = match File::open(&path) {
            Err(e) if e.kind() == ErrorKind::NotFound => return Ok(None),
            file => file.and_then(|file| {
                let mut bytes = Vec::new();
                file.take(MAX_RECORD).read_to_end(&mut bytes).map(|_| bytes)
            }),
        };
        let bytes = bytes.map_err(Error::io(format!("reading {}", path.display())))?;
        let record = self.parse(&bytes).filter(|record| record.is_of(peer));
        let damaged = "is damaged, or not of this folder's key: nobody knows what was matched with this \
                       counterparty. Restore it; to forget it, remove it";
        record.map(Some).ok_or_else(|| problem(&path, damaged))
    }

    fn parse(&self, bytes: &[u8]) -> Option<Record> {
        let lines = bytes.strip_suffix(b"\n")?;
        let end = lines.iter().rposition(|&byte| byte == b'\n')?;
        let (json, tag) = (&lines[..end], &lines[end + 1..]);
        let expected = self.keyed(b"record").chain_update(json).finalize().into_bytes();
        // The record is of this machine; what its tag should be is no secret to whoever can change it.
        (hex(&expected).as_bytes() == tag).then(|| serde_json::from_slice(json).ok())?
    }

    fn save(&self, record: &Record) -> Result<()> {
        let json = serde_json::to_string(record).expect("a record has only text keys");
        let tag = self.keyed(b"record").chain_update(&json).finalize().into_bytes();
        write_durable(&self.path(&record.peer), format!("{json}\n{}\n", hex(&tag)).as_bytes())
    }

    fn keyed(&self, what: &[u8]) -> Hmac<Sha256> {
        let keyed = Hmac::<Sha256>::new_from_slice(&*self.key).expect("any key is long enough");
        keyed.chain_update(b"blindmatch-v2 pair records ").chain_update(what).chain_update([0])
    }

    fn path(&self, peer: &str) -> PathBuf {
        self.folder.join(hex(&Sha256::digest(peer)[..16]) + ".record")
    }
}

fn value(keyed: &Hmac<Sha256>, bytes: &[u8]) -> u64 {
    let tag = keyed.clone().chain_update(bytes).finalize().into_bytes();
    u64::from_le_bytes(*tag.first_chunk().expect("32 bytes"))
}

impl Record {
    fn new(peer: &str) -> Record {
        let (ours, theirs) = Default::default();
        Record {
            format: FORMAT.into(),
            version: VERSION,
            peer: peer.into(),
            clock: i64::MIN,
            ks: None,
            their_key: None,
            ours,
            theirs,
        }
    }

    fn is_of(&self, peer: &str) -> bool {
        self.format == FORMAT && self.version == VERSION && self.peer == peer
    }

    /// It is `now`, unless it was later already; what is older than a month is forgotten.
    fn advance(&mut self, now: Timestamp) {
        self.clock = self.clock.max(now.as_second());
        let from = self.clock.saturating_sub(KEPT.as_secs());
        self.ours.retain(|noted| noted.at > from);
        self.theirs.retain(|noted| noted.at > from);
    }

    /// Keys change at their time, and Ks never back.
    fn judge_keys(&self, shown: &Shown<'_>) -> Result<()> {
        let Shown { ks, their_key, .. } = shown;
        let differs =
            |field, ours: String, theirs: String| Err(Error::Incompatible { field, ours, theirs });
        if let Some((name, created)) = &self.ks
            && (*name != ks.name() && *created >= ks.created.as_second())
        {
            let ours = format!("{name}, which is as new or newer");
            return differs("Ks", ours, ks.name());
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

    fn judge_ours(&self, table: &Table, run: Run) -> Result<()> {
        let refused = match judge(&self.ours, "", table, run) {
            Ok(()) => return Ok(()),
            Err(refusal) => refusal,
        };
        let problem = match refused {
            Refusal::Close { entries, only_removed } => format!(
                "differs in {entries} entries from a list that was matched with this counterparty in the \
                 last 30 days; {}",
                match only_removed {
                    true => "as all of them were taken out, match with --opt-out",
                    false => "match it once it differs in 50 or more, or in none",
                }
            ),
            Refusal::First => NONE_BEFORE.into(),
            Refusal::TooMany => format!("is the {MOST_LISTS}th in 30 days; {TOO_MANY}"),
        };
        Err(InputError::List { list: "our list".into(), problem }.into())
    }

    fn judge_theirs(&self, under: &str, table: &Table, run: Run) -> Result<()> {
        let theirs = match judge(&self.theirs, under, table, run) {
            Ok(()) => return Ok(()),
            Err(Refusal::Close { entries, .. }) => entries.to_string(),
            // It may have matched other lists with us before we kept a record.
            Err(Refusal::First) => return Ok(()),
            Err(Refusal::TooMany) => {
                let (ours, theirs) = (format!("fewer than {MOST_LISTS}"), "more".into());
                return Err(Error::Incompatible { field: LISTS, ours, theirs });
            }
        };
        let ours = match run {
            Run::Match => format!("at least {FEWEST}, or none"),
            Run::OptOut => format!("at least {FEWEST}, or none but removals"),
        };
        Err(Error::Incompatible { field: DIFFERENCE, ours, theirs })
    }

    fn note(&mut self, shown: &Shown<'_>, ours: Table, theirs: (String, Table)) {
        let (ks, key) = (shown.ks, shown.their_key);
        self.ks = Some((ks.name(), ks.created.as_second()));
        self.their_key = Some((key.name(), key.expires.as_second()));
        note(&mut self.ours, self.clock, String::new(), ours);
        note(&mut self.theirs, self.clock, theirs.0, theirs.1);
    }
}

/// Compares a list with all before that can be compared.
fn judge(before: &[Noted], under: &str, table: &Table, run: Run) -> Result<(), Refusal> {
    let comparable = || before.iter().filter(|noted| noted.under == under);
    let mut known = false;
    for noted in comparable() {
        let Difference::Few { added, removed } = table.since(&noted.table) else { continue };
        let (entries, only_removed) = (added + removed, added == 0);
        known |= entries == 0;
        if entries > 0 && !(only_removed && run == Run::OptOut) {
            return Err(Refusal::Close { entries, only_removed });
        }
    }
    match run {
        Run::OptOut if comparable().next().is_none() => Err(Refusal::First),
        _ if !known && before.len() >= MOST_LISTS => Err(Refusal::TooMany),
        _ => Ok(()),
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

fn make(folder: &Path) -> std::io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

/// One process matches: two could each match a list that differs little from the other's.
fn lock(folder: &Path) -> Result<File> {
    let path = folder.join("lock");
    let file = File::options().create(true).truncate(false).write(true).open(&path);
    let file = file.map_err(Error::io(format!("writing {}", path.display())))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => {
            Err(problem(folder, "another process matches with this room; wait until it is done"))
        }
        Err(TryLockError::Error(e)) => Err(Error::io(format!("locking {}", path.display()))(e)),
    }
}

/// The folder's key; a fresh one where there are no records yet.
fn key(folder: &Path) -> Result<Zeroizing<[u8; 32]>> {
    let path = folder.join("key");
    match fs::read(&path).map(Zeroizing::new) {
        Ok(bytes) => match bytes.as_slice().try_into() {
            Ok(key) => Ok(Zeroizing::new(key)),
            Err(_) => Err(problem(&path, "is damaged; restore it")),
        },
        Err(e) if e.kind() == ErrorKind::NotFound => {
            let entries = fs::read_dir(folder).map_err(Error::io("reading the records"))?;
            let is_record =
                |entry: fs::DirEntry| entry.path().extension() == Some("record".as_ref());
            if entries.flatten().any(is_record) {
                let gone =
                    "is gone, and the records beside it cannot be read without it; restore it";
                return Err(problem(&path, gone));
            }
            let mut key = Zeroizing::new([0; 32]);
            UnwrapErr(SysRng).fill_bytes(&mut *key);
            write_durable(&path, &*key)?;
            Ok(key)
        }
        Err(e) => Err(Error::io(format!("reading {}", path.display()))(e)),
    }
}

fn problem(path: &Path, problem: &str) -> Error {
    Error::Record { place: path.display().to_string(), problem: problem.into() }
}

const FORMAT: &str = "blindmatch-pair-record";
const VERSION: u32 = 1;

/// More than a record can have: two times [`MOST_LISTS`] tables.
const MAX_RECORD: u64 = 1 << 22;

const DIFFERENCE: &str = "difference to an earlier list";
const LISTS: &str = "number of lists in 30 days";
const NONE_BEFORE: &str = "was not matched with this counterparty in the last 30 days, so there is nothing \
    to take opt-outs out of; match without --opt-out";
const TOO_MANY: &str = "come again when the first of them is 30 days old";
