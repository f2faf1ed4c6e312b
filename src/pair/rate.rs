//! Match rates, as coarse as the standard has them.

use std::fmt;

/// A match rate: all that a client is told of a match. Whole percents, and ">85%" for all above 85.
///
/// Shares are rounded down, so a rate never says more than matched; "above 85%" is decided before that:
/// 85.0 % is `85%`, and 85.1 % is `>85%`. The standard says neither.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rate {
    /// So many percent, from 0 to 85.
    Percent(u8),
    /// More than 85 %.
    Above85,
}

impl Rate {
    /// Of a list with so many entries, of which so many matched.
    pub fn of(matched: u64, entries: u64) -> Rate {
        let (matched, entries) = (u128::from(matched), u128::from(entries.max(1)));
        match 100 * matched > MOST * entries {
            true => Rate::Above85,
            false => Rate::Percent((100 * matched / entries) as u8), // at most 85
        }
    }
}

/// The highest percentage that is told.
const MOST: u128 = 85;

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Rate::Percent(percent) => write!(f, "{percent}%"),
            Rate::Above85 => f.write_str(">85%"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_whole_percents_and_end_at_85() {
        for (matched, entries, expected) in [
            (0, 1000, "0%"),
            (9, 1000, "0%"),
            (10, 1000, "1%"),
            (19, 1000, "1%"),
            (500, 1000, "50%"),
            (849, 1000, "84%"),
            (850, 1000, "85%"),
            (851, 1000, ">85%"),
            (8501, 10_000, ">85%"),
            (1000, 1000, ">85%"),
            (0, 0, "0%"),
            (u64::MAX, u64::MAX, ">85%"),
        ] {
            assert_eq!(Rate::of(matched, entries).to_string(), expected, "{matched} of {entries}");
        }
    }
}
