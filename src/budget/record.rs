//! What is remembered of one peer.

use serde::{Deserialize, Serialize};

use super::{Charge, Epsilon, Policy, Standing, Used, moment};
use crate::error::{Limit, Spent};
use crate::sketch::Sketch;

/// The content of a record. Times are seconds of Unix time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Record {
    format: String,
    version: u32,
    /// The fingerprint of the peer's key.
    pub(super) peer: String,
    /// When it first came.
    first: i64,
    /// The latest time that was seen. Time never runs backwards here.
    clock: i64,
    /// When this period began.
    began: i64,
    /// In this period.
    used: Used,
    /// In all periods.
    total: Used,
    /// The largest overlap in this period, in thousandths.
    overlap: Option<u16>,
    /// Of what matched, the newest last.
    sketches: Vec<Sketch>,
    /// Of lists in this period, as the peer showed them, the newest last.
    lists: Vec<Sketch>,
}

const FORMAT: &str = "blindmatch-budget";
const VERSION: u32 = 1;

/// How many lists a new one is compared with.
const KEPT: usize = 4;

impl Record {
    pub(super) fn new(peer: &str, now: i64) -> Record {
        Record {
            format: FORMAT.to_owned(),
            version: VERSION,
            peer: peer.to_owned(),
            first: now,
            clock: now,
            began: now,
            used: Used::default(),
            total: Used::default(),
            overlap: None,
            sketches: Vec::new(),
            lists: Vec::new(),
        }
    }

    /// Whether this build can read what it says.
    pub(super) fn is_known(&self) -> bool {
        self.format == FORMAT
            && self.version == VERSION
            && self.sketches.len() <= KEPT
            && self.lists.len() <= KEPT
    }

    /// By how many seconds a clock that shows `now` is behind.
    pub(super) fn behind(&self, now: i64) -> u64 {
        u64::try_from(self.clock.saturating_sub(now)).unwrap_or_default()
    }

    /// It is `now`, unless it was later already; where a period is over, the next one begins.
    pub(super) fn advance(&mut self, now: i64, policy: &Policy) {
        self.clock = self.clock.max(now);
        if self.clock >= self.until(policy) {
            (self.began, self.used, self.overlap) = (self.clock, Used::default(), None);
            self.lists.clear();
        }
    }

    fn until(&self, policy: &Policy) -> i64 {
        policy.end(self.began)
    }

    /// Whether there is room for a session.
    pub(super) fn check(&self, policy: &Policy, charge: Charge) -> Result<(), Spent> {
        let millionths = Epsilon::millionths;
        let limits = [
            (Limit::Sessions, self.used.sessions, 1, policy.max_sessions),
            (Limit::Elements, self.used.elements, charge.elements, policy.max_elements),
            (
                Limit::Epsilon,
                match self.used.exact {
                    0 => self.used.epsilon.millionths(),
                    _ => Spent::BOUNDLESS,
                },
                charge.epsilon.millionths(),
                policy.max_epsilon.map(millionths),
            ),
        ];
        let until = moment(self.until(policy));
        if let (Some(overlap), Some(allowed)) = (self.overlap, policy.max_overlap)
            && overlap > allowed
        {
            let (limit, allowed) = (Limit::Overlap, allowed.into());
            return Err(Spent { limit, used: 0, asked: 0, allowed, until });
        }
        for (limit, used, asked, allowed) in limits {
            if let Some(allowed) = allowed.filter(|&allowed| used.saturating_add(asked) > allowed) {
                return Err(Spent { limit, used, asked, allowed, until });
            }
        }
        Ok(())
    }

    /// Takes a session from what is left.
    pub(super) fn add(&mut self, charge: Charge) {
        for used in [&mut self.used, &mut self.total] {
            used.sessions = used.sessions.saturating_add(1);
            used.elements = used.elements.saturating_add(charge.elements);
            used.epsilon = used.epsilon.saturating_add(charge.epsilon);
            let exact = u64::from(charge.epsilon == Epsilon::default());
            used.exact = used.exact.saturating_add(exact);
        }
    }

    /// Compares a list with the ones before it, and keeps it. The largest overlap, in thousandths.
    pub(super) fn note(&mut self, sketch: Sketch) -> Option<u16> {
        let largest = largest(&self.sketches, &sketch);
        self.overlap = self.overlap.max(largest);
        keep(&mut self.sketches, sketch);
        largest
    }

    /// Keeps the sketch of a list, unless it overlaps too much with one before.
    pub(super) fn compare(&mut self, sketch: &Sketch, policy: &Policy) -> Result<(), Spent> {
        let Some(allowed) = policy.max_list_overlap else { return Ok(()) };
        if largest(&self.lists, sketch).is_some_and(|overlap| overlap > allowed) {
            let (limit, until) = (Limit::Overlap, moment(self.until(policy)));
            return Err(Spent { limit, used: 0, asked: 0, allowed: allowed.into(), until });
        }
        keep(&mut self.lists, sketch.clone());
        Ok(())
    }

    pub(super) fn standing(&self) -> Standing {
        Standing {
            peer: self.peer.clone(),
            used: self.used,
            total: self.total,
            overlap: self.overlap,
            first: moment(self.first),
            began: moment(self.began),
            last: moment(self.clock),
        }
    }
}

/// The largest overlap with one before, in thousandths.
fn largest(before: &[Sketch], sketch: &Sketch) -> Option<u16> {
    let overlaps = before.iter().filter_map(|earlier| earlier.overlap(sketch));
    overlaps.map(|share| (1000.0 * share).round() as u16).max()
}

/// Keeps the newest. One of nothing overlaps with nothing, and would only push another out.
fn keep(sketches: &mut Vec<Sketch>, sketch: Sketch) {
    if sketch.size() == 0 {
        return;
    }
    sketches.push(sketch);
    let excess = sketches.len().saturating_sub(KEPT);
    sketches.drain(..excess);
}
