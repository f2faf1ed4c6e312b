//! `blindmatch plan`: what a match will take, and which protocol to choose.

mod check;

use std::fmt::{Display, Write as _};
use std::fs;
use std::io::{self, ErrorKind, Write as _};
use std::path::PathBuf;
use std::time::Duration;

use blindmatch::bench::workload;
use blindmatch::group::Backend;
use blindmatch::plan::{Calibration, Estimate, Plan, Question, Setting, Trust, Want, quantity};
use blindmatch::protocol::Reveal;
use blindmatch::{Error, Result, write_whole};
use clap::Args;

use super::args::{one_of, reveal};
use super::output::Files;
use super::{Shared, backends};

/// Say what a match will take, for every protocol, and which of them to choose
///
/// Predicts time, bytes and memory from a short calibration on this machine; nothing is matched. Lists
/// are taken to hold one identifier in a row, as CSV with consent columns.
#[derive(Debug, Args)]
pub struct PlanArgs {
    /// Elements of the advertiser's list: as in 2^20, 65536 or 1e6
    #[arg(long, value_parser = size, value_name = "N", required_unless_present = "check")]
    pub advertiser: Option<u64>,
    /// Elements of the platform's list
    #[arg(long, value_parser = size, value_name = "N", required_unless_present = "check")]
    pub platform: Option<u64>,
    /// Where the sides are: network, on two machines; loopback, `serve` and `connect` on this one; match,
    /// both in one program
    #[arg(long, default_value = "network", value_parser = place, value_name = "WHERE")]
    pub setting: Place,
    /// The link's rate, either way: as in 100Mbps, 1Gbps or 12MB/s
    #[arg(long, default_value = "1Gbps", value_parser = bandwidth, value_name = "RATE")]
    pub bandwidth: f64,
    /// Time there and back: as in 40ms
    #[arg(long, default_value = "20ms", value_parser = rtt, value_name = "TIME")]
    pub rtt: Duration,
    /// Of a link whose windows are open from the start, as `bench` makes them
    #[arg(long)]
    pub no_slow_start: bool,
    /// Cores of each machine; as many as the calibrated one has unless given
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=1024), value_name = "N")]
    pub cores: Option<u32>,
    /// Who is to learn: advertiser, platform, both or count
    #[arg(long, default_value = "advertiser", value_parser = reveal, value_name = "WHO", help_heading = "Question")]
    pub reveal: Reveal,
    /// What is to be learnt: matches, labels, count, sum or publisher-ids (PAIR)
    #[arg(long, default_value = "matches", value_parser = want, value_name = "WHAT", help_heading = "Question")]
    pub want: Want,
    /// What must hold: semi-honest, where both sides follow the protocol; verifiable, where the platform
    /// proves its answers; malicious, where either may cheat
    #[arg(long, default_value = "semi-honest", value_parser = trust, value_name = "HOW", help_heading = "Question")]
    pub trust: Trust,
    /// Fewest matches that are revealed
    #[arg(long, default_value_t = 0, value_name = "N", help_heading = "Question")]
    pub min_audience: u64,
    /// Sessions over one state of the platform's list, which share what preparing it takes
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..), value_name = "N", help_heading = "Question")]
    pub sessions: u32,
    /// Bytes of the longest label, in a labelled match
    #[arg(long, default_value_t = 15, value_parser = clap::value_parser!(u16).range(1..=1024), value_name = "N", help_heading = "Question")]
    pub label_bytes: u16,
    /// In a sum: what greater values are cut down to
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u64).range(1..), value_name = "N", help_heading = "Question")]
    pub clip: u64,
    /// The part of the shorter list that matches, in percent
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u8).range(..=100), value_name = "PERCENT", help_heading = "Question")]
    pub common: u8,
    /// A calibration: read from here where the file is there, else measured and written here
    #[arg(long, value_name = "FILE", help_heading = "Calibration")]
    pub calibration: Option<PathBuf>,
    /// How long to measure, about
    #[arg(long, default_value = "5", value_parser = seconds, value_name = "SECONDS", help_heading = "Calibration")]
    pub calibrate_seconds: f64,
    /// Instructions to calibrate: portable, avx2 or avx512. The best that this CPU has unless given
    #[arg(long, value_parser = backends::parse, value_name = "NAME", help_heading = "Calibration")]
    pub backend: Option<Backend>,
    /// Run what can be run here, with made-up lists, and print what was predicted beside what was measured,
    /// as a Markdown table
    #[arg(long, help_heading = "Check", conflicts_with_all = ["advertiser", "platform", "report"])]
    pub check: bool,
    /// With --check: lengths of both lists, or of the advertiser's and the platform's; several with commas
    #[arg(long, default_value = "2^14,2^16,2^18,2^10x2^18", value_delimiter = ',', value_parser = sizes, value_name = "N[xN],...", help_heading = "Check")]
    pub size: Vec<[u64; 2]>,
    /// With --check: how often each is run; the median counts
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u16).range(1..=100), value_name = "N", help_heading = "Check")]
    pub repeat: u16,
    /// Write the plan here, as JSON; `-` is standard output
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    pub report: Option<PathBuf>,
}

