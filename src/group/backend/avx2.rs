//! Four lanes, with AVX2 and FMA.
#![allow(unsafe_code)]

mod field;
mod registers;
mod rounding;

use super::lanes;
pub(in crate::group) use field::Field;

/// Proof that this CPU has AVX2 and FMA.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::group) struct Cpu(());

impl Cpu {
    /// `None` if the CPU lacks an instruction set.
    pub(in crate::group) fn detect() -> Option<Cpu> {
        let found = is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma");
        found.then_some(Cpu(()))
    }
}

impl lanes::Cpu for Cpu {
    type Field = Field;

    const LANES: usize = 4;

    #[inline(always)]
    fn run<R>(self, f: impl FnOnce() -> R) -> R {
        let _nearest = rounding::ToNearest::enter();
        // SAFETY: a `Cpu` exists only where AVX2 and FMA were detected.
        unsafe { run(f) }
    }

    #[inline(always)]
    fn outlined<R>(self, f: impl FnOnce() -> R) -> R {
        // SAFETY: a `Cpu` exists only where AVX2 and FMA were detected.
        unsafe { outlined(f) }
    }
}

/// Never inlined, so that no arithmetic moves to before the rounding mode is set.
#[inline(never)]
#[target_feature(enable = "avx2,fma")]
fn run<R>(f: impl FnOnce() -> R) -> R {
    f()
}

#[inline(never)]
#[target_feature(enable = "avx2,fma")]
fn outlined<R>(f: impl FnOnce() -> R) -> R {
    f()
}
