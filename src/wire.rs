//! Versioned frames: what crosses the wire, byte for byte.
//!
//! A frame is a length, a type and a payload; integers are little-endian:
//!
//! ```text
//! length: u32 | type: u8 | payload: length - 1 bytes
//! ```
//!
//! The first frame either way is `hello`. Its start never changes, whatever the version, so that a
//! peer of another version (or of another protocol altogether) is recognised and named:
//!
//! ```text
//! 9c 00 00 00   length
//! 01            type: hello
//! 62 6c 69 6e 64 6d 61 74 63 68   "blindmatch"
//! 03 00         version 3
//! ..            the rest is that version's own; see [`Hello`]
//! ```
//!
//! | type | frame | payload |
//! |---|---|---|
//! | `01` | [`Hello`] | terms, sizes, 32 random bytes |
//! | `02` | abort | UTF-8 text, at most 200 bytes: why the session ends |
//! | `03` | keep-alive | none: still computing |
//! | `04` | finished | none: everything that is due has arrived |
//! | `05` | refused | a query budget is [`Spent`]: u8 which; u64 used, asked for, allowed, Unix time of the next period |
//! | `06` | sketch | a [`Sketch`] of the list: u64 elements, then up to 1024 u64, increasing |
//! | `10` | [`Commitment`] | 32 bytes of session id, 32 bytes of SHA-256 over session, party and sorted list |
//! | `11` | points | 32 bytes each, strictly increasing across frames |
//! | `12` | tags | the agreed length each |
//! | `13` | released | none: the audience is large enough, matches follow |
//! | `14` | withheld | none: the audience is too small, nothing follows |
//! | `15` | people | u32 each: the number of the person behind each point, in the order of the points |
//! | `20` | [`Offer`] | an oblivious function's public key, its proof, and the digest of its set |
//! | `21` | evaluated | 32 bytes each: the function on a run of points, in their order |
//! | `22` | proof | 64 bytes: one key evaluated the run before |
//! | `23` | set | the next block of the set (see [`set`](crate::set)) |
//! | `24` | labels | sealed labels of the set's elements, in its order; after the set |
//! | `30` | value key | 32 bytes of public key, 64 of a proof that its private half is known |
//! | `31` | ciphertexts | 64 bytes each: the encrypted value of each point, in the order of the points |
//! | `32` | count | u64: how many match; the audience is large enough |
//! | `33` | total | 64 bytes: the encrypted total |
//! | `34` | query | 32 bytes: the first half of an encrypted total, to be decrypted |
//! | `35` | share | 32 bytes: the query times the private key; 64 of a proof that it is |
//! | `50` | [`PairKeys`] | of [`pair`](crate::pair): Ks and its date, the digest of Kp and its date |
//! | `51` | [`PairReply`] | of [`pair`](crate::pair): what for, the digest of Ka and its date, 32 bytes that show Ks |
//! | `52` | pair entries | of [`pair`](crate::pair), where opt-outs are taken out: u64, how many entries of the publisher's take part |
//!
//! Version 2 had no frames `15`, `50`, `51` and `52`. Version 1 had no frames from `20` on, and no `parameters` in its hello.
//!
//! The decoder checks a length before it allocates anything, and knows of no frame longer than
//! [`MAX_FRAME`].

mod codec;
mod fields;
mod hello;
mod offer;
mod pair;
mod refusal;
mod sketch;

use crate::error::{PeerFault, Result, Spent, printable};
use crate::group::Encoding;
use crate::sketch::Sketch;

pub use codec::Decoder;
pub use hello::Hello;
pub use offer::{MAX_EPOCH, Offer};
pub use pair::{PairKeys, PairReply};

/// Version of the wire format; the only one that this build speaks.
pub const VERSION: u16 = 3;

/// The longest frame, length field excluded.
pub const MAX_FRAME: usize = 1 + POINTS_PER_FRAME * Encoding::LEN;

/// Most points in one frame: half a MiB of them, well under a second's work for one core.
pub const POINTS_PER_FRAME: usize = 16 * 1024;

/// Most encrypted values in one frame.
pub(crate) const CIPHERTEXTS_PER_FRAME: usize = POINTS_PER_FRAME / 2;

