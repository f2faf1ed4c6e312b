//! What the gate would do with a list.

use std::fmt::{self, Display, Formatter};

use serde::Serialize;

use super::summary::{grouped, write_counts};
use super::{OwnCounts, PartyCounts};
use crate::consent::ConsentedList;
use crate::list::{Column, People};

/// The report of a dry run of the gate: `blindmatch check`.
///
/// Its JSON has `format` (`blindmatch-check`), `version`, `profile`, `purpose`, `columns` (the names
/// of those that were read as `identifiers` and as `consent`), and the counts that a party has in a
/// [`Report`](super::Report).
#[derive(Clone, Debug, Serialize)]
pub struct CheckReport {
    format: &'static str,
    version: u32,
    blindmatch: &'static str,
    profile: String,
    purpose: &'static str,
    columns: Columns,
    #[serde(flatten)]
    counts: PartyCounts,
}

/// What was read of the list; its other columns have no bearing on the gate.
#[derive(Clone, Debug, Serialize)]
struct Columns {
    identifiers: Vec<String>,
    consent: Vec<String>,
}

impl CheckReport {
    /// Of a list that was read through the gate, from these columns (see
    /// [`Admitted`](crate::list::Admitted)).
    pub fn new(list: &ConsentedList, identifiers: &[Column], consent: &[String]) -> CheckReport {
        let identifiers = identifiers.iter().map(|column| column.name.clone()).collect();
        CheckReport {
            format: "blindmatch-check",
            version: super::VERSION,
            blindmatch: env!("CARGO_PKG_VERSION"),
            profile: list.profile().to_string(),
            purpose: list.purpose().name(),
            columns: Columns { identifiers, consent: consent.to_vec() },
            counts: PartyCounts::own(list.into()),
        }
    }

    /// The same with the list's people, where they are counted.
    #[must_use]
    pub fn with_people(mut self, people: &People) -> CheckReport {
        self.counts.people = Some(people.into());
        self
    }

    /// The JSON document, indented, with a final newline.
    pub fn to_json(&self) -> String {
        super::to_json(self)
    }
}

impl Display for CheckReport {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(f, "Profile {}, for {}", self.profile, self.purpose)?;
        let Columns { identifiers, consent } = &self.columns;
        let names = |names: &[String]| match names {
            [] => "none".to_owned(),
            names => names.join(", "),
        };
        writeln!(f, "Columns of identifiers: {}", names(identifiers))?;
        writeln!(f, "Columns of consent: {}\n", names(consent))?;
        write_counts(f, &[&self.counts], "distinct, admitted")?;
        let kept = |counts: &OwnCounts| counts.refused.is_empty() && counts.unreadable == 0;
        if self.counts.own.as_ref().is_some_and(kept) {
            writeln!(f, "\nEvery identifier is admitted.")?;
        }
        let distinct = self.counts.distinct;
        let noun = if distinct == 1 { "identifier" } else { "identifiers" };
        write!(f, "\n{} {noun}", grouped(distinct))?;
        if let Some(people) = self.counts.people {
            write!(f, " of {} people", grouped(people.people))?;
        }
        writeln!(f, " would take part in a match.")
    }
}
