//! What carries a session's bytes, and the loop that drives a session over it.
//!
//! A [`Link`] is two ends of a byte stream, one to read and one to write. [`memory`] makes a pair of
//! links within a process; `tls` (a cargo feature) makes one to another machine, for sides that know
//! each other by their `identity`. [`drive`] runs a session over any link with three threads: one
//! reads ahead, one writes behind, and the caller's computes. So computing overlaps with sending and
//! receiving, and a slow peer holds up nothing but itself.

mod drive;
#[cfg(feature = "tls")]
pub mod identity;
pub mod memory;
#[cfg(feature = "tls")]
pub mod tls;

use std::io::{self, ErrorKind, Read, Write};
use std::time::Duration;

pub use drive::{Observer, drive, or_decline};

/// Two ends of a byte stream to a peer.
///
/// Both may answer [`WouldBlock`](std::io::ErrorKind::WouldBlock) or
/// [`TimedOut`](std::io::ErrorKind::TimedOut) now and then, and should within a fraction of a
/// second, so that the driver can look whether it is still wanted; it then calls again, a writer
/// with the bytes that were not taken. Dropping the writer tells the
/// peer that nothing more comes.
pub struct Link {
    /// Where the peer's bytes arrive.
    pub reader: Box<dyn Read + Send>,
    /// Where ours go.
    pub writer: Box<dyn Write + Send>,
}

/// Whether an error only asks to be called again.
pub(crate) fn asks_for_patience(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted)
}

/// How long a session may take.
#[derive(Clone, Copy, Debug)]
pub struct Timing {
    /// Longest silence of the peer, keep-alives counted as sound, and longest time that it takes
    /// nothing off our hands.
    pub idle: Duration,
    /// Longest session.
    pub total: Duration,
    /// After this much silence of ours, a keep-alive goes out.
    pub keep_alive: Duration,
}

impl Timing {
    /// No limits: for two sides within one process.
    pub fn unlimited() -> Timing {
        Timing { idle: Duration::MAX, total: Duration::MAX, keep_alive: Duration::from_secs(5) }
    }
}

impl Default for Timing {
    /// 30 s of silence, one hour in all, a keep-alive every 5 s.
    fn default() -> Self {
        Timing {
            idle: Duration::from_secs(30),
            total: Duration::from_secs(3600),
            keep_alive: Duration::from_secs(5),
        }
    }
}