/// One of `--setting`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    Network,
    Loopback,
    Process,
}

pub fn run(args: &PlanArgs, shared: &Shared) -> Result<()> {
    args.files().check()?;
    let calibration = args.calibration(shared)?;
    if args.check {
        return check::run(args, &calibration, shared);
    }
    let plan = Plan::new(&calibration, &args.question(&calibration));
    let to_stdout = args.report.as_deref().is_some_and(super::output::is_dash);
    if let Some(path) = args.report.as_deref().filter(|_| !to_stdout) {
        write_whole(path, plan.to_json().as_bytes())?;
    }
    say(&if to_stdout { plan.to_json() } else { text(&plan) })
}

impl PlanArgs {
    /// The calibration is read where it is there, else written.
    fn files(&self) -> Files<'_> {
        let (read, made): (Vec<_>, Vec<_>) =
            self.calibration.iter().map(PathBuf::as_path).partition(|path| path.exists());
        let written = made.into_iter().chain(self.report.as_deref()).collect();
        Files { read, written, ..Files::default() }
    }

    fn cores(&self, calibration: &Calibration) -> usize {
        self.cores.map_or(calibration.cores, |cores| cores as usize)
    }

    fn question(&self, calibration: &Calibration) -> Question {
        let sizes = [self.advertiser, self.platform].map(|size| size.unwrap_or(1));
        let mut question = Question::new(sizes);
        question.setting = match self.setting {
            Place::Network => {
                let slow_start = !self.no_slow_start;
                Setting::Network { bandwidth: self.bandwidth, rtt: self.rtt, slow_start }
            }
            Place::Loopback => Setting::Loopback,
            Place::Process => Setting::Process,
        };
        question.cores = self.cores(calibration);
        (question.reveal, question.want, question.trust) = (self.reveal, self.want, self.trust);
        (question.min_audience, question.sessions) = (self.min_audience, self.sessions);
        (question.label_bytes, question.clip) = (self.label_bytes.into(), self.clip);
        question.common = f64::from(self.common) / 100.0;
        question
    }

    /// From the file, or measured.
    fn calibration(&self, shared: &Shared) -> Result<Calibration> {
        let Some(path) = &self.calibration else { return self.measure(shared) };
        let context = || format!("reading {}", path.display());
        match fs::read_to_string(path) {
            Ok(json) => {
                let problem =
                    |text: &dyn Display| Error::Misuse(format!("{}: {text}", path.display()));
                let found = Calibration::from_json(&json).map_err(|error| problem(&error))?;
                match self.backend.filter(|backend| backend.name() != found.backend) {
                    Some(other) => Err(problem(&format!(
                        "a calibration of {}; name another file to measure {}",
                        found.backend,
                        other.name()
                    ))),
                    None => Ok(found),
                }
            }
            Err(e) if e.kind() == ErrorKind::NotFound => {
                let calibration = self.measure(shared)?;
                write_whole(path, calibration.to_json().as_bytes())?;
                Ok(calibration)
            }
            Err(e) => Err(Error::io(context())(e)),
        }
    }

    fn measure(&self, shared: &Shared) -> Result<Calibration> {
        if !shared.quiet {
            let seconds = self.calibrate_seconds;
            eprintln!("calibrating this machine, about {seconds} s");
        }
        let backend = self.backend.unwrap_or_else(Backend::detect);
        blindmatch::plan::calibrate(backend, cores(), self.calibrate_seconds)
    }
}

