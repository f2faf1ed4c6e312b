//! One proof for a batch, and what joins the batches of a session.

use std::fmt;

use curve25519_dalek::ristretto::RistrettoPoint;
use curve25519_dalek::scalar::Scalar;
use curve25519_dalek::traits::VartimeMultiscalarMul;
use rand::CryptoRng;

use super::composite::{composite, weights};
use super::hash::{Hash, nonce};
use super::{InvalidProof, InvalidPublicKey, Scalars, encode, vartime_decode};
use crate::group::{Encoding, Engine, InvalidPoint, Parallelism};
use crate::key::{Key, PublicKey, role};

/// What has been proved in a session so far, under one public key.
///
/// The prover and the verifier hold one each; after the same batches, both are in the same
/// [`state`](Self::state). A batch that is refused leaves it as it was.
#[derive(Clone)]
pub struct Transcript {
    public: PublicKey,
    key: RistrettoPoint,
    state: [u8; 64],
    batches: u64,
    elements: u64,
}

/// A proof that one key made all outputs of a batch. It holds in one place of one session.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct BatchProof(Scalars);

/// What is wrong with a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BatchFault {
    /// Inputs and outputs differ in number, or there are none.
    #[error("{inputs} inputs and {outputs} outputs")]
    Sizes {
        /// How many inputs.
        inputs: usize,
        /// How many outputs.
        outputs: usize,
    },
    /// An input is no element: the fault of the side that asked.
    #[error("inputs: {0}")]
    Input(InvalidPoint),
    /// An output is no element: the fault of the side that evaluated.
    #[error("outputs: {0}")]
    Output(InvalidPoint),
    /// All are elements, but the proof does not hold for them, here and under this key.
    #[error(transparent)]
    DoesNotHold(#[from] InvalidProof),
}

impl Transcript {
    /// For a session and the public key whose use is to be proved in it. The session's id must bind
    /// both sides and their terms, and never repeat.
    ///
    /// # Errors
    /// [`InvalidPublicKey`] where the key is not canonical, not on the group, or the identity.
    pub fn new(session: &[u8; 32], public: &PublicKey) -> Result<Self, InvalidPublicKey> {
        let key = vartime_decode(&public.0).ok_or(InvalidPublicKey)?;
        let state = Hash::new("session").with(session).with(&public.0.0).digest();
        Ok(Transcript { public: *public, key, state, batches: 0, elements: 0 })
    }

    /// Proves that `key` made each of `outputs` from that of `inputs`.
    ///
    /// Neither the outputs nor the key are looked at: if one of them is another, the proof does not
    /// hold. Constant time in the key; variable time in inputs and outputs, which are public.
    ///
    /// # Errors
    /// [`BatchFault::Sizes`], and [`BatchFault::Input`] with the first input that is no element.
    pub fn prove<K: role::Public, R: CryptoRng>(
        &mut self,
        engine: &Engine,
        key: &Key<K>,
        inputs: &[Encoding],
        outputs: &[Encoding],
        rng: &mut R,
    ) -> Result<BatchProof, BatchFault> {
        let batch = self.batch(engine, inputs, outputs)?;
        let weights = weights(engine, &batch, inputs.len());
        let m = composite(engine, inputs, &weights).map_err(BatchFault::Input)?;
        let point = vartime_decode(&m).ok_or(InvalidProof)?;

        let k = key.scalar().value();
        let r = nonce("nonce", &k, &[&batch, &m.0], rng);
        let [z, base, commitment] = [point * *k, RistrettoPoint::mul_base(&r), point * *r];
        let challenge = self.challenge(&batch, &m, [z, base, commitment].each_ref().map(encode));
        let proof = BatchProof(Scalars { challenge, response: *r - challenge * *k });
        self.advance(&batch, &proof, inputs.len());
        Ok(proof)
    }

