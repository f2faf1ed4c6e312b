//! Golomb-coded sets against binary fuse filters, at the same rate of false matches: size, building,
//! reading off the wire, and look-ups. `cargo bench --bench filter`; BLINDMATCH_FILTER_SIZE=10000000
//! adds a size. docs/sets.md draws the conclusions.
//!
//! The filter is a pair of binary fuse filters with fingerprints of 32 bits, over the two halves of an
//! output: 2^-64 a query, where the sets here have 2^-60 to 2^-61.

mod common;

use std::hint::black_box;

use blindmatch::set::{CompressedSet, Intersection, Keep, Output, SetReader};
use criterion::{BatchSize, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use xorf::{BinaryFuse32, Filter};

/// Queries of a session that the sets are made for.
const MAX_QUERIES: u64 = 1 << 20;

fn sizes() -> Vec<usize> {
    let more = std::env::var("BLINDMATCH_FILTER_SIZE");
    let more = more.ok().map(|size| size.parse().expect("a number of elements"));
    let sizes = if common::is_test() { vec![1 << 10] } else { vec![1 << 16, 1 << 18, 1 << 20] };
    sizes.into_iter().chain(more).collect()
}

/// Both halves of outputs.
struct Fuse([BinaryFuse32; 2]);

impl Fuse {
    fn new(outputs: &[Output]) -> Fuse {
        let half = |shift: u32| -> BinaryFuse32 {
            let keys: Vec<u64> = outputs.iter().map(|output| (output.0 >> shift) as u64).collect();
            BinaryFuse32::try_from(&keys).expect("different keys")
        };
        Fuse([half(64), half(0)])
    }

    fn contains(&self, output: Output) -> bool {
        let Fuse([high, low]) = self;
        high.contains(&((output.0 >> 64) as u64)) && low.contains(&(output.0 as u64))
    }

    fn bits(&self) -> usize {
        self.0.iter().map(|filter| 32 * filter.len()).sum()
    }
}

fn filters(criterion: &mut Criterion) {
    let mut rng = StdRng::seed_from_u64(1);
    for size in sizes() {
        let outputs: Vec<Output> = (0..size).map(|_| Output(rng.random())).collect();
        let set = CompressedSet::new(outputs.clone(), MAX_QUERIES).expect("uniform");
        let fuse = Fuse::new(&outputs);
        let bits = |total: f64| total / size as f64;
        let expected = set.parameters().expected_bits();
        println!(
            "{size} elements, bits each: set {:.2} (expected {expected:.2}), binary fuse {:.2}",
            bits(8.0 * set.bytes() as f64),
            bits(fuse.bits() as f64),
        );
        build(criterion, size, &outputs);
        read(criterion, size, &set, &outputs);
        for queries in common::sizes([1, 1 << 10, 1 << 16, 1 << 20]) {
            look_up(criterion, (&set, &fuse), &outputs, queries, &mut rng);
        }
    }
}

fn build(criterion: &mut Criterion, size: usize, outputs: &[Output]) {
    let mut group = criterion.benchmark_group("build");
    group.throughput(Throughput::Elements(size as u64)).sample_size(10);
    group.bench_function(BenchmarkId::new("set", size), |bencher| {
        let build = |outputs| CompressedSet::new(outputs, MAX_QUERIES).expect("uniform");
        bencher.iter_batched(|| outputs.to_vec(), build, BatchSize::PerIteration);
    });
    group.bench_function(BenchmarkId::new("fuse", size), |bencher| {
        bencher.iter(|| Fuse::new(outputs));
    });
    group.finish();
}

/// Off the wire: checked and kept, or merged with as many queries, half of which match.
fn read(criterion: &mut Criterion, size: usize, set: &CompressedSet, outputs: &[Output]) {
    let mut group = criterion.benchmark_group("read");
    group.throughput(Throughput::Elements(size as u64)).sample_size(20);
    group.bench_function(BenchmarkId::new("keep", size), |bencher| {
        bencher.iter(|| {
            let mut reader = SetReader::new(set.parameters(), set.digest(), Keep::default());
            push_all(&mut reader, set);
            reader.into_set().expect("as announced")
        });
    });
    let ours: Vec<_> = half(outputs, size, &mut StdRng::seed_from_u64(2));
    group.bench_function(BenchmarkId::new("merge", size), |bencher| {
        let sink = || Intersection::new(set.parameters(), ours.clone());
        let merge = |sink: Intersection<'static>| {
            let mut reader = SetReader::new(set.parameters(), set.digest(), sink);
            push_all(&mut reader, set);
            assert_eq!(reader.finish().expect("as announced").matched().len(), size.div_ceil(2));
        };
        bencher.iter_batched(sink, merge, BatchSize::PerIteration);
    });
    group.finish();
}

fn push_all<S: blindmatch::set::Sink>(reader: &mut SetReader<S>, set: &CompressedSet) {
    (0..set.blocks()).for_each(|block| reader.push(set.block(block)).expect("valid"));
}

/// Queries, every second one of which matches.
fn half(outputs: &[Output], queries: usize, rng: &mut StdRng) -> Vec<(Output, u32)> {
    let query = |index: usize| match index % 2 {
        0 => outputs[index * 7919 % outputs.len()],
        _ => Output(rng.random()),
    };
    (0..queries).map(query).zip(0..).collect()
}

fn look_up(
    criterion: &mut Criterion,
    (set, fuse): (&CompressedSet, &Fuse),
    outputs: &[Output],
    queries: usize,
    rng: &mut StdRng,
) {
    let mut group = criterion.benchmark_group(format!("look_up {}", outputs.len()));
    group.throughput(Throughput::Elements(queries as u64)).sample_size(10);
    let ours = half(outputs, queries, rng);
    let expected = queries.div_ceil(2);
    group.bench_function(BenchmarkId::new("set", queries), |bencher| {
        let look_up = |ours| assert_eq!(set.intersect(ours).len(), expected);
        bencher.iter_batched(|| ours.clone(), look_up, BatchSize::LargeInput);
    });
    group.bench_function(BenchmarkId::new("fuse", queries), |bencher| {
        bencher.iter(|| {
            let found = ours.iter().filter(|(output, _)| fuse.contains(*output)).count();
            assert_eq!(black_box(found), expected);
        });
    });
    group.finish();
}

criterion_group!(benches, filters);
criterion_main!(benches);
