//! What benchmarks, tests and examples share.

pub mod workload;
