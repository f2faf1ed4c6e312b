//! What a run did, as facts: a stable JSON format with a version.
//!
//! Counts and names of settings only. No identifier, no hash of one and no path stands in a report,
//! and nothing that the reporting side does not know: of the peer's list that is its size and what
//! the peer attested. Fields that do not apply are absent, not null.
//!
//! ```json
//! {
//!   "format": "blindmatch-report",
//!   "version": 1,
//!   "blindmatch": "0.1.0",
//!   "session": "5d0f..",                       // first 16 bytes of the session's hash, the same on both sides
//!   "peer": "SHA256:kbm1tqgN..",               // fingerprint of the peer's key, over a network
//!   "protocol": "dh",
//!   "epoch": "2026-11",                        // where the platform's set was prepared for one
//!   "profile": "pair/1",
//!   "reveal": "advertiser",
//!   "purpose": "TargetedAdvertising",
//!   "counted": "people",                       // where people are counted; else absent
//!   "min_audience": 100,                       // in people, where they are counted
//!   "parties": {
//!     "advertiser": {
//!       "rows": 300,                           // rows read
//!       "identifiers": 540,                    // = admitted + all refused + unreadable
//!       "admitted": 455,
//!       "attested": 0,                         // among the admitted: on an attestation alone
//!       "refused": {"expired": 20, "opted_out": 41},
//!       "unreadable": 24,
//!       "unreadable_by_reason": {"not_a_phone": 24},
//!       "duplicates": 17,                      // among the admitted: repeats
//!       "distinct": 438,                       // what took part, = admitted - duplicates
//!       "people": 310,                         // where this side's people are counted
//!       "shared": 4                            // identifiers of several people: each counts for the first
//!     },
//!     "platform": {"distinct": 9120}           // all that the advertiser knows of it
//!   },
//!   "clip": 100000,                            // in a sum: what greater values are cut down to
//!   "clipped": 3,                              // in the advertiser's report of a sum: values cut down
//!   "noise": 0.5,                              // epsilon of the noise in what the advertiser is told
//!   "matched": {"identifiers": 120, "rows": 131, "rate": 0.274, "sum": 182744},
//!                                              // and where people are counted: "people": 97,
//!                                              // "people_by_rank": {"email": 85, "phone": 12}
//!   "withheld": false,                         // true: below the minimum audience, and no "matched"
//!   "budget": {                              // of a platform that keeps one: used by this peer in this
//!     "sessions": 2, "max_sessions": 4,      // period, with this session; limits where there are such
//!     "elements": 630, "max_elements": 5000,
//!     "epsilon": 0.5, "max_epsilon": 2.0,    // where noise was added
//!     "since": "2026-11-01T08:00:00Z", "until": "2026-12-01T08:00:00Z"
//!   },
//!   "phases": {"read": 0.01, "blind": 0.02},   // seconds
//!   "seconds": 0.05,
//!   "bytes": {"sent": 15000, "received": 300000},
//!   "peak_memory": 12000000                    // bytes, where the system tells
//! }
//! ```
//!
//! A row that cannot be read, or that holds no identifier, counts as one unreadable identifier. So
//! in a list with one identifier a row, `admitted + refused + unreadable = rows`. `matched.rate` is
//! matched identifiers over distinct ones of the reporting side's list; `matched.rows` is known
//! only to a side that learns which of its rows matched, `matched.sum` to the side that learns the total.
//!
//! Where people are counted, `matched.rate` is matched people over the reporting side's own (over its
//! distinct identifiers, where the people are the peer's), and `matched.identifiers` and
//! `matched.people_by_rank` are known only to a side that learns which matched. The latter has each
//! person at the best rank that matched.
//!
//! With `noise`, `matched` is what the advertiser was told; in the platform's report, the exact count.

mod check;
#[cfg(feature = "tls")]
mod prepare;
mod summary;

use std::collections::BTreeMap;
use std::fs;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;

use crate::budget::{Account, Epsilon};
use crate::consent::{ConsentedList, Refusal, Tally};
use crate::identifier::Profile;
use crate::list::{Matches, People};
use crate::prepare::PreparedSet;
use crate::protocol::{Party, Phase, ProtocolName, Reveal, Unit};
use crate::session::Outcome;

