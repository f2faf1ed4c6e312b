//! One evaluation of the function of RFC 9497, ours and that of the crate `voprf`: `cargo bench --bench single`.
//!
//! One line a step, for example
//!
//! ```text
//! ratio stage=evaluate mode=oprf backend=avx2 median=1.25 spread=0.03 against=voprf voprf_ns=40100 ours_ns=32000
//! ```
//!
//! A batch of one is where vectors help least; `group.rs` shows what batches gain. `median` is how many
//! times as fast ours is, by the thread's CPU time: both run in turn, many rounds, as in `ratio.rs`. Each step
//! begins with the bytes that arrive and ends with those that are sent, or the output; blinds are drawn
//! before. Both get the same inputs, blinds and key, and their answers are compared byte for byte before
//! anything is timed; each side's proof is checked by the other's `finalize`.
//!
//! With `--test`, one round. Another argument is part of `stage=... mode=...`.

mod common;

use blindmatch::bench::measure::{Cpu, Sample};
use blindmatch::group::{Backend, Encoding, Engine, Parallelism, SecretScalar};
use blindmatch::rfc9497::{
    BlindedElement, Client, EvaluatedElement, Mode, Oprf, Proof, PublicKey, ServerKey, Voprf,
};
use rand_core_06::OsRng;
use voprf::{
    BlindedElement as TheirBlinded, EvaluationElement, Group, OprfClient, OprfServer, Ristretto255,
    VoprfClient, VoprfServer,
};

fn main() {
    let rounds = if common::is_test() { 1 } else { 201 };
    let filter = std::env::args().skip(1).find(|argument| !argument.starts_with('-'));
    for backend in Backend::available() {
        let plan = Plan {
            rounds,
            filter: filter.clone(),
            engine: Engine::new(backend, Parallelism::Serial),
        };
        oprf(&plan);
        voprf(&plan);
    }
}

struct Plan {
    rounds: usize,
    filter: Option<String>,
    engine: Engine,
}

/// Makes ready, which is not timed, what is then run once.
type Way<'a> = Box<dyn Fn() -> Run<'a> + 'a>;
type Run<'a> = Box<dyn FnOnce() -> Vec<u8> + 'a>;

fn way<'a, S: 'a>(
    ready: impl Fn() -> S + 'a,
    run: fn(&'a Plan, S) -> Vec<u8>,
    plan: &'a Plan,
) -> Way<'a> {
    Box::new(move || {
        let state = ready();
        Box::new(move || run(plan, state))
    })
}

const INPUT: &[u8] = b"person.1@example.com";
const SEED: [u8; 32] = [7; 32];
const INFO: &[u8] = b"blindmatch bench of single evaluations";

fn blind() -> SecretScalar {
    SecretScalar::from_canonical_bytes(BLIND).expect("a scalar")
}

const BLIND: [u8; 32] = [5; 32]; // below the group order, which begins with 0x10

fn their_blind() -> <Ristretto255 as Group>::Scalar {
    Ristretto255::deserialize_scalar(&BLIND).expect("a scalar")
}

fn oprf(plan: &Plan) {
    let server = ServerKey::<Oprf>::derive(&SEED, INFO).expect("a key");
    let theirs = OprfServer::<Ristretto255>::new_from_seed(&SEED, INFO).expect("a key");
    let blinded = client::<Oprf>(plan).1;
    let evaluated = server.blind_evaluate(&plan.engine, &[blinded]).expect("valid")[0];

    contest(
        plan,
        "stage=blind mode=oprf",
        32,
        [
            way(|| (), |_, ()| their_client().1, plan),
            way(|| (), |plan, ()| client::<Oprf>(plan).1.0.0.to_vec(), plan),
        ],
    );
    contest(
        plan,
        "stage=evaluate mode=oprf",
        32,
        [
            way(
                || (&theirs, blinded.0),
                |_, (server, bytes)| {
                    let element =
                        TheirBlinded::<Ristretto255>::deserialize(&bytes.0).expect("valid");
                    server.blind_evaluate(&element).serialize().to_vec()
                },
                plan,
            ),
            way(
                || (&server, blinded),
                |plan, (server, blinded)| {
                    server.blind_evaluate(&plan.engine, &[blinded]).expect("valid")[0].0.0.to_vec()
                },
                plan,
            ),
        ],
    );
    contest(
        plan,
        "stage=finalize mode=oprf",
        64,
        [
            way(
                || (their_client().0, evaluated.0),
                |_, (client, bytes)| {
                    let element =
                        EvaluationElement::<Ristretto255>::deserialize(&bytes.0).expect("valid");
                    client.finalize(INPUT, &element).expect("valid").to_vec()
                },
                plan,
            ),
            way(
                || (client::<Oprf>(plan).0, evaluated),
                |plan, (client, evaluated)| {
                    client.finalize(&plan.engine, &[evaluated]).expect("valid")[0]
                        .as_bytes()
                        .to_vec()
                },
                plan,
            ),
        ],
    );
    contest(
        plan,
        "stage=evaluate_input mode=oprf",
        64,
        [
            way(|| &theirs, |_, server| server.evaluate(INPUT).expect("valid").to_vec(), plan),
            way(
                || &server,
                |plan, server| {
                    server.evaluate(&plan.engine, &[INPUT]).expect("valid")[0].as_bytes().to_vec()
                },
                plan,
            ),
        ],
    );
}

