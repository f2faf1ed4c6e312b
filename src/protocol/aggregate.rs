//! The machine behind [`count`](super::count) and [`sum`](super::sum): answers about all matches at
//! once.
//!
//! Lists cross as in [`dh`](super::dh), so that each side has the tags of the peer's elements under both
//! keys. Then one side, the *giver*, sends those tags in sorted order, which loses the positions; the
//! other, the *comparer*, looks up the tags that it has itself. It sees how many of the giver's blinded
//! elements match, and which; but not which of its own, and not whose they are. In a sum the giver has
//! sent an encrypted value with each of them, and the comparer adds those that match.
//!
//! Where people are counted, the giver says first which of its elements are one person's; the comparer
//! counts people of whom any element matches, and there is one value for each.
//!
//! What each side learns, what leaks, data flow, assumptions, cost and examples stand in the pages of
//! the two protocols.

mod comparer;
mod discrete_log;
mod elgamal;
mod giver;
mod values;

use std::ops::ControlFlow;
use std::sync::Arc;

use curve25519_dalek::ristretto::RistrettoPoint;
use curve25519_dalek::scalar::Scalar;
use rand::rngs::StdRng;
use rand::{CryptoRng, SeedableRng};
use sha2::{Digest, Sha256};

use super::exchange::{Crossed, Crossing, Shared};
use super::grouping::{Grouping, Numbered};
use super::noise::{Noise, blur};
use super::tag::{Tag, TagSet};
use super::{
    Answer, Input, Party, Phase, Progress, Protocol, ProtocolName, Reveal, Step, Terms, Unit,
};
use crate::error::Result;
use crate::group::{Encoding, Engine};
use crate::key::{Key, PublicKey, role};
use crate::list::People;
use crate::proof::{BatchProof, KeyProof, Transcript};
use crate::wire::{Frame, Proven};

pub(crate) use discrete_log::LIMIT;
pub use values::Values;

use comparer::Comparer;
use discrete_log::{Found, Search};
use giver::Giver;

/// One side of a session.
pub(crate) struct Aggregate {
    shared: Shared,
    rng: StdRng,
    values: Option<Arc<Values>>,
    /// Ours, where people are counted and they are ours.
    people: Option<Arc<People>>,
    state: State,
    finished: Finished,
    answer: Answer,
}

/// How far a side is.
enum State {
    Crossing(Box<Crossing>),
    Giving(Box<Giver>),
    Comparing(Box<Comparer>),
    Searching { range: Range, search: Box<Search> },
    Finishing,
}

/// The last words.
#[derive(Default)]
struct Finished {
    sent: bool,
    heard: bool,
}

/// What a part of a side wants next.
enum Turn {
    Step(Step),
    /// It is over, with what was learnt.
    Over(Learnt),
}

/// What a side learnt from comparing.
#[derive(Default)]
struct Learnt {
    count: Option<u64>,
    withheld: bool,
    /// The total, encrypted no more.
    total: Option<RistrettoPoint>,
}

/// The party that compares, and so learns how many match before the other does. Where a minimum
/// audience is agreed it is the one that counts first; in a sum, the one that does not bring values;
/// where people are counted, the one whose people they are not; with noise, the one that adds it.
fn comparer(terms: &Terms) -> Party {
    match (terms.protocol, terms.reveal) {
        (ProtocolName::Sum, _) => Party::Platform,
        _ if terms.unit == Unit::People || terms.noise.is_some() => Party::Platform,
        (_, reveal) if terms.min_audience > 0 => reveal.counts_first(),
        (_, Reveal::Advertiser) => Party::Advertiser,
        _ => Party::Platform,
    }
}

/// Whether the comparer tells the count, or that it is too small.
fn is_told(terms: &Terms) -> bool {
    let giver = comparer(terms).peer();
    terms.protocol == ProtocolName::Sum || terms.reveal.gives_matches_to(giver)
}

/// What the agreed limit of a value is. Only sums have one.
fn clip(terms: &Terms) -> u64 {
    terms.clip.unwrap_or(0)
}

/// The totals that can be, exact or with noise.
struct Range {
    /// The greatest exact one.
    most: u64,
    /// How far noise may take one beyond, on either side.
    noise: u64,
}

impl Range {
    /// Where `count` match; with noise, nobody knows how many.
    fn of_totals(terms: &Terms, count: u64) -> Range {
        let clip = clip(terms);
        match terms.noise {
            None => Range { most: count * clip, noise: 0 },
            Some(epsilon) => Range {
                most: terms.most_matches() * clip,
                noise: u64::try_from(Noise::on_total(clip, epsilon).bound()).unwrap_or(LIMIT),
            },
        }
    }

    /// For `t G`, with `t` in this range.
    fn search(&self, total: RistrettoPoint) -> Search {
        let shifted = total + RistrettoPoint::mul_base(&Scalar::from(self.noise));
        Search::new(shifted, self.most + 2 * self.noise)
    }
}

