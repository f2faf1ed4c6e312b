//! The client: blinds inputs, and unblinds what the server made of them.

use std::fmt;
use std::marker::PhantomData;

use rand::CryptoRng;
use zeroize::{Zeroize, ZeroizeOnDrop};

use super::suite::{check_inputs, check_lengths, hash_to_group_tag, outputs};
use super::{
    BlindedElement, EvaluatedElement, Mode, Oprf, OprfError, Output, Proof, PublicKey, Voprf,
};
use crate::group::{Encoding, Engine, InvalidPoint, SecretScalar};

/// A client that waits for the evaluation of a batch: its inputs and their blinds.
///
/// Finalising consumes it, so that no blind is used twice. Wiped when dropped.
pub struct Client<M: Mode> {
    inputs: Vec<Input>,
    blinds: Vec<SecretScalar>,
    blinded: Vec<BlindedElement>,
    mode: PhantomData<M>,
}

/// An input, wiped when dropped.
#[derive(Zeroize, ZeroizeOnDrop)]
struct Input(Vec<u8>);

impl AsRef<[u8]> for Input {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl<M: Mode> Client<M> {
    /// `Blind`: what to send to the server, and what to keep. Constant time in inputs of one length.
    ///
    /// # Errors
    /// [`OprfError::InputTooLong`], [`OprfError::InvalidInput`].
    pub fn blind<I: AsRef<[u8]> + Sync, R: CryptoRng>(
        engine: &Engine,
        inputs: &[I],
        rng: &mut R,
    ) -> Result<(Self, Vec<BlindedElement>), OprfError> {
        let blinds = inputs.iter().map(|_| SecretScalar::random(rng)).collect();
        Self::insecure_blind_with(engine, inputs, blinds)
    }

    /// `Blind` with given blinds, for known answers. A blind that is known, or used again, hides
    /// nothing.
    ///
    /// # Errors
    /// Those of [`blind`](Self::blind), and [`OprfError::BatchSize`] where there is not one blind for
    /// every input.
    pub fn insecure_blind_with<I: AsRef<[u8]> + Sync>(
        engine: &Engine,
        inputs: &[I],
        blinds: Vec<SecretScalar>,
    ) -> Result<(Self, Vec<BlindedElement>), OprfError> {
        check_size(blinds.len(), inputs.len())?;
        check_lengths(inputs)?;
        let mut encodings = vec![Encoding::IDENTITY; inputs.len()];
        engine.hash_blind_each(&hash_to_group_tag::<M>(), inputs, &blinds, &mut encodings);
        check_inputs(&encodings)?;
        let inputs = inputs.iter().map(|input| Input(input.as_ref().to_vec())).collect();
        let blinded: Vec<_> = encodings.into_iter().map(BlindedElement).collect();
        Ok((Client { inputs, blinds, blinded: blinded.clone(), mode: PhantomData }, blinded))
    }

    /// How many inputs.
    pub fn len(&self) -> usize {
        self.inputs.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.inputs.is_empty()
    }

    /// Takes the blinds off, and hashes.
    fn unblind(
        &self,
        engine: &Engine,
        evaluated: &[EvaluatedElement],
    ) -> Result<Vec<Output>, OprfError> {
        let evaluated: Vec<Encoding> = evaluated.iter().map(|element| element.0).collect();
        let mut unblinded = vec![Encoding::IDENTITY; evaluated.len()];
        engine
            .blind_each(&evaluated, &SecretScalar::invert_all(&self.blinds), &mut unblinded)
            .map_err(|InvalidPoint { position }| OprfError::Deserialize { position })?;
        Ok(outputs(&self.inputs, unblinded))
    }
}

impl Client<Oprf> {
    /// `Finalize`: the outputs, in the order of the inputs.
    ///
    /// # Errors
    /// [`OprfError::BatchSize`], [`OprfError::Deserialize`].
    pub fn finalize(
        self,
        engine: &Engine,
        evaluated: &[EvaluatedElement],
    ) -> Result<Vec<Output>, OprfError> {
        check_size(evaluated.len(), self.len())?;
        self.unblind(engine, evaluated)
    }
}

impl Client<Voprf> {
    /// `Finalize`: checks the proof, then gives the outputs in the order of the inputs. The public key
    /// must be known to be the server's.
    ///
    /// # Errors
    /// [`OprfError::BatchSize`], [`OprfError::Deserialize`], [`OprfError::Verify`].
    pub fn finalize(
        self,
        engine: &Engine,
        public: &PublicKey,
        evaluated: &[EvaluatedElement],
        proof: &Proof,
    ) -> Result<Vec<Output>, OprfError> {
        check_size(evaluated.len(), self.len())?;
        proof.verify(public, &self.blinded, evaluated)?;
        self.unblind(engine, evaluated)
    }
}

impl<M: Mode> fmt::Debug for Client<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Client({} inputs)", self.len())
    }
}

fn check_size(got: usize, expected: usize) -> Result<(), OprfError> {
    if got == expected { Ok(()) } else { Err(OprfError::BatchSize { got, expected }) }
}
