//! The peer's list as it arrives.

use crate::error::{PeerFault, Result};
use crate::group::Encoding;

/// Checks that a list is as long as announced and strictly increasing: so it has no duplicates, and
/// its order says nothing.
pub(super) struct Arrivals {
    announced: u64,
    received: u64,
    last: Option<Encoding>,
}

impl Arrivals {
    pub(super) fn new(announced: u64) -> Arrivals {
        Arrivals { announced, received: 0, last: None }
    }

    /// Elements that were announced.
    pub(super) fn announced(&self) -> u64 {
        self.announced
    }

    /// Elements that have not arrived.
    pub(super) fn due(&self) -> u64 {
        self.announced - self.received
    }

    /// Whether all have arrived.
    pub(super) fn is_complete(&self) -> bool {
        self.due() == 0
    }

    /// Checks the next run.
    ///
    /// # Errors
    /// [`PeerFault::WrongCount`], or [`PeerFault::NotSorted`] with the position in the whole list.
    pub(super) fn check(&mut self, points: &[Encoding]) -> Result<()> {
        let got = self.received + points.len() as u64;
        if got > self.announced {
            let expected = self.announced;
            return Err(PeerFault::WrongCount { what: "points", got, expected }.into());
        }
        for (position, point) in (self.received..).zip(points) {
            if self.last.is_some_and(|last| last >= *point) {
                return Err(PeerFault::NotSorted { position }.into());
            }
            self.last = Some(*point);
        }
        self.received = got;
        Ok(())
    }
}
