//! The gate.
use super::*;

/// What a match is for, and when.
#[derive(Clone, Debug)]
pub struct Policy {
    /// The purpose that consent must cover.
    pub purpose: Purpose,
    /// The time at which consent must be valid.
    pub at: Timestamp,
}

/// Why an identifier is not admitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Refusal {
    /// Nothing on record.
    NoRecord,
    /// The record does not cover the purpose.
    PurposeNotGranted,
    /// Withdrawn.
    Withdrawn,
}

/// Admits identifiers whose owners consented to the policy's purpose.
pub struct Gate {
    policy: Policy,
    admitted: Vec<(Identifier, Occurrence)>,
}

impl Gate {
    /// A gate for one list.
    pub fn new(policy: Policy) -> Result<Gate> {
        Ok(Gate { policy, admitted: Vec::new() })
    }

    /// Whether the policy admits an identifier with this record.
    pub fn judge(&self, record: &Record) -> std::result::Result<(), Refusal> {
        if record.withdrawn_at.is_some() {
            return Err(Refusal::Withdrawn);
        }
        if record.purposes.is_empty() {
            return Err(Refusal::NoRecord);
        }
        if !record.purposes.contains(&self.policy.purpose) {
            return Err(Refusal::PurposeNotGranted);
        }
        Ok(())
    }

    /// Puts candidates before the gate.
    pub fn offer(&mut self, candidates: Vec<Candidate>) {
        for c in candidates {
            if self.judge(&c.record).is_ok() {
                self.admitted.push((c.identifier, Occurrence { row: c.row, column: c.column }));
            }
        }
    }

    /// The list of what was admitted.
    pub fn finish(self) -> ConsentedList {
        ConsentedList::new(self.policy.purpose, self.admitted)
    }
}
