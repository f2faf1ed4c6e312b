//! How time, memory and bytes grow with the lists, and what that comes to for larger ones.
//!
//! Time and bytes are fitted as `a + b n + c n log2 n` (sorting, and tags that grow with the lists), memory as
//! `a + b n`; threads by Amdahl's law, where both sides have cores of their own. Every curve is checked: it
//! is fitted again without the largest size, and what it predicts there is compared with what was measured.
//! An extrapolation is the same curve far outside what was measured, under [`Growth::assumptions`]; the
//! range beside it is what the curves give that are fitted with one size left out, each in turn, for memory
//! widened by what the check was off by.

mod fit;
mod show;

pub use fit::{Curve, Terms};

use super::record::{Cell, Definition, Kind, Machine, Network, Record, Subject};
use super::report::view::View;
use crate::group::Backend;
use crate::protocol::ProtocolName;

/// Sizes that are extrapolated to.
pub const SIZES: [f64; 3] = [1e8, 1e9, 1e10];

/// Numbers of machines that are extrapolated to.
pub const MACHINES: [u32; 4] = [1, 10, 100, 1000];

/// Bits per second that each machine is assumed to send and receive.
const RATE: f64 = 10e9;

/// Bytes of an element that is sent to the machine of its partition.
const SHUFFLED: f64 = 64.0;

/// Sizes from which a curve is fitted at least: one more than it has terms, and the one it is checked with.
const LEAST: usize = 5;

/// What [`analyse`] wants measured: all protocols, both sides without a network, lists of the same size
/// from 2^12 to 2^18, on one thread and on all.
pub fn definition() -> Definition {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let mut threads = vec![1, cores];
    threads.dedup();
    Definition {
        subjects: ProtocolName::ALL.iter().map(|protocol| protocol.name().to_owned()).collect(),
        sizes: (12..=18).map(|log| [1 << log; 2]).collect(),
        networks: vec![Network { name: "none".to_owned(), rate: None, rtt: 0.0 }],
        threads,
        backends: vec![Backend::detect().name().to_owned()],
        repeat: 5,
        seed: 1,
    }
}

/// How everything in a record grows.
#[derive(Clone, Debug)]
pub struct Growth {
    /// Of each subject that was measured with enough sizes.
    pub subjects: Vec<SubjectGrowth>,
    machine: Machine,
}

/// How one subject grows.
#[derive(Clone, Debug)]
pub struct SubjectGrowth {
    /// What it is.
    pub subject: Subject,
    /// Threads of each side.
    pub threads: usize,
    /// The largest lists that were measured.
    pub largest: u64,
    /// Seconds.
    pub time: Fit,
    /// Bytes of memory of both sides together, where known.
    pub memory: Option<Fit>,
    /// Bytes both ways.
    pub bytes: Fit,
    /// Gain of threads, where several numbers of them were measured on cores of each side's own.
    pub cores: Option<Cores>,
    /// Its place among the subjects of the record.
    place: usize,
    /// Elements, and quartiles of the time, the median first.
    measured: Vec<(u64, [f64; 3])>,
}

/// A curve, and how good it is.
#[derive(Clone, Debug)]
pub struct Fit {
    /// Through all points.
    pub curve: Curve,
    /// What the curve without the largest size says of it.
    pub check: Check,
    /// Curves with one size left out.
    without: Vec<Curve>,
}

/// A prediction one size up.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Check {
    /// The largest size, which the prediction did not see.
    pub size: u64,
    /// What was predicted.
    pub predicted: f64,
    /// What was measured.
    pub measured: f64,
}

/// What threads gain.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Cores {
    /// Part of the work that they do not shorten.
    pub serial: f64,
    /// The most threads that were measured.
    pub most: usize,
    /// How many times as fast those are as one.
    pub gain: f64,
    /// The law without the most threads, against what they measured; none where two numbers of
    /// threads leave nothing to check.
    pub check: Option<f64>,
}

/// What a size comes to on some machines.
#[derive(Clone, Copy, Debug)]
pub struct Forecast {
    /// Elements of each list.
    pub elements: f64,
    /// Machines of each side.
    pub machines: u32,
    /// Elements of the largest partition.
    pub partition: f64,
    /// Seconds: by the curve, and the least and most by curves with one size left out.
    pub seconds: [f64; 3],
    /// Of those, seconds of sending.
    pub sending: f64,
    /// Bytes of memory of the largest partition, both sides together, where known; and the least and most
    /// that they may be.
    pub memory: Option<[f64; 3]>,
}

/// Looks at a record: at lists of the same size, over the link that delays least.
pub fn analyse(record: &Record) -> Growth {
    let view = View::of(record);
    let subjects = (0..view.subjects.len()).filter_map(|place| grows(&view, place));
    Growth { subjects: subjects.collect(), machine: record.machine.clone() }
}

