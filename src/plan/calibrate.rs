//! Measuring the units on this machine.
//!
//! Each part runs on made-up input, on one thread, again and again for its share of the time; the
//! median counts. CPU time is what is measured, so that other work on the machine matters little.

mod links;
mod lists;

use std::hint::black_box;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{Rng, RngExt, SeedableRng};
use rayon::prelude::*;
use rayon::{ThreadPool, ThreadPoolBuilder};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::model::Work;
use super::protocols::{self, Parts};
use super::{Calibration, Curve, Question, Setting, Units, Way, traffic};
use crate::bench::measure::{Cpu, Sample};
use crate::bench::stages::{Input, Stage};
use crate::bench::whole::Setup;
use crate::bench::workload::Pair;
use crate::error::{Error, Result};
use crate::group::{Backend, Encoding, Engine, Parallelism, SecretScalar};
use crate::key::{Key, role};
use crate::label::{Labels, Seal, Sealing};
use crate::proof::Transcript;
use crate::protocol::ProtocolName;
use crate::protocol::probe::Tags;
use crate::set::{CompressedSet, Intersection, Output, Outputs, SetReader};
use crate::wire::{Decoder, Frame, POINTS_PER_FRAME};

/// Measures this machine with a backend, in about so many seconds; `cores` are those that a match will
/// have.
///
/// Writes two lists of made-up people to a folder of its own in the system's folder for temporary files,
/// and takes them away again; opens connections over the loopback interface.
///
/// # Errors
/// [`Error::Io`] where neither is possible, [`Error::Misuse`] where there cannot be so many threads.
pub fn calibrate(backend: Backend, cores: usize, seconds: f64) -> Result<Calibration> {
    let engine = Engine::new(backend, Parallelism::Serial);
    let share = Duration::from_secs_f64((seconds / PARTS).max(0.0));
    let one = pool(1)?;
    let mut units = one.install(|| Probe { engine, share }.units())?;
    let efficiency = efficiency(backend, &one, cores, share)?;
    units.efficiency = efficiency;
    units.whole = whole(backend, &units, share)?;
    let lists = lists::measure(&one, share)?;
    [units.row, units.gate, units.cell] = lists;
    let links = links::measure(engine, share)?;
    [units.session, units.connection, units.tls_byte] = links;
    Ok(Calibration::new(cpu_model(), cores, backend.name(), units))
}

/// Parts that share the time.
const PARTS: f64 = 38.0;

/// As Linux names it.
fn cpu_model() -> String {
    let text = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let line = text.lines().find(|line| line.starts_with("model name"));
    let name = line.and_then(|line| line.split_once(':')).map(|(_, name)| name.trim().to_owned());
    name.unwrap_or_else(|| std::env::consts::ARCH.to_owned())
}

fn pool(threads: usize) -> Result<ThreadPool> {
    let pool = ThreadPoolBuilder::new().num_threads(threads).build();
    pool.map_err(|e| Error::Misuse(format!("{threads} threads: {e}")))
}

/// CPU time of an element on one thread over that on all, as all share caches, clock and pipelines.
fn efficiency(backend: Backend, one: &ThreadPool, cores: usize, share: Duration) -> Result<f64> {
    if cores < 2 {
        return Ok(1.0);
    }
    let all = pool(cores)?;
    let input = Input::new(FEW.max(cores * 512), 2);
    let engine = Engine::new(backend, Parallelism::Rayon);
    let run = |pool: &ThreadPool| {
        pool.install(|| Cpu::Process.time(|| Stage::HashBlind.ours(&input, engine)())).as_secs_f64()
    };
    let started = Instant::now();
    let mut ratios = Sample::default();
    while started.elapsed() < 2 * share || ratios.median().is_nan() {
        ratios.push(run(one) / run(&all));
    }
    // What `c` cores do is what one does, times 1 + (c - 1) e: of the mean slow-down, all but the first
    // core's part.
    let (mean, cores) = (ratios.median(), cores as f64);
    Ok(((mean * cores - 1.0) / (cores - 1.0)).clamp(0.1, 1.0))
}

