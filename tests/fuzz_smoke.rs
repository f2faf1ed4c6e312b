//! The bodies of the fuzz targets on seeded input, for toolchains without a fuzzer: random bytes,
//! and valid streams and points with a few bytes changed.

#[path = "../fuzz/bodies.rs"]
mod bodies;

use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use blindmatch::group::Encoding;
use blindmatch::key::epoch::{EpochBinding, EpochSecret};
use blindmatch::prepare::{Options, PreparedSet, SetFile};
use blindmatch::protocol::Reveal;
use bodies::BODIES;
use bodies::common::{Seeded, addresses, list, pump, sessions, settings};
use curve25519_dalek::constants::RISTRETTO_BASEPOINT_POINT;
use curve25519_dalek::scalar::Scalar;

/// How long each body is given, and how many inputs it gets at least.
const TIME: Duration = Duration::from_millis(700);
const LEAST: usize = 50;

/// Where in the seeds the streams, lists and sets end.
const SETS: usize = 17;

#[test]
fn bodies_stand_random_and_mutated_input() {
    for (name, body) in BODIES {
        let mut rng = Seeded::new(name);
        let (seeds, points) = (seeds(), point_seeds());
        let began = Instant::now();
        let mut inputs = 0;
        while inputs < LEAST || began.elapsed() < TIME {
            let length = rng.below(200) as usize;
            body(&rng.bytes(length));
            let seed = match rng.below(3) {
                0 => &seeds[rng.below(SETS as u64) as usize], // streams, lists and sets
                1 => &points[rng.below(points.len() as u64) as usize],
                _ => &seeds[rng.below(seeds.len() as u64) as usize],
            };
            body(&mutated(seed, &mut rng));
            inputs += 1;
        }
    }
}

/// Streams that honest sides send, and scripts of an honest peer for the `session` body.
fn seeds() -> Vec<Vec<u8>> {
    let lists = [list(&addresses(0..3)), list(&addresses(1..5))];
    let mut seeds = Vec::new();
    for reveal in Reveal::ALL {
        let sides = sessions(settings(reveal, 1), lists.each_ref());
        let (_, traffic) = pump(sides, None).unwrap();
        seeds.extend(traffic.map(|bytes| [&[64], &bytes[..]].concat())); // pieces of 64 bytes
    }
    let rows = "email,phone,collected_for,purposes,expires_at,opt_out\n\
        ann@example.com,+1 202-555-0143,,TargetedAdvertising,,\n\
        \"B@example.org\",\"2025550143\n\",TwoFactorAuthentication,,2030-01-01T00:00:00Z,yes\n";
    seeds.extend([0, 0x80, 0xe0].map(|choice| [&[choice], rows.as_bytes()].concat()));
    let scalar = |low: u8| [&[low][..], &[0; 31]].concat();
    seeds.push([scalar(3), scalar(5), [Encoding::GENERATOR.0; 6].concat()].concat());
    seeds.extend(sets());
    assert_eq!(seeds.len(), SETS);
    for terms in 0..=u8::MAX {
        for answer in [&[3, 7][..], &[4, 7], &[4, 3, 7], &[7], &[5, 3, 7], &[6, 7], &[4, 5, 7]] {
            seeds.push([&[terms, 0, 1, 0x32][..], answer].concat());
            seeds.push([&[terms, 0, 1, 0x32, 0x3c, 0, 1, 0, 2][..], answer].concat()); // of three people
        }
    }
    seeds
}

/// Batches that fill vectors and parts of them, of encodings that are valid as they stand.
fn point_seeds() -> Vec<Vec<u8>> {
    let multiples = (1..=13u8).map(|k| RISTRETTO_BASEPOINT_POINT * Scalar::from(k));
    let encodings: Vec<Encoding> =
        multiples.map(|point| Encoding(point.compress().to_bytes())).collect();
    let lengths = [1, 2, 3, 4, 5, 7, 8, 9, 12, 16, 17, 19];
    lengths.map(|length| bodies::group::seed(length, length % 2 == 0, &encodings)).to_vec()
}

/// The seeds reach what they are for: nothing in them is refused unless it is spoilt.
#[test]
fn point_seeds_are_valid() {
    for seed in point_seeds() {
        assert_eq!(bodies::group::first_bad_encoding(&seed), None);
        let last = seed.len() - 32;
        let spoilt = [&seed[..last], &[0xff; 32]].concat();
        assert_eq!(bodies::group::first_bad_encoding(&spoilt), Some(usize::from(seed[0]) - 1));
        bodies::points(&spoilt);
    }
}

/// Compressed sets and the file of one, for the `sets` body.
fn sets() -> Vec<Vec<u8>> {
    let list = list(&addresses(0..63));
    let binding = EpochBinding::new("1", "them", list.purpose(), list.profile()).unwrap();
    let secret = EpochSecret::generate(&mut Seeded::new("sets"));
    let prepared = |queries| {
        let mut options = Options::default();
        options.max_queries = queries;
        let go_on = &mut |_| ControlFlow::Continue(());
        PreparedSet::in_memory(&list, &secret, &binding, &options, go_on).unwrap()
    };
    let block = |queries: u8| {
        let choice = 63 | (queries - 1) << 6;
        [&[choice], prepared(queries.into()).set().block(0)].concat()
    };
    let whole = prepared(9);
    let (header, set) = (whole.header().clone(), whole.set().clone());
    let mut file = vec![0xff];
    SetFile::unauthenticated(header, set).write(&mut file).unwrap();
    vec![block(1), block(2), block(3), file.clone(), file]
}

/// A seed with up to three bytes changed, or cut short; or as it is.
fn mutated(seed: &[u8], rng: &mut Seeded) -> Vec<u8> {
    let mut bytes = seed.to_vec();
    for _ in 0..rng.below(4) {
        let at = rng.below(bytes.len() as u64) as usize;
        bytes[at] = rng.below(256) as u8;
    }
    if rng.below(4) == 0 {
        bytes.truncate(rng.below(bytes.len() as u64) as usize);
    }
    bytes
}
