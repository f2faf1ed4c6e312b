//! Flags of `blindmatch bench`.

use std::path::PathBuf;

use blindmatch::bench::definition;
use blindmatch::bench::party::Way;
use blindmatch::bench::peers;
use blindmatch::bench::record::Network;
use blindmatch::group::Backend;
use blindmatch::protocol::{Blinding, ProtocolName};
use blindmatch::{Error, Result};
use clap::{Args, Subcommand};

use super::args::{one_of, threads};
use super::backends;
use super::bench_compare::CompareArgs;
use super::bench_report::ReportArgs;
use super::protocols::blinding;

/// Runs whole protocols in memory, both parties in this process, and prints a line for each configuration;
/// then the stages of the group against curve25519-dalek at its best. With --out: runs them as two processes
/// over links of known rate and delay, and writes a report.
///
/// Every answer is compared with the intersection that is known beforehand, and a wrong one ends the run with an
/// error. The configurations run in turn, not one after the other, so that other work on the machine meets all
/// of them.
///
/// In memory both parties take turns on the same threads. Over a link (TLS) each has --threads of its own, on cores of its
/// own where there are enough. An interrupted run goes on where it was when the same command is given again.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct BenchArgs {
    #[command(subcommand)]
    pub command: Option<BenchCommand>,
    /// What is run: protocols with commas [default: dh in memory, all over links]. Over links also oprf-prepared and
    /// voprf-prepared, whose platform prepares a set first, the insecure baselines insecure-sha256,
    /// insecure-salted-sha256 and insecure-bloom, other programs such as openmined-raw, and all for all but
    /// other programs
    #[arg(long, value_delimiter = ',', value_parser = subject, value_name = "NAME,...", help_heading = "Protocol")]
    pub protocol: Vec<String>,
    /// How a side hides what it asks, in memory alone and in a protocol other than dh: additive, which is cheaper, or
    /// multiplicative
    #[arg(
        long,
        default_value = "additive",
        value_parser = blinding,
        conflicts_with = "out",
        value_name = "NAME",
        help_heading = "Protocol"
    )]
    pub blinding: Blinding,
    /// Rows of each list, half of which are common: as in 2^16, 65536 or 1e6; a range 2^8..2^20 goes up by four
    /// times, 2^8..2^20:2 by two; several with commas [default: 2^10,2^16 in memory, 2^8..2^16 over links]
    #[arg(long, value_delimiter = ',', value_parser = sizes, value_name = "N,...")]
    pub size: Vec<Sizes>,
    /// Instructions: all that this CPU has, or some of portable, avx2 and avx512 with commas [default: all in memory,
    /// the best over links]
    #[arg(long, value_delimiter = ',', value_parser = backend_choice, value_name = "NAME,...")]
    pub backend: Vec<BackendChoice>,
    /// Threads, for both parties together in memory, of each over links: numbers, or max for all cores
    #[arg(
        long,
        default_value = "1,max",
        value_delimiter = ',',
        value_parser = thread_choice,
        value_name = "N,..."
    )]
    pub threads: Vec<ThreadChoice>,
    /// How often each configuration is measured, after one time to warm up
    #[arg(long, default_value = "5", value_parser = repetitions, value_name = "N")]
    pub repeat: usize,
    /// Which lists, keys and points are made up
    #[arg(long, default_value_t = 1, value_name = "N")]
    pub seed: u64,
    /// Run over links and write the report here: report.html, report.md, report.csv, runs.csv, record.json and
    /// definition.toml
    #[arg(long, value_name = "DIR", help_heading = "Over links")]
    pub out: Option<PathBuf>,
    /// Links: lan (10 Gbit/s, 0.02 ms there and back), wan-200, wan-50, wan-5 (so many Mbit/s, 80 ms), none, or
    /// custom:RATE,RTT in Mbit/s and ms; several with commas [default: lan,wan-200,wan-50,wan-5]
    #[arg(long, value_parser = networks, requires = "out", value_name = "NAME,...", help_heading = "Over links")]
    pub network: Option<Networks>,
    /// Lists of different sizes, the advertiser's first; several with commas
    #[arg(
        long,
        value_delimiter = ',',
        value_parser = unbalanced,
        requires = "out",
        value_name = "NxN,...",
        help_heading = "Over links"
    )]
    pub unbalanced: Vec<Unbalanced>,
    /// Measure what this file says, such as the definition.toml of a report, in place of the flags
    #[arg(
        long,
        requires = "out",
        conflicts_with_all = [
            "protocol", "size", "unbalanced", "network", "backend", "threads", "repeat", "seed",
        ],
        value_name = "FILE",
        help_heading = "Over links"
    )]
    pub definition: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub enum BenchCommand {
    /// Say what changed between two records
    Compare(CompareArgs),
    /// Write the report of a record again
    Report(ReportArgs),
    /// Measure how time, memory and bytes grow with the lists, and say what larger ones would take
    Scaling {
        /// Folder for the report
        #[arg(long, value_name = "DIR")]
        out: PathBuf,
    },
    /// One side of a run over a link: what the benchmark starts, twice for each run
    #[command(hide = true)]
    Party {
        /// JSON: see `bench::party::Task`
        task: String,
    },
}

