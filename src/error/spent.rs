//! What a query budget says to a peer that has spent it.

use std::fmt::{self, Display, Formatter};

use jiff::Timestamp;

use crate::protocol::Epsilon;

/// Why a session is refused: what is spent, how far, and when there is more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spent {
    /// What is spent.
    pub limit: Limit,
    /// How much of it is used, in the limit's unit; 0 for an overlap, which would tell the peer about
    /// matches that it may not be due.
    pub used: u64,
    /// How much this session asks for.
    pub asked: u64,
    /// How much there is in a period.
    pub allowed: u64,
    /// When the next period begins, to the second.
    pub until: Timestamp,
}

/// What a query budget limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Limit {
    /// Sessions.
    Sessions,
    /// Elements that were asked about, in all sessions together.
    Elements,
    /// The epsilon of noise, in millionths.
    Epsilon,
    /// How far one list is another again, in thousandths.
    Overlap,
}

impl Spent {
    /// Of epsilon: as much as an answer without noise takes.
    pub const BOUNDLESS: u64 = u64::MAX;
}

impl Limit {
    /// Every limit.
    pub const ALL: [Limit; 4] = [Limit::Sessions, Limit::Elements, Limit::Epsilon, Limit::Overlap];

    /// The byte that stands for it on the wire.
    pub(crate) fn code(self) -> u8 {
        match self {
            Limit::Sessions => 1,
            Limit::Elements => 2,
            Limit::Epsilon => 3,
            Limit::Overlap => 4,
        }
    }
}

impl Display for Spent {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Spent { limit, used, asked, allowed, until } = self;
        match limit {
            Limit::Sessions => write!(f, "{used} of {allowed} sessions are used"),
            Limit::Elements => {
                write!(f, "{used} of {allowed} elements are used, and this list has {asked}")
            }
            Limit::Epsilon if *used == Spent::BOUNDLESS => {
                let allowed = Epsilon::from_millionths(*allowed);
                write!(f, "answers without noise were given, so that epsilon {allowed} cannot hold")
            }
            Limit::Epsilon => {
                let [used, asked, allowed] =
                    [used, asked, allowed].map(|millionths| Epsilon::from_millionths(*millionths));
                write!(f, "{used} of epsilon {allowed} is used, and this session takes {asked}")
            }
            Limit::Overlap => {
                let percent = *allowed as f64 / 10.0;
                write!(f, "successive lists overlap by more than {percent} %")
            }
        }?;
        match *asked > *allowed {
            true => write!(f, "; no period has room for it"),
            false => write!(f, "; the next period begins at {until}"),
        }
    }
}
