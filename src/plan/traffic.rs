//! Bytes that cross: those of frames, as sessions count them.

use super::{Question, Way};
use crate::consent::Purpose;
use crate::group::Encoding;
use crate::identifier::Profile;
use crate::label::Seal;
use crate::pair::mode;
use crate::protocol::{self, Party, ProtocolName};
use crate::session;
use crate::set::SetParameters;
use crate::wire::{
    CIPHERTEXTS_PER_FRAME, Commitment, Frame, Hello, Offer, POINTS_PER_FRAME, PairKeys, PairReply,
    Proven, TAG_BYTES_PER_FRAME,
};

/// Bytes of `count` items of so many bytes, in frames of so many at most.
fn run(count: u64, bytes: u64, per_frame: usize) -> u64 {
    count * bytes + count.div_ceil(per_frame as u64) * HEADER
}

/// Length and type of a frame.
const HEADER: u64 = 5;

/// A list, or answers to one.
pub(super) fn points(count: u64) -> u64 {
    run(count, Encoding::LEN as u64, POINTS_PER_FRAME)
}

/// A proof for each run of answers.
pub(super) fn proofs(count: u64) -> u64 {
    count.div_ceil(POINTS_PER_FRAME as u64) * (HEADER + 64)
}

/// Tags of so many bytes each.
pub(super) fn tags(count: u64, length: u64) -> u64 {
    run(count, length, TAG_BYTES_PER_FRAME / length as usize)
}

/// Encrypted values.
pub(super) fn ciphertexts(count: u64) -> u64 {
    run(count, 2 * Encoding::LEN as u64, CIPHERTEXTS_PER_FRAME)
}

/// A compressed set: what its elements take on average, and what each block adds.
pub(super) fn set(parameters: SetParameters) -> u64 {
    let blocks = parameters.blocks();
    let first = u64::from(parameters.value_bits().div_ceil(8));
    let gaps = parameters.elements().saturating_sub(blocks) as f64;
    let coded = gaps * parameters.expected_bits() / 8.0;
    // Each block with a gap ends with half a byte that is not used, on average.
    let unused = gaps.min(blocks as f64) / 2.0;
    blocks * (HEADER + 4 + first) + (coded + unused).round() as u64
}

/// Sealed labels of so many bytes at most each.
pub(super) fn labels(count: u64, label_bytes: usize) -> u64 {
    let seal = Seal { salt: [0; 32], width: label_width(label_bytes) };
    run(count, seal.sealed() as u64, seal.per_run())
}

/// As [`Labels`](crate::label::Labels) pad them.
pub(super) fn label_width(label_bytes: usize) -> u16 {
    u16::try_from((label_bytes + 2).next_multiple_of(16)).unwrap_or(u16::MAX)
}

/// What a side says first: so many bytes.
pub(super) fn hello(way: Way, question: &Question) -> u64 {
    encoded(&greeting(way, question))
}

/// What a side says first.
pub(super) fn greeting(way: Way, question: &Question) -> Frame {
    let parameters = match way.protocol {
        ProtocolName::Sum => format!("clip={}", question.clip),
        ProtocolName::Pair => format!("match-keys={}", mode::MATCH_KEYS),
        _ => String::new(),
    };
    Frame::Hello(Hello {
        ciphersuite: session::ciphersuite(way.protocol).into(),
        protocol: way.protocol.name().into(),
        parameters,
        party: 0,
        profile: Profile::default().to_string(),
        profile_digest: [0; 32],
        purpose: Purpose::TARGETED_ADVERTISING.name().into(),
        reveal: 0,
        min_audience: Some(question.min_audience),
        elements: 0,
        max_elements: 0,
        attestation: String::new(),
        nonce: [0; 32],
    })
}

