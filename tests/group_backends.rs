//! Every backend against the reference, byte for byte.

mod group_common;

use blindmatch::group::{Backend, DomainTag, Encoding, Engine, Parallelism, SecretScalar};
use curve25519_dalek::Scalar;
use group_common::engines;

const TAG: &[u8] = b"blindmatch backend tests";

/// An engine on the reference backend.
fn reference() -> Engine {
    Engine::new(Backend::portable(), Parallelism::Rayon)
}

fn messages(count: usize, seed: u64) -> Vec<[u8; 16]> {
    let message = |i: u64| [i.to_le_bytes(), seed.to_le_bytes()].concat().try_into().unwrap();
    (0..count as u64).map(message).collect()
}

fn key(scalar: Scalar) -> SecretScalar {
    SecretScalar::from_canonical_bytes(scalar.to_bytes()).expect("not zero")
}

/// Hashes and blinds, then blinds what came out, on `engine`.
fn run(engine: &Engine, messages: &[[u8; 16]], key: &SecretScalar) -> [Vec<Encoding>; 2] {
    let mut hashed = vec![Encoding::IDENTITY; messages.len()];
    let mut blinded = hashed.clone();
    engine.hash_blind(&DomainTag::new(TAG), messages, key, &mut hashed);
    engine.blind(&hashed, key, &mut blinded).expect("our own points");
    [hashed, blinded]
}

fn compare(messages: &[[u8; 16]], key: &SecretScalar, what: &str) {
    let expected = run(&reference(), messages, key);
    for engine in engines() {
        let name = engine.backend().name();
        assert!(run(&engine, messages, key) == expected, "{what} on {name}");
    }
}

/// Scalars at the ends of the range, at its half, and such that all digits are alike.
#[test]
fn edge_scalars() {
    let half = Scalar::from(2u8).invert();
    let mut scalars = vec![half, -half, half + Scalar::ONE, -Scalar::ONE, -Scalar::from(2u8)];
    scalars.extend((1..=33u8).map(Scalar::from));
    for digit in 1..=255u8 {
        scalars.push(Scalar::from_bytes_mod_order([digit; 32]));
        // Keys are halved before they are made into digits.
        scalars.push(Scalar::from_bytes_mod_order([digit; 32]) * Scalar::from(2u8));
    }
    for bit in 0..252 {
        let mut bytes = [0; 32];
        bytes[bit / 8] = 1 << (bit % 8);
        scalars.push(Scalar::from_bytes_mod_order(bytes));
    }
    let messages = messages(9, 1);
    for scalar in scalars {
        compare(&messages, &key(scalar), &format!("{scalar:?}"));
    }
}

/// Lengths around the lanes, the pairs of vectors, and the chunks.
#[test]
fn batch_lengths() {
    let key = key(Scalar::from_bytes_mod_order([0x3c; 32]));
    for length in (0..=35).chain([63, 64, 65, 255, 256, 257, 260, 511, 513]) {
        compare(&messages(length, 2), &key, &format!("{length} elements"));
    }
}

/// A scalar for each element gives what each of them alone would.
#[test]
fn a_scalar_for_each_element() {
    let messages = messages(300, 4);
    let keys: Vec<SecretScalar> = (1..=300u16)
        .map(|i| key(Scalar::from(i) * Scalar::from_bytes_mod_order([i as u8 | 1; 32])))
        .collect();
    let tag = DomainTag::new(TAG);
    let (mut expected, mut expected_again) = (Vec::new(), Vec::new());
    for (message, key) in messages.iter().zip(&keys) {
        let [once, twice] = run(&reference(), std::slice::from_ref(message), key);
        expected.extend(once);
        expected_again.extend(twice);
    }
    for engine in engines() {
        let mut out = vec![Encoding::IDENTITY; 300];
        let mut again = out.clone();
        engine.hash_blind_each(&tag, &messages, &keys, &mut out);
        assert_eq!(out, expected, "on {}", engine.backend().name());
        engine.blind_each(&out, &keys, &mut again).unwrap();
        assert_eq!(again, expected_again, "on {}", engine.backend().name());
    }
}

#[test]
fn parallel_gives_what_serial_gives() {
    let key = key(Scalar::from_bytes_mod_order([0x77; 32]));
    let messages = messages(1100, 3);
    for engine in engines() {
        let parallel = Engine::new(engine.backend(), Parallelism::Rayon);
        assert!(run(&parallel, &messages, &key) == run(&engine, &messages, &key));
    }
}

#[test]
fn many_random_elements() {
    let rounds = elements_per_test().div_ceil(4096);
    for round in 0..rounds as u64 {
        let scalar = Scalar::from_bytes_mod_order_wide(&std::array::from_fn(|i| {
            (round as u8).wrapping_mul(31).wrapping_add((i as u8).wrapping_mul(7))
        }));
        let messages = messages(4096, round);
        let expected = run(&reference(), &messages, &key(scalar));
        for engine in engines() {
            let parallel = Engine::new(engine.backend(), Parallelism::Rayon);
            assert!(run(&parallel, &messages, &key(scalar)) == expected, "round {round}");
        }
    }
}

/// A million in release builds. `BLINDMATCH_TEST_ELEMENTS` asks for another number.
fn elements_per_test() -> usize {
    let asked = std::env::var("BLINDMATCH_TEST_ELEMENTS").ok();
    asked.map_or(if cfg!(debug_assertions) { 1 } else { 1 << 20 }, |n| n.parse().expect("a number"))
}

#[test]
fn backends_are_found_by_name() {
    for backend in Backend::available() {
        assert_eq!(Backend::by_name(backend.name()), Some(backend));
        assert!(Backend::NAMES.contains(&backend.name()));
    }
    assert_eq!(Backend::by_name("abacus"), None);
    assert_eq!(Backend::available().last().copied(), Some(Backend::detect()));
}
