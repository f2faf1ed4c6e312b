//! From bytes to bytes: what protocols do to whole lists, in one pass.
//!
//! Each chunk of a list is decoded or hashed, multiplied and encoded while it is in the cache, in
//! memory that is used again for the next. Lists of any length need some 140 KiB a core besides their
//! input and output, and nothing is allocated for an element.
//!
//! | | from | to | products and squares a vector, about |
//! |---|---|---|---|
//! | `hash_blind` | message | `k H(m)` | 3000 |
//! | `map_blind` | 64 uniform bytes | `k M(u)` | 3000 |
//! | `blind` | encoding | `k P` | 2700 |
//! | `hash_mask` | message | `H(m) + r B` | 1350 |
//! | `unmask_then` | encoding | `P - r B` | 1050 |
//!
//! Methods whose name ends in `_then` pass every encoding to a function of the caller, with its place
//! in the list, and keep only what that returns: a hash of the result, for example, or a comparison.

use std::ops::Range;

use zeroize::Zeroize;

#[cfg(target_arch = "x86_64")]
use super::backend::lanes::Lanes;
use super::backend::portable::Portable;
use super::backend::{Kind, on_backend};
use super::engine::{Engine, InvalidPoint};
use super::points::{FixedPoint, Form, table_of};
use super::scalar::Keys;
use super::{Backend, DomainTag, Encoding, SecretScalar};

/// The fewest elements that are worth a vector. One element takes 38 us on the reference backend;
/// a vector takes 50 us (AVX2) or 55 us (AVX-512), full or not.
const FEWEST_FOR_LANES: usize = 2;

/// Operations from bytes to bytes. All panic if slices that go together differ in length.
impl Engine {
    /// Hashes messages to the group and multiplies: `out[i] = k H(messages[i])`.
    ///
    /// Constant time in messages (of one length) and key. Cost: one hash to the group, one
    /// multiplication and one batched encoding an element.
    ///
    /// # Panics
    /// If the slices differ in length.
    pub fn hash_blind<M: AsRef<[u8]> + Sync>(
        &self,
        tag: &DomainTag,
        messages: &[M],
        key: &SecretScalar,
        out: &mut [Encoding],
    ) {
        self.hash_blind_then(tag, messages, key, out, itself);
    }

    /// Hashes messages to the group and multiplies each by a scalar of its own:
    /// `out[i] = keys[i] H(messages[i])`. Constant time and cost are those of [`Engine::hash_blind`].
    ///
    /// # Panics
    /// If the slices differ in length.
    pub fn hash_blind_each<M: AsRef<[u8]> + Sync>(
        &self,
        tag: &DomainTag,
        messages: &[M],
        keys: &[SecretScalar],
        out: &mut [Encoding],
    ) {
        assert_eq!(keys.len(), messages.len(), "one key for every message");
        let source = Source::Messages(tag, messages);
        self.transform_any(source, Keys::Each(keys), out, itself).expect(HASHING);
    }

    /// Hashes messages to the group, multiplies, and finishes: `out[i] = finish(i, k H(messages[i]))`.
    /// The full evaluation of an oblivious pseudorandom function, where `finish` hashes. Constant time
    /// and cost are those of [`Engine::hash_blind`], with `finish` on top.
    ///
    /// # Panics
    /// If the slices differ in length.
    pub fn hash_blind_then<M: AsRef<[u8]> + Sync, T: Send>(
        &self,
        tag: &DomainTag,
        messages: &[M],
        key: &SecretScalar,
        out: &mut [T],
        finish: impl Fn(usize, &Encoding) -> T + Sync,
    ) {
        let source = Source::Messages(tag, messages);
        self.transform_any(source, Keys::Shared(key), out, finish).expect(HASHING);
    }

