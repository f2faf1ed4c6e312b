//! The two ends of a link over one TLS connection.
//!
//! Reader and writer live in different threads and share the connection's keys behind a lock. The
//! lock is held while bytes are encrypted or decrypted, never while a socket blocks: two peers that
//! both write as much as they can would otherwise wait for each other for ever.
//!
//! Only the writer sends. What the reader's side owes the peer waits for it: a key update is due no
//! sooner than our next record (RFC 8446 section 4.6.3), and TLS puts it in front of that. The one
//! exception is the alert after a broken record, which the reader sends if the writer is at rest.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use rustls::Connection;

use super::handshake::{is_pause, leave};
use super::{LEAVING, Link};

/// Most bytes that are encrypted at a time.
const WRITE: usize = 128 * 1024;

/// Most bytes that are taken from the socket at a time.
const READ: usize = 256 * 1024;

/// Splits an established connection. Both ends look up every [`LOOK_UP`](super::LOOK_UP), as the
/// socket's timeouts are set to.
pub(super) fn split(socket: TcpStream, mut tls: Connection, idle: Duration) -> Link {
    tls.set_buffer_limit(None); // `WRITE` is the limit
    let channel = Arc::new(Channel {
        socket,
        tls: Mutex::new(tls),
        outgoing: Mutex::default(),
        idle,
        peer_left: AtomicBool::new(false),
        reader_left: OnceLock::new(),
    });
    let reader = TlsReader {
        channel: Arc::clone(&channel),
        arrived: vec![0; READ].into_boxed_slice(),
        undone: 0..0,
    };
    Link { reader: Box::new(reader), writer: Box::new(TlsWriter { channel }) }
}

/// Moves the records that TLS wants sent.
pub(super) fn take_records(tls: &mut Connection, records: &mut Vec<u8>) {
    while tls.wants_write() {
        tls.write_tls(records).expect("a vector takes all bytes");
    }
}

/// What both ends share.
struct Channel {
    socket: TcpStream,
    /// Locked last, and for computing only.
    tls: Mutex<Connection>,
    /// Locked by whoever writes to the socket, for as long as that takes: records stay in order.
    outgoing: Mutex<Outgoing>,
    /// Longest time that the peer takes nothing.
    idle: Duration,
    /// The peer closed its direction, or the connection broke.
    peer_left: AtomicBool,
    /// Since when nobody reads here: the session is over, and the writer should come to an end.
    reader_left: OnceLock<Instant>,
}

/// Records on their way to the socket.
#[derive(Default)]
struct Outgoing {
    records: Vec<u8>,
    /// A record was cut off: nothing can follow it.
    broken: bool,
}

impl Channel {
    /// Encrypts what `fill` puts in, and sends it with whatever else TLS wants sent.
    fn send(
        &self,
        outgoing: &mut Outgoing,
        fill: impl FnOnce(&mut Connection) -> io::Result<()>,
    ) -> io::Result<()> {
        if outgoing.broken {
            return Err(ErrorKind::BrokenPipe.into());
        }
        let mut tls = lock(&self.tls);
        fill(&mut tls)?;
        outgoing.records.clear();
        take_records(&mut tls, &mut outgoing.records);
        drop(tls);
        self.write_all(&outgoing.records).inspect_err(|_| outgoing.broken = true)
    }

    fn write_all(&self, mut bytes: &[u8]) -> io::Result<()> {
        let mut moved = Instant::now();
        while !bytes.is_empty() {
            match (&self.socket).write(bytes) {
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                Ok(written) => {
                    bytes = &bytes[written..];
                    moved = Instant::now();
                }
                Err(e) if is_pause(&e) => {}
                Err(e) => return Err(e),
            }
            if !bytes.is_empty() && self.is_hopeless(moved.elapsed()) {
                return Err(ErrorKind::TimedOut.into());
            }
        }
        Ok(())
    }