pub use check::CheckReport;
#[cfg(feature = "tls")]
pub use prepare::PrepareReport;

/// The report of one run.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    format: &'static str,
    version: u32,
    blindmatch: &'static str,
    session: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    peer: Option<String>,
    protocol: ProtocolName,
    #[serde(skip_serializing_if = "Option::is_none")]
    epoch: Option<String>,
    profile: String,
    reveal: Reveal,
    purpose: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    counted: Option<Unit>,
    min_audience: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    clip: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    clipped: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    noise: Option<f64>,
    parties: Parties,
    #[serde(skip_serializing_if = "Option::is_none")]
    matched: Option<Matched>,
    withheld: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    budget: Option<BudgetFacts>,
    phases: BTreeMap<&'static str, f64>,
    seconds: f64,
    bytes: Traffic,
    #[serde(skip_serializing_if = "Option::is_none")]
    peak_memory: Option<u64>,
}

/// What is known of each party's list.
#[derive(Clone, Debug, Default, Serialize)]
struct Parties {
    advertiser: PartyCounts,
    platform: PartyCounts,
}

/// Counts of one list: all of them for one's own, the size alone for the peer's.
#[derive(Clone, Debug, Default, Serialize)]
struct PartyCounts {
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    own: Option<OwnCounts>,
    /// Elements that took part.
    distinct: u64,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    people: Option<PeopleCounts>,
    /// The notice under which consent was attested for rows without a record.
    #[serde(skip_serializing_if = "Option::is_none")]
    attestation: Option<String>,
}

/// The people of one's own list, where they are counted.
#[derive(Clone, Copy, Debug, Serialize)]
struct PeopleCounts {
    people: u64,
    /// Identifiers that stand with several people.
    shared: u64,
}

impl From<&People> for PeopleCounts {
    fn from(people: &People) -> PeopleCounts {
        PeopleCounts { people: people.len() as u64, shared: people.shared() }
    }
}

#[derive(Clone, Debug, Serialize)]
struct OwnCounts {
    rows: u64,
    identifiers: u64,
    admitted: u64,
    attested: u64,
    refused: BTreeMap<Refusal, u64>,
    unreadable: u64,
    unreadable_by_reason: BTreeMap<&'static str, u64>,
    duplicates: u64,
}

/// What the peer has used of its budget in this period.
#[derive(Clone, Debug, Serialize)]
struct BudgetFacts {
    sessions: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_sessions: Option<u64>,
    elements: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_elements: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    epsilon: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_epsilon: Option<f64>,
    since: String,
    until: String,
}

impl BudgetFacts {
    /// Where the session was charged.
    fn of(account: &Account) -> Option<BudgetFacts> {
        let (standing, policy) = (account.charged()?, account.policy());
        let epsilon = Some(standing.used.epsilon).filter(|&epsilon| epsilon > Epsilon::default());
        Some(BudgetFacts {
            sessions: standing.used.sessions,
            max_sessions: policy.max_sessions,
            elements: standing.used.elements,
            max_elements: policy.max_elements,
            epsilon: epsilon.map(number),
            max_epsilon: policy.max_epsilon.map(number),
            since: standing.began.to_string(),
            until: policy.end_of(standing).to_string(),
        })
    }
}

fn number(epsilon: Epsilon) -> f64 {
    epsilon.millionths() as f64 / 1e6
}

/// What matched, as far as the reporting side learns it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Matched {
    /// Elements that both lists hold; where people are counted, known to a side that learns which. With
    /// noise, exact at the platform alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub identifiers: Option<u64>,
    /// People who match, where they are counted; with noise, exact at the platform alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub people: Option<u64>,
    /// The same by the kind of the best identifier that matched, for a side that learns which.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub people_by_rank: Option<BTreeMap<&'static str, u64>>,
    /// Own rows with a matched identifier.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rows: Option<u64>,
    /// Matched elements over own elements, 0 for an empty list; where own people are counted, people
    /// over people.
    pub rate: f64,
    /// The total of the advertiser's values over what matched.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sum: Option<u64>,
}

