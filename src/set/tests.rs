//! Sets, whole and damaged.

use std::collections::HashSet;

use super::*;
use crate::error::PeerFault;

fn output(seed: u64) -> Output {
    let digest = Sha256::digest(seed.to_le_bytes());
    Output(u128::from_be_bytes(*digest.first_chunk().unwrap()))
}

fn outputs(seeds: std::ops::Range<u64>) -> Vec<Output> {
    seeds.map(output).collect()
}

fn named(outputs: Vec<Output>) -> Vec<(Output, u32)> {
    outputs.into_iter().zip(0..).collect()
}

/// What comes of reading these blocks as this set.
fn read(
    parameters: SetParameters,
    digest: [u8; 32],
    blocks: &[Vec<u8>],
) -> Result<CompressedSet, PeerFault> {
    let mut reader = SetReader::new(parameters, digest, Keep::default());
    for block in blocks {
        reader.push(block)?;
    }
    reader.into_set()
}

fn blocks(set: &CompressedSet) -> Vec<Vec<u8>> {
    (0..set.blocks()).map(|index| set.block(index).to_vec()).collect()
}

#[test]
fn bits_follow_the_sizes() {
    let bits = |elements, queries| {
        let parameters = SetParameters::new(elements, queries).unwrap();
        (parameters.value_bits(), parameters.rice_bits())
    };
    assert_eq!(bits(0, 1), (40, 39));
    assert_eq!(bits(1, 1), (40, 39));
    assert_eq!(bits(1 << 20, 1 << 20), (80, 59));
    assert_eq!(bits(10_000_000, 1 << 20), (84, 60));
    assert_eq!(bits(SetParameters::MAX, SetParameters::MAX), (104, 71));
    for (elements, queries) in [(1 << 32, 1), (1, 0), (1, 1 << 32), (u64::MAX, 1)] {
        assert!(matches!(SetParameters::new(elements, queries), Err(Error::Misuse(_))));
    }
}

/// The parameter that is chosen is the best of all, and an element takes as much as is claimed.
#[test]
fn the_rice_parameter_is_the_best() {
    for elements in [1u64, 2, 3, 100, 1000, 65_535, 65_536, 92_000, 100_000, 1 << 20, 10_000_000] {
        let parameters = SetParameters::new(elements, 1 << 20).unwrap();
        let cost = |rice: u32| {
            let step = f64::from(parameters.value_bits() - rice);
            f64::from(rice) + 1.0 / (1.0 - (-(elements as f64) / step.exp2()).exp())
        };
        let best = (20..parameters.value_bits()).map(cost).fold(f64::MAX, f64::min);
        assert!((parameters.expected_bits() - best).abs() < 1e-4, "{elements}");
        let f = f64::from(parameters.value_bits()) - (elements as f64).log2();
        assert!((1.46..1.58).contains(&(best - f)), "{elements}: f + {}", best - f);
    }
}

#[test]
fn sets_cross_the_wire_and_answer() {
    for size in [0u64, 1, 2, 3, 1000, 8_000, 30_000] {
        let set = CompressedSet::new(outputs(0..size), 1 << 20).unwrap();
        assert_eq!(set.parameters().elements(), size);
        assert_eq!(set.blocks() as u64, set.parameters().blocks());
        let back = read(set.parameters(), set.digest(), &blocks(&set)).unwrap();
        // Every second one of ours is in the set.
        let ours = named(outputs(size / 2..size / 2 + size));
        let expected: Vec<u32> = (0..(size - size / 2) as u32).collect();
        assert_eq!(back.intersect(ours.clone()), expected, "{size}");
        let sink = Intersection::new(set.parameters(), ours);
        let mut reader = SetReader::new(set.parameters(), set.digest(), sink);
        blocks(&set).iter().for_each(|block| reader.push(block).unwrap());
        assert!(reader.is_complete());
        assert_eq!(reader.finish().unwrap().matched(), expected, "{size}");
    }
}

