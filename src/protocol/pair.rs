//! PAIR: the protocol between the advertiser's and the publisher's clean room.
//!
//! # What each side learns
//!
//! | | the room | its client |
//! |---|---|---|
//! | advertiser | Ks, for the session; the publisher's list size; which Publisher Identifiers match, and so how many | its match rate, in whole percents |
//! | publisher | the advertiser's list size; how many match | its match rate; the Publisher Identifier of each of its own rows, matched or not |
//!
//! Neither room learns of a match which of its own entries match: what comes back of them is sorted under the
//! other side's key. Runs that take out opt-outs tell the rooms a little more, see below; clients are told
//! nothing of those. (The platform of other protocols is the publisher here.)
//!
//! # What leaks
//!
//! Sizes and timing. Ka and Kp stay for 180 days and Ks for 30, as the standard wants it, so a room can tell
//! which entries of a peer's list were on an earlier one; [`records`](crate::pair::records) use that to refuse
//! lists that differ in fewer than 50.
//!
//! When opt-outs are taken out of a match ([`Run::OptOut`]), the advertiser's room sees which Publisher
//! Identifiers go, as the buying platform does that has to forget them, and so how many; the publisher's room
//! sees how many. A room that took out a single person, and nobody left on the other side, learns from that
//! number whether they matched. Hence such a run can only remove, as each room uses what of its list was left of
//! that of their last match, takes place once a day at most, and brings no rate.
//!
//! The rooms are trusted to follow the protocol, as the standard has it. One that cheats can do this, unseen:
//!
//! - *Guess.* A list padded with guesses of its own cannot be told from an honest one.
//! - *Ask about a point.* Points that are multiples `r_i H(y)` of one guess come back under the other's key,
//!   and trying each `r_i` tells whether `y` is on the other list.
//! - *Cut lists to measure.* Lists that differ from each other in 50 entries or more can together still single
//!   somebody out: PAIR IDs stay the same under the same keys. The standard asks for no more; the number of
//!   lists in 30 days is bounded, and clients see nothing but rates.
//! - *Use another key* than it announces, for its list or for the other's: nothing matches then, or not what
//!   should. A list under another Ks than the one that was handed over is the same.
//!
//! What is detected and ends the session: a Ks that is expired, older than one before, or not what the
//! publisher sent; lists below 1,000, out of order, of another length than announced, or with invalid points;
//! lists and PAIR IDs that are not what their sender committed to before it saw ours, so that none can be
//! copied or made to measure; keys that change before their time; lists that differ too little; under the
//! same keys, opt-out lists with anybody who was not left of the last match; under others, longer ones.
//!
//! # Data flow
//!
//! `S(x)` is `M(SHA-512(SHA-256(Ks || x)))`, see [`mode`]. `sort` loses the positions: it is
//! the shuffle of the standard, whose step numbers (two data clean rooms) are on the right.
//!
//! ```text
//! advertiser's room (Ka)                          publisher's room (Ks, Kp)
//!      <--------- Ks and its date, digest of Kp -----------             1a
//!      ---------- match or opt-out, digest of Ka, --------->
//!                 H(session, Ks)
//!      <--- of an opt-out: how many entries stood in the match
//!   A = sort { Ka S(x) }                            P = sort { Kp S(y) }    2a, 2b
//!      ---------------- commitment to A ------------------->
//!      <--------------- commitment to P --------------------
//!      ------------------------ A ------------------------->            2c
//!      <----------------------- P --------------------------            2d
//!   P' = sort { Ka P_j }                            A' = sort { Kp A_i }    2e, 2f
//!   both judge both lists, or the session ends
//!      ---------------- commitment to P' ------------------>
//!      <--------------- commitment to A' -------------------
//!   each has its record on disk
//!      ------------------------ P' ------------------------>            2h
//!      <----------------------- A' -------------------------            2g
//!   A' n P', Publisher Identifiers                  | A' n P' |             3a, 3b, 3d
//! ```
//!
//! The Publisher Identifier of a matched PAIR ID `Ka P_j` is `P_j`: taking Ka off, as the standard puts it, and
//! looking up what it was put on are the same 32 bytes, and the second costs nothing.
//!
//! # Assumptions
//!
//! Decisional Diffie-Hellman on ristretto255, with `S` as a random oracle, as for [`dh`](super::dh).
//! Against each other: rooms that follow the protocol. Against outsiders: nothing but the keys; PAIR IDs cross
//! between the two rooms alone, over TLS. Whoever holds Ks and Kp can find out whose a Publisher
//! Identifier is, which is why no side ever has Ka and Kp, and the advertiser's room keeps no Ks. Two rooms of one
//! process ([`Side::both`]) have all of that between them: nothing but the code keeps them apart.
//!
//! # Cost
//!
//! For an entry of either list: one map to the group, one decoding, two multiplications and two batched
//! encodings, both sides together, and 64 bytes each way: 32 in the list and 32 as a PAIR ID. In memory 32
//! bytes for an own entry until it is sent, and 64 (advertiser) or 32 for the peer's; 8 for each of either list
//! from then on until PAIR IDs leave (24 for a while as they are judged), and on disk until the next match, 30
//! days at most.
//!
//! # Example
//!
//! In [`pair`](crate::pair); over TLS: `blindmatch pair serve` and `connect`.

