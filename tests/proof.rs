//! Proofs about evaluation keys, from outside: what holds, and every way to cheat that is known.

mod common;

use blindmatch::group::SecretScalar;
use blindmatch::group::{Backend, DomainTag, Encoding, Engine, InvalidPoint, Parallelism};
use blindmatch::key::{Key, PublicKey, role};
use blindmatch::proof::{
    BatchFault, BatchProof, InvalidProof, InvalidPublicKey, KeyProof, Transcript,
};
use common::Seeded;
use curve25519_dalek::constants::RISTRETTO_BASEPOINT_POINT as GENERATOR;
use curve25519_dalek::ristretto::CompressedRistretto;
use curve25519_dalek::{RistrettoPoint, Scalar};
use sha2::{Digest, Sha256, Sha512};

const SESSION: [u8; 32] = [0x51; 32];
const FALSE: BatchFault = BatchFault::DoesNotHold(InvalidProof);

#[test]
fn honest_batches_hold_and_keep_both_sides_in_one_state() {
    for engine in engines() {
        let mut sides = Sides::new("honest");
        for count in [1, 2, 3, 64, 300, 1] {
            let (inputs, outputs) = sides.batch(count);
            let proof = sides.prover.prove(&engine, &sides.key, &inputs, &outputs, &mut sides.rng);
            let before = *sides.verifier.state();
            assert_eq!(sides.verifier.check(&engine, &inputs, &outputs, &proof.unwrap()), Ok(()));
            assert_eq!(sides.prover.state(), sides.verifier.state());
            assert_ne!(*sides.verifier.state(), before);
        }
        assert_eq!(sides.verifier.elements(), 371);
    }
}

#[test]
fn one_element_under_another_key_is_found_out() {
    for engine in engines() {
        for count in [1, 2, 100] {
            for position in [0, count / 2, count - 1] {
                let mut sides = Sides::new("wrong key");
                let (inputs, mut outputs) = sides.batch(count);
                outputs[position] = times(&inputs[position], Scalar::from(99u8));
                assert_eq!(sides.run(&engine, &inputs, &outputs), Err(FALSE));
                assert_eq!(sides.verifier.elements(), 0);
            }
        }
    }
}

#[test]
fn outputs_of_other_inputs_are_found_out() {
    let sides = || Sides::new("places");
    let (inputs, outputs) = sides().batch(20);
    let mut swapped = outputs.clone();
    swapped.swap(3, 4);
    let mut reversed = inputs.clone();
    reversed.reverse();
    let mut repeated = outputs.clone();
    repeated[5] = repeated[6];
    let mut negated = outputs.clone();
    negated[19] = times(&outputs[19], -Scalar::ONE);
    for (inputs, outputs) in
        [(&inputs, &swapped), (&reversed, &outputs), (&inputs, &repeated), (&inputs, &negated)]
    {
        assert_eq!(sides().run(&serial(), inputs, outputs), Err(FALSE));
    }
    assert_eq!(sides().run(&serial(), &inputs, &outputs), Ok(()));
}

/// Pairs that are right, in another order than was proved.
#[test]
fn a_proof_is_for_an_order() {
    let mut sides = Sides::new("order");
    let (mut inputs, mut outputs) = sides.batch(20);
    let proof = sides.prove(&inputs, &outputs);
    inputs.swap(7, 8);
    outputs.swap(7, 8);
    assert_eq!(sides.verifier.check(&serial(), &inputs, &outputs, &proof), Err(FALSE));
}

#[test]
fn a_key_that_changes_between_batches_is_found_out() {
    let mut sides = Sides::new("changing");
    let (inputs, outputs) = sides.batch(10);
    assert_eq!(sides.run(&serial(), &inputs, &outputs), Ok(()));
    let other = Sides::new("another key");
    let outputs: Vec<_> = inputs.iter().map(|a| times(a, other.scalar)).collect();
    let proof =
        sides.prover.prove(&serial(), &other.key, &inputs, &outputs, &mut sides.rng).unwrap();
    assert_eq!(sides.verifier.check(&serial(), &inputs, &outputs, &proof), Err(FALSE));
}

