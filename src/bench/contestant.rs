//! Whatever is measured: runs both sides of one configuration and says what it came to.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use crossbeam_channel::{Receiver, RecvTimeoutError, bounded};

use super::cores;
use super::link::Link;
use super::lists::Lists;
use super::party::{Done, Go, TLS_FLIGHTS, Task, Way, Word};
use super::peers::folder::Folder;
use super::peers::process::in_own_group;
use super::peers::{Peer, Python, over_link, round::Round};
use super::record::{Kind, Network, Run, Subject};
use super::workload::CLIP;
use crate::error::{Error, Result};
use crate::label::Labels;
use crate::protocol::{Input, Party, ProtocolName, Values};
use crate::session::{Action, Session, Settings};

/// One configuration.
#[derive(Clone, Debug, PartialEq)]
pub struct Setup {
    /// The lists.
    pub lists: Lists,
    /// The link.
    pub network: Network,
    /// Threads of each side.
    pub threads: usize,
    /// Backend of the group arithmetic; whatever there is where that is none of the subject's business.
    pub backend: String,
}

/// Something that can be measured.
pub trait Contestant {
    /// What it is.
    fn subject(&self) -> Subject;

    /// Runs both sides once, and checks the answer.
    ///
    /// # Errors
    /// [`Error::WrongAnswer`]; [`Error::Interrupted`]; whatever the run fails with.
    fn run(&self, setup: &Setup, stop: &AtomicBool) -> Result<Run>;
}

/// What this crate has: protocols, with prepared sets or without, and insecure baselines. Each side is a process of
/// `program`.
pub struct Ours {
    way: Way,
    program: PathBuf,
    arguments: Vec<String>,
    /// Of the advertiser's side and the platform's, of a protocol.
    flights: Option<[u64; 2]>,
}

impl Ours {
    /// `program` with these arguments and a [`Task`] as JSON behind them has to [`play`](super::party::play) it.
    ///
    /// # Errors
    /// Those of sessions, which it does not have.
    pub fn new(way: Way, program: &Path, arguments: &[&str]) -> Result<Ours> {
        let flights = match way {
            Way::Protocol { name, .. } => Some(flights(name)?.map(|own| own + TLS_FLIGHTS)),
            Way::Insecure(_) => None,
        };
        let arguments = arguments.iter().map(|&argument| argument.to_owned()).collect();
        Ok(Ours { way, program: program.to_owned(), arguments, flights })
    }

    fn start(&self, task: &Task) -> Result<Side> {
        let mut command = Command::new(&self.program);
        let task = serde_json::to_string(task).expect("a task has text keys only");
        command.args(&self.arguments).arg(task);
        Side::start(&mut command)
    }
}

impl Contestant for Ours {
    fn subject(&self) -> Subject {
        let kind = match self.way {
            Way::Protocol { .. } => Kind::Protocol,
            Way::Insecure(_) => Kind::Insecure,
        };
        Subject { name: self.way.name(), kind, version: None }
    }

    fn run(&self, setup: &Setup, stop: &AtomicBool) -> Result<Run> {
        let folder = Folder::new()?;
        let Lists { advertiser, platform, seed } = setup.lists;
        let cores = cores::share(&cores::allowed(), setup.threads);
        let task = |platform_side: bool, cores: &[usize]| Task {
            subject: self.way.name(),
            platform: platform_side,
            sizes: [advertiser, platform],
            seed,
            threads: setup.threads,
            cores: cores.to_vec(),
            backend: setup.backend.clone(),
            matched: folder.path().join("matched"),
        };
        let tasks = [task(false, &cores[0]), task(true, &cores[1])];
        let (ours, theirs) = (self.start(&tasks[0])?, self.start(&tasks[1])?);
        let sides = &mut [ours, theirs];
        let [(key, _), (platform_key, listens)] = [sides[0].ready(stop)?, sides[1].ready(stop)?];
        let listens = listens.ok_or_else(|| unexpected("an address"))?;
        let link = Link::open(&setup.network, listens)?;
        sides[1].go(&Go { key, address: None })?;
        if self.way.prepares() {
            sides[1].prepared(stop)?;
        }
        sides[0].go(&Go { key: platform_key, address: Some(link.address()) })?;
        let done = both_done(sides, stop)?;
        for side in sides {
            side.end(stop)?;
        }
        let traffic = link.close(PATIENCE)?;
        let (matched, false_positives) = check(self.way, setup.lists, &done, &tasks[0].matched)?;
        let [mut first, mut second] = done;
        for (at, done) in [&mut first, &mut second].into_iter().enumerate() {
            done.side.sent = traffic.sent[at];
            let known = self.flights.map(|flights| flights[at]).or(done.flights);
            done.side.flights = known.unwrap_or(traffic.turns[at]);
        }
        let ended = first.ended.max(second.ended);
        Ok(Run {
            total: ended - first.started.min(second.started),
            online: ended
                - if self.way.prepares() {
                    first.started
                } else {
                    first.started.min(second.started)
                },
            advertiser: first.side,
            platform: second.side,
            matched,
            false_positives,
            link_cpu: Some(traffic.cpu.as_secs_f64()),
        })
    }
}

