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
