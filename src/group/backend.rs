//! Which instructions do the arithmetic.

#[cfg(target_arch = "x86_64")]
pub(super) mod avx2;
#[cfg(target_arch = "x86_64")]
pub(super) mod avx512;
#[cfg(target_arch = "x86_64")]
pub(super) mod lanes;
pub(super) mod operations;
pub(super) mod portable;

/// The instruction set that group arithmetic runs on: a value, detected once and passed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backend(Kind);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Portable,
    #[cfg(target_arch = "x86_64")]
    Avx2(avx2::Cpu),
    #[cfg(target_arch = "x86_64")]
    Avx512(avx512::Cpu),
}

impl Backend {
    /// The names of all backends, the reference first, whether this CPU has them or not.
    pub const NAMES: [&str; 3] = ["portable", "avx2", "avx512"];

    /// The best one that this CPU has.
    pub fn detect() -> Backend {
        Backend::avx512().or(Backend::avx2()).unwrap_or(Backend::portable())
    }

    /// curve25519-dalek, one element at a time: the reference, present everywhere.
    pub fn portable() -> Backend {
        Backend(Kind::Portable)
    }

    /// Four elements at a time, with AVX2 and FMA. `None` if the CPU lacks one of them.
    pub fn avx2() -> Option<Backend> {
        #[cfg(target_arch = "x86_64")]
        return avx2::Cpu::detect().map(|cpu| Backend(Kind::Avx2(cpu)));
        #[cfg(not(target_arch = "x86_64"))]
        None
    }

    /// Eight elements at a time, with AVX-512F, DQ and IFMA. `None` if the CPU lacks one of them.
    pub fn avx512() -> Option<Backend> {
        #[cfg(target_arch = "x86_64")]
        return avx512::Cpu::detect().map(|cpu| Backend(Kind::Avx512(cpu)));
        #[cfg(not(target_arch = "x86_64"))]
        None
    }

    /// The one of this name. `None` if there is none, or the CPU lacks the instructions.
    pub fn by_name(name: &str) -> Option<Backend> {
        Backend::available().into_iter().find(|backend| backend.name() == name)
    }

    /// The one of this name, for tests: where the CPU lacks it, a test prints "skipped" and passes.
    /// The environment variable `BLINDMATCH_REQUIRE_BACKENDS` (`avx2,avx512`) makes that a failure.
    ///
    /// # Panics
    /// If the variable requires a backend that this CPU has not, or that there is not.
    #[doc(hidden)]
    pub fn by_name_or_skip(name: &str) -> Option<Backend> {
        let required = std::env::var("BLINDMATCH_REQUIRE_BACKENDS").unwrap_or_default();
        let required: Vec<&str> = required.split(',').map(str::trim).collect();
        for name in required.iter().filter(|name| !name.is_empty()) {
            assert!(Backend::NAMES.contains(name), "no backend is called {name}");
        }
        let found = Backend::by_name(name);
        if found.is_none() {
            assert!(!required.contains(&name), "backend {name} is required, and this CPU lacks it");
            eprintln!("skipped: this CPU lacks the backend {name}");
        }
        found
    }

    /// Every backend that this CPU has, the reference first and the best last.
    pub fn available() -> Vec<Backend> {
        let all = [Some(Backend::portable()), Backend::avx2(), Backend::avx512()];
        all.into_iter().flatten().collect()
    }

    /// Its name in reports and flags.
    pub fn name(self) -> &'static str {
        match self.0 {
            Kind::Portable => "portable",
            #[cfg(target_arch = "x86_64")]
            Kind::Avx2(_) => "avx2",
            #[cfg(target_arch = "x86_64")]
            Kind::Avx512(_) => "avx512",
        }
    }

    pub(super) fn kind(self) -> Kind {
        self.0
    }
}

/// One expression for every backend, generic over [`operations::Operations`].
macro_rules! on_backend {
    ($backend:expr, $operations:ident => $value:expr) => {
        match $backend.kind() {
            Kind::Portable => {
                let $operations = Portable;
                $value
            }
            #[cfg(target_arch = "x86_64")]
            Kind::Avx2(cpu) => {
                let $operations = Lanes(cpu);
                $value
            }
            #[cfg(target_arch = "x86_64")]
            Kind::Avx512(cpu) => {
                let $operations = Lanes(cpu);
                $value
            }
        }
    };
}
pub(super) use on_backend;
