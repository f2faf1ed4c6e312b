//! What do our batches cost beyond the group operations in them, and do cores add up?
//!
//! One line a figure, each the median over rounds that alternate between the things compared:
//!
//! ```text
//! overhead stage=hash_blind backend=portable median=1.03 spread=0.02
//! scaling  stage=hash_blind backend=portable cores=2 median=1.97 spread=0.03
//! ```
//!
//! `overhead`: our batch on one core, over the sum of curve25519-dalek's own stages (its hash to the
//! group or decompression, its multiplication, its batched compression), each run alone over the
//! same elements with its own vector backend. `scaling`: one core's time over that of `cores`.
//! `spread` is half the distance between the quartiles. `--test` runs once, small, for correctness.

use std::hint::black_box;
use std::time::{Duration, Instant};

use blindmatch::group::{Backend, DomainTag, Encoding, Engine, Parallelism, SecretScalar};
use curve25519_dalek::ristretto::{CompressedRistretto, RistrettoPoint};
use curve25519_dalek::scalar::Scalar;
use rand::rand_core::UnwrapErr;
use rand::rngs::SysRng;
use rayon::ThreadPoolBuilder;

fn main() {
    let (elements, rounds) = match std::env::args().any(|argument| argument == "--test") {
        true => (300, 1),
        false => (4096, 25),
    };
    let bench = Bench::new(elements, rounds);
    bench.overhead_of_hash_blind();
    bench.overhead_of_blind();
    bench.scaling();
}

/// Inputs, keys, and the answers that dalek gives one element at a time.
struct Bench {
    rounds: usize,
    tag: DomainTag,
    messages: Vec<[u8; 33]>,
    key: SecretScalar,
    half: Scalar,
    blinded: Vec<Encoding>,
    twice: Vec<Encoding>,
}

impl Bench {
    fn new(elements: usize, rounds: usize) -> Bench {
        let tag = DomainTag::new(b"blindmatch-v1-ristretto255-SHA512");
        let messages: Vec<[u8; 33]> = (0..elements)
            .map(|i| {
                let mut message = [1; 33];
                message[1..9].copy_from_slice(&(i as u64).to_le_bytes());
                message
            })
            .collect();
        let scalar = Scalar::random(&mut UnwrapErr(SysRng));
        let key = SecretScalar::from_canonical_bytes(scalar.to_bytes()).expect("not zero");
        let hash = |m: &[u8; 33]| RistrettoPoint::from_uniform_bytes(&tag.expand(m));
        let hashed: Vec<RistrettoPoint> = messages.iter().map(hash).collect();
        let encode = |k: Scalar| -> Vec<Encoding> {
            hashed.iter().map(|point| Encoding((point * k).compress().to_bytes())).collect()
        };
        let (blinded, twice) = (encode(scalar), encode(scalar * scalar));
        let half = scalar * Scalar::from(2u8).invert();
        Bench { rounds, tag, messages, key, half, blinded, twice }
    }

    fn overhead_of_hash_blind(&self) {
        let stages = || {
            let hash = |m: &[u8; 33]| RistrettoPoint::from_uniform_bytes(&self.tag.expand(m));
            let points: Vec<RistrettoPoint> = self.messages.iter().map(hash).collect();
            self.multiply_and_encode(&points, &self.blinded);
        };
        let ours = || self.hash_blind(Parallelism::Serial);
        self.report("overhead stage=hash_blind backend=portable", ours, stages);
    }

    fn overhead_of_blind(&self) {
        let stages = || {
            let decode = |e: &Encoding| CompressedRistretto(e.0).decompress().expect("valid");
            let points: Vec<RistrettoPoint> = self.blinded.iter().map(decode).collect();
            self.multiply_and_encode(&points, &self.twice);
        };
        let ours = || {
            let mut out = vec![Encoding::default(); self.blinded.len()];
            self.engine(Parallelism::Serial)
                .blind(&self.blinded, &self.key, &mut out)
                .expect("valid");
            assert_eq!(out, self.twice);
        };
        self.report("overhead stage=blind backend=portable", ours, stages);
    }

    /// dalek's multiplication and batched compression, each over all elements.
    fn multiply_and_encode(&self, points: &[RistrettoPoint], expected: &[Encoding]) {
        let products: Vec<RistrettoPoint> = points.iter().map(|point| point * self.half).collect();
        let encodings = RistrettoPoint::double_and_compress_batch(black_box(&products));
        assert!(encodings.iter().zip(expected).all(|(a, b)| a.to_bytes() == b.0));
    }

    fn scaling(&self) {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let pool =
            |threads| ThreadPoolBuilder::new().num_threads(threads).build().expect("threads");
        let (one, all) = (pool(1), pool(cores));
        for _ in 0..2 {
            all.install(|| self.hash_blind(Parallelism::Rayon)); // wakes the threads
        }
        let name = format!("scaling stage=hash_blind backend=portable cores={cores}");
        let serial = || one.install(|| self.hash_blind(Parallelism::Rayon));
        self.report(&name, serial, || all.install(|| self.hash_blind(Parallelism::Rayon)));
    }

    fn hash_blind(&self, parallelism: Parallelism) {
        let mut out = vec![Encoding::default(); self.messages.len()];
        self.engine(parallelism).hash_blind(&self.tag, &self.messages, &self.key, &mut out);
        assert_eq!(out, self.blinded);
    }

    fn engine(&self, parallelism: Parallelism) -> Engine {
        Engine::new(Backend::portable(), parallelism)
    }

    /// Prints the median of `numerator` time over `denominator` time.
    fn report(&self, name: &str, numerator: impl Fn(), denominator: impl Fn()) {
        let time = |work: &dyn Fn()| -> Duration {
            let started = Instant::now();
            work();
            started.elapsed()
        };
        let round = |_| time(&numerator).as_secs_f64() / time(&denominator).as_secs_f64();
        let mut ratios: Vec<f64> = (0..self.rounds).map(round).collect();
        ratios.sort_unstable_by(f64::total_cmp);
        let at = |quarter: usize| ratios[(ratios.len() - 1) * quarter / 4];
        let (median, spread) = (at(2), (at(3) - at(1)) / 2.0);
        println!("{name} median={median:.3} spread={spread:.3} rounds={}", self.rounds);
    }
}
