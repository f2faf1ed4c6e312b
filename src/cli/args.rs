//! Flags and their meaning.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::Duration;

use blindmatch::consent::Purpose;
use blindmatch::group::{Backend, Engine, Parallelism};
use blindmatch::identifier::{Profile, Region};
use blindmatch::list::Format;
use blindmatch::protocol::Reveal;
use blindmatch::transport::Timing;
use blindmatch::transport::identity::{Identity, Trust};
use blindmatch::transport::tls::{Endpoint, Limits};
use blindmatch::{Error, Result};
use clap::{ArgAction, Args, Parser, Subcommand};

use super::backends;
use super::bench_args::BenchArgs;
use super::budget::{BudgetArgs, ShowArgs};
use super::pair::PairArgs;
use super::people::PeopleArgs;
use super::plan::PlanArgs;
use super::prepare::PrepareArgs;
use super::protocols::{PreparedArgs, ProtocolArgs};
use super::serving::ServingArgs;

/// Private matching of two consented lists.
///
/// Two parties find which entries both their lists hold. Neither hands its list over, and only
/// identifiers whose owners consented to this use take part.
#[derive(Debug, Parser)]
#[command(name = "blindmatch", version, max_term_width = 100)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Command,
    /// Log more (-v for info, -vv for debug); the variable RUST_LOG overrides it
    #[arg(short, long, global = true, action = ArgAction::Count)]
    pub verbose: u8,
    /// No progress bar and no summary
    #[arg(short, long, global = true)]
    pub quiet: bool,
}

impl Cli {
    /// Threads to compute on, where they are limited.
    pub fn threads(&self) -> Option<usize> {
        match &self.command {
            Command::Match(args) => args.compute.threads.threads,
            Command::Check(args) => args.threads.threads,
            Command::Prepare(args) => args.compute.threads.threads,
            Command::Serve(args) => args.compute.threads.threads,
            Command::Connect(args) => args.compute.threads.threads,
            Command::Pair(args) => args.threads(),
            Command::Keygen(_) | Command::Budget(_) | Command::Bench(_) | Command::Plan(_) => None,
        }
    }
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Match two lists on this machine, both sides in one process
    Match(MatchArgs),
    /// Say what the consent gate would admit and refuse, row by row; touches no network
    Check(CheckArgs),
    /// Make the key pair that identifies this machine to its peers
    Keygen(KeygenArgs),
    /// Evaluate the platform's list once for an epoch and an advertiser
    Prepare(PrepareArgs),
    /// Be the platform: wait for advertisers and match with each
    Serve(ServeArgs),
    /// Be the advertiser: match with a platform over the network
    Connect(ConnectArgs),
    /// IAB Tech Lab PAIR between an advertiser's and a publisher's clean room
    Pair(PairArgs),
    /// Show what each advertiser has used of its query budget
    Budget(ShowArgs),
    /// Measure whole protocols and the group arithmetic on this machine
    Bench(Box<BenchArgs>),
    /// Say what a match will take, for every protocol, and which of them to choose
    Plan(Box<PlanArgs>),
}

/// How many cores are used.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Computing")]
pub struct ThreadArgs {
    /// Threads to compute on; all cores unless given
    #[arg(long, value_parser = threads, value_name = "N")]
    pub threads: Option<usize>,
}

/// What the group arithmetic runs on.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Computing")]
pub struct ComputeArgs {
    #[command(flatten)]
    pub threads: ThreadArgs,
    /// Instructions that the group arithmetic uses: portable, avx2 or avx512. The best that this CPU
    /// has unless given; the answer is always the same
    #[arg(long, value_parser = backends::parse, value_name = "NAME")]
    pub backend: Option<Backend>,
}

impl ComputeArgs {
    /// The engine of a session.
    pub fn engine(&self) -> Engine {
        Engine::new(self.backend.unwrap_or_else(Backend::detect), Parallelism::Rayon)
    }
}

/// How a list is read and who on it may take part.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "List and consent")]
pub struct ListArgs {
    /// What the match is for, by its W3C DPV name
    #[arg(long, default_value = "TargetedAdvertising", value_parser = purpose, value_name = "NAME")]
    pub purpose: Purpose,
    /// How identifiers are normalised: pair, google, meta, uid2 or x. Both sides must use the same
    #[arg(long, default_value = "pair", value_parser = profile, value_name = "NAME")]
    pub profile: Profile,
    #[command(flatten)]
    pub read: ReadArgs,
}

