//! Operations from bytes to bytes in one pass, and sums of products: every backend against
//! curve25519-dalek, one element at a time.

mod group_common;

use blindmatch::group::{
    DomainTag, Encoding, Engine, FixedPoint, InvalidPoint, Parallelism, SecretScalar,
};
use curve25519_dalek::constants::RISTRETTO_BASEPOINT_POINT;
use curve25519_dalek::{RistrettoPoint, Scalar};
use group_common::engines;

/// Around lanes, pairs of vectors, groups that share doublings, and chunks.
const LENGTHS: [usize; 9] = [0, 1, 2, 5, 16, 17, 129, 257, 531];

/// What tests of a length compare with.
struct Input {
    messages: Vec<[u8; 9]>,
    hashed: Vec<RistrettoPoint>,
    scalars: Vec<Scalar>,
    keys: Vec<SecretScalar>,
}

impl Input {
    fn new(length: usize) -> Self {
        let messages: Vec<[u8; 9]> = (0..length)
            .map(|i| std::array::from_fn(|j| (i >> (4 * (j % 4))) as u8 ^ j as u8))
            .collect();
        let hash = |message: &[u8; 9]| RistrettoPoint::from_uniform_bytes(&tag().expand(message));
        let scalar =
            |i: usize| Scalar::from_bytes_mod_order([i as u8 | 1; 32]) - Scalar::from(77u8);
        let scalars: Vec<Scalar> = (0..length).map(scalar).collect();
        let keys = scalars.iter().map(secret).collect();
        Input { hashed: messages.iter().map(hash).collect(), messages, scalars, keys }
    }

    fn encodings(&self) -> Vec<Encoding> {
        encoded(self.hashed.iter().copied())
    }

    /// `combine` of every hashed message and its scalar, encoded.
    fn expected(
        &self,
        combine: impl Fn(&RistrettoPoint, &Scalar) -> RistrettoPoint,
    ) -> Vec<Encoding> {
        encoded(self.hashed.iter().zip(&self.scalars).map(|(point, scalar)| combine(point, scalar)))
    }
}

fn tag() -> DomainTag {
    DomainTag::new(b"blindmatch fused tests")
}

fn secret(scalar: &Scalar) -> SecretScalar {
    SecretScalar::from_canonical_bytes(scalar.to_bytes()).expect("not zero")
}

fn encoded(points: impl IntoIterator<Item = RistrettoPoint>) -> Vec<Encoding> {
    points.into_iter().map(|point| Encoding(point.compress().to_bytes())).collect()
}

/// A finish whose result shows both arguments.
fn finish(index: usize, encoding: &Encoding) -> (usize, Encoding) {
    (index, *encoding)
}

fn finished(encodings: &[Encoding]) -> Vec<(usize, Encoding)> {
    encodings.iter().copied().enumerate().collect()
}

fn nothing<T: Clone + Default>(input: &Input) -> Vec<T> {
    vec![T::default(); input.messages.len()]
}

fn on_every_engine_and_length(test: impl Fn(&Engine, &Input)) {
    let inputs = LENGTHS.map(Input::new);
    for engine in engines() {
        for parallelism in [Parallelism::Serial, Parallelism::Rayon] {
            for input in &inputs {
                test(&Engine::new(engine.backend(), parallelism), input);
            }
        }
    }
}

#[track_caller]
fn expect<T: PartialEq>(engine: &Engine, out: &[T], expected: &[T]) {
    let first = out.iter().zip(expected).position(|(out, expected)| out != expected);
    assert_eq!(first, None, "of {} on {}", expected.len(), engine.backend().name());
    assert_eq!(out.len(), expected.len());
}

fn fixed(engine: &Engine, point: RistrettoPoint) -> FixedPoint {
    engine.fix(&encoded([point])[0]).expect("not the identity")
}

#[test]
fn products_are_finished_with_their_place() {
    let key = Scalar::from_bytes_mod_order([0x6b; 32]);
    on_every_engine_and_length(|engine, input| {
        let points = input.encodings();
        let shared = finished(&input.expected(|point, _| point * key));
        let mut out = nothing(input);
        engine.hash_blind_then(&tag(), &input.messages, &secret(&key), &mut out, finish);
        expect(engine, &out, &shared);
        let mut out = nothing(input);
        engine.blind_then(&points, &secret(&key), &mut out, finish).unwrap();
        expect(engine, &out, &shared);
        let mut out = nothing(input);
        engine.blind_each_then(&points, &input.keys, &mut out, finish).unwrap();
        expect(engine, &out, &finished(&input.expected(|point, k| point * k)));
    });
}

#[test]
fn masks_are_added_and_subtracted() {
    let base = RISTRETTO_BASEPOINT_POINT * Scalar::from(1234u16);
    on_every_engine_and_length(|engine, input| {
        let fixed = fixed(engine, base);
        let masked = input.expected(|point, r| point + base * r);
        let mut out = nothing(input);
        engine.hash_mask(&tag(), &input.messages, &fixed, &input.keys, &mut out);
        expect(engine, &out, &masked);
        let mut out = nothing(input);
        engine.unmask_then(&masked, &fixed, &input.keys, &mut out, finish).unwrap();
        expect(engine, &out, &finished(&input.encodings()));
    });
}

