//! What a benchmark leaves behind: every run that was measured, and on what.
//!
//! A [`Record`] holds runs, not summaries: medians, spreads and plots are made from it, and two records can
//! be compared. It is the JSON of a report, and what an interrupted benchmark goes on from.
//!
//! Units: seconds, bytes, bits per second, elements.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::measure::Sample;

/// What [`Record::format`] says.
pub const FORMAT: &str = "blindmatch-bench";

/// Version of the format. It grows when a field changes its meaning or goes; new fields may come without.
pub const VERSION: u32 = 1;

/// All that one benchmark measured.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// [`FORMAT`].
    pub format: String,
    /// [`VERSION`].
    pub version: u32,
    /// Where it ran.
    pub machine: Machine,
    /// What was asked for: running it again gives another record of the same cells.
    pub definition: Definition,
    /// What was asked for and is not here, such as a program that is not installed, and why.
    #[serde(default)]
    pub absent: Vec<Absent>,
    /// What was measured: one cell for each configuration.
    pub cells: Vec<Cell>,
}

/// Where a benchmark ran.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Machine {
    /// As the system names it.
    pub cpu: String,
    /// Threads that run at once.
    pub cores: usize,
    /// Bytes of memory, where the system tells.
    pub memory: Option<u64>,
    /// Name and version of the system's kernel.
    pub system: String,
    /// Backends of the group arithmetic that the CPU has, slowest first.
    pub backends: Vec<String>,
    /// Version of this crate.
    pub blindmatch: String,
    /// Commit that was built, where known; with `-dirty` where files had changed.
    pub commit: Option<String>,
    /// What compiled it.
    pub compiler: String,
    /// When it began, RFC 3339.
    pub started: String,
}

/// What is to be measured: every combination of these, each `repeat` times, in turn.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Definition {
    /// Names of what is measured, as in [`Subject::name`].
    pub subjects: Vec<String>,
    /// Elements of the advertiser's list and of the platform's.
    pub sizes: Vec<[u64; 2]>,
    /// The links between the two sides.
    pub networks: Vec<Network>,
    /// Threads of each side.
    pub threads: Vec<usize>,
    /// Backends of the group arithmetic, by name.
    pub backends: Vec<String>,
    /// Measured runs of each configuration, after one that warms up.
    pub repeat: usize,
    /// What the lists are made from.
    pub seed: u64,
}

/// A link between two sides.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Network {
    /// Its name: `lan`, `wan-200`, `wan-50`, `wan-5`, `none`, or what the user called it.
    pub name: String,
    /// Bits per second in each direction; none for as fast as the machine can.
    pub rate: Option<f64>,
    /// Seconds from one side to the other and back.
    pub rtt: f64,
}

/// What kind of thing was measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A protocol of this crate.
    Protocol,
    /// What people do today, which protects nobody. Named insecure wherever it appears.
    Insecure,
    /// Another program.
    Peer,
}

/// What was measured.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Subject {
    /// `dh`, `oprf-prepared`, `insecure-sha256`, `openmined-raw`.
    pub name: String,
    /// What it is.
    pub kind: Kind,
    /// Of another program.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub version: Option<String>,
}

/// Something that was asked for and could not be measured.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Absent {
    /// As in [`Subject::name`].
    pub name: String,
    /// Why.
    pub why: String,
}

/// One configuration, and what its runs came to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Cell {
    /// What was measured.
    pub subject: Subject,
    /// Elements of the advertiser's list.
    pub advertiser: u64,
    /// Elements of the platform's list.
    pub platform: u64,
    /// Name of the link.
    pub network: String,
    /// Threads of each side.
    pub threads: usize,
    /// Backend of the group arithmetic; none where there is no such arithmetic of ours.
    pub backend: Option<String>,
    /// Measured runs, in the order in which they ran; the one that warms up is not among them.
    pub runs: Vec<Run>,
}

/// One run, whose answer was right.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Run {
    /// Seconds from the start of the first side's work to the end of the last one's, preparation included.
    pub total: f64,
    /// The same without what was prepared before the advertiser came.
    pub online: f64,
    /// The advertiser's side.
    pub advertiser: Side,
    /// The platform's side.
    pub platform: Side,
    /// Elements of the advertiser's list that were said to match.
    pub matched: u64,
    /// Among them, elements that the platform's list does not hold.
    pub false_positives: u64,
    /// Seconds of CPU time of the link between them, which are charged to neither; none where a record does not say.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub link_cpu: Option<f64>,
}

/// One side of a run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Side {
    /// Seconds of CPU time, of all threads, reading and checking lists left out.
    pub cpu: f64,
    /// The most memory that its process held, in bytes, where known.
    pub peak_memory: Option<u64>,
    /// Bytes that it sent on the link.
    pub sent: u64,
    /// Times that it began to send after it had heard something new: its half of the round trips. Not one measure: of a
    /// protocol of ours it is the number that its messages need, the same for lists of any size, counted once in memory
    /// ([`flights`](super::contestant::flights)), and two for TLS; of an insecure baseline what the side itself counted, and
    /// these two; of another program what [the link saw](super::link::Traffic::turns), its acknowledgements
    /// included, which is more where both sides send at once.
    pub flights: u64,
    /// Seconds by phase, by the names that reports have.
    pub phases: BTreeMap<String, f64>,
}

impl Cell {
    /// What a figure of all runs comes to.
    pub fn sample(&self, figure: impl Fn(&Run) -> f64) -> Sample {
        self.runs.iter().map(figure).collect()
    }

    /// Whether this and another cell are of the same configuration.
    pub fn is_like(&self, other: &Cell) -> bool {
        let key = |cell: &Cell| {
            let (kind, name) = (cell.subject.kind, cell.subject.name.clone());
            let sizes = [cell.advertiser, cell.platform];
            (kind, name, sizes, cell.network.clone(), cell.threads, cell.backend.clone())
        };
        key(self) == key(other)
    }
}

impl Run {
    /// Bytes both ways.
    pub fn bytes(&self) -> u64 {
        self.advertiser.sent + self.platform.sent
    }

    /// Seconds of CPU time of both sides.
    pub fn cpu(&self) -> f64 {
        self.advertiser.cpu + self.platform.cpu
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Records that were made before a field came are read, and written as they were.
    #[test]
    fn a_run_that_does_not_tell_of_the_link_is_read() {
        let side = r#"{"cpu":0.5,"peak_memory":7,"sent":8,"flights":3,"phases":{}}"#;
        let earlier = format!(
            r#"{{"total":2.0,"online":1.0,"advertiser":{side},"platform":{side},"matched":4,"false_positives":0}}"#
        );
        let run: Run = serde_json::from_str(&earlier).unwrap();
        assert_eq!(run.link_cpu, None);
        assert_eq!(serde_json::to_string(&run).unwrap(), earlier);
        let now = Run { link_cpu: Some(0.25), ..run };
        let text = serde_json::to_string(&now).unwrap();
        assert!(text.ends_with(r#","link_cpu":0.25}"#), "{text}");
        assert_eq!(serde_json::from_str::<Run>(&text).unwrap(), now);
    }
}
