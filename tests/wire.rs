//! The wire format, frozen byte for byte, and what the decoder refuses.
//!
//! A test here that fails after a change means that two versions no longer understand each other:
//! raise `wire::VERSION`, or take the change back.

mod common;

use std::sync::Arc;

use blindmatch::error::{Error, Limit, PeerFault, Result, Spent};
use blindmatch::group::Encoding;
use blindmatch::label::Labels;
use blindmatch::protocol::{Blinding, Input, Party, ProtocolName, Reveal, Unit};
use blindmatch::session::{Session, Settings};
use blindmatch::sketch::{Sketch, SketchKey};
use blindmatch::wire::{
    Commitment, Decoder, Frame, Hello, MAX_FRAME, Offer, POINTS_PER_FRAME, PairKeys, PairReply,
    Proven, VERSION,
};
use common::{Seeded, hex};
use sha2::{Digest, Sha256};

/// A hello with a value of its own in every field.
fn hello() -> Hello {
    Hello {
        ciphersuite: "ristretto255-SHA512".into(),
        protocol: "dh".into(),
        parameters: "p=1".into(),
        party: 2,
        profile: "pair/1".into(),
        profile_digest: [0xd1; 32],
        purpose: "TargetedAdvertising".into(),
        reveal: 3,
        min_audience: Some(100),
        elements: 1_000_000,
        max_elements: 1 << 27,
        attestation: "notice 7".into(),
        nonce: [0x5a; 32],
    }
}

const HELLO: &str = concat!(
    "ac000000",                               // length
    "01",                                     // hello
    "626c696e646d61746368",                   // "blindmatch"
    "0300",                                   // version 3
    "1300",                                   // 19 bytes
    "72697374726574746f3235352d534841353132", // "ristretto255-SHA512"
    "0200",
    "6468", // "dh"
    "0300",
    "703d31", // parameters: "p=1"
    "02",     // platform
    "0600",
    "706169722f31",                                                     // "pair/1"
    "d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1", // profile digest
    "1300",
    "54617267657465644164766572746973696e67", // "TargetedAdvertising"
    "03",                                     // reveal: both
    "6400000000000000",                       // minimum audience
    "40420f0000000000",                       // elements
    "0000000800000000",                       // most elements accepted
    "0800",
    "6e6f746963652037", // "notice 7"
    "5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a", // nonce
);

/// What the rooms of PAIR say first.
#[test]
fn the_frames_of_pair_are_frozen() {
    let keys = PairKeys {
        ks: zeroize::Zeroizing::new([0xc5; 32]),
        ks_created: 0x6565_4321,
        kp_id: [0x1d; 8],
        kp_created: -2,
    };
    let expected = format!(
        "39000000{}{}{}{}{}",
        "50",
        "c5".repeat(32),
        "2143656500000000",
        "1d".repeat(8),
        "feffffffffffffff"
    );
    check_frozen(Frame::PairKeys(keys), &expected);
    let reply = PairReply {
        opt_out: true,
        ka_id: [0x2e; 8],
        ka_created: 0x6565_4321,
        confirmation: [0x3f; 32],
    };
    let expected = format!(
        "32000000{}{}{}{}{}",
        "51",
        "01",
        "2e".repeat(8),
        "2143656500000000",
        "3f".repeat(32)
    );
    check_frozen(Frame::PairReply(reply), &expected);
    check_frozen(Frame::PairEntries(0x1234), "09000000523412000000000000");
    for bad in ["0100000050", "0100000051", &expected.replacen("5101", "5102", 1)] {
        let bytes = unhex(bad);
        assert!(
            matches!(decode_after_hello(&bytes), Err(Error::Peer(PeerFault::Malformed(_)))),
            "{bad}"
        );
    }
}

fn check_frozen(frame: Frame, expected: &str) {
    let bytes = frame.encode();
    assert_eq!(hex(&bytes), expected);
    assert_eq!(decode_after_hello(&bytes).unwrap(), frame);
}

