//! The harness, at sizes where its figures mean nothing and its checks everything.
#![cfg(all(unix, feature = "cli"))]

use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use blindmatch::bench::contestant::{Contestant, Ours, Setup};
use blindmatch::bench::harness::{Harness, Observer};
use blindmatch::bench::lists::Lists;
use blindmatch::bench::party::Way;
use blindmatch::bench::record::{Absent, Cell, Definition, Kind, Network, Record, Run, Subject};
use blindmatch::error::{Error, Result};

const PROGRAM: &str = env!("CARGO_BIN_EXE_blindmatch");

fn definition(subjects: &[&str]) -> Definition {
    Definition {
        subjects: subjects.iter().map(|&name| name.to_owned()).collect(),
        sizes: vec![[20, 20], [4, 30]],
        networks: vec![
            Network::by_name("lan").unwrap(),
            Network { name: "slow".into(), rate: Some(5e6), rtt: 0.01 },
        ],
        threads: vec![1],
        backends: vec!["portable".into()],
        repeat: 2,
        seed: 7,
    }
}

fn ours(name: &str) -> Box<dyn Contestant> {
    let way = Way::by_name(name).unwrap();
    Box::new(Ours::new(way, Path::new(PROGRAM), &["bench", "party"]).unwrap())
}

fn never() -> AtomicBool {
    AtomicBool::new(false)
}

fn kept(folder: &Path) -> Record {
    serde_json::from_str(&std::fs::read_to_string(folder.join("record.json")).unwrap()).unwrap()
}

/// Every subject of ours, both sides as processes: right answers, and never faster than the link.
#[test]
fn whatever_is_measured_is_right_and_complete() {
    let names: Vec<String> = Way::all().into_iter().map(Way::name).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let mut definition = definition(&names);
    definition.repeat = 1;
    let contestants = names.iter().map(|name| ours(name)).collect();
    let folder = tempfile::tempdir().unwrap();
    let harness = Harness::open(definition.clone(), contestants, vec![], folder.path()).unwrap();
    let record = harness.run(&mut (), &never()).unwrap();
    assert_eq!(record, kept(folder.path()));
    assert_eq!(record.cells.len(), names.len() * 2 * 2);
    for cell in &record.cells {
        let [run] = &cell.runs[..] else { panic!("one run: {cell:?}") };
        let common = cell.advertiser.min(cell.platform) / 2;
        assert_eq!((run.matched, run.false_positives), (common, 0), "{cell:?}");
        let prepared = cell.subject.name.ends_with("-prepared");
        assert_eq!(prepared, run.online < run.total, "{cell:?}");
        assert_eq!(prepared, run.platform.phases.contains_key("prepare"));
        assert!(run.link_cpu > Some(0.0), "{cell:?}");
        for side in [&run.advertiser, &run.platform] {
            assert!(side.cpu > 0.0 && side.sent > 0 && side.flights > 0, "{cell:?}");
            assert!(side.phases.contains_key("connect") && side.phases.contains_key("wait"));
        }
        // Connection and TLS are three round trips, and an answer takes another.
        if cell.network == "slow" {
            assert!(run.online >= 0.04, "{cell:?}");
            assert!(run.online >= run.advertiser.sent as f64 * 8.0 / 5e6, "{cell:?}");
        }
        let ours = cell.subject.kind == Kind::Protocol;
        assert_eq!(cell.backend.as_deref(), ours.then_some("portable"));
    }
    assert_eq!(Definition::read(&folder.path().join("definition.toml")).unwrap(), definition);
    assert!(std::fs::read_to_string(folder.path().join("report.html")).unwrap().contains("dh"));
}

/// Runs nothing: says what it is asked, and counts.
struct Made {
    name: &'static str,
    kind: Kind,
    version: Option<&'static str>,
    log: Log,
    /// Stops the benchmark in this run, or fails.
    last: usize,
    end: End,
}

