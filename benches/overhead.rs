//! What do our batches cost beyond the group operations in them, and do cores add up?
//!
//! One line a figure, each the median over rounds that alternate between the things compared:
//!
//! ```text
//! overhead stage=hash_blind backend=portable median=1.03 spread=0.02 rounds=25
//! scaling  stage=hash_blind backend=portable cores=2 median=1.97 spread=0.03 rounds=25
//! ```
//!
//! `overhead`: CPU time of our batch on one core, over that of curve25519-dalek's own stages (its
//! hash to the group or decompression, its multiplication, its batched compression) over the same
//! elements, in chunks of the same size. `scaling`: one core's time on the wall over that of `cores`.
//! `spread` is half the distance between the quartiles. `--test` runs once, small, for correctness.

use std::hint::black_box;
use std::time::Instant;

use blindmatch::bench::measure::Sample;
use blindmatch::bench::stages::{Input, Stage, Times};
use blindmatch::group::{Backend, Encoding, Engine, Parallelism};
use rayon::ThreadPoolBuilder;

fn main() {
    let (elements, rounds) = match std::env::args().any(|argument| argument == "--test") {
        true => (300, 1),
        false => (4096, 25),
    };
    let input = Input::new(elements, 1);
    for stage in [Stage::HashBlind, Stage::Blind] {
        overhead(&input, stage, rounds);
    }
    scaling(&input, rounds);
}

fn overhead(input: &Input, stage: Stage, rounds: usize) {
    let ways = [stage.dalek(input), stage.ours(input, engine(Parallelism::Serial))];
    let times = Times::of(stage.name(), input.elements(), rounds, &ways);
    let times = times.unwrap_or_else(|error| panic!("{error}"));
    let figure = format!("overhead stage={} backend=portable", stage.name());
    print(&figure, &times.speed_up(0, 1), rounds);
}

fn scaling(input: &Input, rounds: usize) {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let pool = |threads| ThreadPoolBuilder::new().num_threads(threads).build().expect("threads");
    let (one, all) = (pool(1), pool(cores));
    let expected = hash_blind(input, Parallelism::Serial);
    for _ in 0..2 {
        all.install(|| hash_blind(input, Parallelism::Rayon)); // wakes the threads
    }
    let time = |pool: &rayon::ThreadPool| {
        let started = Instant::now();
        let out = pool.install(|| hash_blind(input, Parallelism::Rayon));
        let elapsed = started.elapsed().as_secs_f64();
        assert!(out == expected, "cores change the answer");
        elapsed
    };
    let ratios: Sample = (0..rounds).map(|_| time(&one) / time(&all)).collect();
    let figure = format!("scaling stage=hash_blind backend=portable cores={cores}");
    print(&figure, &ratios, rounds);
}

fn hash_blind(input: &Input, parallelism: Parallelism) -> Vec<Encoding> {
    let mut out = vec![Encoding::default(); input.elements()];
    let out_ref = black_box(&mut out);
    engine(parallelism).hash_blind(&input.tag, &input.messages, &input.key, out_ref);
    out
}

fn engine(parallelism: Parallelism) -> Engine {
    Engine::new(Backend::portable(), parallelism)
}

fn print(figure: &str, ratios: &Sample, rounds: usize) {
    let (median, spread) = (ratios.median(), ratios.spread());
    println!("{figure} median={median:.3} spread={spread:.3} rounds={rounds}");
}
