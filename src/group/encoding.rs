//! The 32 bytes that stand for a group element.

use std::fmt;

/// The encoding of a group element, as it travels: 32 bytes, RFC 9496 section 4.3.2.
///
/// Holding one says nothing about validity: bytes from a peer are checked when they are decoded.
/// Encodings are public, so they compare and sort.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
#[repr(transparent)]
pub struct Encoding(pub [u8; Encoding::LEN]);

impl Encoding {
    /// Bytes in an encoding.
    pub const LEN: usize = 32;

    /// The encoding of the identity, which never stands for an identifier and is refused.
    pub const IDENTITY: Encoding = Encoding([0; Encoding::LEN]);

    /// The encoding of the generator, RFC 9496 section 4: what a mask is usually a multiple of.
    pub const GENERATOR: Encoding = Encoding([
        0xe2, 0xf2, 0xae, 0x0a, 0x6a, 0xbc, 0x4e, 0x71, 0xa8, 0x84, 0xa9, 0x61, 0xc5, 0x00, 0x51,
        0x5f, 0x58, 0xe3, 0x0b, 0x6a, 0xa5, 0x82, 0xdd, 0x8d, 0xb6, 0xa6, 0x59, 0x45, 0xe0, 0x8d,
        0x2d, 0x76,
    ]);

    /// Whether this is a canonical, non-negative field element other than zero: all that can be
    /// said of an encoding without looking for its point. Variable time.
    #[cfg(target_arch = "x86_64")] // the reference backend has its own
    pub(super) fn is_well_formed(&self) -> bool {
        let words = self.0.as_chunks::<8>().0;
        let [low, middle @ .., high] = [0, 1, 2, 3].map(|i| u64::from_le_bytes(words[i]));
        let below_p = high < u64::MAX >> 1
            || high == u64::MAX >> 1 && (middle != [u64::MAX; 2] || low < u64::MAX - 18);
        below_p && low & 1 == 0 && *self != Encoding::IDENTITY
    }
}

impl AsRef<[u8]> for Encoding {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

/// Shown by its first four bytes: enough to tell two apart in a failing test.
impl fmt::Debug for Encoding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, ..] = self.0;
        write!(f, "Encoding({a:02x}{b:02x}{c:02x}{d:02x}..)")
    }
}
