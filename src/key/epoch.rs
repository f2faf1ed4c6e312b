//! Epoch keys: one secret for one epoch, peer and purpose.
//!
//! A platform that publishes the outputs of its list needs the same key until it publishes them anew.
//! The values of a key can be compared wherever it was used, so a key serves one [`EpochBinding`]
//! alone: an epoch, a counterparty, a purpose and a way to normalise. All of them enter the derivation
//! of the key from the [`EpochSecret`], and the context of each output.
//!
//! ```text
//! PRK = HKDF-Extract(salt = "blindmatch-v2 epoch secret", 32 random bytes)          (RFC 5869, SHA-512)
//! k   = HKDF-Expand(PRK, "key" || role || counter || binding, 64 bytes) mod group order
//! ```
//!
//! Texts are preceded by their lengths. The role's name is in the derivation: one secret never gives
//! one scalar to two roles. The counter is 0; it would count on if the scalar were 0.
//!
//! ```
//! use blindmatch::consent::Purpose;
//! use blindmatch::group::Engine;
//! use blindmatch::identifier::Profile;
//! use blindmatch::key::epoch::{EpochBinding, EpochSecret};
//!
//! let purpose = Purpose::TARGETED_ADVERTISING;
//! let november = EpochBinding::new("2026-11", "advertiser", purpose, Profile::Pair)?;
//! let december = EpochBinding::new("2026-12", "advertiser", purpose, Profile::Pair)?;
//! let (secret, engine) = (EpochSecret::generate(&mut rand::rng()), Engine::detect());
//! let public = |binding| secret.evaluation_key(binding).public(&engine);
//! assert_eq!(public(&november), public(&november));
//! assert_ne!(public(&november), public(&december));
//! # Ok::<(), blindmatch::Error>(())
//! ```

#[cfg(feature = "tls")]
mod seal;

use std::fmt;

use hkdf::Hkdf;
use rand::CryptoRng;
use sha2::{Digest, Sha256, Sha512};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use super::role::{self, Role};
use super::{Key, PublicKey};
use crate::consent::Purpose;
use crate::error::{Error, Result, printable_whole};
use crate::group::SecretScalar;
use crate::identifier::Profile;

/// What an epoch's key is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EpochBinding {
    epoch: String,
    counterparty: String,
    purpose: Purpose,
    profile: Profile,
}

impl EpochBinding {
    /// Most bytes in the name of an epoch.
    pub const MAX_EPOCH: usize = 64;

    /// Most bytes in what stands for the counterparty.
    pub const MAX_COUNTERPARTY: usize = 128;

    /// For an epoch (such as `2026-11`), a counterparty (the fingerprint of its public identity, or a
    /// name where both sides are one process), a purpose, and the profile of the identifiers.
    ///
    /// # Errors
    /// [`Error::Misuse`] for an empty or too long text, or one with invisible characters or blanks
    /// around it: two texts that look the same are the same.
    pub fn new(
        epoch: &str,
        counterparty: &str,
        purpose: Purpose,
        profile: Profile,
    ) -> Result<EpochBinding> {
        let (epoch, counterparty) = (
            checked("epoch", epoch, Self::MAX_EPOCH)?,
            checked("counterparty", counterparty, Self::MAX_COUNTERPARTY)?,
        );
        Ok(EpochBinding { epoch, counterparty, purpose, profile })
    }

    /// The epoch's name.
    pub fn epoch(&self) -> &str {
        &self.epoch
    }

    /// The counterparty's fingerprint or name.
    pub fn counterparty(&self) -> &str {
        &self.counterparty
    }

    /// The purpose.
    pub fn purpose(&self) -> Purpose {
        self.purpose
    }

    /// The profile.
    pub fn profile(&self) -> Profile {
        self.profile
    }

    /// What outputs under this binding and key are hashed with: SHA-256 over "blindmatch-v2 epoch"
    /// (padded to 32 bytes); epoch, counterparty, the purpose's name, the profile's name with its
    /// version, each after its length (`u16`, little-endian); the digest of the profile's rules, and
    /// the public key.
    pub fn context(&self, public: &PublicKey) -> [u8; 32] {
        let mut domain = [0; 32];
        domain[..CONTEXT.len()].copy_from_slice(CONTEXT);
        let hash = Sha256::new().chain_update(domain).chain_update(self.encode());
        hash.chain_update(public.0.0).finalize().into()
    }

