//! How does an advertiser get the platform's label for each of its matches, and for nobody else?
//!
//! Each label is sealed under a key that follows from the oblivious function's output for its
//! identifier. The advertiser has outputs for its own identifiers only.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use blindmatch::Result;
use blindmatch::bench::workload;
use blindmatch::label::Labels;
use blindmatch::protocol::{Input, Party, ProtocolName};
use blindmatch::session::{self, Session, Settings};

const ADVERTISER: [&str; 3] = ["ada@example.com", "ben@example.com", "cleo@example.com"];
const PLATFORM: [(&str, &str); 4] = [
    ("ben@example.com", "gold"),
    ("cleo@example.com", "silver"),
    ("dora@example.com", "gold, since 2019"),
    ("emil@example.com", "closed"),
];

fn main() -> Result<()> {
    let ours = workload::list(ADVERTISER)?;
    let theirs = workload::list(PLATFORM.map(|(address, _)| address))?;
    // A list has an order of its own; its occurrences lead back to rows.
    let row = |index| theirs.occurrences(index)[0].row as usize;
    let labels = Labels::new((0..theirs.len()).map(|index| PLATFORM[row(index)].1))?;
    let theirs = Input::with_labels(Arc::clone(&theirs), Arc::new(labels));

    let side = |party, input| {
        let mut settings = Settings::new(party);
        settings.protocol = ProtocolName::Labelled;
        Session::new(settings, input)
    };
    let sides = [side(Party::Advertiser, ours.clone().into())?, side(Party::Platform, theirs)?];
    let [advertiser, platform] = session::in_turn(sides, &AtomicBool::new(false))?;

    let answer = advertiser.answer;
    let matched = answer.matched.unwrap_or_default();
    for (index, label) in matched.iter().zip(answer.labels.unwrap_or_default()) {
        let row = workload::rows(&ours, &[*index])[0];
        let label = label.unwrap_or_default();
        println!("the advertiser learns of {}: {label}", ADVERTISER[row as usize]);
    }
    println!(
        "the platform learns that the other list has {} entries, and nothing else",
        platform.terms.their_elements
    );
    Ok(())
}