/// Whether the answers are those that the lists were made to have: for the advertiser's side alone, but for the count
/// of a sum. Returns how many matched, and how many of them should not have.
///
/// An insecure filter may give a false positive now and then. The tags of protocols are long enough that one is an error.
fn check(way: Way, lists: Lists, [ours, theirs]: &[Done; 2], matched: &Path) -> Result<(u64, u64)> {
    let common = u64::from(lists.common());
    let protocol = match way {
        Way::Protocol { name, .. } => Some(name),
        Way::Insecure(_) => None,
    };
    let theirs_due = (protocol == Some(ProtocolName::Sum)).then_some(common);
    if theirs.rows || theirs.sum.is_some() || theirs.count != theirs_due {
        return Err(Error::WrongAnswer("the platform learnt what it must not".into()));
    }
    if let Some(name) = protocol.filter(|name| name.is_aggregate()) {
        let sum = (name == ProtocolName::Sum).then(|| lists.common_sum());
        if (ours.count, ours.sum, ours.rows) != (Some(common), sum, false) {
            let text = format!(
                "{:?} counted and {:?} in all, not {common}, {sum:?}",
                ours.count, ours.sum
            );
            return Err(Error::WrongAnswer(text));
        }
        return Ok((common, 0));
    }
    let text = std::fs::read_to_string(matched);
    let text = text.map_err(Error::io(format!("reading {}", matched.display())))?;
    check_rows(protocol, lists, &text)
}

/// The rows that are said to match, with labels where there are some.
fn check_rows(protocol: Option<ProtocolName>, lists: Lists, text: &str) -> Result<(u64, u64)> {
    let people = lists.people(Party::Advertiser);
    let labelled = protocol == Some(ProtocolName::Labelled);
    let (mut rows, mut wrong) = (Vec::new(), 0);
    for line in text.lines() {
        let read = line.split_once(' ').and_then(|(row, label)| Some((row.parse().ok()?, label)));
        let (row, label): (u32, &str) = read.ok_or_else(|| unexpected("a row that matched"))?;
        if labelled && people.is_common(row) && label != people.label(row) {
            return Err(Error::WrongAnswer(format!("row {row} comes with another label")));
        }
        wrong += u64::from(!people.is_common(row));
        rows.push(row);
    }
    rows.sort_unstable();
    rows.dedup();
    let (got, common) = (rows.len() as u64, u64::from(lists.common()));
    if got < common + wrong || (wrong > 0 && protocol.is_some()) {
        let text =
            format!("{got} rows matched, {wrong} of them wrongly, where {common} are common");
        return Err(Error::WrongAnswer(text));
    }
    Ok((got, wrong))
}

/// Times that each side of a protocol begins to send after it has heard something new, where each sends all that it
/// can before it listens. It does not depend on the lists' sizes, so small ones tell.
///
/// # Errors
/// Those of sessions, which it does not have.
pub fn flights(name: ProtocolName) -> Result<[u64; 2]> {
    flights_of(name, Lists { advertiser: 40, platform: 40, seed: 1 })
}

