//! The functions of RFC 9497: known answers, and what the RFC says must be refused.

#[path = "rfc9497/vectors.rs"]
mod vectors;

mod group_common;

use blindmatch::group::{Backend, Encoding, Engine, Parallelism, SecretScalar};
use blindmatch::rfc9497::{
    BlindedElement, Client, EvaluatedElement, Mode, Oprf, OprfError, Output, Proof, PublicKey,
    ServerKey, Voprf,
};
use curve25519_dalek::constants::RISTRETTO_BASEPOINT_POINT as GENERATOR;
use curve25519_dalek::ristretto::CompressedRistretto;
use curve25519_dalek::{RistrettoPoint, Scalar};
use group_common::engines;
use vectors::{Batch, Element, INFO, OPRF, SEED, VOPRF};

#[test]
fn oprf_appendix_a_1_1() {
    let server = ServerKey::<Oprf>::derive(&SEED, INFO).unwrap();
    assert_eq!(*server.to_secret_bytes(), hex(OPRF.key));
    for engine in engines() {
        for batch in OPRF.batches {
            let (client, blinded) = blind::<Oprf>(&engine, batch);
            let evaluated = server.blind_evaluate(&engine, &blinded).unwrap();
            assert_eq!(evaluated, all(batch, |e| EvaluatedElement(encoding(e.evaluated))));
            let outputs = client.finalize(&engine, &evaluated).unwrap();
            assert_outputs(&outputs, batch);
            assert_outputs(&server.evaluate(&engine, &all(batch, |e| e.input)).unwrap(), batch);
        }
    }
}

#[test]
fn voprf_appendix_a_1_2() {
    let server = ServerKey::<Voprf>::derive(&SEED, INFO).unwrap();
    assert_eq!(*server.to_secret_bytes(), hex(VOPRF.key));
    let public = PublicKey::from_encoding(encoding(VOPRF.public)).unwrap();
    assert_eq!(server.public(), public);
    for engine in engines() {
        for batch in VOPRF.batches {
            let (client, blinded) = blind::<Voprf>(&engine, batch);
            let (evaluated, proof) = server
                .insecure_blind_evaluate_with(&engine, &blinded, &scalar(batch.nonce))
                .unwrap();
            assert_eq!(evaluated, all(batch, |e| EvaluatedElement(encoding(e.evaluated))));
            assert_eq!(proof.to_bytes(), hex(batch.proof));
            let proof = Proof::from_bytes(&hex(batch.proof)).unwrap();
            let outputs = client.finalize(&engine, &public, &evaluated, &proof).unwrap();
            assert_outputs(&outputs, batch);
            assert_outputs(&server.evaluate(&engine, &all(batch, |e| e.input)).unwrap(), batch);
        }
    }
}

/// Batches around the lanes and the chunks, with inputs of every length from none on, and a server
/// whose key went through bytes.
#[test]
fn random_runs_agree_with_evaluation() {
    let mut rng = rand::rng();
    let oprf = ServerKey::<Oprf>::fresh(&mut rng);
    let voprf = ServerKey::<Voprf>::from_bytes(&oprf.to_secret_bytes()).unwrap();
    for engine in engines() {
        for count in [1, 2, 9, 300] {
            let inputs: Vec<Vec<u8>> = (0..count).map(|i| vec![i as u8; i]).collect();
            let (client, blinded) = Client::<Oprf>::blind(&engine, &inputs, &mut rng).unwrap();
            let evaluated = oprf.blind_evaluate(&engine, &blinded).unwrap();
            let outputs = client.finalize(&engine, &evaluated).unwrap();
            assert_same(&outputs, &oprf.evaluate(&engine, &inputs).unwrap());

            let (client, blinded) = Client::<Voprf>::blind(&engine, &inputs, &mut rng).unwrap();
            let (evaluated, proof) = voprf.blind_evaluate(&engine, &blinded, &mut rng).unwrap();
            let verified = client.finalize(&engine, &voprf.public(), &evaluated, &proof).unwrap();
            assert_same(&verified, &voprf.evaluate(&engine, &inputs).unwrap());
            // The modes have their own domain tags.
            assert!(verified.iter().zip(&outputs).all(|(v, o)| v.as_bytes() != o.as_bytes()));
        }
    }
}

/// The outputs of a session's group are under other tags: even under one key they never meet.
#[test]
fn elements_are_not_those_of_sessions() {
    let key = ServerKey::<Oprf>::derive(&SEED, INFO).unwrap();
    let one = SecretScalar::from_canonical_bytes(Scalar::ONE.to_bytes()).unwrap();
    let (_, blinded) =
        Client::<Oprf>::insecure_blind_with(&serial(), &["x"], vec![one.clone()]).unwrap();
    let mut session = [Encoding::IDENTITY];
    let tag = blindmatch::group::DomainTag::new(b"blindmatch-v1-ristretto255-SHA512");
    serial().hash_blind(&tag, &["x"], &one, &mut session);
    assert_ne!(blinded[0].0, session[0]);
    assert_eq!(key.evaluate(&serial(), &["x"]).unwrap().len(), 1);
}