    /// Maps uniform bytes to the group and multiplies: `out[i] = k M(uniform[i])`, with the one-way map
    /// `M` of RFC 9496 section 4.3.4. For protocols that hash their messages in a way of their own, such
    /// as [`pair`](crate::pair).
    ///
    /// Constant time in bytes and key. Cost: that of [`Engine::hash_blind`] without the hashing.
    ///
    /// # Panics
    /// If the slices differ in length.
    pub fn map_blind(&self, uniform: &[[u8; 64]], key: &SecretScalar, out: &mut [Encoding]) {
        let source = Source::<[u8; 0]>::Uniform(uniform);
        self.transform_any(source, Keys::Shared(key), out, itself).expect(HASHING);
    }

    /// Decodes points and multiplies: `out[i] = k points[i]`.
    ///
    /// Constant time in the key; variable time in whether `points`, which are public, are valid.
    /// Cost: one decoding, one multiplication and one batched encoding an element.
    ///
    /// # Errors
    /// [`InvalidPoint`] for the first encoding that is not canonical, not on the group, or the
    /// identity; `out` is then unspecified.
    ///
    /// # Panics
    /// If the slices differ in length.
    pub fn blind(
        &self,
        points: &[Encoding],
        key: &SecretScalar,
        out: &mut [Encoding],
    ) -> Result<(), InvalidPoint> {
        self.blind_then(points, key, out, itself)
    }

    /// Decodes points and multiplies each by a scalar of its own: `out[i] = keys[i] points[i]`.
    /// Constant time, cost and errors are those of [`Engine::blind`].
    ///
    /// # Errors
    /// [`InvalidPoint`] for the first encoding that is not canonical, not on the group, or the
    /// identity; `out` is then unspecified.
    ///
    /// # Panics
    /// If the slices differ in length.
    pub fn blind_each(
        &self,
        points: &[Encoding],
        keys: &[SecretScalar],
        out: &mut [Encoding],
    ) -> Result<(), InvalidPoint> {
        self.blind_each_then(points, keys, out, itself)
    }

    /// Decodes points, multiplies, and finishes: `out[i] = finish(i, k points[i])`. Constant time, cost
    /// and errors are those of [`Engine::blind`], with `finish` on top.
    ///
    /// # Errors
    /// [`InvalidPoint`] for the first encoding that is not canonical, not on the group, or the
    /// identity; `out` is then unspecified.
    ///
    /// # Panics
    /// If the slices differ in length.
    pub fn blind_then<T: Send>(
        &self,
        points: &[Encoding],
        key: &SecretScalar,
        out: &mut [T],
        finish: impl Fn(usize, &Encoding) -> T + Sync,
    ) -> Result<(), InvalidPoint> {
        self.transform_any(encodings(points), Keys::Shared(key), out, finish)
    }

    /// Decodes points, multiplies each by a scalar of its own, and finishes:
    /// `out[i] = finish(i, keys[i] points[i])`. What takes multiplicative blinds off again, with the
    /// keys of [`SecretScalar::invert_all`]. Constant time, cost and errors are those of
    /// [`Engine::blind`], with `finish` on top.
    ///
    /// # Errors
    /// [`InvalidPoint`] for the first encoding that is not canonical, not on the group, or the
    /// identity; `out` is then unspecified.
    ///
    /// # Panics
    /// If the slices differ in length.
    pub fn blind_each_then<T: Send>(
        &self,
        points: &[Encoding],
        keys: &[SecretScalar],
        out: &mut [T],
        finish: impl Fn(usize, &Encoding) -> T + Sync,
    ) -> Result<(), InvalidPoint> {
        assert_eq!(keys.len(), points.len(), "one key for every point");
        self.transform_any(encodings(points), Keys::Each(keys), out, finish)
    }

