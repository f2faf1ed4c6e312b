//! One run of another program: both sides, from their lists to the rows that matched.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;
use std::process::Command;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use super::folder::{Folder, read_rows};
use super::process::{Process, Said};
use super::{Connections, Peer, Python, Side};
use crate::error::{Error, Result};
use crate::protocol::Party;

/// What is run.
#[derive(Clone, Copy, Debug)]
pub struct Round<'a> {
    /// By whom.
    pub peer: &'a Peer,
    /// With what.
    pub python: &'a Python,
    /// The advertiser's list and the platform's: see [`Folder::write_list`].
    pub lists: [&'a Path; 2],
    /// Elements of the advertiser's.
    pub elements: u64,
    /// Threads of each side.
    pub threads: usize,
    /// How long each of these may take: to be ready, to run, to write the rows.
    pub limit: Duration,
}

/// What a run came to. Whether the rows are right is for the caller to see.
#[derive(Clone, Debug)]
pub struct Played {
    /// Seconds from the first go to the later of the two results.
    pub total: f64,
    /// What the advertiser's side and the platform's say.
    pub said: [Said; 2],
    /// Rows of the advertiser's list that are said to match, increasing.
    pub rows: Vec<u32>,
}

/// What a run happens in.
pub trait Surroundings {
    /// Where `from` is to connect to, in place of where the other side listens: a link between them.
    ///
    /// # Errors
    /// What the link fails with.
    fn route(&mut self, from: Party, to: SocketAddr) -> Result<SocketAddr> {
        let _ = from;
        Ok(to)
    }

    /// Starts a side, on the cores that are meant for it.
    ///
    /// # Errors
    /// As [`Process::start`].
    fn start(&mut self, party: Party, command: &mut Command, name: &str) -> Result<Process> {
        let _ = party;
        Process::start(command, name)
    }
}

/// Nothing between the two sides, and any core for each.
#[derive(Clone, Copy, Debug, Default)]
pub struct Loopback;

impl Surroundings for Loopback {}

impl Round<'_> {
    /// Runs it once.
    ///
    /// # Errors
    /// [`Error::Io`] where a side fails, is silent or does not end, with what it says of it;
    /// [`Error::WrongAnswer`] where the rows cannot be any; [`Error::Interrupted`].
    pub fn play(&self, surroundings: &mut impl Surroundings, stop: &AtomicBool) -> Result<Played> {
        let folder = Folder::new()?;
        let output = folder.path().join("matched");
        let mut sides = self.start(surroundings, &output)?;
        Process::both_ready(&mut sides, self.limit, stop)?;
        let started = Instant::now();
        sides.iter_mut().rev().try_for_each(Process::go)?; // who listens first
        let [(advertiser, first), (platform, second)] =
            Process::both_results(&mut sides, self.limit, stop)?;
        sides.into_iter().try_for_each(|side| side.end(self.limit, stop))?;
        let rows = read_rows(&output, self.elements)?;
        if rows.len() as u64 != first.matched {
            let text = format!("{} rows matched, where {} are said to", rows.len(), first.matched);
            return Err(Error::WrongAnswer(text));
        }
        let total = (advertiser.max(platform) - started).as_secs_f64();
        Ok(Played { total, said: [first, second], rows })
    }

    fn start(&self, surroundings: &mut impl Surroundings, output: &Path) -> Result<[Process; 2]> {
        let [advertiser, platform] = free_ports()?;
        let to_platform = surroundings.route(Party::Advertiser, platform)?;
        let to_advertiser = match self.peer.connections {
            Connections::One => advertiser, // nobody connects
            Connections::Both => surroundings.route(Party::Platform, advertiser)?,
        };
        let mut start = |party, listen, peer| {
            let (list, name) = match party {
                Party::Advertiser => (self.lists[0], "the advertiser's side"),
                Party::Platform => (self.lists[1], "the platform's side"),
            };
            let side = Side { party, list, listen, peer, output, threads: self.threads };
            let mut command = self.peer.side(self.python, &side);
            surroundings.start(party, &mut command, &format!("{}, {name}", self.peer.name))
        };
        let platform = start(Party::Platform, platform, to_advertiser)?;
        Ok([start(Party::Advertiser, advertiser, to_platform)?, platform])
    }
}

/// Two addresses that nothing listens on: they were had from the system, which does not give them out
/// again soon.
fn free_ports() -> Result<[SocketAddr; 2]> {
    let listen = || TcpListener::bind((Ipv4Addr::LOCALHOST, 0));
    let ports = || {
        let [first, second] = [listen()?, listen()?]; // both at once, or they might be one
        Ok([first.local_addr()?, second.local_addr()?])
    };
    ports().map_err(Error::io("looking for a port on loopback"))
}
