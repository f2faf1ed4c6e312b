//! What the protocol tests share: lists, a seeded generator, and ways to run two sessions.
//!
//! Each test file uses a part of it.
#![allow(dead_code)]

pub mod puppet;
pub mod purse;

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::thread;
use std::time::Duration;

use blindmatch::ConsentedList;
use blindmatch::consent::{Candidate, Gate, Policy, Purpose, Purposes, Record};
use blindmatch::error::{Error, Result};
use blindmatch::group::{Backend, Engine, Parallelism};
use blindmatch::identifier::{Identifier, Kind, Profile};
use blindmatch::list::{People, Ranks};
use blindmatch::protocol::{Input, Party, ProtocolName, Reveal, Values};
use blindmatch::session::{Action, Outcome, Session, Settings};
use blindmatch::transport::{Timing, drive, memory};
use rand::rand_core::{TryCryptoRng, TryRng};
use sha2::{Digest, Sha256};

/// A list of e-mail addresses, one a row, each with consent: the way through the gate.
pub fn list<S: AsRef<str>>(values: &[S]) -> Arc<ConsentedList> {
    let purpose = Purpose::TARGETED_ADVERTISING;
    let policy = Policy::new(purpose, jiff::Timestamp::UNIX_EPOCH).unwrap();
    let record = Record { purposes: Purposes::parse(purpose.name()), ..Record::default() };
    let mut gate = Gate::new(policy, Profile::default());
    let candidates = values.iter().zip(0..).map(|(value, row)| Candidate {
        identifier: Identifier::from_normalised(Kind::Email, value.as_ref()),
        row,
        column: 0,
        record: record.clone(),
    });
    gate.offer(candidates.collect()).unwrap();
    Arc::new(gate.finish())
}

/// A list and its people, one a row with all their identifiers: what has an `@` is an e-mail address,
/// anything else a phone number.
pub fn people<R: AsRef<[S]>, S: AsRef<str>>(
    rows: impl IntoIterator<Item = R>,
) -> (Arc<ConsentedList>, Arc<People>) {
    let purpose = Purpose::TARGETED_ADVERTISING;
    let policy = Policy::new(purpose, jiff::Timestamp::UNIX_EPOCH).unwrap();
    let record = Record { purposes: Purposes::parse(purpose.name()), ..Record::default() };
    let mut gate = Gate::new(policy, Profile::default());
    let mut candidates = Vec::new();
    for (values, row) in rows.into_iter().zip(0..) {
        for (value, column) in values.as_ref().iter().zip(0..) {
            let value = value.as_ref();
            let kind = if value.contains('@') { Kind::Email } else { Kind::Phone };
            let identifier = Identifier::from_normalised(kind, value);
            candidates.push(Candidate { identifier, row, column, record: record.clone() });
        }
    }
    gate.offer(candidates).unwrap();
    let list = gate.finish();
    let people = People::by_row(&list, Ranks::default()).unwrap();
    (Arc::new(list), Arc::new(people))
}

/// A list whose people are counted; in a sum each is worth 100 and its index.
pub fn with_people(list: Arc<ConsentedList>, people: Arc<People>, protocol: ProtocolName) -> Input {
    if protocol != ProtocolName::Sum {
        return Input::with_people(list, people);
    }
    let values = (0..people.len() as u64).map(|person| 100 + person).collect();
    Input::with_values_of_people(list, people, Arc::new(Values::new(values)))
}

/// What each entry of a list is worth: 100 and its index.
pub fn values(list: &ConsentedList) -> Arc<Values> {
    Arc::new(Values::new((0..list.len() as u64).map(|index| 100 + index).collect()))
}

/// A value that stands for number `number`.
pub fn address(number: u64) -> String {
    format!("user{number}@example.com")
}

/// The values of a run of numbers.
pub fn addresses(numbers: impl IntoIterator<Item = u64>) -> Vec<String> {
    numbers.into_iter().map(address).collect()
}

/// Settings of both sides, the advertiser's first, on the reference backend: the batched ones are
/// slow where they are not optimised, and tests that are about them name them.
pub fn settings(reveal: Reveal, min_audience: u64) -> [Settings; 2] {
    [Party::Advertiser, Party::Platform].map(|party| {
        let mut settings = Settings::new(party);
        settings.reveal = reveal;
        settings.min_audience = Some(min_audience);
        settings.engine = Engine::new(Backend::portable(), Parallelism::Rayon);
        settings
    })
}

