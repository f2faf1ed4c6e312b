//! `blindmatch bench --out`: both parties as processes, over links; and one of those processes.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use blindmatch::bench::contestant::{Contestant, Other, Ours};
use blindmatch::bench::harness::{Harness, Observer};
use blindmatch::bench::party::{self, Task, Way};
use blindmatch::bench::peers::{Peer, Python};
use blindmatch::bench::record::{Absent, Cell, Definition, Network, Record};
use blindmatch::bench::{definition, report, scaling};
use blindmatch::group::Backend;
use blindmatch::{Error, Result};
use indicatif::ProgressBar;

use super::Shared;
use super::bench::{backends, say, threads, without_repetition};
use super::bench_args::BenchArgs;
use super::bench_report;

/// One side of a run: told what to do on standard input.
pub fn party(task: &str, shared: &Shared) -> Result<()> {
    let task: Task = serde_json::from_str(task)
        .map_err(|e| Error::Misuse(format!("not a task of a benchmark: {e}")))?;
    party::play(&task, io::stdin().lock(), io::stdout().lock(), &shared.stop)
}

pub fn run(args: &BenchArgs, shared: &Shared) -> Result<()> {
    let folder = args.out.as_deref().expect("asked for by who calls");
    let definition = match &args.definition {
        Some(path) => Definition::read(path)?,
        None => from_flags(args),
    };
    measure(definition, folder, shared)
}

/// What growth is told from.
pub fn scaling(folder: &Path, shared: &Shared) -> Result<()> {
    measure(scaling::definition(), folder, shared)
}

fn measure(definition: Definition, folder: &Path, shared: &Shared) -> Result<()> {
    let (contestants, absent) = contestants(&definition, &shared.stop)?;
    for absent in &absent {
        say(&format!("{} is left out: {}", absent.name, absent.why))?;
    }
    let harness = Harness::open(definition, contestants, absent, folder)?;
    for note in harness.notes() {
        say(note)?;
    }
    let bar = shared.bars.rounds("bench", 1);
    let mut progress = Bar { bar, quiet: shared.quiet };
    let record = harness.run(&mut progress, &shared.stop);
    progress.bar.finish_and_clear();
    if matches!(record, Err(Error::Interrupted)) {
        say(&format!(
            "what was measured is in {}; the same command goes on from there",
            folder.display()
        ))?;
    }
    summary(&record?, folder)
}

fn from_flags(args: &BenchArgs) -> Definition {
    let named = if args.protocol.is_empty() { &["all".to_owned()][..] } else { &args.protocol[..] };
    let subjects = named.iter().flat_map(|name| match name.as_str() {
        "all" => Way::all().into_iter().map(Way::name).collect(),
        name => vec![name.to_owned()],
    });
    let default = definition::sizes("2^8..2^16").expect("a range");
    // Who asks for unbalanced lists alone gets them alone.
    let default = if args.unbalanced.is_empty() { &default[..] } else { &[] };
    let balanced = args.sizes_or(default).into_iter().map(|size| [size, size]);
    let unbalanced = args.unbalanced.iter().map(|sizes| sizes.0);
    let best = [Backend::detect()];
    let backends = if args.backend.is_empty() { best.to_vec() } else { backends(&args.backend) };
    let usual = ["lan", "wan-200", "wan-50", "wan-5"];
    let usual = || usual.iter().filter_map(|name| Network::by_name(name)).collect();
    Definition {
        subjects: without_repetition(subjects.collect()),
        sizes: without_repetition(balanced.chain(unbalanced).collect()),
        networks: args.network.as_ref().map_or_else(usual, |networks| networks.0.clone()),
        threads: threads(&args.threads),
        backends: backends.iter().map(|backend| backend.name().to_owned()).collect(),
        repeat: args.repeat,
        seed: args.seed,
    }
}

type Contestants = (Vec<Box<dyn Contestant>>, Vec<Absent>);