/// The same where purpose and profile are settled.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "List and consent")]
pub struct ReadArgs {
    /// Country of phone numbers in national format, such as DE; without it, only international
    /// numbers can be read
    #[arg(long, value_parser = region, value_name = "CC")]
    pub region: Option<Region>,
    /// Format of the list, where its extension does not tell: csv or parquet
    #[arg(long, value_parser = format, value_name = "FORMAT")]
    pub format: Option<Format>,
    /// A list of identifiers to refuse wherever they stand (may be given several times)
    #[arg(long, value_name = "FILE")]
    pub suppress: Vec<PathBuf>,
    /// Attest, on the record, that everyone on the list was shown NOTICE and agreed. It speaks for
    /// rows that say nothing; it never overrides a row that says no
    #[arg(long, value_name = "NOTICE")]
    pub attest_consent: Option<String>,
    /// Ask of TCF strings that they grant this vendor, by its number in the Global Vendor List
    #[arg(long, value_name = "ID")]
    pub tcf_vendor: Option<u16>,
    /// Stop at the first row that cannot be read
    #[arg(long)]
    pub strict: bool,
}

/// Where the answer goes.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Output")]
pub struct OutputArgs {
    /// Write the matched rows here: the receiver's own columns and `matched_on`; `-` is standard
    /// output
    #[arg(long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Format of the output, where its extension does not tell: csv or parquet
    #[arg(long, value_parser = format, value_name = "FORMAT")]
    pub output_format: Option<Format>,
    /// Write the report here, as JSON; `-` is standard output
    #[arg(long, value_name = "FILE")]
    pub report: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub struct MatchArgs {
    /// The advertiser's list: CSV (also gzip or zstd) or Parquet
    #[arg(long, value_name = "FILE")]
    pub advertiser: PathBuf,
    /// The platform's list
    #[arg(long, value_name = "FILE", required_unless_present = "sets")]
    pub platform: Option<PathBuf>,
    /// Who learns what: advertiser, platform, both or count
    #[arg(long, default_value = "advertiser", value_parser = reveal, value_name = "WHO")]
    pub reveal: Reveal,
    /// Fewest matches that are revealed
    #[arg(long, default_value_t = 0, value_parser = audience(), value_name = "N")]
    pub min_audience: u64,
    /// With `--reveal both`: write the platform's matched rows here
    #[arg(long, value_name = "FILE")]
    pub platform_output: Option<PathBuf>,
    #[command(flatten)]
    pub protocol: ProtocolArgs,
    /// The column of the platform's list that labels matched rows, in a labelled match
    #[arg(long, value_name = "COLUMN", help_heading = "Protocol")]
    pub label: Option<String>,
    /// The column of the advertiser's list that is added up, in a sum: whole numbers, such as cents.
    /// A row counts once, for its leftmost identifier, or for its person with --people
    #[arg(long, value_name = "COLUMN", help_heading = "Protocol")]
    pub value: Option<String>,
    #[command(flatten)]
    pub prepared: PreparedArgs,
    #[command(flatten)]
    pub people: PeopleArgs,
    /// With `--prepared`: the platform's private key, which opens the set's key
    #[arg(long, value_name = "FILE", help_heading = "Protocol")]
    pub identity: Option<PathBuf>,
    #[command(flatten)]
    pub list: ListArgs,
    #[command(flatten)]
    pub output: OutputArgs,
    #[command(flatten)]
    pub compute: ComputeArgs,
}

#[derive(Debug, Args)]
pub struct CheckArgs {
    /// The list: CSV (also gzip or zstd) or Parquet, `-` for CSV from standard input
    #[arg(value_name = "LIST")]
    pub path: PathBuf,
    /// Most rows to name that are refused or cannot be read; the counts cover all
    #[arg(long, default_value_t = 20, value_name = "N")]
    pub show: u64,
    #[command(flatten)]
    pub people: PeopleArgs,
    #[command(flatten)]
    pub list: ListArgs,
    /// Write the counts here, as JSON; `-` is standard output
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    pub report: Option<PathBuf>,
    #[command(flatten)]
    pub threads: ThreadArgs,
}

#[derive(Debug, Args)]
pub struct KeygenArgs {
    /// Makes NAME.key (keep it) and NAME.pub (give it to your peers)
    #[arg(value_name = "NAME")]
    pub name: PathBuf,
}

/// Who the two ends are.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Keys")]
pub struct KeyArgs {
    /// This machine's private key, from `blindmatch keygen`
    #[arg(long, value_name = "FILE")]
    pub identity: PathBuf,
    /// A peer's public key file, or the key itself; no one else gets in (may be given several
    /// times)
    #[arg(long, required = true, value_name = "FILE|KEY")]
    pub trust: Vec<String>,
}

/// How long things may take and how large they may be.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Limits")]
pub struct LimitArgs {
    /// Most elements accepted from the peer
    #[arg(
        long,
        default_value_t = blindmatch::session::MAX_ELEMENTS,
        value_parser = clap::value_parser!(u64).range(1..=u64::from(u32::MAX)),
        value_name = "N"
    )]
    pub max_elements: u64,
    /// Longest silence of the peer, in seconds; it makes itself heard every 5
    #[arg(long, default_value = "30", value_parser = patience, value_name = "SECONDS")]
    pub idle_timeout: Duration,
    /// Longest session, in seconds
    #[arg(long, default_value = "3600", value_parser = seconds, value_name = "SECONDS")]
    pub session_timeout: Duration,
}