#[test]
fn a_proof_holds_in_its_session_and_its_place_only() {
    let mut sides = Sides::new("places of batches");
    let (inputs, outputs) = sides.batch(8);
    let elsewhere = {
        let mut prover = Transcript::new(&[0x52; 32], &sides.public).unwrap();
        prover.prove(&serial(), &sides.key, &inputs, &outputs, &mut sides.rng).unwrap()
    };
    let verifier = &mut sides.verifier.clone();
    assert_eq!(verifier.check(&serial(), &inputs, &outputs, &elsewhere), Err(FALSE));

    // The same batch three times: each proof for its own place.
    let proofs: Vec<_> = (0..3).map(|_| sides.prove(&inputs, &outputs)).collect();
    for place in 0..3 {
        for (other, proof) in proofs.iter().enumerate().filter(|(other, _)| *other != place) {
            let refused = sides.verifier.check(&serial(), &inputs, &outputs, proof);
            assert_eq!(refused, Err(FALSE), "proof {other} at {place}");
        }
        sides.verifier.check(&serial(), &inputs, &outputs, &proofs[place]).unwrap();
        let replayed = sides.verifier.check(&serial(), &inputs, &outputs, &proofs[place]);
        assert_eq!(replayed, Err(FALSE), "replayed");
    }
    assert_eq!(sides.prover.state(), sides.verifier.state());
}

#[test]
fn batches_cannot_be_reordered_left_out_joined_or_cut() {
    let mut sides = Sides::new("reorder");
    let [(a, za), (b, zb)] = [sides.batch(6), sides.batch(5)];
    let [first, second] = [sides.prove(&a, &za), sides.prove(&b, &zb)];
    let fresh = sides.verifier.clone();
    let check = |transcript: &Transcript, inputs: &[_], outputs: &[_], proof| {
        transcript.clone().check(&serial(), inputs, outputs, proof)
    };
    for proof in [&first, &second] {
        assert_eq!(check(&fresh, &b, &zb, proof), Err(FALSE), "the second batch first");
        assert_eq!(check(&fresh, &a[..5], &za[..5], proof), Err(FALSE), "cut");
        assert_eq!(check(&fresh, &a[1..], &za[1..], proof), Err(FALSE), "cut in front");
        let joined = [[&a[..], &b].concat(), [&za[..], &zb].concat()];
        assert_eq!(check(&fresh, &joined[0], &joined[1], proof), Err(FALSE), "joined");
    }
    let mut after_first = fresh.clone();
    after_first.check(&serial(), &a, &za, &first).unwrap();
    assert_eq!(check(&after_first, &a, &za, &second), Err(FALSE), "the first batch again");
    assert_eq!(check(&after_first, &b, &zb, &second), Ok(()));
    // What was refused left no trace.
    assert_eq!(check(&fresh, &a, &za, &first), Ok(()));
}

#[test]
fn sizes_that_differ_and_empty_batches_are_refused() {
    let mut sides = Sides::new("sizes");
    let (inputs, outputs) = sides.batch(4);
    let proof = sides.prove(&inputs, &outputs);
    for (n, m) in [(0, 0), (4, 3), (3, 4), (0, 4), (4, 0)] {
        let fault = BatchFault::Sizes { inputs: n, outputs: m };
        let (inputs, outputs) = (&inputs[..n], &outputs[..m]);
        assert_eq!(sides.verifier.check(&serial(), inputs, outputs, &proof), Err(fault));
        let proved = sides.prover.prove(&serial(), &sides.key, inputs, outputs, &mut sides.rng);
        assert_eq!(proved, Err(fault));
    }
}

#[test]
fn bad_encodings_are_named_by_list_and_position() {
    for engine in engines() {
        let mut sides = Sides::new("bad encodings");
        let (inputs, outputs) = sides.batch(30);
        let proof = sides.prove(&inputs, &outputs);
        for bad in [Encoding::IDENTITY, Encoding([0xff; 32]), Encoding([1; 32])] {
            for position in [0, 11, 29] {
                let at = InvalidPoint { position };
                let [mut bad_inputs, mut bad_outputs] = [inputs.clone(), outputs.clone()];
                (bad_inputs[position], bad_outputs[position]) = (bad, bad);
                let verifier = &mut sides.verifier;
                let refused = verifier.check(&engine, &bad_inputs, &outputs, &proof);
                assert_eq!(refused, Err(BatchFault::Input(at)));
                let refused = verifier.check(&engine, &inputs, &bad_outputs, &proof);
                assert_eq!(refused, Err(BatchFault::Output(at)));
                let prover = &mut sides.prover;
                let refused =
                    prover.prove(&engine, &sides.key, &bad_inputs, &outputs, &mut sides.rng);
                assert_eq!(refused, Err(BatchFault::Input(at)));
            }
        }
        assert_eq!(sides.verifier.check(&engine, &inputs, &outputs, &proof), Ok(()));
    }
}

