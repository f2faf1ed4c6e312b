//! `blindmatch serve`: the platform's side, for many advertisers.

use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use blindmatch::list::Output;
use blindmatch::protocol::Party;
use blindmatch::report::Report;
use blindmatch::server::{Options, Server};
use blindmatch::session::{Outcome, Session, Settings};
use blindmatch::transport::tls::Secured;
use blindmatch::transport::{Link, drive};
use blindmatch::{Error, Result, write_whole};
use jiff::Timestamp;
use tracing::info;

use super::args::ServeArgs;
use super::lists::Loaded;
use super::{Shared, output};

pub fn run(args: &ServeArgs, shared: &Shared) -> Result<()> {
    args.protocol.check(args.reveal, args.min_audience, Some(args.label.as_deref()))?;
    if args.reveal.gives_matches_to(Party::Platform) && args.results.is_none() {
        let reveal = args.reveal;
        return Err(Error::Misuse(format!(
            "--reveal {reveal} gives us matched rows: say where they go with --results DIR"
        )));
    }
    if args.list.files(&args.path).any(output::is_dash) {
        return Err(Error::Misuse(
            "a server reads its lists again when they change: name files, not `-`".into(),
        ));
    }
    if let Some(folder) = &args.results {
        let made = std::fs::create_dir_all(folder);
        made.map_err(Error::io(format!("making the folder {}", folder.display())))?;
        output::try_to_write(folder)?;
    }
    let endpoint = args.keys.endpoint()?;
    let keeper = Keeper { args, shared, current: Mutex::new(Arc::new(load(args, shared)?)) };
    let mut options = Options::default();
    options.max_sessions = args.max_sessions as usize;
    options.sessions = args.sessions.map(u64::from);
    options.grace = args.grace;
    let server = Server::bind(&args.listen, endpoint, options)?;
    if !shared.quiet {
        shared.bars.print(&format!("listening on {}", server.local_addr()), false);
    }
    let served = server.run(&shared.shutdown, |secured: Secured, stop: &AtomicBool, number| {
        session(args, &keeper, secured, stop, number)
    })?;
    if !shared.quiet {
        let (begun, failed) = (served.begun, served.failed);
        shared.bars.print(&format!("sessions: {begun}, of which failed: {failed}"), false);
    }
    Ok(())
}

fn load(args: &ServeArgs, shared: &Shared) -> Result<Loaded> {
    args.list.load(&args.path, "platform", shared)?.with_labels(args.label.as_deref())
}

/// Keeps the list as it should be now: the file is read again, through the gate, once it or a
/// suppression list changed, or once the first consent on it has expired.
struct Keeper<'a> {
    args: &'a ServeArgs,
    shared: &'a Shared,
    current: Mutex<Arc<Loaded>>,
}

impl Keeper<'_> {
    /// The list for a session that begins now. Where it cannot be read again there is none: a
    /// consent that was withdrawn since must not be used.
    fn list(&self) -> Result<Arc<Loaded>> {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        if current.is_stale() {
            *current = Arc::new(load(self.args, self.shared)?);
            info!(elements = current.list.len(), "list read again");
        }
        Ok(Arc::clone(&current))
    }
}

/// One session with one advertiser.
fn session(
    args: &ServeArgs,
    keeper: &Keeper<'_>,
    secured: Secured,
    stop: &AtomicBool,
    number: u64,
) -> Result<()> {
    let (started, peer) = (Instant::now(), secured.peer.fingerprint());
    let Secured { mut link, binding, .. } = secured;
    let begun = keeper.list().and_then(|loaded| {
        let mut settings = Settings::new(Party::Platform);
        settings.reveal = args.reveal;
        settings.min_audience = Some(args.min_audience);
        settings.max_elements = args.limits.max_elements;
        settings.engine = args.compute.engine();
        settings.channel_binding = binding;
        args.protocol.apply(&mut settings);
        Ok((Session::new(settings, loaded.input())?, loaded))
    });
    let (session, loaded) = begun.inspect_err(|error| apologise(&mut link, error))?;
    let outcome = drive(session, link, args.limits.timing(), stop, &mut ())?;
    let seconds = started.elapsed().as_secs_f64();
    let (elements, withheld) = (outcome.terms.their_elements, outcome.answer.withheld);
    info!(session = number, elements, withheld, seconds, "matched");
    match &args.results {
        None => Ok(()),
        Some(folder) => keep(folder, &loaded, &outcome, number, peer, started),
    }
}

/// Tells a peer that the trouble is ours. It may not listen; then it finds the line closed.
fn apologise(link: &mut Link, error: &Error) {
    if let Some(abort) = Session::abort(error) {
        let _ = link.writer.write_all(&abort).and_then(|()| link.writer.flush());
    }
}

/// Writes what the session gave us, before it counts as complete.
fn keep(
    folder: &Path,
    loaded: &Loaded,
    outcome: &Outcome,
    number: u64,
    peer: String,
    started: Instant,
) -> Result<()> {
    let time = Timestamp::now().strftime("%Y%m%dT%H%M%SZ");
    let session = &outcome.terms.session_name()[..8];
    let name = |ending| -> PathBuf { folder.join(format!("{time}-{number}-{session}.{ending}")) };
    let mut report = Report::new(&loaded.list, outcome);
    report.set_peer(peer);
    report.set_total(started.elapsed());
    write_whole(&name("json"), report.to_json().as_bytes())?;
    match outcome.answer.matched {
        Some(_) => output::write_rows(Some(&Output::file(name("csv"))), loaded, outcome),
        None => Ok(()),
    }
}
