//! The first half of protocols that compare points under two keys: blinding our list, committing to
//! it, and exchanging the lists. What comes of it are the tags of the peer's elements under both
//! keys, in the peer's order.

use std::ops::ControlFlow;
use std::sync::Arc;

use rand::CryptoRng;
use rayon::prelude::*;
use sha2::{Digest, Sha256};

use super::arrivals::Arrivals;
use super::tag::{Tag, Tagger};
use super::{HASH_TAG, Party, Phase, Progress, Step, Terms, WORK_UNIT};
use crate::consent::ConsentedList;
use crate::error::{PeerFault, Result};
use crate::group::{DomainTag, Encoding, Engine};
use crate::identifier::Identifier;
use crate::key::{Key, role};
use crate::wire::{Commitment, Frame, POINTS_PER_FRAME};

/// What every part of a side needs.
pub(super) struct Shared {
    pub(super) terms: Terms,
    pub(super) engine: Engine,
    pub(super) tagger: Tagger,
}

impl Shared {
    pub(super) fn new(terms: Terms, engine: Engine) -> Shared {
        let tagger = Tagger::new(&terms.session, [terms.our_elements, terms.their_elements]);
        Shared { terms, engine, tagger }
    }
}

/// The two lists on their way.
pub(super) struct Crossing {
    theirs: Option<Commitment>,
    state: State,
}

/// How far it is. Each state holds what the next one needs and nothing more.
enum State {
    Blinding(Blinding),
    /// The list is blinded; our commitment is sent or not.
    Committing {
        blinded: Blinded,
        sent: bool,
    },
    Exchanging(Exchanging),
    /// A state was taken out and not put back: it is over, or an error ended the session.
    Ended,
}

/// Both lists are through, and the peer's is what it had committed to.
pub(super) struct Crossed {
    /// For each of our elements, as sent, its index in the consented list.
    pub(super) order: Vec<u32>,
    /// Tags of the peer's elements under both keys, in the peer's order.
    pub(super) tags: Vec<Tag>,
}

impl Crossing {
    /// With a key of its own.
    pub(super) fn new<R: CryptoRng>(list: Arc<ConsentedList>, rng: &mut R) -> Crossing {
        Crossing { theirs: None, state: State::Blinding(Blinding::new(Key::fresh(rng), list)) }
    }

    pub(super) fn receive(&mut self, shared: &Shared, frame: Frame) -> Result<()> {
        match (&mut self.state, frame) {
            (State::Blinding(_) | State::Committing { .. }, Frame::Commitment(theirs))
                if self.theirs.is_none() =>
            {
                if theirs.session != shared.terms.session {
                    return Err(PeerFault::BrokenCommitment("session").into());
                }
                self.theirs = Some(theirs);
                Ok(())
            }
            (State::Exchanging(exchanging), Frame::Points(points)) => exchanging.receive(points),
            (_, frame) => Err(frame.unexpected().into()),
        }
    }

    /// Does the next bounded piece of work, until both lists are through.
    pub(super) fn advance(
        &mut self,
        shared: &Shared,
        room: bool,
    ) -> Result<ControlFlow<Crossed, Step>> {
        let (state, step) = match std::mem::replace(&mut self.state, State::Ended) {
            State::Blinding(mut blinding) => match blinding.advance(&shared.engine) {
                true => (State::Blinding(blinding), Step::Worked),
                false => {
                    let blinded = blinding.finish();
                    (State::Committing { blinded, sent: false }, Step::Worked)
                }
            },
            State::Committing { blinded, sent } => self.commit(&shared.terms, blinded, sent, room),
            State::Exchanging(mut exchanging) => {
                match exchanging.advance(&shared.engine, &shared.tagger, room)? {
                    Some(step) => (State::Exchanging(exchanging), step),
                    None => {
                        let (order, tags) = exchanging.finish()?;
                        return Ok(ControlFlow::Break(Crossed { order, tags }));
                    }
                }
            }
            State::Ended => (State::Ended, Step::Wait),
        };
        self.state = state;
        Ok(ControlFlow::Continue(step))
    }

    fn commit(&self, terms: &Terms, blinded: Blinded, sent: bool, room: bool) -> (State, Step) {
        match (&self.theirs, sent) {
            (_, false) if room => {
                let ours = Commitment { session: terms.session, list: blinded.digest(terms) };
                let state = State::Committing { blinded, sent: true };
                (state, Step::Send(Frame::Commitment(ours)))
            }
            (Some(theirs), true) => {
                let exchanging = Exchanging::new(blinded, theirs.list, terms);
                (State::Exchanging(exchanging), Step::Worked)
            }
            _ => (State::Committing { blinded, sent }, Step::Wait),
        }
    }

    pub(super) fn progress(&self, terms: &Terms) -> Progress {
        let (ours, theirs) = (terms.our_elements, terms.their_elements);
        let at = |phase, done, total| Progress { phase, done, total };
        match &self.state {
            State::Blinding(blinding) => at(Phase::Blind, blinding.done(), ours),
            State::Committing { .. } => at(Phase::Blind, ours, ours),
            State::Exchanging(exchanging) => at(Phase::Evaluate, exchanging.done(), theirs),
            State::Ended => at(Phase::Compare, theirs, theirs),
        }
    }
}

/// Hashing and blinding our own list.
struct Blinding {
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
struct Blinded {
    key: Key<role::Blind>,
    slots: Vec<Slot>,
}

impl Blinding {
    fn new(key: Key<role::Blind>, list: Arc<ConsentedList>) -> Self {
        let done = Vec::with_capacity(list.len());
        Blinding { key, tag: DomainTag::new(HASH_TAG), list, done }
    }

    fn done(&self) -> u64 {
        self.done.len() as u64
    }

    /// Blinds the next run; `false` once there is none left.
    fn advance(&mut self, engine: &Engine) -> bool {
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
    fn finish(self) -> Blinded {
        let Blinding { key, mut done, .. } = self;
        done.par_sort_unstable();
        Blinded { key, slots: done }
    }
}

impl Blinded {
    /// What we commit to.
    fn digest(&self, terms: &Terms) -> [u8; 32] {
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
struct Exchanging {
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
    fn new(ours: Blinded, committed: [u8; 32], terms: &Terms) -> Self {
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

    fn done(&self) -> u64 {
        self.tags.len() as u64
    }

    /// Takes a run of the peer's list, checking its number and its order.
    fn receive(&mut self, points: Vec<Encoding>) -> Result<()> {
        self.arrivals.check(&points)?;
        points.iter().for_each(|point| self.hash.update(point.0));
        self.pending = Some(points);
        Ok(())
    }

    /// Works on what arrived, or else sends; `None` once both lists are through.
    fn advance(&mut self, engine: &Engine, tagger: &Tagger, room: bool) -> Result<Option<Step>> {
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
    fn finish(self) -> Result<(Vec<u32>, Vec<Tag>)> {
        let digest: [u8; 32] = self.hash.finalize().into();
        if digest != self.committed {
            return Err(PeerFault::BrokenCommitment("list").into());
        }
        let order = self.ours.slots.iter().map(|slot| slot.index).collect();
        Ok((order, self.tags))
    }
}
