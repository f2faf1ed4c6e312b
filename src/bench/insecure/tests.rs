use std::io::Cursor;

use super::*;
use crate::consent::{Candidate, Gate, Policy, Purpose, Purposes, Record, Timestamp};
use crate::identifier::{Identifier, Kind, Profile};
use crate::protocol::ProtocolName;

/// A peer that has said all it will say, and keeps what it is told.
struct Recorded {
    said: Cursor<Vec<u8>>,
    told: Vec<u8>,
}

impl Recorded {
    fn new(said: Vec<u8>) -> Recorded {
        Recorded { said: Cursor::new(said), told: Vec::new() }
    }
}

impl Read for Recorded {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        self.said.read(out)
    }
}

impl Write for Recorded {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.told.write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

fn people(numbers: std::ops::Range<u64>) -> std::sync::Arc<ConsentedList> {
    workload::people(numbers).unwrap()
}

fn greeting(method: Insecure, list: &ConsentedList) -> Vec<u8> {
    Greeting::new(method, list, [9; SALT]).unwrap().to_bytes().to_vec()
}

fn body(bytes: &[u8]) -> Vec<u8> {
    [&(bytes.len() as u64).to_le_bytes(), bytes].concat()
}

fn guess(number: u64) -> [u8; 32] {
    Sha256::digest(format!("person.{number}@example.com")).into()
}

#[test]
fn every_insecure_baseline_says_so_and_gives_the_plain_intersection() {
    for insecure in Insecure::ALL {
        assert!(insecure.name().starts_with("insecure-"));
        assert_eq!(Insecure::parse(insecure.name()), Some(insecure));
        for size in [1, 2, 7, 8, 9, 300, 40_000] {
            let cost = insecure.run(&Pair::new(size, 3).unwrap()).unwrap();
            let (upload, filter) = (32 * size + 8, filter_bytes(size as u32) as u64 + 8);
            let answer = size.div_ceil(8) + 8;
            let expected = match insecure {
                Insecure::Bloom => [0, filter],
                _ => [upload, answer],
            };
            let greeting = GREETING as u64;
            let got = [cost.bytes.sent - greeting, cost.bytes.received - greeting];
            assert_eq!(got, expected, "{} {size}", insecure.name());
        }
        let mut wrong = Pair::new(40, 3).unwrap();
        wrong.common.pop();
        assert!(matches!(insecure.run(&wrong), Err(Error::WrongAnswer(_))));
    }
}

/// Neither flags nor the handshake can name one.
#[test]
fn no_insecure_baseline_is_a_protocol() {
    let named = |insecure: Insecure| ProtocolName::by_name(insecure.name());
    assert!(Insecure::ALL.into_iter().all(|insecure| named(insecure).is_none()));
}

#[test]
fn lists_of_different_sizes_and_empty_ones() {
    for insecure in Insecure::ALL {
        for (advertiser, platform) in [(0..0, 0..9), (0..9, 0..0), (5..6, 0..900), (0..900, 5..6)] {
            let common = advertiser.clone().filter(|number| platform.contains(number));
            let common = common.map(|number| (number - advertiser.start) as u32).collect();
            let (advertiser, platform) = (people(advertiser), people(platform));
            insecure.run(&Pair { advertiser, platform, common }).unwrap();
        }
    }
}

/// The attack that makes them insecure: who has what travelled confirms guesses, of rows that did
/// not match as well.
#[test]
fn what_travels_confirms_guesses() {
    let list = people(0..20);
    let on_list = |found: &dyn Fn(u64) -> bool| (0..10_000).filter(|&n| found(n)).eq(0..20);

    for insecure in [Insecure::Sha256, Insecure::SaltedSha256] {
        let mut peer = Recorded::new([greeting(insecure, &list), body(&[0; 3])].concat());
        assert!(insecure.advertiser(&list, &mut peer).unwrap().is_empty());
        let (greeting, upload) = peer.told.split_at(GREETING);
        let salt = std::array::from_fn(|i| greeting[45 + i]);
        let upload: Vec<&[u8]> = upload[8..].chunks(32).collect();
        assert!(on_list(&|number| match insecure {
            Insecure::Sha256 => upload.contains(&&guess(number)[..]),
            _ => upload.contains(&&salted(&salt, &guess(number))[..]),
        }));
    }
    let mut peer = Recorded::new(greeting(Insecure::Bloom, &people(500..501)));
    Insecure::Bloom.platform(&list, &mut peer).unwrap();
    let filter = Filter { bytes: peer.told[GREETING + 8..].to_vec() };
    assert!(on_list(&|number| filter.contains(&guess(number))));
}

#[test]
fn half_of_a_filter_is_set_and_probes_are_uniform() {
    let digest = |i: u32| -> [u8; 32] { Sha256::digest(i.to_le_bytes()).into() };
    let members: Vec<_> = (0..2000).map(digest).collect();
    let filter = Filter::new(&members);
    assert!(members.iter().all(|digest| filter.contains(digest)));
    let set: u32 = filter.bytes.iter().map(|byte| byte.count_ones()).sum();
    let full = f64::from(set) / (8 * filter.bytes.len()) as f64;
    assert!((0.49..0.51).contains(&full), "{full}");
    // 6 of the probes pass with probability 2^-6: 1562 of 100,000, give or take 39.
    let is_set = |bit: usize| filter.bytes[bit / 8] >> (bit % 8) & 1 == 1;
    let others = 10_000..110_000;
    let passed = others.filter(|&i| filter.probes(&digest(i)).take(6).all(is_set)).count();
    assert!((1300..1850).contains(&passed), "{passed}");
    assert!((10_000..110_000).all(|i| !filter.contains(&digest(i))));
}

#[test]
fn hostile_advertisers_are_errors() {
    let list = people(0..20);
    let platform = |said: Vec<u8>| Insecure::Sha256.platform(&list, &mut Recorded::new(said));
    let hello = greeting(Insecure::Sha256, &list);
    let with = |at: usize, bytes: &[u8]| {
        let mut hello = hello.clone();
        hello[at..at + bytes.len()].copy_from_slice(bytes);
        hello
    };
    let fault = |said| match platform(said) {
        Err(Error::Peer(fault)) => fault,
        other => panic!("{other:?}"),
    };
    let wrong = |what, got, expected| PeerFault::WrongCount { what, got, expected };
    assert_eq!(fault(vec![]), PeerFault::HungUp("insecure-sha256"));
    assert_eq!(fault(hello[..40].to_vec()), PeerFault::HungUp("insecure-sha256"));
    assert_eq!(fault(hello.clone()), PeerFault::HungUp("insecure-sha256"));
    assert_eq!(fault(with(0, b"GET / HT")), PeerFault::NotBlindmatch);
    assert_eq!(fault(with(8, &[77])), PeerFault::Malformed("greeting"));
    let most = u64::from(MAX_ELEMENTS);
    assert_eq!(fault(with(9, &[0xff; 4])), wrong("elements", u64::from(u32::MAX), most));
    assert_eq!(fault([&hello[..], &body(&[0; 639])].concat()), wrong("bytes", 639, 640));
    assert_eq!(fault([&hello[..], &[0xff; 8]].concat()), wrong("bytes", u64::MAX, 640));
    let cut = [&hello[..], &body(&[0; 640])[..640]].concat();
    assert_eq!(fault(cut), PeerFault::HungUp("insecure-sha256"));
    assert!(platform([&hello[..], &body(&[0; 640])].concat()).is_ok());
    for other in [with(8, &[Insecure::Bloom.code()]), with(13, &[1, 2, 3])] {
        assert!(matches!(platform(other), Err(Error::Incompatible { .. })));
    }
}

#[test]
fn hostile_platforms_are_errors() {
    let list = people(0..20);
    let hello = |insecure| greeting(insecure, &people(0..3));
    let sha256 = |said: &[u8]| {
        let said = [&hello(Insecure::Sha256)[..], said].concat();
        Insecure::Sha256.advertiser(&list, &mut Recorded::new(said))
    };
    let stray = sha256(&body(&[0, 0, 1 << 4]));
    assert!(matches!(stray, Err(Error::Peer(PeerFault::Malformed("answer")))));
    assert_eq!(sha256(&body(&[0b101, 0, 1 << 3])).unwrap(), [0, 2, 19]);
    assert!(matches!(sha256(&body(&[0; 2])), Err(Error::Peer(PeerFault::WrongCount { .. }))));
    let filter = [hello(Insecure::Bloom), body(&[0; 511])].concat();
    let bloom = Insecure::Bloom.advertiser(&list, &mut Recorded::new(filter));
    assert!(matches!(bloom, Err(Error::Peer(PeerFault::WrongCount { .. }))));
}

#[test]
fn other_purposes_and_profiles_do_not_meet() {
    let one = |purpose: &str, profile| {
        let purpose = Purpose::parse(purpose).unwrap();
        let policy = Policy::new(purpose, Timestamp::now()).unwrap();
        let mut gate = Gate::new(policy, profile);
        let record = Record { purposes: Purposes::parse(purpose.name()), ..Record::default() };
        let identifier = Identifier::from_normalised(Kind::Email, "ada@example.com");
        gate.offer(vec![Candidate { identifier, row: 0, column: 0, record }]).unwrap();
        std::sync::Arc::new(gate.finish())
    };
    let advertiser = || one("TargetedAdvertising", Profile::default());
    let google = Profile::parse("google").unwrap();
    let others = [one("DirectMarketing", Profile::default()), one("TargetedAdvertising", google)];
    for insecure in Insecure::ALL {
        for platform in &others {
            let platform = std::sync::Arc::clone(platform);
            let pair = Pair { advertiser: advertiser(), platform, common: vec![0] };
            assert!(matches!(insecure.run(&pair), Err(Error::Incompatible { .. })));
        }
    }
}
