//! The second half: tags, the count, and the release.

use std::collections::VecDeque;

use super::super::grouping::{Grouping, Numbered};
use super::*;

/// What a side still has to do, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Move {
    /// Send who of our people is behind each element, so that the peer can count people.
    SendPeople,
    /// Send the peer's tags sorted, so that it can count.
    SendSorted,
    /// Send the peer's tags in its own order, so that it learns which match.
    SendInOrder,
    /// Take our tags sorted, and count; where the peer's people are counted, after its word on them.
    Count,
    /// Take our tags in our order, and learn which match.
    Match,
    /// Tell the peer whether the count reaches the minimum audience; below it, stop here.
    Decide,
    /// Hear whether it does.
    HearDecision,
    /// Say that everything has arrived.
    Finish,
    /// Hear it from the peer.
    HearFinish,
}

/// Exchanging tags.
pub(super) struct Answering {
    moves: VecDeque<Move>,
    min_audience: u64,
    tag_length: usize,
    /// For each of our elements, as sent, its index in the consented list.
    order: Vec<u32>,
    /// Tags of the peer's elements, in its order; empty where they are not to be sent so, and no people
    /// are to be found behind them.
    theirs: Vec<Tag>,
    /// The same, sorted: for look-ups, and to be sent so.
    set: TagSet,
    /// Tags sent in this run.
    sent: usize,
    /// Tags of our elements that arrived in this run.
    ours: Vec<Tag>,
    /// Our people; and, until they are sent, their numbers.
    people: Option<Arc<People>>,
    numbers: Vec<u32>,
    /// The peer's people, where we count them.
    grouping: Option<Grouping>,
    /// The sorted run that was counted, to hold the run in order against.
    counted: Option<Vec<Tag>>,
    /// The peer says that the count reaches the minimum audience. We check it when we can.
    released: bool,
    /// A word from the peer that is not tags and not used yet.
    word: Option<Frame>,
    answer: Answer,
}

impl Answering {
    pub(super) fn new(
        terms: &Terms,
        tagger: &Tagger,
        people: Option<Arc<People>>,
        order: Vec<u32>,
        theirs: Vec<Tag>,
    ) -> Self {
        let moves = script(terms);
        let has = |wanted: &[Move]| moves.iter().any(|m| wanted.contains(m));
        let counts_people = terms.unit == Unit::People && has(&[Move::Count]);
        let sends = people.as_ref().filter(|_| has(&[Move::SendPeople]));
        let numbers = sends.map(|people| Numbered::new(people, &order).numbers);
        let sorted = has(&[Move::SendSorted, Move::Count, Move::Match]);
        let in_order = has(&[Move::SendInOrder]) || counts_people;
        let (theirs, sorted) = match (in_order, sorted) {
            (true, true) => (theirs.clone(), theirs),
            (true, false) => (theirs, Vec::new()),
            (false, _) => (Vec::new(), theirs),
        };
        Answering {
            moves,
            min_audience: terms.min_audience,
            tag_length: tagger.length(),
            order,
            set: TagSet::new(sorted),
            theirs,
            sent: 0,
            ours: Vec::new(),
            people,
            numbers: numbers.unwrap_or_default(),
            grouping: counts_people.then(|| Grouping::new(terms.their_elements)),
            counted: None,
            released: false,
            word: None,
            answer: Answer::default(),
        }
    }

    /// Takes a frame, whenever it comes; `advance` finds its meaning.
    pub(super) fn receive(&mut self, frame: Frame) -> Result<()> {
        match frame {
            Frame::Tags(bytes) if self.expects_tags() => self.receive_tags(&bytes),
            Frame::People(run) if self.expects_people() => match &mut self.grouping {
                Some(grouping) => grouping.take(&run),
                None => Err(Frame::People(run).unexpected().into()),
            },
            Frame::Released | Frame::Withheld | Frame::Finished if self.word.is_none() => {
                self.word = Some(frame);
                Ok(())
            }
            frame => Err(frame.unexpected().into()),
        }
    }

    /// What is due from the peer before anything else.
    fn due(&self) -> Option<Move> {
        let hears = |m: &&Move| {
            matches!(m, Move::Count | Move::Match | Move::HearDecision | Move::HearFinish)
        };
        self.moves.iter().find(hears).copied()
    }

