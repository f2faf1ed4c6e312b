//! Many sessions, one after another and several at a time, with peers whose keys are pinned.
//!
//! A [`Server`] accepts connections, shakes hands with each on a thread of its own, and hands those
//! whose key is trusted to a handler, which runs the session. What strangers can use up is kept
//! apart from what trusted peers need:
//!
//! - a handshake has a short deadline ([`Limits::handshake`](crate::transport::tls::Limits)), and
//!   there are [`Options::max_handshakes`] at once, fewer from one address. A connection beyond
//!   that is closed at once, before TLS.
//! - a session's place is taken only once the peer has proved who it is. With
//!   [`Options::max_sessions`] running, or [`Options::max_sessions_per_peer`] of its own, a trusted peer is told over its secure channel that the
//!   server is busy ([`ChannelFault::Busy`](crate::error::ChannelFault::Busy)), and tries again
//!   later. It is not kept waiting: a place may be taken for an hour.
//!
//! Logs (`tracing`) carry numbers, addresses, fingerprints and durations.
//!
//! ```no_run
//! use std::sync::atomic::AtomicBool;
//! use blindmatch::server::{Options, Server, Shutdown};
//! use blindmatch::transport::identity::{Identity, Trust};
//! use blindmatch::transport::tls::{Endpoint, Limits, Secured};
//!
//! let endpoint = Endpoint::new(
//!     &Identity::load("platform.key")?,
//!     &Trust::read(["advertiser.pub"])?,
//!     Limits::default(),
//! )?;
//! let server = Server::bind("0.0.0.0:7878", endpoint, Options::default())?;
//! let shutdown = Shutdown::new(); // a signal handler's thread calls `shutdown.request()`
//! server.run(&shutdown, |secured: Secured, stop: &AtomicBool, number: u64| {
//!     // make a session with `secured.binding`, and drive it over `secured.link` until `stop`
//!     # let _ = (secured, stop, number);
//!     Ok(())
//! })?;
//! # Ok::<(), blindmatch::Error>(())
//! ```

mod floor;
mod shutdown;

use std::io::ErrorKind;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::thread::{self, Scope};
use std::time::{Duration, Instant};

use tracing::{debug, error, info, warn};

use crate::error::{Error, Result};
use crate::transport::tls::{Endpoint, Secured};

use floor::{Floor, Handshaking, Place};

pub use floor::Served;
pub use shutdown::Shutdown;

/// What a server allows.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Options {
    /// Sessions at a time.
    pub max_sessions: usize,
    /// Sessions at a time with one peer, by its key: nobody takes all places.
    pub max_sessions_per_peer: usize,
    /// Stop after this many sessions have begun, and let them finish. `None`: go on.
    pub sessions: Option<u64>,
    /// Handshakes at a time.
    pub max_handshakes: usize,
    /// Handshakes at a time with one IPv4 address or one IPv6 network of 64 bits.
    pub max_handshakes_per_address: usize,
    /// After a first request to shut down, how long running sessions may go on.
    pub grace: Duration,
}

impl Default for Options {
    /// Four sessions at a time, two of one peer, and any number in all; 64 handshakes, 16 of one address; a minute
    /// of grace.
    fn default() -> Self {
        Options {
            max_sessions: 4,
            max_sessions_per_peer: 2,
            sessions: None,
            max_handshakes: 64,
            max_handshakes_per_address: 16,
            grace: Duration::from_secs(60),
        }
    }
}

/// A bound listener and what it allows.
pub struct Server {
    listener: TcpListener,
    address: SocketAddr,
    endpoint: Endpoint,
    options: Options,
}

impl Server {
    /// Binds `HOST:PORT`; port 0 takes a free one.
    ///
    /// # Errors
    /// [`Error::Io`] where the address cannot be bound, [`Error::Misuse`] for a limit of none.
    pub fn bind(address: &str, endpoint: Endpoint, options: Options) -> Result<Server> {
        let limits = [
            options.max_sessions,
            options.max_sessions_per_peer,
            options.max_handshakes,
            options.max_handshakes_per_address,
        ];
        if limits.contains(&0) {
            return Err(Error::Misuse("a server needs room for at least one session".into()));
        }
        let context = format!("listening on {address}");
        let listener = TcpListener::bind(address).map_err(Error::io(context.clone()))?;
        let address = listener.local_addr().map_err(Error::io(context))?;
        Ok(Server { listener, address, endpoint, options })
    }