mod greeting;
mod lists;

use jiff::Timestamp;
use rayon::prelude::*;
use sha2::{Digest, Sha256};

use super::arrivals::Arrivals;
use super::{Answer, Party, Phase, Progress, Protocol, Step, Terms, WORK_UNIT};
use crate::error::{PeerFault, Result};
use crate::group::{Encoding, Engine};
use crate::key::Key;
use crate::key::role::Role;
use crate::pair::files::expiry;
use crate::pair::key::{SharedKey, Stamp};
use crate::pair::records::{Seen, Shown};
use crate::pair::{Keys, OptOut, PublisherId, Rate, Run, Side, mode};
use crate::wire::{Commitment, Frame};

use lists::{Ids, Lists, PairIds, Stage, send};

/// What a session gives a room.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PairAnswer {
    /// What the session was for.
    pub run: Run,
    /// How many match: for the room, never for its client.
    pub matched: u64,
    /// What the client is told; nothing after an opt-out.
    pub rate: Option<Rate>,
    /// The matched Publisher Identifiers, sorted; the advertiser's room alone has them.
    pub publisher_ids: Option<Vec<PublisherId>>,
    /// Ks, as far as it may be told.
    pub ks: Stamp,
    /// Our Ka or Kp.
    pub our_key: Stamp,
    /// The peer's.
    pub their_key: Stamp,
    /// Entries that took part, ours first.
    pub entries: [u64; 2],
    /// When the match ends; of opt-outs, the match that they were taken out of.
    pub expires: Timestamp,
    /// What became of our list, where opt-outs were taken out.
    pub opt_out: Option<OptOut>,
}

/// One room's side of a session.
pub(crate) struct Rooms {
    terms: Terms,
    engine: Engine,
    side: Side,
    /// Known once the peer has said it.
    agreed: Option<Agreed>,
    /// Where opt-outs are taken out, the publisher says how many entries of its list that leaves.
    remaining: Remaining,
    /// The peer's word on its list, then on its PAIR IDs.
    theirs: Option<[u8; 32]>,
    state: State,
}

/// What was said before any list moves.
struct Agreed {
    ks: SharedKey,
    ks_stamp: Stamp,
    their_key: Stamp,
    run: Run,
}

/// Whether the number of the publisher's remaining entries is still to cross.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Remaining {
    /// To be sent by the publisher, or to arrive at the advertiser.
    Due,
    /// It has, or the session is a match.
    Settled,
}

/// How far it is. Each state holds what the next one needs and nothing more.
enum State {
    /// The publisher's keys are to be sent, or to arrive.
    Greeting {
        sent: bool,
    },
    Blinding(Vec<Encoding>),
    /// Our list is blinded; our word on it is sent or not.
    Committing {
        ours: Vec<Encoding>,
        sent: bool,
    },
    Lists(Lists),
    /// The same for PAIR IDs, with what is remembered of the session before they leave.
    CommittingIds {
        ids: Ids,
        seen: Box<Seen>,
        sent: bool,
    },
    PairIds(PairIds),
    /// Our last word is to be sent, and the peer's to arrive.
    Finishing {
        answer: Answer,
        sent: bool,
        heard: bool,
    },
    /// A state was taken out and not put back: it is over, or an error ended the session.
    Ended,
}

impl Rooms {
    /// A side of a session whose terms are agreed on.
    pub(crate) fn new(terms: Terms, engine: Engine, side: Side) -> Rooms {
        let state = State::Greeting { sent: false };
        let remaining = Remaining::Settled;
        Rooms { terms, engine, side, agreed: None, remaining, theirs: None, state }
    }

