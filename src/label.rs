//! Labels: what the receiver of a labelled match is given for each matched entry, and for no other.
//!
//! A label is sealed with ChaCha20-Poly1305 under a key that only those can derive who know the
//! oblivious function's output for the identifier:
//!
//! ```text
//! key    = SHA-256("blindmatch-v2 label" || salt || output's secret)
//! sealed = AEAD(key, nonce 0, length: u16 | label | zeros)
//! ```
//!
//! *A nonce is never used twice*, because a key is never: the salt is drawn where a whole list is
//! sealed, `Sealing` seals each entry once and is used up by it, and there is no other way to
//! seal. A label that changes is sealed under another salt.
//!
//! Every label of a list is padded to the same length, that of the longest, rounded up: the length of
//! one label says nothing.

use std::sync::Arc;

use chacha20poly1305::aead::{AeadInOut, KeyInit};
use chacha20poly1305::{ChaCha20Poly1305, Nonce, Tag};
use rand::CryptoRng;
use rayon::prelude::*;
use sha2::{Digest, Sha256};
use zeroize::{Zeroize, Zeroizing};

use crate::error::{Error, Result};

/// One label for each entry of a list, in the list's order. Wiped when dropped.
pub struct Labels {
    bytes: Vec<u8>,
    /// Where each ends in `bytes`.
    ends: Vec<usize>,
    longest: usize,
}

impl Labels {
    /// From texts of at most [`MAX_LABEL`] bytes each.
    ///
    /// # Errors
    /// [`Error::Misuse`] for a longer one, named by its position.
    pub fn new<T: AsRef<str>>(texts: impl IntoIterator<Item = T>) -> Result<Labels> {
        let mut labels = Labels { bytes: Vec::new(), ends: Vec::new(), longest: 0 };
        for (position, text) in texts.into_iter().enumerate() {
            let text = text.as_ref();
            if text.len() > MAX_LABEL {
                let length = text.len();
                let what = format!("label {position} has {length} bytes, more than {MAX_LABEL}");
                return Err(Error::Misuse(what));
            }
            labels.bytes.extend_from_slice(text.as_bytes());
            labels.ends.push(labels.bytes.len());
            labels.longest = labels.longest.max(text.len());
        }
        Ok(labels)
    }

    /// How many.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    fn at(&self, index: usize) -> &[u8] {
        let start = if index == 0 { 0 } else { self.ends[index - 1] };
        &self.bytes[start..self.ends[index]]
    }

    /// Bytes of each padded label.
    fn width(&self) -> usize {
        (LENGTH + self.longest).next_multiple_of(PADDING)
    }
}

impl Drop for Labels {
    fn drop(&mut self) {
        self.bytes.zeroize();
    }
}

impl std::fmt::Debug for Labels {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Labels({})", self.len())
    }
}

/// Most bytes of a label.
pub const MAX_LABEL: usize = 1024;

/// Bytes of a label's length.
const LENGTH: usize = 2;

/// Labels are padded to multiples of this.
const PADDING: usize = 16;

/// Bytes of a run of sealed labels, at most.
const RUN: usize = 256 * 1024;

/// Bytes that the seal adds.
const SEAL: usize = 16;

/// How a list's labels are sealed: public, and sent ahead of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Seal {
    /// Fresh for each list that is sealed.
    pub(crate) salt: [u8; 32],
    /// Bytes of a padded label.
    pub(crate) width: u16,
}

impl Seal {
    /// Bytes of one sealed label.
    pub(crate) fn sealed(self) -> usize {
        usize::from(self.width) + SEAL
    }

    /// Sealed labels that are sent together.
    pub(crate) fn per_run(self) -> usize {
        RUN / self.sealed()
    }

    /// Whether labels of this width can be.
    pub(crate) fn is_possible(self) -> bool {
        let width = usize::from(self.width);
        width.is_multiple_of(PADDING)
            && (PADDING..=(LENGTH + MAX_LABEL).next_multiple_of(PADDING)).contains(&width)
    }

    /// The label that was sealed; `None` where it was not sealed under this output.
    pub(crate) fn open(self, secret: &[u8; 32], sealed: &[u8]) -> Option<Zeroizing<String>> {
        let (text, tag) = sealed.split_last_chunk::<SEAL>()?;
        if sealed.len() != self.sealed() {
            return None;
        }
        let mut padded = Zeroizing::new(text.to_vec());
        let opened = self.cipher(secret).decrypt_inout_detached(
            &Nonce::default(),
            b"",
            padded.as_mut_slice().into(),
            &Tag::from(*tag),
        );
        opened.ok()?;
        let (length, rest) = padded.split_first_chunk::<LENGTH>()?;
        let (label, zeros) = rest.split_at_checked(u16::from_le_bytes(*length).into())?;
        let text = std::str::from_utf8(label).ok().filter(|_| zeros.iter().all(|&b| b == 0))?;
        Some(Zeroizing::new(text.to_owned()))
    }

    fn cipher(self, secret: &[u8; 32]) -> ChaCha20Poly1305 {
        let key = Sha256::new().chain_update(DOMAIN).chain_update(self.salt).chain_update(secret);
        let mut key = key.finalize();
        let cipher = ChaCha20Poly1305::new(&key);
        key.zeroize();
        cipher
    }
}

const DOMAIN: &[u8] = b"blindmatch-v2 label";

/// Seals a list's labels, one after another, each once.
pub(crate) struct Sealing {
    labels: Arc<Labels>,
    seal: Seal,
    sealed: Vec<u8>,
}

