//! Known answers: RFC 9496 and RFC 9497 through every backend.

mod group_common;

use blindmatch::group::{DomainTag, Encoding, SecretScalar};
use group_common::engines;

/// RFC 9496 appendix A.1: the generator times 1 to 15.
const MULTIPLES: [&str; 15] = [
    "e2f2ae0a6abc4e71a884a961c500515f58e30b6aa582dd8db6a65945e08d2d76",
    "6a493210f7499cd17fecb510ae0cea23a110e8d5b901f8acadd3095c73a3b919",
    "94741f5d5d52755ece4f23f044ee27d5d1ea1e2bd196b462166b16152a9d0259",
    "da80862773358b466ffadfe0b3293ab3d9fd53c5ea6c955358f568322daf6a57",
    "e882b131016b52c1d3337080187cf768423efccbb517bb495ab812c4160ff44e",
    "f64746d3c92b13050ed8d80236a7f0007c3b3f962f5ba793d19a601ebb1df403",
    "44f53520926ec81fbd5a387845beb7df85a96a24ece18738bdcfa6a7822a176d",
    "903293d8f2287ebe10e2374dc1a53e0bc887e592699f02d077d5263cdd55601c",
    "02622ace8f7303a31cafc63f8fc48fdc16e1c8c8d234b2f0d6685282a9076031",
    "20706fd788b2720a1ed2a5dad4952b01f413bcf0e7564de8cdc816689e2db95f",
    "bce83f8ba5dd2fa572864c24ba1810f9522bc6004afe95877ac73241cafdab42",
    "e4549ee16b9aa03099ca208c67adafcafa4c3f3e4e5303de6026e3ca8ff84460",
    "aa52e000df2e16f55fb1032fc33bc42742dad6bd5a8fc0be0167436c5948501f",
    "46376b80f409b29dc2b5f6f0c52591990896e5716f41477cd30085ab7f10301e",
    "e0c418f7c8d9c4cdd7395b93ea124f3ad99021bb681dfc3302a9d99a2e53e64e",
];

/// RFC 9496 appendix A.2: not encodings of anything.
const INVALID: [&str; 29] = [
    "00ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
    "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "f3ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "0100000000000000000000000000000000000000000000000000000000000000",
    "01ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "ed57ffd8c914fb201471d1c3d245ce3c746fcbe63a3679d51b6a516ebebe0e20",
    "c34c4e1826e5d403b78e246e88aa051c36ccf0aafebffe137d148a2bf9104562",
    "c940e5a4404157cfb1628b108db051a8d439e1a421394ec4ebccb9ec92a8ac78",
    "47cfc5497c53dc8e61c91d17fd626ffb1c49e2bca94eed052281b510b1117a24",
    "f1c6165d33367351b0da8f6e4511010c68174a03b6581212c71c0e1d026c3c72",
    "87260f7a2f12495118360f02c26a470f450dadf34a413d21042b43b9d93e1309",
    "26948d35ca62e643e26a83177332e6b6afeb9d08e4268b650f1f5bbd8d81d371",
    "4eac077a713c57b4f4397629a4145982c661f48044dd3f96427d40b147d9742f",
    "de6a7b00deadc788eb6b6c8d20c0ae96c2f2019078fa604fee5b87d6e989ad7b",
    "bcab477be20861e01e4a0e295284146a510150d9817763caf1a6f4b422d67042",
    "2a292df7e32cababbd9de088d1d1abec9fc0440f637ed2fba145094dc14bea08",
    "f4a9e534fc0d216c44b218fa0c42d99635a0127ee2e53c712f70609649fdff22",
    "8268436f8c4126196cf64b3c7ddbda90746a378625f9813dd9b8457077256731",
    "2810e5cbc2cc4d4eece54f61c6f69758e289aa7ab440b3cbeaa21995c2f4232b",
    "3eb858e78f5a7254d8c9731174a94f76755fd3941c0ac93735c07ba14579630e",
    "a45fdc55c76448c049a1ab33f17023edfb2be3581e9c7aade8a6125215e04220",
    "d483fe813c6ba647ebbfd3ec41adca1c6130c2beeee9d9bf065c8d151c5f396e",
    "8a2e1d30050198c65a54483123960ccc38aef6848e1ec8f5f780e8523769ba32",
    "32888462f8b486c68ad7dd9610be5192bbeaf3b443951ac1a8118419d9fa097b",
    "227142501b9d4355ccba290404bde41575b037693cef1f438c47f8fbf35d1165",
    "5c37cc491da847cfeb9281d407efc41e15144c876e0170b499a96a22ed31e01e",
    "445425117cb8c90edcbc7c1cc0e74f747f2c1efa5630a967c64f287792a48a4b",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
];

