//! What changed between two records, beyond the noise of their runs.
//!
//! Cells of the same configuration ([`Cell::is_like`]) are compared by the ratio of their medians. Whether a
//! ratio is more than noise is judged by a bootstrap, in logarithms, for each figure by itself:
//!
//! 1. The noise of a cell is the standard deviation of its runs, but never less than the mean square of all
//!    cells of the same kind, sizes, link and threads, in both records: a few runs that happen to agree do not
//!    make a cell quiet, and short sessions are noisier than long ones.
//! 2. Differences between two runs of the same cell, over the square root of 2 and over the noise of its like
//!    in the other record, show what noise looks like here, tails included. From them, medians of as many
//!    runs as the two cells have are drawn many times, with a fixed seed.
//! 3. Of a ratio, an interval is told that holds what noise alone would leave in all but 5 % of
//!    *comparisons of two records*: the level is divided by the number of ratios (Bonferroni). A change is
//!    an interval without 1, and at least as large as [`FLOOR`].
//! 4. Noise is what moves from run to run. What differs from hour to hour, such as the machine's clock or a
//!    neighbour on it, moves all runs of a record alike. So the middle of all ratios of a figure is told by
//!    itself, and where it is within [`COMMON`] of 1, of [`MANY`] configurations or more, a change must also
//!    lie beyond the noise once it is taken out: a machine that is 2 % slower today is no change of each
//!    configuration. Whatever slows everything by less than [`COMMON`] shows in that line alone.
//!
//! Tried on pairs of records that were made up with the medians and the noise (1 to 8 %) of those in
//! `benchmarks/record`: noise was called a change in 2 of 320 comparisons with 5 runs or more and in 8 of 180 with
//! 3. A change of 20 % was found in 77 to 89 % of the configurations with 3 runs, 81 to 93 % with 5 and 97 %
//! with 10.

mod noise;

use std::collections::BTreeMap;
use std::fmt::Write;
use std::io::Read;
use std::path::Path;

use self::noise::Noise;
use super::measure::Sample;
use super::record::{Cell, FORMAT, Kind, Network, Record, Run, VERSION};
use super::report::{figures, text};
use crate::error::{Error, Result};

/// Parts by which a figure must move to be called changed, however quiet it is.
pub const FLOOR: f64 = 0.02;

/// Parts by which all figures together may move without a change of each; see above.
pub const COMMON: f64 = 0.05;

/// Configurations from which on a move can be called common.
pub const MANY: usize = 10;

/// Bytes of a record at most.
const LONGEST: u64 = 1 << 30;

/// What is compared: a name, how a figure is written, and the figure.
struct Figure {
    name: &'static str,
    text: fn(f64) -> String,
    of: fn(&Run) -> Option<f64>,
}

const FIGURES: [Figure; 5] = [
    Figure { name: "total time", text: text::seconds, of: |run| Some(run.total) },
    Figure {
        name: "online time",
        text: text::seconds,
        of: |run| (run.online != run.total).then_some(run.online),
    },
    Figure { name: "CPU time", text: text::seconds, of: |run| Some(run.cpu()) },
    Figure { name: "bytes", text: text::bytes, of: |run| Some(run.bytes() as f64) },
    Figure {
        name: "peak memory",
        text: text::bytes,
        of: |run| {
            let most = run.advertiser.peak_memory.max(run.platform.peak_memory);
            most.map(|bytes| bytes as f64)
        },
    },
];

/// A figure of a configuration that moved beyond the noise.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// The configuration.
    pub cell: String,
    /// The figure, such as `total time`.
    pub figure: &'static str,
    /// New over old: more than 1 is worse.
    pub ratio: f64,
    /// What the ratio may be, noise considered.
    pub interval: [f64; 2],
    /// Both figures as text.
    was: [String; 2],
}

