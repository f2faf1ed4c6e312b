//! The hash of proofs: SHA-512 over a tag and arguments.
//!
//! A tag is padded to 64 bytes, and what follows it always has the same lengths, so that no two
//! calls hash the same bytes. Half a block of tag and 64 bytes of a digest fill one block of SHA-512,
//! whose state the weights share.

use curve25519_dalek::scalar::Scalar;
use rand::CryptoRng;
use sha2::{Digest, Sha512};
use zeroize::Zeroizing;

use crate::group::Encoding;

/// A hash that is being fed.
#[derive(Clone)]
pub(super) struct Hash(Sha512);

impl Hash {
    /// After a tag: a name of at most 44 bytes, the same for one kind of arguments only.
    pub(super) fn new(name: &str) -> Self {
        let mut tag = [0; 64];
        tag[..PREFIX.len()].copy_from_slice(PREFIX);
        tag[PREFIX.len()..][..name.len()].copy_from_slice(name.as_bytes());
        Hash(Sha512::new().chain_update(tag))
    }

    /// After an argument of fixed length more.
    pub(super) fn with(self, bytes: &[u8]) -> Self {
        Hash(self.0.chain_update(bytes))
    }

    /// After a number more.
    pub(super) fn number(self, number: u64) -> Self {
        self.with(&number.to_le_bytes())
    }

    /// After the number of some encodings, and themselves.
    pub(super) fn all(self, encodings: &[Encoding]) -> Self {
        encodings.iter().fold(self.number(encodings.len() as u64), |hash, one| hash.with(&one.0))
    }

    /// The digest.
    pub(super) fn digest(self) -> [u8; 64] {
        self.0.finalize().into()
    }

    /// The digest modulo the group order.
    pub(super) fn scalar(self) -> Scalar {
        Scalar::from_bytes_mod_order_wide(&self.digest())
    }
}

/// A nonce from a key, randomness, and all that the proof is about.
pub(super) fn nonce<R: CryptoRng>(
    name: &str,
    key: &Scalar,
    about: &[&[u8]],
    rng: &mut R,
) -> Zeroizing<Scalar> {
    let mut random = Zeroizing::new([0; 32]);
    rng.fill_bytes(&mut *random);
    let hash = Hash::new(name).with(key.as_bytes()).with(&*random);
    let hash = about.iter().fold(hash, |hash, part| hash.with(part));
    let digest = Zeroizing::new(hash.digest());
    Zeroizing::new(Scalar::from_bytes_mod_order_wide(&digest))
}

/// What every tag begins with.
const PREFIX: &[u8] = b"blindmatch-v1 proof ";