#[test]
fn sets_take_what_is_expected() {
    let set = CompressedSet::new(outputs(0..100_000), 1 << 20).unwrap();
    let bits = 8.0 * set.bytes() as f64 / 1e5;
    let expected = set.parameters().expected_bits();
    assert!((bits - expected).abs() < 0.05, "{bits} against {expected}");
    let sizes: Vec<usize> = blocks(&set).iter().map(Vec::len).collect();
    assert!(sizes[..sizes.len() - 1].iter().all(|size| (60_000..70_000).contains(size)));
    let mut elements = Vec::new();
    set.for_each(|value| elements.push(value));
    let distinct: HashSet<u128> = elements.iter().copied().collect();
    assert_eq!((elements.len(), distinct.len()), (100_000, 100_000));
    assert!(elements.is_sorted());
}

#[test]
fn a_set_does_not_depend_on_order_or_repetition() {
    let set = CompressedSet::new(outputs(0..1000), 100).unwrap();
    let mut twice = outputs(500..1000);
    twice.extend(outputs(0..1000));
    let again = CompressedSet::new(twice, 100).unwrap();
    assert_eq!(again.digest(), set.digest());
    assert_ne!(CompressedSet::new(outputs(0..1000), 101).unwrap().digest(), set.digest());
    assert_ne!(CompressedSet::new(outputs(0..999), 100).unwrap().digest(), set.digest());
    // Four become two, which need a bit less.
    let close = [1u128, 2, 1 << 127, (1 << 127) + 1].map(Output).to_vec();
    let set = CompressedSet::new(close, 1).unwrap();
    assert_eq!((set.parameters().elements(), set.parameters().value_bits()), (2, 41));
    assert_eq!(set.intersect(named(vec![Output(3), Output(1 << 127)])), [0, 1]);
}

/// Few queries are looked up one by one: at every place of a block, at its ends and between them.
#[test]
fn few_queries_are_found_by_marks() {
    for size in [1u64, 63, 64, 65, 129, 20_000] {
        let set = CompressedSet::new(outputs(0..size), 1 << 20).unwrap();
        let shift = u128::BITS - set.parameters().value_bits();
        let mut elements = Vec::new();
        set.for_each(|value| elements.push(value));
        for run in elements.chunks(200) {
            let ours: Vec<_> = run.iter().map(|value| Output(value << shift)).collect();
            let next: Vec<_> = run.iter().map(|value| Output((value + 1) << shift)).collect();
            let firsts: Vec<u128> = (0..set.blocks())
                .map(|index| block::first(set.parameters(), set.block(index)))
                .collect();
            let find = |outputs: Vec<Output>| {
                let ours = intersection::sorted(set.parameters(), named(outputs));
                set.find(&firsts, &ours)
            };
            assert_eq!(find(ours).len(), run.len(), "{size}");
            assert_eq!(find(next).len(), 0, "{size}");
        }
        assert!(set.find(&[elements[0]], &[(elements[0] - 1, 0)]).is_empty());
    }
    let set = CompressedSet::new(outputs(0..20_000), 1 << 20).unwrap();
    assert_eq!(set.intersect(named(outputs(19_900..20_100))), (0..100).collect::<Vec<u32>>());
}

#[test]
fn repeated_queries_all_match() {
    let set = CompressedSet::new(outputs(0..20), 100).unwrap();
    let ours = vec![(output(3), 9), (output(3), 4), (output(99), 1)];
    assert_eq!(set.intersect(ours), [4, 9]);
}

#[test]
fn values_that_are_not_uniform_are_refused() {
    let close = (0..5000u128).map(|i| Output(i << 108)).chain([Output(u128::MAX)]).collect();
    assert!(matches!(CompressedSet::new(close, 1), Err(Error::Misuse(_))));
}

/// Whatever byte is changed, the reader notices at the latest at the end.
#[test]
fn every_change_is_noticed() {
    let set = CompressedSet::new(outputs(0..300), 1000).unwrap();
    let whole = blocks(&set);
    let mut positions = HashSet::new();
    for index in 0..whole[0].len() {
        let mut damaged = whole.clone();
        damaged[0][index] ^= 1 << (index % 8);
        match read(set.parameters(), set.digest(), &damaged).unwrap_err() {
            PeerFault::BrokenCommitment("compressed set") => {}
            PeerFault::BadSet { position, .. } => {
                positions.insert(position);
            }
            fault => panic!("{fault}"),
        }
    }
    assert!(positions.len() > 1 && positions.iter().all(|position| *position < 300));
}

