//! The first half: blinding our list, and exchanging the lists.

use rayon::prelude::*;
use sha2::{Digest, Sha256};

use super::*;
use crate::identifier::Identifier;
use crate::wire::POINTS_PER_FRAME;

/// Hashing and blinding our own list.
pub(super) struct Blinding {
    key: Key<role::Blind>,
    tag: DomainTag,
    list: Arc<ConsentedList>,
    done: Vec<Slot>,
}

/// A blinded element and the identifier that it came from.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Slot {
    encoding: Encoding,
    /// Its index in the consented list.
    index: u32,
}

/// Our list, blinded and sorted.
pub(super) struct Blinded {
    key: Key<role::Blind>,
    slots: Vec<Slot>,
}

impl Blinding {
    pub(super) fn new(key: Key<role::Blind>, list: Arc<ConsentedList>) -> Self {
        let done = Vec::with_capacity(list.len());
        Blinding { key, tag: DomainTag::new(HASH_TAG), list, done }
    }

    pub(super) fn done(&self) -> u64 {
        self.done.len() as u64
    }

    /// Blinds the next run; `false` once there is none left.
    pub(super) fn advance(&mut self, engine: &Engine) -> bool {
        let start = self.done.len();
        let identifiers = &self.list.identifiers()[start..];
        if identifiers.is_empty() {
            return false;
        }
        let run = &identifiers[..identifiers.len().min(WORK_UNIT)];
        let run: Vec<&[u8; Identifier::LEN]> = run.iter().map(Identifier::as_bytes).collect();
        let mut encodings = vec![Encoding::default(); run.len()];
        engine.hash_blind(&self.tag, &run, self.key.scalar(), &mut encodings);
        let slots = encodings.into_iter().zip(start as u32..);
        self.done.extend(slots.map(|(encoding, index)| Slot { encoding, index }));
        true
    }

    /// Sorts what was blinded.
    pub(super) fn finish(self) -> Blinded {
        let Blinding { key, mut done, .. } = self;
        done.par_sort_unstable();
        Blinded { key, slots: done }
    }
}

impl Blinded {
    /// What we commit to.
    pub(super) fn digest(&self, terms: &Terms) -> [u8; 32] {
        let mut hash = list_hash(terms, terms.party);
        self.slots.iter().for_each(|slot| hash.update(slot.encoding.0));
        hash.finalize().into()
    }
}

/// The beginning of the hash over `party`'s sorted list that it commits to. A commitment is good for
/// one session and one side, so that nobody can copy the other's and then reflect its list.
fn list_hash(terms: &Terms, party: Party) -> Sha256 {
    Sha256::new()
        .chain_update(b"blindmatch-v1 list")
        .chain_update(terms.session)
        .chain_update([party.code()])
}

/// Sending our list while receiving the peer's and blinding it once more.
pub(super) struct Exchanging {
    ours: Blinded,
    sent: usize,
    /// A run of the peer's list that arrived and is not worked on yet.
    pending: Option<Vec<Encoding>>,
    arrivals: Arrivals,
    committed: [u8; 32],
    hash: Sha256,
    /// Tags of the peer's elements under both keys, in the peer's order.
    tags: Vec<Tag>,
}

impl Exchanging {
    pub(super) fn new(ours: Blinded, committed: [u8; 32], terms: &Terms) -> Self {
        Exchanging {
            ours,
            sent: 0,
            pending: None,
            arrivals: Arrivals::new(terms.their_elements),
            committed,
            hash: list_hash(terms, terms.party.peer()),
            tags: Vec::new(),
        }
    }

    pub(super) fn done(&self) -> u64 {
        self.tags.len() as u64
    }

    /// Takes a run of the peer's list, checking its number and its order.
    pub(super) fn receive(&mut self, points: Vec<Encoding>) -> Result<()> {
        self.arrivals.check(&points)?;
        points.iter().for_each(|point| self.hash.update(point.0));
        self.pending = Some(points);
        Ok(())
    }

    /// Works on what arrived, or else sends; `None` once both lists are through.
    pub(super) fn advance(
        &mut self,
        engine: &Engine,
        tagger: &Tagger,
        room: bool,
    ) -> Result<Option<Step>> {
        if let Some(points) = self.pending.take() {
            self.evaluate(engine, tagger, &points)?;
            return Ok(Some(Step::Worked));
        }
        let unsent = &self.ours.slots[self.sent..];
        if !unsent.is_empty() {
            if !room {
                return Ok(Some(Step::Wait));
            }
            let run = &unsent[..unsent.len().min(POINTS_PER_FRAME)];
            let points = run.iter().map(|slot| slot.encoding).collect();
            self.sent += run.len();
            return Ok(Some(Step::Send(Frame::Points(points))));
        }
        Ok((!self.arrivals.is_complete()).then_some(Step::Wait))
    }

    /// Blinds a run of the peer's list once more and keeps the tags.
    fn evaluate(&mut self, engine: &Engine, tagger: &Tagger, points: &[Encoding]) -> Result<()> {
        let mut twice = vec![Encoding::default(); points.len()];
        engine.blind(points, self.ours.key.scalar(), &mut twice).map_err(|invalid| {
            let position = self.tags.len() as u64 + invalid.position as u64;
            PeerFault::InvalidPoint { position }
        })?;
        tagger.extend(&mut self.tags, &twice);
        Ok(())
    }

    /// Checks the peer's list against its commitment. Yields, for each of our elements in the
    /// order in which they were sent, its index in the consented list; and the peer's tags.
    pub(super) fn finish(self) -> Result<(Vec<u32>, Vec<Tag>)> {
        let digest: [u8; 32] = self.hash.finalize().into();
        if digest != self.committed {
            return Err(PeerFault::BrokenCommitment("list").into());
        }
        let order = self.ours.slots.iter().map(|slot| slot.index).collect();
        Ok((order, self.tags))
    }
}