fn decode_after_hello(bytes: &[u8]) -> Result<Frame> {
    let mut decoder = Decoder::default();
    decoder.push(&Frame::Hello(hello()).encode());
    decoder.next_frame()?;
    decoder.push(bytes);
    Ok(decoder.next_frame()?.expect("a whole frame"))
}

fn unhex(text: &str) -> Vec<u8> {
    let byte = |at| u8::from_str_radix(&text[at..at + 2], 16).unwrap();
    (0..text.len()).step_by(2).map(byte).collect()
}

#[test]
fn a_hello_is_frozen() {
    assert_eq!(hex(&Frame::Hello(hello()).encode()), HELLO);
}

#[test]
fn a_hello_without_minimum_audience_and_notice_is_frozen() {
    let hello = Hello { min_audience: None, attestation: String::new(), ..hello() };
    let expected = HELLO
        .replace("ac000000", "a4000000")
        .replace("6400000000000000", "ffffffffffffffff") // whatever the peer says
        .replace("08006e6f746963652037", "0000");
    assert_eq!(hex(&Frame::Hello(hello).encode()), expected);
}

/// Every other frame, with its bytes.
/// Of a list of one.
fn sketch() -> Sketch {
    Sketch::of_list(&SketchKey::from_bytes([7; 32]), &common::list(&["ann@example.com"]))
}

fn frames() -> Vec<(Frame, &'static str)> {
    let commitment = Commitment { session: [0xaa; 32], list: [0xbb; 32] };
    vec![
        (Frame::Abort("too late".into()), "09000000 02 746f6f206c617465"),
        (Frame::Abort(String::new()), "01000000 02"),
        (
            Frame::Refused(Spent {
                limit: Limit::Elements,
                used: 900,
                asked: 315,
                allowed: 1000,
                until: jiff::Timestamp::from_second(0x0123_4567).unwrap(),
            }),
            "22000000 05 02 8403000000000000 3b01000000000000 e803000000000000 6745230100000000",
        ),
        (Frame::Sketch(sketch()), "11000000 06 0100000000000000 9dfa3866e30c0a51"),
        (Frame::KeepAlive, "01000000 03"),
        (Frame::Finished, "01000000 04"),
        (
            Frame::Commitment(commitment),
            "41000000 10 aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa \
             bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb",
        ),
        (
            Frame::Points(vec![Encoding([1; 32]), Encoding([2; 32])]),
            "41000000 11 0101010101010101010101010101010101010101010101010101010101010101 \
             0202020202020202020202020202020202020202020202020202020202020202",
        ),
        (Frame::Tags(vec![1, 2, 3, 4, 5, 6]), "07000000 12 010203040506"),
        (Frame::Released, "01000000 13"),
        (Frame::Withheld, "01000000 14"),
        (
            Frame::People(vec![0, 1, 0, 0x0203_0405]),
            "11000000 15 00000000 01000000 00000000 05040302",
        ),
        (Frame::Offer(offer()), OFFER),
        (
            Frame::Evaluated(vec![Encoding([3; 32])]),
            "21000000 21 0303030303030303030303030303030303030303030303030303030303030303",
        ),
        (
            Frame::Proof([4; 64]),
            "41000000 22 0404040404040404040404040404040404040404040404040404040404040404 \
             0404040404040404040404040404040404040404040404040404040404040404",
        ),
        (Frame::Set(vec![5, 6, 7]), "04000000 23 050607"),
        (Frame::Labels(vec![8, 9]), "03000000 24 0809"),
        (
            Frame::ValueKey(Proven { point: Encoding([1; 32]), proof: [2; 64] }),
            "61000000 30 0101010101010101010101010101010101010101010101010101010101010101 \
             0202020202020202020202020202020202020202020202020202020202020202 \
             0202020202020202020202020202020202020202020202020202020202020202",
        ),
        (
            Frame::Ciphertexts(vec![[Encoding([3; 32]), Encoding([4; 32])]]),
            "41000000 31 0303030303030303030303030303030303030303030303030303030303030303 \
             0404040404040404040404040404040404040404040404040404040404040404",
        ),
        (Frame::Count(258), "09000000 32 0201000000000000"),
        (
            Frame::Total([Encoding([5; 32]), Encoding([6; 32])]),
            "41000000 33 0505050505050505050505050505050505050505050505050505050505050505 \
             0606060606060606060606060606060606060606060606060606060606060606",
        ),
        (
            Frame::Query(Encoding([7; 32])),
            "21000000 34 0707070707070707070707070707070707070707070707070707070707070707",
        ),
        (
            Frame::Share(Proven { point: Encoding([8; 32]), proof: [9; 64] }),
            "61000000 35 0808080808080808080808080808080808080808080808080808080808080808 \
             0909090909090909090909090909090909090909090909090909090909090909 \
             0909090909090909090909090909090909090909090909090909090909090909",
        ),
    ]
}

