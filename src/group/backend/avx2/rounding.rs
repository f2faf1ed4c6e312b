//! The rounding mode that floating-point field arithmetic relies on.
//!
//! It stands in the MXCSR register, one a thread. Rust takes for granted that it is never changed,
//! but a program in another language that calls this library may have changed it, and then products
//! would come out wrong, silently. So each batch looks, which costs some ten cycles, and sets the
//! default for its duration where that is not what it finds.

use core::arch::asm;

/// Round to nearest, no flushing of subnormal numbers, until dropped.
pub(super) struct ToNearest {
    /// What to go back to, where it was something else.
    found: Option<u32>,
}

impl ToNearest {
    pub(super) fn enter() -> Self {
        let found = read();
        let differs = found & !STATUS_FLAGS != DEFAULT;
        if differs {
            write(DEFAULT);
        }
        ToNearest { found: differs.then_some(found) }
    }
}

impl Drop for ToNearest {
    fn drop(&mut self) {
        if let Some(found) = self.found {
            write(found);
        }
    }
}

/// All exceptions masked, round to nearest, subnormal numbers kept: the state at program start.
const DEFAULT: u32 = 0x1f80;
/// What has happened so far; without influence.
const STATUS_FLAGS: u32 = 0x3f;

fn read() -> u32 {
    let mut state = 0u32;
    // SAFETY: writes the four bytes of `state` and nothing else. SSE is part of x86-64.
    unsafe { asm!("stmxcsr [{}]", in(reg) &mut state, options(nostack, preserves_flags)) };
    state
}

fn write(state: u32) {
    // SAFETY: reads the four bytes of `state`. SSE is part of x86-64. The values written are the
    // state that Rust code expects, or the one that this thread came with. The status flags in it
    // count as flags, so not `preserves_flags`.
    unsafe { asm!("ldmxcsr [{}]", in(reg) &state, options(nostack, readonly)) };
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROUND_UP: u32 = DEFAULT | 2 << 13;

    #[test]
    fn another_mode_is_left_and_come_back_to() {
        let before = read();
        write(ROUND_UP);
        let guard = ToNearest::enter();
        let inside = read();
        drop(guard);
        let after = read();
        write(before);
        assert_eq!(inside & !STATUS_FLAGS, DEFAULT);
        assert_eq!(after & !STATUS_FLAGS, ROUND_UP);
    }
}
