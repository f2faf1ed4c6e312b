//! `blindmatch prepare`: the platform's list, evaluated once for an epoch and an advertiser.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::time::Instant;

use blindmatch::key::epoch::EpochBinding;
use blindmatch::prepare::{self, Options};
use blindmatch::protocol::{Party, Progress};
use blindmatch::report::PrepareReport;
use blindmatch::transport::Observer;
use blindmatch::transport::identity::{Identity, PublicIdentity, Trust};
use blindmatch::{Error, Result};
use clap::Args;
use jiff::{SignedDuration, Timestamp, civil, tz};

use super::Shared;
use super::args::{ComputeArgs, ListArgs, missing};
use super::output::{self, Files};

#[derive(Debug, Args)]
pub struct PrepareArgs {
    /// The platform's list: CSV (also gzip or zstd) or Parquet
    #[arg(long = "list", value_name = "FILE")]
    pub path: PathBuf,
    /// Name of the epoch, such as 2026-11. The key serves this epoch and advertiser alone
    #[arg(long, value_name = "EPOCH")]
    pub epoch: String,
    /// Most identifiers that the advertiser looks up in one session
    #[arg(
        long,
        default_value_t = 1 << 20,
        value_parser = clap::value_parser!(u64).range(1..=u64::from(u32::MAX)),
        value_name = "N"
    )]
    pub max_queries: u64,
    /// When the set ends: a date or a time in UTC, such as 2026-12-01, or `never`; in 30 days unless
    /// given. It ends earlier with the first consent that it rests on
    #[arg(long, value_parser = end, value_name = "DATE")]
    pub expires: Option<End>,
    /// Where there is a set already: replace its key, and evaluate the whole list anew. Only so is a set
    /// from before of no use to an advertiser that kept it
    #[arg(long)]
    pub rekey: bool,
    /// This machine's private key, from `blindmatch keygen`
    #[arg(long, value_name = "FILE", help_heading = "Keys")]
    pub identity: PathBuf,
    /// The advertiser's public key file, or the key itself: whom the set is for
    #[arg(long = "for", value_name = "FILE|KEY", help_heading = "Keys")]
    pub peer: String,
    #[command(flatten)]
    pub list: ListArgs,
    /// Makes NAME.set, NAME.entries and NAME.key; where they are there already, updates them
    #[arg(long, value_name = "NAME", help_heading = "Output")]
    pub output: PathBuf,
    /// Write the report here, as JSON; `-` is standard output
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    pub report: Option<PathBuf>,
    #[command(flatten)]
    pub compute: ComputeArgs,
}

pub fn run(args: &PrepareArgs, shared: &Shared) -> Result<()> {
    let started = Instant::now();
    check_files(args)?;
    let identity = Identity::load(&args.identity);
    let identity = identity.map_err(|e| missing(e, "`blindmatch keygen NAME` makes NAME.key"))?;
    let peer = peer(&args.peer)?.fingerprint();
    let binding = EpochBinding::new(&args.epoch, &peer, args.list.purpose, args.list.profile)?;
    let loaded = args.list.load(&args.path, Party::Platform.name(), shared)?;

    let mut options = Options::default();
    (options.max_queries, options.rekey) = (args.max_queries, args.rekey);
    options.expires = match args.expires {
        None => Some(Timestamp::now() + DEFAULT_LIFE),
        Some(End::Never) => None,
        Some(End::At(time)) => Some(time),
    };
    options.engine = args.compute.engine();
    let mut bar = shared.bars.session(Party::Platform.name());
    let mut watch = |progress: Progress| {
        bar.progress(progress);
        match shared.stop.load(Ordering::Relaxed) {
            true => ControlFlow::Break(()),
            false => ControlFlow::Continue(()),
        }
    };
    let (name, list) = (&args.output, &loaded.list);
    let prepared = prepare::prepare(name, list, &identity, &binding, &options, &mut watch)?;
    drop(bar);

    let mut report = PrepareReport::new(&prepared);
    report.add_phase("read", loaded.took);
    report.set_total(started.elapsed());
    let stdout_taken = args.report.as_deref().is_some_and(output::is_dash);
    output::publish(&report, &report.to_json(), args.report.as_deref(), stdout_taken, shared)
}

/// Whether all can be read and written, before anything is.
fn check_files(args: &PrepareArgs) -> Result<()> {
    if args.output.file_name().is_none()
        || args.output.as_os_str().as_encoded_bytes().ends_with(b"/")
    {
        return Err(Error::Misuse("--output takes a name, such as sets/november".into()));
    }
    let made = prepare::file_names(&args.output);
    let keys = [args.identity.as_path(), Path::new(&args.peer)];
    let read = args.list.files(&args.path).chain(keys).collect();
    let written = made.iter().chain(&args.report).map(PathBuf::as_path).collect();
    Files { read, written, ..Files::default() }.check()
}

/// The one advertiser.
fn peer(source: &str) -> Result<PublicIdentity> {
    let trust = Trust::read([source]);
    let trust = trust.map_err(|e| missing(e, "ask the advertiser for its .pub file"))?;
    match trust.keys() {
        [key] => Ok(key.clone()),
        _ => Err(Error::Misuse(format!(
            "--for {source}: names several keys; a set is for one advertiser"
        ))),
    }
}

/// When a set ends, if not with a consent.
#[derive(Clone, Copy, Debug)]
pub enum End {
    Never,
    At(Timestamp),
}

fn end(text: &str) -> Result<End, String> {
    if text == "never" {
        return Ok(End::Never);
    }
    let date = text.parse::<civil::Date>().ok().filter(|_| text.len() == "2026-12-01".len());
    let midnight = date.map(|date| date.to_datetime(civil::Time::midnight()));
    let midnight = midnight.and_then(|midnight| tz::Offset::UTC.to_timestamp(midnight).ok());
    let time = midnight.or_else(|| text.parse().ok());
    let problem = "a date such as 2026-12-01, a time such as 2026-12-01T12:00:00Z, or `never`";
    time.map(End::At).ok_or_else(|| problem.into())
}

/// 30 days.
const DEFAULT_LIFE: SignedDuration = SignedDuration::from_hours(30 * 24);
