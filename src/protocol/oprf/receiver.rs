//! The side that learns: asks about its own list, and looks the answers up.

use std::collections::VecDeque;

use rayon::prelude::*;

use super::masks::{Authenticated, Masks};
use super::*;
use crate::label::Seal;
use crate::set::{Intersection, SetReader};
use crate::wire::POINTS_PER_FRAME;

/// One run in which we are the receiver.
pub(super) struct Receiver {
    list: Arc<ConsentedList>,
    masks: Masks,
    /// Our list, blinded; sorted once it is complete.
    slots: Vec<Slot>,
    sorted: bool,
    sent: usize,
    offer: Option<Offer>,
    accepted: Option<Accepted>,
    answers: Answers,
    lookup: Option<Lookup>,
}

/// A blinded element and the identifier that it came from.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Slot {
    encoding: Encoding,
    /// Its index in the consented list.
    index: u32,
}

/// An offer that was checked.
struct Accepted {
    key: Authenticated,
    outputs: Outputs,
    set: SetParameters,
    digest: [u8; 32],
    seal: Option<Seal>,
    epoch: Option<String>,
    transcript: Option<Transcript>,
}

/// The sender's answers.
#[derive(Default)]
struct Answers {
    /// Runs that arrived and are not worked on yet, and their proofs.
    pending: VecDeque<Vec<Encoding>>,
    proofs: VecDeque<[u8; 64]>,
    /// Answers that arrived so far.
    received: usize,
    /// Answers worked on so far.
    done: usize,
    /// Our outputs, with the index of the identifier.
    values: Vec<(Output, u32)>,
    /// What opens our labels, by the identifier's index; empty without labels.
    secrets: Vec<Zeroizing<[u8; 32]>>,
}

/// Looking our outputs up in the sender's set, as it arrives.
enum Lookup {
    /// The set comes; of the block that arrived last there is work to do.
    Set {
        reader: SetReader<Intersection<'static>>,
        pending: Option<Vec<u8>>,
    },
    /// The labels come.
    Labels(LabelsDue),
    Done(Learnt),
}

/// Labels as they arrive.
struct LabelsDue {
    seal: Seal,
    elements: u64,
    seen: u64,
    /// Our matches in the order of the set: the element's place in it, and our identifier's index.
    hits: VecDeque<(u64, u32)>,
    pending: Option<Vec<u8>>,
    /// Sealed labels of ours, with the index of the identifier.
    ours: Vec<(u32, Vec<u8>)>,
}

impl Receiver {
    pub(super) fn new(shared: &Shared, list: Arc<ConsentedList>, blinding: Blinding) -> Receiver {
        Receiver {
            masks: Masks::new(blinding, list.len(), &shared.engine),
            slots: Vec::with_capacity(list.len()),
            list,
            sorted: false,
            sent: 0,
            offer: None,
            accepted: None,
            answers: Answers::default(),
            lookup: None,
        }
    }

    /// Takes a frame; `advance` works on it.
    pub(super) fn receive(&mut self, frame: Frame) -> Result<()> {
        let (accepted, proof_due) = (self.accepted.is_some(), self.expects_proof());
        match (frame, &mut self.lookup) {
            (Frame::Offer(offer), _) if self.offer.is_none() && !accepted => {
                self.offer = Some(offer);
            }
            (Frame::Evaluated(run), None) if accepted && !proof_due => {
                // A run of answers is to one run of questions, as that was sent.
                let unanswered = self.sent - self.answers.received;
                let expected = unanswered.min(POINTS_PER_FRAME) as u64;
                if run.len() as u64 != expected {
                    let got = run.len() as u64;
                    return Err(PeerFault::WrongCount { what: "answers", got, expected }.into());
                }
                self.answers.received += run.len();
                self.answers.pending.push_back(run);
            }
            (Frame::Proof(proof), None) if proof_due => {
                self.answers.proofs.push_back(proof);
            }
            (Frame::Set(block), Some(Lookup::Set { pending, .. })) => *pending = Some(block),
            (Frame::Labels(run), Some(Lookup::Labels(due))) => due.pending = Some(run),
            (frame, _) => return Err(frame.unexpected().into()),
        }
        Ok(())
    }

