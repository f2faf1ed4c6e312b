//! The stages of the group, ours against curve25519-dalek at its best.
//!
//! dalek at its best is: its vector backend where it has one, the key halved once, products encoded
//! in batches as doubles, in chunks of the size that we take, and its table for a fixed point.

use curve25519_dalek::Scalar;
use curve25519_dalek::ristretto::{CompressedRistretto, RistrettoBasepointTable, RistrettoPoint};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::measure::{Cpu, Sample};
use crate::error::{Error, Result};
use crate::group::{DomainTag, Encoding, Engine, FixedPoint, Points, SecretScalar};

/// Elements that are encoded together, ours and dalek's.
pub const CHUNK: usize = 256;

/// A part of the work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// A message to the group, times a key, encoded.
    HashBlind,
    /// An encoding decoded, times a key, encoded.
    Blind,
    /// 64 uniform bytes to the group.
    Hash,
    /// An encoding to a point.
    Decode,
    /// Products encoded.
    Encode,
    /// Multiples of a fixed point, by a scalar for each.
    Fixed,
    /// Points times a key.
    Multiply,
    /// Points times a scalar for each.
    MultiplyEach,
}

impl Stage {
    /// Every stage.
    pub const ALL: [Stage; 8] = [
        Stage::HashBlind,
        Stage::Blind,
        Stage::Hash,
        Stage::Decode,
        Stage::Encode,
        Stage::Fixed,
        Stage::Multiply,
        Stage::MultiplyEach,
    ];

    /// Its name in lines of figures.
    pub fn name(self) -> &'static str {
        match self {
            Stage::HashBlind => "hash_blind",
            Stage::Blind => "blind",
            Stage::Hash => "hash",
            Stage::Decode => "decode",
            Stage::Encode => "encode",
            Stage::Fixed => "fixed",
            Stage::Multiply => "multiply",
            Stage::MultiplyEach => "multiply_each",
        }
    }

    /// How dalek does it.
    pub fn dalek(self, input: &Input) -> Run<'_> {
        match self {
            Stage::HashBlind => Box::new(|| dalek_hash_blind(input)),
            Stage::Blind => Box::new(|| dalek_blind(input)),
            Stage::Hash => Box::new(|| dalek_hash(input)),
            Stage::Decode => Box::new(|| dalek_decode(input)),
            Stage::Encode => {
                let points = input.decoded();
                Box::new(move || encode_doubles(&points))
            }
            Stage::Fixed => {
                let table = RistrettoBasepointTable::create(&decoded(&input.points[0]));
                Box::new(move || dalek_fixed(input, &table))
            }
            Stage::Multiply => {
                let (points, keys) = (input.decoded(), vec![input.whole; input.elements()]);
                Box::new(move || dalek_multiply(&points, &keys))
            }
            Stage::MultiplyEach => {
                let points = input.decoded();
                Box::new(move || dalek_multiply(&points, &input.scalars))
            }
        }
    }

    /// How `engine` does it.
    pub fn ours(self, input: &Input, engine: Engine) -> Run<'_> {
        match self {
            Stage::HashBlind => Box::new(move || hash_blind(input, engine)),
            Stage::Blind => Box::new(move || blind(input, engine)),
            Stage::Hash => Box::new(move || Output::Ours(engine, engine.map(&input.uniform))),
            Stage::Decode => Box::new(move || decode(input, engine)),
            Stage::Encode => {
                // Products are kept halved, so that this encodes doubles as well.
                let mut points = engine.decode(&input.points).expect("valid");
                engine.multiply(&mut points, &secret(Scalar::from(2u8)));
                Box::new(move || encode(engine, &points))
            }
            Stage::Fixed => {
                let point: FixedPoint = engine.fix(&input.points[0]).expect("valid");
                Box::new(move || Output::Ours(engine, engine.multiply_fixed(&point, &input.keys)))
            }
            Stage::Multiply => {
                let points = engine.decode(&input.points).expect("valid");
                Box::new(move || {
                    let mut products = points.clone();
                    engine.multiply(&mut products, &input.key);
                    Output::Ours(engine, products)
                })
            }
            Stage::MultiplyEach => {
                let points = engine.decode(&input.points).expect("valid");
                Box::new(move || {
                    let mut products = points.clone();
                    engine.multiply_each(&mut products, &input.keys);
                    Output::Ours(engine, products)
                })
            }
        }
    }
}

