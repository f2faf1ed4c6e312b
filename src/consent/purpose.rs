//! Purposes, by their W3C DPV names.

use std::fmt;

/// A purpose of processing, by its W3C DPV name.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Purpose(&'static str);

impl Purpose {
    /// `TargetedAdvertising`, what a match is for unless said otherwise.
    pub const TARGETED_ADVERTISING: Purpose = Purpose("TargetedAdvertising");

    /// The W3C DPV name.
    pub fn name(self) -> &'static str {
        self.0
    }
}

impl fmt::Debug for Purpose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}
