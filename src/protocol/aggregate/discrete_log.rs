//! From `t G` to `t`, for totals below 2^40: baby steps and giant steps (Shanks 1971).
//!
//! The baby steps `0 G .. (2^b - 1) G` stand in a table, with `2^b` about the square root of the
//! range; the giant steps `T - j 2^b G` are looked up in it. The table is kept for the life of the
//! process and made again only where a wider one is needed: 16 bytes a step, so 16 MiB for totals to
//! 2^40. Steps are additions, and share the inversion of their encoding, in batches over all cores.
//!
//! The peer waits meanwhile, so how long it takes must not tell the total: every giant step of the
//! range is taken and looked up, whichever has the total. What is left is where in the table the
//! steps' slots lie.

use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use curve25519_dalek::ristretto::RistrettoPoint;
use curve25519_dalek::scalar::Scalar;

use crate::group::{Encoding, Engine, Points, SecretScalar};
use crate::proof::encode;

/// The greatest total that is looked for, and one more.
pub(crate) const LIMIT: u64 = 1 << 40;

/// A search for one total.
pub(super) struct Search {
    target: RistrettoPoint,
    most: u64,
    table: Arc<Table>,
    stage: Stage,
}

enum Stage {
    Start,
    /// The table is being made.
    Building {
        walk: Walk,
        table: Table,
    },
    /// The giant steps.
    Stepping {
        walk: Walk,
        next: u64,
        found: Option<u64>,
    },
    Over(Option<u64>),
}

/// What a piece of work came to.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Found {
    NotYet,
    Total(u64),
    /// There is no such total.
    Nothing,
}

impl Search {
    /// For `t` with `target = t G` and `t <= most`, which must be below [`LIMIT`].
    pub(super) fn new(target: RistrettoPoint, most: u64) -> Search {
        debug_assert!(most < LIMIT);
        let table = Arc::clone(&TABLE.lock().unwrap_or_else(PoisonError::into_inner));
        Search { target, most, table, stage: Stage::Start }
    }

    /// Does the next piece of work: some ten thousand steps.
    pub(super) fn advance(&mut self, engine: &Engine) -> Found {
        self.stage = match std::mem::replace(&mut self.stage, Stage::Over(None)) {
            Stage::Start if self.table.len() < self.steps() => {
                let walk = Walk::from_zero(engine, self.steps());
                Stage::Building { walk, table: Table::new(self.steps()) }
            }
            Stage::Start => self.first_giant_step(engine),
            Stage::Building { walk, table } => self.build(engine, walk, table),
            Stage::Stepping { walk, next, found } => self.look_up(engine, walk, next, found),
            over => over,
        };
        match self.stage {
            Stage::Over(Some(total)) => Found::Total(total),
            Stage::Over(None) => Found::Nothing,
            _ => Found::NotYet,
        }
    }

    /// Baby steps for this range: a power of two near its square root.
    fn steps(&self) -> u64 {
        1 << (self.most.max(1).ilog2() / 2 + 1).clamp(6, 20)
    }

    fn build(&mut self, engine: &Engine, mut walk: Walk, mut table: Table) -> Stage {
        for _ in 0..BLOCKS_A_PIECE {
            if table.len() == self.steps() {
                self.table = Arc::new(table);
                *TABLE.lock().unwrap_or_else(PoisonError::into_inner) = Arc::clone(&self.table);
                return self.first_giant_step(engine);
            }
            walk.block(engine).iter().for_each(|step| table.push(step));
        }
        Stage::Building { walk, table }
    }

    fn first_giant_step(&self, engine: &Engine) -> Stage {
        let (step, steps) = (self.table.len(), self.most / self.table.len() + 1);
        // For `-s G` there is no such walk and no total, which must not take less time: its neighbour has
        // one, on which nothing is found.
        let neighbour = || self.target - RistrettoPoint::mul_base(&Scalar::ONE);
        let walk = Walk::down_from(engine, &self.target, step, steps)
            .or_else(|| Walk::down_from(engine, &neighbour(), step, steps))
            .expect("one of two neighbours is not -s G");
        Stage::Stepping { walk, next: 0, found: None }
    }

