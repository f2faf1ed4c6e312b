//! One side of a run in a process of its own, as whoever started it sees it: lines of JSON.
//!
//! ```text
//! harness                                   side
//!                     <----------------     its list is made: Ready
//!   Go                ---------------->
//!                     <----------------     a platform that prepares: Prepared
//!                     <----------------     Done
//! ```
//!
//! What is measured begins with [`Go`]: lists are made before, and a platform listens before. Both sides speak as
//! users' do, over TLS with keys that are made on the spot. Times are those of the system's monotonic clock, which all
//! processes of a machine share.

use std::collections::BTreeMap;
use std::io::{self, BufRead, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use rayon::ThreadPoolBuilder;
use rustix::time::{ClockId, clock_gettime};
use serde::{Deserialize, Serialize};

use super::insecure::Insecure;
use super::lists::{Lists, People};
use super::measure::Cpu;
use super::workload::CLIP;
use super::{cores, record};
use crate::consent::ConsentedList;
use crate::error::{Error, Result};
use crate::group::{Backend, Engine, Parallelism};
use crate::key::epoch::{EpochBinding, EpochSecret};
use crate::label::Labels;
use crate::prepare::{self, PreparedSet};
use crate::protocol::{Input, Party, ProtocolName, Values};
use crate::report::peak_memory;
use crate::session::{Outcome, Session, Settings};
use crate::transport::identity::{Identity, Trust};
use crate::transport::tls::{Endpoint, Limits, Secured};
use crate::transport::{Link, Timing, asks_for_patience, drive};

/// What a side is to do.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Task {
    /// What is run: a protocol's name, with `-prepared` where the platform brings a prepared set, or that of an
    /// insecure baseline.
    pub subject: String,
    /// Whether this is the platform's side.
    pub platform: bool,
    /// Elements of the advertiser's list and of the platform's.
    pub sizes: [u32; 2],
    /// What the lists are made from.
    pub seed: u64,
    /// Threads to compute on.
    pub threads: usize,
    /// Cores to keep to; any where there are none.
    pub cores: Vec<usize>,
    /// Backend of the group arithmetic.
    pub backend: String,
    /// Where the advertiser's side writes what matched: a row a line, with its label where there is one.
    pub matched: PathBuf,
}

/// What a side is told when it is to begin.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Go {
    /// The other side's public key.
    pub key: String,
    /// Where the advertiser's side connects.
    pub address: Option<SocketAddr>,
}

/// What a side says.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Word {
    /// It can begin.
    Ready {
        /// Its public key.
        key: String,
        /// Where the platform's side listens.
        address: Option<SocketAddr>,
    },
    /// The advertiser may come.
    Prepared,
    /// It has finished.
    Done(Done),
    /// It cannot go on.
    Failed {
        /// Why.
        error: String,
    },
}

/// What a side's work came to.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Done {
    /// When it began, in seconds of the monotonic clock.
    pub started: f64,
    /// When its answer was complete.
    pub ended: f64,
    /// Its figures; what went over the link is not among them.
    pub side: record::Side,
    /// Times that it began to send after it had heard something new, where it knows them.
    pub flights: Option<u64>,
    /// How many matched, where it learns that.
    pub count: Option<u64>,
    /// The total of what matched, where it learns that.
    pub sum: Option<u64>,
    /// Whether it learns which of its rows match.
    pub rows: bool,
}

/// What a task runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// A protocol, perhaps with a prepared set.
    Protocol {
        /// Which.
        name: ProtocolName,
        /// Whether the platform prepares its list first.
        prepared: bool,
    },
    /// An insecure baseline.
    Insecure(Insecure),
}

impl Way {
    /// Every one, in the order of their names here.
    pub fn all() -> Vec<Way> {
        let plain = ProtocolName::ALL.map(|name| Way::Protocol { name, prepared: false });
        let sets = ProtocolName::ALL.into_iter().filter(|name| name.takes_prepared_sets());
        let prepared = sets.map(|name| Way::Protocol { name, prepared: true });
        plain.into_iter().chain(prepared).chain(Insecure::ALL.map(Way::Insecure)).collect()
    }

