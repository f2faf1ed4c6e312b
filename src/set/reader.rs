//! Sets that arrive, block by block, from somebody who may lie.

use sha2::{Digest, Sha256};

use super::{CompressedSet, MAX_BLOCK, SetParameters, block, hash_block};
use crate::error::PeerFault;

/// What becomes of the elements of a set that arrives.
pub trait Sink {
    /// The next element, larger than those before.
    fn element(&mut self, value: u128);

    /// The block whose elements were the last ones.
    fn block(&mut self, bytes: &[u8]) {
        let _ = bytes;
    }
}

/// Reads a set as it arrives. Holds nothing of it but the last element; what else is kept is up to
/// the sink, which is given out only once the set is whole and has the identity that was announced.
#[derive(Debug)]
pub struct SetReader<S> {
    parameters: SetParameters,
    announced: [u8; 32],
    sink: S,
    hash: Sha256,
    received: u64,
    last: Option<u128>,
    /// What was wrong with a block, if one was: the set is then lost.
    fault: Option<PeerFault>,
}

impl<S: Sink> SetReader<S> {
    /// For a set of these parameters and this identity.
    pub fn new(parameters: SetParameters, digest: [u8; 32], sink: S) -> SetReader<S> {
        let hash = parameters.hash();
        SetReader {
            parameters,
            announced: digest,
            sink,
            hash,
            received: 0,
            last: None,
            fault: None,
        }
    }

    /// What the set's encoding follows from.
    pub fn parameters(&self) -> SetParameters {
        self.parameters
    }

    /// Elements that have arrived.
    pub fn received(&self) -> u64 {
        self.received
    }

    /// Whether as many elements as were announced have arrived.
    pub fn is_complete(&self) -> bool {
        self.fault.is_none() && self.received == self.parameters.elements()
    }

    /// Takes the next block: 15 to 30 ns an element, and what the sink does.
    ///
    /// # Errors
    /// [`PeerFault::BadSet`] for a block that is not in its one encoding, is out of order or has
    /// another number of elements; [`PeerFault::WrongCount`] for a block too many. The set is then
    /// lost.
    pub fn push(&mut self, block: &[u8]) -> Result<(), PeerFault> {
        if let Some(fault) = &self.fault {
            return Err(fault.clone());
        }
        let taken = self.take(block);
        self.fault = taken.clone().err();
        taken
    }

    fn take(&mut self, block: &[u8]) -> Result<(), PeerFault> {
        let expected = self.parameters.elements();
        if self.received == expected {
            return Err(PeerFault::WrongCount { what: ELEMENTS, got: expected + 1, expected });
        }
        let sink = &mut self.sink;
        let take = |value| sink.element(value);
        let last = block::decode(self.parameters, self.received, self.last, block, take)?;
        self.sink.block(block);
        hash_block(&mut self.hash, block);
        self.last = Some(last);
        self.received += self.parameters.block_elements().min(expected - self.received);
        Ok(())
    }

    /// What the sink made of the set.
    ///
    /// # Errors
    /// The fault of an earlier [`push`](Self::push); [`PeerFault::WrongCount`] where elements are
    /// missing; [`PeerFault::BrokenCommitment`] where this is not the set that was announced.
    pub fn finish(self) -> Result<S, PeerFault> {
        let (got, expected) = (self.received, self.parameters.elements());
        match self.fault {
            Some(fault) => Err(fault),
            None if got < expected => Err(PeerFault::WrongCount { what: ELEMENTS, got, expected }),
            None if <[u8; 32]>::from(self.hash.finalize()) != self.announced => {
                Err(PeerFault::BrokenCommitment("compressed set"))
            }
            None => Ok(self.sink),
        }
    }
}

/// Keeps a set that arrives: for many look-ups, or to pass it on.
#[derive(Debug, Default)]
pub struct Keep {
    blocks: Vec<Box<[u8]>>,
}

impl Sink for Keep {
    fn element(&mut self, _: u128) {}

    fn block(&mut self, bytes: &[u8]) {
        debug_assert!(bytes.len() <= MAX_BLOCK);
        self.blocks.push(bytes.into());
    }
}

impl SetReader<Keep> {
    /// The set.
    ///
    /// # Errors
    /// As [`finish`](Self::finish).
    pub fn into_set(self) -> Result<CompressedSet, PeerFault> {
        let (parameters, digest) = (self.parameters, self.announced);
        Ok(CompressedSet::of_blocks(parameters, digest, self.finish()?.blocks))
    }
}

const ELEMENTS: &str = "elements of the set";
