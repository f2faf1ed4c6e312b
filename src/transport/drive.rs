//! The one loop that drives a session, whatever the protocol and the transport.

use std::io::{self, ErrorKind, Read, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Select, Sender, TryRecvError, TrySendError, bounded};

use super::{Link, Timing, asks_for_patience};
use crate::error::{Error, PeerFault, Result};
use crate::protocol::{Phase, Progress};
use crate::session::{Action, Outcome, Session};
use crate::wire::{Frame, MAX_FRAME};

/// Told how far a session is; called from the thread that computes, several times a second.
pub trait Observer {
    /// The session has come this far.
    fn progress(&mut self, progress: Progress);
}

/// Tells nobody.
impl Observer for () {
    fn progress(&mut self, _: Progress) {}
}

/// Runs a session over a link to its end.
///
/// `stop` ends it from outside, within about a second. On an error the peer is told why, as far as
/// that is its business, before the link closes.
///
/// # Errors
/// What the session found ([`Error::Peer`], [`Error::Incompatible`]), a peer that is silent for
/// too long or hangs up, or [`Error::Interrupted`].
pub fn drive(
    mut session: Session,
    link: Link,
    timing: Timing,
    stop: &AtomicBool,
    observer: &mut dyn Observer,
) -> Result<Outcome> {
    let Link { reader, writer } = link;
    let (to_writer, frames) = bounded::<Vec<u8>>(FRAMES_AHEAD);
    let (to_session, pieces) = bounded::<Piece>(PIECES_AHEAD);
    let (writing, written) = bounded::<()>(0); // closed once the writer is through
    let (stuck, over) = (Stuck::default(), AtomicBool::new(false));
    thread::scope(|scope| {
        scope.spawn(|| {
            let _through = writing;
            Writer { to: writer, stuck: &stuck, over: &over }.run(frames, timing.keep_alive);
        });
        scope.spawn(|| read_ahead(reader, to_session, &over));
        let mut wheel = Wheel::new(&to_writer, &pieces, &stuck, timing, stop);
        let end = wheel.turn(&mut session, observer);
        if let Some(abort) = end.as_ref().err().and_then(Session::abort) {
            let patience = GRACE.saturating_sub(stuck.lasts());
            let _ = to_writer.send_timeout(abort, patience); // the peer may be gone: its loss
        }
        drop(to_writer);
        if end.is_ok() {
            let _ = written.recv_timeout(timing.idle); // our last frame; our answer stands
        } else {
            hear_out(&pieces);
        }
        over.store(true, Ordering::Relaxed);
        drop(pieces);
        end
    })?;
    session.outcome()
}

/// What a session begins with, and the link that it goes on over. In place of an error, the link ends: the
/// peer is told why, as far as it may know, and heard out for a moment, since an answer to bytes that nobody
/// reads can take the word with it.
///
/// # Errors
/// That of `begun`.
pub fn or_decline<T>(begun: Result<T>, link: Link) -> Result<(T, Link)> {
    match begun {
        Ok(begun) => Ok((begun, link)),
        Err(error) => {
            decline(link, &error);
            Err(error)
        }
    }
}

fn decline(link: Link, error: &Error) {
    let Link { mut reader, mut writer } = link;
    let Some(abort) = Session::abort(error) else { return };
    let told = writer.write_all(&abort).and_then(|()| writer.flush());
    drop(writer);
    let (until, mut piece) = (Instant::now() + GRACE, [0; 4096]);
    while told.is_ok() && Instant::now() < until {
        match reader.read(&mut piece) {
            Ok(0) => return,
            Ok(_) => {}
            Err(e) if asks_for_patience(&e) => {}
            Err(_) => return,
        }
    }
}

/// Frames that wait for the writer.
const FRAMES_AHEAD: usize = 4;

/// Pieces that wait for the session.
const PIECES_AHEAD: usize = 8;

/// Bytes read at once.
const PIECE: usize = 256 * 1024;

/// How long to wait for a peer that is leaving.
const GRACE: Duration = Duration::from_secs(2);

