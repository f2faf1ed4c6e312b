//! Query budgets: how much one peer may ask, remembered across sessions, restarts and crashes.
//!
//! Whoever may match again and again learns members one by one: each element that is asked about is a
//! question whether somebody is on the list. So a platform keeps a small record for each peer key, and
//! refuses what goes beyond its [`Policy`]: sessions in a period, elements in a period, epsilon of
//! noise, and lists that overlap.
//!
//! # Epsilon
//!
//! Where answers have [noise](crate::protocol::noise), repeated questions average it away, and epsilon counts
//! how far: a session takes the one that was agreed on, whatever it comes to, also where the answer is
//! withheld. All answers of a period are then differentially private together, with
//! [`Policy::max_epsilon`]; and two periods with twice that. A session without noise would undo it: where
//! the folder has served one to the peer in this period, under whatever policy, nothing more is answered
//! until the next. What another folder has served is not known here: keep one for each list.
//!
//! # When a session is charged
//!
//! Once terms are agreed on, before anything that depends on a list but its length leaves, for all elements
//! that the peer announced; and the record is on disk before the session goes on. (Lengths are in the
//! greeting, which terms are compared by: any peer that is trusted may ask for it as often as it likes.) So
//!
//! - a session that is aborted, cut or crashes is charged like any other: reconnecting gains nothing.
//!   Nothing is ever given back, even where the trouble was ours;
//! - a process that is killed at any instant has charged at least what it answered;
//! - of sessions at once, each is charged in turn, and one process at a time may charge (a lock on
//!   the folder);
//! - time never runs backwards: a clock that is turned back begins no new period, and one that was
//!   ahead for a while leaves the period as it is until the clock has caught up;
//! - a record that is damaged, or a key that is gone, is an error that names the file, and the peer
//!   is refused until somebody repairs it. Removing a record forgets what the peer has used: that is
//!   the way to reset one, and whoever can write to the folder can.
//!
//! Periods follow one another, the first from a peer's first session on, each next one from the first
//! session after. A peer can use two budgets in a row around the end of one.
//!
//! # What is remembered
//!
//! The fingerprint of the peer's key, counts and times. No identifier and no list; where overlaps are
//! limited, sketches (next section). All in a folder that only its owner may read.
//!
//! A budget belongs to a key, not to a person: a peer whose second key is trusted as well has a second
//! budget.
//!
//! # Overlap of successive lists: what a platform can see
//!
//! Two lists that differ in one person, and the two counts, tell about that person. To refuse such a
//! pair, a platform would have to compare lists that it is not to see:
//!
//! - In `dh` it sees `a H(x)` for a key `a` that is fresh in each session, and tags that are bound to the
//!   session. In the protocols of the `oprf` family each question is blinded with randomness of its
//!   own, and hidden unconditionally. Nothing of one session equals anything of another, whatever
//!   key the platform itself keeps: it would only act on points that differ already.
//! - So the platform compares what it learns: **its own rows that matched**, with `--reveal platform` or
//!   `both` ([`Budget::note_matches`]). The `k` = 1024 lowest keyed hashes (bottom-k MinHash) of
//!   the last four sets are kept; the measure is the share of the smaller set that stands in the
//!   other. It is exact up to 1024 matches, and then within a few percent for sets of about the same
//!   size. It cannot tell two large lists that differ in one element from two that are the same.
//!   It is known when the session is over, so it refuses the *next* one. An advertiser that counts
//!   first and then falls silent, or withholds, leaves no matches to compare; its session is charged
//!   all the same. Five lists in turn escape the comparison with four, and so does one that comes again
//!   after four others that match a row each; the other limits stand. (What matched nothing is not kept.)
//!   The peer is told that lists overlap too much, not how much, and so one bit about matches.
//!
//! - With `advertiser` and `count` it learns nothing to compare. So it can ask the advertiser for a
//!   [`sketch`](crate::sketch) of its list ([`Policy::max_list_overlap`]), under a key of the advertiser's
//!   own, and refuse a list that overlaps too much with one of the last four of the period, before
//!   anything is answered. (A list whose session broke off was kept too: it cannot be tried again.)
//!   **Nothing binds that sketch to the list.** It holds an advertiser to the policy that
//!   follows the protocol, as `dh` assumes throughout; one that cheats shows random values. So it only
//!   adds refusals and never lowers a charge.
//!
//! What it would take to verify it, which is not built:
//!
//! - *In `dh`, a key that the advertiser keeps.* The first `k` of its sorted points then are a bottom-k
//!   sketch by themselves. That can be enforced where the platform alone compares: if the advertiser
//!   proves ([`proof`](crate::proof)) that it evaluated the platform's points with the key that it is
//!   known by, entries under any other key match nothing. The platform would have to answer with a
//!   number instead of tags, or the advertiser compares under whatever key it likes; and where the
//!   platform is not to learn which rows match, the answers have to be shuffled, so the proof has to be
//!   one of a shuffle.
//! - *In the `oprf` family*, a proof of the hash to the group for every question, since a receiver can
//!   blind as it likes. Out of reach at these sizes.
//!
//! **The limit on elements is the one to rely on.** It counts an element that is asked again as another
//! one, because the two cannot be told apart.
//!
//! A sketch of matches is keyed with a secret of the folder. Whoever reads the folder has that secret
//! too and can try identifiers on it: keep it as the list.
//!
//! # Example
//!
//! ```
//! use std::time::Duration;
//! use blindmatch::budget::{Budget, Charge, Policy};
//! use blindmatch::error::Error;
//! # let folder = tempfile::tempdir().unwrap();
//!
//! let mut policy = Policy::per(Duration::from_secs(30 * 24 * 3600))?;
//! policy.max_elements = Some(1000);
//! let budget = Budget::open(folder.path(), policy)?;
//! budget.charge("SHA256:peer", Charge::of(600))?;
//! let refused = budget.charge("SHA256:peer", Charge::of(600)).unwrap_err();
//! assert!(matches!(refused, Error::BudgetSpent(_)));
//! # Ok::<(), Error>(())
//! ```
//!
//! In a server, [`Budget::account`] makes what a session's
//! [`Settings`](crate::session::Settings) take.

