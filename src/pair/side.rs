//! What a room brings to a session.

use std::sync::Arc;

use jiff::Timestamp;

use super::folder::{Room, Space};
use super::key::{AdvertiserKey, Dated};
use super::records::Records;
use super::{LEAST_ENTRIES, MatchList, Run};
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
    /// What the records call the counterparty.
    pub(crate) peer: String,
    pub(crate) now: Timestamp,
}

/// The keys of one room.
#[derive(Debug)]
pub(crate) enum Keys {
    Advertiser { ka: Dated<AdvertiserKey>, run: Run },
    Publisher(Space),
}

impl Side {
    /// The advertiser's room. `peer` is what stands for the publisher in the room's records, always the
    /// same: the fingerprint of its identity, or a name within one process.
    ///
    /// # Errors
    /// [`Error::Key`] for a key that expired or cannot be read; [`Error::Input`] for fewer than 1,000
    /// entries, and for a list that differs in fewer than 50 from one of the last 30 days;
    /// [`Error::Misuse`] for another profile or purpose than PAIR's; [`Error::Record`], [`Error::Io`].
    pub fn advertiser(
        room: &Room,
        peer: &str,
        list: Arc<MatchList>,
        run: Run,
        now: Timestamp,
    ) -> Result<Side> {
        let ka = room.advertiser_key()?;
        ka.check(now)?;
        Side::new(room, peer, list, Keys::Advertiser { ka, run }, run, now)
    }

    /// The publisher's room. Whether the session is a match or takes out opt-outs, the advertiser says.
    ///
    /// # Errors
    /// Those of [`advertiser`](Self::advertiser); the list is judged once the advertiser has said.
    pub fn publisher(
        room: &Room,
        peer: &str,
        list: Arc<MatchList>,
        now: Timestamp,
    ) -> Result<Side> {
        let space = room.space()?;
        space.ks.check(now)?;
        space.kp.check(now)?;
        check(&list)?;
        let (records, keys) = (Arc::clone(room.records()), Arc::new(Keys::Publisher(space)));
        Ok(Side { list, keys, records, peer: peer.to_owned(), now })
    }

    fn new(
        room: &Room,
        peer: &str,
        list: Arc<MatchList>,
        keys: Keys,
        run: Run,
        now: Timestamp,
    ) -> Result<Side> {
        check(&list)?;
        room.records().check(peer, &list, run, now)?;
        let records = Arc::clone(room.records());
        Ok(Side { list, keys: Arc::new(keys), records, peer: peer.to_owned(), now })
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

/// What the standard asks of a list before it is matched.
fn check(list: &MatchList) -> Result<()> {
    let (profile, purpose) = (list.list().profile(), list.list().purpose());
    if profile != Profile::Pair {
        return Err(Error::Misuse(format!("PAIR normalises with the profile pair, not {profile}")));
    }
    if purpose != Purpose::TARGETED_ADVERTISING {
        let (ours, theirs) = (Purpose::TARGETED_ADVERTISING.name(), purpose.name());
        return Err(Error::Misuse(format!("PAIR is for {ours}, not {theirs}")));
    }
    let entries = list.len() as u64;
    if entries < LEAST_ENTRIES {
        let problem = format!(
            "{entries} entries passed the consent gate, and PAIR takes lists of {LEAST_ENTRIES} or more"
        );
        return Err(InputError::List { list: "our list".into(), problem }.into());
    }
    Ok(())
}
