//! The field in eight lanes of 64-bit integers, multiplied by 52-bit multiply-add (IFMA).
//!
//! `vpmadd52luq` and `vpmadd52huq` multiply the low 52 bits of two numbers and add the low, or the
//! high, 52 bits of the product to a 64-bit accumulator. That leaves 12 bits of room above the
//! parts, and makes carrying a rare thing.
//!
//! # Representation
//!
//! `x = l[0] + 2^51 l[1] + 2^102 l[2] + 2^153 l[3] + 2^204 l[4]` modulo `p = 2^255 - 19`. *Reduced*
//! means
//!
//! ```text
//! 0 <= l[i] < 2^51 + 2^16   (BOUND)
//! ```
//!
//! All methods need and give reduced values; in debug builds each of them checks it. Limbs of 51
//! bits and not of 52, because a limb above 51 bits by a carry must still fit into 52, and because
//! `2^255` is 19 but `2^260` is 608: folding would overflow.
//!
//! # A product
//!
//! Column `k` collects `a[i] b[j]` with `i + j = k`. The low part of a limb product belongs there.
//! The high part has weight `2^52`, two times `2^51`, and so belongs *twice* into the next column:
//!
//! ```text
//! z[k] = sum of low(a[i] b[j]), i + j = k,  +  2 * sum of high(a[i] b[j]), i + j = k - 1
//! ```
//!
//! The high parts are summed first, doubled, and the low parts summed on top. In a square the limb
//! products that occur twice are summed apart and doubled as well; doubling a limb before would
//! take it out of the 52 bits.
//!
//! Low parts are below `2^52`, high parts below `2^50 + 2^16`. Columns 5 to 9 stand for multiples of
//! `2^255`, which is 19, and are added 19-fold to columns 0 to 4. Column 0 is the largest, with
//! `1 + 19 * 4` low parts and `2 * 19 * 5` high ones:
//!
//! ```text
//! column < 77 * 2^52 + 190 * (2^50 + 2^16) < 2^59   (PRODUCT_BOUND)
//! ```
//!
//! # Sums and differences
//!
//! Columns can be added before they are carried. Where some are subtracted, `2^9 p` is added, whose
//! limbs are all above `2^59`. What is carried then is below `4 * 2^59 + 2^60 < 2^62`
//! (`COLUMN_BOUND`).
//!
//! # The carry
//!
//! All five columns carry at once: the low 51 bits stay, the rest, below `2^11`, is added to the next
//! limb, and 19-fold from the last limb to the first. `2^51 + 19 * 2^11 < 2^51 + 2^16`: reduced.
//!
//! # Tested without the CPU
//!
//! The code is generic over [`Words`], the few instructions it is made of. Tests run it, and the
//! whole curve on top, on a scalar model of them, so that a machine without AVX-512 checks
//! everything but the instructions; one that has them checks those against the model.

use super::words::Words;
use crate::group::backend::lanes::limbs::{
    self, LIMB_BITS, LIMB_MASK, Limbs, per_limb, transposed,
};
use crate::group::backend::lanes::{self, LaneField, LaneMask, PerLane};

/// Eight field elements, limb by limb.
#[derive(Clone, Copy)]
pub(in crate::group) struct Field<W>([W; 5]);

/// Sums of products that are still to be carried.
#[derive(Clone, Copy)]
struct Columns<W>([W; 5]);

