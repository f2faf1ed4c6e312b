//! What the tests of the group share.

use blindmatch::group::{Backend, Engine, Parallelism};

/// An engine for every backend that this CPU has, the reference first; the others are reported as
/// skipped, or fail the test where `BLINDMATCH_REQUIRE_BACKENDS` names them.
pub fn engines() -> Vec<Engine> {
    let backends = Backend::NAMES.iter().filter_map(|name| Backend::by_name_or_skip(name));
    backends.map(|backend| Engine::new(backend, Parallelism::Serial)).collect()
}
