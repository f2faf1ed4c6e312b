//! Compressed sets: the outputs of a list under a pseudorandom function, as they are published.
//!
//! A platform evaluates `F(x) = H(x, k H'(x))` on its list once and publishes the outputs. An output
//! says nothing about its identifier to anyone who cannot have the function evaluated; who can looks
//! up the outputs of its own identifiers. `docs/sets.md` measures this format against binary fuse
//! filters and says why it serves both on the wire and for the look-up. Look-ups take variable time:
//! they happen where the outputs are known.
//!
//! # Size
//!
//! Outputs are cut to their highest `b = 40 + ceil(log2(queries * elements))` bits. Each of the
//! queries that are not in the set agrees by chance with one of the elements with probability
//! `elements / 2^b` at most, so a session with that many queries has a false match with probability
//! `2^-40` at most.
//!
//! The cut values are sorted, without repetitions, and the gaps between them are Rice-coded (a Golomb
//! code whose parameter is a power of two). Gaps of `n` uniform values below `2^b` are geometric with
//! mean `m = 2^b / n`, and the best parameter for these is the largest `2^k <= 2 ln(phi) m`, with
//! `phi` the golden ratio (Kiely, "Selecting the Golomb parameter in Rice coding", 2004). With
//! `f = log2(m)`, which is `40 + log2(queries)` and up to one more, an element then takes
//!
//! ```text
//! k + 1 / (1 - exp(-2^k / m))   bits, between f + 1.47 and f + 1.57.
//! ```
//!
//! The entropy is `f + 1.44`; a parameter that is no power of two would save 0.06 bits of some 62.
//!
//! # Format
//!
//! Everything follows from the number of elements and of queries ([`SetParameters`]). Elements are
//! coded in blocks of about 64 KiB, each with the same number of elements but the last, so that a set
//! has one encoding. Blocks stand for themselves: they travel one a frame and are decoded in parallel.
//!
//! ```text
//! elements in the block: u32, little-endian
//! first element: ceil(b / 8) bytes, big-endian, unused high bits zero
//! for each further one, with g = its distance to the one before - 1, bits from the highest on:
//!     g >> k zeros, a one, the lowest k bits of g
//! zeros to the end of the byte
//! ```
//!
//! The set's identity is SHA-256 over "blindmatch-v2 set" (padded to 32 bytes), the number of elements
//! and of queries (`u64` each) and the blocks, each after its length (`u32`), all little-endian.
//!
//! Bytes from a peer go through a [`SetReader`], which takes a block at a time, checks it, and gives
//! what it read only once the whole set has arrived and has the identity that was announced.
//!
//! ```
//! use blindmatch::set::{CompressedSet, Intersection, Output, SetReader};
//!
//! let outputs: Vec<Output> = (1..=1000u128).map(|i| Output(i * (u128::MAX / 1001))).collect();
//! let set = CompressedSet::new(outputs.clone(), 16)?;
//!
//! // Across the wire:
//! let ours = vec![(outputs[7], 0), (Output(12345), 1), (outputs[2], 2)];
//! let sink = Intersection::new(set.parameters(), ours);
//! let mut reader = SetReader::new(set.parameters(), set.digest(), sink);
//! for block in 0..set.blocks() {
//!     reader.push(set.block(block))?;
//! }
//! assert_eq!(reader.finish()?.matched(), [0, 2]);
//! # Ok::<(), blindmatch::Error>(())
//! ```

mod bits;
mod block;
mod compressed;
mod intersection;
mod output;
mod reader;

use sha2::{Digest, Sha256};

use crate::error::{Error, Result};

pub use block::MAX_BLOCK;
pub use compressed::CompressedSet;
pub use intersection::Intersection;
pub use output::{Output, Outputs};
pub use reader::{Keep, SetReader, Sink};

/// What a set's encoding follows from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SetParameters {
    elements: u64,
    max_queries: u64,
}

impl SetParameters {
    /// Most elements, and most queries: as many as a list can hold.
    pub const MAX: u64 = u32::MAX as u64;

    /// For `elements` elements, looked up with `max_queries` queries at most in one session.
    ///
    /// # Errors
    /// [`Error::Misuse`] for more than [`SetParameters::MAX`] of either, or for no queries.
    pub fn new(elements: u64, max_queries: u64) -> Result<SetParameters> {
        if elements > Self::MAX || !(1..=Self::MAX).contains(&max_queries) {
            let most = Self::MAX;
            return Err(Error::Misuse(format!(
                "a set of {elements} elements for {max_queries} queries: there are at most {most} \
                 of either, and at least one query"
            )));
        }
        Ok(SetParameters { elements, max_queries })
    }

    /// Elements in the set.
    pub fn elements(self) -> u64 {
        self.elements
    }

    /// Most queries in one session that keep a false match below `2^-40`.
    pub fn max_queries(self) -> u64 {
        self.max_queries
    }

    /// Bits of an output that are kept, 40 to 104.
    pub fn value_bits(self) -> u32 {
        let pairs = u128::from(self.elements.max(1)) * u128::from(self.max_queries);
        40 + (u128::BITS - (pairs - 1).leading_zeros())
    }

    /// Bits of a gap that are written as they are, the `k` above: 38 to 103.
    pub fn rice_bits(self) -> u32 {
        // The largest k with n 2^k <= 2 ln(phi) 2^b is b - j for the smallest j with
        // n <= 2 ln(phi) 2^j.
        let n = u128::from(self.elements.max(1)) * 1_000_000;
        let j = (0..64).find(|j| n <= TWO_LN_PHI << j).expect("n is below 2^32");
        self.value_bits() - j
    }

    /// Bits that an element takes on average, without the first of each block.
    pub fn expected_bits(self) -> f64 {
        let step = f64::from(self.value_bits() - self.rice_bits());
        let share = self.elements.max(1) as f64 / step.exp2();
        f64::from(self.rice_bits()) + 1.0 / (1.0 - (-share).exp())
    }

    /// Elements in each block but the last.
    pub fn block_elements(self) -> u64 {
        BLOCK * 8 / u64::from(self.rice_bits() + 2)
    }

    /// Number of blocks.
    pub fn blocks(self) -> u64 {
        self.elements.div_ceil(self.block_elements())
    }

    /// Elements in block `index`; none beyond the last.
    fn elements_in(self, index: u64) -> u64 {
        let before = index.saturating_mul(self.block_elements());
        self.elements.saturating_sub(before).min(self.block_elements())
    }

    /// The bits of an output that are kept.
    pub(crate) fn cut(self, output: Output) -> u128 {
        output.0 >> (u128::BITS - self.value_bits())
    }

    /// The beginning of the hash that names a set.
    fn hash(self) -> Sha256 {
        let mut domain = [0; 32];
        domain[..DOMAIN.len()].copy_from_slice(DOMAIN);
        Sha256::new()
            .chain_update(domain)
            .chain_update(self.elements.to_le_bytes())
            .chain_update(self.max_queries.to_le_bytes())
    }
}

/// Adds a block to the hash that names a set.
fn hash_block(hash: &mut Sha256, block: &[u8]) {
    hash.update((block.len() as u32).to_le_bytes()); // blocks are below MAX_BLOCK
    hash.update(block);
}

const DOMAIN: &[u8] = b"blindmatch-v2 set";

/// `2 ln(phi)`, in millionths.
const TWO_LN_PHI: u128 = 962_424;

/// Bytes of a block, about.
const BLOCK: u64 = 64 * 1024;

#[cfg(test)]
mod tests;
