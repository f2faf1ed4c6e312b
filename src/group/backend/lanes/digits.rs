//! Secret scalars as signed digits.

use curve25519_dalek::scalar::Scalar;
use zeroize::{Zeroize, ZeroizeOnDrop};

use super::{MAX_LANES, PerLane};
use crate::group::SecretScalar;

/// Digits of a scalar.
pub(super) const DIGITS: usize = 64;
/// Digits of a weight, a number of 128 bits.
pub(super) const WEIGHT_DIGITS: usize = 32;

/// The 64 digits of one scalar a lane, radix 16, every digit odd and between -15 and 15:
/// `k = d[0] + 16 d[1] + ... + 16^63 d[63]` modulo the group order. The highest is positive.
/// Those of an odd number of 128 bits are 32.
///
/// No digit is zero, so that a table of odd multiples is all that is needed, and no entry for zero
/// (Joye and Tunstall, "Exponent recoding and regular exponentiation algorithms", AFRICACRYPT 2009).
///
/// # Recoding
///
/// An odd `k` is a sum of all powers of two up to `2^255`, each with a sign: since
/// `2^255 + ... + 2 + 1 = 2^256 - 1`, it is `2 m - (2^256 - 1)` for `m = (k - 1) / 2 + 2^255`, and bit
/// `i` of `m` says whether `2^i` is added or subtracted. Four of those bits with value `v` make the
/// digit `2 v - 15`. An even `k` has the group order `l` added first, which is odd.
///
/// That changes no product as a group element. The points that stand for one element of ristretto255
/// are a coset `P + E[4]` in `2 E`, the doubles of the curve's points (RFC 9496; Hamburg, "Decaf",
/// CRYPTO 2015). `2 E` has `4 l` points, so for `P` in it `4 (l P)` is the identity: `l P` is in `E[4]`,
/// and `(k + l) P` in the coset of `k P`. Sums of both then are in one coset too.
///
/// # A digit in a byte
///
/// Bit 3 is set where the digit is negative. Bits 0 to 2 are the position in the table of odd
/// multiples: `(|d| - 1) / 2`, which is `v - 8` for positive digits and `7 - v` for negative ones.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub(super) struct Digits<const COUNT: usize = DIGITS>([PerLane<u8>; COUNT]);

impl Digits {
    /// The same scalar in every lane. Constant time.
    pub(super) fn shared(scalar: &Scalar) -> Self {
        let mut digits = Digits::ones();
        let mut bytes = signs(scalar);
        for (pair, byte) in digits.0.chunks_exact_mut(2).zip(bytes) {
            pair[0] = [digit(byte & 15); MAX_LANES];
            pair[1] = [digit(byte >> 4); MAX_LANES];
        }
        bytes.zeroize();
        digits
    }

    /// A scalar of its own for each of the first lanes. Constant time.
    pub(super) fn each(scalars: &[SecretScalar]) -> Self {
        let mut digits = Digits::ones();
        digits.set_halves(scalars);
        digits
    }

    /// Gives the first lanes the halves of scalars of their own. Constant time.
    pub(super) fn set_halves(&mut self, scalars: &[SecretScalar]) {
        for (lane, scalar) in scalars.iter().enumerate() {
            let mut bytes = signs(scalar.half());
            self.set_lane(lane, &bytes);
            bytes.zeroize();
        }
    }
}

impl Digits<WEIGHT_DIGITS> {
    /// Of `weights[lane] | 1`.
    pub(super) fn of_odd(weights: &[u128]) -> Self {
        let mut digits = Digits::ones();
        for (lane, weight) in weights.iter().enumerate() {
            digits.set_lane(lane, &(weight >> 1 | 1 << 127).to_le_bytes());
        }
        digits
    }
}

impl<const COUNT: usize> Digits<COUNT> {
    /// All digits 1.
    fn ones() -> Self {
        Digits([[0; MAX_LANES]; COUNT])
    }

    /// From the number `m` of the recoding.
    fn set_lane(&mut self, lane: usize, signs: &[u8]) {
        for (pair, byte) in self.0.chunks_exact_mut(2).zip(signs) {
            pair[0][lane] = digit(byte & 15);
            pair[1][lane] = digit(byte >> 4);
        }
    }

    /// Those of weight `16^place`.
    pub(super) fn at(&self, place: usize) -> &PerLane<u8> {
        &self.0[place]
    }

