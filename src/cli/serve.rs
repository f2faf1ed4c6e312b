//! `blindmatch serve`: the platform's side, for many advertisers.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Instant, SystemTime};

use blindmatch::budget::{Account, Budget};
use blindmatch::list::Output;
use blindmatch::prepare;
use blindmatch::protocol::Party;
use blindmatch::report::Report;
use blindmatch::session::{Admission, Outcome, Session, Settings};
use blindmatch::transport::identity::Identity;
use blindmatch::transport::tls::Secured;
use blindmatch::transport::{drive, or_decline};
use blindmatch::{Error, Result, write_whole};
use jiff::Timestamp;
use tracing::info;

use super::args::ServeArgs;
use super::lists::Side;
use super::protocols::Columns;
use super::{Shared, serving};

pub fn run(args: &ServeArgs, shared: &Shared) -> Result<()> {
    let columns = Columns { label: Some(args.label.as_deref()), value: None };
    args.protocol.check(args.reveal, args.min_audience, columns)?;
    let (protocol, least) = (args.protocol.protocol, args.min_audience);
    args.people.check(protocol, args.reveal, least, &[Party::Platform])?;
    if args.protocol.gives_rows_to(args.reveal, Party::Platform) && args.results.is_none() {
        let reveal = args.reveal;
        return Err(Error::Misuse(format!(
            "--reveal {reveal} gives us matched rows: say where they go with --results DIR"
        )));
    }
    args.protocol.check_prepared(&args.prepared)?;
    let files = args.path.iter().flat_map(|path| args.list.files(path));
    serving::check(files, args.results.as_deref())?;
    let endpoint = args.keys.endpoint()?;
    let budget = args.budget.open(args.reveal, &args.protocol)?;
    let keeper = Keeper::new(args, shared)?;
    args.serving.run(&args.listen, endpoint, shared, |secured, stop, number| {
        session(args, &keeper, budget.as_ref(), secured, stop, number)
    })
}

/// Keeps what we bring as it should be now: a list is read again, through the gate, once it or a
/// suppression list changed, or once the first consent on it has expired; a prepared set once it was
/// prepared again.
struct Keeper<'a> {
    args: &'a ServeArgs,
    shared: &'a Shared,
    current: Current,
}

enum Current {
    List(Mutex<Arc<Side>>),
    Prepared {
        /// What opens them.
        identity: Box<Identity>,
        /// By the fingerprint of the advertiser that each is for.
        sets: HashMap<String, Mutex<Held>>,
    },
}

/// A prepared set, while nobody loads it again.
struct Held {
    name: PathBuf,
    side: Arc<Side>,
    /// What was wrong when it was last loaded, and with which files: those need no second look.
    failed: Option<(Stamps, String)>,
}

impl<'a> Keeper<'a> {
    fn new(args: &'a ServeArgs, shared: &'a Shared) -> Result<Keeper<'a>> {
        if let Some(path) = &args.path {
            let current = Current::List(Mutex::new(load(args, path, shared)?));
            return Ok(Keeper { args, shared, current });
        }
        let identity = Box::new(Identity::load(&args.keys.identity)?);
        let mut sets = HashMap::new();
        for name in &args.prepared.sets {
            let side = Side::prepared(name, &identity)?;
            let Side::Prepared { set, .. } = &side else { continue };
            let peer = set.counterparty().to_owned();
            let held = Held { name: name.clone(), side: Arc::new(side), failed: None };
            if sets.insert(peer, Mutex::new(held)).is_some() {
                let name = name.display();
                let what = format!("{name}: a second set for the same advertiser");
                return Err(Error::Misuse(what));
            }
        }
        Ok(Keeper { args, shared, current: Current::Prepared { identity, sets } })
    }

    /// What we bring to a session with this peer that begins now. Where it cannot be read again there
    /// is nothing: a consent that was withdrawn since must not be used. While a set is loaded, only
    /// the peer that it is for waits.
    fn for_peer(&self, peer: &str) -> Result<Arc<Side>> {
        match &self.current {
            Current::List(side) => {
                let mut side = side.lock().unwrap_or_else(PoisonError::into_inner);
                if let Some(path) = self.args.path.as_deref().filter(|_| side.is_stale()) {
                    *side = load(self.args, path, self.shared)?;
                    info!(elements = side.elements(), "list read again");
                }
                Ok(Arc::clone(&side))
            }
            Current::Prepared { identity, sets } => {
                let held = sets.get(peer).ok_or_else(|| none_for(peer))?;
                let mut held = held.lock().unwrap_or_else(PoisonError::into_inner);
                if held.side.is_stale() {
                    held.load_again(peer, identity)?;
                    info!(elements = held.side.elements(), "set loaded again");
                }
                Ok(Arc::clone(&held.side))
            }
        }
    }
}