/// What the stages work on: made from a seed, without structure.
pub struct Input {
    /// Of the hash to the group.
    pub tag: DomainTag,
    /// As long as what a session hashes for an identifier.
    pub messages: Vec<[u8; 33]>,
    /// What the map takes.
    pub uniform: Vec<[u8; 64]>,
    /// Valid encodings.
    pub points: Vec<Encoding>,
    /// One for all.
    pub key: SecretScalar,
    /// One for each.
    pub keys: Vec<SecretScalar>,
    whole: Scalar,
    half: Scalar,
    scalars: Vec<Scalar>,
}

impl Input {
    /// For so many elements.
    pub fn new(elements: usize, seed: u64) -> Input {
        let mut rng = StdRng::seed_from_u64(seed);
        let tag = DomainTag::new(b"blindmatch bench of stages");
        let messages: Vec<[u8; 33]> =
            (0..elements).map(|_| std::array::from_fn(|_| rng.random())).collect();
        let uniform: Vec<[u8; 64]> = messages.iter().map(|message| *tag.expand(message)).collect();
        let mut scalar = || loop {
            let wide: [u8; 64] = std::array::from_fn(|_| rng.random());
            let scalar = Scalar::from_bytes_mod_order_wide(&wide);
            if scalar != Scalar::ZERO {
                return scalar;
            }
        };
        let key = scalar();
        let scalars: Vec<Scalar> = (0..elements).map(|_| scalar()).collect();
        let points = uniform.iter().map(RistrettoPoint::from_uniform_bytes);
        Input {
            points: points.map(|point| Encoding(point.compress().to_bytes())).collect(),
            key: secret(key),
            keys: scalars.iter().copied().map(secret).collect(),
            whole: key,
            half: key * Scalar::from(2u8).invert(),
            scalars,
            tag,
            messages,
            uniform,
        }
    }

    /// How many elements.
    pub fn elements(&self) -> usize {
        self.messages.len()
    }

    fn decoded(&self) -> Vec<RistrettoPoint> {
        self.points.iter().map(decoded).collect()
    }
}

fn secret(scalar: Scalar) -> SecretScalar {
    SecretScalar::from_canonical_bytes(scalar.to_bytes()).expect("not zero")
}

/// Does a stage once, over all elements.
pub type Run<'a> = Box<dyn Fn() -> Output + 'a>;

/// What a stage leaves behind. Encoding it, where that is not the stage, is not timed.
pub enum Output {
    /// Bytes already.
    Encodings(Vec<Encoding>),
    /// dalek's points.
    Dalek(Vec<RistrettoPoint>),
    /// Points of an engine.
    Ours(Engine, Points),
}

impl Output {
    /// As bytes.
    pub fn encodings(self) -> Vec<Encoding> {
        match self {
            Output::Encodings(encodings) => encodings,
            Output::Dalek(points) => {
                points.iter().map(|point| Encoding(point.compress().to_bytes())).collect()
            }
            Output::Ours(engine, points) => encode(engine, &points).encodings(),
        }
    }
}

/// Times of several ways to do the same, that ran in turn.
pub struct Times {
    /// Seconds of the thread's CPU time, by way, then by round.
    seconds: Vec<Vec<f64>>,
    elements: usize,
}