    /// As in [`record::Subject::name`].
    pub fn name(self) -> String {
        match self {
            Way::Protocol { name, prepared: false } => name.name().to_owned(),
            Way::Protocol { name, prepared: true } => format!("{name}-prepared"),
            Way::Insecure(insecure) => insecure.name().to_owned(),
        }
    }

    /// From its name.
    pub fn by_name(name: &str) -> Option<Way> {
        Way::all().into_iter().find(|way| way.name() == name)
    }

    /// Whether the platform prepares something before the advertiser comes.
    pub fn prepares(self) -> bool {
        matches!(self, Way::Protocol { prepared: true, .. })
    }
}

/// Seconds of the monotonic clock.
pub fn monotonic() -> f64 {
    let time = clock_gettime(ClockId::Monotonic);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}

/// Plays a side to its end, whatever that is: errors are told on `output` too.
///
/// # Errors
/// What the session fails with; [`Error::Misuse`] for a task that cannot be.
pub fn play(task: &Task, input: impl BufRead, output: impl Write, stop: &AtomicBool) -> Result<()> {
    let mut talk = Talk { input, output };
    end_with_parent();
    cores::keep_to(&task.cores);
    let played = Side::new(task, stop).and_then(|side| side.play(&mut talk));
    match &played {
        Ok(done) => talk.say(&Word::Done(done.clone()))?,
        Err(error) => talk.say(&Word::Failed { error: error.to_string() })?,
    }
    played.map(|_| ())
}

/// Who started this process ends it by ending, where the system has that.
fn end_with_parent() {
    #[cfg(target_os = "linux")]
    {
        use rustix::process::{Signal, set_parent_process_death_signal};
        let _ = set_parent_process_death_signal(Some(Signal::KILL)); // else a closed pipe tells
    }
}

/// The two ends of what the harness and a side say.
struct Talk<R, W> {
    input: R,
    output: W,
}

impl<R: BufRead, W: Write> Talk<R, W> {
    fn say(&mut self, word: &Word) -> Result<()> {
        let mut line = serde_json::to_string(word).expect("words have text keys only");
        line.push('\n');
        let said = self.output.write_all(line.as_bytes()).and_then(|()| self.output.flush());
        said.map_err(Error::io("telling the benchmark"))
    }

    fn hear(&mut self) -> Result<Go> {
        let mut line = String::new();
        let heard = self.input.read_line(&mut line).map_err(Error::io("hearing the benchmark"))?;
        match heard {
            0 => Err(Error::Interrupted),
            _ => serde_json::from_str(&line)
                .map_err(|e| Error::Misuse(format!("not a word of a benchmark: {e}"))),
        }
    }
}

/// A side that is about to play.
struct Side<'a> {
    task: &'a Task,
    way: Way,
    party: Party,
    people: People,
    list: Arc<ConsentedList>,
    engine: Engine,
    stop: &'a AtomicBool,
}

