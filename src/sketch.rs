//! Bottom-k sketches: how much of one list stands in another, from a few keyed hashes of each.
//!
//! Of a list, the 1024 lowest values of a keyed hash are kept (MinHash; Broder 1997). Of two lists under
//! one key, the lowest values of both together tell what share of the union they have in common: exactly
//! up to 1024 elements in each, and beyond with a standard error of at most 1.6 % of the union. Two large
//! lists that differ in one element look the same.
//!
//! # What each side learns
//!
//! An advertiser can show a platform a sketch of its list, under a key that the platform does not have
//! ([`SketchKey`]). The platform learns how much of the list was in earlier ones that it was shown
//! under that key: of each value that is kept, whether it came before. Whose it is it does not see, as
//! values are pseudorandom to it; but a platform that also learns matches can, over many sessions, find
//! out which value comes and goes with which match. (Under a key that the platform has,
//! it could try every telephone number on them.)
//!
//! # What it does not promise
//!
//! Nothing binds a sketch to the list that is matched: an advertiser that cheats shows random values, or
//! uses another key each time, and every list looks new. So a sketch may only ever add a refusal; it must
//! not make anything cheaper. It keeps honest sides from differencing by accident, and holds a
//! semi-honest one to its policy. See [`budget`](crate::budget) for what can be enforced.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use rayon::prelude::*;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::consent::ConsentedList;

/// Of a list: how many elements, and the lowest of their keyed hashes.
///
/// A value is 64 bits of HMAC-SHA-256. Whoever has the key can try an identifier on it, as on the list
/// itself; to anybody else the values are random numbers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sketch {
    /// Different elements in the list.
    size: u64,
    /// Increasing; all of them where there are no more than [`LOWEST`].
    #[serde(with = "text")]
    lowest: Vec<u64>,
}

/// How many values a sketch keeps: 8 KiB of them, and a standard error of at most 1.6 % in the share
/// that two lists have in common of their union.
pub(crate) const LOWEST: usize = 1024;

/// What an advertiser keys sketches of its lists with, for one platform: the platform must not know it,
/// and it is the same in every session.
#[derive(Clone)]
pub struct SketchKey(Zeroizing<[u8; 32]>);

impl SketchKey {
    /// A key that is kept elsewhere.
    pub fn from_bytes(bytes: [u8; 32]) -> SketchKey {
        SketchKey(Zeroizing::new(bytes))
    }

    /// The key of this identity for the platform with this fingerprint.
    #[cfg(feature = "tls")]
    pub fn derive(identity: &crate::transport::identity::Identity, platform: &str) -> SketchKey {
        let label = [b"blindmatch-v2 sketch key ", platform.as_bytes()].concat();
        SketchKey(identity.derive(&label))
    }
}

impl std::fmt::Debug for SketchKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SketchKey")
    }
}

impl Sketch {
    /// Of a whole list.
    pub fn of_list(key: &SketchKey, list: &ConsentedList) -> Sketch {
        Sketch::of(&key.0, list.identifiers().par_iter().map(|id| &id.as_bytes()[..]))
    }

    /// From what crossed the wire; `None` for what no list gives.
    pub(crate) fn from_parts(size: u64, lowest: Vec<u64>) -> Option<Sketch> {
        let due = size.min(LOWEST as u64) == lowest.len() as u64;
        (due && lowest.is_sorted_by(|a, b| a < b)).then_some(Sketch { size, lowest })
    }

    /// Elements in the list.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The values that are kept, increasing.
    pub(crate) fn lowest(&self) -> &[u64] {
        &self.lowest
    }

