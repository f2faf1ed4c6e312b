//! The published mode of PAIR, byte for byte.
//!
//! ```text
//! salted = SHA-256(Ks || id)                    Ks: 32 bytes, the salt
//! point  = M(SHA-512(salted))                   M: RFC 9496 section 4.3.4
//! under a key k: k point, encoded (RFC 9496 section 4.3.2), shown as standard Base64 (RFC 4648)
//! ```
//!
//! Source: mode `0x01` ("SHA256Ristretto255") of the package `pair` in Optable's `match`, the only
//! published implementation; the standard leaves the cipher open.
//!
//! What `id` is, the standard says: the SHA-256 of the normalised value, without a salt. As which bytes it
//! is hashed again, the standard does not say; its example is 64 lowercase hexadecimal digits, which is also
//! what Optable's command line takes a line of its input for, so that text is what we hash.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256, Sha512};
use zeroize::{Zeroize, Zeroizing};

use super::key::SharedKey;
use crate::group::Encoding;
use crate::identifier::Identifier;

/// The mode's name, as both rooms must say it.
pub const NAME: &str = "SHA256Ristretto255";

/// How a match key is written before it is hashed, as both rooms must say it.
pub const MATCH_KEYS: &str = "sha256-hex";

/// Digits in a match key.
const DIGITS: usize = 64;

/// What the one-way map of the group takes, from Ks and an identifier of any form.
pub fn expand(ks: &SharedKey, id: &[u8]) -> Zeroizing<[u8; 64]> {
    let salted = Sha256::new().chain_update(ks.as_bytes()).chain_update(id).finalize();
    let salted: Zeroizing<[u8; 32]> = Zeroizing::new(salted.into());
    Zeroizing::new(Sha512::digest(*salted).into())
}

/// The same for the match key of a consented identifier, with its hexadecimal digits written in constant
/// time.
pub(crate) fn expand_identifier(ks: &SharedKey, identifier: &Identifier) -> Zeroizing<[u8; 64]> {
    let mut text = Zeroizing::new([0; DIGITS]);
    for (pair, byte) in text.as_chunks_mut::<2>().0.iter_mut().zip(digest(identifier)) {
        *pair = [byte >> 4, byte & 15].map(digit);
    }
    expand(ks, &*text)
}

/// The digest of an identifier, without its kind, which is no part of a match key.
pub(crate) fn digest(identifier: &Identifier) -> &[u8] {
    &identifier.as_bytes()[1..]
}

/// Without a table or a branch.
fn digit(value: u8) -> u8 {
    let letter = (9u8.wrapping_sub(value) >> 7) * (b'a' - b'0' - 10);
    b'0' + value + letter
}

/// A Publisher Identifier: KsKp of somebody, which the buying platform looks up in bid requests. To whoever
/// lacks the keys it is a random number.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Zeroize)]
pub struct PublisherId(pub Encoding);

impl PublisherId {
    /// Characters of its text.
    pub const LEN: usize = 44;

    /// From standard Base64 of 32 bytes. Whether a point has that encoding is not looked at.
    pub fn parse(text: &str) -> Option<PublisherId> {
        let bytes = STANDARD.decode(text).ok()?;
        bytes.try_into().ok().map(|bytes| PublisherId(Encoding(bytes)))
    }
}

/// Standard Base64.
impl fmt::Display for PublisherId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&STANDARD.encode(self.0.0))
    }
}

impl fmt::Debug for PublisherId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PublisherId(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identifier::Kind;

    #[test]
    fn a_match_key_is_the_digest_in_lowercase_digits() {
        let ks = SharedKey::from_bytes([7; 32]);
        for (kind, value, digits) in [
            // As the standard writes them, for user@example.com and +1111111111.
            (
                Kind::Email,
                "user@example.com",
                "b4c9a289323b21a01c3e940f150eb9b8c542587f1abfd8f0e1cc1ffc5e475514",
            ),
            (
                Kind::Phone,
                "+1111111111",
                "c1d3756a586b6f0d419b3e3d1b328674fbc6c4b842367ee7ded780390fc548ae",
            ),
        ] {
            let identifier = Identifier::from_normalised(kind, value);
            assert_eq!(expand_identifier(&ks, &identifier), expand(&ks, digits.as_bytes()));
        }
        let digits: String = (0..16).map(|value| char::from(digit(value))).collect();
        assert_eq!(digits, "0123456789abcdef");
    }

    #[test]
    fn texts_of_publisher_ids() {
        let id = PublisherId(Encoding([0xa5; 32]));
        assert_eq!(PublisherId::parse(&id.to_string()), Some(id));
        assert_eq!(id.to_string().len(), PublisherId::LEN);
        for text in ["", "pQ==", &id.to_string()[1..], &format!("{id} ")] {
            assert_eq!(PublisherId::parse(text), None, "{text}");
        }
    }
}
