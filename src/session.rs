//! One run with one peer: a driver without I/O. Bytes go in, actions come out.
//!
//! A [`Session`] compares terms with its peer ([`Hello`](crate::wire::Hello)) before any list data
//! moves, and then runs the protocol that was agreed on. It never reads or writes a socket: whoever
//! drives it does ([`transport`](crate::transport) has the drivers), so the same code runs in
//! memory, over TCP and over TLS, and a test can play any peer.
//!
//! ```
//! use std::sync::atomic::AtomicBool;
//! use blindmatch::bench::workload;
//! use blindmatch::protocol::Party;
//! use blindmatch::session::{self, Session, Settings};
//!
//! // Each list passes the consent gate.
//! let ours = workload::list(["ann@example.com", "bob@example.com"])?;
//! let theirs = workload::list(["bob@example.com", "eve@example.com"])?;
//! let sides = [
//!     Session::new(Settings::new(Party::Advertiser), ours)?,
//!     Session::new(Settings::new(Party::Platform), theirs)?,
//! ];
//! let [advertiser, platform] = session::in_turn(sides, &AtomicBool::new(false))?;
//! assert_eq!(advertiser.answer.count, Some(1));
//! assert_eq!(platform.answer.matched, None);
//! # Ok::<(), blindmatch::Error>(())
//! ```

mod handshake;

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rand::CryptoRng;
use rand::rand_core::UnwrapErr;
use rand::rngs::SysRng;
use tracing::debug;

use crate::error::{Error, PeerFault, Result};
use crate::group::Engine;
use crate::protocol::{
    self, Answer, Blinding, Epsilon, Input, Party, Phase, Progress, Protocol, ProtocolName, Reveal,
    Step, Terms, Unit,
};
use crate::sketch::{Sketch, SketchKey};
use crate::wire::{Decoder, Frame, MAX_ABORT};

pub(crate) use handshake::ciphersuite;
use handshake::{Agreed, Greeting};

/// What a side brings to a session besides its list.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Settings {
    /// The protocol; both sides must say the same.
    pub protocol: ProtocolName,
    /// Which side this is.
    pub party: Party,
    /// What is to be revealed to whom; both sides must say the same.
    pub reveal: Reveal,
    /// What matches, the minimum audience and values are counted in; both sides must say the same.
    pub unit: Unit,
    /// Fewest matches that are to be revealed. `None` takes the peer's; where both sides say a
    /// number, they must say the same.
    pub min_audience: Option<u64>,
    /// What a value is cut down to before it is added, in a [`sum`](crate::protocol::sum); both sides
    /// must say the same. `None` in other protocols.
    pub clip: Option<u64>,
    /// Epsilon of the [noise](crate::protocol::noise) that the platform adds to what the advertiser learns in a
    /// [`count`](crate::protocol::count) or [`sum`](crate::protocol::sum); both sides must say the same. `None` for
    /// exact answers.
    pub noise: Option<Epsilon>,
    /// Most elements that are accepted from the peer; below 2^32.
    pub max_elements: u64,
    /// How this side blinds what it asks an oblivious function; the other side cannot tell.
    pub blinding: Blinding,
    /// The backend and the cores.
    pub engine: Engine,
    /// What ties the session to its channel, such as a TLS exporter's output; the same bytes on
    /// both sides. Empty for a channel within one process.
    pub channel_binding: Vec<u8>,
    /// The fingerprint of the peer's key, where the channel knows it: a set that was prepared for another
    /// peer is then refused. `None` checks nothing, as within one process.
    pub peer: Option<String>,
    /// What an advertiser keys a sketch of its list with, which it shows before the session; `None`
    /// shows none. A platform that asks for one meets only advertisers that show one, and the other
    /// way round.
    pub sketch_key: Option<SketchKey>,
    /// Has the last word on the session, once its terms are agreed on; `None` admits every one.
    pub admission: Option<Arc<dyn Admission>>,
}