/// One of `--size`.
#[derive(Clone, Debug)]
pub struct Sizes(pub Vec<u64>);

/// One of `--unbalanced`.
#[derive(Clone, Copy, Debug)]
pub struct Unbalanced(pub [u64; 2]);

/// `--network`, whose commas part networks and what a network is made of.
#[derive(Clone, Debug)]
pub struct Networks(pub Vec<Network>);

/// One of `--backend`.
#[derive(Clone, Copy, Debug)]
pub enum BackendChoice {
    All,
    One(Backend),
}

/// One of `--threads`.
#[derive(Clone, Copy, Debug)]
pub enum ThreadChoice {
    Max,
    Number(usize),
}

impl BenchArgs {
    /// Whether a report is wanted.
    pub fn is_over_links(&self) -> bool {
        self.out.is_some()
    }

    /// Every size once, or those.
    pub fn sizes_or(&self, default: &[u64]) -> Vec<u64> {
        let mut sizes = Vec::new();
        for &size in self.size.iter().flat_map(|sizes| &sizes.0) {
            if !sizes.contains(&size) {
                sizes.push(size);
            }
        }
        if sizes.is_empty() { default.to_vec() } else { sizes }
    }

    /// What is run in memory.
    pub fn protocols(&self) -> Result<Vec<ProtocolName>> {
        let mut protocols = Vec::new();
        for name in &self.protocol {
            match ProtocolName::by_name(name) {
                None if name == "all" => protocols.extend(ProtocolName::ALL),
                None => {
                    return Err(Error::Misuse(format!(
                        "{name} runs over links alone: give --out DIR"
                    )));
                }
                Some(protocol) => protocols.push(protocol),
            }
        }
        let default = [ProtocolName::default()];
        Ok(if protocols.is_empty() { default.to_vec() } else { protocols })
    }
}

fn subject(text: &str) -> Result<String, String> {
    let known = Way::all().into_iter().map(Way::name);
    let others = peers::ALL.iter().map(|peer| peer.name.to_owned());
    let names: Vec<String> = ["all".to_owned()].into_iter().chain(known).chain(others).collect();
    match names.iter().any(|name| name == text) {
        true => Ok(text.to_owned()),
        false => Err(one_of(names.iter().map(String::as_str))),
    }
}

fn sizes(text: &str) -> Result<Sizes, String> {
    match definition::sizes(text) {
        Some(sizes) if sizes.iter().all(|&size| size <= MAX_BENCH) => Ok(Sizes(sizes)),
        _ => Err("a number of rows such as 2^16, 65536 or 1e6, at most 2^26, or a range 2^8..2^20"
            .into()),
    }
}

fn unbalanced(text: &str) -> Result<Unbalanced, String> {
    match definition::unbalanced(text) {
        Some(sizes) if sizes.iter().all(|&size| size <= MAX_BENCH) => Ok(Unbalanced(sizes)),
        _ => Err("two numbers of rows such as 2^10x2^20, at most 2^26 each".into()),
    }
}

/// `custom:RATE,RTT` takes the part behind its comma with it.
fn networks(text: &str) -> Result<Networks, String> {
    let names = Network::named();
    let problem = || {
        let names = one_of(names.iter().map(|network| network.name.as_str()));
        format!("{names}, or custom:RATE,RTT with a rate in Mbit/s and a round trip in ms")
    };
    let (mut networks, mut parts) = (Vec::new(), text.split(','));
    while let Some(part) = parts.next() {
        let network = match part.strip_prefix("custom:") {
            Some(rate) => Network::custom(rate, parts.next().unwrap_or_default()),
            None => Network::by_name(part),
        };
        let network = network.ok_or_else(problem)?;
        if !networks.contains(&network) {
            networks.push(network);
        }
    }
    Ok(Networks(networks))
}

fn thread_choice(text: &str) -> Result<ThreadChoice, String> {
    match text {
        "max" => Ok(ThreadChoice::Max),
        text => threads(text).map(ThreadChoice::Number).map_err(|e| format!("max, or {e}")),
    }
}

fn backend_choice(text: &str) -> Result<BackendChoice, String> {
    match text {
        "all" => Ok(BackendChoice::All),
        text => backends::parse(text).map(BackendChoice::One),
    }
}

fn repetitions(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(times) if (1..=MAX_REPEAT).contains(&times) => Ok(times),
        _ => Err(format!("a whole number from 1 to {MAX_REPEAT}")),
    }
}

const MAX_REPEAT: usize = 10_000;

/// Both lists of that length take some 20 GB while they are matched.
const MAX_BENCH: u64 = 1 << 26;
