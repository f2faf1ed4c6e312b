//! What every backend does, on one chunk of a batch and one core.

use crate::group::scalar::Keys;
use crate::group::{DomainTag, Encoding, SecretScalar};

/// The operations of a backend. The value is proof that the CPU can do them.
///
/// Points between operations are *vectors* of [`LANES`](Operations::LANES) points each; the last of a
/// batch need not be full. Slices that go together are of lengths that go together: one vector for
/// every `LANES` elements.
///
/// A product leaves as *half* of it, `k / 2 P`, because the double of a point is cheaper to encode
/// than the point.
pub(in crate::group) trait Operations: Copy + Send + Sync {
    /// Points side by side.
    type Vector: Copy + Send + Sync;
    /// A point prepared to be multiplied often.
    type Table: Send + Sync;
    /// Working memory of [`Operations::encode_doubles`]; wiped when dropped.
    type Scratch;

    /// Points in a vector.
    const LANES: usize;

    /// Points that stand for the identity.
    fn identity(self) -> Self::Vector;

    /// Working memory for so many vectors.
    fn scratch(self, vectors: usize) -> Self::Scratch;

    /// The map of RFC 9496 section 4.3.4.
    fn map(self, uniform: &[[u8; 64]], out: &mut [Self::Vector]);

    /// `out[i] = H(messages[i])`
    fn hash<M: AsRef<[u8]>>(self, tag: &DomainTag, messages: &[M], out: &mut [Self::Vector]);

    /// Points from encodings.
    ///
    /// `Err` holds the index of the first one that is not a canonical encoding of a point other
    /// than the identity; `out` is then unspecified. Variable time in the validity of `encodings`,
    /// which are public.
    fn decode(self, encodings: &[Encoding], out: &mut [Self::Vector]) -> Result<(), usize>;

    /// Points to encodings.
    fn encode(self, points: &[Self::Vector], out: &mut [Encoding]);

    /// The doubles of points to encodings. `scratch` is for at least as many vectors.
    fn encode_doubles(
        self,
        points: &[Self::Vector],
        out: &mut [Encoding],
        scratch: &mut Self::Scratch,
    );

    /// `points[i] = 2 points[i]`
    fn double(self, points: &mut [Self::Vector]);

    /// `sums[i] = sums[i] + others[i]`
    fn add(self, sums: &mut [Self::Vector], others: &[Self::Vector]);

    /// `differences[i] = differences[i] - others[i]`
    fn sub(self, differences: &mut [Self::Vector], others: &[Self::Vector]);

    /// A vector whose points add up to the first `length` of `points`.
    fn sum(self, points: &[Self::Vector], length: usize) -> Self::Vector;

    /// The sum of the points of a vector, in its first place; the others are unspecified.
    fn sum_lanes(self, points: Self::Vector) -> Self::Vector;

    /// `points[i] = keys[i] / 2 points[i]`
    fn multiply(self, points: &mut [Self::Vector], keys: Keys<'_>);

    /// A vector whose points add up to the sum of all `keys[i] / 2 points[i]`.
    fn multiscalar(self, points: &[Self::Vector], keys: &[SecretScalar]) -> Self::Vector;

    /// A vector whose points add up to the sum of all `weights[i] points[i]`. Variable time in
    /// both, where a backend gains by it.
    fn vartime_multiscalar(self, points: &[Self::Vector], weights: &[u128]) -> Self::Vector;

    /// Multiples of one point, so that others are quick to find.
    fn table(self, point: &Encoding) -> Option<Self::Table>;

    /// `out[i] = keys[i] / 2 P` for the point that `table` is of.
    fn multiply_table(self, table: &Self::Table, keys: Keys<'_>, out: &mut [Self::Vector]);
}
