//! Encrypted values by hand, as the documentation of `protocol::sum` and `proof` tells it, one after
//! another: what a hand-played side of a sum needs besides its [`Puppet`].

use blindmatch::group::Encoding;
use blindmatch::wire::Proven;
use curve25519_dalek::ristretto::RistrettoPoint;
use curve25519_dalek::scalar::Scalar;
use sha2::{Digest, Sha256, Sha512};

use super::puppet::{Puppet, decode};

/// The advertiser's key for values.
pub struct Purse {
    key: Scalar,
    nonces: u64,
}

impl Purse {
    /// With a key that is the same in each test.
    pub fn new() -> Purse {
        Purse { key: Scalar::from(0x6269_6d62_6f00_0000_0000_0000_0000_0007_u128), nonces: 0 }
    }

    /// A scalar that nobody guesses, were it not for the source of this test.
    fn nonce(&mut self) -> Scalar {
        self.nonces += 1;
        Scalar::from_bytes_mod_order_wide(&Sha512::digest(self.nonces.to_le_bytes()).into())
    }

    fn public(&self) -> Encoding {
        encode(&RistrettoPoint::mul_base(&self.key))
    }

    /// The public key, and the proof of its private half.
    pub fn introduction(&mut self, puppet: &Puppet) -> Proven {
        let (point, r) = (self.public(), self.nonce());
        let challenge = tagged("key challenge")
            .chain_update(context(puppet))
            .chain_update(point.0)
            .chain_update(encode(&RistrettoPoint::mul_base(&r)).0);
        Proven { point, proof: self.proof(challenge, r) }
    }

    /// `c || r - c k`.
    fn proof(&self, challenge: Sha512, r: Scalar) -> [u8; 64] {
        let c = Scalar::from_bytes_mod_order_wide(&challenge.finalize().into());
        let both = [c.to_bytes(), (r - c * self.key).to_bytes()].concat();
        both.try_into().expect("two scalars")
    }

    /// `(r G, r K + v G)`.
    pub fn encrypt(&mut self, value: i64) -> [Encoding; 2] {
        let r = self.nonce();
        let second = RistrettoPoint::mul_base(&(r * self.key)) + times(value);
        [encode(&RistrettoPoint::mul_base(&r)), encode(&second)]
    }

    /// `v G`.
    pub fn decrypt(&self, value: &[Encoding; 2]) -> RistrettoPoint {
        decode(&value[1]) - decode(&value[0]) * self.key
    }

    /// `k C`, and the proof that it is: a batch of one.
    pub fn share(&mut self, puppet: &Puppet, query: &Encoding) -> Proven {
        let (public, r) = (self.public(), self.nonce());
        let point = encode(&(decode(query) * self.key));
        let run = |name, one: &Encoding| {
            tagged(name).chain_update(1u64.to_le_bytes()).chain_update(one.0).finalize()
        };
        let state =
            tagged("session").chain_update(context(puppet)).chain_update(public.0).finalize();
        let batch = [0u64, 0, 1]
            .iter()
            .fold(tagged("batch").chain_update(state).chain_update(public.0), |hash, number| {
                hash.chain_update(number.to_le_bytes())
            })
            .chain_update(run("inputs", query))
            .chain_update(run("outputs", &point))
            .finalize();
        let weights = tagged("weights").chain_update(batch).chain_update(0u64.to_le_bytes());
        let weight = weights.finalize()[..16].try_into().expect("128 bits");
        let m = decode(query) * Scalar::from(u128::from_le_bytes(weight));
        let others = [m, m * self.key, RistrettoPoint::mul_base(&r), m * r];
        let challenge = tagged("challenge").chain_update(batch).chain_update(public.0);
        let challenge =
            others.iter().fold(challenge, |hash, point| hash.chain_update(encode(point).0));
        Proven { point, proof: self.proof(challenge, r) }
    }
}

/// The sum of encrypted values.
pub fn sum(values: impl IntoIterator<Item = [Encoding; 2]>) -> [Encoding; 2] {
    let zero = [RistrettoPoint::default(); 2];
    let add = |[a, b]: [RistrettoPoint; 2], [c, d]: [Encoding; 2]| [a + decode(&c), b + decode(&d)];
    values.into_iter().fold(zero, add).each_ref().map(encode)
}

/// What whoever has the public key can encrypt.
pub fn encrypt_to(key: &Encoding, value: i64) -> [Encoding; 2] {
    let s = Scalar::from(0x6d61_6465_2075_7000_u64);
    [encode(&RistrettoPoint::mul_base(&s)), encode(&(decode(key) * s + times(value)))]
}

/// A number of times the generator.
pub fn times(number: i64) -> RistrettoPoint {
    let point = RistrettoPoint::mul_base(&Scalar::from(number.unsigned_abs()));
    if number < 0 { -point } else { point }
}

/// An encoding.
pub fn encode(point: &RistrettoPoint) -> Encoding {
    Encoding(point.compress().0)
}

/// What binds values to the session and to the advertiser, who brings them.
fn context(puppet: &Puppet) -> [u8; 32] {
    Sha256::new()
        .chain_update(b"blindmatch-v2 values")
        .chain_update(puppet.session_id())
        .chain_update([1])
        .finalize()
        .into()
}

/// SHA-512 after a tag of 64 bytes.
fn tagged(name: &str) -> Sha512 {
    let mut tag = [b"blindmatch-v1 proof ", name.as_bytes()].concat();
    tag.resize(64, 0);
    Sha512::new().chain_update(tag)
}
