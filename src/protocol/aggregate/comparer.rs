//! The side that compares: counts, and adds what it cannot read.

use super::elgamal::{Adder, Ciphertext};
use super::*;
use crate::error::PeerFault;

/// Taking tags and values, and comparing.
pub(super) struct Comparer {
    /// The giver's elements under both keys, in its order.
    theirs: Vec<Tag>,
    /// The people behind them, where people are counted.
    people: Option<Grouping>,
    /// Ours, as the giver sends them.
    ours: Vec<Tag>,
    adder: Option<Adder>,
    ciphertexts: Vec<Ciphertext>,
    /// A run that arrived and is not checked yet.
    pending: Option<Vec<Ciphertext>>,
    stage: Stage,
    learnt: Learnt,
}

/// What is due next.
enum Stage {
    Take,
    Tell {
        /// Of elements, or of people.
        hits: Vec<bool>,
    },
    /// Those that match are added, from this position on.
    Add {
        hits: Vec<bool>,
        from: usize,
    },
    HearShare {
        total: Ciphertext,
        share: Option<Proven>,
    },
    Over,
}

impl Comparer {
    pub(super) fn new(terms: &Terms, theirs: Vec<Tag>) -> Comparer {
        let people = (terms.unit == Unit::People).then(|| Grouping::new(terms.their_elements));
        Comparer {
            theirs,
            people,
            ours: Vec::new(),
            adder: None,
            ciphertexts: Vec::new(),
            pending: None,
            stage: Stage::Take,
            learnt: Learnt::default(),
        }
    }

    pub(super) fn receive(&mut self, shared: &Shared, frame: Frame) -> Result<()> {
        let terms = &shared.terms;
        let adds = terms.protocol == ProtocolName::Sum;
        let (has_people, has_values) = (self.has_people(), self.has_values(terms));
        match (&mut self.stage, frame) {
            (Stage::Take, Frame::People(run)) if !has_people => match &mut self.people {
                Some(people) => people.take(&run),
                None => Err(Frame::People(run).unexpected().into()),
            },
            (Stage::Take, Frame::ValueKey(key)) if adds && has_people && self.adder.is_none() => {
                self.adder = Some(Adder::new(&key, &context(terms))?);
                Ok(())
            }
            (Stage::Take, Frame::Ciphertexts(run)) if self.adder.is_some() => {
                self.pending = Some(run);
                Ok(())
            }
            (Stage::Take, Frame::Tags(bytes)) if has_values => {
                let tags = Tag::read_all(&bytes, shared.tagger.length())
                    .ok_or(PeerFault::BadLength { frame: "tags", length: bytes.len() })?;
                self.ours.extend(tags);
                at_most("tags", self.ours.len(), terms.our_elements)
            }
            (Stage::HearShare { share, .. }, Frame::Share(theirs)) if share.is_none() => {
                *share = Some(theirs);
                Ok(())
            }
            (_, frame) => Err(frame.unexpected().into()),
        }
    }

    /// Whether all people are here that are due.
    fn has_people(&self) -> bool {
        self.people.as_ref().is_none_or(Grouping::is_complete)
    }

    /// Whether all values are here that are due, and people before them.
    fn has_values(&self, terms: &Terms) -> bool {
        let due = terms.protocol == ProtocolName::Sum;
        let all = || self.adder.is_some() && self.ciphertexts.len() as u64 == self.valued(terms);
        self.has_people() && (!due || all())
    }

    /// How many values there are: one an element, or one a person.
    fn valued(&self, terms: &Terms) -> u64 {
        self.people.as_ref().map_or(terms.their_elements, Grouping::people)
    }

    pub(super) fn advance<R: CryptoRng>(
        &mut self,
        shared: &Shared,
        rng: &mut R,
        room: bool,
    ) -> Result<Turn> {
        let terms = &shared.terms;
        let (stage, step) = match std::mem::replace(&mut self.stage, Stage::Over) {
            Stage::Take => self.take(shared)?,
            Stage::Tell { hits } if !room && is_told(terms) => (Stage::Tell { hits }, Step::Wait),
            Stage::Tell { hits } => self.tell(terms, rng, hits),
            Stage::Add { hits, from } => self.add(shared, rng, hits, from, room)?,
            Stage::HearShare { total, share: None } => {
                (Stage::HearShare { total, share: None }, Step::Wait)
            }
            Stage::HearShare { total, share: Some(share) } => {
                let adder = self.adder.as_ref().expect("a total was added");
                let total = adder.open(&shared.engine, &context(terms), &total, &share)?;
                self.learnt.total = Some(total);
                (Stage::Over, Step::Worked)
            }
            Stage::Over => return Ok(Turn::Over(std::mem::take(&mut self.learnt))),
        };
        self.stage = stage;
        Ok(Turn::Step(step))
    }