    fn expects_proof(&self) -> bool {
        let proven = self.accepted.as_ref().is_some_and(|a| a.transcript.is_some());
        proven && self.answers.proofs.len() < self.answers.pending.len()
    }

    /// Works, or else sends; `None` where there is nothing to do for now.
    pub(super) fn advance<R: CryptoRng>(
        &mut self,
        shared: &Shared,
        rng: &mut R,
        room: bool,
    ) -> Result<Option<Step>> {
        let worked = if !self.sorted {
            self.blind(&shared.engine, rng);
            true
        } else if let Some(offer) = self.offer.take() {
            self.accepted = Some(Accepted::new(shared, offer)?);
            true
        } else if self.lookup.is_some() {
            self.look_up()?
        } else {
            self.take_answers(shared)?
        };
        if worked {
            return Ok(Some(Step::Worked));
        }
        Ok(if room { self.next_questions().map(Step::Send) } else { None })
    }

    /// Blinds the next run of our list, or sorts it.
    fn blind<R: CryptoRng>(&mut self, engine: &Engine, rng: &mut R) {
        let start = self.slots.len();
        let identifiers = &self.list.identifiers()[start..];
        if identifiers.is_empty() {
            self.slots.par_sort_unstable();
            self.sorted = true;
            return;
        }
        let run = &identifiers[..identifiers.len().min(WORK_UNIT)];
        let mut encodings = vec![Encoding::default(); run.len()];
        self.masks.blind(engine, run, rng, &mut encodings);
        let slots = encodings.into_iter().zip(start as u32..);
        self.slots.extend(slots.map(|(encoding, index)| Slot { encoding, index }));
    }

    /// The next run of questions, once the sender's key is known to be good.
    fn next_questions(&mut self) -> Option<Frame> {
        let unsent = &self.slots[self.sent..];
        if self.accepted.is_none() || unsent.is_empty() {
            return None;
        }
        let run = &unsent[..unsent.len().min(POINTS_PER_FRAME)];
        self.sent += run.len();
        Some(Frame::Points(run.iter().map(|slot| slot.encoding).collect()))
    }

    /// Works on the next run of answers, once it is whole; `false` where it is not.
    fn take_answers(&mut self, shared: &Shared) -> Result<bool> {
        let Some(accepted) = &mut self.accepted else { return Ok(false) };
        let answers = &mut self.answers;
        if answers.done == self.slots.len() {
            // All are in: from now on the set may come.
            let ours = std::mem::take(&mut answers.values);
            let intersection = Intersection::new(accepted.set, ours);
            let reader = SetReader::new(accepted.set, accepted.digest, intersection);
            self.lookup = Some(Lookup::Set { reader, pending: None });
            return Ok(true);
        }
        if accepted.transcript.is_some() && answers.proofs.is_empty() {
            return Ok(false);
        }
        let Some(evaluated) = answers.pending.pop_front() else { return Ok(false) };
        let proof = answers.proofs.pop_front();
        let asked = &self.slots[answers.done..answers.done + evaluated.len()];
        let position = answers.done as u64;
        if let Some(proof) = proof {
            let questions: Vec<Encoding> = asked.iter().map(|slot| slot.encoding).collect();
            accepted.check(&shared.engine, position, &questions, &evaluated, &proof)?;
        }
        let indices: Vec<u32> = asked.iter().map(|slot| slot.index).collect();
        let (outputs, identifiers) = (&accepted.outputs, self.list.identifiers());
        let message = |i: usize| identifiers[indices[i] as usize].as_bytes();
        let labelled = accepted.seal.is_some();
        let finish = |i: usize, encoding: &Encoding| {
            let secret = labelled.then(|| outputs.secret(message(i), encoding));
            (outputs.value(message(i), encoding), secret)
        };
        let mut found = vec![(Output(0), None); evaluated.len()];
        let (engine, key) = (&shared.engine, &accepted.key);
        self.masks
            .unblind(engine, key, &indices, &evaluated, &mut found, finish)
            .map_err(|invalid| invalid_point(position, invalid))?;
        answers.keep(&indices, found, if labelled { identifiers.len() } else { 0 });
        Ok(true)
    }