#[test]
fn a_key_that_is_the_identity_or_no_point_is_refused() {
    let mut sides = Sides::new("identity");
    let proof = KeyProof::prove(&sides.key, &sides.public, &SESSION, &mut sides.rng);
    for bad in [Encoding::IDENTITY, Encoding([0xff; 32]), Encoding([1; 32])] {
        let public = PublicKey(bad);
        assert_eq!(Transcript::new(&SESSION, &public).err(), Some(InvalidPublicKey));
        assert_eq!(proof.verify(&public, &SESSION), Err(InvalidProof));
    }
    // For the identity, `k = 0`, a proof could be computed by anyone.
    let r = Scalar::from(5u8);
    let commitment = (GENERATOR * r).compress().0;
    let challenge = key_challenge(&SESSION, &PublicKey(Encoding::IDENTITY), &commitment);
    let forged = [challenge.to_bytes(), r.to_bytes()].concat().try_into().unwrap();
    let forged = KeyProof::from_bytes(&forged).unwrap();
    assert_eq!(forged.verify(&PublicKey(Encoding::IDENTITY), &SESSION), Err(InvalidProof));
}

#[test]
fn a_key_proof_is_for_one_key_and_one_context() {
    let mut sides = Sides::new("key proof");
    let other = Sides::new("another");
    let proof = KeyProof::prove(&sides.key, &sides.public, &SESSION, &mut sides.rng);
    assert_eq!(proof.verify(&sides.public, &SESSION), Ok(()));
    assert_eq!(proof.verify(&sides.public, &[0x52; 32]), Err(InvalidProof));
    assert_eq!(proof.verify(&other.public, &SESSION), Err(InvalidProof));
    let mismatched = KeyProof::prove(&sides.key, &other.public, &SESSION, &mut sides.rng);
    for public in [sides.public, other.public] {
        assert_eq!(mismatched.verify(&public, &SESSION), Err(InvalidProof));
    }
    // A batch of the generator says the same, but is another statement.
    let (inputs, outputs) = ([Encoding::GENERATOR], [sides.public.0]);
    let batch = sides.prove(&inputs, &outputs);
    assert_eq!(sides.verifier.check(&serial(), &inputs, &outputs, &batch), Ok(()));
    let as_key_proof = KeyProof::from_bytes(&batch.to_bytes()).unwrap();
    assert_eq!(as_key_proof.verify(&sides.public, &SESSION), Err(InvalidProof));
}

#[test]
fn the_challenge_of_a_key_proof_is_its_definition() {
    let mut sides = Sides::new("definition");
    let proof = KeyProof::prove(&sides.key, &sides.public, &SESSION, &mut sides.rng).to_bytes();
    let [c, s] = [0, 32].map(|at| proof[at..at + 32].try_into().unwrap());
    let [c, s] = [c, s].map(|bytes| Scalar::from_canonical_bytes(bytes).unwrap());
    let commitment = GENERATOR * (s + c * sides.scalar);
    assert_eq!(c, key_challenge(&SESSION, &sides.public, &commitment.compress().0));
}

/// Every bit of a proof matters, and no proof has two forms.
#[test]
fn changed_proofs_do_not_hold() {
    let mut sides = Sides::new("bits");
    let (inputs, outputs) = sides.batch(3);
    let batch = sides.prove(&inputs, &outputs).to_bytes();
    let knows = KeyProof::prove(&sides.key, &sides.public, &SESSION, &mut sides.rng).to_bytes();
    for bit in 0..512 {
        let [mut batch, mut knows] = [batch, knows];
        batch[bit / 8] ^= 1 << (bit % 8);
        knows[bit / 8] ^= 1 << (bit % 8);
        if let Ok(proof) = BatchProof::from_bytes(&batch) {
            assert_eq!(sides.verifier.check(&serial(), &inputs, &outputs, &proof), Err(FALSE));
        }
        if let Ok(proof) = KeyProof::from_bytes(&knows) {
            assert_eq!(proof.verify(&sides.public, &SESSION), Err(InvalidProof));
        }
    }
    for half in [0, 32] {
        let mut plus_order = batch;
        add_order(&mut plus_order[half..half + 32]);
        assert_eq!(BatchProof::from_bytes(&plus_order), Err(InvalidProof));
        assert_eq!(KeyProof::from_bytes(&plus_order), Err(InvalidProof));
    }
    let halves = [&batch[32..], &batch[..32]].concat().try_into().unwrap();
    let swapped = BatchProof::from_bytes(&halves).unwrap();
    assert_eq!(sides.verifier.check(&serial(), &inputs, &outputs, &swapped), Err(FALSE));
}

