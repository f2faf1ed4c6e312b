//! Comparing tags: making them, sorting and indexing those of one list, and looking up those of the other.
//! `cargo bench --bench matching`; compressed sets are in `filter.rs`.
//!
//! On all cores. Half of each list is common, and what is found is compared with a `HashSet` of the points.

mod common;

use std::collections::HashSet;
use std::time::Duration;

use blindmatch::bench::matching::Tags;
use blindmatch::group::Encoding;
use criterion::{BatchSize, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

fn matching(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("tags");
    group.sample_size(20).warm_up_time(Duration::from_millis(500));
    group.measurement_time(Duration::from_secs(2));
    for size in common::sizes([1usize << 10, 1 << 13, 1 << 16, 1 << 20]) {
        // The points of a list under two keys are as good as random.
        let mut rng = StdRng::seed_from_u64(1);
        let points: Vec<Encoding> = (0..size + size / 2).map(|_| Encoding(rng.random())).collect();
        let (ours, theirs) = (&points[..size], &points[size / 2..]);
        let on_ours: HashSet<[u8; 32]> = ours.iter().map(|point| point.0).collect();
        let expected: Vec<bool> = theirs.iter().map(|point| on_ours.contains(&point.0)).collect();

        let tags = |points| Tags::new(&[7; 32], [size as u64; 2], points);
        let (our_tags, their_tags) = (tags(ours), tags(theirs));
        let set = our_tags.clone().into_set();
        assert_eq!(set.contains_each(&their_tags), expected);

        group.throughput(Throughput::Elements(size as u64));
        group.bench_function(BenchmarkId::new("make", size), |bencher| bencher.iter(|| tags(ours)));
        group.bench_function(BenchmarkId::new("sort", size), |bencher| {
            bencher.iter_batched(|| our_tags.clone(), Tags::into_set, BatchSize::LargeInput);
        });
        group.bench_function(BenchmarkId::new("look_up", size), |bencher| {
            bencher.iter(|| assert!(set.contains_each(&their_tags) == expected));
        });
    }
    group.finish();
}

criterion_group!(benches, matching);
criterion_main!(benches);
