//! Matching through an oblivious pseudorandom function (OPRF).
//!
//! The sender has a key `k`; the function is `F(x) = H2(x, k H(x))`, "2HashDH". The sender publishes
//! the compressed set of `F(y)` for its own list. The receiver gets `F(x)` for each of its own
//! identifiers, without the sender seeing `x` and without seeing `k`, and looks it up.
//!
//! The same machine runs four protocols: `oprf` (this page), [`voprf`](super::voprf),
//! [`two_hash`](super::two_hash) and [`labelled`](super::labelled).
//!
//! # What each side learns
//!
//! | | advertiser (receiver) | platform (sender) |
//! |---|---|---|
//! | `--reveal advertiser` | which of its entries match, the size of the platform's list | the size of the advertiser's list |
//!
//! The receiver sees its matches and their number at once. Nobody counts before, so there is no minimum
//! audience: a session that asks for one is refused.
//!
//! # What leaks
//!
//! Sizes and timing. An epoch's key is the same in all its sessions, so the advertiser also sees which
//! values came and went between two of them, and can tell whose they are for identifiers that it asked
//! about. One that kept an old set can go on asking, and so learn that somebody *was* on it, as
//! long as the key lasts (see [`prepare`](crate::prepare)). An epoch's name is the platform's word.
//!
//! A side that cheats can do this, unseen:
//!
//! - *Put in identifiers that it guesses.* A receiver gets one answer for each guess: the cap on sizes
//!   limits it in a session, a query [`budget`](crate::budget) across sessions.
//! - *Answer with other keys* (the sender). Matches then disappear, for elements that it cannot
//!   choose: their order says nothing. With additive blinds it can also add a shift of its own
//!   choice, `k H(x) + E`, and so test for one set with some answers and for another with the rest.
//!   (Among these is the shift that gives the identity, for one identifier that it guesses.)
//!   The proofs of [`voprf`](super::voprf) rule this out.
//! - *Publish another set* than that of its list: matches disappear or appear, but only for
//!   identifiers that it knows, since each value is bound to its identifier by `H2`.
//! - *Stop early.*
//!
//! Invalid points, questions out of order or in the wrong number, answers in the wrong number, a set
//! that is not the one offered, and a key that the sender cannot prove to have are detected and end the
//! session.
//!
//! # Data flow
//!
//! ```text
//! advertiser (receiver)                            platform (sender)
//!   r_i random; A_i = H(x_i) + r_i G                 k random, or the epoch's; K = k G
//!   sorted                                           S = compressed { F(y) }
//!      <------- session, K, proof of k, SHA-256(S), sizes ---------
//!      ------------------------- A ------------------------------->
//!      <----------------------- k A --------------------------------
//!      <------------------------ S ---------------------------------
//!   k H(x_i) = k A_i - r_i K;  F(x_i) in S?
//! ```
//!
//! # Blinds
//!
//! Additive ones, as shown, or multiplicative: `A_i = r_i H(x_i)`, undone with `1 / r_i`. Both hide
//! `x_i` perfectly: `A_i` is uniform whatever `x_i` is. Additive blinds cost two multiples of *fixed*
//! points instead of two of others. Of CPU time for an element of two like lists, both sides, at 2^15
//! (2026-11-23, Zen 4, one thread): 33 us additive and 49 multiplicative with AVX2, 19 and 26.5 with
//! AVX-512. So they are the default; the receiver may choose (see [`Blinding`]).
//!
//! *When they are safe.* Jarecki, Krawczyk and Xu (ia.cr/2021/273) show that with additive blinds and
//! a `K` that the receiver cannot be sure of, a sender can make it compute functions that are related
//! to each other, which the security of 2HashDH does not allow for. The condition here: before
//! anything is unblinded, `K` comes over the secure channel with a proof of knowledge of `k` that is
//! bound to this session and to the sender's side in it. In the protocols with proofs each answer is
//! then proven to be `k A_i` for that same `K`, so both kinds of blind compute the same function. In
//! `oprf` answers are not proven: there a sender can still add shifts (above), as with
//! multiplicative blinds it can use other keys. Semi-honest senders do neither.
//!
//! # Assumptions
//!
//! One-more gap Diffie-Hellman on ristretto255 and random oracles (Jarecki, Liu, SCN 2010; Jarecki,
//! Kiayias, Krawczyk 2014); here, a sender that follows the protocol. The receiver may be malicious:
//! it learns the function for as many identifiers as it announced, and nothing of others.
//!
//! # Cost
//!
//! Sender: one hash to the group and one multiplication for an own element, once; one decoding and one
//! multiplication for a question. Receiver, for an own element: one hash to the group, two fixed-point
//! multiples, one decoding and two encodings. Bytes: 64 for a question; for an element of the set
//! `40 + log2(n_A)` bits and about 1.5 more. So a session with a set that was
//! [prepared](crate::prepare) costs what the small side costs, and the set's transfer. False positives:
//! at most 2^-40 a session.
//!
//! Memory, in bytes: for a question 68 at the receiver, and 32 more for its output; 32 for an answer
//! that waits at the sender because the receiver does not read. The receiver reads the set as it streams
//! by; the sender holds it, 8 to 13 an element, and 16 while it evaluates its list.
//!
//! # Example
//!
//! ```
//! use std::sync::atomic::AtomicBool;
//! use blindmatch::bench::workload;
//! use blindmatch::protocol::{Party, ProtocolName};
//! use blindmatch::session::{self, Session, Settings};
//!
//! let side = |party, list| {
//!     let mut settings = Settings::new(party);
//!     settings.protocol = ProtocolName::Oprf;
//!     Session::new(settings, list)
//! };
//! let sides = [
//!     side(Party::Advertiser, workload::list(["ann@example.com", "bob@example.com"])?)?,
//!     side(Party::Platform, workload::list(["bob@example.com", "eve@example.com"])?)?,
//! ];
//! let [advertiser, platform] = session::in_turn(sides, &AtomicBool::new(false))?;
//! assert_eq!(advertiser.answer.count, Some(1));
//! assert_eq!(platform.answer.count, None);
//! # Ok::<(), blindmatch::Error>(())
//! ```

