//! How many people do two lists share, where each has several identifiers of a person?
//!
//! Counted one by one, somebody who matches by e-mail and by phone is two. Here a person counts once, at
//! the best of its identifiers that matches, whichever protocol counts.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use blindmatch::consent::{Candidate, ConsentedList, Gate, Policy, Purpose, Purposes, Record};
use blindmatch::identifier::{Identifier, Kind, Profile};
use blindmatch::list::{People, Ranks};
use blindmatch::protocol::{Input, Party, ProtocolName, Unit, Values};
use blindmatch::session::{self, Outcome, Session, Settings};
use blindmatch::{Error, Result};
use jiff::Timestamp;

/// A name that stays here, what each may be matched by, and what each spent, in cents.
const CUSTOMERS: [(&str, &[&str], u64); 5] = [
    ("Ada", &["ada@example.com", "+12015550101"], 10_00),
    ("Ben", &["ben@example.com", "+12015550102"], 20_00),
    ("Cleo", &["cleo@example.com", "+12015550103"], 40_00), // lives with Dora
    ("Dora", &["dora@example.com", "+12015550103"], 80_00),
    ("Emil", &["emil@example.com"], 160_00),
];

/// The platform's users: of some it has the e-mail address, of some the number, of some both.
const USERS: [&[&str]; 5] = [
    &["ada@example.com", "+12015550101"],
    &["ben.private@example.com", "+12015550102"],
    &["+12015550103"],
    &["emil@example.com", "+12015550199"],
    &["fred@example.com"],
];

fn main() -> Result<()> {
    let customers = list(CUSTOMERS.map(|(_, identifiers, _)| identifiers))?;
    let people = Arc::new(People::by_row(&customers, Ranks::default())?);
    println!(
        "the advertiser has {} people with {} identifiers, of which {} is of two people: it counts for \
         the first",
        people.len(),
        customers.len(),
        people.shared()
    );

    println!("--protocol dh: the advertiser learns which");
    let input = Input::with_people(Arc::clone(&customers), Arc::clone(&people));
    let [advertiser, platform] = run(ProtocolName::Dh, input)?;
    let matched = advertiser.answer.matched.clone().unwrap_or_default();
    for element in people.best(&matched) {
        let row = customers.occurrences(element as usize)[0].row as usize;
        let kind = customers.kind(element as usize).map_or("", Kind::name);
        println!("  {} matched by {kind}", CUSTOMERS[row].0);
    }
    println!("  {} people by {} identifiers", told(&advertiser), matched.len());
    println!("  the platform counts {} people before it releases them", told(&platform));

    println!("--protocol sum: nobody learns which");
    let spent = CUSTOMERS.iter().map(|(_, _, cents)| *cents).collect();
    let values = Arc::new(Values::new(spent));
    let input = Input::with_values_of_people(Arc::clone(&customers), Arc::clone(&people), values);
    let [ours, theirs] = run(ProtocolName::Sum, input)?;
    let total = ours.answer.sum.unwrap_or_default();
    println!("  the advertiser learns {} people, who spent {}.00", told(&ours), total / 100);
    println!(
        "  the platform learns {} people, and how many identifiers the advertiser has of each: of \
         whom, it does not learn",
        told(&theirs)
    );

    // What the same comes to with both lists on one table.
    let (count, sum) = plainly();
    let counts = [&advertiser, &platform, &ours, &theirs].map(told);
    match counts == [count; 4] && total == sum {
        true => Ok(()),
        false => Err(Error::WrongAnswer("not what a plain loop gives".into())),
    }
}

/// The advertiser learns matches, or the total, if at least two people match.
fn run(protocol: ProtocolName, input: Input) -> Result<[Outcome; 2]> {
    let side = |party, input| {
        let mut settings = Settings::new(party);
        settings.protocol = protocol;
        settings.unit = Unit::People;
        settings.min_audience = Some(2);
        settings.clip = (protocol == ProtocolName::Sum).then_some(500_00);
        Session::new(settings, input)
    };
    let sides = [side(Party::Advertiser, input)?, side(Party::Platform, list(USERS)?.into())?];
    session::in_turn(sides, &AtomicBool::new(false))
}

fn told(outcome: &Outcome) -> u64 {
    outcome.answer.count.unwrap_or_default()
}

/// One person a row, everybody with consent.
fn list<const N: usize>(rows: [&[&str]; N]) -> Result<Arc<ConsentedList>> {
    let purpose = Purpose::TARGETED_ADVERTISING;
    let mut gate = Gate::new(Policy::new(purpose, Timestamp::now())?, Profile::default());
    let record = Record { purposes: Purposes::parse(purpose.name()), ..Record::default() };
    let mut candidates = Vec::new();
    for (identifiers, row) in rows.into_iter().zip(0..) {
        for (text, column) in identifiers.iter().zip(0..) {
            let kind = if text.contains('@') { Kind::Email } else { Kind::Phone };
            let identifier = Identifier::from_normalised(kind, text);
            candidates.push(Candidate { identifier, row, column, record: record.clone() });
        }
    }
    gate.count_rows(N as u64);
    gate.offer(candidates)?;
    Ok(Arc::new(gate.finish()))
}

/// How many customers match, and what they spent.
fn plainly() -> (u64, u64) {
    let mut owner = HashMap::new();
    for (customer, (_, identifiers, _)) in CUSTOMERS.iter().enumerate() {
        for identifier in *identifiers {
            owner.entry(*identifier).or_insert(customer);
        }
    }
    let mut matched = [false; CUSTOMERS.len()];
    for identifier in USERS.into_iter().flatten() {
        if let Some(&customer) = owner.get(identifier) {
            matched[customer] = true;
        }
    }
    let of = CUSTOMERS.iter().zip(matched).filter(|(_, matched)| *matched);
    of.fold((0, 0), |(count, sum), ((_, _, cents), _)| (count + 1, sum + cents))
}
