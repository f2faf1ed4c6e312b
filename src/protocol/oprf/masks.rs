//! Blinds: what hides the receiver's identifiers from the sender.

use rayon::prelude::*;

use super::*;
use crate::group::{FixedPoint, InvalidPoint, SecretScalar};
use crate::identifier::Identifier;
use crate::key::PublicKey;

/// How the receiver hides what it asks about. The sender cannot tell which it is.
///
/// The names are those of the group, which is written additively here. Jarecki, Krawczyk and Xu
/// (ia.cr/2021/273) write it multiplicatively: what is additive here is what they call multiplicative,
/// and what is multiplicative here they call exponential.
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
    tag: DomainTag,
    /// What additive blinds are multiples of; `None` for multiplicative ones.
    generator: Option<FixedPoint>,
    scalars: Vec<SecretScalar>,
}

impl Masks {
    /// For `elements` identifiers.
    pub(super) fn new(how: Blinding, elements: usize, engine: &Engine) -> Masks {
        let generator = || engine.fix(&Encoding::GENERATOR).expect("the generator is a point");
        Masks {
            tag: DomainTag::new(HASH_TAG),
            generator: (how == Blinding::Additive).then(generator),
            scalars: Vec::with_capacity(elements),
        }
    }

    /// Blinds the identifiers after those of the last call.
    pub(super) fn blind<R: CryptoRng>(
        &mut self,
        engine: &Engine,
        identifiers: &[Identifier],
        rng: &mut R,
        out: &mut [Encoding],
    ) {
        let messages: Vec<&[u8; Identifier::LEN]> =
            identifiers.iter().map(Identifier::as_bytes).collect();
        let start = self.scalars.len();
        self.draw(identifiers.len(), rng);
        let scalars = &self.scalars[start..];
        match &self.generator {
            Some(generator) => engine.hash_mask(&self.tag, &messages, generator, scalars, out),
            None => engine.hash_blind_each(&self.tag, &messages, scalars, out),
        }
    }

    /// Draws blinds on all cores: each part from a generator of its own, so that their number makes no
    /// difference.
    fn draw<R: CryptoRng>(&mut self, count: usize, rng: &mut R) {
        let parts = (0..count).step_by(PART).map(|first| PART.min(count - first));
        let parts: Vec<(StdRng, usize)> =
            parts.map(|length| (StdRng::from_rng(&mut *rng), length)).collect();
        let drawn = parts.into_par_iter().flat_map_iter(|(mut rng, length)| {
            (0..length).map(move |_| SecretScalar::random(&mut rng))
        });
        self.scalars.par_extend(drawn);
    }

    /// Takes the blinds off again: `out[i] = finish(i, k H(x))` for the element with index
    /// `indices[i]`.
    pub(super) fn unblind<T: Send>(
        &self,
        engine: &Engine,
        key: &Authenticated,
        indices: &[u32],
        evaluated: &[Encoding],
        out: &mut [T],
        finish: impl Fn(usize, &Encoding) -> T + Sync,
    ) -> Result<(), InvalidPoint> {
        let scalars: Vec<SecretScalar> =
            indices.iter().map(|&index| self.scalars[index as usize].clone()).collect();
        if self.generator.is_some() {
            engine.unmask_then(evaluated, &key.0, &scalars, out, finish)
        } else {
            let inverses = SecretScalar::invert_all(&scalars);
            engine.blind_each_then(evaluated, &inverses, out, finish)
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

/// Blinds that one generator draws.
const PART: usize = 512;
