//! Why not just hash the lists?
//!
//! Because whoever gets a list of hashed phone numbers can hash every number there is, and look. This
//! does so: a list of fictional numbers is hashed with SHA-256, as is done today, and recovered by trying
//! all 8,000,000 numbers of one area code on all cores. A salt that both sides know changes nothing.
//! Then the same attack is run on the points that a session of blindmatch sends, and finds nothing.
//!
//! ```text
//! cargo run --release --example hashed_list_attack            # one area code: a second or two
//! cargo run --release --example hashed_list_attack -- --all   # all 800 area codes: some minutes
//! ```
//!
//! The numbers on the list are 555-0100 to 555-0199, which no one has: they are reserved for fiction.

use std::collections::{HashSet, VecDeque};
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Instant;

use blindmatch::consent::{Candidate, Gate, Policy, Purpose, Purposes, Record, Timestamp};
use blindmatch::group::{DomainTag, Encoding, Engine, SecretScalar};
use blindmatch::identifier::{Kind, Profile};
use blindmatch::protocol::Party;
use blindmatch::session::{Action, Session, Settings};
use blindmatch::wire::{Decoder, Frame};
use blindmatch::{ConsentedList, Result};
use rand::rand_core::{TryCryptoRng, TryRng};
use rand::rngs::StdRng;
use rayon::prelude::*;
use sha2::{Digest, Sha256};

fn main() -> Result<()> {
    let all = std::env::args().any(|argument| argument == "--all");
    // Half of the fictional numbers of area code 201, and some of each of three others.
    let list: Vec<String> = numbers(201, (0..100).step_by(2))
        .chain([212, 415, 808].into_iter().flat_map(|area| numbers(area, (0..100).step_by(10))))
        .collect();
    let areas = if all { 200..1000 } else { 201..202 };
    let due = list.iter().filter(|number| areas.contains(&area_of(number))).count();
    let cores = rayon::current_num_threads();
    println!("A list of {} fictional phone numbers; {cores} cores.\n", list.len());

    println!("1. The list as it is exchanged today, INSECURE: the SHA-256 of each number.");
    let hashed: Vec<[u8; 32]> = list.iter().map(|number| hash(&[], number.as_bytes())).collect();
    let rate = attack(&hashed, &[], areas.clone(), due);
    println!("   At this rate, for every number that could be:");
    for (country, numbers) in COUNTRIES {
        println!("   {country}: {numbers:.0e} numbers, {}", time(numbers / rate));
    }

    println!(
        "\n2. The same with a salt that both sides know, INSECURE: whoever has the list has the salt."
    );
    let salt = b"agreed on in spring";
    let salted: Vec<[u8; 32]> = list.iter().map(|number| hash(salt, number.as_bytes())).collect();
    attack(&salted, salt, areas, due);

    println!("\n3. What blindmatch sends for the same list: points, times a secret key.");
    let guesses: Vec<[u8; 33]> = (0..10_000).map(|line| guess(201, 555, line)).collect();
    let points = sent_points(consented(&list)?, rand::make_rng::<StdRng>())?;
    assert_eq!(points.len(), list.len());
    let started = Instant::now();
    let found = found_among(&points, &hashed_to_group(&guesses, None));
    let rate = guesses.len() as f64 / started.elapsed().as_secs_f64();
    println!(
        "   {} numbers tried, {rate:.1e} a second, all those of the list in area code 201 among them;",
        guesses.len()
    );
    println!("   {found} of {} points recognised.", points.len());
    assert_eq!(found, 0, "blinded points are recognised by nobody");
    println!(
        "   Right guesses look like wrong ones: an attacker needs the key, one of 2^252, that the"
    );
    println!(
        "   list's owner draws for this session and wipes after it. (A peer can still put guesses on"
    );
    println!("   its own list and match them, a session at a time: see the query budget.)");

    // The control: it is the key that keeps them, and nothing that this attack does wrong.
    let points = sent_points(consented(&list)?, Two)?;
    let found = found_among(&points, &hashed_to_group(&guesses, Some(&two())));
    println!(
        "   With a key that leaked (here a broken generator, so that it is 2): {found} of the 50."
    );
    assert_eq!(found, 50, "with the key the same attack works");
    Ok(())
}

/// Tries every number of these area codes; prints what came of it, and checks that it is `due` numbers, all of
/// them on the list. Gives numbers a second.
fn attack(list: &[[u8; 32]], salt: &[u8], areas: std::ops::Range<u32>, due: usize) -> f64 {
    let wanted = Wanted::new(list);
    let tried = u64::from(areas.end - areas.start) * 800 * 10_000;
    let started = Instant::now();
    let exchanges = areas
        .into_par_iter()
        .flat_map(|area| (200..1000u32).into_par_iter().map(move |exchange| (area, exchange)));
    let recovered: Vec<String> = exchanges
        .flat_map_iter(|(area, exchange)| try_all(&wanted, salt, area, exchange))
        .collect();
    let seconds = started.elapsed().as_secs_f64();
    let rate = tried as f64 / seconds;
    println!("   {tried} numbers tried in {seconds:.2} s, {rate:.1e} SHA-256 a second;");
    let example = recovered.first().map_or("none", String::as_str);
    println!("   {} of {} numbers recovered, such as {example}.", recovered.len(), list.len());
    let digests = recovered.iter().map(|number| hash(salt, number.as_bytes()));
    assert!(digests.clone().all(|digest| list.contains(&digest)), "a number that is not on it");
    assert_eq!(
        digests.collect::<HashSet<_>>().len(),
        due,
        "every number of the list that was tried"
    );
    assert_eq!(recovered.len(), due, "each once");
    rate
}

