//! What a match will take, before it is run: time, bytes, memory and who learns what, for every
//! protocol, and which of them to choose.
//!
//! A [`Calibration`] holds what the parts of protocols take on one machine; [`calibrate`] measures it in
//! a few seconds. A [`Question`] says what is to be matched and where. [`Plan::new`] puts them together.
//! Nothing is run for that, so a plan for lists that fit no machine here is as quick as any.
//!
//! # The model
//!
//! A session is a row of *stages*. In each, both sides compute while frames cross, and the
//! [driver](crate::transport::drive) overlaps the two; so a stage takes the longest of
//!
//! - what the advertiser computes, what the platform computes (on one machine: what both compute, on
//!   cores that they share);
//! - the bytes either way, at the link's rate;
//!
//! with what can not overlap, a frame at each hop, and the flights that its end waits for. TCP's windows
//! open once a session. Work is parted into what all cores do and what one thread
//! does (hashing a sorted list, the upper levels of a sort, reading a compressed set); the second part
//! does not shrink with cores. Bytes are those of the frames, exactly but for a compressed set, whose
//! length is that of uniform values on average.
//!
//! The units do not follow from anything: they are measured on the CPU, with the backend that the match
//! will use. A plan for another machine needs the calibration of that machine.
//!
//! *What it does not know*: other work on the machine, packets that are lost, a link that others use,
//! disks slower than a list is read, and caches much larger or smaller than those that it was calibrated
//! with. Lists are taken to hold one identifier in a row, as CSV with consent columns.
//!
//! ```
//! use blindmatch::plan::{Calibration, Plan, Question, Setting};
//! # fn plan(calibration: &Calibration) {
//! let mut question = Question::new([1_000_000, 1_000_000_000]);
//! question.cores = 64;
//! question.setting = Setting::Network {
//!     bandwidth: 12.5e6, // 100 Mbit/s
//!     rtt: std::time::Duration::from_millis(40),
//!     slow_start: true,
//! };
//! let plan = Plan::new(calibration, &question);
//! if let Some(best) = plan.chosen() {
//!     println!("{}: {:.0} s", best.way, best.session_seconds);
//! }
//! # }
//! ```

#[cfg(all(feature = "bench", feature = "tls"))]
mod calibrate;
mod choose;
mod facts;
mod memory;
mod model;
mod protocols;
pub mod quantity;
mod traffic;
mod units;

use std::fmt;
use std::time::Duration;

use serde::{Serialize, Serializer};

use crate::protocol::{ProtocolName, Reveal};

#[cfg(all(feature = "bench", feature = "tls"))]
pub use calibrate::calibrate;
pub use choose::{Choice, Plan};
pub use facts::{gives, learns, trust};
pub use units::{Calibration, Curve, Units};

use model::{Cores, Work};
use protocols::Parts;

/// What is to be matched, where, and what for.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Question {
    /// Elements of the advertiser's and of the platform's list.
    pub sizes: [u64; 2],
    /// Where the sides are.
    pub setting: Setting,
    /// Cores of each machine.
    pub cores: usize,
    /// Who is to learn.
    pub reveal: Reveal,
    /// Fewest matches that are revealed.
    pub min_audience: u64,
    /// What is to be learnt.
    pub want: Want,
    /// What the sides are trusted with.
    pub trust: Trust,
    /// Sessions over one state of the platform's list: what preparing is shared by.
    pub sessions: u32,
    /// Bytes of the longest label, in a labelled match.
    pub label_bytes: usize,
    /// What values are cut down to, in a sum.
    pub clip: u64,
    /// The part of the shorter list that matches.
    pub common: f64,
}

impl Question {
    /// With defaults: over a network of 1 Gbit/s and 20 ms, one core each, matches for the advertiser, half
    /// of the shorter list, in one session.
    pub fn new(sizes: [u64; 2]) -> Question {
        Question {
            sizes,
            setting: Setting::Network {
                bandwidth: 125e6,
                rtt: Duration::from_millis(20),
                slow_start: true,
            },
            cores: 1,
            reveal: Reveal::Advertiser,
            min_audience: 0,
            want: Want::Matches,
            trust: Trust::SemiHonest,
            sessions: 1,
            label_bytes: 15,
            clip: 10_000,
            common: 0.5,
        }
    }