#[test]
fn bytes_are_read_back_as_they_were_or_refused() {
    let mut rng = Seeded::new("bytes");
    for _ in 0..1000 {
        let mut bytes: [u8; 64] = rng.bytes(64).try_into().unwrap();
        for high in [31, 63] {
            bytes[high] &= [0xff, 0x1f, 0x0f][rng.below(3) as usize];
        }
        if let Ok(proof) = BatchProof::from_bytes(&bytes) {
            assert_eq!(proof.to_bytes(), bytes);
            assert_eq!(KeyProof::from_bytes(&bytes).unwrap().to_bytes(), bytes);
        }
    }
    assert_eq!(BatchProof::from_bytes(&[0xff; 64]), Err(InvalidProof));
    assert_eq!(KeyProof::from_bytes(&[0xff; 64]), Err(InvalidProof));
}

/// The documentation, written out one element at a time, takes what the library gives.
#[test]
fn proofs_are_what_the_documentation_says() {
    let mut sides = Sides::new("documentation");
    let mut state = tagged("session", &[&SESSION, &sides.public.0.0]);
    let mut first = 0;
    for (j, count) in (0u64..).zip([1, 5, 8]) {
        let (inputs, outputs) = sides.batch(count);
        let proof = sides.prove(&inputs, &outputs).to_bytes();
        let (c, s) = proof.split_at(32);
        let k = &sides.public.0.0;
        let n = (count as u64).to_le_bytes();
        let flat = |list: &[Encoding]| list.iter().flat_map(|e| e.0).collect::<Vec<u8>>();
        let roots =
            [tagged("inputs", &[&n, &flat(&inputs)]), tagged("outputs", &[&n, &flat(&outputs)])];
        let place = [j.to_le_bytes(), u64::to_le_bytes(first)].concat();
        let batch = tagged("batch", &[&state, k, &place, &n, &roots[0], &roots[1]]);
        let weight = |i: usize| {
            let four = tagged("weights", &[&batch, &(i as u64 / 4).to_le_bytes()]);
            Scalar::from(u128::from_le_bytes(four[i % 4 * 16..][..16].try_into().unwrap()))
        };
        let sum = |list: &[Encoding]| -> RistrettoPoint {
            list.iter().enumerate().map(|(i, e)| decode(e) * weight(i)).sum()
        };
        let (m, z) = (sum(&inputs), sum(&outputs));
        let [c, s] = [c, s].map(|b| Scalar::from_canonical_bytes(b.try_into().unwrap()).unwrap());
        let points = [m, z, GENERATOR * s + decode(&sides.public.0) * c, m * s + z * c];
        let points = points.map(|point| point.compress().0).concat();
        let expected = tagged("challenge", &[&batch, k, &points]);
        assert_eq!(Scalar::from_bytes_mod_order_wide(&expected), c);
        state = tagged("next", &[&batch, &proof]);
        first += count as u64;
    }
    assert_eq!(state, *sides.prover.state());
}

/// Frozen: whoever changes these changes what two versions of this library can say to each other.
#[test]
fn every_backend_gives_the_frozen_proofs() {
    for engine in engines() {
        let mut sides = Sides::new("frozen");
        let knows = KeyProof::prove(&sides.key, &sides.public, &SESSION, &mut sides.rng);
        let mut log = Sha256::new().chain_update(knows.to_bytes());
        for count in [1, 2, 9, 257, 4100] {
            let (inputs, outputs) = sides.batch(count);
            let proof = sides.prover.prove(&engine, &sides.key, &inputs, &outputs, &mut sides.rng);
            log.update(proof.unwrap().to_bytes());
        }
        log.update(sides.prover.state());
        assert_eq!(hex(&knows.to_bytes()), FROZEN_KEY_PROOF, "on {engine:?}");
        assert_eq!(hex(&log.finalize()), FROZEN_SESSION, "on {engine:?}");
    }
}

const FROZEN_KEY_PROOF: &str = "68ca9cc7edeaa45e48440f844f75f5113a83cbd2adf8a7c1948d48fdf2c6bf00\
    f912fe537b3f3ec7985bfbf15722020eed90dc8445510bc56e878a0ff2b5ea00";