/// RFC 9497 appendices A.1.1 to A.1.3: mode, input, blind, blinded element, and then key and
/// evaluated element.
struct Oprf {
    mode: u8,
    input: &'static [u8],
    blind: &'static str,
    blinded: &'static str,
    key: &'static str,
    evaluated: &'static str,
}

const OPRF: &[Oprf] = &[
    Oprf {
        mode: 0,
        input: b"\0",
        blind: "64d37aed22a27f5191de1c1d69fadb899d8862b58eb4220029e036ec4c1f6706",
        blinded: "609a0ae68c15a3cf6903766461307e5c8bb2f95e7e6550e1ffa2dc99e412803c",
        key: "5ebcea5ee37023ccb9fc2d2019f9d7737be85591ae8652ffa9ef0f4d37063b0e",
        evaluated: "7ec6578ae5120958eb2db1745758ff379e77cb64fe77b0b2d8cc917ea0869c7e",
    },
    Oprf {
        mode: 0,
        input: &[0x5a; 17],
        blind: "64d37aed22a27f5191de1c1d69fadb899d8862b58eb4220029e036ec4c1f6706",
        blinded: "da27ef466870f5f15296299850aa088629945a17d1f5b7f5ff043f76b3c06418",
        key: "5ebcea5ee37023ccb9fc2d2019f9d7737be85591ae8652ffa9ef0f4d37063b0e",
        evaluated: "b4cbf5a4f1eeda5a63ce7b77c7d23f461db3fcab0dd28e4e17cecb5c90d02c25",
    },
    Oprf {
        mode: 1,
        input: b"\0",
        blind: "64d37aed22a27f5191de1c1d69fadb899d8862b58eb4220029e036ec4c1f6706",
        blinded: "863f330cc1a1259ed5a5998a23acfd37fb4351a793a5b3c090b642ddc439b945",
        key: "e6f73f344b79b379f1a0dd37e07ff62e38d9f71345ce62ae3a9bc60b04ccd909",
        evaluated: "aa8fa048764d5623868679402ff6108d2521884fa138cd7f9c7669a9a014267e",
    },
    Oprf {
        mode: 1,
        input: &[0x5a; 17],
        blind: "64d37aed22a27f5191de1c1d69fadb899d8862b58eb4220029e036ec4c1f6706",
        blinded: "cc0b2a350101881d8a4cba4c80241d74fb7dcbfde4a61fde2f91443c2bf9ef0c",
        key: "e6f73f344b79b379f1a0dd37e07ff62e38d9f71345ce62ae3a9bc60b04ccd909",
        evaluated: "60a59a57208d48aca71e9e850d22674b611f752bed48b36f7a91b372bd7ad468",
    },
    Oprf {
        mode: 1,
        input: b"\0",
        blind: "64d37aed22a27f5191de1c1d69fadb899d8862b58eb4220029e036ec4c1f6706",
        blinded: "863f330cc1a1259ed5a5998a23acfd37fb4351a793a5b3c090b642ddc439b945",
        key: "e6f73f344b79b379f1a0dd37e07ff62e38d9f71345ce62ae3a9bc60b04ccd909",
        evaluated: "aa8fa048764d5623868679402ff6108d2521884fa138cd7f9c7669a9a014267e",
    },
    Oprf {
        mode: 1,
        input: &[0x5a; 17],
        blind: "222a5e897cf59db8145db8d16e597e8facb80ae7d4e26d9881aa6f61d645fc0e",
        blinded: "90a0145ea9da29254c3a56be4fe185465ebb3bf2a1801f7124bbbadac751e654",
        key: "e6f73f344b79b379f1a0dd37e07ff62e38d9f71345ce62ae3a9bc60b04ccd909",
        evaluated: "cc5ac221950a49ceaa73c8db41b82c20372a4c8d63e5dded2db920b7eee36a2a",
    },
];

/// Of each input: a batch of one would not go through the vector backends.
const COPIES: usize = 3;