/// What came of comparing two records.
#[derive(Clone, Debug, Default)]
pub struct Comparison {
    /// What moved, the worst first.
    pub changes: Vec<Change>,
    /// Configurations of the old record that the new one has not.
    pub only_old: Vec<String>,
    /// Configurations of the new record that the old one has not.
    pub only_new: Vec<String>,
    /// Configurations that report false matches and did not before.
    pub false_positives: Vec<String>,
    /// What the records say of themselves, and where that differs.
    conditions: Vec<String>,
    /// How many configurations were compared.
    compared: usize,
    /// Of each figure: its name, its least and greatest noise where runs tell, and the middle of its ratios.
    figures: Vec<(&'static str, Option<[f64; 2]>, f64)>,
}

/// Compares two records, each a file or a folder with `record.json` in it.
///
/// # Errors
/// [`Error::Io`] with the path; [`Error::Record`] where it is no record that this version reads;
/// [`Error::Misuse`] where they have no configuration in common.
pub fn run(old: &Path, new: &Path) -> Result<Comparison> {
    let comparison = compare(&read(old)?, &read(new)?);
    match comparison.compared {
        0 => Err(Error::Misuse(format!(
            "{} and {} have no configuration in common that both measured",
            old.display(),
            new.display()
        ))),
        _ => Ok(comparison),
    }
}

/// Reads a record.
///
/// # Errors
/// As [`run`].
pub fn read(path: &Path) -> Result<Record> {
    let path = if path.is_dir() { path.join("record.json") } else { path.to_owned() };
    let place = path.display().to_string();
    let reading = || Error::io(format!("reading {place}"));
    let mut bytes = Vec::new();
    let file = std::fs::File::open(&path).map_err(reading())?;
    file.take(LONGEST + 1).read_to_end(&mut bytes).map_err(reading())?;
    let unfit = |problem: String| Error::Record { place: place.clone(), problem };
    if bytes.len() as u64 > LONGEST {
        return Err(unfit(format!("longer than {LONGEST} bytes; no benchmark leaves so much")));
    }
    let record: Record = serde_json::from_slice(&bytes).map_err(|e| {
        unfit(format!("not a benchmark's record ({e}); pass the record.json that `bench` wrote"))
    })?;
    if record.format != FORMAT || record.version != VERSION {
        let (format, version) = (text::name(&record.format), record.version);
        return Err(unfit(format!(
            "{format} version {version}, not {FORMAT} version {VERSION}; measure again with this version"
        )));
    }
    Ok(record)
}

/// Compares two records.
pub fn compare(old: &Record, new: &Record) -> Comparison {
    let measured = |record: &'_ Record| -> Vec<Cell> {
        record.cells.iter().filter(|cell| !cell.runs.is_empty()).cloned().collect()
    };
    let (olds, news) = (measured(old), measured(new));
    let like = |cells: &[Cell], cell: &Cell| cells.iter().position(|other| other.is_like(cell));
    let pairs: Vec<(&Cell, &Cell)> =
        olds.iter().filter_map(|cell| like(&news, cell).map(|at| (cell, &news[at]))).collect();
    let alone = |cells: &[Cell], others: &[Cell]| {
        let alone = cells.iter().filter(|cell| like(others, cell).is_none());
        alone.map(configuration).collect()
    };
    let wrong = pairs.iter().filter(|(old, new)| {
        figures::false_positives(new) > 0 && figures::false_positives(old) == 0
    });
    let mut comparison = Comparison {
        only_old: alone(&olds, &news),
        only_new: alone(&news, &olds),
        false_positives: wrong.map(|(_, new)| configuration(new)).collect(),
        conditions: conditions(old, new),
        compared: pairs.len(),
        ..Comparison::default()
    };
    let ratios = (pairs.len() * FIGURES.len()).max(1);
    for figure in &FIGURES {
        comparison.add(figure, &pairs, ratios);
    }
    let size = |change: &Change| change.ratio.ln();
    comparison.changes.sort_by(|a, b| size(b).total_cmp(&size(a)));
    comparison
}