const FROZEN_SESSION: &str = "db90aff1f83f4a596be0e1fc67bee10ff01eaafaec5529912cc6e0761efa68a9";

/// A prover and a verifier of one session.
struct Sides {
    rng: Seeded,
    scalar: Scalar,
    key: Key<role::Evaluate>,
    public: PublicKey,
    prover: Transcript,
    verifier: Transcript,
    batches: u64,
}

impl Sides {
    fn new(seed: &str) -> Sides {
        let mut rng = Seeded::new(seed);
        let key = Key::fresh(&mut rng);
        let public = key.public(&serial());
        // What the key drew, which it does not give away: half of the scalar.
        let scalar = Scalar::random(&mut Seeded::new(seed)) * Scalar::from(2u8);
        assert_eq!((GENERATOR * scalar).compress().0, public.0.0);
        let prover = Transcript::new(&SESSION, &public).unwrap();
        let verifier = Transcript::new(&SESSION, &public).unwrap();
        Sides { rng, scalar, key, public, prover, verifier, batches: 0 }
    }

    /// Inputs of a new batch, and their outputs.
    fn batch(&mut self, count: usize) -> (Vec<Encoding>, Vec<Encoding>) {
        self.batches += 1;
        let message = |i: u64| [i.to_le_bytes(), self.batches.to_le_bytes()].concat();
        let messages: Vec<_> = (0..count as u64).map(message).collect();
        let one = SecretScalar::from_canonical_bytes(Scalar::ONE.to_bytes()).unwrap();
        let key = SecretScalar::from_canonical_bytes(self.scalar.to_bytes()).unwrap();
        let mut inputs = vec![Encoding::IDENTITY; count];
        let mut outputs = inputs.clone();
        let engine = Engine::new(Backend::portable(), Parallelism::Rayon);
        engine.hash_blind(&DomainTag::new(b"blindmatch proof tests"), &messages, &one, &mut inputs);
        engine.blind(&inputs, &key, &mut outputs).unwrap();
        (inputs, outputs)
    }

    fn prove(&mut self, inputs: &[Encoding], outputs: &[Encoding]) -> BatchProof {
        self.prover.prove(&serial(), &self.key, inputs, outputs, &mut self.rng).unwrap()
    }

    /// Proves and checks.
    fn run(
        &mut self,
        engine: &Engine,
        inputs: &[Encoding],
        outputs: &[Encoding],
    ) -> Result<(), BatchFault> {
        let proof = self.prover.prove(engine, &self.key, inputs, outputs, &mut self.rng)?;
        self.verifier.check(engine, inputs, outputs, &proof)
    }
}

/// `H("key challenge", context, K, commitment)`.
fn key_challenge(context: &[u8; 32], public: &PublicKey, commitment: &[u8; 32]) -> Scalar {
    let digest = tagged("key challenge", &[context, &public.0.0, commitment]);
    Scalar::from_bytes_mod_order_wide(&digest)
}

/// `H(name, parts..)` of the documentation.
fn tagged(name: &str, parts: &[&[u8]]) -> [u8; 64] {
    let mut tag = [b"blindmatch-v1 proof ", name.as_bytes()].concat();
    tag.resize(64, 0);
    Sha512::digest([tag, parts.concat()].concat()).into()
}

fn decode(encoding: &Encoding) -> RistrettoPoint {
    CompressedRistretto(encoding.0).decompress().unwrap()
}

fn times(encoding: &Encoding, scalar: Scalar) -> Encoding {
    Encoding((decode(encoding) * scalar).compress().0)
}

/// Adds the group order (RFC 9496 section 4) to a little-endian number.
fn add_order(number: &mut [u8]) {
    let mut order = [0u8; 32];
    order[..16].copy_from_slice(&0x14def9dea2f79cd65812631a5cf5d3ed_u128.to_le_bytes());
    order[31] = 0x10;
    let mut carry = 0;
    for (byte, order) in number.iter_mut().zip(order) {
        let sum = u16::from(*byte) + u16::from(order) + carry;
        (*byte, carry) = (sum as u8, sum >> 8);
    }
}

fn serial() -> Engine {
    Engine::new(Backend::portable(), Parallelism::Serial)
}

/// Every backend, on one core and on all.
fn engines() -> Vec<Engine> {
    let both = [Parallelism::Serial, Parallelism::Rayon];
    let backends = Backend::NAMES.iter().filter_map(|name| Backend::by_name_or_skip(name));
    backends.flat_map(|backend| both.map(|cores| Engine::new(backend, cores))).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
