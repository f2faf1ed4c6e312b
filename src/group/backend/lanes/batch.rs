//! Slices in, slices out: batches cut into vectors.
//!
//! Each function handles one chunk. A last vector that is not full is filled up with zeros, which are valid input everywhere, and what comes out of the lanes
//! beyond is dropped.

use zeroize::Zeroize;

use super::curve::{Curve, Extended};
use super::digits::Digits;
use super::encode::{Double, encode, invert_all};
use super::fixed::{FixedTable, multiply_table};
use super::limbs::{self, Limbs};
use super::multiply::multiply;
use super::multiscalar::multiscalar;
use super::ristretto::{decode, from_uniform};
use super::{Cpu, LaneField, LaneMask, MAX_LANES, PerLane};
use crate::group::backend::operations::Operations;
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
            Keys::Each(_) => Digits::each(&[]),
        };
        KeyDigits { keys, digits }
    }

    /// The digits of half the scalars of `lanes` elements from `start` on.
    fn of(&mut self, start: usize, lanes: usize) -> &Digits {
        if let Keys::Each(keys) = self.keys {
            let end = keys.len().min(start + lanes);
            self.digits.set_halves(&keys[start..end]);
        }
        &self.digits
    }
}

/// A backend in lanes.
#[derive(Clone, Copy)]
pub(in crate::group) struct Lanes<C>(pub(in crate::group) C);

impl<C: Cpu> Lanes<C> {
    /// Runs `f`, compiled for the backend's instructions, with the constants of the curve.
    #[inline(always)]
    fn run<R>(self, f: impl FnOnce(&Curve<C::Field>) -> R) -> R {
        self.0.run(
            #[inline(always)]
            || f(&Curve::new(self.0)),
        )
    }
}

impl<C: Cpu> Operations for Lanes<C> {
    type Vector = Extended<C::Field>;
    type Table = FixedTable;
    type Scratch = Doubles<C::Field>;

    const LANES: usize = C::LANES;

    fn identity(self) -> Self::Vector {
        self.run(Extended::identity)
    }

    fn scratch(self, vectors: usize) -> Doubles<C::Field> {
        self.run(
            #[inline(always)]
            |curve| Doubles::new(curve, vectors),
        )
    }

    fn map(self, uniform: &[[u8; 64]], out: &mut [Self::Vector]) {
        self.run(
            #[inline(always)]
            |curve| {
                for (out, uniform) in out.iter_mut().zip(uniform.chunks(C::LANES)) {
                    let mut halves = [[[0; 5]; MAX_LANES]; 2];
                    for (lane, uniform) in uniform.iter().enumerate() {
                        set_halves(&mut halves, lane, uniform);
                    }
                    *out = from_halves(curve, &mut halves);
                }
            },
        );
    }

    fn hash<M: AsRef<[u8]>>(self, tag: &DomainTag, messages: &[M], out: &mut [Self::Vector]) {
        self.run(
            #[inline(always)]
            |curve| {
                for (out, messages) in out.iter_mut().zip(messages.chunks(C::LANES)) {
                    let mut halves = [[[0; 5]; MAX_LANES]; 2];
                    for (lane, message) in messages.iter().enumerate() {
                        set_halves(&mut halves, lane, &tag.expand(message.as_ref()));
                    }
                    *out = from_halves(curve, &mut halves);
                }
            },
        );
    }

    fn decode(self, encodings: &[Encoding], out: &mut [Self::Vector]) -> Result<(), usize> {
        self.run(
            #[inline(always)]
            |curve| {
                let pairs = encodings.chunks(2 * C::LANES).zip(out.chunks_mut(2));
                for (i, (encodings, out)) in pairs.enumerate() {
                    let points = match vartime_decode(curve, encodings) {
                        Ok(points) => points,
                        Err(index) => return Err(2 * i * C::LANES + index),
                    };
                    out.copy_from_slice(&points[..out.len()]);
                }
                Ok(())
            },
        )
    }

