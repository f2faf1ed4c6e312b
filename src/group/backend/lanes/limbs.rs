//! Field elements outside the lanes: five limbs of 51 bits, and their bytes.
//!
//! Both vector representations have radix `2^51`, so this is what goes in and what comes out:
//! `x = l[0] + 2^51 l[1] + 2^102 l[2] + 2^153 l[3] + 2^204 l[4]`, every limb below `2^51`.

use super::{MAX_LANES, PerLane};

/// Five limbs of 51 bits, the lowest first. Canonical if the value is below `p`.
pub(in crate::group) type Limbs = [u64; 5];

/// Bits in a limb.
pub(in crate::group) const LIMB_BITS: u32 = 51;

/// The low 51 bits.
pub(in crate::group) const LIMB_MASK: u64 = (1 << LIMB_BITS) - 1;

/// The number that 32 little-endian bytes stand for, without its highest bit.
///
/// Numbers from `p` to `2^255 - 1` are taken as they are: the value is right modulo `p`, the limbs
/// are not canonical.
#[inline(always)]
pub(in crate::group) fn from_bytes(bytes: &[u8; 32]) -> Limbs {
    let word = |i: usize| {
        let mut word = [0; 8];
        word.copy_from_slice(&bytes[8 * i..8 * i + 8]);
        u64::from_le_bytes(word)
    };
    let words = [word(0), word(1), word(2), word(3)];
    [
        words[0] & LIMB_MASK,
        (words[0] >> 51 | words[1] << 13) & LIMB_MASK,
        (words[1] >> 38 | words[2] << 26) & LIMB_MASK,
        (words[2] >> 25 | words[3] << 39) & LIMB_MASK,
        words[3] >> 12 & LIMB_MASK,
    ]
}

/// The 32 little-endian bytes of canonical limbs.
#[inline(always)]
pub(in crate::group) fn to_bytes(limbs: &Limbs) -> [u8; 32] {
    let words = [
        limbs[0] | limbs[1] << 51,
        limbs[1] >> 13 | limbs[2] << 38,
        limbs[2] >> 26 | limbs[3] << 25,
        limbs[3] >> 39 | limbs[4] << 12,
    ];
    let mut bytes = [0; 32];
    for (bytes, word) in bytes.chunks_exact_mut(8).zip(words) {
        bytes.copy_from_slice(&word.to_le_bytes());
    }
    bytes
}

/// From elements of limbs to limbs of elements, for the lanes of a backend.
#[inline(always)]
pub(in crate::group) fn transposed<const LANES: usize>(
    lanes: &PerLane<Limbs>,
) -> [[u64; LANES]; 5] {
    let mut words = [[0; LANES]; 5];
    for (lane, limbs) in lanes.iter().take(LANES).enumerate() {
        for (words, limb) in words.iter_mut().zip(limbs) {
            words[lane] = *limb;
        }
    }
    words
}

/// The way back from [`transposed`]. Lanes that the backend does not have are zero.
#[inline(always)]
pub(in crate::group) fn per_lane<const LANES: usize>(words: &[[u64; LANES]; 5]) -> PerLane<Limbs> {
    let mut lanes = [[0; 5]; MAX_LANES];
    for (k, words) in words.iter().enumerate() {
        for (limbs, word) in lanes.iter_mut().zip(words) {
            limbs[k] = *word;
        }
    }
    lanes
}

/// An array with one value a limb, from an expression in the limb's index.
macro_rules! per_limb {
    ($k:ident => $value:expr) => {
        per_limb!($k => $value; 0 1 2 3 4)
    };
    ($k:ident => $value:expr; $($index:literal)*) => {
        [$({
            let $k: usize = $index;
            $value
        }),*]
    };
}
pub(in crate::group) use per_limb;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_survive_the_round_trip_but_for_the_highest_bit() {
        for seed in 0..=255u8 {
            let mut bytes: [u8; 32] = std::array::from_fn(|i| seed.wrapping_mul(i as u8 | 1));
            let back = to_bytes(&from_bytes(&bytes));
            bytes[31] &= 0x7f;
            assert_eq!(back, bytes);
        }
    }

    #[test]
    fn every_bit_has_its_place() {
        for bit in 0..255 {
            let mut bytes = [0; 32];
            bytes[bit / 8] = 1 << (bit % 8);
            let mut limbs = [0; 5];
            limbs[bit / 51] = 1 << (bit % 51);
            assert_eq!(from_bytes(&bytes), limbs, "bit {bit}");
        }
    }
}