/// The longest nap before the loop looks whether it is still wanted.
const LOOK_UP: Duration = Duration::from_millis(200);

/// What the reader thread found: bytes, or the end with its reason.
type Piece = io::Result<Vec<u8>>;

/// Since when the link has not taken the bytes that it is given; `None` where it has.
#[derive(Default)]
struct Stuck(Mutex<Option<Instant>>);

impl Stuck {
    fn set(&self, since: Option<Instant>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = since;
    }

    fn lasts(&self) -> Duration {
        let since = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        since.map_or(Duration::ZERO, |since| since.elapsed())
    }
}

/// The thread that writes.
struct Writer<'a> {
    to: Box<dyn Write + Send>,
    stuck: &'a Stuck,
    over: &'a AtomicBool,
}

impl Writer<'_> {
    /// Writes frames as they come, and a keep-alive where none comes for long; the first word is
    /// never a keep-alive. A failure shows as a closed channel; the reader then finds out why.
    fn run(mut self, frames: Receiver<Vec<u8>>, pause: Duration) {
        let keep_alive = Frame::KeepAlive.encode();
        let mut next = frames.recv().ok();
        while let Some(frame) = next {
            if self.write(&frame).is_err() {
                return;
            }
            next = match frames.recv_timeout(pause) {
                Err(e) if e.is_timeout() => Some(keep_alive.clone()),
                frame => frame.ok(),
            };
        }
    }

    /// Writes and flushes, however often the link asks for patience, until the session is over.
    fn write(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        self.stuck.set(Some(Instant::now()));
        loop {
            let written = match bytes {
                [] => self.to.flush().map(|()| None),
                bytes => self.to.write(bytes).map(Some),
            };
            match written {
                Ok(None) => break,
                Ok(Some(0)) => return Err(ErrorKind::WriteZero.into()),
                Ok(Some(length)) => {
                    bytes = &bytes[length..];
                    self.stuck.set(Some(Instant::now()));
                }
                Err(e) if asks_for_patience(&e) && !self.over.load(Ordering::Relaxed) => {}
                Err(e) => return Err(e),
            }
        }
        self.stuck.set(None);
        Ok(())
    }
}

/// Reads until the end, an error, or nobody listens.
fn read_ahead(mut reader: Box<dyn Read + Send>, pieces: Sender<Piece>, over: &AtomicBool) {
    let mut buffer = vec![0; PIECE];
    while !over.load(Ordering::Relaxed) {
        let piece = match reader.read(&mut buffer) {
            Ok(0) => Err(ErrorKind::UnexpectedEof.into()),
            Ok(length) => Ok(buffer[..length].to_vec()),
            Err(e) if asks_for_patience(&e) => continue,
            Err(e) => Err(e),
        };
        let ended = piece.is_err();
        if pieces.send(piece).is_err() || ended {
            return;
        }
    }
}

/// After an error: reads on for a moment, so that the peer can read our last word before the link
/// closes under it. (A socket that is closed with unread bytes resets the connection.)
fn hear_out(pieces: &Receiver<Piece>) {
    let deadline = Instant::now() + GRACE;
    while Instant::now() < deadline && matches!(pieces.recv_deadline(deadline), Ok(Ok(_))) {}
}

/// The loop's state.
struct Wheel<'a> {
    to_writer: &'a Sender<Vec<u8>>,
    pieces: &'a Receiver<Piece>,
    stuck: &'a Stuck,
    timing: Timing,
    stop: &'a AtomicBool,
    started: Instant,
    /// When the peer last sent something, or we last kept it waiting.
    heard: Instant,
    /// A frame that the writer had no room for.
    held: Option<Vec<u8>>,
    /// When the writer gave up.
    writer_gone: Option<Instant>,
}

