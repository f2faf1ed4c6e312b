//! Sessions: the two rooms over the network, or in one process.

use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, PoisonError};

use blindmatch::pair::evidence::{Channel, Evidence};
use blindmatch::pair::files::{MatchedIds, adv_pub_id};
use blindmatch::pair::folder::{Owner, Room};
use blindmatch::pair::refusal::Refusal;
use blindmatch::pair::{Run, Side};
use blindmatch::protocol::PairAnswer;
use blindmatch::session::{self, Outcome, Settings};
use blindmatch::transport::tls::Secured;
use blindmatch::transport::{drive, or_decline};
use blindmatch::{Error, Result, write_whole};
use jiff::Timestamp;
use tracing::info;

use super::super::output::{Dash, Files};
use super::super::serving;
use super::lists::Ready;
use super::{ConnectArgs, MatchArgs, OutputArgs, ServeArgs, Shared, WhatArgs};

pub fn connect(args: &ConnectArgs, shared: &Shared) -> Result<()> {
    Files {
        read: args.list.files(&args.path).chain(args.keys.files()).collect(),
        written: args.output.files().collect(),
        dash: Dash::Refused,
        ..Files::default()
    }
    .check()?;
    let endpoint = args.keys.endpoint()?;
    let room = open(&args.room.room, Owner::Advertiser)?;
    let ours = Ready::read(&args.list, &args.path, "advertiser", shared)?;

    let Secured { peer, link, binding, .. } = endpoint.connect(&args.peer, &shared.stop)?;
    let (peer, now) = (peer.fingerprint(), Timestamp::now());
    let side = Side::advertiser(&room, &peer, Arc::clone(&ours.matched), args.what.run(), now);
    let session = side.and_then(|side| {
        side.session(|settings| {
            settings.max_elements = args.limits.max_elements;
            settings.engine = args.compute.engine();
            settings.channel_binding = binding;
        })
    });
    let (session, link) = or_decline(session, link)?;
    let mut bar = shared.bars.session("advertiser");
    let outcome = drive(session, link, args.limits.timing(), &shared.stop, &mut bar)?;
    drop(bar);
    let relation = adv_pub_id(&endpoint.ours().fingerprint(), &peer);
    let evidence = ours.evidence(&outcome, [&relation, &peer], now, Channel::Tls);
    args.output.write(&outcome, &relation, &evidence, shared)
}

pub fn match_here(args: &MatchArgs, shared: &Shared) -> Result<()> {
    let lists = args.list.files(&args.advertiser).chain([args.publisher.as_path()]);
    let evidence = args.publisher_evidence.iter().map(PathBuf::as_path);
    Files {
        read: lists.collect(),
        written: args.output.files().chain(evidence).collect(),
        dash: Dash::Refused,
        ..Files::default()
    }
    .check()?;
    let advertiser = open(&args.advertiser_room, Owner::Advertiser)?;
    let publisher = open(&args.publisher_room, Owner::Publisher)?;
    let ours = Ready::read(&args.list, &args.advertiser, "advertiser", shared)?;
    let theirs = Ready::read(&args.list, &args.publisher, "publisher", shared)?;

    let now = Timestamp::now();
    let (rooms, run) = ([&advertiser, &publisher], args.what.run());
    let lists = [&ours, &theirs].map(|ready| Arc::clone(&ready.matched));
    let engine = args.compute.engine();
    let [one, other] = Side::both(rooms, lists, run, now)?;
    let settings = |settings: &mut Settings| settings.engine = engine;
    let sides = [one.session(settings)?, other.session(settings)?];
    let [outcome, other] = session::in_turn(sides, &shared.stop)?;
    let [here, there] = rooms.map(|room| format!("room {} of this machine", room.id()));
    let relation = adv_pub_id(advertiser.id(), publisher.id());
    if let Some(path) = &args.publisher_evidence {
        let facts = [relation.as_str(), &here];
        let evidence = theirs.evidence(&other, facts, now, Channel::OneProcess);
        write_whole(path, evidence.to_string().as_bytes())?;
    }
    if !shared.quiet {
        tell_rate("publisher", answer(&other), shared);
    }
    let evidence = ours.evidence(&outcome, [&relation, &there], now, Channel::OneProcess);
    args.output.write(&outcome, &relation, &evidence, shared)
}

pub fn serve(args: &ServeArgs, shared: &Shared) -> Result<()> {
    serving::check(args.list.files(&args.path), args.results.as_deref())?;
    let endpoint = args.keys.endpoint()?;
    let ours = endpoint.ours().fingerprint();
    let room = open(&args.room.room, Owner::Publisher)?;
    let space = room.space()?; // expired keys are an error now, not at the first session
    let now = Timestamp::now();
    space.ks.check(now).and_then(|()| space.kp.check(now))?;
    let list = Mutex::new(Arc::new(Ready::read(&args.list, &args.path, "publisher", shared)?));
    let desk = Desk { args, shared, room, ours, list };
    args.serving.run(&args.listen, endpoint, shared, |secured, stop, number| {
        desk.session(secured, stop, number)
    })
}