/// An offer with a value of its own in every field.
fn offer() -> Offer {
    Offer {
        session: [0xaa; 32],
        context: [0xcc; 32],
        public_key: Encoding([1; 32]),
        key_proof: [2; 64],
        set: [0xdd; 32],
        elements: 1_000_000,
        max_queries: 1 << 20,
        label_width: 48,
        label_salt: [0xee; 32],
        epoch: "2026-11".into(),
    }
}

const OFFER: &str = concat!(
    "fc000000 20 ",                                                      // length, offer
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa ", // session
    "cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc ", // context
    "0101010101010101010101010101010101010101010101010101010101010101 ", // public key
    "0202020202020202020202020202020202020202020202020202020202020202 ", // its proof
    "0202020202020202020202020202020202020202020202020202020202020202 ",
    "dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd ", // set
    "40420f0000000000 0000100000000000 ",                                // elements, queries
    "3000 ",                                                             // label width
    "eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee ", // label salt
    "0700 323032362d3131",                                               // "2026-11"
);

/// Version 1 is what came before: its hello is recognised, and refused by its version.
#[test]
fn a_hello_of_version_1_is_named() {
    let old = HELLO.replace("ac000000", "a7000000");
    let old = old.replace("6d617463680300", "6d617463680100").replace("0300703d31", "");
    let bytes: Vec<u8> = (0..old.len() / 2)
        .map(|i| u8::from_str_radix(&old[2 * i..2 * i + 2], 16).unwrap())
        .collect();
    let Err(Error::Incompatible { field, ours, theirs }) = first(&bytes) else { panic!() };
    assert_eq!((field, ours.as_str(), theirs.as_str()), ("wire version", "3", "1"));
}

/// And so is version 2, whose hello differs in nothing else.
#[test]
fn a_hello_of_version_2_is_named() {
    let old = Frame::Hello(hello()).encode();
    let old = [&old[..15], &[2], &old[16..]].concat();
    let Err(Error::Incompatible { field, ours, theirs }) = first(&old) else { panic!() };
    assert_eq!((field, ours.as_str(), theirs.as_str()), ("wire version", "3", "2"));
}

/// An offer that is cut anywhere, or followed by anything, is malformed; and so is a long epoch.
#[test]
fn an_offer_of_another_length_is_malformed() {
    let whole = Frame::Offer(offer()).encode();
    for length in 0..whole.len() - 5 {
        let cut = greeted(&raw(0x20, &whole[5..5 + length]));
        assert_eq!(fault(cut), PeerFault::Malformed("offer"), "{length}");
    }
    let longer = greeted(&raw(0x20, &[&whole[5..], &[0]].concat()));
    assert_eq!(fault(longer), PeerFault::Malformed("offer"));
    let long = Offer { epoch: "e".repeat(65), ..offer() };
    assert_eq!(fault(greeted(&Frame::Offer(long).encode())), PeerFault::Malformed("offer"));
}

#[test]
fn every_other_frame_is_frozen() {
    for (frame, expected) in frames() {
        assert_eq!(hex(&frame.encode()), expected.replace(' ', ""), "{}", frame.name());
    }
}