/// What binds the key of encrypted values, and proofs with it, to one session and side.
fn context(terms: &Terms) -> [u8; 32] {
    Sha256::new()
        .chain_update(b"blindmatch-v2 values")
        .chain_update(terms.session)
        .chain_update([comparer(terms).peer().code()])
        .finalize()
        .into()
}

impl Aggregate {
    /// A side of a session whose terms are agreed on, with keys of its own.
    pub(crate) fn new<R: CryptoRng>(
        terms: Terms,
        engine: Engine,
        input: Input,
        rng: &mut R,
    ) -> Aggregate {
        let mut rng = StdRng::from_rng(rng);
        let (values, people) = (input.values().cloned(), input.people().cloned());
        let clipped = values.as_ref().map(|values| values.above(clip(&terms)));
        Aggregate {
            state: State::Crossing(Box::new(Crossing::new(input.list(), &mut rng))),
            shared: Shared::new(terms, engine),
            rng,
            values,
            people,
            finished: Finished::default(),
            answer: Answer { clipped, ..Answer::default() },
        }
    }

    /// Both lists are through.
    fn crossed(&mut self, order: Vec<u32>, tags: Vec<Tag>) -> State {
        let Shared { terms, engine, .. } = &self.shared;
        if comparer(terms) == terms.party {
            return State::Comparing(Box::new(Comparer::new(terms, tags)));
        }
        let people = self.people.take().map(|people| Numbered::new(&people, &order));
        let (numbers, order) = match people {
            Some(Numbered { numbers, people }) => (numbers, people),
            None => (Vec::new(), order),
        };
        let most = order.len() as u64;
        let values = self.values.take().map(|values| (values, order));
        State::Giving(Box::new(Giver::new(engine, tags, numbers, most, values, &mut self.rng)))
    }

    /// What comparing came to.
    fn learn(&mut self, learnt: Learnt) {
        (self.answer.count, self.answer.withheld) = (learnt.count, learnt.withheld);
        self.state = match learnt.total {
            Some(total) => {
                let range = Range::of_totals(&self.shared.terms, learnt.count.unwrap_or(0));
                State::Searching { search: Box::new(range.search(total)), range }
            }
            None => State::Finishing,
        };
    }

    fn finish(&mut self, room: bool) -> Step {
        match self.finished {
            Finished { sent: false, .. } if room => {
                self.finished.sent = true;
                Step::Send(Frame::Finished)
            }
            Finished { sent: true, heard: true } => Step::Done(std::mem::take(&mut self.answer)),
            _ => Step::Wait,
        }
    }
}

impl Protocol for Aggregate {
    fn receive(&mut self, frame: Frame) -> Result<()> {
        match (&mut self.state, frame) {
            (State::Crossing(crossing), frame) => crossing.receive(&self.shared, frame),
            (State::Giving(giver), frame) => giver.receive(frame),
            (State::Comparing(comparer), frame) => comparer.receive(&self.shared, frame),
            (State::Finishing, Frame::Finished) if !self.finished.heard => {
                self.finished.heard = true;
                Ok(())
            }
            (_, frame) => Err(frame.unexpected().into()),
        }
    }

    fn advance(&mut self, room: bool) -> Result<Step> {
        let turn = match &mut self.state {
            State::Crossing(crossing) => match crossing.advance(&self.shared, room)? {
                ControlFlow::Continue(step) => return Ok(step),
                ControlFlow::Break(Crossed { order, tags }) => {
                    self.state = self.crossed(order, tags);
                    return Ok(Step::Worked);
                }
            },
            State::Giving(giver) => giver.advance(&self.shared, &mut self.rng, room)?,
            State::Comparing(comparer) => comparer.advance(&self.shared, &mut self.rng, room)?,
            State::Searching { range, search } => {
                match search.advance(&self.shared.engine) {
                    Found::NotYet => {}
                    Found::Total(shifted) => {
                        // Only noise takes a total beyond what can be.
                        let total = shifted.saturating_sub(range.noise).min(range.most);
                        self.answer.sum = Some(total);
                        self.state = State::Finishing;
                    }
                    // Whether it is one that can be depends on who matches, so the peer must not see
                    // this session end otherwise than another.
                    Found::Nothing => {
                        self.answer.bad_total = Some(range.most);
                        self.state = State::Finishing;
                    }
                }
                return Ok(Step::Worked);
            }
            State::Finishing => return Ok(self.finish(room)),
        };
        match turn {
            Turn::Step(step) => Ok(step),
            Turn::Over(learnt) => {
                self.learn(learnt);
                Ok(Step::Worked)
            }
        }
    }

    fn settle(&mut self) -> Option<Answer> {
        matches!(self.state, State::Finishing).then(|| std::mem::take(&mut self.answer))
    }

    fn progress(&self) -> Progress {
        let ours = self.shared.terms.our_elements;
        let at = |done, total| Progress { phase: Phase::Compare, done, total };
        match &self.state {
            State::Crossing(crossing) => crossing.progress(&self.shared.terms),
            State::Giving(giver) => at(giver.sent(), ours),
            State::Comparing(comparer) => at(comparer.taken(), self.shared.terms.their_elements),
            State::Searching { .. } | State::Finishing => at(ours, ours),
        }
    }
}