impl<W: Words> LaneField for Field<W>
where
    W::Cpu: lanes::Cpu<Field = Self>,
{
    type Cpu = W::Cpu;
    type Mask = W::Mask;

    #[inline(always)]
    fn splat(cpu: W::Cpu, limbs: &Limbs) -> Self {
        Field(per_limb!(k => W::new(cpu, [limbs[k]; 8]))).checked()
    }

    #[inline(always)]
    fn from_limbs(cpu: W::Cpu, lanes: &PerLane<Limbs>) -> Self {
        let words = transposed(lanes);
        Field(per_limb!(k => W::new(cpu, words[k]))).checked()
    }

    #[inline(always)]
    fn to_limbs(&self) -> PerLane<Limbs> {
        let limbs = self.canonical();
        limbs::per_lane(&per_limb!(k => limbs[k].to_array()))
    }

    #[inline(always)]
    fn add(&self, other: &Self) -> Self {
        Columns(per_limb!(k => self.0[k].add(other.0[k]))).reduce()
    }

    /// `2 p` is added, whose limbs are larger than those of `other`.
    #[inline(always)]
    fn sub(&self, other: &Self) -> Self {
        Columns(per_limb!(k => self.0[k].add(self.0[k].same(2 * P[k])).sub(other.0[k]))).reduce()
    }

    #[inline(always)]
    fn neg(&self) -> Self {
        Columns(per_limb!(k => self.0[k].same(2 * P[k]).sub(self.0[k]))).reduce()
    }

    #[inline(always)]
    fn cpu(&self) -> W::Cpu {
        self.0[0].cpu()
    }

    #[inline(always)]
    fn mul_inlined(&self, other: &Self) -> Self {
        multiply(self, other).reduce()
    }

    #[inline(always)]
    fn square_inlined(&self) -> Self {
        multiply_self(self).reduce()
    }

    #[inline(always)]
    fn products(a: &Self, b: &Self, c: &Self, d: &Self) -> (Self, Self) {
        let (ab, cd) = (multiply(a, b), multiply(c, d));
        (ab.add(&cd).reduce(), ab.sub(&cd).reduce())
    }

    /// `2 x y` is taken as a product: the sum in `(x + y)^2 - x^2 - y^2` would need a carry and the
    /// difference a multiple of `p`, which is more than a square saves.
    #[inline(always)]
    fn doubling(x: &Self, y: &Self, z: &Self) -> [Self; 4] {
        let (xx, yy) = (multiply_self(x), multiply_self(y));
        let sum = xx.add(&yy);
        let difference = yy.sub(&xx);
        let zz = multiply_self(z);
        let f = zz.add(&zz).add(&xx).sub(&yy);
        let xy = multiply(x, y);
        [xy.add(&xy).reduce(), f.reduce(), difference.reduce(), sum.reduce()]
    }

    #[inline(always)]
    fn select(no: &Self, yes: &Self, mask: W::Mask) -> Self {
        Field(per_limb!(k => W::select(no.0[k], yes.0[k], mask)))
    }

    #[inline(always)]
    fn negate_if(&self, mask: W::Mask) -> Self {
        Self::select(self, &self.neg(), mask)
    }

    #[inline(always)]
    fn is_zero(&self) -> W::Mask {
        let [a, b, c, d, e] = self.canonical();
        a.or(b).or(c.or(d)).or(e).is_zero()
    }

    /// The canonical form is `x - q p`, and `p` is odd: its lowest bit is that of `x + q`.
    #[inline(always)]
    fn is_negative(&self) -> W::Mask {
        let lowest = self.0[0].add(self.quotient());
        lowest.and(lowest.same(1)).is_zero().not()
    }

    #[inline(always)]
    fn to_words(&self) -> [u64; 5] {
        per_limb!(k => self.0[k].to_array()[0])
    }

    #[inline(always)]
    fn lookup(cpu: W::Cpu, words: &[[u64; 8]; 5], places: &PerLane<u8>) -> Self {
        let places = W::from_bytes(cpu, places);
        Field(per_limb!(k => places.lookup(W::new(cpu, words[k]))))
    }

    #[inline(always)]
    fn test_bits(cpu: W::Cpu, values: &PerLane<u8>, bits: u8) -> W::Mask {
        let values = W::from_bytes(cpu, values);
        values.and(values.same(bits.into())).is_zero().not()
    }
}

/// Adds the high parts of limb products to an accumulator.
macro_rules! high {
    ($sum:expr $(, $i:literal * $j:literal)*; $a:ident, $b:ident) => {
        $sum$(.mul_add_high($a[$i], $b[$j]))*
    };
}

/// Adds the low parts of limb products to an accumulator.
macro_rules! low {
    ($sum:expr $(, $i:literal * $j:literal)*; $a:ident, $b:ident) => {
        $sum$(.mul_add_low($a[$i], $b[$j]))*
    };
}

