//! Does the time tell secrets apart? `cargo bench --bench timing`.
//!
//! After Reparaz, Balasch and Verbauwhede, "Dude, is my code constant time?" (DATE 2017): an operation
//! is timed many times on two classes of secrets, one of which is always the same and extreme, the
//! other random, in random order. Welch's t-test says whether the two sets of times could have the
//! same mean; `|t|` above 10 in a long run is a leak, below 5 is none that was seen.
//!
//! ```text
//! leak operation=blind backend=avx2 t=1.2 measurements=2000
//! ```
//!
//! The slowest tenth is left out: interrupts, and other programs. With `--test`, a few measurements
//! and no judgement.

use std::hint::black_box;
use std::process::ExitCode;
use std::time::Instant;

use blindmatch::group::{Backend, DomainTag, Encoding, Engine, Parallelism, SecretScalar};
use rand::{RngExt, SeedableRng, rngs::StdRng};

/// Two vectors of the widest backend.
const ELEMENTS: usize = 16;

fn main() -> ExitCode {
    let test = std::env::args().any(|argument| argument == "--test");
    let measurements = if test { 20 } else { 4000 };
    let mut leaks = false;
    for backend in Backend::available() {
        let engine = Engine::new(backend, Parallelism::Serial);
        for (operation, run) in OPERATIONS {
            let t = welch_t(&times(measurements, |random, rng| run(&engine, random, rng)));
            println!(
                "leak operation={operation} backend={} t={t:.1} measurements={measurements}",
                backend.name()
            );
            leaks |= t.abs() > 10.0 && !test;
        }
    }
    if leaks { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

/// Prepares an operation on the fixed or the random class of secrets; what it returns is timed.
type Prepare = fn(&Engine, bool, &mut StdRng) -> Box<dyn FnOnce()>;

const OPERATIONS: [(&str, Prepare); 3] =
    [("hash_blind", hash_blind), ("blind", blind), ("multiply_fixed", multiply_fixed)];

/// The same messages every time, or random ones; the key does not differ.
fn hash_blind(engine: &Engine, random: bool, rng: &mut StdRng) -> Box<dyn FnOnce()> {
    let engine = *engine;
    let tag = DomainTag::new(b"blindmatch timing bench");
    let messages = [[0u8; 32]; ELEMENTS].map(|zeros| if random { rng.random() } else { zeros });
    let key = scalar(true, &mut StdRng::seed_from_u64(1));
    Box::new(move || {
        let mut out = [Encoding::IDENTITY; ELEMENTS];
        engine.hash_blind(&tag, &messages, &key, black_box(&mut out));
    })
}

/// The key 2, half of which is 1, or a random one.
fn blind(engine: &Engine, random: bool, rng: &mut StdRng) -> Box<dyn FnOnce()> {
    let engine = *engine;
    let points = [generator(); ELEMENTS];
    let key = scalar(random, rng);
    Box::new(move || {
        let mut out = [Encoding::IDENTITY; ELEMENTS];
        engine.blind(&points, &key, black_box(&mut out)).expect("valid");
    })
}

fn multiply_fixed(engine: &Engine, random: bool, rng: &mut StdRng) -> Box<dyn FnOnce()> {
    let engine = *engine;
    let fixed = engine.fix(&generator()).expect("valid");
    let keys: Vec<SecretScalar> = (0..ELEMENTS).map(|_| scalar(random, rng)).collect();
    Box::new(move || {
        black_box(engine.multiply_fixed(&fixed, &keys));
    })
}

fn scalar(random: bool, rng: &mut StdRng) -> SecretScalar {
    let mut bytes: [u8; 32] = rng.random();
    bytes[31] &= 0x0f;
    if !random {
        bytes = [0; 32];
        bytes[0] = 2;
    }
    SecretScalar::from_canonical_bytes(bytes).expect("below the group order")
}

/// RFC 9496 appendix A.1.
fn generator() -> Encoding {
    Encoding([
        0xe2, 0xf2, 0xae, 0x0a, 0x6a, 0xbc, 0x4e, 0x71, 0xa8, 0x84, 0xa9, 0x61, 0xc5, 0x00, 0x51,
        0x5f, 0x58, 0xe3, 0x0b, 0x6a, 0xa5, 0x82, 0xdd, 0x8d, 0xb6, 0xa6, 0x59, 0x45, 0xe0, 0x8d,
        0x2d, 0x76,
    ])
}

/// Times of both classes, in nanoseconds.
fn times(
    measurements: usize,
    prepare: impl Fn(bool, &mut StdRng) -> Box<dyn FnOnce()>,
) -> [Vec<f64>; 2] {
    let mut rng = StdRng::seed_from_u64(2);
    let mut times = [Vec::new(), Vec::new()];
    for _ in 0..measurements {
        let random = rng.random();
        let run = prepare(random, &mut rng);
        let start = Instant::now();
        run();
        times[usize::from(random)].push(start.elapsed().as_nanos() as f64);
    }
    let mut all = times.concat();
    all.sort_by(f64::total_cmp);
    let slowest = all[all.len() * 9 / 10];
    times.map(|class| class.into_iter().filter(|time| *time <= slowest).collect())
}

/// Welch's t: the difference of the means in units of its standard error.
fn welch_t([a, b]: &[Vec<f64>; 2]) -> f64 {
    let moments = |class: &[f64]| {
        let n = class.len() as f64;
        let mean = class.iter().sum::<f64>() / n;
        let variance = class.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / (n - 1.0);
        (mean, variance / n)
    };
    let ((mean_a, error_a), (mean_b, error_b)) = (moments(a), moments(b));
    (mean_a - mean_b) / (error_a + error_b).sqrt()
}
