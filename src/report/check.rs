//! What the gate would do with a list.

use std::fmt::{self, Display, Formatter};

use serde::Serialize;

use super::summary::{grouped, write_counts};
use super::{OwnCounts, PartyCounts};
use crate::consent::ConsentedList;

/// The report of a dry run of the gate: `blindmatch check`.
///
/// Its JSON has `format` (`blindmatch-check`), `version`, `profile`, `purpose`, and the counts that
/// a party has in a [`Report`](super::Report).
#[derive(Clone, Debug, Serialize)]
pub struct CheckReport {
    format: &'static str,
    version: u32,
    blindmatch: &'static str,
    profile: String,
    purpose: &'static str,
    #[serde(flatten)]
    counts: PartyCounts,
}

impl CheckReport {
    /// Of a list that was read through the gate.
    pub fn new(list: &ConsentedList) -> CheckReport {
        CheckReport {
            format: "blindmatch-check",
            version: super::VERSION,
            blindmatch: env!("CARGO_PKG_VERSION"),
            profile: list.profile().to_string(),
            purpose: list.purpose().name(),
            counts: PartyCounts::own(list),
        }
    }

    /// The JSON document, indented, with a final newline.
    pub fn to_json(&self) -> String {
        super::to_json(self)
    }
}

impl Display for CheckReport {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(f, "Profile {}, for {}\n", self.profile, self.purpose)?;
        write_counts(f, &[&self.counts], "distinct, admitted")?;
        let kept = |counts: &OwnCounts| counts.refused.is_empty() && counts.unreadable == 0;
        if self.counts.own.as_ref().is_some_and(kept) {
            writeln!(f, "\nEvery identifier is admitted.")?;
        }
        let distinct = self.counts.distinct;
        let noun = if distinct == 1 { "identifier" } else { "identifiers" };
        writeln!(f, "\n{} {noun} would take part in a match.", grouped(distinct))
    }
}
