//! Figures and names as text.
//!
//! Names come from files and are as hostile as those: [`name`] takes out what cannot be seen, and
//! each format escapes what means something to it ([`html`], [`markdown`]).

use crate::bench::measure::Sample;
use crate::bench::record::{Kind, Network, Subject};
use crate::error::printable;

/// What stands for a figure that is not there.
pub const NOTHING: &str = "–";

/// The name of a subject with what has to stand beside it everywhere: that it is insecure, or its
/// version.
pub fn subject(subject: &Subject) -> String {
    let shown = name(&subject.name);
    match (subject.kind, &subject.version) {
        (Kind::Insecure, _) => format!("{shown} (INSECURE)"),
        (_, Some(version)) => format!("{shown} {}", name(version)),
        _ => shown,
    }
}

/// A name from a file: no controls, nothing that hides or reorders text, and an end.
pub fn name(text: &str) -> String {
    printable(text)
}

/// For between tags, and for attributes in double quotes.
pub fn html(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            c => escaped.push(c),
        }
    }
    escaped
}

/// For a cell of a table in Markdown, or a line: nothing in it is markup, HTML or a column's end.
pub fn markdown(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '~' | '!' | '#' | '>' | '$' | '@' => {
                escaped.push('\\');
                escaped.push(c);
            }
            c => escaped.push(c),
        }
    }
    escaped
}

/// A number of elements: as a power of two, or of ten from a million on, where it is one; else in groups of
/// three digits.
pub fn elements(count: u64) -> String {
    if count.is_power_of_two() && count >= 1024 {
        format!("2{}", raised(count.trailing_zeros()))
    } else if count >= 1_000_000 && 10u64.checked_pow(count.ilog10()) == Some(count) {
        format!("10{}", raised(count.ilog10()))
    } else {
        grouped(count)
    }
}

/// Two lists' sizes.
pub fn sizes(advertiser: u64, platform: u64) -> String {
    format!("{} × {}", elements(advertiser), elements(platform))
}

/// A number in superscript digits.
pub fn raised(number: u32) -> String {
    const DIGITS: [char; 10] = ['⁰', '¹', '²', '³', '⁴', '⁵', '⁶', '⁷', '⁸', '⁹'];
    let digit = |c: char| c.to_digit(10).map_or(c, |digit| DIGITS[digit as usize]);
    number.to_string().chars().map(digit).collect()
}

/// `1 thread`, `8 threads`.
pub fn threads(count: usize) -> String {
    format!("{count} thread{}", if count == 1 { "" } else { "s" })
}

/// `1,234,567`.
pub fn grouped(count: u64) -> String {
    let digits = count.to_string();
    let mut grouped = String::new();
    for (at, c) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(c);
    }
    grouped
}

/// Three significant digits, without an exponent up to a million.
pub fn number(value: f64) -> String {
    if !value.is_finite() {
        return NOTHING.to_owned();
    }
    let size = value.abs();
    if size >= 999.5 {
        let rounded = size.round();
        let sign = if value < 0.0 { "-" } else { "" };
        return if rounded < 1e15 {
            format!("{sign}{}", grouped(rounded as u64))
        } else {
            format!("{value:.2e}")
        };
    }
    format!("{value:.0$}", digits(size))
}

/// Digits after the point that make three significant ones.
fn digits(size: f64) -> usize {
    match size {
        size if size >= 99.95 || size == 0.0 => 0,
        size if size >= 9.995 => 1,
        size if size >= 0.9995 => 2,
        size if size >= 0.09995 => 3,
        _ => 4,
    }
}