mod masks;
mod receiver;
mod sender;

use std::sync::Arc;

use rand::rngs::StdRng;
use rand::{CryptoRng, SeedableRng};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::arrivals::Arrivals;
use super::input::{Beside, Brought};
use super::{
    Answer, HASH_TAG, Input, Party, Phase, Progress, Protocol, ProtocolName, Step, Terms, WORK_UNIT,
};
use crate::consent::ConsentedList;
use crate::error::{PeerFault, Result, printable_whole};
use crate::group::{DomainTag, Encoding, Engine, InvalidPoint};
use crate::key::{Key, PublicKey, role};
use crate::proof::{BatchFault, BatchProof, KeyProof, Transcript};
use crate::set::{Output, Outputs, SetParameters};
use crate::wire::{Frame, Offer};

pub use masks::Blinding;

use receiver::Receiver;
use sender::Sender;

/// What sets the protocols that run on this machine apart.
#[derive(Clone, Copy)]
struct Variant {
    name: ProtocolName,
    /// Whether every run of answers comes with a proof.
    proofs: bool,
    /// Whether matches come with labels.
    labels: bool,
}

impl Variant {
    fn of(name: ProtocolName) -> Variant {
        let proofs = name != ProtocolName::Oprf;
        Variant { name, proofs, labels: name == ProtocolName::Labelled }
    }
}

/// What both roles of one side need.
struct Shared {
    terms: Terms,
    engine: Engine,
    variant: Variant,
}

/// One side of a session: the sender, the receiver, or both at once, with keys of their own.
pub(crate) struct Oprf {
    shared: Shared,
    rng: StdRng,
    sender: Option<Sender>,
    receiver: Option<Receiver>,
    finished: Finished,
    answer: Answer,
}

/// The last words.
#[derive(Default)]
struct Finished {
    sent: bool,
    heard: bool,
}

