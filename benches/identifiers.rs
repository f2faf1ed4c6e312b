//! Normalising identifiers, and the consent gate: `cargo bench --bench identifiers`.
//!
//! - `normalise`: addresses and numbers as people write them, by profile, one core. Each text is compared with
//!   what it should be.
//! - `identify`: the same with SHA-256, as lists do it.
//! - `gate`: rows with consent records on all cores, eight of ten of them refused for seven reasons, with
//!   duplicates and noes that take out another row. The tally is compared with the exact one.
//! - `admit`: the same rows from CSV.

mod common;

use std::collections::BTreeMap;
use std::fmt::Write;
use std::time::Duration;

use blindmatch::consent::{
    Candidate, Gate, Policy, Purpose, Purposes, Record, Refusal, Signal, Suppression, Tally,
    Timestamp,
};
use blindmatch::identifier::{Identifier, Kind, Profile, Region};
use blindmatch::list::{Options, Source, admit};
use criterion::{BatchSize, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};

fn normalise(criterion: &mut Criterion) {
    let region = Some(Region::parse("US").expect("a region"));
    let size = if common::is_test() { 64 } else { 4096 };
    let mut group = criterion.benchmark_group("normalise");
    group.throughput(Throughput::Elements(size as u64));
    for (kind, raw) in [(Kind::Email, email as fn(_, _) -> _), (Kind::Phone, phone)] {
        for profile in Profile::ALL {
            let (raw, expected): (Vec<String>, Vec<Option<String>>) =
                (0..size).map(|i| raw(i, profile)).unzip();
            let normalise = |raw: &String| profile.normalise(kind, raw.as_bytes(), region).ok();
            group.bench_function(BenchmarkId::new(kind.name(), profile.name()), |bencher| {
                bencher.iter(|| {
                    let texts = raw.iter().map(normalise);
                    assert!(texts.map(|text| text.map(|t| t.to_string())).eq(expected.clone()));
                });
            });
        }
    }
    group.finish();
    identify(criterion, size, region);
}

fn identify(criterion: &mut Criterion, size: usize, region: Option<Region>) {
    let mut group = criterion.benchmark_group("identify");
    group.throughput(Throughput::Elements(size as u64));
    let profile = Profile::default();
    for (kind, raw) in [(Kind::Email, email as fn(_, _) -> _), (Kind::Phone, phone)] {
        let (raw, expected): (Vec<String>, Vec<Option<String>>) =
            (0..size).map(|i| raw(i, profile)).unzip();
        let identify = |raw: &String| profile.identify(kind, raw.as_bytes(), region).ok();
        let found: Vec<Identifier> = raw.iter().filter_map(identify).collect();
        assert_eq!(found.len(), expected.iter().flatten().count());
        let due = expected.iter().flatten().map(|text| Identifier::from_normalised(kind, text));
        assert!(all_stand_on(due.collect(), Suppression::new(found)), "other digests");
        group.bench_function(BenchmarkId::new(kind.name(), profile.name()), |bencher| {
            bencher.iter(|| raw.iter().filter_map(identify).count());
        });
    }
    group.finish();
}

/// Whether a list holds all these identifiers, which cannot be compared but by the gate.
fn all_stand_on(identifiers: Vec<Identifier>, list: Suppression) -> bool {
    let (size, mut gate) = (identifiers.len() as u64, gate(list));
    let candidates = identifiers.into_iter().map(|identifier| {
        let record = Record::default();
        Candidate { identifier, row: 0, column: 0, record }
    });
    gate.offer(candidates.collect()).expect("judged");
    gate.finish().tally().refused == BTreeMap::from([(Refusal::Suppressed, size)])
}

/// An address as people write it, and what becomes of it; one in 16 is none.
fn email(i: usize, profile: Profile) -> (String, Option<String>) {
    let plain = format!("person.{i}@example.com");
    match i % 16 {
        0 => (format!("person.{i}.example.com"), None),
        1 => (
            format!("person.{i}@b\u{fc}cher.example"),
            Some(format!("person.{i}@xn--bcher-kva.example")),
        ),
        // No Gmail address is as short as these.
        2 | 3 if matches!(profile, Profile::Google | Profile::Uid2) => {
            (format!("P.{i}+news@gmail.com"), Some(format!("p{i}@gmail.com")))
        }
        2 | 3 => (format!("P.{i}+news@gmail.com"), Some(format!("p.{i}+news@gmail.com"))),
        4..8 => (format!("  Person.{i}@Example.COM "), Some(plain)),
        _ => (plain.clone(), Some(plain)),
    }
}

/// A fictional number as people write it, and what becomes of it; one in 16 is none.
fn phone(i: usize, profile: Profile) -> (String, Option<String>) {
    let area = [201, 202, 212, 312, 415, 617, 713, 808][i / 100 % 8];
    let line = i % 100;
    let raw = match i % 16 {
        0 => return (format!("55501{line:02}"), None),
        1..4 => format!("({area}) 555-01{line:02}"),
        4..8 => format!("+1 {area}-555-01{line:02}"),
        8..10 => format!("{area}.555.01{line:02} ext. 7"),
        _ => format!("+1{area}55501{line:02}"),
    };
    let plus = if profile == Profile::Meta { "" } else { "+" };
    (raw, Some(format!("{plus}1{area}55501{line:02}")))
}

