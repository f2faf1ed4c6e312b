//! Batches over chunks, chunks over cores.

use std::ops::Range;

use rayon::prelude::*;

use super::Backend;

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

/// Elements that one task takes on, if there are enough for all cores: a multiple of two vectors. The
/// one inversion in a batched encoding is lost in the noise, and the working memory stays in the
/// second-level cache; `docs/kernel.md` has times for other lengths.
const CHUNK: usize = 256;
/// Elements that one task takes on at least. The inversion is then one part in a hundred.
const SMALLEST_CHUNK: usize = 64;
/// Tasks for each core, so that none waits long for the slowest.
const TASKS_PER_CORE: usize = 4;

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

    /// Elements in a chunk of a batch of `length`: [`CHUNK`], or fewer where cores would have nothing
    /// to do.
    pub(super) fn chunk_of(&self, length: usize) -> usize {
        match self.parallelism {
            Parallelism::Serial => CHUNK,
            Parallelism::Rayon => {
                let tasks = TASKS_PER_CORE * rayon::current_num_threads();
                length.div_ceil(tasks).next_multiple_of(SMALLEST_CHUNK).clamp(SMALLEST_CHUNK, CHUNK)
            }
        }
    }

    /// Runs `work` on all chunks of a batch of `length` elements. It gets the range of a chunk's
    /// elements and their part of `out`, which has an item for every `lanes` elements; and working
    /// memory from `scratch`, which a core makes now and then and uses for many chunks.
    ///
    /// `work` fails with an index in its range. `Err` holds the lowest index in the batch that failed,
    /// whatever the number of cores.
    pub(super) fn for_chunks<T: Send, S>(
        &self,
        length: usize,
        lanes: usize,
        out: &mut [T],
        scratch: impl Fn() -> S + Sync + Send,
        work: impl Fn(&mut S, Range<usize>, &mut [T]) -> Result<(), usize> + Sync + Send,
    ) -> Result<(), usize> {
        assert_eq!(out.len(), length.div_ceil(lanes), "one output for every input");
        let chunk = self.chunk_of(length);
        let run = |scratch: &mut S, (i, out): (usize, &mut [T])| {
            let start = i * chunk;
            work(scratch, start..length.min(start + chunk), out).err().map(|index| start + index)
        };
        let failed = match self.parallelism {
            Parallelism::Serial => {
                let mut scratch = scratch();
                out.chunks_mut(chunk / lanes).enumerate().find_map(|part| run(&mut scratch, part))
            }
            Parallelism::Rayon => out
                .par_chunks_mut(chunk / lanes)
                .enumerate()
                .map_init(scratch, run)
                .flatten_iter()
                .min(),
        };
        failed.map_or(Ok(()), Err)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chunks(cores: usize, length: usize) -> usize {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(cores).build().expect("threads");
        let engine = Engine::new(Backend::portable(), Parallelism::Rayon);
        length.div_ceil(pool.install(|| engine.chunk_of(length)))
    }

    #[test]
    fn many_cores_all_have_work() {
        assert_eq!(chunks(64, 1 << 16), 256);
        assert_eq!(chunks(64, 8192), 128);
        assert_eq!(chunks(16, 8192), 64);
        assert_eq!(chunks(2, 1 << 20), 4096);
        assert_eq!(chunks(2, 10), 1);
    }
}
