//! The side that gives its peer's tags away, and hears what came of it.

use rayon::prelude::*;
use zeroize::Zeroizing;

use super::elgamal::Owner;
use super::*;
use crate::error::PeerFault;
use crate::wire::{CIPHERTEXTS_PER_FRAME, PEOPLE_PER_FRAME, TAG_BYTES_PER_FRAME};

/// Giving, and hearing.
pub(super) struct Giver {
    /// The comparer's elements under both keys, sorted.
    tags: Vec<Tag>,
    /// Who of our people is behind each of our elements, until it is sent; nothing where identifiers
    /// are counted.
    numbers: Vec<u32>,
    sent: usize,
    /// The most that can match: our elements, or our people.
    most: u64,
    purse: Option<Purse>,
    stage: Stage,
    /// A word from the comparer that is not used yet.
    word: Option<Frame>,
    learnt: Learnt,
}

/// The values of a sum.
struct Purse {
    owner: Owner,
    values: Arc<Values>,
    /// For each of our elements, as sent, its index in the consented list; or for each number that
    /// was sent the index of the person.
    order: Vec<u32>,
    sent: usize,
}

/// What is due next.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    SendPeople,
    SendKey,
    SendValues,
    SendTags,
    HearCount,
    HearTotal,
    Over,
}

impl Giver {
    pub(super) fn new<R: CryptoRng>(
        engine: &Engine,
        mut tags: Vec<Tag>,
        numbers: Vec<u32>,
        most: u64,
        values: Option<(Arc<Values>, Vec<u32>)>,
        rng: &mut R,
    ) -> Giver {
        tags.par_sort_unstable();
        let purse = values.map(|(values, order)| {
            let owner = Owner::new(engine, rng);
            Purse { owner, values, order, sent: 0 }
        });
        Giver {
            tags,
            numbers,
            sent: 0,
            most,
            purse,
            stage: Stage::SendPeople,
            word: None,
            learnt: Learnt::default(),
        }
    }

    pub(super) fn receive(&mut self, frame: Frame) -> Result<()> {
        let due = match self.stage {
            Stage::HearCount => matches!(frame, Frame::Count(_) | Frame::Withheld),
            Stage::HearTotal => matches!(frame, Frame::Total(_) | Frame::Query(_)),
            _ => false,
        };
        if !due || self.word.is_some() {
            return Err(frame.unexpected().into());
        }
        self.word = Some(frame);
        Ok(())
    }

    pub(super) fn advance<R: CryptoRng>(
        &mut self,
        shared: &Shared,
        rng: &mut R,
        room: bool,
    ) -> Result<Turn> {
        let step = match self.stage {
            Stage::SendPeople | Stage::SendKey | Stage::SendValues | Stage::SendTags if !room => {
                Step::Wait
            }
            Stage::SendPeople => self.send_people(),
            Stage::SendKey => self.send_key(&shared.terms, rng),
            Stage::SendValues => self.send_values(shared, rng),
            Stage::SendTags => self.send_tags(shared),
            Stage::HearCount => self.hear_count(&shared.terms)?,
            Stage::HearTotal => self.hear_total(shared, rng, room)?,
            Stage::Over => return Ok(Turn::Over(std::mem::take(&mut self.learnt))),
        };
        Ok(Turn::Step(step))
    }

    /// Sends the next run of our people's numbers.
    fn send_people(&mut self) -> Step {
        let left = &self.numbers[self.sent..];
        if left.is_empty() {
            (self.sent, self.numbers) = (0, Vec::new());
            self.stage = if self.purse.is_some() { Stage::SendKey } else { Stage::SendTags };
            return Step::Worked;
        }
        let run = left[..left.len().min(PEOPLE_PER_FRAME)].to_vec();
        self.sent += run.len();
        Step::Send(Frame::People(run))
    }

    fn send_key<R: CryptoRng>(&mut self, terms: &Terms, rng: &mut R) -> Step {
        self.stage = Stage::SendValues;
        match &self.purse {
            Some(purse) => {
                Step::Send(Frame::ValueKey(purse.owner.introduction(&context(terms), rng)))
            }
            None => Step::Worked,
        }
    }

    /// Encrypts the next run of values, and sends it.
    fn send_values<R: CryptoRng>(&mut self, shared: &Shared, rng: &mut R) -> Step {
        let left = |purse: &&mut Purse| purse.sent < purse.order.len();
        let Some(purse) = self.purse.as_mut().filter(left) else {
            self.stage = Stage::SendTags;
            return Step::Worked;
        };
        let run = &purse.order[purse.sent..];
        let run = &run[..run.len().min(CIPHERTEXTS_PER_FRAME)];
        let clip = clip(&shared.terms);
        let values = run.iter().map(|&index| purse.values.clipped(index, clip));
        let values = Zeroizing::new(values.collect::<Vec<u64>>());
        purse.sent += run.len();
        Step::Send(Frame::Ciphertexts(purse.owner.encrypt(&shared.engine, &values, rng)))
    }

    fn send_tags(&mut self, shared: &Shared) -> Step {
        let left = &self.tags[self.sent..];
        if left.is_empty() {
            self.stage = if is_told(&shared.terms) { Stage::HearCount } else { Stage::Over };
            return Step::Worked;
        }
        let length = shared.tagger.length();
        let run = &left[..left.len().min(TAG_BYTES_PER_FRAME / length)];
        self.sent += run.len();
        Step::Send(Frame::Tags(Tag::write_all(run, length)))
    }

    fn hear_count(&mut self, terms: &Terms) -> Result<Step> {
        let count = match self.word.take() {
            None => return Ok(Step::Wait),
            Some(Frame::Withheld) if terms.min_audience > 0 => {
                self.learnt.withheld = true;
                self.stage = Stage::Over;
                return Ok(Step::Worked);
            }
            Some(Frame::Count(count)) if count >= terms.min_audience => count,
            Some(word) => return Err(word.unexpected().into()),
        };
        // Each match takes an element of the comparer's, and one of ours or a person.
        if count > self.most.min(terms.their_elements) {
            return Err(PeerFault::Malformed("count").into());
        }
        self.learnt.count = Some(count);
        self.stage = if self.purse.is_some() { Stage::HearTotal } else { Stage::Over };
        Ok(Step::Worked)
    }

    fn hear_total<R: CryptoRng>(
        &mut self,
        shared: &Shared,
        rng: &mut R,
        room: bool,
    ) -> Result<Step> {
        let Some(purse) = &self.purse else { return Ok(Step::Wait) };
        let terms = &shared.terms;
        match (terms.reveal, self.word.take()) {
            (_, None) => return Ok(Step::Wait),
            (Reveal::Platform, Some(word @ Frame::Query(_))) if !room => {
                self.word = Some(word);
                return Ok(Step::Wait);
            }
            (Reveal::Platform, Some(Frame::Query(first))) => {
                let share = purse.owner.share(&shared.engine, &context(terms), &first, rng);
                self.stage = Stage::Over;
                return Ok(Step::Send(Frame::Share(share.ok_or(PeerFault::Malformed("query"))?)));
            }
            (Reveal::Advertiser, Some(Frame::Total(total))) => {
                let total = purse.owner.decrypt(&total).ok_or(PeerFault::Malformed("total"))?;
                self.learnt.total = Some(total);
                self.stage = Stage::Over;
            }
            (_, Some(word)) => return Err(word.unexpected().into()),
        }
        Ok(Step::Worked)
    }

    /// Elements whose values were sent.
    pub(super) fn sent(&self) -> u64 {
        self.purse.as_ref().map_or(0, |purse| purse.sent as u64)
    }
}