impl Contestant for Made {
    fn subject(&self) -> Subject {
        let version = self.version.map(str::to_owned);
        Subject { name: self.name.into(), kind: self.kind, version }
    }

    fn run(&self, setup: &Setup, stop: &AtomicBool) -> Result<Run> {
        let mut log = self.log.lock().unwrap();
        log.push((self.name, setup.lists, setup.network.name.clone()));
        if log.len() == self.last {
            (self.end)(stop)?;
        }
        let (advertiser, platform) = Default::default();
        Ok(Run {
            total: 1.0,
            online: 1.0,
            advertiser,
            platform,
            matched: 2,
            false_positives: 0,
            link_cpu: None,
        })
    }
}

type Log = Arc<Mutex<Vec<(&'static str, Lists, String)>>>;

type End = fn(&AtomicBool) -> Result<()>;

fn made(log: &Log, last: usize, end: End) -> Vec<Box<dyn Contestant>> {
    made_of(log, last, end, Some("2.0.6"))
}

/// With another program of this version, or without one.
fn made_of(
    log: &Log,
    last: usize,
    end: End,
    peer: Option<&'static str>,
) -> Vec<Box<dyn Contestant>> {
    let one = |name, kind, version| -> Box<dyn Contestant> {
        Box::new(Made { name, kind, version, log: Arc::clone(log), last, end })
    };
    let peer = peer.map(|version| one("spu-kkrt", Kind::Peer, Some(version)));
    [one("dh", Kind::Protocol, None)].into_iter().chain(peer).collect()
}

const INTERRUPT: End = |stop| {
    stop.store(true, Ordering::Relaxed);
    Err(Error::Interrupted)
};

const RUNS: End = |_| Ok(());

fn open(folder: &Path, contestants: Vec<Box<dyn Contestant>>) -> Result<Harness> {
    Harness::open(definition(&["dh", "spu-kkrt"]), contestants, vec![], folder)
}

/// Eight configurations, three times each, each round beginning with the next one.
#[test]
fn configurations_take_turns() {
    let (folder, log) = (tempfile::tempdir().unwrap(), Log::default());
    let harness = open(folder.path(), made(&log, 0, RUNS)).unwrap();
    struct Seen(Vec<[usize; 2]>);
    impl Observer for Seen {
        fn next(&mut self, done: usize, of: usize, _: &Cell, left: Option<Duration>) {
            assert_eq!(left.is_some(), done > 0);
            self.0.push([done, of]);
        }
    }
    let mut seen = Seen(Vec::new());
    let record = harness.run(&mut seen, &never()).unwrap();
    assert_eq!(seen.0, (0..24).map(|done| [done, 24]).collect::<Vec<_>>());
    assert!(record.cells.iter().all(|cell| cell.runs.len() == 2));
    let log = log.lock().unwrap();
    for round in 0..3 {
        for turn in 0..8 {
            assert_eq!(log[8 * round + turn], log[(round + turn) % 8]);
        }
    }
}

/// Nothing that was measured is measured again, and what was measured stays as it was.
#[test]
fn an_interrupted_benchmark_goes_on() {
    let (folder, log) = (tempfile::tempdir().unwrap(), Log::default());
    let harness = open(folder.path(), made(&log, 12, INTERRUPT)).unwrap();
    assert!(matches!(harness.run(&mut (), &never()), Err(Error::Interrupted)));
    let earlier = kept(folder.path());
    assert_eq!(earlier.cells.iter().map(|cell| cell.runs.len()).sum::<usize>(), 11 - 8);

    let harness = open(folder.path(), made(&log, 0, RUNS)).unwrap();
    let record = harness.run(&mut (), &never()).unwrap();
    assert!(record.cells.iter().all(|cell| cell.runs.len() == 2));
    // The run that was cut, five configurations that had none yet with their warm-up, and the second round.
    assert_eq!(log.lock().unwrap().len(), 12 + 5 + 5 + 8);
    assert_eq!(record.machine, earlier.machine);

    let harness = open(folder.path(), made(&log, 0, RUNS)).unwrap();
    assert!(harness.notes().is_empty(), "{:?}", harness.notes());
    assert_eq!(harness.run(&mut (), &never()).unwrap(), record, "nothing is left to do");
}

/// Whatever fails of being stopped, such as a side that was told to stop as well, is no failure of anyone's.
#[test]
fn what_fails_while_it_is_stopped_was_interrupted() {
    for last in [11, 12] {
        let (folder, log) = (tempfile::tempdir().unwrap(), Log::default());
        let failing: End = |stop| {
            stop.store(true, Ordering::Relaxed);
            Err(Error::io("a side of a benchmark")(std::io::Error::other("interrupted")))
        };
        let harness = open(folder.path(), made(&log, last, failing)).unwrap();
        let error = harness.run(&mut (), &never()).unwrap_err();
        assert!(matches!(error, Error::Interrupted), "{error}");
        assert!(kept(folder.path()).absent.is_empty(), "{:?}", log.lock().unwrap().last());
    }
}

/// Another program that was missing at first is measured once it is there.
#[test]
fn what_was_absent_and_is_there_now_is_measured() {
    let (folder, log) = (tempfile::tempdir().unwrap(), Log::default());
    let absent = |why: &str| vec![Absent { name: "spu-kkrt".into(), why: why.into() }];
    let definition = || definition(&["dh", "spu-kkrt"]);
    let missing = |why: &str| {
        let contestants = made_of(&log, 0, RUNS, None);
        Harness::open(definition(), contestants, absent(why), folder.path()).unwrap()
    };
    let record = missing("not installed").run(&mut (), &never()).unwrap();
    assert_eq!((record.cells.len(), record.absent), (4, absent("not installed")));
    let harness = missing("still not installed");
    assert!(harness.notes().is_empty(), "{:?}", harness.notes());
    assert_eq!(harness.run(&mut (), &never()).unwrap().absent, absent("still not installed"));

    let harness = open(folder.path(), made(&log, 0, RUNS)).unwrap();
    let note = "spu-kkrt was left out before (still not installed) and is tried again";
    assert_eq!(harness.notes(), [note]);
    let record = harness.run(&mut (), &never()).unwrap();
    assert_eq!((record.cells.len(), record.absent), (8, vec![]));
    assert!(record.cells.iter().all(|cell| cell.runs.len() == 2));
    assert_eq!(log.lock().unwrap().len(), 4 * 3 + 4 * 3, "nothing twice");
}

/// Runs of two versions are not called runs of one.
#[test]
fn runs_of_another_version_are_dropped_and_it_is_said() {
    let (folder, log) = (tempfile::tempdir().unwrap(), Log::default());
    let harness = open(folder.path(), made(&log, 14, INTERRUPT)).unwrap();
    assert!(matches!(harness.run(&mut (), &never()), Err(Error::Interrupted)));
    let (earlier, before) = (kept(folder.path()), log.lock().unwrap().len());
    let of_peer = |cell: &&Cell| cell.subject.kind == Kind::Peer;
    assert_eq!(earlier.cells.iter().filter(of_peer).count(), 3);

    let harness = open(folder.path(), made_of(&log, 0, RUNS, Some("9.9.9"))).unwrap();
    let note = "spu-kkrt is 9.9.9 now: its earlier runs, of 2.0.6, are dropped";
    assert_eq!(harness.notes(), [note]);
    let record = harness.run(&mut (), &never()).unwrap();
    assert!(record.cells.iter().all(|cell| cell.runs.len() == 2));
    let versions = record.cells.iter().filter(of_peer).map(|cell| cell.subject.version.as_deref());
    assert_eq!(versions.collect::<Vec<_>>(), [Some("9.9.9"); 4]);
    let log = log.lock().unwrap();
    let again = log[before..].iter().filter(|(name, ..)| *name == "spu-kkrt").count();
    assert_eq!(again, 4 * 3, "all of it, warm-up included");
}

/// What was measured of a program that has gone is not kept without a word.
#[test]
fn runs_of_what_is_not_there_any_more_are_dropped_and_it_is_said() {
    let (folder, log) = (tempfile::tempdir().unwrap(), Log::default());
    open(folder.path(), made(&log, 0, RUNS)).unwrap().run(&mut (), &never()).unwrap();
    let harness = open(folder.path(), made_of(&log, 0, RUNS, None)).unwrap();
    let note = "spu-kkrt is not there any more: its earlier runs are dropped";
    assert_eq!(harness.notes(), [note]);
}

#[test]
fn a_record_of_something_else_is_not_gone_on_with() {
    let (folder, log) = (tempfile::tempdir().unwrap(), Log::default());
    open(folder.path(), made(&log, 0, RUNS)).unwrap().run(&mut (), &never()).unwrap();
    let path = folder.path().join("record.json");
    let text = std::fs::read_to_string(&path).unwrap();
    let changes = [
        (text.replace("\"seed\": 7", "\"seed\": 8"), "another definition"),
        (text.replace("\"cores\": ", "\"cores\": 9"), "another machine"),
        (text.replace("\"version\": 1", "\"version\": 2"), "another version"),
        (text[..text.len() / 2].to_owned(), "not a record"),
    ];
    for (changed, problem) in changes {
        assert_ne!(changed, text);
        std::fs::write(&path, &changed).unwrap();
        let error = open(folder.path(), made(&log, 0, RUNS)).err().unwrap();
        assert!(matches!(error, Error::Record { .. }), "{error}");
        assert!(error.to_string().contains(problem), "{error}");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), changed, "it is left as it is");
    }
}