impl<'a> Wheel<'a> {
    fn new(
        to_writer: &'a Sender<Vec<u8>>,
        pieces: &'a Receiver<Piece>,
        stuck: &'a Stuck,
        timing: Timing,
        stop: &'a AtomicBool,
    ) -> Self {
        let (started, heard) = (Instant::now(), Instant::now());
        let (held, writer_gone) = (None, None);
        Wheel { to_writer, pieces, stuck, timing, stop, started, heard, held, writer_gone }
    }

    fn turn(&mut self, session: &mut Session, observer: &mut dyn Observer) -> Result<()> {
        loop {
            if self.stop.load(Ordering::Relaxed) {
                return Err(Error::Interrupted);
            }
            self.offer();
            match session.advance(self.held.is_none() && self.writer_gone.is_none())? {
                Action::Done => return self.flush(),
                Action::Send(frame) => {
                    self.held = Some(frame);
                    self.heard = Instant::now(); // it was we who kept the peer waiting
                }
                Action::Worked => {
                    observer.progress(session.progress());
                    self.heard = Instant::now();
                    self.glance(session)?;
                }
                Action::Wait => {
                    let since = Instant::now();
                    let waited = self.wait(session);
                    session.waited(since.elapsed());
                    waited?;
                }
            }
            self.look_at_the_clock(session)?;
        }
    }

    /// Hands the held frame to the writer, if that has room.
    fn offer(&mut self) {
        let Some(frame) = self.held.take() else { return };
        match self.to_writer.try_send(frame) {
            Ok(()) => {}
            Err(TrySendError::Full(frame)) => self.held = Some(frame),
            Err(TrySendError::Disconnected(_)) => self.writer_gone = Some(Instant::now()),
        }
    }

    /// Hands over the last frame, waiting for room.
    fn flush(&mut self) -> Result<()> {
        if let Some(frame) = self.held.take() {
            let _ = self.to_writer.send_timeout(frame, self.timing.idle); // our answer stands
        }
        Ok(())
    }

    /// Waits until bytes arrive, or until there is room for the held frame.
    fn wait(&mut self, session: &mut Session) -> Result<()> {
        let mut select = Select::new();
        let arrival = select.recv(self.pieces);
        if self.held.is_some() {
            select.send(self.to_writer);
        }
        match select.ready_timeout(LOOK_UP) {
            Ok(ready) if ready == arrival => self.take_piece(session),
            _ => Ok(()), // `offer` comes next
        }
    }

    /// While we blind our list, which may take an hour, looks whether the peer is still there. What
    /// it sends meanwhile is its commitment and keep-alives; more than that may wait.
    fn glance(&mut self, session: &mut Session) -> Result<()> {
        let blinding = session.progress().phase == Phase::Blind;
        if blinding && session.unread() < MAX_FRAME { self.take_piece(session) } else { Ok(()) }
    }

    /// Hands over what arrived, if anything did.
    fn take_piece(&mut self, session: &mut Session) -> Result<()> {
        match self.pieces.try_recv() {
            Ok(Ok(bytes)) => {
                session.receive(&bytes);
                self.heard = Instant::now();
                Ok(())
            }
            Ok(Err(_)) | Err(TryRecvError::Disconnected) => session.hung_up(),
            Err(TryRecvError::Empty) => Ok(()),
        }
    }

    /// Whether the peer, or the session as a whole, has had enough time.
    fn look_at_the_clock(&self, session: &mut Session) -> Result<()> {
        let Timing { idle, total, .. } = self.timing;
        let during = session.progress().phase.name();
        let fault = if self.started.elapsed() > total {
            PeerFault::OutOfTime { during, seconds: total.as_secs() }
        } else if self.heard.elapsed().max(self.stuck.lasts()) > idle {
            PeerFault::Stalled { during, seconds: idle.as_secs() }
        } else if self.writer_gone.is_some_and(|since| since.elapsed() > GRACE) {
            PeerFault::HungUp(during) // it listens no longer, though the reader saw no end
        } else {
            return Ok(());
        };
        // Where only its last word is missing, our answer stands.
        session.hung_up().map_err(|error| match error {
            Error::Peer(PeerFault::HungUp(_)) => fault.into(),
            other => other,
        })
    }
}
