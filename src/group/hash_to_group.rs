//! Messages to uniform bytes: `expand_message_xmd` of RFC 9380 section 5.3.1, with SHA-512.
//!
//! ristretto255 is hashed to by expanding the message to 64 uniform bytes and applying the one-way
//! map of RFC 9496 section 4.3.4 to them (RFC 9380 appendix B, RFC 9497 section 4.1). For 64 bytes
//! the expansion is two hashes:
//!
//! ```text
//! b0  = SHA-512(128 zero bytes || message || 0x0040 || 0x00 || tag || len(tag))
//! out = SHA-512(b0 || 0x01 || tag || len(tag))
//! ```
//!
//! The first block of the first hash is always zero, so its state is computed once and cloned. With
//! a tag of at most 45 bytes and a message of 33 each hash then costs one compression.

use sha2::{Digest, Sha512};
use zeroize::Zeroizing;

/// A domain separation tag, with what can be computed from it in advance.
#[derive(Clone)]
pub struct DomainTag {
    /// SHA-512 after the block of zeros.
    after_padding: Sha512,
    /// Output length in two bytes, a zero byte, the tag and its length.
    suffix: Vec<u8>,
}

/// What precedes the tag in [`DomainTag::suffix`].
const LENGTH_AND_ZERO: [u8; 3] = [0, 64, 0];

impl DomainTag {
    /// From the tag's bytes: 1 to 255 of them. RFC 9380 asks for at least 16.
    ///
    /// # Panics
    /// If `tag` is empty or longer than 255 bytes. Tags are constants of a program, not input.
    pub fn new(tag: &[u8]) -> Self {
        let length = u8::try_from(tag.len()).expect("a domain tag of at most 255 bytes");
        assert!(length > 0, "a domain tag of at least one byte");
        let mut suffix = LENGTH_AND_ZERO.to_vec();
        suffix.extend_from_slice(tag);
        suffix.push(length);
        DomainTag { after_padding: Sha512::new().chain_update([0; 128]), suffix }
    }

    /// 64 uniform bytes from a message.
    pub fn expand(&self, message: &[u8]) -> Zeroizing<[u8; 64]> {
        let first = self.after_padding.clone().chain_update(message).chain_update(&self.suffix);
        let first: Zeroizing<[u8; 64]> = Zeroizing::new(first.finalize().into());
        let last = Sha512::new()
            .chain_update(*first)
            .chain_update([1])
            .chain_update(&self.suffix[LENGTH_AND_ZERO.len()..]);
        Zeroizing::new(last.finalize().into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 9380 appendix K.3 (SHA-512, tag of 38 bytes) gives outputs of 0x20 and 0x80 bytes; ours is
    /// always 0x40. This checks the structure against the definition, written out plainly.
    #[test]
    fn equals_the_definition_written_out() {
        let tag = b"QUUX-V01-CS02-with-expander-SHA512-256";
        for message in [&b""[..], b"abc", &[7; 200]] {
            let mut tag_prime = tag.to_vec();
            tag_prime.push(tag.len() as u8);
            let b0 = Sha512::digest([&[0; 128], message, &[0, 64, 0], &tag_prime].concat());
            let b1 = Sha512::digest([&b0[..], &[1], &tag_prime].concat());
            assert_eq!(DomainTag::new(tag).expand(message)[..], b1[..]);
        }
    }
}
