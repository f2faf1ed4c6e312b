//! How many times faster than curve25519-dalek: `cargo bench --bench ratio`.
//!
//! One line a figure, for example
//!
//! ```text
//! ratio stage=hash_blind backend=avx2 median=3.05 spread=0.05 against=dalek dalek_ns=38210 ours_ns=12530
//! whole stage=dh backend=avx2 median=49.3 spread=0.4 unit=cpu_us_a_pair size=65536 wall_s=3.24 rounds=5
//! ```
//!
//! Both sides of a ratio run in turn, many rounds, on one thread of one process: what a neighbour
//! or the clock does to one it does to the other. `median` is that of the rounds' ratios, `spread`
//! half the distance between their quartiles, `dalek_ns` and `ours_ns` the median times an element.
//! Every side's output is compared with the reference's before anything is timed.
//!
//! `against=dalek` is curve25519-dalek at its best (`src/bench/stages.rs`). In other lines it names
//! the stage of ours, or the backend, that is compared with, and so does `..._ns`.
//!
//! `whole` is a match by Diffie-Hellman of two lists of `BLINDMATCH_BENCH_SIZE` rows in memory, CPU
//! time of both sides on one thread, an element pair; every answer is checked. The size is 2^16
//! unless given; figures that are published are of 2^20, which takes some ten minutes:
//!
//! ```text
//! BLINDMATCH_BENCH_SIZE=2^20 taskset -c 0 cargo bench --bench ratio whole
//! ```
//!
//! With `--test`, one short round: for continuous integration, where only the answers matter. Another
//! argument is part of the `kind stage=... backend=...` of the figures to measure.

use std::hint::black_box;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use blindmatch::bench::measure::Sample;
use blindmatch::bench::stages::{CHUNK, Input, Output, Run, Stage, Times};
use blindmatch::bench::whole::Setup;
use blindmatch::bench::workload::{self, Pair};
use blindmatch::group::{Backend, Encoding, Engine, Parallelism};
use blindmatch::protocol::ProtocolName;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let test = arguments.iter().any(|argument| argument == "--test");
    let (elements, rounds) = if test { (24, 1) } else { (CHUNK, 101) };
    let filter = arguments.into_iter().find(|argument| !argument.starts_with('-'));
    let plan = Plan { rounds, filter };
    let input = Input::new(elements, 1);
    for engine in engines() {
        against_dalek(&plan, &input, engine);
        against_ourselves(&plan, &input, engine);
    }
    if let [first, second] = engines()[..] {
        against_each_other(&plan, &input, first, second);
    }
    for engine in engines() {
        on_all_cores(&plan, &input, engine);
    }
    whole(&plan);
}

struct Plan {
    rounds: usize,
    /// Part of the line of figures to measure.
    filter: Option<String>,
}

impl Plan {
    fn is_test(&self) -> bool {
        self.rounds == 1
    }

    fn includes(&self, figure: &str) -> bool {
        self.filter.as_ref().is_none_or(|filter| figure.contains(filter))
    }
}

fn against_dalek(plan: &Plan, input: &Input, engine: Engine) {
    for stage in Stage::ALL {
        contest(plan, stage.name(), engine, "dalek", input, || {
            [stage.dalek(input), stage.ours(input, engine)]
        });
    }
}

fn against_ourselves(plan: &Plan, input: &Input, engine: Engine) {
    contest(plan, "blind_each", engine, "blind", input, || {
        let keys = vec![input.key.clone(); input.elements()];
        let each: Run<'_> = Box::new(move || {
            let mut out = vec![Encoding::IDENTITY; input.elements()];
            engine.blind_each(&input.points, &keys, &mut out).expect("valid");
            Output::Encodings(out)
        });
        [Stage::Blind.ours(input, engine), each]
    });
    contest(plan, "multiply_fixed", engine, "multiply_each", input, || {
        let base = vec![input.points[0]; input.elements()];
        let points = engine.decode(&base).expect("valid");
        let each: Run<'_> = Box::new(move || {
            let mut products = points.clone();
            engine.multiply_each(&mut products, &input.keys);
            Output::Ours(engine, products)
        });
        [each, Stage::Fixed.ours(input, engine)]
    });
}

