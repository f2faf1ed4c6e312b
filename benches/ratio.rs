//! How many times faster than curve25519-dalek: `cargo bench --bench ratio`.
//!
//! One line a figure, for example
//!
//! ```text
//! ratio stage=hash_blind backend=avx2 median=2.73 spread=0.05 against=dalek ns=13270
//! ```
//!
//! Both sides of a ratio run in turn, many rounds, on one thread of one process: what a neighbour
//! or the clock does to one it does to the other. `median` is that of the rounds' ratios, `spread`
//! half the distance between their quartiles, `ns` our median time an element. Every side's output
//! is compared with the reference's before anything is timed.
//!
//! `against=dalek` is curve25519-dalek at its best: its vector backend, the key halved once, the
//! products encoded in batches as doubles. In other lines it names the stage of ours, or the
//! backend, that is compared with.
//!
//! With `--test`, one short round: for continuous integration, where only the answers matter. Another
//! argument is part of the `stage=... backend=...` of the figures to measure.

use std::hint::black_box;
use std::time::Instant;

use blindmatch::group::{Backend, DomainTag, Encoding, Engine, Parallelism, Points, SecretScalar};
use curve25519_dalek::Scalar;
use curve25519_dalek::ristretto::{CompressedRistretto, RistrettoPoint};
use rustix::time::{ClockId, clock_gettime};

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let test = arguments.iter().any(|argument| argument == "--test");
    let (elements, rounds) = if test { (24, 1) } else { (256, 101) };
    let filter = arguments.into_iter().find(|argument| !argument.starts_with('-'));
    let plan = Plan { elements, rounds, filter };
    let input = Input::new(elements);
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
}

struct Plan {
    elements: usize,
    rounds: usize,
    /// Part of the line `stage=... backend=...` of figures to measure.
    filter: Option<String>,
}

struct Input {
    tag: DomainTag,
    messages: Vec<[u8; 33]>,
    uniform: Vec<[u8; 64]>,
    points: Vec<Encoding>,
    key: SecretScalar,
    keys: Vec<SecretScalar>,
    /// What dalek multiplies by.
    half: Scalar,
}

impl Input {
    fn new(elements: usize) -> Self {
        let tag = DomainTag::new(b"blindmatch ratio bench");
        let messages: Vec<[u8; 33]> = (0..elements as u64)
            .map(|i| {
                let mut message = [b'm'; 33];
                message[..8].copy_from_slice(&i.to_le_bytes());
                message
            })
            .collect();
        let uniform: Vec<[u8; 64]> = messages.iter().map(|message| *tag.expand(message)).collect();
        let key = Scalar::from_bytes_mod_order([0x5a; 32]);
        let secret =
            |k: Scalar| SecretScalar::from_canonical_bytes(k.to_bytes()).expect("not zero");
        Input {
            points: encoded(uniform.iter().map(RistrettoPoint::from_uniform_bytes)),
            key: secret(key),
            keys: vec![secret(key); elements],
            half: key * Scalar::from(2u8).invert(),
            tag,
            messages,
            uniform,
        }
    }
}

