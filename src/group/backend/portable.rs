//! The reference backend: curve25519-dalek, one element at a time.
//!
//! Each function handles one chunk and allocates its scratch space once.

use curve25519_dalek::ristretto::{CompressedRistretto, RistrettoPoint};

use crate::group::scalar::Keys;
use crate::group::{DomainTag, Encoding};

/// `out[i] = k H(messages[i])`, encoded.
pub(in crate::group) fn hash_blind<M: AsRef<[u8]>>(
    tag: &DomainTag,
    messages: &[M],
    keys: Keys<'_>,
    out: &mut [Encoding],
) {
    let hash = |message: &M| RistrettoPoint::from_uniform_bytes(&tag.expand(message.as_ref()));
    let blinded: Vec<RistrettoPoint> = messages
        .iter()
        .enumerate()
        .map(|(index, message)| hash(message) * keys.at(index).half())
        .collect();
    encode_doubles(&blinded, out);
}

/// `out[i] = k P_i`, encoded, where `P_i` is what `points[i]` encodes.
///
/// `Err` holds the index of the first one that is not a canonical encoding of a point other than
/// the identity; `out` is then unspecified. Variable time in the validity of `points`, which are
/// public.
pub(in crate::group) fn blind(
    points: &[Encoding],
    keys: Keys<'_>,
    out: &mut [Encoding],
) -> Result<(), usize> {
    let mut blinded = Vec::with_capacity(points.len());
    for (index, encoding) in points.iter().enumerate() {
        let point = vartime_decode(encoding).ok_or(index)?;
        blinded.push(point * keys.at(index).half());
    }
    encode_doubles(&blinded, out);
    Ok(())
}

/// The point that an encoding stands for; `None` for an invalid one and for the identity.
fn vartime_decode(encoding: &Encoding) -> Option<RistrettoPoint> {
    if *encoding == Encoding::IDENTITY {
        return None;
    }
    CompressedRistretto(encoding.0).decompress()
}

fn encode_doubles(points: &[RistrettoPoint], out: &mut [Encoding]) {
    let doubles = RistrettoPoint::double_and_compress_batch(points);
    for (slot, double) in out.iter_mut().zip(doubles) {
        *slot = Encoding(double.to_bytes());
    }
}