fn grows(view: &View, place: usize) -> Option<SubjectGrowth> {
    let subject = view.subjects[place];
    let network = view.fastest_network()?;
    let shape = view.shapes.iter().find(|shape| shape.advertiser.is_none())?;
    let all: Vec<&Cell> = shape
        .sizes
        .iter()
        .filter_map(|size| view.cell(subject, [*size; 2], &network.name))
        .collect();
    let last = all.last()?;
    let like = |cell: &&&Cell| cell.threads == last.threads && cell.backend == last.backend;
    let cells: Vec<&Cell> = all.iter().filter(like).copied().collect();
    let points = |figure: &dyn Fn(&Cell) -> f64| -> Vec<(f64, f64)> {
        cells.iter().map(|cell| (cell.platform as f64, figure(cell))).collect()
    };
    let quartiles = |cell: &&Cell| {
        let sample = cell.sample(|run| run.total);
        (cell.platform, [0.5, 0.25, 0.75].map(|part| sample.quantile(part)))
    };
    let time = points(&|cell| cell.sample(|run| run.total).median());
    let bytes = points(&|cell| cell.sample(|run| run.bytes() as f64).median());
    let memory = points(&memory);
    Some(SubjectGrowth {
        subject: subject.clone(),
        place,
        measured: cells.iter().map(quartiles).collect(),
        threads: last.threads,
        largest: last.platform,
        time: Fit::of(&time, Terms::LogLinear)?,
        memory: Fit::of(&memory, Terms::Linear),
        bytes: Fit::of(&bytes, Terms::LogLinear)?,
        cores: cores(&view.by_cores(subject, [last.platform; 2], &network.name)),
    })
}

/// Bytes that both sides held together; not a number where either is unknown.
fn memory(cell: &Cell) -> f64 {
    let both = cell.runs.iter().filter_map(|run| {
        let [a, p] = [run.advertiser.peak_memory?, run.platform.peak_memory?];
        Some(a as f64 + p as f64)
    });
    both.collect::<super::measure::Sample>().median()
}

fn cores(cells: &[&Cell]) -> Option<Cores> {
    let median = |cell: &&Cell| cell.sample(|run| run.total).median();
    let points: Vec<(f64, f64)> =
        cells.iter().map(|cell| (cell.threads as f64, median(cell))).collect();
    let ((_, one), (most, least)) = (points.first()?, points.last()?);
    let check = fit::serial_part(&points[..points.len() - 1]).map(|serial| {
        let (threads, time) = points[0];
        let at = |threads: f64| serial + (1.0 - serial) / threads;
        time * at(*most) / at(threads) / least - 1.0
    });
    let serial = fit::serial_part(&points)?;
    Some(Cores { serial, most: *most as usize, gain: one / least, check })
}

impl Fit {
    /// Fits points, the largest size last; none where there are too few.
    fn of(points: &[(f64, f64)], terms: Terms) -> Option<Fit> {
        if points.len() < LEAST {
            return None;
        }
        let curve = Curve::fit(points, terms)?;
        let without = |left_out: usize| {
            let mut points = points.to_vec();
            points.remove(left_out);
            Curve::fit(&points, terms)
        };
        let without: Vec<Curve> = (0..points.len()).filter_map(without).collect();
        let (last, measured) = *points.last()?;
        let predicted = Curve::fit(&points[..points.len() - 1], terms)?.at(last);
        let check = Check { size: last as u64, predicted, measured };
        Some(Fit { curve, check, without })
    }

    /// Its value for `n` elements, and the least and most of the curves with one size left out.
    fn at(&self, n: f64) -> [f64; 3] {
        let value = self.curve.at(n);
        let others = || self.without.iter().map(|curve| curve.at(n));
        [value, others().fold(value, f64::min), others().fold(value, f64::max)]
    }
}

impl Fit {
    /// The same, widened by as much as the curve was off by one size up.
    fn within(&self, n: f64) -> [f64; 3] {
        let [value, least, most] = self.at(n);
        let off = 1.0 + self.check.error().abs();
        [value, least / off, most * off]
    }
}

impl Check {
    /// How much more was predicted than measured, as a part of what was measured.
    pub fn error(&self) -> f64 {
        self.predicted / self.measured - 1.0
    }
}

impl SubjectGrowth {
    /// What lists of `elements` come to on so many machines of each side.
    pub fn forecast(&self, elements: f64, machines: u32) -> Forecast {
        let partition = partition(elements, machines);
        let others = 1.0 - 1.0 / f64::from(machines);
        let shuffled = SHUFFLED * partition * others;
        let sending = 8.0 * (shuffled + self.bytes.curve.at(partition)) / RATE;
        Forecast {
            elements,
            machines,
            partition,
            seconds: self.time.at(partition).map(|seconds| seconds + sending),
            sending,
            memory: self.memory.as_ref().map(|fit| fit.within(partition)),
        }
    }
}

/// Elements of the largest of so many partitions by a hash: `m/n + sqrt(2 m ln n / n)` for `m` balls in
/// `n` bins, many more balls than bins (Raab and Steger, "Balls into Bins", RANDOM 1998, theorem 1).
fn partition(elements: f64, machines: u32) -> f64 {
    let machines = f64::from(machines);
    let mean = elements / machines;
    mean + (2.0 * mean * machines.ln()).sqrt()
}

