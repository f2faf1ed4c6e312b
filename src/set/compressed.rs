//! A whole set in memory.

use std::fmt;
use std::sync::{Arc, OnceLock};

use rayon::prelude::*;
use sha2::Digest;

use super::block::{Mark, STRIDE};
use super::intersection::sorted;
use super::{Intersection, Output, SetParameters, Sink, block, hash_block};
use crate::error::Result;

/// A compressed set. Clones share its bytes.
#[derive(Clone)]
pub struct CompressedSet {
    parameters: SetParameters,
    digest: [u8; 32],
    /// Checked: each is the one encoding of elements that may stand there.
    blocks: Arc<[Box<[u8]>]>,
    /// Marks in each block, once they are needed.
    marks: Arc<OnceLock<Vec<Vec<Mark>>>>,
}

impl CompressedSet {
    /// Of outputs in any order; repetitions are dropped, also those that appear as outputs are cut.
    /// The set is for sessions with at most `max_queries` queries.
    ///
    /// # Errors
    /// [`Error::Misuse`](crate::Error::Misuse) for parameters that [`SetParameters::new`] refuses, or
    /// for outputs that are not uniform.
    pub fn new(mut outputs: Vec<Output>, max_queries: u64) -> Result<CompressedSet> {
        outputs.par_sort_unstable();
        let parameters = cut_all(&mut outputs, max_queries)?;
        let size = parameters.block_elements() as usize;
        let encode = |run: &[Output]| {
            let run: Vec<u128> = run.iter().map(|output| output.0).collect();
            block::encode(parameters, &run).map(Vec::into_boxed_slice)
        };
        let blocks = outputs.par_chunks(size).map(encode).collect::<Result<Vec<_>>>()?;
        let mut hash = parameters.hash();
        blocks.iter().for_each(|block| hash_block(&mut hash, block));
        Ok(CompressedSet::of_blocks(parameters, hash.finalize().into(), blocks))
    }

    /// Of blocks that were checked.
    pub(super) fn of_blocks(
        parameters: SetParameters,
        digest: [u8; 32],
        blocks: Vec<Box<[u8]>>,
    ) -> CompressedSet {
        CompressedSet { parameters, digest, blocks: blocks.into(), marks: Arc::default() }
    }

    /// What its encoding follows from.
    pub fn parameters(&self) -> SetParameters {
        self.parameters
    }

    /// What names it: the same for the same elements and parameters, and for no others.
    pub fn digest(&self) -> [u8; 32] {
        self.digest
    }

    /// Number of blocks.
    pub fn blocks(&self) -> usize {
        self.blocks.len()
    }

    /// A block, as it travels; at most [`MAX_BLOCK`](super::MAX_BLOCK) bytes.
    ///
    /// # Panics
    /// If `index >= blocks()`.
    pub fn block(&self, index: usize) -> &[u8] {
        &self.blocks[index]
    }

    /// Bytes of all blocks.
    pub fn bytes(&self) -> u64 {
        self.blocks.iter().map(|block| block.len() as u64).sum()
    }

    /// Which of our own outputs, in any order, it holds: the names of these, in increasing order.
    ///
    /// Many are merged with the elements, block by block on all cores, in 20 to 60 ns an element. Few
    /// are looked up one by one, in about a microsecond each; before the first of these the set is read
    /// once and an index is made, which takes half a byte an element and stays.
    pub fn intersect(&self, ours: Vec<(Output, u32)>) -> Vec<u32> {
        let ours = sorted(self.parameters, ours);
        let firsts: Vec<u128> =
            self.blocks.iter().map(|bytes| block::first(self.parameters, bytes)).collect();
        let few = ours.len() as u64 * (STRIDE as u64) < self.parameters.elements();
        let mut matched = if few { self.find(&firsts, &ours) } else { self.merge(&firsts, &ours) };
        matched.par_sort_unstable();
        matched
    }

    /// One by one.
    pub(super) fn find(&self, firsts: &[u128], ours: &[(u128, u32)]) -> Vec<u32> {
        let parameters = self.parameters;
        let marks = self.marks.get_or_init(|| {
            self.blocks.par_iter().map(|bytes| block::marks(parameters, bytes)).collect()
        });
        let holds = |value: u128| {
            let index = firsts.partition_point(|first| *first <= value).checked_sub(1);
            index.is_some_and(|i| block::holds(parameters, &self.blocks[i], &marks[i], value))
        };
        let ours = ours.par_iter().with_min_len(64);
        ours.filter(|(value, _)| holds(*value)).map(|(_, name)| *name).collect()
    }

    /// All at once.
    fn merge(&self, firsts: &[u128], ours: &[(u128, u32)]) -> Vec<u32> {
        let start = |index: usize| match firsts.get(index) {
            Some(first) => ours.partition_point(|(value, _)| value < first),
            None => ours.len(),
        };
        let part =
            |index: usize| self.intersect_block(index, &ours[start(index)..start(index + 1)]);
        (0..self.blocks.len()).into_par_iter().flat_map_iter(part).collect()
    }

    fn intersect_block(&self, index: usize, ours: &[(u128, u32)]) -> Vec<u32> {
        let mut intersection = Intersection::of_sorted(ours);
        if !ours.is_empty() {
            self.decode(index, |value| intersection.element(value));
        }
        intersection.matched()
    }

    /// Its elements, block by block: for those who keep outputs beside it. Cut to
    /// [`value_bits`](SetParameters::value_bits) bits.
    pub fn for_each(&self, mut take: impl FnMut(u128)) {
        (0..self.blocks()).for_each(|index| self.decode(index, &mut take));
    }

    fn decode(&self, index: usize, take: impl FnMut(u128)) {
        let position = index as u64 * self.parameters.block_elements();
        let decoded = block::decode(self.parameters, position, None, &self.blocks[index], take);
        debug_assert!(decoded.is_ok(), "blocks are checked when a set is made");
    }
}

impl fmt::Debug for CompressedSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct("CompressedSet");
        out.field("parameters", &self.parameters).field("bytes", &self.bytes());
        out.finish_non_exhaustive()
    }
}

/// Cuts sorted outputs to the bits that their number asks for, and drops repetitions. Where that
/// leaves so few that they need fewer bits, it is done again.
fn cut_all(outputs: &mut Vec<Output>, max_queries: u64) -> Result<SetParameters> {
    let mut bits = u128::BITS;
    loop {
        let parameters = SetParameters::new(outputs.len() as u64, max_queries)?;
        let excess = bits - parameters.value_bits();
        bits = parameters.value_bits();
        outputs.par_iter_mut().for_each(|output| output.0 >>= excess);
        outputs.dedup();
        if SetParameters::new(outputs.len() as u64, max_queries)?.value_bits() == bits {
            return SetParameters::new(outputs.len() as u64, max_queries);
        }
    }
}
