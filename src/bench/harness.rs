//! Measures every configuration of a definition, and keeps a record that an interrupted benchmark goes on from.
//!
//! Configurations take turns: each round runs all of them once, beginning with another one each time, so that what a
//! neighbour or the clock does to one it does to all. The first round warms up and is not kept. A configuration that
//! has runs already, from before an interruption, is not warmed up again.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::contestant::{Contestant, Setup};
use super::lists::Lists;
use super::record::{
    Absent, Cell, Definition, FORMAT, Kind, Machine, Record, Run, Subject, VERSION,
};
use super::report;
use crate::error::{Error, Result};
use crate::file::write_whole;

/// Told of every run.
pub trait Observer {
    /// This many runs of this many are done, and this is the next; so long is left, once that can be told.
    fn next(&mut self, done: usize, of: usize, cell: &Cell, left: Option<Duration>);
}

/// Tells nobody.
impl Observer for () {
    fn next(&mut self, _: usize, _: usize, _: &Cell, _: Option<Duration>) {}
}

/// A benchmark, in a folder of its own.
pub struct Harness {
    record: Record,
    contestants: Vec<Box<dyn Contestant>>,
    /// Of each cell: which contestant, and what it is given.
    setups: Vec<(usize, Setup)>,
    folder: PathBuf,
    notes: Vec<String>,
}

impl Harness {
    /// Starts one, or goes on with what stands in the folder. `absent` are those that were asked for and are not among
    /// the contestants. Runs of another version, or of what is not there any more, are dropped; what was absent and is
    /// a contestant now is measured: [`notes`](Self::notes) say so.
    ///
    /// # Errors
    /// [`Error::Record`] where the folder holds a record of another definition, machine or program, or one that cannot be
    /// read; [`Error::Misuse`] for a definition that cannot be; [`Error::Io`] with the path.
    pub fn open(
        definition: Definition,
        contestants: Vec<Box<dyn Contestant>>,
        absent: Vec<Absent>,
        folder: &Path,
    ) -> Result<Harness> {
        definition.check()?;
        let making = format!("making {}", folder.display());
        std::fs::create_dir_all(folder).map_err(Error::io(making))?;
        let (cells, setups) = cells(&definition, &contestants);
        let (format, machine) = (FORMAT.to_owned(), Machine::here());
        let mut record = Record { format, version: VERSION, machine, definition, absent, cells };
        let earlier = earlier(&folder.join(RECORD), &record)?;
        let notes = earlier.map_or(Vec::new(), |earlier| take_over(&mut record, earlier));
        let definition = record.definition.to_toml()?;
        write_whole(&folder.join(DEFINITION), definition.as_bytes())?;
        Ok(Harness { record, contestants, setups, folder: folder.to_owned(), notes })
    }

    /// What stood in the folder and is not gone on with, and why: a line each, for whoever started this.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// Measures what is still to be measured, and writes the report. `stop` ends it: what was measured stays.
    ///
    /// # Errors
    /// [`Error::WrongAnswer`] and whatever else a run fails with; [`Error::Interrupted`]. What fails of another program
    /// is no error: it becomes absent, with the reason.
    pub fn run(mut self, observer: &mut impl Observer, stop: &AtomicBool) -> Result<Record> {
        let mut fresh: Vec<bool> =
            self.record.cells.iter().map(|cell| cell.runs.is_empty()).collect();
        let repeat = self.record.definition.repeat;
        let mut clock = Estimate::new(self.setups.len());
        for round in 0..=repeat {
            for turn in 0..self.setups.len() {
                let at = (round + turn) % self.setups.len();
                let due = match round {
                    0 => fresh[at],
                    _ => self.record.cells[at].runs.len() < round,
                };
                if !due || self.is_absent(at) {
                    continue;
                }
                if stop.load(Ordering::Relaxed) {
                    return Err(Error::Interrupted);
                }
                let left = self.left(&fresh);
                let ahead = clock.of(&left);
                observer.next(
                    clock.runs,
                    clock.runs + left.iter().sum::<usize>(),
                    &self.record.cells[at],
                    ahead,
                );
                let started = Instant::now();
                self.measure(at, round > 0, stop)?;
                fresh[at] = false;
                clock.took(at, started.elapsed());
            }
        }
        self.save()?;
        self.record.cells.retain(|cell| !cell.runs.is_empty());
        report::write(&self.record, &self.folder)?;
        Ok(self.record)
    }

