//! From points to bytes: RFC 9496 section 4.3.2.

use super::curve::{Curve, Extended, Factors};
use super::ristretto::{invert, sqrt_ratio};
use super::{Cpu, LaneField};

/// Encoding, RFC 9496 section 4.3.2, for two vectors. Constant time.
#[inline(always)]
pub(super) fn encode<F: LaneField>(curve: &Curve<F>, points: [&Extended<F>; 2]) -> [F; 2] {
    let [(u1, u2, w), (v1, v2, x)] = [encode_ratio(points[0]), encode_ratio(points[1])];
    let [(_, first), (_, second)] = sqrt_ratio(curve, [curve.one; 2], [w, x]);
    [
        encode_point(curve, points[0], &first.mul(&u1), &first.mul(&u2)),
        encode_point(curve, points[1], &second.mul(&v1), &second.mul(&v2)),
    ]
}

/// `(u1, u2, u1 u2^2)`
#[inline(always)]
fn encode_ratio<F: LaneField>(Extended { x, y, z, .. }: &Extended<F>) -> (F, F, F) {
    let u1 = z.add(y).mul(&z.sub(y));
    let u2 = x.mul(y);
    (u1, u2, u1.mul(&u2.square()))
}

#[inline(always)]
fn encode_point<F: LaneField>(
    curve: &Curve<F>,
    Extended { x, y, z, t }: &Extended<F>,
    den1: &F,
    den2: &F,
) -> F {
    let z_inv = den1.mul(den2).mul(t);
    let rotate = t.mul(&z_inv).is_negative();
    let (ix, iy) = (x.mul(&curve.sqrt_m1), y.mul(&curve.sqrt_m1));
    let enchanted = den1.mul(&curve.invsqrt_a_minus_d);
    let x = F::select(x, &iy, rotate);
    let y = F::select(y, &ix, rotate);
    let den_inv = F::select(den2, &enchanted, rotate);
    let y = y.negate_if(x.mul(&z_inv).is_negative());
    let s = den_inv.mul(&z.sub(&y));
    s.negate_if(s.is_negative())
}

/// A double, ready for its encoding but for one inverse.
///
/// For `P = (X : Y : Z : T)` the double is `x = E / F`, `y = G / H` with
///
/// ```text
/// E = 2 X Y    F = Z^2 + d T^2    G = X^2 + Y^2    H = Z^2 - d T^2
/// ```
///
/// The square root that encoding needs is that of `1 - y^2 = (H^2 - G^2) / H^2`. The curve equation
/// says `F = Y^2 - X^2`, hence `G^2 - F^2 = E^2`; and `F^2 - H^2 = 4 d Z^2 T^2 = d E^2`. Together,
/// `H^2 - G^2 = (a - d) E^2`: a square of something known, up to a constant. So `1 / (E G)` and
/// `1 / (F H)` are all that is wanted, and both come from `1 / (E F G H)`.
///
/// Due to Mike Hamburg; curve25519-dalek has it as `RistrettoPoint::double_and_compress_batch`.
///
/// `F` and `H` are never 0, the formulas being complete. `E` or `G` is 0 where the double has a
/// coordinate of 0: at the four points that stand for the identity.
#[derive(Clone, Copy)]
pub(super) struct Double<F: LaneField> {
    factors: Factors<F>,
    is_identity: F::Mask,
    eg: F,
    fh: F,
    /// `E F G H`; 1 where that is 0.
    pub(super) product: F,
}

impl<F: LaneField> Double<F> {
    #[inline(always)]
    pub(super) fn new(curve: &Curve<F>, p: &Extended<F>) -> Self {
        let [e, _, _, g] = F::doubling(&p.x, &p.y, &p.z);
        let zz = p.z.square();
        let dtt = p.t.square().mul(&curve.d);
        let factors = Factors { e, f: zz.add(&dtt), g, h: zz.sub(&dtt) };
        let (eg, fh) = (e.mul(&g), factors.f.mul(&factors.h));
        let product = eg.mul(&fh);
        let is_identity = product.is_zero();
        let product = F::select(&product, &curve.one, is_identity);
        Double { factors, is_identity, eg, fh, product }
    }

    /// The encoding, given `1 / product`.
    #[inline(always)]
    pub(super) fn encode(&self, curve: &Curve<F>, inverse: &F) -> F {
        let Factors { e, f, g, h } = &self.factors;
        let z_inv = self.eg.mul(inverse);
        let t_inv = self.fh.mul(inverse);
        let rotate = self.eg.mul(&z_inv).is_negative();
        let (e, g, h) = (
            F::select(e, g, rotate),
            F::select(g, &e.neg(), rotate),
            F::select(h, &f.mul(&curve.sqrt_m1), rotate),
        );
        let magic = F::select(&curve.invsqrt_a_minus_d, &curve.sqrt_m1, rotate);
        let g = g.negate_if(h.mul(&e).mul(&z_inv).is_negative());
        let s = h.sub(&g).mul(&magic).mul(&g.mul(&t_inv));
        F::select(&s.negate_if(s.is_negative()), &curve.zero, self.is_identity)
    }
}

/// The inverses of many elements, lane by lane, and none of them zero. One inversion and three
/// products for each (Montgomery's trick).
#[inline(always)]
pub(super) fn invert_all<F: LaneField>(curve: &Curve<F>, elements: &[F], inverses: &mut [F]) {
    let mut product = curve.one;
    for (slot, element) in inverses.iter_mut().zip(elements) {
        *slot = product;
        product = product.mul(element);
    }
    let mut inverse = curve.cpu.outlined(
        #[inline(always)]
        || invert(product),
    );
    // `inverse` is that of all elements up to this one, `slot` the product of those before it.
    for (slot, element) in inverses.iter_mut().zip(elements).rev() {
        *slot = slot.mul(&inverse);
        inverse = inverse.mul(element);
    }
}
