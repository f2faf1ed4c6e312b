//! Points in vector form: every backend against curve25519-dalek, one element at a time.

mod group_common;

use blindmatch::group::{Backend, DomainTag, Encoding, Engine, Parallelism, Points, SecretScalar};
use curve25519_dalek::constants::RISTRETTO_BASEPOINT_COMPRESSED;
use curve25519_dalek::ristretto::{CompressedRistretto, RistrettoPoint};
use curve25519_dalek::{RistrettoPoint as Point, Scalar};
use group_common::engines;

/// Enough for chunks, vectors and a rest of every length.
const LENGTHS: [usize; 10] = [0, 1, 3, 4, 7, 8, 17, 256, 263, 520];

fn uniform(length: usize, seed: u8) -> Vec<[u8; 64]> {
    let byte = |i: usize, j: usize| (i * 31 + j * 7) as u8 ^ (i >> 3) as u8 ^ seed;
    (0..length).map(|i| std::array::from_fn(|j| byte(i, j).wrapping_mul(j as u8 | 1))).collect()
}

fn points(length: usize, seed: u8) -> Vec<Point> {
    uniform(length, seed).iter().map(RistrettoPoint::from_uniform_bytes).collect()
}

fn scalars(length: usize) -> Vec<Scalar> {
    let scalar =
        |i: usize| Scalar::from_bytes_mod_order([i as u8 | 1; 32]) + Scalar::from(i as u64);
    (0..length).map(scalar).collect()
}

fn keys(scalars: &[Scalar]) -> Vec<SecretScalar> {
    let key = |k: &Scalar| SecretScalar::from_canonical_bytes(k.to_bytes()).expect("not zero");
    scalars.iter().map(key).collect()
}

fn encoded(points: impl IntoIterator<Item = Point>) -> Vec<Encoding> {
    points.into_iter().map(|point| Encoding(point.compress().to_bytes())).collect()
}

#[track_caller]
fn expect(engine: &Engine, points: &Points, expected: &[Encoding]) {
    let mut out = vec![Encoding([0xff; 32]); points.len()];
    engine.encode(points, &mut out);
    assert_eq!(out, expected, "on {}", engine.backend().name());
}

fn on_every_engine_and_length(test: impl Fn(&Engine, usize)) {
    for engine in engines() {
        for parallelism in [Parallelism::Serial, Parallelism::Rayon] {
            for length in LENGTHS {
                test(&Engine::new(engine.backend(), parallelism), length);
            }
        }
    }
}

#[test]
fn hashed_mapped_and_decoded_points() {
    let tag = DomainTag::new(b"blindmatch point tests");
    on_every_engine_and_length(|engine, length| {
        let uniform = uniform(length, 1);
        let hashed = uniform.iter().map(|m| RistrettoPoint::from_uniform_bytes(&tag.expand(m)));
        expect(engine, &engine.hash(&tag, &uniform), &encoded(hashed));
        let mapped = encoded(points(length, 1));
        expect(engine, &engine.map(&uniform), &mapped);
        expect(engine, &engine.decode(&mapped).unwrap(), &mapped);
    });
}

/// RFC 9496 appendix A.3: four inputs for one point; half of each is not canonical.
#[test]
fn the_map_takes_numbers_that_are_not_canonical() {
    let half = |low: u8, middle: u8, high: u8| {
        let mut bytes = [middle; 32];
        (bytes[0], bytes[31]) = (low, high);
        bytes
    };
    let inputs = [
        [half(0xed, 0xff, 0xff), half(0x12, 0, 0)],
        [half(0xed, 0xff, 0x7f), half(0xff, 0xff, 0xff)],
        [half(0, 0, 0x80), half(0xff, 0xff, 0x7f)],
        [half(0, 0, 0), half(0x12, 0, 0x80)],
    ];
    let inputs = inputs.map(|halves| halves.concat().try_into().unwrap());
    let expected = Encoding([
        0x30, 0x42, 0x82, 0x79, 0x10, 0x23, 0xb7, 0x31, 0x28, 0xd2, 0x77, 0xbd, 0xcb, 0x5c, 0x77,
        0x46, 0xef, 0x2e, 0xac, 0x08, 0xdd, 0xe9, 0xf2, 0x98, 0x33, 0x79, 0xcb, 0x8e, 0x5e, 0xf0,
        0x51, 0x7f,
    ]);
    for engine in engines() {
        expect(&engine, &engine.map(&inputs), &[expected; 4]);
    }
}

#[test]
fn bad_encodings_are_refused_at_their_place() {
    on_every_engine_and_length(|engine, length| {
        let mut encodings = encoded(points(length, 2));
        for position in (0..length).rev().step_by(5) {
            encodings[position] = Encoding([0xff; 32]);
            assert_eq!(engine.decode(&encodings).unwrap_err().position, position);
        }
    });
}