fn consent(criterion: &mut Criterion) {
    let folder = tempfile::tempdir().expect("a folder");
    for rows in common::sizes([1_000, 10_000, 100_000]) {
        let mut group = criterion.benchmark_group("consent");
        group.throughput(Throughput::Elements(rows)).sample_size(20);
        let candidates = || (0..rows as u32).map(candidate).collect::<Vec<_>>();
        let expected = exact_tally(rows);
        group.bench_function(BenchmarkId::new("gate", rows), |bencher| {
            let ready = || (gate(suppressed(rows)), candidates());
            let pass = |(mut gate, candidates): (Gate, _)| {
                gate.count_rows(rows);
                gate.offer(candidates).expect("judged");
                assert_eq!(*gate.finish().tally(), expected);
            };
            bencher.iter_batched(ready, pass, BatchSize::LargeInput);
        });

        let path = folder.path().join(format!("{rows}.csv"));
        std::fs::write(&path, csv(rows)).expect("written");
        let source = Source::open(&path, Options::default()).expect("a list");
        group.bench_function(BenchmarkId::new("admit", rows), |bencher| {
            let pass = |suppressed| {
                let admitted = admit(&source, policy(), suppressed, &mut ()).expect("a list");
                assert_eq!(*admitted.list.tally(), expected);
            };
            bencher.iter_batched(|| suppressed(rows), pass, BatchSize::LargeInput);
        });
        group.finish();
    }
}

fn policy() -> Policy {
    let now: Timestamp = "2026-06-01T00:00:00Z".parse().expect("an instant");
    Policy::new(Purpose::TARGETED_ADVERTISING, now).expect("a purpose")
}

fn gate(suppression: Suppression) -> Gate {
    Gate::new(policy(), Profile::default()).suppressing(suppression)
}

/// Rows come in tens, one of each: what is on record, as in CSV. See [`exact_tally`].
const RECORDS: [&str; 10] = [
    "AccountManagement,TargetedAdvertising,2026-01-15T09:30:00Z,,,", // admitted
    "AccountManagement,TargetedAdvertising,2026-01-15T09:30:00Z,,,", // the same person again
    "AccountManagement,TargetedAdvertising,2026-01-15T09:30:00Z,,,", // withdrawn in the last row
    "AccountManagement,TargetedAdvertising,2026-01-15T09:30:00Z,,,", // suppressed
    ",,,,,",                                                         // nothing on record
    "AccountManagement,DirectMarketing,2026-01-15T09:30:00Z,,,",
    "IdentityAuthentication,TargetedAdvertising,2026-01-15T09:30:00Z,,,",
    "AccountManagement,TargetedAdvertising,2026-01-15T09:30:00Z,2026-05-01T00:00:00Z,,",
    "AccountManagement,TargetedAdvertising,2026-01-15T09:30:00Z,,,DENIED",
    "AccountManagement,TargetedAdvertising,2026-01-15T09:30:00Z,,2026-03-01T00:00:00Z,",
];

/// The address of a row: rows 0 and 1 of ten have the same, and rows 2 and 9.
fn address(row: u32) -> String {
    let (ten, place) = (row / 10, row % 10);
    let person = match place {
        1 => 0,
        9 => 2,
        place => place,
    };
    format!("person.{}@example.com", ten * 10 + person)
}

fn candidate(row: u32) -> Candidate {
    let fields: Vec<&str> = RECORDS[row as usize % 10].split(',').collect();
    let instant = |text: &str| (!text.is_empty()).then(|| text.parse().expect("an instant"));
    let record = Record {
        collected_for: Purposes::parse(fields[0]),
        purposes: Purposes::parse(fields[1]),
        consented_at: instant(fields[2]),
        expires_at: instant(fields[3]),
        withdrawn_at: instant(fields[4]),
        ad_user_data: (fields[5] == "DENIED").then_some(Signal::Denied),
        ..Record::default()
    };
    let identifier = Identifier::from_normalised(Kind::Email, &address(row));
    Candidate { identifier, row, column: 0, record }
}

fn csv(rows: u64) -> String {
    let columns = "collected_for,purposes,consented_at,expires_at,withdrawn_at,ad_user_data";
    let mut text = format!("email,{columns}\n");
    for row in 0..rows as u32 {
        writeln!(text, "{},{}", address(row), RECORDS[row as usize % 10]).expect("to memory");
    }
    text
}

/// The fourth of each ten.
fn suppressed(rows: u64) -> Suppression {
    let rows = (3..rows as u32).step_by(10);
    let digest = |row| Identifier::from_normalised(Kind::Email, &address(row));
    Suppression::new(rows.map(digest).collect())
}

/// Of each ten, two of one person are admitted, and eight refused.
fn exact_tally(rows: u64) -> Tally {
    let tens = rows / 10;
    let refused = [
        (Refusal::Suppressed, tens),
        (Refusal::NoRecord, tens),
        (Refusal::PurposeNotGranted, tens),
        (Refusal::CollectedForSecurity, tens),
        (Refusal::Expired, tens),
        (Refusal::SignalNotGranted, tens),
        (Refusal::Withdrawn, 2 * tens),
    ];
    Tally {
        rows,
        identifiers: rows,
        admitted: 2 * tens,
        refused: refused.into(),
        duplicates: tens,
        distinct: tens,
        ..Tally::default()
    }
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(2));
    targets = normalise, consent
}
criterion_main!(benches);