#[derive(Clone, Copy, Debug, Serialize)]
struct Traffic {
    sent: u64,
    received: u64,
}

/// What the reporting side brought to the session.
#[derive(Clone, Copy)]
pub struct Own<'a> {
    profile: Profile,
    tally: &'a Tally,
    attestation: Option<&'a str>,
    /// What matches are found in; a prepared set holds no list.
    list: Option<&'a ConsentedList>,
    /// Its people, where they are counted.
    people: Option<&'a People>,
}

impl<'a> Own<'a> {
    /// The same with its people, where they are counted.
    #[must_use]
    pub fn with_people(self, people: &'a People) -> Own<'a> {
        Own { people: Some(people), ..self }
    }
}

impl<'a> From<&'a ConsentedList> for Own<'a> {
    fn from(list: &'a ConsentedList) -> Own<'a> {
        let (profile, tally, attestation) = (list.profile(), list.tally(), list.attestation());
        Own { profile, tally, attestation, list: Some(list), people: None }
    }
}

impl<'a> From<&'a Arc<ConsentedList>> for Own<'a> {
    fn from(list: &'a Arc<ConsentedList>) -> Own<'a> {
        Own::from(&**list)
    }
}

impl<'a> From<&'a PreparedSet> for Own<'a> {
    fn from(set: &'a PreparedSet) -> Own<'a> {
        let (tally, attestation) = (set.header().tally(), set.attestation());
        Own { profile: set.profile(), tally, attestation, list: None, people: None }
    }
}

impl Report {
    /// The report of the side that brought `own` to a session with this outcome.
    pub fn new<'a>(own: impl Into<Own<'a>>, outcome: &Outcome) -> Report {
        let (own, terms) = (own.into(), &outcome.terms);
        let mut report = Report {
            format: "blindmatch-report",
            version: VERSION,
            blindmatch: env!("CARGO_PKG_VERSION"),
            session: terms.session_name(),
            peer: None,
            protocol: terms.protocol,
            epoch: outcome.answer.epoch.clone(),
            profile: own.profile.to_string(),
            reveal: terms.reveal,
            purpose: terms.purpose.name(),
            counted: Some(terms.unit).filter(|unit| *unit != Unit::default()),
            min_audience: terms.min_audience,
            clip: terms.clip,
            clipped: outcome.answer.clipped,
            noise: terms.noise.map(number),
            parties: Parties::default(),
            matched: matched(own, outcome),
            withheld: outcome.answer.withheld,
            budget: None,
            phases: BTreeMap::new(),
            seconds: 0.0,
            bytes: Traffic { sent: outcome.bytes.sent, received: outcome.bytes.received },
            peak_memory: peak_memory(),
        };
        *report.party(terms.party) = PartyCounts::own(own);
        *report.party(terms.party.peer()) = PartyCounts {
            own: None,
            distinct: terms.their_elements,
            people: None,
            attestation: terms.their_attestation.clone(),
        };
        for (phase, time) in &outcome.phases {
            report.add_phase(phase.name(), *time);
        }
        report
    }

