//! Whole protocols in memory, both sides on all cores: `cargo bench --bench protocols`.
//!
//! Throughput is in elements of one list; half of each list is common, and every run's answer is compared
//! with a plain intersection. Beside the protocols stand the INSECURE baselines, for scale: what they send
//! can be enumerated (`examples/hashed_list_attack.rs`).

mod common;

use std::sync::atomic::AtomicBool;
use std::time::Duration;

use blindmatch::bench::insecure::Insecure;
use blindmatch::bench::whole::Setup;
use blindmatch::bench::workload::Pair;
use blindmatch::group::Backend;
use blindmatch::protocol::ProtocolName;
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};

fn protocols(criterion: &mut Criterion) {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let mut group = criterion.benchmark_group("protocols");
    group.sample_size(10).measurement_time(Duration::from_secs(2));
    group.warm_up_time(Duration::from_millis(500));
    for size in common::sizes([1 << 10, 1 << 12, 1 << 14, 1 << 16]) {
        let pair = Pair::new(size, 1).expect("lists of made-up people");
        group.throughput(Throughput::Elements(size));
        for protocol in ProtocolName::ALL {
            let setup = Setup::new(protocol, Backend::detect(), cores).expect("threads");
            let mut seed = 0;
            group.bench_function(BenchmarkId::new(protocol.name(), size), |bencher| {
                bencher.iter(|| {
                    seed += 1;
                    setup.run(&pair, seed, &AtomicBool::new(false)).expect("the right answer")
                });
            });
        }
        for insecure in Insecure::ALL {
            group.bench_function(BenchmarkId::new(insecure.name(), size), |bencher| {
                bencher.iter(|| insecure.run(&pair).expect("the right answer"));
            });
        }
    }
    group.finish();
}

criterion_group!(benches, protocols);
criterion_main!(benches);
