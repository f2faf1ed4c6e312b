//! Predictions beside what the commands really take on this machine.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use blindmatch::bench::measure::Sample;
use blindmatch::plan::{Calibration, Estimate, Question, Setting, Way};
use blindmatch::protocol::ProtocolName;
use blindmatch::{Error, Result};
use serde_json::Value;

use super::super::Shared;
use super::{PlanArgs, bytes, cores, say, time};

/// Runs every way at every size, in turn and as often as was asked, and prints a Markdown table.
pub fn run(args: &PlanArgs, calibration: &Calibration, shared: &Shared) -> Result<()> {
    let program = std::env::current_exe().map_err(Error::io("finding this program"))?;
    say(&format!(
        "{}, {}, {} cores; medians of {}. Predicted / measured (error), of the commands that the \
         advertiser runs, reading its list included; CPU and memory of both sides.\n\n\
         | lists | protocol | command | time | CPU | sent | received | memory |\n\
         |---|---|---|---|---|---|---|---|\n",
        calibration.cpu, calibration.backend, calibration.cores, args.repeat
    ))?;
    for sizes in &args.size {
        let bench = Bench { program: &program, folder: Folder::new()?, backend: calibration };
        bench.prepare_lists(*sizes)?;
        let cases = cases();
        let mut measured: Vec<Measured> = cases.iter().map(|_| Measured::default()).collect();
        for _ in 0..args.repeat {
            for (case, into) in cases.iter().zip(&mut measured) {
                if shared.stop.load(std::sync::atomic::Ordering::Relaxed) {
                    return Err(Error::Interrupted);
                }
                bench.run(*case, into)?;
            }
        }
        for (case, measured) in cases.iter().zip(&measured) {
            say(&line(calibration, *sizes, *case, measured))?;
        }
    }
    Ok(())
}

/// One way to run one protocol.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Case {
    way: Way,
    command: Run,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Run {
    Match,
    Connect,
    Prepare,
}

fn cases() -> Vec<Case> {
    // PAIR has commands of its own.
    let fresh =
        Way::all().into_iter().filter(|way| !way.prepared && way.protocol != ProtocolName::Pair);
    let fresh =
        fresh.flat_map(|way| [Run::Match, Run::Connect].map(|command| Case { way, command }));
    let prepared = Way::all().into_iter().filter(|way| way.prepared);
    let prepare = Way { protocol: ProtocolName::Oprf, prepared: true };
    let prepared = prepared.map(|way| Case { way, command: Run::Connect });
    fresh.chain([Case { way: prepare, command: Run::Prepare }]).chain(prepared).collect()
}

#[derive(Default)]
struct Measured {
    seconds: Sample,
    cpu: Sample,
    sent: u64,
    received: u64,
    memory: [Sample; 2],
}

/// A line of the table.
fn line(calibration: &Calibration, sizes: [u64; 2], case: Case, measured: &Measured) -> String {
    let mut question = Question::new(sizes);
    question.cores = cores();
    question.setting = match case.command {
        Run::Match => Setting::Process,
        _ => Setting::Loopback,
    };
    question.label_bytes = LABEL.len() + 2;
    question.clip = CLIP;
    let estimate = Estimate::new(calibration, &question, case.way);
    let both = |predicted: f64, measured: f64, shown: fn(f64) -> String| {
        let error = (predicted / measured - 1.0) * 100.0;
        format!("{} / {} ({error:+.0} %)", shown(predicted), shown(measured))
    };
    let size = |bytes: f64| super::bytes(bytes as u64);
    let memory = |predicted: u64, sample: &Sample| both(predicted as f64, sample.median(), size);
    let (command, seconds, cpu) = match case.command {
        Run::Match => ("`match`", estimate.command_seconds, estimate.command_cpu_seconds),
        Run::Connect => ("`connect`", estimate.command_seconds, estimate.command_cpu_seconds),
        Run::Prepare => {
            let [seconds, cpu] = [estimate.prepare_seconds, estimate.prepare_cpu_seconds];
            ("`prepare`", seconds.unwrap_or(0.0), cpu.unwrap_or(0.0))
        }
    };
    let traffic = |predicted: u64, measured: u64| match measured {
        0 => "-".to_owned(),
        _ if bytes(predicted) == bytes(measured) => bytes(measured),
        _ => both(predicted as f64, measured as f64, size),
    };
    let held = match case.command {
        Run::Match => memory(estimate.memory[0], &measured.memory[0]),
        Run::Connect => format!(
            "{}; {}",
            memory(estimate.memory[0], &measured.memory[0]),
            memory(estimate.memory[1], &measured.memory[1])
        ),
        Run::Prepare => memory(estimate.prepare_memory.unwrap_or(0), &measured.memory[0]),
    };
    format!(
        "| {} | `{}` | {command} | {} | {} | {} | {} | {held} |\n",
        named(sizes),
        case.way,
        both(seconds, measured.seconds.median(), time),
        both(cpu, measured.cpu.median(), time),
        traffic(estimate.bytes[0], measured.sent),
        traffic(estimate.bytes[1], measured.received),
    )
}

