//! What a room brings to a session.

use std::sync::Arc;

use jiff::Timestamp;

use super::evidence::Channel;
use super::folder::{Owner, Room, Space};
use super::key::{AdvertiserKey, Dated, RoomKey};
use super::records::{Peer, Records, Remaining};
use super::refusal::Refusal;
use super::{LEAST_ENTRIES, MatchList, OptOut, Run};
use crate::consent::Purpose;
use crate::error::{Error, InputError, Result};
use crate::identifier::Profile;
use crate::protocol::{Input, Party, ProtocolName, Reveal};
use crate::session::{Session, Settings};

/// A room's list and keys for one session with one counterparty.
#[derive(Clone, Debug)]
pub struct Side {
    pub(crate) list: Arc<MatchList>,
    pub(crate) keys: Arc<Keys>,
    pub(crate) records: Arc<Records>,
    pub(crate) peer: Peer,
    pub(crate) now: Timestamp,
    /// What became of the list where opt-outs are taken out of a match.
    pub(crate) opt_out: Option<OptOut>,
}

/// The keys of one room.
#[derive(Debug)]
pub(crate) enum Keys {
    Advertiser { ka: Dated<AdvertiserKey>, run: Run },
    Publisher(Space),
}

impl Side {
    /// The advertiser's room, over a network. `peer` is what stands for the publisher in the room's records,
    /// always the same: the fingerprint of its identity.
    ///
    /// # Errors
    /// [`Error::Declined`], which names what the peer may be told, for [`Error::Key`] of a key that expired or
    /// cannot be read; for [`Error::Input`] of fewer than 1,000 entries, of a list that differs in fewer than
    /// 50 from one of the last 30 days, and of opt-outs without a match, or twice a day; for
    /// [`Error::Record`], also where the room matched within one process in the last 30 days. [`Error::Misuse`] for another profile or purpose than PAIR's; [`Error::Io`].
    pub fn advertiser(
        room: &Room,
        peer: &str,
        list: Arc<MatchList>,
        run: Run,
        now: Timestamp,
    ) -> Result<Side> {
        Side::of_advertiser(room, Peer::over_network(peer), list, run, now)
    }

    /// The publisher's room, over a network. Whether the session is a match or takes out opt-outs, the
    /// advertiser says.
    ///
    /// # Errors
    /// Those of [`advertiser`](Self::advertiser); the list is judged once the advertiser has said.
    pub fn publisher(
        room: &Room,
        peer: &str,
        list: Arc<MatchList>,
        now: Timestamp,
    ) -> Result<Side> {
        Side::of_publisher(room, Peer::over_network(peer), list, now)
    }

    /// Both rooms within one process, the advertiser's first. Each calls the other by the identifier of its
    /// room.
    ///
    /// # Errors
    /// Those of [`advertiser`](Self::advertiser), where the rooms matched over a network.
    pub fn both(
        [advertiser, publisher]: [&Room; 2],
        [ours, theirs]: [Arc<MatchList>; 2],
        run: Run,
        now: Timestamp,
    ) -> Result<[Side; 2]> {
        let peer = |room: &Room| Peer { name: room_name(room), channel: Channel::OneProcess };
        Ok([
            Side::of_advertiser(advertiser, peer(publisher), ours, run, now)?,
            Side::of_publisher(publisher, peer(advertiser), theirs, now)?,
        ])
    }

    fn of_advertiser(
        room: &Room,
        peer: Peer,
        list: Arc<MatchList>,
        run: Run,
        now: Timestamp,
    ) -> Result<Side> {
        let ka = usable(room.advertiser_key(), Owner::Advertiser)?;
        valid(&ka, Owner::Advertiser, now)?;
        let mut side = Side::new(room, peer, list, Keys::Advertiser { ka, run }, now)?;
        side.begin(run)?;
        Ok(side)
    }