#[test]
fn proofs_of_other_statements_do_not_verify() {
    let mut rng = rand::rng();
    let server = ServerKey::<Voprf>::fresh(&mut rng);
    let other = ServerKey::<Voprf>::fresh(&mut rng);
    let inputs = ["a", "b", "c"];
    let blinded = Client::<Voprf>::blind(&serial(), &inputs, &mut rng).unwrap().1;
    let (evaluated, proof) = server.blind_evaluate(&serial(), &blinded, &mut rng).unwrap();
    let public = server.public();
    let verify = |blinded: &[BlindedElement], evaluated: &[EvaluatedElement]| {
        proof.verify(&public, blinded, evaluated)
    };
    assert_eq!(verify(&blinded, &evaluated), Ok(()));
    assert_eq!(proof.verify(&other.public(), &blinded, &evaluated), Err(OprfError::Verify));

    let mut swapped = evaluated.clone();
    swapped.swap(0, 1);
    assert_eq!(verify(&blinded, &swapped), Err(OprfError::Verify));
    let mut both = blinded.clone();
    both.swap(0, 1);
    assert_eq!(verify(&both, &swapped), Err(OprfError::Verify), "the weights have the index");
    assert_eq!(verify(&blinded[..2], &evaluated[..2]), Err(OprfError::Verify));
    let mut wrong = evaluated.clone();
    wrong[2] = EvaluatedElement(times(&blinded[2].0, Scalar::from(7u8)));
    assert_eq!(verify(&blinded, &wrong), Err(OprfError::Verify));
    for bit in 0..512 {
        let mut bytes = proof.to_bytes();
        bytes[bit / 8] ^= 1 << (bit % 8);
        if let Ok(changed) = Proof::from_bytes(&bytes) {
            assert_eq!(changed.verify(&public, &blinded, &evaluated), Err(OprfError::Verify));
        }
    }
}

#[test]
fn a_client_whose_server_cheats_gets_nothing() {
    let mut rng = rand::rng();
    let [server, other] = [(); 2].map(|()| ServerKey::<Voprf>::fresh(&mut rand::rng()));
    let (client, blinded) = Client::<Voprf>::blind(&serial(), &["a"], &mut rng).unwrap();
    let (evaluated, proof) = other.blind_evaluate(&serial(), &blinded, &mut rng).unwrap();
    let refused = client.finalize(&serial(), &server.public(), &evaluated, &proof);
    assert_eq!(refused.unwrap_err(), OprfError::Verify);
}

#[test]
fn bad_elements_are_named_and_refused() {
    let mut rng = rand::rng();
    let inputs = ["a"; 20];
    let (oprf, voprf) = (ServerKey::<Oprf>::fresh(&mut rng), ServerKey::<Voprf>::fresh(&mut rng));
    let public = voprf.public();
    for engine in engines() {
        for bad in [Encoding::IDENTITY, Encoding([0xff; 32]), Encoding([1; 32])] {
            for position in [0, 13, 19] {
                let refusal = Some(OprfError::Deserialize { position });
                let (client, mut blinded) =
                    Client::<Oprf>::blind(&engine, &inputs, &mut rng).unwrap();
                let mut evaluated = oprf.blind_evaluate(&engine, &blinded).unwrap();
                (blinded[position].0, evaluated[position].0) = (bad, bad);
                assert_eq!(oprf.blind_evaluate(&engine, &blinded).err(), refusal);
                assert_eq!(client.finalize(&engine, &evaluated).err(), refusal);

                let (client, mut blinded) =
                    Client::<Voprf>::blind(&engine, &inputs, &mut rng).unwrap();
                let (mut evaluated, proof) =
                    voprf.blind_evaluate(&engine, &blinded, &mut rng).unwrap();
                (blinded[position].0, evaluated[position].0) = (bad, bad);
                assert_eq!(voprf.blind_evaluate(&engine, &blinded, &mut rng).err(), refusal);
                let refused = client.finalize(&engine, &public, &evaluated, &proof);
                assert_eq!(refused.err(), refusal);
            }
        }
    }
}

#[test]
fn bad_keys_and_scalars_are_refused() {
    for bad in [Encoding::IDENTITY, Encoding([0xff; 32]), Encoding([1; 32])] {
        assert_eq!(PublicKey::from_encoding(bad).err(), Some(OprfError::DeserializePublicKey));
    }
    for bad in [[0; 32], [0xff; 32]] {
        let refusal = Some(OprfError::DeserializeScalar);
        assert_eq!(ServerKey::<Oprf>::from_bytes(&bad).err(), refusal);
    }
    assert_eq!(Proof::from_bytes(&[0xff; 64]).err(), Some(OprfError::DeserializeScalar));
}