    fn encode(self, points: &[Self::Vector], out: &mut [Encoding]) {
        self.run(
            #[inline(always)]
            |curve| {
                for (points, out) in points.chunks(2).zip(out.chunks_mut(2 * C::LANES)) {
                    let (low, high) = out.split_at_mut(out.len().min(C::LANES));
                    let [first, second] = self.0.outlined(
                        #[inline(always)]
                        || encode(curve, [&points[0], &points[points.len() - 1]]),
                    );
                    write(&first.to_limbs(), low);
                    write(&second.to_limbs(), high);
                }
            },
        );
    }

    fn encode_doubles(
        self,
        points: &[Self::Vector],
        out: &mut [Encoding],
        scratch: &mut Doubles<C::Field>,
    ) {
        self.run(
            #[inline(always)]
            |curve| encode_doubles(curve, points, out, scratch),
        );
    }

    fn double(self, points: &mut [Self::Vector]) {
        self.run(
            #[inline(always)]
            |_| {
                for point in points {
                    *point = point.double().extended();
                }
            },
        );
    }

    fn add(self, sums: &mut [Self::Vector], others: &[Self::Vector]) {
        self.run(
            #[inline(always)]
            |curve| {
                for (sum, other) in sums.iter_mut().zip(others) {
                    *sum = sum.add(&other.cached(curve)).extended();
                }
            },
        );
    }

    fn sub(self, differences: &mut [Self::Vector], others: &[Self::Vector]) {
        self.run(
            #[inline(always)]
            |curve| {
                for (difference, other) in differences.iter_mut().zip(others) {
                    *difference = difference.add(&other.cached(curve).neg()).extended();
                }
            },
        );
    }

    fn sum(self, points: &[Self::Vector], length: usize) -> Self::Vector {
        self.run(
            #[inline(always)]
            |curve| {
                let mut sum = Extended::identity(curve);
                for (i, point) in points.iter().enumerate() {
                    let point = point.first(curve, length - i * C::LANES);
                    sum = sum.add(&point.cached(curve)).extended();
                }
                sum
            },
        )
    }

    fn sum_lanes(self, points: Self::Vector) -> Self::Vector {
        self.run(
            #[inline(always)]
            |curve| {
                let mut sum = points;
                let mut distance = C::LANES / 2;
                while distance > 0 {
                    sum = sum.add(&sum.rotated(curve, distance).cached(curve)).extended();
                    distance /= 2;
                }
                sum
            },
        )
    }

    fn multiply(self, points: &mut [Self::Vector], keys: Keys<'_>) {
        let mut keys = KeyDigits::new(keys);
        self.run(
            #[inline(always)]
            |curve| {
                for (i, point) in points.iter_mut().enumerate() {
                    *point = multiply(curve, point, keys.of(i * C::LANES, C::LANES));
                }
            },
        );
    }

    fn multiscalar(self, points: &[Self::Vector], keys: &[SecretScalar]) -> Self::Vector {
        self.run(
            #[inline(always)]
            |curve| multiscalar(curve, points, keys.len(), |lanes| Digits::each(&keys[lanes])),
        )
    }

    /// Digits are odd, and so are the numbers that have digits: an even weight is one more, less one.
    fn vartime_multiscalar(self, points: &[Self::Vector], weights: &[u128]) -> Self::Vector {
        self.run(
            #[inline(always)]
            |curve| {
                let digits = |lanes| Digits::of_odd(&weights[lanes]);
                let sum = multiscalar(curve, points, weights.len(), digits);
                let mut excess = Extended::identity(curve);
                for (point, weights) in points.iter().zip(weights.chunks(C::LANES)) {
                    let mut even = [0; MAX_LANES];
                    for (even, weight) in even.iter_mut().zip(weights) {
                        *even = !*weight as u8;
                    }
                    excess = excess.add(&point.only(curve, &even).cached(curve)).extended();
                }
                sum.add(&excess.cached(curve).neg()).extended()
            },
        )
    }