    /// Hashes messages to the group and adds a secret multiple of one point to each:
    /// `out[i] = H(messages[i]) + masks[i] base`. An additive blind, and less than half the price of a
    /// multiplicative one.
    ///
    /// Constant time in messages (of one length) and masks. Cost: one hash to the group, one multiple
    /// of a fixed point, and one encoding with a square root of its own an element. A sum that is the
    /// identity, which no one can bring about, is encoded as such.
    ///
    /// # Panics
    /// If the slices differ in length, or `base` is of another backend.
    pub fn hash_mask<M: AsRef<[u8]> + Sync>(
        &self,
        tag: &DomainTag,
        messages: &[M],
        base: &FixedPoint,
        masks: &[SecretScalar],
        out: &mut [Encoding],
    ) {
        assert_eq!(masks.len(), messages.len(), "one mask for every message");
        let source = Source::Messages(tag, messages);
        self.transform(self.backend(), source, Step::Add(base, masks), out, itself).expect(HASHING);
    }

    /// Decodes points, subtracts a secret multiple of one point from each, and finishes:
    /// `out[i] = finish(i, points[i] - masks[i] base)`. Takes the masks of [`Engine::hash_mask`] off a
    /// list that was multiplied by `k`, if `base` is `k` times the one that they were made with.
    ///
    /// Constant time in the masks; variable time in whether `points`, which are public, are valid.
    /// Cost: one decoding, one multiple of a fixed point, and one encoding with a square root of its
    /// own an element, with `finish` on top.
    ///
    /// A difference can be the identity if the peer chose the point so: [`Encoding::IDENTITY`] then.
    ///
    /// # Errors
    /// [`InvalidPoint`] for the first encoding that is not canonical, not on the group, or the
    /// identity; `out` is then unspecified.
    ///
    /// # Panics
    /// If the slices differ in length, or `base` is of another backend.
    pub fn unmask_then<T: Send>(
        &self,
        points: &[Encoding],
        base: &FixedPoint,
        masks: &[SecretScalar],
        out: &mut [T],
        finish: impl Fn(usize, &Encoding) -> T + Sync,
    ) -> Result<(), InvalidPoint> {
        assert_eq!(masks.len(), points.len(), "one mask for every point");
        let step = Step::Subtract(base, masks);
        self.transform(self.backend(), encodings(points), step, out, finish)
    }

    /// A multiplication on the backend that is the fastest for so few elements. Points in vector form
    /// and fixed points belong to one backend, so only what has neither can choose.
    fn transform_any<M: AsRef<[u8]> + Sync, T: Send>(
        &self,
        source: Source<'_, M>,
        keys: Keys<'_>,
        out: &mut [T],
        finish: impl Fn(usize, &Encoding) -> T + Sync,
    ) -> Result<(), InvalidPoint> {
        let few = source.len() < FEWEST_FOR_LANES;
        let backend = if few { Backend::portable() } else { self.backend() };
        self.transform(backend, source, Step::Multiply(keys), out, finish)
    }

    /// All of the above.
    fn transform<M: AsRef<[u8]> + Sync, T: Send>(
        &self,
        backend: Backend,
        source: Source<'_, M>,
        step: Step<'_>,
        out: &mut [T],
        finish: impl Fn(usize, &Encoding) -> T + Sync,
    ) -> Result<(), InvalidPoint> {
        let length = source.len();
        let chunk = self.chunk_of(length).min(length);
        on_backend!(backend, operations => {
            let scratch = || Scratch::new(operations, chunk, &step);
            self.for_chunks(length, 1, out, scratch, |scratch, elements, out| {
                let start = elements.start;
                let encodings = scratch.transform(source, step, elements)?;
                for (i, (out, encoding)) in out.iter_mut().zip(encodings).enumerate() {
                    *out = finish(start + i, encoding);
                }
                Ok(())
            })
        })
        .map_err(|position| InvalidPoint { position })
    }
}