/// What a session takes over what its parts do, of two protocols that differ most.
fn whole(backend: Backend, units: &Units, share: Duration) -> Result<f64> {
    let pair = Pair::new(Curve::FEW as u64, 9)?;
    let mut question = Question::new([Curve::FEW as u64; 2]);
    question.setting = Setting::Process;
    let (started, mut ratios) = (Instant::now(), Sample::default());
    let protocols = [ProtocolName::Dh, ProtocolName::Voprf];
    let setups = protocols.map(|protocol| Setup::new(protocol, backend, 1));
    while started.elapsed() < 2 * share || ratios.median().is_nan() {
        for (setup, protocol) in setups.iter().zip(protocols) {
            let Ok(setup) = setup else { return Err(broken("no thread to run on")) };
            let way = Way { protocol, prepared: false };
            let parts = Parts { way, question: &question, units };
            let work = protocols::stages(&parts).into_iter().flat_map(|stage| stage.work);
            let expected: f64 = work.map(Work::total).sum();
            let cost = setup.run(&pair, 9, &AtomicBool::new(false))?;
            ratios.push(cost.cpu.as_secs_f64() / expected);
        }
    }
    Ok(ratios.median().clamp(1.0, 1.5))
}

/// Elements that the dear parts are measured on: a quarter of what a session does at a time.
const FEW: usize = 2048;

/// Measures on the thread that it is called from.
struct Probe {
    engine: Engine,
    share: Duration,
}

impl Probe {
    fn units(&self) -> Result<Units> {
        let input = Input::new(FEW, 1);
        let stage = |stage: Stage| {
            let run = stage.ours(&input, self.engine);
            self.each(FEW, run)
        };
        let [prove, check] = self.proofs(&input)?;
        let [seal, open] = self.labels()?;
        let [set_build, set_read] = self.sets()?;
        let [sort_tags, look_up] = self.tables();
        let (fixed, encode) = (stage(Stage::Fixed), stage(Stage::Encode));
        Ok(Units {
            hash_blind: stage(Stage::HashBlind),
            blind: stage(Stage::Blind),
            hash_mask: self.hash_mask(&input),
            unmask: self.unmask(&input)?,
            output: self.output(&input),
            tag: self.each(FEW, || Tags::of(&input.points)),
            prove,
            check,
            encrypt: 2.0 * (fixed + encode),
            scalar: self.scalar(),
            decode: stage(Stage::Decode),
            step: encode + self.addition(&input)?,
            seal,
            open,
            hash_byte: self.hash_byte(),
            frame_byte: self.frame_byte()?,
            sort_slots: self.curve(|count, rng| sort(count, rng, random_slot)),
            sort_outputs: self.curve(|count, rng| sort(count, rng, random_output)),
            sort_tags,
            look_up,
            set_build,
            set_read,
            // Measured elsewhere.
            row: 0.0,
            gate: 0.0,
            cell: 0.0,
            tls_byte: 0.0,
            whole: 1.0,
            efficiency: 1.0,
            session: 0.0,
            connection: 0.0,
        })
    }

    /// Nanoseconds of `work` for each of `elements`.
    fn each<R>(&self, elements: usize, mut work: impl FnMut() -> R) -> f64 {
        self.timed(elements, || Cpu::Thread.time(&mut work))
    }

    /// The same, where `run` does more than is to be timed.
    fn timed(&self, elements: usize, mut run: impl FnMut() -> Duration) -> f64 {
        run(); // to warm up
        let started = Instant::now();
        let mut sample = Sample::default();
        while started.elapsed() < self.share || sample.median().is_nan() {
            sample.push(run().as_secs_f64());
        }
        sample.median() * 1e9 / elements as f64
    }

    fn curve(&self, run: impl Fn(usize, &mut StdRng) -> Duration) -> Curve {
        let mut rng = StdRng::seed_from_u64(3);
        let mut at = |count| self.timed(count, || run(count, &mut rng));
        Curve { few: at(Curve::FEW), many: at(Curve::MANY) }
    }