    /// Looks at what arrived of the set and of the labels; `false` where nothing did.
    fn look_up(&mut self) -> Result<bool> {
        let (lookup, worked) = match self.lookup.take() {
            Some(Lookup::Set { mut reader, pending: Some(block) }) => {
                reader.push(&block)?;
                (Lookup::Set { reader, pending: None }, true)
            }
            Some(Lookup::Set { reader, pending: None }) if reader.is_complete() => {
                (self.matched(reader.finish()?), true)
            }
            Some(Lookup::Labels(mut due)) if due.pending.is_some() => {
                due.keep_ours()?;
                (Lookup::Labels(due), true)
            }
            Some(Lookup::Labels(due)) if due.seen == due.elements => {
                (due.learnt(&self.answers.secrets), true)
            }
            Some(lookup) => (lookup, false),
            None => return Ok(false),
        };
        self.lookup = Some(lookup);
        Ok(worked)
    }

    /// The set was looked at as a whole.
    fn matched(&self, intersection: Intersection<'_>) -> Lookup {
        let accepted = self.accepted.as_ref().expect("a set follows an offer that was accepted");
        match accepted.seal {
            None => Lookup::Done(Learnt { matched: intersection.matched(), labels: None }),
            Some(seal) => Lookup::Labels(LabelsDue {
                seal,
                elements: accepted.set.elements(),
                seen: 0,
                hits: intersection.hits().into(),
                pending: None,
                ours: Vec::new(),
            }),
        }
    }

    /// What was learnt, once everything has been looked at.
    pub(super) fn learnt(&mut self) -> Option<Learnt> {
        match self.lookup.take() {
            Some(Lookup::Done(learnt)) => Some(learnt),
            other => {
                self.lookup = other;
                None
            }
        }
    }

    /// The epoch of the sender's key.
    pub(super) fn epoch(&self) -> Option<String> {
        self.accepted.as_ref()?.epoch.clone()
    }

    pub(super) fn progress(&self) -> Progress {
        let at = |phase, done: usize, total: usize| Progress {
            phase,
            done: done as u64,
            total: total as u64,
        };
        let ours = self.list.len();
        match &self.lookup {
            None if !self.sorted => at(Phase::Blind, self.slots.len(), ours),
            None => at(Phase::Evaluate, self.answers.done, ours),
            Some(lookup) => {
                let (done, total) = lookup.progress();
                Progress { phase: Phase::Compare, done, total }
            }
        }
    }
}

impl LabelsDue {
    /// Keeps those of a run that are ours. They are opened at the end, and nothing that the sender
    /// sees depends on whether they open: otherwise it could find out whose labels we look at by
    /// damaging some.
    fn keep_ours(&mut self) -> Result<()> {
        let Some(run) = self.pending.take() else { return Ok(()) };
        let (length, count) = (self.seal.sealed(), run.len() / self.seal.sealed());
        let due = (self.elements - self.seen).min(self.seal.per_run() as u64);
        if count as u64 != due || !run.len().is_multiple_of(length) {
            return Err(PeerFault::BadLength { frame: "labels", length: run.len() }.into());
        }
        let end = self.seen + count as u64;
        while let Some(&(place, index)) = self.hits.front().filter(|(place, _)| *place < end) {
            self.hits.pop_front();
            let sealed = &run[(place - self.seen) as usize * length..][..length];
            self.ours.push((index, sealed.to_vec()));
        }
        self.seen = end;
        Ok(())
    }

