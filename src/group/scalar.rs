//! Secret scalars.

use std::fmt;
use std::ops::Range;
use std::sync::LazyLock;

use curve25519_dalek::scalar::Scalar;
use rand::CryptoRng;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

/// A secret scalar, not zero: a blinding key.
///
/// Wiped when dropped; prints as `SecretScalar(..)`; has no comparison operators.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct SecretScalar {
    /// `k / 2` modulo the group order. Points are multiplied by it and encoded as their doubles.
    half: Scalar,
}

impl SecretScalar {
    /// A uniformly random scalar.
    pub fn random<R: CryptoRng>(rng: &mut R) -> Self {
        loop {
            let half = Scalar::random(rng);
            if half != Scalar::ZERO {
                return SecretScalar { half };
            }
        }
    }

    /// From 32 bytes, little-endian. `None` where they are not a canonical scalar, or zero.
    pub fn from_canonical_bytes(bytes: [u8; 32]) -> Option<Self> {
        let k = Option::<Scalar>::from(Scalar::from_canonical_bytes(bytes))?;
        (k != Scalar::ZERO).then(|| SecretScalar { half: k * *HALF })
    }

    /// From 64 uniform bytes, little-endian, modulo the group order. `None` where that is zero, which
    /// does not happen by chance. Constant time.
    pub(crate) fn from_uniform_bytes(bytes: &[u8; 64]) -> Option<Self> {
        let k = Scalar::from_bytes_mod_order_wide(bytes);
        (k != Scalar::ZERO).then(|| SecretScalar { half: k * *HALF })
    }

    /// `1 / k` modulo the group order: what takes a blind off again. Constant time.
    pub fn invert(&self) -> Self {
        // 1 / k is 1 / (2 half), and half of that is kept.
        SecretScalar { half: self.half.invert() * *QUARTER }
    }

    /// The inverses of many, for the price of one and three products each. Constant time.
    pub fn invert_all(scalars: &[SecretScalar]) -> Vec<SecretScalar> {
        let mut halves: Vec<Scalar> = scalars.iter().map(|scalar| scalar.half).collect();
        Scalar::invert_batch_alloc(&mut halves);
        let inverses = halves.iter().map(|inverse| SecretScalar { half: inverse * *QUARTER });
        let inverses = inverses.collect();
        halves.zeroize();
        inverses
    }

    /// From numbers, none of which may be zero.
    pub(crate) fn from_numbers(numbers: impl IntoIterator<Item = u64>) -> Vec<SecretScalar> {
        let scalar = |number| SecretScalar { half: Scalar::from(number) * *HALF };
        numbers.into_iter().map(scalar).collect()
    }

    /// `key * scalars[i] + values[i]`. Constant time.
    ///
    /// That one of them is zero, which a secret scalar is not, happens with probability 2^-252 where
    /// `scalars` are random.
    pub(crate) fn multiply_add_all(
        scalars: &[SecretScalar],
        key: &SecretScalar,
        values: &[u64],
    ) -> Vec<SecretScalar> {
        let key = key.value();
        let sum = |(scalar, value): (&SecretScalar, &u64)| SecretScalar {
            half: scalar.half * *key + Scalar::from(*value) * *HALF,
        };
        scalars.iter().zip(values).map(sum).collect()
    }

    /// The scalar itself, for arithmetic modulo the group order.
    pub(crate) fn value(&self) -> Zeroizing<Scalar> {
        Zeroizing::new(self.half + self.half)
    }

    /// Half of the scalar, for multiplications whose product is then encoded as its double.
    pub(super) fn half(&self) -> &Scalar {
        &self.half
    }
}

/// `1 / 2` and `1 / 4` modulo the group order. An inversion costs a quarter of a multiplication of a
/// point.
static HALF: LazyLock<Scalar> = LazyLock::new(|| Scalar::from(2u8).invert());
static QUARTER: LazyLock<Scalar> = LazyLock::new(|| Scalar::from(4u8).invert());

/// The secret scalars of a batch.
#[derive(Clone, Copy)]
pub(super) enum Keys<'a> {
    /// One for all elements.
    Shared(&'a SecretScalar),
    /// One for each.
    Each(&'a [SecretScalar]),
}

impl<'a> Keys<'a> {
    /// Those of a range of elements.
    pub(super) fn part(self, elements: Range<usize>) -> Self {
        match self {
            Keys::Shared(key) => Keys::Shared(key),
            Keys::Each(keys) => Keys::Each(&keys[elements]),
        }
    }

    /// That of the element at `index`.
    pub(super) fn at(self, index: usize) -> &'a SecretScalar {
        match self {
            Keys::Shared(key) => key,
            Keys::Each(keys) => &keys[index],
        }
    }
}

impl fmt::Debug for SecretScalar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretScalar(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zero_and_non_canonical_scalars_are_refused() {
        // The group order, RFC 9496 section 4.
        let mut order = [0u8; 32];
        order[..16].copy_from_slice(&0x14def9dea2f79cd65812631a5cf5d3ed_u128.to_le_bytes());
        order[31] = 0x10;
        assert!(SecretScalar::from_canonical_bytes([0; 32]).is_none());
        assert!(SecretScalar::from_canonical_bytes(order).is_none());
        order[0] -= 1;
        assert!(SecretScalar::from_canonical_bytes(order).is_some());
    }

    #[test]
    fn uniform_bytes_are_reduced() {
        let mut wide = [0; 64];
        assert!(SecretScalar::from_uniform_bytes(&wide).is_none());
        wide[0] = 6;
        assert_eq!(SecretScalar::from_uniform_bytes(&wide).unwrap().half, Scalar::from(3u8));
        let half = SecretScalar::from_uniform_bytes(&[0xff; 64]).unwrap().half;
        assert_eq!(half + half, Scalar::from_bytes_mod_order_wide(&[0xff; 64]));
    }

    #[test]
    fn inverses_are_inverse() {
        let scalars = [2u8, 3, 77, 255]
            .map(|k| SecretScalar::from_canonical_bytes(Scalar::from(k).to_bytes()).unwrap());
        let all = SecretScalar::invert_all(&scalars);
        for (scalar, inverse) in scalars.iter().zip(all) {
            let four = Scalar::from(4u8);
            assert_eq!(scalar.half * inverse.half * four, Scalar::ONE);
            assert_eq!(scalar.half * scalar.invert().half * four, Scalar::ONE);
        }
        assert!(SecretScalar::invert_all(&[]).is_empty());
    }

    #[test]
    fn products_and_sums() {
        let [two, three, seven] =
            <[_; 3]>::try_from(SecretScalar::from_numbers([2, 3, 7])).unwrap();
        let all = SecretScalar::multiply_add_all(&[two, three], &seven, &[0, 5]);
        for (got, expected) in all.iter().zip([14u8, 26]) {
            assert_eq!(*got.value(), Scalar::from(expected));
        }
    }

    #[test]
    fn debug_is_redacted() {
        let key = SecretScalar::from_canonical_bytes(Scalar::from(77u8).to_bytes()).unwrap();
        assert_eq!(format!("{key:?}"), "SecretScalar(..)");
    }
}