impl Times {
    /// Runs each in turn, `rounds` times, beginning with another one each time; all on this thread.
    ///
    /// # Errors
    /// [`Error::WrongAnswer`] where they do not give the same bytes. Nothing is timed then.
    pub fn of(what: &str, elements: usize, rounds: usize, ways: &[Run<'_>]) -> Result<Times> {
        let answers: Vec<Vec<Encoding>> = ways.iter().map(|way| way().encodings()).collect();
        if answers.iter().any(|answer| *answer != answers[0] || answer.len() != elements) {
            return Err(Error::WrongAnswer(format!("{what}: not what the reference gives")));
        }
        let mut seconds = vec![Vec::with_capacity(rounds); ways.len()];
        for round in 0..rounds {
            for turn in 0..ways.len() {
                let way = (round + turn) % ways.len();
                seconds[way].push(Cpu::Thread.time(&ways[way]).as_secs_f64());
            }
        }
        Ok(Times { seconds, elements })
    }

    /// Nanoseconds an element.
    pub fn nanoseconds(&self, way: usize) -> Sample {
        self.seconds[way].iter().map(|seconds| seconds * 1e9 / self.elements as f64).collect()
    }

    /// How many times as fast as the `other` way, round by round.
    pub fn speed_up(&self, way: usize, other: usize) -> Sample {
        self.seconds[other].iter().zip(&self.seconds[way]).map(|(other, way)| other / way).collect()
    }
}

// None of what follows is inlined, so that it is the same code for all callers.

#[inline(never)]
fn dalek_hash_blind(input: &Input) -> Output {
    let mut out = Vec::with_capacity(input.elements());
    for messages in input.messages.chunks(CHUNK) {
        let expanded = messages.iter().map(|message| input.tag.expand(message));
        let points = expanded.map(|uniform| RistrettoPoint::from_uniform_bytes(&uniform)).collect();
        multiply_and_encode(points, &input.half, &mut out);
    }
    Output::Encodings(out)
}

#[inline(never)]
fn dalek_blind(input: &Input) -> Output {
    let mut out = Vec::with_capacity(input.elements());
    for points in input.points.chunks(CHUNK) {
        multiply_and_encode(points.iter().map(decoded).collect(), &input.half, &mut out);
    }
    Output::Encodings(out)
}

#[inline(never)]
fn dalek_hash(input: &Input) -> Output {
    Output::Dalek(input.uniform.iter().map(RistrettoPoint::from_uniform_bytes).collect())
}

#[inline(never)]
fn dalek_decode(input: &Input) -> Output {
    Output::Dalek(input.points.iter().map(decoded).collect())
}

#[inline(never)]
fn dalek_fixed(input: &Input, table: &RistrettoBasepointTable) -> Output {
    Output::Dalek(input.scalars.iter().map(|scalar| table * scalar).collect())
}

#[inline(never)]
fn dalek_multiply(points: &[RistrettoPoint], scalars: &[Scalar]) -> Output {
    Output::Dalek(points.iter().zip(scalars).map(|(point, scalar)| point * scalar).collect())
}

#[inline(never)]
fn multiply_and_encode(mut points: Vec<RistrettoPoint>, half: &Scalar, out: &mut Vec<Encoding>) {
    for point in &mut points {
        *point *= half;
    }
    let doubles = RistrettoPoint::double_and_compress_batch(&points);
    out.extend(doubles.iter().map(|double| Encoding(double.to_bytes())));
}

#[inline(never)]
fn encode_doubles(points: &[RistrettoPoint]) -> Output {
    let doubles = points.chunks(CHUNK).flat_map(RistrettoPoint::double_and_compress_batch);
    Output::Encodings(doubles.map(|double| Encoding(double.to_bytes())).collect())
}

fn decoded(encoding: &Encoding) -> RistrettoPoint {
    CompressedRistretto(encoding.0).decompress().expect("valid")
}

#[inline(never)]
fn hash_blind(input: &Input, engine: Engine) -> Output {
    let mut out = vec![Encoding::IDENTITY; input.elements()];
    engine.hash_blind(&input.tag, &input.messages, &input.key, &mut out);
    Output::Encodings(out)
}

#[inline(never)]
fn blind(input: &Input, engine: Engine) -> Output {
    let mut out = vec![Encoding::IDENTITY; input.elements()];
    engine.blind(&input.points, &input.key, &mut out).expect("valid");
    Output::Encodings(out)
}

#[inline(never)]
fn decode(input: &Input, engine: Engine) -> Output {
    Output::Ours(engine, engine.decode(&input.points).expect("valid"))
}

#[inline(never)]
fn encode(engine: Engine, points: &Points) -> Output {
    let mut out = vec![Encoding::IDENTITY; points.len()];
    engine.encode(points, &mut out);
    Output::Encodings(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::group::{Backend, Parallelism};

    #[test]
    fn every_stage_is_the_same_everywhere() {
        let input = Input::new(19, 1);
        for stage in Stage::ALL {
            let mut ways = vec![stage.dalek(&input)];
            for backend in Backend::available() {
                ways.push(stage.ours(&input, Engine::new(backend, Parallelism::Serial)));
            }
            let times = Times::of(stage.name(), 19, 3, &ways).unwrap();
            for way in 0..ways.len() {
                assert!(times.nanoseconds(way).median() > 0.0, "{}", stage.name());
                assert!(times.speed_up(way, 0).median() > 0.0);
            }
        }
    }

    #[test]
    fn another_answer_is_an_error() {
        let inputs = [1, 2].map(|seed| Input::new(3, seed));
        let ways = inputs.each_ref().map(|input| Stage::Blind.dalek(input));
        assert!(matches!(Times::of("blind", 3, 1, &ways), Err(Error::WrongAnswer(_))));
    }
}