/// Frames decode to what they were, in pieces of any size and one behind the other.
#[test]
fn round_trips() {
    let mut expected = vec![Frame::Hello(hello())];
    expected.extend(frames().into_iter().map(|(frame, _)| frame));
    let stream: Vec<u8> = expected.iter().flat_map(Frame::encode).collect();
    for piece in [1, 2, 3, 7, 64, stream.len()] {
        let mut decoder = Decoder::default();
        let mut decoded = Vec::new();
        for bytes in stream.chunks(piece) {
            decoder.push(bytes);
            while let Some(frame) = decoder.next_frame().unwrap() {
                decoded.push(frame);
            }
        }
        assert_eq!(decoded, expected);
        assert_eq!(decoder.held(), 0);
    }
}

#[test]
fn the_longest_frame_is_one_of_points() {
    assert_eq!(MAX_FRAME, 524_289);
    let frame = Frame::Points(vec![Encoding([3; 32]); POINTS_PER_FRAME]);
    let bytes = frame.encode();
    assert_eq!(bytes.len(), 4 + MAX_FRAME);
    assert_eq!(greeted(&bytes).unwrap(), Some(frame));
}

// --- Refusals -----------------------------------------------------------------------------------

/// What a decoder makes of bytes that come first.
fn first(bytes: &[u8]) -> Result<Option<Frame>> {
    let mut decoder = Decoder::default();
    decoder.push(bytes);
    decoder.next_frame()
}

/// What a decoder makes of bytes that come after a hello.
fn greeted(bytes: &[u8]) -> Result<Option<Frame>> {
    let mut decoder = Decoder::default();
    decoder.push(&Frame::Hello(hello()).encode());
    decoder.next_frame()?;
    decoder.push(bytes);
    decoder.next_frame()
}

fn fault<T>(refused: Result<T>) -> PeerFault {
    common::fault(refused.err().expect("a refusal"))
}

/// A frame by its parts.
fn raw(type_byte: u8, payload: &[u8]) -> Vec<u8> {
    let length = (payload.len() as u32 + 1).to_le_bytes();
    [&length[..], &[type_byte], payload].concat()
}

#[test]
fn other_protocols_are_recognised() {
    let greetings: [&[u8]; 7] = [
        b"GET / HTTP/1.1\r\nHost: example.com\r\n\r\n",
        b"SSH-2.0-OpenSSH_9.9\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", // TLS
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"\x00\x00\x00\x08\x04\xd2\x16\x2f\x00\x00", // PostgreSQL
        &[0xff; 100],
        b"\x0b\x00\x00\x00\x01blindfold!", // our type, another name
    ];
    for greeting in greetings {
        assert_eq!(fault(first(greeting)), PeerFault::NotBlindmatch, "{greeting:?}");
    }
}

/// Another version is named whatever follows: its start never changes.
#[test]
fn another_version_is_named_beside_ours() {
    let mut bytes = raw(1, b"blindmatch\x04\x01a hello as nobody knows it yet");
    let error = first(&bytes).unwrap_err();
    let Error::Incompatible { field: "wire version", ours, theirs } = &error else {
        panic!("{error:?}")
    };
    assert_eq!((ours.as_str(), theirs.as_str()), ("3", "260"));
    assert_eq!(VERSION, 3);
    assert_eq!(error.to_string(), "wire version differs: ours is 3, the peer's is 260");
    bytes.truncate(17 - 1); // the version itself cut: wait
    assert_eq!(first(&bytes).unwrap(), None);
}

/// A length is refused as soon as it is there: no byte of the frame is waited for or made room for.
#[test]
fn oversize_claims_are_refused_by_the_length_alone() {
    for claim in [MAX_FRAME as u32 + 1, 1 << 30, u32::MAX] {
        let length = claim as usize;
        let expected = PeerFault::BadLength { frame: "unknown", length };
        assert_eq!(fault(greeted(&claim.to_le_bytes())), expected);
        let expected = PeerFault::BadLength { frame: "tags", length };
        assert_eq!(fault(greeted(&[&claim.to_le_bytes()[..], &[0x12]].concat())), expected);
        assert_eq!(fault(first(&claim.to_le_bytes())), PeerFault::NotBlindmatch);
    }
    assert_eq!(fault(first(&8193u32.to_le_bytes())), PeerFault::NotBlindmatch);
    assert_eq!(first(&8192u32.to_le_bytes()).unwrap(), None);
    assert_eq!(greeted(&(MAX_FRAME as u32).to_le_bytes()).unwrap(), None);
}