    /// Whether a run of tags is due before any other word.
    fn expects_tags(&self) -> bool {
        let due = matches!(self.due(), Some(Move::Count | Move::Match));
        self.word.is_none() && due && !self.expects_people()
    }

    /// Whether the peer's people are due, or more of them.
    fn expects_people(&self) -> bool {
        let due = self.word.is_none() && self.due() == Some(Move::Count);
        due && self.grouping.as_ref().is_some_and(|grouping| !grouping.is_complete())
    }

    fn receive_tags(&mut self, bytes: &[u8]) -> Result<()> {
        let tags = Tag::read_all(bytes, self.tag_length)
            .ok_or(PeerFault::BadLength { frame: "tags", length: bytes.len() })?;
        self.ours.extend(tags);
        let (got, expected) = (self.ours.len() as u64, self.order.len() as u64);
        if got > expected {
            return Err(PeerFault::WrongCount { what: "tags", got, expected }.into());
        }
        Ok(())
    }

    pub(super) fn advance(&mut self, room: bool) -> Result<Step> {
        let Some(&next) = self.moves.front() else {
            return Ok(Step::Done(std::mem::take(&mut self.answer)));
        };
        let step = match next {
            Move::SendPeople => return Ok(self.send_people(room)),
            Move::SendSorted | Move::SendInOrder => return Ok(self.send(next, room)),
            Move::Count | Move::Match => self.take_tags(next)?,
            Move::Decide => room.then(|| self.decide()),
            Move::HearDecision => self.hear_decision()?,
            Move::Finish => room.then_some(Step::Send(Frame::Finished)),
            Move::HearFinish => self.hear_finish()?,
        };
        let Some(step) = step else { return Ok(Step::Wait) };
        self.moves.pop_front();
        if self.answer.withheld {
            self.moves.retain(|m| matches!(m, Move::Finish | Move::HearFinish));
        }
        Ok(step)
    }

    /// The answer, where nothing but the peer's last word is missing.
    pub(super) fn settle(&mut self) -> Option<Answer> {
        let last_word = |m: &Move| matches!(m, Move::Finish | Move::HearFinish);
        self.moves.iter().all(last_word).then(|| std::mem::take(&mut self.answer))
    }

    /// Sends the next frame of our people's numbers.
    fn send_people(&mut self, room: bool) -> Step {
        let left = &self.numbers[self.sent..];
        if left.is_empty() {
            (self.sent, self.numbers) = (0, Vec::new());
            self.moves.pop_front();
            return Step::Worked;
        }
        if !room {
            return Step::Wait;
        }
        let run = left[..left.len().min(PEOPLE_PER_FRAME)].to_vec();
        self.sent += run.len();
        Step::Send(Frame::People(run))
    }

    /// Sends the next frame of the peer's tags.
    fn send(&mut self, how: Move, room: bool) -> Step {
        let tags = if how == Move::SendSorted { self.set.sorted() } else { &self.theirs };
        let left = &tags[self.sent..];
        if left.is_empty() {
            self.sent = 0;
            self.moves.pop_front();
            return Step::Worked;
        }
        if !room {
            return Step::Wait;
        }
        let run = &left[..left.len().min(TAG_BYTES_PER_FRAME / self.tag_length)];
        let frame = Frame::Tags(Tag::write_all(run, self.tag_length));
        self.sent += run.len();
        Step::Send(frame)
    }

    /// Once all tags of a run are here, counts or matches.
    fn take_tags(&mut self, how: Move) -> Result<Option<Step>> {
        if self.ours.len() < self.order.len() || self.expects_people() {
            return Ok(None);
        }
        let tags = std::mem::take(&mut self.ours);
        let count = match (how, self.grouping.take()) {
            (Move::Count, Some(grouping)) => self.count_people(tags, &grouping)?,
            (Move::Count, None) => self.count(tags)?,
            _ => self.learn(tags)?,
        };
        if self.released && count < self.min_audience {
            return Err(Frame::Released.unexpected().into());
        }
        self.answer.count = Some(count);
        Ok(Some(Step::Worked))
    }

