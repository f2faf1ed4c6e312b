//! The instructions that the field is made of, on four 64-bit floating-point numbers or integers.
//!
//! All `unsafe` of the arithmetic is here.

use core::arch::asm;
use core::arch::x86_64::*;

use super::Cpu;
use crate::group::backend::lanes::{LaneMask, PerLane};

/// Four floating-point numbers in a 256-bit register.
#[derive(Clone, Copy)]
#[repr(transparent)]
pub(super) struct Doubles(__m256d);

/// Four integers in a 256-bit register. Sums wrap.
#[derive(Clone, Copy)]
#[repr(transparent)]
pub(super) struct Integers(__m256i);

/// A yes or no for each of four lanes: all bits of a lane are set, or none.
#[derive(Clone, Copy)]
pub(in crate::group) struct Mask(__m256i);

/// One intrinsic, or an expression of some.
macro_rules! with_avx2 {
    ($value:expr) => {
        // SAFETY: needs AVX2 and FMA. Values of these types are made from a `Cpu`, which exists
        // only where both were detected, or from one another; and each function here has one.
        unsafe { $value }
    };
}

impl Doubles {
    /// `value` four times.
    #[inline(always)]
    pub(super) fn same(self, value: f64) -> Self {
        Doubles(with_avx2!(_mm256_set1_pd(value)))
    }

    #[inline(always)]
    pub(super) fn to_array(self) -> [f64; 4] {
        // SAFETY: the two types have the same size, and every bit pattern is a value of both.
        unsafe { core::mem::transmute::<__m256d, [f64; 4]>(self.0) }
    }

    /// Their bit patterns.
    #[inline(always)]
    pub(super) fn bits(self) -> Integers {
        Integers(with_avx2!(_mm256_castpd_si256(self.0)))
    }

    /// `self + other`
    #[inline(always)]
    pub(super) fn add(self, other: Self) -> Self {
        Doubles(with_avx2!(_mm256_add_pd(self.0, other.0)))
    }

    /// `self - other`
    #[inline(always)]
    pub(super) fn sub(self, other: Self) -> Self {
        Doubles(with_avx2!(_mm256_sub_pd(self.0, other.0)))
    }

    /// `self * factor + term`, rounded once.
    #[inline(always)]
    pub(super) fn mul_add(self, factor: Self, term: Self) -> Self {
        Doubles(with_avx2!(_mm256_fmadd_pd(self.0, factor.0, term.0)))
    }

    /// `-self`
    #[inline(always)]
    pub(super) fn neg(self) -> Self {
        Doubles(with_avx2!(_mm256_xor_pd(self.0, _mm256_set1_pd(-0.0))))
    }

    /// `-self` where `mask` is yes, `self` elsewhere.
    #[inline(always)]
    pub(super) fn negate_if(self, mask: Mask) -> Self {
        Doubles(with_avx2!({
            let sign = _mm256_and_pd(_mm256_castsi256_pd(mask.0), _mm256_set1_pd(-0.0));
            _mm256_xor_pd(self.0, sign)
        }))
    }

    /// Which are zero.
    #[inline(always)]
    pub(super) fn is_zero(self) -> Mask {
        Mask(with_avx2!({
            _mm256_castpd_si256(_mm256_cmp_pd::<_CMP_EQ_OQ>(self.0, _mm256_setzero_pd()))
        }))
    }

    /// `yes` where `mask` is yes, `no` elsewhere.
    #[inline(always)]
    pub(super) fn select(no: Self, yes: Self, mask: Mask) -> Self {
        Doubles(with_avx2!(_mm256_blendv_pd(no.0, yes.0, _mm256_castsi256_pd(mask.0))))
    }

    /// A limb product, split: the bit patterns of `h = a b + c` and of `l = a b + (d - h)`, each
    /// rounded once.
    ///
    /// In assembly because the order matters: left to itself, the compiler starts many limb
    /// products at once and spills their parts, which takes half as long again. (Blocks that are
    /// not marked `pure` stay in the order in which they are written.)
    #[inline(always)]
    pub(super) fn split_product(a: &Self, b: Self, c: Self, d: Self) -> (Integers, Integers) {
        let (high, low) = with_avx2!(split_product(&a.0, b.0, c.0, d.0));
        (Doubles(high).bits(), Doubles(low).bits())
    }
}

impl Integers {
    #[inline(always)]
    pub(super) fn new(_: Cpu, values: [u64; 4]) -> Self {
        // SAFETY: the two types have the same size, and every bit pattern is a value of both.
        Integers(unsafe { core::mem::transmute::<[u64; 4], __m256i>(values) })
    }

    /// From the first four bytes.
    #[inline(always)]
    pub(super) fn from_bytes(_: Cpu, bytes: &PerLane<u8>) -> Self {
        let [a, b, c, d, ..] = *bytes;
        let bytes = i32::from_le_bytes([a, b, c, d]);
        Integers(with_avx2!(_mm256_cvtepu8_epi64(_mm_cvtsi32_si128(bytes))))
    }

    /// `value` four times.
    #[inline(always)]
    pub(super) fn same(self, value: u64) -> Self {
        Integers(with_avx2!(_mm256_set1_epi64x(value as i64)))
    }

    #[inline(always)]
    pub(super) fn to_array(self) -> [u64; 4] {
        // SAFETY: the two types have the same size, and every bit pattern is a value of both.
        unsafe { core::mem::transmute::<__m256i, [u64; 4]>(self.0) }
    }

    /// As the bit patterns of floating-point numbers.
    #[inline(always)]
    pub(super) fn doubles(self) -> Doubles {
        Doubles(with_avx2!(_mm256_castsi256_pd(self.0)))
    }

