//! From bytes to points: RFC 9496 sections 4.2, 4.3.1 and 4.3.4.
//!
//! Square roots are the cost here, chains of 250 squares in which each waits for the one before. So
//! they are taken of two vectors at once, and what waits in one is done in the other.

use super::curve::{Curve, Extended, Factors};
use super::{Cpu, LaneField, LaneMask};

/// `x^(2^n)`
#[inline(always)]
fn square_times<F: LaneField>(x: [F; 2], n: usize) -> [F; 2] {
    let [mut first, mut second] = x;
    first.cpu().outlined(
        #[inline(always)]
        || {
            for _ in 0..n {
                first = first.square_inlined();
                second = second.square_inlined();
            }
        },
    );
    [first, second]
}

#[inline(always)]
fn mul_both<F: LaneField>(a: [F; 2], b: [F; 2]) -> [F; 2] {
    [a[0].mul(&b[0]), a[1].mul(&b[1])]
}

/// `(x^(2^250 - 1), x^11)`: the common part of inversion and square root. Cost: 249 squares, 11
/// products. The chain is that of Bernstein, "Curve25519: new Diffie-Hellman speed records" (2006).
#[inline(always)]
fn power_2_250_minus_1<F: LaneField>(x: [F; 2]) -> ([F; 2], [F; 2]) {
    let x2 = square_times(x, 1);
    let x9 = mul_both(square_times(x2, 2), x);
    let x11 = mul_both(x9, x2);
    let ones_5 = mul_both(square_times(x11, 1), x9); // exponent of 5 ones: 31
    let ones_10 = mul_both(square_times(ones_5, 5), ones_5);
    let ones_20 = mul_both(square_times(ones_10, 10), ones_10);
    let ones_40 = mul_both(square_times(ones_20, 20), ones_20);
    let ones_50 = mul_both(square_times(ones_40, 10), ones_10);
    let ones_100 = mul_both(square_times(ones_50, 50), ones_50);
    let ones_200 = mul_both(square_times(ones_100, 100), ones_100);
    (mul_both(square_times(ones_200, 50), ones_50), x11)
}

/// `1 / x`, and 0 for 0: `x^(p - 2)`, and `p - 2 = 2^5 (2^250 - 1) + 11`.
#[inline(always)]
pub(super) fn invert<F: LaneField>(x: F) -> F {
    let (power, x11) = power_2_250_minus_1([x, x]);
    mul_both(square_times(power, 5), x11)[0]
}

/// `SQRT_RATIO_M1` of RFC 9496 section 4.2, for two vectors: whether `u / v` is a square, and the
/// non-negative root of it, or of it times the root of -1.
#[inline(always)]
pub(super) fn sqrt_ratio<F: LaneField>(
    curve: &Curve<F>,
    u: [F; 2],
    v: [F; 2],
) -> [(F::Mask, F); 2] {
    let v3 = mul_both(square_times(v, 1), v);
    let v7 = mul_both(square_times(v3, 1), v);
    // (p - 5) / 8 = 2^2 (2^250 - 1) + 1
    let base = mul_both(u, v7);
    let power = mul_both(square_times(power_2_250_minus_1(base).0, 2), base);
    let r = mul_both(mul_both(u, v3), power);
    let check = mul_both(v, square_times(r, 1));
    [choose_root(curve, u[0], r[0], check[0]), choose_root(curve, u[1], r[1], check[1])]
}

/// The rest of `SQRT_RATIO_M1`, given `r` that is the root up to a power of the root of -1, and
/// `check = v r^2`.
#[inline(always)]
fn choose_root<F: LaneField>(curve: &Curve<F>, u: F, r: F, check: F) -> (F::Mask, F) {
    let u_i = u.mul(&curve.sqrt_m1);
    let correct = check.sub(&u).is_zero();
    let flipped = check.add(&u).is_zero();
    let flipped_i = check.add(&u_i).is_zero();
    let r = F::select(&r, &r.mul(&curve.sqrt_m1), flipped.or(flipped_i));
    (correct.or(flipped), r.negate_if(r.is_negative()))
}

/// The one-way map of RFC 9496 section 4.3.4: `MAP` of both halves, added. Constant time.
#[inline(always)]
pub(super) fn from_uniform<F: LaneField>(curve: &Curve<F>, halves: [F; 2]) -> Extended<F> {
    let [first, second] = curve.cpu.outlined(
        #[inline(always)]
        || map(curve, halves),
    );
    first.add(&second.cached(curve)).extended()
}

