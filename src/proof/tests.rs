//! Tests that need the weights: cheating provers, and sums against their definitions.

use std::iter;

use curve25519_dalek::constants::RISTRETTO_BASEPOINT_POINT as GENERATOR;
use curve25519_dalek::traits::Identity;
use sha2::{Digest, Sha512};

use super::composite::{composite, weights};
use super::hash::{Hash, nonce};
use super::*;
use crate::group::{Backend, Engine, InvalidPoint, Parallelism};
use crate::key::{Key, PublicKey, role};

#[test]
fn weights_are_hashes_of_their_seed() {
    let seed = [9; 64];
    let mut tag = [0; 64];
    tag[..27].copy_from_slice(b"blindmatch-v1 proof weights");
    let block = |i: u64| Sha512::digest([&tag[..], &seed, &i.to_le_bytes()].concat());
    let expected: Vec<u128> = (0..300)
        .flat_map(|i| block(i).as_chunks::<16>().0.to_vec())
        .map(u128::from_le_bytes)
        .collect();
    for engine in engines() {
        for count in [0, 1, 2, 3, 4, 5, 1023, 1200] {
            assert_eq!(weights(&engine, &seed, count), expected[..count]);
        }
    }
}

#[test]
fn a_composite_is_the_weighted_sum() {
    let points = points(300, 1);
    let repeated: Vec<Encoding> = points.iter().cycle().take(5000).copied().collect();
    let weights = weights(&serial(), &[3; 64], repeated.len());
    for count in [0, 1, 2, 189, 190, 300, 2049, 4097, 5000] {
        let terms = repeated[..count].iter().zip(&weights);
        let sum: RistrettoPoint = terms.map(|(p, &w)| decode(p) * Scalar::from(w)).sum();
        for engine in engines() {
            let composite = composite(&engine, &repeated[..count], &weights[..count]);
            assert_eq!(composite, Ok(encode(&sum)), "{count} on {engine:?}");
        }
    }
}

#[test]
fn the_lowest_invalid_point_is_reported() {
    let weights = vec![1; 5000];
    for lowest in [0, 1, 2047, 2048, 2499, 2500, 4999] {
        let mut points = vec![Encoding::GENERATOR; 5000];
        points[4999] = Encoding([0xff; 32]);
        points[lowest] = Encoding::IDENTITY;
        for engine in engines() {
            let refused = composite(&engine, &points, &weights);
            assert_eq!(refused, Err(InvalidPoint { position: lowest }));
        }
    }
}

/// Whatever changes, all weights do. So no prover can adjust one element and keep the weights of
/// the others, and none knows them before the whole batch stands.
#[test]
fn every_weight_depends_on_everything() {
    let case = Case::new(9);
    let of = |transcript: &Transcript, inputs: &[Encoding], outputs: &[Encoding]| {
        let batch = transcript.batch(&serial(), inputs, outputs).unwrap();
        weights(&serial(), &batch, 9)
    };
    let Case { transcript, inputs, outputs, .. } = &case;
    let mut all = vec![of(transcript, inputs, outputs)];
    for position in 0..9 {
        for list in [0, 1] {
            let mut lists = [inputs.clone(), outputs.clone()];
            lists[list][position].0[5] ^= 1;
            all.push(of(transcript, &lists[0], &lists[1]));
        }
        for other in 0..position {
            let mut lists = [inputs.clone(), outputs.clone()];
            lists[1].swap(position, other);
            all.push(of(transcript, &lists[0], &lists[1]));
            lists[0].swap(position, other);
            all.push(of(transcript, &lists[0], &lists[1]));
        }
    }
    all.push(of(transcript, outputs, inputs));
    all.push(of(&Transcript::new(&[8; 32], &case.public).unwrap(), inputs, outputs));
    let other = PublicKey(encode(&(GENERATOR * Scalar::from(5u8))));
    all.push(of(&Transcript::new(&SESSION, &other).unwrap(), inputs, outputs));
    let mut later = transcript.clone();
    later.prove(&serial(), &case.key, inputs, outputs, &mut rand::rng()).unwrap();
    all.push(of(&later, inputs, outputs));

    for position in 0..9 {
        let mut weights: Vec<u128> = all.iter().map(|weights| weights[position]).collect();
        weights.sort_unstable();
        weights.dedup();
        assert_eq!(weights.len(), all.len(), "at position {position}");
    }
}

/// Errors that cancel under the weights of the honest batch do not under those of the batch that
/// has them. If weights were known in advance, or those of the two pairs did not depend on the other
/// pair, this prover would succeed.
#[test]
fn errors_that_would_cancel_under_weights_known_before_do_not() {
    let case = Case::new(40);
    let batch = case.transcript.batch(&serial(), &case.inputs, &case.outputs).unwrap();
    let known = weights(&serial(), &batch, 40);
    let mut cheated = case.outputs.clone();
    cheated[3] = encode(&(decode(&cheated[3]) + GENERATOR * Scalar::from(known[17])));
    cheated[17] = encode(&(decode(&cheated[17]) - GENERATOR * Scalar::from(known[3])));

    let honest = composite(&serial(), &case.outputs, &known);
    assert_eq!(composite(&serial(), &cheated, &known), honest, "they cancel");
    // As an honest prover would, with `k M`; and with the verifier's own sum.
    for own_sum in [false, true] {
        let proof = case.forge(&cheated, own_sum);
        let mut verifier = case.transcript.clone();
        let refused = verifier.check(&serial(), &case.inputs, &cheated, &proof);
        assert_eq!(refused, Err(BatchFault::DoesNotHold(InvalidProof)));
        assert_eq!(verifier.state(), case.transcript.state());
    }
    // The forger's proof is right where the outputs are.
    for own_sum in [false, true] {
        let proof = case.forge(&case.outputs, own_sum);
        let mut verifier = case.transcript.clone();
        assert_eq!(verifier.check(&serial(), &case.inputs, &case.outputs, &proof), Ok(()));
    }
}

