//! `blindmatch bench`: whole protocols and the stages of the group, measured on this machine.

use std::io::{self, Write};
use std::sync::atomic::Ordering;

use blindmatch::bench::machine;
use blindmatch::bench::measure::Sample;
use blindmatch::bench::stages::{self, Input, Stage, Times};
use blindmatch::bench::whole::Setup;
use blindmatch::bench::workload::Pair;
use blindmatch::group::{Backend, Engine, Parallelism};
use blindmatch::protocol::ProtocolName;
use blindmatch::session::Bytes;
use blindmatch::{Error, Result};

use super::Shared;
use super::bench_args::{BackendChoice, BenchArgs, BenchCommand, ThreadChoice};
use super::{bench_compare, bench_report, bench_run};

pub fn run(args: &BenchArgs, shared: &Shared) -> Result<()> {
    match &args.command {
        Some(BenchCommand::Compare(args)) => bench_compare::run(args),
        Some(BenchCommand::Report(args)) => bench_report::run(args),
        Some(BenchCommand::Scaling { out }) => bench_run::scaling(out, shared),
        Some(BenchCommand::Party { task }) => bench_run::party(task, shared),
        None if args.is_over_links() => bench_run::run(args, shared),
        None => in_memory(args, shared),
    }
}

/// Both parties in this process.
fn in_memory(args: &BenchArgs, shared: &Shared) -> Result<()> {
    let all = [BackendChoice::All];
    let chosen = if args.backend.is_empty() { &all[..] } else { &args.backend[..] };
    let (backends, threads) = (backends(chosen), threads(&args.threads));
    let (cores, repeat) = (cores(), args.repeat);
    let version = env!("CARGO_PKG_VERSION");
    say(&format!(
        "blindmatch {version}, {}; cores: {cores}; seed {}, medians of {} runs in turn after one to \
         warm up, +- half the distance between the quartiles",
        machine::cpu(),
        args.seed,
        repeat
    ))?;
    let protocols = args.protocols()?;
    say(&format!(
        "\n{:<9}{:>9}  {:<9}{:>7}{:>11}{:>9}{:>13}{:>8}{:>13}{:>13}",
        "protocol",
        "size",
        "backend",
        "threads",
        "wall ms",
        "+-",
        "CPU us/pair",
        "+-",
        "bytes A to P",
        "bytes P to A"
    ))?;
    for protocol in protocols {
        let mut setups = Vec::new();
        for backend in &backends {
            for threads in &threads {
                let setup = Setup::new(protocol, *backend, *threads)?;
                setups.push(setup.with_blinding(args.blinding));
            }
        }
        for size in args.sizes_or(&IN_MEMORY) {
            for row in whole(args, protocol, size, &setups, shared)? {
                say(&row)?;
            }
        }
    }
    say(&format!(
        "\n{:<12}{:<9}{:>12}{:>8}{:>14}{:>8}",
        "stage", "backend", "ns/element", "+-", "times dalek", "+-"
    ))?;
    for stage in REPORTED {
        for row in one_stage(args, stage, &backends)? {
            say(&row)?;
        }
        if shared.stop.load(Ordering::Relaxed) {
            return Err(Error::Interrupted);
        }
    }
    Ok(())
}

/// The stages that matching is made of, and their parts.
const REPORTED: [Stage; 5] =
    [Stage::HashBlind, Stage::Blind, Stage::Hash, Stage::Decode, Stage::Fixed];

/// Sizes unless told otherwise.
const IN_MEMORY: [u64; 2] = [1 << 10, 1 << 16];

/// Rounds in which the stages are measured, for each repetition of the whole protocols.
const ROUNDS: usize = 5;

/// What one setup came to.
#[derive(Default)]
struct Samples {
    wall_ms: Sample,
    cpu_us: Sample,
    bytes: Bytes,
}