#[derive(Debug, Args)]
pub struct ServeArgs {
    /// The platform's list: CSV (also gzip or zstd) or Parquet
    #[arg(
        long = "list",
        value_name = "FILE",
        required_unless_present = "sets",
        conflicts_with = "sets"
    )]
    pub path: Option<PathBuf>,
    /// Address to listen on, HOST:PORT; port 0 takes a free one
    #[arg(long, value_parser = address, value_name = "ADDR")]
    pub listen: String,
    /// Who learns what: advertiser, platform, both or count. An advertiser that asks for anything
    /// else is refused
    #[arg(long, default_value = "advertiser", value_parser = reveal, value_name = "WHO")]
    pub reveal: Reveal,
    /// Fewest matches that are revealed
    #[arg(long, default_value_t = 100, value_parser = audience(), value_name = "N")]
    pub min_audience: u64,
    #[command(flatten)]
    pub protocol: ProtocolArgs,
    /// The column of our list that labels matched rows, in a labelled match
    #[arg(long, value_name = "COLUMN", help_heading = "Protocol")]
    pub label: Option<String>,
    #[command(flatten)]
    pub prepared: PreparedArgs,
    #[command(flatten)]
    pub people: PeopleArgs,
    #[command(flatten)]
    pub keys: KeyArgs,
    #[command(flatten)]
    pub list: ListArgs,
    #[command(flatten)]
    pub limits: LimitArgs,
    #[command(flatten)]
    pub serving: ServingArgs,
    #[command(flatten)]
    pub budget: BudgetArgs,
    /// Folder for results: a report for each session, and matched rows where the platform learns
    /// them
    #[arg(long, value_name = "DIR", help_heading = "Output")]
    pub results: Option<PathBuf>,
    #[command(flatten)]
    pub compute: ComputeArgs,
}

#[derive(Debug, Args)]
pub struct ConnectArgs {
    /// The advertiser's list: CSV (also gzip or zstd) or Parquet
    #[arg(long = "list", value_name = "FILE")]
    pub path: PathBuf,
    /// The platform's address, HOST:PORT
    #[arg(long, value_parser = address, value_name = "ADDR")]
    pub peer: String,
    /// Who learns what: advertiser, platform, both or count. It must be what the platform offers
    #[arg(long, default_value = "advertiser", value_parser = reveal, value_name = "WHO")]
    pub reveal: Reveal,
    /// Fewest matches that are revealed; what the platform says unless given, else it must be the
    /// same
    #[arg(long, value_parser = audience(), value_name = "N")]
    pub min_audience: Option<u64>,
    /// Show the platform a sketch of our list, by which it sees how much of it stood in earlier lists of
    /// ours and nothing else. It must ask for it
    #[arg(long)]
    pub sketch: bool,
    #[command(flatten)]
    pub protocol: ProtocolArgs,
    /// The column of our list that is added up, in a sum: whole numbers, such as cents.
    /// A row counts once, for its leftmost identifier, or for its person with --people
    #[arg(long, value_name = "COLUMN", help_heading = "Protocol")]
    pub value: Option<String>,
    #[command(flatten)]
    pub people: PeopleArgs,
    #[command(flatten)]
    pub keys: KeyArgs,
    #[command(flatten)]
    pub list: ListArgs,
    #[command(flatten)]
    pub limits: LimitArgs,
    #[command(flatten)]
    pub output: OutputArgs,
    #[command(flatten)]
    pub compute: ComputeArgs,
}

