//! Tags: the truncated hashes that two sides compare.
//!
//! A tag is `SHA-256(domain || session || encoding)`, cut to `40 + log2(n_A n_P)` bits and rounded up
//! to whole bytes. That many bits make a false match in a session less likely than 2^-40: there are
//! `n_A n_P` pairs, and each agrees by chance with probability `2^-bits`. The domain and the session
//! fill one block of the hash, whose state is computed once.

use rayon::prelude::*;
use sha2::{Digest, Sha256};

use crate::group::Encoding;

/// Makes the tags of one session.
#[derive(Clone)]
pub(crate) struct Tagger {
    after_session: Sha256,
    length: usize,
}

impl Tagger {
    /// For a session between lists of these sizes.
    pub(crate) fn new(session: &[u8; 32], sizes: [u64; 2]) -> Self {
        let mut domain = [0; 32];
        domain[..DOMAIN.len()].copy_from_slice(DOMAIN);
        let after_session = Sha256::new().chain_update(domain).chain_update(session);
        Tagger { after_session, length: tag_length(sizes) }
    }

    /// Bytes in a tag, 5 to 16.
    pub(super) fn length(&self) -> usize {
        self.length
    }

    /// Appends the tags of `encodings` to `out`, in their order.
    pub(crate) fn extend(&self, out: &mut Vec<Tag>, encodings: &[Encoding]) {
        out.par_extend(encodings.par_iter().with_min_len(1024).map(|encoding| self.tag(encoding)));
    }

    fn tag(&self, encoding: &Encoding) -> Tag {
        let digest = self.after_session.clone().chain_update(encoding.0).finalize();
        Tag::from_bytes(&digest[..self.length])
    }
}

const DOMAIN: &[u8] = b"blindmatch-v1 tag";

/// `40 + ceil(log2(n_A n_P))` bits in whole bytes, at most the 16 that [`Tag`] holds.
pub(crate) fn tag_length(sizes: [u64; 2]) -> usize {
    let pairs = sizes.iter().map(|&size| u128::from(size.max(1))).product::<u128>();
    let bits = 40 + (u128::BITS - (pairs - 1).leading_zeros());
    bits.div_ceil(8).min(16) as usize
}

/// One tag. Its bytes, the first one highest, so that tags order as their bytes do.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct Tag(u128);

impl Tag {
    /// From at most 16 bytes.
    fn from_bytes(bytes: &[u8]) -> Tag {
        let mut wide = [0; 16];
        wide[..bytes.len()].copy_from_slice(bytes);
        Tag(u128::from_be_bytes(wide))
    }

    /// Reads a run of tags of `length` bytes each; `None` where it does not divide.
    pub(super) fn read_all(bytes: &[u8], length: usize) -> Option<impl Iterator<Item = Tag>> {
        let exact = bytes.len().is_multiple_of(length);
        exact.then(|| bytes.chunks_exact(length).map(Tag::from_bytes))
    }

    /// Writes a run of tags of `length` bytes each.
    pub(super) fn write_all(tags: &[Tag], length: usize) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(tags.len() * length);
        tags.iter().for_each(|tag| bytes.extend_from_slice(&tag.0.to_be_bytes()[..length]));
        bytes
    }

    /// The highest `bits` bits.
    fn bucket(self, bits: u32) -> usize {
        if bits == 0 { 0 } else { (self.0 >> (u128::BITS - bits)) as usize }
    }
}

/// A set of tags that answers in about one memory access.
///
/// Tags are uniform, so a table over their first `log2(n)` bits leaves one tag a bucket on average.
pub(crate) struct TagSet {
    sorted: Vec<Tag>,
    /// Where each bucket begins in `sorted`, and the end.
    starts: Vec<u32>,
    bits: u32,
}

impl TagSet {
    /// From tags in any order; fewer than 2^32 of them.
    pub(crate) fn new(mut tags: Vec<Tag>) -> TagSet {
        tags.par_sort_unstable();
        let bits = tags.len().max(1).ilog2();
        let mut starts = vec![0u32; (1 << bits) + 1];
        tags.iter().for_each(|tag| starts[tag.bucket(bits) + 1] += 1);
        for bucket in 1..starts.len() {
            starts[bucket] += starts[bucket - 1];
        }
        TagSet { sorted: tags, starts, bits }
    }

    /// Its tags, in order.
    pub(super) fn sorted(&self) -> &[Tag] {
        &self.sorted
    }

    /// Whether it holds `tag`.
    pub(super) fn contains(&self, tag: Tag) -> bool {
        let bucket = tag.bucket(self.bits);
        let range = self.starts[bucket] as usize..self.starts[bucket + 1] as usize;
        self.sorted[range].contains(&tag)
    }

    /// For each of `tags`, whether the set holds it.
    pub(crate) fn contains_each(&self, tags: &[Tag]) -> Vec<bool> {
        tags.par_iter().with_min_len(4096).map(|&tag| self.contains(tag)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_follow_the_sizes() {
        let table = [([0, 0], 5), ([1, 1], 5), ([1, 2], 6), ([1 << 20, 1 << 20], 10)];
        let large = [([1 << 10, 10_000_000], 10), ([1 << 32, 1 << 32], 13), ([u64::MAX; 2], 16)];
        for (sizes, bytes) in table.into_iter().chain(large) {
            assert_eq!(tag_length(sizes), bytes, "{sizes:?}");
        }
    }

    #[test]
    fn tags_survive_the_wire_and_keep_their_order() {
        let tagger = Tagger::new(&[7; 32], [1 << 20, 1 << 20]);
        let mut tags = Vec::new();
        tagger.extend(&mut tags, &(0..100).map(|i| Encoding([i; 32])).collect::<Vec<_>>());
        let bytes = Tag::write_all(&tags, tagger.length());
        assert_eq!(bytes.len(), 1000);
        assert!(Tag::read_all(&bytes, 10).unwrap().eq(tags.iter().copied()));
        assert!(Tag::read_all(&bytes[1..], 10).is_none());
    }

    #[test]
    fn a_tag_is_the_hash_of_session_and_encoding() {
        let (session, encoding) = ([3; 32], Encoding([9; 32]));
        let mut block = b"blindmatch-v1 tag".to_vec();
        block.resize(32, 0);
        let digest = Sha256::digest([&block[..], &session, &encoding.0].concat());
        let tagger = Tagger::new(&session, [2, 1]);
        assert_eq!(Tag::write_all(&[tagger.tag(&encoding)], 6), digest[..6]);
    }

    #[test]
    fn a_set_holds_what_was_put_in_and_nothing_else() {
        for size in [0u8, 1, 2, 3, 100, 255] {
            let tag = |i: u8, j: u8| Tag::from_bytes(&Sha256::digest([i, j])[..7]);
            let set = TagSet::new((0..size).map(|i| tag(i, 0)).collect());
            assert!((0..size).all(|i| set.contains(tag(i, 0))));
            assert!((0..255).all(|i| !set.contains(tag(i, 1))));
        }
    }
}
