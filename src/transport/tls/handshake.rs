//! The handshake, within one deadline however the peer deals out its bytes.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use rustls::{AlertDescription, CertificateError, Connection, Error as TlsError};

use super::verify::PROTOCOL;
use super::{LEAVING, LOOK_UP, Limits, Secured, link};
use crate::error::{ChannelFault, Error, Result, printable};
use crate::transport::asks_for_patience;
use crate::transport::identity::{PublicIdentity, Trust};

/// What a server says first to a client that it trusts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Word {
    /// The session can begin.
    Welcome,
    /// As many sessions are running as may.
    Busy,
    /// No new sessions are begun.
    Closing,
}

impl Word {
    fn byte(self) -> u8 {
        match self {
            Word::Welcome => 1,
            Word::Busy => 2,
            Word::Closing => 3,
        }
    }
}

/// A handshake that is going on.
pub(super) struct Handshake<'a> {
    socket: TcpStream,
    address: SocketAddr,
    tls: Connection,
    limits: Limits,
    deadline: Instant,
    stop: &'a AtomicBool,
    ours: PublicIdentity,
}

impl<'a> Handshake<'a> {
    pub(super) fn new(
        socket: TcpStream,
        tls: Connection,
        limits: Limits,
        deadline: Instant,
        stop: &'a AtomicBool,
        ours: PublicIdentity,
    ) -> Result<Handshake<'a>> {
        let prepare = |socket: &TcpStream| {
            socket.set_nonblocking(false)?;
            socket.set_nodelay(true)?;
            socket.set_read_timeout(Some(LOOK_UP))?;
            socket.set_write_timeout(Some(LOOK_UP))?;
            socket.peer_addr()
        };
        let address = prepare(&socket).map_err(Error::io("preparing a connection"))?;
        Ok(Handshake { socket, address, tls, limits, deadline, stop, ours })
    }

    /// Shakes hands. A failure is told to the peer (a TLS alert) before the connection closes.
    pub(super) fn finish(mut self, trust: &Trust) -> Result<Arrival<'a>> {
        match self.run().and_then(|()| self.identify(trust)) {
            Ok((peer, binding)) => Ok(Arrival { shake: self, peer, binding }),
            Err(error) => Err(self.give_up(error)),
        }
    }

    fn run(&mut self) -> Result<()> {
        loop {
            self.flush()?;
            if !self.tls.is_handshaking() {
                return Ok(());
            }
            self.pull()?;
        }
    }

    /// Who the peer is, and what ties a session to the channel.
    fn identify(&self, trust: &Trust) -> Result<(PublicIdentity, Vec<u8>)> {
        if self.tls.alpn_protocol() != Some(PROTOCOL) {
            let problem = "it does not speak blindmatch/1 (ALPN)".to_owned();
            return Err(ChannelFault::NotBlindmatch(problem).into());
        }
        let shown = self.tls.peer_certificates().and_then(|keys| keys.first());
        let peer = shown.and_then(|spki| PublicIdentity::from_spki(spki));
        let known = peer.as_ref().and_then(|key| trust.find(key)).cloned();
        let known = known.ok_or_else(|| ChannelFault::NotBlindmatch("it showed no key".into()))?;
        let binding = self.tls.export_keying_material(vec![0; 32], EXPORTER, None);
        Ok((known, binding.map_err(|e| self.fault(&e))?))
    }

    /// Takes what has arrived, waiting for it.
    fn pull(&mut self) -> Result<()> {
        loop {
            self.look_up()?;
            match self.tls.read_tls(&mut &self.socket) {
                Ok(0) => return Err(ChannelFault::Closed.into()),
                Ok(_) => break,
                Err(e) if asks_for_patience(&e) => {}
                Err(e) => return Err(lost(e)),
            }
        }
        match self.tls.process_new_packets() {
            Ok(_) => Ok(()),
            Err(e) => Err(self.fault(&e)),
        }
    }

    /// Sends what TLS wants sent.
    fn flush(&mut self) -> Result<()> {
        let mut records = Vec::new();
        link::take_records(&mut self.tls, &mut records);
        let mut rest = &records[..];
        while !rest.is_empty() {
            self.look_up()?;
            match (&self.socket).write(rest) {
                Ok(0) => return Err(ChannelFault::Closed.into()),
                Ok(written) => rest = &rest[written..],
                Err(e) if asks_for_patience(&e) => {}
                Err(e) => return Err(lost(e)),
            }
        }
        Ok(())
    }

    /// Whether to go on.
    fn look_up(&self) -> Result<()> {
        if self.stop.load(Ordering::Relaxed) {
            return Err(Error::Interrupted);
        }
        if Instant::now() >= self.deadline {
            let seconds = self.limits.handshake.as_secs();
            return Err(ChannelFault::TooSlow { seconds }.into());
        }
        Ok(())
    }

    /// Sends the alert that is due, if any, and leaves. A peer that let us down is not waited for.
    fn give_up(&mut self, error: Error) -> Error {
        if self.tls.wants_write() && self.flush().is_ok() {
            leave(&self.socket);
        }
        error
    }

    /// What a failure of TLS means here.
    fn fault(&self, error: &TlsError) -> Error {
        let fault = match error {
            TlsError::InvalidCertificate(CertificateError::Other(other)) => {
                other.0.downcast_ref::<ChannelFault>().cloned()
            }
            TlsError::AlertReceived(alert) if REFUSALS.contains(alert) => {
                Some(ChannelFault::NotTrusted { key: self.ours.fingerprint() })
            }
            _ => None,
        };
        fault.unwrap_or_else(|| ChannelFault::NotBlindmatch(printable(&error.to_string()))).into()
    }

    /// One byte of application data.
    fn pull_byte(&mut self) -> Result<u8> {
        let mut byte = [0];
        loop {
            match self.tls.reader().read(&mut byte) {
                Ok(0) => return Err(ChannelFault::Closed.into()),
                Ok(_) => return Ok(byte[0]),
                Err(e) if asks_for_patience(&e) => self.pull()?,
                Err(e) => return Err(lost(e)),
            }
        }
    }
}

