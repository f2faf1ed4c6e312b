//! One evaluation of the function of RFC 9497, ours and that of the crate `voprf`: `cargo bench --bench single`.
//!
//! One line a step, for example
//!
//! ```text
//! ratio stage=finalize mode=voprf median=1.39 spread=0.03 against=voprf voprf_ns=254600 ours_ns=183500
//! ```
//!
//! A batch of one is the portable code, whatever the CPU has; `group.rs` shows what batches gain. `median` is how many
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
    let engine = Engine::new(Backend::detect(), Parallelism::Serial);
    let plan = Plan { rounds, filter, engine };
    oprf(&plan);
    voprf(&plan);
}

struct Plan {
    rounds: usize,
    filter: Option<String>,
    engine: Engine,
}

/// Makes ready, which is not timed, what is then run once.
type Way<'a> = Box<dyn Fn() -> Run<'a> + 'a>;
type Run<'a> = Box<dyn FnOnce() -> Vec<u8> + 'a>;

fn way<'a, S: 'a>(ready: impl Fn() -> S + 'a, run: impl Fn(S) -> Vec<u8> + Copy + 'a) -> Way<'a> {
    Box::new(move || {
        let state = ready();
        Box::new(move || run(state))
    })
}

fn once<'a>(run: impl Fn() -> Vec<u8> + Copy + 'a) -> Way<'a> {
    way(|| (), move |()| run())
}

const INPUT: &[u8] = b"person.1@example.com";
const SEED: [u8; 32] = [7; 32];
const INFO: &[u8] = b"blindmatch bench of single evaluations";

fn blind() -> SecretScalar {
    SecretScalar::from_canonical_bytes(BLIND).expect("a scalar")
}

const BLIND: [u8; 32] = [5; 32]; // below the group order, which begins with 0x10

type TheirScalar = <Ristretto255 as Group>::Scalar;

fn their_blind() -> TheirScalar {
    Ristretto255::deserialize_scalar(&BLIND).expect("a scalar")
}

fn oprf(plan: &Plan) {
    let engine = &plan.engine;
    let server = ServerKey::<Oprf>::derive(&SEED, INFO).expect("a key");
    let their_server = OprfServer::<Ristretto255>::new_from_seed(&SEED, INFO).expect("a key");
    let blinded = client::<Oprf>(engine, blind()).1;
    let evaluated = server.blind_evaluate(engine, &[blinded]).expect("valid")[0].0.0;

    let theirs = way(their_blind, |blind| their_client(blind).1);
    let ours = way(blind, |blind| client::<Oprf>(engine, blind).1.0.0.to_vec());
    contest(plan, "stage=blind mode=oprf", 32, [theirs, ours]);

    let theirs = once(|| their_server.blind_evaluate(&received(&blinded)).serialize().to_vec());
    let ours = once(|| server.blind_evaluate(engine, &[blinded]).expect("valid")[0].0.0.to_vec());
    contest(plan, "stage=evaluate mode=oprf", 32, [theirs, ours]);

    let theirs = way(
        || their_client(their_blind()).0,
        |client| client.finalize(INPUT, &their_element(&evaluated)).expect("valid").to_vec(),
    );
    let ours = way(
        || client::<Oprf>(engine, blind()).0,
        |client| {
            let output = client.finalize(engine, &[EvaluatedElement(Encoding(evaluated))]);
            output.expect("valid")[0].as_bytes().to_vec()
        },
    );
    contest(plan, "stage=finalize mode=oprf", 64, [theirs, ours]);

    let theirs = once(|| their_server.evaluate(INPUT).expect("valid").to_vec());
    let ours = once(|| server.evaluate(engine, &[INPUT]).expect("valid")[0].as_bytes().to_vec());
    contest(plan, "stage=evaluate_input mode=oprf", 64, [theirs, ours]);
}