mod record;
mod store;

use std::path::Path;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use tracing::{info, warn};

use crate::consent::ConsentedList;
use crate::error::{Error, Result};
pub use crate::protocol::Epsilon;
use crate::protocol::Terms;
use crate::session::Admission;
use crate::sketch::Sketch;

use record::Record;
use store::Store;

/// What a peer may ask in a period. `None` is no limit.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Policy {
    /// How long a period is.
    pub period: Duration,
    /// Sessions in a period.
    pub max_sessions: Option<u64>,
    /// Elements in a period, in all sessions together.
    pub max_elements: Option<u64>,
    /// Epsilon in a period, in all sessions together. A session without
    /// [noise](crate::protocol::noise) is then refused when it is made: its answer has no epsilon that
    /// could be charged.
    pub max_epsilon: Option<Epsilon>,
    /// How much of one matched set may stand in another, in thousandths of the smaller; beyond it, the
    /// rest of the period is refused.
    pub max_overlap: Option<u16>,
    /// How much of one of the peer's lists may stand in another, in thousandths of the smaller, by the
    /// sketches that it shows; beyond it, that list is refused.
    pub max_list_overlap: Option<u16>,
}

impl Policy {
    /// Without limits.
    ///
    /// # Errors
    /// [`Error::Misuse`] for a period of less than a second.
    pub fn per(period: Duration) -> Result<Policy> {
        if period.as_secs() == 0 {
            return Err(Error::Misuse("a budget's period is at least a second".into()));
        }
        let (max_sessions, max_elements, max_epsilon) = Default::default();
        let (max_overlap, max_list_overlap) = Default::default();
        Ok(Policy {
            period,
            max_sessions,
            max_elements,
            max_epsilon,
            max_overlap,
            max_list_overlap,
        })
    }

    /// When the period ends that a peer stands in.
    pub fn end_of(&self, standing: &Standing) -> Timestamp {
        moment(self.end(standing.began.as_second()))
    }

    fn end(&self, began: i64) -> i64 {
        began.saturating_add(i64::try_from(self.period.as_secs()).unwrap_or(i64::MAX))
    }
}