/// What people read.
fn text(plan: &Plan) -> String {
    let mut out = String::new();
    let (question, calibration) = (&plan.question, &plan.calibration);
    let _ = writeln!(
        out,
        "{} x {} elements, {}\nunits of {} ({}, {} cores, {})\n",
        question.sizes[0],
        question.sizes[1],
        place_of(question),
        calibration.cpu,
        calibration.backend,
        calibration.cores,
        calibration.date
    );
    let head =
        ["session", "command", "prepare", "CPU", "A sends", "P sends", "memory A", "memory P"];
    let _ = write!(out, "{:<16}", "");
    head.iter().for_each(|title| {
        let _ = write!(out, "{title:>10}");
    });
    out.push('\n');
    let able = |estimate: &&Estimate| estimate.problem.is_none();
    for estimate in &plan.estimates {
        out.push_str(&row(estimate));
    }
    out.push_str(
        "\nsession: as the advertiser waits for it. command: its list read as well. CPU: both sides, \
         lists\nincluded. prepare: once for an epoch.\n\nBesides the size of the other's list:\n",
    );
    for estimate in plan.estimates.iter().filter(able) {
        let [advertiser, platform] = estimate.learns;
        let trust = estimate.trust.name();
        let text = format!("the advertiser learns {advertiser}, the platform {platform}; {trust}");
        wrap(&mut out, &format!("  {:<15} ", estimate.way), &text);
    }
    for estimate in plan.estimates.iter().filter(|estimate| !able(estimate)) {
        let problem = estimate.problem.as_deref().unwrap_or_default();
        let _ = writeln!(out, "  {:<15} not for this: {problem}", estimate.way);
    }
    match (&plan.choice, plan.chosen()) {
        (Some(choice), Some(best)) => {
            let _ = writeln!(out, "\nChoose {}:", choice.way);
            let stages =
                best.stages.iter().map(|(name, seconds)| format!("{name} {}", time(*seconds)));
            let stages = format!("its session: {}", stages.collect::<Vec<_>>().join(", "));
            choice.reasons.iter().chain([&stages]).for_each(|reason| wrap(&mut out, "  ", reason));
        }
        _ => out.push_str("\nNo protocol does that, each for the reason above.\n"),
    }
    plan.warnings.iter().for_each(|warning| wrap(&mut out, "note: ", warning));
    out
}

/// A sentence, in lines that a terminal holds.
fn wrap(out: &mut String, first: &str, text: &str) {
    let mut line = first.to_owned();
    let mut begun = false;
    for word in text.split(' ') {
        if begun && line.chars().count() + 1 + word.chars().count() > WIDTH {
            let _ = writeln!(out, "{line}");
            (line, begun) = (" ".repeat(first.len() + 2), false);
        }
        if begun {
            line.push(' ');
        }
        line.push_str(word);
        begun = true;
    }
    let _ = writeln!(out, "{line}");
}

const WIDTH: usize = 100;

