//! What benchmarks, tests and examples share: lists of made-up people and, with the feature `bench`,
//! measuring.
//!
//! Whatever is measured is checked: a wrong answer is an error, not a figure. What is compared runs
//! in turn, so that what a neighbour or the clock does to one it does to the other.

#[cfg(feature = "bench")]
pub mod compare;
#[cfg(all(feature = "bench", feature = "tls"))]
pub mod contestant;
#[cfg(feature = "bench")]
pub mod cores;
#[cfg(feature = "bench")]
pub mod definition;
#[cfg(all(feature = "bench", feature = "tls"))]
pub mod harness;
#[cfg(feature = "bench")]
pub mod insecure;
#[cfg(feature = "bench")]
pub mod link;
#[cfg(feature = "bench")]
pub mod lists;
#[cfg(feature = "bench")]
pub mod machine;
#[cfg(all(test, feature = "bench"))]
mod made_up;
#[cfg(feature = "bench")]
pub mod matching;
#[cfg(feature = "bench")]
pub mod measure;
#[cfg(all(feature = "bench", feature = "tls"))]
pub mod party;
#[cfg(feature = "bench")]
pub mod peers;
#[cfg(feature = "bench")]
pub mod record;
#[cfg(feature = "bench")]
pub mod report;
#[cfg(feature = "bench")]
pub mod scaling;
#[cfg(feature = "bench")]
pub mod stages;
#[cfg(feature = "bench")]
pub mod whole;
pub mod workload;