    fn our_key(&self) -> Stamp {
        match &*self.side.keys {
            Keys::Advertiser { ka, .. } => ka.stamp(),
            Keys::Publisher(space) => space.kp.stamp(),
        }
    }

    fn agreed(&self) -> &Agreed {
        self.agreed.as_ref().expect("states after the greeting have it")
    }

    fn receive_commitment(&mut self, theirs: Commitment) -> Result<()> {
        if theirs.session != self.terms.session {
            return Err(PeerFault::BrokenCommitment("session").into());
        }
        self.theirs = Some(theirs.list);
        Ok(())
    }

    /// Encrypts the next run of our list.
    fn blind(&self, done: &mut Vec<Encoding>) {
        let (list, ks) = (&self.side.list, &self.agreed().ks);
        let left = &list.distinct()[done.len()..];
        let run = &left[..left.len().min(WORK_UNIT)];
        let identifiers = list.list().identifiers();
        let expand = |&index: &u32| *mode::expand_identifier(ks, &identifiers[index as usize]);
        let mut uniform: Vec<[u8; 64]> = run.par_iter().with_min_len(256).map(expand).collect();
        let mut out = vec![Encoding::default(); run.len()];
        match &*self.side.keys {
            Keys::Advertiser { ka, .. } => map(&self.engine, &uniform, ka.key(), &mut out),
            Keys::Publisher(space) => map(&self.engine, &uniform, space.kp.key(), &mut out),
        }
        zeroize::Zeroize::zeroize(&mut uniform);
        done.extend(out);
    }

    /// The beginning of the hash over one of `party`'s lists that it commits to: good for one session, side
    /// and list, so that nobody can copy the other's.
    fn list_hash(&self, party: Party, what: Stage) -> Sha256 {
        Sha256::new()
            .chain_update(b"blindmatch-v2 pair ")
            .chain_update([what as u8])
            .chain_update(self.terms.session)
            .chain_update([party.code()])
    }

    fn commitment(&self, what: Stage, list: &[Encoding]) -> Frame {
        let mut hash = self.list_hash(self.terms.party, what);
        list.iter().for_each(|point| hash.update(point.0));
        let (session, list) = (self.terms.session, hash.finalize().into());
        Frame::Commitment(Commitment { session, list })
    }

    /// Puts our key on a run of the peer's list.
    fn encrypt_again(&self, lists: &mut Lists, points: &[Encoding]) -> Result<()> {
        let mut out = vec![Encoding::default(); points.len()];
        let done = match &*self.side.keys {
            Keys::Advertiser { ka, .. } => again(&self.engine, points, ka.key(), &mut out),
            Keys::Publisher(space) => again(&self.engine, points, space.kp.key(), &mut out),
        };
        let before = lists.twice.len() as u64;
        done.map_err(|invalid| PeerFault::InvalidPoint {
            position: before + invalid.position as u64,
        })?;
        lists.theirs.extend_from_slice(points);
        lists.twice.extend(out);
        Ok(())
    }

    /// Once both lists are through: whether they may be matched, and the PAIR IDs.
    fn pair_ids(&self, lists: Lists) -> Result<(Ids, Box<Seen>)> {
        let Lists { theirs, twice, hash, committed, .. } = lists;
        if <[u8; 32]>::from(hash.finalize()) != committed {
            return Err(PeerFault::BrokenCommitment("list").into());
        }
        let Agreed { run, ks_stamp: ks, their_key, .. } = *self.agreed();
        let Side { list, records, peer, now, .. } = &self.side;
        let shown = Shown { run, ours: list, theirs: &theirs, ks, their_key };
        let seen = Box::new(records.see(&shown));
        records.judge(peer, &seen, *now)?;
        Ok((self.encrypted(theirs, twice), seen))
    }

    /// The peer's entries under both keys, sorted, beside what they were before where we keep that.
    fn encrypted(&self, theirs: Vec<Encoding>, twice: Vec<Encoding>) -> Ids {
        if self.terms.party == Party::Platform {
            let mut pair_ids = twice;
            pair_ids.par_sort_unstable();
            return Ids { pair_ids, entries: None };
        }
        let mut both: Vec<_> = twice.into_iter().zip(theirs).collect();
        both.par_sort_unstable();
        let (pair_ids, entries) = both.into_iter().unzip();
        Ids { pair_ids, entries: Some(entries) }
    }