    /// Epoch, counterparty, the purpose's name, the profile's name with its version: each after its
    /// length (`u16`, little-endian); then the digest of the profile's rules, 32 bytes.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        let profile = self.profile.to_string();
        for text in [&*self.epoch, &self.counterparty, self.purpose.name(), &profile] {
            bytes.extend_from_slice(&(text.len() as u16).to_le_bytes()); // all are short
            bytes.extend_from_slice(text.as_bytes());
        }
        bytes.extend_from_slice(&self.profile.digest());
        bytes
    }

    /// What differs in another binding: its name, our value, the other one.
    #[cfg(any(feature = "tls", test))]
    pub(crate) fn difference(&self, other: &Self) -> Option<(&'static str, String, String)> {
        let fields = |b: &Self| {
            let (purpose, profile) = (b.purpose.name().to_owned(), b.profile.to_string());
            [b.epoch.clone(), b.counterparty.clone(), purpose, profile]
        };
        let names = ["epoch", "counterparty", "purpose", "profile"];
        let pairs = fields(self).into_iter().zip(fields(other));
        let mut named = names.into_iter().zip(pairs).map(|(name, (a, b))| (name, a, b));
        named.find(|(_, a, b)| a != b)
    }
}

fn checked(what: &str, text: &str, most: usize) -> Result<String> {
    if text.is_empty() || text.len() > most {
        return Err(Error::Misuse(format!("the {what} takes a text of 1 to {most} bytes")));
    }
    if printable_whole(text) != text || text.trim() != text {
        let problem = "has characters that do not show, or blanks around it";
        return Err(Error::Misuse(format!("the {what} {problem}")));
    }
    Ok(text.to_owned())
}

/// What an epoch's keys are derived from. Wiped when dropped; prints as `EpochSecret(..)`.
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct EpochSecret([u8; 32]);

impl EpochSecret {
    /// A fresh one.
    pub fn generate<R: CryptoRng>(rng: &mut R) -> EpochSecret {
        let mut secret = EpochSecret([0; 32]);
        rng.fill_bytes(&mut secret.0);
        secret
    }

    /// The key that evaluates the function under this binding.
    pub fn evaluation_key(&self, binding: &EpochBinding) -> Key<role::Evaluate> {
        self.key(binding)
    }

    /// The key under which identifiers are named in files of the platform's own.
    #[cfg(feature = "tls")]
    pub(crate) fn entries_key(&self, binding: &EpochBinding) -> Zeroizing<[u8; 32]> {
        let mut key = Zeroizing::new([0; 32]);
        self.expand(&[b"entries", &binding.encode()], &mut *key);
        key
    }

    /// The key under which the headers of prepared sets are authenticated.
    #[cfg(feature = "tls")]
    pub(crate) fn set_key(&self, binding: &EpochBinding) -> Zeroizing<[u8; 32]> {
        let mut key = Zeroizing::new([0; 32]);
        self.expand(&[b"set", &binding.encode()], &mut *key);
        key
    }

    fn key<R: Role>(&self, binding: &EpochBinding) -> Key<R> {
        let binding = binding.encode();
        let scalar = |counter: u8| {
            let mut uniform = Zeroizing::new([0; 64]);
            let length = [R::NAME.len() as u8];
            let role = R::NAME.as_bytes();
            self.expand(&[b"key", &length, role, &[counter], &binding], &mut *uniform);
            SecretScalar::from_uniform_bytes(&uniform)
        };
        let scalar = (0..=u8::MAX).find_map(scalar).expect("256 scalars are not all zero");
        Key::from_scalar(scalar)
    }

    fn expand(&self, info: &[&[u8]], out: &mut [u8]) {
        let extracted = Hkdf::<Sha512>::new(Some(SALT), &self.0);
        extracted.expand_multi_info(info, out).expect("short enough");
    }
}

impl fmt::Debug for EpochSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("EpochSecret(..)")
    }
}

const SALT: &[u8] = b"blindmatch-v2 epoch secret";
const CONTEXT: &[u8] = b"blindmatch-v2 epoch";

#[cfg(test)]
pub(crate) mod tests {
    use hmac::{Hmac, KeyInit, Mac};

    use super::*;
    use crate::group::Engine;

    pub(crate) fn binding() -> EpochBinding {
        EpochBinding::new("2026-11", "them", Purpose::TARGETED_ADVERTISING, Profile::Pair).unwrap()
    }

