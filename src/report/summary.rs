//! The report as text, to be read at a glance.

use std::fmt::{self, Display, Formatter};

use super::{OwnCounts, PartyCounts, Report};
use crate::protocol::{Party, Phase, Reveal};

impl Display for Report {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Report { protocol, profile, purpose, .. } = self;
        writeln!(f, "Protocol {protocol} over ristretto255, profile {profile}, for {purpose}\n")?;
        self.write_counts(f)?;
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
    fn write_counts(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let sides = [&self.parties.advertiser, &self.parties.platform];
        line(f, "", ["advertiser".to_owned(), "platform".to_owned()])?;
        let own = |count: fn(&OwnCounts) -> u64| {
            sides.map(|side| side.own.as_ref().map_or_else(|| "-".to_owned(), |c| grouped(count(c))))
        };
        line(f, "rows read", own(|c| c.rows))?;
        line(f, "identifiers", own(|c| c.identifiers))?;
        line(f, "  admitted", own(|c| c.admitted))?;
        if sides.iter().filter_map(|side| side.own.as_ref()).any(|c| c.attested > 0) {
            line(f, "    on attestation", own(|c| c.attested))?;
        }
        line(f, "  refused", own(|c| c.refused.values().sum()))?;
        self.write_reasons(f, |c| c.refused.iter().map(|(r, n)| (r.name(), *n)).collect())?;
        line(f, "  unreadable", own(|c| c.unreadable))?;
        self.write_reasons(f, |c| c.unreadable_by_reason.iter().map(|(r, n)| (*r, *n)).collect())?;
        line(f, "  duplicates", own(|c| c.duplicates))?;
        line(f, "took part", sides.map(|side| grouped(side.distinct)))
    }

    fn write_reasons(
        &self,
        f: &mut Formatter<'_>,
        reasons: fn(&OwnCounts) -> Vec<(&'static str, u64)>,
    ) -> fmt::Result {
        let sides = [&self.parties.advertiser, &self.parties.platform];
        let counts = sides.map(|side: &PartyCounts| side.own.as_ref().map(reasons));
        let mut names: Vec<_> = counts.iter().flatten().flatten().map(|(name, _)| *name).collect();
        names.sort_unstable();
        names.dedup();
        for name in names {
            let cells = counts.each_ref().map(|side| match side {
                None => "-".to_owned(),
                Some(counts) => {
                    grouped(counts.iter().find(|(n, _)| *n == name).map_or(0, |(_, count)| *count))
                }
            });
            line(f, &format!("    {}", name.replace('_', " ")), cells)?;
        }
        Ok(())
    }

    fn write_result(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if self.withheld {
            let least = self.min_audience;
            return writeln!(f, "Withheld: fewer than {least} match, so nobody gets matches");
        }
        let Some(matched) = &self.matched else {
            return writeln!(f, "Matched: this side does not learn it");
        };
        let (identifiers, percent) = (grouped(matched.identifiers), 100.0 * matched.rate);
        write!(f, "Matched: {identifiers} identifiers ({percent:.1} % of those that took part)")?;
        if let Some(rows) = matched.rows {
            write!(f, ", in {} rows", grouped(rows))?;
        }
        writeln!(f)
    }

    /// What a party learnt, in words.
    fn learnt(&self, party: Party) -> String {
        let peer = party.peer();
        let size = format!("the size of the {peer}'s list");
        let counts = self.min_audience > 0 && self.reveal.counts_first() == party;
        if self.withheld {
            return match counts {
                true => format!("{size}, and how many match"),
                false => format!("{size}, and that fewer than {} match", self.min_audience),
            };
        }
        if self.reveal.gives_matches_to(party) {
            format!("{size}, and which of its own entries match")
        } else if counts || self.reveal == Reveal::Count {
            format!("{size}, and how many match")
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
            let separator = if index == 0 && self.overlaps() { " (sides overlap): " } else { separator };
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

fn line(f: &mut Formatter<'_>, name: &str, [advertiser, platform]: [String; 2]) -> fmt::Result {
    writeln!(f, "{name:<34}{advertiser:>14}{platform:>14}")
}

/// With a thin separator at the thousands: 1 048 576.
fn grouped(number: u64) -> String {
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

fn seconds(seconds: f64) -> String {
    match seconds {
        s if s >= 100.0 => format!("{s:.0} s"),
        s if s >= 1.0 => format!("{s:.2} s"),
        s => format!("{:.1} ms", s * 1e3),
    }
}

fn bytes(bytes: u64) -> String {
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