    /// The peer goes on with the session, by its word on its PAIR IDs: it is remembered before ours leave.
    fn admit(&self, seen: &Seen) -> Result<()> {
        let Side { records, peer, now, .. } = &self.side;
        records.admit(peer, seen, *now)
    }

    /// What came of it, once the peer's PAIR IDs are what it committed to.
    fn answer(&self, ids: PairIds) -> Result<Answer> {
        if <[u8; 32]>::from(ids.hash.finalize()) != ids.committed {
            return Err(PeerFault::BrokenCommitment("list of PAIR IDs").into());
        }
        let Agreed { run, ks_stamp: ks, their_key, .. } = *self.agreed();
        let matched = ids.matched.len() as u64;
        let rate = (run == Run::Match).then(|| Rate::of(matched, self.terms.our_elements));
        let publisher_ids = ids.ours.entries.map(|entries| {
            let of = |&index: &u32| entries.get(index as usize).copied().map(PublisherId);
            let mut ids: Vec<PublisherId> = ids.matched.iter().filter_map(of).collect();
            ids.par_sort_unstable();
            ids
        });
        let opt_out = self.side.opt_out;
        let answer = PairAnswer {
            run,
            matched,
            rate,
            publisher_ids,
            ks,
            our_key: self.our_key(),
            their_key,
            entries: [self.terms.our_elements, self.terms.their_elements],
            expires: expiry(opt_out.map_or(self.side.now, |opt_out| opt_out.matched)),
            opt_out,
        };
        Ok(Answer { pair: Some(Box::new(answer)), ..Answer::default() })
    }

    /// The next piece of work in a state that was taken out.
    fn work(&mut self, state: State, room: bool) -> Result<(State, Step)> {
        Ok(match state {
            State::Greeting { sent } => self.greet(sent, room),
            State::Blinding(done) => self.blind_or_sort(done),
            State::Committing { ours, sent: false } if room => {
                let frame = self.commitment(Stage::List, &ours);
                (State::Committing { ours, sent: true }, Step::Send(frame))
            }
            State::Committing { ours, sent: true } => match self.theirs.take() {
                Some(committed) => (State::Lists(self.lists(ours, committed)), Step::Worked),
                None => (State::Committing { ours, sent: true }, Step::Wait),
            },
            State::Lists(lists) => self.cross_lists(lists, room)?,
            State::CommittingIds { ids, seen, sent: false } if room => {
                let frame = self.commitment(Stage::PairIds, &ids.pair_ids);
                (State::CommittingIds { ids, seen, sent: true }, Step::Send(frame))
            }
            State::CommittingIds { ids, seen, sent: true } => match self.theirs.take() {
                Some(committed) => {
                    self.admit(&seen)?;
                    (State::PairIds(self.ids(ids, committed)), Step::Worked)
                }
                None => (State::CommittingIds { ids, seen, sent: true }, Step::Wait),
            },
            State::PairIds(ids) => self.cross_ids(ids, room)?,
            State::Finishing { answer, sent: false, heard } if room => {
                (State::Finishing { answer, sent: true, heard }, Step::Send(Frame::Finished))
            }
            State::Finishing { answer, sent: true, heard: true } => {
                (State::Ended, Step::Done(answer))
            }
            state => (state, Step::Wait),
        })
    }

    fn blind_or_sort(&self, mut done: Vec<Encoding>) -> (State, Step) {
        if done.len() < self.side.list.len() {
            self.blind(&mut done);
            return (State::Blinding(done), Step::Worked);
        }
        done.par_sort_unstable();
        (State::Committing { ours: done, sent: false }, Step::Worked)
    }

    fn lists(&self, ours: Vec<Encoding>, committed: [u8; 32]) -> Lists {
        let hash = self.list_hash(self.terms.party.peer(), Stage::List);
        let arrivals = Arrivals::new(self.terms.their_elements);
        let (sent, pending, theirs, twice) = Default::default();
        Lists { ours, sent, arrivals, pending, hash, committed, theirs, twice }
    }

    /// Works on what arrived, or else sends, until both lists are through.
    fn cross_lists(&self, mut lists: Lists, room: bool) -> Result<(State, Step)> {
        if let Some(points) = lists.pending.take() {
            self.encrypt_again(&mut lists, &points)?;
            return Ok((State::Lists(lists), Step::Worked));
        }
        if lists.sent < lists.ours.len() {
            let step = send(&lists.ours, &mut lists.sent, room);
            return Ok((State::Lists(lists), step));
        }
        if !lists.arrivals.is_complete() {
            return Ok((State::Lists(lists), Step::Wait));
        }
        let (ids, seen) = self.pair_ids(lists)?;
        Ok((State::CommittingIds { ids, seen, sent: false }, Step::Worked))
    }