#[test]
fn products_sums_and_differences() {
    on_every_engine_and_length(|engine, length| {
        let (p, q) = (points(length, 3), points(length, 4));
        let [mut a, b] = [3, 4].map(|seed| engine.map(&uniform(length, seed)));
        let scalars = scalars(length);
        let keys = keys(&scalars);

        // Sums and differences of what is stored plainly and what is stored halved, both ways.
        engine.multiply_each(&mut a, &keys);
        let product: Vec<Point> = p.iter().zip(&scalars).map(|(p, k)| p * k).collect();
        expect(engine, &a, &encoded(product.iter().copied()));
        let mut sum = a.clone();
        engine.add(&mut sum, &b);
        expect(engine, &sum, &encoded(product.iter().zip(&q).map(|(p, q)| p + q)));
        let mut difference = b.clone();
        engine.sub(&mut difference, &a);
        expect(engine, &difference, &encoded(product.iter().zip(&q).map(|(p, q)| q - p)));
        let mut twice = a.clone();
        engine.add(&mut twice, &a);
        expect(engine, &twice, &encoded(product.iter().map(|p| p + p)));

        let two = &self::keys(&[Scalar::from(2u8)])[0];
        engine.multiply(&mut a, two);
        expect(engine, &a, &encoded(product.iter().map(|p| p + p)));
    });
}

#[test]
fn sums_of_all() {
    on_every_engine_and_length(|engine, length| {
        let p = points(length, 9);
        let a = engine.map(&uniform(length, 9));
        expect(engine, &engine.sum(&a), &encoded([p.iter().sum()]));
        let scalars = scalars(length);
        let expected = p.iter().zip(&scalars).map(|(p, k)| p * k).sum();
        expect(engine, &engine.multiscalar(&a, &keys(&scalars)), &encoded([expected]));
    });
}

/// The identity, in each of the ways it can come about, and what is added to it.
#[test]
fn the_identity_and_its_neighbours() {
    for engine in engines() {
        let p = points(11, 5);
        let a = engine.map(&uniform(11, 5));
        let decoded = engine.decode(&encoded(p.iter().copied())).unwrap();
        let mut zero = a.clone();
        engine.sub(&mut zero, &decoded);
        expect(&engine, &zero, &[Encoding::IDENTITY; 11]);
        let mut sum = zero.clone();
        engine.add(&mut sum, &a);
        expect(&engine, &sum, &encoded(p));
        // As a product, which is encoded another way.
        for scalar in scalars(4) {
            let mut product = zero.clone();
            engine.multiply(&mut product, &keys(&[scalar])[0]);
            expect(&engine, &product, &[Encoding::IDENTITY; 11]);
        }
        // One identity among others must not spoil the shared inversion.
        let mut mixed = decoded;
        let others: Vec<Encoding> = encoded(points(11, 5))
            .into_iter()
            .enumerate()
            .map(|(i, p)| if i % 3 == 0 { p } else { Encoding(RISTRETTO_BASEPOINT_COMPRESSED.0) })
            .collect();
        engine.sub(&mut mixed, &engine.decode(&others).unwrap());
        let key = keys(&[Scalar::from(9u8)]);
        engine.multiply(&mut mixed, &key[0]);
        let expected = points(11, 5).into_iter().zip(&others).map(|(p, other)| {
            (p - CompressedRistretto(other.0).decompress().unwrap()) * Scalar::from(9u8)
        });
        expect(&engine, &mixed, &encoded(expected));
    }
}

#[test]
fn multiples_of_a_fixed_point() {
    let bases = encoded(points(2, 6));
    on_every_engine_and_length(|engine, length| {
        let scalars = scalars(length);
        for base in &bases {
            let fixed = engine.fix(base).unwrap();
            let point = CompressedRistretto(base.0).decompress().unwrap();
            let expected = encoded(scalars.iter().map(|k| point * k));
            expect(engine, &engine.multiply_fixed(&fixed, &keys(&scalars)), &expected);
        }
    });
    for engine in engines() {
        assert!(engine.fix(&Encoding::IDENTITY).is_err());
        assert!(engine.fix(&Encoding([0xff; 32])).is_err());
    }
}

/// Scalars at the ends of the range and all digits alike.
#[test]
fn edge_scalars_of_a_fixed_point() {
    let half = Scalar::from(2u8).invert();
    let mut scalars = vec![half, -half, Scalar::ONE, -Scalar::ONE, Scalar::from(2u8)];
    scalars.extend((1..=255).map(|byte| Scalar::from_bytes_mod_order([byte; 32])));
    let base = points(1, 7)[0];
    let expected = encoded(scalars.iter().map(|k| base * k));
    for engine in engines() {
        let fixed = engine.fix(&encoded([base])[0]).unwrap();
        expect(&engine, &engine.multiply_fixed(&fixed, &keys(&scalars)), &expected);
    }
}

#[test]
fn points_belong_to_their_backend() {
    let [first, .., last] = Backend::available()[..] else {
        eprintln!("skipped: this CPU has but one backend");
        return;
    };
    let points = Engine::new(first, Parallelism::Serial).map(&uniform(3, 8));
    let mixed = std::panic::catch_unwind(|| {
        Engine::new(last, Parallelism::Serial).encode(&points, &mut [Encoding::IDENTITY; 3]);
    });
    assert!(mixed.is_err(), "points of another backend were encoded");
}
