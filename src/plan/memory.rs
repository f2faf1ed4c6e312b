//! Memory of each side at its peak: bytes an element, as the modules of the protocols have them.

use super::{Question, Setting, Way, traffic};
use crate::protocol::{ProtocolName, Reveal};
use crate::set::SetParameters;

/// The most bytes that each side holds, the advertiser's first. In one process both are its own share.
pub(super) fn peaks(way: Way, question: &Question) -> [u64; 2] {
    let sides = [0, 1].map(|side| {
        if way.prepared && side == 1 {
            return set_bytes(way, question) as f64 + BASE + LINK;
        }
        let reading = READING * question.sizes[side] as f64;
        let session = LIST * question.sizes[side] as f64 + session(way, question, side);
        reading.max(session) + BASE + LINK
    });
    sides.map(|bytes| bytes.round() as u64)
}

/// Of one process that is both sides.
pub(super) fn together(way: Way, question: &Question) -> u64 {
    let [ours, theirs] = question.sizes.map(|size| size as f64);
    // The second list is read while the first is held.
    let reading = (READING * ours).max(LIST * ours + READING * theirs);
    let held = match way.prepared {
        true => LIST * ours + session(way, question, 0) + set_bytes(way, question) as f64,
        false => {
            LIST * (ours + theirs) + session(way, question, 0) + session(way, question, 1)
        }
    };
    (if way.prepared { held.max(READING * ours) } else { held.max(reading) } + BASE + LINK).round() as u64
}

/// Of `prepare`.
pub(super) fn preparing(question: &Question) -> u64 {
    (READING * question.sizes[1] as f64 + BASE).round() as u64
}

/// Of either setting, the whole.
pub(super) fn of(way: Way, question: &Question) -> [u64; 2] {
    match question.setting {
        Setting::Process => {
            let all = together(way, question);
            [all, all]
        }
        _ => peaks(way, question),
    }
}

/// What a session holds besides the list, at one side.
fn session(way: Way, question: &Question, side: usize) -> f64 {
    let (own, peers) = (question.sizes[side] as f64, question.sizes[1 - side] as f64);
    match way.protocol {
        // Points and their places, then tags; of the peer's elements the tags.
        ProtocolName::Dh | ProtocolName::Count => 40.0 * own + 20.0 * peers,
        ProtocolName::Sum if side == 1 => 40.0 * own + (16.0 + 64.0) * peers,
        ProtocolName::Sum => 48.0 * own + 20.0 * peers,
        _ => {
            let [receives, sends] = roles(question.reveal, side);
            let labelled = way.protocol == ProtocolName::Labelled;
            let width = f64::from(traffic::label_width(question.label_bytes));
            // Points and blinds; outputs with their places; secrets that open labels.
            let receiver = (68.0 + 32.0 + if labelled { 32.0 } else { 0.0 }) * own;
            // Outputs, the set, and answers that wait; labels, sealed, with their order.
            let labels = if labelled { width + 16.0 + 4.0 + width + 8.0 } else { 0.0 };
            let sender = (16.0 + labels) * own + set_bytes(way, question) as f64 + 32.0 * peers;
            f64::from(u8::from(receives)) * receiver + f64::from(u8::from(sends)) * sender
        }
    }
}

/// Whether a side receives, and whether it sends.
fn roles(reveal: Reveal, side: usize) -> [bool; 2] {
    let receives = match reveal {
        Reveal::Advertiser => side == 0,
        Reveal::Platform => side == 1,
        Reveal::Both | Reveal::Count => true,
    };
    let sends = match reveal {
        Reveal::Advertiser => side == 1,
        Reveal::Platform => side == 0,
        Reveal::Both | Reveal::Count => true,
    };
    [receives, sends]
}

fn set_bytes(way: Way, question: &Question) -> u64 {
    let queries = if way.prepared { question.max_queries() } else { question.sizes[0] };
    let (elements, queries) = match question.reveal {
        Reveal::Platform => (question.sizes[0], question.sizes[1]),
        _ => (question.sizes[1], queries),
    };
    SetParameters::new(elements, queries.max(1)).map_or(0, traffic::set)
}

/// A consented list: [`ConsentedList`](crate::ConsentedList).
const LIST: f64 = 45.0;

/// While the gate makes it: its entries twice.
const READING: f64 = 85.0;

/// The program, its threads and its buffers for reading.
const BASE: f64 = 12e6;

/// Frames and pieces that wait, either way.
const LINK: f64 = 12e6;