    fn ids(&self, ours: Ids, committed: [u8; 32]) -> PairIds {
        let hash = self.list_hash(self.terms.party.peer(), Stage::PairIds);
        let arrivals = Arrivals::new(self.terms.our_elements);
        let (sent, at, matched) = Default::default();
        PairIds { ours, sent, arrivals, hash, committed, at, matched }
    }

    /// The same for PAIR IDs, which are compared as they arrive.
    fn cross_ids(&self, mut ids: PairIds, room: bool) -> Result<(State, Step)> {
        if ids.sent < ids.ours.pair_ids.len() {
            let step = send(&ids.ours.pair_ids, &mut ids.sent, room);
            return Ok((State::PairIds(ids), step));
        }
        if !ids.arrivals.is_complete() {
            return Ok((State::PairIds(ids), Step::Wait));
        }
        let answer = self.answer(ids)?;
        Ok((State::Finishing { answer, sent: false, heard: false }, Step::Worked))
    }
}

impl Protocol for Rooms {
    fn receive(&mut self, frame: Frame) -> Result<()> {
        match (&mut self.state, frame) {
            (State::Greeting { .. }, Frame::PairKeys(keys)) if self.agreed.is_none() => {
                self.receive_keys(&keys)
            }
            (State::Greeting { sent: true }, Frame::PairReply(reply)) if self.agreed.is_none() => {
                self.receive_reply(&reply)
            }
            (State::Greeting { sent: true }, Frame::PairEntries(entries))
                if self.terms.party == Party::Advertiser && self.remaining == Remaining::Due =>
            {
                self.receive_remaining(entries)
            }
            (
                State::Blinding(_) | State::Committing { .. } | State::CommittingIds { .. },
                Frame::Commitment(theirs),
            ) if self.theirs.is_none() => self.receive_commitment(theirs),
            // The peer may be through with the lists before we are.
            (State::Lists(lists), Frame::Commitment(theirs))
                if lists.arrivals.is_complete() && self.theirs.is_none() =>
            {
                self.receive_commitment(theirs)
            }
            (State::Lists(lists), Frame::Points(points)) => lists.receive(points),
            (State::PairIds(ids), Frame::Points(points)) => ids.receive(&points),
            (State::Finishing { heard, .. }, Frame::Finished) if !*heard => {
                *heard = true;
                Ok(())
            }
            (_, frame) => Err(frame.unexpected().into()),
        }
    }

    fn advance(&mut self, room: bool) -> Result<Step> {
        let state = std::mem::replace(&mut self.state, State::Ended);
        let (state, step) = self.work(state, room)?;
        self.state = state;
        Ok(step)
    }

    fn settle(&mut self) -> Option<Answer> {
        match &mut self.state {
            State::Finishing { answer, .. } => Some(std::mem::take(answer)),
            _ => None,
        }
    }

    fn progress(&self) -> Progress {
        let (ours, theirs) = (self.terms.our_elements, self.terms.their_elements);
        let at = |phase, done, total| Progress { phase, done, total };
        match &self.state {
            State::Greeting { .. } => at(Phase::Handshake, 0, 1),
            State::Blinding(done) => at(Phase::Blind, done.len() as u64, ours),
            State::Committing { .. } => at(Phase::Blind, ours, ours),
            State::Lists(lists) => at(Phase::Evaluate, lists.twice.len() as u64, theirs),
            State::CommittingIds { .. } => at(Phase::Evaluate, theirs, theirs),
            State::PairIds(ids) => at(Phase::Compare, ours - ids.arrivals.due(), ours),
            State::Finishing { .. } | State::Ended => at(Phase::Compare, ours, ours),
        }
    }
}

fn map<R: Role>(engine: &Engine, uniform: &[[u8; 64]], key: &Key<R>, out: &mut [Encoding]) {
    engine.map_blind(uniform, key.scalar(), out);
}

fn again<R: Role>(
    engine: &Engine,
    points: &[Encoding],
    key: &Key<R>,
    out: &mut [Encoding],
) -> Result<(), crate::group::InvalidPoint> {
    engine.blind(points, key.scalar(), out)
}
