//! Nothing branches on a secret and nothing is looked up by one: valgrind watches.
//!
//! memcheck follows, bit by bit, which values depend on memory that was never written, and reports
//! every branch and every address that does. So secrets are declared to be such memory ("poisoned"),
//! and the operations run: no report, no leak of that kind. (After Adam Langley's ctgrind, 2010.)
//!
//! The test starts itself again under valgrind. Without valgrind it is skipped, or fails if
//! `BLINDMATCH_REQUIRE_VALGRIND` is set; in debug builds it is skipped, because debug assertions
//! look at secret values. So: `cargo test --release --test constant_time`. valgrind does not know
//! AVX-512; see `docs/kernel.md` for what stands in for it there. The one report of another crate's
//! that is no leak is told apart in `constant_time/dalek.supp`.

use std::process::{Command, ExitCode};

use blindmatch::group::{Backend, DomainTag, Encoding, Engine, Parallelism, SecretScalar};
use blindmatch::key::Key;
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

fn check_all() -> ExitCode {
    let reports = memcheck::reports_of(|| {
        let secret = [memcheck::poisoned(1u64)];
        std::hint::black_box(branch_on(std::hint::black_box(secret[0])));
    });
    assert!(reports > 0, "memcheck does not see a branch on a secret");
    println!("(the report above was provoked, to see that there are reports)");

    let mut leaks = 0;
    for backend in Backend::available() {
        let engine = Engine::new(backend, Parallelism::Serial);
        for (name, operation) in OPERATIONS {
            let reports = memcheck::reports_of(|| operation(&engine));
            println!("{name} on {}: {reports} reports", backend.name());
            leaks += reports;
        }
    }
    if leaks == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

#[inline(never)]
fn branch_on(secret: u64) -> u64 {
    if std::hint::black_box(secret) & 1 == 1 { std::hint::black_box(3) } else { 4 }
}

type Operation = fn(&Engine);

const OPERATIONS: [(&str, Operation); 7] = [
    ("hash_blind", hash_blind),
    ("hash_blind_each", hash_blind_each),
    ("blind", blind),
    ("hash and encode", hash),
    ("sums and products", points),
    ("fixed point", fixed),
    ("proofs", proofs),
];

/// Fills a vector of eight, and part of another.
const ELEMENTS: usize = 11;

fn tag() -> DomainTag {
    DomainTag::new(b"blindmatch constant time")
}

fn key(i: u8) -> SecretScalar {
    let mut bytes = [0x17 ^ i; 32];
    bytes[31] = 3;
    memcheck::poisoned(SecretScalar::from_canonical_bytes(bytes).expect("a scalar"))
}

fn keys() -> Vec<SecretScalar> {
    (0..ELEMENTS as u8).map(key).collect()
}

fn messages() -> Vec<[u8; 20]> {
    (0..ELEMENTS as u8).map(|i| memcheck::poisoned([i; 20])).collect()
}

/// Encodings, which are public.
fn encodings() -> Vec<Encoding> {
    let messages: Vec<[u8; 1]> = (0..ELEMENTS as u8).map(|i| [i]).collect();
    let mut out = vec![Encoding::IDENTITY; ELEMENTS];
    let one = SecretScalar::from_canonical_bytes(std::array::from_fn(|i| (i == 0).into()));
    let engine = Engine::new(Backend::portable(), Parallelism::Serial);
    engine.hash_blind(&tag(), &messages, &one.expect("one"), &mut out);
    out
}

fn out() -> Vec<Encoding> {
    vec![Encoding::IDENTITY; ELEMENTS]
}

fn hash_blind(engine: &Engine) {
    engine.hash_blind(&tag(), &messages(), &key(1), &mut out());
}

fn hash_blind_each(engine: &Engine) {
    engine.hash_blind_each(&tag(), &messages(), &keys(), &mut out());
}

fn blind(engine: &Engine) {
    engine.blind(&encodings(), &key(2), &mut out()).expect("valid");
}

fn hash(engine: &Engine) {
    engine.encode(&engine.hash(&tag(), &messages()), &mut out());
}

fn points(engine: &Engine) {
    let mut sums = engine.hash(&tag(), &messages());
    let others = engine.decode(&encodings()).expect("valid");
    engine.add(&mut sums, &others);
    engine.multiply(&mut sums, &key(3));
    engine.sub(&mut sums, &others);
    engine.multiply_each(&mut sums, &keys());
    engine.encode(&sums, &mut out());
}

fn fixed(engine: &Engine) {
    let fixed = engine.fix(&encodings()[0]).expect("valid");
    engine.encode(&engine.multiply_fixed(&fixed, &keys()), &mut out());
}

fn proofs(engine: &Engine) {
    let key = Key::fresh(&mut rand::rng());
    let public = key.public(engine);
    let key = memcheck::poisoned(key);
    std::hint::black_box(KeyProof::prove(&key, &public, &[5; 32], &mut rand::rng()));
    let mut transcript = Transcript::new(&[5; 32], &public).expect("a key");
    // Outputs are not looked at, and of the poisoned key's own a verdict would depend on the key.
    let (inputs, outputs) = (encodings(), encodings());
    let proof = transcript.prove(engine, &key, &inputs, &outputs, &mut rand::rng());
    let _ = std::hint::black_box(proof);
}
