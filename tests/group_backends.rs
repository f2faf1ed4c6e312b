//! Every backend against the reference, byte for byte.

mod group_common;

use blindmatch::group::{Backend, DomainTag, Encoding, Engine, Parallelism, Points, SecretScalar};
use curve25519_dalek::{RistrettoPoint, Scalar};
use group_common::engines;
use rand::rngs::StdRng;
use rand::{Rng, RngExt, SeedableRng};

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

/// The map of uniform bytes with a multiplication, in lengths around lanes and chunks, with the bytes
/// at their extremes; against curve25519-dalek, one at a time.
#[test]
fn uniform_bytes_mapped_and_multiplied() {
    let scalar = Scalar::from_bytes_mod_order([0x3c; 32]);
    let mut rng = StdRng::seed_from_u64(5);
    let mut uniform: Vec<[u8; 64]> = vec![[0; 64], [0xff; 64], [0x80; 64]];
    uniform.extend((0..510).map(|_| rng.random::<[u8; 64]>()));
    let oracle = |bytes| (RistrettoPoint::from_uniform_bytes(bytes) * scalar).compress().0;
    let expected: Vec<Encoding> = uniform.iter().map(|bytes| Encoding(oracle(bytes))).collect();
    for length in (0..=17).chain([63, 64, 65, 255, 256, 257, 513]) {
        for engine in engines() {
            for parallelism in [Parallelism::Serial, Parallelism::Rayon] {
                let engine = Engine::new(engine.backend(), parallelism);
                let mut out = vec![Encoding::IDENTITY; length];
                engine.map_blind(&uniform[..length], &key(scalar), &mut out);
                let name = engine.backend().name();
                assert!(out == expected[..length], "{length} elements on {name}");
            }
        }
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

/// What protocols do to points, on inputs that have no structure: random messages of every length,
/// random scalars, one for each or shared, each way in every other round.
#[test]
fn many_random_elements() {
    for round in 0..rounds(1) {
        let mut rng = StdRng::seed_from_u64(round);
        let messages = random_messages(&mut rng);
        let (shared, each) = (random_key(&mut rng), random_keys(&mut rng));
        let each_first = round % 2 == 0;
        compare_bytes(round, |engine| {
            hash_and_blind(engine, &messages, &shared, &each, each_first)
        });
    }
}

/// Operations on points in vector form, each of which goes on with what came before.
#[test]
fn many_random_points() {
    for round in 0..rounds(4) {
        let mut rng = StdRng::seed_from_u64(1 << 32 | round);
        let uniform: [Vec<[u8; 64]>; 2] =
            [(); 2].map(|()| (0..ROUND).map(|_| rng.random()).collect());
        let (shared, each) = (random_key(&mut rng), random_keys(&mut rng));
        compare_bytes(round, |engine| point_operations(engine, &uniform, &shared, &each));
    }
}

/// Encodings with random bytes changed, most of which are then invalid, decoded in batches of two:
/// every backend takes and refuses the same ones.
#[test]
fn many_corrupted_encodings() {
    for round in 0..rounds(4) {
        let mut rng = StdRng::seed_from_u64(2 << 32 | round);
        let uniform: Vec<[u8; 64]> = (0..ROUND).map(|_| rng.random()).collect();
        let mut encodings = encoded(&reference(), &reference().map(&uniform));
        for encoding in &mut encodings {
            match rng.random_range(0..4) {
                0 => {}
                1 => encoding.0[rng.random_range(0..32)] ^= 1 << rng.random_range(0..8u8),
                2 => *encoding = Encoding(rng.random()),
                // Not negative and below the prime, so that the curve equation decides.
                _ => {
                    encoding.0 = rng.random();
                    encoding.0[0] &= 0xfe;
                    encoding.0[31] &= 0x3f;
                }
            }
        }
        let validity = |engine: &Engine| -> Vec<Option<usize>> {
            let pairs = encodings.chunks(2);
            pairs.map(|pair| engine.decode(pair).err().map(|e| e.position)).collect()
        };
        let expected = validity(&reference());
        let refused = expected.iter().flatten().count();
        assert!((ROUND / 8..ROUND / 2 - ROUND / 32).contains(&refused), "{refused} refused");
        for engine in engines() {
            assert!(validity(&engine) == expected, "round {round}, {:?}", engine.backend());
        }
    }
}

/// Elements in a round.
const ROUND: usize = 4096;

/// As many as make a million elements, or that divided by `part`.
fn rounds(part: usize) -> u64 {
    elements_per_test().div_ceil(part).div_ceil(ROUND) as u64
}

fn random_messages(rng: &mut StdRng) -> Vec<Vec<u8>> {
    (0..ROUND)
        .map(|_| {
            let mut message = vec![0; rng.random_range(0..80)];
            rng.fill_bytes(&mut message);
            message
        })
        .collect()
}

fn random_key(rng: &mut StdRng) -> SecretScalar {
    key(Scalar::from_bytes_mod_order_wide(&rng.random()))
}

fn random_keys(rng: &mut StdRng) -> Vec<SecretScalar> {
    (0..ROUND).map(|_| random_key(rng)).collect()
}

/// Runs on all cores of every backend, and compares with the reference.
fn compare_bytes(round: u64, run: impl Fn(&Engine) -> Vec<Vec<Encoding>>) {
    let expected = run(&reference());
    for engine in engines() {
        if engine.backend() != Backend::portable() {
            let parallel = Engine::new(engine.backend(), Parallelism::Rayon);
            for (number, (ours, expected)) in run(&parallel).iter().zip(&expected).enumerate() {
                let name = engine.backend().name();
                assert!(ours == expected, "round {round}, output {number} on {name}");
            }
        }
    }
}

fn hash_and_blind(
    engine: &Engine,
    messages: &[Vec<u8>],
    shared: &SecretScalar,
    each: &[SecretScalar],
    each_first: bool,
) -> Vec<Vec<Encoding>> {
    let mut once = vec![Encoding::IDENTITY; messages.len()];
    let mut twice = once.clone();
    let tag = DomainTag::new(TAG);
    if each_first {
        engine.hash_blind_each(&tag, messages, each, &mut once);
        engine.blind(&once, shared, &mut twice).expect("our own points");
    } else {
        engine.hash_blind(&tag, messages, shared, &mut once);
        engine.blind_each(&once, each, &mut twice).expect("our own points");
    }
    vec![once, twice]
}

fn point_operations(
    engine: &Engine,
    uniform: &[Vec<[u8; 64]>; 2],
    shared: &SecretScalar,
    each: &[SecretScalar],
) -> Vec<Vec<Encoding>> {
    let [a, b] = uniform.each_ref().map(|uniform| engine.map(uniform));
    let mut out = vec![encoded(engine, &a), encoded(engine, &b)];
    let decoded = engine.decode(&out[1]).expect("our own points");
    let fixed = engine.multiply_fixed(&engine.fix(&out[0][0]).expect("our own point"), each);
    out.push(encoded(engine, &fixed));
    let mut sums = a.clone();
    engine.add(&mut sums, &decoded);
    out.push(encoded(engine, &sums));
    engine.sub(&mut sums, &fixed); // one plain and one halved
    out.push(encoded(engine, &sums));
    engine.multiply_each(&mut sums, each);
    engine.add(&mut sums, &fixed); // both halved
    out.push(encoded(engine, &sums));
    engine.multiply(&mut sums, shared);
    engine.sub(&mut sums, &b);
    out.push(encoded(engine, &sums));
    out.push(encoded(engine, &engine.sum(&sums)));
    out.push(encoded(engine, &engine.multiscalar(&a, each)));
    out
}

fn encoded(engine: &Engine, points: &Points) -> Vec<Encoding> {
    let mut out = vec![Encoding::IDENTITY; points.len()];
    engine.encode(points, &mut out);
    out
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
