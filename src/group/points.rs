//! Points between operations, in the form that the backend works on.
//!
//! What takes bytes and gives bytes, like [`Engine::blind`], is all that most protocols need. Where a
//! protocol does more with a point than that, [`Points`] saves it the way through bytes, which costs
//! a square root in each direction.

use std::fmt;
use std::ops::Range;

use curve25519_dalek::ristretto::{RistrettoBasepointTable, RistrettoPoint};

#[cfg(target_arch = "x86_64")]
use super::backend::lanes::Lanes;
#[cfg(target_arch = "x86_64")]
use super::backend::lanes::{Extended, FixedTable};
use super::backend::operations::Operations;
use super::backend::portable::Portable;
use super::backend::{Kind, on_backend};
#[cfg(target_arch = "x86_64")]
use super::backend::{avx2, avx512};
use super::engine::{Engine, InvalidPoint};
use super::scalar::Keys;
use super::{DomainTag, Encoding, SecretScalar};

/// A batch of group elements in the form of one backend: opaque, but quick to work with.
///
/// It can be used with engines of the backend that made it; with others, the methods of [`Engine`]
/// panic. Prints as its length only.
#[derive(Clone)]
pub struct Points {
    vectors: Vectors,
    length: usize,
    /// What is stored is half of what is meant: so products leave a backend, and so they are
    /// cheaper to encode.
    halved: bool,
}

/// Vectors of points, by backend.
#[derive(Clone)]
pub(super) enum Vectors {
    Portable(Vec<RistrettoPoint>),
    #[cfg(target_arch = "x86_64")]
    Avx2(Vec<Extended<avx2::Field>>),
    #[cfg(target_arch = "x86_64")]
    Avx512(Vec<Extended<avx512::Field>>),
}

/// One group element, prepared to be multiplied by many scalars.
///
/// The table takes 30 to 60 KiB and as long to make as some thirty multiplications, so it should be
/// kept. Like [`Points`], it belongs to one backend.
pub struct FixedPoint(Table);

/// A table of multiples, by backend.
pub(super) enum Table {
    Portable(Box<RistrettoBasepointTable>),
    #[cfg(target_arch = "x86_64")]
    Avx2(FixedTable),
    #[cfg(target_arch = "x86_64")]
    Avx512(FixedTable),
}

/// A backend's own vectors and tables in [`Vectors`] and [`Table`].
pub(super) trait Form: Operations {
    fn wrap(vectors: Vec<Self::Vector>) -> Vectors;
    fn vectors(vectors: &Vectors) -> Option<&[Self::Vector]>;
    fn vectors_mut(vectors: &mut Vectors) -> Option<&mut [Self::Vector]>;
    fn wrap_table(table: Self::Table) -> Table;
    fn unwrap_table(table: &Table) -> Option<&Self::Table>;
}

macro_rules! impl_form {
    ($operations:ty, $variant:ident, $wrap:expr) => {
        impl Form for $operations {
            fn wrap(vectors: Vec<Self::Vector>) -> Vectors {
                Vectors::$variant(vectors)
            }

            fn vectors(vectors: &Vectors) -> Option<&[Self::Vector]> {
                if let Vectors::$variant(vectors) = vectors { Some(vectors) } else { None }
            }

            fn vectors_mut(vectors: &mut Vectors) -> Option<&mut [Self::Vector]> {
                if let Vectors::$variant(vectors) = vectors { Some(vectors) } else { None }
            }

            fn wrap_table(table: Self::Table) -> Table {
                Table::$variant($wrap(table))
            }

            fn unwrap_table(table: &Table) -> Option<&Self::Table> {
                if let Table::$variant(table) = table { Some(table) } else { None }
            }
        }
    };
}

impl_form!(Portable, Portable, Box::new);
#[cfg(target_arch = "x86_64")]
impl_form!(Lanes<avx2::Cpu>, Avx2, std::convert::identity);
#[cfg(target_arch = "x86_64")]
impl_form!(Lanes<avx512::Cpu>, Avx512, std::convert::identity);

impl Points {
    /// How many.
    pub fn len(&self) -> usize {
        self.length
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// The vectors, in the form of `O`.
    fn of<O: Form>(&self, _: O) -> &[O::Vector] {
        O::vectors(&self.vectors).expect(OF_BACKEND)
    }

    /// The vectors, in the form of `O`.
    fn of_mut<O: Form>(&mut self, _: O) -> &mut [O::Vector] {
        O::vectors_mut(&mut self.vectors).expect(OF_BACKEND)
    }
}

const OF_BACKEND: &str = "points of the engine's backend";

impl fmt::Debug for Points {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Points({})", self.length)
    }
}

impl fmt::Debug for FixedPoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FixedPoint(..)")
    }
}

/// Operations on points in vector form. All panic if slices that go together differ in length, or
/// if points are of another backend.
impl Engine {
    /// Hashes messages to the group. Constant time in messages of one length.
    pub fn hash<M: AsRef<[u8]> + Sync>(&self, tag: &DomainTag, messages: &[M]) -> Points {
        on_backend!(self.backend(), operations => {
            self.new_points(operations, messages.len(), |elements, out| {
                operations.hash(tag, &messages[elements], out);
                Ok(())
            })
        })
        .expect("hashing cannot fail")
    }

