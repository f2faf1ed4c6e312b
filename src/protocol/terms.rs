//! What both sides agree on before any list data moves.

use std::fmt;

use serde::Serialize;

use super::{Epsilon, ProtocolName};
use crate::consent::Purpose;
use crate::error::hex;

/// One of the two parties.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Party {
    /// Brings the smaller list, of its own customers.
    Advertiser,
    /// Brings the larger list, of its users.
    Platform,
}

impl Party {
    /// The other one.
    pub fn peer(self) -> Party {
        match self {
            Party::Advertiser => Party::Platform,
            Party::Platform => Party::Advertiser,
        }
    }

    /// The byte that stands for it on the wire and in commitments.
    pub(crate) fn code(self) -> u8 {
        match self {
            Party::Advertiser => 1,
            Party::Platform => 2,
        }
    }

    /// Its name in reports and flags.
    pub fn name(self) -> &'static str {
        match self {
            Party::Advertiser => "advertiser",
            Party::Platform => "platform",
        }
    }
}

impl fmt::Display for Party {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What a session gives, and to whom. In [`count`](super::count) and [`sum`](super::sum), which give
/// nobody matches, it says who learns the count or the total.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Reveal {
    /// The advertiser learns which of its entries match.
    #[default]
    Advertiser,
    /// The platform learns which of its entries match.
    Platform,
    /// Each learns which of its own entries match.
    Both,
    /// Both learn how many match, and neither learns which.
    Count,
}

impl Reveal {
    /// Every choice.
    pub const ALL: [Reveal; 4] =
        [Reveal::Advertiser, Reveal::Platform, Reveal::Both, Reveal::Count];

    /// Its name in reports and flags.
    pub fn name(self) -> &'static str {
        match self {
            Reveal::Advertiser => "advertiser",
            Reveal::Platform => "platform",
            Reveal::Both => "both",
            Reveal::Count => "count",
        }
    }

    /// Whether `party` learns which of its own entries match.
    pub fn gives_matches_to(self, party: Party) -> bool {
        match self {
            Reveal::Advertiser => party == Party::Advertiser,
            Reveal::Platform => party == Party::Platform,
            Reveal::Both => true,
            Reveal::Count => false,
        }
    }

    /// The party that counts before anything is released, where a minimum audience is agreed: the
    /// one that will not learn the matches, or else the platform.
    pub fn counts_first(self) -> Party {
        match self {
            Reveal::Platform => Party::Advertiser,
            Reveal::Advertiser | Reveal::Both | Reveal::Count => Party::Platform,
        }
    }
}

impl fmt::Display for Reveal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What matches are counted in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// Each identifier by itself.
    #[default]
    Identifiers,
    /// People, who may have several identifiers each: see [`People`](crate::list::People).
    People,
}

impl Unit {
    /// Its name in reports, flags and the handshake.
    pub fn name(self) -> &'static str {
        match self {
            Unit::Identifiers => "identifiers",
            Unit::People => "people",
        }
    }
}

impl fmt::Display for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What was agreed on, as one side sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Terms {
    /// The protocol.
    pub protocol: ProtocolName,
    /// The side that we are.
    pub party: Party,
    /// What is revealed to whom.
    pub reveal: Reveal,
    /// What matches, the minimum audience and values are counted in.
    pub unit: Unit,
    /// Fewest matches that are revealed.
    pub min_audience: u64,
    /// What values are cut down to before they are added, in a sum.
    pub clip: Option<u64>,
    /// Epsilon of the [`noise`](super::noise) in what the advertiser is told; `None` for exact answers.
    pub noise: Option<Epsilon>,
    /// What the match is for.
    pub purpose: Purpose,
    /// Elements in our list.
    pub our_elements: u64,
    /// Elements in the peer's list.
    pub their_elements: u64,
    /// The notice under which the peer attests consent, if it does.
    pub their_attestation: Option<String>,
    /// Hash of both hellos and the channel: the same on both sides, and for no other session.
    pub session: [u8; 32],
}

impl Terms {
    /// The most that can match.
    pub(crate) fn most_matches(&self) -> u64 {
        self.our_elements.min(self.their_elements)
    }

    /// The session's name in reports and files: the first 16 bytes of its hash, in hexadecimal.
    pub fn session_name(&self) -> String {
        hex(&self.session[..16])
    }
}
