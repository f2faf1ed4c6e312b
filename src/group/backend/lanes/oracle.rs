//! Plain integers modulo `p`, and the checks that every field in lanes must pass against them.

use super::limbs::{self, Limbs};
use super::{Cpu, LaneField, LaneMask, MAX_LANES, PerLane};

/// A residue modulo `p = 2^255 - 19`, four words of 64 bits, canonical.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::group) struct Residue([u64; 4]);

const P: [u64; 4] = [u64::MAX - 18, u64::MAX, u64::MAX, u64::MAX >> 1];

impl Residue {
    pub(in crate::group) const ZERO: Residue = Residue([0; 4]);

    fn small(value: u64) -> Self {
        Residue([value, 0, 0, 0])
    }

    /// The sum of `limbs[k] 2^(51 k)`, for limbs of any sign and below `2^62`.
    pub(in crate::group) fn from_limbs(limbs: [i64; 5]) -> Self {
        limbs.iter().rev().fold(Residue::ZERO, |sum, limb| {
            let magnitude = Residue::small(limb.unsigned_abs());
            let limb = if *limb < 0 { Residue::ZERO.sub(magnitude) } else { magnitude };
            sum.mul(Residue::small(1 << 51)).add(limb)
        })
    }

    fn to_limbs(self) -> Limbs {
        let mut bytes = [0; 32];
        for (bytes, word) in bytes.chunks_exact_mut(8).zip(self.0) {
            bytes.copy_from_slice(&word.to_le_bytes());
        }
        limbs::from_bytes(&bytes)
    }

    fn add(self, other: Self) -> Self {
        let mut sum = [0; 4];
        let mut carry = 0;
        for (i, word) in sum.iter_mut().enumerate() {
            let wide = u128::from(self.0[i]) + u128::from(other.0[i]) + carry;
            *word = wide as u64;
            carry = wide >> 64;
        }
        assert_eq!(carry, 0, "both are below 2^255");
        Residue(less_p(sum))
    }

    fn sub(self, other: Self) -> Self {
        let (negated, _) = subtract(P, other.0);
        self.add(Residue(less_p(negated)))
    }

    fn mul(self, other: Self) -> Self {
        let mut wide = [0u64; 8];
        for i in 0..4 {
            let mut carry = 0;
            for j in 0..4 {
                let product = u128::from(self.0[i]) * u128::from(other.0[j]);
                let sum = u128::from(wide[i + j]) + product + carry;
                wide[i + j] = sum as u64;
                carry = sum >> 64;
            }
            wide[i + 4] = carry as u64;
        }
        // 2^256 is 38.
        let [a, b, c, d, high @ ..] = wide;
        let mut low = [a, b, c, d];
        let mut carry = 0;
        for (low, high) in low.iter_mut().zip(high) {
            let sum = u128::from(*low) + 38 * u128::from(high) + carry;
            *low = sum as u64;
            carry = sum >> 64;
        }
        while carry > 0 {
            let mut add = 38 * carry;
            for low in &mut low {
                let sum = u128::from(*low) + add;
                *low = sum as u64;
                add = sum >> 64;
            }
            carry = add;
        }
        Residue(less_p(less_p(low)))
    }

    fn is_odd(self) -> bool {
        self.0[0] & 1 == 1
    }
}

/// `a - b`, and whether that is negative.
fn subtract(a: [u64; 4], b: [u64; 4]) -> ([u64; 4], bool) {
    let mut borrow = false;
    let mut difference = [0; 4];
    for i in 0..4 {
        let (word, first) = a[i].overflowing_sub(b[i]);
        let (word, second) = word.overflowing_sub(borrow.into());
        difference[i] = word;
        borrow = first | second;
    }
    (difference, borrow)
}

/// `a - p` if that is not negative, else `a`.
fn less_p(a: [u64; 4]) -> [u64; 4] {
    let (difference, negative) = subtract(a, P);
    if negative { a } else { difference }
}

/// A vector of field elements and what they should be.
#[derive(Clone, Copy)]
pub(in crate::group) struct Known<F> {
    pub(in crate::group) lanes: F,
    pub(in crate::group) residues: PerLane<Residue>,
}

