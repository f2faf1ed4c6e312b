//! The one loop that drives a session, whatever the protocol and the transport.

use std::io::{self, ErrorKind, Read, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Select, Sender, TrySendError, bounded};

use super::{Link, Timing};
use crate::error::{Error, PeerFault, Result};
use crate::protocol::Progress;
use crate::session::{Action, Outcome, Session};
use crate::wire::Frame;

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
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| write_behind(writer, frames, timing.keep_alive));
        scope.spawn(|| read_ahead(reader, to_session, &over));
        let mut wheel = Wheel::new(&to_writer, &pieces, timing, stop);
        let end = wheel.turn(&mut session, observer);
        if let Some(abort) = end.as_ref().err().and_then(Session::abort) {
            let _ = to_writer.send_timeout(abort, GRACE); // the peer may be gone: its loss
        }
        drop(to_writer);
        hear_out(&pieces, end.is_ok());
        over.store(true, Ordering::Relaxed);
        drop(pieces);
        end
    })?;
    Ok(session.outcome().expect("a session that is done has an outcome"))
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

/// Writes frames as they come, and a keep-alive where none comes for long.
fn write_behind(mut writer: Box<dyn Write + Send>, frames: Receiver<Vec<u8>>, pause: Duration) {
    let keep_alive = Frame::KeepAlive.encode();
    loop {
        let frame = match frames.recv_timeout(pause) {
            Ok(frame) => frame,
            Err(e) if e.is_timeout() => keep_alive.clone(),
            Err(_) => return,
        };
        // A failure shows as a closed channel; the reader then finds out why.
        if writer.write_all(&frame).and_then(|()| writer.flush()).is_err() {
            return;
        }
    }
}

/// Reads until the end, an error, or nobody listens.
fn read_ahead(mut reader: Box<dyn Read + Send>, pieces: Sender<Piece>, over: &AtomicBool) {
    let mut buffer = vec![0; PIECE];
    while !over.load(Ordering::Relaxed) {
        let piece = match reader.read(&mut buffer) {
            Ok(0) => Err(ErrorKind::UnexpectedEof.into()),
            Ok(length) => Ok(buffer[..length].to_vec()),
            Err(e) => match e.kind() {
                ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted => continue,
                _ => Err(e),
            },
        };
        let ended = piece.is_err();
        if pieces.send(piece).is_err() || ended {
            return;
        }
    }
}

/// After an error: reads on for a moment, so that the peer can read our last word before the link
/// closes under it. (A socket that is closed with unread bytes resets the connection.)
fn hear_out(pieces: &Receiver<Piece>, ended_well: bool) {
    let deadline = Instant::now() + GRACE;
    while !ended_well && matches!(pieces.recv_deadline(deadline), Ok(Ok(_))) {}
}

/// The loop's state.
struct Wheel<'a> {
    to_writer: &'a Sender<Vec<u8>>,
    pieces: &'a Receiver<Piece>,
    timing: Timing,
    stop: &'a AtomicBool,
    started: Instant,
    /// When the peer last sent something or took something.
    stirred: Instant,
    /// A frame that the writer had no room for.
    held: Option<Vec<u8>>,
    /// The writer gave up.
    writer_gone: bool,
}

impl<'a> Wheel<'a> {
    fn new(
        to_writer: &'a Sender<Vec<u8>>,
        pieces: &'a Receiver<Piece>,
        timing: Timing,
        stop: &'a AtomicBool,
    ) -> Self {
        let now = Instant::now();
        let (held, writer_gone) = (None, false);
        Wheel { to_writer, pieces, timing, stop, started: now, stirred: now, held, writer_gone }
    }

    fn turn(&mut self, session: &mut Session, observer: &mut dyn Observer) -> Result<()> {
        loop {
            if self.stop.load(Ordering::Relaxed) {
                return Err(Error::Interrupted);
            }
            self.offer();
            match session.advance(self.held.is_none() && !self.writer_gone)? {
                Action::Done => return self.flush(),
                Action::Send(frame) => self.held = Some(frame),
                Action::Worked => {
                    observer.progress(session.progress());
                    self.stirred = Instant::now(); // it was we who kept the peer waiting
                }
                Action::Wait => {
                    let since = Instant::now();
                    let waited = self.wait(session);
                    session.waited(since.elapsed());
                    waited?;
                }
            }
            if self.started.elapsed() > self.timing.total {
                return Err(self.stalled(session, self.timing.total));
            }
        }
    }

    /// Hands the held frame to the writer, if that has room.
    fn offer(&mut self) {
        let Some(frame) = self.held.take() else { return };
        match self.to_writer.try_send(frame) {
            Ok(()) => self.stirred = Instant::now(),
            Err(TrySendError::Full(frame)) => self.held = Some(frame),
            Err(TrySendError::Disconnected(_)) => self.writer_gone = true,
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
        let Ok(ready) = select.ready_timeout(LOOK_UP) else {
            let silent = self.stirred.elapsed() > self.timing.idle;
            return if silent { Err(self.stalled(session, self.timing.idle)) } else { Ok(()) };
        };
        if ready != arrival {
            return Ok(()); // `offer` comes next
        }
        match self.pieces.try_recv() {
            Ok(Ok(bytes)) => {
                session.receive(&bytes);
                self.stirred = Instant::now();
                Ok(())
            }
            Ok(Err(_)) => session.hung_up(),
            Err(_) => Ok(()),
        }
    }

    fn stalled(&self, session: &Session, limit: Duration) -> Error {
        let during = session.progress().phase.name();
        PeerFault::Stalled { during, seconds: limit.as_secs() }.into()
    }
}