    /// `self + other`
    #[inline(always)]
    pub(super) fn add(self, other: Self) -> Self {
        Integers(with_avx2!(_mm256_add_epi64(self.0, other.0)))
    }

    /// `self - other`
    #[inline(always)]
    pub(super) fn sub(self, other: Self) -> Self {
        Integers(with_avx2!(_mm256_sub_epi64(self.0, other.0)))
    }

    /// `self & other`
    #[inline(always)]
    pub(super) fn and(self, other: Self) -> Self {
        Integers(with_avx2!(_mm256_and_si256(self.0, other.0)))
    }

    /// `self | other`
    #[inline(always)]
    pub(super) fn or(self, other: Self) -> Self {
        Integers(with_avx2!(_mm256_or_si256(self.0, other.0)))
    }

    /// `self >> N`
    #[inline(always)]
    pub(super) fn shr<const N: i32>(self) -> Self {
        Integers(with_avx2!(_mm256_srli_epi64::<N>(self.0)))
    }

    /// `self * factor`, for values below `2^32`.
    #[inline(always)]
    pub(super) fn mul_small(self, factor: u32) -> Self {
        Integers(with_avx2!(_mm256_mul_epu32(self.0, _mm256_set1_epi64x(factor.into()))))
    }

    /// `19 self`, as `self + 2 self + 16 self`.
    ///
    /// The shift is in assembly because the compiler would recognise a multiplication by 19, and do
    /// that with three multiplications of 32 bits.
    #[inline(always)]
    pub(super) fn times_19(self) -> Self {
        let times_16 = Integers(with_avx2!(times_16(self.0)));
        self.add(times_16).add(self.add(self))
    }

    /// Of eight numbers those at the places that the low three bits of `self` say.
    ///
    /// Permutations of both halves of the table, of 32-bit words because AVX2 has no other, and a
    /// choice by the third bit. All of the table is read, whatever the places.
    #[inline(always)]
    pub(super) fn lookup(self, table: &[u64; 8]) -> Self {
        let (halves, _) = table.as_chunks::<4>();
        // SAFETY: see `Integers::new`.
        let half = |i: usize| unsafe { core::mem::transmute::<[u64; 4], __m256i>(halves[i]) };
        let (low, high) = (half(0), half(1));
        Integers(with_avx2!({
            // 64-bit place i is 32-bit places 2 i and 2 i + 1.
            let even = _mm256_slli_epi64::<1>(self.0);
            let odd = _mm256_slli_epi64::<33>(self.0);
            let places = _mm256_or_si256(
                _mm256_and_si256(_mm256_or_si256(even, odd), _mm256_set1_epi32(6)),
                _mm256_set1_epi64x(1 << 32),
            );
            let low = _mm256_castsi256_pd(_mm256_permutevar8x32_epi32(low, places));
            let high = _mm256_castsi256_pd(_mm256_permutevar8x32_epi32(high, places));
            // The sign bit decides: bit 2 of the place goes there.
            let is_high = _mm256_castsi256_pd(_mm256_slli_epi64::<61>(self.0));
            _mm256_castpd_si256(_mm256_blendv_pd(low, high, is_high))
        }))
    }

    /// Which are zero.
    #[inline(always)]
    pub(super) fn is_zero(self) -> Mask {
        Mask(with_avx2!(_mm256_cmpeq_epi64(self.0, _mm256_setzero_si256())))
    }
}

/// See [`Doubles::split_product`].
#[inline]
#[target_feature(enable = "avx2,fma")]
fn split_product(a: &__m256d, b: __m256d, c: __m256d, d: __m256d) -> (__m256d, __m256d) {
    let (high, low): (__m256d, __m256d);
    // SAFETY: the instructions are AVX and FMA, which this function has. Reads the 32 bytes of `a`,
    // aligned as `__m256d` is, and touches no other memory. Rounding sets a status flag in MXCSR,
    // so not `preserves_flags`.
    unsafe {
        asm!(
            "vmovapd {high}, {c}",
            "vfmadd231pd {high}, {b}, ymmword ptr [{a}]",
            "vsubpd {low}, {d}, {high}",
            "vfmadd231pd {low}, {b}, ymmword ptr [{a}]",
            a = in(reg) a,
            b = in(ymm_reg) b,
            c = in(ymm_reg) c,
            d = in(ymm_reg) d,
            high = out(ymm_reg) high,
            low = out(ymm_reg) low,
            options(readonly, nostack),
        );
    }
    (high, low)
}

/// See [`Integers::times_19`].
#[inline]
#[target_feature(enable = "avx2")]
fn times_16(x: __m256i) -> __m256i {
    let times_16: __m256i;
    // SAFETY: the instruction is AVX2, which this function has. Registers only.
    unsafe {
        asm!(
            "vpsllq {times_16}, {x}, 4",
            x = in(ymm_reg) x,
            times_16 = out(ymm_reg) times_16,
            options(pure, nomem, nostack, preserves_flags),
        );
    }
    times_16
}

impl LaneMask for Mask {
    #[inline(always)]
    fn and(self, other: Self) -> Self {
        Mask(with_avx2!(_mm256_and_si256(self.0, other.0)))
    }

    #[inline(always)]
    fn or(self, other: Self) -> Self {
        Mask(with_avx2!(_mm256_or_si256(self.0, other.0)))
    }

    #[inline(always)]
    fn not(self) -> Self {
        Mask(with_avx2!(_mm256_xor_si256(self.0, _mm256_set1_epi64x(-1))))
    }

    #[inline(always)]
    fn to_bits(self) -> u8 {
        (with_avx2!(_mm256_movemask_pd(_mm256_castsi256_pd(self.0)))) as u8
    }
}
