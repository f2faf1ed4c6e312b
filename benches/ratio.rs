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

use blindmatch::group::{Backend, DomainTag, Encoding, Engine, Parallelism, SecretScalar};
use curve25519_dalek::Scalar;
use curve25519_dalek::ristretto::{CompressedRistretto, RistrettoPoint};
use rustix::time::{ClockId, clock_gettime};

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let test = arguments.iter().any(|argument| argument == "--test");
    let (elements, rounds) = if test { (24, 1) } else { (256, 101) };
    let filter = arguments.into_iter().find(|argument| !argument.starts_with('-'));
    let plan = Plan { elements, rounds, filter };
    let input = Input::new(plan.elements);
    hash_blind(&plan, &input);
    blind(&plan, &input);
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
    points: Vec<Encoding>,
    key: SecretScalar,
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
        let points = messages.iter().map(|message| {
            let point = RistrettoPoint::from_uniform_bytes(&tag.expand(message));
            Encoding(point.compress().to_bytes())
        });
        let points = points.collect();
        let key = Scalar::from_bytes_mod_order([0x5a; 32]);
        Input {
            half: key * Scalar::from(2u8).invert(),
            key: SecretScalar::from_canonical_bytes(key.to_bytes()).expect("not zero"),
            tag,
            messages,
            points,
        }
    }
}

fn hash_blind(plan: &Plan, input: &Input) {
    let reference = |out: &mut [Encoding]| {
        let points = input.messages.iter().map(|message| {
            RistrettoPoint::from_uniform_bytes(&input.tag.expand(message)) * input.half
        });
        encode_doubles(points.collect(), out);
    };
    for engine in engines() {
        let ours = |out: &mut [Encoding]| {
            engine.hash_blind(&input.tag, &input.messages, &input.key, out);
        };
        contest("hash_blind", engine, "dalek", plan, reference, ours);
    }
}

fn blind(plan: &Plan, input: &Input) {
    let reference = |out: &mut [Encoding]| {
        let points = input.points.iter().map(|encoding| {
            CompressedRistretto(encoding.0).decompress().expect("valid") * input.half
        });
        encode_doubles(points.collect(), out);
    };
    for engine in engines() {
        let ours = |out: &mut [Encoding]| {
            engine.blind(&input.points, &input.key, out).expect("valid");
        };
        contest("blind", engine, "dalek", plan, reference, ours);
    }
}

/// One for each vector backend that this CPU has.
fn engines() -> Vec<Engine> {
    let vector = |backend: &Backend| *backend != Backend::portable();
    let backends = Backend::available().into_iter().filter(vector);
    backends.map(|backend| Engine::new(backend, Parallelism::Serial)).collect()
}

fn encode_doubles(points: Vec<RistrettoPoint>, out: &mut [Encoding]) {
    for (points, out) in points.chunks(256).zip(out.chunks_mut(256)) {
        let doubles = RistrettoPoint::double_and_compress_batch(points);
        for (out, double) in out.iter_mut().zip(doubles) {
            *out = Encoding(double.to_bytes());
        }
    }
}

/// Compares the answers, then the times, and prints the line.
fn contest<T: Clone + Default + PartialEq + std::fmt::Debug>(
    stage: &str,
    engine: Engine,
    against: &str,
    plan: &Plan,
    reference: impl Fn(&mut [T]),
    ours: impl Fn(&mut [T]),
) {
    let figure = format!("stage={stage} backend={}", engine.backend().name());
    if !plan.filter.as_ref().is_none_or(|filter| figure.contains(filter)) {
        return;
    }
    let mut expected = vec![T::default(); plan.elements];
    let mut out = expected.clone();
    reference(&mut expected);
    ours(&mut out);
    assert_eq!(out, expected, "{stage} on {} gives another answer", engine.backend().name());

    let mut ratios = Vec::new();
    let mut times = Vec::new();
    for _ in 0..plan.rounds {
        let theirs = time(|| reference(black_box(&mut out)));
        let ours = time(|| ours(black_box(&mut out)));
        ratios.push(theirs / ours);
        times.push(ours * 1e9 / plan.elements as f64);
    }
    let (median, spread) = (quantile(&mut ratios, 0.5), half_quartile_distance(&mut ratios));
    println!(
        "ratio {figure} median={median:.2} spread={spread:.2} against={against} ns={:.0}",
        quantile(&mut times, 0.5),
    );
}

/// Seconds of this thread's CPU time, so that waiting for other programs does not count.
fn time(work: impl FnOnce()) -> f64 {
    let now = || {
        let time = clock_gettime(ClockId::ThreadCPUTime);
        time.tv_sec as f64 + time.tv_nsec as f64 * 1e-9
    };
    let start = now();
    work();
    now() - start
}

fn quantile(values: &mut [f64], q: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    values[((values.len() - 1) as f64 * q).round() as usize]
}

fn half_quartile_distance(values: &mut [f64]) -> f64 {
    (quantile(values, 0.75) - quantile(values, 0.25)) / 2.0
}