    fn of_publisher(room: &Room, peer: Peer, list: Arc<MatchList>, now: Timestamp) -> Result<Side> {
        let space = usable(room.space(), Owner::Publisher)?;
        valid(&space.ks, Owner::Publisher, now)?;
        valid(&space.kp, Owner::Publisher, now)?;
        Side::new(room, peer, list, Keys::Publisher(space), now)
    }

    fn new(
        room: &Room,
        peer: Peer,
        list: Arc<MatchList>,
        keys: Keys,
        now: Timestamp,
    ) -> Result<Side> {
        check(&list, room.owner())?;
        room.records().expect_channel(peer.channel, now)?;
        let (records, keys) = (Arc::clone(room.records()), Arc::new(keys));
        Ok(Side { list, keys, records, peer, now, opt_out: None })
    }

    /// Once it is known what the session is for: a list that is matched is judged, and of one that opt-outs
    /// are taken out of only what stood in the match stays.
    pub(crate) fn begin(&mut self, run: Run) -> Result<()> {
        match run {
            Run::Match => self.records.check(&self.peer, &self.list, self.now),
            Run::OptOut => {
                let Remaining { distinct, opt_out } =
                    self.records.remaining(&self.peer, &self.list, self.now)?;
                self.list = Arc::new(self.list.only(distinct));
                self.opt_out = Some(opt_out);
                check(&self.list, self.owner())
            }
        }
    }

    /// Whose room it is.
    pub fn owner(&self) -> Owner {
        match *self.keys {
            Keys::Advertiser { .. } => Owner::Advertiser,
            Keys::Publisher(_) => Owner::Publisher,
        }
    }

    /// The party that it is.
    pub fn party(&self) -> Party {
        match *self.keys {
            Keys::Advertiser { .. } => Party::Advertiser,
            Keys::Publisher(_) => Party::Platform,
        }
    }

    /// A session, with what else `change` sets: the channel's binding, limits, the engine.
    ///
    /// # Errors
    /// Those of [`Session::new`].
    pub fn session(self, change: impl FnOnce(&mut Settings)) -> Result<Session> {
        let mut settings = Settings::new(self.party());
        change(&mut settings);
        settings.protocol = ProtocolName::Pair;
        settings.reveal = Reveal::Advertiser;
        settings.min_audience = None;
        Session::new(settings, Input::from(self))
    }
}

impl Peer {
    fn over_network(fingerprint: &str) -> Peer {
        Peer { name: fingerprint.to_owned(), channel: Channel::Tls }
    }
}

/// What a room is called within one process: nothing that a fingerprint could be.
fn room_name(room: &Room) -> String {
    format!("room {}", room.id())
}

fn usable<T>(keys: Result<T>, owner: Owner) -> Result<T> {
    keys.map_err(|error| Refusal::Room.of(owner, error))
}

fn valid<K: RoomKey>(key: &Dated<K>, owner: Owner, now: Timestamp) -> Result<()> {
    key.check(now).map_err(|error| Refusal::Key.of(owner, error))
}

/// What the standard asks of a list before it is matched.
fn check(list: &MatchList, owner: Owner) -> Result<()> {
    let (profile, purpose) = (list.list().profile(), list.list().purpose());
    if profile != Profile::Pair {
        return Err(Error::Misuse(format!("PAIR normalises with the profile pair, not {profile}")));
    }
    if purpose != Purpose::TARGETED_ADVERTISING {
        let (ours, theirs) = (Purpose::TARGETED_ADVERTISING.name(), purpose.name());
        return Err(Error::Misuse(format!("PAIR is for {ours}, not {theirs}")));
    }
    let (entries, rows) = (list.len() as u64, list.rows());
    if entries.min(rows) < LEAST_ENTRIES {
        let few = match entries < LEAST_ENTRIES {
            true => format!("{entries} entries passed the consent gate"),
            false => format!("the entries that passed the consent gate stand in {rows} rows"),
        };
        let problem = format!("{few}, and PAIR takes lists of {LEAST_ENTRIES} or more");
        let error = InputError::List { list: "our list".into(), problem }.into();
        return Err(Refusal::Minimum.of(owner, error));
    }
    Ok(())
}
