//! The published mode by other means: curve25519-dalek, one element at a time, and its known answers.
#![allow(dead_code)] // each test binary uses its part

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use curve25519_dalek::{RistrettoPoint, Scalar};
use sha2::{Digest, Sha256, Sha512};

/// A known answer.
pub struct Answer {
    /// Ks, in hexadecimal.
    pub salt: &'static str,
    pub ka: &'static str,
    pub kp: &'static str,
    /// What is hashed, as it stands.
    pub id: &'static str,
    pub ka_id: &'static str,
    pub ka_kp_id: &'static str,
    pub publisher_id: &'static str,
}

/// Known answers of mode `0x01` (SHA256Ristretto255) of the package `pair` in Optable's `match`, computed
/// from its published definition and typed in here.
pub const ANSWERS: [Answer; 3] = [
    Answer {
        salt: "3973b720f5cdaa2b848cc26f3afd57cb192f9e5f05d8ae680d998e8beeec014b",
        ka: "2dGMyVGwNw5aB7rKBfmhdxIG4URG+Kv6P/pzFP23uQg=",
        kp: "XN7b6woelHjbFys5B7BKMCMI1RACvAKUKi9TkK3ZIgk=",
        id: "alice@hello.com",
        ka_id: "+o58iJ5tp61ygzo3i2O7S4DSt7lvf2XxUaHpS8SjaR8=",
        ka_kp_id: "fjIq4OZFdLUmYJ8jqqZIugep+BuWgw5tBbbE1ENZFFw=",
        publisher_id: "UtaiShlF/TZO32BLDfO8nm6Lnt+caKvO0C86sFmMGHU=",
    },
    Answer {
        salt: "3261b4a8fbe54b47c0109b1cc71a9cb5baa4c7bc53e6f8436a7bd757a73a8d59",
        ka: "yqwk+xw2mnCzuoQ/ppI6lc40mtfjYeQyDXPGl8ukPgE=",
        kp: "kOGffMyzZosLX7hPLGGSbylmXD0ToKtCgMF3cDnVsgY=",
        id: "user@example.com",
        ka_id: "incds0DcxFzprQjW1td87U7+z96Wnuk1R76VABs2l20=",
        ka_kp_id: "xsuPV82V07ssDh0wQIa6gs3LkLR0JK/QE9rke68Dll4=",
        publisher_id: "GCTR6cec9yNy9/NItpE2rYNIMCqRXnu6QftMzJ/x1TE=",
    },
    Answer {
        salt: "c3a6a8530dbb478fb70a6ca8c7263a94ba0b08ca8d6ae9679c9cacd03663ec74",
        ka: "kmgJDHDzV15HnFiPcAUTxW2cQcl1wquEx7ANJHS/MgE=",
        kp: "9uGMweIey+S72wkYQRhF/7XFDU7l/9JKWdAYOEVCVwA=",
        id: "+1111111111",
        ka_id: "Llj9Rwtg4TeXgSbW3eyNhZa5vCX0wfAXmwDI3OalcgA=",
        ka_kp_id: "gnzMhTf3RWjjhL/ta/VzdtERKEKu0eMfloj6dy1k40s=",
        publisher_id: "MrEPm0ILV2V4XYpR6HRyiIdtU7YZFmJnWb34XV5JJnI=",
    },
];

impl Answer {
    pub fn salt(&self) -> [u8; 32] {
        let byte = |i: usize| u8::from_str_radix(&self.salt[2 * i..2 * i + 2], 16).unwrap();
        std::array::from_fn(byte)
    }
}

/// 32 bytes from Base64.
pub fn bytes(text: &str) -> [u8; 32] {
    STANDARD.decode(text).unwrap().try_into().unwrap()
}

pub fn base64(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

/// All three keys, which no side ever has.
pub struct Oracle {
    pub ks: [u8; 32],
    pub ka: Scalar,
    pub kp: Scalar,
}

impl Oracle {
    pub fn of(answer: &Answer) -> Oracle {
        Oracle::new(answer.salt(), bytes(answer.ka), bytes(answer.kp))
    }

    pub fn new(ks: [u8; 32], ka: [u8; 32], kp: [u8; 32]) -> Oracle {
        let scalar = |bytes| Scalar::from_canonical_bytes(bytes).unwrap();
        Oracle { ks, ka: scalar(ka), kp: scalar(kp) }
    }

    pub fn point(&self, id: &str) -> RistrettoPoint {
        let salted = Sha256::digest([&self.ks, id.as_bytes()].concat());
        RistrettoPoint::from_uniform_bytes(&Sha512::digest(salted).into())
    }

    /// KsKp.
    pub fn publisher_id(&self, id: &str) -> [u8; 32] {
        (self.point(id) * self.kp).compress().0
    }

    /// KsKaKp.
    pub fn pair_id(&self, id: &str) -> [u8; 32] {
        (self.point(id) * self.ka * self.kp).compress().0
    }

    /// KsKp of a normalised value: its match key is its SHA-256 in hexadecimal.
    pub fn of_value(&self, value: &str) -> [u8; 32] {
        self.publisher_id(&match_key(value))
    }
}

/// As the standard writes it.
pub fn match_key(value: &str) -> String {
    Sha256::digest(value).iter().map(|byte| format!("{byte:02x}")).collect()
}