#[test]
fn a_frame_without_a_type_is_refused() {
    let expected = PeerFault::BadLength { frame: "unknown", length: 0 };
    assert_eq!(fault(greeted(&[0, 0, 0, 0])), expected);
}

#[test]
fn unknown_types_are_named() {
    for type_byte in [0x00, 0x07, 0x0f, 0x16, 0x1f, 0x25, 0x36, 0x7f, 0xff] {
        let refused = greeted(&raw(type_byte, b"some payload"));
        assert_eq!(fault(refused), PeerFault::Unexpected(type_byte));
    }
}

#[test]
fn payloads_of_the_wrong_length_are_refused() {
    let cases: [(u8, &str, &[usize]); 18] = [
        (0x03, "keep-alive", &[1, 100]),
        (0x04, "finished", &[1]),
        (0x10, "commitment", &[0, 1, 32, 63, 65, 128]),
        (0x11, "points", &[0, 1, 31, 33, 63]),
        (0x12, "tags", &[0]),
        (0x13, "released", &[1]),
        (0x14, "withheld", &[1]),
        (0x15, "people", &[0, 1, 3, 5, 6]),
        (0x21, "evaluated", &[0, 1, 31, 33, 63]),
        (0x22, "proof", &[0, 1, 63, 65, 128]),
        (0x23, "set", &[0]),
        (0x24, "labels", &[0]),
        (0x30, "value key", &[0, 32, 64, 95, 97, 128]),
        (0x31, "ciphertexts", &[0, 32, 63, 65, 96]),
        (0x32, "count", &[0, 7, 9]),
        (0x33, "total", &[0, 32, 63, 65, 128]),
        (0x34, "query", &[0, 31, 33, 64]),
        (0x35, "share", &[0, 32, 64, 95, 97, 192]),
    ];
    for (type_byte, frame, lengths) in cases {
        for &length in lengths {
            let refused = greeted(&raw(type_byte, &vec![7; length]));
            assert_eq!(fault(refused), PeerFault::BadLength { frame, length });
        }
    }
}

#[test]
fn a_refusal_of_another_length_limit_or_date_is_malformed() {
    let bytes = frames().into_iter().find(|(frame, _)| matches!(frame, Frame::Refused(_)));
    let bytes = bytes.unwrap().0.encode();
    let refused = |payload: &[u8]| fault(greeted(&raw(5, payload)));
    for length in [0, 1, 32] {
        assert_eq!(refused(&bytes[5..5 + length]), PeerFault::Malformed("refused"));
    }
    assert_eq!(refused(&[&bytes[5..], &[0]].concat()), PeerFault::Malformed("refused"));
    for (at, value) in [(5, 0), (5, 5), (36, 1), (37, 0xff)] {
        let mut changed = bytes.clone();
        changed[at] = value;
        assert_eq!(refused(&changed[5..]), PeerFault::Malformed("refused"), "{at} {value}");
    }
}

#[test]
fn a_sketch_is_of_some_list() {
    let values = |values: &[u64]| values.iter().flat_map(|v| v.to_le_bytes()).collect::<Vec<_>>();
    let many: Vec<u64> = [5000].into_iter().chain(0..1024).collect();
    for good in [&[0][..], &[2, 3, 4], &many] {
        assert!(matches!(greeted(&raw(6, &values(good))), Ok(Some(Frame::Sketch(_)))));
    }
    let too_many: Vec<u64> = [5000].into_iter().chain(0..1025).collect();
    for bad in [&[1][..], &[0, 1], &[3, 1, 2], &[2, 4, 3], &[2, 3, 3], &many[..1024], &too_many] {
        let refused = greeted(&raw(6, &values(bad)));
        assert_eq!(fault(refused), PeerFault::Malformed("sketch"), "{:?}", bad.first());
    }
    for length in [0, 7, 9, 15] {
        assert_eq!(fault(greeted(&raw(6, &vec![1; length]))), PeerFault::Malformed("sketch"));
    }
}

