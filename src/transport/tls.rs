//! Links to another machine: TLS 1.3 between two sides that have pinned each other's keys.
//!
//! There are no certificates. Each side shows a raw public key (RFC 7250) and proves that it holds
//! the private half; the other accepts it if it is one of those that it [trusts](Trust), and
//! otherwise ends the handshake. Only TLS 1.3 is spoken, with the protocol name `blindmatch/1`
//! (ALPN), without resumption, tickets or early data. So nothing of a list, nor of the
//! [`Hello`](crate::wire::Hello), is sent to a stranger or can be read on the way.
//!
//! ```text
//! client                                    server
//!   ClientHello           ---------------->
//!                         <----------------   ServerHello .. its key, proof, Finished
//!   its key, proof, Finished ------------->
//!                         <----------------   one byte: welcome, busy, or closing
//!                   frames of the session, both ways
//! ```
//!
//! The byte is the first application data. It is there because a TLS 1.3 client finishes its
//! handshake before the server has seen its key: with it, [`Endpoint::connect`] returns a link that
//! the server accepted, or an error that says why it did not.
//!
//! [`Secured::binding`] comes out of the TLS exporter (RFC 8446 section 7.5); a session that hashes
//! it into its identifier cannot be spliced into another channel.
//!
//! What an observer still sees: addresses, sizes and timing.

mod handshake;
mod link;
mod verify;

use std::fmt;
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, Connection, ServerConfig, ServerConnection};

use super::Link;
use super::identity::{Identity, PublicIdentity, Trust};
use crate::error::{ChannelFault, Error, Result};

pub(crate) use handshake::{Arrival, Word};

use handshake::Handshake;

/// A link to a peer that proved who it is.
pub struct Secured {
    /// Carries the session's bytes.
    pub link: Link,
    /// Ties a session to this channel; the same 32 bytes on both sides. Goes to
    /// [`Settings::channel_binding`](crate::session::Settings::channel_binding).
    pub binding: Vec<u8>,
    /// The peer's key, with the comment that it has in our [`Trust`].
    pub peer: PublicIdentity,
    /// Where the peer is.
    pub address: SocketAddr,
}

impl fmt::Debug for Secured {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Secured")
            .field("peer", &self.peer)
            .field("address", &self.address)
            .finish_non_exhaustive()
    }
}

/// How long setting up a channel may take. What follows is limited by
/// [`Timing`](super::Timing).
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// From the first packet to a secured link, however the peer deals out its bytes.
    pub handshake: Duration,
}

impl Default for Limits {
    /// 10 s.
    fn default() -> Self {
        Limits { handshake: Duration::from_secs(10) }
    }
}

/// One side's keys, ready to connect and to accept.
#[derive(Clone)]
pub struct Endpoint {
    client: Arc<ClientConfig>,
    server: Arc<ServerConfig>,
    ours: PublicIdentity,
    trust: Trust,
    limits: Limits,
}

impl Endpoint {
    /// With a private key, and the keys of the peers that are accepted.
    ///
    /// # Errors
    /// [`Error::Misuse`] where the TLS library refuses the key, which it should not.
    pub fn new(identity: &Identity, trust: &Trust, limits: Limits) -> Result<Endpoint> {
        let (client, server) = verify::configs(identity, trust)
            .map_err(|e| Error::Misuse(format!("setting up TLS: {e}")))?;
        let (ours, trust) = (identity.public().clone(), trust.clone());
        Ok(Endpoint { client: Arc::new(client), server: Arc::new(server), ours, trust, limits })
    }

    /// Connects to `HOST:PORT`, trying each address that the name has.
    ///
    /// Blocks for at most [`Limits::handshake`] and the time that the system's resolver takes.
    /// `stop` ends it earlier once a connection stands.
    ///
    /// # Errors
    /// [`Error::Io`] where nobody answers, [`Error::Channel`] where the two do not accept each
    /// other, [`Error::Interrupted`] after `stop`.
    pub fn connect(&self, address: &str, stop: &AtomicBool) -> Result<Secured> {
        let deadline = Instant::now() + self.limits.handshake;
        let socket = dial(address, deadline)?;
        let name = ServerName::try_from(NAME).expect("a name that we chose");
        let tls = ClientConnection::new(Arc::clone(&self.client), name).map_err(internal)?;
        self.shake_hands(socket, tls.into(), deadline, stop)?.hear_word()
    }

    /// Takes a connection that a listener accepted. Blocks for at most [`Limits::handshake`]; `stop`
    /// ends it earlier.
    ///
    /// # Errors
    /// [`Error::Channel`] where the two do not accept each other, [`Error::Io`] where the network
    /// fails, [`Error::Interrupted`] after `stop`.
    pub fn accept(&self, socket: TcpStream, stop: &AtomicBool) -> Result<Secured> {
        self.greet(socket, stop)?.admit()
    }

    /// The handshake of [`accept`](Self::accept), up to the word that the client waits for.
    pub(crate) fn greet<'a>(&self, socket: TcpStream, stop: &'a AtomicBool) -> Result<Arrival<'a>> {
        let deadline = Instant::now() + self.limits.handshake;
        let tls = ServerConnection::new(Arc::clone(&self.server)).map_err(internal)?;
        self.shake_hands(socket, tls.into(), deadline, stop)
    }

    fn shake_hands<'a>(
        &self,
        socket: TcpStream,
        tls: Connection,
        deadline: Instant,
        stop: &'a AtomicBool,
    ) -> Result<Arrival<'a>> {
        let shake = Handshake::new(socket, tls, self.limits, deadline, stop, self.ours.clone())?;
        shake.finish(&self.trust)
    }

    /// Our own key.
    pub fn ours(&self) -> &PublicIdentity {
        &self.ours
    }

    /// How long setting up a channel may take.
    pub fn limits(&self) -> Limits {
        self.limits
    }
}

/// The name that stands where TLS wants one. It is not sent: keys say who a peer is.
const NAME: &str = "blindmatch.invalid";

/// The longest time until a blocked call looks whether it is still wanted.
const LOOK_UP: Duration = Duration::from_millis(100);

/// How long a side that leaves waits for the other to leave as well.
const LEAVING: Duration = Duration::from_secs(1);

/// Most addresses of one name that are tried.
const MAX_ADDRESSES: usize = 16;

/// A TCP connection to the first address that answers; each gets its share of the time.
fn dial(address: &str, deadline: Instant) -> Result<TcpStream> {
    let context = format!("connecting to {address}");
    let addresses = address.to_socket_addrs().map_err(Error::io(context.clone()))?;
    let addresses: Vec<SocketAddr> = addresses.take(MAX_ADDRESSES).collect();
    let mut failure = std::io::Error::other("the name has no address");
    for (address, untried) in addresses.iter().zip((1..=addresses.len() as u32).rev()) {
        let share = deadline.saturating_duration_since(Instant::now()) / untried;
        match TcpStream::connect_timeout(address, share.max(Duration::from_millis(1))) {
            Ok(socket) => return Ok(socket),
            Err(e) => failure = e,
        }
    }
    Err(Error::io(context)(failure))
}

fn internal(error: rustls::Error) -> Error {
    ChannelFault::NotBlindmatch(error.to_string()).into()
}