/// A unit, and how much of the base unit it is.
type Unit = (f64, &'static str);

const SECONDS: [Unit; 6] =
    [(1e-6, "µs"), (1e-3, "ms"), (1.0, "s"), (60.0, "min"), (3600.0, "h"), (86_400.0, "days")];

const BYTES: [Unit; 6] =
    [(1.0, "B"), (1e3, "kB"), (1e6, "MB"), (1e9, "GB"), (1e12, "TB"), (1e15, "PB")];

const RATES: [Unit; 4] = [(1.0, "bit/s"), (1e3, "kbit/s"), (1e6, "Mbit/s"), (1e9, "Gbit/s")];

/// Seconds in the unit that suits them.
pub fn seconds(value: f64) -> String {
    in_unit(value, &SECONDS)
}

/// Bytes in the unit that suits them; thousands, not 1,024.
pub fn bytes(value: f64) -> String {
    in_unit(value, &BYTES)
}

/// A figure that someone chose, such as a tick: no more digits than it has.
pub fn exact(value: f64) -> String {
    let text = format!("{value:.6}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// The same in bytes.
pub fn exact_bytes(value: f64) -> String {
    exactly(value, &BYTES)
}

/// The same in seconds, never more than those.
pub fn exact_seconds(value: f64) -> String {
    exactly(value, &SECONDS[..3])
}

fn exactly(value: f64, units: &[Unit]) -> String {
    let (size, unit) = suited(value * 1.000_001, units);
    format!("{} {unit}", exact(value / size))
}

/// The median of some seconds and half the distance between their quartiles; of one alone, itself.
pub fn seconds_about(sample: &Sample) -> String {
    match sample.values() {
        [one] => seconds(*one),
        _ => about(sample.median(), sample.spread(), &SECONDS),
    }
}

/// Seconds and what they may be, in one unit: `7.05 min (6.95 to 7.21)`.
pub fn seconds_within([value, low, high]: [f64; 3]) -> String {
    let (size, unit) = suited(value, &SECONDS);
    format!("{} {unit} ({} to {})", number(value / size), number(low / size), number(high / size))
}

/// Bytes and what they may be, in one unit.
pub fn bytes_within([value, low, high]: [f64; 3]) -> String {
    let (size, unit) = suited(value, &BYTES);
    format!("{} {unit} ({} to {})", number(value / size), number(low / size), number(high / size))
}

/// A part as a percentage with its sign, which nothing has none of.
pub fn percent(part: f64) -> String {
    let text = format!("{:+.1} %", part * 100.0);
    if text == "-0.0 %" || text == "+0.0 %" { "0.0 %".to_owned() } else { text }
}

fn in_unit(value: f64, units: &[Unit]) -> String {
    if !value.is_finite() {
        return NOTHING.to_owned();
    }
    let (size, unit) = suited(value, units);
    format!("{} {unit}", number(value / size))
}

/// The greatest unit of which there is one at least, but minutes from two on.
fn suited(value: f64, units: &[Unit]) -> Unit {
    let fits = |(size, unit): &&Unit| {
        let least = if matches!(*unit, "min" | "h" | "days") { 2.0 } else { 0.9995 };
        value.abs() >= least * size
    };
    *units.iter().rev().find(fits).unwrap_or(&units[0])
}

/// Both with as many digits as the median has, the spread with more where it would read as none.
fn about(median: f64, spread: f64, units: &[Unit]) -> String {
    if !median.is_finite() {
        return NOTHING.to_owned();
    }
    let (size, unit) = suited(median, units);
    let mut digits = digits((median / size).abs());
    while spread > 0.0 && digits < 4 && spread / size < 0.5 * 0.1f64.powi(digits as i32) {
        digits += 1;
    }
    format!("{} ± {:.digits$} {unit}", number(median / size), spread / size)
}

/// A link, with its rate and how long it takes there and back: `wan-50 (50 Mbit/s, 80 ms)`.
pub fn network(network: &Network) -> String {
    format!("{} ({})", name(&network.name), link(network))
}

/// What a sentence says after "over".
pub fn over(network: &Network) -> String {
    if network.rate.is_none() && network.rtt == 0.0 {
        format!("an unlimited link ({})", name(&network.name))
    } else {
        self::network(network)
    }
}

/// What a link is like.
pub fn link(network: &Network) -> String {
    let rate = network.rate.map_or("no limit".to_owned(), |rate| exactly(rate, &RATES));
    if network.rtt > 0.0 { format!("{rate}, {}", exact_seconds(network.rtt)) } else { rate }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_have_three_digits_and_a_unit_that_suits_them() {
        let said = [0.000_001_23, 0.0123, 0.9999, 1.0, 61.0, 130.0, 8000.0, 3e5].map(seconds);
        let expected =
            ["1.23 µs", "12.3 ms", "1.00 s", "1.00 s", "61.0 s", "2.17 min", "2.22 h", "3.47 days"];
        assert_eq!(said, expected);
        assert_eq!(seconds_within([423.0, 417.0, 433.0]), "7.05 min (6.95 to 7.22)");
        assert_eq!([0.012, -0.2, -1e-5].map(percent), ["+1.2 %", "-20.0 %", "0.0 %"]);
        assert_eq!(bytes(33_600_000.0), "33.6 MB");
        assert_eq!(seconds(f64::NAN), NOTHING);
        let about = |values: &[f64]| seconds_about(&values.iter().copied().collect());
        assert_eq!(about(&[1.1428, 1.234, 1.3252]), "1.23 ± 0.05 s");
        assert_eq!(about(&[31.276, 31.3, 31.324]), "31.3 ± 0.01 s");
        assert_eq!(about(&[31.3]), "31.3 s");
        assert_eq!([1e-3, 0.08, 100.0].map(exact_seconds), ["1 ms", "80 ms", "100 s"]);
        assert_eq!([0.0, 999.4, 12_345.0].map(number), ["0", "999", "12,345"]);
        assert_eq!([1 << 20, 1_000_000, 123_456].map(elements), ["2²⁰", "10⁶", "123,456"]);
    }

    #[test]
    fn names_cannot_be_markup() {
        let hostile = "<b>&\"'|`*_[x](y)\u{202e}\n";
        let html = html(&name(hostile));
        assert_eq!(html, "&lt;b&gt;&amp;&quot;&#39;|`*_[x](y)??");
        let markdown = markdown(&name(hostile));
        assert_eq!(markdown, "&lt;b\\>&amp;\"'\\|\\`\\*\\_\\[x\\](y)??");
    }
}
