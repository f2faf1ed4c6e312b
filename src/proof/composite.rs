//! Weighted sums of a batch: the time of a proof.

use curve25519_dalek::ristretto::RistrettoPoint;
use curve25519_dalek::scalar::Scalar;
use curve25519_dalek::traits::VartimeMultiscalarMul;
use rayon::prelude::*;

use super::hash::Hash;
use super::{encode, vartime_decode};
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
/// Decodes, then Pippenger's method (Bernstein et al., ia.cr/2012/549, section 4) on each core's
/// share. `Err` names the first encoding that is not canonical, not on the group, or the identity.
pub(super) fn composite(
    engine: &Engine,
    points: &[Encoding],
    weights: &[u128],
) -> Result<Encoding, InvalidPoint> {
    let run = |(start, (points, weights)): (usize, (&[Encoding], &[u128]))| {
        vartime_share(points, weights)
            .map_err(|position| InvalidPoint { position: start + position })
    };
    let cores = match engine.parallelism() {
        Parallelism::Serial => 1,
        Parallelism::Rayon => rayon::current_num_threads(),
    };
    let share = points.len().div_ceil(cores).max(LEAST_SHARE);
    let shares: Vec<_> =
        (0..).step_by(share).zip(points.chunks(share).zip(weights.chunks(share))).collect();
    let sums: Vec<Result<RistrettoPoint, InvalidPoint>> = match cores {
        1 => shares.into_iter().map(run).collect(),
        _ => shares.into_par_iter().map(run).collect(),
    };
    // In order, so that the first error is the lowest.
    sums.into_iter().sum::<Result<RistrettoPoint, InvalidPoint>>().map(|sum| encode(&sum))
}

/// The weighted sum of one core's share. `Err` holds the index of the first bad encoding.
fn vartime_share(points: &[Encoding], weights: &[u128]) -> Result<RistrettoPoint, usize> {
    let decode = |(i, point)| vartime_decode(point).ok_or(i);
    let points = points.iter().enumerate().map(decode).collect::<Result<Vec<_>, _>>()?;
    Ok(RistrettoPoint::vartime_multiscalar_mul(weights.iter().map(|&w| Scalar::from(w)), points))
}

/// The fewest elements that are worth a share of their own: each takes a millisecond besides its
/// elements, which take ten times that.
const LEAST_SHARE: usize = 2048;
