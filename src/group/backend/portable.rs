//! The reference backend: curve25519-dalek, one element at a time.
//!
//! Each function handles one chunk and allocates its scratch space once.

use curve25519_dalek::ristretto::{CompressedRistretto, RistrettoPoint};
use curve25519_dalek::scalar::Scalar;

use crate::group::{DomainTag, Encoding};

/// `out[i] = 2 half H(messages[i])`, encoded.
pub(in crate::group) fn hash_blind<M: AsRef<[u8]>>(
    tag: &DomainTag,
    messages: &[M],
    half: &Scalar,
    out: &mut [Encoding],
) {
    let blinded: Vec<RistrettoPoint> = messages
        .iter()
        .map(|message| RistrettoPoint::from_uniform_bytes(&tag.expand(message.as_ref())) * half)
        .collect();
    encode_doubles(&blinded, out);
}

/// `out[i] = 2 half P_i`, encoded, where `P_i` is what `points[i]` encodes.
///
/// `Err` holds the index of the first one that is not a canonical encoding of a point other than
/// the identity; `out` is then unspecified. Variable time in the validity of `points`, which are
/// public.
pub(in crate::group) fn blind(
    points: &[Encoding],
    half: &Scalar,
    out: &mut [Encoding],
) -> Result<(), usize> {
    let mut blinded = Vec::with_capacity(points.len());
    for (index, encoding) in points.iter().enumerate() {
        let point = vartime_decode(encoding).ok_or(index)?;
        blinded.push(point * half);
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