/// One of ours ends the benchmark, another program is left out.
#[test]
fn what_fails_is_told_apart() {
    let wrong: End = |_| Err(Error::WrongAnswer("three".into()));
    let (folder, log) = (tempfile::tempdir().unwrap(), Log::default());
    let error = open(folder.path(), made(&log, 3, wrong)).unwrap().run(&mut (), &never());
    let error = error.unwrap_err();
    assert!(matches!(error, Error::WrongAnswer(_)), "{error}");
    assert!(error.to_string().contains("dh, 20 x 20, slow, 1 threads: three"), "{error}");

    let (folder, log) = (tempfile::tempdir().unwrap(), Log::default());
    let record = open(folder.path(), made(&log, 4, wrong)).unwrap().run(&mut (), &never()).unwrap();
    let why = "wrong answer: three".to_owned();
    assert_eq!(record.absent, [Absent { name: "spu-kkrt".into(), why }]);
    assert!(record.cells.iter().all(|cell| cell.subject.name == "dh" && cell.runs.len() == 2));
}

/// Sides that were given other lists than the harness believes come to another answer.
#[test]
fn a_wrong_answer_of_a_real_run_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let liar = folder.path().join("liar");
    let text = format!(
        "#!/bin/sh\ncase $3 in *'\"platform\":true'*) t=$(echo \"$3\" | sed 's/\"seed\":7/\"seed\":8/');; \
         *) t=$3;; esac\nexec '{PROGRAM}' \"$1\" \"$2\" \"$t\"\n"
    );
    std::fs::write(&liar, text).unwrap();
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o700);
    std::fs::set_permissions(&liar, mode).unwrap();
    for name in ["dh", "count", "insecure-sha256"] {
        let way = Way::by_name(name).unwrap();
        let lists = Lists { advertiser: 20, platform: 20, seed: 7 };
        let network = Network::by_name("none").unwrap();
        let setup = Setup { lists, network, threads: 1, backend: "portable".into() };
        let run = |program: &Path| {
            Ours::new(way, program, &["bench", "party"]).unwrap().run(&setup, &never())
        };
        assert!(matches!(run(&liar), Err(Error::WrongAnswer(_))), "{name}");
        assert_eq!(run(Path::new(PROGRAM)).unwrap().matched, 10, "{name}");
    }
}

