//! How do an advertiser and a publisher run PAIR, and who ends up with what?
//!
//! Both clean rooms run here, in one process; `blindmatch pair serve` and `connect` run them on two machines.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use blindmatch::bench::workload;
use blindmatch::pair::files::expiry;
use blindmatch::pair::folder::{Owner, Room, Rotate, rotate};
use blindmatch::pair::{MatchList, Run, Side};
use blindmatch::protocol::PairAnswer;
use blindmatch::{Result, session};
use jiff::{SignedDuration, Timestamp};

fn main() -> Result<()> {
    let folder = std::env::temp_dir().join(format!("blindmatch-pair-{}", std::process::id()));
    let result = cycle(&folder);
    let _ = std::fs::remove_dir_all(&folder); // the system clears the place as well
    result
}

fn cycle(folder: &std::path::Path) -> Result<()> {
    let today = Timestamp::now();
    let (ours, theirs) = (folder.join("advertiser"), folder.join("publisher"));
    let advertiser = Room::create(&ours, Owner::Advertiser, today)?;
    let publisher = Room::create(&theirs, Owner::Publisher, today)?;

    let customers = 0..2000;
    let first = run([&advertiser, &publisher], customers.clone(), Run::Match, today)?;
    tell("a match", &first, today);

    // Somebody opts out. As a match this would tell about one person; as an opt-out nobody gets a rate.
    let fewer = || 1..2000;
    let refused = run([&advertiser, &publisher], fewer(), Run::Match, today);
    println!("without one customer: {}", refused.expect_err("too close to the list before"));
    tell("an opt-out", &run([&advertiser, &publisher], fewer(), Run::OptOut, today)?, today);

    // 30 days later Ks has expired, and with it every Publisher Identifier.
    let later = today + SignedDuration::from_hours(24 * 30);
    let refused = run([&advertiser, &publisher], customers.clone(), Run::Match, later);
    println!("30 days later: {}", refused.expect_err("an expired key"));
    rotate(&theirs, Rotate::Expired, later)?;
    tell("after a rotation", &run([&advertiser, &publisher], customers, Run::Match, later)?, later);
    Ok(())
}

/// One session: the advertiser's customers against 5000 readers of the publisher's.
fn run(
    rooms: [&Room; 2],
    customers: std::ops::Range<u64>,
    run: Run,
    now: Timestamp,
) -> Result<[PairAnswer; 2]> {
    let list = |people| -> Result<_> { Ok(Arc::new(MatchList::new(workload::people(people)?))) };
    let [ours, theirs] = Side::both(rooms, [list(customers)?, list(1500..6500)?], run, now)?;
    let sessions = [ours.session(|_| {})?, theirs.session(|_| {})?];
    let outcomes = session::in_turn(sessions, &AtomicBool::new(false))?;
    Ok(outcomes.map(|outcome| *outcome.answer.pair.expect("a session of PAIR")))
}

fn tell(what: &str, [advertiser, publisher]: &[PairAnswer; 2], now: Timestamp) {
    let rate = |answer: &PairAnswer| answer.rate.map_or("none".into(), |rate| rate.to_string());
    let ids = advertiser.publisher_ids.as_deref().unwrap_or_default();
    println!("{what}: rates {} and {}", rate(advertiser), rate(publisher));
    if let Some(first) = ids.first() {
        println!("  Publisher Identifiers, such as {first}, until {}", expiry(now));
    }
}
