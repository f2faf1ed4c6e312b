//! Whole DH-PSI sessions in memory, both sides on all cores.
//!
//! Throughput is in elements of one list; half of each list is common, and every run checks that
//! the answer is just that half.

use blindmatch::ConsentedList;
use blindmatch::bench::workload;
use blindmatch::protocol::Party;
use blindmatch::session::{Outcome, Session, Settings};
use blindmatch::transport::{Link, Timing, drive, memory};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::thread;

fn sessions(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("dh");
    group.sample_size(10);
    for size in [1 << 10, 1 << 12, 1 << 14] {
        let ours = workload::people(0..size).expect("admitted");
        let theirs = workload::people(size / 2..size / 2 + size).expect("admitted");
        group.throughput(Throughput::Elements(size));
        group.bench_function(BenchmarkId::new("memory", size), |bencher| {
            bencher.iter(|| {
                let outcome = session(&ours, &theirs);
                assert_eq!(outcome.answer.count, Some(size / 2));
            });
        });
    }
    group.finish();
}

/// The advertiser's outcome.
fn session(ours: &Arc<ConsentedList>, theirs: &Arc<ConsentedList>) -> Outcome {
    let side = |party, list: &Arc<ConsentedList>, link: Link| {
        let session = Session::new(Settings::new(party), Arc::clone(list)).expect("a session");
        drive(session, link, Timing::default(), &AtomicBool::new(false), &mut ()).expect("a match")
    };
    let [link, peer] = memory::pair();
    thread::scope(|scope| {
        scope.spawn(|| side(Party::Platform, theirs, peer));
        side(Party::Advertiser, ours, link)
    })
}

criterion_group!(benches, sessions);
criterion_main!(benches);