/// What every session of a publisher's room needs.
struct Desk<'a> {
    args: &'a ServeArgs,
    shared: &'a Shared,
    room: Room,
    /// The fingerprint of our identity.
    ours: String,
    list: Mutex<Arc<Ready>>,
}

impl Desk<'_> {
    /// The list as it is now, read again through the gate where it changed or a consent expired.
    fn list(&self) -> Result<Arc<Ready>> {
        let mut list = self.list.lock().unwrap_or_else(PoisonError::into_inner);
        if list.loaded.is_stale() {
            let (args, path) = (&self.args.list, &self.args.path);
            *list = Arc::new(Ready::read(args, path, "publisher", self.shared)?);
            info!(elements = list.matched.len(), "list read again");
        }
        Ok(Arc::clone(&list))
    }

    /// One session with one advertiser's room. Keys are read anew: they may have been rotated.
    fn session(&self, secured: Secured, stop: &AtomicBool, number: u64) -> Result<()> {
        let (peer, now) = (secured.peer.fingerprint(), Timestamp::now());
        let Secured { link, binding, .. } = secured;
        let list = self.list().map_err(|error| Refusal::List.of(Owner::Publisher, error));
        let begun = list.and_then(|ready| {
            let side = Side::publisher(&self.room, &peer, Arc::clone(&ready.matched), now)?;
            let session = side.session(|settings| {
                settings.max_elements = self.args.limits.max_elements;
                settings.engine = self.args.compute.engine();
                settings.channel_binding = binding;
                settings.peer = Some(peer.clone());
            })?;
            Ok((session, ready))
        });
        let ((session, ready), link) = or_decline(begun, link)?;
        let outcome = drive(session, link, self.args.limits.timing(), stop, &mut ())?;
        let answer = answer(&outcome);
        let rate = answer.rate.map_or("not told".to_owned(), |rate| rate.to_string());
        info!(session = number, run = answer.run.name(), rate, "matched");
        let Some(folder) = &self.args.results else { return Ok(()) };
        let relation = adv_pub_id(&peer, &self.ours);
        let evidence = ready.evidence(&outcome, [&relation, &peer], now, Channel::Tls);
        let time = now.strftime("%Y%m%dT%H%M%SZ");
        let name = &outcome.terms.session_name()[..8];
        let file = |ending| folder.join(format!("{time}-{number}-{name}.{ending}"));
        write_whole(&file("rate.txt"), format!("{rate}\n").as_bytes())?;
        write_whole(&file("evidence.md"), evidence.to_string().as_bytes())
    }
}

impl WhatArgs {
    fn run(&self) -> Run {
        if self.opt_out { Run::OptOut } else { Run::Match }
    }
}

impl OutputArgs {
    fn files(&self) -> impl Iterator<Item = &Path> {
        [Some(&self.ids), self.evidence.as_ref()].into_iter().flatten().map(PathBuf::as_path)
    }

    /// Writes what the advertiser's room got, and tells the rate.
    fn write(
        &self,
        outcome: &Outcome,
        relation: &str,
        evidence: &Evidence,
        shared: &Shared,
    ) -> Result<()> {
        let answer = answer(outcome);
        let (ids, expires) = (answer.publisher_ids.clone().unwrap_or_default(), answer.expires);
        MatchedIds { ids, adv_pub_id: relation.to_owned(), expires }.write(&self.ids)?;
        if let Some(path) = &self.evidence {
            write_whole(path, evidence.to_string().as_bytes())?;
        }
        if !shared.quiet {
            tell_rate("advertiser", answer, shared);
            let ids = self.ids.display();
            shared
                .bars
                .print(&format!("{ids}: Publisher Identifiers, valid until {expires}"), false);
        }
        Ok(())
    }
}

fn tell_rate(who: &str, answer: &PairAnswer, shared: &Shared) {
    let rate = answer.rate.map_or("not told after opt-outs".to_owned(), |rate| rate.to_string());
    shared.bars.print(&format!("match rate of the {who}: {rate}"), false);
}

fn answer(outcome: &Outcome) -> &PairAnswer {
    outcome.answer.pair.as_deref().expect("a session of PAIR has one")
}

/// The room, if it is the right one.
fn open(folder: &Path, owner: Owner) -> Result<Room> {
    let room = Room::open(folder)?;
    if room.owner() == owner {
        return Ok(room);
    }
    let (is, wanted) = (room.owner().name(), owner.name());
    let problem = format!("is the {is}'s room, and this takes the {wanted}'s");
    Err(Error::Key { place: folder.display().to_string(), problem })
}
