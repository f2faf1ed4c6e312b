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
//! First comes a control, an operation that does leak: it must be seen, or the run fails.
//!
//! Times are the thread's CPU time, for on the wall other programs hide any leak. The slowest tenth is
//! left out: interrupts. With `--test`, a few measurements
//! and no judgement.

use std::hint::black_box;
use std::process::ExitCode;

use blindmatch::bench::measure::Cpu;
use blindmatch::group::{Backend, DomainTag, Encoding, Engine, Parallelism, SecretScalar};
use rand::{RngExt, SeedableRng, rngs::StdRng};

/// Two vectors of the widest backend.
const ELEMENTS: usize = 16;

fn main() -> ExitCode {
    let test = std::env::args().any(|argument| argument == "--test");
    let measurements = if test { 20 } else { 4000 };
    let reference = Engine::new(Backend::portable(), Parallelism::Serial);
    let t = welch_t(&times(measurements, |secrets| leaky(&reference, secrets)));
    println!("control operation=leaky backend=portable t={t:.1} measurements={measurements}");
    if t.abs() <= 10.0 && !test {
        eprintln!("a leak that is there on purpose was not seen: the figures would mean nothing");
        return ExitCode::FAILURE;
    }
    let mut leaks = false;
    for backend in Backend::available() {
        let engine = Engine::new(backend, Parallelism::Serial);
        for (operation, run) in OPERATIONS {
            let t = welch_t(&times(measurements, |secrets| run(&engine, secrets)));
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
type Prepare = fn(&Engine, Secrets) -> Box<dyn FnOnce()>;

const OPERATIONS: [(&str, Prepare); 8] = [
    ("hash_blind_messages", hash_blind_messages),
    ("hash_blind_key", hash_blind_key),
    ("map", map),
    ("blind", blind),
    ("blind_each", blind_each),
    ("multiply", multiply),
    ("multiply_each", multiply_each),
    ("multiply_fixed", multiply_fixed),
];

/// The secrets of one measurement. Both classes draw the same numbers from the generator and make
/// the same things of them: only then is the choice made, without a branch, so that nothing but the
/// secrets' values tells the classes apart.
struct Secrets {
    key: SecretScalar,
    keys: Vec<SecretScalar>,
    messages: Vec<[u8; 32]>,
    uniform: Vec<[u8; 64]>,
}

impl Secrets {
    /// Random ones; or always the key 2, half of which is 1, and messages of zeros.
    fn draw(random: bool, rng: &mut StdRng) -> Secrets {
        let mask = u8::from(random).wrapping_neg();
        let mut two = [0; 32];
        two[0] = 2;
        let mut scalar = || {
            let mut bytes: [u8; 32] = rng.random();
            bytes[31] &= 0x0f;
            let chosen = std::array::from_fn(|i| bytes[i] & mask | two[i] & !mask);
            SecretScalar::from_canonical_bytes(black_box(chosen)).expect("below the group order")
        };
        let (key, keys) = (scalar(), (0..ELEMENTS).map(|_| scalar()).collect());
        let mut bytes = |_| black_box(rng.random::<u8>() & mask);
        Secrets {
            key,
            keys,
            messages: (0..ELEMENTS).map(|_| std::array::from_fn(&mut bytes)).collect(),
            uniform: (0..ELEMENTS).map(|_| std::array::from_fn(&mut bytes)).collect(),
        }
    }
}

fn hash_blind_messages(engine: &Engine, secrets: Secrets) -> Box<dyn FnOnce()> {
    let (engine, tag, key) = (*engine, tag(), public_key());
    Box::new(move || {
        let mut out = [Encoding::IDENTITY; ELEMENTS];
        engine.hash_blind(&tag, &secrets.messages, &key, black_box(&mut out));
    })
}

fn hash_blind_key(engine: &Engine, secrets: Secrets) -> Box<dyn FnOnce()> {
    let (engine, tag) = (*engine, tag());
    let messages: [[u8; 32]; ELEMENTS] = std::array::from_fn(|i| [i as u8; 32]);
    Box::new(move || {
        let mut out = [Encoding::IDENTITY; ELEMENTS];
        engine.hash_blind(&tag, &messages, &secrets.key, black_box(&mut out));
    })
}

fn map(engine: &Engine, secrets: Secrets) -> Box<dyn FnOnce()> {
    let engine = *engine;
    Box::new(move || {
        let mut out = [Encoding::IDENTITY; ELEMENTS];
        engine.encode(&engine.map(&secrets.uniform), black_box(&mut out));
    })
}

fn blind(engine: &Engine, secrets: Secrets) -> Box<dyn FnOnce()> {
    let engine = *engine;
    Box::new(move || {
        let mut out = [Encoding::IDENTITY; ELEMENTS];
        let points = [generator(); ELEMENTS];
        engine.blind(&points, &secrets.key, black_box(&mut out)).expect("valid");
    })
}

fn blind_each(engine: &Engine, secrets: Secrets) -> Box<dyn FnOnce()> {
    let engine = *engine;
    Box::new(move || {
        let mut out = [Encoding::IDENTITY; ELEMENTS];
        let points = [generator(); ELEMENTS];
        engine.blind_each(&points, &secrets.keys, black_box(&mut out)).expect("valid");
    })
}

fn multiply(engine: &Engine, secrets: Secrets) -> Box<dyn FnOnce()> {
    let engine = *engine;
    let mut points = engine.decode(&[generator(); ELEMENTS]).expect("valid");
    Box::new(move || engine.multiply(black_box(&mut points), &secrets.key))
}

fn multiply_each(engine: &Engine, secrets: Secrets) -> Box<dyn FnOnce()> {
    let engine = *engine;
    let mut points = engine.decode(&[generator(); ELEMENTS]).expect("valid");
    Box::new(move || engine.multiply_each(black_box(&mut points), &secrets.keys))
}

/// Multiplies once more where a bit of a message is set.
fn leaky(engine: &Engine, secrets: Secrets) -> Box<dyn FnOnce()> {
    let engine = *engine;
    let mut points = engine.decode(&[generator(); ELEMENTS]).expect("valid");
    Box::new(move || {
        for _ in 0..1 + (secrets.messages[0][0] & 1) {
            engine.multiply(black_box(&mut points), &secrets.key);
        }
    })
}

fn multiply_fixed(engine: &Engine, secrets: Secrets) -> Box<dyn FnOnce()> {
    let engine = *engine;
    let fixed = engine.fix(&generator()).expect("valid");
    Box::new(move || {
        black_box(engine.multiply_fixed(&fixed, &secrets.keys));
    })
}

fn tag() -> DomainTag {
    DomainTag::new(b"blindmatch timing bench")
}

fn public_key() -> SecretScalar {
    let mut bytes = [0x35; 32];
    bytes[31] = 7;
    SecretScalar::from_canonical_bytes(bytes).expect("a scalar")
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
fn times(measurements: usize, prepare: impl Fn(Secrets) -> Box<dyn FnOnce()>) -> [Vec<f64>; 2] {
    let mut rng = StdRng::seed_from_u64(2);
    let mut times = [Vec::new(), Vec::new()];
    for _ in 0..measurements {
        let random: bool = rng.random();
        let run = prepare(Secrets::draw(random, &mut rng));
        times[usize::from(random)].push(Cpu::Thread.time(run).as_nanos() as f64);
    }
    // The first ones warm caches and the clock up.
    for class in &mut times {
        class.drain(..class.len() / 20);
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
