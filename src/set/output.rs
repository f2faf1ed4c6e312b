//! Outputs of the function: what a set holds, and the secrets that belong to them.

use std::fmt;

use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::group::Encoding;
use crate::identifier::Identifier;

/// The value of the function for one identifier: public, because sets of them are published.
///
/// The first 16 bytes of a hash, the first one highest, so that outputs order as their bytes do.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Output(pub u128);

impl Output {
    /// The first 16 bytes of a hash.
    fn of(digest: &[u8; 32]) -> Output {
        let (first, _) = digest.split_first_chunk().expect("32 bytes hold 16");
        Output(u128::from_be_bytes(*first))
    }
}

/// Shown by its first four bytes: enough to tell two apart in a failing test.
impl fmt::Debug for Output {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Output({:08x}..)", self.0 >> 96)
    }
}

/// Makes outputs, from identifiers and what a key made of them.
///
/// ```text
/// value  = first 16 bytes of SHA-256(D || context || identifier || encoding)   D: "blindmatch-v2 output"
/// secret =                   SHA-256(D || context || identifier || encoding)   D: "blindmatch-v2 secret"
/// ```
///
/// `D` is padded with zeros to 32 bytes, so that it fills one block of the hash together with the
/// context, 32 bytes that belong to one key, list and peer. The identifier is its kind and digest, 33
/// bytes, and the encoding is the key's multiple of the identifier's point, 32 bytes. That encoding is
/// a secret of whoever computes it: with it, guesses at the identifier can be tried against a
/// published set. Whoever holds some wipes them once outputs are made.
#[derive(Clone)]
pub struct Outputs {
    values: Sha256,
    secrets: Sha256,
}

impl Outputs {
    /// For one context.
    pub fn new(context: &[u8; 32]) -> Outputs {
        let after = |domain: &[u8]| {
            let mut block = [0; 32];
            block[..domain.len()].copy_from_slice(domain);
            Sha256::new().chain_update(block).chain_update(context)
        };
        Outputs { values: after(VALUE), secrets: after(SECRET) }
    }

    /// The public value.
    pub fn value(&self, identifier: &[u8; Identifier::LEN], encoding: &Encoding) -> Output {
        Output::of(&finish(&self.values, identifier, encoding))
    }

    /// The secret that belongs to it: a key for what is attached to the identifier.
    pub fn secret(
        &self,
        identifier: &[u8; Identifier::LEN],
        encoding: &Encoding,
    ) -> Zeroizing<[u8; 32]> {
        finish(&self.secrets, identifier, encoding)
    }
}

fn finish(
    start: &Sha256,
    identifier: &[u8; Identifier::LEN],
    encoding: &Encoding,
) -> Zeroizing<[u8; 32]> {
    let hash = start.clone().chain_update(identifier).chain_update(encoding.0);
    Zeroizing::new(hash.finalize().into())
}

const VALUE: &[u8] = b"blindmatch-v2 output";
const SECRET: &[u8] = b"blindmatch-v2 secret";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_output_is_the_hash_written_out() {
        let (context, identifier, encoding) = ([5; 32], [6; Identifier::LEN], Encoding([7; 32]));
        let outputs = Outputs::new(&context);
        let digest = |domain: &[u8]| {
            let mut block = domain.to_vec();
            block.resize(32, 0);
            Sha256::digest([&block[..], &context, &identifier, &encoding.0].concat())
        };
        let value = outputs.value(&identifier, &encoding);
        assert_eq!(value.0.to_be_bytes(), digest(b"blindmatch-v2 output")[..16]);
        let secret = outputs.secret(&identifier, &encoding);
        assert_eq!(secret[..], digest(b"blindmatch-v2 secret")[..]);
    }

    #[test]
    fn each_part_counts() {
        let value = |context, identifier, encoding| {
            Outputs::new(&[context; 32]).value(&[identifier; 33], &Encoding([encoding; 32]))
        };
        let values = [value(1, 1, 1), value(2, 1, 1), value(1, 2, 1), value(1, 1, 2)];
        assert!((1..4).all(|i| !values[..i].contains(&values[i])));
        assert_eq!(format!("{:?}", Output(0x1234_5678 << 96)), "Output(12345678..)");
    }
}