    fn measure(&mut self, at: usize, keep: bool, stop: &AtomicBool) -> Result<()> {
        let (contestant, setup) = &self.setups[at];
        let contestant = &self.contestants[*contestant];
        match contestant.run(setup, stop) {
            Ok(run) if keep => self.record.cells[at].runs.push(rounded(run)),
            Ok(_) => return Ok(()),
            // Whatever fails while it is being stopped may fail of that.
            Err(_) if stop.load(Ordering::Relaxed) => return Err(Error::Interrupted),
            Err(Error::Interrupted) => return Err(Error::Interrupted),
            Err(error) if contestant.subject().kind == Kind::Peer => {
                let (name, why) = (contestant.subject().name, error.to_string());
                self.record
                    .cells
                    .iter_mut()
                    .filter(|c| c.subject.name == name)
                    .for_each(|c| c.runs.clear());
                self.record.absent.push(Absent { name, why });
            }
            Err(error) => {
                let cell = &self.record.cells[at];
                return Err(named(error, cell));
            }
        }
        self.save()
    }

    fn is_absent(&self, at: usize) -> bool {
        let name = &self.record.cells[at].subject.name;
        self.record.absent.iter().any(|absent| absent.name == *name)
    }

    /// Runs still to do of each cell; the `fresh` ones are to be warmed up.
    fn left(&self, fresh: &[bool]) -> Vec<usize> {
        let cells = self.record.cells.iter().enumerate();
        let left = cells.map(|(at, cell)| match self.is_absent(at) {
            true => 0,
            false => {
                let warm_up = usize::from(fresh[at]);
                self.record.definition.repeat.saturating_sub(cell.runs.len()) + warm_up
            }
        });
        left.collect()
    }

    /// The record, without cells that have no runs.
    fn save(&self) -> Result<()> {
        let mut record = self.record.clone();
        record.cells.retain(|cell| !cell.runs.is_empty());
        let text = serde_json::to_string_pretty(&record).expect("a record has text keys only");
        write_whole(&self.folder.join(RECORD), (text + "\n").as_bytes())
    }
}

/// Every combination, small before large, and what each contestant is given.
fn cells(
    definition: &Definition,
    contestants: &[Box<dyn Contestant>],
) -> (Vec<Cell>, Vec<(usize, Setup)>) {
    let (mut cells, mut setups) = (Vec::new(), Vec::new());
    for &[advertiser, platform] in &definition.sizes {
        for network in &definition.networks {
            for &threads in &definition.threads {
                for (index, contestant) in contestants.iter().enumerate() {
                    let subject = contestant.subject();
                    let ours = subject.kind == Kind::Protocol;
                    let backends =
                        if ours { &definition.backends[..] } else { &definition.backends[..1] };
                    for backend in backends {
                        cells.push(Cell {
                            subject: subject.clone(),
                            advertiser,
                            platform,
                            network: network.name.clone(),
                            threads,
                            backend: ours.then(|| backend.clone()),
                            runs: Vec::new(),
                        });
                        let lists = Lists {
                            advertiser: advertiser as u32, // checked: at most 2^26
                            platform: platform as u32,
                            seed: definition.seed,
                        };
                        let (network, backend) = (network.clone(), backend.clone());
                        setups.push((index, Setup { lists, network, threads, backend }));
                    }
                }
            }
        }
    }
    (cells, setups)
}

/// What stands there already, if it is of the same benchmark.
fn earlier(path: &Path, new: &Record) -> Result<Option<Record>> {
    let problem = |problem: &str| {
        let remedy = "remove it, or choose another folder";
        Error::Record { place: path.display().to_string(), problem: format!("{problem}; {remedy}") }
    };
    let text = match std::fs::read_to_string(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        text => text.map_err(Error::io(format!("reading {}", path.display())))?,
    };
    let record: Record =
        serde_json::from_str(&text).map_err(|e| problem(&format!("not a record: {e}")))?;
    if (record.format.as_str(), record.version) != (FORMAT, VERSION) {
        return Err(problem("a record of another version"));
    }
    if record.definition != new.definition {
        return Err(problem("a record of another definition"));
    }
    if !record.machine.is_same(&new.machine) {
        return Err(problem("a record of another machine, or of another build of this program"));
    }
    Ok(Some(record))
}

