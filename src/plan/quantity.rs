//! Rates and times as people write them.

use std::time::Duration;

/// A data rate in bytes a second: `100Mbps`, `1Gbps`, `2.5 Mbit/s`; `12MB/s`, `800kB/s`; units of a
/// thousand. `None` where it is none, or zero.
pub fn bandwidth(text: &str) -> Option<f64> {
    let (number, unit) = parts(text)?;
    let bytes = [("bps", 0.125), ("bit/s", 0.125), ("B/s", 1.0)];
    let (scale, of) = bytes.iter().find_map(|(name, of)| Some((unit.strip_suffix(name)?, of)))?;
    let scale = match scale {
        "" => 1.0,
        "k" | "K" => 1e3,
        "M" => 1e6,
        "G" => 1e9,
        _ => return None,
    };
    Some(number * scale * of).filter(|rate| *rate > 0.0 && rate.is_finite())
}

/// A time: `40ms`, `1.5s`, `300us`, or `0`. At most an hour.
pub fn duration(text: &str) -> Option<Duration> {
    let (number, unit) = parts(text)?;
    let seconds = match unit {
        "us" => number * 1e-6,
        "ms" => number * 1e-3,
        "s" => number,
        "" if number == 0.0 => 0.0,
        _ => return None,
    };
    (0.0..=3600.0).contains(&seconds).then(|| Duration::from_secs_f64(seconds))
}

/// A number without sign or exponent, and the unit after it.
fn parts(text: &str) -> Option<(f64, &str)> {
    let text = text.trim();
    let end = text.find(|c: char| !(c.is_ascii_digit() || c == '.')).unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    Some((number.parse().ok()?, unit.trim_start()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_as_people_write_them() {
        let rates = [
            ("100Mbps", 12.5e6),
            ("1Gbps", 125e6),
            ("2.5 Mbit/s", 312_500.0),
            ("12MB/s", 12e6),
            ("800kB/s", 8e5),
            ("8bps", 1.0),
        ];
        for (text, expected) in rates {
            assert_eq!(bandwidth(text), Some(expected), "{text}");
        }
        for text in ["", "100", "Mbps", "0Mbps", "-1Mbps", "1e3Mbps", "1.2.3Gbps", "1Mb", "1XB/s"] {
            assert_eq!(bandwidth(text), None, "{text}");
        }
    }

    #[test]
    fn times_as_people_write_them() {
        let times = [("40ms", 40_000), ("1.5s", 1_500_000), ("300us", 300), ("0", 0), ("0 ms", 0)];
        for (text, micros) in times {
            assert_eq!(duration(text), Some(Duration::from_micros(micros)), "{text}");
        }
        for text in ["", "40", "ms", "-1ms", "2h", "3601s", "1e3ms"] {
            assert_eq!(duration(text), None, "{text}");
        }
    }
}
