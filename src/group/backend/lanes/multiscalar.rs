//! Sums of products: many points, each with a scalar of its own, and one result.
//!
//! A sum of products can share its doublings (Straus, "Addition chains of vectors", 1964): from the
//! highest digit to the lowest, the sum is doubled four times, and then every point's multiple for
//! that digit is added. Each lane has a sum of its own, over every fourth or eighth point, so that
//! nothing moves between lanes before the end.
//!
//! Constant time, as [`multiply`](super::multiply) is.

use std::ops::Range;

use super::curve::{Curve, Extended, Factors};
use super::digits::Digits;
use super::multiply::{Table, add_multiple, double};
use super::{Cpu, LaneField};

/// Vectors that share doublings. Their tables take 80 KiB (AVX2) or 160 KiB (AVX-512), and so stay in
/// the second-level cache.
const GROUP: usize = 16;

/// A point a lane and its scalar, ready to be multiplied.
struct Term<F, const DIGITS: usize> {
    table: Table<F>,
    digits: Digits<DIGITS>,
}

/// The sum of `k P` for the first `length` of `points`, lane by lane; `digits` are those of the
/// elements in a range, one a lane.
///
/// Cost a vector, of 16: 698 products and squares with 64 digits, 386 with 32. A multiplication
/// has 2342.
#[inline(always)]
pub(super) fn multiscalar<F: LaneField, const DIGITS: usize>(
    curve: &Curve<F>,
    points: &[Extended<F>],
    length: usize,
    digits: impl Fn(Range<usize>) -> Digits<DIGITS>,
) -> Extended<F> {
    let lanes = F::Cpu::LANES;
    let mut total = Extended::identity(curve);
    let mut terms = Vec::with_capacity(GROUP.min(points.len()));
    for (i, points) in points.chunks(GROUP).enumerate() {
        for (j, point) in points.iter().enumerate() {
            let start = (i * GROUP + j) * lanes;
            let end = length.min(start + lanes);
            let table = curve.cpu.outlined(
                #[inline(always)]
                || Table::new(curve, &point.first(curve, end - start)),
            );
            terms.push(Term { table, digits: digits(start..end) });
        }
        let sum = sum_of_products(curve, &terms).extended();
        total = total.add(&sum.cached(curve)).extended();
        for term in &mut terms {
            term.table.wipe(curve);
        }
        terms.clear();
    }
    total
}

#[inline(always)]
fn sum_of_products<F: LaneField, const DIGITS: usize>(
    curve: &Curve<F>,
    terms: &[Term<F, DIGITS>],
) -> Factors<F> {
    let mut sum = Factors::identity(curve);
    for place in (0..DIGITS).rev() {
        for _ in 0..4 {
            double(curve.cpu, &mut sum);
        }
        for term in terms {
            add_multiple(curve.cpu, &mut sum, &term.table, term.digits.at(place));
        }
    }
    sum
}
