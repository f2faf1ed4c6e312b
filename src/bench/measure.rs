//! Clocks, and what is said of many times.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// Whose CPU time. Unlike the time on the wall, it does not count waiting for other programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cpu {
    /// That of the calling thread.
    Thread,
    /// That of all threads of this process.
    Process,
}

impl Cpu {
    /// CPU time so far.
    pub fn now(self) -> Duration {
        let time = clock_gettime(match self {
            Cpu::Thread => ClockId::ThreadCPUTime,
            Cpu::Process => ClockId::ProcessCPUTime,
        });
        Duration::new(time.tv_sec.unsigned_abs(), time.tv_nsec as u32)
    }

    /// What `work` takes. What it returns is dropped afterwards.
    pub fn time<R>(self, work: impl FnOnce() -> R) -> Duration {
        let start = self.now();
        let result = work();
        let elapsed = self.now() - start;
        drop(std::hint::black_box(result));
        elapsed
    }
}

/// Measurements of one thing.
#[derive(Clone, Debug, Default)]
pub struct Sample(Vec<f64>);

impl Sample {
    /// One more.
    pub fn push(&mut self, value: f64) {
        let at = self.0.partition_point(|earlier| earlier.total_cmp(&value).is_lt());
        self.0.insert(at, value);
    }

    /// The middle one, or the mean of the middle two; not a number where there are none.
    pub fn median(&self) -> f64 {
        self.quantile(0.5)
    }

    /// Half the distance between the quartiles.
    pub fn spread(&self) -> f64 {
        (self.quantile(0.75) - self.quantile(0.25)) / 2.0
    }

    /// Standard deviation; none of fewer than two.
    pub fn deviation(&self) -> Option<f64> {
        if self.0.len() > 1 && self.0.first() == self.0.last() {
            return Some(0.0); // and not what rounding leaves
        }
        let count = self.0.len() as f64;
        let mean = self.0.iter().sum::<f64>() / count;
        let squares: f64 = self.0.iter().map(|value| (value - mean).powi(2)).sum();
        (self.0.len() > 1).then(|| f64::sqrt(squares / (count - 1.0)))
    }

    /// All of them, least first.
    pub fn values(&self) -> &[f64] {
        &self.0
    }

    /// Where this part of the measurements, from 0 to 1, is no greater: between the two nearest, in
    /// proportion.
    pub fn quantile(&self, part: f64) -> f64 {
        let Some(last) = self.0.len().checked_sub(1) else { return f64::NAN };
        let place = last as f64 * part;
        let (low, high) = (self.0[place.floor() as usize], self.0[place.ceil() as usize]);
        low + (high - low) * place.fract()
    }
}

impl FromIterator<f64> for Sample {
    fn from_iter<I: IntoIterator<Item = f64>>(values: I) -> Self {
        let mut values: Vec<f64> = values.into_iter().collect();
        values.sort_by(f64::total_cmp);
        Sample(values)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn medians_and_spreads() {
        let sample: Sample = [9.0, 1.0, 5.0, 3.0, 7.0].into_iter().collect();
        assert_eq!((sample.median(), sample.spread()), (5.0, 2.0));
        assert_eq!(sample.deviation(), Some(f64::sqrt(10.0)));
        let mut sample = Sample::default();
        assert!(sample.median().is_nan() && sample.deviation().is_none());
        for value in [4.0, 1.0, 2.0, 3.0] {
            sample.push(value);
        }
        assert_eq!((sample.median(), sample.spread()), (2.5, 0.75));
    }

    #[test]
    fn work_takes_cpu_time_and_sleep_does_not() {
        let spin = || {
            let started = Cpu::Thread.now();
            while Cpu::Thread.now() - started < Duration::from_millis(20) {
                std::hint::black_box([7u8; 256].iter().map(|&byte| u32::from(byte)).sum::<u32>());
            }
        };
        let spun = Cpu::Thread.time(spin);
        let slept = Cpu::Thread.time(|| std::thread::sleep(Duration::from_millis(200)));
        assert!(spun >= Duration::from_millis(20), "{spun:?}");
        assert!(slept < Duration::from_millis(100), "{slept:?}");
    }
}
