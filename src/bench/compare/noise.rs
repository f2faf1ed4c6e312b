//! How much one figure moves by itself, in logarithms.

use std::collections::BTreeMap;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use crate::bench::measure::Sample;

/// What noise looks like in all runs of a figure.
pub struct Noise {
    /// Noise that half of the cells do not exceed; none where no cell has two runs.
    usual: Option<f64>,
    /// Differences between two runs of a cell, in the noise of its like.
    differences: Vec<f64>,
    /// How often a ratio may be called a change by mistake.
    level: f64,
    /// Reach in units of noise, by numbers of runs.
    reaches: BTreeMap<[usize; 2], f64>,
}

/// Fixed, so that two comparisons of the same records say the same.
const SEED: u64 = 1;

/// Draws: enough for ten beyond the reach at this level, within bounds.
const DRAWS: [f64; 2] = [20_000.0, 200_000.0];

impl Noise {
    /// Of pairs of samples in logarithms, the two of each pair of cells that are alike.
    pub fn of<'a>(pairs: impl Iterator<Item = &'a [Sample; 2]>, level: f64) -> Noise {
        let pairs: Vec<&[Sample; 2]> = pairs.collect();
        let repeated = pairs.iter().flat_map(|pair| pair.iter());
        let all: Sample = repeated.filter(|one| one.values().len() > 1).map(own).collect();
        let usual = (!all.values().is_empty()).then(|| all.median());
        let mut noise = Noise { usual, differences: Vec::new(), level, reaches: BTreeMap::new() };
        for [old, new] in pairs {
            noise.add(old, new);
            noise.add(new, old);
        }
        noise
    }

    /// Differences between runs of `sample`, in the noise of the other one: a few runs that spread much
    /// would hide behind their own.
    fn add(&mut self, sample: &Sample, other: &Sample) {
        let scale = self.scale([other]) * std::f64::consts::SQRT_2;
        let values = sample.values();
        for (at, one) in values.iter().enumerate().filter(|_| scale > 0.0) {
            self.differences.extend(values[..at].iter().map(|other| (one - other) / scale));
        }
    }

    /// Standard deviation of most runs, as a part of the figure.
    pub fn usual(&self) -> Option<f64> {
        self.usual.map(f64::exp_m1)
    }

    /// How far apart noise alone may leave the medians of two samples; none where nothing is known
    /// of the noise.
    pub fn reach(&mut self, old: &Sample, new: &Sample) -> Option<f64> {
        self.usual?;
        let scale = self.scale([old, new]);
        if self.differences.is_empty() {
            return Some(0.0); // a figure that never moves
        }
        let runs = [old, new].map(|sample| sample.values().len());
        let reach = match self.reaches.get(&runs) {
            Some(reach) => *reach,
            None => self.draw(runs),
        };
        self.reaches.insert(runs, reach);
        Some(scale * reach)
    }

    /// The greatest of what some samples and most cells have.
    fn scale<const N: usize>(&self, samples: [&Sample; N]) -> f64 {
        samples.iter().map(|sample| own(sample)).fold(self.usual.unwrap_or(0.0), f64::max)
    }

    /// The bootstrap.
    fn draw(&self, runs: [usize; 2]) -> f64 {
        let mut random = StdRng::seed_from_u64(SEED);
        let draws = (10.0 / self.level).clamp(DRAWS[0], DRAWS[1]) as usize;
        let mut median = |runs: usize| -> f64 {
            let one = |_| {
                let difference = self.differences[random.random_range(..self.differences.len())];
                if random.random() { difference } else { -difference }
            };
            (0..runs).map(one).collect::<Sample>().median()
        };
        let apart: Sample = (0..draws).map(|_| (median(runs[0]) - median(runs[1])).abs()).collect();
        apart.quantile(1.0 - self.level)
    }
}

/// Standard deviation of a sample, were it normal, from its quartiles.
fn own(sample: &Sample) -> f64 {
    if sample.values().len() < 2 { 0.0 } else { sample.spread() * 2.0 / 1.349 }
}