/// Where points come from.
enum Source<'a, M> {
    Messages(&'a DomainTag, &'a [M]),
    Uniform(&'a [[u8; 64]]),
    Encodings(&'a [Encoding]),
}

/// What is done to them.
#[derive(Clone, Copy)]
enum Step<'a> {
    Multiply(Keys<'a>),
    /// The scalar's multiple of a fixed point is added.
    Add(&'a FixedPoint, &'a [SecretScalar]),
    /// It is subtracted.
    Subtract(&'a FixedPoint, &'a [SecretScalar]),
}

impl<M> Clone for Source<'_, M> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<M> Copy for Source<'_, M> {}

impl<M> Source<'_, M> {
    fn len(&self) -> usize {
        match self {
            Source::Messages(_, messages) => messages.len(),
            Source::Uniform(uniform) => uniform.len(),
            Source::Encodings(encodings) => encodings.len(),
        }
    }
}

/// A source without messages.
fn encodings(points: &[Encoding]) -> Source<'_, [u8; 0]> {
    Source::Encodings(points)
}

/// The finish that leaves an encoding as it is.
fn itself(_: usize, encoding: &Encoding) -> Encoding {
    *encoding
}

const HASHING: &str = "hashing cannot fail";

/// Working memory for one chunk at a time. Wiped when dropped: what it holds can be a mask, or a
/// result that nobody else may see.
struct Scratch<O: Form> {
    operations: O,
    points: Vec<O::Vector>,
    /// Multiples to add, if any are.
    multiples: Vec<O::Vector>,
    encodings: Vec<Encoding>,
    doubles: O::Scratch,
}

impl<O: Form> Scratch<O> {
    /// For chunks of up to so many elements.
    fn new(operations: O, elements: usize, step: &Step<'_>) -> Self {
        let vectors = elements.div_ceil(O::LANES);
        let [multiples, doubles] = match step {
            Step::Multiply(_) => [0, vectors],
            Step::Add(..) | Step::Subtract(..) => [vectors, 0],
        };
        Scratch {
            operations,
            points: vec![operations.identity(); vectors],
            multiples: vec![operations.identity(); multiples],
            encodings: vec![Encoding::IDENTITY; elements],
            doubles: operations.scratch(doubles),
        }
    }

    /// Those elements from `source`, with `step` done to them, encoded.
    fn transform<M: AsRef<[u8]>>(
        &mut self,
        source: Source<'_, M>,
        step: Step<'_>,
        elements: Range<usize>,
    ) -> Result<&[Encoding], usize> {
        let operations = self.operations;
        let vectors = elements.len().div_ceil(O::LANES);
        let points = &mut self.points[..vectors];
        let encodings = &mut self.encodings[..elements.len()];
        match source {
            Source::Messages(tag, messages) => {
                operations.hash(tag, &messages[elements.clone()], points);
            }
            Source::Uniform(uniform) => operations.map(&uniform[elements.clone()], points),
            Source::Encodings(encodings) => {
                operations.decode(&encodings[elements.clone()], points)?;
            }
        }
        match step {
            Step::Multiply(keys) => {
                operations.multiply(points, keys.part(elements));
                operations.encode_doubles(points, encodings, &mut self.doubles);
            }
            Step::Add(base, masks) | Step::Subtract(base, masks) => {
                let multiples = &mut self.multiples[..vectors];
                let masks = Keys::Each(&masks[elements]);
                operations.multiply_table(table_of(operations, base), masks, multiples);
                operations.double(multiples);
                match step {
                    Step::Subtract(..) => operations.sub(points, multiples),
                    _ => operations.add(points, multiples),
                }
                operations.encode(points, encodings);
            }
        }
        Ok(encodings)
    }
}

impl<O: Form> Drop for Scratch<O> {
    fn drop(&mut self) {
        let identity = self.operations.identity();
        self.points.fill(identity);
        self.multiples.fill(identity);
        // So that the compiler cannot tell that nobody reads them.
        std::hint::black_box((&self.points, &self.multiples));
        for encoding in &mut self.encodings {
            encoding.0.zeroize();
        }
    }
}
