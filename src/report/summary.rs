//! The report as text, to be read at a glance.

use std::collections::BTreeSet;
use std::fmt::{self, Display, Formatter};

use super::{Matched, OwnCounts, PartyCounts, Report};
use crate::protocol::{Party, Phase, ProtocolName, Reveal, Unit};

impl Display for Report {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Report { protocol, profile, purpose, .. } = self;
        writeln!(f, "Protocol {protocol} over ristretto255, profile {profile}, for {purpose}\n")?;
        line(f, "", ["advertiser", "platform"])?;
        write_counts(f, &[&self.parties.advertiser, &self.parties.platform], "took part")?;
        writeln!(f)?;
        self.write_result(f)?;
        writeln!(f)?;
        for party in [Party::Advertiser, Party::Platform] {
            writeln!(f, "The {party} learnt {}", self.learnt(party))?;
        }
        writeln!(f)?;
        self.write_costs(f)
    }
}

impl Report {
    fn write_result(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if self.withheld {
            let (least, text) = (self.min_audience, self.match_text());
            return writeln!(f, "Withheld: fewer than {least}{text}, so nobody gets matches");
        }
        let noise = self.noise.map_or_else(String::new, |epsilon| {
            format!("\nNoise of epsilon {epsilon} is in what the advertiser learns")
        });
        let Some(matched) = &self.matched else {
            return writeln!(f, "Matched: this side does not learn it");
        };
        match matched.people {
            Some(people) => self.write_people(f, people, matched)?,
            None => {
                let identifiers = grouped(matched.identifiers.unwrap_or_default());
                let percent = 100.0 * matched.rate;
                write!(
                    f,
                    "Matched: {identifiers} identifiers ({percent:.1} % of those that took part)"
                )?;
                if let Some(rows) = matched.rows {
                    write!(f, ", in {} rows", grouped(rows))?;
                }
            }
        }
        if let (Some(sum), Some(clip)) = (matched.sum, self.clip) {
            write!(f, "\nTotal of their values: {}", grouped(sum))?;
            write!(f, " (values cut down to {}", grouped(clip))?;
            match self.clipped {
                Some(clipped) => write!(f, ", of all values {})", grouped(clipped))?,
                None => write!(f, ")")?,
            }
        }
        writeln!(f, "{noise}")
    }

    /// Whether what was counted is what was told.
    fn match_text(&self) -> String {
        let verb = if self.noise.is_some() { "seem to match" } else { "match" };
        format!("{} {verb}", self.people())
    }

    fn write_people(&self, f: &mut Formatter<'_>, people: u64, matched: &Matched) -> fmt::Result {
        write!(f, "Matched: {} people", grouped(people))?;
        let ranks = matched.people_by_rank.iter().flatten();
        let ranks = ranks.map(|(kind, count)| format!("{} by {kind}", grouped(*count)));
        let parts =
            matched.identifiers.map(|all| format!("of theirs {} identifiers", grouped(all)));
        match ranks.chain(parts).collect::<Vec<_>>() {
            parts if parts.is_empty() => Ok(()),
            parts => write!(f, " ({})", parts.join(", ")),
        }
    }

    /// What is counted, where it is not identifiers: after a number.
    fn people(&self) -> &'static str {
        if self.counted == Some(Unit::People) { " people" } else { "" }
    }

    /// What a party learnt, in words.
    fn learnt(&self, party: Party) -> String {
        let peer = party.peer();
        let size = format!("the size of the {peer}'s list");
        let gated = self.min_audience > 0;
        let compares = self.counted == Some(Unit::People) && party == Party::Platform;
        let counts = match self.protocol {
            ProtocolName::Count if self.noise.is_some() => party == Party::Platform,
            ProtocolName::Sum => !self.withheld || party == Party::Platform,
            ProtocolName::Count if compares => true,
            _ => gated && self.reveal.counts_first() == party,
        };
        let learns = self.reveal.gives_matches_to(party);
        let how_many = match (self.noise, party) {
            (None, _) => format!("how many{} match", self.people()),
            (Some(_), Party::Advertiser) => format!("about how many{} match", self.people()),
            (Some(_), Party::Platform) => format!("exactly how many{} match", self.people()),
        };
        if self.withheld {
            return match counts {
                true => format!("{size}, and {how_many}"),
                false => {
                    let (least, text) = (self.min_audience, self.match_text());
                    format!("{size}, and that fewer than {least}{text}")
                }
            };
        }
        if self.protocol == ProtocolName::Sum && learns {
            let total = if self.noise.is_some() { "about the total" } else { "the total" };
            format!("{size}, {how_many}, and {total} of their values")
        } else if self.protocol == ProtocolName::Count && learns {
            format!("{size}, and {how_many}")
        } else if learns {
            format!("{size}, and which of its own entries match")
        } else if counts || self.reveal == Reveal::Count {
            format!("{size}, and {how_many}")
        } else {
            size
        }
    }

    fn write_costs(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "Time: {}", seconds(self.seconds))?;
        let order = ["read"].into_iter().chain(Phase::ALL.map(Phase::name)).chain(["write"]);
        let known = order.filter_map(|name| Some((name, *self.phases.get(name)?)));
        for (index, (name, time)) in known.enumerate() {
            let separator = if index == 0 { " = " } else { ", " };
            let separator =
                if index == 0 && self.overlaps() { " (sides overlap): " } else { separator };
            write!(f, "{separator}{name} {}", seconds(time))?;
        }
        let (sent, received) = (bytes(self.bytes.sent), bytes(self.bytes.received));
        write!(f, "\nBytes: {sent} sent, {received} received")?;
        if let Some(peak) = self.peak_memory {
            write!(f, "\nMemory: {} at most", bytes(peak))?;
        }
        writeln!(f)
    }

    /// Whether phases of two sides ran at the same time.
    fn overlaps(&self) -> bool {
        self.parties.advertiser.own.is_some() && self.parties.platform.own.is_some()
    }
}

