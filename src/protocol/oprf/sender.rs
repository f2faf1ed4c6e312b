//! The side whose key it is: evaluates its own list, and what the receiver asks about.

use std::collections::VecDeque;

use rayon::prelude::*;

use super::*;
use crate::identifier::Identifier;
use crate::label::{SealedLabels, Sealing};
use crate::set::CompressedSet;
use crate::wire::POINTS_PER_FRAME;

/// One run in which we are the sender.
pub(super) struct Sender {
    key: Arc<Key<role::Evaluate>>,
    public: PublicKey,
    /// This session and our side in it.
    context: [u8; 32],
    state: State,
    questions: Questions,
    /// Frames that are due, in order.
    outbox: VecDeque<Frame>,
    /// From the offer on, where answers are proven.
    transcript: Option<Transcript>,
}

/// How far it is.
enum State {
    /// Evaluating our own list.
    Preparing(Box<Preparing>),
    /// The set is ready: it is offered, questions are answered, and its frames sent from `next` on.
    Serving { offering: Box<Offering>, offered: bool, next: usize },
}

/// Our own list on its way to a set.
struct Preparing {
    list: Arc<ConsentedList>,
    outputs: Outputs,
    tag: DomainTag,
    values: Vec<Output>,
    sealing: Option<Sealing>,
}

/// What the receiver will look its outputs up in.
struct Offering {
    context: [u8; 32],
    epoch: Option<String>,
    set: CompressedSet,
    labels: Option<SealedLabels>,
}

/// What the receiver asks about.
struct Questions {
    arrivals: Arrivals,
    /// Runs that arrived and are not answered yet.
    pending: VecDeque<Vec<Encoding>>,
    answered: u64,
}

impl Sender {
    /// With a key for this session alone, or with that of a set which was prepared.
    pub(super) fn new<R: CryptoRng>(shared: &Shared, input: &Input, rng: &mut R) -> Sender {
        let terms = &shared.terms;
        let context = sender_context(terms, terms.party);
        let (key, state) = match &input.0 {
            Brought::List { list, beside, .. } => {
                let labels = match beside {
                    Beside::Labels(labels) => Some(Arc::clone(labels)),
                    Beside::Nothing | Beside::Values(_) => None,
                };
                let preparing = Preparing {
                    outputs: Outputs::new(&context),
                    tag: DomainTag::new(HASH_TAG),
                    values: Vec::with_capacity(list.len()),
                    sealing: labels.map(|labels| Sealing::new(labels, rng)),
                    list: Arc::clone(list),
                };
                (Arc::new(Key::fresh(rng)), State::Preparing(Box::new(preparing)))
            }
            Brought::Prepared(set) => {
                let offering = Offering {
                    context: *set.context(),
                    epoch: Some(set.epoch().to_owned()),
                    set: set.set().clone(),
                    labels: None,
                };
                let offering = Box::new(offering);
                (Arc::clone(set.key()), State::Serving { offering, offered: false, next: 0 })
            }
            Brought::Pair(_) => unreachable!("checked when the session was made"),
        };
        Sender {
            transcript: None,
            public: key.public(&shared.engine),
            context,
            key,
            state,
            questions: Questions::new(terms.their_elements),
            outbox: VecDeque::new(),
        }
    }

    /// Takes a run of questions.
    pub(super) fn receive(&mut self, points: Vec<Encoding>) -> Result<()> {
        match self.state {
            State::Serving { offered: true, .. } => self.questions.receive(points),
            _ => Err(Frame::Points(points).unexpected().into()),
        }
    }

    /// Works, or else sends; `None` where there is nothing to do for now.
    pub(super) fn advance<R: CryptoRng>(
        &mut self,
        shared: &Shared,
        rng: &mut R,
        room: bool,
    ) -> Result<Option<Step>> {
        if let State::Preparing(preparing) = &mut self.state {
            if !preparing.advance(&shared.engine, &self.key) {
                let offering = Box::new(preparing.finish(&shared.terms)?);
                self.state = State::Serving { offering, offered: false, next: 0 };
            }
            return Ok(Some(Step::Worked));
        }
        if let Some(questions) = self.questions.pending.pop_front() {
            self.answer(&shared.engine, &questions, rng)?;
            return Ok(Some(Step::Worked));
        }
        Ok(if room { self.next_frame(shared, rng).map(Step::Send) } else { None })
    }

    /// Evaluates a run of questions.
    fn answer<R: CryptoRng>(
        &mut self,
        engine: &Engine,
        questions: &[Encoding],
        rng: &mut R,
    ) -> Result<()> {
        let answered = self.questions.answered;
        let mut evaluated = vec![Encoding::default(); questions.len()];
        engine.blind(questions, self.key.scalar(), &mut evaluated).map_err(|invalid| {
            PeerFault::InvalidPoint { position: answered + invalid.position as u64 }
        })?;
        self.questions.answered += questions.len() as u64;
        let proof = self.transcript.as_mut().map(|transcript| {
            let proof = transcript.prove(engine, &self.key, questions, &evaluated, rng);
            proof.expect("the questions are valid points")
        });
        self.outbox.push_back(Frame::Evaluated(evaluated));
        self.outbox.extend(proof.map(|proof| Frame::Proof(proof.to_bytes())));
        Ok(())
    }

