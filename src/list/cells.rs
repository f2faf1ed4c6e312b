//! Reading the cells of a row: identifiers, and what is on record of consent.

use std::collections::HashMap;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::Offset;

use super::columns::{Column, Field, Group, Meaning, Plan, Planned, meaning};
use crate::consent::{Candidate, Gpp, Purpose, Purposes, Record, Signal, Tcf};
use crate::identifier::{Identifier, Kind, Profile, Region, Unreadable};

/// The cells of one row.
pub(super) trait Cells {
    /// A cell; empty where there is none.
    fn cell(&self, index: usize) -> &[u8];
}

/// How cells are read.
#[derive(Clone, Copy)]
pub(super) struct Reading<'a> {
    pub(super) plan: &'a Plan,
    pub(super) profile: Profile,
    pub(super) region: Option<Region>,
    /// The vendor that TC strings are asked about.
    pub(super) vendor: Option<u16>,
}

/// What rows gave.
#[derive(Default)]
pub(super) struct Found {
    pub(super) candidates: Vec<Candidate>,
    pub(super) unreadable: Vec<Unread>,
    /// Identifiers of rows whose cells do not fit the header: what is on record of them is lost.
    pub(super) lost: Vec<Identifier>,
}

/// Something that could not be read, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Unread {
    pub(super) row: u32,
    /// The identifier column; `None` where it is the row as a whole.
    pub(super) column: Option<u16>,
    pub(super) reason: Unreadable,
}

/// What a worker keeps from row to row.
#[derive(Default)]
pub(super) struct Memory {
    /// Cells of purposes, of which a list has few different ones.
    purposes: HashMap<Vec<u8>, Purposes>,
    /// What the groups say about the row at hand.
    records: Vec<Record>,
}

impl Reading<'_> {
    /// Reads a row into identifiers with their records.
    pub(super) fn row(&self, row: u32, cells: &impl Cells, memory: &mut Memory, found: &mut Found) {
        let before = found.candidates.len() + found.unreadable.len();
        memory.records.clear();
        for (planned, column) in self.plan.columns.iter().zip(0..) {
            match self.identifier(planned, cells) {
                None => {}
                Some(Err(reason)) => {
                    found.unreadable.push(Unread { row, column: Some(column), reason });
                }
                Some(Ok((meant, identifier))) => {
                    let mut record = self.record(planned, meant.kind, cells, memory);
                    if meant.security {
                        record.collected_for = Purpose::SECURITY.into();
                    }
                    found.candidates.push(Candidate { identifier, row, column, record });
                }
            }
        }
        if found.candidates.len() + found.unreadable.len() == before {
            let reason = Unreadable::NoIdentifier;
            found.unreadable.push(Unread { row, column: None, reason });
        }
    }

    /// Reads what identifiers it can from a row whose cells do not fit the header. A no could have
    /// stood in it.
    pub(super) fn lost(&self, cells: &impl Cells, found: &mut Found) {
        let identifiers = self.plan.columns.iter().map(|planned| self.identifier(planned, cells));
        found.lost.extend(identifiers.flatten().flatten().map(|(_, identifier)| identifier));
    }

    /// The identifier in a column, if the cell is not blank.
    fn identifier(
        &self,
        planned: &Planned,
        cells: &impl Cells,
    ) -> Option<Result<(Meaning, Identifier), Unreadable>> {
        let raw = cells.cell(planned.cell);
        if is_null(raw) {
            return None;
        }
        let Column { kind, hashed, security, .. } = planned.column;
        let meant = match (kind, planned.kind_cell) {
            (Some(kind), _) => Some(Meaning { kind, hashed, security }),
            (None, Some(cell)) => std::str::from_utf8(cells.cell(cell)).ok().and_then(meaning),
            (None, None) => None,
        };
        let Some(meant) = meant else { return Some(Err(Unreadable::UnknownKind)) };
        let identifier = match meant.hashed {
            true => Identifier::from_hashed(meant.kind, raw),
            false => self.profile.identify(meant.kind, raw, self.region),
        };
        Some(identifier.map(|identifier| (meant, identifier)))
    }

    fn record(
        &self,
        planned: &Planned,
        kind: Kind,
        cells: &impl Cells,
        memory: &mut Memory,
    ) -> Record {
        if memory.records.is_empty() {
            let groups = self.plan.groups.iter();
            let records = groups.map(|group| self.group(group, cells, &mut memory.purposes));
            memory.records.extend(records);
        }
        let mut groups = planned.groups(kind).iter().filter_map(|g| memory.records.get(*g));
        let narrowest = groups.next().cloned().unwrap_or_default();
        groups.fold(narrowest, Record::within)
    }

    fn group(
        &self,
        group: &Group,
        cells: &impl Cells,
        purposes: &mut HashMap<Vec<u8>, Purposes>,
    ) -> Record {
        let mut record = Record::default();
        for (field, cell) in &group.fields {
            let raw = cells.cell(*cell);
            if is_null(raw) {
                continue;
            }
            let read = match field {
                Field::CollectedFor => purposes_of(raw, purposes).map(|p| record.collected_for = p),
                Field::Purposes => purposes_of(raw, purposes).map(|p| record.purposes = p),
                _ => std::str::from_utf8(raw)
                    .ok()
                    .and_then(|text| self.field(*field, text.trim(), &mut record)),
            };
            record.unreadable |= read.is_none();
        }
        record
    }

    /// Reads a cell into its field; `None` where it cannot be read.
    fn field(&self, field: Field, text: &str, record: &mut Record) -> Option<()> {
        match field {
            Field::CollectedFor => record.collected_for = Purposes::parse(text),
            Field::Purposes => record.purposes = Purposes::parse(text),
            Field::ConsentedAt => record.consented_at = Some(timestamp(text)?),
            Field::ExpiresAt => {
                record.expires_at = earliest(record.expires_at, Some(timestamp(text)?));
            }
            Field::WithdrawnAt => {
                record.withdrawn_at = earliest(record.withdrawn_at, withdrawn(text)?);
            }
            Field::OptOut => record.opt_out |= opted_out(text)?,
            Field::Gpc => record.gpc |= yes_or_no(text)?,
            Field::Notice => record.notice = Some(text.into()),
            Field::AdUserData => record.ad_user_data = Some(signal(text)?),
            Field::AdPersonalization => record.ad_personalization = Some(signal(text)?),
            Field::Tcf => record.tcf = Some(Tcf::parse(text, self.vendor).ok()?),
            Field::Gpp => record.gpp = Some(Gpp::parse(text, self.vendor).ok()?),
        }
        Some(())
    }
}

