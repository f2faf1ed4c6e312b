//! What every backend does, on one chunk of a batch and one core.

use crate::group::scalar::Keys;
use crate::group::{DomainTag, Encoding};

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

    /// Points in a vector.
    const LANES: usize;

    /// `out[i] = keys[i] H(messages[i])`, encoded.
    fn hash_blind<M: AsRef<[u8]>>(
        self,
        tag: &DomainTag,
        messages: &[M],
        keys: Keys<'_>,
        out: &mut [Encoding],
    );

    /// `out[i] = keys[i] P_i`, encoded, where `P_i` is what `points[i]` encodes.
    ///
    /// `Err` holds the index of the first one that is not a canonical encoding of a point other
    /// than the identity; `out` is then unspecified. Variable time in the validity of `points`,
    /// which are public.
    fn blind(self, points: &[Encoding], keys: Keys<'_>, out: &mut [Encoding]) -> Result<(), usize>;

    /// Points that stand for the identity.
    fn identity(self) -> Self::Vector;

    /// The map of RFC 9496 section 4.3.4.
    fn map(self, uniform: &[[u8; 64]], out: &mut [Self::Vector]);

    /// `out[i] = H(messages[i])`
    fn hash<M: AsRef<[u8]>>(self, tag: &DomainTag, messages: &[M], out: &mut [Self::Vector]);

    /// Points from encodings. Refuses what [`Operations::blind`] refuses.
    fn decode(self, encodings: &[Encoding], out: &mut [Self::Vector]) -> Result<(), usize>;

    /// Points to encodings.
    fn encode(self, points: &[Self::Vector], out: &mut [Encoding]);

    /// The doubles of points to encodings.
    fn encode_doubles(self, points: &[Self::Vector], out: &mut [Encoding]);

    /// `points[i] = 2 points[i]`
    fn double(self, points: &mut [Self::Vector]);

    /// `sums[i] = sums[i] + others[i]`
    fn add(self, sums: &mut [Self::Vector], others: &[Self::Vector]);

    /// `differences[i] = differences[i] - others[i]`
    fn sub(self, differences: &mut [Self::Vector], others: &[Self::Vector]);

    /// The sum of the first `length` points, in the first place of a vector whose others are
    /// unspecified.
    fn sum(self, points: &[Self::Vector], length: usize) -> Self::Vector;

    /// `points[i] = keys[i] / 2 points[i]`
    fn multiply(self, points: &mut [Self::Vector], keys: Keys<'_>);

    /// Multiples of one point, so that others are quick to find.
    fn table(self, point: &Encoding) -> Option<Self::Table>;

    /// `out[i] = keys[i] / 2 P` for the point that `table` is of.
    fn multiply_table(self, table: &Self::Table, keys: Keys<'_>, out: &mut [Self::Vector]);
}