    /// Checks that the key behind the public key made each of `outputs` from that of `inputs`.
    /// Variable time.
    ///
    /// After an error nothing of the batch must be used, and the session should end.
    ///
    /// # Errors
    /// [`BatchFault`], whose positions are of the first that is no element.
    pub fn check(
        &mut self,
        engine: &Engine,
        inputs: &[Encoding],
        outputs: &[Encoding],
        proof: &BatchProof,
    ) -> Result<(), BatchFault> {
        let batch = self.batch(engine, inputs, outputs)?;
        let weights = weights(engine, &batch, inputs.len());
        let m = composite(engine, inputs, &weights).map_err(BatchFault::Input)?;
        let z = composite(engine, outputs, &weights).map_err(BatchFault::Output)?;
        let points = [&m, &z].map(vartime_decode);
        // An identity, which honest weights give with probability 2^-128, proves nothing.
        let [Some(m_point), Some(z_point)] = points else { return Err(InvalidProof.into()) };

        let Scalars { challenge: c, response: s } = &proof.0;
        let base = RistrettoPoint::vartime_double_scalar_mul_basepoint(c, &self.key, s);
        let commitment = RistrettoPoint::vartime_multiscalar_mul([s, c], [m_point, z_point]);
        if self.challenge(&batch, &m, [z, encode(&base), encode(&commitment)]) != *c {
            return Err(InvalidProof.into());
        }
        self.advance(&batch, proof, inputs.len());
        Ok(())
    }

    /// The public key.
    pub fn public(&self) -> &PublicKey {
        &self.public
    }

    /// A digest of the session, the public key, and all batches with their proofs. To compare, and to
    /// keep as evidence.
    pub fn state(&self) -> &[u8; 64] {
        &self.state
    }

    /// How many elements have been proved.
    pub fn elements(&self) -> u64 {
        self.elements
    }

    /// What the weights of a batch are drawn from: every element of it, and all that came before.
    pub(super) fn batch(
        &self,
        engine: &Engine,
        inputs: &[Encoding],
        outputs: &[Encoding],
    ) -> Result<[u8; 64], BatchFault> {
        let count = inputs.len();
        if count == 0 || count != outputs.len() {
            return Err(BatchFault::Sizes { inputs: count, outputs: outputs.len() });
        }
        let roots = [("inputs", inputs), ("outputs", outputs)];
        let [inputs, outputs] = roots.map(|(name, all)| move || Hash::new(name).all(all).digest());
        let (inputs, outputs) = match engine.parallelism() {
            Parallelism::Serial => (inputs(), outputs()),
            Parallelism::Rayon => rayon::join(inputs, outputs),
        };
        let place = Hash::new("batch").with(&self.state).with(&self.public.0.0);
        let place = place.number(self.batches).number(self.elements).number(count as u64);
        Ok(place.with(&inputs).with(&outputs).digest())
    }

    fn challenge(&self, batch: &[u8; 64], m: &Encoding, others: [Encoding; 3]) -> Scalar {
        let hash = Hash::new("challenge").with(batch).with(&self.public.0.0).with(&m.0);
        others.iter().fold(hash, |hash, one| hash.with(&one.0)).scalar()
    }

    fn advance(&mut self, batch: &[u8; 64], proof: &BatchProof, count: usize) {
        self.state = Hash::new("next").with(batch).with(&proof.to_bytes()).digest();
        self.batches += 1;
        self.elements += count as u64;
    }
}

impl BatchProof {
    /// Bytes on the wire.
    pub const LEN: usize = 64;

    /// `challenge || response`, 32 bytes each, little-endian.
    pub fn to_bytes(&self) -> [u8; 64] {
        self.0.to_bytes()
    }

    /// From what [`to_bytes`](Self::to_bytes) gives.
    ///
    /// # Errors
    /// [`InvalidProof`] where a scalar is not below the group order, so that no proof has two forms.
    pub fn from_bytes(bytes: &[u8; 64]) -> Result<Self, InvalidProof> {
        Scalars::from_bytes(bytes).map(BatchProof)
    }
}

impl fmt::Debug for Transcript {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Transcript({} batches, {} elements)", self.batches, self.elements)
    }
}

impl fmt::Debug for BatchProof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BatchProof(..)")
    }
}
