//! What is said of a cell: the figures, in the order of every table.

use crate::bench::measure::Sample;
use crate::bench::record::{Cell, Run};

/// A figure of a run.
pub struct Figure {
    /// Column in files for machines, with its unit.
    pub column: &'static str,
    /// Its value, where known.
    pub of: fn(&Cell, &Run) -> Option<f64>,
}

impl Figure {
    /// Of all runs that know it.
    pub fn sample(&self, cell: &Cell) -> Sample {
        cell.runs.iter().filter_map(|run| (self.of)(cell, run)).collect()
    }
}

/// Every figure of a run.
pub const FIGURES: [Figure; 14] = [
    Figure { column: "total_seconds", of: |_, run| Some(run.total) },
    Figure { column: "online_seconds", of: |_, run| Some(run.online) },
    Figure { column: "advertiser_cpu_seconds", of: |_, run| Some(run.advertiser.cpu) },
    Figure { column: "platform_cpu_seconds", of: |_, run| Some(run.platform.cpu) },
    Figure { column: "cpu_microseconds_per_element", of: |cell, run| Some(cpu_each(cell, run)) },
    Figure { column: "advertiser_sent_bytes", of: |_, run| Some(run.advertiser.sent as f64) },
    Figure { column: "platform_sent_bytes", of: |_, run| Some(run.platform.sent as f64) },
    Figure { column: "bits_per_element", of: |cell, run| Some(bits_each(cell, run)) },
    Figure { column: "advertiser_flights", of: |_, run| Some(run.advertiser.flights as f64) },
    Figure { column: "platform_flights", of: |_, run| Some(run.platform.flights as f64) },
    Figure {
        column: "advertiser_peak_memory_bytes",
        of: |_, run| run.advertiser.peak_memory.map(|bytes| bytes as f64),
    },
    Figure {
        column: "platform_peak_memory_bytes",
        of: |_, run| run.platform.peak_memory.map(|bytes| bytes as f64),
    },
    Figure { column: "matched", of: |_, run| Some(run.matched as f64) },
    Figure { column: "false_positives", of: |_, run| Some(run.false_positives as f64) },
];

/// Elements that costs are divided by: those of the larger list.
pub fn larger(cell: &Cell) -> u64 {
    cell.advertiser.max(cell.platform)
}

/// Microseconds of CPU time of both sides for each element of the larger list.
pub fn cpu_each(cell: &Cell, run: &Run) -> f64 {
    run.cpu() * 1e6 / larger(cell) as f64
}

/// Bits both ways for each element of the larger list.
pub fn bits_each(cell: &Cell, run: &Run) -> f64 {
    run.bytes() as f64 * 8.0 / larger(cell) as f64
}

/// The greatest number of false positives of a run.
pub fn false_positives(cell: &Cell) -> u64 {
    cell.runs.iter().map(|run| run.false_positives).max().unwrap_or(0)
}
