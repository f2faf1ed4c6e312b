//! Batches over chunks, chunks over cores.

use rayon::prelude::*;

use super::backend::{Kind, portable};
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
const CHUNK: usize = 256;

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
        let done = self.for_chunks(messages, out, |messages, out| {
            match self.backend.kind() {
                Kind::Portable => portable::hash_blind(tag, messages, key.half(), out),
            }
            Ok(())
        });
        debug_assert_eq!(done, Ok(()), "hashing cannot fail");
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
        self.for_chunks(points, out, |points, out| match self.backend.kind() {
            Kind::Portable => portable::blind(points, key.half(), out),
        })
        .map_err(|position| InvalidPoint { position })
    }

    /// Runs `work` on matching chunks of input and output. `Err` holds the lowest failing index,
    /// whatever the number of cores.
    fn for_chunks<I: Sync, O: Send>(
        &self,
        input: &[I],
        out: &mut [O],
        work: impl Fn(&[I], &mut [O]) -> Result<(), usize> + Sync,
    ) -> Result<(), usize> {
        assert_eq!(input.len(), out.len(), "one output for every input");
        let run = |(chunk, (input, out)): (usize, (&[I], &mut [O]))| {
            work(input, out).err().map(|index| chunk * CHUNK + index)
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
