//! Epoch secrets at rest: sealed so that one identity can open them, for one binding.
//!
//! ```text
//! "blindmatch-epoch" | version: u16 | owner's fingerprint: length u16, text | binding, as encoded
//! nonce: 24 bytes | sealed: 56 bytes, of which 32 the secret, 8 the number of the last set, 16 a tag
//! ```
//!
//! Sealed with XChaCha20-Poly1305 under a key that HKDF derives from the owner's private key, with a
//! random nonce and everything before the nonce as associated data.

use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use rand::CryptoRng;
use zeroize::Zeroizing;

use super::{EpochBinding, EpochSecret};
use crate::error::{Error, Result};
use crate::transport::identity::Identity;

impl EpochSecret {
    /// Most bytes of a sealed secret.
    pub const MAX_SEALED: usize = 1024;

    /// Seals it for `identity` to open, under `binding`; with the number of the last set that was made
    /// with it, so that none from before can be put back.
    pub fn seal<R: CryptoRng>(
        &self,
        binding: &EpochBinding,
        last: u64,
        identity: &Identity,
        rng: &mut R,
    ) -> Vec<u8> {
        let mut bytes = head(&identity.public().fingerprint(), binding);
        let mut nonce = [0; NONCE];
        rng.fill_bytes(&mut nonce);
        let mut content = Zeroizing::new([0; CONTENT]);
        content[..32].copy_from_slice(&self.0);
        content[32..].copy_from_slice(&last.to_le_bytes());
        let payload = Payload { msg: &*content, aad: &bytes };
        let sealed = cipher(identity).encrypt(&XNonce::from(nonce), payload);
        let sealed = sealed.expect("40 bytes are not too long");
        bytes.extend_from_slice(&nonce);
        bytes.extend_from_slice(&sealed);
        bytes
    }

    /// Opens what [`seal`](Self::seal) gave: the secret, and the number of the last set. `place` is what
    /// errors call it.
    ///
    /// # Errors
    /// [`Error::Key`] for another identity than the one that sealed it, for another binding, or for
    /// bytes that were changed.
    pub fn open(
        sealed: &[u8],
        binding: &EpochBinding,
        identity: &Identity,
        place: &str,
    ) -> Result<(EpochSecret, u64)> {
        let problem = |problem: String| Error::Key { place: place.to_owned(), problem };
        let owner = owner(sealed).ok_or_else(|| {
            problem("not an epoch's key, or damaged; `blindmatch prepare` makes one".into())
        })?;
        let ours = identity.public().fingerprint();
        if owner != ours {
            let owner = crate::error::printable(owner);
            return Err(problem(format!("sealed by the key {owner}, and this is {ours}")));
        }
        let head = head(&ours, binding);
        let rest = sealed.strip_prefix(&*head).and_then(|rest| rest.split_first_chunk::<NONCE>());
        let Some((nonce, sealed)) = rest else {
            return Err(problem("for another epoch, counterparty, purpose or profile".into()));
        };
        let payload = Payload { msg: sealed, aad: &head };
        let content = cipher(identity).decrypt(&XNonce::from(*nonce), payload).map(Zeroizing::new);
        let content = content.ok().filter(|content| content.len() == CONTENT);
        let content = content.ok_or_else(|| problem("damaged: it does not open".into()))?;
        let mut secret = EpochSecret([0; 32]);
        secret.0.copy_from_slice(&content[..32]);
        let mut last = [0; 8];
        last.copy_from_slice(&content[32..]);
        Ok((secret, u64::from_le_bytes(last)))
    }
}

/// What precedes the nonce.
fn head(owner: &str, binding: &EpochBinding) -> Vec<u8> {
    let mut bytes = MAGIC.to_vec();
    bytes.extend_from_slice(&VERSION.to_le_bytes());
    bytes.extend_from_slice(&(owner.len() as u16).to_le_bytes()); // 50 bytes
    bytes.extend_from_slice(owner.as_bytes());
    bytes.extend_from_slice(&binding.encode());
    bytes
}

/// Who sealed it, as it claims.
fn owner(sealed: &[u8]) -> Option<&str> {
    let rest = sealed.strip_prefix(MAGIC)?.strip_prefix(&VERSION.to_le_bytes())?;
    let (length, rest) = rest.split_first_chunk()?;
    let (owner, _) = rest.split_at_checked(u16::from_le_bytes(*length).into())?;
    std::str::from_utf8(owner).ok()
}

fn cipher(identity: &Identity) -> XChaCha20Poly1305 {
    let key = identity.derive(b"blindmatch-v2 seal epoch secret");
    XChaCha20Poly1305::new_from_slice(&*key).expect("a key of 32 bytes")
}

const MAGIC: &[u8] = b"blindmatch-epoch";
const VERSION: u16 = 2;
const NONCE: usize = 24;
/// Bytes that are sealed.
const CONTENT: usize = 32 + 8;

#[cfg(test)]
mod tests {
    use super::super::tests::binding;
    use super::*;
    use crate::consent::Purpose;
    use crate::identifier::Profile;

    fn problem(sealed: &[u8], binding: &EpochBinding, identity: &Identity) -> String {
        match EpochSecret::open(sealed, binding, identity, "set.key").unwrap_err() {
            Error::Key { place, problem } => {
                assert_eq!(place, "set.key");
                problem
            }
            error => panic!("{error}"),
        }
    }

    #[test]
    fn only_the_identity_and_the_binding_open_it() {
        let identity = Identity::generate();
        let secret = EpochSecret([9; 32]);
        let sealed = secret.seal(&binding(), 7, &identity, &mut rand::rng());
        assert!(sealed.len() <= EpochSecret::MAX_SEALED);
        assert!(!sealed.windows(8).any(|run| run == [9; 8]));
        assert_ne!(sealed, secret.seal(&binding(), 7, &identity, &mut rand::rng()));
        let opened = EpochSecret::open(&sealed, &binding(), &identity, "set.key").unwrap();
        assert_eq!((opened.0.0, opened.1), (secret.0, 7));

        let stranger = problem(&sealed, &binding(), &Identity::generate());
        assert!(stranger.starts_with("sealed by the key SHA256:"), "{stranger}");
        let purpose = Purpose::TARGETED_ADVERTISING;
        let other = EpochBinding::new("2026-12", "them", purpose, Profile::Pair).unwrap();
        let problem = problem(&sealed, &other, &identity);
        assert_eq!(problem, "for another epoch, counterparty, purpose or profile");
    }

    #[test]
    fn every_change_and_every_cut_is_noticed() {
        let identity = Identity::generate();
        let sealed = EpochSecret([9; 32]).seal(&binding(), 7, &identity, &mut rand::rng());
        for index in 0..sealed.len() {
            let mut damaged = sealed.clone();
            damaged[index] ^= 1;
            problem(&damaged, &binding(), &identity);
            problem(&sealed[..index], &binding(), &identity);
        }
        problem(&[&sealed[..], &[0]].concat(), &binding(), &identity);
    }
}
