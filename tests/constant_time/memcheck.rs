//! Requests to valgrind from within the program.
//!
//! A request is a sequence of instructions without effect, which valgrind recognises (`valgrind.h`):
//! four rotations of `rdi` by 128 bits altogether and an exchange of `rbx` with itself. `rax` points
//! to the request's number and arguments, `rdx` holds the answer. On a bare CPU nothing happens.

/// Whether the program runs under valgrind.
pub fn is_running() -> bool {
    request(RUNNING_ON_VALGRIND, [0; 3]) != 0
}

/// `value`, of which memcheck now thinks that it was never written.
pub fn poisoned<T>(value: T) -> T {
    let value = Box::new(value);
    request(MAKE_MEM_UNDEFINED, [(&raw const *value).addr(), size_of::<T>(), 0]);
    *value
}

/// How many bytes of a value memcheck holds for never written, in part or as a whole. Asking is no
/// use of the value, and so no report. None on a bare CPU.
pub fn poisoned_bytes<T>(value: &T) -> usize {
    let mut bits = vec![0u8; size_of::<T>()]; // one for each bit of the value: 1 is "never written"
    let (at, to) = ((&raw const *value).addr(), bits.as_mut_ptr().expose_provenance());
    let answer = request(GET_VBITS, [at, to, size_of::<T>()]);
    assert!(answer == 1 || !is_running(), "memcheck does not know this memory");
    std::hint::black_box(&mut bits).iter().filter(|bits| **bits != 0).count()
}

/// How many reports `work` gives rise to.
pub fn reports_of(work: impl FnOnce()) -> usize {
    let before = request(COUNT_ERRORS, [0; 3]);
    work();
    request(COUNT_ERRORS, [0; 3]) - before
}

const RUNNING_ON_VALGRIND: usize = 0x1001;
const COUNT_ERRORS: usize = 0x1201;
/// From `memcheck.h`, whose requests begin with the letters M and C.
const MAKE_MEM_UNDEFINED: usize = MC | 1;
const GET_VBITS: usize = MC | 8;
const MC: usize = (b'M' as usize) << 24 | (b'C' as usize) << 16;

#[cfg(target_arch = "x86_64")]
fn request(number: usize, [first, second, third]: [usize; 3]) -> usize {
    let arguments = [number, first, second, third, 0, 0];
    let mut answer = 0usize;
    // SAFETY: on a bare CPU, `rdi` comes back as it was after rotations by 3, 13, 61 and 51 bits,
    // and the flags are said to change. Under valgrind, it reads `arguments` and sets `rdx`; the
    // memory that the requests above name is only marked, or is a buffer of ours to write to.
    unsafe {
        std::arch::asm!(
            "rol rdi, 3",
            "rol rdi, 13",
            "rol rdi, 61",
            "rol rdi, 51",
            "xchg rbx, rbx",
            in("rax") arguments.as_ptr(),
            inout("rdx") answer,
            out("rdi") _,
            options(nostack),
        );
    }
    answer
}

#[cfg(not(target_arch = "x86_64"))]
fn request(_: usize, _: [usize; 3]) -> usize {
    0
}
