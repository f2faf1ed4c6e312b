//! A run of another program over a link, each side on its cores.

use std::net::SocketAddr;
use std::process::Command;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use super::process::{Process, Said};
use super::round::{Round, Surroundings};
use crate::bench::cores;
use crate::bench::link::{Link, Traffic};
use crate::bench::record::{Network, Run, Side};
use crate::error::{Error, Result};
use crate::protocol::Party;

/// One run as it is recorded: over such a network, on these cores of the advertiser's side and of the platform's, whose
/// answer is just the rows of the advertiser's list that are `common`, increasing.
///
/// # Errors
/// As [`Round::play`] and [`Link::close`]; [`Error::WrongAnswer`] for any other answer.
pub fn measure(
    round: &Round,
    common: &[u32],
    network: &Network,
    cores: [&[usize]; 2],
    stop: &AtomicBool,
) -> Result<Run> {
    let mut link = OverLink::new(network, cores);
    let played = round.play(&mut link, stop)?;
    let traffic = link.close(PATIENCE)?;
    let is_common = |row: &&u32| common.binary_search(row).is_ok();
    let right = played.rows.iter().filter(is_common).count();
    let (missing, wrong) = (common.len() - right, played.rows.len() - right);
    if missing + wrong > 0 {
        let of = common.len();
        let text = format!("{missing} of {of} rows in common are missing, {wrong} others matched");
        return Err(Error::WrongAnswer(text));
    }
    let side = |said: &Said, side: usize| Side {
        cpu: said.cpu,
        peak_memory: said.peak_memory,
        sent: traffic.sent[side],
        flights: traffic.turns[side],
        phases: said.phases.clone(),
    };
    Ok(Run {
        total: played.total,
        online: played.total, // none of them prepares anything
        advertiser: side(&played.said[0], 0),
        platform: side(&played.said[1], 1),
        matched: played.rows.len() as u64,
        false_positives: 0,
        link_cpu: Some(traffic.cpu.as_secs_f64()),
    })
}

/// Links for one run, and cores.
pub struct OverLink<'a> {
    network: &'a Network,
    cores: [&'a [usize]; 2],
    links: Vec<(Party, Link)>,
}

impl<'a> OverLink<'a> {
    /// Over such a network, on these cores of the advertiser's side and of the platform's; on any, where there
    /// are none.
    pub fn new(network: &'a Network, cores: [&'a [usize]; 2]) -> OverLink<'a> {
        OverLink { network, cores, links: Vec::new() }
    }

    /// What went over it: the advertiser's side first.
    ///
    /// # Errors
    /// As [`Link::close`].
    pub fn close(self, patience: Duration) -> Result<Traffic> {
        let mut sum = Traffic::default();
        for (who_connected, link) in self.links {
            let mut traffic = link.close(patience)?;
            if who_connected == Party::Platform {
                traffic.sent.reverse();
                traffic.turns.reverse();
            }
            for side in 0..2 {
                sum.sent[side] += traffic.sent[side];
                sum.turns[side] += traffic.turns[side];
            }
            sum.cpu += traffic.cpu;
        }
        Ok(sum)
    }
}

impl Surroundings for OverLink<'_> {
    fn route(&mut self, from: Party, to: SocketAddr) -> Result<SocketAddr> {
        let link = Link::open(self.network, to)?;
        let address = link.address();
        self.links.push((from, link));
        Ok(address)
    }

    fn start(&mut self, party: Party, command: &mut Command, name: &str) -> Result<Process> {
        let cores = match party {
            Party::Advertiser => self.cores[0],
            Party::Platform => self.cores[1],
        };
        cores::on(cores, || Process::start(command, name))
    }
}

/// Both sides have ended: their connections are closed as soon as the system gets to it.
const PATIENCE: Duration = Duration::from_secs(2);