/// What one session takes from a budget, besides the session itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Charge {
    /// Elements that the peer asks about.
    pub elements: u64,
    /// Epsilon of the noise in its answer.
    pub epsilon: Epsilon,
}

impl Charge {
    /// For so many elements, without noise.
    pub fn of(elements: u64) -> Charge {
        Charge { elements, epsilon: Epsilon::default() }
    }

    /// With noise.
    #[must_use]
    pub fn with_epsilon(self, epsilon: Epsilon) -> Charge {
        Charge { epsilon, ..self }
    }
}

/// What a peer has used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Used {
    /// Sessions that were charged.
    pub sessions: u64,
    /// Elements that were asked about.
    pub elements: u64,
    /// Epsilon that was spent, in millionths where it is written.
    pub epsilon: Epsilon,
    /// Sessions whose answer had no noise.
    #[serde(default)]
    pub exact: u64,
}

/// How a peer stands.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Standing {
    /// The fingerprint of its key.
    pub peer: String,
    /// In the period of its last session.
    pub used: Used,
    /// In all periods.
    pub total: Used,
    /// The largest overlap in the period of its last session, in thousandths, where it is measured.
    pub overlap: Option<u16>,
    /// When it first came.
    pub first: Timestamp,
    /// When that period began.
    pub began: Timestamp,
    /// When it was here last.
    pub last: Timestamp,
}

/// The budgets of all peers, in a folder.
pub struct Budget {
    policy: Policy,
    /// Records change one at a time.
    store: Mutex<Store>,
}

impl Budget {
    /// Opens a folder, or makes it, and keeps other processes from charging there as long as this
    /// lives.
    ///
    /// # Errors
    /// [`Error::Record`] where another process has it, or its key is gone, damaged or open to others;
    /// [`Error::Io`] where it cannot be written.
    pub fn open(folder: impl AsRef<Path>, policy: Policy) -> Result<Budget> {
        let store = Mutex::new(Store::open(folder.as_ref())?);
        Ok(Budget { policy, store })
    }

    /// What the policy is.
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// Takes a session from the budget of a peer, by the fingerprint of its key. Once this returns, the
    /// record is on disk.
    ///
    /// # Errors
    /// [`Error::BudgetSpent`] where there is no room for it; nothing is charged then.
    /// [`Error::Record`] where the record cannot be relied on, [`Error::Io`] where it cannot be read or
    /// written: the session must not go on.
    pub fn charge(&self, peer: &str, charge: Charge) -> Result<Standing> {
        self.charge_at(peer, charge, Timestamp::now())
    }

    /// The same for a list of which the peer shows a sketch: refused where it overlaps too much with a
    /// list before, else kept to be compared with.
    ///
    /// # Errors
    /// Those of [`charge`](Self::charge).
    pub fn charge_list(&self, peer: &str, charge: Charge, sketch: &Sketch) -> Result<Standing> {
        self.charge_with(peer, charge, Some(sketch), Timestamp::now())
    }

    /// The same at a given time.
    ///
    /// # Errors
    /// Those of [`charge`](Self::charge).
    pub fn charge_at(&self, peer: &str, charge: Charge, now: Timestamp) -> Result<Standing> {
        self.charge_with(peer, charge, None, now)
    }

    fn charge_with(
        &self,
        peer: &str,
        charge: Charge,
        sketch: Option<&Sketch>,
        now: Timestamp,
    ) -> Result<Standing> {
        let (store, now) =
            (self.store.lock().unwrap_or_else(PoisonError::into_inner), now.as_second());
        let mut record = store.load(peer)?.unwrap_or_else(|| Record::new(peer, now));
        let seconds = record.behind(now);
        if seconds > 0 {
            warn!(peer, seconds, "the clock is behind the peer's last session");
        }
        record.advance(now, &self.policy);
        record.check(&self.policy, charge).map_err(Error::BudgetSpent)?;
        if let Some(sketch) = sketch {
            record.compare(sketch, &self.policy).map_err(Error::BudgetSpent)?;
        }
        record.add(charge);
        store.save(&record)?;
        Ok(record.standing())
    }