    /// The one-way map of RFC 9496 section 4.3.4, from 64 uniform bytes each. Constant time.
    pub fn map(&self, uniform: &[[u8; 64]]) -> Points {
        on_backend!(self.backend(), operations => {
            self.new_points(operations, uniform.len(), |elements, out| {
                operations.map(&uniform[elements], out);
                Ok(())
            })
        })
        .expect("the map cannot fail")
    }

    /// Decodes. Variable time in whether the encodings, which are public, are valid.
    ///
    /// # Errors
    /// [`InvalidPoint`] for the first encoding that is not canonical, not on the group, or the
    /// identity.
    pub fn decode(&self, encodings: &[Encoding]) -> Result<Points, InvalidPoint> {
        on_backend!(self.backend(), operations => {
            self.new_points(operations, encodings.len(), |elements, out| {
                operations.decode(&encodings[elements], out)
            })
        })
    }

    /// Encodes. Products are the cheapest: they share an inversion, where other points take a square
    /// root each. Constant time.
    pub fn encode(&self, points: &Points, out: &mut [Encoding]) {
        let length = points.len();
        assert_eq!(length, out.len(), "one encoding for every point");
        on_backend!(self.backend(), operations => {
            let vectors = points.of(operations);
            let most = if points.halved { self.chunk_of(length).min(length) } else { 0 };
            let scratch = || operations.scratch(vectors_for(operations, &(0..most)).len());
            self.for_chunks(length, 1, out, scratch, |scratch, elements, out| {
                let vectors = &vectors[vectors_for(operations, &elements)];
                if points.halved {
                    operations.encode_doubles(vectors, out, scratch);
                } else {
                    operations.encode(vectors, out);
                }
                Ok(())
            })
        })
        .expect("encoding cannot fail");
    }

    /// `points[i] = key points[i]`. Constant time.
    pub fn multiply(&self, points: &mut Points, key: &SecretScalar) {
        self.multiply_keys(points, Keys::Shared(key));
    }

    /// `points[i] = keys[i] points[i]`. Constant time.
    pub fn multiply_each(&self, points: &mut Points, keys: &[SecretScalar]) {
        assert_eq!(points.len(), keys.len(), "one key for every point");
        self.multiply_keys(points, Keys::Each(keys));
    }

    /// `sums[i] = sums[i] + others[i]`. Constant time.
    pub fn add(&self, sums: &mut Points, others: &Points) {
        on_backend!(self.backend(), operations => {
            self.combine(operations, sums, others, |sums, others| operations.add(sums, others));
        });
    }

    /// `differences[i] = differences[i] - others[i]`. Constant time.
    pub fn sub(&self, differences: &mut Points, others: &Points) {
        on_backend!(self.backend(), operations => {
            self.combine(operations, differences, others, |differences, others| {
                operations.sub(differences, others);
            });
        });
    }

    /// The sum of all, as a batch of one; the identity for an empty batch. Constant time.
    pub fn sum(&self, points: &Points) -> Points {
        on_backend!(self.backend(), operations => {
            let vectors = points.of(operations);
            self.fold(operations, points.len(), points.halved, |elements| {
                operations.sum(&vectors[vectors_for(operations, &elements)], elements.len())
            })
        })
    }

    /// `keys[0] points[0] + keys[1] points[1] + ...`, as a batch of one. Constant time. The doublings
    /// are shared, so that an element costs a third of a multiplication.
    pub fn multiscalar(&self, points: &Points, keys: &[SecretScalar]) -> Points {
        assert_eq!(points.len(), keys.len(), "one key for every point");
        let mut sum = on_backend!(self.backend(), operations => {
            let vectors = points.of(operations);
            self.fold(operations, points.len(), points.halved, |elements| {
                let vectors = &vectors[vectors_for(operations, &elements)];
                operations.multiscalar(vectors, &keys[elements])
            })
        });
        // Half for the points, and half for the keys.
        self.settle(&mut sum);
        sum.halved = true;
        sum
    }

    /// `weights[0] points[0] + weights[1] points[1] + ...`, as a batch of one: what checks many
    /// equations at once. **Variable time**: points and weights must be public.
    ///
    /// An element costs a sixth of a multiplication. Long lists can come in parts of a few thousand,
    /// whose sums are added.
    pub fn vartime_multiscalar(&self, points: &Points, weights: &[u128]) -> Points {
        assert_eq!(points.len(), weights.len(), "one weight for every point");
        on_backend!(self.backend(), operations => {
            let vectors = points.of(operations);
            self.fold(operations, points.len(), points.halved, |elements| {
                let vectors = &vectors[vectors_for(operations, &elements)];
                operations.vartime_multiscalar(vectors, &weights[elements])
            })
        })
    }