#[test]
fn aborts_are_short_printable_text() {
    assert_eq!(fault(greeted(&raw(2, &[b'x'; 201]))), PeerFault::Malformed("abort"));
    assert_eq!(fault(greeted(&raw(2, b"\xff\xfe"))), PeerFault::Malformed("abort"));
    let text = Frame::Abort("??[2J, and good bye".into());
    assert_eq!(greeted(&raw(2, b"\0\x1b[2J, and good bye")).unwrap(), Some(text));
    assert_eq!(first(&raw(2, b"busy")).unwrap(), Some(Frame::Abort("busy".into())));
}

/// A hello that is cut anywhere, or followed by anything, is malformed.
#[test]
fn a_hello_of_another_length_is_malformed() {
    let whole = Frame::Hello(hello()).encode();
    let payload = &whole[5..];
    for length in 0..payload.len() {
        let expected =
            if length < 10 { PeerFault::NotBlindmatch } else { PeerFault::Malformed("hello") };
        assert_eq!(fault(first(&raw(1, &payload[..length]))), expected, "{length}");
    }
    let longer = [payload, &[0]].concat();
    assert_eq!(fault(first(&raw(1, &longer))), PeerFault::Malformed("hello"));
}

#[test]
fn text_in_a_hello_is_utf_8_within_its_limit() {
    let with = |purpose: String, attestation: String| {
        first(&Frame::Hello(Hello { purpose, attestation, ..hello() }).encode())
    };
    assert!(with("p".repeat(256), "n".repeat(4096)).is_ok());
    assert_eq!(fault(with("p".repeat(257), String::new())), PeerFault::Malformed("hello"));
    assert_eq!(fault(with(String::new(), "n".repeat(4097))), PeerFault::Malformed("hello"));
    let mut bytes = Frame::Hello(hello()).encode();
    bytes[19] = 0xff; // in the ciphersuite's name
    assert_eq!(fault(first(&bytes)), PeerFault::Malformed("hello"));
}

/// A text's length may claim more than there is.
#[test]
fn a_claim_in_a_hello_beyond_its_end_is_malformed() {
    let mut bytes = Frame::Hello(hello()).encode();
    bytes[17..19].copy_from_slice(&256u16.to_le_bytes());
    assert_eq!(fault(first(&bytes)), PeerFault::Malformed("hello"));
}

/// A frame that is cut anywhere is waited for.
#[test]
fn a_truncated_frame_is_waited_for() {
    for (frame, _) in frames() {
        let bytes = frame.encode();
        for length in 0..bytes.len() {
            assert_eq!(greeted(&bytes[..length]).unwrap(), None, "{} {length}", frame.name());
        }
    }
}

/// The decoder keeps nothing of frames that were taken.
#[test]
fn a_long_stream_is_not_kept() {
    let mut decoder = Decoder::default();
    decoder.push(&Frame::Hello(hello()).encode());
    decoder.next_frame().unwrap();
    let many = Frame::KeepAlive.encode().repeat(1000);
    for _ in 0..100 {
        decoder.push(&many);
        while decoder.next_frame().unwrap().is_some() {}
        assert_eq!(decoder.held(), 0);
    }
}

// --- Whole sessions -----------------------------------------------------------------------------

