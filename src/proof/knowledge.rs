//! Knowledge of the key behind a public key.

use std::fmt;

use curve25519_dalek::ristretto::RistrettoPoint;
use curve25519_dalek::scalar::Scalar;
use rand::CryptoRng;

use super::hash::{Hash, nonce};
use super::{InvalidProof, Scalars, encode, vartime_decode};
use crate::group::Encoding;
use crate::key::{Key, PublicKey, role};

/// A proof that whoever made it knows `k` of `K = k G`, in one context and no other.
///
/// ```text
/// c = H("key challenge", context, K, r G)    modulo the group order
/// s = r - c k
/// ```
///
/// The verifier computes `r G = s G + c K` and compares the challenge. Schnorr 1991, made
/// non-interactive with a hash (Fiat and Shamir 1986) that covers the statement too.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct KeyProof(Scalars);

impl KeyProof {
    /// Bytes on the wire.
    pub const LEN: usize = 64;

    /// Proves knowledge of `key`, whose public half is `public`. One multiplication; constant time
    /// in the key. With a public key that is not its own, the proof does not hold.
    pub fn prove<K: role::Public, R: CryptoRng>(
        key: &Key<K>,
        public: &PublicKey,
        context: &[u8; 32],
        rng: &mut R,
    ) -> Self {
        let k = key.scalar().value();
        let r = nonce("key nonce", &k, &[context, &public.0.0], rng);
        let challenge = challenge(context, public, encode(&RistrettoPoint::mul_base(&r)));
        KeyProof(Scalars { challenge, response: *r - challenge * *k })
    }

    /// Checks it. Variable time; one multiplication of two points.
    ///
    /// # Errors
    /// [`InvalidProof`] where it does not hold: another key, another context, or a public key that is
    /// not canonical, not on the group, or the identity.
    pub fn verify(&self, public: &PublicKey, context: &[u8; 32]) -> Result<(), InvalidProof> {
        let key = vartime_decode(&public.0).ok_or(InvalidProof)?;
        let Scalars { challenge: c, response: s } = &self.0;
        let commitment = RistrettoPoint::vartime_double_scalar_mul_basepoint(c, &key, s);
        let expected = challenge(context, public, encode(&commitment));
        if expected == *c { Ok(()) } else { Err(InvalidProof) }
    }

    /// `challenge || response`, 32 bytes each, little-endian.
    pub fn to_bytes(&self) -> [u8; 64] {
        self.0.to_bytes()
    }

    /// From what [`to_bytes`](Self::to_bytes) gives.
    ///
    /// # Errors
    /// [`InvalidProof`] where a scalar is not below the group order, so that no proof has two forms.
    pub fn from_bytes(bytes: &[u8; 64]) -> Result<Self, InvalidProof> {
        Scalars::from_bytes(bytes).map(KeyProof)
    }
}

impl fmt::Debug for KeyProof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyProof(..)")
    }
}

fn challenge(context: &[u8; 32], public: &PublicKey, commitment: Encoding) -> Scalar {
    Hash::new("key challenge").with(context).with(&public.0.0).with(&commitment.0).scalar()
}