fn against_dalek(plan: &Plan, input: &Input, engine: Engine) {
    let hash = |uniform: &[u8; 64]| RistrettoPoint::from_uniform_bytes(uniform);
    let decode = |encoding: &Encoding| CompressedRistretto(encoding.0).decompress().expect("valid");
    contest(
        "hash_blind",
        engine,
        "dalek",
        plan,
        || {
            let expanded = input.messages.iter().map(|message| input.tag.expand(message));
            let points = expanded.map(|uniform| hash(&uniform)).collect();
            ready(multiply_and_encode(points, &input.half))
        },
        || ready(hash_blind(input, &engine)),
    );
    contest(
        "blind",
        engine,
        "dalek",
        plan,
        || {
            let points = input.points.iter().map(decode).collect();
            ready(multiply_and_encode(points, &input.half))
        },
        || ready(blind(input, &engine)),
    );
    contest(
        "hash",
        engine,
        "dalek",
        plan,
        || {
            let points: Vec<RistrettoPoint> = input.uniform.iter().map(hash).collect();
            move || encoded(points)
        },
        || {
            let points = engine.map(&input.uniform);
            move || encode(&engine, &points)
        },
    );
    contest(
        "decode",
        engine,
        "dalek",
        plan,
        || {
            let points: Vec<RistrettoPoint> = input.points.iter().map(decode).collect();
            move || encoded(points)
        },
        || {
            let points = engine.decode(&input.points).expect("valid");
            move || encode(&engine, &points)
        },
    );
    contest(
        "encode",
        engine,
        "dalek",
        plan,
        {
            let points: Vec<RistrettoPoint> = input.points.iter().map(decode).collect();
            move || ready(encode_doubles(points.clone()))
        },
        {
            // Products are stored halved, so that this encodes doubles as well.
            let mut points = engine.map(&input.uniform);
            let two = Scalar::from(2u8).to_bytes();
            engine
                .multiply(&mut points, &SecretScalar::from_canonical_bytes(two).expect("not zero"));
            move || ready(encode(&engine, &points))
        },
    );
}

fn against_ourselves(plan: &Plan, input: &Input, engine: Engine) {
    contest(
        "blind_each",
        engine,
        "blind",
        plan,
        || ready(blind(input, &engine)),
        || {
            let mut out = vec![Encoding::IDENTITY; input.points.len()];
            engine.blind_each(&input.points, &input.keys, &mut out).expect("valid");
            ready(out)
        },
    );
    let base = vec![input.points[0]; input.points.len()];
    let points = engine.decode(&base).expect("valid");
    let fixed = engine.fix(&input.points[0]).expect("valid");
    contest(
        "multiply_fixed",
        engine,
        "multiply_each",
        plan,
        || {
            let mut products = points.clone();
            engine.multiply_each(&mut products, &input.keys);
            move || encode(&engine, &products)
        },
        || {
            let products = engine.multiply_fixed(&fixed, &input.keys);
            move || encode(&engine, &products)
        },
    );
}

fn against_each_other(plan: &Plan, input: &Input, slow: Engine, fast: Engine) {
    let against = slow.backend().name();
    contest(
        "hash_blind",
        fast,
        against,
        plan,
        || ready(hash_blind(input, &slow)),
        || ready(hash_blind(input, &fast)),
    );
    contest(
        "blind",
        fast,
        against,
        plan,
        || ready(blind(input, &slow)),
        || ready(blind(input, &fast)),
    );
}

/// By the clock on the wall, unlike the others: of use on a machine that has nothing else to do.
fn on_all_cores(plan: &Plan, input: &Input, engine: Engine) {
    let figure = format!("stage=cores backend={}", engine.backend().name());
    if !plan.includes(&figure) {
        return;
    }
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let parallel = Engine::new(engine.backend(), Parallelism::Rayon);
    let messages = input.messages.repeat(if plan.rounds > 1 { 64 * cores } else { 2 });
    let mut out = vec![Encoding::IDENTITY; messages.len()];
    let mut run = |engine: &Engine| {
        let start = Instant::now();
        engine.hash_blind(&input.tag, &messages, &input.key, black_box(&mut out));
        start.elapsed().as_secs_f64()
    };
    let mut ratios: Vec<f64> =
        (0..plan.rounds.div_ceil(4)).map(|_| run(&engine) / run(&parallel)).collect();
    let (median, spread) = (quantile(&mut ratios, 0.5), half_quartile_distance(&mut ratios));
    println!("ratio {figure} median={median:.2} spread={spread:.2} against=one_core cores={cores}");
}