impl Oprf {
    /// A side of a session whose terms are agreed on.
    pub(crate) fn new<R: CryptoRng>(
        terms: Terms,
        engine: Engine,
        input: Input,
        blinding: Blinding,
        rng: &mut R,
    ) -> Oprf {
        let mut rng = StdRng::from_rng(rng);
        let gives = |party: Party| terms.reveal.gives_matches_to(party);
        let (receives, sends) = (gives(terms.party), gives(terms.party.peer()));
        let variant = Variant::of(terms.protocol);
        let shared = Shared { terms, engine, variant };
        Oprf {
            sender: sends.then(|| Sender::new(&shared, &input, &mut rng)),
            receiver: receives.then(|| Receiver::new(&shared, input.list(), blinding)),
            shared,
            rng,
            finished: Finished::default(),
            answer: Answer::default(),
        }
    }

    /// Whether everything that was due has been said and heard, but for the last words.
    fn is_complete(&mut self) -> bool {
        if let Some(receiver) = &mut self.receiver
            && let Some(learnt) = receiver.learnt()
        {
            self.answer.epoch = receiver.epoch();
            self.answer.count = Some(learnt.matched.len() as u64);
            self.answer.matched = Some(learnt.matched);
            self.answer.labels = learnt.labels;
            self.receiver = None;
        }
        if let Some(sender) = self.sender.take_if(|sender| sender.is_done()) {
            self.answer.epoch = sender.epoch().or(self.answer.epoch.take());
        }
        self.sender.is_none() && self.receiver.is_none()
    }
}

/// What binds a sender's key, proofs and outputs to one session, and to the side that it is: so that
/// nobody can send back what it was sent.
fn sender_context(terms: &Terms, sender: Party) -> [u8; 32] {
    Sha256::new()
        .chain_update(b"blindmatch-v2 sender")
        .chain_update(terms.session)
        .chain_update([sender.code()])
        .finalize()
        .into()
}

/// What the proof of a sender's key, and with it every proof after, is bound to: its side in the
/// session and all of its offer.
fn offer_context(sender: &[u8; 32], offer: &Offer) -> [u8; 32] {
    let unproven = Frame::Offer(Offer { key_proof: [0; 64], ..offer.clone() });
    Sha256::new()
        .chain_update(b"blindmatch-v2 offer")
        .chain_update(sender)
        .chain_update(unproven.encode())
        .finalize()
        .into()
}

impl Protocol for Oprf {
    fn receive(&mut self, frame: Frame) -> Result<()> {
        match (frame, &mut self.sender, &mut self.receiver) {
            (Frame::Points(points), Some(sender), _) => sender.receive(points),
            (Frame::Finished, _, None) if !self.finished.heard => {
                self.finished.heard = true;
                Ok(())
            }
            (frame, _, Some(receiver)) => receiver.receive(frame),
            (frame, _, None) => Err(frame.unexpected().into()),
        }
    }

    fn advance(&mut self, room: bool) -> Result<Step> {
        if let Some(sender) = &mut self.sender
            && let Some(step) = sender.advance(&self.shared, &mut self.rng, room)?
        {
            return Ok(step);
        }
        if let Some(receiver) = &mut self.receiver
            && let Some(step) = receiver.advance(&self.shared, &mut self.rng, room)?
        {
            return Ok(step);
        }
        if !self.is_complete() {
            return Ok(Step::Wait);
        }
        match self.finished {
            Finished { sent: false, .. } if room => {
                self.finished.sent = true;
                Ok(Step::Send(Frame::Finished))
            }
            Finished { sent: true, heard: true } => {
                Ok(Step::Done(std::mem::take(&mut self.answer)))
            }
            _ => Ok(Step::Wait),
        }
    }

    fn settle(&mut self) -> Option<Answer> {
        self.is_complete().then(|| std::mem::take(&mut self.answer))
    }

    fn progress(&self) -> Progress {
        let both = [
            self.sender.as_ref().map(Sender::progress),
            self.receiver.as_ref().map(Receiver::progress),
        ];
        // The side is as far as the role that is behind.
        let behind = both.into_iter().flatten().min_by_key(|progress| progress.phase);
        let total = self.shared.terms.their_elements;
        behind.unwrap_or(Progress { phase: Phase::Compare, done: total, total })
    }
}
