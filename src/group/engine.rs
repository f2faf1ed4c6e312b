//! Batches over chunks, chunks over cores.

use rayon::prelude::*;

#[cfg(target_arch = "x86_64")]
use super::backend::lanes::Lanes;
use super::backend::operations::Operations;
use super::backend::portable::Portable;
use super::backend::{Kind, on_backend};
use super::scalar::Keys;
use super::{Backend, DomainTag, Encoding, SecretScalar};

/// Which cores a batch runs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Parallelism {
    /// The calling thread alone.
    Serial,
    /// The rayon pool that the caller runs in.
    Rayon,
}

/// An encoding that is not canonical, not on the group, or the identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("invalid point at position {position}")]
pub struct InvalidPoint {
    /// Its index in the batch; the lowest, where several are invalid.
    pub position: usize,
}

/// A backend and the cores it runs on.
#[derive(Clone, Copy, Debug)]
pub struct Engine {
    backend: Backend,
    parallelism: Parallelism,
}

/// Elements that one task takes on. The one inversion in a batched encoding costs as much as ten
/// multiplications in the field, so at 256 it is lost in the noise; the scratch space (40 KiB)
/// stays in the L2 cache.
pub(super) const CHUNK: usize = 256;

/// The fewest elements that are worth a vector. One element takes 38 us on the reference backend;
/// a vector takes 50 us (AVX2) or 60 us (AVX-512), full or not.
const FEWEST_FOR_LANES: usize = 2;

impl Engine {
    /// From its parts.
    pub fn new(backend: Backend, parallelism: Parallelism) -> Self {
        Engine { backend, parallelism }
    }

    /// The best backend of this CPU, on all cores.
    pub fn detect() -> Self {
        Engine::new(Backend::detect(), Parallelism::Rayon)
    }

    /// The backend.
    pub fn backend(&self) -> Backend {
        self.backend
    }

    /// The cores.
    pub fn parallelism(&self) -> Parallelism {
        self.parallelism
    }

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
        self.hash_blind_keys(tag, messages, Keys::Shared(key), out);
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
        self.hash_blind_keys(tag, messages, Keys::Each(keys), out);
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
        self.blind_keys(points, Keys::Shared(key), out)
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
        assert_eq!(keys.len(), points.len(), "one key for every point");
        self.blind_keys(points, Keys::Each(keys), out)
    }

    /// The backend that is the fastest for so few elements. Only for operations from bytes to bytes:
    /// points in vector form belong to one backend.
    fn backend_for(&self, elements: usize) -> Backend {
        if elements < FEWEST_FOR_LANES { Backend::portable() } else { self.backend }
    }

    fn hash_blind_keys<M: AsRef<[u8]> + Sync>(
        &self,
        tag: &DomainTag,
        messages: &[M],
        keys: Keys<'_>,
        out: &mut [Encoding],
    ) {
        let done = self.for_chunks(messages, out, |start, messages, out| {
            let keys = keys.part(start, messages.len());
            on_backend!(self.backend_for(messages.len()), operations => {
                operations.hash_blind(tag, messages, keys, out);
            });
            Ok(())
        });
        debug_assert_eq!(done, Ok(()), "hashing cannot fail");
    }

    fn blind_keys(
        &self,
        points: &[Encoding],
        keys: Keys<'_>,
        out: &mut [Encoding],
    ) -> Result<(), InvalidPoint> {
        self.for_chunks(points, out, |start, points, out| {
            let keys = keys.part(start, points.len());
            on_backend!(self.backend_for(points.len()), operations => {
                operations.blind(points, keys, out)
            })
        })
        .map_err(|position| InvalidPoint { position })
    }

    /// Runs `work` on matching chunks of input and output, with the index of their first element.
    /// `Err` holds the lowest failing index, whatever the number of cores.
    fn for_chunks<I: Sync, O: Send>(
        &self,
        input: &[I],
        out: &mut [O],
        work: impl Fn(usize, &[I], &mut [O]) -> Result<(), usize> + Sync,
    ) -> Result<(), usize> {
        assert_eq!(input.len(), out.len(), "one output for every input");
        let run = |(chunk, (input, out)): (usize, (&[I], &mut [O]))| {
            let start = chunk * CHUNK;
            work(start, input, out).err().map(|index| start + index)
        };
        let failed = match self.parallelism {
            Parallelism::Serial => {
                input.chunks(CHUNK).zip(out.chunks_mut(CHUNK)).enumerate().find_map(run)
            }
            Parallelism::Rayon => input
                .par_chunks(CHUNK)
                .zip(out.par_chunks_mut(CHUNK))
                .enumerate()
                .filter_map(run)
                .min(),
        };
        failed.map_or(Ok(()), Err)
    }
}