/// A peer that proved who it is, before the server's word.
pub(crate) struct Arrival<'a> {
    shake: Handshake<'a>,
    peer: PublicIdentity,
    binding: Vec<u8>,
}

impl Arrival<'_> {
    /// Who it is.
    pub(crate) fn peer(&self) -> &PublicIdentity {
        &self.peer
    }

    /// Lets the client begin.
    pub(crate) fn admit(mut self) -> Result<Secured> {
        match self.say(Word::Welcome) {
            Ok(()) => self.link(),
            Err(error) => Err(self.shake.give_up(error)),
        }
    }

    /// Sends the client away with a reason.
    pub(crate) fn refuse(mut self, word: Word) {
        if self.say(word).is_ok() {
            self.shake.tls.send_close_notify();
            if self.shake.flush().is_ok() {
                leave(&self.shake.socket);
            }
        }
    }

    /// Says the word, though a stop may have been asked for: it ends handshakes, and this one is
    /// complete.
    fn say(&mut self, word: Word) -> Result<()> {
        self.shake.stop = &GO_ON;
        self.shake.tls.writer().write_all(&[word.byte()]).map_err(lost)?;
        self.shake.flush()
    }

    /// The client's end of the word.
    pub(super) fn hear_word(mut self) -> Result<Secured> {
        let fault = match self.shake.pull_byte() {
            Ok(byte) if byte == Word::Welcome.byte() => return self.link(),
            Ok(byte) if byte == Word::Busy.byte() => ChannelFault::Busy.into(),
            Ok(byte) if byte == Word::Closing.byte() => ChannelFault::Closing.into(),
            Ok(_) => ChannelFault::NotBlindmatch("an unknown first word".into()).into(),
            Err(error) => error,
        };
        Err(self.shake.give_up(fault))
    }

    fn link(self) -> Result<Secured> {
        let Arrival { shake, peer, binding } = self;
        let link = link::split(shake.socket, shake.tls);
        Ok(Secured { link, binding, peer, address: shake.address })
    }
}

/// Closes our direction and hears the peer out for a moment: a socket that is closed over unread
/// bytes resets the connection, and the peer may lose what we said last.
pub(super) fn leave(mut socket: &TcpStream) {
    let deadline = Instant::now() + LEAVING;
    let mut sink = [0; 16 * 1024];
    if socket.shutdown(Shutdown::Write).is_err() {
        return;
    }
    while Instant::now() < deadline {
        match socket.read(&mut sink) {
            Ok(0) => return,
            Ok(_) => {}
            Err(e) if asks_for_patience(&e) => {}
            Err(_) => return,
        }
    }
}

fn lost(error: io::Error) -> Error {
    use ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, UnexpectedEof};
    match error.kind() {
        BrokenPipe | ConnectionAborted | ConnectionReset | UnexpectedEof => {
            ChannelFault::Closed.into()
        }
        _ => Error::io("setting up the channel")(error),
    }
}

/// Nobody asks to stop.
static GO_ON: AtomicBool = AtomicBool::new(false);

/// How a TLS peer says that it does not accept a key.
const REFUSALS: [AlertDescription; 4] = [
    AlertDescription::CertificateUnknown, // what our own verifier's refusal becomes
    AlertDescription::AccessDenied,
    AlertDescription::BadCertificate,
    AlertDescription::UnknownCA,
];

/// The label of the exporter (RFC 8446 section 7.5) that makes the channel binding.
const EXPORTER: &[u8] = b"EXPORTER-blindmatch-v1";
