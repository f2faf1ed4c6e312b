//! Group operations by stage, backend and batch size: `cargo bench --bench group`.
//!
//! For curves over batch sizes, and for before and after. Ratios to curve25519-dalek are in
//! `ratio.rs`. Every answer is compared with the reference backend's before it is timed.

use std::hint::black_box;

use blindmatch::group::{Backend, DomainTag, Encoding, Engine, Parallelism, SecretScalar};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};

/// Around the lanes, and one chunk.
const SIZES: [usize; 7] = [1, 2, 4, 8, 16, 64, 256];

fn group(criterion: &mut Criterion) {
    let tag = DomainTag::new(b"blindmatch group bench");
    let mut key = [0x42; 32];
    key[31] = 1;
    let key = SecretScalar::from_canonical_bytes(key).expect("a scalar");
    let messages: Vec<[u8; 8]> = (0..256u64).map(u64::to_le_bytes).collect();
    let mut points = vec![Encoding::IDENTITY; messages.len()];
    let reference = Engine::new(Backend::portable(), Parallelism::Serial);
    reference.hash_blind(&tag, &messages, &key, &mut points);

    for backend in Backend::available() {
        let engine = Engine::new(backend, Parallelism::Serial);
        stage(criterion, "hash_blind", engine, |engine, size, out| {
            engine.hash_blind(&tag, &messages[..size], &key, out);
        });
        stage(criterion, "blind", engine, |engine, size, out| {
            engine.blind(&points[..size], &key, out).expect("valid");
        });
        stage(criterion, "hash_encode", engine, |engine, size, out| {
            engine.encode(&engine.hash(&tag, &messages[..size]), out);
        });
        stage(criterion, "decode_encode", engine, |engine, size, out| {
            engine.encode(&engine.decode(&points[..size]).expect("valid"), out);
        });
        let keys = vec![key.clone(); messages.len()];
        let fixed = engine.fix(&points[0]).expect("valid");
        let fixed_reference = reference.fix(&points[0]).expect("valid");
        stage(criterion, "multiply_fixed", engine, |engine, size, out| {
            let is_reference = engine.backend() == Backend::portable();
            let fixed = if is_reference { &fixed_reference } else { &fixed };
            engine.encode(&engine.multiply_fixed(fixed, &keys[..size]), out);
        });
    }
}

fn stage(
    criterion: &mut Criterion,
    name: &str,
    engine: Engine,
    run: impl Fn(&Engine, usize, &mut [Encoding]),
) {
    let mut group = criterion.benchmark_group(name);
    for size in SIZES {
        let (mut out, mut expected) =
            (vec![Encoding::IDENTITY; size], vec![Encoding::IDENTITY; size]);
        run(&Engine::new(Backend::portable(), Parallelism::Serial), size, &mut expected);
        run(&engine, size, &mut out);
        assert_eq!(out, expected, "{name} on {}", engine.backend().name());

        group.throughput(Throughput::Elements(size as u64));
        group.bench_function(BenchmarkId::new(engine.backend().name(), size), |bencher| {
            bencher.iter(|| run(&engine, size, black_box(&mut out)));
        });
    }
    group.finish();
}

criterion_group!(benches, group);
criterion_main!(benches);