impl Comparison {
    /// Compares one figure of all configurations; `ratios` is how many ratios there are in all.
    fn add(&mut self, figure: &Figure, pairs: &[(&Cell, &Cell)], ratios: usize) {
        let logarithms = |cell: &Cell| -> Sample {
            cell.runs.iter().filter_map(figure.of).map(|value| value.max(TINY).ln()).collect()
        };
        let mut groups = Vec::new();
        let samples: Vec<(&Cell, usize, [Sample; 2])> = pairs
            .iter()
            .map(|(old, new)| (*old, group(&mut groups, old), [logarithms(old), logarithms(new)]))
            .filter(|(_, _, [old, new])| !old.values().is_empty() && !new.values().is_empty())
            .collect();
        if samples.is_empty() {
            return;
        }
        let of_groups = samples.iter().map(|(_, group, both)| (*group, both));
        let mut noise = Noise::of(of_groups, LEVEL / ratios as f64);
        let moved = |[old, new]: &[Sample; 2]| new.median() - old.median();
        let moves: Sample = samples.iter().map(|(_, _, both)| moved(both)).collect();
        let common = Some(moves.median()).filter(|_| samples.len() >= MANY);
        let common = common.filter(|middle| middle.abs() <= COMMON.ln_1p()).unwrap_or(0.0);
        for (cell, group, both) in &samples {
            let (moved, [old, new]) = (moved(both), both);
            let Some(reach) = noise.reach(*group, old, new) else { continue };
            let beyond = [moved, moved - common].into_iter().all(|moved| {
                moved.abs() > reach && moved.exp_m1().abs().max((-moved).exp_m1().abs()) >= FLOOR
            });
            if beyond {
                self.changes.push(Change {
                    cell: configuration(cell),
                    figure: figure.name,
                    ratio: moved.exp(),
                    interval: [(moved - reach).exp(), (moved + reach).exp()],
                    was: [old, new].map(|sample| (figure.text)(sample.median().exp())),
                });
            }
        }
        self.figures.push((figure.name, noise.range(), moves.median().exp()));
    }

    /// Whether anything got worse.
    pub fn is_worse(&self) -> bool {
        self.worse() > 0
    }

    /// How many figures got worse; configurations with new false matches count.
    pub fn worse(&self) -> usize {
        let worse = self.changes.iter().filter(|change| change.ratio > 1.0).count();
        worse + self.false_positives.len()
    }

    /// Lines for a terminal or a log.
    pub fn text(&self) -> String {
        let mut out = String::new();
        for line in &self.conditions {
            let _ = writeln!(out, "{line}");
        }
        let _ = writeln!(out, "compared   {} configurations", self.compared);
        for (name, noise, middle) in &self.figures {
            let noise = noise.map_or("unknown: one run alone".to_owned(), |noise| {
                let [least, most] = noise.map(|noise| text::number(noise * 100.0));
                format!("{least} to {most} % from run to run")
            });
            let moved = text::percent(middle - 1.0);
            let _ = writeln!(out, "  {name:<12} noise {noise}; middle of all ratios {moved}");
        }
        for cell in &self.false_positives {
            let _ = writeln!(out, "WORSE      {cell}: matches that are not there, and none before");
        }
        for change in &self.changes {
            let verdict = if change.ratio > 1.0 { "WORSE" } else { "better" };
            let Change { cell, figure, ratio, interval: [low, high], was: [old, new] } = change;
            let _ = writeln!(
                out,
                "{verdict:<10} {cell}: {figure} {old} -> {new}, {ratio:.3} times ({low:.3} to {high:.3})"
            );
        }
        for (which, cells) in [("only old", &self.only_old), ("only new", &self.only_new)] {
            for cell in cells {
                let _ = writeln!(out, "{which:<10} {cell}");
            }
        }
        let worse = self.worse();
        let better = self.changes.len() + self.false_positives.len() - worse;
        let _ = match (worse, better) {
            (0, 0) => writeln!(out, "nothing changed beyond the noise"),
            _ => writeln!(out, "{worse} worse, {better} better, beyond the noise"),
        };
        out
    }
}

/// Least value whose logarithm is taken: nothing is as little.
const TINY: f64 = 1e-12;

/// How often noise alone may show anything in a comparison of two records.
const LEVEL: f64 = 0.05;

/// A cell's kind, sizes, link and threads.
type Group<'a> = (Kind, [u64; 2], &'a str, usize);

