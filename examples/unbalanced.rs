//! How does a small list meet a large one that was evaluated once, yesterday?
//!
//! The platform evaluates its list once for an epoch and an advertiser. Each session then costs what
//! the small list costs, and the transfer of the compressed set. `blindmatch prepare` does the same
//! with files.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use blindmatch::Result;
use blindmatch::bench::workload;
use blindmatch::key::epoch::{EpochBinding, EpochSecret};
use blindmatch::prepare::{Options, PreparedSet};
use blindmatch::protocol::{Input, Party, ProtocolName};
use blindmatch::session::{self, Session, Settings};

fn main() -> Result<()> {
    let (ours, theirs) = (workload::people(0..100)?, workload::people(50..20_000)?);

    // Once an epoch: a key for this epoch, advertiser, purpose and profile, and the whole list under it.
    let started = Instant::now();
    let secret = EpochSecret::generate(&mut rand::rng());
    let binding = EpochBinding::new("2026-11", "shop", theirs.purpose(), theirs.profile())?;
    let mut options = Options::default();
    options.max_queries = 1000;
    let go_on = &mut |_| ControlFlow::Continue(());
    let set = PreparedSet::in_memory(&theirs, &secret, &binding, &options, go_on)?;
    println!(
        "prepared {} entries in {:.0?}: {} kB, {} bits each",
        set.elements(),
        started.elapsed(),
        set.set().bytes() / 1000,
        8 * set.set().bytes() / set.elements()
    );

    // As often as there is something new to match.
    let set = Arc::new(set);
    for round in 1..=2 {
        let started = Instant::now();
        let side = |party, input: Input, most| {
            let mut settings = Settings::new(party);
            (settings.protocol, settings.max_elements) = (ProtocolName::Voprf, most);
            Session::new(settings, input)
        };
        let sides = [
            side(Party::Advertiser, Arc::clone(&ours).into(), 1 << 20)?,
            side(Party::Platform, Arc::clone(&set).into(), set.max_queries())?,
        ];
        let [advertiser, platform] = session::in_turn(sides, &AtomicBool::new(false))?;
        println!("session {round}, {:.0?}:", started.elapsed());
        println!(
            "  the advertiser learns that the other list has {} entries and which {} of its own match",
            advertiser.terms.their_elements,
            advertiser.answer.count.unwrap_or_default()
        );
        println!(
            "  the platform learns that the other list has {} entries, and nothing else",
            platform.terms.their_elements
        );
    }
    Ok(())
}
