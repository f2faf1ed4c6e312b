//! The reference backend: curve25519-dalek, one element at a time.

use curve25519_dalek::ristretto::{CompressedRistretto, RistrettoBasepointTable, RistrettoPoint};
use curve25519_dalek::scalar::Scalar;
use curve25519_dalek::traits::{Identity, MultiscalarMul, VartimeMultiscalarMul};

use super::operations::Operations;
use crate::group::scalar::Keys;
use crate::group::{DomainTag, Encoding, SecretScalar};

/// curve25519-dalek, which every machine has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::group) struct Portable;

impl Operations for Portable {
    type Vector = RistrettoPoint;
    type Table = RistrettoBasepointTable;
    type Scratch = ();

    const LANES: usize = 1;

    fn identity(self) -> RistrettoPoint {
        RistrettoPoint::identity()
    }

    fn scratch(self, _: usize) {}

    fn map(self, uniform: &[[u8; 64]], out: &mut [RistrettoPoint]) {
        for (out, uniform) in out.iter_mut().zip(uniform) {
            *out = RistrettoPoint::from_uniform_bytes(uniform);
        }
    }

    fn hash<M: AsRef<[u8]>>(self, tag: &DomainTag, messages: &[M], out: &mut [RistrettoPoint]) {
        for (out, message) in out.iter_mut().zip(messages) {
            *out = RistrettoPoint::from_uniform_bytes(&tag.expand(message.as_ref()));
        }
    }

    fn decode(self, encodings: &[Encoding], out: &mut [RistrettoPoint]) -> Result<(), usize> {
        for (index, (out, encoding)) in out.iter_mut().zip(encodings).enumerate() {
            *out = vartime_decode(encoding).ok_or(index)?;
        }
        Ok(())
    }

    fn encode(self, points: &[RistrettoPoint], out: &mut [Encoding]) {
        for (out, point) in out.iter_mut().zip(points) {
            *out = Encoding(point.compress().to_bytes());
        }
    }

    fn encode_doubles(self, points: &[RistrettoPoint], out: &mut [Encoding], (): &mut ()) {
        let doubles = RistrettoPoint::double_and_compress_batch(points);
        for (out, double) in out.iter_mut().zip(doubles) {
            *out = Encoding(double.to_bytes());
        }
    }

    fn double(self, points: &mut [RistrettoPoint]) {
        for point in points {
            *point = *point + *point;
        }
    }

    fn add(self, sums: &mut [RistrettoPoint], others: &[RistrettoPoint]) {
        for (sum, other) in sums.iter_mut().zip(others) {
            *sum += other;
        }
    }

    fn sub(self, differences: &mut [RistrettoPoint], others: &[RistrettoPoint]) {
        for (difference, other) in differences.iter_mut().zip(others) {
            *difference -= other;
        }
    }

    fn sum(self, points: &[RistrettoPoint], _: usize) -> RistrettoPoint {
        points.iter().sum()
    }

    fn sum_lanes(self, point: RistrettoPoint) -> RistrettoPoint {
        point
    }

    fn multiply(self, points: &mut [RistrettoPoint], keys: Keys<'_>) {
        for (index, point) in points.iter_mut().enumerate() {
            *point *= keys.at(index).half();
        }
    }

    fn multiscalar(self, points: &[RistrettoPoint], keys: &[SecretScalar]) -> RistrettoPoint {
        RistrettoPoint::multiscalar_mul(keys.iter().map(SecretScalar::half), points)
    }

    fn vartime_multiscalar(self, points: &[RistrettoPoint], weights: &[u128]) -> RistrettoPoint {
        let weights = weights.iter().map(|weight| Scalar::from(*weight));
        RistrettoPoint::vartime_multiscalar_mul(weights, points)
    }

    fn table(self, point: &Encoding) -> Option<RistrettoBasepointTable> {
        vartime_decode(point).map(|point| RistrettoBasepointTable::create(&point))
    }

    fn multiply_table(
        self,
        table: &RistrettoBasepointTable,
        keys: Keys<'_>,
        out: &mut [RistrettoPoint],
    ) {
        for (index, out) in out.iter_mut().enumerate() {
            *out = table * keys.at(index).half();
        }
    }
}

/// The point that an encoding stands for; `None` for an invalid one and for the identity.
fn vartime_decode(encoding: &Encoding) -> Option<RistrettoPoint> {
    if *encoding == Encoding::IDENTITY {
        return None;
    }
    CompressedRistretto(encoding.0).decompress()
}