impl Growth {
    /// Whether nothing was measured with enough sizes.
    pub fn is_empty(&self) -> bool {
        self.subjects.is_empty()
    }

    /// What an extrapolation takes for granted.
    pub fn assumptions(&self) -> Vec<String> {
        show::assumptions(&self.machine)
    }

    /// Whether a forecast fits into the memory of a machine like the measured one; none where its range does
    /// not tell. True where either is unknown.
    pub fn fits(&self, forecast: &Forecast) -> Option<bool> {
        match (forecast.memory, self.machine.memory.map(|bytes| bytes as f64)) {
            (Some([_, least, _]), Some(there)) if least > there => Some(false),
            (Some([_, _, most]), Some(there)) if most > there => None,
            _ => Some(true),
        }
    }

    fn insecure(subject: &SubjectGrowth) -> bool {
        subject.subject.kind == Kind::Insecure
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::made_up::MadeUp;

    fn growth(noise: f64) -> Growth {
        analyse(&MadeUp { noise, seed: 1, slower: None }.growth())
    }

    fn of<'a>(growth: &'a Growth, name: &str) -> &'a SubjectGrowth {
        growth.subjects.iter().find(|subject| subject.subject.name == name).unwrap()
    }

    #[test]
    fn planted_costs_are_found_and_the_check_agrees() {
        let growth = growth(0.0);
        let dh = of(&growth, "dh");
        let threads = 0.04 + 0.96 / 8.0;
        assert!((dh.time.curve.at(1e9) / (threads * (0.002 + 25.5e-6 * 1e9)) - 1.0).abs() < 1e-3);
        assert!((dh.bytes.curve.at(1e9) / 73e9 - 1.0).abs() < 1e-3);
        let memory = &dh.memory.as_ref().unwrap().curve;
        assert!((memory.linear - 214.0).abs() < 0.1 && (memory.fixed / 16e6 - 1.0).abs() < 1e-3);
        assert!(dh.time.check.error().abs() < 1e-3, "{:?}", dh.time.check);
        assert_eq!(dh.time.check.size, 1 << 18);
        let cores = dh.cores.unwrap();
        assert!((cores.serial - 0.04).abs() < 1e-6 && (cores.gain - 1.0 / threads).abs() < 1e-6);
        assert_eq!(cores.check, None);
    }

    #[test]
    fn threads_that_share_cores_gain_nothing_that_can_be_told() {
        let mut record = MadeUp { noise: 0.0, seed: 1, slower: None }.growth();
        record.machine.cores = 8;
        assert!(of(&analyse(&record), "dh").cores.is_none());
    }

    #[test]
    fn noise_shows_in_the_range_and_the_check_says_how_wrong_it_was() {
        let growth = growth(0.05);
        let [value, low, high] = of(&growth, "oprf").forecast(1e9, 10).seconds;
        assert!(low < value && value < high && high < 3.0 * low, "{low} {value} {high}");
        // A list that suddenly costs twice as much is what a check is for.
        let mut record = MadeUp { noise: 0.0, seed: 1, slower: None }.growth();
        for cell in record.cells.iter_mut().filter(|cell| cell.platform == 1 << 18) {
            cell.runs.iter_mut().for_each(|run| run.total *= 2.0);
        }
        let error = of(&analyse(&record), "oprf").time.check.error();
        assert!((error + 0.5).abs() < 1e-3, "{error}");
    }

    #[test]
    fn machines_share_the_lists_and_a_list_can_be_too_large() {
        let growth = growth(0.0);
        let dh = of(&growth, "dh");
        let (one, many) = (dh.forecast(1e10, 1), dh.forecast(1e10, 1000));
        assert_eq!(one.partition, 1e10);
        assert!(many.partition > 1e7 && many.partition < 1.002e7, "{}", many.partition);
        assert_eq!((growth.fits(&one), growth.fits(&many)), (Some(false), Some(true))); // 2.1 TB, 2.1 GB, and 34 GB are there
        let share = one.seconds[0] / many.seconds[0];
        assert!(share > 900.0 && share < 1000.0, "{share}");
    }

    #[test]
    fn too_few_sizes_say_nothing() {
        let mut record = MadeUp { noise: 0.0, seed: 1, slower: None }.growth();
        record.cells.retain(|cell| cell.platform <= 1 << 15);
        assert!(analyse(&record).is_empty());
    }

    #[test]
    fn the_definition_is_of_protocols_that_there_are() {
        let definition = definition();
        assert_eq!(definition.sizes.first(), Some(&[1 << 12; 2]));
        let known = |name: &String| ProtocolName::by_name(name).is_some();
        assert!(definition.subjects.iter().all(known) && definition.sizes.len() > LEAST);
        assert!(definition.threads.windows(2).all(|pair| pair[0] < pair[1]));
    }
}
