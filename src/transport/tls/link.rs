//! The two ends of a link over one TLS connection.
//!
//! Reader and writer live in different threads and share the connection's keys behind a lock. The
//! lock is held while bytes are encrypted or decrypted, never while a socket blocks: two peers that
//! both write as much as they can would otherwise wait for each other for ever.
//!
//! Only the writer sends. What the reader's side owes the peer waits for it: a key update is due no
//! sooner than our next record (RFC 8446 section 4.6.3), and TLS puts it in front of that. The one
//! exception is the alert after a broken record, which the reader sends if the writer is at rest.
//!
//! Neither end blocks for longer than a look-up interval, so patience is the caller's decision: a
//! reader without bytes and a writer whose peer takes nothing say so, and go on where they were.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown as Half, TcpStream};
use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use rustls::Connection;

use super::handshake::leave;
use super::{LEAVING, LOOK_UP, Link};
use crate::transport::asks_for_patience;

/// Most bytes that are encrypted at a time.
const WRITE: usize = 128 * 1024;

/// Most bytes that are taken from the socket at a time.
const READ: usize = 256 * 1024;

/// Splits an established connection, whose socket's timeouts are [`LOOK_UP`].
pub(super) fn split(socket: TcpStream, mut tls: Connection) -> Link {
    tls.set_buffer_limit(None); // `WRITE` is the limit
    let channel = Arc::new(Channel {
        socket,
        tls: Mutex::new(tls),
        outgoing: Mutex::default(),
        peer_left: AtomicBool::new(false),
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
    /// The peer closed its direction, or the connection broke.
    peer_left: AtomicBool,
}

/// Records on their way to the socket.
#[derive(Default)]
struct Outgoing {
    records: Vec<u8>,
    /// How much of `records` the socket has taken.
    sent: usize,
}

impl Channel {
    /// Encrypts what `fill` puts in, behind whatever is still to be sent.
    fn encrypt(
        &self,
        outgoing: &mut Outgoing,
        fill: impl FnOnce(&mut Connection) -> io::Result<()>,
    ) -> io::Result<()> {
        let mut tls = lock(&self.tls);
        fill(&mut tls)?;
        outgoing.records.drain(..outgoing.sent);
        outgoing.sent = 0;
        take_records(&mut tls, &mut outgoing.records);
        Ok(())
    }

    /// Gives the socket what it takes; an error that asks for patience where that is not all.
    fn push(&self, outgoing: &mut Outgoing) -> io::Result<()> {
        let deadline = Instant::now() + LOOK_UP;
        while outgoing.sent < outgoing.records.len() {
            match (&self.socket).write(&outgoing.records[outgoing.sent..])? {
                0 => return Err(ErrorKind::WriteZero.into()),
                written => outgoing.sent += written,
            }
            if outgoing.sent < outgoing.records.len() && Instant::now() > deadline {
                return Err(ErrorKind::TimedOut.into()); // it takes little
            }
        }
        Ok(())
    }

    /// Says that this is the end, if the peer takes it soon: nobody waits for it any more.
    fn close(&self) {
        let (mut outgoing, deadline) = (lock(&self.outgoing), Instant::now() + LEAVING);
        let said = self.encrypt(&mut outgoing, |tls| {
            tls.send_close_notify();
            Ok(())
        });
        let mut pushed = said.and_then(|()| self.push(&mut outgoing));
        while pushed.as_ref().is_err_and(asks_for_patience) && Instant::now() < deadline {
            pushed = self.push(&mut outgoing);
        }
        let _ = self.socket.shutdown(Half::Write); // fails where there is no peer any more
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
                Err(e) if !asks_for_patience(&e) => return Err(e),
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
            let taken = self.channel.encrypt(&mut outgoing, |_| Ok(()));
            let _ = taken.and_then(|()| self.channel.push(&mut outgoing)); // our own error matters
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
                Err(e) if asks_for_patience(&e) => return Err(e),
                Err(e) => {
                    self.ended();
                    return Err(e);
                }
            }
        }
    }
}

struct TlsWriter {
    channel: Arc<Channel>,
}

impl Write for TlsWriter {
    /// Takes bytes once the earlier ones are on their way.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let bytes = &bytes[..bytes.len().min(WRITE)];
        let mut outgoing = lock(&self.channel.outgoing);
        self.channel.push(&mut outgoing)?;
        self.channel.encrypt(&mut outgoing, |tls| tls.writer().write_all(bytes))?;
        match self.channel.push(&mut outgoing) {
            Err(e) if !asks_for_patience(&e) => Err(e),
            _ => Ok(bytes.len()), // what is left goes with the next call
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.channel.push(&mut lock(&self.channel.outgoing))
    }
}

impl Drop for TlsWriter {
    fn drop(&mut self) {
        self.channel.close();
    }
}

/// What a closed connection is called that TLS did not close.
const TRUNCATED: &str = "the connection was cut: it closed without TLS's word that this is the end";

/// A lock whose holders do not panic; if one did, the session is over anyway.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
