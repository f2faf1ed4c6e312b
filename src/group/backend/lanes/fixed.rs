//! Multiplication of one fixed point by many secret scalars.
//!
//! The table has the eight odd multiples of `16^i P` for each of the 64 digits of a scalar, so that a
//! product is 64 additions and no doubling. All lanes share it. Its points are affine, `Z = 1`, which
//! saves a product in each addition; it takes 60 KiB.
//!
//! Constant time: an entry is picked out of vector registers that hold all eight.

use super::curve::{Affine, Curve, Extended, Factors};
use super::digits::{DIGITS, Digits, SIGN_BIT};
use super::encode::invert_all;
use super::{Cpu, LaneField, PerLane};

/// One coordinate of eight points: limb by limb, in the backend's own representation.
pub(in crate::group) type Eight = [[u64; 8]; 5];

/// `P, 3 P, ..., 15 P`: `y + x`, `y - x` and `2 d x y` of each.
#[repr(align(64))]
struct OddMultiples([Eight; 3]);

/// Odd multiples of `16^i P`, for all `i`.
pub(in crate::group) struct FixedTable(Vec<OddMultiples>);

impl FixedTable {
    /// Of the point in lane 0. Cost: 8585 products and squares, less than four multiplications.
    #[inline(always)]
    pub(super) fn new<F: LaneField>(curve: &Curve<F>, point: &Extended<F>) -> Self {
        let mut points = Vec::with_capacity(8 * DIGITS);
        let mut power = *point;
        for _ in 0..DIGITS {
            let twice = power.double().extended();
            let twice_cached = twice.cached(curve);
            let mut multiple = power;
            for place in 0..8 {
                points.push(multiple);
                if place < 7 {
                    multiple = multiple.add(&twice_cached).extended();
                }
            }
            // 16 P = P + 15 P
            power = multiple.add(&power.cached(curve)).extended();
        }
        let mut z = Vec::with_capacity(points.len());
        for point in &points {
            z.push(point.z);
        }
        let mut affine = Vec::with_capacity(points.len());
        let mut inverses = z.clone();
        invert_all(curve, &z, &mut inverses);
        for (point, inverse) in points.iter().zip(&inverses) {
            let (x, y) = (point.x.mul(inverse), point.y.mul(inverse));
            affine.push(Affine::new(curve, &x, &y).to_words());
        }
        FixedTable(affine.as_chunks::<8>().0.iter().map(transposed).collect())
    }
}

/// Eight points of three coordinates of five limbs, with the points innermost.
fn transposed(points: &[[[u64; 5]; 3]; 8]) -> OddMultiples {
    let limb = |coordinate: usize, k: usize| points.map(|point| point[coordinate][k]);
    let eight = |coordinate: usize| [0, 1, 2, 3, 4].map(|k| limb(coordinate, k));
    OddMultiples([eight(0), eight(1), eight(2)])
}

impl OddMultiples {
    /// The multiple that the digit of each lane asks for.
    #[inline(always)]
    fn lookup<F: LaneField>(&self, cpu: F::Cpu, digits: &PerLane<u8>) -> Affine<F> {
        let [sum, difference, twice_dt] = &self.0;
        Affine::from_coordinates(
            F::lookup(cpu, sum, digits),
            F::lookup(cpu, difference, digits),
            F::lookup(cpu, twice_dt, digits),
        )
        .negate_if(F::test_bits(cpu, digits, SIGN_BIT))
    }
}

/// `k P`, for the scalar of every lane and the point of the table. Cost: 452 products.
#[inline(always)]
pub(super) fn multiply_table<F: LaneField>(
    curve: &Curve<F>,
    table: &FixedTable,
    digits: &Digits,
) -> Extended<F> {
    let cpu = curve.cpu;
    let mut sum = Factors::identity(curve);
    let (highest, others) = digits.high_to_low();
    let digits = std::iter::once(highest).chain(others);
    for (multiples, digits) in table.0.iter().rev().zip(digits) {
        cpu.outlined(
            #[inline(always)]
            || sum = sum.add_affine(&multiples.lookup(cpu, digits)),
        );
    }
    sum.extended()
}
