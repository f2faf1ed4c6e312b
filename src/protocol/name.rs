//! Protocols by name, and what each can be asked for.

use std::fmt;

use super::Reveal;

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
}

impl ProtocolName {
    /// Every protocol.
    pub const ALL: [ProtocolName; 5] = [
        ProtocolName::Dh,
        ProtocolName::Oprf,
        ProtocolName::Voprf,
        ProtocolName::TwoHash,
        ProtocolName::Labelled,
    ];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            ProtocolName::Dh => "dh",
            ProtocolName::Oprf => "oprf",
            ProtocolName::Voprf => "voprf",
            ProtocolName::TwoHash => "two-hash",
            ProtocolName::Labelled => "labelled",
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
            ProtocolName::TwoHash => reveal != Reveal::Count,
            ProtocolName::Oprf | ProtocolName::Voprf | ProtocolName::Labelled => {
                reveal == Reveal::Advertiser
            }
        }
    }

    /// Whether somebody counts before matches are released, so that a minimum audience can be kept.
    /// Otherwise the receiver sees its matches and the count at once.
    pub fn keeps_minimum_audience(self) -> bool {
        self == ProtocolName::Dh
    }

    /// Whether the platform may bring a set that was prepared for an epoch.
    pub fn takes_prepared_sets(self) -> bool {
        matches!(self, ProtocolName::Oprf | ProtocolName::Voprf)
    }
}

impl fmt::Display for ProtocolName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