    /// RFC 5869 written out with HMAC, so that the parameters are what the module says.
    #[test]
    fn a_key_is_derived_as_described() {
        let hmac = |key: &[u8], message: &[&[u8]]| -> [u8; 64] {
            let mut mac = Hmac::<Sha512>::new_from_slice(key).unwrap();
            message.iter().for_each(|part| mac.update(part));
            mac.finalize().into_bytes().into()
        };
        let extracted = hmac(b"blindmatch-v2 epoch secret", &[&[9; 32]]);
        let info = [&b"key\x08evaluate\x00"[..], &binding().encode()].concat();
        let uniform = hmac(&extracted, &[&info, &[1]]);
        let expected =
            Key::<role::Evaluate>::from_scalar(SecretScalar::from_uniform_bytes(&uniform).unwrap());
        let engine = Engine::detect();
        let key = EpochSecret([9; 32]).evaluation_key(&binding());
        assert_eq!(key.public(&engine), expected.public(&engine));
    }

    #[test]
    fn the_binding_is_encoded_as_described() {
        let expected = [
            &b"\x07\x002026-11\x04\x00them\x13\x00TargetedAdvertising\x06\x00pair/1"[..],
            &Profile::Pair.digest(),
        ];
        assert_eq!(binding().encode(), expected.concat());
    }

    /// Each part of the binding, the secret and the role separate keys and contexts.
    #[test]
    fn every_part_separates() {
        let purpose = Purpose::TARGETED_ADVERTISING;
        let other = Purpose::parse("DirectMarketing").unwrap();
        let bindings = [
            ("2026-11", "them", purpose, Profile::Pair),
            ("2026-12", "them", purpose, Profile::Pair),
            ("2026-1", "1them", purpose, Profile::Pair),
            ("2026-11", "others", purpose, Profile::Pair),
            ("2026-11", "them", other, Profile::Pair),
            ("2026-11", "them", purpose, Profile::Google),
        ];
        let bindings = bindings.map(|(e, c, p, f)| EpochBinding::new(e, c, p, f).unwrap());
        let (secret, engine) = (EpochSecret([9; 32]), Engine::detect());
        let mut publics: Vec<PublicKey> = bindings
            .iter()
            .map(|binding| secret.evaluation_key(binding).public(&engine))
            .chain([EpochSecret([8; 32]).evaluation_key(&bindings[0]).public(&engine)])
            .collect();
        let blind: Key<role::Blind> = secret.key(&bindings[0]);
        let mut out = [crate::group::Encoding::default()];
        engine.blind(&[crate::group::Encoding::GENERATOR], blind.scalar(), &mut out).unwrap();
        publics.push(PublicKey(out[0]));
        let distinct = |i: &usize| !publics[..*i].contains(&publics[*i]);
        assert_eq!((0..publics.len()).filter(distinct).count(), publics.len());
        let contexts = bindings.each_ref().map(|binding| binding.context(&publics[0]));
        assert!((0..contexts.len()).all(|i| !contexts[..i].contains(&contexts[i])));
        assert_ne!(bindings[0].context(&publics[1]), contexts[0]);
    }

    #[test]
    fn texts_have_limits() {
        let purpose = Purpose::TARGETED_ADVERTISING;
        let new = |epoch: &str, them: &str| EpochBinding::new(epoch, them, purpose, Profile::Pair);
        let (long, longer) = ("e".repeat(64), "c".repeat(128));
        assert!(new(&long, &longer).is_ok());
        for (epoch, them) in [
            ("", "them"),
            ("2026-11", ""),
            (&*format!("{long}e"), "them"),
            ("2026-11", &format!("{longer}c")),
            ("2026\u{200b}-11", "them"),
            ("2026-11 ", "them"),
            ("2026-11", "th\nem"),
        ] {
            assert!(matches!(new(epoch, them), Err(Error::Misuse(_))), "{epoch:?} {them:?}");
        }
    }

    #[test]
    fn differences_are_named() {
        let other = EpochBinding { epoch: "2026-12".into(), ..binding() };
        let named = binding().difference(&other);
        assert_eq!(named, Some(("epoch", "2026-11".into(), "2026-12".into())));
        assert_eq!(binding().difference(&binding()), None);
        assert_eq!(format!("{:?}", EpochSecret([7; 32])), "EpochSecret(..)");
    }
}