    /// How many match.
    pub fn matches(&self) -> u64 {
        (self.sizes[0].min(self.sizes[1]) as f64 * self.common).round() as u64
    }

    /// What a set is prepared for, as `prepare` has it unless told otherwise.
    pub fn max_queries(&self) -> u64 {
        self.sizes[0].max(1 << 20)
    }
}

/// Where the two sides are.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case", tag = "where")]
#[non_exhaustive]
pub enum Setting {
    /// On two machines.
    Network {
        /// Bytes a second, either way.
        bandwidth: f64,
        /// Time there and back.
        rtt: Duration,
        /// Whether TCP's windows open from ten segments, as they do between machines.
        slow_start: bool,
    },
    /// Two programs on one machine, with TLS between them: `serve` and `connect`.
    Loopback,
    /// One program: `match`.
    Process,
}

/// What is to be learnt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Want {
    /// Which entries match.
    Matches,
    /// The same, with a label of the platform's for each.
    Labels,
    /// How many match.
    Count,
    /// The total of the advertiser's values over what matches.
    Sum,
    /// Publisher Identifiers of what matches, for a buying platform.
    PublisherIds,
}

/// How far the sides are trusted; each holds against what those before it hold against.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Trust {
    /// Both follow the protocol.
    SemiHonest,
    /// The platform's answers are proven to come from one key.
    Verifiable,
    /// Either may depart from it, within the limits of the protocol's page.
    Malicious,
}

impl Want {
    /// All of them.
    pub const ALL: [Want; 5] =
        [Want::Matches, Want::Labels, Want::Count, Want::Sum, Want::PublisherIds];

    /// Its name in flags.
    pub fn name(self) -> &'static str {
        match self {
            Want::Matches => "matches",
            Want::Labels => "labels",
            Want::Count => "count",
            Want::Sum => "sum",
            Want::PublisherIds => "publisher-ids",
        }
    }
}

impl Trust {
    /// All of them, the weakest first.
    pub const ALL: [Trust; 3] = [Trust::SemiHonest, Trust::Verifiable, Trust::Malicious];

    /// Its name in flags.
    pub fn name(self) -> &'static str {
        match self {
            Trust::SemiHonest => "semi-honest",
            Trust::Verifiable => "verifiable",
            Trust::Malicious => "malicious",
        }
    }
}

/// A protocol, and whether the platform's list was prepared for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Way {
    /// The protocol.
    pub protocol: ProtocolName,
    /// Whether the platform's list was evaluated before.
    pub prepared: bool,
}

impl Way {
    /// Every way that there is.
    pub fn all() -> Vec<Way> {
        let way = |prepared| move |protocol| Way { protocol, prepared };
        let prepared = ProtocolName::ALL.into_iter().filter(|name| name.takes_prepared_sets());
        let fresh = ProtocolName::ALL.into_iter().map(way(false));
        fresh.chain(prepared.map(way(true))).chain([way(false)(ProtocolName::Pair)]).collect()
    }
}

impl fmt::Display for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let prepared = if self.prepared { " prepared" } else { "" };
        f.pad(&format!("{}{prepared}", self.protocol))
    }
}