fn flights_of(name: ProtocolName, lists: Lists) -> Result<[u64; 2]> {
    let side = |party| {
        let mut settings = Settings::new(party);
        settings.protocol = name;
        settings.min_audience = Some(0);
        settings.clip = (name == ProtocolName::Sum).then_some(CLIP);
        let list = lists.people(party).consented()?;
        let input = match (name, party) {
            (ProtocolName::Labelled, Party::Platform) => {
                let labels = Labels::new((0..list.len()).map(|_| ""))?;
                Input::with_labels(list, Arc::new(labels))
            }
            (ProtocolName::Sum, Party::Advertiser) => {
                let values = Values::new(vec![1; list.len()]);
                Input::with_values(list, Arc::new(values))
            }
            _ => list.into(),
        };
        Session::new(settings, input)
    };
    let mut sides = [side(Party::Advertiser)?, side(Party::Platform)?];
    let (mut flights, mut done) = ([0; 2], [false; 2]);
    while done != [true; 2] {
        for at in [0, 1] {
            let mut sent = Vec::new();
            loop {
                match sides[at].advance(true)? {
                    Action::Send(bytes) => sent.extend(bytes),
                    Action::Worked => {}
                    Action::Wait => break,
                    Action::Done => {
                        done[at] = true;
                        break;
                    }
                }
            }
            flights[at] += u64::from(!sent.is_empty());
            sides[1 - at].receive(&sent);
        }
    }
    Ok(flights)
}

/// Another program.
pub struct Other {
    peer: &'static Peer,
    python: Python,
    version: String,
}

impl Other {
    /// One that was [found](Peer::find), in this version.
    pub fn new(peer: &'static Peer, python: Python, version: String) -> Other {
        Other { peer, python, version }
    }
}

impl Contestant for Other {
    fn subject(&self) -> Subject {
        let version = Some(self.version.clone());
        Subject { name: self.peer.name.to_owned(), kind: Kind::Peer, version }
    }

    fn run(&self, setup: &Setup, stop: &AtomicBool) -> Result<Run> {
        let folder = Folder::new()?;
        let people = [Party::Advertiser, Party::Platform].map(|party| setup.lists.people(party));
        let lists = [
            folder.write_list("advertiser", people[0].addresses())?,
            folder.write_list("platform", people[1].addresses())?,
        ];
        let rows = 0..setup.lists.advertiser;
        let common: Vec<u32> = rows.filter(|&row| people[0].is_common(row)).collect();
        let cores = cores::share(&cores::allowed(), setup.threads);
        let round = Round {
            peer: self.peer,
            python: &self.python,
            lists: [&lists[0], &lists[1]],
            elements: setup.lists.advertiser.into(),
            threads: setup.threads,
            limit: LONGEST,
        };
        over_link::measure(&round, &common, &setup.network, [&cores[0], &cores[1]], stop)
    }
}

/// A side's process. It is killed when this is dropped.
struct Side {
    child: Child,
    input: ChildStdin,
    lines: Receiver<String>,
}

impl Side {
    fn start(command: &mut Command) -> Result<Side> {
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        in_own_group(command);
        let child = command.spawn();
        let mut child = child.map_err(Error::io("starting a side of a benchmark"))?;
        let input = child.stdin.take().expect("piped above");
        let output = child.stdout.take().expect("piped above");
        let (to, lines) = bounded(4);
        thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(std::io::Result::ok) {
                if to.send(line).is_err() {
                    return;
                }
            }
        });
        Ok(Side { child, input, lines })
    }

    fn go(&mut self, go: &Go) -> Result<()> {
        let mut line = serde_json::to_string(go).expect("words have text keys only");
        line.push('\n');
        self.input.write_all(line.as_bytes()).map_err(Error::io("telling a side to go"))
    }

    /// A word if one comes within a moment.
    fn hear(&mut self) -> Result<Option<Word>> {
        let line = match self.lines.recv_timeout(LOOK_UP) {
            Err(RecvTimeoutError::Timeout) => return Ok(None),
            Err(RecvTimeoutError::Disconnected) => return Err(unexpected("another word")),
            Ok(line) => line,
        };
        match serde_json::from_str(&line) {
            Ok(Word::Failed { error }) => Err(failed(&error)),
            Ok(word) => Ok(Some(word)),
            Err(_) => Err(unexpected("a word of a side")),
        }
    }

    fn wait(&mut self, stop: &AtomicBool) -> Result<Word> {
        while !stop.load(Ordering::Relaxed) {
            if let Some(word) = self.hear()? {
                return Ok(word);
            }
        }
        Err(Error::Interrupted)
    }

    fn ready(&mut self, stop: &AtomicBool) -> Result<(String, Option<std::net::SocketAddr>)> {
        match self.wait(stop)? {
            Word::Ready { key, address } => Ok((key, address)),
            _ => Err(unexpected("that it is ready")),
        }
    }

    fn prepared(&mut self, stop: &AtomicBool) -> Result<()> {
        match self.wait(stop)? {
            Word::Prepared => Ok(()),
            _ => Err(unexpected("that it has prepared")),
        }
    }

    /// Waits until the process has ended.
    fn end(&mut self, stop: &AtomicBool) -> Result<()> {
        let failed = || Error::io("waiting for a side of a benchmark");
        while !stop.load(Ordering::Relaxed) {
            match self.child.try_wait().map_err(failed())? {
                Some(status) if status.success() => return Ok(()),
                Some(status) => return Err(unexpected(&format!("success, but {status}"))),
                None => thread::sleep(Duration::from_millis(1)),
            }
        }
        Err(Error::Interrupted)
    }
}

