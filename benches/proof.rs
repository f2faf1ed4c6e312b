//! What a batched proof costs an element: `cargo bench --bench proof`.
//!
//! One core, and its CPU time: other programs do not count. Before it is timed, every batch is checked to
//! hold, and not to hold with one output changed. Evaluation itself stands beside them, for scale.

mod common;

use std::convert::Infallible;
use std::hint::black_box;
use std::time::Duration;

use blindmatch::group::{Backend, DomainTag, Encoding, Engine, Parallelism, SecretScalar};
use blindmatch::key::{Key, role};
use blindmatch::proof::{BatchFault, InvalidProof, KeyProof, Transcript};
use criterion::{Bencher, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use rand::rand_core::{TryCryptoRng, TryRng};
use rustix::time::{ClockId, clock_gettime};

/// One element, where it is all fixed cost, up to what fills a frame.
const SIZES: [usize; 4] = [1, 256, 4096, 16384];

fn proof(criterion: &mut Criterion) {
    let mut rng = rand::rng();
    let two = SecretScalar::from_canonical_bytes(std::array::from_fn(|i| 2 * u8::from(i == 0)));
    let two = two.expect("a scalar");
    let key = Key::<role::Evaluate>::fresh(&mut Two);
    let sizes = common::sizes(SIZES);
    let most = sizes.iter().copied().max().unwrap_or(0);
    let messages: Vec<[u8; 8]> = (0..most as u64).map(u64::to_le_bytes).collect();
    let tag = DomainTag::new(b"blindmatch proof bench");
    let mut inputs = vec![Encoding::IDENTITY; messages.len()];
    let mut outputs = inputs.clone();
    Engine::detect().hash_blind(&tag, &messages, &two, &mut inputs);
    Engine::detect().blind(&inputs, &two, &mut outputs).expect("valid");
    for backend in Backend::available() {
        let engine = Engine::new(backend, Parallelism::Serial);
        let public = key.public(&engine);
        let session = Transcript::new(&[3; 32], &public).expect("a key");
        let mut group = criterion.benchmark_group(format!("proof/{}", backend.name()));
        for &size in &sizes {
            let (inputs, outputs) = (&inputs[..size], &outputs[..size]);
            let prove = |rng: &mut _| session.clone().prove(&engine, &key, inputs, outputs, rng);
            let proof = prove(&mut rng).expect("valid");
            let check = |outputs: &[_]| session.clone().check(&engine, inputs, outputs, &proof);
            assert_eq!(check(outputs), Ok(()));
            let mut wrong = outputs.to_vec();
            wrong[size / 2] = Encoding::GENERATOR;
            assert_eq!(check(&wrong), Err(BatchFault::DoesNotHold(InvalidProof)));

            group.throughput(Throughput::Elements(size as u64));
            let named = |name| BenchmarkId::new(name, size);
            group.bench_function(named("prove"), |b| time(b, || prove(&mut rng)));
            group.bench_function(named("check"), |b| time(b, || check(outputs)));
            let mut out = vec![Encoding::IDENTITY; size];
            group.bench_function(named("evaluate"), |b| {
                time(b, || engine.blind(inputs, &two, black_box(&mut out)));
            });
        }
        group.finish();
    }
    knowledge(criterion, &key);
}

fn knowledge(criterion: &mut Criterion, key: &Key<role::Evaluate>) {
    let (mut rng, context) = (rand::rng(), [4; 32]);
    let public = key.public(&Engine::detect());
    let proof = KeyProof::prove(key, &public, &context, &mut rng);
    assert_eq!(proof.verify(&public, &context), Ok(()));
    assert_eq!(proof.verify(&public, &[5; 32]), Err(InvalidProof));
    criterion.bench_function("key proof/prove", |bencher| {
        time(bencher, || KeyProof::prove(key, &public, &context, &mut rng));
    });
    criterion.bench_function("key proof/verify", |bencher| {
        time(bencher, || proof.verify(&public, &context));
    });
}

/// Measures the CPU time of this thread.
fn time<R>(bencher: &mut Bencher<'_>, mut work: impl FnMut() -> R) {
    let now = || {
        let time = clock_gettime(ClockId::ThreadCPUTime);
        Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
    };
    bencher.iter_custom(|iterations| {
        let start = now();
        for _ in 0..iterations {
            black_box(work());
        }
        now() - start
    });
}

/// A generator from which a fresh key is 2: a key that the bench can evaluate with as well, which
/// the library lets only its protocols do. (A scalar is drawn as its half, from 64 bytes.)
struct Two;

impl TryRng for Two {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok(1)
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok(1)
    }

    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Infallible> {
        out.fill(0);
        out[0] = 1;
        Ok(())
    }
}

impl TryCryptoRng for Two {}

criterion_group!(benches, proof);
criterion_main!(benches);
