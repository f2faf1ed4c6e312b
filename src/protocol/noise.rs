//! Noise on counts and totals: differential privacy for what the advertiser is told.
//!
//! Somebody who may ask again with one entry less reads a membership from the difference of two exact
//! counts. With an agreed epsilon ([`Settings::noise`](crate::session::Settings::noise)) the platform
//! adds a random number to what it tells in [`count`](super::count) and [`sum`](super::sum), so that no
//! answer says much about any one element, and a [`budget`](crate::budget) adds up what the answers of
//! a period say together.
//!
//! # What is promised
//!
//! Take two lists of the platform, of the same length, that differ in one element: another stands in its
//! place. Whatever the advertiser may be told, it is told with probabilities that differ by a factor of at
//! most `e^epsilon` (pure epsilon-differential privacy; Dwork, McSherry, Nissim, Smith, TCC 2006). The
//! same holds for one element of the advertiser's list, with its value, against whoever the advertiser
//! hands its answer to. Sessions add up: `n` of them are `n epsilon`.
//!
//! - **Against the advertiser, not against the platform.** The platform adds the noise, so it knows the
//!   exact count, in `count` also where it would otherwise learn nothing.
//! - **An element, not a person.** Whoever stands on the list with an address and a number counts twice.
//! - **The answer, not the lengths** of lists, which both sides are told exactly, and not timing (below).
//!   Somebody who joins the list in a period in which nobody else does is seen to have joined.
//! - **An advertiser that follows the protocol.** The blinded lists say nothing by themselves to
//!   whoever cannot solve decisional Diffie-Hellman, as in [`dh`](super::dh). But an advertiser that
//!   fabricates points or sends other tags can make one element of the platform match several times, at
//!   the price of not knowing which, and values beyond the clip weigh more than the noise covers. There
//!   is no proof against either here.
//!
//! # How
//!
//! The noise `Z` is an integer with `P(Z = z)` proportional to `e^(-|z| / b)`: the discrete Laplace
//! distribution of scale `b`, of variance about `2 b^2` (Ghosh, Roughgarden, Sundararajan, STOC 2009).
//!
//! | told | most that one element changes it by | scale |
//! |---|---|---|
//! | the count of a `count` | 1 | `1 / epsilon` |
//! | the count of a `sum` | 1 | `2 / epsilon` |
//! | the total of a `sum` | the clip | `2 clip / epsilon` |
//!
//! A sum tells two numbers, and each takes half of epsilon. The platform cannot read the total: it adds
//! `Z G` to the ciphertext. What cannot be is cut down to what can, as anybody could do afterwards: a
//! count or total below 0 is told as 0, a count greater than the shorter list as its length, a total
//! greater than that length times the clip as that. So close to these ends the noise has a mean other
//! than 0.
//!
//! **A minimum audience is compared with the noisy count**, so that the word that too few match says no
//! more than the count would have. It then is a limit that holds more or less: an audience may be told
//! that is smaller by some multiples of the scale.
//!
//! The sampler is exact, over integers and from the session's cryptographic generator (Canonne, Kamath,
//! Steinke, arXiv:2004.00010, algorithm 2, in the crate [`prio`]): no floating point, whose rounding
//! can be told from an answer (Mironov, CCS 2012).
//!
//! # What it costs
//!
//! Tens of microseconds a number. Against a total, the search is longer by [what the noise may
//! add](super::sum#data-flow), and the totals that can be found fewer.
//!
//! # What leaks
//!
//! The sampler takes time that depends on the number drawn, a few microseconds more or less; and what it
//! worked on is not wiped from memory. Comparing looks up every tag whatever matches, and in a sum with
//! noise the platform adds up the values that do not match as well, for nobody; but caches and batches are
//! not the same. Whoever is close enough to measure microseconds in a session's time learns something of
//! the exact count that no epsilon covers.

use std::fmt;

use prio::dp::Rational;
use prio::dp::distributions::DiscreteLaplace;
use rand::CryptoRng;
use rand::distr::Distribution;
use serde::{Deserialize, Serialize};

use super::{ProtocolName, Terms};

/// An amount of epsilon, as differential privacy has it: a whole number of millionths, so that sums are
/// exact.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Epsilon(u64);