fn hash_blind(input: &Input, engine: &Engine) -> Vec<Encoding> {
    let mut out = vec![Encoding::IDENTITY; input.messages.len()];
    engine.hash_blind(&input.tag, &input.messages, &input.key, &mut out);
    out
}

fn blind(input: &Input, engine: &Engine) -> Vec<Encoding> {
    let mut out = vec![Encoding::IDENTITY; input.points.len()];
    engine.blind(&input.points, &input.key, &mut out).expect("valid");
    out
}

fn encode(engine: &Engine, points: &Points) -> Vec<Encoding> {
    let mut out = vec![Encoding::IDENTITY; points.len()];
    engine.encode(points, &mut out);
    out
}

/// A result that is encodings already.
fn ready(encodings: Vec<Encoding>) -> impl FnOnce() -> Vec<Encoding> {
    move || encodings
}

fn encoded(points: impl IntoIterator<Item = RistrettoPoint>) -> Vec<Encoding> {
    points.into_iter().map(|point| Encoding(point.compress().to_bytes())).collect()
}

/// What dalek does in its best way. Not inlined, so that it is the same code for all callers.
#[inline(never)]
fn multiply_and_encode(mut points: Vec<RistrettoPoint>, half: &Scalar) -> Vec<Encoding> {
    for point in &mut points {
        *point *= half;
    }
    encode_doubles(points)
}

fn encode_doubles(points: Vec<RistrettoPoint>) -> Vec<Encoding> {
    let chunks = points.chunks(256).map(RistrettoPoint::double_and_compress_batch);
    chunks.flatten().map(|double| Encoding(double.to_bytes())).collect()
}

/// One for each vector backend that this CPU has.
fn engines() -> Vec<Engine> {
    let vector = |backend: &Backend| *backend != Backend::portable();
    let backends = Backend::available().into_iter().filter(vector);
    backends.map(|backend| Engine::new(backend, Parallelism::Serial)).collect()
}

/// Compares the answers, then the times, and prints the line. Each side does its work when called,
/// and returns a function that encodes what came of it, which is not timed.
fn contest<R, O>(
    stage: &str,
    engine: Engine,
    against: &str,
    plan: &Plan,
    reference: impl Fn() -> R,
    ours: impl Fn() -> O,
) where
    R: FnOnce() -> Vec<Encoding>,
    O: FnOnce() -> Vec<Encoding>,
{
    let figure = format!("stage={stage} backend={}", engine.backend().name());
    if !plan.includes(&figure) {
        return;
    }
    assert!(reference()() == ours()(), "{figure} gives another answer than {against}");
    let mut ratios = Vec::new();
    let mut times = Vec::new();
    for _ in 0..plan.rounds {
        let theirs = time(&reference);
        let ours = time(&ours);
        ratios.push(theirs / ours);
        times.push(ours * 1e9 / plan.elements as f64);
    }
    let (median, spread) = (quantile(&mut ratios, 0.5), half_quartile_distance(&mut ratios));
    let ns = quantile(&mut times, 0.5);
    println!("ratio {figure} median={median:.2} spread={spread:.2} against={against} ns={ns:.0}");
}

impl Plan {
    fn includes(&self, figure: &str) -> bool {
        self.filter.as_ref().is_none_or(|filter| figure.contains(filter))
    }
}

/// Seconds of this thread's CPU time, so that waiting for other programs does not count.
fn time<R>(work: impl Fn() -> R) -> f64 {
    let now = || {
        let time = clock_gettime(ClockId::ThreadCPUTime);
        time.tv_sec as f64 + time.tv_nsec as f64 * 1e-9
    };
    let start = now();
    let result = work();
    let elapsed = now() - start;
    drop(black_box(result));
    elapsed
}

fn quantile(values: &mut [f64], q: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    values[((values.len() - 1) as f64 * q).round() as usize]
}

fn half_quartile_distance(values: &mut [f64]) -> f64 {
    (quantile(values, 0.75) - quantile(values, 0.25)) / 2.0
}
