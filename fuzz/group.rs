//! The body of the target `points`: every operation of the group on every backend, against
//! curve25519-dalek, one element at a time.
//!
//! Random bytes are hardly ever points, and a batch with one bad encoding ends there. So points are
//! hashed from the input, and it says what is done with them: how many, on which cores, by which
//! scalars (those at the ends of the range among them), which encodings are damaged and how.

use blindmatch::group::{
    Backend, DomainTag, Encoding, Engine, FixedPoint, Parallelism, Points, SecretScalar,
};
use curve25519_dalek::ristretto::{CompressedRistretto, RistrettoPoint};
use curve25519_dalek::scalar::Scalar;

/// See above.
pub fn points(data: &[u8]) {
    let input = Input::read(Reader(data));
    let expected = Expected::new(&input);
    for backend in Backend::available() {
        let run = Run {
            engine: Engine::new(backend, input.parallelism),
            keys: input.scalars.iter().map(key).collect(),
            shared: key(&input.shared),
            input: &input,
            expected: &expected,
        };
        run.bytes_to_bytes();
        run.what_a_peer_sends();
        run.products();
        run.sums_and_differences();
        run.a_fixed_point();
    }
}

/// An input of the target that is `length` elements: for seeds. Their encodings are those given, in
/// turn, as they are.
pub fn seed(length: u8, rayon: bool, encodings: &[Encoding]) -> Vec<u8> {
    let mut bytes = vec![length, u8::from(rayon), RANDOM_SCALAR];
    bytes.extend([0x5a; 32]);
    for i in 0..length {
        bytes.extend([i % KINDS_OF_ONE_BYTE, i]); // a scalar
        bytes.extend([b'm', i, i, i]); // a message
        bytes.extend([i % 5, i % 3]); // an extreme of the map, and bytes to cut off
        bytes.push(AS_GIVEN);
        bytes.extend(encodings[usize::from(i) % encodings.len()].0);
    }
    bytes
}

/// The position of the first encoding that every backend has to refuse: for tests of seeds.
pub fn first_bad_encoding(data: &[u8]) -> Option<usize> {
    Input::read(Reader(data)).wild.iter().position(|encoding| decode(encoding).is_none())
}

/// Kinds of scalars that one more byte says all about; and any scalar.
const KINDS_OF_ONE_BYTE: u8 = 6;
const RANDOM_SCALAR: u8 = 7;
/// An encoding that stands in the input.
const AS_GIVEN: u8 = 0xff;

/// Takes bytes off the input; zeros once that has come to its end.
struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn byte(&mut self) -> u8 {
        self.array::<1>()[0]
    }

    fn array<const N: usize>(&mut self) -> [u8; N] {
        let mut bytes = [0; N];
        let length = N.min(self.0.len());
        let (taken, rest) = self.0.split_at(length);
        bytes[..length].copy_from_slice(taken);
        self.0 = rest;
        bytes
    }

    /// Not zero. At the ends of the range, with all digits alike or few that are not zero, or any.
    fn scalar(&mut self) -> Scalar {
        let half = Scalar::from(2u8).invert();
        let scalar = match self.byte() % 8 {
            0 => Scalar::from(self.byte()),
            1 => -Scalar::from(self.byte()),
            2 => half + Scalar::from(self.byte()),
            3 => Scalar::from_bytes_mod_order([self.byte(); 32]),
            4 => Scalar::from_bytes_mod_order([self.byte(); 32]) * Scalar::from(2u8),
            5 => {
                let (bit, mut bytes) = (self.byte() % 253, [0; 32]);
                bytes[usize::from(bit / 8)] = 1 << (bit % 8);
                Scalar::from_bytes_mod_order(bytes)
            }
            _ => Scalar::from_bytes_mod_order(self.array()),
        };
        if scalar == Scalar::ZERO { Scalar::ONE } else { scalar }
    }

    /// `good`, or that with a bit changed, or anything.
    fn encoding(&mut self, good: Encoding) -> Encoding {
        match self.byte() {
            0x00..0xe0 => good,
            0xe0..0xf0 => {
                let (bit, mut bytes) = (self.byte(), good.0);
                bytes[usize::from(bit / 8)] ^= 1 << (bit % 8);
                Encoding(bytes)
            }
            0xf0..0xf4 => Encoding::IDENTITY,
            0xf4.. => Encoding(self.array()),
        }
    }
}

