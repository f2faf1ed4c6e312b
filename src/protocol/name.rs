//! Protocols by name, and what each can be asked for.

use std::fmt;

use serde::{Serialize, Serializer};

use super::{Party, Reveal};

/// A protocol, by its name in flags, reports and the handshake.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum ProtocolName {
    /// Diffie-Hellman PSI: [`dh`](super::dh).
    #[default]
    Dh,
    /// An oblivious pseudorandom function of the platform's: [`oprf`](super::oprf).
    Oprf,
    /// The same, each answer proven: [`voprf`](super::voprf).
    Voprf,
    /// Proven and with fresh keys, for either side or both: [`two_hash`](super::two_hash).
    TwoHash,
    /// Proven, and matched rows come with a label: [`labelled`](super::labelled).
    Labelled,
    /// How many match, and nothing of which: [`count`](super::count).
    Count,
    /// The total of the advertiser's values over what matches: [`sum`](super::sum).
    Sum,
    /// Two clean rooms: [`pair`](super::pair).
    Pair,
}

impl ProtocolName {
    /// Every protocol that matches two lists as they are. PAIR is not one: it has keys of its own and
    /// files to go with them, and its sessions are made by [`Side`](crate::pair::Side).
    pub const ALL: [ProtocolName; 7] = [
        ProtocolName::Dh,
        ProtocolName::Oprf,
        ProtocolName::Voprf,
        ProtocolName::TwoHash,
        ProtocolName::Labelled,
        ProtocolName::Count,
        ProtocolName::Sum,
    ];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            ProtocolName::Dh => "dh",
            ProtocolName::Oprf => "oprf",
            ProtocolName::Voprf => "voprf",
            ProtocolName::TwoHash => "two-hash",
            ProtocolName::Labelled => "labelled",
            ProtocolName::Count => "count",
            ProtocolName::Sum => "sum",
            ProtocolName::Pair => "pair",
        }
    }

    /// From its name.
    pub fn by_name(name: &str) -> Option<ProtocolName> {
        ProtocolName::ALL.into_iter().find(|protocol| protocol.name() == name)
    }

    /// Whether it can give the answer that `reveal` asks for.
    pub fn can_reveal(self, reveal: Reveal) -> bool {
        match self {
            ProtocolName::Dh => true,
            ProtocolName::TwoHash | ProtocolName::Count => reveal != Reveal::Count,
            ProtocolName::Sum => matches!(reveal, Reveal::Advertiser | Reveal::Platform),
            ProtocolName::Oprf
            | ProtocolName::Voprf
            | ProtocolName::Labelled
            | ProtocolName::Pair => reveal == Reveal::Advertiser,
        }
    }

    /// Whether somebody counts before matches are released, so that a minimum audience can be kept.
    /// Otherwise the receiver sees its matches and the count at once.
    pub fn keeps_minimum_audience(self) -> bool {
        matches!(self, ProtocolName::Dh | ProtocolName::Count | ProtocolName::Sum)
    }

    /// Whether its answer is about all matches at once, so that nobody learns which of its entries
    /// match: [`Reveal`] then says who learns that answer.
    pub fn is_aggregate(self) -> bool {
        matches!(self, ProtocolName::Count | ProtocolName::Sum | ProtocolName::Pair)
    }

    /// Whether `party` learns which of its own entries match, under this reveal.
    pub fn gives_matches_to(self, reveal: Reveal, party: Party) -> bool {
        !self.is_aggregate() && reveal.gives_matches_to(party)
    }

    /// Whether people, where they are counted, are those of `party`: the advertiser's where the answer
    /// is about all matches at once, and otherwise the own ones of each side that learns matches.
    pub fn counts_people_of(self, reveal: Reveal, party: Party) -> bool {
        match self.is_aggregate() {
            true => party == Party::Advertiser,
            false => reveal.gives_matches_to(party),
        }
    }

    /// Whether it can count people, under this reveal and with this minimum audience. Where it counts
    /// without telling which, or lets one side count first, that takes the people of one side alone.
    pub fn can_count_people(self, reveal: Reveal, min_audience: u64) -> bool {
        match self {
            ProtocolName::Dh => reveal != Reveal::Count,
            ProtocolName::Count => reveal != Reveal::Platform || min_audience == 0,
            ProtocolName::Pair => false, // its entries are identifiers, each with an ID of its own
            _ => true,
        }
    }

    /// Whether the platform may bring a set that was prepared for an epoch.
    pub fn takes_prepared_sets(self) -> bool {
        matches!(self, ProtocolName::Oprf | ProtocolName::Voprf)
    }
}

/// As its name.
impl Serialize for ProtocolName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl fmt::Display for ProtocolName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