impl Sealing {
    /// Under a salt of its own.
    pub(crate) fn new<R: CryptoRng>(labels: Arc<Labels>, rng: &mut R) -> Sealing {
        let mut salt = [0; 32];
        rng.fill_bytes(&mut salt);
        let width = labels.width().try_into().expect("labels are at most MAX_LABEL long");
        let seal = Seal { salt, width };
        let sealed = Vec::with_capacity(labels.len() * seal.sealed());
        Sealing { labels, seal, sealed }
    }

    /// Seals the next labels, as many as there are secrets.
    pub(crate) fn seal_next(&mut self, secrets: &[Zeroizing<[u8; 32]>]) {
        let (seal, labels) = (self.seal, &*self.labels);
        let start = self.sealed.len() / seal.sealed();
        self.sealed.resize(self.sealed.len() + secrets.len() * seal.sealed(), 0);
        let fresh = &mut self.sealed[start * seal.sealed()..];
        let each = fresh.par_chunks_mut(seal.sealed()).zip(secrets).enumerate().with_min_len(64);
        each.for_each(|(offset, (out, secret))| {
            let label = labels.at(start + offset);
            let (padded, tag) = out.split_at_mut(seal.width.into());
            let length = u16::try_from(label.len()).expect("labels are at most MAX_LABEL long");
            padded[..LENGTH].copy_from_slice(&length.to_le_bytes());
            padded[LENGTH..LENGTH + label.len()].copy_from_slice(label);
            let sealed =
                seal.cipher(secret).encrypt_inout_detached(&Nonce::default(), b"", padded.into());
            tag.copy_from_slice(&sealed.expect("far below the cipher's limit"));
        });
    }

    /// What was sealed, to be sent in the order of `indices`.
    pub(crate) fn finish(self, indices: Vec<u32>) -> SealedLabels {
        SealedLabels { seal: self.seal, sealed: self.sealed, indices }
    }
}

/// Sealed labels, in the order of the set that they go with.
pub(crate) struct SealedLabels {
    pub(crate) seal: Seal,
    sealed: Vec<u8>,
    indices: Vec<u32>,
}

impl SealedLabels {
    /// How many runs they are sent in.
    pub(crate) fn runs(&self) -> usize {
        self.indices.len().div_ceil(self.seal.per_run())
    }

    /// One of them: sealed labels, one after another.
    pub(crate) fn run(&self, run: usize) -> Vec<u8> {
        let (length, count) = (self.seal.sealed(), self.seal.per_run());
        let indices = self.indices.chunks(count).nth(run).unwrap_or_default();
        let at = |&index: &u32| &self.sealed[index as usize * length..][..length];
        indices.iter().flat_map(at).copied().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;
    use rand::rngs::StdRng;

    fn sealed(texts: &[&str], seed: u64) -> SealedLabels {
        let labels = Arc::new(Labels::new(texts).unwrap());
        let mut sealing = Sealing::new(labels, &mut StdRng::seed_from_u64(seed));
        let secrets: Vec<_> = (0..texts.len()).map(secret).collect();
        let (first, rest) = secrets.split_at(texts.len() / 2);
        sealing.seal_next(first);
        sealing.seal_next(rest);
        sealing.finish((0..texts.len() as u32).rev().collect())
    }

    fn secret(i: usize) -> Zeroizing<[u8; 32]> {
        Zeroizing::new([i as u8 + 1; 32])
    }

    #[test]
    fn a_label_opens_under_its_own_output_alone() {
        let texts = ["gold", "", "a segment with a longer name, and äöü", "silver"];
        let sealed = sealed(&texts, 1);
        let length = sealed.seal.sealed();
        assert_eq!(length, 48 + 16);
        assert!(sealed.seal.is_possible());
        let all = sealed.run(0);
        assert_eq!((all.len(), sealed.runs()), (4 * length, 1));
        for (place, entry) in all.chunks(length).enumerate() {
            for (index, text) in texts.iter().enumerate() {
                let opened = sealed.seal.open(&secret(index), entry);
                let expected = (3 - place == index).then(|| (*text).to_owned());
                assert_eq!(opened.as_deref(), expected.as_ref(), "{place} {index}");
            }
        }
    }

    #[test]
    fn a_changed_seal_does_not_open() {
        let sealed = sealed(&["gold", "silver"], 1);
        let entry = &sealed.run(0)[..sealed.seal.sealed()];
        for bit in 0..entry.len() * 8 {
            let mut changed = entry.to_vec();
            changed[bit / 8] ^= 1 << (bit % 8);
            assert!(sealed.seal.open(&secret(1), &changed).is_none());
        }
        assert!(sealed.seal.open(&secret(1), &entry[1..]).is_none());
        assert!(sealed.seal.open(&secret(1), &[]).is_none());
        let other = Seal { salt: [9; 32], ..sealed.seal };
        assert!(other.open(&secret(1), entry).is_none());
    }

    /// The attack that a nonce used twice would allow: equal labels under one key give equal
    /// ciphertexts, and the difference of two is that of the labels.
    #[test]
    fn sealing_again_shares_no_key_stream() {
        let (first, second) = (sealed(&["gold"], 1).run(0), sealed(&["gold"], 2).run(0));
        assert!(first.iter().zip(&second).filter(|(a, b)| a == b).count() < 8);
    }

    #[test]
    fn long_labels_are_refused_and_the_longest_fit() {
        let long = "x".repeat(MAX_LABEL);
        let labels = sealed(&[&long], 3);
        assert!(labels.seal.is_possible());
        assert_eq!(*labels.seal.open(&secret(0), &labels.run(0)).unwrap(), long);
        assert!(Labels::new([long + "x"]).is_err());
        for width in [0, 8, 24, 2048, u16::MAX] {
            assert!(!Seal { salt: [0; 32], width }.is_possible());
        }
    }
}