/// The way of an oblivious pseudorandom function: `k (H(m) + r G) - r (k G) = k H(m)`.
#[test]
fn masks_come_off_what_was_multiplied() {
    let key = secret(&Scalar::from_bytes_mod_order([0x11; 32]));
    on_every_engine_and_length(|engine, input| {
        let mut image = [Encoding::IDENTITY];
        engine.blind(&[Encoding::GENERATOR], &key, &mut image).unwrap();
        let generator = engine.fix(&Encoding::GENERATOR).unwrap();
        let image = engine.fix(&image[0]).unwrap();
        let mut masked = nothing(input);
        engine.hash_mask(&tag(), &input.messages, &generator, &input.keys, &mut masked);
        let mut evaluated = nothing(input);
        engine.blind(&masked, &key, &mut evaluated).unwrap();
        let mut out = nothing(input);
        engine.unmask_then(&evaluated, &image, &input.keys, &mut out, finish).unwrap();
        let mut direct = nothing(input);
        engine.hash_blind_then(&tag(), &input.messages, &key, &mut direct, finish);
        expect(engine, &out, &direct);
    });
}

/// A hostile peer can make a difference the identity; it is that, and spoils no other.
#[test]
fn a_difference_can_be_the_identity() {
    let input = Input::new(19);
    for engine in engines() {
        let base = fixed(&engine, RISTRETTO_BASEPOINT_POINT);
        let mut points = input.encodings();
        let mut expected = input.expected(|point, r| point - RISTRETTO_BASEPOINT_POINT * r);
        for i in (0..19).step_by(4) {
            points[i] = encoded([RISTRETTO_BASEPOINT_POINT * input.scalars[i]])[0];
            expected[i] = Encoding::IDENTITY;
        }
        let mut out = nothing(&input);
        engine.unmask_then(&points, &base, &input.keys, &mut out, finish).unwrap();
        expect(&engine, &out, &finished(&expected));
    }
}

#[test]
fn bad_points_are_refused_at_their_place() {
    on_every_engine_and_length(|engine, input| {
        let fixed = fixed(engine, RISTRETTO_BASEPOINT_POINT);
        let mut points = input.encodings();
        for position in (0..points.len()).rev().step_by(61) {
            points[position] = Encoding([0xff; 32]);
            let refused = Err(InvalidPoint { position });
            let mut out = nothing(input);
            let key = &input.keys[0];
            assert_eq!(engine.blind_then(&points, key, &mut out, finish), refused);
            assert_eq!(engine.blind_each_then(&points, &input.keys, &mut out, finish), refused);
            assert_eq!(engine.unmask_then(&points, &fixed, &input.keys, &mut out, finish), refused);
        }
    });
}

#[test]
fn sums_of_weighted_points() {
    let edges = [0, 1, 2, 3, 15, 16, 17, 1 << 64, 1 << 127, u128::MAX - 1, u128::MAX];
    on_every_engine_and_length(|engine, input| {
        let length = input.messages.len();
        let random =
            |i: usize| (i as u128 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835);
        let weight =
            |i: usize| if i.is_multiple_of(3) { edges[i / 3 % edges.len()] } else { random(i) };
        let weights: Vec<u128> = (0..length).map(weight).collect();
        let weighted = |points: &[RistrettoPoint]| -> RistrettoPoint {
            points.iter().zip(&weights).map(|(point, w)| point * Scalar::from(*w)).sum()
        };
        let mut points = engine.hash(&tag(), &input.messages);
        let mut out = [Encoding([0xff; 32])];
        engine.encode(&engine.vartime_multiscalar(&points, &weights), &mut out);
        expect(engine, &out, &encoded([weighted(&input.hashed)]));

        // Products are stored as halves.
        engine.multiply_each(&mut points, &input.keys);
        let products: Vec<RistrettoPoint> =
            input.hashed.iter().zip(&input.scalars).map(|(point, k)| point * k).collect();
        engine.encode(&engine.vartime_multiscalar(&points, &weights), &mut out);
        expect(engine, &out, &encoded([weighted(&products)]));
        let again = products.iter().zip(&input.scalars).map(|(point, k)| point * k).sum();
        engine.encode(&engine.multiscalar(&points, &input.keys), &mut out);
        expect(engine, &out, &encoded([again]));
    });
}

/// Equal points, points and their negatives, the identity: what incomplete formulas get wrong.
#[test]
fn sums_of_points_that_are_alike() {
    let input = Input::new(40);
    for engine in engines() {
        let mut points = engine.hash(&tag(), &[[7; 9]; 40]);
        let weights: Vec<u128> = (0..40).map(|i| i / 2).collect();
        let point = RistrettoPoint::from_uniform_bytes(&tag().expand(&[7; 9]));
        let sum: u128 = weights.iter().sum();
        let mut out = [Encoding([0xff; 32])];
        engine.encode(&engine.vartime_multiscalar(&points, &weights), &mut out);
        expect(&engine, &out, &encoded([point * Scalar::from(sum)]));
        engine.encode(&engine.multiscalar(&points, &input.keys), &mut out);
        expect(&engine, &out, &encoded([point * input.scalars.iter().sum::<Scalar>()]));
        let same = points.clone();
        engine.sub(&mut points, &same);
        engine.encode(&engine.vartime_multiscalar(&points, &weights), &mut out);
        expect(&engine, &out, &[Encoding::IDENTITY]);
    }
}

#[test]
fn the_generator_is_the_generator() {
    assert_eq!(encoded([RISTRETTO_BASEPOINT_POINT]), [Encoding::GENERATOR]);
}