    /// Where one process is both sides: adds what the other side knows. What matched stays this
    /// side's, unless only the other side learns it.
    #[must_use]
    pub fn with_other_side<'a>(mut self, own: impl Into<Own<'a>>, outcome: &Outcome) -> Report {
        let own = own.into();
        *self.party(outcome.terms.party) = PartyCounts::own(own);
        let ours = self.matched.as_ref();
        let rows_alone =
            outcome.answer.matched.is_some() && ours.is_none_or(|matched| matched.rows.is_none());
        if rows_alone || outcome.answer.sum.is_some() || ours.is_none() {
            self.matched = matched(own, outcome);
        }
        for phase in Phase::ALL {
            let time = outcome.phases.get(&phase).copied().unwrap_or_default().as_secs_f64();
            let longer = self.phases.entry(phase.name()).or_default();
            *longer = longer.max(time);
        }
        self
    }

    /// Sets whom the session was with: a fingerprint, which is public.
    pub fn set_peer(&mut self, fingerprint: String) {
        self.peer = Some(fingerprint);
    }

    /// Sets what the peer has used of its budget, where the session was charged.
    pub fn set_budget(&mut self, account: &Account) {
        self.budget = BudgetFacts::of(account);
    }

    /// Adds a phase that lies outside the session, such as reading the list; the total grows too.
    pub fn add_phase(&mut self, name: &'static str, time: Duration) {
        *self.phases.entry(name).or_default() += time.as_secs_f64();
        self.seconds += time.as_secs_f64();
    }

    /// Sets the wall time of the whole, where phases overlapped.
    pub fn set_total(&mut self, time: Duration) {
        self.seconds = time.as_secs_f64();
    }

    /// What matched, as far as the reporting side learns it.
    pub fn matched(&self) -> Option<&Matched> {
        self.matched.as_ref()
    }

    /// The JSON document, indented, with a final newline.
    pub fn to_json(&self) -> String {
        to_json(self)
    }

    fn party(&mut self, party: Party) -> &mut PartyCounts {
        match party {
            Party::Advertiser => &mut self.parties.advertiser,
            Party::Platform => &mut self.parties.platform,
        }
    }
}

/// Version of the format. It grows when a field changes its meaning or goes; new fields may come
/// without.
pub const VERSION: u32 = 1;

impl PartyCounts {
    fn own(own: Own<'_>) -> PartyCounts {
        let attestation = own.attestation.map(str::to_owned);
        let distinct = own.tally.distinct;
        let people = own.people.map(PeopleCounts::from);
        PartyCounts { own: Some(OwnCounts::from(own.tally)), distinct, people, attestation }
    }
}

impl From<&Tally> for OwnCounts {
    fn from(tally: &Tally) -> OwnCounts {
        OwnCounts {
            rows: tally.rows,
            identifiers: tally.identifiers,
            admitted: tally.admitted,
            attested: tally.attested,
            refused: tally.refused.clone(),
            unreadable: tally.unreadable(),
            unreadable_by_reason: tally.unreadable.clone(),
            duplicates: tally.duplicates,
        }
    }
}

fn matched(own: Own<'_>, outcome: &Outcome) -> Option<Matched> {
    if outcome.answer.withheld {
        return None;
    }
    let count = outcome.answer.count?;
    let in_people = outcome.terms.unit == Unit::People;
    let learnt = outcome.answer.matched.as_deref();
    let matched = own.list.zip(learnt);
    let rows = matched.map(|(list, matched)| rows(list, matched));
    let of = own.people.map_or(own.tally.distinct, |people| people.len() as u64);
    Some(Matched {
        identifiers: match in_people {
            true => learnt.map(|matched| matched.len() as u64),
            false => Some(count),
        },
        people: in_people.then_some(count),
        people_by_rank: matched
            .zip(own.people)
            .map(|((list, matched), people)| by_rank(list, people, matched)),
        rows,
        rate: count as f64 / of.max(1) as f64,
        sum: outcome.answer.sum,
    })
}

/// How many people matched by each kind, at their best.
fn by_rank(list: &ConsentedList, people: &People, matched: &[u32]) -> BTreeMap<&'static str, u64> {
    let mut counts: BTreeMap<_, _> =
        people.ranks().kinds().map(|kind| (kind.name(), 0)).into_iter().collect();
    for element in people.best(matched) {
        if let Some(kind) = list.kind(element as usize) {
            *counts.entry(kind.name()).or_default() += 1;
        }
    }
    counts
}

fn to_json(report: &impl Serialize) -> String {
    let json = serde_json::to_string_pretty(report).expect("a report has only text keys");
    json + "\n"
}

/// How many rows the elements `matched` stand in.
fn rows(list: &ConsentedList, matched: &[u32]) -> u64 {
    Matches::new(list, matched.iter().map(|&index| index as usize)).rows()
}

/// The most memory that this process has held, in bytes; `None` where the system does not tell.
pub fn peak_memory() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024)
}
