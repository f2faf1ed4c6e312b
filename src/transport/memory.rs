//! Links within one process.

use std::io::{self, ErrorKind, Read, Write};
use std::time::Duration;

use crossbeam_channel::{Receiver, RecvTimeoutError, SendTimeoutError, Sender, bounded};

use super::Link;

/// Two links, each the other's peer.
pub fn pair() -> [Link; 2] {
    let (to_second, at_second) = bounded(PIECES);
    let (to_first, at_first) = bounded(PIECES);
    let link = |to, at| Link {
        reader: Box::new(PipeReader { at, piece: Vec::new(), taken: 0 }),
        writer: Box::new(PipeWriter { to }),
    };
    [link(to_second, at_first), link(to_first, at_second)]
}

/// Pieces in flight one way: with the largest frame, two MiB.
const PIECES: usize = 4;

/// How long either end waits before it lets its caller look up.
const LOOK_UP: Duration = Duration::from_millis(100);

struct PipeReader {
    at: Receiver<Vec<u8>>,
    piece: Vec<u8>,
    taken: usize,
}

impl Read for PipeReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.taken == self.piece.len() {
            self.piece = match self.at.recv_timeout(LOOK_UP) {
                Ok(piece) => piece,
                Err(RecvTimeoutError::Timeout) => return Err(ErrorKind::TimedOut.into()),
                Err(RecvTimeoutError::Disconnected) => return Ok(0),
            };
            self.taken = 0;
        }
        let read = (&self.piece[self.taken..]).read(buffer)?;
        self.taken += read;
        Ok(read)
    }
}

struct PipeWriter {
    to: Sender<Vec<u8>>,
}

impl Write for PipeWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if bytes.is_empty() {
            return Ok(0); // an empty piece would read as the end
        }
        match self.to.send_timeout(bytes.to_vec(), LOOK_UP) {
            Ok(()) => Ok(bytes.len()),
            Err(SendTimeoutError::Timeout(_)) => Err(ErrorKind::TimedOut.into()),
            Err(SendTimeoutError::Disconnected(_)) => Err(ErrorKind::BrokenPipe.into()),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
