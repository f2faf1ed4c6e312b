//! The bodies of the fuzz targets on seeded input, for toolchains without a fuzzer: random bytes,
//! and valid streams with a few bytes changed.

#[path = "../fuzz/bodies.rs"]
mod bodies;

use std::time::{Duration, Instant};

use blindmatch::group::Encoding;
use blindmatch::protocol::Reveal;
use bodies::BODIES;
use bodies::common::{Seeded, addresses, list, pump, sessions, settings};

/// How long each body is given, and how many inputs it gets at least.
const TIME: Duration = Duration::from_millis(700);
const LEAST: usize = 50;

#[test]
fn bodies_stand_random_and_mutated_input() {
    for (name, body) in BODIES {
        let mut rng = Seeded::new(name);
        let seeds = seeds();
        let began = Instant::now();
        let mut inputs = 0;
        while inputs < LEAST || began.elapsed() < TIME {
            let length = rng.below(200) as usize;
            body(&rng.bytes(length));
            let seed = match rng.below(2) {
                0 => &seeds[rng.below(12) as usize], // streams, lists and a proof
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
    for terms in 0..=u8::MAX {
        for answer in [&[3, 7][..], &[4, 7], &[4, 3, 7], &[7], &[5, 3, 7], &[6, 7], &[4, 5, 7]] {
            seeds.push([&[terms, 0, 1, 0x32][..], answer].concat());
        }
    }
    seeds
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