impl<F: LaneField> Known<F> {
    fn expect(&self, what: &str, value: F, expected: impl Fn(usize) -> Residue) -> Self {
        let residues =
            std::array::from_fn(
                |lane| {
                    if lane < F::Cpu::LANES { expected(lane) } else { Residue::ZERO }
                },
            );
        let known = Known { lanes: value, residues };
        known.check(what);
        known
    }

    fn check(&self, what: &str) {
        let expected = self.residues.map(Residue::to_limbs);
        let lanes = self.lanes.to_limbs().into_iter().zip(expected).take(F::Cpu::LANES);
        for (lane, (limbs, expected)) in lanes.enumerate() {
            assert_eq!(limbs, expected, "{what}, lane {lane}");
        }
    }
}

fn check_mask<F: LaneField>(what: &str, mask: F::Mask, expected: impl Fn(usize) -> bool) {
    for lane in 0..F::Cpu::LANES {
        assert_eq!(mask.to_bits() >> lane & 1 == 1, expected(lane), "{what}, lane {lane}");
    }
}

/// Every operation on three elements, and some on what comes out of others.
pub(in crate::group) fn check_operations<F: LaneField>(a: Known<F>, b: Known<F>, c: Known<F>) {
    let (x, y, z) = (a.residues, b.residues, c.residues);
    for known in [a, b, c] {
        known.check("input");
        let value = known.residues;
        check_mask::<F>("is_zero", known.lanes.is_zero(), |i| value[i] == Residue::ZERO);
        check_mask::<F>("is_negative", known.lanes.is_negative(), |i| value[i].is_odd());
    }
    let product = a.expect("mul", a.lanes.mul(&b.lanes), |i| x[i].mul(y[i]));
    let square = a.expect("square", a.lanes.square(), |i| x[i].mul(x[i]));
    let sum = a.expect("add", a.lanes.add(&b.lanes), |i| x[i].add(y[i]));
    let difference = a.expect("sub", a.lanes.sub(&b.lanes), |i| x[i].sub(y[i]));
    let negative = a.expect("neg", a.lanes.neg(), |i| Residue::ZERO.sub(x[i]));
    a.expect("x - x", a.lanes.sub(&a.lanes), |_| Residue::ZERO);
    check_mask::<F>("x - x is zero", a.lanes.sub(&a.lanes).is_zero(), |_| true);

    let odd = a.lanes.is_negative();
    a.expect("negate_if", a.lanes.negate_if(odd), |i| {
        if x[i].is_odd() { Residue::ZERO.sub(x[i]) } else { x[i] }
    });
    a.expect(
        "select",
        F::select(&a.lanes, &b.lanes, odd),
        |i| if x[i].is_odd() { y[i] } else { x[i] },
    );

    let (plus, minus) = F::products(&a.lanes, &b.lanes, &c.lanes, &a.lanes);
    a.expect("products, sum", plus, |i| x[i].mul(y[i]).add(z[i].mul(x[i])));
    a.expect("products, difference", minus, |i| x[i].mul(y[i]).sub(z[i].mul(x[i])));

    let [e, f, g, h] = F::doubling(&a.lanes, &b.lanes, &c.lanes);
    let (xx, yy) = (|i: usize| x[i].mul(x[i]), |i: usize| y[i].mul(y[i]));
    let twice = |r: Residue| r.add(r);
    a.expect("doubling, e", e, |i| twice(x[i].mul(y[i])));
    a.expect("doubling, f", f, |i| twice(z[i].mul(z[i])).add(xx(i)).sub(yy(i)));
    a.expect("doubling, g", g, |i| yy(i).sub(xx(i)));
    a.expect("doubling, h", h, |i| xx(i).add(yy(i)));

    // What comes out can go in again.
    for (first, second) in [(product, square), (sum, difference), (negative, product)] {
        let (p, q) = (first.residues, second.residues);
        a.expect("mul again", first.lanes.mul(&second.lanes), |i| p[i].mul(q[i]));
        a.expect("add again", first.lanes.add(&second.lanes), |i| p[i].add(q[i]));
        a.expect("sub again", first.lanes.sub(&second.lanes), |i| p[i].sub(q[i]));
    }
}