/// A line for each count, a column for each list; a dash where a count is not known. `total` names
/// the number of different elements.
pub(super) fn write_counts(
    f: &mut Formatter<'_>,
    lists: &[&PartyCounts],
    total: &str,
) -> fmt::Result {
    let row = |f: &mut Formatter<'_>, name: &str, count: fn(&OwnCounts) -> u64| {
        line(f, name, lists.iter().map(|list| cell(list.own.as_ref().map(count))))
    };
    row(f, "rows read", |c| c.rows)?;
    row(f, "identifiers", |c| c.identifiers)?;
    row(f, "  admitted", |c| c.admitted)?;
    if lists.iter().filter_map(|list| list.own.as_ref()).any(|c| c.attested > 0) {
        row(f, "    on attestation", |c| c.attested)?;
    }
    row(f, "  refused", |c| c.refused.values().sum())?;
    write_reasons(f, lists, |c| c.refused.iter().map(|(r, n)| (r.name(), *n)).collect())?;
    row(f, "  unreadable", |c| c.unreadable)?;
    write_reasons(f, lists, |c| c.unreadable_by_reason.iter().map(|(r, n)| (*r, *n)).collect())?;
    row(f, "  duplicates among the admitted", |c| c.duplicates)?;
    line(f, total, lists.iter().map(|list| grouped(list.distinct)))?;
    let people = |list: &&PartyCounts| list.people;
    if lists.iter().any(|list| people(list).is_some()) {
        line(f, "people", lists.iter().map(|list| cell(people(list).map(|p| p.people))))?;
    }
    if lists.iter().filter_map(people).any(|p| p.shared > 0) {
        let shared = lists.iter().map(|list| cell(people(list).map(|p| p.shared)));
        line(f, "  identifiers of several people", shared)?;
    }
    Ok(())
}

/// A line for each reason that any list has.
fn write_reasons(
    f: &mut Formatter<'_>,
    lists: &[&PartyCounts],
    reasons: fn(&OwnCounts) -> Vec<(&'static str, u64)>,
) -> fmt::Result {
    let counts: Vec<_> = lists.iter().map(|list| list.own.as_ref().map(reasons)).collect();
    let names: BTreeSet<_> = counts.iter().flatten().flatten().map(|(name, _)| *name).collect();
    for name in names {
        let cells = counts.iter().map(|list| {
            let count =
                |counts: &Vec<_>| counts.iter().find(|(n, _)| *n == name).map_or(0, |c| c.1);
            cell(list.as_ref().map(count))
        });
        line(f, &format!("    {}", name.replace('_', " ")), cells)?;
    }
    Ok(())
}

fn cell(count: Option<u64>) -> String {
    count.map_or_else(|| "-".to_owned(), grouped)
}

fn line<T: Display>(
    f: &mut Formatter<'_>,
    name: &str,
    cells: impl IntoIterator<Item = T>,
) -> fmt::Result {
    write!(f, "{name:<34}")?;
    for cell in cells {
        write!(f, "{cell:>14}")?;
    }
    writeln!(f)
}

/// With a thin separator at the thousands: 1 048 576.
pub(super) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() * 4 / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(' ');
        }
        out.push(digit);
    }
    out
}

pub(super) fn seconds(seconds: f64) -> String {
    match seconds {
        s if s >= 100.0 => format!("{s:.0} s"),
        s if s >= 1.0 => format!("{s:.2} s"),
        s => format!("{:.1} ms", s * 1e3),
    }
}

pub(super) fn bytes(bytes: u64) -> String {
    match bytes as f64 {
        b if b >= 1e9 => format!("{:.2} GB", b / 1e9),
        b if b >= 1e6 => format!("{:.1} MB", b / 1e6),
        b if b >= 1e3 => format!("{:.1} kB", b / 1e3),
        b => format!("{b} B"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped_from_the_right() {
        for (number, text) in [(0, "0"), (999, "999"), (1000, "1 000"), (1048576, "1 048 576")] {
            assert_eq!(grouped(number), text);
        }
    }

    #[test]
    fn sizes_and_times_have_units() {
        assert_eq!((bytes(999).as_str(), bytes(1_500_000).as_str()), ("999 B", "1.5 MB"));
        assert_eq!((seconds(0.0123).as_str(), seconds(1.5).as_str()), ("12.3 ms", "1.50 s"));
    }
}