/// Which of the groups met so far is the cell's.
fn group<'a>(groups: &mut Vec<Group<'a>>, cell: &'a Cell) -> usize {
    let sizes = [cell.advertiser, cell.platform];
    let key = (cell.subject.kind, sizes, cell.network.as_str(), cell.threads);
    groups.iter().position(|group| *group == key).unwrap_or_else(|| {
        groups.push(key);
        groups.len() - 1
    })
}

fn configuration(cell: &Cell) -> String {
    let backend =
        cell.backend.as_deref().map_or(String::new(), |name| format!(", {}", text::name(name)));
    format!(
        "{} {} over {}, {}{backend}",
        text::subject(&cell.subject),
        text::sizes(cell.advertiser, cell.platform),
        text::name(&cell.network),
        text::threads(cell.threads)
    )
}

/// What each record says of where it was made, then what differs.
fn conditions(old: &Record, new: &Record) -> Vec<String> {
    let line = |which: &str, record: &Record| {
        let machine = &record.machine;
        let commit = machine.commit.as_deref().unwrap_or("unknown commit");
        let facts = [&machine.started, commit, &machine.compiler, &machine.cpu].map(text::name);
        format!("{which:<10} {}", facts.join(", "))
    };
    let mut lines = vec![line("old", old), line("new", new)];
    let facts = |record: &Record| {
        let machine = record.machine.clone();
        let memory = machine.memory.map(|bytes| text::bytes(bytes as f64));
        [
            ("CPU", machine.cpu),
            ("threads", machine.cores.to_string()),
            ("memory", memory.unwrap_or("unknown".to_owned())),
            ("system", machine.system),
            ("backends", machine.backends.join(" ")),
            ("blindmatch", machine.blindmatch),
            ("commit", machine.commit.unwrap_or("unknown".to_owned())),
            ("compiler", machine.compiler),
            ("seed", record.definition.seed.to_string()),
        ]
    };
    for ((name, old), (_, new)) in facts(old).into_iter().zip(facts(new)) {
        if old != new {
            let (old, new) = (text::name(&old), text::name(&new));
            lines.push(format!("{:<10} {name}: {old} -> {new}", "differs"));
        }
    }
    let links = |record: &Record| -> BTreeMap<String, String> {
        let link = |link: &Network| (link.name.clone(), text::network(link));
        record.definition.networks.iter().map(link).collect()
    };
    let versions = |record: &Record| -> BTreeMap<String, String> {
        let version =
            |cell: &Cell| Some((cell.subject.name.clone(), cell.subject.version.clone()?));
        record.cells.iter().filter_map(version).collect()
    };
    for (old, new) in [(links(old), links(new)), (versions(old), versions(new))] {
        for (name, old) in &old {
            if let Some(new) = new.get(name).filter(|new| *new != old) {
                let [name, old, new] = [name, old, new].map(|text| text::name(text));
                lines.push(format!("{:<10} {name}: {old} -> {new}", "differs"));
            }
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::made_up::MadeUp;

    fn record(seed: u64, slower: Option<(&'static str, f64)>) -> Record {
        MadeUp { noise: 0.03, seed, slower }.growth()
    }

    #[test]
    fn a_fifth_more_is_found_in_noise_and_nothing_else_is() {
        let comparison = compare(&record(1, None), &record(2, Some(("voprf", 1.2))));
        assert!(comparison.changes.iter().all(|change| change.cell.starts_with("voprf ")));
        let of = |figure| comparison.changes.iter().filter(move |change| change.figure == figure);
        assert_eq!(of("total time").count(), 14); // 7 sizes, 2 numbers of threads
        assert_eq!(of("CPU time").count(), 14);
        for change in &comparison.changes {
            let [low, high] = change.interval;
            assert!(low > 1.0 && (low..high).contains(&1.2), "{change:?}");
        }
        assert!(comparison.is_worse() && comparison.text().contains("WORSE      voprf 2¹"));
    }

    #[test]
    fn noise_alone_is_silence() {
        let noisy = (10..20).filter(|seed| {
            let comparison = compare(&record(*seed, None), &record(seed + 100, None));
            !comparison.changes.is_empty()
        });
        assert!(noisy.count() <= 2); // each with a chance of 5 %
    }

    /// Another hour of the same machine: no change of each configuration. A tenth is one.
    #[test]
    fn what_all_have_in_common_is_told_once() {
        let scaled = |by: f64| {
            let mut record = record(3, None);
            for run in record.cells.iter_mut().flat_map(|cell| &mut cell.runs) {
                (run.total, run.online) = (run.total * by, run.online * by);
                run.advertiser.cpu *= by;
                run.platform.cpu *= by;
            }
            record
        };
        let slow = compare(&record(1, None), &scaled(1.04));
        assert!(slow.changes.is_empty(), "{}", slow.text());
        assert!(slow.text().contains("middle of all ratios +4"), "{}", slow.text());
        assert!(compare(&record(1, None), &scaled(1.1)).worse() > 50);
    }

    #[test]
    fn records_with_nothing_in_common_are_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let [old, new] = ["old.json", "new.json"].map(|name| folder.path().join(name));
        let mut record = record(1, None);
        std::fs::write(&old, serde_json::to_vec(&record).unwrap()).unwrap();
        record.cells.clear();
        std::fs::write(&new, serde_json::to_vec(&record).unwrap()).unwrap();
        assert!(matches!(run(&old, &new), Err(Error::Misuse(why)) if why.contains("in common")));
    }

    #[test]
    fn faster_is_not_worse_and_bytes_have_no_noise() {
        let old = record(1, None);
        let mut new = record(2, Some(("dh", 0.7)));
        let last = new.cells.last_mut().unwrap();
        last.runs.iter_mut().for_each(|run| run.advertiser.sent += run.advertiser.sent / 4);
        let comparison = compare(&old, &new);
        let bytes: Vec<_> = comparison.changes.iter().filter(|c| c.figure == "bytes").collect();
        assert_eq!(bytes.len(), 1);
        assert_eq!((comparison.worse(), comparison.changes.len()), (1, 29));
    }

    #[test]
    fn what_is_in_one_alone_and_what_differs_is_said() {
        let mut old = record(1, None);
        let mut new = old.clone();
        old.cells.remove(3);
        let gone = new.cells.pop().unwrap();
        new.machine.compiler = "rustc 1.96.0\u{1b}[31m".to_owned();
        new.cells[0].runs[0].false_positives = 1;
        new.definition.networks[0].rtt = 0.5;
        for peer in new.cells.iter_mut().filter(|cell| cell.subject.kind == Kind::Peer) {
            peer.subject.version = Some("9".to_owned());
        }
        let comparison = compare(&old, &new);
        assert_eq!(comparison.only_new, [configuration(&record(1, None).cells[3])]);
        assert_eq!(comparison.only_old, [configuration(&gone)]);
        assert_eq!((comparison.changes.len(), comparison.worse()), (0, 1));
        let text = comparison.text();
        assert!(
            text.contains("differs    compiler: rustc 1.95.0 -> rustc 1.96.0?[31m\n"),
            "{text}"
        );
        let differs = text.lines().filter(|line| line.starts_with("differs")).count();
        assert!(differs == 4 && text.contains("differs    openmined-raw: "), "{text}");
    }

    #[test]
    fn one_run_alone_tells_no_noise() {
        let mut old = record(1, None);
        old.cells.iter_mut().for_each(|cell| cell.runs.truncate(1));
        let comparison = compare(&old, &old.clone());
        assert!(comparison.changes.is_empty());
        assert!(comparison.text().contains("unknown: one run alone"));
    }

    #[test]
    fn a_file_that_is_no_record_is_refused_by_name() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("record.json");
        let mut record = record(1, None);
        std::fs::write(&path, serde_json::to_vec(&record).unwrap()).unwrap();
        let again = read(folder.path()).unwrap();
        assert!(again.machine == record.machine && again.definition == record.definition);
        assert!(again.cells.iter().zip(&record.cells).all(|(a, b)| a.is_like(b)));
        record.version += 1;
        std::fs::write(&path, serde_json::to_vec(&record).unwrap()).unwrap();
        let error = run(&path, &path).unwrap_err().to_string();
        assert!(error.contains("record.json") && error.contains("version 2, not"), "{error}");
        std::fs::write(&path, "{}").unwrap();
        assert!(matches!(run(&path, &path), Err(Error::Record { .. })));
    }
}