    /// Where it listens.
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// Serves until told to shut down, or until [`Options::sessions`] have begun; returns once
    /// every session has ended.
    ///
    /// `handler` is called on a thread of its own for each peer that proved a trusted key, with the
    /// secured link, a flag that ends the session when it is set
    /// ([`drive`](crate::transport::drive) takes it), and the session's number, from 1. An error of
    /// the handler ends that session, is logged and counted; a panic as well.
    ///
    /// # Errors
    /// [`Error::Misuse`] for `sessions` of 0. Trouble with single connections is logged and does
    /// not end the server.
    pub fn run<H>(self, shutdown: &Shutdown, handler: H) -> Result<Served>
    where
        H: Fn(Secured, &AtomicBool, u64) -> Result<()> + Sync,
    {
        if self.options.sessions == Some(0) {
            return Err(Error::Misuse("a server of 0 sessions has nothing to do".into()));
        }
        let Server { listener, address, endpoint, options } = self;
        let floor = Arc::new(Floor::new(options, address));
        shutdown.watch(&floor);
        info!(%address, key = endpoint.ours().fingerprint(), "listening");
        let desk = Desk { floor: &floor, endpoint: &endpoint, handler: &handler };
        thread::scope(|scope| {
            desk.accept_all(scope, &listener);
            drop(listener); // whoever still knocks is refused by the system
            floor.drain(options.grace);
        });
        let served = floor.served();
        info!(begun = served.begun, failed = served.failed, "stopped");
        Ok(served)
    }
}

/// What every connection's thread needs.
struct Desk<'a, H> {
    floor: &'a Floor,
    endpoint: &'a Endpoint,
    handler: &'a H,
}

impl<H> Clone for Desk<'_, H> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<H> Copy for Desk<'_, H> {}

impl<'a, H> Desk<'a, H>
where
    H: Fn(Secured, &AtomicBool, u64) -> Result<()> + Sync,
{
    /// Gives each connection a thread, until the floor closes.
    fn accept_all<'scope>(self, scope: &'scope Scope<'scope, '_>, listener: &TcpListener)
    where
        'a: 'scope,
    {
        while !self.floor.is_closing() {
            let (socket, address) = match listener.accept() {
                Ok(accepted) => accepted,
                Err(e) => {
                    self.sit_out(&e);
                    continue;
                }
            };
            if self.floor.is_closing() {
                return; // that may have been the call that woke us
            }
            let Some(ticket) = self.floor.enter(address.ip()) else {
                debug!(%address, "closed: too many handshakes at once");
                continue;
            };
            let attend = move || self.attend(ticket, socket, address);
            if let Err(e) = thread::Builder::new().spawn_scoped(scope, attend) {
                warn!(%address, error = %e, "closed: no thread for it");
            }
        }
    }

    /// After a failure to accept: out of files or memory does not pass at once.
    fn sit_out(self, error: &std::io::Error) {
        if !matches!(error.kind(), ErrorKind::ConnectionAborted | ErrorKind::Interrupted) {
            warn!(%error, "cannot accept connections");
            self.floor.pause(RETRY);
        }
    }

    /// One connection, from its first byte to its last.
    fn attend(self, ticket: Handshaking<'a>, socket: TcpStream, address: SocketAddr) {
        let arrival = match self.endpoint.greet(socket, self.floor.closing()) {
            Ok(arrival) => arrival,
            Err(error) => return warn!(%address, %error, "refused"),
        };
        let peer = arrival.peer().fingerprint();
        match self.floor.begin(&peer) {
            Ok(place) => {
                drop(ticket); // its place is for the next stranger
                match arrival.admit() {
                    Ok(secured) => self.serve(&place, secured, &peer),
                    Err(error) => {
                        place.failed();
                        warn!(%address, peer, %error, "lost before the session began");
                    }
                }
            }
            Err(word) => {
                info!(%address, peer, ?word, "sent away");
                arrival.refuse(word);
            }
        }
    }

    /// One session.
    fn serve(self, place: &Place<'_>, secured: Secured, peer: &str) {
        let (session, address, started) = (place.number(), secured.address, Instant::now());
        info!(session, peer, %address, whose = secured.peer.comment(), "session begun");
        let run = AssertUnwindSafe(|| (self.handler)(secured, place.stop(), session));
        let end = catch_unwind(run);
        let seconds = started.elapsed().as_secs_f64();
        match end {
            Ok(Ok(())) => return info!(session, peer, seconds, "session complete"),
            Ok(Err(error)) => warn!(session, peer, seconds, %error, "session failed"),
            Err(_) => error!(session, peer, seconds, "session panicked: this is a bug"),
        }
        place.failed();
    }
}

/// How long to wait before accepting again after the system could not.
const RETRY: Duration = Duration::from_millis(200);