/// `MAP` of RFC 9496 section 4.3.4 for two vectors.
#[inline(always)]
fn map<F: LaneField>(curve: &Curve<F>, t: [F; 2]) -> [Extended<F>; 2] {
    let [first, second] = [map_ratio(curve, t[0]), map_ratio(curve, t[1])];
    let [(first_square, first_root), (second_square, second_root)] =
        sqrt_ratio(curve, [first.u, second.u], [first.v, second.v]);
    [
        map_point(curve, &t[0], &first, first_square, &first_root),
        map_point(curve, &t[1], &second, second_square, &second_root),
    ]
}

/// The ratio `u / v` whose square root `MAP` takes, and what it is made from.
struct MapRatio<F> {
    r: F,
    u: F,
    v: F,
}

#[inline(always)]
fn map_ratio<F: LaneField>(curve: &Curve<F>, t: F) -> MapRatio<F> {
    let r = t.square().mul(&curve.sqrt_m1);
    MapRatio {
        r,
        u: r.add(&curve.one).mul(&curve.one_minus_d_sq),
        v: curve.minus_one.sub(&r.mul(&curve.d)).mul(&r.add(&curve.d)),
    }
}

/// What `MAP` does with the root `s`. Its last line is a point in [`Factors`].
#[inline(always)]
fn map_point<F: LaneField>(
    curve: &Curve<F>,
    t: &F,
    MapRatio { r, v, .. }: &MapRatio<F>,
    was_square: F::Mask,
    s: &F,
) -> Extended<F> {
    let other = s.mul(t);
    let other = other.negate_if(other.is_negative().not());
    let s = F::select(&other, s, was_square);
    let c = F::select(r, &curve.minus_one, was_square);
    let n = c.mul(&r.sub(&curve.one)).mul(&curve.d_minus_one_sq).sub(v);
    let ss = s.square();
    let w0 = s.add(&s).mul(v);
    let w1 = n.mul(&curve.sqrt_ad_minus_one);
    let w2 = curve.one.sub(&ss);
    let w3 = curve.one.add(&ss);
    Factors { e: w0, f: w3, g: w1, h: w2 }.extended()
}

/// Decoding, RFC 9496 section 4.3.1, for two vectors: whether there is such a point, and the point.
///
/// `s` is taken to be canonical and not negative: that is seen from the bytes. Constant time.
#[inline(always)]
pub(super) fn decode<F: LaneField>(curve: &Curve<F>, s: [F; 2]) -> [(F::Mask, Extended<F>); 2] {
    let [first, second] = [decode_ratio(curve, &s[0]), decode_ratio(curve, &s[1])];
    let [(first_square, first_root), (second_square, second_root)] =
        sqrt_ratio(curve, [curve.one; 2], [first.v_u2_sqr, second.v_u2_sqr]);
    [
        decode_point(curve, &s[0], &first, first_square, &first_root),
        decode_point(curve, &s[1], &second, second_square, &second_root),
    ]
}

/// The number whose inverse square root decoding takes, and what it is made from.
struct DecodeRatio<F> {
    u1: F,
    u2: F,
    v: F,
    v_u2_sqr: F,
}

#[inline(always)]
fn decode_ratio<F: LaneField>(curve: &Curve<F>, s: &F) -> DecodeRatio<F> {
    let ss = s.square();
    let (u1, u2) = (curve.one.sub(&ss), curve.one.add(&ss));
    let u2_sqr = u2.square();
    let v = u1.square().mul(&curve.d).neg().sub(&u2_sqr);
    DecodeRatio { u1, u2, v, v_u2_sqr: v.mul(&u2_sqr) }
}

#[inline(always)]
fn decode_point<F: LaneField>(
    curve: &Curve<F>,
    s: &F,
    DecodeRatio { u1, u2, v, .. }: &DecodeRatio<F>,
    was_square: F::Mask,
    invsqrt: &F,
) -> (F::Mask, Extended<F>) {
    let den_x = invsqrt.mul(u2);
    let den_y = invsqrt.mul(&den_x).mul(v);
    let x = s.add(s).mul(&den_x);
    let x = x.negate_if(x.is_negative());
    let y = u1.mul(&den_y);
    let t = x.mul(&y);
    let bad = t.is_negative().or(y.is_zero());
    (was_square.and(bad.not()), Extended { x, y, z: curve.one, t })
}
