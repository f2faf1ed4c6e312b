//! The group law, once for all backends.
//!
//! The curve is edwards25519, `-x^2 + y^2 = 1 + d x^2 y^2`. Formulas are those of Hisil, Wong,
//! Carter and Dawson, "Twisted Edwards curves revisited" (ASIACRYPT 2008, eprint 2008/522), for
//! `a = -1`: `dbl-2008-hwcd` and `add-2008-hwcd-3` in the Explicit-Formulas Database. Both are
//! complete: they hold for all pairs of points, so nothing branches on special cases.
//!
//! Every formula ends in the same four products, `X = E F`, `Y = G H`, `Z = F G`, `T = E H`. A point
//! stays in the [`Factors`] `E, F, G, H` until it is known which of the products are needed: a
//! doubling does without `T`.

use super::field_constants as constants;
use super::{Cpu, LaneField, MAX_LANES, PerLane};

/// A point a lane, `x = X / Z`, `y = Y / Z`, `x y = T / Z`.
#[derive(Clone, Copy)]
pub(in crate::group) struct Extended<F> {
    pub(super) x: F,
    pub(super) y: F,
    pub(super) z: F,
    pub(super) t: F,
}

/// A point a lane, as `X = E F`, `Y = G H`, `Z = F G`, `T = E H`.
#[derive(Clone, Copy)]
pub(super) struct Factors<F> {
    pub(super) e: F,
    pub(super) f: F,
    pub(super) g: F,
    pub(super) h: F,
}

/// A point a lane, `x = X / Z`, `y = Y / Z`: enough for a doubling.
#[derive(Clone, Copy)]
pub(super) struct Projective<F> {
    x: F,
    y: F,
    z: F,
}

/// A point a lane, prepared to be added to others: `Y + X`, `Y - X`, `2 Z`, `2 d T`.
#[derive(Clone, Copy)]
pub(super) struct Cached<F> {
    sum: F,
    difference: F,
    twice_z: F,
    twice_dt: F,
}

/// A point a lane with `Z = 1`, prepared to be added to others: `y + x`, `y - x`, `2 d x y`.
#[derive(Clone, Copy)]
pub(super) struct Affine<F> {
    sum: F,
    difference: F,
    twice_dt: F,
}

/// The curve's constants in lanes, and the proof that they can be worked with.
pub(super) struct Curve<F: LaneField> {
    pub(super) cpu: F::Cpu,
    pub(super) zero: F,
    pub(super) one: F,
    pub(super) minus_one: F,
    pub(super) d: F,
    pub(super) two_d: F,
    pub(super) sqrt_m1: F,
    pub(super) sqrt_ad_minus_one: F,
    pub(super) invsqrt_a_minus_d: F,
    pub(super) one_minus_d_sq: F,
    pub(super) d_minus_one_sq: F,
}

impl<F: LaneField> Curve<F> {
    #[inline(always)]
    pub(super) fn new(cpu: F::Cpu) -> Self {
        let one = F::splat(cpu, &[1, 0, 0, 0, 0]);
        Curve {
            cpu,
            zero: F::splat(cpu, &[0; 5]),
            one,
            minus_one: one.neg(),
            d: F::splat(cpu, &constants::D),
            two_d: F::splat(cpu, &constants::TWO_D),
            sqrt_m1: F::splat(cpu, &constants::SQRT_M1),
            sqrt_ad_minus_one: F::splat(cpu, &constants::SQRT_AD_MINUS_ONE),
            invsqrt_a_minus_d: F::splat(cpu, &constants::INVSQRT_A_MINUS_D),
            one_minus_d_sq: F::splat(cpu, &constants::ONE_MINUS_D_SQ),
            d_minus_one_sq: F::splat(cpu, &constants::D_MINUS_ONE_SQ),
        }
    }
}

impl<F: LaneField> Extended<F> {
    /// The identity in every lane.
    #[inline(always)]
    pub(super) fn identity(curve: &Curve<F>) -> Self {
        Extended { x: curve.zero, y: curve.one, z: curve.one, t: curve.zero }
    }

    /// The points of the first `count` lanes, the identity in the others. `count` is public.
    #[inline(always)]
    pub(super) fn first(&self, curve: &Curve<F>, count: usize) -> Self {
        let mut wanted = [0; MAX_LANES];
        wanted[..count.min(MAX_LANES)].fill(1);
        self.only(curve, &wanted)
    }