/// Everyone that the definition names, and who is not there.
fn contestants(definition: &Definition, stop: &Arc<AtomicBool>) -> Result<Contestants> {
    let program = std::env::current_exe().map_err(Error::io("looking for this program"))?;
    let python = Python::from_environment();
    let (mut contestants, mut absent): Contestants = Default::default();
    for name in &definition.subjects {
        if let Some(way) = Way::by_name(name) {
            contestants.push(Box::new(Ours::new(way, &program, &["bench", "party"])?));
        } else if let Some(peer) = Peer::named(name) {
            match peer.find(&python, FIND, stop)? {
                Ok(version) => {
                    contestants.push(Box::new(Other::new(peer, python.clone(), version)))
                }
                Err(missing) => absent.push(missing),
            }
        } else {
            return Err(Error::Misuse(format!("nothing that can be measured is called {name}")));
        }
    }
    for name in &definition.backends {
        if Backend::by_name(name).is_none() {
            return Err(Error::Misuse(format!("this CPU has no backend {name}")));
        }
    }
    Ok((contestants, absent))
}

/// How long another program may take to load.
const FIND: Duration = Duration::from_secs(120);

/// A bar on a terminal, else a line now and then.
struct Bar {
    bar: ProgressBar,
    quiet: bool,
}

impl Observer for Bar {
    fn next(&mut self, done: usize, of: usize, cell: &Cell, left: Option<Duration>) {
        let left = left.map_or(String::new(), |left| format!(", about {} left", span(left)));
        let Cell { subject, advertiser, platform, network, threads, .. } = cell;
        let what = format!("{} {advertiser} x {platform} {network} {threads}", subject.name);
        self.bar.set_length(of as u64);
        self.bar.set_position(done as u64);
        self.bar.set_prefix(format!("{what}{left}"));
        if self.bar.is_hidden() && !self.quiet && done.is_multiple_of(LINES) {
            eprintln!("run {} of {of}{left}: {what}", done + 1);
        }
    }
}

/// Runs between two lines.
const LINES: usize = 50;

fn span(time: Duration) -> String {
    match time.as_secs() {
        seconds @ ..100 => format!("{seconds} s"),
        seconds @ 100..6000 => format!("{} min", seconds / 60),
        seconds => format!("{} h {} min", seconds / 3600, seconds / 60 % 60),
    }
}

/// A line for each configuration, what grows how, what is missing, and where the rest is.
fn summary(record: &Record, folder: &Path) -> Result<()> {
    say(&format!(
        "{:<24}{:>9}{:>9}  {:<9}{:>3}{:>11}{:>9}{:>11}{:>9}{:>10}{:>8}",
        "subject",
        "A",
        "P",
        "network",
        "thr",
        "total ms",
        "+-",
        "online ms",
        "link ms",
        "CPU ms",
        "bits/el"
    ))?;
    for cell in &record.cells {
        let network =
            record.definition.networks.iter().find(|network| network.name == cell.network);
        let kind = cell.subject.kind;
        let link = cell.sample(|run| network.map_or(0.0, |network| network.least(kind, run)));
        let (total, online) = (cell.sample(|run| run.total), cell.sample(|run| run.online));
        say(&format!(
            "{:<24}{:>9}{:>9}  {:<9}{:>3}{:>11.1}{:>9.1}{:>11.1}{:>9.1}{:>10.1}{:>8.0}",
            cell.subject.name,
            cell.advertiser,
            cell.platform,
            cell.network,
            cell.threads,
            total.median() * 1e3,
            total.spread() * 1e3,
            online.median() * 1e3,
            link.median() * 1e3,
            cell.sample(|run| run.cpu()).median() * 1e3,
            cell.sample(|run| report::bits_each(cell, run)).median()
        ))?;
    }
    say("")?;
    bench_report::say_growth(record)?;
    for Absent { name, why } in &record.absent {
        say(&format!("not measured: {name}: {why}"))?;
    }
    say(&format!("\nthe report: {}", folder.join("report.html").display()))
}