/// SHA-256 over all bytes of each side, advertiser first, for a session with fixed randomness.
fn transcript(frozen: &Frozen) -> [String; 2] {
    let rows = [common::addresses(0..6), common::addresses(3..13)];
    let pairs = rows.each_ref().map(|rows| common::people(rows.chunks(2)));
    let lists = match frozen.unit {
        Unit::Identifiers => rows.each_ref().map(|rows| common::list(rows)),
        Unit::People => pairs.each_ref().map(|(list, _)| Arc::clone(list)),
    };
    let sessions = [Party::Advertiser, Party::Platform].map(|party| {
        let mut settings = Settings::new(party); // any backend gives the same bytes
        (settings.protocol, settings.blinding) = (frozen.protocol, frozen.blinding);
        (settings.reveal, settings.min_audience) = (frozen.reveal, Some(frozen.least));
        settings.unit = frozen.unit;
        settings.channel_binding = b"channel".to_vec();
        settings.max_elements = 1 << 27; // whatever the default is
        let list = Arc::clone(&lists[usize::from(party == Party::Platform)]);
        let labels = || Labels::new((0..list.len()).map(|index| format!("label {index}"))).unwrap();
        settings.clip = (frozen.protocol == ProtocolName::Sum).then_some(103);
        let labels = match (party, frozen.protocol) {
            (Party::Platform, ProtocolName::Labelled) => Some(Arc::new(labels())),
            _ => None,
        };
        let counts_people =
            frozen.unit == Unit::People && frozen.protocol.counts_people_of(frozen.reveal, party);
        let people = || Arc::clone(&pairs[usize::from(party == Party::Platform)].1);
        let input = match labels {
            None if counts_people => common::with_people(list, people(), frozen.protocol),
            Some(labels) => Input::with_labels(list, labels),
            None if party == Party::Advertiser && settings.clip.is_some() => {
                let values = common::values(&list);
                Input::with_values(list, values)
            }
            None => list.into(),
        };
        Session::with_rng(settings, input, Seeded::new(party.name())).unwrap()
    });
    let (_, traffic) = common::pump(sessions, None).unwrap();
    traffic.map(|bytes| hex(&Sha256::digest(bytes)[..16]))
}