/// Sizes as in `2^10 x 2^18`.
fn named(sizes: [u64; 2]) -> String {
    let name = |size: u64| match size.is_power_of_two() {
        true => format!("2^{}", size.ilog2()),
        false => size.to_string(),
    };
    let [ours, theirs] = sizes.map(name);
    format!("{ours} x {theirs}")
}

/// Where commands run.
struct Bench<'a> {
    program: &'a Path,
    folder: Folder,
    backend: &'a Calibration,
}

impl Bench<'_> {
    fn prepare_lists(&self, sizes: [u64; 2]) -> Result<()> {
        let common = sizes[0].min(sizes[1]) / 2;
        let writing = Error::io("writing lists to check with");
        write_list(&self.folder.file("advertiser.csv"), sizes[0], 0)
            .and_then(|()| {
                write_list(&self.folder.file("platform.csv"), sizes[1], sizes[0] - common)
            })
            .map_err(writing)?;
        for name in ["advertiser", "platform"] {
            self.finish(self.command(["-q", "keygen", name]).spawn())?;
        }
        Ok(())
    }

    fn run(&self, case: Case, into: &mut Measured) -> Result<()> {
        let before = children_cpu();
        let [ours, theirs] = match case.command {
            Run::Match => [Some(self.run_match(case.way.protocol)?), None],
            Run::Prepare => [Some(self.run_prepare()?), None],
            Run::Connect => self.run_connect(case.way)?,
        };
        into.cpu.push(children_cpu() - before);
        let number = |report: &Value, path: &str| report.pointer(path).and_then(Value::as_f64);
        for (report, memory) in [&ours, &theirs].into_iter().zip(&mut into.memory) {
            report.iter().filter_map(|r| number(r, "/peak_memory")).for_each(|m| memory.push(m));
        }
        let Some(ours) = ours else { return Ok(()) };
        into.seconds.push(number(&ours, "/seconds").unwrap_or(f64::NAN));
        into.sent = number(&ours, "/bytes/sent").unwrap_or(0.0) as u64;
        into.received = number(&ours, "/bytes/received").unwrap_or(0.0) as u64;
        Ok(())
    }

    /// Both sides in one program.
    fn run_match(&self, protocol: ProtocolName) -> Result<Value> {
        let mut command = self.command(["-q", "match", "--advertiser", "advertiser.csv"]);
        command.args(["--platform", "platform.csv", "--report", "match.json"]);
        command.args(["--protocol", protocol.name(), "--backend", &self.backend.backend]);
        match protocol {
            ProtocolName::Labelled => _ = command.args(["--label", "tier"]),
            ProtocolName::Sum => _ = command.args(["--value", "order_cents", "--clip", CLIP_TEXT]),
            _ => {}
        }
        self.finish(command.spawn())?;
        self.report("match.json")
    }

    /// A set, made anew.
    fn run_prepare(&self) -> Result<Value> {
        for end in ["set", "entries", "key"] {
            let _ = fs::remove_file(self.folder.file(&format!("prepared.{end}"))); // the first time there is none
        }
        let mut command = self.command(["-q", "prepare", "--list", "platform.csv"]);
        command.args(["--epoch", "2026-11", "--identity", "platform.key", "--for"]);
        command.args(["advertiser.pub", "--output", "prepared", "--report", "prepare.json"]);
        command.args(["--backend", &self.backend.backend]);
        self.finish(command.spawn())?;
        self.report("prepare.json")
    }

    /// A server for one session, and its client: their reports, the client's first.
    fn run_connect(&self, way: Way) -> Result<[Option<Value>; 2]> {
        let (protocol, backend) = (way.protocol, self.backend.backend.as_str());
        let mut serve = self.command(["serve", "--listen", "127.0.0.1:0", "--sessions", "1"]);
        serve.args(["--identity", "platform.key", "--trust", "advertiser.pub"]);
        serve.args(["--protocol", protocol.name(), "--min-audience", "0", "--backend", backend]);
        serve.args(["--results", "results"]);
        match way.prepared {
            true => serve.args(["--prepared", "prepared"]),
            false => serve.args(["--list", "platform.csv"]),
        };
        let mut connect = self.command(["-q", "connect", "--list", "advertiser.csv"]);
        connect.args(["--identity", "advertiser.key", "--trust", "platform.pub"]);
        connect.args(["--protocol", protocol.name(), "--report", "connect.json"]);
        connect.args(["--backend", backend]);
        match protocol {
            ProtocolName::Labelled => _ = serve.args(["--label", "tier"]),
            ProtocolName::Sum => {
                serve.args(["--clip", CLIP_TEXT]);
                connect.args(["--value", "order_cents", "--clip", CLIP_TEXT]);
            }
            _ => {}
        }
        let _ = fs::remove_dir_all(self.folder.file("results")); // the first time there is none
        let mut server = Running(serve.stdout(Stdio::piped()).spawn().map_err(starting)?);
        let Some(stdout) = server.0.stdout.take() else { return Err(failed("serve")) };
        let (mut first, mut stdout) = (String::new(), BufReader::new(stdout));
        stdout.read_line(&mut first).map_err(Error::io("hearing from a server"))?;
        let address = first.trim().strip_prefix("listening on ").ok_or_else(|| failed("serve"))?;
        self.finish(connect.args(["--peer", address]).spawn())?;
        // What it says must go somewhere until it ends.
        std::io::copy(&mut stdout, &mut std::io::sink())
            .map_err(Error::io("hearing from a server"))?;
        if !server.0.wait().map_err(starting)?.success() {
            return Err(failed("serve"));
        }
        Ok([Some(self.report("connect.json")?), self.result()?])
    }

    fn command<const N: usize>(&self, arguments: [&str; N]) -> Command {
        let mut command = Command::new(self.program);
        command.args(arguments).current_dir(&self.folder.0);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command
    }

    fn finish(&self, child: std::io::Result<Child>) -> Result<()> {
        let mut child = Running(child.map_err(starting)?);
        match child.0.wait().map_err(starting)?.success() {
            true => Ok(()),
            false => Err(failed("a command")),
        }
    }

    fn report(&self, name: &str) -> Result<Value> {
        read_json(&self.folder.file(name))
    }

    /// The one report of a server.
    fn result(&self) -> Result<Option<Value>> {
        let entries =
            fs::read_dir(self.folder.file("results")).map_err(Error::io("reading results"))?;
        let paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
        let mut reports = paths.filter(|path| path.extension().is_some_and(|end| end == "json"));
        reports.next().map(|path| read_json(&path)).transpose()
    }
}