    fn hash_mask(&self, input: &Input) -> f64 {
        let generator = self.engine.fix(&Encoding::GENERATOR).expect("the generator is a point");
        let mut out = vec![Encoding::default(); FEW];
        self.each(FEW, || {
            let (tag, messages, keys) = (&input.tag, &input.messages, &input.keys);
            self.engine.hash_mask(tag, messages, &generator, keys, &mut out);
        })
    }

    fn unmask(&self, input: &Input) -> Result<f64> {
        let fixed = self.engine.fix(&input.points[0]).map_err(broken)?;
        let mut out = vec![Encoding::default(); FEW];
        let mut run = || {
            let copied: Vec<SecretScalar> = input.keys.to_vec();
            self.engine.unmask_then(&input.points, &fixed, &copied, &mut out, |_, point| *point)
        };
        run().map_err(broken)?;
        Ok(self.each(FEW, run))
    }

    fn output(&self, input: &Input) -> f64 {
        let outputs = Outputs::new(&[5; 32]);
        let all = || -> u128 {
            let pairs = input.messages.iter().zip(&input.points);
            pairs.map(|(message, point)| outputs.value(message, point).0).fold(0, |a, b| a ^ b)
        };
        self.each(FEW, all)
    }

    fn scalar(&self) -> f64 {
        let mut rng = StdRng::seed_from_u64(4);
        self.each(FEW, || {
            let all: Vec<_> = (0..FEW).map(|_| SecretScalar::random(&mut rng)).collect();
            drop(black_box(all));
        })
    }

    fn addition(&self, input: &Input) -> Result<f64> {
        let mut sums = self.engine.decode(&input.points).map_err(broken)?;
        let others = self.engine.decode(&input.points).map_err(broken)?;
        Ok(self.each(FEW, || self.engine.add(&mut sums, &others)))
    }

    /// A proof over a run, and its check.
    fn proofs(&self, input: &Input) -> Result<[f64; 2]> {
        let mut rng = StdRng::seed_from_u64(5);
        let key = Key::<role::Evaluate>::fresh(&mut rng);
        let public = key.public(&self.engine);
        let mut answers = vec![Encoding::default(); FEW];
        self.engine.blind(&input.points, key.scalar(), &mut answers).map_err(broken)?;
        let start = Transcript::new(&[6; 32], &public).map_err(broken)?;
        let mut prove =
            || start.clone().prove(&self.engine, &key, &input.points, &answers, &mut rng);
        let proof = prove().map_err(broken)?;
        let proved = self.each(FEW, prove);
        let check = || start.clone().check(&self.engine, &input.points, &answers, &proof);
        check().map_err(broken)?;
        Ok([proved, self.each(FEW, check)])
    }

    /// Labels sealed, and opened.
    fn labels(&self) -> Result<[f64; 2]> {
        let labels = std::sync::Arc::new(Labels::new((0..FEW).map(|i| format!("segment {i}")))?);
        let secrets: Vec<Zeroizing<[u8; 32]>> =
            (0..FEW).map(|i| Zeroizing::new([i as u8; 32])).collect();
        let mut rng = StdRng::seed_from_u64(6);
        let sealed = self.timed(FEW, || {
            let mut sealing = Sealing::new(labels.clone(), &mut rng);
            Cpu::Thread.time(|| sealing.seal_next(&secrets))
        });
        let mut sealing = Sealing::new(labels, &mut rng);
        sealing.seal_next(&secrets);
        let all = sealing.finish((0..FEW as u32).collect());
        let (seal, run): (Seal, Vec<u8>) = (all.seal, all.run(0));
        let entries: Vec<&[u8]> = run.chunks_exact(seal.sealed()).collect();
        let open = || entries.iter().zip(&secrets).filter_map(|(e, s)| seal.open(s, e)).count();
        if open() != entries.len() {
            return Err(broken("labels that do not open"));
        }
        Ok([sealed, self.each(entries.len(), open)])
    }