    /// The highest digit of every lane, and the others from high to low.
    pub(super) fn high_to_low(&self) -> (&PerLane<u8>, impl Iterator<Item = &PerLane<u8>>) {
        let (highest, others) = self.0.split_last().expect("there are digits");
        (highest, others.iter().rev())
    }
}

/// In these bits of a digit's byte is its place in a table of odd multiples.
pub(super) const PLACE_BITS: [u8; 3] = [1, 2, 4];
/// This bit of a digit's byte says that it is negative.
pub(super) const SIGN_BIT: u8 = 8;

/// Four bits of signs as a digit's byte.
fn digit(v: u8) -> u8 {
    let negative = v >> 3 ^ 1;
    negative << 3 | (v ^ (negative * 7)) & 7
}

/// The number `m` of [`Digits`].
fn signs(scalar: &Scalar) -> [u8; 32] {
    let even = u16::from(scalar.as_bytes()[0] & 1 ^ 1);
    let mut sum = [0; 32];
    let mut carry = 0;
    for ((sum, k), order) in sum.iter_mut().zip(scalar.as_bytes()).zip(GROUP_ORDER) {
        carry += u16::from(*k) + even * u16::from(order);
        *sum = carry as u8;
        carry >>= 8;
    }
    let mut signs = [0; 32];
    for (i, byte) in signs.iter_mut().enumerate() {
        let above = if i == 31 { 1 } else { sum[i + 1] };
        *byte = sum[i] >> 1 | above << 7;
    }
    sum.zeroize();
    signs
}

/// `2^252 + 27742317777372353535851937790883648493`, little-endian.
const GROUP_ORDER: [u8; 32] = {
    let mut order = [0; 32];
    let low = 0x14de_f9de_a2f7_9cd6_5812_631a_5cf5_d3ed_u128.to_le_bytes();
    let mut i = 0;
    while i < 16 {
        order[i] = low[i];
        i += 1;
    }
    order[31] = 0x10;
    order
};

#[cfg(test)]
mod tests {
    use super::*;

    fn recomposed<const COUNT: usize>(digits: &Digits<COUNT>, lane: usize) -> Scalar {
        let (highest, others) = digits.high_to_low();
        std::iter::once(highest).chain(others).fold(Scalar::ZERO, |sum, lanes| {
            let magnitude = Scalar::from(2 * (lanes[lane] & 7) + 1);
            let digit = if lanes[lane] & SIGN_BIT == 0 { magnitude } else { -magnitude };
            sum * Scalar::from(16u8) + digit
        })
    }

    /// Small ones, their negatives, halves, and one of nothing but each digit.
    fn edge_scalars() -> Vec<Scalar> {
        let half = Scalar::from(2u8).invert();
        let mut scalars = vec![half, -half];
        for small in 0..40u8 {
            scalars.extend([Scalar::from(small), -Scalar::from(small)]);
        }
        for byte in 0..=255 {
            scalars.push(Scalar::from_bytes_mod_order([byte; 32]));
        }
        scalars
    }

    #[test]
    fn digits_add_up_to_the_scalar() {
        for scalar in edge_scalars() {
            let digits = Digits::shared(&scalar);
            for lane in 0..MAX_LANES {
                assert_eq!(recomposed(&digits, lane), scalar);
            }
        }
    }

    #[test]
    fn lanes_have_their_own_scalars() {
        let scalars = [Scalar::from(77u8), -Scalar::from(3u8), Scalar::from(16u8)];
        let keys = scalars.map(|k| SecretScalar::from_canonical_bytes(k.to_bytes()).unwrap());
        let digits = Digits::each(&keys);
        for (lane, key) in keys.iter().enumerate() {
            assert_eq!(recomposed(&digits, lane), *key.half());
        }
    }

    #[test]
    fn weights_have_half_as_many_digits() {
        let weights = [0, 1, 2, u128::MAX, u128::MAX - 1, 1 << 127, 0x0123_4567_89ab_cdef << 40];
        let digits = Digits::of_odd(&weights);
        for (lane, weight) in weights.iter().enumerate() {
            assert_eq!(recomposed(&digits, lane), Scalar::from(weight | 1));
        }
    }

    #[test]
    fn the_highest_digit_is_positive() {
        for scalar in edge_scalars() {
            let digits = Digits::shared(&scalar);
            assert_eq!(digits.high_to_low().0[0] & SIGN_BIT, 0);
        }
    }
}