impl KeyArgs {
    /// The key files; of keys that stand in the arguments themselves there is none.
    pub fn files(&self) -> impl Iterator<Item = &Path> {
        [self.identity.as_path()].into_iter().chain(self.trust.iter().map(Path::new))
    }

    /// Our key and whom we trust, ready to connect and to accept.
    pub fn endpoint(&self) -> Result<Endpoint> {
        let identity = Identity::load(&self.identity);
        let identity =
            identity.map_err(|e| missing(e, "`blindmatch keygen NAME` makes NAME.key"))?;
        let trust = Trust::read(&self.trust);
        let trust = trust.map_err(|e| missing(e, "ask the peer for its .pub file"))?;
        Endpoint::new(&identity, &trust, Limits::default())
    }
}

impl LimitArgs {
    /// How long a session may take.
    pub fn timing(&self) -> Timing {
        let (idle, total) = (self.idle_timeout, self.session_timeout);
        Timing { idle, total, ..Timing::default() }
    }
}

/// A key file that is not there is the first thing a newcomer meets: an error of keys, with a remedy.
pub fn missing(error: Error, remedy: &str) -> Error {
    match error {
        Error::Io { context, source } if source.kind() == ErrorKind::NotFound => {
            Error::Key { place: context, problem: format!("no such file; {remedy}") }
        }
        error => error,
    }
}

/// Lists are no longer than this, so no audience is larger.
fn audience() -> clap::builder::RangedU64ValueParser {
    clap::value_parser!(u64).range(..=u64::from(u32::MAX))
}

fn purpose(text: &str) -> Result<Purpose, String> {
    Purpose::parse(text).ok_or_else(|| {
        "not a purpose of the W3C Data Privacy Vocabulary (such as TargetedAdvertising)".into()
    })
}

fn profile(text: &str) -> Result<Profile, String> {
    Profile::parse(text).map_err(|e| e.to_string())
}

fn region(text: &str) -> Result<Region, String> {
    Region::parse(text).map_err(|e| e.to_string())
}

fn format(text: &str) -> Result<Format, String> {
    match text {
        "csv" => Ok(Format::Csv),
        "parquet" => Ok(Format::Parquet),
        _ => Err(one_of(["csv", "parquet"])),
    }
}

pub fn reveal(text: &str) -> Result<Reveal, String> {
    let found = Reveal::ALL.into_iter().find(|reveal| reveal.name() == text);
    found.ok_or_else(|| one_of(Reveal::ALL.map(Reveal::name)))
}

pub fn seconds(text: &str) -> Result<Duration, String> {
    match text.parse::<u32>() {
        Ok(seconds) if seconds > 0 => Ok(Duration::from_secs(seconds.into())),
        _ => Err("a whole number of seconds, at least 1".into()),
    }
}

/// Rayon takes 0 for "as many as there are cores", and a number with many digits for an order.
pub fn threads(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(threads) if (1..=MAX_THREADS).contains(&threads) => Ok(threads),
        _ => Err(format!("a whole number from 1 to {MAX_THREADS}")),
    }
}

pub fn sessions(text: &str) -> Result<u32, String> {
    match text.parse() {
        Ok(sessions) if sessions > 0 => Ok(sessions),
        _ => Err("a whole number, at least 1".into()),
    }
}

pub fn address(text: &str) -> Result<String, String> {
    match text.rsplit_once(':') {
        Some((host, port)) if !host.is_empty() && port.parse::<u16>().is_ok() => {
            Ok(text.to_owned())
        }
        _ => Err("an address is HOST:PORT, such as platform.example:7878".into()),
    }
}

const MAX_THREADS: usize = 1024;

/// An idle limit: a peer that computes is heard every few seconds, and the network may delay that.
fn patience(text: &str) -> Result<Duration, String> {
    let least = 2 * Timing::default().keep_alive;
    match seconds(text)? {
        idle if idle >= least => Ok(idle),
        _ => Err(format!("at least {} seconds", least.as_secs())),
    }
}

/// Names that can be chosen from.
pub fn one_of<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    format!("one of {}", names.into_iter().collect::<Vec<_>>().join(", "))
}
