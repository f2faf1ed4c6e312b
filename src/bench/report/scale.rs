//! Logarithmic axes and where their ticks are.

use super::text;

/// What stands on an axis.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quantity {
    /// Seconds, with ticks at decades.
    Seconds,
    /// Bytes, with ticks at decades.
    Bytes,
    /// Powers of two, with ticks at the values that there are.
    Elements,
    /// Threads, or how many times as fast: ticks at powers of two.
    Times,
}

/// A logarithmic axis in the coordinates of a plot.
pub struct Scale {
    low: f64,
    high: f64,
    from: f64,
    to: f64,
    /// Values and what stands at them.
    pub ticks: Vec<(f64, String)>,
}

impl Scale {
    /// Covers these values, which are greater than 0, on the way from one coordinate to another.
    pub fn new(quantity: Quantity, values: &[f64], from: f64, to: f64) -> Scale {
        let usable = |value: &&f64| value.is_finite() && **value > 0.0;
        let values: Vec<f64> = values.iter().filter(usable).copied().collect();
        let least = values.iter().copied().fold(f64::INFINITY, f64::min);
        let most = values.iter().copied().fold(0.0, f64::max);
        let (least, most) = if values.is_empty() { (1.0, 10.0) } else { (least, most) };
        let (low, high) = range(quantity, least, most);
        let mut scale = Scale { low, high, from, to, ticks: Vec::new() };
        scale.ticks = scale.labelled(quantity, &values);
        scale
    }

    /// Where a value stands; what is no value, or outside, at the end that is nearest.
    pub fn at(&self, value: f64) -> f64 {
        let part = (value / self.low).ln() / (self.high / self.low).ln();
        let part = if part.is_nan() { 0.0 } else { part.clamp(0.0, 1.0) };
        self.from + part * (self.to - self.from)
    }

    /// Ticks, as many as leave room for their labels.
    fn labelled(&self, quantity: Quantity, values: &[f64]) -> Vec<(f64, String)> {
        let inside = |value: &f64| *value >= self.low * 0.999 && *value <= self.high * 1.001;
        let ticks: Vec<f64> = match quantity {
            Quantity::Elements => distinct(values),
            Quantity::Times => (-6..20).map(|power| 2f64.powi(power)).filter(inside).collect(),
            Quantity::Seconds | Quantity::Bytes => decades(self.low, self.high),
        };
        let room = match quantity {
            _ if self.to < self.from => 18.0,
            Quantity::Seconds | Quantity::Bytes => 44.0,
            Quantity::Elements | Quantity::Times => 32.0,
        };
        let mut kept: Vec<(f64, String)> = Vec::new();
        for value in ticks.into_iter().rev() {
            let near = |(last, _): &(f64, String)| (self.at(*last) - self.at(value)).abs() < room;
            if !kept.last().is_some_and(near) {
                kept.push((value, label(quantity, value)));
            }
        }
        kept.reverse();
        kept
    }
}

/// With room at both ends.
fn range(quantity: Quantity, least: f64, most: f64) -> (f64, f64) {
    let margin = match quantity {
        Quantity::Elements => 1.25,
        Quantity::Times => 1.15,
        Quantity::Seconds | Quantity::Bytes => 1.35,
    };
    (least / margin, most * margin)
}

fn distinct(values: &[f64]) -> Vec<f64> {
    let mut values = values.to_vec();
    values.sort_by(f64::total_cmp);
    values.dedup();
    values
}

/// Powers of ten between two values; with 2 and 5 times them where there are few.
fn decades(low: f64, high: f64) -> Vec<f64> {
    let (first, last) = (low.log10().floor() as i32, high.log10().ceil() as i32);
    let few = (high / low).log10() < 2.2;
    let steps: &[f64] = if few { &[1.0, 2.0, 5.0] } else { &[1.0] };
    let of = |power: i32| steps.iter().map(move |step| step * 10f64.powi(power));
    (first..=last).flat_map(of).filter(|value| *value >= low && *value <= high).collect()
}

/// Seconds from ten thousand on are a power of ten: only decades are that long.
fn label(quantity: Quantity, value: f64) -> String {
    match quantity {
        Quantity::Elements => text::elements(value as u64),
        Quantity::Times => text::exact(value),
        Quantity::Bytes => text::exact_bytes(value),
        Quantity::Seconds if value > 9e3 => format!("10{} s", text::raised(value.log10() as u32)),
        Quantity::Seconds => text::exact_seconds(value),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(quantity: Quantity, values: &[f64]) -> Vec<String> {
        let scale = Scale::new(quantity, values, 0.0, 400.0);
        scale.ticks.into_iter().map(|(_, label)| label).collect()
    }

    #[test]
    fn ticks_are_where_people_expect_them() {
        let said = labels(Quantity::Seconds, &[0.000_9, 40.0]);
        assert_eq!(said, ["1 ms", "10 ms", "100 ms", "1 s", "10 s"]);
        assert_eq!(labels(Quantity::Bytes, &[1.1e6, 9e6]), ["1 MB", "2 MB", "5 MB", "10 MB"]);
        assert_eq!(labels(Quantity::Elements, &[4096.0, 16384.0, 4096.0]), ["2¹²", "2¹⁴"]);
        assert_eq!(labels(Quantity::Times, &[1.0, 8.0]), ["1", "2", "4", "8"]);
    }

    #[test]
    fn every_value_stands_inside_and_in_order() {
        for values in [vec![3.0], vec![1e-6, 1e6], vec![2.0, 2.0], vec![0.0, f64::NAN, 5.0], vec![]]
        {
            let scale = Scale::new(Quantity::Seconds, &values, 200.0, 10.0);
            for value in values.into_iter().filter(|value| *value > 0.0) {
                assert!((10.0..=200.0).contains(&scale.at(value)), "{value}");
            }
            assert!(scale.at(scale.low) > scale.at(scale.high));
        }
    }
}
