//! Reading lists.

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use rayon::ThreadPool;

use super::broken;
use crate::bench::measure::{Cpu, Sample};
use crate::bench::workload;
use crate::consent::{Policy, Purpose, Suppression};
use crate::error::{Error, Result};
use crate::list::{Admitted, Options, Source, admit};

/// Nanoseconds of CPU time for a row: all that reading takes; the part of it that one thread does; and
/// a cell of a second pass.
pub(super) fn measure(one: &ThreadPool, share: Duration) -> Result<[f64; 3]> {
    let folder = Folder::new()?;
    let path = folder.0.join("people.csv");
    write(&path).map_err(Error::io("writing a list to measure with"))?;
    let read = || -> Result<(Source, Admitted)> {
        let source = Source::open(&path, Options::default())?;
        let policy = Policy::new(Purpose::TARGETED_ADVERTISING, Timestamp::now())?;
        let admitted = admit(&source, policy, Suppression::default(), &mut ())?;
        Ok((source, admitted))
    };
    let (source, admitted) = one.install(read)?;
    if admitted.list.len() != ROWS {
        return Err(broken("rows that were not admitted"));
    }
    let list = Arc::new(admitted.list);
    let whole = each(share, || one.install(|| Cpu::Process.time(read)));
    // The gate on its own: what judges and joins. Half of it is in the sort, which is shared.
    let gate = {
        let addresses: Vec<String> = (0..ROWS).map(address).collect();
        let judged = || one.install(|| Cpu::Thread.time(|| workload::list(&addresses)));
        each(share, judged)
    };
    let cell = each(share, || Cpu::Thread.time(|| source.amounts_once("order_cents", &list)));
    Ok([whole, (gate / 2.0).min(whole), cell])
}

const ROWS: usize = 1 << 15;

/// Nanoseconds a row.
fn each(share: Duration, mut run: impl FnMut() -> Duration) -> f64 {
    let started = std::time::Instant::now();
    let mut sample = Sample::default();
    while started.elapsed() < share || sample.median().is_nan() {
        sample.push(run().as_secs_f64() * 1e9 / ROWS as f64);
    }
    sample.median()
}

fn address(index: usize) -> String {
    // In no order: a prime step visits each once.
    format!("person.{}@example.com", index * 40_503 % ROWS)
}

/// Made-up people with full consent, as `examples/generate_lists.rs` writes them.
fn write(path: &Path) -> std::io::Result<()> {
    let mut out = BufWriter::new(File::create(path)?);
    writeln!(out, "customer_id,email,collected_for,purposes,consented_at,order_cents")?;
    let consent = "AccountManagement,TargetedAdvertising,2026-01-15T09:30:00Z";
    for row in 0..ROWS {
        writeln!(out, "customer-{row},{},{consent},{}", address(row), row % 10_000)?;
    }
    out.flush()
}

/// A folder that goes when it is dropped.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Result<Folder> {
        let name = format!("blindmatch-{}-{:016x}", std::process::id(), rand::random::<u64>());
        let path = std::env::temp_dir().join(name);
        fs::create_dir(&path).map_err(Error::io("making a folder to measure in"))?;
        Ok(Folder(path))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0); // made-up people: no harm where it stays
    }
}
