//! Zero-knowledge proofs about the key of an oblivious pseudorandom function.
//!
//! A side that evaluates for others publishes `K = k G`. Two proofs say that it keeps to it:
//!
//! - [`KeyProof`]: whoever made this knows `k` (Schnorr 1991).
//! - [`Transcript::prove`] and [`Transcript::check`]: the same `k` made every output `Z_i = k A_i` of
//!   a batch (Chaum and Pedersen 1992, for many pairs at once as in Henry 2014, section 3.2).
//!
//! Each is 64 bytes, `challenge || response`, whatever the size of the batch.
//!
//! # What each side learns
//!
//! The verifier learns that the statement holds and nothing else about `k`. The prover learns nothing.
//! Inputs, outputs and `K` are known to both.
//!
//! # What it is good for
//!
//! Without it, a side that evaluates with several keys can tell elements apart that it is to see as
//! alike, or make matches disappear and appear. It does not prove what was hashed, and it does not
//! prove that `K` is the key of anyone in particular: that takes a channel that authenticates `K`.
//!
//! # How
//!
//! Both sides hold a [`Transcript`] and feed it the same batches in the same order. `H` is SHA-512
//! over a tag of 64 bytes and its arguments, `j` the number of the batch, `first` the position of its
//! first element in the session, `n` its size; numbers are 64 bits, little-endian.
//!
//! ```text
//! state          = H("session",   session, K)
//! inputs         = H("inputs",    n, A_0, .., A_n-1)
//! outputs        = H("outputs",   n, Z_0, .., Z_n-1)
//! batch          = H("batch",     state, K, j, first, n, inputs, outputs)
//! w_4i .. w_4i+3 = H("weights",   batch, i)                      four times 128 bits
//! M, Z           = sum w_i A_i, sum w_i Z_i                      the prover takes Z = k M
//! r              = H("nonce",     k, 32 random bytes, batch, M)  modulo the group order
//! c              = H("challenge", batch, K, M, Z, r G, r M)      modulo the group order
//! s              = r - c k
//! state          = H("next",      batch, c, s)                   for the next batch
//! ```
//!
//! The verifier computes `r G = s G + c K` and `r M = s M + c Z`, and compares the challenge.
//!
//! # Why the weights come from the whole transcript
//!
//! If outputs are off by `E_i = Z_i - k A_i`, the proof holds only if `sum w_i E_i` is the identity.
//! The group has prime order, so for errors that are chosen before the weights that happens with
//! probability 2^-128. A prover that knew the weights first would choose `E_0 = w_1 P` and
//! `E_1 = -w_0 P`.
//!
//! It does not help to hash each pair alone, as RFC 9497 does: then a prover can try errors for one
//! pair while the weights of the others stay, and look for one try of each pair such that all of
//! them sum to zero. That is the generalised birthday problem (Wagner 2002), which for `m` pairs and
//! a group of 252 bits takes about `m 2^(252 / (1 + log2 m))` steps: 2^31 for 16384 pairs. Here every
//! weight depends on every element of the batch and, through `state`, on every batch before it, so
//! that each try draws all of them anew.
//!
//! # Assumptions
//!
//! Discrete logarithms on ristretto255 are hard and SHA-512 is a random oracle. A prover that hashes
//! `q` times cheats with probability of about `q 2^-128`.
//!
//! # Cost
//!
//! For an element, in `prove`: one decoding, 64 bytes of hashing, a 128-bit weight and the weight's
//! part in a variable-time multiscalar multiplication. In `check`: the same, and one more decoding and
//! multiplication. In batches of 4096 on one core of an AMD EPYC (2026-11-23, `benches/proof.rs`), in
//! microseconds an element, with the evaluation itself for scale:
//!
//! | | portable | avx2 | avx512 |
//! |---|---|---|---|
//! | `prove` | 8.5 | 3.5 | 2.0 |
//! | `check` | 18.5 | 6.8 | 3.6 |
//! | evaluation | 33 | 10.6 | 6.0 |
//!
//! A batch costs some 120 us besides, so proofs are best made for a thousand elements and more.
//! Memory: about 180 bytes an element of the batch.
//!
//! # Secrets
//!
//! `k` and `r` are used in constant time and wiped. The nonce is drawn from a hash of the key, of
//! what is proved, and of random bytes: a generator that fails, or repeats itself, does not give the
//! key away, and with a good one neither does a fault in one of two proofs of the same statement.
//!
//! # Example
//!
//! ```
//! use blindmatch::group::{DomainTag, Encoding, Engine};
//! use blindmatch::key::{Key, role};
//! use blindmatch::proof::{BatchProof, KeyProof, Transcript};
//!
//! let (engine, mut rng) = (Engine::detect(), rand::rng());
//! let session = [7; 32];
//!
//! // The side that evaluates.
//! let key = Key::<role::Evaluate>::fresh(&mut rng);
//! let public = key.public(&engine);
//! let knows = KeyProof::prove(&key, &public, &session, &mut rng);
//! # let inputs = [Encoding::GENERATOR];
//! # let outputs = [public.0];
//! let mut transcript = Transcript::new(&session, &public)?;
//! let proof = transcript.prove(&engine, &key, &inputs, &outputs, &mut rng)?;
//!
//! // The side that asked.
//! knows.verify(&public, &session)?;
//! let mut transcript = Transcript::new(&session, &public)?;
//! let proof = BatchProof::from_bytes(&proof.to_bytes())?;
//! transcript.check(&engine, &inputs, &outputs, &proof)?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use curve25519_dalek::ristretto::{CompressedRistretto, RistrettoPoint};
use curve25519_dalek::scalar::Scalar;

use crate::group::Encoding;

mod composite;
mod hash;
mod knowledge;
#[cfg(test)]
mod tests;
mod transcript;

pub use knowledge::KeyProof;
pub use transcript::{BatchFault, BatchProof, Transcript};

/// A proof that does not hold, or that is not one: a scalar in it is not canonical.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the proof does not hold")]
pub struct InvalidProof;

/// A public key that is not canonical, not on the group, or the identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a public key")]
pub struct InvalidPublicKey;

/// What both proofs are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Scalars {
    pub(crate) challenge: Scalar,
    pub(crate) response: Scalar,
}

impl Scalars {
    pub(crate) fn to_bytes(self) -> [u8; 64] {
        let mut bytes = [0; 64];
        bytes[..32].copy_from_slice(self.challenge.as_bytes());
        bytes[32..].copy_from_slice(self.response.as_bytes());
        bytes
    }

    pub(crate) fn from_bytes(bytes: &[u8; 64]) -> Result<Self, InvalidProof> {
        let [challenge, response] = *bytes.as_chunks::<32>().0 else { return Err(InvalidProof) };
        let scalar = |bytes| Option::from(Scalar::from_canonical_bytes(bytes)).ok_or(InvalidProof);
        Ok(Scalars { challenge: scalar(challenge)?, response: scalar(response)? })
    }
}

/// The point of an encoding. `None` for the identity too.
pub(crate) fn vartime_decode(encoding: &Encoding) -> Option<RistrettoPoint> {
    let point = CompressedRistretto(encoding.0).decompress();
    point.filter(|_| *encoding != Encoding::IDENTITY)
}

pub(crate) fn encode(point: &RistrettoPoint) -> Encoding {
    Encoding(point.compress().0)
}
