//! What is to be measured: as people write it, and as a file.

use std::fmt::Debug;
use std::path::Path;

use super::record::{Definition, Kind, Network, Run};
use super::workload;
use crate::error::{Error, Result};

impl Network {
    /// The networks that papers of the field measure on, and none at all.
    pub fn named() -> [Network; 5] {
        let network = |name: &str, rate, rtt| Network { name: name.to_owned(), rate, rtt };
        [
            network("lan", Some(10e9), 0.00002),
            network("wan-200", Some(200e6), 0.08),
            network("wan-50", Some(50e6), 0.08),
            network("wan-5", Some(5e6), 0.08),
            network("none", None, 0.0),
        ]
    }

    /// From its name. `None` where there is none of that name.
    pub fn by_name(name: &str) -> Option<Network> {
        Network::named().into_iter().find(|network| network.name == name)
    }

    /// One of the user's: megabits a second and a round trip in milliseconds.
    pub fn custom(rate: &str, rtt: &str) -> Option<Network> {
        let number = |text: &str| {
            let plain = text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
            text.parse::<f64>().ok().filter(|_| plain)
        };
        let (mbps, ms) = (number(rate)?, number(rtt)?);
        let sensible = (0.001..=1e6).contains(&mbps) && (0.0..=60_000.0).contains(&ms);
        sensible.then(|| Network {
            name: format!("custom-{rate}-{rtt}"),
            rate: Some(mbps * 1e6),
            rtt: ms / 1e3,
        })
    }

    /// Seconds that the link alone takes for a run, by arithmetic: the longer direction's bytes over the rate, and the
    /// round trips that every run needs. Those are one, and with our own protocols three more, for the connection and
    /// for TLS. More round trips of a protocol come on top, and so does all computing.
    pub fn least(&self, kind: Kind, run: &Run) -> f64 {
        let bytes = run.advertiser.sent.max(run.platform.sent) as f64;
        let trips = if kind == Kind::Peer { 1.0 } else { 4.0 };
        self.rate.map_or(0.0, |rate| bytes * 8.0 / rate) + trips * self.rtt
    }
}

/// Sizes as people write them: one, or a range such as `2^8..2^20`, by steps of four, or of another factor as in
/// `2^8..2^20:2`. The end is in it where a step meets it. `None` where it is nothing of the kind.
pub fn sizes(text: &str) -> Option<Vec<u64>> {
    let Some((from, rest)) = text.split_once("..") else {
        return Some(vec![workload::size(text)?]);
    };
    let (to, factor) = rest.split_once(':').unwrap_or((rest, "4"));
    let (from, to, factor) = (workload::size(from)?, workload::size(to)?, workload::size(factor)?);
    if factor < 2 || from > to {
        return None;
    }
    let next = |size: &u64| size.checked_mul(factor);
    Some(std::iter::successors(Some(from), next).take_while(|&size| size <= to).collect())
}

/// Two sizes, the advertiser's first, as in `2^10x2^20`.
pub fn unbalanced(text: &str) -> Option<[u64; 2]> {
    let (advertiser, platform) = text.split_once('x')?;
    Some([workload::size(advertiser)?, workload::size(platform)?])
}

impl Definition {
    /// From a file, as [`to_toml`](Self::to_toml) writes it.
    ///
    /// # Errors
    /// [`Error::Io`] with the path; [`Error::Misuse`] for what is no definition, with the place.
    pub fn read(path: &Path) -> Result<Definition> {
        let text = std::fs::read_to_string(path);
        let text = text.map_err(Error::io(format!("reading {}", path.display())))?;
        let definition: Definition = toml::from_str(&text).map_err(|e| {
            Error::Misuse(format!("{}: {}", path.display(), e.to_string().trim_end()))
        })?;
        definition.check()?;
        Ok(definition)
    }

    /// As a file for people.
    ///
    /// # Errors
    /// [`Error::Misuse`] for numbers that TOML does not have: it ends at 2^63.
    pub fn to_toml(&self) -> Result<String> {
        let text = toml::to_string_pretty(self);
        let text =
            text.map_err(|e| Error::Misuse(format!("this cannot be written as TOML: {e}")))?;
        Ok(format!("{HEAD}{text}"))
    }

    /// Whether it can be run.
    ///
    /// # Errors
    /// [`Error::Misuse`] that says what cannot be.
    pub fn check(&self) -> Result<()> {
        let misuse = |text: &str| Err(Error::Misuse(text.to_owned()));
        if self.sizes.as_flattened().iter().any(|&size| size == 0 || size > MOST_ELEMENTS) {
            return misuse("sizes are from 1 to 2^26");
        }
        if self.threads.iter().any(|&threads| threads == 0 || threads > MOST_THREADS) {
            return misuse("threads are from 1 to 1024");
        }
        let possible = |network: &Network| {
            network.rate.is_none_or(|rate| rate >= 1.0 && rate.is_finite())
                && (0.0..=60.0).contains(&network.rtt)
        };
        if !self.networks.iter().all(possible) {
            return misuse(
                "a network has a rate of 1 bit per second or more, and a round trip of 0 to 60 s",
            );
        }
        let names: Vec<&str> = self.networks.iter().map(|network| network.name.as_str()).collect();
        once("subjects", &self.subjects)?;
        once("sizes", &self.sizes)?;
        once("networks", &names)?;
        once("threads", &self.threads)?;
        once("backends", &self.backends)?;
        if self.seed > i64::MAX as u64 {
            return misuse(
                "a seed is at most 2^63 - 1 here: files of definitions have no larger numbers",
            );
        }
        let empty = self.subjects.is_empty() || self.sizes.is_empty() || self.networks.is_empty();
        if empty || self.threads.is_empty() || self.backends.is_empty() || self.repeat == 0 {
            return misuse("nothing is to be measured: a list is empty, or repeat is 0");
        }
        Ok(())
    }
}

