//! The instructions that the field is made of, on eight 64-bit words.

use core::arch::x86_64::*;

use super::Cpu;
use crate::group::backend::lanes::{LaneMask, PerLane};

/// Eight unsigned words and what can be done with them, word by word. Sums wrap.
pub(in crate::group) trait Words: Copy + Send + Sync {
    /// Proof that the CPU can.
    type Cpu: Copy;
    /// A yes or no for every word.
    type Mask: LaneMask;

    /// From the words.
    fn new(cpu: Self::Cpu, words: [u64; 8]) -> Self;
    /// From bytes.
    fn from_bytes(cpu: Self::Cpu, bytes: &PerLane<u8>) -> Self;
    /// `value` eight times.
    fn same(self, value: u64) -> Self;
    /// The words.
    fn to_array(self) -> [u64; 8];

    /// `self + other`
    fn add(self, other: Self) -> Self;
    /// `self - other`
    fn sub(self, other: Self) -> Self;
    /// `2 self`
    fn double(self) -> Self;
    /// `self & other`
    fn and(self, other: Self) -> Self;
    /// `self | other`
    fn or(self, other: Self) -> Self;
    /// `19 self`
    fn times_19(self) -> Self;
    /// `self >> N`
    fn shr<const N: u32>(self) -> Self;
    /// `self` plus bits 0 to 51 of the product of the low 52 bits of `a` and `b`.
    fn mul_add_low(self, a: Self, b: Self) -> Self;
    /// `self` plus bits 52 to 103 of the product of the low 52 bits of `a` and `b`.
    fn mul_add_high(self, a: Self, b: Self) -> Self;

    /// `yes` where `mask` is yes, `no` elsewhere.
    fn select(no: Self, yes: Self, mask: Self::Mask) -> Self;
    /// The words of `table` at the places that the low three bits of `self` say.
    fn lookup(self, table: Self) -> Self;
    /// Which words are zero.
    fn is_zero(self) -> Self::Mask;

    /// The proof that this was made from.
    fn cpu(self) -> Self::Cpu;
}

/// Eight words in a 512-bit register.
#[derive(Clone, Copy)]
pub(in crate::group) struct Zmm(__m512i);

/// A bit for every word, in a mask register.
#[derive(Clone, Copy)]
pub(in crate::group) struct ZmmMask(__mmask8);

/// One intrinsic, or an expression of some.
macro_rules! with_avx512 {
    ($value:expr) => {
        // SAFETY: needs AVX-512F, DQ and IFMA. A `Zmm` is made from a `Cpu`, which exists only where
        // all were detected, or from another `Zmm`; and each method has one or the other.
        unsafe { $value }
    };
}

impl Words for Zmm {
    type Cpu = Cpu;
    type Mask = ZmmMask;

    #[inline(always)]
    fn new(_: Cpu, words: [u64; 8]) -> Self {
        // SAFETY: the two types have the same size, and every bit pattern is a value of both.
        Zmm(unsafe { core::mem::transmute::<[u64; 8], __m512i>(words) })
    }

    #[inline(always)]
    fn from_bytes(_: Cpu, bytes: &PerLane<u8>) -> Self {
        let bytes = i64::from_le_bytes(*bytes);
        Zmm(with_avx512!(_mm512_cvtepu8_epi64(_mm_cvtsi64_si128(bytes))))
    }

    #[inline(always)]
    fn same(self, value: u64) -> Self {
        Zmm(with_avx512!(_mm512_set1_epi64(value as i64)))
    }

    #[inline(always)]
    fn to_array(self) -> [u64; 8] {
        // SAFETY: the two types have the same size, and every bit pattern is a value of both.
        unsafe { core::mem::transmute::<__m512i, [u64; 8]>(self.0) }
    }

    #[inline(always)]
    fn add(self, other: Self) -> Self {
        Zmm(with_avx512!(_mm512_add_epi64(self.0, other.0)))
    }

    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        Zmm(with_avx512!(_mm512_sub_epi64(self.0, other.0)))
    }

    #[inline(always)]
    fn double(self) -> Self {
        self.add(self)
    }

    #[inline(always)]
    fn and(self, other: Self) -> Self {
        Zmm(with_avx512!(_mm512_and_si512(self.0, other.0)))
    }

    #[inline(always)]
    fn or(self, other: Self) -> Self {
        Zmm(with_avx512!(_mm512_or_si512(self.0, other.0)))
    }

    /// One instruction and one operation on AMD's CPUs, where `x + 2 x + 16 x` is four; on Intel's
    /// it is three operations, and all on the port that the products need.
    #[inline(always)]
    fn times_19(self) -> Self {
        Zmm(with_avx512!(_mm512_mullo_epi64(self.0, _mm512_set1_epi64(19))))
    }

    #[inline(always)]
    fn shr<const N: u32>(self) -> Self {
        Zmm(with_avx512!(_mm512_srli_epi64::<N>(self.0)))
    }

    #[inline(always)]
    fn mul_add_low(self, a: Self, b: Self) -> Self {
        Zmm(with_avx512!(_mm512_madd52lo_epu64(self.0, a.0, b.0)))
    }

    #[inline(always)]
    fn mul_add_high(self, a: Self, b: Self) -> Self {
        Zmm(with_avx512!(_mm512_madd52hi_epu64(self.0, a.0, b.0)))
    }

    #[inline(always)]
    fn select(no: Self, yes: Self, mask: ZmmMask) -> Self {
        Zmm(with_avx512!(_mm512_mask_blend_epi64(mask.0, no.0, yes.0)))
    }

    #[inline(always)]
    fn lookup(self, table: Self) -> Self {
        Zmm(with_avx512!(_mm512_permutexvar_epi64(self.0, table.0)))
    }

    #[inline(always)]
    fn is_zero(self) -> ZmmMask {
        ZmmMask(with_avx512!(_mm512_testn_epi64_mask(self.0, self.0)))
    }

    #[inline(always)]
    fn cpu(self) -> Cpu {
        Cpu(())
    }
}

impl LaneMask for ZmmMask {
    #[inline(always)]
    fn and(self, other: Self) -> Self {
        ZmmMask(self.0 & other.0)
    }

    #[inline(always)]
    fn or(self, other: Self) -> Self {
        ZmmMask(self.0 | other.0)
    }

    #[inline(always)]
    fn not(self) -> Self {
        ZmmMask(!self.0)
    }

    #[inline(always)]
    fn to_bits(self) -> u8 {
        self.0
    }
}