/// What an input stands for.
struct Input {
    parallelism: Parallelism,
    shared: Scalar,
    scalars: Vec<Scalar>,
    messages: Vec<Vec<u8>>,
    uniform: Vec<[u8; 64]>,
    /// Valid encodings.
    good: Vec<Encoding>,
    /// What a peer might send.
    wild: Vec<Encoding>,
}

impl Input {
    fn read(mut from: Reader<'_>) -> Input {
        let length = match from.byte() {
            byte @ ..=253 => usize::from(byte) % 20,
            byte => 2 + usize::from(byte), // a chunk is full, and one more
        };
        let rayon = from.byte() & 1 != 0;
        let parallelism = if rayon { Parallelism::Rayon } else { Parallelism::Serial };
        let shared = from.scalar();
        let mut input = Input {
            parallelism,
            shared,
            scalars: Vec::new(),
            messages: Vec::new(),
            uniform: Vec::new(),
            good: Vec::new(),
            wild: Vec::new(),
        };
        for i in 0..length {
            input.scalars.push(from.scalar());
            let message = [&(i as u64).to_le_bytes()[..], &from.array::<4>()].concat();
            let mut uniform = *tag().expand(&[b"uniform", &message[..]].concat());
            // The map's own extremes: a half that is all zeros or ones, but for its first byte.
            match from.byte() {
                1 => uniform[1..32].fill(0),
                2 => uniform[33..].fill(0xff),
                3 => uniform[..].fill(0),
                _ => {}
            }
            input.messages.push(message[..message.len() - usize::from(from.byte() % 4)].to_vec());
            input.uniform.push(uniform);
            let encoding = encoding(&map(&uniform));
            let good = if decode(&encoding).is_some() { encoding } else { GENERATOR };
            input.good.push(good);
            input.wild.push(from.encoding(good));
        }
        input
    }
}

/// What curve25519-dalek makes of an input.
struct Expected {
    hashed: Vec<RistrettoPoint>,
    mapped: Vec<RistrettoPoint>,
    decoded: Vec<RistrettoPoint>,
    /// Multiples of `hashed` and of `decoded`, by the shared scalar and by one for each.
    hashed_shared: Vec<RistrettoPoint>,
    hashed_each: Vec<RistrettoPoint>,
    decoded_shared: Vec<RistrettoPoint>,
    decoded_each: Vec<RistrettoPoint>,
    /// The first of the wild encodings that is not valid.
    first_bad: Option<usize>,
    /// Multiples of those before it.
    wild_shared: Vec<RistrettoPoint>,
    wild_each: Vec<RistrettoPoint>,
}

impl Expected {
    fn new(input: &Input) -> Expected {
        let hash = |message: &Vec<u8>| map(&tag().expand(message));
        let hashed: Vec<RistrettoPoint> = input.messages.iter().map(hash).collect();
        let decoded: Vec<RistrettoPoint> =
            input.good.iter().map(|good| decode(good).expect("valid")).collect();
        let wild: Vec<RistrettoPoint> = input.wild.iter().map_while(decode).collect();
        let shared = |points: &[RistrettoPoint]| points.iter().map(|p| p * input.shared).collect();
        let each = |points: &[RistrettoPoint]| {
            points.iter().zip(&input.scalars).map(|(p, k)| p * k).collect()
        };
        Expected {
            mapped: input.uniform.iter().map(map).collect(),
            hashed_shared: shared(&hashed),
            hashed_each: each(&hashed),
            decoded_shared: shared(&decoded),
            decoded_each: each(&decoded),
            first_bad: (wild.len() < input.wild.len()).then_some(wild.len()),
            wild_shared: shared(&wild),
            wild_each: each(&wild),
            hashed,
            decoded,
        }
    }
}