#[test]
fn inputs_may_have_65535_bytes_and_no_more() {
    let mut rng = rand::rng();
    let server = ServerKey::<Oprf>::fresh(&mut rng);
    let longest = [vec![1; 65535], vec![2; 65536]];
    let refusal = Some(OprfError::InputTooLong { position: 1, length: 65536 });
    assert_eq!(Client::<Oprf>::blind(&serial(), &longest, &mut rng).err(), refusal);
    assert_eq!(server.evaluate(&serial(), &longest).err(), refusal);
    let (client, blinded) = Client::<Oprf>::blind(&serial(), &longest[..1], &mut rng).unwrap();
    let evaluated = server.blind_evaluate(&serial(), &blinded).unwrap();
    let outputs = client.finalize(&serial(), &evaluated).unwrap();
    assert_same(&outputs, &server.evaluate(&serial(), &longest[..1]).unwrap());

    assert!(ServerKey::<Voprf>::derive(&SEED, &longest[0]).is_ok());
    let refusal = Some(OprfError::InputTooLong { position: 0, length: 65536 });
    assert_eq!(ServerKey::<Voprf>::derive(&SEED, &longest[1]).err(), refusal);
}

#[test]
fn batches_of_another_size_are_refused() {
    let mut rng = rand::rng();
    let server = ServerKey::<Voprf>::fresh(&mut rng);
    let (client, blinded) = Client::<Voprf>::blind(&serial(), &["a", "b"], &mut rng).unwrap();
    let (evaluated, proof) = server.blind_evaluate(&serial(), &blinded, &mut rng).unwrap();
    let refused = client.finalize(&serial(), &server.public(), &evaluated[..1], &proof);
    assert_eq!(refused.err(), Some(OprfError::BatchSize { got: 1, expected: 2 }));
    let refused = proof.verify(&server.public(), &blinded[..1], &evaluated);
    assert_eq!(refused.err(), Some(OprfError::BatchSize { got: 2, expected: 1 }));
    let refused = server.blind_evaluate(&serial(), &[], &mut rng);
    assert_eq!(refused.err(), Some(OprfError::BatchSize { got: 0, expected: 65535 }));
    let refused = Client::<Oprf>::insecure_blind_with(&serial(), &["a"], Vec::new());
    assert_eq!(refused.err(), Some(OprfError::BatchSize { got: 0, expected: 1 }));

    let (client, blinded) = Client::<Oprf>::blind::<&str, _>(&serial(), &[], &mut rng).unwrap();
    assert!(client.is_empty() && blinded.is_empty());
    assert!(client.finalize(&serial(), &[]).unwrap().is_empty());
}

#[test]
fn secrets_are_not_printed() {
    let mut rng = rand::rng();
    let server = ServerKey::<Voprf>::fresh(&mut rng);
    let (client, _) = Client::<Oprf>::blind(&serial(), &["ann@example.com"], &mut rng).unwrap();
    let output = &server.evaluate(&serial(), &["a"]).unwrap()[0];
    assert_eq!(format!("{server:?}"), "ServerKey<0x01>(..)");
    assert_eq!(format!("{client:?}"), "Client(1 inputs)");
    assert_eq!(format!("{output:?}"), "Output(..)");
}

fn blind<M: Mode>(engine: &Engine, batch: &Batch) -> (Client<M>, Vec<BlindedElement>) {
    let blinds = all(batch, |e| scalar(e.blind));
    let blinded = Client::insecure_blind_with(engine, &all(batch, |e| e.input), blinds).unwrap();
    assert_eq!(blinded.1, all(batch, |e| BlindedElement(encoding(e.blinded))));
    blinded
}

fn all<T>(batch: &Batch, part: impl Fn(&Element) -> T) -> Vec<T> {
    batch.elements.iter().map(part).collect()
}

fn assert_outputs(outputs: &[Output], batch: &Batch) {
    let outputs: Vec<_> = outputs.iter().map(|output| *output.as_bytes()).collect();
    assert_eq!(outputs, all(batch, |e| hex(e.output)));
}

fn assert_same(one: &[Output], other: &[Output]) {
    let bytes = |outputs: &[Output]| outputs.iter().map(|o| *o.as_bytes()).collect::<Vec<_>>();
    assert!(bytes(one) == bytes(other));
}

fn times(encoding: &Encoding, scalar: Scalar) -> Encoding {
    let point: RistrettoPoint = CompressedRistretto(encoding.0).decompress().unwrap();
    assert_ne!(point, GENERATOR);
    Encoding((point * scalar).compress().0)
}

fn serial() -> Engine {
    Engine::new(Backend::portable(), Parallelism::Serial)
}

fn scalar(digits: &str) -> SecretScalar {
    SecretScalar::from_canonical_bytes(hex(digits)).expect("a scalar")
}

fn encoding(digits: &str) -> Encoding {
    Encoding(hex(digits))
}

/// Bytes from hexadecimal digits.
fn hex<const N: usize>(digits: &str) -> [u8; N] {
    assert_eq!(digits.len(), 2 * N, "{N} bytes");
    std::array::from_fn(|i| u8::from_str_radix(&digits[2 * i..2 * i + 2], 16).expect("hex"))
}