    fn table(self, point: &Encoding) -> Option<FixedTable> {
        self.run(
            #[inline(always)]
            |curve| {
                let [point, _] = vartime_decode(curve, std::slice::from_ref(point)).ok()?;
                Some(FixedTable::new(curve, &point))
            },
        )
    }

    fn multiply_table(self, table: &FixedTable, keys: Keys<'_>, out: &mut [Self::Vector]) {
        let mut keys = KeyDigits::new(keys);
        self.run(
            #[inline(always)]
            |curve| {
                for (i, out) in out.iter_mut().enumerate() {
                    *out = multiply_table(curve, table, keys.of(i * C::LANES, C::LANES));
                }
            },
        );
    }
}

/// Puts both halves of 64 uniform bytes into a lane.
#[inline(always)]
fn set_halves(halves: &mut [PerLane<Limbs>; 2], lane: usize, uniform: &[u8; 64]) {
    for (half, bytes) in halves.iter_mut().zip(uniform.as_chunks::<32>().0) {
        half[lane] = limbs::from_bytes(bytes);
    }
}

/// One vector of points from uniform bytes, which are wiped.
#[inline(always)]
fn from_halves<F: LaneField>(curve: &Curve<F>, halves: &mut [PerLane<Limbs>; 2]) -> Extended<F> {
    let [low, high] = &*halves;
    let fields = [F::from_limbs(curve.cpu, low), F::from_limbs(curve.cpu, high)];
    halves.zeroize();
    from_uniform(curve, fields)
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

/// Working memory of [`encode_doubles`]: what is known of each vector before the inversion, and
/// after. Of secret points where those are, so wiped when dropped.
pub(in crate::group) struct Doubles<F: LaneField> {
    doubles: Vec<Double<F>>,
    products: Vec<F>,
    inverses: Vec<F>,
    /// What wiping leaves.
    identity: Double<F>,
}

impl<F: LaneField> Doubles<F> {
    #[inline(always)]
    fn new(curve: &Curve<F>, vectors: usize) -> Self {
        let identity = Double::new(curve, &Extended::identity(curve));
        Doubles {
            doubles: vec![identity; vectors],
            products: vec![curve.one; vectors],
            inverses: vec![curve.one; vectors],
            identity,
        }
    }
}

impl<F: LaneField> Drop for Doubles<F> {
    fn drop(&mut self) {
        self.doubles.fill(self.identity);
        self.products.fill(self.identity.product);
        self.inverses.fill(self.identity.product);
        // So that the compiler cannot tell that nobody reads it.
        std::hint::black_box((&self.doubles, &self.products, &self.inverses));
    }
}

/// Encodes the doubles of points: `out[i] = 2 P_i`. One inversion for all.
#[inline(always)]
fn encode_doubles<F: LaneField>(
    curve: &Curve<F>,
    points: &[Extended<F>],
    out: &mut [Encoding],
    scratch: &mut Doubles<F>,
) {
    let doubles = &mut scratch.doubles[..points.len()];
    let products = &mut scratch.products[..points.len()];
    let inverses = &mut scratch.inverses[..points.len()];
    for ((point, double), product) in points.iter().zip(&mut *doubles).zip(&mut *products) {
        curve.cpu.outlined(
            #[inline(always)]
            || *double = Double::new(curve, point),
        );
        *product = double.product;
    }
    invert_all(curve, products, inverses);
    let vectors = out.chunks_mut(F::Cpu::LANES);
    for ((double, inverse), out) in doubles.iter().zip(&*inverses).zip(vectors) {
        let s = curve.cpu.outlined(
            #[inline(always)]
            || double.encode(curve, inverse),
        );
        write(&s.to_limbs(), out);
    }
}

#[inline(always)]
fn write(lanes: &PerLane<Limbs>, out: &mut [Encoding]) {
    for (out, limbs) in out.iter_mut().zip(lanes) {
        *out = Encoding(limbs::to_bytes(limbs));
    }
}
