//! Finding the greatest totals that a sum can have, just below 2^40: `cargo bench --bench total`.
//!
//! Whole sessions with one entry a side, which are a millisecond beside the search. The first is timed
//! by itself, with the table that it makes and every later one finds; totals near either end of the
//! range and in the middle follow. All answers are checked. One core, and its CPU time: other programs
//! do not count.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use blindmatch::bench::measure::Cpu;
use blindmatch::bench::workload;
use blindmatch::group::{Backend, Engine, Parallelism};
use blindmatch::protocol::{Input, Party, ProtocolName, Values};
use blindmatch::report::peak_memory;
use blindmatch::session::{self, Session, Settings};
use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};

/// The greatest total, and the clip of the one value that is added.
const MOST: u64 = (1 << 40) - 1;

/// The worst cases: most giant steps, one less, the seams between giant steps at both ends.
const TOTALS: [u64; 6] = [MOST, MOST - 1, MOST - (1 << 20), MOST / 2, 1 << 20, 0];

fn totals(criterion: &mut Criterion) {
    let before = peak_memory().unwrap_or_default();
    let engine = Engine::new(Backend::detect(), Parallelism::Serial);
    let first = spent(engine, MOST);
    let grown = peak_memory().unwrap_or_default() - before;
    let name = engine.backend().name();
    println!("total/{name}/first, with its table: {first:?}, memory grew by {} KiB", grown / 1024);
    for backend in Backend::available() {
        let engine = Engine::new(backend, Parallelism::Serial);
        let mut group = criterion.benchmark_group(format!("total/{}", engine.backend().name()));
        group.sample_size(10);
        for total in TOTALS {
            group.bench_function(BenchmarkId::from_parameter(total), |bencher| {
                bencher.iter_custom(|times| (0..times).map(|_| spent(engine, total)).sum());
            });
        }
        group.finish();
    }
}

/// CPU time of a session that comes to this total.
fn spent(engine: Engine, total: u64) -> Duration {
    let list = workload::list(["ann@example.com"]).expect("admitted");
    let side = |party| {
        let mut settings = Settings::new(party);
        (settings.protocol, settings.engine) = (ProtocolName::Sum, engine);
        settings.clip = Some(MOST);
        let input = match party {
            Party::Advertiser => {
                Input::with_values(list.clone(), Arc::new(Values::new(vec![total])))
            }
            Party::Platform => list.clone().into(),
        };
        Session::new(settings, input).expect("a session")
    };
    let (sides, started) = ([side(Party::Advertiser), side(Party::Platform)], Cpu::Process.now());
    let [advertiser, _] = session::in_turn(sides, &AtomicBool::new(false)).expect("a total");
    assert_eq!((advertiser.answer.count, advertiser.answer.sum), (Some(1), Some(total)));
    Cpu::Process.now() - started
}

criterion_group!(benches, totals);
criterion_main!(benches);