/// A program that measures for a while, and goes on with what is in this folder.
fn long_benchmark(path: &Path, seed: &str) -> Command {
    let mut command = Command::new(PROGRAM);
    command.args(["bench", "--protocol", "insecure-sha256,insecure-bloom", "--size", "8..32:2"]);
    command.args(["--network", "none,custom:100,5", "--threads", "1", "--repeat", "3"]);
    command.args(["--seed", seed, "--out"]).arg(path);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn wait_until(what: &str, is: impl Fn() -> bool) {
    let started = Instant::now();
    while !is() {
        assert!(started.elapsed() < Duration::from_secs(60), "{what}: not in a minute");
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// Runs that were kept so far.
fn runs(path: &Path) -> usize {
    let Ok(text) = std::fs::read_to_string(path.join("record.json")) else { return 0 };
    let record: Record = serde_json::from_str(&text).unwrap();
    record.cells.iter().map(|cell| cell.runs.len()).sum()
}

/// Sides that run now of a benchmark with this seed, where the system tells.
fn sides(seed: &str) -> usize {
    let mark = format!("\"seed\":{seed},");
    let processes = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let line = |process: std::fs::DirEntry| std::fs::read(process.path().join("cmdline")).ok();
    processes.filter_map(line).filter(|line| String::from_utf8_lossy(line).contains(&mark)).count()
}

/// The program, killed in the middle: what was measured is there, its sides end, and the same command goes on.
#[test]
fn a_killed_program_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("report");
    let seed = "240113001";
    let mut child = long_benchmark(&path, seed).spawn().unwrap();
    wait_until("five runs", || runs(&path) >= 5);
    child.kill().unwrap();
    child.wait().unwrap();
    wait_until("its sides end", || sides(seed) == 0);
    let before = kept(&path);
    assert!(!path.join("report.html").exists());

    assert!(long_benchmark(&path, seed).output().unwrap().status.success());
    let after = kept(&path);
    assert_eq!(after.cells.iter().map(|cell| cell.runs.len()).collect::<Vec<_>>(), [3; 12]);
    for cell in &before.cells {
        let same = after.cells.iter().find(|known| known.is_like(cell)).unwrap();
        assert_eq!(same.runs[..cell.runs.len()], cell.runs[..]);
    }
    assert!(path.join("report.html").exists());

    // The definition that it wrote asks for the same, and other flags do not.
    let definition = path.join("definition.toml");
    let again = |arguments: &[&str]| {
        let mut command = Command::new(PROGRAM);
        command.arg("bench").args(arguments).arg("--out").arg(&path);
        command.output().unwrap()
    };
    assert!(again(&["--definition", definition.to_str().unwrap()]).status.success());
    let other = again(&["--size", "8"]);
    assert_eq!(other.status.code(), Some(3));
    assert!(String::from_utf8_lossy(&other.stderr).contains("another definition"));
}

/// By Ctrl-C, which a terminal sends to everything that was started there, and by a signal to the program alone.
#[test]
fn an_interrupted_program_says_how_to_go_on() {
    for (seed, group) in [("240113002", "-"), ("240113003", ""), ("240113004", "-")] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("report");
        let mut command = long_benchmark(&path, seed);
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        let child = command.spawn().unwrap();
        wait_until("two runs", || runs(&path) >= 2);
        wait_until("a side", || sides(seed) > 0 || !Path::new("/proc/self/cmdline").exists());
        let whom = format!("{group}{}", child.id());
        assert!(Command::new("kill").args(["-INT", "--", &whom]).status().unwrap().success());
        let ran = child.wait_with_output().unwrap();
        let (out, err) =
            (String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr));
        assert_eq!(ran.status.code(), Some(130), "{whom}: {err}");
        assert!(out.contains("the same command goes on from there"), "{whom}: {out}{err}");
        assert!(err.contains("error: interrupted"), "{whom}: {err}");
        wait_until("its sides end", || sides(seed) == 0);
        assert!((2..36).contains(&runs(&path)), "{whom}");
    }
}