/// `a b`, to be carried. Below `PRODUCT_BOUND`.
#[inline(always)]
fn multiply<W: Words>(a: &Field<W>, b: &Field<W>) -> Columns<W> {
    let (a, b) = (a.0, b.0);
    let zero = a[0].same(0);
    let z0 = low!(zero, 0 * 0; a, b);
    let z1 = high!(zero, 0 * 0; a, b).double();
    let z1 = low!(z1, 0 * 1, 1 * 0; a, b);
    let z2 = high!(zero, 0 * 1, 1 * 0; a, b).double();
    let z2 = low!(z2, 0 * 2, 1 * 1, 2 * 0; a, b);
    let z3 = high!(zero, 0 * 2, 1 * 1, 2 * 0; a, b).double();
    let z3 = low!(z3, 0 * 3, 1 * 2, 2 * 1, 3 * 0; a, b);
    let z4 = high!(zero, 0 * 3, 1 * 2, 2 * 1, 3 * 0; a, b).double();
    let z4 = low!(z4, 0 * 4, 1 * 3, 2 * 2, 3 * 1, 4 * 0; a, b);
    let z5 = high!(zero, 0 * 4, 1 * 3, 2 * 2, 3 * 1, 4 * 0; a, b).double();
    let z5 = low!(z5, 1 * 4, 2 * 3, 3 * 2, 4 * 1; a, b);
    let z6 = high!(zero, 1 * 4, 2 * 3, 3 * 2, 4 * 1; a, b).double();
    let z6 = low!(z6, 2 * 4, 3 * 3, 4 * 2; a, b);
    let z7 = high!(zero, 2 * 4, 3 * 3, 4 * 2; a, b).double();
    let z7 = low!(z7, 3 * 4, 4 * 3; a, b);
    let z8 = high!(zero, 3 * 4, 4 * 3; a, b).double();
    let z8 = low!(z8, 4 * 4; a, b);
    let z9 = high!(zero, 4 * 4; a, b).double();
    fold([z0, z1, z2, z3, z4], [z5, z6, z7, z8, z9])
}

/// `a^2`, to be carried. Below `PRODUCT_BOUND`.
///
/// A column is `2 (2 * high of pairs + high of squares + low of pairs) + low of squares`.
#[inline(always)]
fn multiply_self<W: Words>(a: &Field<W>) -> Columns<W> {
    let a = a.0;
    let zero = a[0].same(0);
    let z0 = low!(zero, 0 * 0; a, a);
    let z1 = low!(high!(zero, 0 * 0; a, a), 0 * 1; a, a).double();
    let z2 = low!(high!(zero, 0 * 1; a, a).double(), 0 * 2; a, a).double();
    let z2 = low!(z2, 1 * 1; a, a);
    let z3 = high!(high!(zero, 0 * 2; a, a).double(), 1 * 1; a, a);
    let z3 = low!(z3, 0 * 3, 1 * 2; a, a).double();
    let z4 = high!(zero, 0 * 3, 1 * 2; a, a).double();
    let z4 = low!(low!(z4, 0 * 4, 1 * 3; a, a).double(), 2 * 2; a, a);
    let z5 = high!(high!(zero, 0 * 4, 1 * 3; a, a).double(), 2 * 2; a, a);
    let z5 = low!(z5, 1 * 4, 2 * 3; a, a).double();
    let z6 = high!(zero, 1 * 4, 2 * 3; a, a).double();
    let z6 = low!(low!(z6, 2 * 4; a, a).double(), 3 * 3; a, a);
    let z7 = high!(high!(zero, 2 * 4; a, a).double(), 3 * 3; a, a);
    let z7 = low!(z7, 3 * 4; a, a).double();
    let z8 = high!(zero, 3 * 4; a, a).double().double();
    let z8 = low!(z8, 4 * 4; a, a);
    let z9 = high!(zero, 4 * 4; a, a).double();
    fold([z0, z1, z2, z3, z4], [z5, z6, z7, z8, z9])
}

/// Adds the upper half of a product 19-fold to the lower.
#[inline(always)]
fn fold<W: Words>(lower: [W; 5], upper: [W; 5]) -> Columns<W> {
    Columns(per_limb!(k => lower[k].add(upper[k].times_19())))
}

impl<W: Words> Columns<W> {
    #[inline(always)]
    fn add(&self, other: &Self) -> Self {
        Columns(per_limb!(k => self.0[k].add(other.0[k])))
    }

    /// `self - other + 2^9 p`. Needs `other` below `PRODUCT_BOUND`.
    #[inline(always)]
    fn sub(&self, other: &Self) -> Self {
        other.check(PRODUCT_BOUND);
        Columns(per_limb!(k => self.0[k].add(self.0[k].same(P[k] << 9)).sub(other.0[k])))
    }

    /// Carries. Needs columns below `COLUMN_BOUND`.
    #[inline(always)]
    fn reduce(&self) -> Field<W> {
        self.check(COLUMN_BOUND);
        let carry: [W; 5] = per_limb!(k => self.0[k].shr::<LIMB_BITS>());
        let limb: [W; 5] = per_limb!(k => self.0[k].and(self.0[k].same(LIMB_MASK)));
        Field([
            limb[0].mul_add_low(carry[4], limb[0].same(19)),
            limb[1].add(carry[0]),
            limb[2].add(carry[1]),
            limb[3].add(carry[2]),
            limb[4].add(carry[3]),
        ])
        .checked()
    }