fn row(estimate: &Estimate) -> String {
    let columns = [
        time(estimate.session_seconds),
        time(estimate.command_seconds),
        estimate.prepare_seconds.map_or_else(|| "-".into(), time),
        time(estimate.command_cpu_seconds),
        bytes(estimate.bytes[0]),
        bytes(estimate.bytes[1]),
        bytes(estimate.memory[0]),
        bytes(estimate.memory[1]),
    ];
    let name = match estimate.problem {
        Some(_) => format!("({})", estimate.way),
        None => estimate.way.to_string(),
    };
    let columns: String = columns.iter().map(|column| format!("{column:>10}")).collect();
    format!("{name:<16}{columns}\n")
}

fn place_of(question: &Question) -> String {
    let cores = question.cores;
    match question.setting {
        Setting::Network { bandwidth, rtt, .. } => format!(
            "two machines of {cores} cores, {} Mbit/s, {} ms",
            bandwidth * 8.0 / 1e6,
            rtt.as_secs_f64() * 1e3
        ),
        Setting::Loopback => format!("one machine of {cores} cores, over TLS"),
        _ => format!("one program on {cores} cores"),
    }
}

/// Seconds, as people say them.
fn time(seconds: f64) -> String {
    match seconds {
        s if s < 0.0995 => format!("{:.0} ms", s * 1e3),
        s if s < 9.95 => format!("{s:.2} s"),
        s if s < 600.0 => format!("{s:.0} s"),
        s if s < 36_000.0 => format!("{:.0} min", s / 60.0),
        s => format!("{:.1} h", s / 3600.0),
    }
}

fn bytes(bytes: u64) -> String {
    match bytes as f64 {
        b if b < 1e3 => format!("{b} B"),
        b if b < 999.5e3 => format!("{:.0} kB", b / 1e3),
        b if b < 9.95e6 => format!("{:.1} MB", b / 1e6),
        b if b < 999.5e6 => format!("{:.0} MB", b / 1e6),
        b if b < 9.95e9 => format!("{:.1} GB", b / 1e9),
        b => format!("{:.0} GB", b / 1e9),
    }
}

fn say(text: &str) -> Result<()> {
    match io::stdout().write_all(text.as_bytes()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Err(Error::Interrupted),
        written => written.map_err(Error::io("writing to standard output")),
    }
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

fn size(text: &str) -> Result<u64, String> {
    let size = workload::size(text).filter(|&size| size <= u32::MAX.into());
    size.ok_or_else(|| "a number of elements such as 2^20, 65536 or 1e6, below 2^32".into())
}

fn sizes(text: &str) -> Result<[u64; 2], String> {
    let (ours, theirs) = text.split_once('x').unwrap_or((text, text));
    let sizes = [size(ours)?, size(theirs)?];
    match sizes.into_iter().all(|size| (16..=1 << 24).contains(&size)) {
        true => Ok(sizes),
        false => Err("from 16 to 2^24 elements, one number or two, as in 2^10x2^18".into()),
    }
}

fn bandwidth(text: &str) -> Result<f64, String> {
    quantity::bandwidth(text).ok_or_else(|| "a rate such as 100Mbps, 1Gbps or 12MB/s".into())
}

fn rtt(text: &str) -> Result<Duration, String> {
    quantity::duration(text).ok_or_else(|| "a time such as 40ms".into())
}

fn seconds(text: &str) -> Result<f64, String> {
    let seconds = text.parse().ok().filter(|seconds| (0.0..=600.0).contains(seconds));
    seconds.ok_or_else(|| "a number of seconds, at most 600".into())
}

fn place(text: &str) -> Result<Place, String> {
    match text {
        "network" => Ok(Place::Network),
        "loopback" => Ok(Place::Loopback),
        "match" => Ok(Place::Process),
        _ => Err(one_of(["network", "loopback", "match"])),
    }
}

fn want(text: &str) -> Result<Want, String> {
    let found = Want::ALL.into_iter().find(|want| want.name() == text);
    found.ok_or_else(|| one_of(Want::ALL.map(Want::name)))
}

fn trust(text: &str) -> Result<Trust, String> {
    let found = Trust::ALL.into_iter().find(|trust| trust.name() == text);
    found.ok_or_else(|| one_of(Trust::ALL.map(Trust::name)))
}