impl Epsilon {
    /// The most that noise can be agreed with: beyond, it is none.
    pub const MOST: Epsilon = Epsilon(100 * MILLION);

    /// So many millionths.
    pub const fn from_millionths(millionths: u64) -> Epsilon {
        Epsilon(millionths)
    }

    /// The least amount that is not below `epsilon`; `None` for what is not a number from 0 to 10^12.
    pub fn rounded_up(epsilon: f64) -> Option<Epsilon> {
        (0.0..=1e12).contains(&epsilon).then(|| Epsilon((epsilon * 1e6).ceil() as u64))
    }

    /// From a decimal number such as `0.5`, exactly: at most six digits after the point, and twelve
    /// before it.
    pub fn parse(text: &str) -> Option<Epsilon> {
        let (whole, part) = text.split_once('.').unwrap_or((text, "0"));
        let are_digits = |text: &str, most| {
            (1..=most).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
        };
        if !are_digits(whole, 12) || !are_digits(part, 6) {
            return None;
        }
        let (whole, part): (u64, u64) = (whole.parse().ok()?, format!("{part:0<6}").parse().ok()?);
        Some(Epsilon(whole * MILLION + part))
    }

    /// How many millionths.
    pub fn millionths(self) -> u64 {
        self.0
    }

    pub(crate) fn saturating_add(self, other: Epsilon) -> Epsilon {
        Epsilon(self.0.saturating_add(other.0))
    }
}

/// As the shortest decimal number: `0.5`, `2`.
impl fmt::Display for Epsilon {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0 / MILLION)?;
        match self.0 % MILLION {
            0 => Ok(()),
            part => write!(f, ".{}", format!("{part:06}").trim_end_matches('0')),
        }
    }
}

const MILLION: u64 = 1_000_000;

/// Noise for one number: its scale is `numerator / denominator`, neither 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Noise {
    numerator: u128,
    denominator: u128,
}

impl Noise {
    /// For a number that one element changes by at most `most`, where it takes one of `parts` equal
    /// parts of epsilon.
    fn new(most: u64, epsilon: Epsilon, parts: u64) -> Noise {
        let numerator = u128::from(most.max(1)) * u128::from(MILLION) * u128::from(parts);
        Noise { numerator, denominator: epsilon.0.max(1).into() }
    }

    /// For the count, where noise is agreed.
    pub(crate) fn on_count(terms: &Terms) -> Option<Noise> {
        terms.noise.map(|epsilon| Noise::new(1, epsilon, parts(terms.protocol)))
    }

    /// For the total.
    pub(crate) fn on_total(clip: u64, epsilon: Epsilon) -> Noise {
        Noise::new(clip, epsilon, parts(ProtocolName::Sum))
    }

    /// What it exceeds on either side with a probability below `2^-40`: 28 times the scale.
    ///
    /// For `r = e^(-1 / b)`, `P(|Z| > n) = 2 r^(n + 1) / (1 + r) <= r^n = e^(-n / b)`, and `e^-28 < 2^-40`.
    pub(crate) fn bound(self) -> u128 {
        (28 * self.numerator).div_ceil(self.denominator)
    }

    /// Draws it. An integer beyond 64 bits, which no scale in use ever comes near, counts as the
    /// nearest of 64.
    pub(crate) fn draw<R: CryptoRng>(self, rng: &mut R) -> i64 {
        let scale = Rational::from_unsigned(self.numerator, self.denominator);
        let noise = scale.and_then(DiscreteLaplace::new).expect("no scale is 0, or over 0");
        let drawn = noise.sample(rng);
        let negative = drawn < 0.into();
        i64::try_from(drawn).unwrap_or(if negative { i64::MIN } else { i64::MAX })
    }
}

/// How many numbers share epsilon.
fn parts(protocol: ProtocolName) -> u64 {
    if protocol == ProtocolName::Sum { 2 } else { 1 }
}