fn against_each_other(plan: &Plan, input: &Input, slow: Engine, fast: Engine) {
    for stage in [Stage::HashBlind, Stage::Blind] {
        contest(plan, stage.name(), fast, slow.backend().name(), input, || {
            [stage.ours(input, slow), stage.ours(input, fast)]
        });
    }
}

/// Compares the answers, then the times of what is compared with and of ours, and prints the line.
fn contest<'a>(
    plan: &Plan,
    stage: &str,
    engine: Engine,
    against: &str,
    input: &Input,
    ways: impl FnOnce() -> [Run<'a>; 2],
) {
    let figure = format!("ratio stage={stage} backend={}", engine.backend().name());
    if !plan.includes(&figure) {
        return;
    }
    let times = Times::of(&figure, input.elements(), plan.rounds, &ways());
    let times = times.unwrap_or_else(|error| panic!("{error}"));
    let (ratio, [theirs, ours]) =
        (times.speed_up(1, 0), [0, 1].map(|way| times.nanoseconds(way).median()));
    println!(
        "{figure} median={:.2} spread={:.2} against={against} {against}_ns={theirs:.0} ours_ns={ours:.0}",
        ratio.median(),
        ratio.spread()
    );
}

/// By the clock on the wall, unlike the others: of use on a machine that has nothing else to do.
fn on_all_cores(plan: &Plan, input: &Input, engine: Engine) {
    let figure = format!("ratio stage=cores backend={}", engine.backend().name());
    if !plan.includes(&figure) {
        return;
    }
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let parallel = Engine::new(engine.backend(), Parallelism::Rayon);
    let messages = input.messages.repeat(if plan.is_test() { 2 } else { 64 * cores });
    let mut out = vec![Encoding::IDENTITY; messages.len()];
    let mut run = |engine: &Engine| {
        let start = Instant::now();
        engine.hash_blind(&input.tag, &messages, &input.key, black_box(&mut out));
        start.elapsed().as_secs_f64()
    };
    let ratios: Sample =
        (0..plan.rounds.div_ceil(4)).map(|_| run(&engine) / run(&parallel)).collect();
    let (median, spread) = (ratios.median(), ratios.spread());
    println!("{figure} median={median:.2} spread={spread:.2} against=one_core cores={cores}");
}

/// Whole matches, the backends in turn.
fn whole(plan: &Plan) {
    let figure = |setup: &Setup| format!("whole stage=dh backend={}", setup.backend().name());
    let new = |backend| Setup::new(ProtocolName::Dh, backend, 1).expect("one thread");
    let mut setups: Vec<Setup> = Backend::available().into_iter().map(new).collect();
    setups.retain(|setup| plan.includes(&figure(setup)));
    let asked = std::env::var("BLINDMATCH_BENCH_SIZE").unwrap_or("2^16".into());
    let asked = workload::size(&asked).expect("BLINDMATCH_BENCH_SIZE is a size, such as 2^20");
    let (size, rounds) = if plan.is_test() { (24, 1) } else { (asked, 5) };
    if setups.is_empty() {
        return;
    }
    let pair = Pair::new(size, 1).expect("lists of made-up people");
    let mut samples = vec![[Sample::default(), Sample::default()]; setups.len()];
    for round in 0..=rounds {
        for (setup, [cpu, wall]) in setups.iter().zip(&mut samples) {
            let cost = setup.run(&pair, round, &AtomicBool::new(false));
            let cost = cost.unwrap_or_else(|error| panic!("{}: {error}", figure(setup)));
            if round > 0 {
                cpu.push(cost.cpu_us_a_pair(size));
                wall.push(cost.wall.as_secs_f64());
            }
        }
    }
    for (setup, [cpu, wall]) in setups.iter().zip(&samples) {
        println!(
            "{} median={:.2} spread={:.2} unit=cpu_us_a_pair size={size} wall_s={:.3} rounds={rounds}",
            figure(setup),
            cpu.median(),
            cpu.spread(),
            wall.median()
        );
    }
}

/// One for each vector backend that this CPU has.
fn engines() -> Vec<Engine> {
    let vector = |backend: &Backend| *backend != Backend::portable();
    let backends = Backend::available().into_iter().filter(vector);
    backends.map(|backend| Engine::new(backend, Parallelism::Serial)).collect()
}