/// One backend on one input.
struct Run<'a> {
    engine: Engine,
    keys: Vec<SecretScalar>,
    shared: SecretScalar,
    input: &'a Input,
    expected: &'a Expected,
}

impl Run<'_> {
    fn bytes_to_bytes(&self) {
        let Run { engine, input, expected, .. } = self;
        let mut out = vec![UNWRITTEN; input.messages.len()];
        engine.hash_blind(&tag(), &input.messages, &self.shared, &mut out);
        self.same("hash_blind", &out, &expected.hashed_shared);
        engine.hash_blind_each(&tag(), &input.messages, &self.keys, &mut out);
        self.same("hash_blind_each", &out, &expected.hashed_each);
        engine.blind(&input.good, &self.shared, &mut out).expect("valid");
        self.same("blind", &out, &expected.decoded_shared);
        engine.blind_each(&input.good, &self.keys, &mut out).expect("valid");
        self.same("blind_each", &out, &expected.decoded_each);
    }

    /// Taken as a whole, or refused where the first bad one stands; those before it are good.
    fn what_a_peer_sends(&self) {
        let Run { engine, input, expected, .. } = self;
        let wild = &input.wild;
        let (bad, good_ones) = (expected.first_bad, expected.wild_each.len());
        let mut out = vec![UNWRITTEN; wild.len()];
        let refused = engine.blind(wild, &self.shared, &mut out).err();
        assert_eq!(refused.map(|e| e.position), bad, "blind on {}", self.name());
        let refused = engine.blind_each(wild, &self.keys, &mut out).err();
        assert_eq!(refused.map(|e| e.position), bad, "blind_each on {}", self.name());
        let refused = engine.decode(wild).err();
        assert_eq!(refused.map(|e| e.position), bad, "decode on {}", self.name());
        for (position, encoding) in wild.iter().enumerate().skip(good_ones).take(1) {
            assert_eq!(Some(position), bad);
            assert!(engine.fix(encoding).is_err(), "fix on {}", self.name());
        }
        let mut out = vec![UNWRITTEN; good_ones];
        engine.blind(&wild[..good_ones], &self.shared, &mut out).expect("valid");
        self.same("blind, the peer's", &out, &expected.wild_shared);
        engine.blind_each(&wild[..good_ones], &self.keys[..good_ones], &mut out).expect("valid");
        self.same("blind_each, the peer's", &out, &expected.wild_each);
    }

    fn products(&self) {
        let Run { engine, input, expected, .. } = self;
        let mut hashed = engine.hash(&tag(), &input.messages);
        self.same_points("hash", &hashed, &expected.hashed);
        self.same_points("map", &engine.map(&input.uniform), &expected.mapped);
        let mut decoded = self.decoded();
        self.same_points("decode", &decoded, &expected.decoded);
        engine.multiply_each(&mut hashed, &self.keys);
        self.same_points("multiply_each", &hashed, &expected.hashed_each);
        engine.multiply(&mut decoded, &self.shared);
        self.same_points("multiply", &decoded, &expected.decoded_shared);
        // Once more, now that they are products; and back.
        engine.multiply(&mut hashed, &self.shared.invert());
        engine.multiply(&mut hashed, &self.shared);
        self.same_points("multiply there and back", &hashed, &expected.hashed_each);
        engine.multiply_each(&mut hashed, &SecretScalar::invert_all(&self.keys));
        self.same_points("multiply_each back", &hashed, &expected.hashed);
    }

    /// Of plain points and of products, in all pairs; and the identity.
    fn sums_and_differences(&self) {
        let Run { engine, input, expected, .. } = self;
        let plain = (self.decoded(), &expected.decoded);
        let hashed = (engine.hash(&tag(), &input.messages), &expected.hashed);
        let mut product = (self.decoded(), &expected.decoded_each);
        engine.multiply_each(&mut product.0, &self.keys);
        let mut second = (self.decoded(), &expected.decoded_shared);
        engine.multiply(&mut second.0, &self.shared);
        let pairs = [
            (&plain, &hashed),
            (&plain, &plain),
            (&plain, &product),
            (&product, &hashed),
            (&product, &second),
            (&product, &product),
        ];
        for ((a, expected_a), (b, expected_b)) in pairs {
            let mut sum = a.clone();
            engine.add(&mut sum, b);
            let expected: Vec<_> = expected_a.iter().zip(*expected_b).map(|(a, b)| a + b).collect();
            self.same_points("add", &sum, &expected);
            let mut difference = a.clone();
            engine.sub(&mut difference, b);
            let expected: Vec<_> = expected_a.iter().zip(*expected_b).map(|(a, b)| a - b).collect();
            self.same_points("sub", &difference, &expected);
            engine.multiply(&mut difference, &self.shared);
            let expected: Vec<_> = expected.iter().map(|p| p * input.shared).collect();
            self.same_points("multiply a difference", &difference, &expected);
        }
        for (points, expected) in [&plain, &hashed, &product] {
            self.same_points("sum", &engine.sum(points), &[expected.iter().sum()]);
        }
        let sum = engine.multiscalar(&plain.0, &self.keys);
        self.same_points("multiscalar", &sum, &[expected.decoded_each.iter().sum()]);
    }

    fn a_fixed_point(&self) {
        let Some(base) = self.input.good.first() else { return };
        let fixed: FixedPoint = self.engine.fix(base).expect("valid");
        let point = decode(base).expect("valid");
        let expected: Vec<_> = self.input.scalars.iter().map(|k| point * k).collect();
        let products = self.engine.multiply_fixed(&fixed, &self.keys);
        self.same_points("multiply_fixed", &products, &expected);
        let sum = self.engine.sum(&products);
        self.same_points("sum of multiples", &sum, &[expected.iter().sum()]);
    }

    fn decoded(&self) -> Points {
        self.engine.decode(&self.input.good).expect("valid")
    }

    fn name(&self) -> &'static str {
        self.engine.backend().name()
    }

    fn same_points(&self, what: &str, points: &Points, expected: &[RistrettoPoint]) {
        let mut out = vec![UNWRITTEN; points.len()];
        self.engine.encode(points, &mut out);
        self.same(what, &out, expected);
    }

    fn same(&self, what: &str, ours: &[Encoding], expected: &[RistrettoPoint]) {
        let expected: Vec<Encoding> = expected.iter().map(encoding).collect();
        assert_eq!(ours, expected, "{what} on {}", self.name());
    }
}

fn tag() -> DomainTag {
    DomainTag::new(b"blindmatch fuzz")
}

fn key(scalar: &Scalar) -> SecretScalar {
    SecretScalar::from_canonical_bytes(scalar.to_bytes()).expect("not zero")
}

fn map(uniform: &[u8; 64]) -> RistrettoPoint {
    RistrettoPoint::from_uniform_bytes(uniform)
}

fn encoding(point: &RistrettoPoint) -> Encoding {
    Encoding(point.compress().to_bytes())
}

/// What counts as valid: not the identity.
fn decode(encoding: &Encoding) -> Option<RistrettoPoint> {
    let valid = CompressedRistretto(encoding.0).decompress();
    valid.filter(|_| *encoding != Encoding::IDENTITY)
}

const GENERATOR: Encoding = Encoding(curve25519_dalek::constants::RISTRETTO_BASEPOINT_COMPRESSED.0);

/// What an output holds before anything is written to it: no encoding of anything.
const UNWRITTEN: Encoding = Encoding([0xff; 32]);
