//! Sorted lists on their way between the rooms.

use sha2::{Digest, Sha256};

use crate::error::Result;
use crate::group::Encoding;
use crate::protocol::Step;
use crate::protocol::arrivals::Arrivals;
use crate::wire::{Frame, POINTS_PER_FRAME};

/// The lists on their way.
pub(super) struct Lists {
    pub(super) ours: Vec<Encoding>,
    pub(super) sent: usize,
    pub(super) arrivals: Arrivals,
    pub(super) pending: Option<Vec<Encoding>>,
    pub(super) hash: Sha256,
    pub(super) committed: [u8; 32],
    pub(super) theirs: Vec<Encoding>,
    /// The peer's entries under our key as well.
    pub(super) twice: Vec<Encoding>,
}

/// PAIR IDs of the peer's entries, sorted, and the entries in the same order where we keep them.
pub(super) struct Ids {
    pub(super) pair_ids: Vec<Encoding>,
    pub(super) entries: Option<Vec<Encoding>>,
}

/// PAIR IDs on their way.
pub(super) struct PairIds {
    pub(super) ours: Ids,
    pub(super) sent: usize,
    pub(super) arrivals: Arrivals,
    pub(super) hash: Sha256,
    pub(super) committed: [u8; 32],
    /// Where in our PAIR IDs the next that arrives can stand.
    pub(super) at: usize,
    pub(super) matched: Vec<u32>,
}

impl Lists {
    pub(super) fn receive(&mut self, points: Vec<Encoding>) -> Result<()> {
        self.arrivals.check(&points)?;
        points.iter().for_each(|point| self.hash.update(point.0));
        self.pending = Some(points);
        Ok(())
    }
}

impl PairIds {
    /// Both lists are sorted, so each run is compared as it arrives, and not kept.
    pub(super) fn receive(&mut self, points: &[Encoding]) -> Result<()> {
        self.arrivals.check(points)?;
        for point in points {
            self.hash.update(point.0);
            let left = self.ours.pair_ids.get(self.at..).unwrap_or_default();
            self.at += left.iter().take_while(|ours| *ours < point).count();
            if self.ours.pair_ids.get(self.at) == Some(point) {
                self.matched.push(self.at as u32); // lists have fewer than 2^32 entries
            }
        }
        Ok(())
    }
}

/// What is committed to.
#[derive(Clone, Copy)]
pub(super) enum Stage {
    List = 1,
    PairIds = 2,
}

/// Sends the next run of a sorted list.
pub(super) fn send(list: &[Encoding], sent: &mut usize, room: bool) -> Step {
    if !room {
        return Step::Wait;
    }
    let left = &list[*sent..];
    let run = &left[..left.len().min(POINTS_PER_FRAME)];
    *sent += run.len();
    Step::Send(Frame::Points(run.to_vec()))
}