/// Whatever stands twice would be measured twice, as two configurations that nobody could tell apart.
fn once<T: PartialEq + Debug>(list: &str, values: &[T]) -> Result<()> {
    match (1..values.len()).find(|&at| values[..at].contains(&values[at])) {
        Some(at) => Err(Error::Misuse(format!("{list} has {:?} twice", values[at]))),
        None => Ok(()),
    }
}

const HEAD: &str = "\
# What `blindmatch bench --definition FILE --out DIR` measures: every combination of these.
# sizes: elements of the advertiser's list and of the platform's, half of the shorter on both;
# rate: bits per second in each direction; rtt: seconds there and back.

";

const MOST_ELEMENTS: u64 = 1 << 26;

const MOST_THREADS: usize = 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_ranges() {
        assert_eq!(sizes("2^4"), Some(vec![16]));
        assert_eq!(sizes("2^8..2^12"), Some(vec![256, 1024, 4096]));
        assert_eq!(sizes("2^8..2^11"), Some(vec![256, 1024]));
        assert_eq!(sizes("10..1e3:10"), Some(vec![10, 100, 1000]));
        assert_eq!(sizes("5..5"), Some(vec![5]));
        assert_eq!(sizes("2^62..18446744073709551615:4").map(|all| all.len()), Some(1));
        for text in ["", "..", "2^3..2^2", "1..4:1", "1..4:", "0..4", "1...4", "1..4:2:2"] {
            assert_eq!(sizes(text), None, "{text}");
        }
        assert_eq!(unbalanced("2^10x2^20"), Some([1 << 10, 1 << 20]));
        for text in ["", "x", "5", "5x", "x5", "5x5x5", "0x5"] {
            assert_eq!(unbalanced(text), None, "{text}");
        }
    }

    #[test]
    fn networks() {
        assert_eq!(Network::by_name("wan-5").unwrap().rate, Some(5e6));
        assert_eq!(Network::by_name("moon"), None);
        let custom = Network::custom("100", "30.5").unwrap();
        assert_eq!((custom.rate, custom.rtt), (Some(100e6), 0.0305));
        for (rate, rtt) in
            [("0", "1"), ("-1", "1"), ("1", "-1"), ("inf", "1"), ("1", "NaN"), ("", "")]
        {
            assert_eq!(Network::custom(rate, rtt), None, "{rate},{rtt}");
        }
    }

    fn definition() -> Definition {
        Definition {
            subjects: vec!["dh".into(), "insecure-bloom".into()],
            sizes: vec![[256, 256], [10, 1 << 20]],
            networks: Network::named().to_vec(),
            threads: vec![1, 2],
            backends: vec!["portable".into()],
            repeat: 3,
            seed: 1,
        }
    }

    #[test]
    fn files_say_the_same() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("definition.toml");
        std::fs::write(&path, definition().to_toml().unwrap()).unwrap();
        assert_eq!(Definition::read(&path).unwrap(), definition());
        std::fs::write(&path, definition().to_toml().unwrap() + "more = 1\n").unwrap();
        let error = Definition::read(&path).unwrap_err().to_string();
        assert!(error.contains("definition.toml") && error.contains("more"), "{error}");
    }

    #[test]
    fn what_cannot_be_run_is_refused() {
        let changes: [fn(&mut Definition); 6] = [
            |d| d.sizes[0][1] = 0,
            |d| d.sizes[0][1] = 1 << 40,
            |d| d.threads[0] = 0,
            |d| d.networks[0].rtt = f64::NAN,
            |d| d.seed = u64::MAX,
            |d| d.repeat = 0,
        ];
        definition().check().unwrap();
        for change in changes {
            let mut changed = definition();
            change(&mut changed);
            assert!(matches!(changed.check(), Err(Error::Misuse(_))), "{changed:?}");
        }
    }

    #[test]
    fn what_stands_twice_is_refused_by_name() {
        type Change = fn(&mut Definition);
        let changes: [(Change, &str); 5] = [
            (|d| d.subjects.push("dh".into()), "subjects has \"dh\" twice"),
            (|d| d.sizes.push([10, 1 << 20]), "sizes has [10, 1048576] twice"),
            (|d| d.networks[0].name = "none".into(), "networks has \"none\" twice"),
            (|d| d.threads.push(2), "threads has 2 twice"),
            (|d| d.backends.push("portable".into()), "backends has \"portable\" twice"),
        ];
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("definition.toml");
        for (change, text) in changes {
            let mut changed = definition();
            change(&mut changed);
            std::fs::write(&path, changed.to_toml().unwrap()).unwrap();
            let error = Definition::read(&path).unwrap_err();
            assert!(matches!(error, Error::Misuse(_)), "{error}");
            assert!(error.to_string().contains(text), "{error}");
        }
    }
}