    /// The points of the lanes where the lowest bit of `wanted` is set, the identity in the others.
    #[inline(always)]
    pub(super) fn only(&self, curve: &Curve<F>, wanted: &PerLane<u8>) -> Self {
        let wanted = F::test_bits(curve.cpu, wanted, 1);
        let identity = Self::identity(curve);
        Extended {
            x: F::select(&identity.x, &self.x, wanted),
            y: F::select(&identity.y, &self.y, wanted),
            z: F::select(&identity.z, &self.z, wanted),
            t: F::select(&identity.t, &self.t, wanted),
        }
    }

    /// The point of each lane from the lane `distance` further on, in a circle.
    #[inline(always)]
    pub(super) fn rotated(&self, curve: &Curve<F>, distance: usize) -> Self {
        Extended {
            x: rotated(curve.cpu, &self.x, distance),
            y: rotated(curve.cpu, &self.y, distance),
            z: rotated(curve.cpu, &self.z, distance),
            t: rotated(curve.cpu, &self.t, distance),
        }
    }

    /// Prepared to be added. Cost: 1 product.
    #[inline(always)]
    pub(super) fn cached(&self, curve: &Curve<F>) -> Cached<F> {
        Cached {
            sum: self.y.add(&self.x),
            difference: self.y.sub(&self.x),
            twice_z: self.z.add(&self.z),
            twice_dt: self.t.mul(&curve.two_d),
        }
    }

    /// `2 P`. Cost: 4 squares.
    #[inline(always)]
    pub(super) fn double(&self) -> Factors<F> {
        Projective { x: self.x, y: self.y, z: self.z }.double()
    }

    /// `P + Q`. Cost: 4 products.
    #[inline(always)]
    pub(super) fn add(&self, other: &Cached<F>) -> Factors<F> {
        let (sum, difference) = (self.y.add(&self.x), self.y.sub(&self.x));
        add(&sum, &difference, &self.z, &self.t, other)
    }
}

impl<F: LaneField> Projective<F> {
    /// `2 P` by `dbl-2008-hwcd`, with `F` and `H` of the other sign: that changes the sign of all
    /// four coordinates, and so not the point. Cost: 4 squares.
    ///
    /// ```text
    /// E = 2 X Y    F = 2 Z^2 - G    G = Y^2 - X^2    H = X^2 + Y^2
    /// ```
    #[inline(always)]
    pub(super) fn double(&self) -> Factors<F> {
        let [e, f, g, h] = F::doubling(&self.x, &self.y, &self.z);
        Factors { e, f, g, h }
    }
}

impl<F: LaneField> Factors<F> {
    /// The identity in every lane.
    #[inline(always)]
    pub(super) fn identity(curve: &Curve<F>) -> Self {
        Factors { e: curve.zero, f: curve.one, g: curve.one, h: curve.one }
    }

    /// Cost: 4 products.
    #[inline(always)]
    pub(super) fn extended(&self) -> Extended<F> {
        Extended {
            x: self.e.mul(&self.f),
            y: self.g.mul(&self.h),
            z: self.f.mul(&self.g),
            t: self.e.mul(&self.h),
        }
    }

    /// Cost: 3 products.
    #[inline(always)]
    pub(super) fn projective(&self) -> Projective<F> {
        Projective {
            x: self.e.mul_inlined(&self.f),
            y: self.g.mul_inlined(&self.h),
            z: self.f.mul_inlined(&self.g),
        }
    }

    /// `P + Q`. Cost: 8 products, with two carries saved by taking `Y + X` and `Y - X` as
    /// `G H + E F` and `G H - E F`.
    #[inline(always)]
    pub(super) fn add(&self, other: &Cached<F>) -> Factors<F> {
        let (sum, difference) = F::products(&self.g, &self.h, &self.e, &self.f);
        add(&sum, &difference, &self.f.mul_inlined(&self.g), &self.e.mul_inlined(&self.h), other)
    }
}

