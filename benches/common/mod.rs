//! What the benchmarks share. Each uses a part of it.
#![allow(dead_code)]

/// Whether each benchmark is to run once, for its answer: `cargo bench -- --test`, as continuous
/// integration does, or without `--bench`, as `cargo test --benches` does.
pub fn is_test() -> bool {
    let has = |name: &str| std::env::args().any(|argument| argument == name);
    has("--test") || !has("--bench")
}

/// The sizes to measure: in a test, the smallest alone.
pub fn sizes<T: Copy + PartialOrd, const N: usize>(all: [T; N]) -> Vec<T> {
    let smallest = all.into_iter().reduce(|a, b| if b < a { b } else { a });
    if is_test() { smallest.into_iter().collect() } else { all.to_vec() }
}