/// An oblivious function's key and set, announced.
pub(super) fn offer(way: Way) -> u64 {
    encoded(&Frame::Offer(Offer {
        session: [0; 32],
        context: [0; 32],
        public_key: Encoding::IDENTITY,
        key_proof: [0; 64],
        set: [0; 32],
        elements: 0,
        max_queries: 0,
        label_width: 0,
        label_salt: [0; 32],
        epoch: if way.prepared { "2026-11".into() } else { String::new() },
    }))
}

pub(super) fn commitment() -> u64 {
    encoded(&Frame::Commitment(Commitment { session: [0; 32], list: [0; 32] }))
}

/// Keys of PAIR from the publisher's room, and the advertiser's answer.
pub(super) fn pair_keys() -> [u64; 2] {
    let keys = PairKeys { ks: Default::default(), ks_created: 0, kp_id: [0; 8], kp_created: 0 };
    let reply = PairReply { opt_out: false, ka_id: [0; 8], ka_created: 0, confirmation: [0; 32] };
    [Frame::PairReply(reply), Frame::PairKeys(keys)].map(|frame| encoded(&frame))
}

pub(super) fn value_key() -> u64 {
    encoded(&Frame::ValueKey(Proven { point: Encoding::IDENTITY, proof: [0; 64] }))
}

pub(super) fn total() -> u64 {
    encoded(&Frame::Total([Encoding::IDENTITY; 2]))
}

pub(super) fn query() -> u64 {
    encoded(&Frame::Query(Encoding::IDENTITY))
}

pub(super) fn count() -> u64 {
    encoded(&Frame::Count(0))
}

/// A word: released, withheld or finished.
pub(super) fn word() -> u64 {
    encoded(&Frame::Finished)
}

fn encoded(frame: &Frame) -> u64 {
    frame.encode().len() as u64
}

/// Bytes of a tag between lists of these lengths.
pub(super) fn tag_length(sizes: [u64; 2]) -> u64 {
    protocol::tag_length(sizes) as u64
}

/// What `from` sends goes here: the advertiser's first.
pub(super) fn sent_by(from: Party, bytes: u64) -> [u64; 2] {
    match from {
        Party::Advertiser => [bytes, 0],
        Party::Platform => [0, bytes],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Bytes of frames that hold so many items, as they are sent.
    fn sent(count: usize, per_frame: usize, frame: impl Fn(usize) -> Frame) -> u64 {
        let runs = (0..count).step_by(per_frame).map(|start| per_frame.min(count - start));
        runs.map(|run| encoded(&frame(run))).sum()
    }

    #[test]
    fn runs_are_as_long_as_their_frames() {
        for count in [0, 1, 16_384, 16_385, 40_000] {
            let real =
                sent(count, POINTS_PER_FRAME, |run| Frame::Points(vec![Encoding::IDENTITY; run]));
            assert_eq!(points(count as u64), real);
            let values = |run| Frame::Ciphertexts(vec![[Encoding::IDENTITY; 2]; run]);
            assert_eq!(ciphertexts(count as u64), sent(count, CIPHERTEXTS_PER_FRAME, values));
            let real = sent(count, TAG_BYTES_PER_FRAME / 10, |run| Frame::Tags(vec![0; run * 10]));
            assert_eq!(tags(count as u64, 10), real);
            let real = sent(count, POINTS_PER_FRAME, |_| Frame::Proof([0; 64]));
            assert_eq!(proofs(count as u64), real);
        }
    }

    #[test]
    fn a_set_is_as_long_as_the_real_one() {
        use rand::rngs::StdRng;
        use rand::{RngExt, SeedableRng};

        let mut rng = StdRng::seed_from_u64(1);
        for count in [1, 100, 30_000] {
            let outputs = (0..count).map(|_| crate::set::Output(rng.random())).collect();
            let real = crate::set::CompressedSet::new(outputs, 1000).unwrap();
            let frames = real.bytes() + real.blocks() as u64 * HEADER;
            let error = set(real.parameters()) as f64 / frames as f64 - 1.0;
            assert!(error.abs() < 0.01, "{count}: {error}");
        }
    }
}