/// Every setup in turn, one time after the other, beginning with another one each time.
fn whole(
    args: &BenchArgs,
    protocol: ProtocolName,
    size: u64,
    setups: &[Setup],
    shared: &Shared,
) -> Result<Vec<String>> {
    let bar = shared
        .bars
        .rounds(&format!("{} {size}", protocol.name()), (setups.len() * (args.repeat + 1)) as u64);
    let pair = Pair::new(size, args.seed)?;
    let mut samples: Vec<Samples> = setups.iter().map(|_| Samples::default()).collect();
    for round in 0..=args.repeat {
        for turn in 0..setups.len() {
            let at = (round + turn) % setups.len();
            let cost = setups[at].run(&pair, args.seed, &shared.stop)?;
            bar.inc(1);
            if round > 0 {
                samples[at].wall_ms.push(cost.wall.as_secs_f64() * 1e3);
                samples[at].cpu_us.push(cost.cpu_us_a_pair(size));
                samples[at].bytes = cost.bytes;
            }
        }
    }
    bar.finish_and_clear();
    let row = |(setup, samples): (&Setup, &Samples)| {
        format!(
            "{:<9}{size:>9}  {:<9}{:>7}{}{}{:>13}{:>13}",
            protocol.name(),
            setup.backend().name(),
            setup.threads(),
            figure(&samples.wall_ms, [11, 9], 1),
            figure(&samples.cpu_us, [13, 8], 2),
            samples.bytes.sent,
            samples.bytes.received
        )
    };
    Ok(setups.iter().zip(&samples).map(row).collect())
}

/// dalek and every backend in turn, on one thread.
fn one_stage(args: &BenchArgs, stage: Stage, backends: &[Backend]) -> Result<Vec<String>> {
    let input = Input::new(stages::CHUNK, args.seed);
    let ours = |backend: &Backend| stage.ours(&input, Engine::new(*backend, Parallelism::Serial));
    let ways: Vec<_> = [stage.dalek(&input)].into_iter().chain(backends.iter().map(ours)).collect();
    let times = Times::of(stage.name(), input.elements(), ROUNDS * args.repeat, &ways)?;
    let names = ["dalek"].into_iter().chain(backends.iter().map(|backend| backend.name()));
    let row = |(way, name): (usize, &str)| {
        let nanoseconds = figure(&times.nanoseconds(way), [12, 8], 0);
        let speed_up = figure(&times.speed_up(way, 0), [14, 8], 2);
        format!("{:<12}{name:<9}{nanoseconds}{speed_up}", stage.name())
    };
    Ok(names.enumerate().map(row).collect())
}

/// Median and spread, in columns of these widths, with so many digits after the point.
fn figure(sample: &Sample, [width, spread_width]: [usize; 2], digits: usize) -> String {
    let (median, spread) = (sample.median(), sample.spread());
    format!("{median:>width$.digits$}{spread:>spread_width$.digits$}")
}

pub fn backends(choices: &[BackendChoice]) -> Vec<Backend> {
    let mut backends = Vec::new();
    for choice in choices {
        let chosen = match choice {
            BackendChoice::All => Backend::available(),
            BackendChoice::One(backend) => vec![*backend],
        };
        backends.extend(chosen);
    }
    without_repetition(backends)
}

pub fn threads(choices: &[ThreadChoice]) -> Vec<usize> {
    let number = |choice: &ThreadChoice| match choice {
        ThreadChoice::Max => cores(),
        ThreadChoice::Number(threads) => *threads,
    };
    without_repetition(choices.iter().map(number).collect())
}

pub fn without_repetition<T: PartialEq>(values: Vec<T>) -> Vec<T> {
    let mut kept = Vec::new();
    for value in values {
        if !kept.contains(&value) {
            kept.push(value);
        }
    }
    kept
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// One line, at once: the next one may take minutes.
pub fn say(line: &str) -> Result<()> {
    match writeln!(io::stdout(), "{line}") {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Err(Error::Interrupted),
        written => written.map_err(Error::io("writing to standard output")),
    }
}
