//! Group operations by stage, backend and batch size: `cargo bench --bench group`.
//!
//! For curves over batch sizes, which show from which size on a backend, or a second core, is worth it.
//! Ratios to curve25519-dalek are in `ratio.rs`, and what the stages are in `src/bench/stages.rs`. One
//! core, but where the name says `cores`. Every answer is compared with curve25519-dalek's, computed one
//! element at a time, before it is timed.

mod common;

use std::time::Duration;

use blindmatch::bench::stages::{Input, Run, Stage};
use blindmatch::group::{Backend, Encoding, Engine, Parallelism};
use criterion::measurement::WallTime;
use criterion::{
    BenchmarkGroup, BenchmarkId, Criterion, SamplingMode, Throughput, criterion_group,
    criterion_main,
};

/// Around the lanes, where backends break even, and on to what a session does at a time.
const SIZES: [usize; 11] = [1, 2, 4, 8, 16, 1 << 6, 1 << 8, 1 << 10, 1 << 12, 1 << 14, 1 << 16];

fn stages(criterion: &mut Criterion) {
    let inputs: Vec<Input> =
        common::sizes(SIZES).into_iter().map(|size| Input::new(size, 1)).collect();
    for stage in Stage::ALL {
        let mut group = criterion.benchmark_group(stage.name());
        group.sample_size(10).sampling_mode(SamplingMode::Flat);
        group.warm_up_time(Duration::from_millis(200)).measurement_time(Duration::from_secs(1));
        for input in &inputs {
            let expected = stage.dalek(input)().encodings();
            for backend in Backend::available() {
                let engine = Engine::new(backend, Parallelism::Serial);
                time(&mut group, backend.name(), &expected, stage.ours(input, engine));
            }
            if matches!(stage, Stage::HashBlind | Stage::Blind) {
                let name = format!("{}-cores", Backend::detect().name());
                time(&mut group, &name, &expected, stage.ours(input, Engine::detect()));
            }
        }
        group.finish();
    }
}

fn time(group: &mut BenchmarkGroup<'_, WallTime>, name: &str, expected: &[Encoding], run: Run<'_>) {
    assert!(run().encodings() == expected, "{name}: not what curve25519-dalek gives");
    group.throughput(Throughput::Elements(expected.len() as u64));
    group.bench_function(BenchmarkId::new(name, expected.len()), |bencher| bencher.iter(&run));
}

criterion_group!(benches, stages);
criterion_main!(benches);
