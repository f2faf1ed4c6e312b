//! Memory of each side at its peak: bytes an element, as the modules of the protocols have them, and
//! what programs hold besides, as measured on Linux.

use super::{Question, Setting, Way, traffic};
use crate::protocol::{Party, ProtocolName, Reveal};
use crate::set::SetParameters;

/// The most bytes that each side holds, the advertiser's first; in one process those of the process,
/// twice. `bytes` are those that the advertiser sends and receives.
pub(super) fn peaks(way: Way, question: &Question, bytes: [u64; 2]) -> [u64; 2] {
    let memory = Memory { way, question, bytes: bytes.map(|bytes| bytes as f64) };
    let peaks = match question.setting {
        Setting::Process => [memory.together(); 2],
        _ => [0, 1].map(|side| memory.alone(side)),
    };
    peaks.map(|bytes| bytes.round() as u64)
}

/// Of `prepare`.
pub(super) fn preparing(question: &Question) -> u64 {
    let rows = question.sizes[1] as f64;
    (BASE + buffers(rows) + READING * rows).round() as u64
}

struct Memory<'a> {
    way: Way,
    question: &'a Question,
    bytes: [f64; 2],
}

impl Memory<'_> {
    /// Of a side with a program of its own.
    fn alone(&self, side: usize) -> f64 {
        let link = (2.5 * self.bytes[1 - side]).min(LINK);
        if self.way.prepared && side == 1 {
            return BASE + link + self.set_bytes() + self.answers(self.question.sizes[0] as f64);
        }
        let rows = self.question.sizes[side] as f64;
        let session = LIST * rows + self.session(side) + link;
        BASE + buffers(rows) + session.max(READING * rows)
    }

    /// Of both in one.
    fn together(&self) -> f64 {
        let [ours, theirs] = self.question.sizes.map(|size| size as f64);
        let link = (2.5 * (self.bytes[0] + self.bytes[1])).min(2.0 * LINK);
        if self.way.prepared {
            let session = LIST * ours + self.session(0) + link + self.set_bytes();
            return BASE + buffers(ours) + session.max(READING * ours);
        }
        // The second list is read while the first is held.
        let reading = (READING * ours).max(LIST * ours + READING * theirs);
        let session = LIST * (ours + theirs) + self.session(0) + self.session(1) + link;
        BASE + buffers(ours.max(theirs)) + session.max(reading)
    }

    /// What a session holds besides the list, at one side.
    fn session(&self, side: usize) -> f64 {
        let (own, peers) = (self.question.sizes[side] as f64, self.question.sizes[1 - side] as f64);
        match self.way.protocol {
            // Points and their places, then tags; of the peer's elements the tags.
            ProtocolName::Dh | ProtocolName::Count => 40.0 * own + 20.0 * peers,
            // Encrypted values, and a run of them decoded.
            ProtocolName::Sum if side == 1 => {
                40.0 * own + (16.0 + 64.0) * peers + 300.0 * peers.min(RUN)
            }
            // Entries and PAIR IDs of the peer's list, sorted with their entries at the advertiser.
            ProtocolName::Pair if side == 0 => 36.0 * own + 144.0 * peers,
            ProtocolName::Pair => 36.0 * own + 72.0 * peers,
            ProtocolName::Sum => 48.0 * own + 20.0 * peers + 400.0 * own.min(RUN),
            _ => self.oblivious(side, own, peers),
        }
    }

    fn oblivious(&self, side: usize, own: f64, peers: f64) -> f64 {
        let party = if side == 0 { Party::Advertiser } else { Party::Platform };
        let labelled = self.way.protocol == ProtocolName::Labelled;
        let mut bytes = 0.0;
        if self.question.reveal.gives_matches_to(party) {
            // Points and blinds; outputs with their places; secrets that open labels.
            let secrets = if labelled { 32.0 } else { 0.0 };
            bytes += (68.0 + 32.0 + secrets) * own + 2.0 * self.proof() * own.min(RUN);
        }
        if self.question.reveal.gives_matches_to(party.peer()) {
            // Outputs and the set; labels, sealed, with their order.
            let width = f64::from(traffic::label_width(self.question.label_bytes));
            let labels = if labelled { width + 16.0 + 4.0 + 32.0 + width } else { 0.0 };
            bytes += (16.0 + labels) * own + self.set_bytes() + self.answers(peers);
        }
        bytes
    }

    /// Of a sender: answers that wait, half of them at the worst, and a run decoded for its proof.
    fn answers(&self, peers: f64) -> f64 {
        16.0 * peers + self.proof() * peers.min(RUN)
    }

    /// A point of a run that is decoded and weighted, for a proof.
    fn proof(&self) -> f64 {
        if self.way.protocol == ProtocolName::Oprf { 0.0 } else { 150.0 }
    }

    /// The set that the platform makes, or the advertiser where it alone does.
    fn set_bytes(&self) -> f64 {
        let question = self.question;
        let (elements, queries) = match question.reveal {
            Reveal::Platform => (question.sizes[0], question.sizes[1]),
            _ if self.way.prepared => (question.sizes[1], question.max_queries()),
            _ => (question.sizes[1], question.sizes[0]),
        };
        SetParameters::new(elements, queries.max(1)).map_or(0.0, |set| traffic::set(set) as f64)
    }
}

/// What is held of a list while it is read: text, and rows that are parsed. The allocator keeps it.
fn buffers(rows: f64) -> f64 {
    (400.0 * rows).min(13e6)
}

/// A consented list: [`ConsentedList`](crate::ConsentedList).
const LIST: f64 = 45.0;

/// While the gate makes it: its entries twice.
const READING: f64 = 85.0;

/// The program and its threads.
const BASE: f64 = 11.5e6;

/// Frames that arrived and wait, at most.
const LINK: f64 = 4.5e6;

/// Elements of a run that are worked on together.
const RUN: f64 = 16_384.0;