/// Goes on with what an earlier record has of the same configurations in the same version. Returns what of it is not
/// gone on with.
fn take_over(record: &mut Record, earlier: Record) -> Vec<String> {
    record.machine.started = earlier.machine.started;
    let mut notes = Vec::new();
    for subject in subjects(&earlier.cells) {
        let now =
            record.cells.iter().map(|cell| &cell.subject).find(|now| now.name == subject.name);
        if now != Some(subject) {
            notes.push(dropped(subject, now));
        }
    }
    for cell in &mut record.cells {
        let same = |known: &&Cell| known.is_like(cell) && known.subject == cell.subject;
        if let Some(known) = earlier.cells.iter().find(same) {
            cell.runs.clone_from(&known.runs);
        }
    }
    for absent in earlier.absent {
        let Absent { name, why } = &absent;
        if record.cells.iter().any(|cell| cell.subject.name == *name) {
            notes.push(format!("{name} was left out before ({why}) and is tried again"));
        } else if !record.absent.iter().any(|known| known.name == *name) {
            record.absent.push(absent);
        }
    }
    notes
}

/// Each once.
fn subjects(cells: &[Cell]) -> Vec<&Subject> {
    let mut subjects = Vec::new();
    for cell in cells {
        if !subjects.contains(&&cell.subject) {
            subjects.push(&cell.subject);
        }
    }
    subjects
}

fn dropped(earlier: &Subject, now: Option<&Subject>) -> String {
    let version = |subject: &Subject| subject.version.clone().unwrap_or("no known version".into());
    let (name, was) = (&earlier.name, version(earlier));
    match now {
        Some(now) => {
            format!("{name} is {} now: its earlier runs, of {was}, are dropped", version(now))
        }
        None => format!("{name} is not there any more: its earlier runs are dropped"),
    }
}

/// To nanoseconds: what is read again is then what was written.
fn rounded(mut run: Run) -> Run {
    let round = |seconds: &mut f64| *seconds = (*seconds * 1e9).round() / 1e9;
    round(&mut run.total);
    round(&mut run.online);
    run.link_cpu.iter_mut().for_each(round);
    for side in [&mut run.advertiser, &mut run.platform] {
        round(&mut side.cpu);
        side.phases.values_mut().for_each(round);
    }
    run
}

/// With the configuration that it happened in.
fn named(error: Error, cell: &Cell) -> Error {
    let Cell { subject, advertiser, platform, network, threads, .. } = cell;
    let of = format!("{}, {advertiser} x {platform}, {network}, {threads} threads", subject.name);
    match error {
        Error::WrongAnswer(text) => Error::WrongAnswer(format!("{of}: {text}")),
        Error::Io { context, source } => Error::Io { context: format!("{of}: {context}"), source },
        other => other,
    }
}

/// How long runs take.
struct Estimate {
    /// Of each cell: runs, and the time of all.
    cells: Vec<(u32, Duration)>,
    runs: usize,
}

impl Estimate {
    fn new(cells: usize) -> Estimate {
        Estimate { cells: vec![(0, Duration::ZERO); cells], runs: 0 }
    }

    fn took(&mut self, at: usize, time: Duration) {
        self.cells[at].0 += 1;
        self.cells[at].1 += time;
        self.runs += 1;
    }

    /// What so many runs of each cell still take: as long as its own took, or, of one that has not run, as the mean of
    /// the last ones before it that have. None before the first run.
    fn of(&self, left: &[usize]) -> Option<Duration> {
        let mut last = None;
        let mut sum = Duration::ZERO;
        for ((runs, time), &left) in self.cells.iter().zip(left) {
            last = if *runs > 0 { Some(*time / *runs) } else { last };
            sum += last.unwrap_or_default() * left as u32;
        }
        (self.runs > 0).then_some(sum)
    }
}

const RECORD: &str = "record.json";

const DEFINITION: &str = "definition.toml";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_left_is_what_like_runs_took() {
        let mut clock = Estimate::new(3);
        assert_eq!(clock.of(&[2, 2, 2]), None);
        clock.took(0, Duration::from_secs(1));
        assert_eq!(clock.of(&[1, 2, 2]), Some(Duration::from_secs(5)));
        clock.took(1, Duration::from_secs(10));
        clock.took(1, Duration::from_secs(20));
        assert_eq!(clock.of(&[1, 0, 2]), Some(Duration::from_secs(31)));
    }
}