    fn look_up(
        &self,
        engine: &Engine,
        mut walk: Walk,
        mut next: u64,
        mut found: Option<u64>,
    ) -> Stage {
        for _ in 0..BLOCKS_A_PIECE {
            for giant in walk.block(engine) {
                for baby in self.table.candidates(&giant) {
                    let total = next + u64::from(baby);
                    if total <= self.most && RistrettoPoint::mul_base(&total.into()) == self.target
                    {
                        found = Some(total);
                    }
                }
                next += self.table.len();
                if next > self.most {
                    return Stage::Over(found);
                }
            }
        }
        Stage::Stepping { walk, next, found }
    }
}

/// Points at equal distances, a block at a time. They are kept halved, as products are, so that
/// their encodings share an inversion.
struct Walk {
    block: Points,
    /// From a block to the next.
    stride: Points,
    upwards: bool,
    /// A first point that is no product.
    zero: bool,
}

impl Walk {
    /// `0, G, 2 G, ..`, for so many steps.
    fn from_zero(engine: &Engine, steps: u64) -> Walk {
        let length = BLOCK.min(steps);
        let block = products(engine, 1..=length);
        let stride = products(engine, std::iter::repeat_n(length, length as usize));
        Walk { block, stride, upwards: true, zero: true }
    }

    /// `T, T - s G, T - 2 s G, ..`, for at least so many steps. `None` for `-s G`, which is not a start
    /// that leads anywhere.
    fn down_from(engine: &Engine, target: &RistrettoPoint, step: u64, steps: u64) -> Option<Walk> {
        let length = BLOCK.min(steps);
        // The multiple that is taken away begins at one step, so the walk begins one above.
        let above = encode(&(target + RistrettoPoint::mul_base(&Scalar::from(step))));
        let mut block = engine.decode(&vec![above; length as usize]).ok()?;
        engine.multiply(&mut block, &SecretScalar::from_numbers([1])[0]);
        engine.sub(&mut block, &products(engine, (1..=length).map(|i| i * step)));
        let stride = products(engine, std::iter::repeat_n(length * step, length as usize));
        Some(Walk { block, stride, upwards: false, zero: false })
    }

    /// The next block.
    fn block(&mut self, engine: &Engine) -> Vec<Encoding> {
        let mut encodings = vec![Encoding::IDENTITY; self.block.len()];
        engine.encode(&self.block, &mut encodings);
        match self.upwards {
            true => engine.add(&mut self.block, &self.stride),
            false => engine.sub(&mut self.block, &self.stride),
        }
        if std::mem::take(&mut self.zero) {
            encodings.insert(0, Encoding::IDENTITY);
        }
        encodings
    }
}

fn products(engine: &Engine, numbers: impl IntoIterator<Item = u64>) -> Points {
    let generator = engine.fix(&Encoding::GENERATOR).expect("the generator is a point");
    engine.multiply_fixed(&generator, &SecretScalar::from_numbers(numbers))
}

/// Baby steps by their encoding: open addressing, half full.
struct Table {
    slots: Vec<Slot>,
    steps: u64,
    most: u64,
}

/// A part of the encoding that the place does not tell, and the step with 1 added; 0 is empty.
#[derive(Clone, Copy, Default)]
struct Slot {
    print: u32,
    step: u32,
}

static TABLE: LazyLock<Mutex<Arc<Table>>> = LazyLock::new(|| Mutex::new(Arc::new(Table::new(0))));

impl Table {
    /// For so many steps, a power of two.
    fn new(steps: u64) -> Table {
        Table { slots: vec![Slot::default(); 2 * steps as usize], steps: 0, most: steps }
    }