/// Two sessions, the advertiser's first.
pub fn sessions(settings: [Settings; 2], lists: [&Arc<ConsentedList>; 2]) -> [Session; 2] {
    let [advertiser, platform] = settings;
    let new = |settings, list: &Arc<ConsentedList>| Session::new(settings, Arc::clone(list));
    [new(advertiser, lists[0]).unwrap(), new(platform, lists[1]).unwrap()]
}

/// Runs two sessions against each other in one thread. Frames arrive at once, or, with a `piece`,
/// in pieces of that many bytes and only where the other side waits for them.
///
/// Each side works until it waits before the other has its turn: the interleaving that differs most
/// from what the threaded driver does. Yields the outcomes, and all bytes each side sent.
pub fn pump(mut sides: [Session; 2], piece: Option<usize>) -> Result<([Outcome; 2], [Vec<u8>; 2])> {
    let mut traffic = [Vec::new(), Vec::new()];
    let mut inboxes = [VecDeque::new(), VecDeque::new()];
    let mut done = [false; 2];
    while done != [true; 2] {
        let mut stirred = false;
        for side in [0, 1] {
            loop {
                match sides[side].advance(true)? {
                    Action::Send(bytes) => {
                        traffic[side].extend_from_slice(&bytes);
                        match piece {
                            None => sides[1 - side].receive(&bytes),
                            Some(piece) => {
                                inboxes[1 - side].extend(bytes.chunks(piece).map(<[u8]>::to_vec))
                            }
                        }
                    }
                    Action::Worked => {}
                    Action::Wait => match inboxes[side].pop_front() {
                        Some(bytes) => sides[side].receive(&bytes),
                        None => break,
                    },
                    Action::Done => {
                        done[side] = true;
                        break;
                    }
                }
                stirred = true;
            }
        }
        assert!(stirred || done == [true; 2], "both sides wait for each other");
    }
    Ok((sides.map(|side| side.outcome().expect("done")), traffic))
}

/// Runs two sessions over an in-memory link, each with its driver.
pub fn drive_both(sides: [Session; 2], timing: Timing) -> [Result<Outcome>; 2] {
    let stop = AtomicBool::new(false);
    let [advertiser, platform] = sides;
    let [here, there] = memory::pair();
    thread::scope(|scope| {
        let other = scope.spawn(|| drive(platform, there, timing, &stop, &mut ()));
        [drive(advertiser, here, timing, &stop, &mut ()), other.join().unwrap()]
    })
}

/// Limits under which a test does not hang for long.
pub fn timing() -> Timing {
    Timing {
        idle: Duration::from_secs(20),
        total: Duration::from_secs(120),
        keep_alive: Duration::from_secs(5),
    }
}

/// The fault that a peer is accused of.
pub fn fault(error: Error) -> blindmatch::error::PeerFault {
    match error {
        Error::Peer(fault) => fault,
        other => panic!("not the peer's fault: {other:?}"),
    }
}

/// A generator that gives the same bytes on every machine and under every version of every crate:
/// SHA-256 over a seed and a counter. For tests only.
pub struct Seeded {
    seed: String,
    counter: u64,
    left: Vec<u8>,
}

impl Seeded {
    /// From a name.
    pub fn new(seed: impl Into<String>) -> Seeded {
        Seeded { seed: seed.into(), counter: 0, left: Vec::new() }
    }

    /// A number below `bound`, near enough to uniform.
    pub fn below(&mut self, bound: u64) -> u64 {
        self.try_next_u64().unwrap() % bound.max(1)
    }

    /// Some bytes.
    pub fn bytes(&mut self, length: usize) -> Vec<u8> {
        let mut bytes = vec![0; length];
        self.try_fill_bytes(&mut bytes).unwrap();
        bytes
    }
}

impl TryRng for Seeded {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        let mut bytes = [0; 4];
        self.try_fill_bytes(&mut bytes)?;
        Ok(u32::from_le_bytes(bytes))
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        let mut bytes = [0; 8];
        self.try_fill_bytes(&mut bytes)?;
        Ok(u64::from_le_bytes(bytes))
    }

    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Infallible> {
        for byte in out {
            if self.left.is_empty() {
                let block = Sha256::new()
                    .chain_update(&self.seed)
                    .chain_update(self.counter.to_le_bytes())
                    .finalize();
                self.left = block.to_vec();
                self.counter += 1;
            }
            *byte = self.left.pop().expect("a block was just made");
        }
        Ok(())
    }
}

impl TryCryptoRng for Seeded {}

/// Lower-case hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
