//! Blinds: what hides the receiver's identifiers from the sender.

use super::*;
use crate::group::{FixedPoint, InvalidPoint, SecretScalar};
use crate::identifier::Identifier;
use crate::key::PublicKey;

/// How the receiver hides what it asks about. The sender cannot tell which it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Blinding {
    /// `H(x) + r G`, undone with `r K`: two multiples of fixed points, several times cheaper than
    /// those of others.
    #[default]
    Additive,
    /// `r H(x)`, undone with `1 / r`.
    Multiplicative,
}

impl Blinding {
    /// Both.
    pub const ALL: [Blinding; 2] = [Blinding::Additive, Blinding::Multiplicative];

    /// Its name in flags.
    pub fn name(self) -> &'static str {
        match self {
            Blinding::Additive => "additive",
            Blinding::Multiplicative => "multiplicative",
        }
    }
}

/// One blind for each element: fresh, uniform and used once.
pub(super) struct Masks {
    how: Blinding,
    tag: DomainTag,
    generator: FixedPoint,
    scalars: Vec<SecretScalar>,
}

impl Masks {
    /// For `elements` identifiers.
    pub(super) fn new<R: CryptoRng>(
        how: Blinding,
        elements: usize,
        engine: &Engine,
        rng: &mut R,
    ) -> Masks {
        let generator = engine.fix(&Encoding::GENERATOR).expect("the generator is a valid point");
        let scalars = (0..elements).map(|_| SecretScalar::random(rng)).collect();
        Masks { how, tag: DomainTag::new(HASH_TAG), generator, scalars }
    }

    /// Blinds identifiers, the first of which has index `start`.
    pub(super) fn blind(
        &self,
        engine: &Engine,
        start: usize,
        identifiers: &[Identifier],
        out: &mut [Encoding],
    ) {
        let messages: Vec<&[u8; Identifier::LEN]> =
            identifiers.iter().map(Identifier::as_bytes).collect();
        let scalars = &self.scalars[start..start + identifiers.len()];
        match self.how {
            Blinding::Additive => {
                let mut points = engine.hash(&self.tag, &messages);
                engine.add(&mut points, &engine.multiply_fixed(&self.generator, scalars));
                engine.encode(&points, out);
            }
            Blinding::Multiplicative => {
                engine.hash_blind_each(&self.tag, &messages, scalars, out);
            }
        }
    }

    /// Takes the blinds off again: `out[i] = k H(x)` for the element with index `indices[i]`.
    pub(super) fn unblind(
        &self,
        engine: &Engine,
        key: &Authenticated,
        indices: &[u32],
        evaluated: &[Encoding],
        out: &mut [Encoding],
    ) -> Result<(), InvalidPoint> {
        let scalars: Vec<SecretScalar> =
            indices.iter().map(|&index| self.scalars[index as usize].clone()).collect();
        match self.how {
            Blinding::Additive => {
                let mut points = engine.decode(evaluated)?;
                engine.sub(&mut points, &engine.multiply_fixed(&key.0, &scalars));
                engine.encode(&points, out);
                Ok(())
            }
            Blinding::Multiplicative => {
                engine.blind_each(evaluated, &SecretScalar::invert_all(&scalars), out)
            }
        }
    }
}

/// The sender's public key, after its proof was checked.
///
/// Additive blinds are safe with such a key only (Jarecki, Krawczyk, Xu, ia.cr/2021/273), so
/// nothing else can take them off.
pub(super) struct Authenticated(FixedPoint);

impl Authenticated {
    /// Checks that the sender knows the key's private half, in this session and as this side.
    pub(super) fn new(
        engine: &Engine,
        public: &PublicKey,
        proof: &[u8; 64],
        context: &[u8; 32],
    ) -> Result<Authenticated> {
        let proof = KeyProof::from_bytes(proof).map_err(|_| PeerFault::BadKeyProof)?;
        proof.verify(public, context).map_err(|_| PeerFault::BadKeyProof)?;
        let fixed = engine.fix(&public.0).map_err(|_| PeerFault::BadKeyProof)?;
        Ok(Authenticated(fixed))
    }
}
