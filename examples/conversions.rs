//! What did the people who saw an advertisement spend?
//!
//! The advertiser has its orders; the platform has those who were shown the advertisement. The advertiser
//! learns how many of its customers were, and what they spent in total: conversions attributed to an
//! exposed audience. The platform learns how many, and nothing of what anybody spent.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use blindmatch::bench::workload;
use blindmatch::protocol::{Input, Party, ProtocolName, Values};
use blindmatch::session::{self, Session, Settings};
use blindmatch::{Error, Result};

/// Orders by customer, in cents. No order counts for more than 500.00.
const ORDERS: [(&str, u64); 6] = [
    ("ada@example.com", 1_299),
    ("ben@example.com", 25_000),
    ("cleo@example.com", 8_050),
    ("dora@example.com", 995),
    ("emil@example.com", 400_000), // bought for a whole office
    ("fred@example.com", 3_300),
];
const CLIP: u64 = 50_000;

const EXPOSED: [&str; 5] = [
    "ben@example.com",
    "cleo@example.com",
    "emil@example.com",
    "gina@example.com",
    "hugo@example.com",
];

fn main() -> Result<()> {
    let customers = workload::list(ORDERS.map(|(address, _)| address))?;
    // A list has an order of its own; its occurrences lead back to rows.
    let spent = |index| ORDERS[customers.occurrences(index)[0].row as usize].1;
    let values = Arc::new(Values::new((0..customers.len()).map(spent).collect()));

    let side = |party, input: Input| {
        let mut settings = Settings::new(party);
        settings.protocol = ProtocolName::Sum;
        settings.clip = Some(CLIP);
        settings.min_audience = Some(3);
        Session::new(settings, input)
    };
    let sides = [
        side(Party::Advertiser, Input::with_values(Arc::clone(&customers), values))?,
        side(Party::Platform, workload::list(EXPOSED)?.into())?,
    ];
    let [advertiser, platform] = session::in_turn(sides, &AtomicBool::new(false))?;

    let (count, total) = (advertiser.answer.count, advertiser.answer.sum.unwrap_or_default());
    let clipped = advertiser.answer.clipped.unwrap_or_default();
    println!(
        "the advertiser learns that {} of its customers saw it, and spent {}.{:02} in total",
        count.unwrap_or_default(),
        total / 100,
        total % 100
    );
    println!("  ({clipped} of its values, whoever's, was cut down to {}.00)", CLIP / 100);
    println!("  of nobody does it learn whether they saw it");
    println!(
        "the platform learns that {} of those who saw it are customers, and of no order its value",
        platform.answer.count.unwrap_or_default()
    );

    // What the same comes to with both lists on one table.
    let exposed = HashSet::from(EXPOSED);
    let matched = ORDERS.iter().filter(|(address, _)| exposed.contains(address));
    if total != matched.map(|(_, cents)| cents.min(&CLIP)).sum::<u64>() || count != Some(3) {
        return Err(Error::WrongAnswer("not what a plain loop gives".into()));
    }
    Ok(())
}
