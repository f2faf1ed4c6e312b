//! A record that nobody measured, for tests of what is made of records.

use std::collections::BTreeMap;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::record::{
    Absent, Cell, Definition, FORMAT, Kind, Machine, Network, Record, Run, Side, Subject, VERSION,
};

/// How to make one up.
#[derive(Clone, Copy)]
pub struct MadeUp {
    /// Standard deviation of a run's time, as a part of it, of lists of 2^15: twice as much at 2^12, half as
    /// much at 2^18.
    pub noise: f64,
    /// What the noise comes from.
    pub seed: u64,
    /// Name of the subject whose times are multiplied, and by what.
    pub slower: Option<(&'static str, f64)>,
}

/// Microseconds of CPU an element, bytes an element each way, and what is prepared of the time.
struct Cost(&'static str, Kind, f64, [f64; 2], f64);

const COSTS: [Cost; 13] = [
    Cost("dh", Kind::Protocol, 25.5, [32.0, 41.0], 0.0),
    Cost("oprf", Kind::Protocol, 19.2, [32.0, 40.0], 0.0),
    Cost("oprf-prepared", Kind::Protocol, 20.1, [32.0, 42.5], 0.6),
    Cost("voprf", Kind::Protocol, 25.7, [32.0, 40.0], 0.0),
    Cost("two-hash", Kind::Protocol, 26.2, [32.0, 40.0], 0.0),
    Cost("labelled", Kind::Protocol, 28.3, [32.0, 75.0], 0.0),
    Cost("count", Kind::Protocol, 26.0, [32.0, 41.0], 0.0),
    Cost("sum", Kind::Protocol, 210.0, [300.0, 66.0], 0.0),
    Cost("openmined-raw", Kind::Peer, 431.0, [34.0, 71.0], 0.0),
    Cost("spu-rr22", Kind::Peer, 12.6, [17.0, 16.0], 0.0),
    Cost("insecure-sha256", Kind::Insecure, 0.4, [8.0, 1.0], 0.0),
    Cost("insecure-salted-sha256", Kind::Insecure, 0.5, [8.0, 1.0], 0.0),
    Cost("insecure-bloom", Kind::Insecure, 0.2, [1.8, 1.0], 0.0),
];

/// Seconds before the first element.
const FIXED: f64 = 0.002;

/// What does not run on more threads.
const SERIAL: f64 = 0.04;

impl MadeUp {
    /// Every combination of subjects, sizes, links and threads.
    pub fn record(self) -> Record {
        let sizes: Vec<[u64; 2]> =
            (12..=18).step_by(2).map(|log| [1 << log; 2]).chain([[1 << 10, 1 << 18]]).collect();
        self.of(sizes, networks(), vec![1, 2, 8])
    }

    /// What a benchmark of growth would leave.
    pub fn growth(self) -> Record {
        let none = networks().into_iter().take(1).collect();
        self.of((12..=18).map(|log| [1 << log; 2]).collect(), none, vec![1, 8])
    }

    fn of(self, sizes: Vec<[u64; 2]>, networks: Vec<Network>, threads: Vec<usize>) -> Record {
        let mut random = StdRng::seed_from_u64(self.seed);
        let subjects = COSTS.iter().map(|cost| cost.0.to_owned()).collect();
        let backends = vec!["avx512".to_owned()];
        let (repeat, seed) = (7, self.seed);
        let mut cells = Vec::new();
        for cost in &COSTS {
            for size in &sizes {
                for network in &networks {
                    for threads in &threads {
                        cells.push(self.cell(cost, *size, network, *threads, &mut random));
                    }
                }
            }
        }
        Record {
            format: FORMAT.to_owned(),
            version: VERSION,
            machine: machine(),
            definition: Definition { subjects, sizes, networks, threads, backends, repeat, seed },
            absent: vec![Absent {
                name: "psi-js".to_owned(),
                why: "node is not installed".to_owned(),
            }],
            cells,
        }
    }

    fn cell(
        self,
        cost: &Cost,
        size: [u64; 2],
        network: &Network,
        threads: usize,
        random: &mut StdRng,
    ) -> Cell {
        let Cost(name, kind, ..) = *cost;
        let version = (kind == Kind::Peer).then(|| "2.0.6".to_owned());
        let backend = (kind == Kind::Protocol).then(|| "avx512".to_owned());
        Cell {
            subject: Subject { name: name.to_owned(), kind, version },
            advertiser: size[0],
            platform: size[1],
            network: network.name.clone(),
            threads,
            backend,
            runs: (0..7).map(|_| self.run(cost, size, network, threads, random)).collect(),
        }
    }

    fn run(
        self,
        cost: &Cost,
        size: [u64; 2],
        network: &Network,
        threads: usize,
        random: &mut StdRng,
    ) -> Run {
        let Cost(name, _, cpu, bytes, prepared) = *cost;
        let slower = self.slower.filter(|(slower, _)| *slower == name).map_or(1.0, |(_, by)| by);
        let elements = (size[0] + size[1]) as f64 / 2.0;
        let noise = self.noise * ((15.0 - elements.log2()) / 3.0).exp2();
        let factor = slower * (noise * normal(random)).exp();
        let cpu = factor * (FIXED + cpu * 1e-6 * elements);
        let sent = bytes.map(|bytes| (bytes * elements) as u64 + 120);
        let computing = cpu * (SERIAL + (1.0 - SERIAL) / threads as f64);
        let sending = network.rate.map_or(0.0, |rate| 8.0 * sent.iter().sum::<u64>() as f64 / rate);
        let waiting = sending + 3.0 * network.rtt * (1.0 + noise * normal(random).abs());
        let total = computing + waiting;
        let side = |sent, part: f64, memory: f64| Side {
            cpu: cpu * part,
            peak_memory: Some(((8e6 + memory * elements) * (1.0 + 0.1 * self.noise)) as u64),
            sent,
            flights: 3,
            phases: phases(computing * part, waiting),
        };
        Run {
            total,
            online: total - prepared * computing,
            advertiser: side(sent[0], 0.48, 118.0),
            platform: side(sent[1], 0.52, 96.0),
            matched: size[0] / 2,
            false_positives: if name == "insecure-bloom" { size[0] / 1000 } else { 0 },
            link_cpu: Some(0.01),
        }
    }
}

fn phases(computing: f64, waiting: f64) -> BTreeMap<String, f64> {
    let parts = [("handshake", 0.01), ("blind", 0.46), ("evaluate", 0.5), ("compare", 0.03)];
    let parts = parts.map(|(name, part)| (name.to_owned(), part * computing));
    parts.into_iter().chain([("wait".to_owned(), waiting)]).collect()
}

/// The usual links.
pub fn networks() -> Vec<Network> {
    let network = |name: &str, rate, rtt| Network { name: name.to_owned(), rate, rtt };
    vec![
        network("none", None, 0.0),
        network("lan", Some(1e10), 0.0002),
        network("wan-200", Some(2e8), 0.08),
        network("wan-50", Some(5e7), 0.08),
        network("wan-5", Some(5e6), 0.08),
    ]
}

fn machine() -> Machine {
    Machine {
        cpu: "MADE UP: no such CPU".to_owned(),
        cores: 16,
        memory: Some(32 << 30),
        system: "Linux 6.1.0".to_owned(),
        backends: ["portable", "avx2", "avx512"].map(str::to_owned).to_vec(),
        blindmatch: "0.1.0".to_owned(),
        commit: Some("0123456789abcdef0123456789abcdef01234567".to_owned()),
        compiler: "rustc 1.95.0".to_owned(),
        started: "2026-11-25T08:00:00Z".to_owned(),
    }
}

/// Box and Muller's.
fn normal(random: &mut StdRng) -> f64 {
    let (one, two): (f64, f64) = (random.random(), random.random());
    (-2.0 * (1.0 - one).ln()).sqrt() * (std::f64::consts::TAU * two).cos()
}
