//! Commands, and what they share: logging, threads, signals, errors with their remedies.

mod args;
mod backends;
mod bench;
mod bench_args;
mod bench_compare;
mod bench_report;
mod bench_run;
mod budget;
mod check;
mod connect;
mod keygen;
mod lists;
mod matching;
mod output;
mod pair;
mod people;
mod plan;
mod prepare;
mod progress;
mod protocols;
mod serve;
mod serving;

use std::io::{self, ErrorKind, IsTerminal};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use blindmatch::Error;
use blindmatch::error::PeerFault;
use blindmatch::server::Shutdown;
use clap::Parser;
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use tracing_subscriber::EnvFilter;

use args::{Cli, Command};
use progress::Bars;

pub fn main() -> ExitCode {
    let cli = Cli::parse();
    match run(&cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            if let Some(remedy) = remedy(&error) {
                eprintln!("  help: {remedy}");
            }
            ExitCode::from(exit_code(&error))
        }
    }
}

fn run(cli: &Cli) -> blindmatch::Result<()> {
    let serves = match &cli.command {
        Command::Serve(_) => true,
        Command::Pair(args) => args.serves(),
        _ => false,
    };
    log_to_stderr(cli.verbose + u8::from(serves));
    if let Some(threads) = cli.threads() {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build_global();
        pool.map_err(|e| Error::Misuse(format!("--threads: {e}")))?;
    }
    let (stop, shutdown) = (Arc::default(), Shutdown::new());
    stop_on_signal(&stop, &shutdown)?;
    let shared = Shared { bars: Bars::new(cli.quiet), quiet: cli.quiet, stop, shutdown };
    match &cli.command {
        Command::Match(args) => matching::run(args, &shared),
        Command::Check(args) => check::run(args, &shared),
        Command::Keygen(args) => keygen::run(args, &shared),
        Command::Prepare(args) => prepare::run(args, &shared),
        Command::Serve(args) => serve::run(args, &shared),
        Command::Connect(args) => connect::run(args, &shared),
        Command::Pair(args) => pair::run(args, &shared),
        Command::Budget(args) => budget::run(args, &shared),
        Command::Bench(args) => bench::run(args, &shared),
        Command::Plan(args) => plan::run(args, &shared),
    }
}

/// What every command is given.
struct Shared {
    bars: Bars,
    quiet: bool,
    /// Set by the first SIGINT or SIGTERM.
    stop: Arc<AtomicBool>,
    /// Asked by each of them.
    shutdown: Shutdown,
}

/// From now on a signal ends the command in good order: the first asks it to stop, the second asks
/// a server not to wait for its sessions, the third ends the process at once.
fn stop_on_signal(stop: &Arc<AtomicBool>, shutdown: &Shutdown) -> blindmatch::Result<()> {
    let signals = Signals::new([SIGINT, SIGTERM]);
    let mut signals = signals.map_err(Error::io("installing a signal handler"))?;
    let (stop, shutdown) = (Arc::clone(stop), shutdown.clone());
    thread::spawn(move || {
        for (earlier, _) in signals.forever().enumerate() {
            if earlier >= 2 {
                std::process::exit(INTERRUPTED.into());
            }
            stop.store(true, Ordering::Relaxed);
            shutdown.request();
        }
    });
    Ok(())
}

fn log_to_stderr(verbose: u8) {
    let default = match verbose {
        0 => "warn",
        1 => "blindmatch=info,warn",
        _ => "blindmatch=debug,info",
    };
    let colours = io::stderr().is_terminal();
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(default));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .with_ansi(colours)
        .init();
}

/// Exit code after a signal, as shells have it for SIGINT.
const INTERRUPTED: u8 = 130;

/// For flags that cannot be, alone or together; clap exits with the same.
const USAGE: u8 = 2;

/// By fault, so that a script can tell them apart; listed in the README.
fn exit_code(error: &Error) -> u8 {
    match error.cause() {
        Error::Misuse(_) => USAGE,
        Error::Input(_) | Error::Key { .. } | Error::Record { .. } => 3,
        Error::Consent(_) => 4,
        Error::Incompatible { .. } => 5,
        Error::Peer(_) | Error::Channel(_) => 6,
        Error::Io { .. } => 7,
        Error::BudgetSpent(_) | Error::Refused(_) => 8,
        Error::Interrupted => INTERRUPTED,
        _ => 1,
    }
}

/// What to do about an error that does not say so itself.
fn remedy(error: &Error) -> Option<String> {
    Some(match error.cause() {
        Error::Incompatible { field, ours, theirs } => match *field {
            "profile" => "both sides must pass the same --profile".to_owned(),
            "profile rules" | "wire version" => {
                "both sides must run the same version of blindmatch".to_owned()
            }
            "purpose" => "both sides must pass the same --purpose".to_owned(),
            "protocol" => "both sides must pass the same --protocol".to_owned(),
            "reveal" => "agree with your peer on --reveal; the platform decides".to_owned(),
            "minimum audience" => "leave out --min-audience to take the platform's".to_owned(),
            "list size" => {
                "raise --max-elements on the side that refuses, or split the list".to_owned()
            }
            "counting" => "both sides must pass --people, or neither".to_owned(),
            "parameters" if ours.ends_with("sketch") == theirs.ends_with("sketch") => {
                "both sides must pass the same --clip and the same --noise".to_owned()
            }
            "parameters" => {
                "a platform with --budget-list-overlap matches with `connect --sketch`, and no other"
                    .to_owned()
            }
            "role" => "one side runs `serve`, the other `connect`".to_owned(),
            field => return pair::remedy(field).map(str::to_owned),
        },
        Error::Refused(_) => {
            "nothing was matched; come again in the next period with no more than is left, or ask the \
             platform for more"
                .to_owned()
        }
        Error::Peer(PeerFault::Stalled { .. }) => {
            "see whether the peer still runs; --idle-timeout and --session-timeout set the limits"
                .to_owned()
        }
        Error::Peer(PeerFault::HungUp(_)) => "the peer's log says why it left".to_owned(),
        Error::Peer(PeerFault::NotBlindmatch) => {
            "something else listens at this address; see --peer".to_owned()
        }
        Error::Io { source, .. } => match source.kind() {
            ErrorKind::ConnectionRefused => {
                "nobody listens there: see --peer, and whether `blindmatch serve` runs".to_owned()
            }
            ErrorKind::AddrInUse => {
                "another program listens there; choose another port (0 takes a free one)".to_owned()
            }
            _ => return None,
        },
        _ => return None,
    })
}