fn read_json(path: &Path) -> Result<Value> {
    let text = fs::read_to_string(path).map_err(Error::io("reading a report"))?;
    serde_json::from_str(&text).map_err(|e| Error::WrongAnswer(format!("a report: {e}")))
}

fn starting(error: std::io::Error) -> Error {
    Error::io("running a command to check with")(error)
}

fn failed(what: &str) -> Error {
    Error::WrongAnswer(format!("{what} that was to be checked failed"))
}

/// A process that does not outlive us.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = (self.0.kill(), self.0.wait()); // it has ended, or we have
    }
}

/// Seconds of CPU time of the processes that were waited for; nothing where the system does not tell.
fn children_cpu() -> f64 {
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after_name = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    let ticks = after_name.split_whitespace().skip(13).take(2);
    ticks.filter_map(|ticks| ticks.parse::<f64>().ok()).sum::<f64>() / TICKS
}

/// Of a second, as Linux counts.
const TICKS: f64 = 100.0;

/// What values are cut down to.
const CLIP: u64 = 10_000;
const CLIP_TEXT: &str = "10000";

/// What labels begin with; a number of up to two digits follows.
const LABEL: &str = "segment ";

/// Rows for the people numbered `first .. first + rows`, in an order that looks random.
fn write_list(path: &Path, rows: u64, first: u64) -> std::io::Result<()> {
    let mut out = BufWriter::new(File::create(path)?);
    writeln!(out, "customer_id,email,collected_for,purposes,consented_at,order_cents,tier")?;
    let step = if rows.is_multiple_of(STEP) { 1 } else { STEP % rows };
    let consent = "AccountManagement,TargetedAdvertising,2026-01-15T09:30:00Z";
    let mut row = 0;
    for id in 0..rows {
        let person = first + row;
        let (value, label) = (person % (CLIP + 1), person % 100);
        writeln!(
            out,
            "customer-{id},person.{person}@example.com,{consent},{value},{LABEL}{label}"
        )?;
        row = (row + step) % rows;
    }
    out.flush()
}

/// A prime, so that steps of it visit every row once.
const STEP: u64 = 2_654_435_761;

/// A folder that goes when it is dropped.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Result<Folder> {
        let names =
            (0..u32::MAX).map(|number| format!("blindmatch-{}-{number}", std::process::id()));
        for name in names {
            let path = std::env::temp_dir().join(name);
            match fs::create_dir(&path) {
                Ok(()) => return Ok(Folder(path)),
                Err(e) if e.kind() == std::io::ErrorKind::AlreadyExists => {}
                Err(e) => return Err(Error::io("making a folder to check in")(e)),
            }
        }
        Err(failed("a folder"))
    }

    fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0); // made-up people: no harm where it stays
    }
}
