//! Nothing branches on a secret and nothing is looked up by one: valgrind watches.
//!
//! memcheck follows, bit by bit, which values depend on memory that was never written, and reports
//! every branch and every address that does. So secrets are declared to be such memory ("poisoned"),
//! and the operations run: no report, no leak of that kind. (After Adam Langley's ctgrind, 2010.)
//!
//! Silence proves nothing where the poison was lost on the way. So each operation has one kind of
//! input poisoned, and afterwards every byte of its output must count as never written.
//!
//! The test starts itself again under valgrind. Without valgrind it is skipped, or fails if
//! `BLINDMATCH_REQUIRE_VALGRIND` is set; in debug builds it is skipped, because debug assertions
//! look at secret values. So: `cargo test --release --test constant_time`. valgrind does not know
//! AVX-512; see `docs/kernel.md` for what stands in for it there. The one report of another crate's
//! that is no leak is told apart in `constant_time/dalek.supp`.

use std::process::{Command, ExitCode};

use blindmatch::group::{Backend, DomainTag, Encoding, Engine, Parallelism, Points, SecretScalar};
use blindmatch::key::{Key, PublicKey, role};
use blindmatch::proof::{KeyProof, Transcript};

#[path = "constant_time/memcheck.rs"]
mod memcheck;

fn main() -> ExitCode {
    if cfg!(debug_assertions) {
        println!("skipped: debug assertions look at secret values; try --release");
        return ExitCode::SUCCESS;
    }
    if memcheck::is_running() {
        return check_all();
    }
    let found = Command::new("valgrind").arg("--version").output().is_ok();
    if !found {
        println!("skipped: no valgrind");
        let required = std::env::var_os("BLINDMATCH_REQUIRE_VALGRIND").is_some();
        return if required { ExitCode::FAILURE } else { ExitCode::SUCCESS };
    }
    let program = std::env::current_exe().expect("our own path");
    let known = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/constant_time/dalek.supp");
    let suppressions = format!("--suppressions={known}");
    let status = Command::new("valgrind").args(["--quiet", &suppressions]).arg(program).status();
    if status.is_ok_and(|status| status.success()) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// What valgrind 3.19 cannot run.
const UNKNOWN_TO_VALGRIND: &str = "avx512";

fn check_all() -> ExitCode {
    let reports = memcheck::reports_of(|| {
        let secret = [memcheck::poisoned(1u64)];
        std::hint::black_box(branch_on(std::hint::black_box(secret[0])));
    });
    assert!(reports > 0, "memcheck does not see a branch on a secret");
    println!("(the report above was provoked, to see that there are reports)");
    assert_eq!(poisoned_part(&[[5u8; 32]]), Part { poisoned: 0, of: 32 });
    assert_eq!(poisoned_part(&[memcheck::poisoned([5u8; 32])]), Part { poisoned: 32, of: 32 });

    let mut good = true;
    let names = Backend::NAMES.iter().filter(|name| **name != UNKNOWN_TO_VALGRIND);
    for backend in names.filter_map(|name| Backend::by_name_or_skip(name)) {
        let engine = Engine::new(backend, Parallelism::Serial);
        for (name, operation) in OPERATIONS {
            good &= check(
                &format!("{name} on {}", backend.name()),
                || operation(&engine),
                |part| part.poisoned == part.of,
            );
        }
        // The same check has to fail where nothing is secret.
        good &= check(
            &format!("nothing secret on {}", backend.name()),
            || public(&engine),
            |part| part.poisoned == 0,
        );
    }
    println!("skipped: valgrind does not know the instructions of {UNKNOWN_TO_VALGRIND}");
    if good { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Runs an operation: no reports, and of its output as much poisoned as is `due`.
fn check(name: &str, operation: impl FnOnce() -> Part, due: impl FnOnce(Part) -> bool) -> bool {
    let mut part = Part { poisoned: 0, of: 0 };
    let reports = memcheck::reports_of(|| part = operation());
    let Part { poisoned, of } = part;
    println!("{name}: {reports} reports, {poisoned} of {of} bytes poisoned");
    let good = reports == 0 && of > 0 && due(part);
    if !good {
        println!("FAILED: {name}");
    }
    good
}

#[inline(never)]
fn branch_on(secret: u64) -> u64 {
    if std::hint::black_box(secret) & 1 == 1 { std::hint::black_box(3) } else { 4 }
}

/// How many bytes of an output memcheck holds for never written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Part {
    poisoned: usize,
    of: usize,
}

/// Of values of 32 bytes: a byte counts if any bit of it does, because the highest bits of numbers
/// below the prime or the order are zero whatever the secret.
fn poisoned_part<T>(values: &[T]) -> Part {
    assert_eq!(size_of::<T>(), 32);
    Part { poisoned: values.iter().map(memcheck::poisoned_bytes).sum(), of: size_of_val(values) }
}

type Operation = fn(&Engine) -> Part;

/// Each with one kind of secret: where there were two, one could hide that the other is lost.
const OPERATIONS: [(&str, Operation); 24] = [
    ("hash_blind, messages", |engine| {
        encodings(|out| engine.hash_blind(&tag(), &messages(), &public_key(), out))
    }),
    ("hash_blind, key", |engine| {
        encodings(|out| engine.hash_blind(&tag(), &public_messages(), &key(1), out))
    }),
    ("hash_blind_each, messages", |engine| {
        let keys = vec![public_key(); ELEMENTS];
        encodings(|out| engine.hash_blind_each(&tag(), &messages(), &keys, out))
    }),
    ("hash_blind_each, keys", |engine| {
        encodings(|out| engine.hash_blind_each(&tag(), &public_messages(), &keys(), out))
    }),
    ("blind", |engine| {
        encodings(|out| engine.blind(&public_points(), &key(2), out).expect("valid"))
    }),
    ("blind_each", |engine| {
        encodings(|out| engine.blind_each(&public_points(), &keys(), out).expect("valid"))
    }),
    ("hash", |engine| encoded(engine, &engine.hash(&tag(), &messages()))),
    ("map", |engine| encoded(engine, &secret_points(engine))),
    ("multiply, key", |engine| {
        let mut points = decoded(engine);
        engine.multiply(&mut points, &key(3));
        encoded(engine, &points)
    }),
    ("multiply, points", |engine| {
        let mut points = secret_points(engine);
        engine.multiply(&mut points, &public_key());
        encoded(engine, &points)
    }),
    ("multiply_each", |engine| {
        let mut points = decoded(engine);
        engine.multiply_each(&mut points, &keys());
        encoded(engine, &points)
    }),
    ("add", |engine| {
        let mut sums = decoded(engine);
        engine.add(&mut sums, &secret_points(engine));
        encoded(engine, &sums)
    }),
    ("add, one of them a product", |engine| {
        let mut sums = decoded(engine);
        engine.multiply(&mut sums, &key(4));
        engine.add(&mut sums, &decoded(engine));
        encoded(engine, &sums)
    }),
    ("sub", |engine| {
        let mut differences = decoded(engine);
        engine.sub(&mut differences, &secret_points(engine));
        encoded(engine, &differences)
    }),
    ("sum", |engine| encoded(engine, &engine.sum(&secret_points(engine)))),
    ("multiscalar", |engine| encoded(engine, &engine.multiscalar(&decoded(engine), &keys()))),
    ("multiply_fixed", |engine| {
        let fixed = engine.fix(&public_points()[0]).expect("valid");
        encoded(engine, &engine.multiply_fixed(&fixed, &keys()))
    }),
    ("invert", |_| poisoned_part(&[key(5).invert()])),
    ("invert_all", |_| poisoned_part(&SecretScalar::invert_all(&keys()))),
    ("hash_mask, messages", |engine| {
        let masks = vec![public_key(); ELEMENTS];
        let base = engine.fix(&Encoding::GENERATOR).expect("valid");
        encodings(|out| engine.hash_mask(&tag(), &messages(), &base, &masks, out))
    }),
    ("hash_mask, masks", |engine| {
        let base = engine.fix(&Encoding::GENERATOR).expect("valid");
        encodings(|out| engine.hash_mask(&tag(), &public_messages(), &base, &keys(), out))
    }),
    ("unmask_then", |engine| {
        let base = engine.fix(&Encoding::GENERATOR).expect("valid");
        let itself = |_: usize, encoding: &Encoding| *encoding;
        let points = public_points();
        encodings(|out| engine.unmask_then(&points, &base, &keys(), out, itself).expect("valid"))
    }),
    ("proof of a key", |engine| {
        let (key, public) = evaluation_key(engine);
        let proof = KeyProof::prove(&key, &public, &[5; 32], &mut rand::rng());
        poisoned_part(proof.to_bytes().as_chunks::<32>().0)
    }),
    ("proof of a batch", |engine| {
        let (key, public) = evaluation_key(engine);
        let mut transcript = Transcript::new(&[5; 32], &public).expect("a key");
        // Outputs are not looked at, and of the poisoned key's own a verdict would depend on the key.
        let (inputs, outputs) = (public_points(), public_points());
        let proof = transcript.prove(engine, &key, &inputs, &outputs, &mut rand::rng());
        poisoned_part(proof.expect("valid inputs").to_bytes().as_chunks::<32>().0)
    }),
];

/// Operations on what anybody may know.
fn public(engine: &Engine) -> Part {
    let mut points = engine.hash(&tag(), &public_messages());
    engine.multiply(&mut points, &public_key());
    encoded(engine, &points)
}

/// Fills a vector of eight, and part of another.
const ELEMENTS: usize = 11;

fn tag() -> DomainTag {
    DomainTag::new(b"blindmatch constant time")
}

fn key_of(i: u8) -> SecretScalar {
    let mut bytes = [0x17 ^ i; 32];
    bytes[31] = 3;
    SecretScalar::from_canonical_bytes(bytes).expect("a scalar")
}

fn public_key() -> SecretScalar {
    key_of(99)
}

fn key(i: u8) -> SecretScalar {
    memcheck::poisoned(key_of(i))
}

fn keys() -> Vec<SecretScalar> {
    (0..ELEMENTS as u8).map(key).collect()
}

fn public_messages() -> Vec<[u8; 20]> {
    (0..ELEMENTS as u8).map(|i| [i; 20]).collect()
}

fn messages() -> Vec<[u8; 20]> {
    public_messages().into_iter().map(memcheck::poisoned).collect()
}

fn public_points() -> Vec<Encoding> {
    let mut out = vec![Encoding::IDENTITY; ELEMENTS];
    let engine = Engine::new(Backend::portable(), Parallelism::Serial);
    engine.hash_blind(&tag(), &public_messages(), &public_key(), &mut out);
    out
}

fn decoded(engine: &Engine) -> Points {
    engine.decode(&public_points()).expect("valid")
}

fn secret_points(engine: &Engine) -> Points {
    let uniform = public_messages().into_iter().map(|message| *tag().expand(&message));
    let uniform: Vec<[u8; 64]> = uniform.map(memcheck::poisoned).collect();
    engine.map(&uniform)
}

fn encodings(fill: impl FnOnce(&mut [Encoding])) -> Part {
    let mut out = vec![Encoding::IDENTITY; ELEMENTS];
    fill(&mut out);
    poisoned_part(&out)
}

fn encoded(engine: &Engine, points: &Points) -> Part {
    let mut out = vec![Encoding::IDENTITY; points.len()];
    engine.encode(points, &mut out);
    poisoned_part(&out)
}

/// A poisoned key, and its public half, which is not.
fn evaluation_key(engine: &Engine) -> (Key<role::Evaluate>, PublicKey) {
    let key = Key::fresh(&mut rand::rng());
    let public = key.public(engine);
    (memcheck::poisoned(key), public)
}
