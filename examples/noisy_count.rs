//! What does a count say about one person, if the advertiser may ask again and again?
//!
//! An exact count says everything: ask with and without somebody, and compare. So the platform adds noise,
//! and its budget says how often: what all answers of a period tell together is differentially private.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use blindmatch::bench::workload;
use blindmatch::budget::{Budget, Epsilon, Policy};
use blindmatch::protocol::{Party, ProtocolName};
use blindmatch::session::{self, Outcome, Session, Settings};
use blindmatch::{Error, Result};

/// Of one answer: its noise has a scale of 4, so half of the answers are off by 3 or more.
const NOISE: Epsilon = Epsilon::from_millionths(250_000);

/// Of all answers in a day.
const BUDGET: Epsilon = Epsilon::from_millionths(1_000_000);

fn main() -> Result<()> {
    let folder = std::env::temp_dir().join(format!("blindmatch-noisy-{}", std::process::id()));
    let mut policy = Policy::per(Duration::from_secs(24 * 3600))?;
    policy.max_epsilon = Some(BUDGET);
    let budget = Arc::new(Budget::open(&folder, policy)?);
    println!("1,000 customers and 9,040 users, of whom 40 are both; epsilon {NOISE} an answer:");
    let refused = loop {
        match ask(&budget) {
            Ok([advertiser, platform]) => {
                println!("  the advertiser learns that {} match", learnt(&advertiser));
                assert_eq!(platform.answer.count, Some(40)); // it adds the noise, so it knows
            }
            Err(refused) => break refused,
        }
    };
    println!("  and no more: {refused}");
    assert!(matches!(refused, Error::BudgetSpent(_) | Error::Refused(_)));
    println!("The platform learnt each time that exactly 40 match.");
    std::fs::remove_dir_all(&folder).map_err(Error::io("removing the example's budget"))
}

fn ask(budget: &Arc<Budget>) -> Result<[Outcome; 2]> {
    let side = |party, numbers| {
        let mut settings = Settings::new(party);
        settings.protocol = ProtocolName::Count;
        settings.noise = Some(NOISE);
        if party == Party::Platform {
            settings.admission = Some(budget.account("SHA256:the advertiser's key"));
        }
        Session::new(settings, workload::people(numbers)?)
    };
    let sides = [side(Party::Advertiser, 0..1000)?, side(Party::Platform, 960..10_000)?];
    session::in_turn(sides, &AtomicBool::new(false))
}

fn learnt(outcome: &Outcome) -> String {
    let count = outcome.answer.count.map(|count| format!("about {count}"));
    count.unwrap_or_else(|| "too few".to_owned())
}
