//! What preparing a list did.

use std::collections::BTreeMap;
use std::fmt::{self, Display, Formatter};
use std::time::Duration;

use serde::Serialize;

use super::summary::{bytes, grouped, seconds, write_counts};
use super::{OwnCounts, PartyCounts, peak_memory, to_json};
use crate::error::hex;
use crate::prepare::Prepared;

/// The report of `blindmatch prepare`.
///
/// ```json
/// {
///   "format": "blindmatch-prepare",
///   "version": 1,
///   "blindmatch": "0.1.0",
///   "epoch": "2026-11",
///   "counterparty": "SHA256:kbm1tqgN..",       // fingerprint of the advertiser's key
///   "profile": "pair/1",
///   "purpose": "TargetedAdvertising",
///   "rows": 400, ..                            // the counts that a party has in a Report
///   "changes": {"updated": true, "rekeyed": false, "kept": 298, "added": 3, "withdrawn": 1},
///   "set": {
///     "digest": "5d0f..",                      // the set's identity
///     "elements": 301, "value_bits": 69, "max_queries": 1048576
///   },
///   "created": "2026-11-02T08:00:00Z",
///   "valid_until": "2026-12-01T00:00:00Z",     // absent: nothing ends it
///   "files": {"set": 2990, "entries": 9724, "key": 298},    // bytes
///   "phases": {"read": 0.01, "evaluate": 0.02, "write": 0.01},
///   "seconds": 0.04,
///   "peak_memory": 12000000
/// }
/// ```
#[derive(Clone, Debug, Serialize)]
pub struct PrepareReport {
    format: &'static str,
    version: u32,
    blindmatch: &'static str,
    epoch: String,
    counterparty: String,
    profile: String,
    purpose: &'static str,
    #[serde(flatten)]
    counts: PartyCounts,
    changes: crate::prepare::Changes,
    set: SetFacts,
    created: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    valid_until: Option<String>,
    files: Files,
    phases: BTreeMap<&'static str, f64>,
    seconds: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    peak_memory: Option<u64>,
}

#[derive(Clone, Debug, Serialize)]
struct SetFacts {
    digest: String,
    elements: u64,
    value_bits: u32,
    max_queries: u64,
}

/// Bytes in each file.
#[derive(Clone, Debug, Serialize)]
struct Files {
    set: u64,
    entries: u64,
    key: u64,
}

impl PrepareReport {
    /// Of what was prepared.
    pub fn new(prepared: &Prepared) -> PrepareReport {
        let Prepared { set, changes, evaluating, writing, bytes: [set_bytes, entries, key] } =
            prepared;
        let (header, parameters) = (set.header(), set.set().parameters());
        let counts = PartyCounts {
            people: None,
            own: Some(OwnCounts::from(header.tally())),
            distinct: header.tally().distinct,
            attestation: header.attestation().map(str::to_owned),
        };
        let phases = [("evaluate", evaluating), ("write", writing)];
        PrepareReport {
            format: "blindmatch-prepare",
            version: super::VERSION,
            blindmatch: env!("CARGO_PKG_VERSION"),
            epoch: set.epoch().to_owned(),
            counterparty: set.counterparty().to_owned(),
            profile: set.profile().to_string(),
            purpose: set.purpose().name(),
            counts,
            changes: *changes,
            set: SetFacts {
                digest: hex(&set.set().digest()),
                elements: parameters.elements(),
                value_bits: parameters.value_bits(),
                max_queries: parameters.max_queries(),
            },
            created: header.created().to_string(),
            valid_until: header.valid_until().map(|until| until.to_string()),
            files: Files { set: *set_bytes, entries: *entries, key: *key },
            phases: phases.map(|(name, time)| (name, time.as_secs_f64())).into(),
            seconds: (*evaluating + *writing).as_secs_f64(),
            peak_memory: peak_memory(),
        }
    }

    /// Adds a phase that lies outside, such as reading the list; the total grows too.
    pub fn add_phase(&mut self, name: &'static str, time: Duration) {
        *self.phases.entry(name).or_default() += time.as_secs_f64();
        self.seconds += time.as_secs_f64();
    }

    /// Sets the wall time of the whole.
    pub fn set_total(&mut self, time: Duration) {
        self.seconds = time.as_secs_f64();
    }

    /// The JSON document, indented, with a final newline.
    pub fn to_json(&self) -> String {
        to_json(self)
    }
}

impl Display for PrepareReport {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let PrepareReport { epoch, counterparty, profile, purpose, .. } = self;
        writeln!(f, "Epoch {epoch} for {counterparty}, profile {profile}, for {purpose}\n")?;
        write_counts(f, &[&self.counts], "distinct, admitted")?;
        let crate::prepare::Changes { updated, rekeyed, kept, added, withdrawn } = self.changes;
        let can_be_told = withdrawn > 0 && !rekeyed;
        let [kept, added, withdrawn] = [kept, added, withdrawn].map(grouped);
        match updated {
            true => writeln!(f, "\nUpdated: {kept} kept, {added} added, {withdrawn} withdrawn")?,
            false => writeln!(f, "\nNew: {added} evaluated")?,
        }
        if rekeyed {
            writeln!(f, "Rekeyed: all evaluated anew; what an advertiser kept is of no use to it")?;
        }
        if can_be_told {
            writeln!(
                f,
                "{withdrawn} withdrawn: an advertiser that kept the set from before can still tell who \
                 they are until the key ends; --rekey evaluates all anew"
            )?;
        }
        let (elements, queries) = (grouped(self.set.elements), grouped(self.set.max_queries));
        let size = bytes(self.files.set);
        writeln!(f, "Set: {elements} elements in {size}, for {queries} queries in a session")?;
        match &self.valid_until {
            Some(until) => writeln!(f, "Valid until {until}")?,
            None => writeln!(f, "Valid without end: no consent on the list ends")?,
        }
        write!(f, "Time: {}", seconds(self.seconds))?;
        for (index, name) in ["read", "evaluate", "write"].into_iter().enumerate() {
            let time = self.phases.get(name).copied().unwrap_or_default();
            write!(f, "{}{name} {}", if index == 0 { " = " } else { ", " }, seconds(time))?;
        }
        if let Some(peak) = self.peak_memory {
            write!(f, "\nMemory: {} at most", bytes(peak))?;
        }
        writeln!(f)
    }
}
