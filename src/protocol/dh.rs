//! Diffie-Hellman PSI over ristretto255.
//!
//! # What each side learns
//!
//! Both learn the size of the other's list. Beyond that, as agreed ([`Reveal`]):
//!
//! | reveal | advertiser | platform |
//! |---|---|---|
//! | `advertiser` | which of its entries match | nothing; how many match, if a minimum audience is set |
//! | `platform` | nothing; how many match, if a minimum audience is set | which of its entries match |
//! | `both` | which of its entries match | which of its entries match |
//! | `count` | how many match | how many match |
//!
//! Below the minimum audience nobody gets matches: the side that counts first learns the count, the
//! other learns that it is too small.
//!
//! Where people are counted ([`Unit::People`]), each side that learns matches counts
//! its own people by itself, and nothing more crosses. A minimum audience is then one of people: of the side
//! that would learn matches (the advertiser in `both`), as the side that counts first is told which of
//! its blinded elements are one person's. `count` cannot count people; the protocol
//! [`count`](super::count) can.
//!
//! # What leaks
//!
//! Sizes and timing; with a minimum audience of people, to the side that counts first which of the other's
//! blinded elements are one person's and which of them match, as in [`count`](super::count#what-leaks). A side that cheats can do this, unseen:
//!
//! - *Put in identifiers that it guessed.* A list padded with guesses cannot be told from an honest
//!   one. Caps on sizes, a query [`budget`](crate::budget) and the consent gate on the honest side limit it. The minimum audience
//!   hardly does: a list of a hundred members that one knows (accounts of one's own) and one guess
//!   passes a minimum of a hundred, and tells whether the guess is right.
//! - *Fabricate points.* A list may hold multiples `r_i H(y)` of one identifier instead of different
//!   ones. If `y` is on the other list, a side that is handed tags of such points can be made to
//!   count matches that do not exist, and so to release above the minimum audience.
//! - *Part its people*: who is one person is the word of the side that would learn matches, so fewer of
//!   them can make an audience.
//! - *Lie about the count or stop early.* The side that counts first can withhold what it should
//!   release, and in `both` either side can fall silent once it has its own matches. (A release
//!   below the minimum audience is an error on the side that then sees the matches.)
//! - *Send other tags.* Tags that are not the other list's make matches disappear or, chosen among
//!   those of real points, appear.
//! - *Use several keys.* A side that blinds each of its entries with a key of its own can tell from
//!   the sorted tags, which are meant for counting, which entries match: it tries each key on the
//!   other list (one multiplication an entry of that list for each entry of its own). So `count`,
//!   and the count before a release, hide positions from a side that follows the protocol, however
//!   long it looks at what it received, but not from one that departs from it. Against that helps
//!   a proof that one key blinded everything, which this protocol does not have.
//!
//! Points that are not on the group, lists that are not what was committed to, and tags in `both`
//! that differ from those that were counted are detected and end the session.
//!
//! # Data flow
//!
//! `a`, `b` are fresh keys, `X`, `Y` the lists, `H` hashes an identifier's kind and digest to the
//! group, `T` makes a tag. `sort` loses the positions; that is its purpose.
//!
//! ```text
//! advertiser                                       platform
//!   A = sort { a H(x) }                              B = sort { b H(y) }
//!      ------- SHA-256(session, advertiser, A) ------------>
//!      <------ SHA-256(session, platform, B) ---------------
//!      ------------------------- A ------------------------>
//!      <------------------------ B -------------------------
//!   TB = [ T(a B_j) ]                                TA = [ T(b A_i) ]
//!
//! with a minimum audience (sides swapped when the platform is to learn the matches):
//!      ------ where people are counted: the number of the person behind each of A -------->
//!      --------------------- sort TB ---------------------->   n = |TA n TB|
//!      <------------- released or withheld -----------------
//!
//! reveal advertiser, both:
//!      <----------------------- TA -------------------------
//! reveal platform, both:
//!      ------------------------ TB ------------------------>
//! reveal count (what was not yet sent):
//!      --------------------- sort TB ---------------------->
//!      <-------------------- sort TA -----------------------
//! ```
//!
//! With `count` both tag runs travel sorted: a side can tell that one of its own entries has a tag
//! among the peer's, but not which entry it is. That takes the peer's key. So a side that blinded
//! its list as it should cannot derive more than the size, whatever it does with the messages.
//!
//! # Assumptions
//!
//! Decisional Diffie-Hellman on ristretto255, with hash to group and tags as random oracles;
//! semi-honest sides, within the limits above. (Meadows 1986; Huberman, Franklin, Hogg 1999; for
//! the analysis: Ion et al., ia.cr/2019/723.)
//!
//! # Cost
//!
//! For an element of either list: one hash to the group, one decoding, two multiplications and two
//! batched encodings, both sides together. `32 (n_A + n_P)` bytes for the lists and about 10 bytes
//! for each tag that the reveal needs. Memory, in bytes: 36 for an own element while the lists cross,
//! up to 37 for one while tags do; for a peer's element 16, then 20, and 36 where its tags are both
//! looked up and sent in its order.
//!
//! # Example
//!
//! The [`session`](crate::session) module runs this protocol; see its example.