impl<'a> Side<'a> {
    fn new(task: &'a Task, stop: &'a AtomicBool) -> Result<Side<'a>> {
        let unknown = |what: &str, name: &str| Error::Misuse(format!("no {what} is called {name}"));
        let way = Way::by_name(&task.subject).ok_or_else(|| unknown("subject", &task.subject))?;
        let backend = Backend::by_name(&task.backend);
        let backend = backend.ok_or_else(|| unknown("backend of this CPU", &task.backend))?;
        let parallelism = if task.threads == 1 { Parallelism::Serial } else { Parallelism::Rayon };
        // A process plays once; a test that plays in its own keeps the pool that there is.
        let _ = ThreadPoolBuilder::new().num_threads(task.threads).build_global();
        let party = if task.platform { Party::Platform } else { Party::Advertiser };
        let [advertiser, platform] = task.sizes;
        let people = Lists { advertiser, platform, seed: task.seed }.people(party);
        let list = people.consented()?;
        forget_peak_memory();
        Ok(Side { task, way, party, people, list, engine: Engine::new(backend, parallelism), stop })
    }

    fn play<R: BufRead, W: Write>(self, talk: &mut Talk<R, W>) -> Result<Done> {
        let identity = Identity::generate();
        let listener = match self.party {
            Party::Platform => Some(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))),
            Party::Advertiser => None,
        };
        let listener = listener.transpose().map_err(Error::io("listening on loopback"))?;
        let address = listener.as_ref().map(TcpListener::local_addr).transpose();
        let address = address.map_err(Error::io("listening on loopback"))?;
        talk.say(&Word::Ready { key: identity.public().to_string(), address })?;
        let go = talk.hear()?;

        let (started, cpu, mut phases) = (monotonic(), Cpu::Process.now(), BTreeMap::new());
        let trust = Trust::read([go.key.clone()])?;
        let input = self.input(&trust, &mut phases)?;
        if self.way.prepares() && self.party == Party::Platform {
            talk.say(&Word::Prepared)?;
        }
        let connecting = Instant::now();
        let endpoint = Endpoint::new(&identity, &trust, Limits { handshake: PATIENCE })?;
        let secured = match (listener, go.address) {
            (Some(listener), _) => {
                let (socket, _) = listener.accept().map_err(Error::io("accepting a connection"))?;
                endpoint.accept(socket, self.stop)?
            }
            (None, Some(address)) => endpoint.connect(&address.to_string(), self.stop)?,
            (None, None) => return Err(Error::Misuse("nowhere to connect to".into())),
        };
        phases.insert("connect".to_owned(), connecting.elapsed().as_secs_f64());
        let mut done = match self.way {
            Way::Insecure(insecure) => self.exchange(insecure, secured.link)?,
            Way::Protocol { name, .. } => self.match_lists(name, input, secured)?,
        };
        done.started = started;
        done.side.cpu = (Cpu::Process.now() - cpu).as_secs_f64();
        done.side.peak_memory = peak_memory();
        done.side.phases.append(&mut phases);
        Ok(done)
    }

    /// What this side brings to a session.
    fn input(&self, trust: &Trust, phases: &mut BTreeMap<String, f64>) -> Result<Input> {
        let rows = || (0..self.list.len()).map(|index| self.list.occurrences(index)[0].row);
        let list = Arc::clone(&self.list);
        Ok(match (self.way, self.party) {
            (Way::Protocol { prepared: true, .. }, Party::Platform) => {
                let preparing = Instant::now();
                let set = self.prepare(trust)?;
                phases.insert("prepare".to_owned(), preparing.elapsed().as_secs_f64());
                set.into()
            }
            (Way::Protocol { name: ProtocolName::Labelled, .. }, Party::Platform) => {
                let labels = Labels::new(rows().map(|row| self.people.label(row)))?;
                Input::with_labels(list, Arc::new(labels))
            }
            (Way::Protocol { name: ProtocolName::Sum, .. }, Party::Advertiser) => {
                let values = rows().map(|row| self.people.value(row)).collect();
                Input::with_values(list, Arc::new(Values::new(values)))
            }
            _ => list.into(),
        })
    }

    fn prepare(&self, trust: &Trust) -> Result<Arc<PreparedSet>> {
        let list = &self.list;
        let peer = trust.keys().first().map(|key| key.fingerprint()).unwrap_or_default();
        let binding = EpochBinding::new("bench", &peer, list.purpose(), list.profile())?;
        let secret = EpochSecret::generate(&mut rand::rng());
        let mut options = prepare::Options { engine: self.engine, ..prepare::Options::default() };
        options.max_queries = options.max_queries.max(self.task.sizes[0].into());
        let go_on = &mut |_| ControlFlow::Continue(());
        Ok(Arc::new(PreparedSet::in_memory(list, &secret, &binding, &options, go_on)?))
    }

    fn match_lists(&self, name: ProtocolName, input: Input, secured: Secured) -> Result<Done> {
        let mut settings = Settings::new(self.party);
        settings.protocol = name;
        settings.min_audience = Some(0);
        settings.clip = (name == ProtocolName::Sum).then_some(CLIP);
        settings.max_elements = input.prepared().map_or(u32::MAX.into(), PreparedSet::max_queries);
        settings.engine = self.engine;
        settings.channel_binding = secured.binding;
        settings.peer = Some(secured.peer.fingerprint());
        let session = Session::new(settings, input)?;
        let (now, here) = (monotonic(), Instant::now());
        let outcome = drive(session, secured.link, Timing::unlimited(), self.stop, &mut ())?;
        let Outcome { answer, phases, completed, .. } = outcome;
        let seconds = |(phase, time): (crate::protocol::Phase, Duration)| {
            (phase.name().to_owned(), time.as_secs_f64())
        };
        let labels = answer.labels.as_deref();
        if let Some(matched) = &answer.matched {
            self.write(matched, labels)?;
        }
        let side = record::Side {
            phases: phases.into_iter().map(seconds).collect(),
            ..record::Side::default()
        };
        let ended = now + completed.saturating_duration_since(here).as_secs_f64();
        let rows = answer.matched.is_some();
        let (count, sum) = (answer.count, answer.sum);
        Ok(Done { started: 0.0, ended, side, flights: None, count, sum, rows })
    }

    fn exchange(&self, insecure: Insecure, link: Link) -> Result<Done> {
        let mut stream = Patient { link, waited: Duration::ZERO, heard: true, flights: 0 };
        let matched = match self.party {
            Party::Advertiser => Some(insecure.advertiser(&self.list, &mut stream)?),
            Party::Platform => insecure.platform(&self.list, &mut stream).map(|()| None)?,
        };
        let ended = monotonic();
        let (waited, flights) = (stream.waited.as_secs_f64(), Some(stream.flights + TLS_FLIGHTS));
        if let Some(matched) = &matched {
            self.write(matched, None)?;
        }
        let phases = [("wait".to_owned(), waited)].into_iter().collect();
        let side = record::Side { phases, ..record::Side::default() };
        let count = matched.as_ref().map(|matched| matched.len() as u64);
        let rows = matched.is_some();
        Ok(Done { started: 0.0, ended, side, flights, count, sum: None, rows })
    }

    /// The rows of what matched, and labels, for whoever checks them.
    fn write(&self, matched: &[u32], labels: Option<&[Option<String>]>) -> Result<()> {
        let mut text = String::new();
        for (at, &index) in matched.iter().enumerate() {
            let row = self.list.occurrences(index as usize)[0].row;
            let label = labels.and_then(|labels| labels.get(at)?.as_deref()).unwrap_or_default();
            text.push_str(&format!("{row} {label}\n"));
        }
        let path = &self.task.matched;
        std::fs::write(path, text).map_err(Error::io(format!("writing {}", path.display())))
    }
}

