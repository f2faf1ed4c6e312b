//! Oblivious pseudorandom functions as RFC 9497 has them: modes OPRF and VOPRF over
//! ristretto255-SHA512.
//!
//! # For interoperability only
//!
//! This module takes arbitrary bytes and speaks to any implementation of the RFC. It is no way around
//! the consent gate: its outputs can never meet those of blindmatch sessions, which hash to the
//! group and derive their values under other domain tags, and no session takes its types. Like the
//! [group](crate::group#what-it-is-not), it is what any library of its kind offers.
//!
//! # What each side learns
//!
//! The client learns `F(k, input)` for its inputs, 64 bytes each, and nothing else about the server's
//! key. The server learns how many inputs there were. In mode VOPRF the client also learns that the
//! key behind a public key was used.
//!
//! # What leaks
//!
//! Sizes and timing. In mode OPRF a server can use another key for each client, or each element,
//! unseen. A key that serves many clients lets each of them test as many guesses as it is
//! answered.
//!
//! # Data flow
//!
//! ```text
//! client                                          server
//!   blind: r H(input)
//!      ---------- blinded elements, 32 bytes each ---------->
//!                                                   blind_evaluate: k r H(input)
//!      <--------- evaluated elements, 32 bytes each ---------
//!      <--------- VOPRF: a proof of 64 bytes ----------------
//!   finalize: check the proof,
//!   SHA-512(input, k H(input), "Finalize")
//! ```
//!
//! # Assumptions
//!
//! One-more gap Diffie-Hellman on ristretto255, and hashes as random oracles (RFC 9497, section 7).
//!
//! One proof may cover a batch, but the RFC draws the weight of each pair from that pair alone. So a
//! server can search for errors that cancel: by Wagner's algorithm (2002) for the generalised
//! birthday problem that takes about `m 2^(252 / (1 + log2 m))` steps for `m` pairs, 2^86 for four,
//! 2^54 for 16, 2^31 for 16384. Where that matters, keep to one or two elements a batch, or use
//! [`proof`](crate::proof), whose weights come from the whole batch.
//!
//! # Cost
//!
//! For an element: the client's [`blind`](Client::blind) is one hash to the group and one
//! multiplication, the server's `blind_evaluate` one multiplication, `finalize` one multiplication;
//! all batched. A proof adds one decoding and one variable-time multiplication for each side of
//! every pair, one at a time.
//!
//! # Left out
//!
//! Mode POPRF, with public information in every evaluation, and the other ciphersuites.
//!
//! # Example
//!
//! ```
//! use blindmatch::group::Engine;
//! use blindmatch::rfc9497::{Client, PublicKey, ServerKey, Voprf};
//!
//! let (engine, mut rng) = (Engine::detect(), rand::rng());
//! let server = ServerKey::<Voprf>::fresh(&mut rng);
//! let public = PublicKey::from_encoding(server.public().encoding())?;
//!
//! let (client, blinded) = Client::<Voprf>::blind(&engine, &["one", "two"], &mut rng)?;
//! let (evaluated, proof) = server.blind_evaluate(&engine, &blinded, &mut rng)?;
//! let outputs = client.finalize(&engine, &public, &evaluated, &proof)?;
//!
//! let expected = server.evaluate(&engine, &["one", "two"])?;
//! assert_eq!(outputs[1].as_bytes(), expected[1].as_bytes());
//! # Ok::<(), blindmatch::rfc9497::OprfError>(())
//! ```

use std::fmt;

use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::group::Encoding;

mod client;
mod proof;
mod server;
mod suite;

pub use client::Client;
pub use proof::Proof;
pub use server::{PublicKey, ServerKey};
pub use suite::{Mode, Oprf, Voprf};

/// An element on its way to the server: `r H(input)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BlindedElement(pub Encoding);

/// An element on its way back: `k r H(input)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EvaluatedElement(pub Encoding);

/// The value of the function: 64 bytes that only who knows the key, or was answered, can compute.
///
/// Wiped when dropped; prints as `Output(..)`; has no comparison operators.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct Output([u8; 64]);

impl Output {
    /// Its bytes.
    pub fn as_bytes(&self) -> &[u8; 64] {
        &self.0
    }
}

impl fmt::Debug for Output {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Output(..)")
    }
}

/// What can go wrong, by the RFC's names where it has one (section 5.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OprfError {
    /// `InvalidInputError`: the input hashes to the identity. Nobody knows such an input.
    #[error("input {position} hashes to the identity")]
    InvalidInput {
        /// Its index in the batch.
        position: usize,
    },
    /// An input, or a key's `info`, of more than 65535 bytes.
    #[error("input {position} of {length} bytes; the limit is 65535")]
    InputTooLong {
        /// Its index in the batch.
        position: usize,
        /// Its length.
        length: usize,
    },
    /// `DeserializeError`: an element is not canonical, not on the group, or the identity.
    #[error("element {position} cannot be deserialised")]
    Deserialize {
        /// Its index in the batch; the lowest, where several are bad.
        position: usize,
    },
    /// `DeserializeError`: a scalar of a proof or key is not canonical, or a key is zero.
    #[error("a scalar cannot be deserialised")]
    DeserializeScalar,
    /// `DeserializeError`: a public key is not canonical, not on the group, or the identity.
    #[error("the public key cannot be deserialised")]
    DeserializePublicKey,
    /// `VerifyError`: the proof does not hold.
    #[error("the proof does not hold")]
    Verify,
    /// `DeriveKeyPairError`: no key in 256 tries, which does not happen.
    #[error("no key can be derived from this seed")]
    DeriveKeyPair,
    /// A batch of another size than was asked for, or, where it is to be proved, empty or of more
    /// than 65535 elements.
    #[error("a batch of {got} where {expected} can be taken")]
    BatchSize {
        /// Its size.
        got: usize,
        /// The size that was due, or the limit.
        expected: usize,
    },
}