use std::ops::ControlFlow;
use std::sync::Arc;

use rand::CryptoRng;

use super::exchange::{Crossed, Crossing, Shared};
use super::tag::{Tag, TagSet, Tagger};
use super::{Answer, Input, Phase, Progress, Protocol, Reveal, Step, Terms, Unit};
use crate::error::{PeerFault, Result};
use crate::group::Engine;
use crate::list::People;
use crate::wire::{Frame, PEOPLE_PER_FRAME, TAG_BYTES_PER_FRAME};

mod answer;

use answer::Answering;

/// One side of a Diffie-Hellman session.
pub(crate) struct Dh {
    shared: Shared,
    /// Ours, where people are counted and they are ours.
    people: Option<Arc<People>>,
    state: State,
}

/// How far a side is. Each state holds what the next one needs and nothing more.
enum State {
    Crossing(Box<Crossing>),
    Answering(Box<Answering>),
}

impl Dh {
    /// A side of a session whose terms are agreed on, with a key of its own.
    pub(crate) fn new<R: CryptoRng>(terms: Terms, engine: Engine, input: Input, rng: &mut R) -> Dh {
        let people = input.people().cloned();
        let state = State::Crossing(Box::new(Crossing::new(input.list(), rng)));
        Dh { shared: Shared::new(terms, engine), people, state }
    }
}

impl Protocol for Dh {
    fn receive(&mut self, frame: Frame) -> Result<()> {
        match &mut self.state {
            State::Crossing(crossing) => crossing.receive(&self.shared, frame),
            State::Answering(answering) => answering.receive(frame),
        }
    }

    fn advance(&mut self, room: bool) -> Result<Step> {
        let shared = &self.shared;
        match &mut self.state {
            State::Crossing(crossing) => match crossing.advance(shared, room)? {
                ControlFlow::Continue(step) => Ok(step),
                ControlFlow::Break(Crossed { order, tags }) => {
                    let people = self.people.take();
                    let (terms, tagger) = (&shared.terms, &shared.tagger);
                    let answering = Answering::new(terms, tagger, people, order, tags);
                    self.state = State::Answering(Box::new(answering));
                    Ok(Step::Worked)
                }
            },
            State::Answering(answering) => answering.advance(room),
        }
    }

    fn settle(&mut self) -> Option<Answer> {
        match &mut self.state {
            State::Answering(answering) => answering.settle(),
            State::Crossing(_) => None,
        }
    }

    fn progress(&self) -> Progress {
        let total = self.shared.terms.their_elements;
        match &self.state {
            State::Crossing(crossing) => crossing.progress(&self.shared.terms),
            State::Answering(_) => Progress { phase: Phase::Compare, done: total, total },
        }
    }
}