    /// The next frame that is due, if one is.
    fn next_frame<R: CryptoRng>(&mut self, shared: &Shared, rng: &mut R) -> Option<Frame> {
        let State::Serving { offering, offered, next } = &mut self.state else { return None };
        if !*offered {
            *offered = true;
            let mut offer = offering.offer(&self.public, &shared.terms);
            let proven = offer_context(&self.context, &offer);
            offer.key_proof = KeyProof::prove(&self.key, &self.public, &proven, rng).to_bytes();
            if shared.variant.proofs {
                let transcript = Transcript::new(&proven, &self.public);
                self.transcript = Some(transcript.expect("a public key of our own"));
            }
            return Some(Frame::Offer(offer));
        }
        let due = self.outbox.pop_front();
        if due.is_none() && self.questions.are_answered() && *next < offering.frames() {
            *next += 1;
            return Some(offering.frame(*next - 1));
        }
        due
    }

    /// Whether everything is said.
    pub(super) fn is_done(&self) -> bool {
        match &self.state {
            State::Preparing(_) => false,
            State::Serving { offering, offered, next } => {
                *offered
                    && self.questions.are_answered()
                    && *next == offering.frames()
                    && self.outbox.is_empty()
            }
        }
    }

    /// The epoch whose key this is.
    pub(super) fn epoch(&self) -> Option<String> {
        match &self.state {
            State::Preparing(_) => None,
            State::Serving { offering, .. } => offering.epoch.clone(),
        }
    }

    pub(super) fn progress(&self) -> Progress {
        let at = |phase, done, total| Progress { phase, done, total };
        let (answered, announced) = (self.questions.answered, self.questions.arrivals.announced());
        match &self.state {
            State::Preparing(preparing) => {
                at(Phase::Blind, preparing.values.len() as u64, preparing.list.len() as u64)
            }
            State::Serving { .. } if answered < announced => {
                at(Phase::Evaluate, answered, announced)
            }
            State::Serving { offering, next, .. } => {
                at(Phase::Compare, *next as u64, offering.frames() as u64)
            }
        }
    }
}

impl Questions {
    fn new(announced: u64) -> Questions {
        Questions { arrivals: Arrivals::new(announced), pending: VecDeque::new(), answered: 0 }
    }

    fn receive(&mut self, points: Vec<Encoding>) -> Result<()> {
        let due = self.arrivals.due();
        self.arrivals.check(&points)?;
        // Runs are as long as can be: each costs a proof, and room of its own.
        if points.len() as u64 != due.min(POINTS_PER_FRAME as u64) {
            let length = points.len() * Encoding::LEN;
            return Err(PeerFault::BadLength { frame: "points", length }.into());
        }
        self.pending.push_back(points);
        Ok(())
    }

    fn are_answered(&self) -> bool {
        self.answered == self.arrivals.announced()
    }
}

impl Preparing {
    /// Evaluates the next run; `false` once there is none left.
    fn advance(&mut self, engine: &Engine, key: &Key<role::Evaluate>) -> bool {
        let start = self.values.len();
        let identifiers = &self.list.identifiers()[start..];
        if identifiers.is_empty() {
            return false;
        }
        let run = &identifiers[..identifiers.len().min(WORK_UNIT)];
        let messages: Vec<&[u8; Identifier::LEN]> = run.iter().map(Identifier::as_bytes).collect();
        let outputs = &self.outputs;
        let sealed = self.sealing.is_some();
        let finish = |i: usize, encoding: &Encoding| {
            let secret = sealed.then(|| outputs.secret(messages[i], encoding));
            (outputs.value(messages[i], encoding), secret)
        };
        let mut found = vec![(Output(0), None); run.len()];
        engine.hash_blind_then(&self.tag, &messages, key.scalar(), &mut found, finish);
        self.values.extend(found.iter().map(|(value, _)| *value));
        if let Some(sealing) = &mut self.sealing {
            let secrets: Vec<_> = found.into_iter().filter_map(|(_, secret)| secret).collect();
            sealing.seal_next(&secrets);
        }
        true
    }

    /// Sorts the outputs and compresses them.
    fn finish(&mut self, terms: &Terms) -> Result<Offering> {
        let values = std::mem::take(&mut self.values);
        let order = self.sealing.as_ref().map(|_| {
            let mut order: Vec<(Output, u32)> = values.iter().copied().zip(0..).collect();
            order.par_sort_unstable();
            order
        });
        let set = CompressedSet::new(values, terms.their_elements.max(1))?;
        let labels = self.sealing.take().zip(order).map(|(sealing, mut order)| {
            // Of values that are equal in the bits that the set keeps, it keeps one.
            order.dedup_by_key(|(value, _)| set.parameters().cut(*value));
            sealing.finish(order.into_iter().map(|(_, index)| index).collect())
        });
        let context = sender_context(terms, terms.party);
        Ok(Offering { context, epoch: None, set, labels })
    }
}

impl Offering {
    /// But for the proof of the key.
    fn offer(&self, public: &PublicKey, terms: &Terms) -> Offer {
        let seal = self.labels.as_ref().map(|labels| labels.seal);
        Offer {
            session: terms.session,
            context: self.context,
            public_key: public.0,
            key_proof: [0; 64],
            set: self.set.digest(),
            elements: self.set.parameters().elements(),
            max_queries: self.set.parameters().max_queries(),
            label_width: seal.map_or(0, |seal| seal.width),
            label_salt: seal.map_or([0; 32], |seal| seal.salt),
            epoch: self.epoch.clone().unwrap_or_default(),
        }
    }

    /// Frames of the set and of its labels after it: how many.
    fn frames(&self) -> usize {
        self.set.blocks() + self.labels.as_ref().map_or(0, SealedLabels::runs)
    }

    /// One of them.
    fn frame(&self, index: usize) -> Frame {
        match (index.checked_sub(self.set.blocks()), &self.labels) {
            (Some(run), Some(labels)) => Frame::Labels(labels.run(run)),
            _ => Frame::Set(self.set.block(index).to_vec()),
        }
    }
}