    /// In debug builds, sees that all columns are below `bound`.
    #[inline(always)]
    fn check(&self, bound: u64) {
        if cfg!(debug_assertions) {
            for column in self.0.iter().flat_map(|column| column.to_array()) {
                assert!(column < bound, "column {column} is not below {bound}");
            }
        }
    }
}

impl<W: Words> Field<W> {
    /// 1 if the value is `p` or more, 0 if not: what comes out of the last limb when 19 is carried
    /// through. A reduced value is below `2 p`.
    #[inline(always)]
    fn quotient(&self) -> W {
        let mut carry = self.0[0].same(19);
        for limb in self.0 {
            carry = limb.add(carry).shr::<LIMB_BITS>();
        }
        carry
    }

    /// `x - q p = x + 19 q - 2^255 q`: carried, with what leaves the last limb dropped.
    #[inline(always)]
    fn canonical(&self) -> [W; 5] {
        let zero = self.0[0].same(0);
        let mut carry = zero.mul_add_low(self.quotient(), zero.same(19));
        let mut limbs = self.0;
        for limb in &mut limbs {
            let sum = limb.add(carry);
            carry = sum.shr::<LIMB_BITS>();
            *limb = sum.and(sum.same(LIMB_MASK));
        }
        limbs
    }

    /// In debug builds, sees that the value is reduced.
    #[inline(always)]
    fn checked(self) -> Self {
        if cfg!(debug_assertions) {
            for limb in self.0.iter().flat_map(|limb| limb.to_array()) {
                assert!(limb < BOUND, "limb {limb} out of bounds");
            }
        }
        self
    }
}

/// `2^255 - 19` in limbs.
const P: Limbs = [LIMB_MASK - 18, LIMB_MASK, LIMB_MASK, LIMB_MASK, LIMB_MASK];

/// Reduced limbs are below this.
const BOUND: u64 = (1 << 51) + (1 << 16);
/// Columns of a product or a square are below this.
const PRODUCT_BOUND: u64 = 1 << 59;
/// Columns are below this when they are carried.
const COLUMN_BOUND: u64 = 1 << 62;

#[cfg(test)]
mod tests {
    use super::super::words::Zmm;
    use super::super::{Cpu, model};
    use super::*;
    use crate::group::Backend;
    use crate::group::backend::lanes::oracle::{self, Known, Residue, TestRng};

    /// Limbs at the bounds, at the edge of a carry, and next to them.
    const EDGES: [u64; 8] =
        [0, 1, 2, LIMB_MASK - 1, LIMB_MASK, LIMB_MASK + 1, BOUND - 2, BOUND - 1];

    fn known<W: Words>(cpu: W::Cpu, lanes: PerLane<Limbs>) -> Known<Field<W>> {
        let limbs = per_limb!(k => W::new(cpu, lanes.map(|lane| lane[k])));
        let residues = lanes.map(|lane| Residue::from_limbs(lane.map(|limb| limb as i64)));
        Known { lanes: Field(limbs).checked(), residues }
    }

    /// A bound that is wrong by one shows at limbs that are all extreme, and hardly elsewhere.
    fn check_extremes<W: Words>(cpu: W::Cpu)
    where
        W::Cpu: lanes::Cpu<Field = Field<W>>,
    {
        let all = EDGES.map(|edge| known::<W>(cpu, [[edge; 5]; 8]));
        for a in all {
            for b in all {
                for c in [all[0], all[4], all[7]] {
                    oracle::check_operations(a, b, c);
                }
            }
        }
        let mut rng = TestRng(4);
        let mut next =
            || known::<W>(cpu, [[(); 5]; 8].map(|lane| lane.map(|()| rng.choose(&EDGES))));
        for _ in 0..1000 {
            oracle::check_operations(next(), next(), next());
        }
        oracle::check_entry(cpu);
        oracle::check_test_bits(cpu);
    }

    #[test]
    fn operations_are_right_on_the_model() {
        check_extremes::<model::Model>(model::Cpu);
    }

    #[test]
    fn operations_are_right_on_the_cpu() {
        if Backend::by_name_or_skip("avx512").is_some() {
            check_extremes::<Zmm>(Cpu::detect().expect("the backend is there"));
        }
    }

    #[test]
    #[cfg(debug_assertions)]
    #[should_panic(expected = "out of bounds")]
    fn debug_builds_see_a_limb_out_of_bounds() {
        known::<model::Model>(model::Cpu, [[BOUND; 5]; 8]);
    }
}
