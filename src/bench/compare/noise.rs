//! How much one figure moves by itself, in logarithms.

use std::collections::BTreeMap;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use crate::bench::measure::Sample;

/// What noise looks like in all runs of a figure.
pub struct Noise {
    /// Noise of the cells of a group, in the mean square; none where no cell of it has two runs.
    floors: Vec<Option<f64>>,
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
    /// Of pairs of samples in logarithms, the two of each pair of cells that are alike, with the group of
    /// each: cells of which as much noise is to be expected.
    pub fn of<'a>(pairs: impl Iterator<Item = (usize, &'a [Sample; 2])>, level: f64) -> Noise {
        let pairs: Vec<(usize, &[Sample; 2])> = pairs.collect();
        let groups = pairs.iter().map(|(group, _)| group + 1).max().unwrap_or(0);
        let floors = (0..groups).map(|group| {
            let members = pairs.iter().filter(|(of, _)| *of == group);
            let own = members.flat_map(|(_, pair)| pair.iter().filter_map(Sample::deviation));
            mean_square(own)
        });
        let (floors, reaches) = (floors.collect(), BTreeMap::new());
        let mut noise = Noise { floors, differences: Vec::new(), level, reaches };
        for (group, [old, new]) in pairs {
            noise.add(group, old, new);
            noise.add(group, new, old);
        }
        noise
    }

    /// Differences between runs of `sample`, in the noise of the other one: a few runs that spread much
    /// would hide behind their own.
    fn add(&mut self, group: usize, sample: &Sample, other: &Sample) {
        let scale = self.scale(group, [other]).unwrap_or(0.0) * std::f64::consts::SQRT_2;
        let values = sample.values();
        for (at, one) in values.iter().enumerate().filter(|_| scale > 0.0) {
            self.differences.extend(values[..at].iter().map(|other| (one - other) / scale));
        }
    }

    /// Standard deviation in the quietest group and in the noisiest, as a part of the figure.
    pub fn range(&self) -> Option<[f64; 2]> {
        let all: Sample = self.floors.iter().flatten().map(|floor| floor.exp_m1()).collect();
        Some([*all.values().first()?, *all.values().last()?])
    }

    /// How far apart noise alone may leave the medians of two samples of a group; none where nothing is
    /// known of the noise.
    pub fn reach(&mut self, group: usize, old: &Sample, new: &Sample) -> Option<f64> {
        let scale = self.scale(group, [old, new])?;
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

    /// The greatest of what some samples and their group have.
    fn scale<const N: usize>(&self, group: usize, samples: [&Sample; N]) -> Option<f64> {
        let floor = self.floors[group]?;
        Some(samples.into_iter().filter_map(Sample::deviation).fold(floor, f64::max))
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

fn mean_square(deviations: impl Iterator<Item = f64>) -> Option<f64> {
    let (count, sum) =
        deviations.fold((0.0, 0.0), |(count, sum), one| (count + 1.0, sum + one * one));
    (count > 0.0).then(|| f64::sqrt(sum / count))
}
