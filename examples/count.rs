//! How many customers do two lists share, without anybody learning which?
//!
//! `count` loses the positions before anything is compared. With a minimum audience, the platform counts
//! first and says the number only if it is large enough.

use std::sync::atomic::AtomicBool;

use blindmatch::Result;
use blindmatch::bench::workload;
use blindmatch::protocol::{Party, ProtocolName, Reveal};
use blindmatch::session::{self, Outcome, Session, Settings};

fn main() -> Result<()> {
    for (reveal, least) in [(Reveal::Advertiser, 0), (Reveal::Both, 0), (Reveal::Advertiser, 100)] {
        println!("--reveal {reveal}, at least {least}:");
        let [advertiser, platform] = run(reveal, least)?;
        println!("  the advertiser learns {}", learnt(&advertiser));
        println!("  the platform learns {}", learnt(&platform));
    }
    Ok(())
}

/// The advertiser has people 0 to 999, the platform 960 to 9,999: they share 40.
fn run(reveal: Reveal, least: u64) -> Result<[Outcome; 2]> {
    let side = |party, numbers| {
        let mut settings = Settings::new(party);
        settings.protocol = ProtocolName::Count;
        settings.reveal = reveal;
        settings.min_audience = Some(least);
        Session::new(settings, workload::people(numbers)?)
    };
    let sides = [side(Party::Advertiser, 0..1000)?, side(Party::Platform, 960..10_000)?];
    session::in_turn(sides, &AtomicBool::new(false))
}

fn learnt(outcome: &Outcome) -> String {
    let size = outcome.terms.their_elements;
    match (outcome.answer.count, outcome.answer.withheld) {
        (Some(count), true) => format!("that {count} match, too few to tell; the other has {size}"),
        (Some(count), false) => format!("that {count} match; the other has {size}"),
        (None, true) => format!("that too few match; the other has {size}"),
        (None, false) => format!("only that the other has {size}"),
    }
}