impl Serialize for Way {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// What one way takes.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct Estimate {
    /// The way.
    pub way: Way,
    /// Why it cannot answer the question as it stands, if it cannot; figures are then those of what it can.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
    /// Seconds of reading each list through the consent gate, the advertiser's first.
    pub read_seconds: [f64; 2],
    /// Seconds of a session, as the advertiser waits for it.
    pub session_seconds: f64,
    /// Seconds of the command that the advertiser runs: its list read (in one process, both lists), and the
    /// session.
    pub command_seconds: f64,
    /// Seconds of preparing the platform's list once, reading it included.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prepare_seconds: Option<f64>,
    /// Seconds of CPU time of that.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prepare_cpu_seconds: Option<f64>,
    /// Seconds of CPU time of a session, both sides together.
    pub session_cpu_seconds: f64,
    /// Seconds of CPU time of the commands of both sides, lists included.
    pub command_cpu_seconds: f64,
    /// Bytes of frames that the advertiser sends, and that it receives.
    pub bytes: [u64; 2],
    /// Bytes of memory at the peak of each side; in one process, of the process, twice.
    pub memory: [u64; 2],
    /// Bytes of memory at the peak of preparing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prepare_memory: Option<u64>,
    /// What each side learns besides the size of the other's list, the advertiser's first.
    pub learns: [&'static str; 2],
    /// What holds where a side cheats.
    pub trust: Trust,
    /// Seconds by stage.
    pub stages: Vec<(&'static str, f64)>,
}

impl Estimate {
    /// Of one way.
    pub fn new(calibration: &Calibration, question: &Question, way: Way) -> Estimate {
        let problem = facts::problem(way, question);
        let mut question = question.clone();
        if !way.protocol.can_reveal(question.reveal) {
            question.reveal = Reveal::Advertiser;
        }
        if !way.protocol.keeps_minimum_audience() {
            question.min_audience = 0;
        }
        Sums { calibration, question: &question, way }.estimate(problem)
    }

    /// Seconds of a session with its share of preparing.
    pub fn seconds_shared(&self, sessions: u32) -> f64 {
        self.session_seconds + self.prepare_seconds.unwrap_or(0.0) / f64::from(sessions.max(1))
    }
}

/// What an estimate is added up from.
struct Sums<'a> {
    calibration: &'a Calibration,
    question: &'a Question,
    way: Way,
}

impl Sums<'_> {
    fn estimate(&self, problem: Option<String>) -> Estimate {
        let (units, question, way) = (&self.calibration.units, self.question, self.way);
        let (setting, cores) = (&question.setting, self.cores());
        let parts = Parts { way, question, units };
        let stages = protocols::stages(&parts);
        let timed = stages.iter().map(|stage| {
            let seconds = stage.seconds(setting, cores, units.tls_byte);
            (stage.name, seconds)
        });
        let bytes = [0, 1].map(|side| stages.iter().map(|stage| stage.bytes[side]).sum());
        let timed = timed.chain([("windows open", model::opening(setting, bytes))]);
        let timed: Vec<(&'static str, f64)> =
            timed.filter(|(name, seconds)| !name.is_empty() && *seconds > 0.0).collect();
        let session = timed.iter().map(|(_, seconds)| seconds).sum::<f64>() + self.fixed();
        let cpu = stages.iter().map(|stage| stage.cpu(setting, cores, units.tls_byte)).sum::<f64>();

        let reading = [self.reading(0), self.reading(1)];
        let read = reading.map(|work| cores.time(work));
        let prepare = way.prepared.then(|| protocols::preparation(&parts));
        let loading = if way.prepared { protocols::loading(&parts) } else { reading[1] };
        let before = match setting {
            Setting::Process => cores.time(reading[0]) + cores.time(loading),
            _ => cores.time(reading[0]),
        };
        let programs = PROGRAM * if *setting == Setting::Process { 1.0 } else { 2.0 };
        Estimate {
            way,
            problem,
            read_seconds: read,
            session_seconds: session,
            command_seconds: before + session + PROGRAM,
            prepare_seconds: prepare.map(|work| cores.time(work) + read[1]),
            prepare_cpu_seconds: prepare.map(|work| cores.cpu(work + self.reading(1))),
            session_cpu_seconds: cpu,
            command_cpu_seconds: cpu + cores.cpu(reading[0]) + cores.cpu(loading) + programs,
            bytes,
            memory: memory::peaks(way, question, bytes),
            prepare_memory: way.prepared.then(|| memory::preparing(question)),
            learns: facts::learns(way, question.reveal, question.min_audience),
            trust: facts::trust(way.protocol),
            stages: timed,
        }
    }

    fn cores(&self) -> Cores {
        Cores { number: self.question.cores.max(1), efficiency: self.calibration.units.efficiency }
    }

    /// What a session takes that lists do not matter for.
    fn fixed(&self) -> f64 {
        match self.question.setting {
            Setting::Process => self.calibration.units.session,
            _ => self.calibration.units.connection,
        }
    }

    /// Reading a side's list, and once more for a column that goes into the match.
    fn reading(&self, side: usize) -> Work {
        let (units, rows) = (&self.calibration.units, self.question.sizes[side] as f64);
        let again = match (self.way.protocol, side) {
            (ProtocolName::Sum, 0) | (ProtocolName::Labelled, 1) => units.cell,
            _ => 0.0,
        };
        Work::parallel(rows * (units.row - units.gate)) + Work::serial(rows * (units.gate + again))
    }
}

/// Seconds that a program takes to begin and to end, whatever it does: keys read, threads started.
const PROGRAM: f64 = 0.005;