/// Most numbers of people in one frame.
pub(crate) const PEOPLE_PER_FRAME: usize = 32 * 1024;

/// Most bytes of tags in one frame.
pub(crate) const TAG_BYTES_PER_FRAME: usize = 128 * 1024;

/// Most bytes of text in an abort frame.
pub(crate) const MAX_ABORT: usize = 200;

/// One frame, decoded.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Frame {
    /// The terms that a side offers.
    Hello(Hello),
    /// The session ends, and why.
    Abort(String),
    /// The session is refused: a query budget is spent.
    Refused(Spent),
    /// A sketch of the advertiser's list.
    Sketch(Sketch),
    /// Still computing.
    KeepAlive,
    /// Everything that is due has arrived.
    Finished,
    /// A side's word on the session and on its list, before either list moves.
    Commitment(Commitment),
    /// A run of a sorted list.
    Points(Vec<Encoding>),
    /// A run of tags.
    Tags(Vec<u8>),
    /// The audience is large enough.
    Released,
    /// The audience is too small.
    Withheld,
    /// The number of the person behind each of a run of points.
    People(Vec<u32>),
    /// An oblivious function and the set of its outputs.
    Offer(Offer),
    /// The function on a run of points.
    Evaluated(Vec<Encoding>),
    /// One key evaluated the run before.
    Proof([u8; 64]),
    /// A block of the set.
    Set(Vec<u8>),
    /// Sealed labels.
    Labels(Vec<u8>),
    /// The public key that values are encrypted under, and a proof of its private half.
    ValueKey(Proven),
    /// Encrypted values of a run of points.
    Ciphertexts(Vec<[Encoding; 2]>),
    /// How many match.
    Count(u64),
    /// The encrypted total.
    Total([Encoding; 2]),
    /// The first half of an encrypted total, to be decrypted.
    Query(Encoding),
    /// The query times the private key, and a proof that it is.
    Share(Proven),
    /// The publisher's keys, in PAIR.
    PairKeys(PairKeys),
    /// The advertiser's answer to them.
    PairReply(PairReply),
    /// How many entries of the publisher's take part where opt-outs are taken out, in PAIR.
    PairEntries(u64),
}

/// A point, and a proof about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proven {
    /// The point.
    pub point: Encoding,
    /// The proof, as [`proof`](crate::proof) has them.
    pub proof: [u8; 64],
}

/// What a side commits to before either list moves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Commitment {
    /// The hash of both hellos and the channel: both sides see the same session.
    pub session: [u8; 32],
    /// SHA-256 over "blindmatch-v1 list", the session, the party's code and the encodings of the
    /// sorted list.
    pub list: [u8; 32],
}