/// Decides on a session once its terms are agreed on, before anything that depends on a list but its length
/// leaves.
///
/// A query [`budget`](crate::budget) is one.
pub trait Admission: Debug + Send + Sync {
    /// Whether the advertiser is to show a sketch of its list.
    fn wants_sketch(&self) -> bool {
        false
    }

    /// Whether a session is refused that has no [noise](crate::protocol::noise) in its answer.
    fn wants_noise(&self) -> bool {
        false
    }

    /// Called once in a session, with the sketch where one is wanted. It may take as long as writing a small file to disk.
    ///
    /// # Errors
    /// Any error ends the session; the peer is told what [`Session::abort`] makes of it.
    fn admit(&self, terms: &Terms, sketch: Option<&Sketch>) -> Result<()>;
}

impl Settings {
    /// For one party, with defaults: matches to the advertiser, the peer's minimum audience, at most
    /// [`MAX_ELEMENTS`] elements from the peer, the best backend on all cores.
    pub fn new(party: Party) -> Settings {
        Settings {
            protocol: ProtocolName::default(),
            party,
            reveal: Reveal::default(),
            unit: Unit::default(),
            min_audience: None,
            clip: None,
            noise: None,
            max_elements: MAX_ELEMENTS,
            blinding: Blinding::default(),
            engine: Engine::detect(),
            channel_binding: Vec::new(),
            peer: None,
            sketch_key: None,
            admission: None,
        }
    }
}

/// Most elements that a side accepts unless told otherwise: 2^24, some 600 MB while a session runs; at the
/// platform of a sum, where 64 bytes more arrive with each, 1.7 GB.
pub const MAX_ELEMENTS: u64 = 1 << 24;

/// What to do next.
#[derive(Debug, PartialEq, Eq)]
pub enum Action {
    /// Send these bytes: one whole frame.
    Send(Vec<u8>),
    /// Nothing to do with the outside: call again, there may be more work.
    Worked,
    /// Call again once bytes have arrived.
    Wait,
    /// The session is complete; take its outcome.
    Done,
}

/// What a completed session yields.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Outcome {
    /// What this side learnt.
    pub answer: Answer,
    /// What had been agreed on.
    pub terms: Terms,
    /// Bytes sent and received, frames included, the transport's own overhead not.
    pub bytes: Bytes,
    /// Wall time that went into each phase on this side.
    pub phases: BTreeMap<Phase, Duration>,
    /// When everything that was due had been handed over and had arrived: closing the channel comes after.
    pub completed: Instant,
}

/// Bytes of frames each way, keep-alives left out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bytes {
    /// To the peer.
    pub sent: u64,
    /// From the peer.
    pub received: u64,
}

/// Runs both sides in this thread, by turns and without a channel, until both are done or `stop` is
/// set. Whatever one sends is at once with the other; nothing limits how long it takes.
///
/// # Errors
/// The first error of either side; [`Error::Interrupted`].
pub fn in_turn(mut sides: [Session; 2], stop: &AtomicBool) -> Result<[Outcome; 2]> {
    let mut done = [false; 2];
    while done != [true; 2] {
        for side in [0, 1] {
            if stop.load(Ordering::Relaxed) {
                return Err(Error::Interrupted);
            }
            match sides[side].advance(true)? {
                Action::Send(bytes) => sides[1 - side].receive(&bytes),
                Action::Done => done[side] = true,
                Action::Worked | Action::Wait => {}
            }
        }
    }
    let [one, other] = sides.map(Session::outcome);
    Ok([one?, other?])
}

/// One side of one run.
pub struct Session {
    decoder: Decoder,
    rng: Box<dyn CryptoRng + Send>,
    state: State,
    terms: Option<Terms>,
    bytes: Bytes,
    phases: BTreeMap<Phase, Duration>,
}

enum State {
    Greeting(Box<Greeting>),
    Running(Box<dyn Protocol>),
    Done { answer: Answer, at: Instant },
}