fn voprf(plan: &Plan) {
    let engine = &plan.engine;
    let server = ServerKey::<Voprf>::derive(&SEED, INFO).expect("a key");
    let their_server = VoprfServer::<Ristretto255>::new_from_seed(&SEED, INFO).expect("a key");
    let (public, their_public) = (server.public(), their_server.get_public_key());
    assert_eq!(public.encoding().0[..], Ristretto255::serialize_elem(their_public)[..]);
    let blinded = client::<Voprf>(engine, blind()).1;

    let theirs = once(|| {
        let result = their_server.blind_evaluate(&mut OsRng, &received(&blinded));
        [&result.message.serialize()[..], &result.proof.serialize()[..]].concat()
    });
    let ours = once(|| {
        let evaluated = server.blind_evaluate(engine, &[blinded], &mut rand::rng());
        let (evaluated, proof) = evaluated.expect("valid");
        [&evaluated[0].0.0[..], &proof.to_bytes()].concat()
    });
    let proven = [theirs()(), ours()()];
    contest(plan, "stage=evaluate mode=voprf", 32, [theirs, ours]);
    finalize_verified(plan, [public.encoding().0, blinded.0.0], &proven);
}

/// Each finalises what the other evaluated and proved.
fn finalize_verified(
    plan: &Plan,
    [public, blinded]: [[u8; 32]; 2],
    [by_them, by_us]: &[Vec<u8>; 2],
) {
    let engine = &plan.engine;
    let their_public = Ristretto255::deserialize_elem(&public).expect("a key");
    let public = PublicKey::from_encoding(Encoding(public)).expect("a key");
    let theirs = way(
        || their_verifying_client(their_blind()),
        |client| {
            let proof = voprf::Proof::deserialize(&by_us[32..]).expect("a proof");
            let output = client.finalize(INPUT, &their_element(&by_us[..32]), &proof, their_public);
            output.expect("it holds").to_vec()
        },
    );
    let ours = way(
        || client::<Voprf>(engine, blind()).0,
        |client| {
            let (evaluated, proof) = parts(by_them);
            let output = client.finalize(engine, &public, &[evaluated], &proof);
            output.expect("it holds")[0].as_bytes().to_vec()
        },
    );
    contest(plan, "stage=finalize mode=voprf", 64, [theirs, ours]);

    // The answers were right; a proof of another evaluation must not pass.
    let wrong = [&blinded[..], &by_them[32..]].concat();
    let (evaluated, proof) = parts(&wrong);
    let client = client::<Voprf>(engine, blind()).0;
    assert!(client.finalize(engine, &public, &[evaluated], &proof).is_err());
}

fn received(blinded: &BlindedElement) -> TheirBlinded<Ristretto255> {
    TheirBlinded::deserialize(&blinded.0.0).expect("valid")
}

fn their_element(bytes: &[u8]) -> EvaluationElement<Ristretto255> {
    EvaluationElement::deserialize(bytes).expect("valid")
}

fn parts(bytes: &[u8]) -> (EvaluatedElement, Proof) {
    let (element, proof) = bytes.split_at(32);
    let element = EvaluatedElement(Encoding(element.try_into().expect("32 bytes")));
    (element, Proof::from_bytes(proof.try_into().expect("64 bytes")).expect("a proof"))
}

fn client<M: Mode>(engine: &Engine, blind: SecretScalar) -> (Client<M>, BlindedElement) {
    let client = Client::<M>::insecure_blind_with(engine, &[INPUT], vec![blind]);
    let (client, blinded) = client.expect("an input");
    (client, blinded[0])
}

fn their_client(blind: TheirScalar) -> (OprfClient<Ristretto255>, Vec<u8>) {
    let client = OprfClient::deterministic_blind_unchecked(INPUT, blind);
    let client = client.expect("an input");
    (client.state, client.message.serialize().to_vec())
}

fn their_verifying_client(blind: TheirScalar) -> VoprfClient<Ristretto255> {
    let client = VoprfClient::deterministic_blind_unchecked(INPUT, blind);
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
        "ratio {step} median={:.2} spread={:.2} against=voprf voprf_ns={:.0} ours_ns={:.0}",
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