    /// Whether a peer that has taken nothing for so long is given up.
    fn is_hopeless(&self, quiet: Duration) -> bool {
        match self.reader_left.get() {
            None => quiet > self.idle,
            Some(left) => quiet > LEAVING || left.elapsed() > self.idle,
        }
    }
}

impl Drop for Channel {
    fn drop(&mut self) {
        if !self.peer_left.load(Ordering::Relaxed) {
            leave(&self.socket);
        }
    }
}

struct TlsReader {
    channel: Arc<Channel>,
    arrived: Box<[u8]>,
    /// Which of the bytes that arrived TLS has not seen yet.
    undone: Range<usize>,
}

impl TlsReader {
    /// Decrypts into `out`; `None` where more has to arrive, 0 bytes where the peer closed.
    fn decrypt(&mut self, out: &mut [u8]) -> io::Result<Option<usize>> {
        let mut tls = lock(&self.channel.tls);
        let mut got = 0;
        while got < out.len() {
            match tls.reader().read(&mut out[got..]) {
                Ok(0) => break,
                Ok(read) => got += read,
                Err(e) if !is_pause(&e) => return Err(e),
                Err(_) if self.undone.is_empty() => return Ok((got > 0).then_some(got)),
                Err(_) => {
                    let taken = tls.read_tls(&mut &self.arrived[self.undone.clone()])?;
                    self.undone.start += taken;
                    tls.process_new_packets()
                        .map_err(|e| io::Error::new(ErrorKind::InvalidData, e))?;
                }
            }
        }
        Ok(Some(got))
    }

    /// After a broken record: tells the peer, unless the writer is busy, which then does.
    fn send_alert(&self) {
        if let Ok(mut outgoing) = self.channel.outgoing.try_lock() {
            let _ = self.channel.send(&mut outgoing, |_| Ok(())); // our own error is the one to tell
        }
    }

    fn ended(&self) {
        self.channel.peer_left.store(true, Ordering::Relaxed);
    }
}

impl Read for TlsReader {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if out.is_empty() {
            return Ok(0);
        }
        loop {
            match self.decrypt(out) {
                Ok(None) => {}
                Ok(Some(read)) => {
                    if read == 0 {
                        self.ended();
                    }
                    return Ok(read);
                }
                Err(error) => {
                    self.send_alert();
                    return Err(error);
                }
            }
            match (&self.channel.socket).read(&mut self.arrived) {
                Ok(0) => {
                    self.ended();
                    return Err(io::Error::new(ErrorKind::UnexpectedEof, TRUNCATED));
                }
                Ok(read) => self.undone = 0..read,
                Err(e) if is_pause(&e) => return Err(e),
                Err(e) => {
                    self.ended();
                    return Err(e);
                }
            }
        }
    }
}

impl Drop for TlsReader {
    fn drop(&mut self) {
        let _ = self.channel.reader_left.set(Instant::now()); // set once: there is one reader
    }
}

struct TlsWriter {
    channel: Arc<Channel>,
}

impl Write for TlsWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let bytes = &bytes[..bytes.len().min(WRITE)];
        let mut outgoing = lock(&self.channel.outgoing);
        self.channel.send(&mut outgoing, |tls| tls.writer().write_all(bytes))?;
        Ok(bytes.len())
    }

    /// There is nothing to flush: a write ends when the socket has taken all of it.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for TlsWriter {
    /// Says that this is the end (`close_notify`), so that the peer can tell it from a cut.
    fn drop(&mut self) {
        let mut outgoing = lock(&self.channel.outgoing);
        let _ = self.channel.send(&mut outgoing, |tls| {
            tls.send_close_notify();
            Ok(())
        }); // a peer that is gone does not need it
        let _ = self.channel.socket.shutdown(Shutdown::Write);
    }
}

/// What a closed connection is called that TLS did not close.
const TRUNCATED: &str = "the connection was cut: it closed without TLS's word that this is the end";

/// A lock whose holders do not panic; if one did, the session is over anyway.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