impl Held {
    fn load_again(&mut self, peer: &str, identity: &Identity) -> Result<()> {
        let stamps = stamps(&self.name);
        if let Some((_, problem)) = self.failed.as_ref().filter(|(failed, _)| *failed == stamps) {
            return Err(Error::Consent(problem.clone()));
        }
        let loaded = Side::prepared(&self.name, identity).and_then(|side| match &side {
            Side::Prepared { set, .. } if set.counterparty() != peer => Err(none_for(peer)),
            _ => Ok(side),
        });
        match loaded {
            Ok(side) => {
                (self.side, self.failed) = (Arc::new(side), None);
                Ok(())
            }
            // What only this moment was wrong with is tried again.
            Err(error @ (Error::Io { .. } | Error::Interrupted)) => Err(error),
            Err(error) => {
                self.failed = Some((stamps, error.to_string()));
                Err(error)
            }
        }
    }
}

fn none_for(peer: &str) -> Error {
    Error::Misuse(format!("no set is prepared for {peer}"))
}

/// Lengths and times of a set's files.
type Stamps = [Option<(u64, SystemTime)>; 3];

fn stamps(name: &Path) -> Stamps {
    prepare::file_names(name).map(|path| {
        let metadata = fs::metadata(path).ok()?;
        Some((metadata.len(), metadata.modified().ok()?))
    })
}

fn load(args: &ServeArgs, path: &Path, shared: &Shared) -> Result<Arc<Side>> {
    let loaded = args.list.load(path, "platform", shared)?;
    let who = args.people.of(args.protocol.protocol, args.reveal, Party::Platform);
    let loaded = loaded.with_labels(args.label.as_deref())?.with_people(who)?;
    Ok(Arc::new(Side::List(Box::new(loaded))))
}

/// One session with one advertiser.
fn session(
    args: &ServeArgs,
    keeper: &Keeper<'_>,
    budget: Option<&Arc<Budget>>,
    secured: Secured,
    stop: &AtomicBool,
    number: u64,
) -> Result<()> {
    let (started, peer) = (Instant::now(), secured.peer.fingerprint());
    let Secured { link, binding, .. } = secured;
    let account = budget.map(|budget| budget.account(&peer));
    let begun = keeper.for_peer(&peer).and_then(|side| {
        let mut settings = Settings::new(Party::Platform);
        settings.reveal = args.reveal;
        settings.min_audience = Some(args.min_audience);
        settings.unit = args.people.unit();
        settings.max_elements = side.most(args.limits.max_elements);
        settings.engine = args.compute.engine();
        settings.channel_binding = binding;
        settings.peer = Some(peer.clone());
        settings.admission = account.clone().map(|account| account as Arc<dyn Admission>);
        args.protocol.apply(&mut settings);
        Ok((Session::new(settings, side.input())?, side))
    });
    let ((session, side), link) = or_decline(begun, link)?;
    let outcome = drive(session, link, args.limits.timing(), stop, &mut ())?;
    let seconds = started.elapsed().as_secs_f64();
    let (elements, withheld) = (outcome.terms.their_elements, outcome.answer.withheld);
    info!(session = number, elements, withheld, seconds, "matched");
    let noted = account.as_deref().map_or(Ok(()), |account| note(account, &side, &outcome));
    if let Some(folder) = &args.results {
        let mut report = Report::new(side.own(), &outcome);
        report.set_peer(peer);
        report.set_total(started.elapsed());
        if let Some(account) = &account {
            report.set_budget(account);
        }
        keep(folder, &side, &outcome, number, &report)?;
    }
    noted
}

/// Lets the budget compare what matched, where we learnt it.
fn note(account: &Account, side: &Side, outcome: &Outcome) -> Result<()> {
    let (Side::List(loaded), Some(matched)) = (side, &outcome.answer.matched) else {
        return Ok(());
    };
    if let Some(overlap) = account.note_matches(&loaded.list, matched)? {
        let percent = f64::from(overlap) / 10.0;
        info!(percent, "overlap with a list before");
    }
    Ok(())
}

/// Writes what the session gave us, before it counts as complete.
fn keep(folder: &Path, side: &Side, outcome: &Outcome, number: u64, report: &Report) -> Result<()> {
    let time = Timestamp::now().strftime("%Y%m%dT%H%M%SZ");
    let session = &outcome.terms.session_name()[..8];
    let name = |ending| -> PathBuf { folder.join(format!("{time}-{number}-{session}.{ending}")) };
    write_whole(&name("json"), report.to_json().as_bytes())?;
    match outcome.answer.matched {
        Some(_) => side.write_rows(Some(&Output::file(name("csv"))), outcome),
        None => Ok(()),
    }
}
