//! Sessions and links, whatever the lists.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpListener;
use std::sync::atomic::AtomicBool;
use std::thread;
use std::time::{Duration, Instant};

use super::broken;
use crate::bench::measure::{Cpu, Sample};
use crate::bench::workload;
use crate::error::{Error, Result};
use crate::group::Engine;
use crate::protocol::Party;
use crate::session::{Outcome, Session, Settings};
use crate::transport::identity::{Identity, Trust};
use crate::transport::tls::{Endpoint, Limits};
use crate::transport::{Link, Timing, asks_for_patience, drive, memory};

/// Seconds of a smallest session in memory, and over TLS; nanoseconds of CPU time a byte over TLS, both
/// ends together.
pub(super) fn measure(engine: Engine, share: Duration) -> Result<[f64; 3]> {
    let in_memory = repeated(share, || {
        let started = Instant::now();
        let [ours, theirs] = memory::pair();
        both(engine, ours, || Ok(theirs))?;
        Ok(started.elapsed().as_secs_f64())
    })?;
    let ends = Ends::new()?;
    let over_tls = repeated(share, || {
        let started = Instant::now();
        let (client, accept) = ends.connect()?;
        both(engine, client, accept)?;
        Ok(started.elapsed().as_secs_f64())
    })?;
    let bytes = repeated(share, || ends.bulk())?;
    Ok([in_memory, over_tls, bytes])
}

/// The median, of three at least.
fn repeated(share: Duration, mut run: impl FnMut() -> Result<f64>) -> Result<f64> {
    let (started, mut sample, mut runs) = (Instant::now(), Sample::default(), 0);
    while started.elapsed() < share || runs < 3 {
        sample.push(run()?);
        runs += 1;
    }
    Ok(sample.median())
}

/// A session between lists of one element each.
fn both(engine: Engine, ours: Link, theirs: impl FnOnce() -> Result<Link> + Send) -> Result<()> {
    let side = |party, link| -> Result<Outcome> {
        let mut settings = Settings::new(party);
        (settings.engine, settings.min_audience) = (engine, Some(0));
        let session = Session::new(settings, workload::people(0..1)?)?;
        drive(session, link, Timing::default(), &AtomicBool::new(false), &mut ())
    };
    let outcomes = thread::scope(|scope| {
        let other = scope.spawn(|| side(Party::Platform, theirs()?));
        let ours = side(Party::Advertiser, ours);
        [ours, other.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))]
    });
    let [ours, theirs] = outcomes;
    theirs?;
    if ours?.answer.count != Some(1) {
        return Err(broken("a session that gave another answer"));
    }
    Ok(())
}

/// Two ends on this machine that trust each other.
struct Ends {
    listener: TcpListener,
    client: Endpoint,
    server: Endpoint,
}

type Accept<'a> = Box<dyn FnOnce() -> Result<Link> + Send + 'a>;

impl Ends {
    fn new() -> Result<Ends> {
        let keys = [Identity::generate(), Identity::generate()];
        let end = |ours: usize| {
            let trust = Trust::new([keys[1 - ours].public().clone()])?;
            Endpoint::new(&keys[ours], &trust, Limits::default())
        };
        let listener = TcpListener::bind("127.0.0.1:0");
        let listener = listener.map_err(Error::io("listening on the loopback interface"))?;
        Ok(Ends { listener, client: end(0)?, server: end(1)? })
    }

    /// One end that is connected, and what gives the other.
    fn connect(&self) -> Result<(Link, Accept<'_>)> {
        let address = self.listener.local_addr().map_err(Error::io("listening"))?.to_string();
        let (client, server) = thread::scope(|scope| {
            let accepted = scope.spawn(|| {
                let (socket, _) = self.listener.accept().map_err(Error::io("accepting"))?;
                self.server.accept(socket, &AtomicBool::new(false))
            });
            let client = self.client.connect(&address, &AtomicBool::new(false));
            (client, accepted.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
        });
        let (client, server) = (client?, server?);
        Ok((client.link, Box::new(move || Ok(server.link))))
    }

    /// Nanoseconds of CPU time a byte.
    fn bulk(&self) -> Result<f64> {
        let (mut client, server) = self.connect()?;
        let mut server = server()?;
        let started = Cpu::Process.now();
        let read = thread::scope(|scope| {
            let reading = scope.spawn(move || {
                let (mut buffer, mut read) = (vec![0; 256 * 1024], 0);
                while read < BULK {
                    match server.reader.read(&mut buffer) {
                        Ok(0) => break,
                        Ok(length) => read += length,
                        Err(e) if asks_for_patience(&e) => {}
                        Err(_) => break,
                    }
                }
                read
            });
            let piece = vec![7; 512 * 1024];
            let mut sent = 0;
            while sent < BULK {
                match client.writer.write(&piece[..piece.len().min(BULK - sent)]) {
                    Ok(length) => sent += length,
                    Err(e) if asks_for_patience(&e) || e.kind() == ErrorKind::Interrupted => {}
                    Err(_) => break,
                }
            }
            while client.writer.flush().is_err_and(|e| asks_for_patience(&e)) {}
            reading.join().unwrap_or(0)
        });
        match read {
            BULK => Ok((Cpu::Process.now() - started).as_nanos() as f64 / BULK as f64),
            _ => Err(broken("a link that lost bytes")),
        }
    }
}

/// Bytes that cross at once.
const BULK: usize = 16 << 20;