    fn len(&self) -> u64 {
        self.steps
    }

    /// Takes the next step, unless it is full.
    fn push(&mut self, encoding: &Encoding) {
        if self.steps == self.most {
            return;
        }
        self.steps += 1;
        let (mut place, print) = self.place(encoding);
        while self.slots[place].step != 0 {
            place = (place + 1) % self.slots.len();
        }
        self.slots[place] = Slot { print, step: self.steps as u32 };
    }

    /// The steps that may have this encoding: with it, or with luck of one in 2^32.
    fn candidates(&self, encoding: &Encoding) -> impl Iterator<Item = u32> {
        let (place, print) = self.place(encoding);
        let length = self.slots.len();
        let run = (0..length).map(move |i| self.slots[(place + i) % length]);
        run.take_while(|slot| slot.step != 0)
            .filter(move |slot| slot.print == print)
            .map(|slot| slot.step - 1)
    }

    /// Encodings are as good as random, but for their first and last bits.
    fn place(&self, encoding: &Encoding) -> (usize, u32) {
        let words = encoding.0.as_chunks::<4>().0;
        let [place, print] = [words[2], words[4]].map(u32::from_le_bytes);
        (place as usize % self.slots.len(), print)
    }
}

/// Steps that are encoded together.
const BLOCK: u64 = 1024;

/// Blocks in a piece of work.
const BLOCKS_A_PIECE: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::group::{Backend, Parallelism};

    fn find(engine: &Engine, target: RistrettoPoint, most: u64) -> Option<u64> {
        search(engine, target, most).0
    }

    /// What is found, and in how many pieces of work.
    fn search(engine: &Engine, target: RistrettoPoint, most: u64) -> (Option<u64>, usize) {
        let mut search = Search::new(target, most);
        for pieces in 1.. {
            match search.advance(engine) {
                Found::NotYet => {}
                Found::Total(total) => return (Some(total), pieces),
                Found::Nothing => return (None, pieces),
            }
        }
        unreachable!()
    }

    /// The peer waits for it, and may not learn the total.
    #[test]
    fn the_work_does_not_depend_on_the_total() {
        let engine = Engine::new(Backend::detect(), Parallelism::Rayon);
        let most = 1 << 32;
        find(&engine, times(0), most); // so that there is a table
        let pieces = |total| search(&engine, times(total), most).1;
        let all = pieces(most);
        assert!(all >= 4, "{all} pieces of work do not tell much");
        for total in [0, 1, most / 3, most - 1, most + 1] {
            assert_eq!(pieces(total), all, "{total}");
        }
        let steps = TABLE.lock().unwrap().len();
        for negative in [1, steps, steps + 1] {
            assert_eq!(search(&engine, -times(negative), most), (None, all), "-{negative}");
        }
    }

    fn times(total: u64) -> RistrettoPoint {
        RistrettoPoint::mul_base(&Scalar::from(total))
    }

    #[test]
    fn every_total_in_range_is_found_and_none_beyond() {
        let engine = Engine::new(Backend::portable(), Parallelism::Rayon);
        for most in [0, 1, 64, 100_000] {
            let some = [0, 1, 63, 64, 65, 128, most / 2, most, most + 1, most + 128];
            for total in some {
                let expected = (total <= most).then_some(total);
                assert_eq!(find(&engine, times(total), most), expected, "{total} of {most}");
            }
            for negative in [1, 64, 128, 512] {
                assert_eq!(find(&engine, -times(negative), most), None);
            }
        }
    }

    /// With a table of several pieces, and as many giant steps.
    #[test]
    fn a_total_far_from_zero_is_found_on_every_backend() {
        let total = (1 << 24) + 12_345;
        for backend in Backend::available() {
            let engine = Engine::new(backend, Parallelism::Rayon);
            assert_eq!(find(&engine, times(total), 1 << 25), Some(total));
        }
    }
}
