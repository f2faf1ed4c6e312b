//! The RFC's proof that two discrete logarithms are equal, section 2.2.

use std::fmt;

use curve25519_dalek::ristretto::RistrettoPoint;
use curve25519_dalek::scalar::Scalar;
use curve25519_dalek::traits::VartimeMultiscalarMul;
use sha2::{Digest, Sha512};

use super::suite::{LIMIT, hash_to_scalar, tag_bytes, two_bytes};
use super::{BlindedElement, EvaluatedElement, OprfError, PublicKey, Voprf};
use crate::group::{DomainTag, Encoding, SecretScalar};
use crate::proof::{Scalars, encode, vartime_decode};

/// A proof of mode VOPRF.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Proof(Scalars);

impl Proof {
    /// Bytes on the wire.
    pub const LEN: usize = 64;

    /// `VerifyProof`, section 2.2.2. Variable time. [`Client::finalize`](super::Client::finalize) calls
    /// it.
    ///
    /// # Errors
    /// [`OprfError::BatchSize`], [`OprfError::Deserialize`], [`OprfError::Verify`].
    pub fn verify(
        &self,
        public: &PublicKey,
        blinded: &[BlindedElement],
        evaluated: &[EvaluatedElement],
    ) -> Result<(), OprfError> {
        let weights = weights(public, blinded, evaluated)?;
        let m_point = weighted_sum(&weights, blinded.iter().map(|element| &element.0))?;
        let z_point = weighted_sum(&weights, evaluated.iter().map(|element| &element.0))?;
        let Scalars { challenge: c, response: s } = &self.0;
        let t2 = RistrettoPoint::vartime_double_scalar_mul_basepoint(c, public.point(), s);
        let t3 = RistrettoPoint::vartime_multiscalar_mul([s, c], [m_point, z_point]);
        let expected = challenge(public, [m_point, z_point, t2, t3]);
        if expected == *c { Ok(()) } else { Err(OprfError::Verify) }
    }

    /// `GenerateProof`, section 2.2.1, with `ComputeCompositesFast`. Constant time in key and nonce.
    pub(super) fn generate(
        key: &SecretScalar,
        public: &PublicKey,
        blinded: &[BlindedElement],
        evaluated: &[EvaluatedElement],
        nonce: &SecretScalar,
    ) -> Result<Self, OprfError> {
        let weights = weights(public, blinded, evaluated)?;
        let m = weighted_sum(&weights, blinded.iter().map(|element| &element.0))?;
        let (k, r) = (key.value(), nonce.value());
        let challenge = challenge(public, [m, m * *k, RistrettoPoint::mul_base(&r), m * *r]);
        Ok(Proof(Scalars { challenge, response: *r - challenge * *k }))
    }

    /// The two scalars, 32 bytes each, little-endian.
    pub fn to_bytes(&self) -> [u8; 64] {
        self.0.to_bytes()
    }

    /// From what [`to_bytes`](Self::to_bytes) gives.
    ///
    /// # Errors
    /// [`OprfError::DeserializeScalar`] where a scalar is not canonical.
    pub fn from_bytes(bytes: &[u8; 64]) -> Result<Self, OprfError> {
        Scalars::from_bytes(bytes).map(Proof).map_err(|_| OprfError::DeserializeScalar)
    }
}

impl fmt::Debug for Proof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Proof(..)")
    }
}

/// Refuses a batch that no proof can be about.
pub(super) fn check_batch(got: usize) -> Result<(), OprfError> {
    if (1..=LIMIT).contains(&got) {
        Ok(())
    } else {
        Err(OprfError::BatchSize { got, expected: LIMIT })
    }
}

/// The weights of `ComputeComposites`, section 2.2.1: each from its own pair.
fn weights(
    public: &PublicKey,
    blinded: &[BlindedElement],
    evaluated: &[EvaluatedElement],
) -> Result<Vec<Scalar>, OprfError> {
    let (got, expected) = (evaluated.len(), blinded.len());
    if got != expected {
        return Err(OprfError::BatchSize { got, expected });
    }
    check_batch(got)?;
    let seed_tag = tag_bytes::<Voprf>("Seed-");
    let seed = Sha512::new()
        .chain_update(two_bytes(Encoding::LEN))
        .chain_update(public.encoding().0)
        .chain_update(two_bytes(seed_tag.len()))
        .chain_update(&seed_tag)
        .finalize();
    let tag = hash_to_scalar_tag();
    let length = two_bytes(Encoding::LEN);
    let weight = |(i, (c, d)): (usize, (&BlindedElement, &EvaluatedElement))| {
        let parts: [&[u8]; 8] = [
            &two_bytes(seed.len()),
            &seed,
            &two_bytes(i),
            &length,
            &c.0.0,
            &length,
            &d.0.0,
            b"Composite",
        ];
        hash_to_scalar(&tag, &parts.concat())
    };
    Ok(blinded.iter().zip(evaluated).enumerate().map(weight).collect())
}

/// `sum weights[i] elements[i]`. Variable time: both are public.
fn weighted_sum<'a>(
    weights: &[Scalar],
    elements: impl Iterator<Item = &'a Encoding>,
) -> Result<RistrettoPoint, OprfError> {
    let decode =
        |(position, element)| vartime_decode(element).ok_or(OprfError::Deserialize { position });
    let points = elements.enumerate().map(decode).collect::<Result<Vec<_>, _>>()?;
    Ok(RistrettoPoint::vartime_multiscalar_mul(weights, points))
}

/// The challenge over public key, composites and commitments.
fn challenge(public: &PublicKey, points: [RistrettoPoint; 4]) -> Scalar {
    let [m, z, t2, t3] = points.each_ref().map(encode);
    let mut transcript = Vec::with_capacity(5 * (2 + Encoding::LEN) + 9);
    for element in [public.encoding(), m, z, t2, t3] {
        transcript.extend_from_slice(&two_bytes(Encoding::LEN));
        transcript.extend_from_slice(&element.0);
    }
    transcript.extend_from_slice(b"Challenge");
    hash_to_scalar(&hash_to_scalar_tag(), &transcript)
}

fn hash_to_scalar_tag() -> DomainTag {
    DomainTag::new(&tag_bytes::<Voprf>("HashToScalar-"))
}
