//! The server's keys, and what it does with them.

use std::fmt;
use std::marker::PhantomData;

use curve25519_dalek::ristretto::RistrettoPoint;
use rand::CryptoRng;
use zeroize::Zeroizing;

use super::proof::check_batch;
use super::suite::{
    check_inputs, check_lengths, hash_to_group_tag, hash_to_scalar, outputs, tag_bytes, two_bytes,
};
use super::{BlindedElement, EvaluatedElement, Mode, Oprf, OprfError, Output, Proof, Voprf};
use crate::group::{DomainTag, Encoding, Engine, InvalidPoint, SecretScalar};
use crate::proof::{encode, vartime_decode};

/// A server's secret key, for one mode. Wiped when dropped; prints as its mode only.
pub struct ServerKey<M: Mode> {
    scalar: SecretScalar,
    mode: PhantomData<M>,
}

/// A server's public key, `k G`: a canonical encoding of a point other than the identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PublicKey {
    encoding: Encoding,
    point: RistrettoPoint,
}

impl<M: Mode> ServerKey<M> {
    /// `GenerateKeyPair`, section 3.2: a random key.
    pub fn fresh<R: CryptoRng>(rng: &mut R) -> Self {
        ServerKey { scalar: SecretScalar::random(rng), mode: PhantomData }
    }

    /// `DeriveKeyPair`, section 3.2.1: the key of a secret seed and public `info`.
    ///
    /// # Errors
    /// [`OprfError::InputTooLong`] for `info` of more than 65535 bytes; [`OprfError::DeriveKeyPair`],
    /// which does not happen.
    pub fn derive(seed: &[u8; 32], info: &[u8]) -> Result<Self, OprfError> {
        check_lengths(&[info])?;
        let tag = DomainTag::new(&tag_bytes::<M>("DeriveKeyPair"));
        let length = two_bytes(info.len());
        let mut input = Zeroizing::new([&seed[..], &length, info, &[0]].concat());
        for counter in 0..=u8::MAX {
            input[seed.len() + length.len() + info.len()] = counter;
            let scalar = Zeroizing::new(hash_to_scalar(&tag, &input));
            if let Some(scalar) = SecretScalar::from_canonical_bytes(scalar.to_bytes()) {
                return Ok(ServerKey { scalar, mode: PhantomData });
            }
        }
        Err(OprfError::DeriveKeyPair)
    }

    /// A key from its serialisation, little-endian.
    ///
    /// # Errors
    /// [`OprfError::DeserializeScalar`] where it is not canonical, or zero.
    pub fn from_bytes(bytes: &[u8; 32]) -> Result<Self, OprfError> {
        let scalar = SecretScalar::from_canonical_bytes(*bytes);
        let scalar = scalar.ok_or(OprfError::DeserializeScalar)?;
        Ok(ServerKey { scalar, mode: PhantomData })
    }

    /// Its serialisation, to be kept secret.
    pub fn to_secret_bytes(&self) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(self.scalar.value().to_bytes())
    }

    /// `Evaluate`, section 3.3: what the function gives, by who has the key. Constant time in inputs
    /// of one length.
    ///
    /// # Errors
    /// [`OprfError::InputTooLong`], [`OprfError::InvalidInput`].
    pub fn evaluate<I: AsRef<[u8]> + Sync>(
        &self,
        engine: &Engine,
        inputs: &[I],
    ) -> Result<Vec<Output>, OprfError> {
        check_lengths(inputs)?;
        let mut elements = vec![Encoding::IDENTITY; inputs.len()];
        engine.hash_blind(&hash_to_group_tag::<M>(), inputs, &self.scalar, &mut elements);
        check_inputs(&elements)?;
        Ok(outputs(inputs, elements))
    }

    fn multiply(
        &self,
        engine: &Engine,
        blinded: &[BlindedElement],
    ) -> Result<Vec<EvaluatedElement>, OprfError> {
        let blinded: Vec<Encoding> = blinded.iter().map(|element| element.0).collect();
        let mut evaluated = vec![Encoding::IDENTITY; blinded.len()];
        engine
            .blind(&blinded, &self.scalar, &mut evaluated)
            .map_err(|InvalidPoint { position }| OprfError::Deserialize { position })?;
        Ok(evaluated.into_iter().map(EvaluatedElement).collect())
    }
}

impl ServerKey<Oprf> {
    /// `BlindEvaluate`, section 3.3.1, for each element of a batch.
    ///
    /// # Errors
    /// [`OprfError::Deserialize`].
    pub fn blind_evaluate(
        &self,
        engine: &Engine,
        blinded: &[BlindedElement],
    ) -> Result<Vec<EvaluatedElement>, OprfError> {
        self.multiply(engine, blinded)
    }
}

impl ServerKey<Voprf> {
    /// The public key, which clients must learn in a way that they can trust.
    pub fn public(&self) -> PublicKey {
        let point = RistrettoPoint::mul_base(&self.scalar.value());
        PublicKey { encoding: encode(&point), point }
    }

    /// `BlindEvaluate`, section 3.3.2: evaluates a batch and proves, once for all of it, which key
    /// did. See [the module](super#assumptions) for how large a batch should be.
    ///
    /// # Errors
    /// [`OprfError::Deserialize`], [`OprfError::BatchSize`].
    pub fn blind_evaluate<R: CryptoRng>(
        &self,
        engine: &Engine,
        blinded: &[BlindedElement],
        rng: &mut R,
    ) -> Result<(Vec<EvaluatedElement>, Proof), OprfError> {
        self.insecure_blind_evaluate_with(engine, blinded, &SecretScalar::random(rng))
    }

    /// `BlindEvaluate` with a given nonce for the proof, for known answers. A nonce that is known, or
    /// used for two batches, gives the key away.
    ///
    /// # Errors
    /// Those of [`blind_evaluate`](Self::blind_evaluate).
    pub fn insecure_blind_evaluate_with(
        &self,
        engine: &Engine,
        blinded: &[BlindedElement],
        nonce: &SecretScalar,
    ) -> Result<(Vec<EvaluatedElement>, Proof), OprfError> {
        check_batch(blinded.len())?;
        let evaluated = self.multiply(engine, blinded)?;
        let proof = Proof::generate(&self.scalar, &self.public(), blinded, &evaluated, nonce)?;
        Ok((evaluated, proof))
    }
}

impl<M: Mode> fmt::Debug for ServerKey<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ServerKey<{:#04x}>(..)", M::CODE)
    }
}

impl PublicKey {
    /// From the bytes that travelled.
    ///
    /// # Errors
    /// [`OprfError::DeserializePublicKey`] where they are not canonical, not on the group, or the
    /// identity.
    pub fn from_encoding(encoding: Encoding) -> Result<Self, OprfError> {
        let point = vartime_decode(&encoding).ok_or(OprfError::DeserializePublicKey)?;
        Ok(PublicKey { encoding, point })
    }

    /// Its serialisation.
    pub fn encoding(&self) -> Encoding {
        self.encoding
    }

    pub(super) fn point(&self) -> &RistrettoPoint {
        &self.point
    }
}
