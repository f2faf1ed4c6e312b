//! `blindmatch connect`: the advertiser's side, over the network.

use std::time::Instant;

use blindmatch::protocol::Party;
use blindmatch::report::Report;
use blindmatch::session::{Session, Settings};
use blindmatch::sketch::SketchKey;
use blindmatch::transport::drive;
use blindmatch::transport::identity::Identity;
use blindmatch::{Error, Result};

use super::Shared;
use super::args::ConnectArgs;
use super::lists::Side;
use super::output::{self, Files};
use super::protocols::Columns;

pub fn run(args: &ConnectArgs, shared: &Shared) -> Result<()> {
    let started = Instant::now();
    let columns = Columns { label: None, value: Some(args.value.as_deref()) };
    let least = args.min_audience.unwrap_or(0);
    args.protocol.check(args.reveal, least, columns)?;
    let (protocol, us) = (args.protocol.protocol, Party::Advertiser);
    args.people.check(protocol, args.reveal, least, &[us])?;
    let (to, format) = (args.output.output.as_deref(), args.output.output_format);
    let to = output::destination(to, format)?;
    if to.is_some() && !args.protocol.gives_rows_to(args.reveal, Party::Advertiser) {
        let (protocol, reveal) = (args.protocol.protocol, args.reveal);
        let what = match protocol.is_aggregate() {
            true => format!("--protocol {protocol}"),
            false => format!("--reveal {reveal}"),
        };
        return Err(Error::Misuse(format!("{what} gives us no rows: leave out --output")));
    }
    let lists = args.list.files(&args.path);
    let by_column = args.people.read_twice(protocol, args.reveal, us);
    let people = by_column.then_some(args.path.as_path());
    let valued = args.value.as_ref().map(|_| args.path.as_path());
    Files {
        read: lists.chain(args.keys.files()).collect(),
        read_twice: args
            .output
            .output
            .iter()
            .map(|_| args.path.as_path())
            .chain(valued)
            .chain(people)
            .collect(),
        written: args.output.files().collect(),
        ..Files::default()
    }
    .check()?;
    let endpoint = args.keys.endpoint()?;
    let ours = args.list.load(&args.path, "advertiser", shared)?;
    let ours = ours.with_people(args.people.of(protocol, args.reveal, us))?;
    let ours = Side::List(Box::new(ours.with_values(args.value.as_deref())?));

    let secured = endpoint.connect(&args.peer, &shared.stop)?;
    let peer = secured.peer.fingerprint();
    let mut settings = Settings::new(Party::Advertiser);
    settings.reveal = args.reveal;
    settings.min_audience = args.min_audience;
    settings.unit = args.people.unit();
    settings.max_elements = args.limits.max_elements;
    settings.engine = args.compute.engine();
    settings.channel_binding = secured.binding;
    settings.peer = Some(peer.clone());
    if args.sketch {
        let identity = Identity::load(&args.keys.identity)?;
        settings.sketch_key = Some(SketchKey::derive(&identity, &peer));
    }
    args.protocol.apply(&mut settings);
    let session = Session::new(settings, ours.input())?;
    let mut bar = shared.bars.session("advertiser");
    let outcome = drive(session, secured.link, args.limits.timing(), &shared.stop, &mut bar)?;
    drop(bar);

    let writing = Instant::now();
    let written = ours.write_rows(to.as_ref(), &outcome);
    let mut report = Report::new(ours.own(), &outcome);
    report.set_peer(peer);
    report.add_phase("read", ours.took());
    report.add_phase("write", writing.elapsed());
    report.set_total(started.elapsed());
    let (path, stdout_taken) = (args.output.report.as_deref(), args.output.uses_stdout());
    output::publish(&report, &report.to_json(), path, stdout_taken, shared)?;
    written
}