/// A small generator of test input, the same every time (xorshift64*).
pub(in crate::group) struct TestRng(pub(in crate::group) u64);

impl TestRng {
    pub(in crate::group) fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    pub(in crate::group) fn choose<T: Copy>(&mut self, from: &[T]) -> T {
        from[(self.next() >> 33) as usize % from.len()]
    }
}

/// Elements through the front door: canonical numbers near 0, near `p`, with limbs of all ones and
/// all zeros; and `p` to `2^255 - 1`, which is not canonical.
pub(in crate::group) fn check_entry<C: Cpu>(cpu: C) {
    let mut rng = TestRng(7);
    let ones = limbs::LIMB_MASK;
    let mut known = || {
        let mut lanes = [[0; 5]; MAX_LANES];
        for lane in &mut lanes {
            let start = [ones - 19 + rng.next() % 20, rng.next() % 3, rng.next() & ones];
            *lane = std::array::from_fn(|_| match rng.next() % 4 {
                0 => 0,
                1 | 2 => ones,
                _ => rng.next() & ones,
            });
            lane[0] = rng.choose(&start);
        }
        let residues = lanes.map(|limbs| Residue::from_limbs(limbs.map(|limb| limb as i64)));
        Known { lanes: C::Field::from_limbs(cpu, &lanes), residues }
    };
    for _ in 0..2000 {
        check_operations(known(), known(), known());
    }
    let splat = C::Field::splat(cpu, &[ones; 5]);
    let residues = [Residue::from_limbs([ones as i64; 5]); MAX_LANES];
    Known { lanes: splat, residues }.check("splat");
}

/// Bits of bytes, lane by lane.
pub(in crate::group) fn check_test_bits<C: Cpu>(cpu: C) {
    let mut rng = TestRng(8);
    for _ in 0..100 {
        let bytes = rng.next().to_le_bytes();
        for bit in 0..8 {
            let mask = C::Field::test_bits(cpu, &bytes, 1 << bit);
            check_mask::<C::Field>("test_bits", mask, |lane| bytes[lane] >> bit & 1 == 1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::group::backend::lanes::field_constants::*;

    fn residue(limbs: Limbs) -> Residue {
        Residue::from_limbs(limbs.map(|limb| limb as i64))
    }

    /// The oracle against itself: `(a + b) (a - b) = a^2 - b^2`, and Fermat's theorem.
    #[test]
    fn the_oracle_is_a_field() {
        let mut rng = TestRng(1);
        for _ in 0..200 {
            let [a, b] = [0; 2]
                .map(|_| Residue(less_p([rng.next(), rng.next(), rng.next(), rng.next() >> 1])));
            assert_eq!(a.add(b).mul(a.sub(b)), a.mul(a).sub(b.mul(b)));
            let mut power = a;
            for bit in (0..254).rev() {
                power = power.mul(power);
                if (P[bit / 64] >> (bit % 64)) & 1 == 1 {
                    power = power.mul(a);
                }
            }
            assert_eq!(power, a);
        }
    }

    /// RFC 9496 section 4.1 says what they are.
    #[test]
    fn constants_are_what_their_names_say() {
        let [one, d] = [Residue::small(1), residue(D)];
        let minus_one = Residue::ZERO.sub(one);
        let square = |limbs| residue(limbs).mul(residue(limbs));
        assert_eq!(d.mul(Residue::small(121_666)), minus_one.mul(Residue::small(121_665)));
        assert_eq!(residue(TWO_D), d.add(d));
        assert_eq!(square(SQRT_M1), minus_one);
        assert_eq!(square(SQRT_AD_MINUS_ONE), minus_one.sub(d));
        assert_eq!(square(INVSQRT_A_MINUS_D).mul(minus_one.sub(d)), one);
        assert_eq!(residue(ONE_MINUS_D_SQ), one.sub(d.mul(d)));
        assert_eq!(residue(D_MINUS_ONE_SQ), d.sub(one).mul(d.sub(one)));
        // Of the two roots, the RFC names this one.
        assert!(!residue(SQRT_M1).is_odd());
    }
}
