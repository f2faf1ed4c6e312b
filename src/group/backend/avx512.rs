//! Eight lanes, with AVX-512F, DQ and its 52-bit integer multiply-add (IFMA).
#![allow(unsafe_code)]

mod field;
#[cfg(test)]
mod model;
mod words;

use super::lanes;

/// Eight field elements.
pub(in crate::group) type Field = field::Field<words::Zmm>;

/// Proof that this CPU has AVX-512F, DQ and IFMA.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::group) struct Cpu(());

impl Cpu {
    /// `None` if the CPU lacks an instruction set.
    pub(in crate::group) fn detect() -> Option<Cpu> {
        let found = is_x86_feature_detected!("avx512f")
            && is_x86_feature_detected!("avx512dq")
            && is_x86_feature_detected!("avx512ifma");
        found.then_some(Cpu(()))
    }
}

impl lanes::Cpu for Cpu {
    type Field = Field;

    const LANES: usize = 8;

    #[inline(always)]
    fn run<R>(self, f: impl FnOnce() -> R) -> R {
        // SAFETY: a `Cpu` exists only where AVX-512F, DQ and IFMA were detected.
        unsafe { run(f) }
    }

    #[inline(always)]
    fn outlined<R>(self, f: impl FnOnce() -> R) -> R {
        // SAFETY: a `Cpu` exists only where AVX-512F, DQ and IFMA were detected.
        unsafe { outlined(f) }
    }
}

/// Never inlined: the code for these instructions stays in one place, as with AVX2.
#[inline(never)]
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
fn run<R>(f: impl FnOnce() -> R) -> R {
    f()
}

#[inline(never)]
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
fn outlined<R>(f: impl FnOnce() -> R) -> R {
    f()
}
