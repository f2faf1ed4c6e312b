//! Points between operations, in the form that the backend works on.
//!
//! What takes encodings and gives encodings, like [`Engine::blind`], is all that most protocols need.
//! Where a protocol does more with a point than one multiplication, [`Points`] saves it the way
//! through bytes, which costs a square root in each direction.

use std::fmt;

use curve25519_dalek::ristretto::{RistrettoBasepointTable, RistrettoPoint};
use rayon::prelude::*;

#[cfg(target_arch = "x86_64")]
use super::backend::lanes::Lanes;
#[cfg(target_arch = "x86_64")]
use super::backend::lanes::{Extended, FixedTable};
use super::backend::operations::Operations;
use super::backend::portable::Portable;
use super::backend::{Kind, on_backend};
#[cfg(target_arch = "x86_64")]
use super::backend::{avx2, avx512};
use super::engine::{CHUNK, Engine, InvalidPoint, Parallelism};
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
enum Vectors {
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
enum Table {
    Portable(Box<RistrettoBasepointTable>),
    #[cfg(target_arch = "x86_64")]
    Avx2(FixedTable),
    #[cfg(target_arch = "x86_64")]
    Avx512(FixedTable),
}

/// A backend's own vectors and tables in [`Vectors`] and [`Table`].
trait Form: Operations {
    fn wrap(vectors: Vec<Self::Vector>) -> Vectors;
    fn vectors(vectors: &mut Vectors) -> Option<&mut Vec<Self::Vector>>;
    fn wrap_table(table: Self::Table) -> Table;
    fn table(table: &Table) -> Option<&Self::Table>;
}

macro_rules! impl_form {
    ($operations:ty, $variant:ident, $wrap:expr) => {
        impl Form for $operations {
            fn wrap(vectors: Vec<Self::Vector>) -> Vectors {
                Vectors::$variant(vectors)
            }

            fn vectors(vectors: &mut Vectors) -> Option<&mut Vec<Self::Vector>> {
                if let Vectors::$variant(vectors) = vectors { Some(vectors) } else { None }
            }

            fn wrap_table(table: Self::Table) -> Table {
                Table::$variant($wrap(table))
            }

            fn table(table: &Table) -> Option<&Self::Table> {
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
    fn of<O: Form>(&mut self, _: O) -> &mut Vec<O::Vector> {
        O::vectors(&mut self.vectors).expect("points of the engine's backend")
    }
}

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
            self.new_points(operations, messages.len(), |start, length, out| {
                operations.hash(tag, &messages[start..start + length], out);
                Ok(())
            })
        })
        .expect("hashing cannot fail")
    }

    /// The one-way map of RFC 9496 section 4.3.4, from 64 uniform bytes each. Constant time.
    pub fn map(&self, uniform: &[[u8; 64]]) -> Points {
        on_backend!(self.backend(), operations => {
            self.new_points(operations, uniform.len(), |start, length, out| {
                operations.map(&uniform[start..start + length], out);
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
            self.new_points(operations, encodings.len(), |start, length, out| {
                let decoded = operations.decode(&encodings[start..start + length], out);
                decoded.map_err(|index| start + index)
            })
        })
    }

    /// Encodes. Products are the cheapest: they share an inversion, where other points take a square
    /// root each. Constant time.
    pub fn encode(&self, points: &Points, out: &mut [Encoding]) {
        assert_eq!(points.len(), out.len(), "one encoding for every point");
        let mut points = points.clone();
        let halved = points.halved;
        on_backend!(self.backend(), operations => {
            let vectors = points.of(operations);
            self.for_vectors(operations, vectors, out, |vectors, out| {
                if halved {
                    operations.encode_doubles(vectors, out);
                } else {
                    operations.encode(vectors, out);
                }
            });
        });
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
        let mut others = others.clone();
        self.match_halves(sums, &mut others);
        on_backend!(self.backend(), operations => {
            let others = others.of(operations);
            self.for_vectors(operations, sums.of(operations), others, |sums, others| {
                operations.add(sums, others);
            });
        });
    }

    /// `differences[i] = differences[i] - others[i]`. Constant time.
    pub fn sub(&self, differences: &mut Points, others: &Points) {
        let mut others = others.clone();
        self.match_halves(differences, &mut others);
        on_backend!(self.backend(), operations => {
            let others = others.of(operations);
            self.for_vectors(operations, differences.of(operations), others, |differences, others| {
                operations.sub(differences, others);
            });
        });
    }

    /// The sum of all, as a batch of one; the identity for an empty batch. Constant time.
    pub fn sum(&self, points: &Points) -> Points {
        let mut points = points.clone();
        let length = points.len();
        let vectors = on_backend!(self.backend(), operations => {
            let vectors = points.of(operations);
            let mut sums = vec![operations.identity(); length.div_ceil(CHUNK).max(1)];
            let chunk = vectors_per_chunk(operations);
            let run = |(i, (sum, vectors)): (usize, (&mut _, &[_]))| {
                *sum = operations.sum(vectors, CHUNK.min(length - i * CHUNK));
            };
            match self.parallelism() {
                Parallelism::Serial => {
                    sums.iter_mut().zip(vectors.chunks(chunk)).enumerate().for_each(run);
                }
                Parallelism::Rayon => {
                    sums.par_iter_mut().zip(vectors.par_chunks(chunk)).enumerate().for_each(run);
                }
            }
            let (total, rest) = sums.split_at_mut(1);
            for sum in rest {
                operations.add(total, std::slice::from_ref(sum));
            }
            sums.truncate(1);
            wrapped(operations, sums)
        });
        Points { vectors, length: 1, halved: points.halved }
    }

    /// `keys[0] points[0] + keys[1] points[1] + ...`, as a batch of one. Constant time; costs a
    /// multiplication and an addition for each.
    pub fn multiscalar(&self, points: &Points, keys: &[SecretScalar]) -> Points {
        let mut products = points.clone();
        self.multiply_each(&mut products, keys);
        self.sum(&products)
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
            self.new_points(operations, keys.len(), |start, length, out| {
                operations.multiply_table(table, Keys::Each(&keys[start..start + length]), out);
                Ok(())
            })
        })
        .expect("multiplication cannot fail");
        products.halved = true;
        products
    }

