//! Against `voprf`, which others wrote: byte for byte, and each side with the other's peer.

use blindmatch::group::{Encoding, Engine, SecretScalar};
use blindmatch::rfc9497::{
    BlindedElement, Client, EvaluatedElement, Oprf, Proof, PublicKey, ServerKey, Voprf,
};
use rand::RngExt;
use rand_core_06::OsRng;
use voprf::{
    EvaluationElement, Group, OprfClient, OprfServer, Ristretto255, VoprfClient, VoprfServer,
};

const RUNS: usize = 10;

/// Some seed, `info` and inputs of different lengths, and blinds.
struct Case {
    seed: [u8; 32],
    info: Vec<u8>,
    inputs: Vec<Vec<u8>>,
    blinds: Vec<[u8; 32]>,
}

fn case() -> Case {
    let mut rng = rand::rng();
    let bytes = |length: usize| (0..length).map(|_| rand::rng().random()).collect::<Vec<u8>>();
    let count = rng.random_range(1..12);
    let inputs = (0..count).map(|_| bytes(rng.random_range(0..300))).collect();
    let mut blind = || {
        let mut blind: [u8; 32] = rng.random();
        blind[31] &= 0x0f; // below the group order
        blind
    };
    let blinds = (0..count).map(|_| blind()).collect();
    Case { seed: rand::rng().random(), info: bytes(20), inputs, blinds }
}

impl Case {
    fn ours(&self) -> Vec<SecretScalar> {
        let scalar = |bytes: &[u8; 32]| SecretScalar::from_canonical_bytes(*bytes).unwrap();
        self.blinds.iter().map(scalar).collect()
    }

    fn theirs(&self, i: usize) -> <Ristretto255 as Group>::Scalar {
        Ristretto255::deserialize_scalar(&self.blinds[i]).unwrap()
    }
}

#[test]
fn oprf_agrees() {
    let engine = Engine::detect();
    for _ in 0..RUNS {
        let case = case();
        let server = ServerKey::<Oprf>::derive(&case.seed, &case.info).unwrap();
        let their_server =
            OprfServer::<Ristretto255>::new_from_seed(&case.seed, &case.info).unwrap();
        let (client, blinded) =
            Client::<Oprf>::insecure_blind_with(&engine, &case.inputs, case.ours()).unwrap();
        let evaluated = server.blind_evaluate(&engine, &blinded).unwrap();
        let evaluations = server.evaluate(&engine, &case.inputs).unwrap();
        let outputs = client.finalize(&engine, &evaluated).unwrap();
        for (i, input) in case.inputs.iter().enumerate() {
            let theirs =
                OprfClient::<Ristretto255>::deterministic_blind_unchecked(input, case.theirs(i))
                    .unwrap();
            assert_eq!(theirs.message.serialize()[..], blinded[i].0.0);
            let their_evaluated = their_server.blind_evaluate(&theirs.message);
            assert_eq!(their_evaluated.serialize()[..], evaluated[i].0.0);
            let output = theirs.state.finalize(input, &their_evaluated).unwrap();
            assert_eq!(output[..], outputs[i].as_bytes()[..]);
            assert_eq!(their_server.evaluate(input).unwrap()[..], evaluations[i].as_bytes()[..]);
        }
    }
}

#[test]
fn voprf_agrees_and_each_verifies_the_other() {
    let engine = Engine::detect();
    for _ in 0..RUNS {
        let case = case();
        let server = ServerKey::<Voprf>::derive(&case.seed, &case.info).unwrap();
        let their_server =
            VoprfServer::<Ristretto255>::new_from_seed(&case.seed, &case.info).unwrap();
        let their_public = their_server.get_public_key();
        let public = Ristretto255::serialize_elem(their_public);
        let public = PublicKey::from_encoding(Encoding(public[..].try_into().unwrap())).unwrap();
        assert_eq!(server.public(), public);

        let (client, blinded) =
            Client::<Voprf>::insecure_blind_with(&engine, &case.inputs, case.ours()).unwrap();
        let (mut their_clients, mut messages) = (Vec::new(), Vec::new());
        for (i, input) in case.inputs.iter().enumerate() {
            let theirs =
                VoprfClient::<Ristretto255>::deterministic_blind_unchecked(input, case.theirs(i))
                    .unwrap();
            assert_eq!(theirs.message.serialize()[..], blinded[i].0.0);
            their_clients.push(theirs.state);
            messages.push(theirs.message);
        }

        // Our server, their clients.
        let (evaluated, proof) =
            server.blind_evaluate(&engine, &blinded, &mut rand::rng()).unwrap();
        let to_them = |element: &EvaluatedElement| {
            EvaluationElement::<Ristretto255>::deserialize(&element.0.0).unwrap()
        };
        let for_them: Vec<_> = evaluated.iter().map(to_them).collect();
        let for_them_proof = voprf::Proof::deserialize(&proof.to_bytes()).unwrap();
        let their_outputs: Vec<_> = VoprfClient::batch_finalize(
            &case.inputs,
            &their_clients,
            &for_them,
            &for_them_proof,
            their_public,
        )
        .unwrap()
        .map(|output| output.unwrap())
        .collect();

        // Their server, our client.
        let theirs = their_server.batch_blind_evaluate(&mut OsRng, &messages).unwrap();
        let to_us = |element: &EvaluationElement<Ristretto255>| {
            EvaluatedElement(Encoding(element.serialize()[..].try_into().unwrap()))
        };
        let for_us: Vec<_> = theirs.messages.iter().map(to_us).collect();
        assert_eq!(for_us, evaluated);
        let for_us_proof = theirs.proof.serialize()[..].try_into().unwrap();
        let for_us_proof = Proof::from_bytes(&for_us_proof).unwrap();
        for_us_proof.verify(&public, &blinded, &for_us).unwrap();
        let swapped: Vec<BlindedElement> = blinded.iter().rev().copied().collect();
        assert!(swapped == blinded || for_us_proof.verify(&public, &swapped, &for_us).is_err());

        let outputs = client.finalize(&engine, &public, &for_us, &for_us_proof).unwrap();
        let evaluations = server.evaluate(&engine, &case.inputs).unwrap();
        for (i, output) in outputs.iter().enumerate() {
            assert_eq!(output.as_bytes()[..], their_outputs[i][..]);
            assert_eq!(output.as_bytes(), evaluations[i].as_bytes());
        }
    }
}