    /// Of elements that differ from one another.
    pub(crate) fn of<'a>(
        key: &[u8; 32],
        elements: impl IndexedParallelIterator<Item = &'a [u8]>,
    ) -> Sketch {
        let keyed = Hmac::<Sha256>::new_from_slice(key).expect("any key is long enough");
        let value = |element: &[u8]| {
            let tag = keyed.clone().chain_update(element).finalize().into_bytes();
            u64::from_le_bytes(*tag.first_chunk().expect("32 bytes"))
        };
        let mut lowest: Vec<u64> = elements.map(value).collect();
        let size = lowest.len() as u64;
        if lowest.len() > LOWEST {
            lowest.select_nth_unstable(LOWEST);
            lowest.truncate(LOWEST);
        }
        lowest.sort_unstable();
        Sketch { size, lowest }
    }

    /// Whether every element's value is kept.
    fn is_whole(&self) -> bool {
        self.size <= LOWEST as u64
    }

    /// The share of the smaller list that is in the other as well, from 0 to 1; exact where both are
    /// kept whole. `None` where one is empty.
    pub(crate) fn overlap(&self, other: &Sketch) -> Option<f64> {
        let smaller = self.size.min(other.size);
        if smaller == 0 {
            return None;
        }
        // The lowest values of both together are those of the union, as far as either list reaches.
        let most = if self.is_whole() && other.is_whole() { usize::MAX } else { LOWEST };
        let mut union = [&self.lowest[..], &other.lowest].concat();
        union.sort_unstable();
        let both = union.chunk_by(|a, b| a == b).take(most).filter(|run| run.len() > 1).count();
        let either = union.chunk_by(|a, b| a == b).take(most).count();
        let share = both as f64 / either as f64;
        let common = share / (1.0 + share) * (self.size + other.size) as f64;
        Some((common / smaller as f64).min(1.0))
    }
}

/// Values as base64 of their bytes.
mod text {
    use super::*;

    pub(super) fn serialize<S: Serializer>(values: &[u64], to: S) -> Result<S::Ok, S::Error> {
        let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        STANDARD.encode(bytes).serialize(to)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<u64>, D::Error> {
        let bytes = STANDARD.decode(String::deserialize(from)?);
        let bytes = bytes.map_err(serde::de::Error::custom)?;
        match bytes.as_chunks() {
            (values, []) => Ok(values.iter().map(|bytes| u64::from_le_bytes(*bytes)).collect()),
            _ => Err(serde::de::Error::custom("not whole values")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sketch(key: u8, numbers: std::ops::Range<u32>) -> Sketch {
        let elements: Vec<_> = numbers.map(u32::to_le_bytes).collect();
        Sketch::of(&[key; 32], elements.par_iter().map(|bytes| &bytes[..]))
    }

    #[test]
    fn small_lists_are_compared_exactly() {
        let a = sketch(1, 0..100);
        for (b, expected) in [(0..100, 1.0), (50..150, 0.5), (0..10, 1.0), (99..1000, 0.01)] {
            let found = a.overlap(&sketch(1, b)).unwrap();
            assert!((found - expected).abs() < 1e-9, "{found} {expected}");
        }
        assert_eq!(a.overlap(&sketch(1, 200..300)), Some(0.0));
        assert_eq!(a.overlap(&sketch(1, 0..0)), None);
        assert_eq!(sketch(1, 0..0).overlap(&sketch(1, 0..0)), None);
    }

    #[test]
    fn large_lists_are_compared_nearly() {
        let a = sketch(1, 0..20_000);
        for (b, expected) in
            [(0..20_000, 1.0), (1..20_001, 1.0), (10_000..30_000, 0.5), (0..10_000, 1.0)]
        {
            let found = a.overlap(&sketch(1, b)).unwrap();
            assert!((found - expected).abs() < 0.08, "{found} {expected}");
        }
    }

    #[test]
    fn a_sketch_is_bounded_and_says_nothing_under_another_key() {
        let a = sketch(1, 0..20_000);
        assert_eq!(a.lowest.len(), LOWEST);
        assert_eq!(a.overlap(&sketch(2, 0..20_000)), Some(0.0));
        let json = serde_json::to_string(&a).unwrap();
        assert!(json.len() < 11_100);
        assert_eq!(serde_json::from_str::<Sketch>(&json).unwrap(), a);
    }
}