    /// Checks the run that arrived; compares once everything has.
    fn take(&mut self, shared: &Shared) -> Result<(Stage, Step)> {
        let terms = &shared.terms;
        if let Some(run) = self.pending.take() {
            let start = self.ciphertexts.len() as u64;
            at_most("ciphertexts", self.ciphertexts.len() + run.len(), self.valued(terms))?;
            Adder::check(&shared.engine, &run).map_err(|invalid| PeerFault::InvalidPoint {
                position: start + invalid.position as u64,
            })?;
            self.ciphertexts.extend(run);
            return Ok((Stage::Take, Step::Worked));
        }
        if !self.has_values(terms) || (self.ours.len() as u64) < terms.our_elements {
            return Ok((Stage::Take, Step::Wait));
        }
        let ours = std::mem::take(&mut self.ours);
        if !ours.is_sorted() {
            // The giver would give positions away; it follows another protocol than ours.
            return Err(PeerFault::Malformed("tags").into());
        }
        let elements = TagSet::new(ours).contains_each(&std::mem::take(&mut self.theirs));
        let hits = match self.people.take() {
            Some(people) => people.hits(&elements),
            None => elements,
        };
        self.learnt.count = Some(hits.iter().filter(|hit| **hit).count() as u64);
        Ok((Stage::Tell { hits }, Step::Worked))
    }

    /// Tells the count, or that it is too small, where that is due; the one that it tells, if noise was
    /// added to it.
    fn tell<R: CryptoRng>(&mut self, terms: &Terms, rng: &mut R, hits: Vec<bool>) -> (Stage, Step) {
        let exact = self.learnt.count.unwrap_or(0);
        let noise = Noise::on_count(terms);
        // Each match takes an element of ours, and one of the giver's or a person.
        let most = terms.our_elements.min(hits.len() as u64);
        let count = noise.map_or(exact, |noise| blur(exact, noise.draw(rng), most));
        if count < terms.min_audience {
            self.learnt.withheld = true;
            return (Stage::Over, Step::Send(Frame::Withheld));
        }
        let stage = match self.adder {
            Some(_) => Stage::Add { hits, from: 0 },
            None => Stage::Over,
        };
        (stage, if is_told(terms) { Step::Send(Frame::Count(count)) } else { Step::Worked })
    }

    /// Adds the next run of those that match; then sends the sum, or its first half.
    fn add<R: CryptoRng>(
        &mut self,
        shared: &Shared,
        rng: &mut R,
        hits: Vec<bool>,
        from: usize,
        room: bool,
    ) -> Result<(Stage, Step)> {
        let Some(adder) = &mut self.adder else { return Ok((Stage::Over, Step::Worked)) };
        if from < hits.len() {
            let to = hits.len().min(from + super::super::WORK_UNIT);
            let run = |matching: bool| -> Vec<Ciphertext> {
                let run = self.ciphertexts[from..to].iter().zip(&hits[from..to]);
                run.filter_map(|(one, hit)| (*hit == matching).then_some(*one)).collect()
            };
            adder.add(&shared.engine, &run(true)).expect("all were checked");
            if shared.terms.noise.is_some() {
                adder.add_in_vain(&shared.engine, &run(false)).expect("all were checked");
            }
            return Ok((Stage::Add { hits, from: to }, Step::Worked));
        }
        if !room {
            return Ok((Stage::Add { hits, from }, Step::Wait));
        }
        let noise = shared.terms.noise.map(|epsilon| Noise::on_total(clip(&shared.terms), epsilon));
        let noise = noise.map_or(0, |noise| noise.draw(rng));
        let total = adder.finish(&shared.engine, noise, rng);
        Ok(match shared.terms.reveal {
            Reveal::Platform => {
                let stage = Stage::HearShare { total, share: None };
                (stage, Step::Send(Frame::Query(total[0])))
            }
            _ => (Stage::Over, Step::Send(Frame::Total(total))),
        })
    }

    /// Elements whose values arrived.
    pub(super) fn taken(&self) -> u64 {
        self.ciphertexts.len() as u64
    }
}

fn at_most(what: &'static str, got: usize, expected: u64) -> Result<()> {
    let got = got as u64;
    if got > expected {
        return Err(PeerFault::WrongCount { what, got, expected }.into());
    }
    Ok(())
}