    /// Sets made, and read.
    fn sets(&self) -> Result<[Curve; 2]> {
        let made = |count: usize, rng: &mut StdRng| {
            let outputs: Vec<Output> = (0..count).map(|_| Output(rng.random())).collect();
            CompressedSet::new(outputs, count as u64)
        };
        let build = self.curve(|count, rng| {
            let outputs: Vec<Output> = (0..count).map(|_| Output(rng.random())).collect();
            Cpu::Thread.time(|| CompressedSet::new(outputs, count as u64))
        });
        let mut rng = StdRng::seed_from_u64(7);
        let mut read = |count: usize| -> Result<f64> {
            let set = made(count, &mut rng)?;
            let ours: Vec<(Output, u32)> =
                (0..count as u32).map(|i| (Output(rng.random()), i)).collect();
            let whole = || -> Result<usize> {
                let sink = Intersection::new(set.parameters(), ours.clone());
                let mut reader = SetReader::new(set.parameters(), set.digest(), sink);
                let started = Cpu::Thread.now();
                (0..set.blocks()).try_for_each(|block| reader.push(set.block(block)))?;
                black_box(reader.finish()?.matched());
                Ok((Cpu::Thread.now() - started).as_nanos() as usize)
            };
            whole()?;
            Ok(self.timed(count, || Duration::from_nanos(whole().unwrap_or(0) as u64)))
        };
        Ok([build, Curve { few: read(Curve::FEW)?, many: read(Curve::MANY)? }])
    }

    /// Tags sorted into a table, and looked up there.
    fn tables(&self) -> [Curve; 2] {
        let build = self.curve(|count, rng| {
            let tags = Tags::random(count, rng);
            Cpu::Thread.time(|| tags.into_table())
        });
        let look_up = self.curve(|count, rng| {
            let table = Tags::random(count, rng).into_table();
            let others = Tags::random(count, rng);
            Cpu::Thread.time(|| table.count(&others))
        });
        [build, look_up]
    }

    fn hash_byte(&self) -> f64 {
        // In pieces of an encoding, as lists are hashed.
        let bytes = vec![7u8; 1 << 20];
        self.each(bytes.len(), || {
            let mut hash = Sha256::new();
            bytes.chunks(32).for_each(|piece| hash.update(piece));
            black_box(hash.finalize());
        })
    }

    /// A frame of points made and read.
    fn frame_byte(&self) -> Result<f64> {
        let mut rng = StdRng::seed_from_u64(8);
        let points: Vec<Encoding> =
            (0..POINTS_PER_FRAME).map(|_| random_slot(&mut rng, 0).0).collect();
        let way = Way { protocol: ProtocolName::Dh, prepared: false };
        let hello = traffic::greeting(way, &Question::new([1; 2])).encode();
        let pass = || -> Result<Option<Frame>> {
            let bytes = Frame::Points(points.to_vec()).encode();
            let mut decoder = Decoder::default();
            decoder.push(&hello); // what a decoder takes first
            decoder.next_frame()?;
            bytes.chunks(16 * 1024).for_each(|piece| decoder.push(piece));
            decoder.next_frame()
        };
        pass()?;
        Ok(self.each(32 * POINTS_PER_FRAME, pass))
    }
}

/// CPU time of sorting so many, made up by `random`.
fn sort<T: Ord + Send>(
    count: usize,
    rng: &mut StdRng,
    random: impl Fn(&mut StdRng, u32) -> T,
) -> Duration {
    let mut all: Vec<T> = (0..count as u32).map(|index| random(rng, index)).collect();
    Cpu::Thread.time(|| all.par_sort_unstable())
}

/// A blinded element and its index.
fn random_slot(rng: &mut StdRng, index: u32) -> (Encoding, u32) {
    let mut bytes = [0; 32];
    rng.fill_bytes(&mut bytes);
    (Encoding(bytes), index)
}

fn random_output(rng: &mut StdRng, index: u32) -> (u128, u32) {
    (rng.random(), index)
}

/// What is measured gives the answer that it must, or there is no figure.
fn broken(problem: impl std::fmt::Display) -> Error {
    Error::WrongAnswer(format!("calibration: {problem}"))
}