impl Session {
    /// A session over a list that passed the consent gate, and what else the protocol needs.
    ///
    /// # Errors
    /// [`Error::Misuse`] for a list of 2^32 elements or more, a limit on the peer's that lets in as
    /// many, a minimum audience of `u64::MAX`, for settings that the protocol cannot keep, such as a
    /// minimum audience where nobody counts first, and for a set that was prepared for another peer;
    /// [`Error::Consent`] for a prepared set that is stale.
    pub fn new(settings: Settings, input: impl Into<Input>) -> Result<Session> {
        Session::with_rng(settings, input, UnwrapErr(SysRng))
    }

    /// The same with a random generator of the caller's, for transcripts that can be repeated.
    ///
    /// The session's nonce and its keys come from `rng`: a session whose generator somebody can
    /// guess hides nothing from them.
    ///
    /// # Errors
    /// Those of [`new`](Self::new).
    pub fn with_rng<R: CryptoRng + Send + 'static>(
        settings: Settings,
        input: impl Into<Input>,
        mut rng: R,
    ) -> Result<Session> {
        let greeting = Greeting::new(settings, input.into(), &mut rng)?;
        Ok(Session {
            decoder: Decoder::default(),
            rng: Box::new(rng),
            state: State::Greeting(Box::new(greeting)),
            terms: None,
            bytes: Bytes::default(),
            phases: BTreeMap::new(),
        })
    }

    /// Takes bytes that arrived, in whatever pieces. They are looked at by [`advance`](Self::advance).
    pub fn receive(&mut self, bytes: &[u8]) {
        self.bytes.received += bytes.len() as u64;
        self.decoder.push(bytes);
    }

    /// Does the next piece of work: about a second at most on one core, but for sorting and
    /// comparing a whole list (a second for some 10^7 elements). Answers with bytes to send only
    /// where there is `room` for a frame.
    ///
    /// # Errors
    /// Any error ends the session; [`abort`](Self::abort) makes the frame that tells the peer.
    pub fn advance(&mut self, room: bool) -> Result<Action> {
        let started = Instant::now();
        let phase = self.progress().phase;
        // Frames are looked at only once there is nothing else to do: a peer may have answered
        // our last frame before the state that sent it has moved on.
        let action = match self.step(room) {
            Ok(Action::Wait) => self.take_frame(),
            action => action,
        };
        if let Ok(Action::Send(bytes)) = &action {
            self.bytes.sent += bytes.len() as u64;
        }
        *self.phases.entry(phase).or_default() += started.elapsed();
        action
    }

    /// Hands one frame that arrived to the protocol, if there is one.
    fn take_frame(&mut self) -> Result<Action> {
        let Some(frame) = self.decoder.next_frame()? else { return Ok(Action::Wait) };
        match (frame, &mut self.state) {
            (Frame::KeepAlive, _) => {
                self.bytes.received -= Frame::KeepAlive.encode().len() as u64;
            }
            (Frame::Abort(reason), _) => return Err(PeerFault::Aborted(reason).into()),
            (Frame::Refused(spent), _) => return Err(Error::Refused(spent)),
            (Frame::Hello(hello), State::Greeting(greeting)) => greeting.receive(hello)?,
            (Frame::Sketch(sketch), State::Greeting(greeting)) => {
                greeting.receive_sketch(sketch)?
            }
            (frame, State::Running(protocol)) => protocol.receive(frame)?,
            (frame, _) => return Err(frame.unexpected().into()),
        }
        Ok(Action::Worked)
    }

    fn step(&mut self, room: bool) -> Result<Action> {
        let step = match &mut self.state {
            State::Greeting(greeting) => match greeting.advance(room)? {
                handshake::Progress::Send(frame) => Step::Send(frame),
                handshake::Progress::Wait => Step::Wait,
                handshake::Progress::Agreed(agreed) => {
                    let Agreed { terms, engine, blinding, input } = agreed;
                    self.terms = Some(terms.clone());
                    debug!(backend = engine.backend().name(), "terms agreed on");
                    let protocol = protocol::start(terms, engine, input, blinding, &mut self.rng);
                    self.state = State::Running(protocol);
                    Step::Worked
                }
            },
            State::Running(protocol) => protocol.advance(room)?,
            State::Done { .. } => return Ok(Action::Done),
        };
        Ok(match step {
            Step::Send(frame) => Action::Send(frame.encode()),
            Step::Worked => Action::Worked,
            Step::Wait => Action::Wait,
            Step::Done(answer) => {
                self.state = State::Done { answer, at: Instant::now() };
                Action::Done
            }
        })
    }

    /// How far it is.
    pub fn progress(&self) -> Progress {
        match &self.state {
            State::Running(protocol) => protocol.progress(),
            State::Greeting(_) => Progress { phase: Phase::Handshake, done: 0, total: 1 },
            State::Done { .. } => Progress { phase: Phase::Compare, done: 1, total: 1 },
        }
    }

    /// What was agreed on, once it is.
    pub fn terms(&self) -> Option<&Terms> {
        self.terms.as_ref()
    }

    /// Counts time that the driver spent waiting for the peer or the network.
    pub fn waited(&mut self, time: Duration) {
        *self.phases.entry(Phase::Wait).or_default() += time;
    }

    /// Bytes that arrived and were not looked at yet.
    pub fn unread(&self) -> usize {
        self.decoder.held()
    }

    /// The peer closed its end, all its bytes were received and, unless the list is still being
    /// blinded, [`advance`](Self::advance) waits for more. Fine where everything that is due to this
    /// side has arrived.
    ///
    /// # Errors
    /// [`PeerFault::HungUp`] otherwise, or what the peer said before it left.
    pub fn hung_up(&mut self) -> Result<()> {
        let phase = self.progress().phase.name();
        while let Some(frame) = self.decoder.next_frame()? {
            match frame {
                Frame::Abort(reason) => return Err(PeerFault::Aborted(reason).into()),
                Frame::Refused(spent) => return Err(Error::Refused(spent)),
                _ => {}
            }
        }
        if let State::Running(protocol) = &mut self.state {
            let answer = protocol.settle().ok_or(PeerFault::HungUp(phase))?;
            self.state = State::Done { answer, at: Instant::now() };
        }
        match self.state {
            State::Done { .. } => Ok(()),
            _ => Err(PeerFault::HungUp(phase).into()),
        }
    }

    /// The frame that tells a peer why the session ends.
    ///
    /// Says what was wrong with the peer's messages or terms, or which rule of this side ended it, and
    /// nothing about this side's files or system.
    pub fn abort(error: &Error) -> Option<Vec<u8>> {
        let reason = match error {
            Error::Peer(PeerFault::Aborted(_) | PeerFault::HungUp(_)) | Error::Refused(_) => {
                return None;
            }
            // Whether a total can be depends on who matches.
            Error::Peer(PeerFault::BadTotal { .. }) => return None,
            Error::BudgetSpent(spent) => return Some(Frame::Refused(*spent).encode()),
            Error::Peer(fault) => fault.to_string(),
            Error::Incompatible { field, ours, theirs } => {
                format!("{field} differs: yours is {theirs}, mine is {ours}")
            }
            Error::Declined { told, .. } => told.clone(),
            Error::Interrupted => "interrupted".to_owned(),
            _ => "internal error".to_owned(),
        };
        let reason: String = reason.chars().filter(char::is_ascii).take(MAX_ABORT).collect();
        Some(Frame::Abort(reason).encode())
    }

    /// What the session yielded.
    ///
    /// # Errors
    /// [`PeerFault::BadTotal`] where the total of a sum is none that can be; [`Error::Misuse`] unless the session is
    /// complete.
    pub fn outcome(self) -> Result<Outcome> {
        let incomplete = || Error::Misuse("the session is not complete".to_owned());
        let State::Done { answer, at } = self.state else { return Err(incomplete()) };
        if let Some(most) = answer.bad_total {
            return Err(PeerFault::BadTotal { most }.into());
        }
        let (bytes, phases, completed) = (self.bytes, self.phases, at);
        let terms = self.terms.ok_or_else(incomplete)?;
        Ok(Outcome { answer, terms, bytes, phases, completed })
    }
}