    /// Where overlaps are limited: compares what matched with what matched in the last sessions of this
    /// peer, and keeps a sketch of it. The largest overlap, in thousandths of the smaller set; `None`
    /// where there is nothing to compare with, or nothing is limited.
    ///
    /// # Errors
    /// [`Error::Misuse`] for a peer that was never charged; those of [`charge`](Self::charge).
    pub fn note_matches(
        &self,
        peer: &str,
        list: &ConsentedList,
        matched: &[u32],
    ) -> Result<Option<u16>> {
        if self.policy.max_overlap.is_none() {
            return Ok(None);
        }
        let key = self.store.lock().unwrap_or_else(PoisonError::into_inner).sketch_key(peer);
        let identifiers = list.identifiers();
        let elements = matched.par_iter().map(|&i| &identifiers[i as usize].as_bytes()[..]);
        let sketch = Sketch::of(&key, elements);
        let store = self.store.lock().unwrap_or_else(PoisonError::into_inner);
        let record = store.load(peer)?;
        let never = || Error::Misuse("matches of a peer that was never charged".into());
        let mut record = record.ok_or_else(never)?;
        let overlap = record.note(sketch);
        store.save(&record)?;
        Ok(overlap)
    }

    /// How a peer stands; `None` for one that was never charged.
    ///
    /// # Errors
    /// [`Error::Record`], [`Error::Io`] as in [`charge`](Self::charge).
    pub fn standing(&self, peer: &str) -> Result<Option<Standing>> {
        let store = self.store.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(store.load(peer)?.map(|record| record.standing()))
    }

    /// What charges one session of a peer when its terms are agreed on.
    pub fn account(self: &Arc<Self>, peer: &str) -> Arc<Account> {
        let (budget, peer) = (Arc::clone(self), peer.to_owned());
        Arc::new(Account { budget, peer, charged: OnceLock::new() })
    }
}

/// How all peers stand, beside whatever process charges; each as its record could be read.
///
/// # Errors
/// [`Error::Record`], [`Error::Io`] for a folder that cannot be read or has no key.
pub fn standings(folder: impl AsRef<Path>) -> Result<Vec<Result<Standing>>> {
    let records = Store::open_to_read(folder.as_ref())?.all()?;
    Ok(records.into_iter().map(|record| record.map(|record| record.standing())).collect())
}

/// One session's account with a [`Budget`].
pub struct Account {
    budget: Arc<Budget>,
    peer: String,
    charged: OnceLock<Standing>,
}

impl Account {
    /// What the policy is.
    pub fn policy(&self) -> &Policy {
        self.budget.policy()
    }

    /// [`Budget::note_matches`] for this session's peer.
    ///
    /// # Errors
    /// Those of [`Budget::note_matches`].
    pub fn note_matches(&self, list: &ConsentedList, matched: &[u32]) -> Result<Option<u16>> {
        self.budget.note_matches(&self.peer, list, matched)
    }

    /// How the peer stood once the session was charged.
    pub fn charged(&self) -> Option<&Standing> {
        self.charged.get()
    }
}

impl std::fmt::Debug for Account {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Account").field("peer", &self.peer).finish_non_exhaustive()
    }
}

impl Admission for Account {
    fn wants_sketch(&self) -> bool {
        self.policy().max_list_overlap.is_some()
    }

    fn wants_noise(&self) -> bool {
        self.policy().max_epsilon.is_some()
    }

    fn admit(&self, terms: &Terms, sketch: Option<&Sketch>) -> Result<()> {
        let epsilon = terms.noise.unwrap_or_default();
        let charge = Charge { elements: terms.their_elements, epsilon };
        let standing = self.budget.charge_with(&self.peer, charge, sketch, Timestamp::now())?;
        let Used { sessions, elements, .. } = standing.used;
        info!(peer = self.peer, sessions, elements, "charged, in this period");
        let already = || Error::Misuse("an account is for one session".into());
        self.charged.set(standing).map_err(|_| already())
    }
}

/// A time that a record names; the nearest that there is.
fn moment(seconds: i64) -> Timestamp {
    let nearest = if seconds < 0 { Timestamp::MIN } else { Timestamp::MAX };
    Timestamp::from_second(seconds).unwrap_or(nearest)
}
