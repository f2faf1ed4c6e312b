//! `blindmatch match`: both sides in one process, through the real protocol.

use std::path::PathBuf;
use std::thread;
use std::time::Instant;

use blindmatch::error::PeerFault;
use blindmatch::list::Output;
use blindmatch::protocol::{Party, Reveal};
use blindmatch::report::Report;
use blindmatch::session::{Outcome, Session, Settings};
use blindmatch::transport::identity::Identity;
use blindmatch::transport::{Link, Timing, drive, memory};
use blindmatch::{Error, Result};

use super::Shared;
use super::args::MatchArgs;
use super::lists::Side;
use super::output::{self, Files};
use super::protocols::Columns;

pub fn run(args: &MatchArgs, shared: &Shared) -> Result<()> {
    let started = Instant::now();
    let (label, value) = (Some(args.label.as_deref()), Some(args.value.as_deref()));
    args.protocol.check(args.reveal, args.min_audience, Columns { label, value })?;
    args.protocol.check_prepared(&args.prepared)?;
    let (protocol, parties) = (args.protocol.protocol, [Party::Advertiser, Party::Platform]);
    args.people.check(protocol, args.reveal, args.min_audience, &parties)?;
    let to = destinations(args)?;
    files(args).check()?;
    let advertiser = args.list.load(&args.advertiser, Party::Advertiser.name(), shared)?;
    let who = args.people.of(protocol, args.reveal, Party::Advertiser);
    let advertiser = advertiser.with_people(who)?.with_values(args.value.as_deref())?;
    let advertiser = Side::List(Box::new(advertiser));
    let platform = platform(args, shared)?;

    let [link, peer] = memory::pair();
    let (ours, theirs) = thread::scope(|scope| {
        let other = scope.spawn(|| side(args, Party::Platform, &platform, peer, shared));
        let ours = side(args, Party::Advertiser, &advertiser, link, shared);
        (ours, other.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
    });
    let (ours, theirs) = both(ours, theirs)?;

    let writing = Instant::now();
    let written = advertiser
        .write_rows(to.advertiser.as_ref(), &ours)
        .and(platform.write_rows(to.platform.as_ref(), &theirs));
    let wrote = writing.elapsed();

    let report = Report::new(advertiser.own(), &ours);
    let mut report = report.with_other_side(platform.own(), &theirs);
    report.add_phase("read", advertiser.took() + platform.took());
    report.add_phase("write", wrote);
    report.set_total(started.elapsed());
    let (path, stdout_taken) = (args.output.report.as_deref(), args.output.uses_stdout());
    output::publish(&report, &report.to_json(), path, stdout_taken, shared)?;
    written
}

/// The platform's list, or the set that was made of it.
fn platform(args: &MatchArgs, shared: &Shared) -> Result<Side> {
    match (&args.platform, &args.prepared.sets[..]) {
        (Some(path), []) => {
            let loaded = args.list.load(path, Party::Platform.name(), shared)?;
            let who = args.people.of(args.protocol.protocol, args.reveal, Party::Platform);
            let loaded = loaded.with_labels(args.label.as_deref())?.with_people(who)?;
            Ok(Side::List(Box::new(loaded)))
        }
        (None, [name]) => {
            let Some(identity) = &args.identity else {
                let what = "--prepared needs the platform's --identity, which opens its key";
                return Err(Error::Misuse(what.into()));
            };
            Side::prepared(name, &Identity::load(identity)?)
        }
        _ => Err(Error::Misuse("give either --platform or one --prepared".into())),
    }
}

fn files(args: &MatchArgs) -> Files<'_> {
    let platform = args.platform.as_deref();
    let receivers =
        [(Party::Advertiser, Some(args.advertiser.as_path())), (Party::Platform, platform)];
    let writes = args.output.output.is_some() || args.platform_output.is_some();
    let gives = |party| args.protocol.gives_rows_to(args.reveal, party);
    let people = |party| args.people.read_twice(args.protocol.protocol, args.reveal, party);
    let twice =
        receivers.into_iter().filter(|(party, _)| writes && gives(*party) || people(*party));
    let labelled = args.label.as_ref().and(platform);
    let valued = args.value.as_ref().map(|_| args.advertiser.as_path());
    Files {
        read: args.list.files(&args.advertiser).chain(platform).collect(),
        read_twice: twice.filter_map(|(_, path)| path).chain(labelled).chain(valued).collect(),
        written: args.output.files().chain(args.platform_output.as_deref()).collect(),
        ..Files::default()
    }
}

/// Where each side's matched rows go.
#[derive(Default)]
struct Destinations {
    advertiser: Option<Output>,
    platform: Option<Output>,
}

/// `--output` is the receiver's; where both receive, the advertiser's.
fn destinations(args: &MatchArgs) -> Result<Destinations> {
    let of =
        |path: &Option<PathBuf>| output::destination(path.as_deref(), args.output.output_format);
    let (output, second) = (of(&args.output.output)?, of(&args.platform_output)?);
    let protocol = args.protocol.protocol;
    if protocol.is_aggregate() && (output.is_some() || second.is_some()) {
        let flag = if output.is_some() { "--output" } else { "--platform-output" };
        return Err(Error::Misuse(format!(
            "--protocol {protocol} gives nobody rows: leave out {flag}"
        )));
    }
    if second.is_some() && args.reveal != Reveal::Both {
        return Err(Error::Misuse("--platform-output goes with --reveal both".into()));
    }
    match args.reveal {
        Reveal::Both => Ok(Destinations { advertiser: output, platform: second }),
        Reveal::Platform => Ok(Destinations { platform: output, ..Destinations::default() }),
        Reveal::Advertiser => Ok(Destinations { advertiser: output, ..Destinations::default() }),
        Reveal::Count if output.is_some() => {
            Err(Error::Misuse("--reveal count gives nobody rows: leave out --output".into()))
        }
        Reveal::Count => Ok(Destinations::default()),
    }
}

fn side(
    args: &MatchArgs,
    party: Party,
    brought: &Side,
    link: Link,
    shared: &Shared,
) -> Result<Outcome> {
    let mut settings = Settings::new(party);
    settings.reveal = args.reveal;
    settings.min_audience = Some(args.min_audience);
    settings.unit = args.people.unit();
    settings.max_elements = brought.most(u32::MAX.into());
    settings.engine = args.compute.engine();
    args.protocol.apply(&mut settings);
    let session = Session::new(settings, brought.input())?;
    let mut bar = shared.bars.session(party.name());
    drive(session, link, Timing::unlimited(), &shared.stop, &mut bar)
}

/// Both outcomes, or the error that came first: the other side's is an echo of it.
fn both(ours: Result<Outcome>, theirs: Result<Outcome>) -> Result<(Outcome, Outcome)> {
    match (ours, theirs) {
        (Ok(ours), Ok(theirs)) => Ok((ours, theirs)),
        (Err(Error::Peer(PeerFault::Aborted(_) | PeerFault::HungUp(_))), Err(error))
        | (Err(error), _)
        | (_, Err(error)) => Err(error),
    }
}
