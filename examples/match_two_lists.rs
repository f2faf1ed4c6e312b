//! How do two lists meet inside my program, and who learns what?
//!
//! Two threads play the two parties. Everything that crosses between them crosses as frames, as it
//! would over a network.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::thread;

use blindmatch::bench::workload;
use blindmatch::protocol::{Party, Reveal};
use blindmatch::session::{Outcome, Session, Settings};
use blindmatch::transport::{Link, Timing, drive, memory};
use blindmatch::{ConsentedList, Result};

const ADVERTISER: [&str; 3] = ["ada@example.com", "ben@example.com", "cleo@example.com"];
const PLATFORM: [&str; 4] =
    ["ben@example.com", "cleo@example.com", "dora@example.com", "emil@example.com"];

fn main() -> Result<()> {
    // In a real program a list comes from a file, through `list::admit`; either way it passes the
    // consent gate, and nothing else can be matched.
    let (ours, theirs) = (workload::list(ADVERTISER)?, workload::list(PLATFORM)?);
    for reveal in Reveal::ALL {
        println!("reveal {reveal}:");
        let [link, peer] = memory::pair();
        let (advertiser, platform) = thread::scope(|scope| {
            let platform = scope.spawn(|| side(Party::Platform, reveal, &theirs, peer));
            let advertiser = side(Party::Advertiser, reveal, &ours, link);
            (advertiser, platform.join().expect("the other side does not panic"))
        });
        tell("advertiser", &ours, &ADVERTISER, &advertiser?);
        tell("platform", &theirs, &PLATFORM, &platform?);
    }
    Ok(())
}

fn side(party: Party, reveal: Reveal, list: &Arc<ConsentedList>, link: Link) -> Result<Outcome> {
    let mut settings = Settings::new(party);
    settings.reveal = reveal;
    let session = Session::new(settings, Arc::clone(list))?;
    drive(session, link, Timing::default(), &AtomicBool::new(false), &mut ())
}

fn tell(who: &str, list: &ConsentedList, rows: &[&str], outcome: &Outcome) {
    let peer = outcome.terms.their_elements;
    print!("  the {who} learns that the other list has {peer} entries");
    match (&outcome.answer.matched, outcome.answer.count) {
        (Some(matched), _) => {
            let names = workload::rows(list, matched).into_iter().map(|row| rows[row as usize]);
            println!(" and that these match: {}", names.collect::<Vec<_>>().join(", "));
        }
        (None, Some(count)) => println!(" and that {count} match"),
        (None, None) => println!(", and nothing else"),
    }
}
