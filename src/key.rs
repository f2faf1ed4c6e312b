//! Keys that serve one role each.
//!
//! A scalar that blinds a list must never evaluate the other side's queries, and neither may
//! decrypt: what one role reveals on purpose would undo what the other hides. So a [`Key`] carries
//! its role in its type, and functions that need a key name the role. There is no way from one role
//! to another, and a key is not `Clone`.
//!
//! ```compile_fail,E0308
//! use blindmatch::key::{Key, role};
//!
//! fn evaluate(_: &Key<role::Evaluate>) {}
//!
//! let key = Key::<role::Blind>::fresh(&mut rand::rng());
//! evaluate(&key); // expected `Key<Evaluate>`, found `Key<Blind>`
//! ```

pub mod epoch;

use std::fmt;
use std::marker::PhantomData;

use rand::CryptoRng;

use crate::group::{Encoding, Engine, SecretScalar};

/// What a key may be used for.
pub mod role {
    /// Blinds a side's own list, and the peer's once more: Diffie-Hellman PSI.
    #[derive(Debug)]
    pub enum Blind {}

    /// Evaluates an oblivious pseudorandom function.
    #[derive(Debug)]
    pub enum Evaluate {}

    /// Decrypts sums of values.
    #[derive(Debug)]
    pub enum Decrypt {}

    /// Encrypts the advertiser's lists in PAIR, and a publisher's once more: Ka.
    #[derive(Debug)]
    pub enum PairAdvertiser {}

    /// Encrypts the publisher's lists in PAIR, and advertisers' once more: Kp.
    #[derive(Debug)]
    pub enum PairPublisher {}

    /// A role: sealed, so that the list above is all there is.
    pub trait Role: sealed::Sealed {
        /// What separates keys derived for this role from those of others.
        const NAME: &'static str;
    }

    impl Role for Blind {
        const NAME: &'static str = "blind";
    }

    impl Role for Evaluate {
        const NAME: &'static str = "evaluate";
    }

    impl Role for Decrypt {
        const NAME: &'static str = "decrypt";
    }

    impl Role for PairAdvertiser {
        const NAME: &'static str = "Ka";
    }

    impl Role for PairPublisher {
        const NAME: &'static str = "Kp";
    }

    /// A role whose keys have a public half. Blinding keys have no use for one.
    pub trait Public: Role {}

    impl Public for Evaluate {}

    impl Public for Decrypt {}

    mod sealed {
        pub trait Sealed {}
        impl Sealed for super::Blind {}
        impl Sealed for super::Evaluate {}
        impl Sealed for super::Decrypt {}
        impl Sealed for super::PairAdvertiser {}
        impl Sealed for super::PairPublisher {}
    }
}

use role::Role;

/// A secret scalar with one role. Wiped when dropped; prints as its role only.
pub struct Key<R: Role> {
    scalar: SecretScalar,
    role: PhantomData<R>,
}

impl<R: Role> Key<R> {
    /// A fresh key: what every session uses unless it is told to use an epoch's.
    pub fn fresh<G: CryptoRng>(rng: &mut G) -> Self {
        Key::from_scalar(SecretScalar::random(rng))
    }

    pub(crate) fn from_scalar(scalar: SecretScalar) -> Self {
        Key { scalar, role: PhantomData }
    }

    /// For the group operations of its role.
    pub(crate) fn scalar(&self) -> &SecretScalar {
        &self.scalar
    }
}

impl<R: Role> fmt::Debug for Key<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key<{}>(..)", R::NAME)
    }
}

/// The public half of a key whose role [has one](role::Public): `K = k G`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PublicKey(pub Encoding);

impl<R: role::Public> Key<R> {
    /// `k G`.
    pub fn public(&self, engine: &Engine) -> PublicKey {
        let mut public = [Encoding::default()];
        engine
            .blind(&[Encoding::GENERATOR], &self.scalar, &mut public)
            .expect("the generator is a valid point");
        PublicKey(public[0])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_public_key_is_the_product_with_the_generator() {
        let mut two = [0; 32];
        two[0] = 2;
        let key =
            Key::<role::Evaluate>::from_scalar(SecretScalar::from_canonical_bytes(two).unwrap());
        // RFC 9496 appendix A.1, 2 G.
        let expected = "6a493210f7499cd17fecb510ae0cea23a110e8d5b901f8acadd3095c73a3b919";
        for backend in crate::group::Backend::available() {
            let engine = Engine::new(backend, crate::group::Parallelism::Serial);
            assert_eq!(crate::error::hex(&key.public(&engine).0.0), expected);
        }
        assert_eq!(format!("{key:?}"), "Key<evaluate>(..)");
    }
}