/// A count with noise, as it is told: never one that cannot be.
pub(crate) fn blur(count: u64, noise: i64, most: u64) -> u64 {
    count.saturating_add_signed(noise).min(most)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;
    use rand::rngs::StdRng;

    #[test]
    fn an_epsilon_has_one_text() {
        for (text, millionths) in
            [("0.5", 500_000), ("2", 2_000_000), ("0.000001", 1), ("0", 0), ("12.25", 12_250_000)]
        {
            let epsilon = Epsilon::from_millionths(millionths);
            assert_eq!((Epsilon::parse(text), epsilon.to_string()), (Some(epsilon), text.into()));
        }
        assert_eq!(Epsilon::parse("00.10"), Some(Epsilon(100_000)));
        let longest = Epsilon::parse("999999999999.999999").unwrap();
        assert_eq!(longest.to_string(), "999999999999.999999");
        for text in [
            "",
            ".",
            "1.",
            ".5",
            "-1",
            "+1",
            "1e3",
            "0.0000001",
            "1000000000000",
            "0,5",
            "\u{0661}",
        ] {
            assert_eq!(Epsilon::parse(text), None, "{text}");
        }
    }

    /// Against the closed forms, for `r = e^(-1/b)`: `P(Z = z) = (1 - r) / (1 + r) r^|z|`, mean 0, variance
    /// `2 r / (1 - r)^2`. With this seed; six standard errors would leave one run in 10^8 out.
    #[test]
    fn what_is_drawn_has_the_distribution_that_it_should_have() {
        let mut rng = StdRng::seed_from_u64(7);
        for (most, millionths, parts) in
            [(1, 1_000_000, 1), (1, 100_000, 1), (1, 3_000_001, 2), (500, 700_000, 2)]
        {
            let noise = Noise::new(most, Epsilon(millionths), parts);
            let scale = noise.numerator as f64 / noise.denominator as f64;
            let (r, n) = ((-1.0 / scale).exp(), 40_000.0);
            let drawn: Vec<i64> = (0..n as u32).map(|_| noise.draw(&mut rng)).collect();
            let mean =
                |of: &dyn Fn(f64) -> f64| drawn.iter().map(|&z| of(z as f64)).sum::<f64>() / n;
            let variance = 2.0 * r / (1.0 - r).powi(2);
            let close = |seen: f64, expected: f64, deviation: f64| {
                let error = (seen - expected).abs() / (deviation / n.sqrt());
                assert!(error < 6.0, "{noise:?}: {seen}, not {expected}: {error} errors");
            };
            close(mean(&|z| z), 0.0, variance.sqrt());
            // E z^4 = 2 r (1 + 10 r + r^2) / (1 - r)^4, so this is the deviation of a square.
            let fourth = 2.0 * r * (1.0 + 10.0 * r + r * r) / (1.0 - r).powi(4);
            close(mean(&|z| z * z), variance, (fourth - variance * variance).sqrt());
            for value in [0.0, 1.0, -1.0, (2.0 * scale).round(), -(2.0 * scale).round()] {
                let p = (1.0 - r) / (1.0 + r) * r.powf(value.abs());
                close(mean(&|z| f64::from(z == value)), p, (p * (1.0 - p)).sqrt());
            }
            let beyond = (3.0 * scale).ceil();
            let p = 2.0 * r.powf(beyond + 1.0) / (1.0 + r);
            close(mean(&|z| f64::from(z.abs() > beyond)), p, (p * (1.0 - p)).sqrt());
            assert!(drawn.iter().all(|z| u128::from(z.unsigned_abs()) <= noise.bound()));
        }
    }

    /// The tail, from its formula; and the largest and smallest noise that there can be.
    #[test]
    fn what_is_beyond_the_bound_is_as_rare_as_it_says() {
        for (most, millionths) in [(1, 1), (1, 100_000_000), (500, 700_000), (1 << 39, 1)] {
            let noise = Noise::new(most, Epsilon(millionths), 2);
            let scale = noise.numerator as f64 / noise.denominator as f64;
            let r = (-1.0 / scale).exp();
            let beyond = 2.0 * (-(noise.bound() as f64 + 1.0) / scale).exp() / (1.0 + r);
            assert!(beyond <= 2f64.powi(-40), "{noise:?}: {beyond}");
            noise.draw(&mut StdRng::seed_from_u64(1));
        }
    }

    #[test]
    fn no_count_is_told_that_cannot_be() {
        let told = [(3, 0), (3, 1), (3, -3), (3, -4), (3, 2), (3, 3), (0, i64::MIN), (5, i64::MAX)];
        let told = told.map(|(count, noise)| blur(count, noise, 5));
        assert_eq!(told, [3, 4, 0, 0, 5, 5, 0, 5]);
    }
}