/// A session whose bytes are frozen.
struct Frozen {
    protocol: ProtocolName,
    blinding: Blinding,
    reveal: Reveal,
    least: u64,
    unit: Unit,
    sides: [&'static str; 2],
}

/// The same where people are counted who have two identifiers each.
const fn people(frozen: Frozen) -> Frozen {
    Frozen { unit: Unit::People, ..frozen }
}

const fn dh(reveal: Reveal, least: u64, sides: [&'static str; 2]) -> Frozen {
    let (protocol, blinding) = (ProtocolName::Dh, Blinding::Additive);
    Frozen { protocol, blinding, reveal, least, unit: Unit::Identifiers, sides }
}

const fn aggregate(
    protocol: ProtocolName,
    reveal: Reveal,
    least: u64,
    sides: [&'static str; 2],
) -> Frozen {
    let (blinding, unit) = (Blinding::Additive, Unit::Identifiers);
    Frozen { protocol, blinding, reveal, least, unit, sides }
}

const fn oprf(
    protocol: ProtocolName,
    blinding: Blinding,
    reveal: Reveal,
    sides: [&'static str; 2],
) -> Frozen {
    Frozen { protocol, blinding, reveal, least: 0, unit: Unit::Identifiers, sides }
}

/// Every byte of a session is frozen: terms, hash to group, keys, order, people, tags, proofs,
/// sets, labels, values.
///
/// The generator of blinds in the protocols after `dh` is the crate `rand`'s: if only their bytes
/// change with a new version of it, freeze them anew.
#[test]
fn sessions_are_frozen() {
    let frozen = [
        dh(
            Reveal::Advertiser,
            0,
            ["f56056d7ae1f349da235b1a9c8eeb52a", "b493d8b65a29b5b66328ccd540043841"],
        ),
        dh(
            Reveal::Advertiser,
            3,
            ["6b1affe6a68abed07f121a8cad66e785", "0377f9b040d7bd05cd4e8c9f904eebd7"],
        ),
        dh(
            Reveal::Platform,
            4,
            ["5e1e47688a451afb7f5db5ba4206ae09", "217d899ad11c0e8c0a9932f2ec7bb3d0"],
        ),
        dh(
            Reveal::Both,
            0,
            ["b7dfcf502220aa7f9c89a0ffe6d92015", "6514fe29f5fc14b6f1c744b905b0031d"],
        ),
        dh(
            Reveal::Both,
            2,
            ["87b87adb0926257ed22576774b048241", "28ba651460153e5198511c78ec5ef477"],
        ),
        dh(
            Reveal::Count,
            0,
            ["0ad92b867ad50a82760f71fe5aa819e9", "c3de24273329f3180f811e075c656ab3"],
        ),
        oprf(
            ProtocolName::Oprf,
            Blinding::Additive,
            Reveal::Advertiser,
            ["1ec0a1662f70f5fd8c9f03b98f625160", "d3e523d5a9bb159d9d9bbfa7b982b780"],
        ),
        oprf(
            ProtocolName::Oprf,
            Blinding::Multiplicative,
            Reveal::Advertiser,
            ["bb40745d13f7eb7217203abd45789022", "733a35dcd3563763a083a8c0ddd7d931"],
        ),
        oprf(
            ProtocolName::Voprf,
            Blinding::Additive,
            Reveal::Advertiser,
            ["1e7e2d0ff560cdd01386a497f2264ede", "2797e3226faae3f7c08dffbc8586a935"],
        ),
        oprf(
            ProtocolName::TwoHash,
            Blinding::Additive,
            Reveal::Both,
            ["47f08f80fee260dcfe9b87b38ed39cb3", "02c4f98f08dac2208a0b03225d5fa834"],
        ),
        oprf(
            ProtocolName::Labelled,
            Blinding::Additive,
            Reveal::Advertiser,
            ["09ea2843c1b3c0d64c72843ba597ae90", "53c8e70ef770d5d1ef0df6881dfe915e"],
        ),
        aggregate(
            ProtocolName::Count,
            Reveal::Advertiser,
            0,
            ["7f09a65e3aca1677178993069ba63043", "34110a27e2cff5d36e2ee40a6e6c10a9"],
        ),
        aggregate(
            ProtocolName::Count,
            Reveal::Both,
            2,
            ["0e7f93fa0cbf0d647f912f8188148f6b", "49a1f5b22606ae5b2a518c6fda97d6a3"],
        ),
        aggregate(
            ProtocolName::Count,
            Reveal::Platform,
            4,
            ["a4f69b88a559bbd4ef1727d0dd36647f", "fa8ad88ac2ff16275e4341decc0894fa"],
        ),
        aggregate(
            ProtocolName::Sum,
            Reveal::Advertiser,
            3,
            ["555ce25cea6ade7e9d0716e146f73bb4", "b95054e02adfbc818beb8fdc8e9bca07"],
        ),
        aggregate(
            ProtocolName::Sum,
            Reveal::Platform,
            0,
            ["54fea1a6c42c89a4e109cc9b03f3c4ec", "cfc57eb505d60800cd2d8745bac20c0f"],
        ),
        people(dh(
            Reveal::Advertiser,
            2,
            ["8dd59fc081e674b075d2a4435b9b1581", "8c866f5a385582cad9d4a8a85d2266af"],
        )),
        people(dh(
            Reveal::Both,
            0,
            ["801aea6a2c285e454e8dc58e4d00b0fa", "f7e334d3c013f9c1e8b355619fa6ebeb"],
        )),
        people(oprf(
            ProtocolName::Voprf,
            Blinding::Additive,
            Reveal::Advertiser,
            ["5ddb3b5634e3b63dbf93f374fa6ba431", "08b5e55cf1de9bafdb75bf8d2aee14ac"],
        )),
        people(aggregate(
            ProtocolName::Count,
            Reveal::Both,
            1,
            ["9dde85e87594930aadb0857ec79bc14a", "2022f55855de559547f9414ecc710a7e"],
        )),
        people(aggregate(
            ProtocolName::Sum,
            Reveal::Advertiser,
            2,
            ["005663e40aa063f3606bc9fd87ed2208", "3c73ec9ce029241d23dabbecf849c4f5"],
        )),
    ];
    let seen: Vec<_> = frozen.iter().map(transcript).collect();
    let expected: Vec<_> = frozen.iter().map(|f| f.sides.map(String::from)).collect();
    assert_eq!(seen, expected);
}