impl Frame {
    /// Its name in errors.
    pub fn name(&self) -> &'static str {
        type_name(self.type_byte())
    }

    fn type_byte(&self) -> u8 {
        match self {
            Frame::Hello(_) => HELLO,
            Frame::Abort(_) => ABORT,
            Frame::Refused(_) => REFUSED,
            Frame::Sketch(_) => SKETCH,
            Frame::KeepAlive => KEEP_ALIVE,
            Frame::Finished => FINISHED,
            Frame::Commitment(_) => COMMITMENT,
            Frame::Points(_) => POINTS,
            Frame::Tags(_) => TAGS,
            Frame::Released => RELEASED,
            Frame::Withheld => WITHHELD,
            Frame::People(_) => PEOPLE,
            Frame::Offer(_) => OFFER,
            Frame::Evaluated(_) => EVALUATED,
            Frame::Proof(_) => PROOF,
            Frame::Set(_) => SET,
            Frame::Labels(_) => LABELS,
            Frame::ValueKey(_) => VALUE_KEY,
            Frame::Ciphertexts(_) => CIPHERTEXTS,
            Frame::Count(_) => COUNT,
            Frame::Total(_) => TOTAL,
            Frame::Query(_) => QUERY,
            Frame::Share(_) => SHARE,
            Frame::PairKeys(_) => PAIR_KEYS,
            Frame::PairReply(_) => PAIR_REPLY,
            Frame::PairEntries(_) => PAIR_ENTRIES,
        }
    }

    /// The fault of a peer that sent this frame when another was due.
    pub(crate) fn unexpected(&self) -> PeerFault {
        PeerFault::Unexpected(self.type_byte())
    }

    /// Its bytes, length included.
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = vec![0, 0, 0, 0, self.type_byte()];
        match self {
            Frame::Hello(hello) => hello.encode(&mut bytes),
            Frame::Abort(reason) => bytes.extend_from_slice(reason.as_bytes()),
            Frame::Refused(spent) => refusal::encode(spent, &mut bytes),
            Frame::Sketch(sketch) => sketch::encode(sketch, &mut bytes),
            Frame::Commitment(Commitment { session, list }) => {
                bytes.extend_from_slice(session);
                bytes.extend_from_slice(list);
            }
            Frame::Points(points) | Frame::Evaluated(points) => {
                points.iter().for_each(|p| bytes.extend_from_slice(&p.0));
            }
            Frame::People(run) => {
                run.iter().for_each(|number| bytes.extend_from_slice(&number.to_le_bytes()));
            }
            Frame::Offer(offer) => offer.encode(&mut bytes),
            Frame::Proof(proof) => bytes.extend_from_slice(proof),
            Frame::Tags(run) | Frame::Set(run) | Frame::Labels(run) => {
                bytes.extend_from_slice(run);
            }
            Frame::ValueKey(proven) | Frame::Share(proven) => {
                bytes.extend_from_slice(&proven.point.0);
                bytes.extend_from_slice(&proven.proof);
            }
            Frame::Ciphertexts(run) => {
                run.as_flattened().iter().for_each(|p| bytes.extend_from_slice(&p.0));
            }
            Frame::Count(count) | Frame::PairEntries(count) => {
                bytes.extend_from_slice(&count.to_le_bytes())
            }
            Frame::Total(halves) => halves.iter().for_each(|p| bytes.extend_from_slice(&p.0)),
            Frame::Query(point) => bytes.extend_from_slice(&point.0),
            Frame::PairKeys(keys) => keys.encode(&mut bytes),
            Frame::PairReply(reply) => reply.encode(&mut bytes),
            Frame::KeepAlive | Frame::Finished | Frame::Released | Frame::Withheld => {}
        }
        let length = u32::try_from(bytes.len() - 4).expect("frames are bounded by their makers");
        bytes[..4].copy_from_slice(&length.to_le_bytes());
        bytes
    }

    /// From its type and payload.
    fn decode(type_byte: u8, payload: &[u8]) -> Result<Frame> {
        let name = type_name(type_byte);
        let bad_length = || Err(PeerFault::BadLength { frame: name, length: payload.len() }.into());
        let empty = |frame| if payload.is_empty() { Ok(frame) } else { bad_length() };
        let run = |frame: fn(Vec<u8>) -> Frame| match payload {
            [] => bad_length(),
            run => Ok(frame(run.to_vec())),
        };
        let points = |frame: fn(Vec<Encoding>) -> Frame| match payload.as_chunks() {
            (points, []) if !points.is_empty() => {
                Ok(frame(points.iter().copied().map(Encoding).collect()))
            }
            _ => bad_length(),
        };
        let number = |frame: fn(u64) -> Frame| {
            let bytes = payload.try_into().map(u64::from_le_bytes);
            bytes.map(frame).or_else(|_| bad_length())
        };
        let proven =
            |frame: fn(Proven) -> Frame| match (payload.first_chunk(), payload.last_chunk()) {
                (Some(&point), Some(&proof)) if payload.len() == 96 => {
                    Ok(frame(Proven { point: Encoding(point), proof }))
                }
                _ => bad_length(),
            };
        let pairs = || match payload.as_chunks::<32>() {
            (points, []) => points.as_chunks().0.iter().map(|pair| pair.map(Encoding)).collect(),
            _ => Vec::new(),
        };
        match type_byte {
            HELLO => Hello::decode(payload).map(Frame::Hello),
            ABORT => match std::str::from_utf8(payload) {
                Ok(text) if payload.len() <= MAX_ABORT => Ok(Frame::Abort(printable(text))),
                _ => Err(PeerFault::Malformed(name).into()),
            },
            REFUSED => refusal::decode(payload).map(Frame::Refused),
            SKETCH => sketch::decode(payload).map(Frame::Sketch),
            KEEP_ALIVE => empty(Frame::KeepAlive),
            FINISHED => empty(Frame::Finished),
            COMMITMENT => match (payload.first_chunk(), payload.last_chunk()) {
                (Some(&session), Some(&list)) if payload.len() == 64 => {
                    Ok(Frame::Commitment(Commitment { session, list }))
                }
                _ => bad_length(),
            },
            POINTS => points(Frame::Points),
            EVALUATED => points(Frame::Evaluated),
            PEOPLE => match payload.as_chunks() {
                (run, []) if !run.is_empty() => {
                    Ok(Frame::People(run.iter().copied().map(u32::from_le_bytes).collect()))
                }
                _ => bad_length(),
            },
            OFFER => Offer::decode(payload).map(Frame::Offer),
            PROOF => payload.try_into().map(Frame::Proof).or_else(|_| bad_length()),
            TAGS => run(Frame::Tags),
            SET => run(Frame::Set),
            LABELS => run(Frame::Labels),
            VALUE_KEY => proven(Frame::ValueKey),
            SHARE => proven(Frame::Share),
            CIPHERTEXTS if !payload.is_empty() && payload.len().is_multiple_of(64) => {
                Ok(Frame::Ciphertexts(pairs()))
            }
            TOTAL => match pairs()[..] {
                [halves] if payload.len() == 64 => Ok(Frame::Total(halves)),
                _ => bad_length(),
            },
            CIPHERTEXTS => bad_length(),
            COUNT => number(Frame::Count),
            PAIR_ENTRIES => number(Frame::PairEntries),
            QUERY => payload
                .try_into()
                .map(|bytes| Frame::Query(Encoding(bytes)))
                .or_else(|_| bad_length()),
            PAIR_KEYS => PairKeys::decode(payload).map(Frame::PairKeys),
            PAIR_REPLY => PairReply::decode(payload).map(Frame::PairReply),
            RELEASED => empty(Frame::Released),
            WITHHELD => empty(Frame::Withheld),
            unknown => Err(PeerFault::Unexpected(unknown).into()),
        }
    }
}