    fn multiply_keys(&self, points: &mut Points, keys: Keys<'_>) {
        self.settle(points);
        let length = points.len();
        on_backend!(self.backend(), operations => {
            let chunk = vectors_per_chunk(operations);
            let work = |(i, vectors): (usize, &mut [_])| {
                let start = i * CHUNK;
                operations.multiply(vectors, keys.part(start, CHUNK.min(length - start)));
            };
            let vectors = points.of(operations);
            match self.parallelism() {
                Parallelism::Serial => vectors.chunks_mut(chunk).enumerate().for_each(work),
                Parallelism::Rayon => vectors.par_chunks_mut(chunk).enumerate().for_each(work),
            }
        });
        points.halved = true;
    }

    /// Makes both halved, or neither.
    fn match_halves(&self, a: &mut Points, b: &mut Points) {
        assert_eq!(a.len(), b.len(), "as many points on both sides");
        if a.halved != b.halved {
            self.settle(a);
            self.settle(b);
        }
    }

    /// Makes what is stored what is meant.
    fn settle(&self, points: &mut Points) {
        if std::mem::take(&mut points.halved) {
            on_backend!(self.backend(), operations => operations.double(points.of(operations)));
        }
    }

    /// Points that `work` makes, chunk by chunk: it gets the first element of a chunk, how many, and
    /// where to put their vectors. `Err` is the lowest that it gave.
    fn new_points<O: Form>(
        &self,
        operations: O,
        length: usize,
        work: impl Fn(usize, usize, &mut [O::Vector]) -> Result<(), usize> + Sync,
    ) -> Result<Points, InvalidPoint> {
        let mut vectors = vec![operations.identity(); length.div_ceil(O::LANES)];
        let chunk = vectors_per_chunk(operations);
        let run = |(i, out): (usize, &mut [O::Vector])| {
            let start = i * CHUNK;
            work(start, CHUNK.min(length - start), out).err()
        };
        let failed = match self.parallelism() {
            Parallelism::Serial => vectors.chunks_mut(chunk).enumerate().find_map(run),
            Parallelism::Rayon => vectors.par_chunks_mut(chunk).enumerate().filter_map(run).min(),
        };
        match failed {
            Some(position) => Err(InvalidPoint { position }),
            None => Ok(Points { vectors: O::wrap(vectors), length, halved: false }),
        }
    }

    /// Runs `work` on matching chunks of vectors and of `others`: vectors as well, or elements.
    fn for_vectors<O: Form, T: Send>(
        &self,
        operations: O,
        vectors: &mut [O::Vector],
        others: &mut [T],
        work: impl Fn(&mut [O::Vector], &mut [T]) + Sync,
    ) {
        let chunk = vectors_per_chunk(operations);
        let others_chunk = if others.len() == vectors.len() { chunk } else { CHUNK };
        let work = |(vectors, others): (&mut [O::Vector], &mut [T])| work(vectors, others);
        match self.parallelism() {
            Parallelism::Serial => {
                vectors.chunks_mut(chunk).zip(others.chunks_mut(others_chunk)).for_each(work);
            }
            Parallelism::Rayon => {
                let others = others.par_chunks_mut(others_chunk);
                vectors.par_chunks_mut(chunk).zip(others).for_each(work);
            }
        }
    }
}

fn wrapped<O: Form>(_: O, vectors: Vec<O::Vector>) -> Vectors {
    O::wrap(vectors)
}

fn fixed_in<O: Form>(operations: O, point: &Encoding) -> Option<Table> {
    Operations::table(operations, point).map(O::wrap_table)
}

fn table_of<O: Form>(_: O, point: &FixedPoint) -> &O::Table {
    <O as Form>::table(&point.0).expect("a fixed point of the engine's backend")
}

fn vectors_per_chunk<O: Operations>(_: O) -> usize {
    CHUNK / O::LANES
}
