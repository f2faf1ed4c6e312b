//! Slices in, slices out: batches cut into vectors.
//!
//! Each function handles one chunk and allocates its scratch space once. A last vector that is not
//! full is filled up with zeros, which are valid input everywhere, and what comes out of the lanes
//! beyond is dropped.

use curve25519_dalek::scalar::Scalar;

use super::curve::{Curve, Extended};
use super::digits::Digits;
use super::encode::Double;
use super::limbs::{self, Limbs};
use super::multiply::multiply;
use super::ristretto::{decode, from_uniform, invert};
use super::{Cpu, LaneField, LaneMask, MAX_LANES, PerLane};
use crate::group::scalar::{Keys, SecretScalar};
use crate::group::{DomainTag, Encoding};

/// [`Keys`] as digits, vector by vector.
struct KeyDigits<'a> {
    keys: Keys<'a>,
    /// Those of the shared scalar, if there is one; else those of the vector at hand.
    digits: Digits,
}

impl<'a> KeyDigits<'a> {
    fn new(keys: Keys<'a>) -> Self {
        let digits = match keys {
            Keys::Shared(key) => Digits::shared(key.half()),
            Keys::Each(_) => Digits::shared(&Scalar::ONE),
        };
        KeyDigits { keys, digits }
    }

    /// The digits of half the scalars of `lanes` elements from `start` on.
    fn of(&mut self, start: usize, lanes: usize) -> &Digits {
        if let Keys::Each(keys) = self.keys {
            let end = keys.len().min(start + lanes);
            self.digits.set_lanes(keys[start..end].iter().map(SecretScalar::half));
        }
        &self.digits
    }
}

/// `out[i] = k H(messages[i])`, encoded.
#[inline(always)]
pub(in crate::group) fn hash_blind<C: Cpu, M: AsRef<[u8]>>(
    cpu: C,
    tag: &DomainTag,
    messages: &[M],
    keys: Keys<'_>,
    out: &mut [Encoding],
) {
    let mut keys = KeyDigits::new(keys);
    cpu.run(
        #[inline(always)]
        || {
            let curve = Curve::<C::Field>::new(cpu);
            let mut blinded = Vec::with_capacity(messages.len().div_ceil(C::LANES));
            for (i, messages) in messages.chunks(C::LANES).enumerate() {
                let point = hash(&curve, tag, messages);
                blinded.push(multiply(&curve, &point, keys.of(i * C::LANES, C::LANES)));
            }
            encode_doubles(&curve, &blinded, out);
        },
    );
}

/// `out[i] = k P_i`, encoded, where `P_i` is what `points[i]` encodes.
///
/// `Err` holds the index of the first one that is not a canonical encoding of a point other than
/// the identity; `out` is then unspecified. Variable time in the validity of `points`, which are
/// public.
#[inline(always)]
pub(in crate::group) fn blind<C: Cpu>(
    cpu: C,
    points: &[Encoding],
    keys: Keys<'_>,
    out: &mut [Encoding],
) -> Result<(), usize> {
    let mut keys = KeyDigits::new(keys);
    cpu.run(
        #[inline(always)]
        || {
            let curve = Curve::<C::Field>::new(cpu);
            let mut blinded = Vec::with_capacity(points.len().div_ceil(C::LANES) + 1);
            for (i, points) in points.chunks(2 * C::LANES).enumerate() {
                let start = 2 * i * C::LANES;
                let decoded = vartime_decode(&curve, points).map_err(|index| start + index)?;
                for (i, point) in decoded.iter().enumerate() {
                    let start = start + i * C::LANES;
                    if i * C::LANES < points.len() {
                        blinded.push(multiply(&curve, point, keys.of(start, C::LANES)));
                    }
                }
            }
            encode_doubles(&curve, &blinded, out);
            Ok(())
        },
    )
}

/// One vector of messages, hashed to the group.
#[inline(always)]
fn hash<F: LaneField, M: AsRef<[u8]>>(
    curve: &Curve<F>,
    tag: &DomainTag,
    messages: &[M],
) -> Extended<F> {
    let mut halves = [[[0; 5]; MAX_LANES]; 2];
    for (lane, message) in messages.iter().enumerate() {
        let uniform = tag.expand(message.as_ref());
        for (half, bytes) in halves.iter_mut().zip(uniform.as_chunks::<32>().0) {
            half[lane] = limbs::from_bytes(bytes);
        }
    }
    let halves = halves.map(
        #[inline(always)]
        |half| F::from_limbs(curve.cpu, &half),
    );
    from_uniform(curve, halves)
}

/// Up to two vectors of encodings, decoded. `Err` holds the index of the first that is invalid.
#[inline(always)]
fn vartime_decode<F: LaneField>(
    curve: &Curve<F>,
    encodings: &[Encoding],
) -> Result<[Extended<F>; 2], usize> {
    let lanes = F::Cpu::LANES;
    let mut s = [[[0; 5]; MAX_LANES]; 2];
    let mut well_formed = 0u32;
    for (i, encoding) in encodings.iter().enumerate() {
        s[i / lanes][i % lanes] = limbs::from_bytes(&encoding.0);
        well_formed |= u32::from(encoding.is_well_formed()) << i;
    }
    let s = s.map(
        #[inline(always)]
        |s| F::from_limbs(curve.cpu, &s),
    );
    let [(low_valid, low), (high_valid, high)] = curve.cpu.outlined(
        #[inline(always)]
        || decode(curve, s),
    );
    let on_curve = u32::from(low_valid.to_bits()) | u32::from(high_valid.to_bits()) << lanes;
    let first_bad = (on_curve & well_formed).trailing_ones() as usize;
    if first_bad < encodings.len() { Err(first_bad) } else { Ok([low, high]) }
}

/// Encodes the doubles of points: `out[i] = 2 P_i`. One inversion for all.
#[inline(always)]
fn encode_doubles<F: LaneField>(curve: &Curve<F>, points: &[Extended<F>], out: &mut [Encoding]) {
    let mut product = curve.one;
    let mut doubles = Vec::with_capacity(points.len());
    for point in points {
        let double = curve.cpu.outlined(
            #[inline(always)]
            || Double::new(curve, point),
        );
        // Montgomery's trick: with the product of all that came before at hand, the inverse of
        // the whole product gives that of this one and that of all before.
        doubles.push((double, product));
        product = product.mul(&double.product);
    }
    let mut inverse = curve.cpu.outlined(
        #[inline(always)]
        || invert(product),
    );
    let vectors = out.chunks_mut(F::Cpu::LANES);
    for ((double, before), out) in doubles.iter().zip(vectors).rev() {
        let s = curve.cpu.outlined(
            #[inline(always)]
            || double.encode(curve, &inverse.mul(before)),
        );
        inverse = inverse.mul(&double.product);
        write(&s.to_limbs(), out);
    }
}

#[inline(always)]
fn write(lanes: &PerLane<Limbs>, out: &mut [Encoding]) {
    for (out, limbs) in out.iter_mut().zip(lanes) {
        *out = Encoding(limbs::to_bytes(limbs));
    }
}