/// Flights of each side until a session's first byte: ClientHello, ServerHello to Finished, the client's Finished, the
/// server's word.
pub const TLS_FLIGHTS: u64 = 2;

/// How long setting up a channel may take: the link may be slow on purpose.
const PATIENCE: Duration = Duration::from_secs(120);

/// The most memory held so far is forgotten, where the system has that: making a list takes more than having it.
fn forget_peak_memory() {
    #[cfg(target_os = "linux")]
    let _ = std::fs::write("/proc/self/clear_refs", "5"); // else the figure is that of making the list
}

/// A link that blocks, as plain streams do.
struct Patient {
    link: Link,
    waited: Duration,
    heard: bool,
    flights: u64,
}

impl Read for Patient {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let since = Instant::now();
        let read = patiently(|| self.link.reader.read(out));
        self.waited += since.elapsed();
        self.heard |= read.as_ref().is_ok_and(|&read| read > 0);
        read
    }
}

impl Write for Patient {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.flights += u64::from(std::mem::take(&mut self.heard));
        patiently(|| self.link.writer.write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        patiently(|| self.link.writer.flush())
    }
}

fn patiently<T>(mut action: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    loop {
        match action() {
            Err(e) if asks_for_patience(&e) => {}
            done => return done,
        }
    }
}