/// Two errors that are each other's opposite: they would cancel if all weights were alike.
#[test]
fn opposite_errors_do_not_cancel() {
    let case = Case::new(2);
    let mut cheated = case.outputs.clone();
    cheated[0] = encode(&(decode(&cheated[0]) + GENERATOR));
    cheated[1] = encode(&(decode(&cheated[1]) - GENERATOR));
    let proof = case.forge(&cheated, true);
    let refused = case.transcript.clone().check(&serial(), &case.inputs, &cheated, &proof);
    assert_eq!(refused, Err(BatchFault::DoesNotHold(InvalidProof)));
}

#[test]
fn nonces_differ_with_key_subject_and_randomness() {
    let [one, two] = [1u8, 2].map(Scalar::from);
    let mut constant = Constant(3);
    let first = nonce("nonce", &one, &[b"a"], &mut constant);
    assert_eq!(first, nonce("nonce", &one, &[b"a"], &mut constant));
    assert_ne!(first, nonce("nonce", &two, &[b"a"], &mut constant));
    assert_ne!(first, nonce("nonce", &one, &[b"b"], &mut constant));
    assert_ne!(first, nonce("key nonce", &one, &[b"a"], &mut constant));
    assert_ne!(first, nonce("nonce", &one, &[b"a"], &mut Constant(4)));
}

/// A generator that always gives the same must not give the same nonce for two statements: the key
/// is the quotient of what two responses under one nonce differ by.
#[test]
fn a_broken_generator_does_not_repeat_a_nonce() {
    let case = Case::new(3);
    let mut transcript = case.transcript.clone();
    let mut rng = Constant(0);
    let mut prove = || {
        let proof = transcript.prove(&serial(), &case.key, &case.inputs, &case.outputs, &mut rng);
        Scalars::from_bytes(&proof.unwrap().to_bytes()).unwrap()
    };
    let k = case.key.scalar().value();
    let nonces = [prove(), prove()].map(|proof| proof.response + proof.challenge * *k);
    assert_ne!(nonces[0], nonces[1]);
}

/// A batch with an honest prover's key.
struct Case {
    key: Key<role::Evaluate>,
    public: PublicKey,
    transcript: Transcript,
    inputs: Vec<Encoding>,
    outputs: Vec<Encoding>,
}

impl Case {
    fn new(count: usize) -> Case {
        let key = Key::fresh(&mut rand::rng());
        let public = key.public(&serial());
        let inputs = points(count, 2);
        let mut outputs = inputs.clone();
        serial().blind(&inputs, key.scalar(), &mut outputs).unwrap();
        let transcript = Transcript::new(&SESSION, &public).unwrap();
        Case { key, public, transcript, inputs, outputs }
    }

    /// A proof for any outputs, as good as the key allows.
    fn forge(&self, outputs: &[Encoding], own_sum: bool) -> BatchProof {
        let batch = self.transcript.batch(&serial(), &self.inputs, outputs).unwrap();
        let weights = weights(&serial(), &batch, outputs.len());
        let m = composite(&serial(), &self.inputs, &weights).unwrap();
        let z = composite(&serial(), outputs, &weights).unwrap();
        let k = self.key.scalar().value();
        let z = if own_sum { z } else { encode(&(decode(&m) * *k)) };
        let r = Scalar::from(77u8);
        let hash = Hash::new("challenge").with(&batch).with(&self.public.0.0).with(&m.0);
        let [base, commitment] = [GENERATOR * r, decode(&m) * r].each_ref().map(encode);
        let challenge = hash.with(&z.0).with(&base.0).with(&commitment.0).scalar();
        let scalars = Scalars { challenge, response: r - challenge * *k };
        BatchProof::from_bytes(&scalars.to_bytes()).unwrap()
    }
}

/// A generator whose bytes are all alike.
struct Constant(u8);

impl rand::rand_core::TryRng for Constant {
    type Error = std::convert::Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Self::Error> {
        Ok(u32::from_le_bytes([self.0; 4]))
    }

    fn try_next_u64(&mut self) -> Result<u64, Self::Error> {
        Ok(u64::from_le_bytes([self.0; 8]))
    }

    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Self::Error> {
        out.fill(self.0);
        Ok(())
    }
}

impl rand::rand_core::TryCryptoRng for Constant {}

const SESSION: [u8; 32] = [7; 32];

fn serial() -> Engine {
    Engine::new(Backend::portable(), Parallelism::Serial)
}

/// Every backend, on one core and on all.
fn engines() -> Vec<Engine> {
    let both = [Parallelism::Serial, Parallelism::Rayon];
    let backends = Backend::available().into_iter();
    backends.flat_map(|backend| both.map(|cores| Engine::new(backend, cores))).collect()
}

fn points(count: usize, seed: u64) -> Vec<Encoding> {
    let step = GENERATOR * Scalar::from(0x9e37_79b9_7f4a_7c15 ^ seed);
    let points = iter::successors(Some(step), |point| Some(point + step + GENERATOR));
    points.take(count).map(|point| encode(&point)).collect()
}

fn decode(encoding: &Encoding) -> RistrettoPoint {
    vartime_decode(encoding).unwrap_or(RistrettoPoint::identity())
}
