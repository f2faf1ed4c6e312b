//! Modes, domain tags and the two hashes.

use std::fmt::Debug;

use curve25519_dalek::scalar::Scalar;
use sha2::{Digest, Sha512};
use zeroize::Zeroize;

use super::{OprfError, Output};
use crate::group::{DomainTag, Encoding};

/// Mode 0x00: no proof.
#[derive(Clone, Copy, Debug)]
pub enum Oprf {}

/// Mode 0x01: the server proves which key it used.
#[derive(Clone, Copy, Debug)]
pub enum Voprf {}

/// A mode of the RFC: sealed. Values of one mode do not fit the other.
pub trait Mode: sealed::Sealed + Debug {
    /// Its identifier, section 3.1.
    const CODE: u8;
}

impl Mode for Oprf {
    const CODE: u8 = 0x00;
}

impl Mode for Voprf {
    const CODE: u8 = 0x01;
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for super::Oprf {}
    impl Sealed for super::Voprf {}
}

/// `prefix || contextString`, as bytes (sections 3.1 and 4.1).
pub(super) fn tag_bytes<M: Mode>(prefix: &str) -> Vec<u8> {
    [prefix.as_bytes(), b"OPRFV1-", &[M::CODE], b"-ristretto255-SHA512"].concat()
}

pub(super) fn hash_to_group_tag<M: Mode>() -> DomainTag {
    DomainTag::new(&tag_bytes::<M>("HashToGroup-"))
}

/// `HashToScalar`, section 4.1, of bytes under a tag: expanded to 64 bytes, modulo the group order.
pub(super) fn hash_to_scalar(tag: &DomainTag, message: &[u8]) -> Scalar {
    Scalar::from_bytes_mod_order_wide(&tag.expand(message))
}

/// What ends `Finalize` and `Evaluate`, section 3.3.1: hashes inputs, whose lengths have been checked,
/// with their elements `k H(input)`, which are wiped.
pub(super) fn outputs<I: AsRef<[u8]>>(inputs: &[I], mut elements: Vec<Encoding>) -> Vec<Output> {
    let pairs = inputs.iter().zip(&elements);
    let outputs = pairs.map(|(input, element)| output(input.as_ref(), element)).collect();
    elements.iter_mut().for_each(|element| element.0.zeroize());
    outputs
}

fn output(input: &[u8], unblinded: &Encoding) -> Output {
    let hash = Sha512::new()
        .chain_update(two_bytes(input.len()))
        .chain_update(input)
        .chain_update(two_bytes(Encoding::LEN))
        .chain_update(unblinded.0)
        .chain_update(b"Finalize");
    Output(hash.finalize().into())
}

/// `I2OSP(length, 2)`, of a length that has been checked.
pub(super) fn two_bytes(length: usize) -> [u8; 2] {
    u16::try_from(length).expect("a length below 2^16").to_be_bytes()
}

/// Refuses the first input that is too long.
pub(super) fn check_lengths<I: AsRef<[u8]>>(inputs: &[I]) -> Result<(), OprfError> {
    let mut lengths = inputs.iter().map(|input| input.as_ref().len()).enumerate();
    match lengths.find(|(_, length)| *length > LIMIT) {
        Some((position, length)) => Err(OprfError::InputTooLong { position, length }),
        None => Ok(()),
    }
}

/// Refuses the first input whose element is the identity. Multiplied by a scalar other than zero, it
/// is the identity if and only if it was before.
pub(super) fn check_inputs(elements: &[Encoding]) -> Result<(), OprfError> {
    match elements.iter().position(|element| *element == Encoding::IDENTITY) {
        Some(position) => Err(OprfError::InvalidInput { position }),
        None => Ok(()),
    }
}

/// Most bytes of an input, and most elements that a proof's index of 16 bits has room for.
pub(super) const LIMIT: usize = u16::MAX as usize;