#[test]
fn multiples_of_the_generator_rfc_9496_a_1() {
    let generator = encoding(MULTIPLES[0]);
    for engine in engines() {
        for (k, multiple) in (1u8..).zip(MULTIPLES) {
            let mut k_bytes = [0; 32];
            k_bytes[0] = k;
            let key = SecretScalar::from_canonical_bytes(k_bytes).unwrap();
            let mut out = [Encoding::IDENTITY; COPIES];
            engine.blind(&[generator; COPIES], &key, &mut out).unwrap();
            assert_eq!(out, [encoding(multiple); COPIES], "{k} on {}", engine.backend().name());
        }
    }
}

/// Every bad encoding at every place of a batch that fills some vectors and part of another.
#[test]
fn invalid_encodings_are_refused_where_they_stand_rfc_9496_a_2() {
    let key = SecretScalar::from_canonical_bytes(hex(OPRF[0].key)).unwrap();
    let identity = Encoding::IDENTITY;
    for engine in engines() {
        for bad in INVALID.map(encoding).into_iter().chain([identity]) {
            for position in 0..19 {
                let mut points = [encoding(MULTIPLES[4]); 19];
                points[position] = bad;
                let refused = engine.blind(&points, &key, &mut [identity; 19]).unwrap_err();
                assert_eq!(refused.position, position, "on {}", engine.backend().name());
            }
        }
    }
}

/// All numbers from `p` up to `2^255 - 1`, and good encodings with the highest bit set.
#[test]
fn numbers_that_are_not_canonical_are_refused() {
    let key = SecretScalar::from_canonical_bytes(hex(OPRF[0].key)).unwrap();
    let from_p = (0xed..=0xff).map(|low| {
        let mut bytes = [0xff; 32];
        (bytes[0], bytes[31]) = (low, 0x7f);
        bytes
    });
    let with_bit_255 = MULTIPLES.map(|digits| {
        let mut bytes: [u8; 32] = hex(digits);
        bytes[31] |= 0x80;
        bytes
    });
    for engine in engines() {
        for bad in from_p.clone().chain(with_bit_255) {
            let points = [encoding(MULTIPLES[2]), Encoding(bad), encoding(MULTIPLES[3])];
            let refused = engine.blind(&points, &key, &mut [Encoding::IDENTITY; 3]).unwrap_err();
            assert_eq!(refused.position, 1, "{bad:x?} on {}", engine.backend().name());
        }
    }
}

#[test]
fn the_lowest_of_several_invalid_encodings_is_reported() {
    let key = SecretScalar::from_canonical_bytes(hex(OPRF[0].key)).unwrap();
    for engine in engines() {
        for lowest in 0..40 {
            let mut points = [encoding(MULTIPLES[7]); 41];
            for later in (lowest..41).step_by(3) {
                points[later] = encoding(INVALID[later % INVALID.len()]);
            }
            points[40] = Encoding::IDENTITY;
            let refused = engine.blind(&points, &key, &mut [Encoding::IDENTITY; 41]).unwrap_err();
            assert_eq!(refused.position, lowest, "on {}", engine.backend().name());
        }
    }
}

#[test]
fn blinding_and_evaluation_rfc_9497_a_1() {
    for engine in engines() {
        for Oprf { mode, input, blind, blinded, key, evaluated } in OPRF {
            let tag = [b"HashToGroup-OPRFV1-", &[*mode][..], b"-ristretto255-SHA512"].concat();
            let [blind, key] =
                [blind, key].map(|k| SecretScalar::from_canonical_bytes(hex(k)).unwrap());
            let mut out = [Encoding::IDENTITY; COPIES];
            engine.hash_blind(&DomainTag::new(&tag), &[input; COPIES], &blind, &mut out);
            assert_eq!(out, [encoding(blinded); COPIES], "on {}", engine.backend().name());
            engine.blind(&[encoding(blinded); COPIES], &key, &mut out).unwrap();
            assert_eq!(out, [encoding(evaluated); COPIES], "on {}", engine.backend().name());
        }
    }
}

/// Bytes from hexadecimal digits.
fn hex<const N: usize>(digits: &str) -> [u8; N] {
    assert_eq!(digits.len(), 2 * N, "{N} bytes");
    std::array::from_fn(|i| u8::from_str_radix(&digits[2 * i..2 * i + 2], 16).expect("hex"))
}

/// An encoding from hexadecimal digits.
fn encoding(digits: &str) -> Encoding {
    Encoding(hex(digits))
}