const HELLO: u8 = 0x01;
const ABORT: u8 = 0x02;
const KEEP_ALIVE: u8 = 0x03;
const FINISHED: u8 = 0x04;
const REFUSED: u8 = 0x05;
const SKETCH: u8 = 0x06;
const COMMITMENT: u8 = 0x10;
const POINTS: u8 = 0x11;
const TAGS: u8 = 0x12;
const RELEASED: u8 = 0x13;
const WITHHELD: u8 = 0x14;
const PEOPLE: u8 = 0x15;
const OFFER: u8 = 0x20;
const EVALUATED: u8 = 0x21;
const PROOF: u8 = 0x22;
const SET: u8 = 0x23;
const LABELS: u8 = 0x24;
const VALUE_KEY: u8 = 0x30;
const CIPHERTEXTS: u8 = 0x31;
const COUNT: u8 = 0x32;
const TOTAL: u8 = 0x33;
const QUERY: u8 = 0x34;
const SHARE: u8 = 0x35;
const PAIR_KEYS: u8 = 0x50;
const PAIR_REPLY: u8 = 0x51;
const PAIR_ENTRIES: u8 = 0x52;

fn type_name(type_byte: u8) -> &'static str {
    match type_byte {
        HELLO => "hello",
        ABORT => "abort",
        KEEP_ALIVE => "keep-alive",
        FINISHED => "finished",
        REFUSED => "refused",
        SKETCH => "sketch",
        COMMITMENT => "commitment",
        POINTS => "points",
        TAGS => "tags",
        RELEASED => "released",
        WITHHELD => "withheld",
        PEOPLE => "people",
        OFFER => "offer",
        EVALUATED => "evaluated",
        PROOF => "proof",
        SET => "set",
        LABELS => "labels",
        VALUE_KEY => "value key",
        CIPHERTEXTS => "ciphertexts",
        COUNT => "count",
        TOTAL => "total",
        QUERY => "query",
        SHARE => "share",
        PAIR_KEYS => "pair keys",
        PAIR_REPLY => "pair reply",
        PAIR_ENTRIES => "pair entries",
        _ => "unknown",
    }
}