    /// Prepares a point to be multiplied by many scalars.
    ///
    /// # Errors
    /// [`InvalidPoint`] at position 0 if `point` is not canonical, not on the group, or the identity.
    pub fn fix(&self, point: &Encoding) -> Result<FixedPoint, InvalidPoint> {
        on_backend!(self.backend(), operations => {
            fixed_in(operations, point).map(FixedPoint)
        })
        .ok_or(InvalidPoint { position: 0 })
    }

    /// `keys[i] P` for a fixed point `P`. Constant time.
    pub fn multiply_fixed(&self, point: &FixedPoint, keys: &[SecretScalar]) -> Points {
        let mut products = on_backend!(self.backend(), operations => {
            let table = table_of(operations, point);
            self.new_points(operations, keys.len(), |elements, out| {
                operations.multiply_table(table, Keys::Each(&keys[elements]), out);
                Ok(())
            })
        })
        .expect("multiplication cannot fail");
        products.halved = true;
        products
    }

    fn multiply_keys(&self, points: &mut Points, keys: Keys<'_>) {
        let halved = std::mem::replace(&mut points.halved, true);
        on_backend!(self.backend(), operations => {
            self.change(operations, points, |elements, vectors| {
                if halved {
                    operations.double(vectors);
                }
                operations.multiply(vectors, keys.part(elements));
            });
        });
    }

    /// Makes what is stored what is meant.
    fn settle(&self, points: &mut Points) {
        if std::mem::take(&mut points.halved) {
            on_backend!(self.backend(), operations => {
                self.change(operations, points, |_, vectors| operations.double(vectors));
            });
        }
    }

    /// Points that `work` makes, chunk by chunk, with the elements that they are for.
    fn new_points<O: Form>(
        &self,
        operations: O,
        length: usize,
        work: impl Fn(Range<usize>, &mut [O::Vector]) -> Result<(), usize> + Sync + Send,
    ) -> Result<Points, InvalidPoint> {
        let mut vectors = vec![operations.identity(); length.div_ceil(O::LANES)];
        self.for_chunks(
            length,
            O::LANES,
            &mut vectors,
            || (),
            |(), elements, out| work(elements, out),
        )
        .map_err(|position| InvalidPoint { position })?;
        Ok(Points { vectors: O::wrap(vectors), length, halved: false })
    }

    /// Runs `work` on the vectors of points, chunk by chunk.
    fn change<O: Form>(
        &self,
        operations: O,
        points: &mut Points,
        work: impl Fn(Range<usize>, &mut [O::Vector]) + Sync + Send,
    ) {
        let length = points.len();
        let vectors = points.of_mut(operations);
        self.for_chunks(
            length,
            O::LANES,
            vectors,
            || (),
            |(), elements, vectors| {
                work(elements, vectors);
                Ok(())
            },
        )
        .expect("arithmetic cannot fail");
    }

    /// Runs `work` on points and others, chunk by chunk. Of those that are stored halved and those
    /// that are not, the halved are doubled first.
    fn combine<O: Form>(
        &self,
        operations: O,
        points: &mut Points,
        others: &Points,
        work: impl Fn(&mut [O::Vector], &[O::Vector]) + Sync + Send,
    ) {
        let length = points.len();
        assert_eq!(length, others.len(), "as many points on both sides");
        let double_points = points.halved && !others.halved;
        let double_others = others.halved && !points.halved;
        points.halved &= others.halved;
        let (points, others) = (points.of_mut(operations), others.of(operations));
        self.for_chunks(length, O::LANES, points, Vec::new, |doubles, elements, points| {
            let mut others = &others[vectors_for(operations, &elements)];
            if double_points {
                operations.double(points);
            }
            if double_others {
                doubles.clear();
                doubles.extend_from_slice(others);
                operations.double(doubles);
                others = doubles;
            }
            work(points, others);
            Ok(())
        })
        .expect("arithmetic cannot fail");
    }

    /// The sum of the vectors that `part` makes of each chunk, as a batch of one.
    fn fold<O: Form>(
        &self,
        operations: O,
        length: usize,
        halved: bool,
        part: impl Fn(Range<usize>) -> O::Vector + Sync + Send,
    ) -> Points {
        let chunk = self.chunk_of(length);
        let mut parts = vec![operations.identity(); length.div_ceil(chunk)];
        self.for_chunks(
            length,
            chunk,
            &mut parts,
            || (),
            |(), elements, out| {
                out[0] = part(elements);
                Ok(())
            },
        )
        .expect("sums cannot fail");
        let total = operations.sum(&parts, parts.len() * O::LANES);
        let vectors = O::wrap(vec![operations.sum_lanes(total)]);
        Points { vectors, length: 1, halved }
    }
}

fn fixed_in<O: Form>(operations: O, point: &Encoding) -> Option<Table> {
    operations.table(point).map(O::wrap_table)
}

/// The table of a fixed point, in the form of `O`.
pub(super) fn table_of<O: Form>(_: O, point: &FixedPoint) -> &O::Table {
    O::unwrap_table(&point.0).expect("a fixed point of the engine's backend")
}

/// The vectors in which these elements are. A chunk begins with a full one.
fn vectors_for<O: Form>(_: O, elements: &Range<usize>) -> Range<usize> {
    elements.start / O::LANES..elements.end.div_ceil(O::LANES)
}