impl<F: LaneField> Factors<F> {
    /// `P + Q` where `Z2 = 1`, so that `D = 2 Z1` needs no product. Cost: 7 products.
    #[inline(always)]
    pub(super) fn add_affine(&self, other: &Affine<F>) -> Factors<F> {
        let (sum, difference) = F::products(&self.g, &self.h, &self.e, &self.f);
        let z = self.f.mul_inlined(&self.g);
        let c = self.e.mul_inlined(&self.h).mul_inlined(&other.twice_dt);
        let d = z.add(&z);
        let (h, e) = F::products(&sum, &other.sum, &difference, &other.difference);
        Factors { e, f: d.sub(&c), g: d.add(&c), h }
    }
}

impl<F: LaneField> Cached<F> {
    /// `-P`
    #[inline(always)]
    pub(super) fn neg(&self) -> Self {
        Cached {
            sum: self.difference,
            difference: self.sum,
            twice_z: self.twice_z,
            twice_dt: self.twice_dt.neg(),
        }
    }

    /// The point itself, but for `T`: `2 X`, `2 Y` and `2 Z` are what is at hand.
    #[inline(always)]
    pub(super) fn projective(&self) -> Projective<F> {
        Projective {
            x: self.sum.sub(&self.difference),
            y: self.sum.add(&self.difference),
            z: self.twice_z,
        }
    }

    /// `-P` in the lanes where `mask` is yes.
    #[inline(always)]
    pub(super) fn negate_if(&self, mask: F::Mask) -> Self {
        Cached {
            sum: F::select(&self.sum, &self.difference, mask),
            difference: F::select(&self.difference, &self.sum, mask),
            twice_z: self.twice_z,
            twice_dt: self.twice_dt.negate_if(mask),
        }
    }

    /// `yes` in the lanes where `mask` is yes, `no` in the others.
    #[inline(always)]
    pub(super) fn select(no: &Self, yes: &Self, mask: F::Mask) -> Self {
        Cached {
            sum: F::select(&no.sum, &yes.sum, mask),
            difference: F::select(&no.difference, &yes.difference, mask),
            twice_z: F::select(&no.twice_z, &yes.twice_z, mask),
            twice_dt: F::select(&no.twice_dt, &yes.twice_dt, mask),
        }
    }
}

impl<F: LaneField> Affine<F> {
    #[inline(always)]
    pub(super) fn new(curve: &Curve<F>, x: &F, y: &F) -> Self {
        Affine { sum: y.add(x), difference: y.sub(x), twice_dt: x.mul(y).mul(&curve.two_d) }
    }

    /// From `y + x`, `y - x`, `2 d x y`.
    #[inline(always)]
    pub(super) fn from_coordinates(sum: F, difference: F, twice_dt: F) -> Self {
        Affine { sum, difference, twice_dt }
    }

    /// `y + x`, `y - x`, `2 d x y` of lane 0, for [`LaneField::lookup`].
    #[inline(always)]
    pub(super) fn to_words(self) -> [[u64; 5]; 3] {
        [self.sum.to_words(), self.difference.to_words(), self.twice_dt.to_words()]
    }

    /// `-P` in the lanes where `mask` is yes.
    #[inline(always)]
    pub(super) fn negate_if(&self, mask: F::Mask) -> Self {
        Affine {
            sum: F::select(&self.sum, &self.difference, mask),
            difference: F::select(&self.difference, &self.sum, mask),
            twice_dt: self.twice_dt.negate_if(mask),
        }
    }
}

#[inline(always)]
fn rotated<F: LaneField>(cpu: F::Cpu, lanes: &F, distance: usize) -> F {
    let mut limbs = lanes.to_limbs();
    limbs[..F::Cpu::LANES].rotate_left(distance);
    F::from_limbs(cpu, &limbs)
}

/// `P + Q` by `add-2008-hwcd-3`, from `Y + X`, `Y - X`, `Z` and `T` of `P`. Cost: 4 products.
///
/// ```text
/// A = (Y1 - X1) (Y2 - X2)    B = (Y1 + X1) (Y2 + X2)    C = 2 d T1 T2    D = 2 Z1 Z2
/// E = B - A    F = D - C    G = D + C    H = B + A
/// ```
#[inline(always)]
fn add<F: LaneField>(sum: &F, difference: &F, z: &F, t: &F, other: &Cached<F>) -> Factors<F> {
    let (h, e) = F::products(sum, &other.sum, difference, &other.difference);
    let (g, f) = F::products(z, &other.twice_z, t, &other.twice_dt);
    Factors { e, f, g, h }
}