impl Drop for Side {
    fn drop(&mut self) {
        let _ = self.child.kill(); // it may have ended
        let _ = self.child.wait();
    }
}

/// What both sides came to, whichever ends first; a failure of either at once.
fn both_done(sides: &mut [Side; 2], stop: &AtomicBool) -> Result<[Done; 2]> {
    let mut done = [None, None];
    while done.iter().any(Option::is_none) {
        if stop.load(Ordering::Relaxed) {
            return Err(Error::Interrupted);
        }
        for (side, done) in sides.iter_mut().zip(&mut done) {
            if done.is_none() {
                *done = match side.hear()? {
                    Some(Word::Done(said)) => Some(said),
                    None => None,
                    Some(_) => return Err(unexpected("that it is done")),
                };
            }
        }
    }
    let [Some(ours), Some(theirs)] = done else { unreachable!("the loop ends with both") };
    Ok([ours, theirs])
}

fn unexpected(what: &str) -> Error {
    failed(&format!("{what} was due"))
}

fn failed(why: &str) -> Error {
    Error::io("a side of a benchmark")(std::io::Error::other(why.to_owned()))
}

/// How long two sides that have ended may take to be heard by the link between them.
const PATIENCE: Duration = Duration::from_secs(60);

/// The longest that a step of another program may take.
const LONGEST: Duration = Duration::from_secs(3600);

const LOOK_UP: Duration = Duration::from_millis(50);

#[cfg(test)]
mod tests {
    use super::*;

    const LISTS: Lists = Lists { advertiser: 9, platform: 7, seed: 3 };

    fn rows(change: impl FnOnce(&mut Vec<u32>)) -> String {
        let people = LISTS.people(Party::Advertiser);
        let mut rows = (0..9).filter(|&row| people.is_common(row)).collect();
        change(&mut rows);
        rows.iter().map(|row| format!("{row} {}\n", people.label(*row))).collect()
    }

    fn other_row() -> u32 {
        let people = LISTS.people(Party::Advertiser);
        (0..9).find(|&row| !people.is_common(row)).unwrap()
    }

    #[test]
    fn wrong_rows_are_seen() {
        for protocol in [None, Some(ProtocolName::Dh), Some(ProtocolName::Labelled)] {
            let check = |text: &str| check_rows(protocol, LISTS, text);
            assert_eq!(check(&rows(|_| {})).unwrap(), (3, 0));
            for wrong in [
                rows(|rows| rows.truncate(2)),
                rows(|rows| rows[0] = rows[1]),
                rows(|rows| rows[0] = other_row()),
                "x\n".to_owned(),
            ] {
                assert!(check(&wrong).is_err(), "{protocol:?}: {wrong}");
            }
            let more = check(&rows(|rows| rows.push(other_row())));
            match protocol {
                None => assert_eq!(more.unwrap(), (4, 1)),
                Some(_) => assert!(matches!(more, Err(Error::WrongAnswer(_)))),
            }
        }
        let text = rows(|_| {}).replace("segment", "section");
        assert!(check_rows(Some(ProtocolName::Labelled), LISTS, &text).is_err());
    }

    /// Small lists and lists of several frames.
    #[test]
    fn flights_do_not_depend_on_sizes() {
        for name in ProtocolName::ALL {
            let few = flights(name).unwrap();
            let many = Lists { advertiser: 3, platform: 5000, seed: 1 };
            assert_eq!(flights_of(name, many).unwrap(), few, "{name}");
            assert!(few.iter().all(|own| (1..10).contains(own)), "{name}: {few:?}");
        }
    }
}