#[test]
fn what_is_not_the_one_encoding_is_refused() {
    let set = CompressedSet::new(outputs(0..10_000), 1 << 20).unwrap();
    let (parameters, digest, whole) = (set.parameters(), set.digest(), blocks(&set));
    let second = parameters.block_elements();
    let problem = |blocks: &[Vec<u8>]| match read(parameters, digest, blocks).unwrap_err() {
        PeerFault::BadSet { position, problem } => (position, problem),
        fault => panic!("{fault}"),
    };
    let with = |change: &dyn Fn(&mut Vec<Vec<u8>>)| {
        let mut changed = whole.clone();
        change(&mut changed);
        changed
    };
    let longer = with(&|blocks| blocks[0].push(0));
    assert_eq!(problem(&longer), (second - 1, "bytes or bits after the last element"));
    let cut = with(&|blocks| blocks[0].truncate(1000));
    assert!(["a block cut short", "a gap too wide"].contains(&problem(&cut).1));
    let header = with(&|blocks| blocks[0].truncate(9));
    assert_eq!(problem(&header), (0, "a block cut short"));
    let fewer = with(&|blocks| blocks[0][0] ^= 1);
    assert_eq!(problem(&fewer), (0, "a block with another number of elements"));
    let swapped = with(&|blocks| blocks.swap(0, 1));
    assert_eq!(problem(&swapped), (0, "a block with another number of elements"));
    let low = with(&|blocks| blocks[1][4..13].fill(0));
    assert_eq!(problem(&low), (second, "not increasing"));
    let high = with(&|blocks| blocks[1][4] = 0xff);
    assert_eq!(problem(&high), (second, "a value out of range"));
    let zeros = with(&|blocks| blocks[0][20..100].fill(0));
    assert_eq!(problem(&zeros).1, "a gap too wide");
    let long = with(&|blocks| blocks[0].resize(MAX_BLOCK + 1, 0));
    assert_eq!(problem(&long), (0, "a block too long"));
}

/// The last bit of a set is a bit of its last element or fills the last byte, and then it is zero.
#[test]
fn bits_that_fill_the_last_byte_are_zero() {
    let mut filled = 0;
    for size in 2..20 {
        let set = CompressedSet::new(outputs(0..size), 1000).unwrap();
        let mut damaged = blocks(&set);
        *damaged[0].last_mut().unwrap() ^= 1;
        match read(set.parameters(), set.digest(), &damaged).unwrap_err() {
            PeerFault::BadSet { position, problem: "bytes or bits after the last element" } => {
                assert_eq!(position, size - 1);
                filled += 1;
            }
            fault => assert_eq!(fault, PeerFault::BrokenCommitment("compressed set")),
        }
    }
    assert!(filled > 5);
}

#[test]
fn counts_and_digests_must_agree() {
    let set = CompressedSet::new(outputs(0..10_000), 1 << 20).unwrap();
    let (parameters, digest, whole) = (set.parameters(), set.digest(), blocks(&set));
    let count = |got| PeerFault::WrongCount { what: "elements of the set", got, expected: 10_000 };
    let one = parameters.block_elements();
    assert_eq!(read(parameters, digest, &whole[..1]).unwrap_err(), count(one));
    let more = [&whole[..], &whole[..1]].concat();
    assert_eq!(read(parameters, digest, &more).unwrap_err(), count(10_001));
    let other = read(parameters, [0; 32], &whole).unwrap_err();
    assert_eq!(other, PeerFault::BrokenCommitment("compressed set"));
    // After a fault there is nothing more to be had.
    let mut reader = SetReader::new(parameters, digest, Keep::default());
    let fault = reader.push(&[]).unwrap_err();
    assert_eq!(reader.push(&whole[0]).unwrap_err(), fault);
    assert!(!reader.is_complete());
    assert_eq!(reader.into_set().unwrap_err(), fault);
}