fn voprf(plan: &Plan) {
    let server = ServerKey::<Voprf>::derive(&SEED, INFO).expect("a key");
    let theirs = VoprfServer::<Ristretto255>::new_from_seed(&SEED, INFO).expect("a key");
    let (public, their_public) = (server.public(), theirs.get_public_key());
    assert_eq!(public.encoding().0[..], Ristretto255::serialize_elem(their_public)[..]);
    let blinded = client::<Voprf>(plan).1;

    let evaluate: [Way<'_>; 2] = [
        way(
            || (&theirs, blinded.0),
            |_, (server, bytes)| {
                let element = TheirBlinded::<Ristretto255>::deserialize(&bytes.0).expect("valid");
                let result = server.blind_evaluate(&mut OsRng, &element);
                [&result.message.serialize()[..], &result.proof.serialize()[..]].concat()
            },
            plan,
        ),
        way(
            || (&server, blinded),
            |plan, (server, blinded)| {
                let evaluated = server.blind_evaluate(&plan.engine, &[blinded], &mut rand::rng());
                let (evaluated, proof) = evaluated.expect("valid");
                [&evaluated[0].0.0[..], &proof.to_bytes()].concat()
            },
            plan,
        ),
    ];
    // Each finalises what the other evaluated and proved.
    let [by_them, by_us] = evaluate.each_ref().map(|way| way()());
    contest(plan, "stage=evaluate mode=voprf", 32, evaluate);
    contest(
        plan,
        "stage=finalize mode=voprf",
        64,
        [
            way(
                || (their_verifying_client(), &by_us, their_public),
                |_, (client, bytes, public)| {
                    let element = EvaluationElement::<Ristretto255>::deserialize(&bytes[..32]);
                    let proof = voprf::Proof::deserialize(&bytes[32..]).expect("a proof");
                    let output = client.finalize(INPUT, &element.expect("valid"), &proof, public);
                    output.expect("it holds").to_vec()
                },
                plan,
            ),
            way(|| (client::<Voprf>(plan).0, &by_them, &public), finalize_verified, plan),
        ],
    );
    // The answers above were the same and right; a proof of something else must not pass.
    let mut wrong = by_them.clone();
    wrong[..32].copy_from_slice(&blinded.0.0);
    let (evaluated, proof) = parts(&wrong);
    let verified = client::<Voprf>(plan).0.finalize(&plan.engine, &public, &[evaluated], &proof);
    assert!(verified.is_err(), "a proof of another evaluation holds");
}

fn finalize_verified(
    plan: &Plan,
    (client, bytes, public): (Client<Voprf>, &Vec<u8>, &PublicKey),
) -> Vec<u8> {
    let (evaluated, proof) = parts(bytes);
    let output = client.finalize(&plan.engine, public, &[evaluated], &proof);
    output.expect("it holds")[0].as_bytes().to_vec()
}

fn parts(bytes: &[u8]) -> (EvaluatedElement, Proof) {
    let (element, proof) = bytes.split_at(32);
    let element = EvaluatedElement(Encoding(element.try_into().expect("32 bytes")));
    (element, Proof::from_bytes(proof.try_into().expect("64 bytes")).expect("a proof"))
}

fn client<M: Mode>(plan: &Plan) -> (Client<M>, BlindedElement) {
    let client = Client::<M>::insecure_blind_with(&plan.engine, &[INPUT], vec![blind()]);
    let (client, blinded) = client.expect("an input");
    (client, blinded[0])
}

fn their_client() -> (OprfClient<Ristretto255>, Vec<u8>) {
    let client = OprfClient::deterministic_blind_unchecked(INPUT, their_blind());
    let client = client.expect("an input");
    (client.state, client.message.serialize().to_vec())
}

fn their_verifying_client() -> VoprfClient<Ristretto255> {
    let client = VoprfClient::deterministic_blind_unchecked(INPUT, their_blind());
    client.expect("an input").state
}

/// Compares the first `compared` bytes of the answers (proofs are random), then the times, theirs first.
fn contest(plan: &Plan, step: &str, compared: usize, ways: [Way<'_>; 2]) {
    if plan.filter.as_ref().is_some_and(|filter| !step.contains(filter)) {
        return;
    }
    let [theirs, ours] = ways.each_ref().map(|way| way()());
    assert_eq!(theirs[..compared], ours[..compared], "{step}: not what voprf gives");
    let [mut ratios, mut theirs, mut ours] = [(); 3].map(|()| Sample::default());
    for round in 0..plan.rounds {
        let mut times = [0.0; 2];
        for turn in [round % 2, 1 - round % 2] {
            times[turn] = nanoseconds(&ways[turn]);
        }
        ratios.push(times[0] / times[1]);
        theirs.push(times[0]);
        ours.push(times[1]);
    }
    println!(
        "ratio {step} backend={} median={:.2} spread={:.2} against=voprf voprf_ns={:.0} ours_ns={:.0}",
        plan.engine.backend().name(),
        ratios.median(),
        ratios.spread(),
        theirs.median(),
        ours.median()
    );
}

/// CPU time of one run, over several.
fn nanoseconds(way: &Way<'_>) -> f64 {
    const RUNS: usize = 8;
    let ready: Vec<Run<'_>> = (0..RUNS).map(|_| way()).collect();
    let time = Cpu::Thread.time(|| ready.into_iter().map(|run| run()).collect::<Vec<_>>());
    time.as_secs_f64() * 1e9 / RUNS as f64
}