fn purposes_of(raw: &[u8], known: &mut HashMap<Vec<u8>, Purposes>) -> Option<Purposes> {
    if let Some(purposes) = known.get(raw) {
        return Some(*purposes);
    }
    let purposes = Purposes::parse(std::str::from_utf8(raw).ok()?);
    if known.len() < KNOWN_CELLS {
        known.insert(raw.to_vec(), purposes);
    }
    Some(purposes)
}

/// Whether a cell is blank, or holds what databases and their tools write for nothing.
pub(super) fn is_null(raw: &[u8]) -> bool {
    let raw = raw.trim_ascii();
    let nulls: [&[u8]; 6] = [b"", b"null", b"\\n", b"none", b"nan", b"nat"];
    raw.len() <= 4 && nulls.iter().any(|null| raw.eq_ignore_ascii_case(null))
}

/// RFC 3339; or a date with or without a time, which is then UTC; or Unix time in seconds (ten
/// digits) or milliseconds (thirteen).
fn timestamp(text: &str) -> Option<Timestamp> {
    if text.bytes().all(|b| b.is_ascii_digit()) {
        let number: i64 = text.parse().ok()?;
        return match text.len() {
            10 => Timestamp::from_second(number).ok(),
            13 => Timestamp::from_millisecond(number).ok(),
            _ => None,
        };
    }
    if text.contains('[') {
        return None; // a named time zone, for which there is no table
    }
    let utc = |local: DateTime| Offset::UTC.to_timestamp(local).ok();
    text.parse().ok().or_else(|| utc(text.parse().ok()?))
}

fn earliest(a: Option<Timestamp>, b: Option<Timestamp>) -> Option<Timestamp> {
    [a, b].into_iter().flatten().min()
}

/// When consent was withdrawn; a bare yes is for good.
fn withdrawn(text: &str) -> Option<Option<Timestamp>> {
    match yes_or_no(text) {
        Some(yes) => Some(yes.then_some(Timestamp::MIN)),
        None => timestamp(text).map(Some),
    }
}

/// A yes or a no; the time of an opt-out is a yes.
fn opted_out(text: &str) -> Option<bool> {
    yes_or_no(text).or_else(|| timestamp(text).map(|_| true))
}

fn yes_or_no(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "1" | "y" | "yes" | "t" | "true" | "x" => Some(true),
        "0" | "n" | "no" | "f" | "false" => Some(false),
        _ => None,
    }
}

/// As Google Ads and Data Manager write them.
fn signal(text: &str) -> Option<Signal> {
    match text.to_ascii_uppercase().trim_start_matches("CONSENT_") {
        "GRANTED" => Some(Signal::Granted),
        "DENIED" => Some(Signal::Denied),
        "UNSPECIFIED" | "STATUS_UNSPECIFIED" | "UNKNOWN" => Some(Signal::Unspecified),
        _ => None,
    }
}

/// Different cells of purposes that a worker remembers.
const KNOWN_CELLS: usize = 256;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants() {
        let cases = [
            ("2024-05-01T12:00:00Z", Some(1_714_564_800)),
            ("2024-05-01T14:00:00+02:00", Some(1_714_564_800)),
            ("2024-05-01 12:00:00", Some(1_714_564_800)),
            ("2024-05-01T12:00:00.5", Some(1_714_564_800)),
            ("2024-05-01", Some(1_714_521_600)),
            ("1714564800", Some(1_714_564_800)),
            ("1714564800123", Some(1_714_564_800)),
            ("20240501", None),
            ("01/05/2024", None),
            ("2024-13-01", None),
            ("2024-05-01T12:00:00+02:00[Europe/Berlin]", None),
            ("yes", None),
            ("never", None),
        ];
        for (text, expected) in cases {
            assert_eq!(timestamp(text).map(Timestamp::as_second), expected, "{text}");
        }
    }

    #[test]
    fn words_for_yes_no_and_nothing() {
        assert_eq!(
            (yes_or_no("Yes"), yes_or_no("0"), yes_or_no("?")),
            (Some(true), Some(false), None)
        );
        assert_eq!(withdrawn("no"), Some(None));
        assert_eq!(withdrawn("yes"), Some(Some(Timestamp::MIN)));
        assert_eq!(withdrawn("2024-05-01"), Some(timestamp("2024-05-01")));
        assert_eq!((withdrawn("maybe"), opted_out("maybe")), (None, None));
        assert_eq!((opted_out("2024-05-01"), opted_out("no")), (Some(true), Some(false)));
        assert_eq!(signal("granted"), Some(Signal::Granted));
        assert_eq!(signal("CONSENT_DENIED"), Some(Signal::Denied));
        assert_eq!(signal("CONSENT_STATUS_UNSPECIFIED"), Some(Signal::Unspecified));
        assert_eq!(signal("yes"), None);
        assert!(is_null(b" NULL ") && is_null(b"") && is_null(b"\\N") && !is_null(b"x"));
    }
}