    /// Counts a sorted run. A tag that comes several times counts once: otherwise one match,
    /// repeated, would make an audience.
    fn count(&mut self, tags: Vec<Tag>) -> Result<u64> {
        check_sorted(&tags)?;
        let hits = self.set.contains_each(&tags);
        let first = |i: usize| i == 0 || tags[i - 1] != tags[i];
        let count = (0..tags.len()).filter(|&i| hits[i] && first(i)).count();
        self.counted = self.moves.contains(&Move::Match).then_some(tags);
        Ok(count as u64)
    }

    /// Counts the peer's people of whom any element is in a sorted run.
    fn count_people(&mut self, tags: Vec<Tag>, grouping: &Grouping) -> Result<u64> {
        check_sorted(&tags)?;
        let set = TagSet::new(tags);
        let hits = grouping.hits(&set.contains_each(&self.theirs));
        self.counted = self.moves.contains(&Move::Match).then(|| set.sorted().to_vec());
        if !self.moves.contains(&Move::SendInOrder) {
            self.theirs = Vec::new();
        }
        Ok(hits.iter().filter(|hit| **hit).count() as u64)
    }

    /// Learns from a run in our order which of our elements match.
    fn learn(&mut self, mut tags: Vec<Tag>) -> Result<u64> {
        let hits = self.set.contains_each(&tags);
        let matched = self.order.iter().zip(hits).filter_map(|(&index, hit)| hit.then_some(index));
        let mut matched: Vec<u32> = matched.collect();
        matched.sort_unstable();
        if let Some(counted) = &self.counted {
            tags.sort_unstable();
            if tags != *counted {
                return Err(PeerFault::BrokenCommitment("run of tags").into());
            }
        }
        let count = match &self.people {
            Some(people) => people.count(&matched),
            None => matched.len() as u64,
        };
        self.answer.matched = Some(matched);
        Ok(count)
    }

    fn decide(&mut self) -> Step {
        let reached = self.answer.count.is_some_and(|count| count >= self.min_audience);
        self.answer.withheld = !reached;
        Step::Send(if reached { Frame::Released } else { Frame::Withheld })
    }

    fn hear_decision(&mut self) -> Result<Option<Step>> {
        match self.word.take() {
            None => return Ok(None),
            Some(Frame::Released) => self.released = true,
            Some(Frame::Withheld) => self.answer.withheld = true,
            Some(other) => return Err(other.unexpected().into()),
        }
        Ok(Some(Step::Worked))
    }

    fn hear_finish(&mut self) -> Result<Option<Step>> {
        match self.word.take() {
            None => Ok(None),
            Some(Frame::Finished) => Ok(Some(Step::Worked)),
            Some(other) => Err(other.unexpected().into()),
        }
    }
}

fn check_sorted(tags: &[Tag]) -> Result<()> {
    match tags.is_sorted() {
        true => Ok(()),
        // The peer would give away its positions; it follows another protocol than ours.
        false => Err(PeerFault::Malformed("tags").into()),
    }
}

/// What this side does, in order: the data flow of the module's documentation, from one end.
fn script(terms: &Terms) -> VecDeque<Move> {
    let (us, reveal) = (terms.party, terms.reveal);
    let (we_count_first, gated) = (reveal.counts_first() == us, terms.min_audience > 0);
    let mut moves = VecDeque::new();
    match (gated, we_count_first) {
        (true, true) => moves.extend([Move::Count, Move::Decide]),
        (true, false) => {
            moves.extend((terms.unit == Unit::People).then_some(Move::SendPeople));
            moves.extend([Move::SendSorted, Move::HearDecision]);
        }
        (false, _) => {}
    }
    if reveal == Reveal::Count {
        if !gated || we_count_first {
            moves.push_back(Move::SendSorted);
        }
        if !gated || !we_count_first {
            moves.push_back(Move::Count);
        }
    }
    if reveal.gives_matches_to(us.peer()) {
        moves.push_back(Move::SendInOrder);
    }
    if reveal.gives_matches_to(us) {
        moves.push_back(Move::Match);
    }
    moves.extend([Move::Finish, Move::HearFinish]);
    moves
}