    /// Opens our labels.
    fn learnt(mut self, secrets: &[Zeroizing<[u8; 32]>]) -> Lookup {
        self.ours.sort_unstable_by_key(|(index, _)| *index);
        let open = |(index, sealed): &(u32, Vec<u8>)| {
            let label = self.seal.open(&secrets[*index as usize], sealed);
            label.map(|label| printable_whole(&label))
        };
        let labels = self.ours.iter().map(open).collect();
        let matched = self.ours.iter().map(|(index, _)| *index).collect();
        Lookup::Done(Learnt { matched, labels: Some(labels) })
    }
}

impl Lookup {
    /// Elements that were looked at, and how many there are.
    fn progress(&self) -> (u64, u64) {
        match self {
            Lookup::Set { reader, .. } => (reader.received(), reader.parameters().elements()),
            Lookup::Labels(due) => (due.seen, due.elements),
            Lookup::Done(_) => (1, 1),
        }
    }
}

/// What the receiver learnt.
pub(super) struct Learnt {
    pub(super) matched: Vec<u32>,
    pub(super) labels: Option<Vec<Option<String>>>,
}

impl Accepted {
    /// Checks an offer: the session, the key, and that the set is what the terms allow.
    fn new(shared: &Shared, offer: Offer) -> Result<Accepted> {
        let terms = &shared.terms;
        let context = sender_context(terms, terms.party.peer());
        if offer.session != terms.session || (offer.epoch.is_empty() && offer.context != context) {
            return Err(PeerFault::BrokenCommitment("session").into());
        }
        let proven = offer_context(&context, &offer);
        let seal = (offer.label_width > 0)
            .then_some(Seal { salt: offer.label_salt, width: offer.label_width });
        let fits = offer.elements <= terms.their_elements
            && offer.max_queries >= terms.our_elements
            && (offer.epoch.is_empty() || shared.variant.name.takes_prepared_sets())
            && seal.is_some() == shared.variant.labels
            && seal.is_none_or(Seal::is_possible);
        let set = SetParameters::new(offer.elements, offer.max_queries);
        let (true, Ok(set)) = (fits, set) else {
            return Err(PeerFault::Malformed("offer").into());
        };
        let public = PublicKey(offer.public_key);
        let key = Authenticated::new(&shared.engine, &public, &offer.key_proof, &proven)?;
        let transcript = shared.variant.proofs.then(|| Transcript::new(&proven, &public));
        let transcript = transcript.transpose().map_err(|_| PeerFault::BadKeyProof)?;
        let epoch = Some(printable_whole(&offer.epoch)).filter(|epoch| !epoch.is_empty());
        let (outputs, digest) = (Outputs::new(&offer.context), offer.set);
        Ok(Accepted { key, outputs, set, digest, seal, epoch, transcript })
    }

    /// Checks that the offered key made a run of answers.
    fn check(
        &mut self,
        engine: &Engine,
        position: u64,
        questions: &[Encoding],
        evaluated: &[Encoding],
        proof: &[u8; 64],
    ) -> Result<()> {
        let bad = PeerFault::BadProof { position, count: questions.len() as u64 };
        let Some(transcript) = &mut self.transcript else { return Ok(()) };
        let proof = BatchProof::from_bytes(proof).map_err(|_| bad.clone())?;
        let checked = transcript.check(engine, questions, evaluated, &proof);
        checked.map_err(|fault| match fault {
            BatchFault::Output(invalid) => invalid_point(position, invalid),
            _ => bad,
        })?;
        Ok(())
    }
}

fn invalid_point(start: u64, invalid: InvalidPoint) -> PeerFault {
    PeerFault::InvalidPoint { position: start + invalid.position as u64 }
}

impl Answers {
    /// Keeps what the look-up needs: values, and secrets where there are labels for `labelled`
    /// elements.
    fn keep(
        &mut self,
        indices: &[u32],
        found: Vec<(Output, Option<Zeroizing<[u8; 32]>>)>,
        labelled: usize,
    ) {
        self.secrets.resize_with(labelled, Zeroizing::default);
        for (&index, (value, secret)) in indices.iter().zip(found) {
            self.values.push((value, index));
            if let Some(secret) = secret {
                self.secrets[index as usize] = secret;
            }
        }
        self.done += indices.len();
    }
}
