//! Protocols: one face, and behind it the ways to compare two blinded lists.
//!
//! A protocol is a state machine without I/O. The [`session`](crate::session) gives it the frames
//! that arrive and asks it to advance; it answers with a frame to send, with the word that it did
//! a bounded piece of work, that it waits, or that it is done.
//!
//! | protocol | module | who can learn what | against a side that cheats |
//! |---|---|---|---|
//! | `dh` | [`dh`] | matches to either side or both, or the count alone | semi-honest |
//! | `oprf` | [`oprf`] | matches to the advertiser | semi-honest platform |
//! | `voprf` | [`voprf`] | matches to the advertiser | the platform cannot change keys |
//! | `two-hash` | [`two_hash`] | matches to either side or both | malicious |
//! | `labelled` | [`labelled`] | matches to the advertiser, each with the platform's label | as `voprf` |
//! | `count` | [`count`] | how many match, to either side or both | semi-honest |
//! | `sum` | [`sum`] | the total of the advertiser's values over the matches, to either side; the count to both | semi-honest |
//!
//! Matches are counted in identifiers, or in people who may have several ([`Unit`]).
//! In `count` and `sum` the advertiser's answer can have [`noise`], so that it is differentially private.
//! [`pair`] is one as well, with lists, keys and outputs of its own: see [`pair`](crate::pair).
//!
//! The session makes one of them once terms are agreed on, from what the side brings ([`Input`]).

pub mod aggregate;
mod arrivals;
pub mod count;
pub mod dh;
mod exchange;
mod grouping;
mod input;
pub mod labelled;
mod name;
pub mod noise;
pub mod oprf;
pub mod pair;
mod people;
#[cfg(all(feature = "bench", feature = "tls"))]
pub(crate) mod probe;
pub mod sum;
pub(crate) mod tag;
mod terms;
pub mod two_hash;
pub mod voprf;

use rand::CryptoRng;

use crate::error::Result;
use crate::group::Engine;
use crate::wire::Frame;

pub(crate) use aggregate::LIMIT as TOTAL_LIMIT;
pub use aggregate::Values;
pub use input::Input;
pub use name::ProtocolName;
pub use noise::Epsilon;
pub(crate) use noise::Noise;
pub use oprf::Blinding;
pub use pair::PairAnswer;
pub(crate) use tag::tag_length;
pub use terms::{Party, Reveal, Terms, Unit};

/// Elements that one call to `advance` blinds: a fraction of a second's work for one core.
const WORK_UNIT: usize = 8 * 1024;

/// The domain tag of our hash to group (RFC 9380 section 3.1): the same in every protocol.
pub(crate) const HASH_TAG: &[u8] = b"blindmatch-v1-ristretto255-SHA512";

/// What a session yields to the side that ran it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Answer {
    /// Indices into this side's consented list, increasing: what matched. `None` where this side
    /// does not learn it.
    pub matched: Option<Vec<u32>>,
    /// How many matched, in the [`Unit`] that was agreed on: elements, or people. `None` where this side
    /// does not learn it. With [`noise`], exact at the platform alone.
    pub count: Option<u64>,
    /// The total of values over what matched, in a sum; with [`noise`], if that is agreed. `None` where
    /// this side does not learn it.
    pub sum: Option<u64>,
    /// How many of this side's own values were cut down to the agreed limit, in a sum to which it
    /// brought values.
    pub clipped: Option<u64>,
    /// Whether the audience was below the agreed minimum, so that nobody got matches.
    pub withheld: bool,
    /// The platform's labels of `matched`, in its order; `None` for one that does not open. Of other
    /// protocols than `labelled` there are none.
    pub labels: Option<Vec<Option<String>>>,
    /// What a clean room got, in [`pair`](mod@pair); nothing else is set then.
    pub pair: Option<Box<PairAnswer>>,
    /// The epoch whose key was used, if it was not one of this session's own.
    pub epoch: Option<String>,
    /// The greatest total that could be, where what was decrypted is none: no answer at all, which the peer
    /// must not notice. [`Session::outcome`](crate::session::Session::outcome) makes an error of it.
    pub(crate) bad_total: Option<u64>,
}

/// Where the time goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Phase {
    /// Comparing terms with the peer.
    Handshake,
    /// Hashing and blinding our own list, and sorting it.
    Blind,
    /// Blinding the peer's list once more, and sending ours meanwhile.
    Evaluate,
    /// Comparing tags.
    Compare,
    /// Waiting for the peer or for the network.
    Wait,
}

impl Phase {
    /// Every phase, in order.
    pub const ALL: [Phase; 5] =
        [Phase::Handshake, Phase::Blind, Phase::Evaluate, Phase::Compare, Phase::Wait];

    /// Its name in reports.
    pub fn name(self) -> &'static str {
        match self {
            Phase::Handshake => "handshake",
            Phase::Blind => "blind",
            Phase::Evaluate => "evaluate",
            Phase::Compare => "compare",
            Phase::Wait => "wait",
        }
    }
}

/// How far a phase has come, in elements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// The phase.
    pub phase: Phase,
    /// Elements done.
    pub done: u64,
    /// Elements in all.
    pub total: u64,
}

/// What a protocol wants next.
#[derive(Debug)]
pub(crate) enum Step {
    /// Send this.
    Send(Frame),
    /// A bounded piece of work was done; there may be more.
    Worked,
    /// Nothing to do until a frame arrives.
    Wait,
    /// Everything that is due has been sent and has arrived.
    Done(Answer),
}

/// The face of every protocol.
pub(crate) trait Protocol: Send {
    /// Takes a frame that arrived, once `advance` has nothing else to do. Cheap: the work that it
    /// brings is done by `advance`.
    fn receive(&mut self, frame: Frame) -> Result<()>;

    /// Does the next bounded piece of work. Answers with a frame to send only where there is `room`
    /// for one; never waits for room while there is something else to do.
    fn advance(&mut self, room: bool) -> Result<Step>;

    /// The peer is gone. The answer, where everything that is due to this side has arrived.
    fn settle(&mut self) -> Option<Answer>;

    /// How far it is.
    fn progress(&self) -> Progress;
}

/// A side of a session whose terms are agreed on, with keys of its own.
pub(crate) fn start<R: CryptoRng>(
    terms: Terms,
    engine: Engine,
    input: Input,
    blinding: Blinding,
    rng: &mut R,
) -> Box<dyn Protocol> {
    match terms.protocol {
        ProtocolName::Dh => Box::new(dh::Dh::new(terms, engine, input, rng)),
        ProtocolName::Oprf
        | ProtocolName::Voprf
        | ProtocolName::TwoHash
        | ProtocolName::Labelled => {
            let people = input.people().cloned();
            let protocol = oprf::Oprf::new(terms, engine, input, blinding, rng);
            people::counting(protocol, people)
        }
        ProtocolName::Pair => Box::new(pair::Rooms::new(terms, engine, input.pair())),
        ProtocolName::Count | ProtocolName::Sum => {
            Box::new(aggregate::Aggregate::new(terms, engine, input, rng))
        }
    }
}
