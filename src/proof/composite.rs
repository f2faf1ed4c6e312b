//! Weighted sums of a batch: the time of a proof.

use rayon::prelude::*;

use super::hash::Hash;
use crate::group::{Encoding, Engine, InvalidPoint, Parallelism};

/// `count` weights of 128 bits from what they are to depend on.
pub(super) fn weights(engine: &Engine, seed: &[u8; 64], count: usize) -> Vec<u128> {
    let after_seed = Hash::new("weights").with(seed);
    let four = |(i, out): (usize, &mut [u128])| {
        let digest = after_seed.clone().number(i as u64).digest();
        let weights = digest.as_chunks::<16>().0.iter().map(|bytes| u128::from_le_bytes(*bytes));
        out.iter_mut().zip(weights).for_each(|(out, weight)| *out = weight);
    };
    let mut weights = vec![0; count];
    match engine.parallelism() {
        Parallelism::Serial => weights.chunks_mut(4).enumerate().for_each(four),
        Parallelism::Rayon => {
            weights.par_chunks_mut(4).enumerate().with_min_len(256).for_each(four);
        }
    }
    weights
}

/// `sum weights[i] points[i]`. Variable time: both are public.
///
/// Costs a decoding and the weight's part of [`Engine::vartime_multiscalar`] an element. `Err` names the
/// first encoding that is not canonical, not on the group, or the identity.
pub(super) fn composite(
    engine: &Engine,
    points: &[Encoding],
    weights: &[u128],
) -> Result<Encoding, InvalidPoint> {
    let mut sum = [Encoding::IDENTITY];
    engine.encode(&engine.vartime_multiscalar(&engine.decode(points)?, weights), &mut sum);
    Ok(sum[0])
}