/// The numbers of an exchange that are wanted.
fn try_all(wanted: &Wanted, salt: &[u8], area: u32, exchange: u32) -> Vec<String> {
    let mut text = format!("+1{area}{exchange}0000").into_bytes();
    let (mut found, last) = (Vec::new(), text.len() - 4);
    for line in 0..10_000u16 {
        let digit = |place: u16| b'0' + (line / place % 10) as u8;
        text[last..].copy_from_slice(&[digit(1000), digit(100), digit(10), digit(1)]);
        if wanted.holds(&hash(salt, &text)) {
            found.push(String::from_utf8_lossy(&text).into_owned());
        }
    }
    found
}

/// Digests to look for. Most that are not among them differ in their first two bytes already.
struct Wanted {
    beginnings: Vec<bool>,
    digests: HashSet<[u8; 32]>,
}

impl Wanted {
    fn new(list: &[[u8; 32]]) -> Wanted {
        let mut beginnings = vec![false; 1 << 16];
        list.iter().for_each(|digest| beginnings[Wanted::beginning(digest)] = true);
        Wanted { beginnings, digests: list.iter().copied().collect() }
    }

    fn beginning(digest: &[u8; 32]) -> usize {
        usize::from(u16::from_le_bytes([digest[0], digest[1]]))
    }

    fn holds(&self, digest: &[u8; 32]) -> bool {
        self.beginnings[Wanted::beginning(digest)] && self.digests.contains(digest)
    }
}

fn hash(salt: &[u8], number: &[u8]) -> [u8; 32] {
    Sha256::new().chain_update(salt).chain_update(number).finalize().into()
}

fn numbers(area: u32, lines: impl Iterator<Item = u32>) -> impl Iterator<Item = String> {
    lines.map(move |line| format!("+1{area}55501{line:02}"))
}

fn area_of(number: &str) -> u32 {
    number[2..5].parse().expect("an area code")
}

/// What blindmatch hashes to the group for a phone number: public knowledge, for the attacker as well.
fn guess(area: u32, exchange: u32, line: u32) -> [u8; 33] {
    let digest = hash(&[], format!("+1{area}{exchange}{line:04}").as_bytes());
    std::array::from_fn(|i| if i == 0 { 2 } else { digest[i - 1] })
}

/// Guesses as points, times the key where it is known.
fn hashed_to_group(guesses: &[[u8; 33]], key: Option<&SecretScalar>) -> Vec<Encoding> {
    let (engine, tag) = (Engine::detect(), DomainTag::new(b"blindmatch-v1-ristretto255-SHA512"));
    let mut out = vec![Encoding::IDENTITY; guesses.len()];
    match key {
        Some(key) => engine.hash_blind(&tag, guesses, key, &mut out),
        None => engine.encode(&engine.hash(&tag, guesses), &mut out),
    }
    out
}

fn found_among(points: &[Encoding], guesses: &[Encoding]) -> usize {
    let guesses: HashSet<[u8; 32]> = guesses.iter().map(|guess| guess.0).collect();
    points.iter().filter(|point| guesses.contains(&point.0)).count()
}

/// The list, past the consent gate.
fn consented(list: &[String]) -> Result<Arc<ConsentedList>> {
    let purpose = Purpose::TARGETED_ADVERTISING;
    let mut gate = Gate::new(Policy::new(purpose, Timestamp::now())?, Profile::default());
    let candidates = list.iter().zip(0..).map(|(number, row)| Candidate {
        identifier: Profile::default().identify(Kind::Phone, number.as_bytes(), None).expect("one"),
        row,
        column: 0,
        record: Record { purposes: Purposes::parse(purpose.name()), ..Record::default() },
    });
    gate.offer(candidates.collect())?;
    Ok(Arc::new(gate.finish()))
}

/// The points that an advertiser with this list sends in a session: what its platform gets to see.
fn sent_points(
    list: Arc<ConsentedList>,
    rng: impl rand::CryptoRng + Send + 'static,
) -> Result<Vec<Encoding>> {
    let platform = Session::new(Settings::new(Party::Platform), Arc::clone(&list))?;
    let mut sides = [Session::with_rng(Settings::new(Party::Advertiser), list, rng)?, platform];
    let (mut seen, mut points) = (Decoder::default(), Vec::new());
    let mut running = VecDeque::from([0, 1]);
    while let Some(side) = running.pop_front() {
        match sides[side].advance(true)? {
            Action::Send(bytes) => {
                sides[1 - side].receive(&bytes);
                if side == 0 {
                    seen.push(&bytes);
                }
            }
            Action::Done => continue,
            Action::Worked | Action::Wait => {}
        }
        running.push_back(side);
    }
    while let Some(frame) = seen.next_frame()? {
        if let Frame::Points(run) = frame {
            points.extend(run);
        }
    }
    Ok(points)
}

fn time(seconds: f64) -> String {
    match seconds {
        ..120.0 => format!("{seconds:.0} s"),
        ..7200.0 => format!("{:.0} minutes", seconds / 60.0),
        _ => format!("{:.1} hours", seconds / 3600.0),
    }
}

/// A broken generator: the key that comes of it is 2.
struct Two;

fn two() -> SecretScalar {
    let two = std::array::from_fn(|i| if i == 0 { 2 } else { 0 });
    SecretScalar::from_canonical_bytes(two).expect("a scalar")
}

impl TryRng for Two {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok(1)
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok(1)
    }

    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Infallible> {
        out.fill(0);
        out[..1].fill(1); // a scalar is drawn as its half
        Ok(())
    }
}

impl TryCryptoRng for Two {}

/// Numbers that a country's plan has room for: by the digits after the country code.
const COUNTRIES: [(&str, f64); 3] = [
    ("North America, 10 digits", 1e10),
    ("France, 9 digits", 1e9),
    ("Germany, up to 11 digits", 1e11),
];
