//! How do two parties that do not trust each other both learn what they have in common?
//!
//! Each is sender and receiver at once, with a key of its own for each direction, and proves every
//! answer that it gives.

use std::sync::atomic::AtomicBool;

use blindmatch::Result;
use blindmatch::bench::workload;
use blindmatch::protocol::{Party, ProtocolName, Reveal};
use blindmatch::session::{self, Session, Settings};

const ADVERTISER: [&str; 3] = ["ada@example.com", "ben@example.com", "cleo@example.com"];
const PLATFORM: [&str; 4] =
    ["ben@example.com", "cleo@example.com", "dora@example.com", "emil@example.com"];

fn main() -> Result<()> {
    let lists = [workload::list(ADVERTISER)?, workload::list(PLATFORM)?];
    let side = |party, list| {
        let mut settings = Settings::new(party);
        (settings.protocol, settings.reveal) = (ProtocolName::TwoHash, Reveal::Both);
        Session::new(settings, list)
    };
    let [ours, theirs] = lists.clone();
    let sides = [side(Party::Advertiser, ours)?, side(Party::Platform, theirs)?];
    let outcomes = session::in_turn(sides, &AtomicBool::new(false))?;
    for ((outcome, list), rows) in outcomes.iter().zip(&lists).zip([&ADVERTISER[..], &PLATFORM]) {
        let matched = outcome.answer.matched.as_deref().unwrap_or_default();
        let names = workload::rows(list, matched).into_iter().map(|row| rows[row as usize]);
        println!(
            "the {} learns that the other list has {} entries and that these match: {}",
            outcome.terms.party,
            outcome.terms.their_elements,
            names.collect::<Vec<_>>().join(", ")
        );
    }
    Ok(())
}
