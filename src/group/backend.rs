//! Which instructions do the arithmetic.

pub(super) mod portable;

/// The instruction set that group arithmetic runs on: a value, detected once and passed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backend(Kind);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Portable,
}

impl Backend {
    /// The best one that this CPU has.
    pub fn detect() -> Backend {
        Backend::portable()
    }

    /// curve25519-dalek, one element at a time: the reference, present everywhere.
    pub fn portable() -> Backend {
        Backend(Kind::Portable)
    }

    /// Every backend that this CPU has, the reference first.
    pub fn available() -> Vec<Backend> {
        vec![Backend::portable()]
    }

    /// Its name in reports and flags.
    pub fn name(self) -> &'static str {
        match self.0 {
            Kind::Portable => "portable",
        }
    }

    pub(super) fn kind(self) -> Kind {
        self.0
    }
}
